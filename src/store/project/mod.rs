//! The project folder: one SQLite database with datasets, observers, runs and patch scores, and the lock of its
//! writer. Nothing in it is ever wiped; a database that can't be used is left as it is and named.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::files::{FileError, bytes_of};
use super::lock::{Lock, LockError};

mod connect;
mod error;
mod recent;
mod runs;
mod schema;
mod scores;

use connect::{Locks, READING, WRITING};

pub use super::lock::Holder;
pub use error::ProjectError;
pub use recent::{DatasetRow, ObserverRow, RecentDataset, RecentObserver};
pub use runs::{NewRun, RunAsked, RunRecord, RunRow, RunStatus, runs_csv};
pub use scores::{ScoreKey, Slot};

/// Name of the database in a project folder.
pub const DATABASE: &str = "stillroom.sqlite";

/// An open project folder. One process at a time has it open for writing; readers don't disturb it.
#[derive(Debug)]
pub struct Project {
    folder: PathBuf,
    file: PathBuf,
    connection: Connection,
    /// Held while the project is open for writing.
    lock: Option<Lock>,
}

impl Project {
    /// Opens the project in `folder` for writing; makes it where it is missing. Runs that a killed process left as
    /// running become [`RunStatus::Interrupted`].
    ///
    /// # Errors
    /// [`ProjectError::Locked`] names the process that has it open. Others: the folder can't be made or written, the
    /// disk is full, the database is damaged, of a newer version or of another program; it is then left untouched.
    pub fn open(folder: &Path) -> Result<Self, ProjectError> {
        std::fs::create_dir_all(folder).map_err(FileError::at(folder, "make this project folder"))?;
        let lock = Lock::take(folder, "lock the project").map_err(|e| match e {
            LockError::Held(holder) => ProjectError::Locked { folder: folder.to_owned(), holder },
            LockError::File(error) => error.into(),
        })?;
        // Asked beforehand where it is likely: what waits for a lock that nobody gives waits long.
        let works = lock.is_guarded() || connect::locks_work(folder);
        let locks = if works { Locks::Kept } else { Locks::Absent };
        let mut project = Self::connect(folder, WRITING, locks, Some(lock))?;
        if let Err(error) = schema::prepare(&project) {
            if locks == Locks::Absent || !error.may_be_of_locks() || connect::locks_work(folder) {
                return Err(error);
            }
            // The folder's lock is had, so no other process writes.
            let lock = project.lock.take();
            project = Self::connect(folder, WRITING, Locks::Absent, lock)?;
            schema::prepare(&project)?;
        }
        project.mark_interrupted()?;
        Ok(project)
    }

    fn connect(folder: &Path, flags: OpenFlags, locks: Locks, lock: Option<Lock>) -> Result<Self, ProjectError> {
        let file = folder.join(DATABASE);
        let connection = connect::open(&file, flags, locks).map_err(error::of(&file, "open the project"))?;
        Ok(Self { folder: folder.to_owned(), file, connection, lock })
    }

    /// Opens the project in `folder` for reading, also while another process writes, and also where the folder may not
    /// be written.
    ///
    /// # Errors
    /// [`ProjectError::Missing`] where there is none yet; else as [`Self::open`].
    pub fn read_only(folder: &Path) -> Result<Self, ProjectError> {
        let file = folder.join(DATABASE);
        if !file.try_exists().map_err(FileError::at(&file, "open"))? {
            return Err(ProjectError::Missing(folder.to_owned()));
        }
        let mut project = Self::connect(folder, READING, Locks::Kept, None)?;
        if let Err(error) = schema::version(&project) {
            // A reader keeps its own index of the log beside the database. Where it may not make one, and no log waits
            // to be read, the database can be taken as a file that nobody changes.
            if !pending_log(&file) {
                let flags = READING | OpenFlags::SQLITE_OPEN_URI;
                let opened = connect::open(Path::new(&immutable_uri(&file)), flags, Locks::Kept);
                project.connection = opened.map_err(project.failed("open the project for reading"))?;
            } else if error.may_be_of_locks() && !connect::locks_work(folder) {
                project = Self::connect(folder, READING, Locks::Absent, None)?;
            }
        }
        schema::check(&project)?;
        Ok(project)
    }

    /// What to tell where the file system keeps no locks, so that nothing keeps another machine out; once.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        self.lock.as_ref().and_then(Lock::warning)
    }

    /// Where projects lie unless a folder is given: `$XDG_DATA_HOME/stillroom/default`, by default
    /// `~/.local/share/stillroom/default`. Never the working folder.
    ///
    /// # Errors
    /// [`ProjectError::NoHome`] where the environment names no home folder.
    pub fn default_dir() -> Result<PathBuf, ProjectError> {
        let folders = directories::ProjectDirs::from("", "", "stillroom").ok_or(ProjectError::NoHome)?;
        Ok(folders.data_dir().join("default"))
    }

    /// The project folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// For `map_err`: what SQLite says, in words.
    fn failed(&self, doing: &'static str) -> impl Fn(rusqlite::Error) -> ProjectError + use<> {
        error::of(&self.file, doing)
    }

    /// A transaction that holds the database's write lock from its start. Dropped before `commit` it changes nothing.
    fn change(&self, doing: &'static str) -> Result<Transaction<'_>, ProjectError> {
        if self.lock.is_none() {
            return Err(ProjectError::NotWritable {
                file: self.file.clone(),
                why: "it was opened for reading".to_owned(),
            });
        }
        Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate).map_err(self.failed(doing))
    }
}

/// Whether changes wait in the database's log.
fn pending_log(file: &Path) -> bool {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(log).is_ok_and(|about| about.len() > 0)
}

/// The database as a file that does not change, for SQLite's URI syntax.
fn immutable_uri(file: &Path) -> String {
    use std::fmt::Write as _;
    let mut uri = String::from("file:");
    for &byte in bytes_of(file.as_os_str()).iter() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(&byte) {
            uri.push(byte.into());
        } else {
            // Writing to a String cannot fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri.push_str("?immutable=1");
    uri
}

#[cfg(test)]
mod tests;
