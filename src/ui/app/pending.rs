//! What the app waits for, by what it is about: apart from what it does, so that no files are in a circle.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use crate::core::distil::difference::Difference;
use crate::core::distil::recipe::Recipe;
use crate::core::train::presets::Suggestion;
use crate::jobs::control::Control;
use crate::jobs::export::{Measure, Place};
use crate::jobs::folder_set::FolderSet;
use crate::jobs::moved::WrittenSet;
use crate::store::presets::{Listed, PresetError};
use crate::ui::model::exporting::KnownSets;
use crate::ui::model::ranking::Basis;
use crate::ui::model::refine::Compared;
use crate::ui::model::trainings::Listing;
use crate::ui::panels::export::Subject;
use crate::ui::panels::training::suggestion::Wanted;

/// A set that is being opened.
pub(super) type OpeningSet = (PathBuf, Receiver<Result<FolderSet, String>>);

/// Answers that the app waits for, and what it asks about.
#[derive(Default)]
pub(super) struct Pending {
    pub(super) listing: Option<Receiver<Result<Listing, String>>>,
    /// News came while a listing was under way: look again after it.
    pub(super) again: bool,
    pub(super) listed_secs: f64,
    /// Folders that the user opened besides the project's.
    pub(super) opened: Vec<PathBuf>,
    pub(super) name: Option<Receiver<PathBuf>>,
    /// What the name was last suggested for.
    pub(super) named: Option<String>,
    pub(super) suggestion: Option<Receiver<(Wanted, Result<Suggestion, String>)>>,
}

/// What came of a change of the user's presets: a line for the log, or why not.
pub(super) type PresetDone = Result<String, PresetError>;

/// Answers about the user's presets that the app waits for.
#[derive(Default)]
pub(super) struct PresetWork {
    pub(super) listing: Option<Receiver<Result<Listed, PresetError>>>,
    pub(super) change: Option<Receiver<PresetDone>>,
}

/// Answers that the app waits for, and what it asks about.
#[derive(Default)]
pub(super) struct PendingExport {
    /// What the panel asks for, and since when on the window's clock.
    pub(super) wanted: Option<Subject>,
    pub(super) since_secs: f64,
    /// What was looked at last, or is being looked at.
    pub(super) looked: Option<Subject>,
    pub(super) measure: Option<(Control, Receiver<Result<Measure, String>>)>,
    /// The folder that was looked at last.
    pub(super) placed: Option<(Subject, PathBuf)>,
    pub(super) place: Option<Receiver<Place>>,
    /// What a name was last suggested for.
    pub(super) named: Option<(PathBuf, String)>,
    pub(super) name: Option<Receiver<PathBuf>>,
    /// The project's sets; `listed` once they were asked for.
    pub(super) sets: Option<Receiver<Result<KnownSets, String>>>,
    pub(super) listed: bool,
}

/// What the app remembers for live tuning.
#[derive(Default)]
pub(super) struct Tuning {
    /// The parameter that moves, and what decided before it began to.
    pub(super) moving: Option<(&'static str, Basis)>,
    /// The parameter whose change is being worked out.
    pub(super) counting: Option<(&'static str, Receiver<Difference>)>,
    /// Moved on while the last change was being worked out.
    pub(super) again: bool,
    /// The recipe of the last frame, and since when it has been that.
    pub(super) resting: Option<(Recipe, f64)>,
    /// The scoring that was begun by itself.
    pub(super) own: Option<(Recipe, Control)>,
    /// A recipe whose scoring the user stopped, or which failed: it is not begun by itself again.
    pub(super) declined: Option<Recipe>,
}

/// What the app waits for on behalf of images whose pixels are moved.
#[derive(Default)]
pub(super) struct PendingMoved {
    /// The set that is being opened.
    pub(super) set: Option<Receiver<Result<WrittenSet, String>>>,
    /// The image that is being compared with what it began with.
    pub(super) compared: Option<Receiver<Compared>>,
    /// The set that is to be moved further.
    pub(super) further: Option<Further>,
}

/// A set that is to be moved further as soon as its folder has a name.
pub(super) struct Further {
    pub(super) set: PathBuf,
    pub(super) recipe: Recipe,
    pub(super) out: Receiver<PathBuf>,
}

/// What the app waits for on behalf of class orders.
#[derive(Default)]
pub(super) struct Ordering {
    /// The order that was asked for last and has not come: where it was refused it is not asked for again.
    pub(super) asked: Option<Option<Arc<Vec<u32>>>>,
    /// The user has asked for another observer.
    pub(super) another: bool,
    /// The class map that is being written.
    pub(super) written: Option<Receiver<Result<(), String>>>,
}
