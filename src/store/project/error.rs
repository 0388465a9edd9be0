//! What can go wrong with a project folder, in words.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::super::files::{FileError, shown};
use super::super::lock::Holder;

/// Why a project could not be used. Nothing was changed or removed, unless the message says so.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// The folder or a file in it could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The environment names no home folder.
    #[error("no home folder is known for the project; set HOME or XDG_DATA_HOME, or give --project DIR")]
    NoHome,
    /// Another process has the project open.
    #[error("{}: this project is in use by {holder}; wait for it, close it, or give another --project DIR", shown(.folder))]
    Locked {
        /// The project folder.
        folder: PathBuf,
        /// Who has it open.
        holder: Holder,
    },
    /// There is no project to read.
    #[error("{}: there is no project here yet; the first run makes it", shown(.0))]
    Missing(PathBuf),
    /// The database was written by a later version.
    #[error(
        "{}: this project has version {found}, this program knows versions up to {known}; \
         use a newer stillroom, or give another --project DIR", shown(.file)
    )]
    Newer {
        /// The database.
        file: PathBuf,
        /// Its version.
        found: i64,
        /// The highest known version.
        known: i64,
    },
    /// The database is of another program.
    #[error("{}: this database is not stillroom's; it was left untouched: give another --project DIR", shown(.0))]
    NotOurs(PathBuf),
    /// The database can't be read.
    #[error(
        "{}: the database is damaged ({why}); it was left as it is: restore a copy, or move the file away to begin anew \
         (finished exports are complete without it)", shown(.file)
    )]
    Corrupt {
        /// The database.
        file: PathBuf,
        /// SQLite's words.
        why: String,
    },
    /// One block of scores does not have its checksum.
    #[error("{}: the stored scores of class '{class}' are damaged; they must be computed again", shown(.file))]
    DamagedScores {
        /// The database.
        file: PathBuf,
        /// The class.
        class: String,
    },
    /// A block that can't be stored: an error of the program.
    #[error("the scores of class '{class}' can't be stored: {why}")]
    BadBlock {
        /// The class.
        class: String,
        /// What does not fit.
        why: String,
    },
    /// No room.
    #[error(
        "{}: the disk is full, so the program could not {doing}; what was stored before is safe: \
         free some space and run the same command again", shown(.file)
    )]
    Full {
        /// The database.
        file: PathBuf,
        /// What was attempted.
        doing: &'static str,
    },
    /// The folder or the database may not be written.
    #[error("{}: the project can't be written ({why}); change its permissions or give another --project DIR", shown(.file))]
    NotWritable {
        /// The database.
        file: PathBuf,
        /// SQLite's words.
        why: String,
    },
    /// Another program holds the database itself.
    #[error("{}: another program keeps the database locked, so this one could not {doing}; close it and try again", shown(.file))]
    Busy {
        /// The database.
        file: PathBuf,
        /// What was attempted.
        doing: &'static str,
    },
    /// Anything else that SQLite reports.
    #[error("{}: could not {doing}: {source}", shown(.file))]
    Database {
        /// The database.
        file: PathBuf,
        /// What was attempted.
        doing: &'static str,
        /// SQLite's error.
        source: rusqlite::Error,
    },
}

impl ProjectError {
    /// Whether it may come of a file system without locks, or without the memory that locks are kept in: SQLite takes
    /// ENOLCK for a lock that another holds, and other numbers for a failure of the disk.
    pub(super) fn may_be_of_locks(&self) -> bool {
        match self {
            Self::Busy { .. } => true,
            Self::Database { source, .. } => matches!(
                source.sqlite_error_code(),
                Some(ErrorCode::SystemIoFailure | ErrorCode::FileLockingProtocolFailed)
            ),
            _ => false,
        }
    }
}

/// For `map_err`: what SQLite says about `file`, in words.
pub(super) fn of(file: &Path, doing: &'static str) -> impl Fn(rusqlite::Error) -> ProjectError + use<> {
    let file = file.to_owned();
    move |source| {
        let file = file.clone();
        let why = source.to_string();
        match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => ProjectError::Full { file, doing },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => ProjectError::Corrupt { file, why },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => ProjectError::Busy { file, doing },
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                ProjectError::NotWritable { file, why }
            }
            _ => ProjectError::Database { file, doing, source },
        }
    }
}
