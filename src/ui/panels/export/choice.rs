//! What can be exported and as what.

use crate::jobs::export::{Format, Measure};
use crate::store::export::content::Takes;

/// A row of the chooser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// A set in this format, or its source images.
    Set(Format),
    /// The selected images of the open dataset.
    Selected,
    /// A page about a set.
    Report,
}

impl Default for Choice {
    fn default() -> Self {
        Self::Set(Format::ImageFolder)
    }
}

impl Choice {
    /// All rows.
    pub fn all() -> impl Iterator<Item = Self> {
        Format::ALL.into_iter().map(Self::Set).chain([Self::Selected, Self::Report])
    }

    /// The format that images are written in.
    #[must_use]
    pub fn format(self) -> Option<Format> {
        match self {
            Self::Set(format) => Some(format),
            Self::Selected => Some(Format::Sources),
            Self::Report => None,
        }
    }

    /// What people call it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Set(Format::Rded) => "RDED",
            Self::Set(Format::Sre2l) => "SRe2L",
            Self::Set(Format::ImageFolder) => "ImageFolder",
            Self::Set(Format::Parquet) => "Parquet",
            Self::Set(Format::WebDataset) => "WebDataset",
            Self::Set(Format::DdRanking) => "DD-Ranking",
            Self::Set(Format::Lic) => "LIC",
            Self::Set(Format::ContactSheet) => "Contact sheet",
            Self::Set(Format::Sources) => "Source images",
            Self::Selected => "Selected source images",
            Self::Report => "HTML report",
        }
    }

    /// What it is and what reads it.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::Set(format) => format.readers(),
            Self::Selected => "The selected images of the open dataset, whole, in folders named by class",
            Self::Report => "One page with settings, images and their sources, scores and curves, for any browser",
        }
    }

    /// What the suggested folder's name ends with.
    #[must_use]
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Set(format) => format.name(),
            Self::Selected => "selected",
            Self::Report => "report",
        }
    }

    /// What the new file's name ends with; nothing for folders.
    #[must_use]
    pub fn ending(self) -> &'static str {
        if self == Self::Report { ".html" } else { "" }
    }

    /// Whether anything is lost of the pixels, and what.
    #[must_use]
    pub fn fidelity(self, measure: &Measure) -> String {
        let about = |name: &str| measure.about.get(name);
        if measure.rounded {
            return "Not lossless: the set's floats are clamped to 0–1 and rounded to 8 bits. RDED, LIC and DD-Ranking \
                    keep them."
                .to_owned();
        }
        if !measure.lossless {
            let scale = about("scale").and_then(serde_json::Value::as_f64).unwrap_or(1.0);
            return format!(
                "Not lossless: images are scaled to {:.0} % of their side and rounded to 8 bits.",
                scale * 100.0
            );
        }
        match self.format().map(Format::takes) {
            None => String::new(),
            Some(Takes::Files(_)) => {
                "Lossless: files are copied byte by byte; kinds of files that its readers don't know become \
                                PNG files with the same pixels."
                    .to_owned()
            }
            Some(Takes::Pixels) => "Lossless: PNG pages with each pixel as it is.".to_owned(),
            Some(Takes::Values) => {
                let constants = about("mean_std").and_then(serde_json::Value::as_str);
                let normalised = constants.map_or_else(String::new, |by| format!(", normalised by the constants {by}"));
                format!(
                    "Lossless: 32-bit floats{normalised}, which give back the 8-bit levels, or the set's own floats. JPEG files are decoded here; \
                     other decoders may differ by a few levels."
                )
            }
        }
    }
}
