//! Where the bytes of a dataset's images come from.
//!
//! An index names its images ([`super::dataset::Dataset::source_bytes`]); whoever opened the dataset gives it an
//! [`ImageSource`] that turns such a name into bytes, however they are kept: one file each, records of a batch, entries
//! of an archive. Decoders and windows see bytes and names, and no layout.

use std::borrow::Cow;
use std::path::PathBuf;

use super::pixels::RgbF32;

/// Most bytes that a source gives for one image; larger ones are refused before anything is read or allocated.
pub const MAX_IMAGE_BYTES: u64 = 2 << 30;

/// What a source has of an image, borrowed where the source holds it in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageBytes<'a> {
    /// An encoded image as it lies on the disk: of which format, its first bytes say. It may be damaged.
    Encoded(Cow<'a, [u8]>),
    /// Samples without a header, whose meaning the layout knows.
    Raw(Planes<'a>),
}

/// Raw 8-bit samples: a plane of red, then one of green, then one of blue, rows from the top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planes<'a> {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// 3·width·height samples.
    pub samples: Cow<'a, [u8]>,
}

/// Why a source has no bytes for a name. The message doesn't name the image: whoever shows it does.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The system refuses; it may not do so the next time.
    #[error("cannot be read ({0}); check that it is there and that you may read it")]
    Unreadable(#[from] std::io::Error),
    /// A folder, a pipe or a device: opening one could wait for ever, reading it never end.
    #[error("is no regular file; put the image itself in its place or remove it")]
    NotAFile,
    /// More than [`MAX_IMAGE_BYTES`].
    #[error("too large: {:.1} GiB and 2 GiB are allowed; shrink it or remove it", *.0 as f64 / (1_u64 << 30) as f64)]
    TooLarge(u64),
    /// The name or what it leads to is not what the layout holds.
    #[error("{0}")]
    Malformed(String),
}

/// A dataset's images by name. Many threads ask at once and in any order, so an implementation holds no lock while it
/// reads, and makes no more copies of an image's bytes than the one that it hands out.
pub trait ImageSource: std::fmt::Debug + Send + Sync {
    /// The bytes of the image that the index calls `name`, read anew on each call.
    ///
    /// # Errors
    /// [`SourceError`]. A name that was taken from elsewhere (a manifest) is refused where it leads out of the dataset.
    fn bytes(&self, name: &[u8]) -> Result<ImageBytes<'_>, SourceError>;

    /// The values of the image, of a source that keeps floats ([`Self::keeps_floats`]): they count, and [`Self::bytes`]
    /// has a picture of them. `None` of any other.
    ///
    /// # Errors
    /// [`SourceError`], as of [`Self::bytes`].
    fn floats(&self, name: &[u8]) -> Result<Option<RgbF32>, SourceError> {
        let _ = name;
        Ok(None)
    }

    /// Whether its images are kept as floats.
    fn keeps_floats(&self) -> bool {
        false
    }

    /// The file that holds the image: its own, or that of a batch or an archive. It need not exist.
    ///
    /// # Errors
    /// [`SourceError::Malformed`] for a name that leads to no file of the dataset.
    fn file(&self, name: &[u8]) -> Result<PathBuf, SourceError>;
}

/// Images in memory, for tests.
#[cfg(test)]
#[derive(Debug, Default)]
pub(crate) struct Held(pub std::collections::BTreeMap<Vec<u8>, ImageBytes<'static>>);

#[cfg(test)]
impl Held {
    /// Encoded images by name.
    pub(crate) fn encoded(images: impl IntoIterator<Item = (String, Vec<u8>)>) -> std::sync::Arc<Self> {
        let pair = |(name, bytes): (String, Vec<u8>)| (name.into_bytes(), ImageBytes::Encoded(bytes.into()));
        std::sync::Arc::new(Self(images.into_iter().map(pair).collect()))
    }
}

#[cfg(test)]
impl ImageSource for Held {
    fn bytes(&self, name: &[u8]) -> Result<ImageBytes<'_>, SourceError> {
        match self.0.get(name) {
            Some(ImageBytes::Encoded(bytes)) => Ok(ImageBytes::Encoded(Cow::Borrowed(bytes))),
            Some(ImageBytes::Raw(Planes { width, height, samples })) => {
                Ok(ImageBytes::Raw(Planes { width: *width, height: *height, samples: Cow::Borrowed(samples) }))
            }
            None => Err(std::io::Error::from(std::io::ErrorKind::NotFound).into()),
        }
    }

    fn file(&self, _: &[u8]) -> Result<PathBuf, SourceError> {
        Ok("memory".into())
    }
}
