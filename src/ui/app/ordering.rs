//! The class order that the user gave: the observer is opened again with it, and its class map is kept for the command
//! line.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use super::state::App;
use crate::core::workspace::Command;
use crate::jobs::open::{ObserverRequest, OpenedObserver};
use crate::jobs::worker::{Job, Request};
use crate::store::class_map;
use crate::store::project::Project;
use crate::ui::later;
use crate::ui::model::log::Level;

/// What the app waits for on behalf of class orders.
#[derive(Default)]
pub(super) struct Ordering {
    /// The order that was asked for last and has not come: where it was refused it is not asked for again.
    asked: Option<Option<Arc<Vec<u32>>>>,
    /// The user has asked for another observer.
    another: bool,
    /// The class map that is being written.
    written: Option<Receiver<Result<(), String>>>,
}

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

    /// Has the observer opened with the order of the workspace where it is another one. Undo and redo need no more than
    /// this, however fast they follow each other.
    pub(super) fn settle_order(&mut self) {
        if let Some(Err(why)) = self.ordering.written.as_ref().and_then(|r| r.try_recv().ok()) {
            self.model.say(Level::Warning, format!("the command line can't repeat the class order: {why}"));
        }
        // What the project was left with comes with its own.
        let Some(opened) = self.model.observer.clone().filter(|_| !self.keeping.is_reopening()) else { return };
        let wanted = self.model.workspace.outputs().cloned();
        if opened.request.outputs.as_ref() == wanted.as_deref() {
            self.ordering.asked = None;
            return;
        }
        let busy = [Job::OpenSample, Job::OpenDataset, Job::OpenObserver].into_iter();
        if self.ordering.asked.as_ref() == Some(&wanted) || busy.into_iter().any(|job| self.model.is_under_way(job)) {
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
