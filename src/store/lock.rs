//! One writer per folder (a project, a training): a lock of the operating system on the file `lock`, which also says
//! who holds it.
//!
//! The system drops the lock when its process ends, however it ends, so a lock is never stale; only the text in the
//! file may be, and it is read only while somebody holds the lock.
//!
//! Some file systems know no locks: Lustre mounted without `flock`, NFS without its lock service, 9p, several of FUSE.
//! There the work goes on with a warning, as cargo does, and the text in the file is all that keeps two processes apart:
//! it counts where the process that it names runs on this machine with the same command line.

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::files::{FileError, bytes_of, shown};
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

/// What trying a lock came to, where that is no failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// It is this process's.
    Taken,
    /// Somebody else has it.
    Busy,
    /// The file system knows no locks.
    Unknown,
}

/// Reads the answer of [`File::try_lock`] and its siblings.
///
/// # Errors
/// What else went wrong.
pub fn tried(answer: Result<(), TryLockError>) -> io::Result<Tried> {
    match answer {
        Ok(()) => Ok(Tried::Taken),
        Err(TryLockError::WouldBlock) => Ok(Tried::Busy),
        Err(TryLockError::Error(error)) if is_unknown(&error) => Ok(Tried::Unknown),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether an error says that a file system has no locks, rather than that this one can't be had.
fn is_unknown(error: &io::Error) -> bool {
    // ENOLCK: what NFS says where nobody serves its locks. The standard library has no kind for it.
    const ENOLCK: i32 = if cfg!(any(target_os = "linux", target_os = "android")) { 37 } else { 77 };
    // ERROR_INVALID_FUNCTION: what drivers of Windows say that have no locks.
    const INVALID_FUNCTION: i32 = 1;
    // ENOSYS, ENOTSUP and EOPNOTSUPP are of this kind.
    error.kind() == ErrorKind::Unsupported
        || (cfg!(unix) && error.raw_os_error() == Some(ENOLCK))
        || (cfg!(windows) && error.raw_os_error() == Some(INVALID_FUNCTION))
}

/// The held lock; dropping it frees the folder.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    path: PathBuf,
    /// Whether the system keeps others out.
    guarded: bool,
}

impl Drop for Lock {
    fn drop(&mut self) {
        if !self.guarded {
            // The text would count as long as this process lives. If this fails, it does.
            let _ = self.file.set_len(0);
            return;
        }
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
        Self::take_by(&File::try_lock, folder, doing)
    }

    /// [`Self::take`] by what the system answers to `try_lock`.
    fn take_by(
        try_lock: &dyn Fn(&File) -> Result<(), TryLockError>,
        folder: &Path,
        doing: &'static str,
    ) -> Result<Self, LockError> {
        let path = folder.join(NAME);
        let fail = |source| LockError::File(FileError { path: path.clone(), doing, source });
        let opened = File::options().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = opened.map_err(fail)?;
        let mut outcome = tried(try_lock(&file)).map_err(fail)?;
        for _ in 1..TRIES {
            if outcome == Tried::Busy {
                std::thread::sleep(PAUSE);
                outcome = tried(try_lock(&file)).map_err(fail)?;
            }
        }
        let signed = || signature(&file);
        match outcome {
            Tried::Taken => {}
            // A holder that has just begun may not have signed yet; then the message goes without its name.
            Tried::Busy => return Err(LockError::Held(signed().unwrap_or_default())),
            Tried::Unknown => {
                if let Some(holder) = signed().filter(is_at_work) {
                    return Err(LockError::Held(holder));
                }
            }
        }
        sign(&mut file).map_err(fail)?;
        Ok(Self { file, path: path.clone(), guarded: outcome == Tried::Taken })
    }

    /// Whether the system keeps others out.
    pub(super) fn is_guarded(&self) -> bool {
        self.guarded
    }

    /// What to tell where nothing keeps others out, once for a file system.
    pub(super) fn warning(&self) -> Option<String> {
        (!self.guarded && is_first_of_its_file_system(&self.file)).then(|| unguarded(&self.path))
    }
}

/// What to tell where nothing keeps other processes from the folder of `lock`.
fn unguarded(lock: &Path) -> String {
    let folder = lock.parent().unwrap_or(lock);
    format!(
        "{}: the file system keeps no locks, so nothing keeps a process of another machine from writing here at the same \
         time: let only one work in this folder",
        shown(folder)
    )
}

/// Whether this is the first time in this process that this is asked of a file system.
fn is_first_of_its_file_system(file: &File) -> bool {
    static TOLD: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());
    #[cfg(unix)]
    let system = file.metadata().map_or(0, |about| std::os::unix::fs::MetadataExt::dev(&about));
    // Elsewhere nothing tells them apart.
    #[cfg(not(unix))]
    let system = file.metadata().map_or(0, |_| 0);
    TOLD.lock().unwrap_or_else(PoisonError::into_inner).insert(system)
}

/// Whether a process holds the lock of `folder`; also for folders that may not be written.
pub(super) fn is_held(folder: &Path) -> bool {
    let Ok(file) = File::open(folder.join(NAME)) else { return false };
    let held = match tried(file.try_lock_shared()) {
        Ok(Tried::Busy) => true,
        Ok(Tried::Unknown) => signature(&file).is_some_and(|holder| is_this(&holder) || is_at_work(&holder)),
        Ok(Tried::Taken) | Err(_) => false,
    };
    // Given back at once, as in `drop` above; if this fails, it goes with the file.
    let _ = file.unlock();
    held
}

/// Who signed the file of a lock last, and has not given it back.
fn signature(mut file: &File) -> Option<Holder> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// Whether the holder is this process.
fn is_this(holder: &Holder) -> bool {
    holder.pid == std::process::id()
}

/// Whether the holder is another process of this machine that still runs. A process of this one's number is not: in
/// containers that are started anew, numbers repeat.
fn is_at_work(holder: &Holder) -> bool {
    // Elsewhere the command line of a process is not to be had without the system's own libraries.
    let Ok(line) = std::fs::read(format!("/proc/{}/cmdline", holder.pid)) else { return false };
    let arguments = line.strip_suffix(&[0]).unwrap_or(&line).split(|&byte| byte == 0);
    !is_this(holder) && arguments.map(escape).collect::<Vec<_>>().join(" ") == holder.command
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

#[cfg(test)]
mod tests {
    use super::*;

    fn failing(code: i32) -> impl Fn(&File) -> Result<(), TryLockError> {
        move |_| Err(TryLockError::Error(io::Error::from_raw_os_error(code)))
    }

    /// ENOLCK, ENOSYS, ENOTSUP; and EIO, which is a failure of the disk.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_system_without_locks_is_worked_on_with_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        for code in [37, 38, 95] {
            let lock = Lock::take_by(&failing(code), folder.path(), "lock").unwrap();
            assert!(!lock.is_guarded());
            let text = unguarded(&lock.path);
            assert!(text.contains("the file system keeps no locks") && text.contains(&shown(folder.path())), "{text}");
            assert!(signature(&File::open(folder.path().join(NAME)).unwrap()).is_some_and(|holder| is_this(&holder)));
            drop(lock);
            assert_eq!(std::fs::read(folder.path().join(NAME)).unwrap(), b"", "given back");
        }
        assert!(matches!(Lock::take_by(&failing(5), folder.path(), "lock"), Err(LockError::File(_))));
        let lock = Lock::take(folder.path(), "lock").unwrap();
        assert!(lock.is_guarded() && lock.warning().is_none());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn without_locks_a_process_at_work_on_this_machine_is_still_found() {
        let folder = tempfile::tempdir().unwrap();
        let mut other = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        // A process that has just begun shows its parent's command line, or none.
        while !std::fs::read(format!("/proc/{}/cmdline", other.id())).unwrap().starts_with(b"sleep") {
            std::thread::sleep(Duration::from_millis(1));
        }
        let sign_as = |command: &str| {
            let holder = Holder { pid: other.id(), command: command.to_owned(), since: now() };
            std::fs::write(folder.path().join(NAME), serde_json::to_vec(&holder).unwrap()).unwrap();
        };
        let take = || Lock::take_by(&failing(38), folder.path(), "lock").map(|_| ());
        sign_as("sleep 60");
        let held = take();
        sign_as("another command that had this number");
        let reused = take();
        sign_as("sleep 60");
        other.kill().unwrap();
        other.wait().unwrap();
        assert!(matches!(held, Err(LockError::Held(holder)) if holder.command == "sleep 60"));
        assert!(reused.is_ok() && take().is_ok(), "its number was given to another, or it was killed");
    }
}
