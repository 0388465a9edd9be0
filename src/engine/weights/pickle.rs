//! PyTorch's zip format: an archive of stored files, of which `data.pkl` is a pickle of the ordered dictionary that
//! `state_dict()` gives, and `data/0`, `data/1`, … hold the tensors' bytes. What `torch.save` of PyTorch 2 writes.
//!
//! No library writes this; the pickle needs a dozen opcodes of protocol 2 (Python's `pickletools` describes them).

use std::io::{Seek, Write};

use zip::write::{SimpleFileOptions, ZipWriter};

use super::save::{Data, Entry};

/// Offsets of tensors are multiples of this, so that files can be mapped into memory.
const ALIGNMENT: u16 = 64;
/// The extra field that PyTorch pads local headers with ("FB").
const PADDING: u16 = 0x4246;
/// Sizes from here on need the 64-bit fields of zip.
const LARGE: usize = u32::MAX as usize;

/// Writes the archive.
pub(super) fn write(out: &mut (impl Write + Seek), entries: &[Entry<'_>]) -> std::io::Result<()> {
    let mut archive = ZipWriter::new(out);
    // No clock: equal weights give equal bytes.
    let options = SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default())
        .with_alignment_and_header_id(ALIGNMENT, PADDING);
    let mut add = |name: &str, bytes: &[u8]| {
        archive.start_file(format!("archive/{name}"), options.large_file(bytes.len() >= LARGE))?;
        archive.write_all(bytes)
    };
    add("data.pkl", &state_dict(entries))?;
    add("byteorder", b"little")?;
    for (number, entry) in entries.iter().enumerate() {
        add(&format!("data/{number}"), &entry.data.bytes())?;
    }
    add("version", b"3\n")?;
    archive.finish()?;
    Ok(())
}

const MARK: u8 = b'(';
const TUPLE: u8 = b't';
const EMPTY_TUPLE: u8 = b')';
const EMPTY_DICT: u8 = b'}';
const SET_ITEM: u8 = b's';
const SET_ITEMS: u8 = b'u';
const REDUCE: u8 = b'R';
const BUILD: u8 = b'b';
const PERSISTENT: u8 = b'Q';
const FALSE: u8 = 0x89;
const STOP: u8 = b'.';

/// The pickle of the whole dictionary.
fn state_dict(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut pickle = Pickle { bytes: vec![0x80, 2], known: Vec::new() };
    pickle.ordered_dict();
    pickle.op(MARK);
    for (number, entry) in entries.iter().enumerate() {
        pickle.text(&entry.key);
        pickle.tensor(number, entry);
    }
    pickle.op(SET_ITEMS);
    pickle.metadata(entries);
    pickle.op(STOP);
    pickle.bytes
}

struct Pickle {
    bytes: Vec<u8>,
    /// Globals in the order of their places in the memo.
    known: Vec<&'static str>,
}

impl Pickle {
    fn op(&mut self, code: u8) {
        self.bytes.push(code);
    }

    /// A class or function, "module\nname\n".
    fn global(&mut self, name: &'static str) {
        // Five at most: one byte numbers them.
        if let Some(place) = self.known.iter().position(|k| *k == name) {
            self.bytes.extend([b'h', place as u8]);
        } else {
            self.op(b'c');
            self.bytes.extend(name.bytes());
            self.bytes.extend([b'q', self.known.len() as u8]);
            self.known.push(name);
        }
    }

    fn text(&mut self, text: &str) {
        self.op(b'X');
        self.bytes.extend((text.len() as u32).to_le_bytes());
        self.bytes.extend(text.bytes());
    }

    fn integer(&mut self, value: usize) {
        if let Ok(value) = u8::try_from(value) {
            self.bytes.extend([b'K', value]);
        } else if let Ok(value) = i32::try_from(value) {
            self.op(b'J');
            self.bytes.extend(value.to_le_bytes());
        } else {
            // Nine bytes, as the numbers are signed.
            self.bytes.extend([0x8a, 9]);
            self.bytes.extend((value as u64).to_le_bytes());
            self.op(0);
        }
    }

    fn tuple(&mut self, values: impl IntoIterator<Item = usize>) {
        self.op(MARK);
        values.into_iter().for_each(|v| self.integer(v));
        self.op(TUPLE);
    }

    fn ordered_dict(&mut self) {
        self.global("collections\nOrderedDict\n");
        self.op(EMPTY_TUPLE);
        self.op(REDUCE);
    }

    /// `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks)`.
    fn tensor(&mut self, number: usize, entry: &Entry<'_>) {
        self.global("torch._utils\n_rebuild_tensor_v2\n");
        self.op(MARK);
        self.op(MARK);
        self.text("storage");
        self.global(match entry.data {
            Data::F32(_) => "torch\nFloatStorage\n",
            Data::F16(_) => "torch\nHalfStorage\n",
            Data::I64(_) => "torch\nLongStorage\n",
        });
        self.text(&number.to_string());
        self.text("cpu");
        self.integer(entry.shape.iter().product());
        self.op(TUPLE);
        self.op(PERSISTENT);
        self.integer(0);
        self.tuple(entry.shape.iter().copied());
        self.tuple((1..=entry.shape.len()).map(|from| entry.shape[from..].iter().product()));
        self.op(FALSE);
        self.ordered_dict();
        self.op(TUPLE);
        self.op(REDUCE);
    }

    /// The versions of modules, which `state_dict()` keeps in the dictionary's attribute `_metadata`. Most modules don't
    /// look at it. torchvision's MNASNet refuses a file without a version of the root, and takes 1 for its older stem;
    /// batch norms from 2 on have counters.
    fn metadata(&mut self, entries: &[Entry<'_>]) {
        let norms = entries.iter().filter_map(|e| e.key.strip_suffix(".num_batches_tracked"));
        self.op(EMPTY_DICT);
        self.text("_metadata");
        self.ordered_dict();
        self.op(MARK);
        for module in std::iter::once("").chain(norms) {
            self.text(module);
            self.op(EMPTY_DICT);
            self.text("version");
            self.integer(2);
            self.op(SET_ITEM);
        }
        self.op(SET_ITEMS);
        self.op(SET_ITEM);
        self.op(BUILD);
    }
}
