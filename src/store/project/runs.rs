//! The runs of a project.

use std::path::{Path, PathBuf};

use rusqlite::params;

use super::recent::{json_column, kept, name_of, restored};
use super::{DatasetRow, ObserverRow, Project, ProjectError, schema};
use crate::core::distil::recipe::Recipe;

/// A row of the table of runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RunRow(i64);

/// A run that begins.
#[derive(Clone, Copy, Debug)]
pub struct NewRun<'a> {
    /// Of this dataset.
    pub data: DatasetRow,
    /// By this observer.
    pub observer: ObserverRow,
    /// Method and parameters.
    pub recipe: &'a Recipe,
    /// What a person decided, as [`crate::core::distil::curation::file`] spells it; `None` where nothing was.
    pub curation: Option<&'a str>,
    /// The output folder, where it writes one.
    pub out: Option<&'a Path>,
}

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// At work.
    Running,
    /// Finished; its output is complete.
    Done,
    /// Ended by an error.
    Failed,
    /// Stopped by the user; the same command resumes it.
    Cancelled,
    /// Its process ended without a word; the same command resumes it.
    Interrupted,
}

/// One run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRecord {
    /// Its row.
    pub row: RunRow,
    /// Method and parameters.
    pub recipe: Recipe,
    /// What a person decided, as [`crate::core::distil::curation::file`] spells it; `None` where nothing was.
    pub curation: Option<String>,
    /// The dataset's folder.
    pub dataset: PathBuf,
    /// The observer's weights.
    pub observer: PathBuf,
    /// The output folder, where it writes one.
    pub out: Option<PathBuf>,
    /// How it stands.
    pub status: RunStatus,
    /// The error of a failed run.
    pub detail: String,
    /// When it began, in seconds since 1970.
    pub began: i64,
    /// When it ended.
    pub ended: Option<i64>,
}

impl Project {
    /// Notes that a run begins.
    ///
    /// # Errors
    /// [`ProjectError`] where the database can't be written.
    pub fn begin_run(&self, run: &NewRun<'_>) -> Result<RunRow, ProjectError> {
        let doing = "note the run";
        // A recipe is a struct of plain fields: writing it as JSON cannot fail.
        let recipe = serde_json::to_string(run.recipe).unwrap_or_default();
        let change = self.change(doing)?;
        let query = "INSERT INTO runs (dataset, observer, recipe, out, status, curation)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING id";
        let (out, status) = (run.out.map(kept), name_of(RunStatus::Running));
        let values = params![run.data.0, run.observer.0, recipe, out, status, run.curation];
        let row = change.query_row(query, values, |row| row.get(0)).map_err(self.failed(doing))?;
        change.commit().map_err(self.failed(doing))?;
        Ok(RunRow(row))
    }

    /// Notes how a run ended; `detail` is the error of a failed one.
    ///
    /// # Errors
    /// [`ProjectError`] where the database can't be written.
    pub fn end_run(&self, run: RunRow, status: RunStatus, detail: &str) -> Result<(), ProjectError> {
        let doing = "note the end of the run";
        let change = self.change(doing)?;
        let query = "UPDATE runs SET status = ?2, detail = ?3, ended = unixepoch() WHERE id = ?1";
        change.execute(query, params![run.0, name_of(status), detail]).map_err(self.failed(doing))?;
        change.commit().map_err(self.failed(doing))
    }

    /// The latest runs, newest first.
    ///
    /// # Errors
    /// [`ProjectError`] where the database can't be read.
    pub fn runs(&self, limit: u32) -> Result<Vec<RunRecord>, ProjectError> {
        let curation = if schema::version(self)? < schema::CURATIONS { "NULL" } else { "r.curation" };
        let query = format!(
            "SELECT r.id, r.recipe, d.root, o.path, r.out, r.status, r.detail, r.began, r.ended, {curation}
            FROM runs AS r JOIN datasets AS d ON d.id = r.dataset JOIN observers AS o ON o.id = r.observer
            ORDER BY r.id DESC LIMIT ?1"
        );
        self.list(&query, limit, |row| {
            Ok(RunRecord {
                row: RunRow(row.get(0)?),
                recipe: json_column(row, 1, false)?,
                dataset: restored(&row.get::<_, String>(2)?),
                observer: restored(&row.get::<_, String>(3)?),
                out: row.get::<_, Option<String>>(4)?.as_deref().map(restored),
                status: json_column(row, 5, true)?,
                detail: row.get(6)?,
                began: row.get(7)?,
                ended: row.get(8)?,
                curation: row.get(9)?,
            })
        })
    }

    /// Whoever holds the project's lock is the only writer: a run that is still marked as running has no process.
    pub(super) fn mark_interrupted(&self) -> Result<(), ProjectError> {
        let doing = "note interrupted runs";
        let change = self.change(doing)?;
        let values = params![name_of(RunStatus::Interrupted), name_of(RunStatus::Running)];
        change.execute("UPDATE runs SET status = ?1 WHERE status = ?2", values).map_err(self.failed(doing))?;
        change.commit().map_err(self.failed(doing))
    }
}
