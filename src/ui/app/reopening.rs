//! Projects in the window: opening one as it was left, finding again what has gone, and changing to another one. The
//! worker opens files and brings scores that are stored; nothing is computed until somebody asks for it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::TryRecvError;
use std::time::Duration;

use super::kept::{Curated, Relocated, Reopening, Rerun, Resolved, Start};
use super::state::App;
use crate::core::data::dataset::ClassId;
use crate::core::workspace::selection::Joining;
use crate::core::workspace::{Command, Edited};
use crate::jobs::open::{DatasetRequest, ObserverRequest};
use crate::jobs::reopen::{Lost, dataset_request, observer_request};
use crate::jobs::worker::{OpenedDataset, OpenedProject, Request};
use crate::store::window::{RecentProjects, WindowState, note_project};
use crate::ui::arrangement;
use crate::ui::later;
use crate::ui::layout::Desk;
use crate::ui::model::Recent;
use crate::ui::model::log::Level;
use crate::ui::model::project::Relocation;
use crate::ui::theme;
use crate::ui::widgets::scrolls;

impl App {
    /// Takes a project that the worker has opened, and opens what it was left with.
    pub(super) fn take_project(&mut self, opened: &OpenedProject) {
        let start = std::mem::take(&mut self.keeping.start);
        self.keeping.folder = opened.folder.clone();
        self.keeping.file = opened.window.clone();
        self.keeping.held = opened.held.is_ok();
        (self.keeping.last, self.keeping.warned) = (None, false);
        self.model.project.folder = opened.folder.clone();
        if let Err(why) = &opened.held {
            self.model.say(Level::Warning, format!("{why}. How this window is left is not kept."));
        }
        opened.notes.iter().for_each(|note| self.model.say(Level::Warning, note.clone()));
        self.list_project();
        let state = opened.state.clone().filter(|_| !start.fresh);
        if let Some(state) = &state {
            self.show_as_left(state);
        }
        self.begin(start, (state, opened));
        self.touched();
    }

    /// The project can be written from now on.
    pub(super) fn take_held(&mut self) {
        self.keeping.held = true;
        self.model.say(Level::Info, "the project can be written again: this window is kept in it from now on");
    }

    fn begin(&mut self, start: Start, (state, opened): (Option<WindowState>, &OpenedProject)) {
        let Start { dataset, observer, sample, .. } = start;
        let other = observer.is_some();
        let observer = observer.map(|file| ObserverRequest { file, ..ObserverRequest::default() });
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let same = |kept: &WindowState| match (&dataset, &kept.dataset) {
            (Some(asked), Some(kept)) => absolute(&asked.path) == kept.path,
            (None, Some(_)) => true,
            (_, None) => false,
        };
        match state {
            Some(state) if same(&state) => {
                let state = Arc::new(state);
                self.keeping.left = Some(state.clone());
                // What the command line names is not asked for.
                let lost = opened.lost.clone().into_iter();
                let named = |folder: bool| if folder { dataset.is_some() } else { other };
                let lost: Vec<_> = lost.filter(|lost| !named(lost.is_dataset())).collect();
                if lost.is_empty() {
                    self.reopen(&state, (dataset, observer), None);
                } else {
                    self.relocate_from(Some((state, None)), lost);
                }
            }
            state => {
                if let Some(state) = state {
                    self.restore_recipes(&state);
                } else if sample && dataset.is_none() {
                    self.request(Request::OpenSample);
                }
                self.observer_next = observer;
                match dataset {
                    Some(request) => self.open_dataset(request),
                    None if other => self.model.say(Level::Warning, "open a dataset before an observer"),
                    None => {}
                }
            }
        }
    }

    /// Theme, scale, panels: all that needs no dataset.
    fn show_as_left(&mut self, state: &WindowState) {
        let ctx = self.keeping.ctx.clone();
        self.edit(Command::SetTheme(state.look.theme));
        ctx.set_theme(theme::of(state.look.theme));
        ctx.set_zoom_factor(state.look.sane_zoom());
        self.keeping.size = state.look.sane_size();
        self.desk = Desk::restored(&state.layout);
        self.panels.restore(&state.view);
        self.training.opened = state.view.trainings.iter().map(|kept| kept.0.clone()).collect();
        let curves = state.view.curves.as_ref().map(|all| all.iter().map(|kept| kept.0.clone()).collect());
        self.model.trainings.restore(curves, state.view.training.as_ref().map(|kept| kept.0.clone()));
        state.view.compared.iter().for_each(|kept| self.compare_set(&kept.0));
        self.model.compare.look_at(state.view.compared_image);
        self.model.active = state.view.active.as_deref().and_then(arrangement::named);
        scrolls::scroll_to(&ctx, &state.view.scroll);
    }

    /// The parameters, which fit any dataset.
    fn restore_recipes(&mut self, state: &WindowState) {
        let now = self.model.workspace.edited().clone();
        let (recipe, training) = (state.edits.recipe.clone(), state.edits.training.clone());
        let edited = Box::new(Edited { recipe, training, ..now });
        self.edit(Command::Restore { edited, words: None });
    }

    /// Opens what a state has open, or what was asked for in its stead.
    pub(super) fn reopen(
        &mut self,
        state: &Arc<WindowState>,
        (dataset, other): (Option<DatasetRequest>, Option<ObserverRequest>),
        rerun: Option<Rerun>,
    ) {
        let Some(request) = dataset.or_else(|| state.dataset.as_ref().map(dataset_request)) else { return };
        let check = other.is_some();
        match other {
            Some(other) => self.observer_next = Some(other),
            None => self.next_observer(state),
        }
        let (observer, state) = (self.observer_next.is_some(), state.clone());
        self.panels.dataset.set(&request);
        self.keeping.reopening = Some(Reopening { state, observer, check, resolved: false, loaded: false, rerun });
        if !self.queue(Request::OpenDataset(request)) {
            self.keeping.reopening = None;
        }
    }

    /// The observer of a state is loaded next, where it has one.
    pub(super) fn next_observer(&mut self, state: &WindowState) {
        self.observer_next = match state.observer.as_ref().map(observer_request).transpose() {
            Ok(observer) => observer,
            Err(why) => {
                self.model.say(Level::Warning, why.to_string());
                None
            }
        };
    }

    /// Finds what was left, and the curation, in a dataset that was opened.
    pub(super) fn resolve(&mut self, data: &Arc<OpenedDataset>) {
        let left = self.keeping.reopening.as_mut().map(|reopening| {
            reopening.resolved = false;
            (reopening.state.clone(), reopening.rerun.clone())
        });
        if left.as_ref().is_none_or(|(_, rerun)| rerun.is_some()) {
            self.keeping.left = None;
        }
        let (data, folder) = (data.clone(), self.keeping.folder.clone());
        self.keeping.curated = None;
        self.keeping.resolving = Some(later::soon(move || {
            let (state, rerun) = left.map_or((None, None), |(state, rerun)| (Some(state), rerun));
            Resolved::of(data, (state.as_deref(), rerun.as_ref()), folder)
        }));
    }

    /// Takes what threads of their own have found; once a frame.
    pub(super) fn drain_reopening(&mut self) {
        match self.keeping.resolving.as_ref().map(|answer| answer.try_recv()) {
            Some(Ok(resolved)) => {
                self.keeping.resolving = None;
                self.take_resolved(resolved);
            }
            Some(Err(TryRecvError::Disconnected)) => {
                (self.keeping.resolving, self.keeping.reopening) = (None, None);
                self.model.say(Level::Warning, "what was edited could not be read: the system has no thread left");
            }
            Some(Err(TryRecvError::Empty)) | None => {}
        }
        if let Some(listed) = self.keeping.listed.as_ref().and_then(|answer| answer.try_recv().ok()) {
            self.keeping.listed = None;
            self.model.project.recent = listed;
        }
        self.drain_relocation();
        self.drain_runs();
        let keeping = &self.keeping;
        let asked = keeping.listed.is_some() || keeping.moved.is_some() || keeping.line.is_some();
        if asked || keeping.is_reading() {
            keeping.ctx.request_repaint_after(Duration::from_millis(30));
        }
    }

    fn take_resolved(&mut self, resolved: Resolved) {
        let Resolved { data, edited, of_run, selected: (images, lead), curation } = resolved;
        if !self.model.data.as_ref().is_some_and(|open| Arc::ptr_eq(open, &data)) {
            return;
        }
        let reopened = edited.is_some();
        let mut edited = edited.unwrap_or_else(|| self.model.workspace.edited().clone());
        match curation {
            Ok((curation, strays)) => {
                let curation = Arc::new(curation);
                edited.curation = curation.clone();
                self.keeping.curated = Some(Curated { data, curation, strays: Arc::new(strays) });
            }
            Err(why) => {
                let words = format!("{why}. What is decided about images of this dataset is not kept.");
                self.model.say(Level::Warning, words);
            }
        }
        match of_run {
            Some(Ok(curation)) => edited.curation = Arc::new(curation),
            Some(Err(why)) => self.model.say(Level::Warning, why),
            None => {}
        }
        let rerun = self.keeping.reopening.as_ref().and_then(|reopening| reopening.rerun.clone());
        if edited != *self.model.workspace.edited() {
            let words = rerun.as_ref().map(|rerun| rerun.words.clone());
            self.edit(Command::Restore { edited: Box::new(edited), words });
        }
        if !images.is_empty() {
            // The panels are scrolled to where they were, not to what is selected.
            let reveal = self.model.reveal;
            self.edit(Command::SelectMany { images, joining: Joining::Replace, lead });
            self.model.reveal = reveal;
        }
        if let Some(reopening) = &mut self.keeping.reopening {
            reopening.resolved = true;
            let state = reopening.state.clone();
            if rerun.is_none() {
                self.panels.restore(&state.view);
            }
        }
        if reopened {
            if let Some(request) = self.observer_next.take() {
                let outputs = self.model.workspace.outputs().map(|outputs| outputs.to_vec());
                self.ask_for_observer(ObserverRequest { outputs, ..request });
            }
            self.end_reopening();
        }
    }

    /// Whether an observer belongs to what is being opened again.
    pub(super) fn reopened_observer(&mut self) -> bool {
        let Some(reopening) = &mut self.keeping.reopening else { return false };
        reopening.loaded = true;
        self.end_reopening();
        true
    }

    /// The dataset or the observer of what is being opened again can't be had. What was left is not forgotten.
    pub(super) fn not_reopened(&mut self, dataset: bool) {
        if dataset {
            (self.keeping.reopening, self.observer_next) = (None, None);
        } else if let Some(reopening) = &mut self.keeping.reopening {
            reopening.observer = false;
            self.end_reopening();
        }
    }

    /// Once all is there again: has the stored scores brought, those of chosen classes first.
    fn end_reopening(&mut self) {
        let complete = |r: &Reopening| r.resolved && (r.loaded || !r.observer);
        let Some(Reopening { loaded, check, state, rerun, .. }) = self.keeping.reopening.take_if(|r| complete(r))
        else {
            return;
        };
        self.model.say(Level::Info, rerun.map_or_else(|| "opened as it was left".to_owned(), |rerun| rerun.words));
        if !loaded {
            scrolls::scroll_at_last(&self.keeping.ctx);
            return;
        }
        // The observer is another one only where it was asked for.
        if state.observer.is_some() {
            self.keeping.left = None;
        }
        let workspace = &self.model.workspace;
        let mut classes: Vec<ClassId> = (0..workspace.class_count() as u32).map(ClassId).collect();
        classes.sort_by_key(|class| (!workspace.is_chosen(*class), *class));
        let recipe = workspace.recipe().clone();
        self.request(Request::Recall { recipe, classes });
        if check {
            self.request(Request::Check);
        }
    }

    /// Lists what was opened in the project, and notes the project itself.
    fn list_project(&mut self) {
        let project = self.project.clone();
        self.recent = Some(later::later(move || Recent::read(project)));
        let ctx = self.keeping.ctx.clone();
        self.list_trainings(&ctx);
        self.list_runs();
        if let (Some(file), Some(folder)) = (self.keeping.projects.clone(), self.keeping.folder.clone()) {
            self.keeping.listed = Some(later::soon(move || {
                let list = note_project(&file, &folder).unwrap_or_else(|_| RecentProjects::read(&file));
                list.folders().map(Path::to_owned).collect()
            }));
        }
    }

    /// Asks where things are that have gone; `state` is opened with what is found.
    pub(super) fn relocate_from(&mut self, state: Option<Relocated>, lost: Vec<Lost>) {
        let relocation = Relocation::of(lost);
        self.panels.relocate.begin(&relocation);
        self.model.project.relocation = Some(relocation);
        self.keeping.relocating = state;
    }

    /// Opens a state, with nothing asked for in its stead.
    pub(super) fn reopen_as(&mut self, state: WindowState, rerun: Option<Rerun>) {
        let state = Arc::new(state);
        self.reopen(&state, (None, None), rerun);
    }

    /// Changes to the project in `folder` as soon as this one is written.
    pub(super) fn change_project(&mut self, folder: PathBuf) {
        let folder = std::path::absolute(&folder).unwrap_or(folder);
        let problem = if self.model.is_busy() {
            Some("a job runs or waits: cancel it, or wait for it, before another project is opened")
        } else if self.keeping.folder.as_ref() == Some(&folder) {
            Some("this project is the one that is open")
        } else {
            None
        };
        self.model.project.problem = problem.map(str::to_owned);
        if problem.is_none() {
            self.panels.projects.open = false;
            self.save_window();
            self.keeping.next = Some((Some(folder), Start::default()));
        }
    }

    /// Closes what is open, and starts with nothing in the same project.
    pub(super) fn new_session(&mut self) {
        self.save_window();
        self.keeping.next = Some((self.project.clone(), Start { fresh: true, ..Start::default() }));
    }

    /// Opens the project that waits for this one to be written.
    pub(super) fn open_next(&mut self) {
        if self.keeping.writing.is_some() || self.keeping.pending.is_some() {
            return;
        }
        let Some((folder, start)) = self.keeping.next.take() else { return };
        if !start.fresh {
            self.desk = Desk::default();
        }
        self.close();
        self.project = folder.clone();
        self.keeping.start = start;
        self.request(Request::OpenProject(folder));
    }
}
