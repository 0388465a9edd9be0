//! What is known of exports: the sets that could be exported, what an export would come to, and what became of the last.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::jobs::control::Control;
use crate::jobs::export::{ExportReport, Measure, Place};
use crate::jobs::report::ReportDone;
use crate::store::project::{Project, ProjectError, RunStatus};

/// So many runs are looked at.
const RUNS: u32 = 200;

/// A distilled set that a run of the project wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownSet {
    /// Its folder.
    pub folder: PathBuf,
    /// The dataset that it was made from.
    pub dataset: PathBuf,
    /// How it was made, in few words.
    pub words: String,
}

/// The sets of a project, latest first.
#[derive(Clone, Debug, Default)]
pub struct KnownSets {
    /// Those whose folders are there.
    pub sets: Vec<KnownSet>,
    /// How many others the latest runs wrote whose folders have gone.
    pub gone: usize,
    /// Whether there are older runs that were not looked at.
    pub older: bool,
}

impl KnownSets {
    /// Reads the list of runs; empty where there is no project yet.
    ///
    /// # Errors
    /// The store's reason, in words.
    pub fn read(project: Option<PathBuf>) -> Result<Self, String> {
        let folder = project.map_or_else(Project::default_dir, Ok).map_err(|e| e.to_string())?;
        let project = match Project::read_only(&folder) {
            Ok(project) => project,
            Err(ProjectError::Missing(_)) => return Ok(Self::default()),
            Err(error) => return Err(error.to_string()),
        };
        let runs = project.runs(RUNS).map_err(|e| e.to_string())?;
        let older = runs.len() == RUNS as usize;
        let mut known = Self { older, ..Self::default() };
        let mut seen = std::collections::BTreeSet::new();
        for run in runs.into_iter().filter(|run| run.status == RunStatus::Done) {
            let Some(folder) = run.out.filter(|out| seen.insert(out.clone())) else { continue };
            if folder.is_dir() {
                let words = format!("{}, IPC {}, of {}", run.recipe.method.name(), run.recipe.ipc, name(&run.dataset));
                known.sets.push(KnownSet { folder, dataset: run.dataset, words });
            } else {
                known.gone += 1;
            }
        }
        Ok(known)
    }
}

/// A folder's own name.
pub fn name(folder: &Path) -> String {
    folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned()
}

/// How far the look at what would be exported is.
#[derive(Clone, Debug, Default)]
pub enum Measured {
    /// Nothing is chosen.
    #[default]
    Nothing,
    /// The images are being looked at.
    Looking(Control),
    /// What the export would come to.
    Known(Arc<Measure>),
    /// Why it can't be exported.
    Failed(String),
    /// The user stopped it.
    Stopped,
}

/// What was written.
#[derive(Clone, Debug)]
pub enum Done {
    /// Images, in a folder.
    Images(Arc<ExportReport>),
    /// A page.
    Page(Arc<ReportDone>),
}

impl Done {
    /// What the log says.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Images(report) => {
                let ExportReport { images, format, out, .. } = &**report;
                format!("exported {images} images as {format} to {}", out.display())
            }
            Self::Page(page) => format!("wrote the report {}", page.out.display()),
        }
    }
}

/// What is known of exports.
#[derive(Clone, Debug, Default)]
pub struct Exporting {
    /// The project's sets.
    pub known: KnownSets,
    /// Why they can't be listed.
    pub unlisted: Option<String>,
    /// What the export that is asked for would come to.
    pub measured: Measured,
    /// What is found where its folder will be.
    pub place: Option<Place>,
    /// The last export.
    pub done: Option<Done>,
    /// Counts the changes of the selected images.
    pub selections: u64,
}

impl Exporting {
    /// Bytes that the export needs on its disk and that are free there, where there are too few.
    #[must_use]
    pub fn lacks(&self) -> Option<(u64, u64)> {
        let (Measured::Known(measure), Some(free)) = (&self.measured, self.place.as_ref()?.free) else { return None };
        let needed = measure.size.on_disk();
        (needed > free).then_some((needed, free))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::export::Size;

    #[test]
    fn too_little_room_is_noticed_beforehand() {
        let size = Size { files: 2, bytes: 1000, exact: true };
        let measure = Measure {
            images: 1,
            size,
            lossless: true,
            rounded: false,
            about: serde_json::Map::new(),
            notes: Vec::new(),
        };
        let mut exporting = Exporting { measured: Measured::Known(Arc::new(measure)), ..Exporting::default() };
        assert_eq!(exporting.lacks(), None);
        for (free, lacks) in [(Some(9192), None), (Some(9191), Some((9192, 9191))), (None, None)] {
            exporting.place = Some(Place { free, problem: None });
            assert_eq!(exporting.lacks(), lacks);
        }
    }

    #[test]
    fn a_project_that_is_not_there_yet_has_no_sets() {
        let folder = tempfile::tempdir().unwrap();
        assert!(KnownSets::read(Some(folder.path().to_owned())).unwrap().sets.is_empty());
    }
}
