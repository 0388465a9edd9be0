//! What the app does for observers that move pixels beside the loaded one: the worker opens the files that are listed, and
//! checks them once the loaded one was checked. Undo and redo need no more than this.

use super::state::App;
use crate::jobs::worker::{Job, Request};

impl App {
    /// Has files opened where that is due, and goes on with a distillation that waited for them. Once a frame.
    pub(super) fn settle_beside(&mut self) {
        if !self.model.takes_several() && self.distil_next.is_none() {
            return;
        }
        let method = self.model.workspace.recipe().method.clone();
        self.model.beside.fit(&method);
        // The loaded observer may be another one in a moment, or checked.
        let opening = [Job::OpenSample, Job::OpenDataset, Job::OpenObserver, Job::Check];
        let changes = opening.into_iter().any(|job| self.model.is_under_way(job)) || self.keeping.is_reopening();
        if changes || self.awaits_observer() {
            return;
        }
        let (files, check) = (self.model.workspace.beside().clone(), self.model.check.is_some());
        let first = self.model.observer.clone();
        if let Some(request) = self.model.beside.due(first.as_ref(), &files, check) {
            self.request(Request::Beside(request));
        }
        self.distil_if_allowed();
    }
}
