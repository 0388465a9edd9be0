//! PyTorch checkpoints through `pytorch-reader`, which parses pickles and executes nothing.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use half::{bf16, f16};
use pytorch_reader::{DType, PickleValue, PytorchError, PytorchReader};

use super::{WeightError, WeightFile, WeightTensor, Weights, keys};

/// Modules whose functions have no place in a checkpoint. Other unknown objects (an argument list, say) are common
/// and harmless, since they are never called.
const HOSTILE: [&str; 17] = [
    "os",
    "posix",
    "nt",
    "subprocess",
    "sys",
    "builtins",
    "__builtin__",
    "runpy",
    "shutil",
    "socket",
    "importlib",
    "pty",
    "webbrowser",
    "ctypes",
    "code",
    "commands",
    "operator",
];

pub(super) fn read(name: &str, path: &Path, bytes: &[u8]) -> Result<WeightFile, WeightError> {
    let copy = plainly_zip64(bytes).map_err(|source| WeightError::Io { path: name.to_owned(), source })?;
    let path = copy.as_ref().map_or(path, |copy| copy.path());
    let unreadable = |e: &PytorchError| WeightError::Unreadable { path: name.to_owned(), reason: explain(e) };
    let tree = PytorchReader::read_pickle_data(path, None).map_err(|e| match hostile_text(&e.to_string()) {
        Some(call) => WeightError::Hostile { path: name.to_owned(), call },
        None => unreadable(&e),
    })?;
    if let Some(call) = hostile_call(&tree) {
        return Err(WeightError::Hostile { path: name.to_owned(), call });
    }
    let reader = PytorchReader::new(path).map_err(|e| unreadable(&e))?;
    let mut notes = Vec::new();
    // Counters have no say in what the keys have in common.
    let tensors = reader.into_tensors().into_iter().filter(|(_, t)| is_floating(t.dtype()));
    let mut read = BTreeMap::new();
    for (key, tensor) in keys::inner(tensors.collect(), &mut notes) {
        let bytes = tensor.read().map_err(|source| WeightError::Io { path: name.to_owned(), source })?;
        if let Some(values) = to_f32(tensor.dtype(), &bytes) {
            read.insert(key, WeightTensor { shape: tensor.shape().to_vec(), values });
        }
    }
    if read.is_empty() {
        let reason = "it holds no tensors; save the network's state_dict()".to_owned();
        return Err(WeightError::Unreadable { path: name.to_owned(), reason });
    }
    Ok(WeightFile { weights: Weights::new(read), notes, classes: class_names(&tree), fingerprint: String::new() })
}

/// PyTorch ends its archives with the directory's end in both kinds of zip, of which 9.4 of the crate `zip` takes the
/// older and then looks for the directory 76 bytes too late. That is noticed unless a file's header begins there, as it
/// does where the archive's name has 21 letters: the reader then finds one file too few and calls the archive damaged.
/// Such an archive is copied with the mark that sends readers to the newer end.
fn plainly_zip64(bytes: &[u8]) -> std::io::Result<Option<tempfile::NamedTempFile>> {
    const END: usize = 22;
    const LOCATOR: usize = 20;
    let Some(at) = bytes.len().checked_sub(END) else { return Ok(None) };
    let Some(locator) = at.checked_sub(LOCATOR) else { return Ok(None) };
    let two_ends = bytes[at..].starts_with(b"PK\x05\x06") && bytes[locator..].starts_with(b"PK\x06\x07");
    let size = u32::from_le_bytes([bytes[at + 12], bytes[at + 13], bytes[at + 14], bytes[at + 15]]);
    let taken_for_start = at.checked_sub(size as usize);
    if !two_ends || !taken_for_start.is_some_and(|start| bytes[start..].starts_with(b"PK\x01\x02")) {
        return Ok(None);
    }
    let mut copy = tempfile::NamedTempFile::new()?;
    copy.write_all(&bytes[..at + 8])?;
    // Number of files (here, in all), size and offset of the directory: see the other end.
    copy.write_all(&[0xff; 12])?;
    copy.write_all(&bytes[at + 20..])?;
    copy.flush()?;
    Ok(Some(copy))
}

fn explain(error: &PytorchError) -> String {
    match error {
        PytorchError::Zip(e) => format!("its zip archive is damaged or cut off ({e}); fetch the file again"),
        PytorchError::Io(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
            "it ends too early; fetch the file again".to_owned()
        }
        other => format!("{other}; it should be a state_dict saved by torch.save, or safetensors"),
    }
}

fn is_floating(dtype: DType) -> bool {
    matches!(dtype, DType::F32 | DType::F64 | DType::F16 | DType::BF16)
}

/// Values as f32; `None` for integer tensors (counters).
fn to_f32(dtype: DType, data: &[u8]) -> Option<Vec<f32>> {
    Some(match dtype {
        DType::F32 => data.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        DType::F64 => data.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b) as f32).collect(),
        DType::F16 => data.as_chunks::<2>().0.iter().map(|b| f16::from_le_bytes(*b).to_f32()).collect(),
        DType::BF16 => data.as_chunks::<2>().0.iter().map(|b| bf16::from_le_bytes(*b).to_f32()).collect(),
        _ => return None,
    })
}

/// The first object in the pickle that asks for a function of a hostile module.
fn hostile_call(value: &PickleValue) -> Option<String> {
    match value {
        PickleValue::Unsupported(name) => hostile_name(name),
        PickleValue::List(items) => items.iter().find_map(hostile_call),
        PickleValue::Dict(entries) => entries.values().find_map(hostile_call),
        _ => None,
    }
}

fn hostile_name(name: &str) -> Option<String> {
    let module = name.split('.').next()?;
    HOSTILE.contains(&module).then(|| name.to_owned())
}

/// The reader's own error may be what names the call.
fn hostile_text(text: &str) -> Option<String> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '.' || c == '_'))
        .filter(|w| w.contains('.'))
        .find_map(hostile_name)
}

fn class_names(tree: &PickleValue) -> Option<Vec<String>> {
    let PickleValue::Dict(entries) = tree else { return None };
    let PickleValue::List(items) = entries.get("classes")? else { return None };
    items.iter().map(|item| if let PickleValue::String(s) = item { Some(s.clone()) } else { None }).collect()
}
