//! One writer per folder (a project, a training): a lock of the operating system on the file `lock`, which also says
//! who holds it.
//!
//! The system drops the lock when its process ends, however it ends, so a lock is never stale; only the text in the
//! file may be, and it is read only while somebody holds the lock.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::files::{FileError, bytes_of};
use crate::core::data::names::escape;

/// Name of the file that is locked; it stays when the lock is given back.
pub(super) const NAME: &str = "lock";

/// How often a lock is tried, and the pause between: somebody who only asks whether it is held holds it for a moment.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(20);

/// The process that works on a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Holder {
    /// Its process id; 0 where it is not known.
    pub pid: u32,
    /// Its command line.
    pub command: String,
    /// When it took the lock, in seconds since 1970.
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

/// Why a lock could not be taken.
#[derive(Debug)]
pub(super) enum LockError {
    /// This process has it.
    Held(Holder),
    /// The file can't be made or locked.
    File(FileError),
}

/// The held lock; dropping it frees the folder.
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
    /// Takes the lock of a folder; `doing` is for the error.
    ///
    /// # Errors
    /// [`LockError`].
    pub(super) fn take(folder: &Path, doing: &'static str) -> Result<Self, LockError> {
        let path = folder.join(NAME);
        let fail = |source| LockError::File(FileError { path: path.clone(), doing, source });
        let opened = File::options().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = opened.map_err(fail)?;
        for again in (0..TRIES).rev() {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if again > 0 => std::thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => {
                    let mut text = String::new();
                    // A holder that has just begun may not have signed yet; then the message goes without its name.
                    let read = file.read_to_string(&mut text).ok();
                    return Err(LockError::Held(
                        read.and_then(|_| serde_json::from_str(&text).ok()).unwrap_or_default(),
                    ));
                }
                Err(TryLockError::Error(error)) => return Err(fail(error)),
            }
        }
        sign(&mut file).map_err(fail)?;
        Ok(Self { file })
    }
}

/// Whether a process holds the lock of `folder`; also for folders that may not be written.
pub(super) fn is_held(folder: &Path) -> bool {
    let Ok(file) = File::open(folder.join(NAME)) else { return false };
    let held = matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
    // Given back at once, as in `drop` above; if this fails, it goes with the file.
    let _ = file.unlock();
    held
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
