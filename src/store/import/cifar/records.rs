//! The records of CIFAR's batches as images.

use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use super::super::source::{inside, open_regular};
use crate::core::data::source::{ImageBytes, ImageSource, Planes, SourceError};

/// Side of an image.
const SIDE: u32 = 32;
/// Bytes of an image: three planes.
pub(super) const PIXELS: usize = 3 * 32 * 32;

/// Batch files below a root; an image is named `<file>#<record>`.
#[derive(Debug)]
pub(super) struct Records {
    /// The folder of the batches.
    pub root: PathBuf,
    /// Bytes before the pixels of each record.
    pub label_bytes: usize,
}

impl Records {
    /// The batch file and the place of the pixels in it.
    fn place(&self, name: &[u8]) -> Result<(PathBuf, u64), SourceError> {
        let malformed = || SourceError::Malformed("names no record; expected <batch file>#<number>".to_owned());
        let mark = name.iter().rposition(|&b| b == b'#').ok_or_else(malformed)?;
        let digits = &name[mark + 1..];
        let number = digits.iter().all(u8::is_ascii_digit).then(|| std::str::from_utf8(digits).ok()?.parse().ok());
        let number: u64 = number.flatten().ok_or_else(malformed)?;
        let (labels, pixels) = (self.label_bytes as u64, PIXELS as u64);
        let start = number.checked_mul(labels + pixels).and_then(|at| at.checked_add(labels)).ok_or_else(malformed)?;
        Ok((inside(&self.root, &name[..mark])?, start))
    }
}

impl ImageSource for Records {
    fn bytes(&self, name: &[u8]) -> Result<ImageBytes<'_>, SourceError> {
        let (path, start) = self.place(name)?;
        let mut file = open_regular(&path)?;
        let mut samples = vec![0; PIXELS];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut samples).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => {
                let why = "the batch ends before this record does; unpack it again from its source";
                SourceError::Malformed(why.to_owned())
            }
            _ => error.into(),
        })?;
        Ok(ImageBytes::Raw(Planes { width: SIDE, height: SIDE, samples: samples.into() }))
    }

    fn file(&self, name: &[u8]) -> Result<PathBuf, SourceError> {
        Ok(self.place(name)?.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_found_behind_its_labels() {
        let root = tempfile::tempdir().unwrap();
        for label_bytes in [1, 2] {
            let record = |value: u8| [vec![99; label_bytes], vec![value; PIXELS]].concat();
            std::fs::write(root.path().join("train.bin"), [record(5), record(6), record(7)].concat()).unwrap();
            let source = Records { root: root.path().to_owned(), label_bytes };
            let expected = Planes { width: 32, height: 32, samples: vec![7; PIXELS].into() };
            assert_eq!(source.bytes(b"train.bin#00002").unwrap(), ImageBytes::Raw(expected));
            assert_eq!(source.file(b"train.bin#00002").unwrap(), root.path().join("train.bin"));
            let error = source.bytes(b"train.bin#00003").unwrap_err().to_string();
            assert!(error.contains("ends before this record"), "{error}");
        }
    }

    #[test]
    fn what_names_no_record_is_not_record_0() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("train.bin"), vec![0; 3 * 3074]).unwrap();
        let source = Records { root: root.path().to_owned(), label_bytes: 2 };
        let overflowing = format!("train.bin#{}", u64::MAX / 3074 + 1).into_bytes();
        let names = [&b"train.bin"[..], b"train.bin#", b"train.bin#-1", b"train.bin#+1", b"train.bin#1x", b"#"];
        for name in names.into_iter().chain([&b"train.bin#99999999999999999999"[..], &overflowing]) {
            let error = source.bytes(name).unwrap_err().to_string();
            assert!(error.contains("names no record"), "{}: {error}", name.escape_ascii());
        }
        assert!(source.bytes(b"../train.bin#0").unwrap_err().to_string().contains("no name within"));
        assert!(source.bytes(b"absent.bin#0").unwrap_err().to_string().starts_with("cannot be read"));
    }
}
