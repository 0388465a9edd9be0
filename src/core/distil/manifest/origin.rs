//! How a distilled image came to be: stitched, optimised or imported. In the manifest it stands flat beside the file's
//! name: `"origin": "stitched", "cells": [...]`. Format 1 knew stitched images alone and didn't say so.

use super::super::patch::CropBox;
use super::super::select::Chosen;
use crate::core::formats::exact;

/// One distilled image.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(into = "Spelt", try_from = "Spelt")]
pub struct ImageNote {
    /// File relative to the manifest: [`super::image_file`].
    pub file: String,
    /// How it was made.
    pub origin: Origin,
}

impl ImageNote {
    /// Whether its pixels began with an image of another set.
    #[must_use]
    pub fn has_parent(&self) -> bool {
        matches!(&self.origin, Origin::Optimised(Optimised { start: Start::Parent { .. }, .. }))
    }

    /// The cells that its pixels were cut from, or that an optimisation began with; none of other images.
    #[must_use]
    pub fn cells(&self) -> &[CellNote] {
        match &self.origin {
            Origin::Stitched(cells) | Origin::Optimised(Optimised { start: Start::Stitched(cells), .. }) => cells,
            Origin::Optimised(_) | Origin::Imported { .. } => &[],
        }
    }
}

/// How an image was made.
#[derive(Clone, Debug, PartialEq)]
pub enum Origin {
    /// Of these cells in row-major order, N of them; its pixels are cut again from them alone.
    Stitched(Vec<CellNote>),
    /// By gradient descent on its pixels.
    Optimised(Optimised),
    /// Taken over from elsewhere.
    Imported {
        /// Name of the file that it came from, for people.
        source: String,
    },
}

impl Origin {
    /// Its word.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Stitched(_) => "stitched",
            Self::Optimised(_) => "optimised",
            Self::Imported { .. } => "imported",
        }
    }
}

/// An optimisation of pixels (SRe2L, CDA, LIC).
#[derive(Clone, Debug, PartialEq)]
pub struct Optimised {
    /// What it began with.
    pub start: Start,
    /// Steps that were taken.
    pub iterations: u32,
    /// The terms of the loss in the last step.
    pub losses: Vec<TermNote>,
}

/// What an optimisation began with.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// Noise that the recipe's seed draws (SRe2L, CDA).
    Noise,
    /// An image stitched of these cells (LIC).
    Stitched(Vec<CellNote>),
    /// An image of another distilled folder.
    Parent {
        /// Its file there, as that folder's manifest names it.
        file: String,
        /// BLAKE3 of the file's bytes, or of the image's values in a set that keeps floats: 64 hexadecimal digits.
        hash: String,
    },
}

/// One term of a loss.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct TermNote {
    /// Its name, e.g. `ce`.
    pub term: String,
    /// Its value, already weighted.
    #[serde(with = "exact::single")]
    pub value: f32,
}

/// One cell: a patch and where it comes from.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct CellNote {
    /// Position in the grid, row-major from 0.
    pub cell: u32,
    /// Source relative to the dataset's root ([`crate::core::data::dataset::Dataset::source`]).
    pub source: String,
    /// Rectangle of the source, in its pixels.
    #[serde(rename = "box")]
    pub bbox: CropBox,
    /// Crop number of that image, from 0; 0 for a whole image.
    pub crop: u32,
    /// Cross-entropy of the observer, −ln p(class).
    #[serde(with = "exact::single")]
    pub loss: f32,
    /// Rank within the class in the order of the strategy: of realism, 0 is the most realistic.
    pub rank: u32,
    /// Why it lies here; ranks alone go without saying.
    #[serde(default, skip_serializing_if = "Chosen::by_rank")]
    pub chosen: Chosen,
}

/// An image as its object in the manifest has it.
#[derive(serde::Serialize, serde::Deserialize)]
pub(super) struct Spelt {
    file: String,
    /// Absent in format 1.
    #[serde(default)]
    origin: Word,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cells: Option<Vec<CellNote>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start: Option<Start>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    iterations: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    losses: Option<Vec<TermNote>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
}

#[derive(Clone, Copy, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    #[default]
    Stitched,
    Optimised,
    Imported,
}

impl From<ImageNote> for Spelt {
    fn from(ImageNote { file, origin }: ImageNote) -> Self {
        let nothing = |file, origin| Self {
            file,
            origin,
            cells: None,
            start: None,
            iterations: None,
            losses: None,
            source: None,
        };
        match origin {
            Origin::Stitched(cells) => Self { cells: Some(cells), ..nothing(file, Word::Stitched) },
            Origin::Optimised(Optimised { start, iterations, losses }) => Self {
                start: Some(start),
                iterations: Some(iterations),
                losses: Some(losses),
                ..nothing(file, Word::Optimised)
            },
            Origin::Imported { source } => Self { source: Some(source), ..nothing(file, Word::Imported) },
        }
    }
}

impl TryFrom<Spelt> for ImageNote {
    type Error = String;

    fn try_from(spelt: Spelt) -> Result<Self, String> {
        let Spelt { file, origin, cells, start, iterations, losses, source } = spelt;
        let lacks = |what: &str| format!("image '{file}' lacks the field '{what}'");
        let origin = match origin {
            Word::Stitched => Origin::Stitched(cells.ok_or_else(|| lacks("cells"))?),
            Word::Optimised => Origin::Optimised(Optimised {
                start: start.ok_or_else(|| lacks("start"))?,
                iterations: iterations.ok_or_else(|| lacks("iterations"))?,
                losses: losses.ok_or_else(|| lacks("losses"))?,
            }),
            Word::Imported => Origin::Imported { source: source.ok_or_else(|| lacks("source"))? },
        };
        Ok(Self { file, origin })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(origin: Origin) -> ImageNote {
        ImageNote { file: "00000/class00000_id00000.png".into(), origin }
    }

    #[test]
    fn every_origin_has_one_spelling() {
        let losses =
            vec![TermNote { term: "ce".into(), value: 0.1 }, TermNote { term: "bn".into(), value: f32::INFINITY }];
        let optimised = |start| Origin::Optimised(Optimised { start, iterations: 1000, losses: losses.clone() });
        let cell = CellNote {
            cell: 0,
            source: "a.jpg".into(),
            bbox: CropBox { top: 1, left: 2, height: 3, width: 4 },
            crop: 1,
            loss: 0.5,
            rank: 7,
            chosen: Chosen::Rank,
        };
        let pinned = CellNote { chosen: Chosen::Pin, ..cell.clone() };
        let parent = Start::Parent { file: "00001/class00001_id00000.png".into(), hash: "ab".repeat(32) };
        let cell_text = r#"[{"cell":0,"source":"a.jpg","box":{"top":1,"left":2,"height":3,"width":4},"crop":1,"loss":0.5,"rank":7}]"#;
        let rest = r#""iterations":1000,"losses":[{"term":"ce","value":0.1},{"term":"bn","value":"inf"}]"#;
        for (origin, text) in [
            (Origin::Stitched(vec![cell.clone()]), format!(r#""origin":"stitched","cells":{cell_text}"#)),
            (
                Origin::Stitched(vec![pinned]),
                format!(r#""origin":"stitched","cells":{}"#, cell_text.replace("}]", r#","chosen":"pin"}]"#)),
            ),
            (optimised(Start::Noise), format!(r#""origin":"optimised","start":"noise",{rest}"#)),
            (
                optimised(Start::Stitched(vec![cell])),
                format!(r#""origin":"optimised","start":{{"stitched":{cell_text}}},{rest}"#),
            ),
            (
                optimised(parent),
                format!(
                    r#""origin":"optimised","start":{{"parent":{{"file":"00001/class00001_id00000.png","hash":"{}"}}}},{rest}"#,
                    "ab".repeat(32)
                ),
            ),
            (Origin::Imported { source: "images.pt".into() }, r#""origin":"imported","source":"images.pt""#.to_owned()),
        ] {
            let due = format!(r#"{{"file":"00000/class00000_id00000.png",{text}}}"#);
            assert_eq!(serde_json::to_string(&note(origin.clone())).unwrap(), due);
            assert_eq!(serde_json::from_str::<ImageNote>(&due).unwrap(), note(origin));
        }
    }

    #[test]
    fn an_image_says_what_it_lacks() {
        for (text, why) in [
            (r#"{"file":"a"}"#, "image 'a' lacks the field 'cells'"),
            (r#"{"file":"a","origin":"imported"}"#, "lacks the field 'source'"),
            (r#"{"file":"a","origin":"optimised","start":"noise","losses":[]}"#, "lacks the field 'iterations'"),
            (r#"{"file":"a","origin":"painted"}"#, "unknown variant `painted`"),
        ] {
            let error = serde_json::from_str::<ImageNote>(text).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
