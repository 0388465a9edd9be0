//! Autosave: how the window is left is written a moment after a change, and once more when it closes. A frame only takes
//! a snapshot, which is a few pointers; all that touches the disk runs on threads of its own.

use std::sync::Arc;
use std::sync::mpsc::TryRecvError;
use std::time::Duration;

use eframe::egui::Context;

use super::kept::{Curated, Snapshot, Written};
use super::state::App;
use crate::store::files::{KeptPath, shown};
use crate::store::window::{Look, View};
use crate::ui::arrangement;
use crate::ui::later;
use crate::ui::model::log::Level;
use crate::ui::widgets::scrolls;

/// A change is written this much later, and with it all others until then.
const BETWEEN: f64 = 2.0;
/// How long a closing window waits for a disk.
const PATIENCE: Duration = Duration::from_secs(5);

impl App {
    /// Notes that something may have changed.
    pub(super) fn touched(&mut self) {
        if self.keeping.due_secs.is_none() {
            self.keeping.due_secs = Some(self.model.now_secs + BETWEEN);
            self.keeping.ctx.request_repaint_after(Duration::from_secs_f64(BETWEEN));
        }
    }

    /// Takes what came of writing, and writes where a change is due. Once a frame.
    pub(super) fn keep(&mut self, ctx: &Context) {
        if ctx.input(|i| !i.events.is_empty() || i.pointer.any_down()) {
            self.touched();
        }
        let written = self.keeping.writing.as_ref().map(|writing| writing.try_recv());
        match written {
            Some(Ok(written)) => {
                self.keeping.writing = None;
                self.take_written(written);
            }
            Some(Err(TryRecvError::Disconnected)) => self.keeping.writing = None,
            Some(Err(TryRecvError::Empty)) => ctx.request_repaint_after(Duration::from_millis(50)),
            None => {}
        }
        if let Some(pending) = self.keeping.pending.take_if(|_| self.keeping.file.is_some()) {
            self.write_state(pending);
        }
        match self.keeping.due_secs {
            Some(due) if self.model.now_secs >= due => {
                self.keeping.due_secs = None;
                self.save_window();
            }
            // A frame in between makes egui forget when it was asked to come again.
            Some(due) => ctx.request_repaint_after(Duration::from_secs_f64(due - self.model.now_secs)),
            None => {}
        }
        self.open_next();
    }

    /// Writes what has changed, unless that is under way.
    pub(super) fn save_window(&mut self) {
        if self.keeping.writing.is_some() {
            self.touched();
        } else if let Some(snapshot) = self.changed() {
            self.write_state(snapshot);
        }
    }

    /// Writes what has changed before another dataset takes its place.
    pub(super) fn save_before_another(&mut self) {
        if let Some(snapshot) = self.changed() {
            if self.keeping.file.is_some() {
                self.write_state(snapshot);
            } else {
                self.keeping.pending = Some(snapshot);
            }
        }
    }

    fn write_state(&mut self, snapshot: Snapshot) {
        let (Some(file), Some(folder)) = (self.keeping.file.take(), self.keeping.folder.clone()) else { return };
        self.keeping.last = Some(snapshot.clone());
        self.keeping.writing = Some(later::soon(move || snapshot.write(file, &folder)));
        self.keeping.ctx.request_repaint_after(Duration::from_millis(50));
    }

    /// What is to be written: nothing while a project is being opened, or where another process has it.
    fn changed(&self) -> Option<Snapshot> {
        let keeping = &self.keeping;
        let busy =
            keeping.reopening.is_some() || keeping.resolving.is_some() || self.model.project.relocation.is_some();
        let known = keeping.file.is_some() || keeping.writing.is_some();
        if !keeping.held || !known || busy {
            return None;
        }
        let snapshot = self.snapshot();
        let same = keeping.last.as_ref().is_some_and(|last| last.is(&snapshot));
        (!same || snapshot.strays.is_some()).then_some(snapshot)
    }

    fn take_written(&mut self, written: Written) {
        let Written { file, aside, curation } = written;
        self.keeping.file = Some(file);
        let problem = match aside {
            Ok(Some(path)) => {
                let words = format!(
                    "another window has left this project meanwhile; how it left it is kept as {}",
                    shown(&path)
                );
                self.model.say(Level::Warning, words);
                None
            }
            Ok(None) => None,
            Err(why) => Some(why),
        };
        let curated = curation.is_ok();
        if let (true, Some(curated), Some(last)) = (curated, &mut self.keeping.curated, &self.keeping.last)
            && last.strays.is_some()
            && last.data.as_ref().is_some_and(|data| Arc::ptr_eq(data, &curated.data))
        {
            curated.curation = last.edited.curation.clone();
        }
        let Some(why) = problem.or(curation.err()) else {
            self.keeping.warned = false;
            return;
        };
        // What could not be written is tried again with the next change.
        self.keeping.last = None;
        if !std::mem::replace(&mut self.keeping.warned, true) {
            self.model.say(Level::Warning, format!("how the window is left can't be kept: {why}"));
        }
    }

    fn snapshot(&self) -> Snapshot {
        let ctx = &self.keeping.ctx;
        let zoom = ctx.zoom_factor();
        let maximised = ctx.input(|i| i.viewport().maximized == Some(true));
        let inner = ctx.input(|i| i.viewport().inner_rect).map(|rect| (rect.size() * zoom).into());
        let size = if maximised { self.keeping.size } else { inner.or(self.keeping.size) };
        let workspace = &self.model.workspace;
        let curated = self.keeping.curated.as_ref();
        let strays = curated.filter(|curated| self.is_open(curated) && curated.curation != *workspace.curation());
        Snapshot {
            look: Look { theme: workspace.theme(), zoom, size, maximised },
            layout: self.desk.kept(),
            data: self.model.data.clone(),
            observer: self.model.observer.clone(),
            edited: workspace.edited().clone(),
            selection: workspace.selection().clone(),
            view: self.view(),
            left: self.keeping.left.clone(),
            strays: strays.map(|curated| curated.strays.clone()),
        }
    }

    fn is_open(&self, curated: &Curated) -> bool {
        self.model.data.as_ref().is_some_and(|data| Arc::ptr_eq(data, &curated.data))
    }

    /// What the panels show.
    fn view(&self) -> View {
        let trainings = &self.model.trainings;
        let kept = |path: &std::path::Path| KeptPath(path.to_owned());
        View {
            scroll: scrolls::scrolled(&self.keeping.ctx),
            trainings: self.training.opened.iter().map(|folder| kept(folder)).collect(),
            curves: trainings.chosen_curves().map(|shown| shown.map(kept).collect()),
            training: trainings.selected().map(|row| kept(&row.folder)),
            compared: self.model.compare.wanted().iter().map(|(folder, _)| kept(folder)).collect(),
            compared_image: self.model.compare.image(),
            active: self.model.active.map(arrangement::name),
            ..self.panels.view()
        }
    }

    fn await_written(&mut self) {
        if let Some(writing) = self.keeping.writing.take()
            && let Ok(written) = writing.recv_timeout(PATIENCE)
        {
            self.take_written(written);
        }
    }

    /// Writes what is left to be written, and waits for it.
    fn save_last(&mut self) {
        self.await_written();
        if let Some(pending) = self.keeping.pending.take() {
            self.write_state(pending);
            self.await_written();
        }
        self.save_window();
        self.await_written();
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.save_last();
    }
}
