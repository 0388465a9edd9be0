//! What the app does about the runs of the project: lists them, and takes the recipe, classes and curation of one.

use std::sync::Arc;

use eframe::egui::Context;

use super::kept::{Prepared, Reopening, Rerun};
use super::state::App;
use crate::jobs::command_line;
use crate::jobs::reopen::{kept_dataset, kept_observer, lost};
use crate::store::curation::keep_snapshot;
use crate::store::files::KeptPath;
use crate::store::project::{RunAsked, RunRecord};
use crate::store::window::{Edits, KeptDataset, KeptObserver, WindowState};
use crate::ui::actions::Action;
use crate::ui::intent::Panel;
use crate::ui::later;
use crate::ui::model::log::Level;
use crate::ui::model::runs::RunList;

impl App {
    /// Commands of the table that are about the project and its runs.
    pub(super) fn act_on_project(&mut self, ctx: &Context, action: Action) {
        match action {
            Action::NewSession => self.new_session(),
            Action::RestoreRun => self.restore_run(),
            Action::CopyRun => self.copy_run(ctx),
            Action::ShowRuns => self.desk.show(Panel::Runs),
            Action::OpenProject => {
                self.model.project.problem = None;
                self.panels.projects.open = true;
            }
            _ => {}
        }
    }

    /// Lists the runs away from the frame.
    pub(super) fn list_runs(&mut self) {
        let project = self.project.clone();
        self.keeping.runs = Some(later::soon(move || RunList::read(project)));
    }

    /// Takes what has arrived; once a frame.
    pub(super) fn drain_runs(&mut self) {
        if let Some(read) = self.keeping.runs.as_ref().and_then(|answer| answer.try_recv().ok()) {
            self.keeping.runs = None;
            self.model.runs.take(read);
        }
        if let Some(prepared) = self.keeping.prepared.as_ref().and_then(|answer| answer.try_recv().ok()) {
            self.keeping.prepared = None;
            self.take_prepared(prepared);
        }
        if let Some(line) = self.keeping.line.as_ref().and_then(|answer| answer.try_recv().ok()) {
            self.keeping.line = None;
            let ctx = self.keeping.ctx.clone();
            match line {
                Ok(line) => self.copy(&ctx, line, "the run's command line"),
                Err(why) => self.model.say(Level::Error, why),
            }
        }
    }

    /// Takes the selected run's recipe, classes and curation, in one step that can be taken back.
    pub(super) fn restore_run(&mut self) {
        let Some(run) = self.model.runs.selected().cloned() else { return };
        let open = self.model.data.as_ref();
        let open = open.map(|data| kept_dataset(&data.dataset, data.folders, &data.fingerprint));
        let asked = run.asked.clone().unwrap_or_else(|| known(&run));
        let but = if asked.set.is_none() { "" } else { ", but for the set it began with: its command has it" };
        let words = format!("run {} restored{but}", run.row.number());
        let same_data = open.as_ref().is_some_and(|open| is_same_data(open, &asked.dataset));
        let loaded = self.model.observer.as_deref().map(kept_observer);
        let same_observer = same_data && loaded.is_some_and(|loaded| is_same_observer(&loaded, &asked.observer));
        let now = self.model.workspace.edited();
        let dataset = self.model.dataset().filter(|_| same_data);
        let mut edits = Edits::of(now, dataset.map(Arc::as_ref));
        edits.recipe = run.recipe.clone();
        edits.beside = asked.beside.iter().map(|observer| KeptPath(observer.file.clone())).collect();
        if !asked.classes.is_empty() {
            edits.chosen = Some(asked.classes);
        }
        if !same_observer {
            edits.outputs = None;
        }
        let state = WindowState {
            dataset: Some(asked.dataset),
            observer: Some(asked.observer),
            edits,
            ..WindowState::default()
        };
        let rerun = Rerun { words, curation: run.curation.clone(), same_data, same_observer };
        // Whether the paths lead anywhere is asked of the disk.
        self.keeping.prepared = Some(later::soon(move || {
            let mut lost = lost(&state);
            lost.retain(|lost| if lost.is_dataset() { !same_data } else { !same_observer });
            Prepared { state: Arc::new(state), lost, rerun }
        }));
    }

    fn take_prepared(&mut self, prepared: Prepared) {
        let Prepared { state, lost, rerun } = prepared;
        if !lost.is_empty() {
            self.relocate_from(Some((state, Some(rerun))), lost);
            return;
        }
        if !rerun.same_data {
            self.reopen(&state, (None, None), Some(rerun));
            return;
        }
        let Some(data) = self.model.data.clone() else { return };
        let observer = !rerun.same_observer;
        if observer {
            self.next_observer(&state);
        }
        let rerun = Some(rerun);
        self.keeping.reopening =
            Some(Reopening { state, observer, check: false, resolved: false, loaded: !observer, rerun });
        self.resolve(&data);
    }

    /// Copies the call that repeats the selected run; its curation is kept as a file for that.
    pub(super) fn copy_run(&mut self, ctx: &Context) {
        let Some(run) = self.model.runs.selected().cloned() else { return };
        let (Some(text), Some(folder)) = (run.curation.clone(), self.keeping.folder.clone()) else {
            let line = command_line::run(&run, None);
            self.copy(ctx, line, "the run's command line");
            return;
        };
        self.keeping.line = Some(later::soon(move || {
            let file = keep_snapshot(&folder, &text).map_err(|e| e.to_string())?;
            Ok(command_line::run(&run, Some(&file)))
        }));
    }
}

/// What is known of a run of before more was kept.
fn known(run: &RunRecord) -> RunAsked {
    RunAsked {
        dataset: KeptDataset { path: run.dataset.clone(), ..KeptDataset::default() },
        observer: KeptObserver { file: run.observer.clone(), ..KeptObserver::default() },
        ..RunAsked::default()
    }
}

fn is_same_data(open: &KeptDataset, asked: &KeptDataset) -> bool {
    let unknown = asked.fingerprint.is_empty();
    open.path == asked.path && (unknown || open.fingerprint == asked.fingerprint && open.holdout == asked.holdout)
}

fn is_same_observer(loaded: &KeptObserver, asked: &KeptObserver) -> bool {
    loaded == asked || asked.fingerprint.is_empty() && loaded.file == asked.file
}
