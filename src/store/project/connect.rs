//! Connections to the database: with SQLite's own locks, or without them where the file system has none.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

/// How long a statement waits for a reader that is in the way.
const PATIENCE: Duration = Duration::from_secs(5);

/// SQLite's access to files without locks (<https://sqlite.org/vfs.html>).
const UNLOCKED: &str = if cfg!(windows) { "win32-none" } else { "unix-none" };

/// For a writer, which makes the database.
pub(super) const WRITING: OpenFlags =
    OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_CREATE).union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

/// For a reader.
pub(super) const READING: OpenFlags = OpenFlags::SQLITE_OPEN_READ_ONLY.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

/// Whether SQLite locks the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Locks {
    /// As it does by itself.
    Kept,
    /// The file system has none; the project's own lock, or the user, keeps others out.
    Absent,
}

/// Opens the database `file`.
pub(super) fn open(file: &Path, flags: OpenFlags, locks: Locks) -> rusqlite::Result<Connection> {
    let connection = match locks {
        Locks::Kept => Connection::open_with_flags(file, flags)?,
        Locks::Absent => {
            let connection = Connection::open_with_flags_and_vfs(file, flags, UNLOCKED)?;
            // Before the log is looked at for the first time: then its index lies in this process's memory, and none is
            // shared, which takes locks too (<https://sqlite.org/wal.html#noshm>).
            connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
            connection
        }
    };
    connection.busy_timeout(PATIENCE)?;
    Ok(connection)
}

/// Whether SQLite's locks work in `folder`: tried on a database that nobody else knows. Where that can't be made, the
/// question stays open, and they are taken to work.
pub(super) fn locks_work(folder: &Path) -> bool {
    let Ok(scratch) = tempfile::Builder::new().prefix(".stillroom-").tempdir_in(folder) else { return true };
    let written = Connection::open(scratch.path().join("locks")).and_then(|connection| {
        connection.busy_timeout(Duration::ZERO)?;
        connection.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE locks (work);")
    });
    written.is_ok()
}
