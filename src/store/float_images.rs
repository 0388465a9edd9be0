//! The images of a distilled set as floats: [`FILE`] beside `manifest.json`.
//!
//! A safetensors file of two tensors: `labels`, i64 `[N]`, the running index of each image's class, and `images`, f32
//! `[N, 3, H, W]`, RGB in units of [0, 1], which the values may leave. Rows are in the order of the manifest, class by
//! class and image by image. The metadata says what the file is (`kind`), the version of this format (`version`), and of
//! each row the file of the image's preview (`names`, one a line), so that nothing hangs on an order that is only implied.
//!
//! Rows are read when they are asked for: an opened file holds names, labels and nothing else.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::files::shown;
use crate::core::data::pixels::RgbF32;
use crate::core::data::source::{MAX_IMAGE_BYTES, SourceError};
use crate::core::formats::safetensors_file::Directory;
use crate::core::formats::torch_file::Dtype;

/// The file's name in the set's folder.
pub const FILE: &str = "images.safetensors";

/// The tensors.
pub(super) const IMAGES: &str = "images";
pub(super) const LABELS: &str = "labels";

/// The entries of the metadata.
pub(super) const KIND: (&str, &str) = ("kind", "stillroom images");
pub(super) const VERSION: (&str, &str) = ("version", "1");
pub(super) const NAMES: &str = "names";

/// A file that can't be used: which, what is wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {why}", shown(.path))]
pub struct FloatError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong, and the remedy.
    pub why: String,
}

/// The images of a set, opened.
#[derive(Debug)]
pub struct FloatImages {
    path: PathBuf,
    width: u32,
    height: u32,
    /// Where the first row begins in the file.
    first: u64,
    names: Vec<String>,
    labels: Vec<u32>,
    rows: HashMap<Vec<u8>, usize>,
}

/// What is to be done about a file that is wrong.
const REMEDY: &str = "restore the file, or distil the set again";

impl FloatImages {
    /// Opens the file and checks all of it but the values; `None` of one that another program wrote for itself.
    ///
    /// # Errors
    /// [`FloatError`]: it is damaged or cut off, of a newer version, or its parts contradict each other.
    pub fn open(path: &Path) -> Result<Option<Self>, FloatError> {
        let why = |e: std::io::Error| format!("cannot be read ({e}); {REMEDY}");
        let file = File::open(path).map_err(|e| FloatError { path: path.to_owned(), why: why(e) })?;
        Self::parse(path, file)
    }

    /// [`Self::open`] of what lies in the file.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn parse(path: &Path, mut file: impl Read + Seek) -> Result<Option<Self>, FloatError> {
        let wrong = |why: String| FloatError { path: path.to_owned(), why: format!("{why}; {REMEDY}") };
        let directory = Directory::read(&mut file).map_err(|e| wrong(format!("it holds no images as floats: {e}")))?;
        if directory.about(KIND.0) != Some(KIND.1) {
            return Ok(None);
        }
        match directory.about(VERSION.0) {
            Some(known) if known == VERSION.1 => {}
            found => {
                let (found, known) = (found.unwrap_or("no"), VERSION.1);
                let why = format!("it has version {found}, this program knows {known}; use a newer stillroom");
                return Err(FloatError { path: path.to_owned(), why });
            }
        }
        Self::checked(path, &directory, &mut file).map(Some).map_err(wrong)
    }

    fn checked(path: &Path, directory: &Directory, file: &mut (impl Read + Seek)) -> Result<Self, String> {
        let tensor = |name: &str| directory.find(name).ok_or_else(|| format!("it holds no tensor '{name}'"));
        let (images, labels) = (tensor(IMAGES)?, tensor(LABELS)?);
        let [count, 3, height, width] = images.shape[..] else {
            return Err(format!("'{IMAGES}' has the shape {:?} where [N, 3, H, W] is due", images.shape));
        };
        if images.dtype != Some(Dtype::F32) || labels.dtype != Some(Dtype::I64) {
            return Err(format!("'{IMAGES}' is not of 32-bit floats, or '{LABELS}' not of 64-bit integers"));
        }
        if labels.shape != [count] {
            return Err(format!("'{LABELS}' has the shape {:?} for {count} images", labels.shape));
        }
        let sides = u32::try_from(width).ok().zip(u32::try_from(height).ok());
        let row = (width as u64).checked_mul(height as u64).and_then(|n| n.checked_mul(12));
        let (Some((width, height)), Some(1..=MAX_IMAGE_BYTES)) = (sides, row) else {
            return Err(format!("images of {width}×{height} pixels can't be used"));
        };
        let names = directory.about(NAMES).unwrap_or_default();
        // Counted before they are taken apart: there are no more than rows.
        let listed = if names.is_empty() { 0 } else { names.split('\n').count() };
        if listed != count {
            return Err(format!("it has {count} rows and {listed} names of images"));
        }
        let names: Vec<String> = names.split('\n').take(count).map(str::to_owned).collect();
        let rows: HashMap<Vec<u8>, usize> = names.iter().map(|n| n.clone().into_bytes()).zip(0..).collect();
        if rows.len() != count {
            return Err("two of its rows have one name".to_owned());
        }
        let labels = read_labels(file, (labels.bytes.start, count))?;
        Ok(Self { path: path.to_owned(), width, height, first: images.bytes.start, names, labels, rows })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file of each row's preview within the set, in order.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The running index of each row's class, in order.
    #[must_use]
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// Whether there is a row of this name.
    #[must_use]
    pub fn has(&self, name: &[u8]) -> bool {
        self.rows.contains_key(name)
    }

    /// The image of a row's name, read from the file.
    ///
    /// # Errors
    /// [`SourceError`]: there is no such row, it can't be read, or a value is not finite.
    pub fn read(&self, name: &[u8]) -> Result<RgbF32, SourceError> {
        let Some(&row) = self.rows.get(name) else {
            let why = format!("has no row in {}; {REMEDY}", shown(&self.path));
            return Err(SourceError::Malformed(why));
        };
        let length = 12 * self.width as usize * self.height as usize;
        let mut bytes = vec![0; length];
        // Opened anew, so that threads don't wait for each other's place in it.
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.first + row as u64 * length as u64))?;
        file.read_exact(&mut bytes)?;
        let planes: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
        if let Some(at) = planes.iter().position(|v| !v.is_finite()) {
            let (path, value) = (shown(&self.path), planes[at]);
            let why = format!("value {at} of its row {row} in {path} is {value}, which is no colour; {REMEDY}");
            return Err(SourceError::Malformed(why));
        }
        let image = RgbF32::from_planes(self.width, self.height, &planes);
        image.ok_or_else(|| SourceError::Malformed(format!("its row in {} is cut off; {REMEDY}", shown(&self.path))))
    }
}

fn read_labels(file: &mut (impl Read + Seek), (start, count): (u64, usize)) -> Result<Vec<u32>, String> {
    let mut bytes = vec![0; 8 * count];
    let read = file.seek(SeekFrom::Start(start)).and_then(|_| file.read_exact(&mut bytes));
    read.map_err(|e| format!("its labels cannot be read ({e})"))?;
    let label = |b: &[u8; 8]| {
        let value = i64::from_le_bytes(*b);
        u32::try_from(value).map_err(|_| format!("the label {value} is no running index of a class"))
    };
    bytes.as_chunks::<8>().0.iter().map(label).collect()
}

#[cfg(test)]
mod tests;
