//! The manifest: how every image of a distilled dataset was made, with the provenance of every cell.
//!
//! `manifest.json` lies beside the class folders. It holds no times and no absolute paths, so equal runs have
//! byte-equal manifests. Format 2 says of each image how it was made ([`Origin`]); format 1 knew stitched images alone
//! and is still read. Where a person had a say, the format is 3: cells need not lie where their ranks are, and say so. Where
//! a method moved the pixels (SRe2L, CDA, LIC), or the images are kept as floats, it is 4; sets of RDED's that older versions
//! kept as floats have 2 or 3, and are read. A cell is cut again from it alone: `source` names the image within the dataset
//! ([`crate::core::data::names::unescape`], then [`crate::core::data::dataset::Dataset::bytes`]), `box` the rectangle,
//! `patch_side` the side.
//!
//! Losses are the shortest decimal that restores the very f32; the JSON strings `"inf"`, `"-inf"` and `"nan"` stand
//! for what JSON has no number for.

use super::recipe::Recipe;
use crate::core::data::class_order::ClassOrder;
use crate::core::data::dataset::{Layout, Split};
use crate::core::data::holdout::Holdout;
use crate::core::data::normalise::MeanStd;

mod check;
pub mod json;
mod origin;

pub use check::ManifestError;
pub use origin::{CellNote, ImageNote, Optimised, Origin, Start, TermNote};

/// The version of the format in which ranks alone say where cells lie.
pub const RANKED: u32 = 2;

/// The version in which cells lie as a person had them.
pub const CURATED: u32 = 3;

/// The version of sets whose pixels were moved, or whose images are kept as floats: the highest that this program reads.
pub const FORMAT: u32 = 4;

/// All that is known about how a distilled dataset came to be.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Manifest {
    /// Version of this format: [`RANKED`], [`CURATED`] or [`FORMAT`].
    pub format: u32,
    /// What wrote it.
    pub program: Program,
    /// The method and its parameters, seed included.
    pub recipe: Recipe,
    /// The IPC of the larger set whose first images these are, where that set was laid out and this one is a part of it
    /// (the paper's table 6): ranks are those of the larger set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nested_in: Option<u32>,
    /// The data it was distilled from.
    pub dataset: DatasetNote,
    /// The network whose gradients moved the pixels, or that scored the patches; `None` where none had a part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observer: Option<ObserverNote>,
    /// Networks that moved the pixels together with the observer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<ObserverNote>,
    /// The network that scored the patches, where it is another than the one that moved the pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scored_by: Option<ObserverNote>,
    /// Class of device that computed the scores, e.g. `cpu`; other classes round differently.
    pub device: String,
    /// Side in pixels to which crops were resized before scoring and stitching; `None` where nothing was stitched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch_side: Option<u32>,
    /// Every class in order.
    pub classes: Vec<ClassNote>,
}

/// Name and version of the program.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Program {
    /// `stillroom`.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl Program {
    /// This program.
    #[must_use]
    pub fn this() -> Self {
        Self { name: env!("CARGO_PKG_NAME").to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
    }
}

/// Which dataset, wherever it lies.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DatasetNote {
    /// [`crate::core::data::dataset::Dataset::fingerprint`].
    pub fingerprint: String,
    /// How it is kept on disk.
    pub layout: Layout,
    /// The part that was used.
    pub split: Split,
    /// What was held out of it, where it has no test split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holdout: Option<Holdout>,
}

/// Which observer, wherever its file lies.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ObserverNote {
    /// Hash of its weights.
    pub fingerprint: String,
    /// Which of the networks in its file, where one was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// Network, e.g. `resnet20_cifar`.
    pub network: String,
    /// Side in pixels of its input.
    pub side: u32,
    /// Normalisation of its input.
    #[serde(flatten)]
    pub normalise: MeanStd,
    /// The output in its file for each class, in class order.
    pub outputs: Vec<u32>,
    /// The outputs of the file that it was pruned to, so that its softmax is over them alone; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<u32>,
    /// The order of integers that gave these outputs, where the order of the classes alone decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_order: Option<ClassOrder>,
}

/// One class and its distilled images.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ClassNote {
    /// Running index, from 0.
    pub index: u32,
    /// Name in the original dataset.
    pub name: String,
    /// Name for people, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Folder of the distilled images: [`class_folder`] of the index.
    pub folder: String,
    /// Images of the subset that were scored.
    pub scored: u32,
    /// Images of the subset that could not be decoded.
    pub broken: u32,
    /// The distilled images: IPC of them, or fewer of a short class ([`super::short::ShortClasses`]).
    pub images: Vec<ImageNote>,
}

impl ClassNote {
    /// What people call it: its title, or else its name.
    #[must_use]
    pub fn shown(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.name)
    }
}

/// An entry of `classes.json`: what one needs to train on the folders, without the provenance.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ClassEntry {
    /// Running index: the label.
    pub index: u32,
    /// Folder.
    pub folder: String,
    /// Name in the original dataset.
    pub name: String,
    /// Name for people, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// Folder of a class: five digits, as RDED has it.
#[must_use]
pub fn class_folder(class: u32) -> String {
    format!("{class:05}")
}

/// File of a distilled image relative to the dataset, `00000/class00000_id00000.png`.
#[must_use]
pub fn image_file(class: u32, image: u32, extension: &str) -> String {
    format!("{class:05}/class{class:05}_id{image:05}.{extension}")
}

impl Manifest {
    /// The text of `manifest.json`: indented, one line per cell, the same bytes for equal manifests.
    ///
    /// # Errors
    /// None for a manifest of this type; the result is that of the JSON writer.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        json::write(self, json::OPEN_LEVELS)
    }

    /// Reads and checks the text of a `manifest.json`, of these formats or of format 1.
    ///
    /// # Errors
    /// [`ManifestError`]: not JSON, a field is missing or of another type, a newer format, or contents that
    /// contradict each other.
    pub fn parse(text: &[u8]) -> Result<Self, ManifestError> {
        /// Read first, so that a newer format is called that and not a missing field.
        #[derive(serde::Deserialize)]
        struct Header {
            format: u32,
        }
        let header: Header = serde_json::from_slice(text).map_err(|e| ManifestError::NotOne { why: e.to_string() })?;
        match header.format {
            1..=FORMAT => {}
            0 => return Err(ManifestError::NotOne { why: "there is no format 0".to_owned() }),
            found => return Err(ManifestError::Newer { found, known: FORMAT }),
        }
        let mut manifest: Self =
            serde_json::from_slice(text).map_err(|e| ManifestError::NotOne { why: e.to_string() })?;
        // What format 1 left unsaid has been said by reading it.
        manifest.format = header.format.max(RANKED);
        manifest.validate()?;
        Ok(manifest)
    }

    /// The IPC by which ranks are laid out in cells: that of the larger set for a part of one.
    #[must_use]
    pub fn layout_ipc(&self) -> u32 {
        self.nested_in.unwrap_or(self.recipe.ipc)
    }

    /// The entries of `classes.json`.
    #[must_use]
    pub fn class_entries(&self) -> Vec<ClassEntry> {
        let entry = |c: &ClassNote| ClassEntry {
            index: c.index,
            folder: c.folder.clone(),
            name: c.name.clone(),
            title: c.title.clone(),
        };
        self.classes.iter().map(entry).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::core::distil::compose::rank_of;
    use crate::core::distil::patch::CropBox;
    use crate::core::distil::rded::Rded;
    use crate::core::distil::recipe::{Method, OutputFormat};
    use crate::core::distil::select::Chosen;

    /// A manifest of 2 classes, IPC 2, N = 4, with awkward losses and names.
    pub(crate) fn sample() -> Manifest {
        let method = Method::Rded(Rded { subset: 9, ..Rded::default() });
        let recipe = Recipe { ipc: 2, seed: u64::MAX, format: OutputFormat::Jpeg(75), method };
        let losses = [0.1, f32::MIN_POSITIVE, 1e-45, 2.5, 16_777_217.0, f32::MAX, f32::INFINITY, f32::NAN];
        let cell = |class: u32, image: u32, k: u32| {
            let rank = rank_of(k as usize, image as usize, 2) as u32;
            CellNote {
                cell: k,
                source: format!("train/c{class}/odd\\xff{rank}.jpg"),
                bbox: CropBox { top: 1, left: 2, height: 3 + k, width: 3 + k },
                crop: k,
                loss: losses[rank as usize],
                rank,
                chosen: Chosen::Rank,
            }
        };
        let image = |class, id| ImageNote {
            file: image_file(class, id, "jpg"),
            origin: Origin::Stitched((0..4).map(|k| cell(class, id, k)).collect()),
        };
        let class = |index: u32| ClassNote {
            index,
            name: format!("c{index}"),
            title: (index == 1).then(|| "a title".to_owned()),
            folder: class_folder(index),
            scored: 8,
            broken: 1,
            images: (0..2).map(|id| image(index, id)).collect(),
        };
        Manifest {
            format: RANKED,
            program: Program { name: "stillroom".into(), version: "0.0.0".into() },
            recipe,
            nested_in: None,
            dataset: DatasetNote {
                fingerprint: "d".repeat(32),
                layout: Layout::ImageFolder,
                split: Split::Train,
                holdout: None,
            },
            observer: Some(ObserverNote {
                fingerprint: "0".repeat(32),
                part: None,
                network: "resnet18".into(),
                side: 224,
                normalise: MeanStd::IMAGENET,
                outputs: vec![7, 0],
                kept: vec![],
                class_order: None,
            }),
            beside: Vec::new(),
            scored_by: None,
            device: "cpu".into(),
            patch_side: Some(112),
            classes: vec![class(0), class(1)],
        }
    }

    #[test]
    fn a_manifest_survives_its_own_text() {
        let manifest = sample();
        let text = manifest.to_json().unwrap();
        let read = Manifest::parse(&text).unwrap();
        assert_eq!(read.to_json().unwrap(), text, "the same bytes again");
        let losses = |m: &Manifest| -> Vec<u32> {
            let cells = m.classes.iter().flat_map(|c| &c.images).flat_map(|i| i.cells());
            cells.map(|c| c.loss.to_bits()).collect()
        };
        assert_eq!(losses(&read), losses(&manifest));
        assert_eq!(read.recipe, manifest.recipe);
        assert_eq!(read.observer, manifest.observer);
    }

    /// `tests/fixtures/format1/manifest.json` was written by the program that knew format 1 alone.
    #[test]
    fn format_1_is_read_and_format_2_adds_only_its_own_field() {
        let old = include_str!("../../../../tests/fixtures/format1/manifest.json");
        let manifest = Manifest::parse(old.as_bytes()).unwrap();
        let new = String::from_utf8(manifest.to_json().unwrap()).unwrap();
        let added = |line: &&str| line.trim() == r#""origin": "stitched","#;
        assert_eq!(new.lines().filter(added).count(), 3, "one for each image");
        let rest: String = new.lines().filter(|line| !added(line)).map(|line| format!("{line}\n")).collect();
        assert_eq!(rest, old.replace(r#""format": 1,"#, r#""format": 2,"#));
        assert_eq!(Manifest::parse(new.as_bytes()).unwrap(), manifest);
    }

    #[test]
    fn a_cell_is_one_line_that_names_its_source() {
        let text = String::from_utf8(sample().to_json().unwrap()).unwrap();
        let cell = r#"{"cell":1,"source":"train/c0/odd\\xff2.jpg","box":{"top":1,"left":2,"height":4,"width":4},"crop":1,"loss":1e-45,"rank":2}"#;
        let line = text.lines().find(|l| l.contains(r"odd\\xff2.jpg")).unwrap();
        assert_eq!(line.trim().trim_end_matches(','), cell);
        assert!(text.contains(r#""loss":"inf""#) && text.contains(r#""loss":"nan""#));
        assert!(text.contains(r#""format": "jpeg:75""#) && text.ends_with("}\n"));
    }

    #[test]
    fn classes_json_lists_label_folder_and_name() {
        let text = serde_json::to_string(&sample().class_entries()).unwrap();
        let expected =
            r#"[{"index":0,"folder":"00000","name":"c0"},{"index":1,"folder":"00001","name":"c1","title":"a title"}]"#;
        assert_eq!(text, expected);
    }
}
