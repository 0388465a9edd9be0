//! The trainings that the window knows: those in the project's folder, those in folders that were opened, and the ones
//! that it works on itself.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::core::train::curve::{Curve, Evaluated, mean_and_std};
use crate::jobs::train::TrainReport;
use crate::store::project::Project;
use crate::store::training::{self, TrainingNote, TrainingStatus};
use crate::ui::intent::TrainingsChange;

/// Trainings whose curves are shown without having been asked for.
const SHOWN_AT_FIRST: usize = 4;

/// Trainings of an opened folder that are shown at once: a paper's table.
const MOST_OPENED: usize = 12;

/// What was found on disk.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Where the project's trainings go.
    pub folder: PathBuf,
    /// Folders and what they hold, or why that can't be read.
    pub found: Vec<(PathBuf, Result<Arc<TrainingNote>, String>)>,
}

impl Listing {
    /// Looks through the project's folder and the opened ones.
    ///
    /// # Errors
    /// Where there is no project folder, in words.
    pub fn read(project: Option<PathBuf>, opened: &[PathBuf]) -> Result<Self, String> {
        let project = project.map_or_else(Project::default_dir, Ok).map_err(|e| e.to_string())?;
        let folder = std::path::absolute(&project).unwrap_or(project).join("trainings");
        // Made by the first training; until then nothing is wrong with it.
        let own = folder.is_dir().then_some(&folder);
        let mut found: Vec<(PathBuf, Result<Arc<TrainingNote>, String>)> = Vec::new();
        for listed in own.into_iter().chain(opened).flat_map(|f| training::list(f)) {
            if !found.iter().any(|(folder, _)| *folder == listed.folder) {
                found.push((listed.folder, listed.note.map(Arc::new).map_err(|e| e.to_string())));
            }
        }
        Ok(Self { folder, found })
    }
}

/// What is known of a training.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// Its record.
    Known(Arc<TrainingNote>),
    /// Why its record can't be read.
    Broken(String),
    /// Asked for under this name, and not begun yet.
    Waiting(String),
}

/// One training.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its folder: what it is known by.
    pub folder: PathBuf,
    /// What is known of it.
    pub state: State,
}

impl Row {
    /// Its record.
    #[must_use]
    pub fn note(&self) -> Option<&Arc<TrainingNote>> {
        if let State::Known(note) = &self.state { Some(note) } else { None }
    }

    /// Its name, or its folder's.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.state {
            State::Known(note) => note.name.clone(),
            State::Waiting(name) => name.clone(),
            State::Broken(_) => {
                self.folder.file_name().unwrap_or(self.folder.as_os_str()).to_string_lossy().into_owned()
            }
        }
    }
}

/// All trainings, in the order of their beginnings.
#[derive(Clone, Debug, Default)]
pub struct Trainings {
    rows: Vec<Row>,
    /// Trainings whose curves are shown, and the number of each one's colour.
    shown: BTreeMap<PathBuf, usize>,
    /// The colours that trainings had before they were hidden.
    colours: BTreeMap<PathBuf, usize>,
    selected: Option<PathBuf>,
    /// The trainings whose curves were shown when the project was left, until the first listing.
    left: Option<Vec<PathBuf>>,
    /// Where the project's trainings go; unknown before the first listing.
    folder: Option<PathBuf>,
    /// What was asked of the worker, in order; the first is at work.
    asked: VecDeque<PathBuf>,
    /// Why the project's folder can't be listed.
    pub problem: Option<String>,
}

impl Trainings {
    /// All of them.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The one in a folder.
    #[must_use]
    pub fn row(&self, folder: &Path) -> Option<&Row> {
        self.rows.iter().find(|r| r.folder == folder)
    }

    /// Where the project's trainings go; unknown before the first listing.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// The selected one.
    #[must_use]
    pub fn selected(&self) -> Option<&Row> {
        self.selected.as_deref().and_then(|folder| self.row(folder))
    }

    /// The number of its colour, if its curves are shown.
    #[must_use]
    pub fn colour(&self, folder: &Path) -> Option<usize> {
        self.shown.get(folder).copied()
    }

    /// The records whose curves are shown, with the numbers of their colours, in the order of the rows.
    pub fn shown(&self) -> impl Iterator<Item = (&Row, &Arc<TrainingNote>, usize)> {
        self.rows.iter().filter_map(|r| Some((r, r.note()?, self.colour(&r.folder)?)))
    }

    /// Whether the window itself works on it, or will.
    #[must_use]
    pub fn is_asked(&self, folder: &Path) -> bool {
        self.asked.iter().any(|f| f == folder)
    }

    /// The one that the window works on, while a training runs.
    #[must_use]
    pub fn at_work(&self) -> Option<&Path> {
        self.asked.front().map(PathBuf::as_path)
    }

    /// Whether another process is at work on one of them, so that the disk has news.
    #[must_use]
    pub fn others_at_work(&self) -> bool {
        let running = |r: &Row| r.note().is_some_and(|n| n.status == TrainingStatus::Running);
        self.rows.iter().any(|r| running(r) && !self.is_asked(&r.folder))
    }

    /// Takes what was found on disk; of the trainings that the window works on, it knows more itself.
    pub fn take_listing(&mut self, listing: Listing) {
        let first = self.folder.is_none();
        self.folder = Some(listing.folder);
        let known: Vec<PathBuf> = self.rows.iter().map(|r| r.folder.clone()).collect();
        let own: Vec<Row> = self.rows.drain(..).filter(|r| self.asked.contains(&r.folder)).collect();
        let found = listing.found.into_iter().filter(|(folder, _)| !own.iter().any(|r| r.folder == *folder));
        let row = |(folder, note)| Row { folder, state: Result::map_or_else(note, State::Broken, State::Known) };
        self.rows = found.map(row).chain(own.clone()).collect();
        self.sort();
        let rows = &self.rows;
        self.shown.retain(|folder, _| rows.iter().any(|r| r.folder == *folder));
        if let Some(left) = self.left.take() {
            let known = left.into_iter().filter(|folder| self.rows.iter().any(|r| r.folder == *folder));
            known.collect::<Vec<_>>().into_iter().for_each(|folder| self.show(folder, true));
        } else if first {
            let latest = self.rows.iter().rev().filter(|r| r.note().is_some_and(|n| !n.curves.is_empty()));
            let mut latest: Vec<PathBuf> = latest.take(SHOWN_AT_FIRST).map(|r| r.folder.clone()).collect();
            latest.reverse();
            latest.into_iter().for_each(|folder| self.show(folder, true));
        } else {
            // Whoever opens a folder of trainings wants to see them.
            let opened = |r: &&Row| !self.folder.as_ref().is_some_and(|own| r.folder.starts_with(own));
            let new = self.rows.iter().filter(|r| r.note().is_some() && !known.contains(&r.folder)).filter(opened);
            let new: Vec<PathBuf> = new.take(MOST_OPENED).map(|r| r.folder.clone()).collect();
            new.into_iter().for_each(|folder| self.show(folder, true));
        }
    }

    /// Takes news of the training in a folder.
    pub fn take(&mut self, folder: &Path, note: Arc<TrainingNote>) {
        let state = State::Known(note);
        match self.rows.iter_mut().find(|r| r.folder == folder) {
            Some(row) => row.state = state,
            None => self.rows.push(Row { folder: folder.to_owned(), state }),
        }
        self.sort();
    }

    /// Notes that the worker was asked to train; it is shown and selected.
    pub fn ask(&mut self, folder: PathBuf, name: String) {
        if self.row(&folder).is_none() {
            self.rows.push(Row { folder: folder.clone(), state: State::Waiting(name) });
        }
        self.asked.push_back(folder.clone());
        self.show(folder.clone(), true);
        self.selected = Some(folder);
    }

    /// Notes that the worker has done with the first of what it was asked for, well or not.
    pub fn done(&mut self) {
        let Some(folder) = self.asked.pop_front() else { return };
        let never_began = |r: &Row| r.folder == folder && matches!(r.state, State::Waiting(_));
        if !self.asked.contains(&folder) {
            self.rows.retain(|r| !never_began(r));
        }
    }

    /// Shows and selects what was when the project was left, as soon as it is listed.
    pub fn restore(&mut self, shown: Option<Vec<PathBuf>>, selected: Option<PathBuf>) {
        *self = Self { left: shown, selected, asked: std::mem::take(&mut self.asked), ..Self::default() };
    }

    /// The folders of the trainings whose curves are shown, in their order; `None` before they are listed.
    pub fn chosen_curves(&self) -> Option<impl Iterator<Item = &Path>> {
        self.folder.as_ref().map(|_| self.shown.keys().map(PathBuf::as_path))
    }

    /// Carries out a change.
    pub fn change(&mut self, change: TrainingsChange) {
        match change {
            TrainingsChange::Select(folder) => self.selected = folder,
            TrainingsChange::Show(folder, shown) => self.show(folder, shown),
            TrainingsChange::ShowOnly(folder) => {
                self.shown.retain(|f, _| *f == folder);
                self.show(folder, true);
            }
            TrainingsChange::ShowAll(false) => self.shown.clear(),
            TrainingsChange::ShowAll(true) => {
                let folders: Vec<PathBuf> = self.rows.iter().map(|r| r.folder.clone()).collect();
                folders.into_iter().for_each(|f| self.show(f, true));
            }
        }
    }

    /// A training keeps its colour, also while it is hidden, unless another one has taken it.
    fn show(&mut self, folder: PathBuf, shown: bool) {
        if !shown {
            self.shown.remove(&folder);
        } else if !self.shown.contains_key(&folder) {
            let is_free = |n: &usize| !self.shown.values().any(|taken| taken == n);
            let before = self.colours.get(&folder).copied().filter(is_free);
            let colour = before.or_else(|| (0..).find(is_free)).unwrap_or(0);
            self.colours.insert(folder.clone(), colour);
            self.shown.insert(folder, colour);
        }
    }

    /// By beginning; what has none is last.
    fn sort(&mut self) {
        let began = |r: &Row| r.note().map_or(u64::MAX, |n| n.began);
        self.rows.sort_by(|a, b| (began(a), &a.folder).cmp(&(began(b), &b.folder)));
    }
}

/// "trained x: top-1 51.50 ± 0.40 % (best), 51.20 ± 0.50 % (last) in 12.3 s".
#[must_use]
pub fn trained(report: &TrainReport) -> String {
    let note = &report.note;
    let of = |pick: fn(&Curve) -> Option<Evaluated>| -> String {
        let values: Vec<f64> = note.curves.iter().filter_map(pick).map(|e| e.top1).collect();
        mean_and_std(&values).map_or_else(|| "none".to_owned(), |(mean, std)| format!("{mean:.2} ± {std:.2} %"))
    };
    let (best, last) = (of(Curve::best), of(Curve::last));
    format!("trained {}: top-1 {best} (best), {last} (last) in {:.1} s", note.name, report.seconds)
}

#[cfg(test)]
pub(crate) mod tests;
