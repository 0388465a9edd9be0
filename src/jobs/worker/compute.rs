//! The thread's own side: what is open, what computes, and how each request is carried out.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::{Duration, Instant};

use crate::core::data::dataset::{ClassId, Dataset};
use crate::core::distil::recipe::Recipe;
use crate::core::distil::scores::ClassScores;
use crate::engine::device::{self, Picked};
use crate::jobs::check::{Depth, check};
use crate::jobs::control::{Control, Latest, Reporter};
use crate::jobs::distill::{DistillRequest, Found, distill};
use crate::jobs::export::{ExportRequest, Prepared};
use crate::jobs::open::{self, DataError, DatasetRequest, ObserverRequest, OpenedObserver, of_same_classes};
use crate::jobs::picking::{ScoredClasses, pick};
use crate::jobs::report::{self, ReportRequest};
use crate::jobs::sample::ensure_sample;
use crate::jobs::scoring::score;
use crate::jobs::session::Session;
use crate::jobs::suspects::suspects;
use crate::jobs::train::{self, TrainRequest};
use crate::store::import::ImportError;
use crate::store::project::Project;
use crate::store::training::TrainingNote;

use super::messages::{Event, OpenedDataset, Preview, Request, WorkerConfig};

/// A training's course is shown at most this often; evaluated epochs always are.
const BETWEEN_POINTS: Duration = Duration::from_millis(100);

pub(super) struct Compute {
    pub(super) config: WorkerConfig,
    outgoing: SyncSender<Event>,
    /// Images as they change, for whoever looks.
    pub(super) previews: Latest<Preview>,
    pub(super) wake: Arc<dyn Fn() + Send + Sync>,
    pub(super) project: Option<Project>,
    /// The project could not be opened when it was tried last, and the window knows.
    pub(super) refused: bool,
    pub(super) data: Option<Arc<OpenedDataset>>,
    pub(super) observer: Option<Arc<OpenedObserver>>,
    pub(super) session: Option<Session>,
}

/// How a request ended.
enum Ending {
    Done,
    Cancelled,
    Failed(String),
}

impl Ending {
    fn of<T, E: std::fmt::Display>(result: Result<T, E>, cancelled: bool) -> Self {
        match result {
            Ok(_) => Self::Done,
            Err(_) if cancelled => Self::Cancelled,
            Err(error) => Self::Failed(error.to_string()),
        }
    }
}

impl Compute {
    pub(super) fn new(
        config: WorkerConfig,
        (outgoing, previews): (SyncSender<Event>, Latest<Preview>),
        wake: Arc<dyn Fn() + Send + Sync>,
    ) -> Self {
        Self {
            config,
            outgoing,
            previews,
            wake,
            project: None,
            refused: false,
            data: None,
            observer: None,
            session: None,
        }
    }

    pub(super) fn run(mut self, incoming: &Receiver<(Request, Control)>) {
        while let Ok((request, control)) = incoming.recv() {
            let job = request.job();
            self.send(Event::Started(job, control.clone()));
            // A panic inside a driver or a decoder ends this request, not the program; what the request may have left
            // half-changed is dropped.
            let work = std::panic::AssertUnwindSafe(|| self.execute(request, &control));
            let ending = std::panic::catch_unwind(work).unwrap_or_else(|panic| {
                self.session = None;
                let text = panic.downcast_ref::<String>().cloned();
                let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
                Ending::Failed(format!("it broke down ({}); try again, or another device", text.unwrap_or_default()))
            });
            match ending {
                Ending::Done => {}
                Ending::Cancelled => self.send(Event::Cancelled(job)),
                Ending::Failed(why) => self.send(Event::Failed(job, why)),
            }
            self.send(Event::Finished(job));
        }
    }

    pub(super) fn send(&self, event: Event) {
        // The window is gone: nothing is left to tell.
        let _ = self.outgoing.send(event);
        (self.wake)();
    }

    fn execute(&mut self, request: Request, control: &Control) -> Ending {
        if control.is_cancelled() {
            return Ending::Cancelled;
        }
        match request {
            Request::OpenProject(folder) => {
                self.open_project(folder);
                Ending::Done
            }
            Request::OpenSample => Ending::of(self.open_sample(control), control.is_cancelled()),
            Request::OpenDataset(request) => Ending::of(self.open_dataset(&request), false),
            Request::OpenObserver(request) => Ending::of(self.open_observer(&request), false),
            Request::Beside(request) => Ending::of(self.open_beside(&request, control), control.is_cancelled()),
            Request::Check => Ending::of(self.check(control), control.is_cancelled()),
            Request::Suspects => Ending::of(self.suspects(control), control.is_cancelled()),
            Request::Score { recipe, classes } => {
                Ending::of(self.score(&recipe, &classes, control), control.is_cancelled())
            }
            Request::Recall { recipe, classes } => {
                Ending::of(self.recall(&recipe, &classes, control), control.is_cancelled())
            }
            Request::Distill(request) => Ending::of(self.distill(&request, control), control.is_cancelled()),
            Request::Refine(request) => Ending::of(self.refine(&request, control), control.is_cancelled()),
            Request::Train(request) => Ending::of(self.train(&request, control), control.is_cancelled()),
            Request::Export(request) => Ending::of(self.export(&request, control), control.is_cancelled()),
            Request::Report(request) => Ending::of(self.report(&request, control), control.is_cancelled()),
        }
    }

    fn open_sample(&mut self, control: &Control) -> Result<(), String> {
        let sample = ensure_sample(&mut self.reporter(control)).map_err(|e| e.to_string())?;
        self.open_dataset(&DatasetRequest::whole(&sample.data))?;
        self.open_observer(&ObserverRequest { file: sample.observer, ..ObserverRequest::default() })
    }

    fn open_dataset(&mut self, request: &DatasetRequest) -> Result<(), String> {
        let imported = request.training().map_err(|error| {
            if let DataError::Import(ImportError::InDoubt { path, .. }) = &error {
                self.send(Event::InDoubt(path.clone()));
            }
            error.to_string()
        })?;
        let held_out = request.held_out(&imported.dataset).map(Arc::new);
        let (dataset, notes) = (Arc::new(imported.dataset), imported.notes);
        let fingerprint = dataset.fingerprint();
        let opened = Arc::new(OpenedDataset { dataset, held_out, notes, folders: request.folders, fingerprint });
        (self.data, self.observer, self.session) = (Some(opened.clone()), None, None);
        // Images of another dataset that nobody has looked at say nothing of this one's classes.
        drop(self.previews.take());
        let known = self.project().and_then(|p| p.remember_dataset(&opened.dataset).map_err(|e| e.to_string()));
        self.tell_unless_refused(known.map(|_| ()));
        self.send(Event::Dataset(opened));
        Ok(())
    }

    fn open_observer(&mut self, request: &ObserverRequest) -> Result<(), String> {
        let data = self.fitting(request)?;
        let opened = open::observer(request, &data.dataset).map_err(|error| {
            if !error.parts().is_empty() {
                self.send(Event::Parts(request.file.clone(), error.parts().to_vec()));
            }
            error.to_string()
        });
        let opened = Arc::new(opened?);
        (self.observer, self.session) = (Some(opened.clone()), None);
        self.remember(&opened);
        self.send(Event::Observer(opened));
        Ok(())
    }

    /// Notes an observer in the project's list of what was opened.
    pub(super) fn remember(&mut self, opened: &OpenedObserver) {
        let network = opened.observer.spec.arch.to_string();
        let known = self.project().and_then(|p| {
            let part = opened.request.part.as_deref();
            p.remember_observer(&opened.file, part, &opened.observer.fingerprint, &network).map_err(|e| e.to_string())
        });
        self.tell_unless_refused(known.map(|_| ()));
    }

    /// Tells why something could not be noted in the project, unless it was told that nothing can.
    fn tell_unless_refused(&self, noted: Result<(), String>) {
        if let Err(error) = noted
            && !self.refused
        {
            self.send(Event::Warning(error));
        }
    }

    /// The open dataset; without its empty classes where the observer doesn't know them.
    fn fitting(&mut self, request: &ObserverRequest) -> Result<Arc<OpenedDataset>, String> {
        let data = self.data.clone().ok_or("open a dataset first")?;
        let (dataset, note) = open::fitting(request, data.dataset.clone());
        let Some(note) = note else { return Ok(data) };
        let held_out = data.held_out.as_ref().and_then(|held_out| of_same_classes(Dataset::clone(held_out), &dataset));
        let notes = data.notes.iter().cloned().chain([note]).collect();
        let (fingerprint, held_out) = (dataset.fingerprint(), held_out.map(Arc::new));
        let opened = Arc::new(OpenedDataset { dataset, held_out, notes, folders: data.folders, fingerprint });
        self.data = Some(opened.clone());
        self.send(Event::Dataset(opened.clone()));
        Ok(opened)
    }

    /// The session of the open dataset and observer, made on first use.
    pub(super) fn session(&mut self) -> Result<&mut Session, String> {
        if self.session.is_none() {
            let data = self.data.clone().ok_or("open a dataset first")?;
            let observer = self.observer.clone().ok_or("load an observer first")?;
            let picked = self.pick()?;
            let limits = (self.config.batch, self.config.threads);
            let session = Session::new(data.dataset.clone(), observer, &picked, limits).map_err(|e| e.to_string())?;
            self.session = Some(session);
        }
        self.session.as_mut().ok_or_else(|| "no session".to_owned())
    }

    fn pick(&self) -> Result<Picked, String> {
        let picked = device::pick(self.config.device).map_err(|e| e.to_string())?;
        let told = format!("{} – {} ({})", picked.info.id, picked.info.name, picked.reason);
        self.send(Event::Device { short: picked.info.short(self.config.threads), told });
        Ok(picked)
    }

    pub(super) fn project(&mut self) -> Result<&Project, String> {
        if self.project.is_none() {
            let folder =
                self.config.project.clone().map_or_else(Project::default_dir, Ok).map_err(|e| e.to_string())?;
            let project = Project::open(&folder).map_err(|e| e.to_string())?;
            if std::mem::take(&mut self.refused) {
                self.send(Event::Held);
            }
            project.warning().into_iter().for_each(|text| self.send(Event::Warning(text)));
            self.project = Some(project);
        }
        self.project.as_ref().ok_or_else(|| "no project".to_owned())
    }

    pub(super) fn reporter(&self, control: &Control) -> Reporter<'static> {
        let (outgoing, wake) = (self.outgoing.clone(), self.wake.clone());
        Reporter::new(control.clone(), move |warning| {
            let _ = outgoing.send(Event::Warning(warning));
            wake();
        })
    }

    /// Tells the window what was found of a class for `recipe`.
    pub(super) fn teller(&self, recipe: &Recipe) -> impl FnMut(ClassId, Found) + use<> {
        let (outgoing, wake, recipe) = (self.outgoing.clone(), self.wake.clone(), recipe.clone());
        move |class, found| {
            let _ = outgoing.send(Event::Found { recipe: recipe.clone(), class, found });
            wake();
        }
    }

    fn check(&mut self, control: &Control) -> Result<(), String> {
        let mut reporter = self.reporter(control);
        let data = self.data.clone().ok_or("open a dataset first")?;
        let held_out = data.held_out.clone().unwrap_or_else(|| data.dataset.clone());
        let session = self.session()?;
        let report = check(session, &held_out, Depth::Full, &mut reporter).map_err(|e| e.to_string())?;
        let settled = session.observer.clone();
        if self.observer.as_ref().is_some_and(|before| !Arc::ptr_eq(before, &settled)) {
            self.observer = Some(settled.clone());
            self.send(Event::Reordered(settled));
        }
        self.send(Event::Checked(Arc::new(report)));
        Ok(())
    }

    fn suspects(&mut self, control: &Control) -> Result<(), String> {
        let mut reporter = self.reporter(control);
        let found = suspects(self.session()?, &mut reporter).map_err(|e| e.to_string())?;
        self.send(Event::Suspects(Arc::new(found)));
        Ok(())
    }

    /// A request may have waited while another dataset was opened.
    pub(super) fn known(&self, classes: &[ClassId]) -> Result<(), String> {
        let count = self.data.as_ref().map_or(0, |d| d.dataset.classes().len());
        let known = classes.iter().all(|c| c.index() < count);
        if known { Ok(()) } else { Err("another dataset has been opened meanwhile; ask again".to_owned()) }
    }

    fn score(&mut self, recipe: &Recipe, classes: &[ClassId], control: &Control) -> Result<(), String> {
        let Some(own) = recipe.rded() else { return Err(format!("{} scores no patches", recipe.method.name())) };
        self.known(classes)?;
        let mut reporter = self.reporter(control);
        self.session()?;
        let problem = self.project().err();
        if let Some(error) = problem {
            self.send(Event::Warning(format!("{error}; scores are not kept")));
        }
        let (mut tell, project) = (self.teller(recipe), self.project.as_ref());
        let Some(session) = self.session.as_mut() else { return Err("load an observer first".to_owned()) };
        let recipe = &own;
        let mut blocks = Vec::with_capacity(classes.len());
        let each = &mut |class, block: Arc<ClassScores>| {
            blocks.push(block.clone());
            tell(class, Found::Scores(block));
        };
        score(session, project, (recipe, classes), &mut reporter, each).map_err(|e| e.to_string())?;
        let what = (ScoredClasses { classes, blocks: &blocks }, &[recipe.ipc][..]);
        let each = &mut |class, picks| tell(class, Found::Picks(picks));
        pick(session, recipe, what, &mut reporter, each).map_err(|e| e.to_string())?;
        Ok(())
    }

    fn distill(&mut self, request: &DistillRequest, control: &Control) -> Result<(), String> {
        self.known(&request.classes)?;
        let mut reporter = self.reporter(control);
        self.session()?;
        self.project()?;
        let tell = &mut self.shower_of(request);
        let (Some(session), Some(project)) = (self.session.as_mut(), self.project.as_ref()) else {
            return Err("load an observer first".to_owned());
        };
        let report = distill(session, project, request, &mut reporter, tell).map_err(|e| e.to_string())?;
        self.send(Event::Distilled(Arc::new(report)));
        Ok(())
    }

    /// Needs neither the open dataset nor the open observer: the request names its own.
    fn train(&mut self, request: &TrainRequest, control: &Control) -> Result<(), String> {
        let mut reporter = self.reporter(control);
        let picked = self.pick()?;
        let compute = train::Compute { picked: &picked, threads: self.config.threads };
        let (mut told, mut evaluations) = (None::<Instant>, 0);
        let each = &mut |note: &TrainingNote| {
            let now = note.curves.iter().flat_map(|c| &c.points).filter(|p| p.evaluated.is_some()).count();
            if now == evaluations && told.is_some_and(|t| t.elapsed() < BETWEEN_POINTS) {
                return;
            }
            (told, evaluations) = (Some(Instant::now()), now);
            self.send(Event::TrainingPoint(request.out.clone(), Arc::new(note.clone())));
        };
        let report = train::run(request, compute, &mut reporter, each).map_err(|e| e.to_string())?;
        self.send(Event::Trained(request.out.clone(), Arc::new(report)));
        Ok(())
    }

    /// Needs nothing that is open: the request says what is read.
    fn export(&mut self, request: &ExportRequest, control: &Control) -> Result<(), String> {
        let mut reporter = self.reporter(control);
        let prepared = Prepared::new(request, &mut reporter).map_err(|e| e.to_string())?;
        let report = prepared.run(&mut reporter).map_err(|e| e.to_string())?;
        self.send(Event::Exported(Arc::new(report)));
        Ok(())
    }

    /// Needs nothing that is open either.
    fn report(&mut self, request: &ReportRequest, control: &Control) -> Result<(), String> {
        let mut reporter = self.reporter(control);
        let done = report::write(request, &mut reporter).map_err(|e| e.to_string())?;
        self.send(Event::Reported(Arc::new(done)));
        Ok(())
    }
}
