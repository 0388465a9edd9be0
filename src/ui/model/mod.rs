//! What the panels show. They read it and emit [`super::intent::Intent`]s; only the app changes it.

pub mod beside;
pub mod compare;
pub mod culling;
pub mod exporting;
mod found;
pub mod log;
mod problems;
pub mod project;
pub mod ranking;
pub mod refine;
pub mod runs;
pub mod saved;
pub mod shown;
pub mod suspects;
pub mod trainings;
mod words;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::core::data::dataset::{ClassId, Dataset, ImageId};
use crate::core::distil::difference::Difference;
use crate::core::workspace::Workspace;
use crate::jobs::check::{CheckReport, Verdict};
use crate::jobs::control::{Control, Status};
use crate::jobs::distill::DistillReport;
use crate::jobs::open::{ObserverRequest, OpenedObserver};
use crate::jobs::opinion::Opinion;
use crate::jobs::worker::{Event, Job, OpenedDataset};
use crate::store::presets::Listed;
use crate::store::project::{RecentDataset, RecentObserver};
use crate::store::training::TrainingStatus;

use super::actions::{Action, Menu};
use super::intent::Panel;
use beside::FurtherObservers;
use compare::Compare;
use culling::Culling;
use exporting::{Done, Exporting};
use log::{Level, Log};
pub use problems::Problems;
use project::ProjectView;
pub use project::Recent;
use ranking::Ranking;
use refine::Refine;
use runs::Runs;
use saved::Saved;
use shown::{Listing, Shown, Sources};
use suspects::Suspicions;
use trainings::{Trainings, trained};

/// A job and how to steer it.
#[derive(Clone, Debug)]
pub struct Running {
    /// What it does.
    pub job: Job,
    /// Pause, cancel, progress.
    pub control: Control,
    /// When it began, on the window's clock.
    pub began_secs: f64,
}

/// Everything that panels may look at.
#[derive(Default)]
pub struct Model {
    /// What the user edits.
    pub workspace: Workspace,
    /// The open dataset.
    pub data: Option<Arc<OpenedDataset>>,
    /// A folder that could not be opened because its folders could be splits as well as classes.
    pub in_doubt: Option<PathBuf>,
    /// The loaded observer.
    pub observer: Option<Arc<OpenedObserver>>,
    /// Observers that are to move pixels beside it.
    pub beside: FurtherObservers,
    /// How it was asked for: the overrides.
    pub observer_request: Option<ObserverRequest>,
    /// The class map of the order that the observer was opened with, where the user gave one.
    pub class_map_file: Option<PathBuf>,
    /// The weight file that holds several networks, if the last one did.
    pub parts_of: PathBuf,
    /// Their names, and which network each is.
    pub parts: Vec<(String, String)>,
    /// The check's result and what it means.
    pub check: Option<(Arc<CheckReport>, Verdict)>,
    /// Labels that the observer thinks wrong, once it was asked.
    pub suspects: Option<Suspicions>,
    /// What the last change of each parameter of the recipe did to the stitched patches.
    pub changes: HashMap<&'static str, Difference>,
    /// The parameter that changed last.
    pub last_change: Option<&'static str>,
    /// Whether what the recipe lacks is scored by itself.
    pub live: bool,
    /// What the observer says of the selected patch.
    pub opinion: Option<Opinion>,
    /// The device that computes: in a few words, and its whole name with why it was taken.
    pub device: Option<(String, String)>,
    /// Scores and rankings.
    pub ranking: Ranking,
    /// Which of the ranked patches pass the filter.
    pub shown: Shown,
    /// The job at work.
    pub running: Option<Running>,
    /// Jobs that wait their turn.
    pub waiting: Vec<Running>,
    /// Errors.
    pub problems: Problems,
    /// Trainings.
    pub trainings: Trainings,
    /// Exports.
    pub exporting: Exporting,
    /// The log.
    pub log: Log,
    /// What was opened before.
    pub recent: Recent,
    /// What was distilled in the project.
    pub runs: Runs,
    /// The project, and other ones.
    pub project: ProjectView,
    /// The user's own presets.
    pub presets: Listed,
    /// Images whose pixels are moved.
    pub refine: Refine,
    /// Sets side by side.
    pub compare: Compare,
    /// The folder that was written last.
    pub written: Option<Arc<DistillReport>>,
    /// What was saved last.
    pub saved: Option<Saved>,
    /// The panel that the arrow keys belong to.
    pub active: Option<Panel>,
    /// The selection changed and its cell should be brought into view in this frame.
    pub reveal: bool,
    /// Seconds since the window opened.
    pub now_secs: f64,
    /// What culling remembers.
    pub culling: Culling,
}

impl Model {
    /// The open dataset.
    #[must_use]
    pub fn dataset(&self) -> Option<&Arc<Dataset>> {
        self.data.as_ref().map(|d| &d.dataset)
    }

    /// Name of the dataset for titles and default file names: its folder's.
    #[must_use]
    pub fn dataset_name(&self) -> Option<String> {
        let root = self.dataset()?.root();
        let name = root.file_name().map_or_else(|| root.to_string_lossy(), |n| n.to_string_lossy());
        Some(name.into_owned())
    }

    /// What is shown of a class that is in view.
    #[must_use]
    pub fn listing(&self, class: ClassId) -> Listing<'_> {
        self.shown.of(&self.ranking, class)
    }

    /// Finds what passes the filter until `budget` is spent; returns whether something is left.
    pub fn list(&mut self, budget: std::time::Duration) -> bool {
        let Some(data) = &self.data else { return false };
        let of = Sources { dataset: &data.dataset, ranking: &self.ranking, workspace: &self.workspace };
        self.shown.work(of, budget)
    }

    /// The running job's newest progress.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        self.running.as_ref().map(|r| r.control.status())
    }

    /// Whether work of this kind runs or waits.
    #[must_use]
    pub fn is_under_way(&self, job: Job) -> bool {
        self.running.iter().chain(&self.waiting).any(|r| r.job == job)
    }

    /// Whether a job runs or waits.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.running.is_some() || !self.waiting.is_empty()
    }

    /// Chosen classes whose scores don't cover the recipe, and all chosen classes.
    #[must_use]
    pub fn staleness(&self) -> (usize, usize) {
        if self.why_no_patches().is_some() {
            return (0, self.workspace.chosen().count());
        }
        (self.ranking.stale(self.workspace.chosen()), self.workspace.chosen().count())
    }

    /// Why there are no patches to score, choose or mark; `None` of a method that begins with some.
    #[must_use]
    pub fn why_no_patches(&self) -> Option<&'static str> {
        let none = self.workspace.recipe().method.rded().is_none();
        none.then_some("the method begins with noise: it has no patches")
    }

    /// Why a command can't be carried out now; `None` if it can.
    #[must_use]
    pub fn why_not(&self, action: Action) -> Option<&'static str> {
        let needs = |here: bool, why| (!here).then_some(why);
        let observer = || {
            needs(self.data.is_some(), "open a dataset first")
                .or(needs(self.observer.is_some(), "load an observer first"))
        };
        let some_class = || needs(self.workspace.chosen().next().is_some(), "choose at least one class");
        match action {
            Action::Check => observer().or(needs(!self.is_under_way(Job::Check), "the check is under way")),
            Action::FindSuspects => observer().or(needs(!self.is_under_way(Job::Suspects), "the search is under way")),
            Action::Score => self
                .why_no_patches()
                .or(observer())
                .or(some_class())
                .or(needs(!self.is_under_way(Job::Score), "scoring is under way")),
            Action::Distil => {
                observer().or(some_class()).or(needs(!self.is_under_way(Job::Distill), "distilling is under way"))
            }
            Action::RefineRun => {
                let moves = self.workspace.recipe().method.iterations() > 0;
                let run = self.runs.selected().is_some_and(|run| run.out.is_some());
                needs(run, "select a run in the table that wrote a folder")
                    .or(needs(moves, "choose LIC, SRe2L or CDA in the recipe"))
                    .or(observer())
                    .or(needs(!self.is_under_way(Job::Distill), "distilling is under way"))
            }
            Action::PreviousInRank | Action::NextInRank => {
                needs(self.workspace.selected().is_some(), "select a patch first")
            }
            Action::RestoreRun => {
                let none = needs(self.runs.selected().is_some(), "select a run in the table first");
                none.or(needs(!self.is_busy(), "a job runs or waits: cancel it, or wait for it"))
            }
            Action::CopyRun => needs(self.runs.selected().is_some(), "select a run in the table first"),
            Action::NewSession => needs(!self.is_busy(), "a job runs or waits: cancel it, or wait for it"),
            Action::Undo => needs(self.workspace.can_undo(), "nothing to take back"),
            Action::Redo => needs(self.workspace.can_redo(), "nothing to repeat"),
            Action::OpenObserver
            | Action::FindByName
            | Action::OnlyStitched
            | Action::OnlyPinned
            | Action::OnlyRejected => needs(self.data.is_some(), "open a dataset first"),
            Action::ClearFilters => needs(!self.workspace.filter().is_open(), "no filter is on"),
            Action::Train | Action::CopyTraining => {
                needs(self.trainings.folder().is_some(), "the project's folder is being looked at")
            }
            Action::CloneTraining | Action::TrainingDetails => self.why_no_training(),
            Action::ResumeTraining => self.why_no_training().or_else(|| self.why_not_resumed()),
            Action::ExportCsv | Action::ExportSvg => {
                needs(self.trainings.shown().next().is_some(), "show a training's curves first")
            }
            Action::ExportTable => needs(!self.trainings.rows().is_empty(), "no trainings are listed"),
            Action::Pause | Action::Cancel => needs(self.running.is_some(), "no job is running"),
            of_patches if of_patches.about().menu == Menu::Curate => self.why_not_culled(of_patches),
            _ => None,
        }
    }

    fn why_no_training(&self) -> Option<&'static str> {
        let Some(row) = self.trainings.selected() else { return Some("select a training in the table") };
        row.note().is_none().then_some("it has no record that can be read")
    }

    fn why_not_resumed(&self) -> Option<&'static str> {
        let row = self.trainings.selected()?;
        match row.note()?.status {
            _ if self.trainings.is_asked(&row.folder) => Some("it is under way"),
            TrainingStatus::Done => Some("it is finished"),
            TrainingStatus::Running => Some("another process is at work on it"),
            TrainingStatus::Paused | TrainingStatus::Failed | TrainingStatus::Interrupted => None,
        }
    }

    fn say_all(&mut self, lines: Vec<words::Line>) {
        lines.into_iter().for_each(|(level, text)| self.say(level, text));
    }

    /// Writes a line to the log.
    pub fn say(&mut self, level: Level, text: impl Into<String>) {
        self.log.push(self.now_secs, level, text);
    }

    /// Selects nothing that has gone: after a change of dataset or scores.
    #[must_use]
    pub fn selected_place(&self) -> Option<(ImageId, crate::core::data::dataset::ClassId, usize)> {
        let image = self.workspace.selected()?;
        self.ranking.place(image).map(|(class, rank)| (image, class, rank))
    }

    /// Takes what the worker reports. Opening a dataset also needs the workspace's and the gallery's part, which the
    /// app does.
    pub fn take(&mut self, event: Event) {
        match event {
            Event::Started(job, control) => {
                *self.problems.of(job) = None;
                if matches!(job, Job::OpenDataset | Job::OpenSample) {
                    self.in_doubt = None;
                }
                if !self.waiting.is_empty() {
                    self.waiting.remove(0);
                }
                self.running = Some(Running { job, control, began_secs: self.now_secs });
            }
            Event::Dataset(opened) => self.take_dataset(opened),
            Event::InDoubt(path) => self.in_doubt = Some(path),
            Event::Observer(opened) => self.take_observer(opened),
            Event::Beside(beside) => self.take_beside(beside),
            Event::Parts(file, parts) => {
                self.parts = parts.into_iter().map(|part| (part.name, part.network)).collect();
                self.parts_of = file;
            }
            Event::Device { short, told } => {
                self.say(Level::Info, format!("computing on {told}"));
                self.device = Some((short, told));
            }
            Event::Checked(report) => self.take_check(report),
            Event::Suspects(found) => self.take_suspects(found),
            Event::Reordered(opened) => self.take_reordered(opened),
            Event::Found { recipe, class, found } => self.take_found(&recipe, class, found),
            Event::Distilled(report) => {
                self.say(Level::Info, words::of_distilled(&report));
                self.written = Some(report);
            }
            Event::TrainingPoint(folder, note) => self.trainings.take(&folder, note),
            Event::Trained(folder, report) => {
                self.say(Level::Info, trained(&report));
                self.trainings.take(&folder, Arc::new(report.note.clone()));
            }
            Event::Exported(report) => self.take_written(Done::Images(report)),
            Event::Reported(page) => self.take_written(Done::Page(page)),
            Event::Warning(text) => self.say(Level::Warning, text),
            Event::Project(_) | Event::Held => {}
            Event::Failed(job, why) => {
                self.say(Level::Error, format!("{job}: {why}"));
                *self.problems.of(job) = Some(why);
            }
            Event::Cancelled(job @ (Job::Export | Job::Report)) => {
                self.say(Level::Info, format!("{job}: cancelled; nothing was left behind"));
            }
            Event::Cancelled(job) => {
                self.say(Level::Info, format!("{job}: cancelled; what it stored stays, the same again resumes"));
            }
            Event::Finished(job) => {
                if job == Job::Train {
                    self.trainings.done();
                }
                let began = self.running.take().map_or(self.now_secs, |r| r.began_secs);
                if job == Job::Score && self.problems.score.is_none() {
                    self.say(Level::Info, format!("scoring ended after {:.1} s", self.now_secs - began));
                }
            }
        }
    }

    fn take_written(&mut self, done: Done) {
        self.say(Level::Info, done.words());
        self.exporting.done = Some(done);
    }

    fn take_dataset(&mut self, opened: Arc<OpenedDataset>) {
        let data = opened.dataset.clone();
        let (images, classes) = (data.image_count(), data.classes().len());
        self.say_all(words::of_dataset(&opened));
        let (root, layout, split) = (data.root().to_owned(), data.layout(), data.split());
        self.recent.datasets.retain(|r| r.root != root);
        let (fingerprint, holdout) = (opened.fingerprint.clone(), data.holdout());
        let recent = RecentDataset { root, fingerprint, layout, split, classes, images, holdout };
        self.recent.datasets.insert(0, recent);
        self.data = Some(opened);
        (self.observer, self.check, self.written, self.class_map_file) = (None, None, None, None);
        self.suspects = None;
        self.refine = self.refine.closed();
        self.ranking.open(Some(data));
    }

    fn take_observer(&mut self, opened: Arc<OpenedObserver>) {
        self.say_all(words::of_observer(self.observer.as_deref(), &opened));
        self.note_recent(&opened);
        self.observer = Some(opened);
        (self.check, self.suspects) = (None, None);
        self.ranking.open(self.data.as_ref().map(|data| data.dataset.clone()));
    }

    /// Puts an observer at the head of those that were loaded before.
    fn note_recent(&mut self, opened: &OpenedObserver) {
        let o = &opened.observer;
        let (path, network) = (opened.file.clone(), o.spec.arch.to_string());
        let fingerprint = o.fingerprint.clone();
        let part = opened.request.part.clone();
        self.recent.observers.retain(|r| r.path != path || r.part != part);
        self.recent.observers.insert(0, RecentObserver { path, part, fingerprint, network });
    }
}
