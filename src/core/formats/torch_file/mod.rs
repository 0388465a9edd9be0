//! PyTorch's file format over bytes: an archive of stored files, of which `data.pkl` is a pickle, and `data/0`, `data/1`,
//! … hold the tensors' bytes. What `torch.save` of PyTorch 2 writes.
//!
//! Reading executes nothing: the pickle's few calls that build tensors, numbers and dictionaries are known by name, and
//! every other call is refused with its name.

use std::io::{Cursor, Read as _, Seek, Write};

use zip::ZipArchive;
use zip::write::{SimpleFileOptions, ZipWriter};

mod pickle;
mod storage;
mod unpickle;

pub use pickle::{Pickle, opcode};

/// A value of a file.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// Python's `None`.
    None,
    /// A truth value.
    Bool(bool),
    /// An integer of at most 64 bits.
    Int(i64),
    /// A float.
    Float(f64),
    /// A text.
    Text(String),
    /// Raw bytes.
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<Item>),
    /// A tuple.
    Tuple(Vec<Item>),
    /// A dictionary, in its order.
    Dict(Vec<(Item, Item)>),
    /// A tensor.
    Tensor(Tensor),
}

/// A tensor: row-major little-endian values.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Type of its values.
    pub dtype: Dtype,
    /// Shape.
    pub shape: Vec<usize>,
    /// Values.
    pub bytes: Vec<u8>,
}

/// Type of a tensor's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dtype {
    /// 64-bit float.
    F64,
    /// 32-bit float.
    F32,
    /// 16-bit float.
    F16,
    /// The upper half of a 32-bit float.
    Bf16,
    /// 64-bit integer.
    I64,
    /// 32-bit integer.
    I32,
    /// 16-bit integer.
    I16,
    /// 8-bit integer.
    I8,
    /// Byte.
    U8,
    /// Truth value in a byte.
    Bool,
}

impl Dtype {
    /// All of them, with the class of storage that PyTorch keeps them in.
    const STORAGES: [(Self, &'static str); 10] = [
        (Self::F64, "torch\nDoubleStorage\n"),
        (Self::F32, "torch\nFloatStorage\n"),
        (Self::F16, "torch\nHalfStorage\n"),
        (Self::Bf16, "torch\nBFloat16Storage\n"),
        (Self::I64, "torch\nLongStorage\n"),
        (Self::I32, "torch\nIntStorage\n"),
        (Self::I16, "torch\nShortStorage\n"),
        (Self::I8, "torch\nCharStorage\n"),
        (Self::U8, "torch\nByteStorage\n"),
        (Self::Bool, "torch\nBoolStorage\n"),
    ];

    /// Bytes of a value.
    #[must_use]
    pub fn size(self) -> usize {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 => 4,
            Self::F16 | Self::Bf16 | Self::I16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }

    /// Its class of storage as a pickle names it, "module\nname\n".
    fn storage(self) -> &'static str {
        Self::STORAGES.iter().find(|(dtype, _)| *dtype == self).map_or("", |(_, name)| name)
    }
}

impl Tensor {
    /// The values as 32-bit floats; `None` where that would lose integers.
    #[must_use]
    pub fn floats(&self) -> Option<Vec<f32>> {
        let bytes = &self.bytes;
        Some(match self.dtype {
            Dtype::F64 => bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b) as f32).collect(),
            Dtype::F32 => bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
            Dtype::F16 => bytes.as_chunks().0.iter().map(|b| half::f16::from_le_bytes(*b).to_f32()).collect(),
            Dtype::Bf16 => bytes.as_chunks().0.iter().map(|b| half::bf16::from_le_bytes(*b).to_f32()).collect(),
            _ => return None,
        })
    }

    /// The values as integers, truth values as 0 and 1; `None` for floats.
    #[must_use]
    pub fn integers(&self) -> Option<Vec<i64>> {
        let bytes = &self.bytes;
        Some(match self.dtype {
            Dtype::I64 => bytes.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b)).collect(),
            Dtype::I32 => bytes.as_chunks().0.iter().map(|b| i32::from_le_bytes(*b).into()).collect(),
            Dtype::I16 => bytes.as_chunks().0.iter().map(|b| i16::from_le_bytes(*b).into()).collect(),
            Dtype::I8 => bytes.iter().map(|&b| b.cast_signed().into()).collect(),
            Dtype::U8 => bytes.iter().map(|&b| b.into()).collect(),
            Dtype::Bool => bytes.iter().map(|&b| (b != 0).into()).collect(),
            _ => return None,
        })
    }
}

/// Why bytes are no file that can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TorchFileError {
    /// The archive is damaged, cut off, or none.
    #[error("its zip archive is damaged or cut off ({0}); fetch the file again")]
    Archive(String),
    /// The pickle is damaged, or holds what has no place in plain data.
    #[error("{0}; it should be plain data and tensors saved by torch.save of PyTorch 1.6 or later")]
    Pickle(String),
    /// The pickle asks for a function or class that builds no plain data.
    #[error("it asks to call {0}: an attack, or no plain data; nothing was executed, don't load it elsewhere")]
    Call(String),
}

/// Largest pickle, and most bytes of tensors, that are read: an archive may claim any size.
const LARGEST_PICKLE: u64 = 64 << 20;
const LARGEST_TENSORS: u64 = 4 << 30;
/// Offsets of tensors are multiples of this, so that files can be mapped into memory.
const ALIGNMENT: u16 = 64;
/// The extra field that PyTorch pads local headers with ("FB").
const PADDING: u16 = 0x4246;
/// Sizes from here on need the 64-bit fields of zip.
const LARGE: usize = u32::MAX as usize;

/// Writes a value as `torch.save` does.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut (impl Write + Seek), item: &Item) -> std::io::Result<()> {
    let mut pickle = Pickle::new();
    let mut tensors = Vec::new();
    pickle.item(item, &mut tensors);
    archive(out, &pickle.finish(), tensors.iter().map(|t| t.bytes.as_slice()))
}

/// Writes the archive of a pickle and the tensors that it names by number. Without a clock: equal contents give equal
/// bytes.
///
/// # Errors
/// Those of `out`.
pub fn archive<T: AsRef<[u8]>>(
    out: &mut (impl Write + Seek),
    pickle: &[u8],
    tensors: impl IntoIterator<Item = T>,
) -> std::io::Result<()> {
    let mut archive = ZipWriter::new(out);
    let options = SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default())
        .with_alignment_and_header_id(ALIGNMENT, PADDING);
    let mut add = |name: &str, bytes: &[u8]| {
        archive.start_file(format!("archive/{name}"), options.large_file(bytes.len() >= LARGE))?;
        archive.write_all(bytes)
    };
    add("data.pkl", pickle)?;
    add("byteorder", b"little")?;
    for (number, bytes) in tensors.into_iter().enumerate() {
        add(&format!("data/{number}"), bytes.as_ref())?;
    }
    add("version", b"3\n")?;
    archive.finish()?;
    Ok(())
}

/// Reads the value of a file.
///
/// # Errors
/// [`TorchFileError`]; a call that the pickle asks for is named, and not made.
pub fn read(bytes: &[u8]) -> Result<Item, TorchFileError> {
    let damaged = |e: zip::result::ZipError| TorchFileError::Archive(e.to_string());
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    let names: Vec<String> = archive.file_names().filter_map(|n| n.ok().map(std::borrow::Cow::into_owned)).collect();
    let root = names.iter().find_map(|n| n.strip_suffix("data.pkl").filter(|r| r.matches('/').count() == 1));
    let root = root.ok_or_else(|| TorchFileError::Archive("it has no data.pkl".to_owned()))?;
    let mut file = |name: &str, limit: u64| {
        let entry = archive.by_name(&format!("{root}{name}")).map_err(damaged)?;
        let mut bytes = Vec::new();
        let cut = |e: std::io::Error| TorchFileError::Archive(format!("{name}: {e}"));
        entry.take(limit + 1).read_to_end(&mut bytes).map_err(cut)?;
        if bytes.len() as u64 > limit {
            return Err(TorchFileError::Archive(format!("{name} is larger than {limit} bytes")));
        }
        Ok(bytes)
    };
    if names.contains(&format!("{root}byteorder")) && file("byteorder", 16)? != b"little" {
        return Err(TorchFileError::Pickle("it was saved by a big-endian machine".to_owned()));
    }
    let value = unpickle::read(&file("data.pkl", LARGEST_PICKLE)?)?;
    let mut file = |key: &str| file(&format!("data/{key}"), LARGEST_TENSORS);
    value.resolved(&mut storage::Source { file: &mut file, left: LARGEST_TENSORS })
}

#[cfg(test)]
mod tests;
