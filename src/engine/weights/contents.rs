//! What a weight file holds: its tensors by key, type and shape. Networks are recognised by these alone; the values are
//! read once, of the tensors that are used, into their final place.

use std::collections::BTreeMap;
use std::fs::File;
use std::time::SystemTime;

use super::{WeightError, WeightTensor, Weights};
use crate::core::formats::foreign::Foreign;
use crate::core::formats::pieces;
use crate::core::formats::safetensors_file;
use crate::core::formats::torch_file::{TensorEntry, TorchFile, TorchFileError};
use crate::engine::nets::detect::Shapes;
use crate::engine::nets::graph::Graph;

/// A tensor that was not read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Unread {
    pub shape: Vec<usize>,
    /// What its values are put together from, in order.
    pub parts: Vec<Part>,
    /// What they are multiplied by.
    pub factor: f32,
}

impl Unread {
    /// Of values that are taken as they are.
    pub fn new(shape: Vec<usize>, parts: Vec<Part>) -> Self {
        Self { shape, parts, factor: 1.0 }
    }
}

/// A part of a tensor's values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Part {
    /// All values of the tensor of this number, counted through all files.
    Tensor(usize),
    /// So many zeros.
    Zeros(usize),
}

/// Tensors by key that were not read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Contents(pub BTreeMap<String, Unread>);

impl Contents {
    pub fn shapes(&self) -> Shapes {
        self.0.iter().map(|(key, t)| (key.clone(), t.shape.clone())).collect()
    }

    /// The tensors below a path of parts between dots, under what is left of their keys; all below the empty path.
    pub fn below(&self, path: &str) -> Self {
        if path.is_empty() {
            return self.clone();
        }
        let prefix = format!("{path}.");
        let inside = self.0.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix));
        Self(inside.map(|(key, tensor)| (key[prefix.len()..].to_owned(), tensor.clone())).collect())
    }
}

/// Weights whose tensors are known and not yet read: one file, or the shards of an index.
#[derive(Debug)]
pub struct WeightFile {
    /// Tensors of the network that the file was taken for, keys without wrappers and prefixes.
    pub(super) contents: Contents,
    /// All tensors, with nothing but what wraps single modules taken from their keys.
    pub(super) whole: Contents,
    /// Where [`Self::contents`] lie in them.
    pub(super) place: String,
    /// How many of the notes say how they were found.
    pub(super) descent: usize,
    /// What was done to the keys, and what was passed over.
    pub notes: Vec<String>,
    /// Which of several networks was taken, where nobody named one.
    pub choice: Option<String>,
    /// Class names in output order, where the file holds a list called `classes`.
    pub classes: Option<Vec<String>>,
    /// BLAKE3 of the file's bytes (32 hexadecimal digits); of shards, of what their files have. It is another one where a
    /// part was chosen that would not have been taken by itself.
    pub fingerprint: String,
    pub(super) name: String,
    pub(super) sources: Vec<Opened>,
}

/// An open file of tensors.
#[derive(Debug)]
pub(super) struct Opened {
    /// Its name, for messages.
    pub name: String,
    pub source: Source,
    /// Length and time of change when it was opened.
    pub stamp: Stamp,
}

/// Length and time of change.
pub(super) type Stamp = (u64, Option<SystemTime>);

#[derive(Debug)]
pub(super) enum Source {
    Torch(Box<TorchFile<File>>, Vec<TensorEntry>),
    Safetensors(File, Vec<safetensors_file::Entry>),
}

pub(super) fn stamp(file: &File) -> std::io::Result<Stamp> {
    let about = file.metadata()?;
    Ok((about.len(), about.modified().ok()))
}

impl WeightFile {
    /// Shapes of the tensors by key.
    #[must_use]
    pub fn shapes(&self) -> Shapes {
        self.contents.shapes()
    }

    /// Reads the tensors of a network, and none besides. Those that the file lacks are left out.
    ///
    /// # Errors
    /// [`WeightError`]: the file is damaged, changed since it was opened, or holds NaN or infinite values.
    pub fn read(&mut self, graph: &Graph) -> Result<Weights, WeightError> {
        self.read_keys(graph.parameters().into_iter().map(|p| p.key))
    }

    /// Reads all tensors of floating-point numbers.
    ///
    /// # Errors
    /// Those of [`Self::read`].
    pub fn read_all(&mut self) -> Result<Weights, WeightError> {
        let keys: Vec<String> = self.contents.0.keys().cloned().collect();
        self.read_keys(keys.into_iter())
    }

    fn read_keys(&mut self, keys: impl Iterator<Item = String>) -> Result<Weights, WeightError> {
        let mut tensors = BTreeMap::new();
        for key in keys {
            let Some(unread) = self.contents.0.get(&key) else { continue };
            let mut values = Vec::with_capacity(unread.shape.iter().product());
            for part in &unread.parts {
                match *part {
                    Part::Zeros(count) => values.resize(values.len() + count, 0.0),
                    Part::Tensor(number) => append(&mut self.sources, number, &mut values)?,
                }
            }
            if unread.factor != 1.0 {
                values.iter_mut().for_each(|value| *value *= unread.factor);
            }
            if !values.iter().all(|v| v.is_finite()) {
                return Err(WeightError::NotFinite { path: self.name.clone(), key });
            }
            tensors.insert(key, WeightTensor { shape: unread.shape.clone(), values });
        }
        for Opened { name, source, stamp } in &self.sources {
            let now = source.stamp().map_err(|source| WeightError::Io { path: name.clone(), source })?;
            if now != *stamp {
                let reason = "it changed while it was read; try again when it is whole".to_owned();
                return Err(WeightError::Unreadable { path: name.clone(), reason });
            }
        }
        Ok(Weights::new(tensors))
    }
}

/// Puts the values of the tensor with this number behind others.
fn append(sources: &mut [Opened], mut number: usize, values: &mut Vec<f32>) -> Result<(), WeightError> {
    for Opened { name, source, .. } in sources {
        let count = source.count();
        if number < count {
            return source.append(number, values).map_err(|e| torch_error(name, e));
        }
        number -= count;
    }
    Ok(())
}

impl Source {
    /// Tensors, of whatever type.
    pub fn count(&self) -> usize {
        match self {
            Self::Torch(_, entries) => entries.len(),
            Self::Safetensors(_, entries) => entries.len(),
        }
    }

    /// Puts a tensor's values behind others.
    fn append(&mut self, number: usize, values: &mut Vec<f32>) -> Result<(), TorchFileError> {
        match self {
            Self::Torch(torch, entries) => match entries.get(number) {
                Some(entry) => torch.read_tensor(entry, &mut |piece| entry.dtype.append_floats(piece, values)),
                None => Ok(()),
            },
            Self::Safetensors(file, entries) => {
                let Some((entry, dtype)) = entries.get(number).and_then(|e| Some((e, e.dtype?))) else { return Ok(()) };
                let read = pieces::read(file, &entry.bytes, &mut |piece| dtype.append_floats(piece, values));
                read.map(|_| ()).map_err(|e| TorchFileError::Io(e.to_string()))
            }
        }
    }

    fn stamp(&self) -> std::io::Result<Stamp> {
        let file = match self {
            Self::Torch(torch, _) => torch.source(),
            Self::Safetensors(file, _) => file,
        };
        stamp(file)
    }
}

/// What a file is that is no network, and how one is to be had.
pub(super) fn foreign(Foreign { what, remedy }: &Foreign) -> String {
    format!("it is {what}; {remedy}")
}

pub(super) fn torch_error(name: &str, error: TorchFileError) -> WeightError {
    let path = name.to_owned();
    match error {
        TorchFileError::Call(call) => WeightError::Hostile { path, call },
        TorchFileError::Io(why) => WeightError::Io { path, source: std::io::Error::other(why) },
        TorchFileError::Foreign(found) => WeightError::Unreadable { path, reason: foreign(&found) },
        other => WeightError::Unreadable { path, reason: other.to_string() },
    }
}
