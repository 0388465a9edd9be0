//! What the app does for distilling.

use std::path::{Path, PathBuf};

use super::App;
use crate::core::data::dataset::ClassId;
use crate::core::distil::rded::Rded;
use crate::jobs::check::Verdict;
use crate::jobs::distill::DistillRequest;
use crate::jobs::worker::Request;
use crate::ui::later;
use crate::ui::model::log::Level;

impl App {
    /// Goes on with a distillation that waited for the check.
    pub(super) fn distil_if_allowed(&mut self) {
        let Some(request) = self.distil_next.take() else { return };
        if let Some((_, Verdict::Refused(why))) = &self.model.check {
            self.model.problems.distil = Some(format!("The observer check refused: {why}"));
        } else {
            self.request(Request::Distill(request));
        }
    }

    /// Scores the chosen classes, the shown one first.
    pub(super) fn score(&mut self) {
        let shown = self.model.workspace.shown_class();
        let mut classes: Vec<ClassId> = self.model.workspace.chosen().collect();
        classes.sort_by_key(|c| (Some(*c) != shown, *c));
        let recipe = self.model.workspace.recipe().clone();
        if let Some(Rded { patches, subset, crops, .. }) = recipe.method.rded() {
            let text = format!("scoring {} classes: N = {patches}, subset {subset}, {crops} crops", classes.len());
            self.model.say(Level::Info, text);
        }
        self.request(Request::Score { recipe, classes });
    }

    /// Distils once the observer is checked; a refusal is shown where it was asked for.
    pub(super) fn distil(&mut self, out: PathBuf, force: bool) {
        self.model.problems.distil = None;
        self.model.written = None;
        let recipe = self.model.workspace.recipe().clone();
        let request = DistillRequest { recipe, classes: self.model.workspace.chosen().collect(), out };
        self.panels.recipe.out_typed = true;
        if force {
            self.request(Request::Distill(request));
            return;
        }
        self.distil_next = Some(request);
        if self.model.check.is_some() {
            self.distil_if_allowed();
        } else if !self.model.is_under_way("check") {
            self.request(Request::Check);
        }
    }

    pub(super) fn default_name(&self) -> Option<String> {
        let ipc = self.model.workspace.recipe().ipc;
        self.model.dataset_name().map(|name| format!("{name}-distilled-ipc{ipc}"))
    }

    /// Looks for a free folder beside the dataset, away from the frame.
    pub(super) fn suggest_output(&mut self) {
        let (Some(dataset), Some(name)) = (self.model.dataset(), self.default_name()) else { return };
        if self.panels.recipe.out_typed {
            return;
        }
        let root = std::path::absolute(dataset.root()).unwrap_or_else(|_| dataset.root().to_owned());
        let parent = root.parent().map_or_else(|| root.clone(), Path::to_owned);
        self.free_name = Some(later::free_name(parent, name));
    }
}
