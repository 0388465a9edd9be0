//! The bytes of a file's tensors: storages, and the views that tensors are of them.

use super::unpickle::{Value, wrong};
use super::{Dtype, Item, Tensor, TorchFileError};

/// The bytes of one or more tensors, by their name in the archive.
#[derive(Clone, Debug)]
pub(super) struct Storage {
    pub dtype: Dtype,
    pub key: String,
    /// Values.
    pub count: usize,
}

/// A tensor on its storage, in values.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub storage: Storage,
    pub offset: usize,
    pub shape: Vec<usize>,
    pub stride: Vec<usize>,
}

/// Where the tensors' bytes come from, and how many of them may still be asked for.
pub(super) struct Source<'a> {
    /// The bytes of a storage by its key.
    pub file: &'a mut dyn FnMut(&str) -> Result<Vec<u8>, TorchFileError>,
    /// Bytes.
    pub left: u64,
}

impl Value {
    /// The value with the bytes of its tensors.
    pub(super) fn resolved(self, source: &mut Source<'_>) -> Result<Item, TorchFileError> {
        Ok(match self {
            Self::Plain(item) => item,
            Self::List(items) => Item::List(all(items, source)?),
            Self::Tuple(items) => Item::Tuple(all(items, source)?),
            Self::Dict(entries) => {
                let (keys, values): (Vec<_>, Vec<_>) = entries.into_iter().unzip();
                Item::Dict(all(keys, source)?.into_iter().zip(all(values, source)?).collect())
            }
            Self::View(view) => Item::Tensor(view.tensor(source)?),
            Self::Call(_) | Self::Storage(_) | Self::Numpy(_) => {
                return Err(wrong("its pickle holds a class or a storage in place of a value"));
            }
        })
    }
}

fn all(items: Vec<Value>, source: &mut Source<'_>) -> Result<Vec<Item>, TorchFileError> {
    items.into_iter().map(|item| item.resolved(source)).collect()
}

impl View {
    fn tensor(&self, source: &mut Source<'_>) -> Result<Tensor, TorchFileError> {
        let Self { storage, offset, shape, stride } = self;
        let beyond = || wrong(format!("its tensor {} reaches beyond its data", storage.key));
        let size = storage.dtype.size();
        let count = shape.iter().try_fold(1_usize, |n, s| n.checked_mul(*s)).filter(|_| shape.len() == stride.len());
        // The last value's place: all others are before it.
        let last = shape.iter().zip(stride).try_fold(*offset, |at, (n, step)| {
            n.saturating_sub(1).checked_mul(*step).and_then(|far| at.checked_add(far))
        });
        let count = count.filter(|&n| n == 0 || last.is_some_and(|last| last < storage.count)).ok_or_else(beyond)?;
        // A file may name the same bytes any number of times.
        let asked = count.checked_mul(size).map_or(u64::MAX, |n| n as u64).saturating_add(storage.count as u64);
        source.left = source.left.checked_sub(asked).ok_or_else(|| wrong("its tensors are too large"))?;
        let bytes = (source.file)(&storage.key)?;
        if storage.count.checked_mul(size) != Some(bytes.len()) {
            return Err(beyond());
        }
        let mut values = Vec::with_capacity(count * size);
        for mut place in 0..count {
            let mut at = *offset;
            for (n, step) in shape.iter().zip(stride).rev() {
                at += place % n * step;
                place /= n;
            }
            values.extend_from_slice(&bytes[at * size..(at + 1) * size]);
        }
        Ok(Tensor { dtype: storage.dtype, shape: shape.clone(), bytes: values })
    }
}
