//! A PyTorch file, open: its values at once, the bytes of its tensors when they are asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use super::machine::Machine;
use super::value::{Heap, Node, Storage, Value, View, wrong};
use super::{Dtype, Item, LARGEST_PICKLE, TorchFileError, items, tensors};
use crate::core::formats::pieces::{self, most_bytes};
use crate::core::formats::zip::Directory;

/// A file whose pickle was read.
#[derive(Debug)]
pub struct TorchFile<R> {
    from: R,
    length: u64,
    heap: Heap,
    root: Value,
    places: Places,
    /// Storages whose checksum was seen to be right.
    checked: BTreeSet<u64>,
    /// Bytes of values that may still be asked for: a file may name the same bytes any number of times.
    left: u64,
}

/// Where the storages lie.
#[derive(Debug)]
enum Places {
    /// In an archive's files below this folder.
    Archive(String, Directory),
    /// At these places of a stream, by their keys.
    Stream(BTreeMap<Vec<u8>, Range<u64>>),
}

/// A tensor that was not read.
#[derive(Clone, Debug)]
pub struct TensorEntry {
    /// The names that lead to it, with dots between them.
    pub key: String,
    /// Type of its values.
    pub dtype: Dtype,
    /// Shape.
    pub shape: Vec<usize>,
    value: Value,
}

/// The value of a whole file.
///
/// # Errors
/// [`TorchFileError`]; a name that runs code is told, and nothing is executed.
pub fn read(from: impl Read + Seek) -> Result<Item, TorchFileError> {
    TorchFile::open(from)?.item()
}

impl<R: Read + Seek> TorchFile<R> {
    /// Reads a file's pickle.
    ///
    /// # Errors
    /// [`TorchFileError`]; a name that runs code is told, and nothing is executed.
    pub fn open(mut from: R) -> Result<Self, TorchFileError> {
        let io = |e: std::io::Error| TorchFileError::Io(e.to_string());
        let length = from.seek(SeekFrom::End(0)).map_err(io)?;
        from.rewind().map_err(io)?;
        let mut head = Vec::new();
        from.by_ref().take(262).read_to_end(&mut head).map_err(io)?;
        let (heap, root, places) = if head.starts_with(b"PK") {
            archive(&mut from, length)?
        } else if head.get(257..) == Some(b"ustar") {
            let why = "it was saved by PyTorch before 0.1.10, as a tar archive; load it there and save it again";
            return Err(wrong(why));
        } else if matches!(head.first(), Some(0x80 | b'(' | b'}' | b']' | b'c' | b'L')) {
            from.rewind().map_err(io)?;
            stream(&mut from, length)?
        } else {
            return Err(wrong("it is no file of PyTorch's"));
        };
        Ok(Self { from, length, heap, root, places, checked: BTreeSet::new(), left: most_bytes(length) })
    }

    /// What is read from.
    #[must_use]
    pub fn source(&self) -> &R {
        &self.from
    }

    /// The file's value as plain data.
    ///
    /// # Errors
    /// [`TorchFileError`]: a class, a function or an object stands in place of a value; the values are more than a file
    /// of its size may stand for.
    pub fn item(&mut self) -> Result<Item, TorchFileError> {
        let Self { from, length, heap, root, places, checked, left } = self;
        let mut source = Source { from, length: *length, places, checked, left };
        let mut bytes = |view: &View, key: &[u8]| {
            let mut bytes = Vec::new();
            source.values(view, key, &mut |piece| bytes.extend_from_slice(piece))?;
            Ok(bytes)
        };
        items::item(heap, *root, &mut bytes)
    }

    /// The tensors by their keys, and notes of what was passed over.
    ///
    /// # Errors
    /// [`TorchFileError`]: a tensor reaches beyond the file's bytes, or there are too many.
    pub fn tensors(&mut self) -> Result<(Vec<TensorEntry>, Vec<String>), TorchFileError> {
        let found = tensors::tensors(&mut self.heap, self.root)?;
        let mut entries = Vec::with_capacity(found.found.len());
        let most = most_bytes(self.length) / 4;
        for (key, value) in found.found {
            let Some(Node::View(view)) = self.heap.node(value) else { continue };
            view.extent(most)?;
            entries.push(TensorEntry { key, dtype: view.dtype, shape: view.shape.clone(), value });
        }
        let named = |(place, class): &(String, String)| match place.as_str() {
            "" => class.clone(),
            place => format!("'{place}' ({class})"),
        };
        let mut names = found.skipped.iter().map(named).collect::<Vec<_>>().join(", ");
        if found.more_skipped > 0 {
            names.push_str(&format!(" and {} more", found.more_skipped));
        }
        let notes = if names.is_empty() { Vec::new() } else { vec![format!("passed over, no tensors: {names}")] };
        Ok((entries, notes))
    }

    /// Reads a tensor: its little-endian values in order, in pieces that end between two values.
    ///
    /// # Errors
    /// [`TorchFileError`]: the file is damaged or can't be read; the tensors that were read are more than a file of its
    /// size may stand for.
    pub fn read_tensor(&mut self, entry: &TensorEntry, into: &mut dyn FnMut(&[u8])) -> Result<(), TorchFileError> {
        let Some(Node::View(view)) = self.heap.node(entry.value) else { return Ok(()) };
        let Self { from, length, places, checked, left, .. } = self;
        let mut source = Source { from, length: *length, places, checked, left };
        source.values(view, self.heap.raw(view.storage.key), into)
    }

    /// The texts of the list under `key` of the dictionary that the file is.
    #[must_use]
    pub fn texts(&self, key: &str) -> Option<Vec<String>> {
        let list = self.heap.items(self.heap.entry(self.root, key)?)?;
        let texts: usize = list.iter().map(|v| if let Value::Text(span) = v { span.length as usize } else { 0 }).sum();
        // The same text may stand in the list any number of times.
        if texts as u64 > self.length {
            return None;
        }
        let text = |v: &Value| if let Value::Text(span) = v { Some(self.heap.text(*span).to_owned()) } else { None };
        list.iter().map(text).collect()
    }
}

/// Where the values of tensors come from.
struct Source<'a, R> {
    from: &'a mut R,
    length: u64,
    places: &'a Places,
    checked: &'a mut BTreeSet<u64>,
    left: &'a mut u64,
}

impl<R: Read + Seek> Source<'_, R> {
    fn values(&mut self, view: &View, key: &[u8], into: &mut dyn FnMut(&[u8])) -> Result<(), TorchFileError> {
        let extent = view.extent(most_bytes(self.length) / 4)?;
        let asked = extent.count as u64 * view.dtype.size().max(4) as u64;
        let large = || wrong("its tensors are too large for a file of its size");
        *self.left = self.left.checked_sub(asked).ok_or_else(large)?;
        let (stored, crc) = self.place(&view.storage, view.dtype, key)?;
        if extent.count == 0 {
            return Ok(());
        }
        let range = stored.start + extent.bytes.start..stored.start + extent.bytes.end;
        if extent.contiguous && range == stored {
            let found = self.pieces(&range, into)?;
            return self.check(&stored, crc, Some(found));
        }
        self.check(&stored, crc, None)?;
        if extent.contiguous {
            self.pieces(&range, into)?;
        } else {
            // No longer than the file.
            let mut held = Vec::with_capacity((range.end - range.start) as usize);
            self.pieces(&range, &mut |piece| held.extend_from_slice(piece))?;
            view.gather(&held, into);
        }
        Ok(())
    }

    fn pieces(&mut self, range: &Range<u64>, into: &mut dyn FnMut(&[u8])) -> Result<u32, TorchFileError> {
        pieces::read(self.from, range, into).map_err(|e| TorchFileError::Io(e.to_string()))
    }

    /// Compares a storage's checksum: the one that was found while it was read, or by reading it once.
    fn check(&mut self, stored: &Range<u64>, crc: u32, found: Option<u32>) -> Result<(), TorchFileError> {
        if crc == 0 || found.is_none() && self.checked.contains(&stored.start) {
            return Ok(());
        }
        let found = match found {
            Some(found) => found,
            None => self.pieces(stored, &mut |_| ())?,
        };
        if found != crc {
            return Err(TorchFileError::Archive("the checksum of a tensor is wrong".to_owned()));
        }
        self.checked.insert(stored.start);
        Ok(())
    }

    /// Where a storage lies, and its checksum (0 for none).
    fn place(&mut self, storage: &Storage, dtype: Dtype, key: &[u8]) -> Result<(Range<u64>, u32), TorchFileError> {
        let name = || String::from_utf8_lossy(key).chars().take(40).collect::<String>();
        let (range, crc) = match self.places {
            Places::Archive(folder, directory) => {
                let name = format!("{folder}data/{}", name());
                let missing = || TorchFileError::Archive(format!("it lacks the file {name}"));
                let entry = directory.find(&name)?.ok_or_else(missing)?;
                (directory.bytes_of(self.from, entry)?, entry.crc32)
            }
            Places::Stream(places) => match places.get(key) {
                Some(place) => (place.clone(), 0),
                None => return Err(wrong(format!("it lacks the bytes of the storage {}", name()))),
            },
        };
        let claimed = (storage.count as u64).checked_mul(dtype.size() as u64);
        // Bytes without a type may end with a part of a value.
        let exact = storage.dtype.is_some();
        let held = range.end - range.start;
        if claimed.is_none_or(|c| c > held || exact && c != held) {
            return Err(wrong(format!("its tensor {} reaches beyond its data", name())));
        }
        Ok((range, crc))
    }
}

type Opened = (Heap, Value, Places);

fn archive(from: &mut (impl Read + Seek), length: u64) -> Result<Opened, TorchFileError> {
    let io = |e: std::io::Error| TorchFileError::Io(e.to_string());
    let directory = Directory::read(from, length)?;
    let folder = directory.folder_of("data.pkl");
    let folder = folder.ok_or_else(|| TorchFileError::Archive("it has no data.pkl".to_owned()))?;
    let mut small = |name: &str| {
        let Some(entry) = directory.find(&format!("{folder}{name}"))? else { return Ok(None) };
        let (range, crc) = (directory.bytes_of(from, entry)?, entry.crc32);
        if entry.size > LARGEST_PICKLE {
            return Err(TorchFileError::Archive(format!("{name} is larger than {LARGEST_PICKLE} bytes")));
        }
        let mut bytes = Vec::with_capacity(entry.size as usize);
        let found = pieces::read(from, &range, &mut |piece| bytes.extend_from_slice(piece)).map_err(io)?;
        if crc != 0 && found != crc {
            return Err(TorchFileError::Archive(format!("the checksum of {name} is wrong")));
        }
        Ok(Some(bytes))
    };
    if small("byteorder")?.is_some_and(|order| order.trim_ascii() != b"little") {
        return Err(wrong("it was saved by a big-endian machine"));
    }
    let pickle = small("data.pkl")?.unwrap_or_default();
    let mut pickle = pickle.as_slice();
    let bytes = pickle.len() as u64;
    let mut machine = Machine::new(&mut pickle, bytes);
    let root = machine.pickle()?;
    Ok((machine.heap, root, Places::Archive(folder, directory)))
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
        return Ok((machine.heap, first, Places::Stream(BTreeMap::new())));
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
    let (position, heap) = (machine.position() as u64, machine.heap);
    stored_in_order(from, (position, length), (heap, root), keys)
}

/// The places of a stream's storages, whose keys are listed in their order.
fn stored_in_order(
    from: &mut (impl Read + Seek),
    (mut at, length): (u64, u64),
    (mut heap, root): (Heap, Value),
    keys: Value,
) -> Result<Opened, TorchFileError> {
    let io = |e: std::io::Error| TorchFileError::Io(e.to_string());
    let sizes: BTreeMap<Vec<u8>, usize> =
        heap.storages().map(|s| (heap.raw(s.key).to_vec(), s.dtype.map_or(1, Dtype::size))).collect();
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
        let end = bytes.and_then(|b| start.checked_add(b)).filter(|&end| end <= length);
        at = end.ok_or_else(|| wrong("it ends too early; fetch the file again"))?;
        if places.insert(key, start..at).is_some() {
            return Err(wrong("it lists a storage twice"));
        }
    }
    Ok((heap, root, Places::Stream(places)))
}
