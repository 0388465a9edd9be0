//! The header of a safetensors file whose tensors are written behind it piece by piece.

use std::collections::BTreeMap;

use safetensors::tensor::Dtype;

/// The file up to its first tensor, and the bytes of all tensors, which follow one another in this order. They begin at
/// a multiple of eight bytes.
pub(super) fn header<'a>(
    tensors: impl IntoIterator<Item = (&'a str, Dtype, &'a [usize])>,
    metadata: &BTreeMap<String, String>,
) -> (Vec<u8>, u64) {
    let mut header = serde_json::json!({ "__metadata__": metadata });
    let mut at = 0;
    for (name, dtype, shape) in tensors {
        let end = at + shape.iter().product::<usize>() * dtype.bitsize() / 8;
        header[name] = serde_json::json!({ "dtype": dtype, "shape": shape, "data_offsets": [at, end] });
        at = end;
    }
    let mut text = header.to_string().into_bytes();
    text.resize(text.len().next_multiple_of(8), b' ');
    let mut head = (text.len() as u64).to_le_bytes().to_vec();
    head.extend(text);
    (head, at as u64)
}
