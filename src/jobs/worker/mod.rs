//! The window's compute thread: takes requests in order, owns the device, streams events back.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use crate::core::data::dataset::{ClassId, Dataset};
use crate::core::distil::recipe::Recipe;
use crate::engine::device::DeviceChoice;
use crate::store::training::TrainingNote;

use super::check::CheckReport;
use super::control::Control;
use super::distill::{DistillReport, DistillRequest, Found};
use super::open::{ObserverRequest, OpenedObserver};
use super::train::{TrainReport, TrainRequest};

mod compute;

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
    /// Train students or an observer, or what is left of it.
    Train(Box<TrainRequest>),
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
    /// How far the training in this folder is; the newest, not every epoch.
    TrainingPoint(PathBuf, Arc<TrainingNote>),
    /// The training in this folder is finished.
    Trained(PathBuf, Arc<TrainReport>),
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
            Self::Train(_) => "train",
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
        let run = move || compute::Compute::new(config, outgoing, Arc::new(wake)).run(&incoming);
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
