//! The writing half of pickles: a dozen opcodes of protocol 2 (Python's `pickletools` describes them).

use super::{Dtype, Item, Tensor};

/// The opcodes that those who write more than plain values need.
pub mod opcode {
    /// Begins a group.
    pub const MARK: u8 = b'(';
    /// An empty dictionary.
    pub const EMPTY_DICT: u8 = b'}';
    /// Puts a key and its value into a dictionary.
    pub const SET_ITEM: u8 = b's';
    /// The same for all of a group.
    pub const SET_ITEMS: u8 = b'u';
    /// Sets an object's attributes from a dictionary.
    pub const BUILD: u8 = b'b';
}

use opcode::{EMPTY_DICT, MARK, SET_ITEMS};

const TUPLE: u8 = b't';
const EMPTY_LIST: u8 = b']';
const APPENDS: u8 = b'e';
const EMPTY_TUPLE: u8 = b')';
const REDUCE: u8 = b'R';
const PERSISTENT: u8 = b'Q';
const NONE: u8 = b'N';
const TRUE: u8 = 0x88;
const FALSE: u8 = 0x89;
const STOP: u8 = b'.';

/// A pickle that is being written.
#[derive(Debug)]
pub struct Pickle {
    bytes: Vec<u8>,
    /// Globals in the order of their places in the memo.
    known: Vec<&'static str>,
}

impl Default for Pickle {
    fn default() -> Self {
        Self::new()
    }
}

impl Pickle {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self { bytes: vec![0x80, 2], known: Vec::new() }
    }

    /// Its bytes.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.op(STOP);
        self.bytes
    }

    /// An opcode.
    pub fn op(&mut self, code: u8) {
        self.bytes.push(code);
    }

    /// A class or function, "module\nname\n".
    fn global(&mut self, name: &'static str) {
        // A dozen at most: one byte numbers them.
        if let Some(place) = self.known.iter().position(|k| *k == name) {
            self.bytes.extend([b'h', place as u8]);
        } else {
            self.op(b'c');
            self.bytes.extend(name.bytes());
            self.bytes.extend([b'q', self.known.len() as u8]);
            self.known.push(name);
        }
    }

    /// A text of less than 4 GiB.
    pub fn text(&mut self, text: &str) {
        self.op(b'X');
        self.bytes.extend((text.len() as u32).to_le_bytes());
        self.bytes.extend(text.bytes());
    }

    /// An integer.
    pub fn integer(&mut self, value: i64) {
        if let Ok(value) = u8::try_from(value) {
            self.bytes.extend([b'K', value]);
        } else if let Ok(value) = i32::try_from(value) {
            self.op(b'J');
            self.bytes.extend(value.to_le_bytes());
        } else {
            self.bytes.extend([0x8a, 8]);
            self.bytes.extend(value.to_le_bytes());
        }
    }

    fn size(&mut self, value: usize) {
        // No tensor in memory has 2⁶³ values.
        self.integer(value as i64);
    }

    fn sizes(&mut self, values: impl IntoIterator<Item = usize>) {
        self.op(MARK);
        values.into_iter().for_each(|v| self.size(v));
        self.op(TUPLE);
    }

    /// An empty `OrderedDict`.
    pub fn ordered_dict(&mut self) {
        self.global("collections\nOrderedDict\n");
        self.op(EMPTY_TUPLE);
        self.op(REDUCE);
    }

    /// Tensor number `number` of the archive: `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad,
    /// backward_hooks)`.
    pub fn tensor(&mut self, number: usize, dtype: Dtype, shape: &[usize]) {
        self.global("torch._utils\n_rebuild_tensor_v2\n");
        self.op(MARK);
        self.op(MARK);
        self.text("storage");
        self.global(dtype.storage());
        self.text(&number.to_string());
        self.text("cpu");
        self.size(shape.iter().product());
        self.op(TUPLE);
        self.op(PERSISTENT);
        self.integer(0);
        self.sizes(shape.iter().copied());
        self.sizes((1..=shape.len()).map(|from| shape[from..].iter().product()));
        self.op(FALSE);
        self.ordered_dict();
        self.op(TUPLE);
        self.op(REDUCE);
    }

    /// A value; its tensors are put behind `tensors`, whose places number them.
    pub(super) fn item<'a>(&mut self, item: &'a Item, tensors: &mut Vec<&'a Tensor>) {
        match item {
            Item::None => self.op(NONE),
            Item::Bool(value) => self.op(if *value { TRUE } else { FALSE }),
            Item::Int(value) => self.integer(*value),
            Item::Float(value) => {
                self.op(b'G');
                self.bytes.extend(value.to_be_bytes());
            }
            Item::Text(text) => self.text(text),
            Item::Bytes(bytes) => {
                // Protocol 2 has no bytes: a text whose characters are the bytes is encoded again.
                self.global("_codecs\nencode\n");
                self.op(MARK);
                self.text(&bytes.iter().map(|&b| char::from(b)).collect::<String>());
                self.text("latin1");
                self.op(TUPLE);
                self.op(REDUCE);
            }
            Item::List(items) => {
                self.op(EMPTY_LIST);
                self.group(items, tensors, APPENDS);
            }
            Item::Tuple(items) => self.group(items, tensors, TUPLE),
            Item::Dict(entries) => {
                self.op(EMPTY_DICT);
                self.group(entries.iter().flat_map(|(key, value)| [key, value]), tensors, SET_ITEMS);
            }
            Item::Tensor(tensor) => {
                self.tensor(tensors.len(), tensor.dtype, &tensor.shape);
                tensors.push(tensor);
            }
        }
    }

    fn group<'a>(&mut self, items: impl IntoIterator<Item = &'a Item>, tensors: &mut Vec<&'a Tensor>, end: u8) {
        self.op(MARK);
        items.into_iter().for_each(|item| self.item(item, tensors));
        self.op(end);
    }
}
