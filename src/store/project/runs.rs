//! The runs of a project.

use std::path::{Path, PathBuf};

use rusqlite::params;

use super::recent::{json_column, kept, name_of, restored};
use super::{DatasetRow, ObserverRow, Project, ProjectError, schema};
use crate::core::distil::recipe::Recipe;
use crate::core::formats::csv::{Csv, Field};
use crate::core::param::Parameters as _;
use crate::store::files::{KeptPath, shown};
use crate::store::window::{KeptDataset, KeptObserver};

/// A row of the table of runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RunRow(i64);

impl RunRow {
    /// Its number: runs are counted from 1 in the order of their beginnings.
    #[must_use]
    pub fn number(self) -> i64 {
        self.0
    }
}

/// What a run was asked for, besides recipe and curation.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct RunAsked {
    /// The dataset.
    pub dataset: KeptDataset,
    /// The observer with all that was said of it.
    pub observer: KeptObserver,
    /// The classes by name, in the order of their running index.
    pub classes: Vec<String>,
    /// Whether these are all of the dataset's, in its own order.
    pub all: bool,
    /// Observers that move pixels beside it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<KeptObserver>,
    /// The finished set whose pixels are moved further.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set: Option<KeptPath>,
}

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
    /// What else was asked for.
    pub asked: Option<&'a RunAsked>,
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
    /// What else was asked for; `None` in runs of before that was kept.
    pub asked: Option<RunAsked>,
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
    /// The same as date and time of this machine's time zone, to the minute.
    pub began_here: String,
    /// When it ended.
    pub ended: Option<i64>,
}

/// A line per run: what was distilled, with which parameters and where to. Beginning and end are in seconds since 1970.
#[must_use]
pub fn runs_csv(runs: &[RunRecord]) -> String {
    let parameters = || Recipe::table().iter();
    let start = ["run", "status", "detail", "dataset", "observer", "out", "began", "ended", "curated", "method"];
    let end = ["beside", "set"];
    let mut table = Csv::new(start.into_iter().chain(parameters().map(|p| p.name)).chain(end));
    for run in runs {
        // Times before 1970 come from a clock that was not set.
        let time = |seconds: i64| u64::try_from(seconds).ok();
        let start = [
            Field::Number(run.row.0.to_string()),
            name_of(run.status).into(),
            run.detail.as_str().into(),
            shown(&run.dataset).into(),
            shown(&run.observer).into(),
            run.out.as_deref().map(shown).into(),
            time(run.began).into(),
            run.ended.and_then(time).into(),
            if run.curation.is_some() { "yes" } else { "no" }.into(),
            run.recipe.method.name().into(),
        ];
        let asked = run.asked.as_ref();
        let beside = asked.map(|asked| &asked.beside[..]).unwrap_or_default();
        let beside: Vec<String> = beside.iter().map(|observer| shown(&observer.file)).collect();
        let end = [beside.join(" ").into(), asked.and_then(|asked| asked.set.as_ref()).map(|set| shown(&set.0)).into()];
        table.row(start.into_iter().chain(parameters().map(|p| Field::from((p.get)(&run.recipe)))).chain(end));
    }
    table.into_text()
}

impl Project {
    /// Notes that a run begins.
    ///
    /// # Errors
    /// [`ProjectError`] where the database can't be written.
    pub fn begin_run(&self, run: &NewRun<'_>) -> Result<RunRow, ProjectError> {
        let doing = "note the run";
        // Structs of plain fields: writing them as JSON cannot fail.
        let recipe = serde_json::to_string(run.recipe).unwrap_or_default();
        let asked = run.asked.map(|asked| serde_json::to_string(asked).unwrap_or_default());
        let change = self.change(doing)?;
        let query = "INSERT INTO runs (dataset, observer, recipe, out, status, curation, asked)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING id";
        let (out, status) = (run.out.map(kept), name_of(RunStatus::Running));
        let values = params![run.data.0, run.observer.0, recipe, out, status, run.curation, asked];
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
        let version = schema::version(self)?;
        let since = |brought, column| if version < brought { "NULL" } else { column };
        let (curation, asked) = (since(schema::CURATIONS, "r.curation"), since(schema::ASKED, "r.asked"));
        let query = format!(
            "SELECT r.id, r.recipe, d.root, o.path, r.out, r.status, r.detail, r.began, r.ended, {curation}, {asked},
                strftime('%Y-%m-%d %H:%M', r.began, 'unixepoch', 'localtime')
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
                // What a later version says of a run is nothing to fail for.
                asked: row.get::<_, Option<String>>(10)?.and_then(|text| serde_json::from_str(&text).ok()),
                began_here: row.get(11)?,
            })
        })
    }

    /// Number of runs.
    ///
    /// # Errors
    /// [`ProjectError`] where the database can't be read.
    pub fn run_count(&self) -> Result<u64, ProjectError> {
        let count = self.connection.query_row("SELECT count(*) FROM runs", [], |row| row.get::<_, u32>(0));
        Ok(count.map_err(self.failed("count the runs"))?.into())
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

#[cfg(test)]
impl RunRecord {
    /// A run of `/data/a,b` by `/w.pth`, for tests.
    pub(crate) fn made(recipe: Recipe, asked: Option<RunAsked>) -> Self {
        Self {
            row: RunRow(7),
            recipe,
            dataset: "/data/a,b".into(),
            observer: "/w.pth".into(),
            curation: Some("{}".to_owned()),
            out: None,
            status: RunStatus::Done,
            detail: String::new(),
            began: 5,
            ended: Some(9),
            asked,
            began_here: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each column's name with a run's value, of all that have one.
    fn row(run: RunRecord) -> Vec<(String, String)> {
        let text = runs_csv(&[run]);
        let mut lines = text.lines();
        // Only the dataset's name has a comma.
        let mut line = || lines.next().unwrap().replace("\"/data/a,b\"", "DATA");
        let (names, values) = (line(), line());
        let (names, values): (Vec<&str>, Vec<&str>) = (names.split(',').collect(), values.split(',').collect());
        assert_eq!(names.len(), values.len(), "{text}");
        let pairs = names.into_iter().zip(values).filter(|(_, value)| !value.is_empty());
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn spelt(pairs: Vec<(String, String)>) -> String {
        pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_run_is_a_line_with_all_its_parameters() {
        let due = "run=7 status=done dataset=DATA observer=/w.pth began=5 ended=9 curated=yes method=rded ipc=10 \
                   patches=4 subset=300 crops=5 strategy=realism short-classes=refuse seed=0 format=png";
        assert_eq!(spelt(row(RunRecord::made(Recipe::default(), None))), due);
        let observer = |file: &str| KeptObserver { file: file.into(), ..KeptObserver::default() };
        let beside = vec![observer("/b.pth"), observer("/c.pth")];
        let asked = RunAsked { beside, set: Some(KeptPath("/set".into())), ..RunAsked::default() };
        let own = crate::core::distil::compensation::Compensation::LIC;
        let lic = Recipe { method: crate::core::distil::recipe::Method::Lic(own), ..Recipe::default() };
        let line = spelt(row(RunRecord::made(lic, Some(asked))));
        assert!(line.contains(" method=lic ") && line.contains(" iterations=200 lr=0.01 "), "{line}");
        assert!(line.ends_with(" beside=/b.pth /c.pth set=/set"), "{line}");
    }

    #[test]
    fn what_is_asked_for_is_spelt_as_before_and_read_from_before() {
        let old = RunAsked { classes: vec!["a".to_owned()], all: true, ..RunAsked::default() };
        let text = serde_json::to_string(&old).unwrap();
        assert!(!text.contains("beside") && !text.contains("\"set\""), "{text}");
        assert_eq!(serde_json::from_str::<RunAsked>(&text).unwrap(), old);
        let new = RunAsked { set: Some(KeptPath("/set".into())), beside: vec![KeptObserver::default()], ..old };
        let text = serde_json::to_string(&new).unwrap();
        assert_eq!(serde_json::from_str::<RunAsked>(&text).unwrap(), new);
    }
}
