//! What kind of file it is, its pickle's value, and where the bytes of its tensors lie.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use super::machine::Machine;
use super::value::{Heap, Value, wrong};
use super::{LARGEST_PICKLE, TorchFileError};
use crate::core::formats::foreign;
use crate::core::formats::pieces;
use crate::core::formats::zip::{Directory, Entry, Method};

/// Where the storages lie.
#[derive(Debug)]
pub(super) enum Places {
    /// In an archive's files below this folder.
    Archive(String, Directory),
    /// At these places of a stream, by their keys.
    Stream(BTreeMap<Vec<u8>, Range<u64>>),
}

/// A file whose pickle was read.
pub(super) struct Opened {
    /// Bytes of the file.
    pub length: u64,
    pub heap: Heap,
    pub root: Value,
    pub places: Places,
}

/// Reads the pickle of an archive, of a stream, or one alone.
pub(super) fn open(from: &mut (impl Read + Seek)) -> Result<Opened, TorchFileError> {
    let io = |e: std::io::Error| TorchFileError::Io(e.to_string());
    let length = from.seek(SeekFrom::End(0)).map_err(io)?;
    from.rewind().map_err(io)?;
    let mut head = Vec::new();
    from.by_ref().take(foreign::HEAD).read_to_end(&mut head).map_err(io)?;
    if head.starts_with(b"PK") {
        return archive(from, length);
    }
    if let Some(what) = foreign::by_head(&head) {
        return Err(TorchFileError::Foreign(what));
    }
    if foreign::is_tar(&head) {
        from.rewind().map_err(io)?;
        return Err(TorchFileError::Foreign(foreign::in_tar(from)));
    }
    if !matches!(head.first(), Some(0x80 | b'(' | b'}' | b']' | b')' | b'c' | b'L')) {
        return Err(wrong("it is no file of PyTorch's"));
    }
    from.rewind().map_err(io)?;
    stream(from, length)
}

/// A small file of an archive, unpacked.
fn small(
    from: &mut (impl Read + Seek),
    directory: &Directory,
    (name, entry): (&str, &Entry),
) -> Result<Vec<u8>, TorchFileError> {
    let mut bytes = Vec::new();
    if entry.method == Method::Deflated {
        directory.unpack(from, entry, &mut |piece| bytes.extend_from_slice(piece))?;
        return Ok(bytes);
    }
    let range = directory.bytes_of(from, entry)?;
    bytes.reserve_exact(entry.size as usize);
    let found = pieces::read(from, &range, &mut |piece| bytes.extend_from_slice(piece));
    let found = found.map_err(|e| TorchFileError::Io(e.to_string()))?;
    if entry.crc32 != 0 && found != entry.crc32 {
        return Err(TorchFileError::Archive(format!("the checksum of {name} is wrong")));
    }
    Ok(bytes)
}

fn archive(from: &mut (impl Read + Seek), length: u64) -> Result<Opened, TorchFileError> {
    /// What a deflated pickle may unpack to, beyond the file's size.
    const ROOM: u64 = 8 << 20;
    let directory = Directory::read(from, length)?;
    let Some(folder) = directory.folder_of("data.pkl") else {
        return Err(match foreign::by_names(&mut directory.names()) {
            Some(what) => TorchFileError::Foreign(what),
            None => TorchFileError::Archive("it has no data.pkl".to_owned()),
        });
    };
    let mut small = |name: &str| {
        let Some(entry) = directory.find(&format!("{folder}{name}"))? else { return Ok(None) };
        if entry.size > LARGEST_PICKLE {
            return Err(TorchFileError::Pickle(format!(
                "its {name} is larger than {LARGEST_PICKLE} bytes, as large arrays of other libraries make it"
            )));
        }
        if entry.method == Method::Deflated && entry.size > length + ROOM {
            return Err(TorchFileError::Archive(format!("{name} unpacks to more than a file of its size may hold")));
        }
        small(from, &directory, (name, entry)).map(Some)
    };
    if small("byteorder")?.is_some_and(|order| order.trim_ascii() != b"little") {
        return Err(wrong("it was saved by a big-endian machine"));
    }
    let pickle = small("data.pkl")?.unwrap_or_default();
    let mut pickle = pickle.as_slice();
    // A deflated pickle may be larger than the file, which is what memory is measured by.
    let bytes = (pickle.len() as u64).min(length);
    let mut machine = Machine::new(&mut pickle, bytes);
    let root = machine.pickle()?;
    Ok(Opened { length, heap: machine.heap, root, places: Places::Archive(folder, directory) })
}

/// The number that a stream begins with, as protocol 2 writes it and as text.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
const MAGIC_TEXT: &[u8] = b"119547037146038801333356L";
/// The version of the stream, the only one there is.
const VERSION: Value = Value::Int(1001);

/// The older format: magic number, version, facts about the machine, the value, the keys of the storages, and the
/// storages in that order, each behind its count. Or a pickle alone.
fn stream(from: &mut (impl Read + Seek), length: u64) -> Result<Opened, TorchFileError> {
    let mut machine = Machine::new(from, length);
    let first = machine.pickle()?;
    let magic = matches!(first, Value::Long(span) if [&MAGIC[..], MAGIC_TEXT].contains(&machine.heap.raw(span)));
    if !magic {
        let places = Places::Stream(BTreeMap::new());
        return Ok(Opened { length, heap: machine.heap, root: first, places });
    }
    if machine.pickle()? != VERSION {
        return Err(wrong("it has an unknown version of PyTorch's older format"));
    }
    let about = machine.pickle()?;
    if machine.heap.entry(about, "little_endian") != Some(Value::Bool(true)) {
        return Err(wrong("it was saved by a big-endian machine"));
    }
    let root = machine.pickle()?;
    let keys = machine.pickle()?;
    let (at, mut heap) = (machine.position() as u64, machine.heap);
    let places = stored_in_order(from, at..length, &mut heap, keys)?;
    Ok(Opened { length, heap, root, places: Places::Stream(places) })
}

/// The places of a stream's storages, whose keys are listed in their order; `rest` are the bytes behind the pickles.
fn stored_in_order(
    from: &mut (impl Read + Seek),
    rest: Range<u64>,
    heap: &mut Heap,
    keys: Value,
) -> Result<BTreeMap<Vec<u8>, Range<u64>>, TorchFileError> {
    let io = |e: std::io::Error| TorchFileError::Io(e.to_string());
    let sizes: BTreeMap<Vec<u8>, usize> = heap.storages().map(|s| (heap.raw(s.key).to_vec(), s.holds.size())).collect();
    let mut at = rest.start;
    let mut places = BTreeMap::new();
    let count = heap.items(keys).map_or(0, <[Value]>::len);
    for i in 0..count {
        let Some(Value::Text(key)) = heap.items(keys).and_then(|k| k.get(i)).copied() else {
            return Err(wrong("it lists a storage without a name"));
        };
        let key = heap.raw(key).to_vec();
        let size = *sizes.get(&key).ok_or_else(|| wrong("it lists a storage that no tensor uses"))?;
        heap.budget.take(key.len() + 128)?;
        let mut counted = [0; 8];
        from.seek(SeekFrom::Start(at)).map_err(io)?;
        let early = |_| wrong("it ends too early; fetch the file again");
        from.read_exact(&mut counted).map_err(early)?;
        let bytes = u64::from_le_bytes(counted).checked_mul(size as u64);
        let start = at + 8;
        let end = bytes.and_then(|b| start.checked_add(b)).filter(|&end| end <= rest.end);
        at = end.ok_or_else(|| wrong("it ends too early; fetch the file again"))?;
        if places.insert(key, start..at).is_some() {
            return Err(wrong("it lists a storage twice"));
        }
    }
    Ok(places)
}
