//! What the app remembers of keeping and reopening a project, and the work on it that is done away from the frame.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use eframe::egui::Context;

use crate::core::data::dataset::ImageId;
use crate::core::distil::curation::Curation;
use crate::core::distil::curation::file::{Named, Strays};
use crate::core::workspace::Edited;
use crate::core::workspace::selection::Selection;
use crate::jobs::open::{DatasetRequest, OpenedObserver};
use crate::jobs::reopen::{Lost, Match, kept_dataset, kept_observer};
use crate::jobs::worker::OpenedDataset;
use crate::store::curation;
use crate::store::window::{Edits, Layout, Look, Selected, View, WindowFile, WindowState};
use crate::ui::model::runs::RunList;

/// What the command line asked to begin with.
#[derive(Clone, Debug, Default)]
pub(super) struct Start {
    /// This dataset, whatever the project was left with.
    pub(super) dataset: Option<DatasetRequest>,
    /// This observer.
    pub(super) observer: Option<PathBuf>,
    /// Nothing of what the project was left with.
    pub(super) fresh: bool,
    /// The sample, where the project was left with nothing.
    pub(super) sample: bool,
}

/// Keeping the project's window.
pub(super) struct Keeping {
    /// Asked once more when the window closes.
    pub(super) ctx: Context,
    /// What the next project that is opened begins with.
    pub(super) start: Start,
    /// The list of the user's projects; `None`: none is kept.
    pub(super) projects: Option<PathBuf>,
    /// The project's folder and file; the file is away while it is written.
    pub(super) folder: Option<PathBuf>,
    pub(super) file: Option<WindowFile>,
    /// Whether this process has the project.
    pub(super) held: bool,
    pub(super) writing: Option<Receiver<Written>>,
    /// A dataset was closed with changes while others were written: these come next.
    pub(super) pending: Option<Snapshot>,
    /// When the next look for changes is due, on the window's clock.
    pub(super) due_secs: Option<f64>,
    /// What was written last.
    pub(super) last: Option<Snapshot>,
    /// A failure was told; it is not told again until something could be written.
    pub(super) warned: bool,
    /// What the project was left with, of which some is not open: that is not forgotten.
    pub(super) left: Option<Arc<WindowState>>,
    pub(super) reopening: Option<Reopening>,
    /// What is opened as soon as what has gone is found.
    pub(super) relocating: Option<Relocated>,
    pub(super) resolving: Option<Receiver<Resolved>>,
    /// The dataset whose curation the workspace holds, with what is on disk.
    pub(super) curated: Option<Curated>,
    /// The window's size before it filled the screen.
    pub(super) size: Option<[f32; 2]>,
    /// The project that is opened as soon as this one is written.
    pub(super) next: Option<(Option<PathBuf>, Start)>,
    /// Where a missing thing is looked for.
    pub(super) looking: Option<Looking>,
    pub(super) listed: Option<Receiver<Vec<PathBuf>>>,
    pub(super) runs: Option<Receiver<Result<RunList, String>>>,
    pub(super) prepared: Option<Receiver<Prepared>>,
    /// A run's command line.
    pub(super) line: Option<Receiver<Result<String, String>>>,
    /// Whether something that could not be opened has only been moved.
    pub(super) moved: Option<Receiver<Option<Lost>>>,
}

impl Keeping {
    pub(super) fn new(ctx: &Context, projects: Option<PathBuf>, start: Start) -> Self {
        Self {
            ctx: ctx.clone(),
            start,
            projects,
            folder: None,
            file: None,
            held: false,
            writing: None,
            pending: None,
            due_secs: None,
            last: None,
            warned: false,
            left: None,
            reopening: None,
            relocating: None,
            resolving: None,
            curated: None,
            size: None,
            next: None,
            looking: None,
            listed: None,
            runs: None,
            prepared: None,
            line: None,
            moved: None,
        }
    }
}

impl Keeping {
    /// Whether something of the project is still being read.
    pub(super) fn is_reading(&self) -> bool {
        let asked = self.looking.is_some() || self.next.is_some() || self.prepared.is_some() || self.runs.is_some();
        asked || self.is_reopening()
    }

    /// Whether what was edited is on its way.
    pub(super) fn is_reopening(&self) -> bool {
        self.reopening.is_some() || self.resolving.is_some()
    }

    /// Forgets the project that was open.
    pub(super) fn close(&mut self) {
        let (ctx, projects, size) = (self.ctx.clone(), self.projects.take(), self.size);
        *self = Self { size, ..Self::new(&ctx, projects, Start::default()) };
    }
}

/// A place that is looked at.
pub(super) struct Looking {
    /// What is looked for: its place in the list.
    pub(super) at: usize,
    pub(super) path: PathBuf,
    pub(super) answer: Receiver<Result<Match, String>>,
}

/// A project that is being opened as it was left.
pub(super) struct Reopening {
    pub(super) state: Arc<WindowState>,
    /// The observer is being loaded.
    pub(super) observer: bool,
    /// It is another one than was left: it is checked as usual.
    pub(super) check: bool,
    /// What was edited is there again.
    pub(super) resolved: bool,
    /// The observer is there again.
    pub(super) loaded: bool,
    /// It is a run's: a step of the history that goes on, not the beginning of one.
    pub(super) rerun: Option<Rerun>,
}

/// A run whose recipe, classes and curation are taken.
#[derive(Clone)]
pub(super) struct Rerun {
    /// The step in the history's words.
    pub(super) words: String,
    /// Its curation, as a file spells it.
    pub(super) curation: Option<String>,
    /// Its dataset is the open one.
    pub(super) same_data: bool,
    /// And its observer the loaded one.
    pub(super) same_observer: bool,
}

/// A run, and what of it has gone.
pub(super) struct Prepared {
    pub(super) state: Arc<WindowState>,
    pub(super) lost: Vec<Lost>,
    pub(super) rerun: Rerun,
}

/// What is opened once what has gone is found.
pub(super) type Relocated = (Arc<WindowState>, Option<Rerun>);

/// What was left, in the ids of the dataset that is open now.
pub(super) struct Resolved {
    pub(super) data: Arc<OpenedDataset>,
    pub(super) edited: Option<Edited>,
    /// The curation of a run.
    pub(super) of_run: Option<Result<Curation, String>>,
    pub(super) selected: (Vec<ImageId>, Option<ImageId>),
    pub(super) curation: Result<(Curation, Strays), String>,
}

impl Resolved {
    /// Finds classes and images by name, and reads the project's curation of the dataset.
    pub(super) fn of(
        data: Arc<OpenedDataset>,
        (left, rerun): (Option<&WindowState>, Option<&Rerun>),
        project: Option<PathBuf>,
    ) -> Self {
        let dataset = &data.dataset;
        let known = project.map(|folder| curation::load(&folder, dataset)).transpose();
        let known = known.map(|known| known.flatten().map(|found| (found.curation, found.strays)).unwrap_or_default());
        Self {
            edited: left.map(|left| left.edits.edited(dataset)),
            selected: left.map(|left| left.selected.images(dataset)).unwrap_or_default(),
            curation: known.map_err(|e| e.to_string()),
            of_run: rerun.map(|rerun| {
                let named = rerun.curation.as_deref().map(|text| Named::parse(text.as_bytes())).transpose();
                let found = named.map(|named| named.map(|named| named.resolve(dataset).curation).unwrap_or_default());
                found.map_err(|e| format!("{}: its curation can't be read: {e}", rerun.words))
            }),
            data,
        }
    }
}

/// A dataset's curation as the project has it.
pub(super) struct Curated {
    pub(super) data: Arc<OpenedDataset>,
    pub(super) curation: Arc<Curation>,
    /// Marks of images that the dataset lacks.
    pub(super) strays: Arc<Strays>,
}

/// Everything that is kept, as cheap to take as a few pointers: names are looked up when it is written.
#[derive(Clone)]
pub(super) struct Snapshot {
    pub(super) look: Look,
    pub(super) layout: Layout,
    pub(super) data: Option<Arc<OpenedDataset>>,
    pub(super) observer: Option<Arc<OpenedObserver>>,
    pub(super) edited: Edited,
    pub(super) selection: Selection,
    pub(super) view: View,
    pub(super) left: Option<Arc<WindowState>>,
    /// What the curation is written with, where it has changed.
    pub(super) strays: Option<Arc<Strays>>,
}

/// What came of writing.
pub(super) struct Written {
    pub(super) file: WindowFile,
    /// The file that another hand had written, by its new name.
    pub(super) aside: Result<Option<PathBuf>, String>,
    pub(super) curation: Result<(), String>,
}

fn same<T>(a: Option<&Arc<T>>, b: Option<&Arc<T>>) -> bool {
    a.map(Arc::as_ptr) == b.map(Arc::as_ptr)
}

impl Snapshot {
    /// Whether both say the same.
    pub(super) fn is(&self, other: &Self) -> bool {
        same(self.data.as_ref(), other.data.as_ref())
            && same(self.observer.as_ref(), other.observer.as_ref())
            && same(self.left.as_ref(), other.left.as_ref())
            && (&self.look, &self.view, &self.layout) == (&other.look, &other.view, &other.layout)
            && (&self.edited, &self.selection) == (&other.edited, &other.selection)
    }

    /// With names in place of ids.
    fn state(&self) -> WindowState {
        let own = WindowState {
            look: self.look,
            layout: self.layout.clone(),
            view: self.view.clone(),
            ..WindowState::default()
        };
        let left = self.left.as_deref().cloned();
        let Some(data) = &self.data else {
            let edits = Edits::of(&self.edited, None);
            let Some(left) = left else { return WindowState { edits, ..own } };
            let WindowState { dataset, observer, selected, edits, .. } = left;
            return WindowState { dataset, observer, selected, edits, ..own };
        };
        let dataset = &data.dataset;
        let observer = self.observer.as_deref().map(kept_observer);
        WindowState {
            dataset: Some(kept_dataset(dataset, data.folders, &data.fingerprint)),
            observer: observer.or_else(|| left.and_then(|left| left.observer)),
            edits: Edits::of(&self.edited, Some(dataset)),
            selected: Selected::of(&self.selection, dataset),
            ..own
        }
    }

    /// Writes it into the project in `folder`, which this process has. Not for a frame.
    pub(super) fn write(&self, mut file: WindowFile, folder: &std::path::Path) -> Written {
        let aside = file.write(&self.state()).map_err(|e| e.to_string());
        let curation = match (&self.data, &self.strays) {
            (Some(data), Some(strays)) => {
                curation::save(folder, &data.dataset, &self.edited.curation, strays).map_err(|e| e.to_string())
            }
            _ => Ok(()),
        };
        Written { file, aside, curation }
    }
}
