//! The formats that a set is exported in: one variant for each, and what it is.

use super::content::{Content, ExportError, Takes, Writer};
use super::{contact_sheet, dd_ranking, imagefolder, lic, parquet, rded, sre2l, webdataset};
use crate::core::data::normalise::MeanStd;
use crate::core::formats::image_kind::ImageKind;

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RDED's class folders with the manifest.
    Rded,
    /// SRe2L's class folders.
    Sre2l,
    /// Folders named by class, with `metadata.jsonl`.
    ImageFolder,
    /// One file for the `datasets` library.
    Parquet,
    /// Shards for the `webdataset` library.
    WebDataset,
    /// Normalised tensors for DD-Ranking.
    DdRanking,
    /// Tensors in [0, 1] for LIC's evaluation.
    Lic,
    /// Pages to look at.
    ContactSheet,
    /// The source images that the set was made of.
    Sources,
}

/// The kinds of files that torchvision's `ImageFolder` looks for and Pillow reads to the same pixels.
const OF_FOLDERS: Takes =
    Takes::Files(&[ImageKind::Jpeg, ImageKind::Png, ImageKind::Bmp, ImageKind::WebP, ImageKind::Tiff]);

impl Format {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Rded,
        Self::Sre2l,
        Self::ImageFolder,
        Self::Parquet,
        Self::WebDataset,
        Self::DdRanking,
        Self::Lic,
        Self::ContactSheet,
        Self::Sources,
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rded => "rded",
            Self::Sre2l => "sre2l",
            Self::ImageFolder => "imagefolder",
            Self::Parquet => "parquet",
            Self::WebDataset => "webdataset",
            Self::DdRanking => "dd-ranking",
            Self::Lic => "lic",
            Self::ContactSheet => "contact-sheet",
            Self::Sources => "sources",
        }
    }

    /// What it is and what reads it, in one line.
    #[must_use]
    pub fn readers(self) -> &'static str {
        match self {
            Self::Rded => "RDED's class folders with the manifest, for RDED's code, stillroom and torchvision",
            Self::Sre2l => "SRe2L's class folders, for the code of SRe2L and its followers and for torchvision",
            Self::ImageFolder => {
                "Folders named by class with metadata.jsonl, for torchvision and Hugging Face datasets"
            }
            Self::Parquet => "One file of images and labels, for Hugging Face datasets, pyarrow and pandas",
            Self::WebDataset => "Tar shards of images, labels and JSON, for the webdataset library",
            Self::DdRanking => "images.pt and labels.pt, normalised with its constants, for DD-Ranking",
            Self::Lic => "data.pt with values from 0 to 1, or a set's floats as they are, for LIC's evaluation",
            Self::ContactSheet => "PNG pages with all images and index.csv, to look at",
            Self::Sources => "The whole images that the set was made of, in folders named by class",
        }
    }

    /// What it takes of an image.
    #[must_use]
    pub fn takes(self) -> Takes {
        match self {
            Self::Rded | Self::Sre2l | Self::ImageFolder | Self::Parquet | Self::Sources => OF_FOLDERS,
            // The library's decoder goes by endings, and knows these and Netpbm's.
            Self::WebDataset => Takes::Files(&[ImageKind::Jpeg, ImageKind::Png]),
            Self::DdRanking | Self::Lic => Takes::Values,
            Self::ContactSheet => Takes::Pixels,
        }
    }

    /// Whether it holds the very values of a set that keeps floats.
    #[must_use]
    pub fn keeps_floats(self) -> bool {
        // RDED's folders have them in a file beside the images.
        self == Self::Rded || self.takes() == Takes::Values
    }

    /// The layout of a set. `mean_std` is for those formats that normalise.
    ///
    /// # Errors
    /// [`ExportError::Refused`] where the format can't hold the set.
    pub fn layout(self, content: &Content, mean_std: Option<MeanStd>) -> Result<Box<dyn Writer>, ExportError> {
        Ok(match self {
            Self::Rded => Box::new(rded::layout::layout(content)?),
            Self::Sre2l => Box::new(sre2l::layout(content)?),
            Self::ImageFolder | Self::Sources => Box::new(imagefolder::layout(content)?),
            Self::Parquet => Box::new(parquet::layout(content)),
            Self::WebDataset => Box::new(webdataset::layout(content)),
            Self::DdRanking => Box::new(dd_ranking::layout(content, mean_std)?),
            Self::Lic => Box::new(lic::layout(content)?),
            Self::ContactSheet => Box::new(contact_sheet::layout(content)?),
        })
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|format| format.name() == text);
        found.ok_or_else(|| format!("'{text}' is no format: give {}", Self::ALL.map(Self::name).join(", ")))
    }
}
