//! `window.json` of a project: how the window was left, so that it opens again as it was. It names datasets, classes,
//! images and panels by name, never by position, and what it doesn't know it leaves out; whoever reads it falls back to
//! what a new window has.

mod edits;
mod file;
mod recent;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::files::{KeptPath, escaped};
use crate::core::data::class_order::ClassOrder;
use crate::core::data::folders::Folders;
use crate::core::data::holdout::Holdout;
use crate::core::data::normalise::MeanStd;
use crate::core::distil::manifest::Program;
use crate::core::workspace::Theme;

pub use edits::{Edits, Selected};
pub use file::{Read, WindowFile, WindowFileError};
pub use recent::{RecentProjects, note_project};

/// The version of the format that this program writes, and the highest it reads.
pub const FORMAT: u32 = 1;

/// How the window was left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WindowState {
    /// Version of this format, see [`FORMAT`].
    pub format: u32,
    /// What wrote it.
    pub program: Program,
    /// How it looked.
    #[serde(default)]
    pub look: Look,
    /// Where the panels were.
    #[serde(default)]
    pub layout: Layout,
    /// The open dataset.
    #[serde(default)]
    pub dataset: Option<KeptDataset>,
    /// The loaded observer.
    #[serde(default)]
    pub observer: Option<KeptObserver>,
    /// What was edited.
    #[serde(default)]
    pub edits: Edits,
    /// What was selected.
    #[serde(default)]
    pub selected: Selected,
    /// What the panels showed.
    #[serde(default)]
    pub view: View,
}

impl Default for WindowState {
    fn default() -> Self {
        Self {
            format: FORMAT,
            program: Program::this(),
            look: Look::default(),
            layout: Layout::default(),
            dataset: None,
            observer: None,
            edits: Edits::default(),
            selected: Selected::default(),
            view: View::default(),
        }
    }
}

/// How the window looked.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Look {
    /// Light or dark.
    pub theme: Theme,
    /// Size of everything, relative to what the desktop gives.
    pub zoom: f32,
    /// Width and height of the window, in points.
    pub size: Option<[f32; 2]>,
    /// Whether it filled the screen.
    pub maximised: bool,
}

impl Default for Look {
    fn default() -> Self {
        Self { theme: Theme::default(), zoom: 1.0, size: None, maximised: false }
    }
}

impl Look {
    /// The zoom, as far as a window can be read at it; 1 for what is no number.
    #[must_use]
    pub fn sane_zoom(&self) -> f32 {
        if self.zoom.is_finite() { self.zoom.clamp(0.2, 5.0) } else { 1.0 }
    }

    /// The size, as far as a screen may have it.
    #[must_use]
    pub fn sane_size(&self) -> Option<[f32; 2]> {
        let sane = |side: &f32| side.is_finite() && (100.0..=32_768.0).contains(side);
        self.size.filter(|size| size.iter().all(sane))
    }
}

/// Where the panels were, in both forms of the window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Layout {
    /// In a window with room for columns.
    pub columns: Option<Place>,
    /// In a small one.
    pub tabs: Option<Place>,
}

/// A panel, or a group of places.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// A panel, by name.
    Panel(String),
    /// One in front of the others.
    Tabs {
        /// The places.
        of: Vec<Place>,
        /// Which of them is in front, from 0.
        front: usize,
    },
    /// Beside each other.
    Row(Vec<Share>),
    /// Below each other.
    Column(Vec<Share>),
}

/// A place and how much of the group's room it has, relative to the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// Its share.
    pub share: f32,
    /// The place.
    pub of: Place,
}

/// A dataset and how it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeptDataset {
    /// Its folder, absolute.
    #[serde(with = "escaped")]
    pub path: PathBuf,
    /// What the user said of its folders.
    pub folders: Folders,
    /// What was held out of it.
    pub holdout: Option<Holdout>,
    /// [`crate::core::data::dataset::Dataset::fingerprint`]; empty where it isn't known.
    pub fingerprint: String,
    /// Number of classes.
    pub classes: usize,
    /// Number of images.
    pub images: usize,
}

/// An observer and how it was asked for: file and overrides.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeptObserver {
    /// The weight file, absolute.
    #[serde(with = "escaped")]
    pub file: PathBuf,
    /// Which of the networks in it.
    pub part: Option<String>,
    /// The network, where it was said.
    pub arch: Option<String>,
    /// Side of its input, where it was said.
    pub side: Option<usize>,
    /// Normalisation, where it was said.
    pub mean_std: Option<MeanStd>,
    /// The class map's file, absolute.
    pub class_map: Option<KeptPath>,
    /// The order of classes that are integers.
    pub class_order: ClassOrder,
    /// Whether the outputs of other classes were cut off.
    pub prune: bool,
    /// Hash of its weights; empty where it isn't known.
    pub fingerprint: String,
    /// The outputs that were kept, where others were cut off; the fingerprint is of these.
    pub rows: Option<Vec<u32>>,
    /// The network that it turned out to be.
    pub network: String,
}

/// What the panels showed and what was typed into them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct View {
    /// How far each grid was scrolled, in points, by its name.
    pub scroll: BTreeMap<String, f32>,
    /// Side of the thumbnails of each panel, in points, by its name.
    pub thumbnails: BTreeMap<String, f32>,
    /// The text that the list of classes was filtered by.
    pub class_filter: String,
    /// The typed output folder; `None` where it followed the dataset.
    pub out: Option<KeptPath>,
    /// Folders of trainings that were opened besides the project's.
    pub trainings: Vec<KeptPath>,
    /// Trainings whose curves were shown, by folder; `None` where nobody has chosen.
    pub curves: Option<Vec<KeptPath>>,
    /// The selected training.
    pub training: Option<KeptPath>,
    /// How the source image was looked at.
    pub source: Option<SourceView>,
    /// Folders of the sets that were compared, in order.
    pub compared: Vec<KeptPath>,
    /// The number of their images that was looked at, from 0.
    pub compared_image: u32,
    /// The panel that the arrow keys belonged to.
    pub active: Option<String>,
}

/// How a source image was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceView {
    /// Points per pixel of the image; `None`: the whole image fits.
    pub zoom: Option<f32>,
    /// The point of the image that lies in the middle, in pixels.
    pub centre: [f32; 2],
    /// Whether all crops' boxes are drawn.
    pub all_crops: bool,
}

#[cfg(test)]
mod tests;
