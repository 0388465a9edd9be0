//! The window's compute thread: takes requests in order, owns the device, streams events back.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use crate::core::dataset::{ClassId, Dataset, Split};
use crate::core::recipe::Recipe;
use crate::core::scores::ClassScores;
use crate::engine::device::{self, DeviceChoice, Picked};
use crate::store::project::Project;

use super::check::{CheckReport, Depth, check};
use super::control::{Control, Reporter};
use super::distill::{DistillReport, DistillRequest, Found, distill};
use super::open::{self, ObserverRequest, OpenedObserver};
use super::picking::{Scored, pick};
use super::sample::ensure_sample;
use super::scoring::score;
use super::session::Session;

/// How the worker computes.
#[derive(Clone, Debug, Default)]
pub struct WorkerConfig {
    /// Project folder; `None` takes the default one.
    pub project: Option<PathBuf>,
    /// Device.
    pub device: DeviceChoice,
    /// Inputs per forward pass.
    pub batch: Option<usize>,
    /// Decoding threads.
    pub threads: Option<usize>,
}

/// Work for the worker; executed one after another.
#[derive(Clone, Debug)]
pub enum Request {
    /// Make the built-in sample if need be, and open its images and its observer.
    OpenSample,
    /// Index a dataset's folder.
    OpenDataset(PathBuf),
    /// Load a weight file for the open dataset.
    OpenObserver(ObserverRequest),
    /// Check the open observer.
    Check,
    /// Score the recipe's subset of these classes, and pick by features where the strategy needs them; blocks and picks
    /// stream in as they come.
    Score {
        /// Parameters.
        recipe: Recipe,
        /// Classes, in the order in which they are scored.
        classes: Vec<ClassId>,
    },
    /// Score what is missing, stitch, and write the folder.
    Distill(DistillRequest),
}

/// An opened dataset: what is distilled, and what is held out for checks.
#[derive(Debug)]
pub struct OpenedDataset {
    /// The training split, or all of it.
    pub dataset: Arc<Dataset>,
    /// The test split, where there is one.
    pub held_out: Option<Arc<Dataset>>,
    /// What the user should know: files passed over, empty classes, …
    pub notes: Vec<String>,
}

/// What comes back.
#[derive(Clone, Debug)]
pub enum Event {
    /// A request began.
    Started(&'static str, Control),
    /// A dataset was opened.
    Dataset(Arc<OpenedDataset>),
    /// An observer was loaded.
    Observer(Arc<OpenedObserver>),
    /// The device that will compute, and why.
    Device(String),
    /// The check's result.
    Checked(Arc<CheckReport>),
    /// Scores or picks of a class, for the recipe of the running request.
    Found {
        /// Parameters that they belong to.
        recipe: Recipe,
        /// The class.
        class: ClassId,
        /// Its block, or what herding or k-means picked.
        found: Found,
    },
    /// A folder was written.
    Distilled(Arc<DistillReport>),
    /// Something the user should know.
    Warning(String),
    /// The request failed; the text names the cause and the remedy.
    Failed(&'static str, String),
    /// The request was cancelled.
    Cancelled(&'static str),
    /// The request is done, well or not; always the last event of a request.
    Finished(&'static str),
}

impl Request {
    /// Its name, as in [`Event::Started`].
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::OpenSample => "open sample",
            Self::OpenDataset(_) => "open dataset",
            Self::OpenObserver(_) => "load observer",
            Self::Check => "check",
            Self::Score { .. } => "score",
            Self::Distill(_) => "distill",
        }
    }
}

/// The compute thread's handle. Dropping it cancels what runs.
pub struct Worker {
    requests: Option<SyncSender<(Request, Control)>>,
    events: Receiver<Event>,
    running: Vec<Control>,
    thread: Option<JoinHandle<()>>,
}

/// The queue is full: the request was not taken.
#[derive(Debug, thiserror::Error)]
#[error("too much is waiting already; cancel something first")]
pub struct Busy;

impl Worker {
    /// Starts the thread. `wake` is called after each event, to have the window drain them.
    ///
    /// # Errors
    /// The system's reason where no thread can be started.
    pub fn start(config: WorkerConfig, wake: impl Fn() + Send + Sync + 'static) -> std::io::Result<Self> {
        let (requests, incoming) = sync_channel::<(Request, Control)>(16);
        let (outgoing, events) = sync_channel(256);
        let run = move || {
            Compute {
                config,
                outgoing,
                wake: Arc::new(wake),
                project: None,
                data: None,
                observer: None,
                session: None,
            }
            .run(&incoming);
        };
        let thread = std::thread::Builder::new().name("compute".to_owned()).spawn(run)?;
        Ok(Self { requests: Some(requests), events, running: Vec::new(), thread: Some(thread) })
    }

    /// Queues a request; its [`Control`] steers it, also while it waits.
    ///
    /// # Errors
    /// [`Busy`].
    pub fn request(&mut self, request: Request) -> Result<Control, Busy> {
        let control = Control::default();
        let sender = self.requests.as_ref().ok_or(Busy)?;
        match sender.try_send((request, control.clone())) {
            Ok(()) => {
                self.running.retain(|c| !c.is_cancelled());
                self.running.push(control.clone());
                Ok(control)
            }
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(Busy),
        }
    }

    /// The next event, if one is there; never waits.
    pub fn poll(&mut self) -> Option<Event> {
        self.events.try_recv().ok()
    }

    /// Waits for the next event; `None` after `timeout` or when the thread has ended.
    pub fn wait(&mut self, timeout: std::time::Duration) -> Option<Event> {
        self.events.recv_timeout(timeout).ok()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.requests = None;
        for control in &self.running {
            control.cancel();
        }
        // Events nobody reads any more must not hold the thread.
        while self.thread.as_ref().is_some_and(|t| !t.is_finished()) {
            let _ = self.events.recv_timeout(std::time::Duration::from_millis(10));
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Compute {
    config: WorkerConfig,
    outgoing: SyncSender<Event>,
    wake: Arc<dyn Fn() + Send + Sync>,
    project: Option<Project>,
    data: Option<Arc<OpenedDataset>>,
    observer: Option<Arc<OpenedObserver>>,
    session: Option<Session>,
}

enum Outcome {
    Done,
    Cancelled,
    Failed(String),
}

impl Outcome {
    fn of<T, E: std::fmt::Display>(result: Result<T, E>, cancelled: bool) -> Self {
        match result {
            Ok(_) => Self::Done,
            Err(_) if cancelled => Self::Cancelled,
            Err(error) => Self::Failed(error.to_string()),
        }
    }
}

impl Compute {
    fn run(mut self, incoming: &Receiver<(Request, Control)>) {
        while let Ok((request, control)) = incoming.recv() {
            let name = request.name();
            self.send(Event::Started(name, control.clone()));
            // A panic inside a driver or a decoder ends this request, not the program; what the request may have left
            // half-changed is dropped.
            let work = std::panic::AssertUnwindSafe(|| self.execute(request, &control));
            let outcome = std::panic::catch_unwind(work).unwrap_or_else(|panic| {
                self.session = None;
                let text = panic.downcast_ref::<String>().cloned();
                let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
                Outcome::Failed(format!("it broke down ({}); try again, or another device", text.unwrap_or_default()))
            });
            match outcome {
                Outcome::Done => {}
                Outcome::Cancelled => self.send(Event::Cancelled(name)),
                Outcome::Failed(why) => self.send(Event::Failed(name, why)),
            }
            self.send(Event::Finished(name));
        }
    }

    fn send(&self, event: Event) {
        // The window is gone: nothing is left to tell.
        let _ = self.outgoing.send(event);
        (self.wake)();
    }

    fn execute(&mut self, request: Request, control: &Control) -> Outcome {
        if control.is_cancelled() {
            return Outcome::Cancelled;
        }
        match request {
            Request::OpenSample => Outcome::of(self.open_sample(control), control.is_cancelled()),
            Request::OpenDataset(path) => Outcome::of(self.open_dataset(&path), false),
            Request::OpenObserver(request) => Outcome::of(self.open_observer(&request), false),
            Request::Check => Outcome::of(self.check(control), control.is_cancelled()),
            Request::Score { recipe, classes } => {
                Outcome::of(self.score(&recipe, &classes, control), control.is_cancelled())
            }
            Request::Distill(request) => Outcome::of(self.distill(&request, control), control.is_cancelled()),
        }
    }

    fn open_sample(&mut self, control: &Control) -> Result<(), String> {
        let sample = ensure_sample(&mut self.reporter(control)).map_err(|e| e.to_string())?;
        self.open_dataset(&sample.data)?;
        self.open_observer(&ObserverRequest { file: sample.observer, ..ObserverRequest::default() })
    }

    fn open_dataset(&mut self, path: &std::path::Path) -> Result<(), String> {
        let imported = open::dataset(path, Split::Train).map_err(|e| e.to_string())?;
        let held_out = open::held_out(path, &imported.dataset).map(Arc::new);
        let opened = Arc::new(OpenedDataset { dataset: Arc::new(imported.dataset), held_out, notes: imported.notes });
        (self.data, self.observer, self.session) = (Some(opened.clone()), None, None);
        if let Err(error) = self.project().and_then(|p| p.remember_dataset(&opened.dataset).map_err(|e| e.to_string()))
        {
            self.send(Event::Warning(error));
        }
        self.send(Event::Dataset(opened));
        Ok(())
    }

    fn open_observer(&mut self, request: &ObserverRequest) -> Result<(), String> {
        let data = self.data.clone().ok_or("open a dataset first")?;
        let opened = Arc::new(open::observer(request, &data.dataset).map_err(|e| e.to_string())?);
        (self.observer, self.session) = (Some(opened.clone()), None);
        let network = opened.observer.spec.arch.to_string();
        let known = self.project().and_then(|p| {
            p.remember_observer(&opened.file, &opened.observer.fingerprint, &network).map_err(|e| e.to_string())
        });
        if let Err(error) = known {
            self.send(Event::Warning(error));
        }
        self.send(Event::Observer(opened));
        Ok(())
    }

    /// The session of the open dataset and observer, made on first use.
    fn session(&mut self) -> Result<&mut Session, String> {
        if self.session.is_none() {
            let data = self.data.clone().ok_or("open a dataset first")?;
            let observer = self.observer.clone().ok_or("load an observer first")?;
            let picked: Picked = device::pick(self.config.device).map_err(|e| e.to_string())?;
            self.send(Event::Device(format!("{} – {} ({})", picked.info.id, picked.info.name, picked.reason)));
            let limits = (self.config.batch, self.config.threads);
            let session = Session::new(data.dataset.clone(), observer, &picked, limits).map_err(|e| e.to_string())?;
            self.session = Some(session);
        }
        self.session.as_mut().ok_or_else(|| "no session".to_owned())
    }

    fn project(&mut self) -> Result<&Project, String> {
        if self.project.is_none() {
            let folder =
                self.config.project.clone().map_or_else(Project::default_dir, Ok).map_err(|e| e.to_string())?;
            self.project = Some(Project::open(&folder).map_err(|e| e.to_string())?);
        }
        self.project.as_ref().ok_or_else(|| "no project".to_owned())
    }

    fn reporter(&self, control: &Control) -> Reporter<'static> {
        let (outgoing, wake) = (self.outgoing.clone(), self.wake.clone());
        Reporter::new(control.clone(), move |warning| {
            let _ = outgoing.send(Event::Warning(warning));
            wake();
        })
    }

    /// Tells the window what was found of a class for `recipe`.
    fn teller(&self, recipe: &Recipe) -> impl FnMut(ClassId, Found) + use<> {
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
        let report = check(self.session()?, &held_out, Depth::Full, &mut reporter).map_err(|e| e.to_string())?;
        self.send(Event::Checked(Arc::new(report)));
        Ok(())
    }

    /// A request may have waited while another dataset was opened.
    fn known(&self, classes: &[ClassId]) -> Result<(), String> {
        let count = self.data.as_ref().map_or(0, |d| d.dataset.classes().len());
        let known = classes.iter().all(|c| c.index() < count);
        if known { Ok(()) } else { Err("another dataset has been opened meanwhile; ask again".to_owned()) }
    }

    fn score(&mut self, recipe: &Recipe, classes: &[ClassId], control: &Control) -> Result<(), String> {
        self.known(classes)?;
        let mut reporter = self.reporter(control);
        self.session()?;
        let problem = self.project().err();
        if let Some(error) = problem {
            self.send(Event::Warning(format!("{error}; scores are not kept")));
        }
        let (mut tell, project) = (self.teller(recipe), self.project.as_ref());
        let Some(session) = self.session.as_mut() else { return Err("load an observer first".to_owned()) };
        let mut blocks = Vec::with_capacity(classes.len());
        let each = &mut |class, block: Arc<ClassScores>| {
            blocks.push(block.clone());
            tell(class, Found::Scores(block));
        };
        score(session, project, (recipe, classes), &mut reporter, each).map_err(|e| e.to_string())?;
        let what = (Scored { classes, blocks: &blocks }, &[recipe.patches_per_class()][..]);
        let each = &mut |class, picks| tell(class, Found::Picks(picks));
        pick(session, recipe, what, &mut reporter, each).map_err(|e| e.to_string())?;
        Ok(())
    }

    fn distill(&mut self, request: &DistillRequest, control: &Control) -> Result<(), String> {
        self.known(&request.classes)?;
        let mut reporter = self.reporter(control);
        self.session()?;
        self.project()?;
        let tell = &mut self.teller(&request.recipe);
        let (Some(session), Some(project)) = (self.session.as_mut(), self.project.as_ref()) else {
            return Err("load an observer first".to_owned());
        };
        let report = distill(session, project, request, &mut reporter, tell).map_err(|e| e.to_string())?;
        self.send(Event::Distilled(Arc::new(report)));
        Ok(())
    }
}
