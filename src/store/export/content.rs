//! What is exported, whatever the format: classes and images of a set, where their bytes come from, and how they are
//! written and read back.

use std::path::PathBuf;

use super::super::files::shown;
use super::super::import::cifar;
use super::folder::{FolderError, NewFolder};
use super::rounding::Rounding;
use crate::core::data::dataset::{Class, Layout};
use crate::core::data::pixels::{Rgb, Rgb8};
use crate::core::distil::manifest::Manifest;
use crate::core::distil::set::SetError;
use crate::core::formats::image_kind::ImageKind;
use crate::core::progress::{Cancelled, Progress};

/// One image as it is exported.
#[derive(Clone, Debug)]
pub struct Picture {
    /// The running index of its class.
    pub label: u32,
    /// Its number within the class, from 0.
    pub number: u32,
    /// Its name in the set, as text.
    pub file: String,
    /// Ending of its file, without the dot.
    pub extension: &'static str,
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// Bytes of its file; 0 for formats that take pixels.
    pub bytes: u64,
    /// Hash of the file's bytes, or of the values for formats that take them.
    pub hash: blake3::Hash,
    /// What is known of how it was made: fields for its line of metadata.
    pub about: serde_json::Map<String, serde_json::Value>,
}

/// The images of a set, sorted by class.
#[derive(Clone, Debug)]
pub struct Content {
    /// The classes in the order of their labels.
    pub classes: Vec<Class>,
    /// All images, by label, then by number.
    pub pictures: Vec<Picture>,
    /// How the set was made, where that is known.
    pub manifest: Option<Manifest>,
    /// How the dataset is kept that it was made from, or that it is.
    pub layout: Layout,
    /// Of a set that keeps floats: what becomes of them in 8 bits.
    pub rounding: Option<Rounding>,
}

impl Content {
    /// Which dataset it is of, by how that is kept: class folders with CIFAR's own names are taken for CIFAR.
    #[must_use]
    pub fn origin(&self) -> Layout {
        let named = || cifar::of_classes(self.classes.iter().map(Class::label));
        if self.layout == Layout::ImageFolder { named().unwrap_or(self.layout) } else { self.layout }
    }

    /// What a class is called: its title where it has one.
    #[must_use]
    pub fn class_name(&self, label: u32) -> &str {
        self.classes.get(label as usize).map_or("", Class::label)
    }

    /// Images of each class.
    #[must_use]
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        for picture in &self.pictures {
            if let Some(count) = counts.get_mut(picture.label as usize) {
                *count += 1;
            }
        }
        counts
    }

    /// A folder's loaders number the classes by the folders that they find: a class without images would shift all that
    /// follow it.
    ///
    /// # Errors
    /// [`ExportError::Refused`], which names the classes.
    pub fn each_class_has_images(&self) -> Result<(), ExportError> {
        let counts = self.counts();
        let empty: Vec<&str> = (0..).zip(&counts).filter(|(_, n)| **n == 0).map(|(l, _)| self.class_name(l)).collect();
        if empty.is_empty() {
            return Ok(());
        }
        Err(ExportError::Refused(format!(
            "{} of {} classes have no images ({}): loaders of class folders leave them out and number the others anew; \
             export as parquet or webdataset, which hold the labels themselves",
            empty.len(),
            counts.len(),
            some(&empty)
        )))
    }
}

/// The first few of many names.
#[must_use]
pub fn some(names: &[&str]) -> String {
    const NAMED: usize = 10;
    let more = names.len().saturating_sub(NAMED);
    let named = names[..names.len() - more].join(", ");
    if more == 0 { named } else { format!("{named} and {more} more") }
}

/// Where the images come from. The engine's part: the store neither decodes nor encodes.
pub trait Pictures {
    /// The file's bytes of an image, as [`Content::pictures`] describes them.
    ///
    /// # Errors
    /// [`SetError`] where it can't be read any more.
    fn bytes(&self, at: usize) -> Result<Vec<u8>, SetError>;

    /// The pixels of an image; floats in 8 bits.
    ///
    /// # Errors
    /// As [`Self::bytes`].
    fn pixels(&self, at: usize) -> Result<Rgb8, SetError>;

    /// The values of an image as the set keeps them: floats, or the pixels.
    ///
    /// # Errors
    /// As [`Self::bytes`].
    fn values(&self, at: usize) -> Result<Rgb, SetError>;

    /// An image at another size.
    fn scaled(&self, image: &Rgb8, size: (u32, u32)) -> Rgb8;

    /// The bytes of a PNG file.
    ///
    /// # Errors
    /// Why it can't be had.
    fn png(&self, image: &Rgb8) -> Result<Vec<u8>, String>;

    /// The pixels of a file.
    ///
    /// # Errors
    /// Why they can't be had.
    fn decoded(&self, bytes: &[u8]) -> Result<Rgb8, String>;
}

/// What a format takes of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// The bytes of files of these kinds; other images become PNG files with the same pixels.
    Files(&'static [ImageKind]),
    /// The pixels, in 8 bits.
    Pixels,
    /// The values as the set keeps them: floats, or the pixels.
    Values,
}

/// Hash of an image's size and values.
#[must_use]
pub fn value_hash(image: &Rgb) -> blake3::Hash {
    let (width, height) = image.size();
    let mut hash = blake3::Hasher::new();
    hash.update(&width.to_le_bytes()).update(&height.to_le_bytes()).update(image.hash().as_bytes());
    hash.finalize()
}

/// What an export will take on the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Files.
    pub files: u64,
    /// Their bytes, or an upper bound.
    pub bytes: u64,
    /// Whether it is the very size and no upper bound.
    pub exact: bool,
}

impl Size {
    /// Bytes that it takes of a disk: to those of each file come an entry, and the rest of its last block.
    #[must_use]
    pub fn on_disk(self) -> u64 {
        const FILE: u64 = 4096;
        self.bytes.saturating_add(self.files.saturating_mul(FILE))
    }
}

/// How far the exported pixels are from the set's, in levels of 0 to 255.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Difference {
    /// The greatest of one value.
    pub greatest: u32,
    sum: f64,
    values: u64,
}

impl Difference {
    /// The mean over all values.
    #[must_use]
    pub fn mean(&self) -> f64 {
        if self.values == 0 { 0.0 } else { self.sum / self.values as f64 }
    }

    /// Takes a value and what became of it.
    pub fn add(&mut self, a: u8, b: u8) {
        let difference = u32::from(a.abs_diff(b));
        self.greatest = self.greatest.max(difference);
        self.sum += f64::from(difference);
        self.values += 1;
    }
}

/// Why nothing was exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The user asked for it.
    #[error("cancelled; nothing was left behind")]
    Cancelled(#[from] Cancelled),
    /// The output folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// An image of the set.
    #[error(transparent)]
    Set(#[from] SetError),
    /// The format can't hold this set: why, and the remedy.
    #[error("{0}")]
    Refused(String),
    /// What was read back is not what was written.
    #[error("{}: {why}; the disk or the set changed meanwhile: nothing was exported, repeat it", shown(.file))]
    Differs {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// An export at work.
pub struct Export<'a> {
    /// What is exported.
    pub content: &'a Content,
    /// Its images.
    pub pictures: &'a dyn Pictures,
    /// Where to.
    pub folder: &'a NewFolder,
    /// Who hears of it.
    pub progress: &'a mut dyn Progress,
}

impl Export<'_> {
    /// The bytes of an image, which are those that were looked at before.
    ///
    /// # Errors
    /// [`ExportError::Set`], [`ExportError::Differs`].
    pub fn bytes(&self, at: usize) -> Result<Vec<u8>, ExportError> {
        let bytes = self.pictures.bytes(at)?;
        self.same(at, blake3::hash(&bytes))?;
        Ok(bytes)
    }

    /// The same of its pixels.
    ///
    /// # Errors
    /// As [`Self::bytes`].
    pub fn pixels(&self, at: usize) -> Result<Rgb8, ExportError> {
        let pixels = Rgb::Bytes(self.pictures.pixels(at)?);
        self.same(at, value_hash(&pixels))?;
        Ok(pixels.into_pixels())
    }

    /// The same of its values.
    ///
    /// # Errors
    /// As [`Self::bytes`].
    pub fn values(&self, at: usize) -> Result<Rgb, ExportError> {
        let values = self.pictures.values(at)?;
        self.same(at, value_hash(&values))?;
        Ok(values)
    }

    fn same(&self, at: usize, hash: blake3::Hash) -> Result<(), ExportError> {
        let picture = &self.content.pictures[at];
        if picture.hash == hash {
            return Ok(());
        }
        Err(ExportError::Differs { file: PathBuf::from(&picture.file), why: "was changed".to_owned() })
    }

    /// What was read back of a written file is wrong.
    pub fn differs(&self, name: &str, why: impl Into<String>) -> ExportError {
        ExportError::Differs { file: self.folder.partial().join(name), why: why.into() }
    }

    /// Opens a written file.
    ///
    /// # Errors
    /// [`ExportError::Differs`].
    pub fn open(&self, name: &str) -> Result<std::fs::File, ExportError> {
        std::fs::File::open(self.folder.partial().join(name)).map_err(|e| self.differs(name, e.to_string()))
    }

    /// Reads a written file.
    ///
    /// # Errors
    /// [`ExportError::Differs`].
    pub fn read(&self, name: &str) -> Result<Vec<u8>, ExportError> {
        std::fs::read(self.folder.partial().join(name)).map_err(|e| self.differs(name, e.to_string()))
    }

    /// So many images are written.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn written(&mut self, done: usize) -> Result<(), Cancelled> {
        self.progress.step("write", done as u64, self.content.pictures.len() as u64)
    }

    /// So many images are compared.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn compared(&mut self, done: usize) -> Result<(), Cancelled> {
        self.progress.step("compare", done as u64, self.content.pictures.len() as u64)
    }
}

/// How a set is laid out in a format: made from the content, then written and read back.
pub trait Writer {
    /// What it will take on the disk.
    fn size(&self, content: &Content) -> Size;

    /// Writes all files.
    ///
    /// # Errors
    /// [`ExportError`].
    fn write(&self, export: &mut Export<'_>) -> Result<(), ExportError>;

    /// Reads all files back and compares them with the set.
    ///
    /// # Errors
    /// [`ExportError::Differs`].
    fn compare(&self, export: &mut Export<'_>) -> Result<Difference, ExportError>;

    /// Fields for the last line: what is special to this format.
    fn about(&self) -> serde_json::Map<String, serde_json::Value> {
        serde_json::Map::new()
    }

    /// What the user should know before anything is written.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether the set's pixels can be had again.
    fn lossless(&self) -> bool {
        true
    }
}
