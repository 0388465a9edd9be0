//! What the window and its compute thread say to each other.

use std::path::PathBuf;
use std::sync::Arc;

use crate::core::data::dataset::{ClassId, Dataset};
use crate::core::data::folders::Folders;
use crate::core::distil::recipe::Recipe;
use crate::engine::device::DeviceChoice;
use crate::engine::weights::NetworkPart;
use crate::jobs::check::CheckReport;
use crate::jobs::control::Control;
use crate::jobs::distill::{DistillReport, DistillRequest, Found};
use crate::jobs::export::{ExportReport, ExportRequest};
use crate::jobs::open::{DatasetRequest, ObserverRequest, OpenedObserver};
use crate::jobs::refine::Refining;
use crate::jobs::reopen::Lost;
use crate::jobs::report::{ReportDone, ReportRequest};
use crate::jobs::suspects::Suspects;
use crate::jobs::train::{TrainReport, TrainRequest};
use crate::store::training::TrainingNote;
use crate::store::window::{WindowFile, WindowState};

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
    /// Close what is open and work on another project: that in this folder, or the default one.
    OpenProject(Option<PathBuf>),
    /// Make the built-in sample if need be, and open its images and its observer.
    OpenSample,
    /// Index a dataset's folder.
    OpenDataset(DatasetRequest),
    /// Load a weight file for the open dataset.
    OpenObserver(ObserverRequest),
    /// Open weight files as observers that move pixels beside the open one.
    Beside(BesideRequest),
    /// Check the open observer.
    Check,
    /// Have the open observer judge the labels of the open dataset.
    Suspects,
    /// Score the recipe's subset of these classes, and pick by features where the strategy needs them; blocks and picks
    /// stream in as they come.
    Score {
        /// Parameters.
        recipe: Recipe,
        /// Classes, in the order in which they are scored.
        classes: Vec<ClassId>,
    },
    /// Bring the scores of these classes that the project has for the recipe; nothing is computed.
    Recall {
        /// Parameters.
        recipe: Recipe,
        /// Classes, in the order in which they come.
        classes: Vec<ClassId>,
    },
    /// Score what is missing, stitch, and write the folder.
    Distill(DistillRequest),
    /// Move the pixels of a written set further.
    Refine(RefineRequest),
    /// Train students or an observer, or what is left of it.
    Train(Box<TrainRequest>),
    /// Write images as other programs read them.
    Export(Box<ExportRequest>),
    /// Write a page about a set.
    Report(Box<ReportRequest>),
}

/// Weight files of observers that are to move pixels beside the open one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BesideRequest {
    /// The files.
    pub files: Vec<PathBuf>,
    /// Whether each is checked on a few hundred images, too.
    pub check: bool,
}

/// What became of such a file.
#[derive(Debug)]
pub struct Beside {
    /// The file.
    pub file: PathBuf,
    /// The observer that it is to stand beside: of another one, its side and its order of classes may be others.
    pub first: Arc<OpenedObserver>,
    /// The network, or why it can't take part, in words.
    pub opened: Result<Arc<OpenedObserver>, String>,
    /// Its check, where that was asked for.
    pub check: Option<CheckReport>,
}

/// A written set whose pixels are moved further.
#[derive(Clone, Debug)]
pub struct RefineRequest {
    /// The folder of the set, which was distilled from the open dataset.
    pub set: PathBuf,
    /// Method and parameters; what is the set's own is taken from it.
    pub recipe: Recipe,
    /// Observers that move pixels beside the open one.
    pub beside: Vec<Arc<OpenedObserver>>,
    /// The output folder.
    pub out: PathBuf,
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
    /// What the user said of its folders.
    pub folders: Folders,
    /// [`Dataset::fingerprint`], which takes a while for a million names.
    pub fingerprint: String,
}

/// A project that is worked on from now on, and how its window was left.
#[derive(Debug)]
pub struct OpenedProject {
    /// Its folder; `None` where no home folder is known to make the default one in.
    pub folder: Option<PathBuf>,
    /// Why nothing can be written to it: another process has it, or it may not be written.
    pub held: Result<(), String>,
    /// The file that says how the window is left.
    pub window: Option<WindowFile>,
    /// What that file said.
    pub state: Option<WindowState>,
    /// What the user should know of it.
    pub notes: Vec<String>,
    /// What the window had open and is no longer where it was.
    pub lost: Vec<Lost>,
}

/// Images as they change, and the set that they are of. It is no [`Event`]: only the newest one is worth a look.
#[derive(Clone, Debug)]
pub struct Preview {
    /// Method and parameters.
    pub recipe: Recipe,
    /// What people call the classes of the set, in the order of its running index.
    pub classes: Arc<Vec<String>>,
    /// The folder that will be written.
    pub out: PathBuf,
    /// The images.
    pub refining: Arc<Refining>,
}

/// What comes back.
#[derive(Clone, Debug)]
pub enum Event {
    /// A request began.
    Started(Job, Control),
    /// Another project is worked on.
    Project(Arc<OpenedProject>),
    /// The project, which others had, can be written from now on.
    Held,
    /// A dataset was opened.
    Dataset(Arc<OpenedDataset>),
    /// The folders in this one could be splits as well as classes; the request fails, and the user may say.
    InDoubt(PathBuf),
    /// An observer was loaded.
    Observer(Arc<OpenedObserver>),
    /// A further observer was opened, or could not be.
    Beside(Arc<Beside>),
    /// A weight file holds several networks, of which one must be named.
    Parts(PathBuf, Vec<NetworkPart>),
    /// The device that will compute.
    Device {
        /// In a few words.
        short: String,
        /// Its whole name, and why it was taken.
        told: String,
    },
    /// The check's result.
    Checked(Arc<CheckReport>),
    /// What the observer makes of the dataset's labels.
    Suspects(Arc<Suspects>),
    /// The check found that the loaded observer's outputs are in another order of the classes: this is it from now on.
    Reordered(Arc<OpenedObserver>),
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
    /// An export was written, read back and compared.
    Exported(Arc<ExportReport>),
    /// A page about a set was written.
    Reported(Arc<ReportDone>),
    /// Something the user should know.
    Warning(String),
    /// The request failed; the text names the cause and the remedy.
    Failed(Job, String),
    /// The request was cancelled.
    Cancelled(Job),
    /// The request is done, well or not; always the last event of a request.
    Finished(Job),
}

/// Which kind of work a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Job {
    /// [`Request::OpenProject`].
    OpenProject,
    /// [`Request::OpenSample`].
    OpenSample,
    /// [`Request::OpenDataset`].
    OpenDataset,
    /// [`Request::OpenObserver`].
    OpenObserver,
    /// [`Request::Beside`].
    Beside,
    /// [`Request::Check`].
    Check,
    /// [`Request::Suspects`].
    Suspects,
    /// [`Request::Score`].
    Score,
    /// [`Request::Recall`].
    Recall,
    /// [`Request::Distill`], [`Request::Refine`].
    Distill,
    /// [`Request::Train`].
    Train,
    /// [`Request::Export`].
    Export,
    /// [`Request::Report`].
    Report,
}

impl Job {
    /// Its name for people, in the log and in the bar of jobs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenProject => "open project",
            Self::OpenSample => "open sample",
            Self::OpenDataset => "open dataset",
            Self::OpenObserver => "load observer",
            Self::Beside => "load further observers",
            Self::Check => "check",
            Self::Suspects => "find suspects",
            Self::Score => "score",
            Self::Recall => "load scores",
            Self::Distill => "distill",
            Self::Train => "train",
            Self::Export => "export",
            Self::Report => "report",
        }
    }
}

impl std::fmt::Display for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Request {
    /// Which kind of work it is.
    #[must_use]
    pub fn job(&self) -> Job {
        match self {
            Self::OpenProject(_) => Job::OpenProject,
            Self::OpenSample => Job::OpenSample,
            Self::OpenDataset(..) => Job::OpenDataset,
            Self::OpenObserver(_) => Job::OpenObserver,
            Self::Beside(_) => Job::Beside,
            Self::Check => Job::Check,
            Self::Suspects => Job::Suspects,
            Self::Score { .. } => Job::Score,
            Self::Recall { .. } => Job::Recall,
            Self::Distill(_) | Self::Refine(_) => Job::Distill,
            Self::Train(_) => Job::Train,
            Self::Export(_) => Job::Export,
            Self::Report(_) => Job::Report,
        }
    }
}
