//! The database's tables and how older databases get them.

use super::{Project, ProjectError};

/// `STLM`: marks the file as stillroom's.
const APPLICATION: i64 = 0x5354_4c4d;

/// Step n brings a database of version n to version n + 1. Steps are only ever added.
const STEPS: [&str; 6] = [
    "
CREATE TABLE datasets (
    id INTEGER PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    root TEXT NOT NULL,              -- absolute, escaped
    layout TEXT NOT NULL,
    split TEXT NOT NULL,
    classes INTEGER NOT NULL,
    images INTEGER NOT NULL,
    opened INTEGER NOT NULL,         -- counts up: the highest was opened last
    UNIQUE (fingerprint, root, split)
);
CREATE TABLE observers (
    id INTEGER PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    path TEXT NOT NULL,              -- absolute, escaped
    network TEXT NOT NULL,
    opened INTEGER NOT NULL,
    UNIQUE (fingerprint, path)
);
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    dataset INTEGER NOT NULL REFERENCES datasets (id),
    observer INTEGER NOT NULL REFERENCES observers (id),
    recipe TEXT NOT NULL,            -- JSON
    out TEXT,                        -- absolute, escaped
    status TEXT NOT NULL,
    detail TEXT NOT NULL DEFAULT '', -- the error, where it failed
    began INTEGER NOT NULL DEFAULT (unixepoch()),
    ended INTEGER
);
CREATE TABLE score_keys (
    hash TEXT PRIMARY KEY,
    key TEXT NOT NULL                -- canonical JSON of what the scores depend on
) WITHOUT ROWID;
CREATE TABLE scores (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL REFERENCES score_keys (hash),
    class TEXT NOT NULL,
    output INTEGER NOT NULL,         -- the observer's output for the class
    crops INTEGER NOT NULL,          -- per image
    tried INTEGER NOT NULL,          -- images of the permutation's prefix, scored and broken
    positions BLOB NOT NULL,         -- u32 per row
    images BLOB NOT NULL,            -- u32 per row
    boxes BLOB NOT NULL,             -- 4 u32 per crop: top, left, height, width
    losses BLOB NOT NULL,            -- f32 per crop
    broken TEXT NOT NULL,            -- JSON
    stamps BLOB NOT NULL,            -- u64 per tried image
    checksum BLOB NOT NULL           -- BLAKE3 of all of the above; numbers are little-endian
);
CREATE INDEX scores_of_class ON scores (key, class, output);
",
    "
ALTER TABLE scores ADD COLUMN rivals BLOB; -- u32 output and f32 probability per crop; NULL in blocks of version 1
",
    "
ALTER TABLE datasets ADD COLUMN holdout TEXT; -- what was held out, where there is no test split
",
    "
ALTER TABLE observers ADD COLUMN part TEXT NOT NULL DEFAULT ''; -- which of the networks in the file, where one was named
",
    "
ALTER TABLE runs ADD COLUMN curation TEXT; -- JSON by names of images, where a person decided something
",
    "
ALTER TABLE runs ADD COLUMN asked TEXT; -- JSON: the classes, and how dataset and observer were asked for
",
];

/// The version that brought the strongest other class of each crop.
pub(super) const RIVALS: i64 = 2;

/// The version that brought what is held out of a dataset.
pub(super) const HOLDOUTS: i64 = 3;

/// The version that brought the parts of files.
pub(super) const PARTS: i64 = 4;

/// The version that brought what a person decided about the images of a run.
pub(super) const CURATIONS: i64 = 5;

/// The version that brought the classes of a run.
pub(super) const ASKED: i64 = 6;

/// The version that this program writes.
pub(super) const VERSION: i64 = STEPS.len() as i64;

fn number(project: &Project, pragma: &str) -> Result<i64, ProjectError> {
    let value = project.connection.pragma_query_value(None, pragma, |row| row.get(0));
    value.map_err(project.failed("open the project"))
}

/// The version of the database; the first statement that reads the file.
pub(super) fn version(project: &Project) -> Result<i64, ProjectError> {
    number(project, "user_version")
}

/// Checks that the database is one that this program can read.
pub(super) fn check(project: &Project) -> Result<(), ProjectError> {
    let version = version(project)?;
    if number(project, "application_id")? != APPLICATION {
        return Err(match is_empty(project)? {
            true => ProjectError::Missing(project.folder.clone()),
            false => ProjectError::NotOurs(project.file.clone()),
        });
    }
    // Ours are made with a version: without one, some other hand was at work.
    if version < 1 {
        return Err(ProjectError::NotOurs(project.file.clone()));
    }
    if version > VERSION {
        return Err(ProjectError::Newer { file: project.file.clone(), found: version, known: VERSION });
    }
    Ok(())
}

fn is_empty(project: &Project) -> Result<bool, ProjectError> {
    let query = "SELECT NOT EXISTS (SELECT * FROM sqlite_schema)";
    project.connection.query_row(query, [], |row| row.get(0)).map_err(project.failed("open the project"))
}

/// Makes the tables of a new database, or brings an older one up to date, after checking that it is ours.
pub(super) fn prepare(project: &Project) -> Result<(), ProjectError> {
    match check(project) {
        Ok(()) | Err(ProjectError::Missing(_)) => {}
        Err(other) => return Err(other),
    }
    let set = |pragma: &str, value: &str| {
        // Some of these answer with a row, which is of no interest.
        let done = project.connection.pragma_update_and_check(None, pragma, value, |_| Ok(()));
        match done {
            Ok(()) | Err(rusqlite::Error::QueryReturnedNoRows) => Ok(()),
            Err(error) => Err(project.failed("open the project")(error)),
        }
    };
    set("journal_mode", "WAL")?;
    // With FULL a committed class survives a power failure; there is one commit per class, so it costs nothing.
    set("synchronous", "FULL")?;
    set("foreign_keys", "ON")?;
    let doing = "make the project's tables";
    let failed = project.failed(doing);
    let change = project.change(doing)?;
    let found = version(project)?;
    for step in STEPS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        change.execute_batch(step).map_err(&failed)?;
    }
    if found != VERSION {
        change.pragma_update(None, "application_id", APPLICATION).map_err(&failed)?;
        change.pragma_update(None, "user_version", VERSION).map_err(&failed)?;
    }
    change.commit().map_err(failed)
}
