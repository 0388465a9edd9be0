//! The class order that the user gave: the observer is opened again with it, and its class map is kept for the command
//! line.

use std::path::PathBuf;
use std::sync::Arc;

use super::state::App;
use crate::core::workspace::Command;
use crate::jobs::open::{ObserverRequest, OpenedObserver};
use crate::jobs::worker::{Job, Request};
use crate::store::class_map;
use crate::store::project::Project;
use crate::ui::later;
use crate::ui::model::log::Level;

/// Jobs that may wait before the worker might have no place for another one.
const MANY: usize = 8;

impl App {
    /// Loads an observer that the user chose: an order that was given for the one before says nothing of it.
    pub(super) fn load_observer(&mut self, request: ObserverRequest) {
        self.ordering.another = true;
        self.open_observer(request);
    }

    /// An observer was opened, or could not be.
    pub(super) fn observer_came(&mut self, opened: Option<&OpenedObserver>) {
        let another = self.ordering.another;
        // One that was on its way with an order is not yet the one that was asked for.
        self.ordering.another &= opened.is_some_and(|o| o.request.outputs.is_some());
        let Some(opened) = opened else { return };
        if another && !self.ordering.another {
            self.edit(Command::SetOutputs(None));
        }
        self.keep_order(opened);
    }

    /// Whether the observer has the order of the workspace.
    fn has_order(&self) -> bool {
        let opened = self.model.observer.as_ref().and_then(|opened| opened.request.outputs.as_ref());
        opened == self.model.workspace.outputs().map(Arc::as_ref)
    }

    /// Whether the observer is on its way, with another order or for the first time.
    pub(super) fn awaits_observer(&self) -> bool {
        self.model.is_under_way(Job::OpenObserver) || !self.has_order() && self.refused_order().is_none()
    }

    /// Why the observer can't have the order of the workspace, once that was tried.
    pub(super) fn refused_order(&self) -> Option<String> {
        let wanted = self.model.workspace.outputs().cloned();
        let tried = self.ordering.asked.as_ref() == Some(&wanted) && !self.model.is_under_way(Job::OpenObserver);
        let why = self.model.problems.observer.as_deref().unwrap_or("the observer could not be opened with it");
        (tried && !self.has_order())
            .then(|| format!("The class order can't be had: {why}. Undo it, or give another one under Class order."))
    }

    /// Has the observer opened with the order of the workspace where it is another one. Undo and redo need no more than
    /// this, however fast they follow each other.
    pub(super) fn settle_order(&mut self) {
        if let Some(Err(why)) = self.ordering.written.as_ref().and_then(|r| r.try_recv().ok()) {
            self.model.say(Level::Warning, format!("the command line can't repeat the class order: {why}"));
        }
        // What the project was left with comes with its own.
        let Some(opened) = self.model.observer.clone().filter(|_| !self.keeping.is_reopening()) else { return };
        let wanted = self.model.workspace.outputs().cloned();
        if self.has_order() {
            // Another order was asked for and refused: that is over.
            if self.ordering.asked.take().is_some() {
                self.model.problems.observer = None;
            }
            return;
        }
        let opening = [Job::OpenSample, Job::OpenDataset, Job::OpenObserver];
        let busy = opening.into_iter().any(|job| self.model.is_under_way(job)) || self.model.waiting.len() > MANY;
        if busy || self.ordering.asked.as_ref() == Some(&wanted) {
            return;
        }
        // What it finds would be of the order of before.
        let stale = self.model.running.iter().chain(&self.model.waiting).filter(|r| r.job == Job::Check);
        stale.for_each(|check| check.control.cancel());
        self.model.problems.observer = None;
        let request = ObserverRequest { outputs: wanted.as_deref().cloned(), ..opened.request.clone() };
        self.ordering.asked = Some(wanted);
        self.request(Request::OpenObserver(request));
    }

    /// Keeps the class map of an observer that was opened with an order, away from the frame.
    fn keep_order(&mut self, opened: &OpenedObserver) {
        self.model.class_map_file = None;
        let (Some(outputs), Some(dataset)) = (opened.request.outputs.clone(), self.model.dataset().cloned()) else {
            return;
        };
        let folder = self.project.clone().map_or_else(Project::default_dir, Ok);
        let folder: PathBuf = match folder {
            Ok(folder) => folder,
            Err(why) => return self.model.say(Level::Warning, why.to_string()),
        };
        self.model.class_map_file = Some(class_map::kept_in(&folder, dataset.classes(), &outputs));
        self.ordering.written = Some(later::later(move || {
            class_map::keep(&folder, dataset.classes(), &outputs).map(|_| ()).map_err(|e| e.to_string())
        }));
    }
}
