//! What the source of a dataset has of its images.

use std::path::PathBuf;

use super::super::pixels::RgbF32;
use super::super::source::{ImageBytes, SourceError};
use super::{Dataset, ImageId};

impl Dataset {
    /// The bytes of the image that [`Self::source_bytes`] calls `name`.
    ///
    /// # Errors
    /// [`SourceError`], which doesn't name the image; [`Self::shown`] does.
    pub fn bytes(&self, name: &[u8]) -> Result<ImageBytes<'_>, SourceError> {
        self.source.bytes(name)
    }

    /// The values of the image called `name`, where the dataset keeps floats ([`Self::keeps_floats`]).
    ///
    /// # Errors
    /// [`SourceError`], as of [`Self::bytes`].
    pub fn floats(&self, name: &[u8]) -> Result<Option<RgbF32>, SourceError> {
        self.source.floats(name)
    }

    /// Whether its images are kept as floats, and files of images are there to look at alone.
    #[must_use]
    pub fn keeps_floats(&self) -> bool {
        self.source.keeps_floats()
    }

    /// The file that holds an image: its own, or one of many images.
    ///
    /// # Errors
    /// [`SourceError::Malformed`] for a name that leads to no file.
    pub fn file(&self, image: ImageId) -> Result<PathBuf, SourceError> {
        self.source.file(&self.source_bytes(image))
    }
}
