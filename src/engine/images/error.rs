//! Why an image can't be used, and how large one may be.

use crate::core::data::source::SourceError;

/// Most bytes that one image may take while it is decoded: the decoder's own pixels, what a progressive JPEG keeps
/// until its last scan, and the RGB copy where one is made. Decided by the header, before any pixel is decoded.
///
/// A 20,000×20,000 RGB image (1.2 GB) is read from a PNG or a baseline JPEG; with alpha, with 16-bit samples or as a
/// progressive JPEG it is too large.
pub const MAX_DECODED_BYTES: u64 = 2 << 30;

/// Why an image can't be used. The message says what is wrong and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// One of the others, and the file it is about.
    #[error("{file}: {reason}")]
    InFile {
        /// Its path as text ([`Dataset::shown`](crate::core::data::dataset::Dataset::shown)).
        file: String,
        /// What is wrong.
        #[source]
        reason: Box<ImageError>,
    },
    /// There are no bytes to decode.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// No bytes at all.
    #[error("the file is empty; copy it again from its source or remove it")]
    Empty,
    /// Unknown signature.
    #[error(
        "not an image that can be read (it begins like no JPEG, PNG, BMP, WebP, GIF, TIFF or PNM); convert it to PNG or \
         remove it"
    )]
    Unknown,
    /// Known, but not read.
    #[error("{0} is not supported; convert it to PNG")]
    Unsupported(String),
    /// The decoder refuses the bytes.
    #[error("damaged {format} ({detail}); copy it again from its source or remove it")]
    Damaged {
        /// Name of the format.
        format: &'static str,
        /// What the decoder says.
        detail: String,
    },
    /// It would take more than [`MAX_DECODED_BYTES`].
    #[error(
        "too large: {width}×{height} pixels take {:.1} GiB while they are decoded and 2 GiB are allowed; shrink it or \
         cut it into several images",
        *.bytes as f64 / (1_u64 << 30) as f64
    )]
    TooLarge {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// Bytes it would take.
        bytes: u64,
    },
}

impl ImageError {
    /// What is wrong, without the file: for lists that show the file themselves.
    #[must_use]
    pub fn reason(&self) -> &Self {
        match self {
            Self::InFile { reason, .. } => reason.reason(),
            other => other,
        }
    }

    /// Whether the system would not read it: unlike a damaged file, that may pass.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self.reason(), Self::Source(SourceError::Unreadable(_)))
    }

    pub(super) fn in_file(self, file: String) -> Self {
        Self::InFile { file, reason: Box::new(self) }
    }
}

/// Fails where an image of `width`×`height` would take more than [`MAX_DECODED_BYTES`].
pub(super) fn check_size(width: u32, height: u32, bytes: u64) -> Result<(), ImageError> {
    if bytes > MAX_DECODED_BYTES { Err(ImageError::TooLarge { width, height, bytes }) } else { Ok(()) }
}
