//! PyTorch's file formats: an archive of stored files, of which `data.pkl` is a pickle, and `data/0`, `data/1`, … hold the
//! tensors' bytes (what `torch.save` writes since PyTorch 1.6); and the older stream of pickles with the bytes behind
//! them.
//!
//! Reading executes nothing. What an allow-list names is built: tensors, numbers, dictionaries. Any other class or function
//! stays an inert name that whoever reads passes over, and so does what calling it would give; a call that would run or
//! load code ends the reading. What is claimed is bounded by the file before memory is taken for it.

use std::io::{Seek, Write};

use zip::write::{SimpleFileOptions, ZipWriter};

use crate::core::formats::foreign::Foreign;
use crate::core::formats::zip::ZipError;

mod build;
mod file;
mod items;
mod machine;
mod names;
mod pickle;
mod places;
mod source;
mod spelling;
mod tensors;
mod value;
mod view;

pub use file::{TensorEntry, TorchFile, read};
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
    /// Unsigned 16-bit integer.
    U16,
    /// Unsigned 32-bit integer.
    U32,
    /// Unsigned 64-bit integer.
    U64,
}

impl Dtype {
    /// Those that PyTorch keeps in a class of storage of their own.
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
            Self::F64 | Self::I64 | Self::U64 => 8,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F16 | Self::Bf16 | Self::I16 | Self::U16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }

    /// Its class of storage as a pickle names it, "module\nname\n".
    fn storage(self) -> &'static str {
        Self::STORAGES.iter().find(|(dtype, _)| *dtype == self).map_or("", |(_, name)| name)
    }

    /// The type that a class of storage holds, by the class's name.
    fn of_storage(name: &str) -> Option<Self> {
        let named = |(_, storage): &&(Self, &str)| storage.split('\n').nth(1) == Some(name);
        Self::STORAGES.iter().find(named).map(|(dtype, _)| *dtype)
    }

    /// The type that PyTorch calls `torch.NAME`.
    fn of_torch(name: &str) -> Option<Self> {
        Some(match name {
            "float64" | "double" => Self::F64,
            "float32" | "float" => Self::F32,
            "float16" | "half" => Self::F16,
            "bfloat16" => Self::Bf16,
            "int64" | "long" => Self::I64,
            "int32" | "int" => Self::I32,
            "int16" | "short" => Self::I16,
            "int8" => Self::I8,
            "uint8" => Self::U8,
            "uint16" => Self::U16,
            "uint32" => Self::U32,
            "uint64" => Self::U64,
            "bool" => Self::Bool,
            _ => return None,
        })
    }

    /// Whether its values have fractions.
    #[must_use]
    pub fn is_floating(self) -> bool {
        matches!(self, Self::F64 | Self::F32 | Self::F16 | Self::Bf16)
    }

    /// Puts little-endian values behind `values` as 32-bit floats; none of a type that is not floating.
    pub fn append_floats(self, bytes: &[u8], values: &mut Vec<f32>) {
        match self {
            Self::F64 => values.extend(bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b) as f32)),
            Self::F32 => values.extend(bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b))),
            Self::F16 => values.extend(bytes.as_chunks().0.iter().map(|b| half::f16::from_le_bytes(*b).to_f32())),
            Self::Bf16 => values.extend(bytes.as_chunks().0.iter().map(|b| half::bf16::from_le_bytes(*b).to_f32())),
            _ => {}
        }
    }
}

impl Tensor {
    /// The values as 32-bit floats; `None` where that would lose integers.
    #[must_use]
    pub fn floats(&self) -> Option<Vec<f32>> {
        let mut values = Vec::with_capacity(self.bytes.len() / self.dtype.size());
        self.dtype.append_floats(&self.bytes, &mut values);
        self.dtype.is_floating().then_some(values)
    }

    /// The values as integers, truth values as 0 and 1; `None` for floats and unsigned 64-bit integers.
    #[must_use]
    pub fn integers(&self) -> Option<Vec<i64>> {
        let bytes = &self.bytes;
        Some(match self.dtype {
            Dtype::I64 => bytes.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b)).collect(),
            Dtype::I32 => bytes.as_chunks().0.iter().map(|b| i32::from_le_bytes(*b).into()).collect(),
            Dtype::U32 => bytes.as_chunks().0.iter().map(|b| u32::from_le_bytes(*b).into()).collect(),
            Dtype::U16 => bytes.as_chunks().0.iter().map(|b| u16::from_le_bytes(*b).into()).collect(),
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
    /// It is of another kind.
    #[error("it is {}", .0.what)]
    Foreign(Foreign),
    /// A file of the archive is packed in a way that nothing here reads.
    #[error("{0}; unpack the archive and pack it again without compression, or save it again with torch.save")]
    Packed(String),
    /// The pickle is damaged, or holds what has no place in plain data.
    #[error("{0}; it should be plain data and tensors saved by torch.save")]
    Pickle(String),
    /// The pickle calls a function that runs or loads code.
    #[error("it asks to call {0}: an attack, or no plain data; nothing was executed, don't load it elsewhere")]
    Call(String),
    /// The bytes could not be read.
    #[error("{0}")]
    Io(String),
}

impl From<ZipError> for TorchFileError {
    fn from(error: ZipError) -> Self {
        match error {
            ZipError::Damaged(why) => Self::Archive(why),
            ZipError::Packed(_) => Self::Packed(error.to_string()),
            ZipError::Io(why) => Self::Io(why),
        }
    }
}

/// Largest pickle that is read.
const LARGEST_PICKLE: u64 = 64 << 20;
/// Offsets of tensors are multiples of this, so that files can be mapped into memory.
const ALIGNMENT: u16 = 64;
/// The extra field that PyTorch pads local headers with ("FB").
const PADDING: u16 = 0x4246;
/// Sizes from here on need the 64-bit fields of zip.
const LARGE: u64 = u32::MAX as u64;

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
    let mut archive = Archive::begin(out, pickle)?;
    for bytes in tensors {
        let bytes = bytes.as_ref();
        archive.tensor(bytes.len() as u64)?.write_all(bytes)?;
    }
    archive.finish()
}

/// An archive whose tensors are written piece by piece, so that none need be in memory as a whole.
pub struct Archive<'a, W: Write + Seek> {
    zip: ZipWriter<&'a mut W>,
    tensors: usize,
}

impl<'a, W: Write + Seek> Archive<'a, W> {
    /// Writes the pickle.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn begin(out: &'a mut W, pickle: &[u8]) -> std::io::Result<Self> {
        let mut archive = Self { zip: ZipWriter::new(out), tensors: 0 };
        archive.file("data.pkl", pickle.len() as u64)?.write_all(pickle)?;
        archive.file("byteorder", 0)?.write_all(b"little")?;
        Ok(archive)
    }

    /// Where the bytes of the next tensor go, so many of them.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn tensor(&mut self, bytes: u64) -> std::io::Result<&mut (impl Write + use<'a, W>)> {
        let name = format!("data/{}", self.tensors);
        self.tensors += 1;
        self.file(&name, bytes)
    }

    /// Writes what comes last.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn finish(mut self) -> std::io::Result<()> {
        self.file("version", 0)?.write_all(b"3\n")?;
        self.zip.finish()?;
        Ok(())
    }

    fn file(&mut self, name: &str, bytes: u64) -> std::io::Result<&mut ZipWriter<&'a mut W>> {
        let options = SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored)
            .last_modified_time(zip::DateTime::default())
            .with_alignment_and_header_id(ALIGNMENT, PADDING)
            .large_file(bytes >= LARGE);
        self.zip.start_file(format!("archive/{name}"), options)?;
        Ok(&mut self.zip)
    }
}

#[cfg(test)]
mod tests;
