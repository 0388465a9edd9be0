//! safetensors: a JSON header and raw tensors; the crate checks every offset against the file.

use std::collections::BTreeMap;
use std::path::Path;

use half::{bf16, f16};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::{WeightError, WeightFile, WeightTensor, Weights, strip_prefixes};

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
    let weights = Weights::new(strip_prefixes(tensors, &mut notes));
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

/// Writes weights as f16 safetensors through a temporary file beside `path`.
///
/// # Errors
/// [`WeightError::Io`] where the file can't be written, or where one is there already.
pub fn write_safetensors(path: &Path, weights: &Weights) -> Result<(), WeightError> {
    let name = crate::core::names::escape(path.as_os_str().as_encoded_bytes());
    let io = |source| WeightError::Io { path: name.clone(), source };
    if path.exists() {
        return Err(io(std::io::Error::other("the file exists already; give another name")));
    }
    let halves: Vec<(String, Vec<usize>, Vec<u8>)> = weights
        .tensors()
        .iter()
        .map(|(k, t)| {
            (k.clone(), t.shape.clone(), t.values.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect())
        })
        .collect();
    let views = halves.iter().map(|(key, shape, data)| {
        let view = TensorView::new(Dtype::F16, shape.clone(), data);
        view.map(|v| (key.as_str(), v)).map_err(|e| io(std::io::Error::other(e.to_string())))
    });
    let views = views.collect::<Result<Vec<_>, _>>()?;
    let bytes = safetensors::serialize(views, None).map_err(|e| io(std::io::Error::other(e.to_string())))?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let mut builder = tempfile::Builder::new();
    // Temporary files are private by default; this one becomes the user's, with the mode that the umask gives.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder).map_err(io)?;
    std::io::Write::write_all(&mut file, &bytes).map_err(io)?;
    file.as_file().sync_all().map_err(io)?;
    file.persist_noclobber(path).map_err(|e| io(e.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::super::nets::NetworkSpec;
    use super::*;

    #[test]
    fn halves_survive_the_round_trip_and_nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        let graph = NetworkSpec { arch: "conv3".parse().unwrap(), side: 32, classes: 10 }.graph();
        let weights = Weights::by_formula(&graph);
        write_safetensors(&path, &weights).unwrap();
        let back = super::super::read(&path).unwrap().weights;
        assert!(back.report(&graph).is_complete());
        for (key, tensor) in weights.tensors() {
            let near = tensor.values.iter().zip(back.values(key)).all(|(a, b)| (a - b).abs() <= 1e-3);
            assert!(near, "{key}");
        }
        assert!(write_safetensors(&path, &weights).unwrap_err().to_string().contains("exists already"));
    }

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
