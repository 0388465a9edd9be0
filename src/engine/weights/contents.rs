//! What a weight file holds: its tensors by key, type and shape. Networks are recognised by these alone; the values are
//! read once, of the tensors that are used, into their final place.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::path::Path;
use std::time::SystemTime;

use super::{WeightError, WeightTensor, Weights, keys};
use crate::core::data::names::escape;
use crate::core::formats::pieces;
use crate::core::formats::safetensors_file::{self, Directory};
use crate::core::formats::torch_file::{TensorEntry, TorchFile, TorchFileError};
use crate::engine::nets::detect::Shapes;
use crate::engine::nets::graph::Graph;

/// A tensor that was not read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Unread {
    pub shape: Vec<usize>,
    /// What its values are put together from, in order.
    pub parts: Vec<Part>,
}

/// A part of a tensor's values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Part {
    /// All values of the file's tensor of this number.
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
}

/// A weight file whose tensors are known and not yet read.
#[derive(Debug)]
pub struct WeightFile {
    /// Tensors, keys without wrappers and prefixes.
    pub(super) contents: Contents,
    /// What was done to the keys, and what was passed over.
    pub notes: Vec<String>,
    /// Class names in output order, where the file holds a list called `classes`.
    pub classes: Option<Vec<String>>,
    /// BLAKE3 of the file's bytes (32 hexadecimal digits).
    pub fingerprint: String,
    name: String,
    source: Source,
    /// Length and time of change when the file was opened.
    stamp: (u64, Option<SystemTime>),
}

#[derive(Debug)]
enum Source {
    Torch(Box<TorchFile<File>>, Vec<TensorEntry>),
    Safetensors(File, Vec<safetensors_file::Entry>),
}

/// Opens a weight file of any supported kind.
///
/// # Errors
/// [`WeightError`], naming the file and the reason.
pub fn open(path: &Path) -> Result<WeightFile, WeightError> {
    let name = escape(path.as_os_str().as_encoded_bytes());
    let io = |source| WeightError::Io { path: name.clone(), source };
    let unreadable = |reason: String| WeightError::Unreadable { path: name.clone(), reason };
    // A pipe or a device would never end; it isn't even opened.
    if !std::fs::metadata(path).map_err(io)?.is_file() {
        return Err(unreadable("it is no regular file; give a .pth, .pt, .th or .safetensors file".to_owned()));
    }
    let mut file = File::open(path).map_err(io)?;
    let stamp = stamp(&file).map_err(io)?;
    // Of the bytes that are read below: from the same open file, which must not change meanwhile.
    let fingerprint = blake3::Hasher::new().update_reader(&file).map_err(io)?.finalize().to_hex()[..32].to_owned();
    let safetensors =
        looks_like_safetensors(&mut file).map_err(io)? || path.extension().is_some_and(|e| e == "safetensors");
    let (source, found, passed_over, classes) = if safetensors {
        let directory = Directory::read(&mut file).map_err(|e| {
            unreadable(format!("its safetensors header is wrong ({e}); fetch or export the file again"))
        })?;
        let found = directory.entries.iter().enumerate().filter(|(_, e)| e.dtype.is_some_and(|d| d.is_floating()));
        let found = found.map(|(n, e)| (e.key.clone(), unread(n, &e.shape))).collect();
        (Source::Safetensors(file, directory.entries), found, Vec::new(), None)
    } else {
        let hostile = |e| torch_error(&name, e);
        let mut torch = TorchFile::open(file).map_err(hostile)?;
        let (entries, notes) = torch.tensors().map_err(hostile)?;
        // Counters have no say in what the keys have in common.
        let found = entries.iter().enumerate().filter(|(_, e)| e.dtype.is_floating());
        let found = found.map(|(n, e)| (e.key.clone(), unread(n, &e.shape))).collect();
        let classes = torch.texts("classes");
        (Source::Torch(Box::new(torch), entries), found, notes, classes)
    };
    let mut notes = Vec::new();
    let contents = Contents(keys::inner(found, &mut notes));
    notes.extend(passed_over);
    if contents.0.is_empty() {
        let reason = match notes.first() {
            Some(note) => {
                format!("it holds no tensors of floating-point numbers ({note}); save the network's state_dict()")
            }
            None => "it holds no tensors of floating-point numbers; save the network's state_dict()".to_owned(),
        };
        return Err(unreadable(reason));
    }
    Ok(WeightFile { contents, notes, classes, fingerprint, name, source, stamp })
}

fn unread(number: usize, shape: &[usize]) -> Unread {
    Unread { shape: shape.to_vec(), parts: vec![Part::Tensor(number)] }
}

fn stamp(file: &File) -> std::io::Result<(u64, Option<SystemTime>)> {
    let about = file.metadata()?;
    Ok((about.len(), about.modified().ok()))
}

/// Whether a file begins like safetensors: a header length that fits, then `{`.
fn looks_like_safetensors(file: &mut File) -> std::io::Result<bool> {
    file.rewind()?;
    let mut head = Vec::new();
    file.take(9).read_to_end(&mut head)?;
    let Some((length, rest)) = head.split_first_chunk::<8>() else { return Ok(false) };
    Ok(u64::from_le_bytes(*length) <= file.metadata()?.len() && rest.first() == Some(&b'{'))
}

fn torch_error(name: &str, error: TorchFileError) -> WeightError {
    let path = name.to_owned();
    match error {
        TorchFileError::Call(call) => WeightError::Hostile { path, call },
        TorchFileError::Io(why) => WeightError::Io { path, source: std::io::Error::other(why) },
        other => WeightError::Unreadable { path, reason: other.to_string() },
    }
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
                    Part::Tensor(number) => {
                        self.source.append(number, &mut values).map_err(|e| torch_error(&self.name, e))?;
                    }
                }
            }
            if !values.iter().all(|v| v.is_finite()) {
                return Err(WeightError::NotFinite { path: self.name.clone(), key });
            }
            tensors.insert(key, WeightTensor { shape: unread.shape.clone(), values });
        }
        let now = self.source.stamp().map_err(|source| WeightError::Io { path: self.name.clone(), source })?;
        if now != self.stamp {
            let reason = "it changed while it was read; try again when it is whole".to_owned();
            return Err(WeightError::Unreadable { path: self.name.clone(), reason });
        }
        Ok(Weights::new(tensors))
    }
}

impl Source {
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

    fn stamp(&self) -> std::io::Result<(u64, Option<SystemTime>)> {
        let file = match self {
            Self::Torch(torch, _) => torch.source(),
            Self::Safetensors(file, _) => file,
        };
        stamp(file)
    }
}
