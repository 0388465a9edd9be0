//! What the app waits for on behalf of trainings.

use std::path::PathBuf;
use std::sync::mpsc::Receiver;

use crate::core::train::presets::Suggestion;
use crate::ui::model::trainings::Listing;
use crate::ui::panels::training::suggestion::Wanted;

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
