//! Opens weights: a file of any supported kind, the shards of an index, or a folder that holds either.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::path::Path;

use super::WeightError;
use super::contents::{Opened, Part, Source, Unread, WeightFile, foreign, stamp, torch_error};
use super::folder::{self, Index};
use super::keys::{self, Inner};
use crate::core::data::names::escape;
use crate::core::formats::safetensors_file::{Directory, SafetensorsError};
use crate::core::formats::torch_file::TorchFile;

/// Opens a weight file of any supported kind, the shards that an index lists, or what lies in a folder of weights.
///
/// # Errors
/// [`WeightError`], naming the file and the reason.
pub fn open(path: &Path) -> Result<WeightFile, WeightError> {
    let path = &folder::located(path)?;
    let name = escape(path.as_os_str().as_encoded_bytes());
    let Found { tensors, notes: passed_over, classes, fingerprint, sources } = match folder::index(path)? {
        Some(index) => shards(&index)?,
        None => Found::of(path)?,
    };
    let Inner { whole, path: place, descent: mut notes, note } = keys::inner(tensors);
    let (contents, descent) = (whole.below(&place), notes.len());
    notes.extend(note.into_iter().chain(passed_over));
    if contents.0.is_empty() {
        let why = notes.first().map_or_else(String::new, |note| format!(" ({note})"));
        let reason = format!("it holds no tensors of floating-point numbers{why}; save the network's state_dict()");
        return Err(WeightError::Unreadable { path: name, reason });
    }
    Ok(WeightFile { contents, whole, place, descent, notes, choice: None, classes, fingerprint, name, sources })
}

/// What one or several files hold.
struct Found {
    /// Those of floating-point numbers.
    tensors: BTreeMap<String, Unread>,
    notes: Vec<String>,
    classes: Option<Vec<String>>,
    fingerprint: String,
    sources: Vec<Opened>,
}

impl Found {
    fn of(path: &Path) -> Result<Self, WeightError> {
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
        let (source, tensors, notes, classes) = if safetensors {
            let directory = Directory::read(&mut file).map_err(|e| match e {
                SafetensorsError::Foreign(found) => unreadable(foreign(&found)),
                SafetensorsError::Wrong(why) => unreadable(format!(
                    "it can't be read as a safetensors file ({why}); fetch or export the file again"
                )),
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
        let sources = vec![Opened { name, source, stamp }];
        Ok(Self { tensors, notes, classes, fingerprint, sources })
    }

    /// Whether a file has a tensor, of whatever type.
    fn has(&self, key: &str) -> bool {
        self.tensors.contains_key(key)
            || self.sources.iter().any(|opened| match &opened.source {
                Source::Torch(_, entries) => entries.iter().any(|e| e.key == key),
                Source::Safetensors(_, entries) => entries.iter().any(|e| e.key == key),
            })
    }
}

/// The tensors of all shards, each from the one that the index names for it.
fn shards(index: &Index) -> Result<Found, WeightError> {
    let (mut tensors, mut notes, mut sources) = (BTreeMap::new(), Vec::new(), Vec::new());
    let mut hash = blake3::Hasher::new();
    hash.update(b"shards");
    let mut before = 0;
    for (path, keys) in &index.shards {
        let shard = Found::of(path)?;
        if let Some(missing) = keys.iter().find(|key| !shard.has(key)) {
            let name = escape(path.as_os_str().as_encoded_bytes());
            let reason = format!("{} says that it holds {missing}, and it doesn't; fetch both again", index.name);
            return Err(WeightError::Unreadable { path: name, reason });
        }
        hash.update(shard.fingerprint.as_bytes());
        for (key, mut tensor) in shard.tensors {
            if keys.contains(&key) {
                tensor.parts = tensor.parts.into_iter().map(|part| part.behind(before)).collect();
                tensors.insert(key, tensor);
            }
        }
        before += shard.sources.iter().map(|opened| opened.source.count()).sum::<usize>();
        notes.extend(shard.notes);
        sources.extend(shard.sources);
    }
    notes.push(format!("{} tensors from {} shards", tensors.len(), sources.len()));
    let fingerprint = hash.finalize().to_hex()[..32].to_owned();
    Ok(Found { tensors, notes, classes: None, fingerprint, sources })
}

impl Part {
    /// The same part where so many tensors of other files come before.
    fn behind(self, before: usize) -> Self {
        if let Self::Tensor(number) = self { Self::Tensor(number + before) } else { self }
    }
}

fn unread(number: usize, shape: &[usize]) -> Unread {
    Unread::new(shape.to_vec(), vec![Part::Tensor(number)])
}

/// Whether a file begins like safetensors: a header length that fits, then `{`.
fn looks_like_safetensors(file: &mut File) -> std::io::Result<bool> {
    file.rewind()?;
    let mut head = Vec::new();
    file.take(9).read_to_end(&mut head)?;
    let Some((length, rest)) = head.split_first_chunk::<8>() else { return Ok(false) };
    Ok(u64::from_le_bytes(*length) <= file.metadata()?.len() && rest.first() == Some(&b'{'))
}
