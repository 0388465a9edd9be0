//! safetensors files that hold a checksum of themselves, so that damage is noticed before their numbers are used.
//!
//! The checksum is an entry of the header's metadata, where other readers of safetensors take no notice of it. It is the
//! BLAKE3 hash of the whole file with zeros in its own place.

use std::collections::HashMap;
use std::io::Cursor;

use safetensors::tensor::{Dtype, SafeTensors};
use serde_json::Value;

use super::tensor_header::header;
use crate::core::formats::safetensors_file::Directory;

const ENTRY: &str = "blake3";
const DIGITS: usize = 64;

/// Bytes that are no sealed file, or not any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// No safetensors file: cut off, or of another kind.
    #[error("it is no whole safetensors file ({0})")]
    Malformed(String),
    /// A safetensors file without a checksum.
    #[error("it has no checksum: this program has not written it")]
    Unsealed,
    /// The checksum is that of other bytes.
    #[error("its checksum is wrong")]
    Damaged,
}

/// The same tensors and metadata with a checksum, from the bytes of a safetensors file.
///
/// # Errors
/// [`SealError::Malformed`].
pub fn seal(bytes: &[u8]) -> Result<Vec<u8>, SealError> {
    let (mut header, tensors) = divided(bytes)?;
    let metadata = header.entry("__metadata__").or_insert_with(|| Value::Object(serde_json::Map::new()));
    let Value::Object(metadata) = metadata else {
        return Err(SealError::Malformed("its metadata is no object".to_owned()));
    };
    metadata.insert(ENTRY.to_owned(), "0".repeat(DIGITS).into());
    let mut text = serde_json::to_vec(&header).map_err(|e| SealError::Malformed(e.to_string()))?;
    // The tensors stay aligned to eight bytes, as the format asks.
    text.resize(text.len().next_multiple_of(8), b' ');
    let mut sealed = (text.len() as u64).to_le_bytes().to_vec();
    sealed.reserve(text.len() + tensors.len());
    sealed.extend(&text);
    sealed.extend(tensors);
    let hash = blake3::hash(&sealed).to_hex();
    let at = place(&sealed[..8 + text.len()], &"0".repeat(DIGITS)).ok_or(SealError::Unsealed)?;
    sealed[at..at + DIGITS].copy_from_slice(hash.as_bytes());
    Ok(sealed)
}

/// Length of a sealed file of these tensors.
pub(super) fn length(tensors: &[(&str, Dtype, Vec<usize>)], mut metadata: HashMap<String, String>) -> u64 {
    metadata.insert(ENTRY.to_owned(), "0".repeat(DIGITS));
    let mut tensors: Vec<_> = tensors.iter().collect();
    // The order in which the library lays them out: it decides how many digits the offsets have.
    tensors.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let tensors = tensors.into_iter().map(|(name, dtype, shape)| (*name, *dtype, &shape[..]));
    let (head, data) = header(tensors, &metadata.into_iter().collect());
    head.len() as u64 + data
}

/// Checks that `bytes` are as [`seal`] made them, and gives their directory.
pub(super) fn check(bytes: &[u8]) -> Result<Directory, SealError> {
    let directory = Directory::read(&mut Cursor::new(bytes)).map_err(|e| SealError::Malformed(e.to_string()))?;
    let hash = directory.about(ENTRY).filter(|h| h.len() == DIGITS).ok_or(SealError::Unsealed)?;
    // The directory was read, so the header ends within the file.
    let (head, tensors) = bytes.split_at(bytes.len() - directory.data_bytes() as usize);
    let at = place(head, hash).ok_or(SealError::Unsealed)?;
    let mut whole = blake3::Hasher::new();
    whole.update(&head[..at]).update(&[b'0'; DIGITS]).update(&head[at + DIGITS..]).update(tensors);
    if whole.finalize().to_hex().as_str() == hash { Ok(directory) } else { Err(SealError::Damaged) }
}

/// Where the header holds the checksum `hash`.
fn place(head: &[u8], hash: &str) -> Option<usize> {
    let entry = format!("\"{ENTRY}\":\"{hash}\"");
    let at = head.windows(entry.len()).position(|w| w == entry.as_bytes())?;
    Some(at + entry.len() - 1 - DIGITS)
}

/// Header and tensors of a safetensors file that was made here.
fn divided(bytes: &[u8]) -> Result<(serde_json::Map<String, Value>, &[u8]), SealError> {
    let malformed = |e: String| SealError::Malformed(e);
    let (length, _) = SafeTensors::read_metadata(bytes).map_err(|e| malformed(e.to_string()))?;
    // `read_metadata` has checked that the header ends within the file.
    let (header, tensors) = bytes[8..].split_at(length);
    Ok((serde_json::from_slice(header).map_err(|e| malformed(e.to_string()))?, tensors))
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::tensor::TensorView;

    fn file(metadata: Option<HashMap<String, String>>) -> Vec<u8> {
        let values: Vec<u8> = (0..24).collect();
        let tensors = [
            ("a", TensorView::new(Dtype::F32, vec![2, 2], &values[..16]).unwrap()),
            ("b", TensorView::new(Dtype::U8, vec![8], &values[16..]).unwrap()),
        ];
        safetensors::serialize(tensors, metadata).unwrap()
    }

    #[test]
    fn a_sealed_file_is_a_safetensors_file_with_the_same_contents() {
        for metadata in [None, Some(HashMap::from([("epoch".to_owned(), "7".to_owned())]))] {
            let sealed = seal(&file(metadata.clone())).unwrap();
            check(&sealed).unwrap();
            let read = SafeTensors::deserialize(&sealed).unwrap();
            assert_eq!(read.tensor("a").unwrap().data(), (0..16).collect::<Vec<u8>>());
            assert_eq!((read.tensor("b").unwrap().data()[0], read.len()), (16, 2));
            let (_, header) = SafeTensors::read_metadata(&sealed).unwrap();
            let found = header.metadata().as_ref().unwrap();
            assert_eq!(found.get("epoch"), metadata.as_ref().and_then(|m| m.get("epoch")));
            assert!(seal(&sealed).unwrap() == sealed, "sealing again changes nothing");
        }
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let sealed = seal(&file(None)).unwrap();
        for at in 0..sealed.len() {
            let mut wrong = sealed.clone();
            wrong[at] ^= 1;
            assert!(check(&wrong).is_err(), "byte {at}");
        }
        for cut in 0..sealed.len() {
            assert!(matches!(check(&sealed[..cut]), Err(SealError::Malformed(_))), "{cut}");
        }
        assert_eq!(check(&file(None)), Err(SealError::Unsealed));
        assert!(matches!(seal(b"no tensors"), Err(SealError::Malformed(_))));
    }
}
