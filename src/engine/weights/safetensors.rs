//! safetensors: a JSON header and raw tensors; the crate checks every offset against the file.

use std::collections::BTreeMap;

use half::{bf16, f16};
use safetensors::tensor::{Dtype, SafeTensors};

use super::{WeightError, WeightFile, WeightTensor, Weights, keys};

/// Whether the bytes begin like a safetensors file: a header length that fits, then `{`.
pub(super) fn looks_like(bytes: &[u8]) -> bool {
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else { return false };
    u64::from_le_bytes(*length) <= rest.len() as u64 && rest.first() == Some(&b'{')
}

pub(super) fn read(path: &str, bytes: &[u8]) -> Result<WeightFile, WeightError> {
    let unreadable = |reason: String| WeightError::Unreadable { path: path.to_owned(), reason };
    let file = SafeTensors::deserialize(bytes)
        .map_err(|e| unreadable(format!("its safetensors header is wrong ({e}); fetch or export the file again")))?;
    let mut tensors = BTreeMap::new();
    for (key, view) in file.tensors() {
        if let Some(values) = to_f32(view.dtype(), view.data()) {
            tensors.insert(key, WeightTensor { shape: view.shape().to_vec(), values });
        }
    }
    if tensors.is_empty() {
        return Err(unreadable("it holds no tensor of floating-point numbers".to_owned()));
    }
    let mut notes = Vec::new();
    let weights = Weights::new(keys::inner(tensors, &mut notes));
    Ok(WeightFile { weights, notes, ..WeightFile::default() })
}

/// Values as f32; `None` for integer tensors (counters).
fn to_f32(dtype: Dtype, data: &[u8]) -> Option<Vec<f32>> {
    Some(match dtype {
        Dtype::F32 => data.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        Dtype::F64 => data.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b) as f32).collect(),
        Dtype::F16 => data.as_chunks::<2>().0.iter().map(|b| f16::from_le_bytes(*b).to_f32()).collect(),
        Dtype::BF16 => data.as_chunks::<2>().0.iter().map(|b| bf16::from_le_bytes(*b).to_f32()).collect(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lying_offsets_and_cut_files_are_errors() {
        let header = br#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,9999]}}"#;
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header);
        bytes.extend_from_slice(&[0; 16]);
        for cut in [bytes.len(), 40, 9] {
            let error = read("w.safetensors", &bytes[..cut]).unwrap_err().to_string();
            assert!(error.contains("w.safetensors") && error.contains("again"), "{error}");
        }
    }
}
