//! The project that the window works on: where it lies, what others there are, and what of it has to be found again.

use std::path::{Path, PathBuf};

use crate::jobs::reopen::{Lost, Match};
use crate::store::project::{Project, ProjectError, RecentDataset, RecentObserver};

/// What was opened before, latest first.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    /// Datasets.
    pub datasets: Vec<RecentDataset>,
    /// Observers.
    pub observers: Vec<RecentObserver>,
}

impl Recent {
    /// Reads the lists of a project; empty where there is none yet, or with the reason why it can't be read.
    ///
    /// # Errors
    /// The store's reason, in words.
    pub fn read(folder: Option<PathBuf>) -> Result<Self, String> {
        let folder = folder.map_or_else(Project::default_dir, Ok).map_err(|e| e.to_string())?;
        let project = match Project::read_only(&folder) {
            Ok(project) => project,
            Err(ProjectError::Missing(_)) => return Ok(Self::default()),
            Err(error) => return Err(error.to_string()),
        };
        let datasets = project.recent_datasets(12).map_err(|e| e.to_string())?;
        let observers = project.recent_observers(12).map_err(|e| e.to_string())?;
        Ok(Self { datasets, observers })
    }
}

/// What panels may know of the project.
#[derive(Clone, Debug, Default)]
pub struct ProjectView {
    /// Its folder; unknown before it is open.
    pub folder: Option<PathBuf>,
    /// The user's projects, latest first.
    pub recent: Vec<PathBuf>,
    /// Why another project can't be opened.
    pub problem: Option<String>,
    /// What has gone and is asked for.
    pub relocation: Option<Relocation>,
}

impl ProjectView {
    /// Its name: that of its folder.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        let folder = self.folder.as_deref()?;
        Some(folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned())
    }

    /// The other projects.
    pub fn others(&self) -> impl Iterator<Item = &Path> {
        self.recent.iter().map(PathBuf::as_path).filter(|folder| self.folder.as_deref() != Some(*folder))
    }
}

/// Paths that lead nowhere, and where what lay there is now.
#[derive(Clone, Debug, PartialEq)]
pub struct Relocation {
    /// What has gone.
    pub items: Vec<Missing>,
}

impl Relocation {
    /// What has gone, none of it found yet.
    #[must_use]
    pub fn of(lost: Vec<Lost>) -> Self {
        Self { items: lost.into_iter().map(|lost| Missing { lost, looking: false, found: None }).collect() }
    }

    /// Whether everything is found, the same or not.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.items.iter().all(|item| item.place().is_some())
    }

    /// Whether something was found that is not what was lost.
    #[must_use]
    pub fn is_doubtful(&self) -> bool {
        self.items.iter().any(|item| matches!(item.found, Some((_, Ok(Match::Other(_))))))
    }
}

/// Something that has gone.
#[derive(Clone, Debug, PartialEq)]
pub struct Missing {
    /// What, and where it was.
    pub lost: Lost,
    /// Whether a place is being looked at.
    pub looking: bool,
    /// The place that was looked at last, and what is there.
    pub found: Option<(PathBuf, Result<Match, String>)>,
}

impl Missing {
    /// Where something of the kind was found.
    #[must_use]
    pub fn place(&self) -> Option<&Path> {
        self.found.as_ref().filter(|(_, found)| found.is_ok()).map(|(path, _)| path.as_path())
    }
}
