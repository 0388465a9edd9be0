//! A PyTorch file, open: its values at once, the bytes of its tensors when they are asked for.

use std::io::{Read, Seek};

use super::places::{self, Opened, Places};
use super::source::{Kept, Source};
use super::value::{Heap, Node, Value, View, wrong};
use super::{Dtype, Item, TorchFileError, items, tensors};
use crate::core::formats::foreign::Foreign;
use crate::core::formats::pieces::most_bytes;

/// A file whose pickle was read.
#[derive(Debug)]
pub struct TorchFile<R> {
    from: R,
    length: u64,
    heap: Heap,
    root: Value,
    places: Places,
    kept: Kept,
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
/// [`TorchFileError`]; a call that would run code is named, and nothing is executed.
pub fn read(from: impl Read + Seek) -> Result<Item, TorchFileError> {
    TorchFile::open(from)?.item()
}

impl<R: Read + Seek> TorchFile<R> {
    /// Reads a file's pickle.
    ///
    /// # Errors
    /// [`TorchFileError`]; a call that would run code is named, and nothing is executed.
    pub fn open(mut from: R) -> Result<Self, TorchFileError> {
        let Opened { length, heap, root, places } = places::open(&mut from)?;
        Ok(Self { from, length, heap, root, places, kept: Kept::new(length) })
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
        let Self { from, length, heap, root, places, kept } = self;
        let mut source = Source { from, length: *length, places, kept };
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
        if found.found.is_empty() && found.dumped {
            return Err(wrong("pickle.dump wrote its tensors as files within it; load it in Python and save it again"));
        }
        if found.found.is_empty() && found.script {
            let what = "a TorchScript module without tensors, as frozen ones are";
            return Err(TorchFileError::Foreign(Foreign::new(what, "save the network's state_dict()")));
        }
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
        let mut notes = Vec::new();
        if found.script {
            notes.push("TorchScript: its modules' tensors were taken by their names, its code was not read".to_owned());
        }
        if !names.is_empty() {
            notes.push(format!("passed over, no tensors: {names}"));
        }
        Ok((entries, notes))
    }

    /// Reads a tensor: its little-endian values in order, in pieces that end between two values.
    ///
    /// # Errors
    /// [`TorchFileError`]: the file is damaged or can't be read; the tensors that were read are more than a file of its
    /// size may stand for.
    pub fn read_tensor(&mut self, entry: &TensorEntry, into: &mut dyn FnMut(&[u8])) -> Result<(), TorchFileError> {
        let Some(Node::View(view)) = self.heap.node(entry.value) else { return Ok(()) };
        let Self { from, length, places, kept, .. } = self;
        let mut source = Source { from, length: *length, places, kept };
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
