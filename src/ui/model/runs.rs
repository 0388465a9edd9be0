//! The runs of the project, as its database has them.

use std::path::PathBuf;
use std::sync::Arc;

use crate::core::distil::curation::file::Named;
use crate::store::project::{Project, ProjectError, RunRecord, RunRow, RunStatus};

/// Runs that are listed.
const MOST: u32 = 10_000;

/// A run, and what takes longer to tell of it than a frame has.
#[derive(Clone, Debug)]
pub struct ListedRun {
    /// The run.
    pub record: Arc<RunRecord>,
    /// Number of images that a person had decided about; `None` where nothing is known.
    pub marks: Option<usize>,
    /// Whether the folder that it wrote was there when the list was read.
    pub there: bool,
}

impl From<RunRecord> for ListedRun {
    fn from(record: RunRecord) -> Self {
        let named = record.curation.as_deref().and_then(|text| Named::parse(text.as_bytes()).ok());
        let there = record.status == RunStatus::Done && record.out.as_ref().is_some_and(|out| out.is_dir());
        Self { record: Arc::new(record), marks: named.map(|named| named.images()), there }
    }
}

/// What was found in the database.
#[derive(Clone, Debug, Default)]
pub struct RunList {
    /// The newest, newest first.
    pub rows: Vec<ListedRun>,
    /// Number of all.
    pub all: u64,
}

impl RunList {
    /// Reads the runs of a project; none where there is no project yet.
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
        let rows = project.runs(MOST).map_err(|e| e.to_string())?.into_iter().map(ListedRun::from).collect();
        Ok(Self { rows, all: project.run_count().map_err(|e| e.to_string())? })
    }
}

/// The runs, and the one that is selected.
#[derive(Clone, Debug, Default)]
pub struct Runs {
    /// The runs.
    pub list: RunList,
    /// Counts up with each list: what is worked out from one holds as long as it is the same.
    pub version: u64,
    /// The selected one.
    pub chosen: Option<RunRow>,
    /// Why they can't be listed, or why the last one that was asked for can't be had again.
    pub problem: Option<String>,
}

impl Runs {
    /// Takes what was read.
    pub fn take(&mut self, read: Result<RunList, String>) {
        match read {
            Ok(list) => (self.list, self.version, self.problem) = (list, self.version + 1, None),
            Err(why) => self.problem = Some(why),
        }
    }

    /// The selected run.
    #[must_use]
    pub fn selected(&self) -> Option<&Arc<RunRecord>> {
        let chosen = self.chosen?;
        self.list.rows.iter().map(|run| &run.record).find(|run| run.row == chosen)
    }
}
