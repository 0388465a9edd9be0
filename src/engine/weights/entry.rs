//! Tensors as they are written to a file.

use std::borrow::Cow;

use half::f16;

/// A tensor as it is written.
pub(super) struct Entry<'a> {
    pub key: String,
    pub shape: Vec<usize>,
    pub data: Data<'a>,
}

/// Values with their type in the file.
pub(super) enum Data<'a> {
    F32(Cow<'a, [f32]>),
    F16(&'a [f32]),
    I64(Vec<i64>),
}

impl Data<'_> {
    /// Little-endian bytes.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::F32(values) => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Self::F16(values) => values.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect(),
            Self::I64(values) => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        }
    }
}
