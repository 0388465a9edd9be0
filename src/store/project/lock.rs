//! One writer per project folder: a lock of the operating system on the file `lock`, which also says who holds it.
//!
//! The system drops the lock when its process ends, however it ends, so a lock is never stale; only the text in the
//! file may be, and it is read only while somebody holds the lock.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::super::files::{FileError, bytes_of};
use super::ProjectError;
use crate::core::names::escape;

const NAME: &str = "lock";

/// The process that has a project open.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Holder {
    /// Its process id; 0 where it is not known.
    pub pid: u32,
    /// Its command line.
    pub command: String,
    /// When it opened the project, in seconds since 1970.
    pub since: u64,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.pid == 0 {
            return f.write_str("another process");
        }
        let minutes = now().saturating_sub(self.since) / 60;
        let age = match minutes {
            0 => "less than a minute".to_owned(),
            1..120 => format!("{minutes} min"),
            _ => format!("{} h", minutes / 60),
        };
        write!(f, "process {} ({}), for {age}", self.pid, self.command)
    }
}

/// The held lock; dropping it frees the project.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file is not enough: a process that another thread is just starting has a copy of it until it
        // runs its own program. If this fails, the lock goes with the last copy.
        let _ = self.file.unlock();
    }
}

impl Lock {
    /// Takes the lock of a project folder.
    ///
    /// # Errors
    /// [`ProjectError::Locked`] with its holder; [`ProjectError::File`] where the file can't be made or locked.
    pub(super) fn take(folder: &Path) -> Result<Self, ProjectError> {
        let path = folder.join(NAME);
        let opened = File::options().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = opened.map_err(FileError::at(&path, "lock the project"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // A holder that has just begun may not have signed yet; then the message goes without its name.
                let read = file.read_to_string(&mut text).ok();
                let holder = read.and_then(|_| serde_json::from_str(&text).ok()).unwrap_or_default();
                return Err(ProjectError::Locked { folder: folder.to_owned(), holder });
            }
            Err(TryLockError::Error(error)) => return Err(FileError::at(&path, "lock the project")(error).into()),
        }
        sign(&mut file).map_err(FileError::at(&path, "lock the project"))?;
        Ok(Self { file })
    }
}

/// Writes who holds the lock.
fn sign(file: &mut File) -> std::io::Result<()> {
    let command: Vec<_> = std::env::args_os().map(|a| escape(&bytes_of(&a))).collect();
    let holder = Holder { pid: std::process::id(), command: command.join(" "), since: now() };
    file.set_len(0)?;
    file.rewind()?;
    serde_json::to_writer(&mut *file, &holder)?;
    file.write_all(b"\n")
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_secs())
}
