//! The datasets and observers that were opened, latest first.

use std::path::{Path, PathBuf};

use rusqlite::{Row, params};

use super::super::files::{bytes_of, join_bytes};
use super::{Project, ProjectError, schema};
use crate::core::data::dataset::{Dataset, Layout, Split};
use crate::core::data::holdout::Holdout;
use crate::core::data::names::{escape, unescape};

/// A row of the table of datasets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DatasetRow(pub(super) i64);

/// A row of the table of observers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ObserverRow(pub(super) i64);

/// A dataset that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecentDataset {
    /// Its folder, absolute.
    pub root: PathBuf,
    /// [`Dataset::fingerprint`] at that time.
    pub fingerprint: String,
    /// How it is kept.
    pub layout: Layout,
    /// The split that was opened last.
    pub split: Split,
    /// Number of classes.
    pub classes: usize,
    /// Number of images.
    pub images: usize,
    /// What was held out of them.
    pub holdout: Option<Holdout>,
}

/// An observer that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecentObserver {
    /// Its weights, absolute.
    pub path: PathBuf,
    /// Which of the networks in the file, where one was named.
    pub part: Option<String>,
    /// Hash of its weights.
    pub fingerprint: String,
    /// Its network.
    pub network: String,
}

/// A path as the database keeps it: absolute, so that it is found again from another working folder.
pub(super) fn kept(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    escape(&bytes_of(absolute.as_os_str()))
}

/// The path that [`kept`] made a text of.
pub(super) fn restored(text: &str) -> PathBuf {
    join_bytes(Path::new(""), &unescape(text).unwrap_or_else(|| text.as_bytes().to_vec()))
}

/// The snake-case name of an enum's variant, as JSON has it.
pub(super) fn name_of<T: serde::Serialize>(value: T) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The column `at`, which [`name_of`] or a JSON writer filled.
pub(super) fn json_column<T: serde::de::DeserializeOwned>(
    row: &Row<'_>,
    at: usize,
    quoted: bool,
) -> rusqlite::Result<T> {
    let text: String = row.get(at)?;
    let value = if quoted { serde_json::from_value(text.into()) } else { serde_json::from_str(&text) };
    value.map_err(|e| rusqlite::Error::FromSqlConversionFailure(at, rusqlite::types::Type::Text, Box::new(e)))
}

impl Project {
    /// Notes that a dataset was opened.
    ///
    /// # Errors
    /// [`ProjectError`] where the database can't be written.
    pub fn remember_dataset(&self, dataset: &Dataset) -> Result<DatasetRow, ProjectError> {
        let doing = "note the dataset";
        let change = self.change(doing)?;
        let query = "INSERT INTO datasets (fingerprint, root, layout, split, classes, images, holdout, opened)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, (SELECT coalesce(max(opened), 0) + 1 FROM datasets))
            ON CONFLICT (fingerprint, root, split) DO UPDATE SET opened = excluded.opened RETURNING id";
        let values = params![
            dataset.fingerprint(),
            kept(dataset.root()),
            name_of(dataset.layout()),
            name_of(dataset.split()),
            dataset.classes().len() as i64,
            dataset.image_count() as i64,
            dataset.holdout().map(|holdout| holdout.to_string()),
        ];
        let row = change.query_row(query, values, |row| row.get(0)).map_err(self.failed(doing))?;
        change.commit().map_err(self.failed(doing))?;
        Ok(DatasetRow(row))
    }

    /// Notes that an observer was opened.
    ///
    /// # Errors
    /// [`ProjectError`] where the database can't be written.
    pub fn remember_observer(
        &self,
        path: &Path,
        part: Option<&str>,
        fingerprint: &str,
        network: &str,
    ) -> Result<ObserverRow, ProjectError> {
        let doing = "note the observer";
        let change = self.change(doing)?;
        let query = "INSERT INTO observers (fingerprint, path, network, part, opened)
            VALUES (?1, ?2, ?3, ?4, (SELECT coalesce(max(opened), 0) + 1 FROM observers))
            ON CONFLICT (fingerprint, path) DO UPDATE SET opened = excluded.opened, network = excluded.network,
                part = excluded.part
            RETURNING id";
        let values = params![fingerprint, kept(path), network, part.unwrap_or_default()];
        let row = change.query_row(query, values, |row| row.get(0));
        let row = row.map_err(self.failed(doing))?;
        change.commit().map_err(self.failed(doing))?;
        Ok(ObserverRow(row))
    }

    /// The datasets that were opened last, one entry per folder, latest first.
    ///
    /// # Errors
    /// [`ProjectError`] where the database can't be read.
    pub fn recent_datasets(&self, limit: u32) -> Result<Vec<RecentDataset>, ProjectError> {
        let holdout = if schema::version(self)? < schema::HOLDOUTS { "NULL" } else { "holdout" };
        let query = format!(
            "SELECT root, fingerprint, layout, split, classes, images, {holdout} FROM datasets AS d
            WHERE opened = (SELECT max(opened) FROM datasets WHERE root = d.root) ORDER BY opened DESC LIMIT ?1"
        );
        self.list(&query, limit, |row| {
            Ok(RecentDataset {
                root: restored(&row.get::<_, String>(0)?),
                fingerprint: row.get(1)?,
                layout: json_column(row, 2, true)?,
                split: json_column(row, 3, true)?,
                classes: row.get::<_, u32>(4)? as usize,
                images: row.get::<_, u32>(5)? as usize,
                holdout: row.get::<_, Option<String>>(6)?.and_then(|text| text.parse().ok()),
            })
        })
    }

    /// The observers that were opened last, one entry per network in a file, latest first.
    ///
    /// # Errors
    /// [`ProjectError`] where the database can't be read.
    pub fn recent_observers(&self, limit: u32) -> Result<Vec<RecentObserver>, ProjectError> {
        let (part, same) =
            if schema::version(self)? < schema::PARTS { ("''", "") } else { ("part", " AND part = o.part") };
        let query = format!(
            "SELECT path, {part}, fingerprint, network FROM observers AS o
            WHERE opened = (SELECT max(opened) FROM observers WHERE path = o.path{same}) ORDER BY opened DESC LIMIT ?1"
        );
        self.list(&query, limit, |row| {
            let path = restored(&row.get::<_, String>(0)?);
            let part = Some(row.get::<_, String>(1)?).filter(|part| !part.is_empty());
            Ok(RecentObserver { path, part, fingerprint: row.get(2)?, network: row.get(3)? })
        })
    }

    /// The rows of a query with a limit as its only parameter.
    pub(super) fn list<T>(
        &self,
        query: &str,
        limit: u32,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, ProjectError> {
        let failed = self.failed("read the project");
        let mut statement = self.connection.prepare_cached(query).map_err(&failed)?;
        let rows = statement.query_map([limit], read).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(failed)
    }
}
