//! Optimised pixels that a project keeps: each batch of images under a name that says all that it follows from, so that
//! equal images are never computed twice, and a killed run goes on where it was.
//!
//! `PROJECT/refined/<key>.safetensors` holds a finished batch, `<key>.partial.safetensors` the state of one that isn't. Both
//! have checksums and are replaced in one step.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::files::{FileError, replace};
use super::sealed;
use crate::core::formats::safetensors_file::{Directory, Floats};
use crate::core::formats::torch_file::Dtype;

const IMAGES: &str = "images";
const TERMS: &str = "terms";

/// Why kept pixels can't be had.
#[derive(Debug, thiserror::Error)]
pub enum RefinementError {
    /// The disk.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file is damaged.
    #[error("{}: {why}", super::files::shown(.file))]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// The optimised pixels of a project.
#[derive(Clone, Debug)]
pub struct Refinements {
    folder: PathBuf,
}

/// A finished batch of images.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    file: PathBuf,
    /// Where the first image's bytes lie.
    start: u64,
    /// Values of an image.
    len: usize,
    /// Images.
    count: usize,
    /// The terms of each step, one after another.
    pub terms: Vec<f32>,
}

impl Refinements {
    /// Those of the project in this folder.
    #[must_use]
    pub fn of(project: &Path) -> Self {
        Self { folder: project.join("refined") }
    }

    fn file(&self, key: &str, kind: &str) -> PathBuf {
        self.folder.join(format!("{key}{kind}.safetensors"))
    }

    /// The state of a batch that isn't finished, as it was given to [`Self::keep`]; `None` where there is none.
    ///
    /// # Errors
    /// [`RefinementError`]; a damaged state is named.
    pub fn state(&self, key: &str) -> Result<Option<Vec<u8>>, RefinementError> {
        let file = self.file(key, ".partial");
        let bytes = match fs::read(&file) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(FileError { path: file, doing: "read", source }.into()),
        };
        match sealed::check(&bytes) {
            Ok(_) => Ok(Some(bytes)),
            Err(e) => Err(RefinementError::Damaged { file, why: e.to_string() }),
        }
    }

    /// Keeps the state of a batch, a safetensors file, instead of the one before.
    ///
    /// # Errors
    /// [`RefinementError::File`] where the disk is full or fails; the state of before stays.
    pub fn keep(&self, key: &str, state: &[u8]) -> Result<(), RefinementError> {
        self.write(&self.file(key, ".partial"), state)
    }

    fn write(&self, file: &Path, bytes: &[u8]) -> Result<(), RefinementError> {
        fs::create_dir_all(&self.folder).map_err(FileError::at(&self.folder, "make this folder"))?;
        let sealed =
            sealed::seal(bytes).map_err(|e| RefinementError::Damaged { file: file.to_owned(), why: e.to_string() })?;
        Ok(replace(file, &sealed)?)
    }

    /// Keeps a finished batch of images, N×3×S×S in [0, 1] units, with the terms of each step, and forgets its state.
    ///
    /// # Errors
    /// [`RefinementError::File`] where the disk is full or fails; the state stays.
    pub fn finish(&self, key: &str, images: Floats<'_>, terms: &[f32]) -> Result<Finished, RefinementError> {
        let file = self.file(key, "");
        let tensors = [(IMAGES, images), (TERMS, Floats { shape: vec![terms.len()], values: terms })];
        let plain = safetensors::serialize(tensors, None);
        let plain = plain.map_err(|e| RefinementError::Damaged { file: file.clone(), why: e.to_string() })?;
        self.write(&file, &plain)?;
        let partial = self.file(key, ".partial");
        match fs::remove_file(&partial) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(FileError::at(&partial, "remove")(e).into()),
            _ => {}
        }
        let lost = || RefinementError::Damaged { file, why: "it went missing as it was written".to_owned() };
        self.finished(key)?.ok_or_else(lost)
    }

    /// A finished batch; `None` where there is none.
    ///
    /// # Errors
    /// [`RefinementError`]; a damaged one is named.
    pub fn finished(&self, key: &str) -> Result<Option<Finished>, RefinementError> {
        let file = self.file(key, "");
        let bytes = match fs::read(&file) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(FileError { path: file, doing: "read", source }.into()),
        };
        let damaged = |why: String| RefinementError::Damaged { file: file.clone(), why };
        let directory: Directory = sealed::check(&bytes).map_err(|e| damaged(e.to_string()))?;
        let (Some(images), Some(terms)) = (directory.find(IMAGES), directory.find(TERMS)) else {
            return Err(damaged("it holds no images".to_owned()));
        };
        let [count, channels, height, width] = images.shape[..] else {
            return Err(damaged("its images have no four dimensions".to_owned()));
        };
        let mut values = Vec::new();
        let data = bytes.get(terms.bytes.start as usize..terms.bytes.end as usize).unwrap_or_default();
        Dtype::F32.append_floats(data, &mut values);
        let (start, len) = (images.bytes.start, channels * height * width);
        Ok(Some(Finished { file, start, len, count, terms: values }))
    }
}

impl Finished {
    /// The values of an image: planar, 3×S×S.
    ///
    /// # Errors
    /// [`RefinementError`] where there is no such image, or the file can't be read any more.
    pub fn image(&self, at: usize) -> Result<Vec<f32>, RefinementError> {
        let damaged = |why: &str| RefinementError::Damaged { file: self.file.clone(), why: why.to_owned() };
        if at >= self.count {
            return Err(damaged("it has no such image"));
        }
        let read = |mut file: File| {
            let mut bytes = vec![0; 4 * self.len];
            file.seek(SeekFrom::Start(self.start + (4 * self.len * at) as u64))?;
            file.read_exact(&mut bytes).map(|()| bytes)
        };
        let bytes = File::open(&self.file).and_then(read).map_err(FileError::at(&self.file, "read"))?;
        let mut values = Vec::new();
        Dtype::F32.append_floats(&bytes, &mut values);
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_kept_by_name_and_damage_is_noticed() {
        let place = tempfile::tempdir().unwrap();
        let kept = Refinements::of(place.path());
        assert!(kept.finished("a").unwrap().is_none() && kept.state("a").unwrap().is_none());
        let state = safetensors::serialize([("x", Floats { shape: vec![1], values: &[1.0] })], None).unwrap();
        kept.keep("a", &state).unwrap();
        assert!(kept.state("a").unwrap().is_some());
        let images: Vec<f32> = (0..24).map(|i| i as f32 - 3.5).collect();
        let batch = Floats { shape: vec![2, 3, 2, 2], values: &images };
        let finished = kept.finish("a", batch, &[0.5, 0.25]).unwrap();
        assert_eq!((finished.image(1).unwrap(), finished.terms.clone()), (images[12..].to_vec(), vec![0.5, 0.25]));
        assert!(finished.image(2).unwrap_err().to_string().contains("no such image"));
        assert_eq!(kept.finished("a").unwrap(), Some(finished));
        assert!(kept.state("a").unwrap().is_none(), "what is finished needs no state");
        let file = place.path().join("refined/a.safetensors");
        let mut bytes = fs::read(&file).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&file, bytes).unwrap();
        let error = kept.finished("a").unwrap_err().to_string();
        assert!(error.contains("a.safetensors: its checksum is wrong"), "{error}");
    }
}
