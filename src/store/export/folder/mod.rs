//! A new folder that is absent or complete, whatever is in it: what every format is written through.
//!
//! Work goes to `OUT.partial-<run>` beside it, is synced, and takes the name in one step. Nothing is ever wiped: what an
//! error or a kill leaves behind stays, and messages name it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::super::files::{FileError, shown, sync_folder};

mod place;

use place::{check_free, leftovers, place_of, with_suffix};

/// Why a folder could not be written.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The output folder exists and has something in it.
    #[error("{}: exists and is not empty; nothing in it was touched: give another folder, {} is free", shown(.out), shown(.free))]
    Exists {
        /// What was asked for.
        out: PathBuf,
        /// A free name.
        free: PathBuf,
    },
    /// The output is a file, a file system of its own, or a name that can't be made.
    #[error("{}: cannot become the output folder: {why}", shown(.out))]
    Unusable {
        /// What was asked for.
        out: PathBuf,
        /// Why, and the remedy.
        why: &'static str,
    },
    /// Nothing could be made beside the output folder; nothing was computed yet.
    #[error("the output folder {} cannot be made: {source}", shown(.out))]
    NotWritable {
        /// What was asked for.
        out: PathBuf,
        /// The folder and the reason.
        source: FileError,
    },
    /// A file could not be written while the work went on.
    #[error("{source}{}; what is done so far stays in {}", amount(*.bytes), shown(.partial))]
    Write {
        /// The file and the reason.
        source: FileError,
        /// Size of the file; 0 where it was to be synced or renamed.
        bytes: u64,
        /// The unfinished folder.
        partial: PathBuf,
    },
    /// Somebody else made the output folder meanwhile.
    #[error("{}: appeared while this run was at work and was left alone; the finished work is in {}", shown(.out), shown(.partial))]
    Appeared {
        /// The output folder.
        out: PathBuf,
        /// The finished folder, under its temporary name.
        partial: PathBuf,
    },
}

impl FolderError {
    /// Whether the disk is full.
    #[must_use]
    pub fn is_full(&self) -> bool {
        match self {
            Self::NotWritable { source, .. } | Self::Write { source, .. } => source.is_full(),
            _ => false,
        }
    }
}

/// A folder that is being written; [`NewFolder::publish`] gives it its name. Dropped before, it leaves its unfinished
/// work in place.
#[derive(Debug)]
pub struct NewFolder {
    out: PathBuf,
    partial: PathBuf,
    leftovers: Vec<PathBuf>,
    /// Folders above it that were made for it, the innermost first.
    parents: Vec<PathBuf>,
    written: Mutex<Written>,
}

/// What has been written, relative to the folder.
#[derive(Debug, Default)]
struct Written {
    folders: BTreeSet<PathBuf>,
    files: BTreeSet<String>,
}

/// A run that ends before its first file leaves nothing behind: only an empty folder can be removed this way.
impl Drop for NewFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.partial);
    }
}

impl NewFolder {
    /// Reserves a folder beside `out`, before any work: a name that is taken, a folder that can't be written to or a
    /// full disk are noticed now. Missing parent folders are made; an existing empty `out` is taken over at the end.
    ///
    /// # Errors
    /// [`FolderError::Exists`] with a free name, [`FolderError::Unusable`], [`FolderError::NotWritable`].
    pub fn begin(out: &Path) -> Result<Self, FolderError> {
        let not_writable = |path: &Path, doing, source| FolderError::NotWritable {
            out: out.to_owned(),
            source: FileError { path: path.to_owned(), doing, source },
        };
        let (parent, name) = place_of(out)?;
        let parents = parent.ancestors().take_while(|p| !p.as_os_str().is_empty() && !p.exists());
        let parents = parents.map(Path::to_owned).collect();
        fs::create_dir_all(&parent).map_err(|e| not_writable(&parent, "make this folder", e))?;
        let target = parent.join(&name);
        check_free(out, &target, &parent)?;
        let leftovers = leftovers(&parent, &name).map_err(|e| not_writable(&parent, "list", e))?;
        for run in 1_u32.. {
            let partial = parent.join(with_suffix(&name, &format!(".partial-{run}")));
            match fs::create_dir(&partial) {
                Ok(()) => {
                    let written = Mutex::default();
                    return Ok(Self { out: target, partial, leftovers, parents, written });
                }
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                Err(e) => return Err(not_writable(&partial, "make this folder", e)),
            }
        }
        Err(FolderError::Unusable { out: out.to_owned(), why: "all names for its work are taken" })
    }

    /// Whether [`Self::begin`] would succeed, for those who have long work to do before.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub fn check(out: &Path) -> Result<(), FolderError> {
        Self::begin(out).map(drop)
    }

    /// Whether the output is free, found out without making anything.
    ///
    /// # Errors
    /// [`FolderError::Exists`] with a free name, [`FolderError::Unusable`], [`FolderError::NotWritable`].
    pub fn is_free(out: &Path) -> Result<(), FolderError> {
        let (parent, name) = place_of(out)?;
        check_free(out, &parent.join(name), &parent)
    }

    /// The folder that holds the work until it is finished.
    #[must_use]
    pub fn partial(&self) -> &Path {
        &self.partial
    }

    /// Unfinished folders of other runs for the same output. They are left alone; once no run is at work, they can be
    /// removed by hand.
    #[must_use]
    pub fn leftovers(&self) -> &[PathBuf] {
        &self.leftovers
    }

    /// Writes the file `name`, a relative path with `/` between its parts, and makes the folders on its way. May be
    /// called from several threads.
    ///
    /// # Errors
    /// [`FolderError::Write`] where the disk is full or fails, where the name leads out of the folder, or where this file
    /// has been written before.
    pub fn put(&self, name: &str, bytes: &[u8]) -> Result<(), FolderError> {
        let mut file = self.create(name)?;
        file.write_all(bytes).map_err(|e| self.failed(&self.partial.join(name), bytes.len(), e))
    }

    /// Makes the file `name`, as [`Self::put`] does, for those who write it piece by piece.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub fn create(&self, name: &str) -> Result<File, FolderError> {
        let path = self.partial.join(name);
        let mut parts = Path::new(name).components();
        if name.is_empty() || !parts.all(|part| matches!(part, Component::Normal(_))) {
            let source = io::Error::new(ErrorKind::InvalidInput, "its name leads out of the output folder");
            return Err(self.failed(&path, 0, source));
        }
        self.make_parent(name)?;
        let file = File::create_new(&path).map_err(|e| self.failed(&path, 0, e))?;
        self.locked().files.insert(name.to_owned());
        Ok(file)
    }

    /// For `map_err`: a file of [`Self::create`] that could not be written.
    pub fn at(&self, name: &str) -> impl Fn(io::Error) -> FolderError {
        let path = self.partial.join(name);
        move |source| self.failed(&path, 0, source)
    }

    /// Removes what was written, for those who can do it again at little cost: the files of [`Self::put`] and
    /// [`Self::create`], and the folders that were made and are empty then.
    ///
    /// # Errors
    /// [`FolderError::Write`] where they can't be removed.
    pub fn discard(self) -> Result<(), FolderError> {
        let files = self.files();
        for name in &files {
            let path = self.partial.join(name);
            fs::remove_file(&path).map_err(|e| self.failed(&path, 0, e))?;
        }
        let folders: BTreeSet<&Path> = files.iter().flat_map(|f| Path::new(f).ancestors().skip(1)).collect();
        for folder in folders.into_iter().rev().map(|folder| self.partial.join(folder)) {
            fs::remove_dir(&folder).map_err(|e| self.failed(&folder, 0, e))?;
        }
        // Before the first file the folder is there, and behind the last it is gone. Whoever uses a parent keeps it.
        let _ = fs::remove_dir(&self.partial);
        let _ = self.parents.iter().try_for_each(fs::remove_dir);
        Ok(())
    }

    /// Names of the files that are written.
    #[must_use]
    pub fn files(&self) -> BTreeSet<String> {
        self.locked().files.clone()
    }

    /// Syncs all files and folders, and gives the folder its name.
    ///
    /// # Errors
    /// [`FolderError::Appeared`] where the output folder has come into being, [`FolderError::Write`]. The unfinished
    /// folder stays.
    pub fn publish(self) -> Result<PathBuf, FolderError> {
        self.sync()?;
        self.rename()
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Written> {
        // The sets stay valid whatever a panicking thread did.
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, path: &Path, bytes: usize, source: io::Error) -> FolderError {
        let source = FileError { path: path.to_owned(), doing: "write", source };
        FolderError::Write { source, bytes: bytes as u64, partial: self.partial.clone() }
    }

    /// Makes the folder of a file, under the lock, so that no other thread writes into one that is only about to exist.
    fn make_parent(&self, name: &str) -> Result<(), FolderError> {
        let Some(parent) = Path::new(name).parent().filter(|p| !p.as_os_str().is_empty()) else { return Ok(()) };
        let mut written = self.locked();
        if !written.folders.contains(parent) {
            let folder = self.partial.join(parent);
            fs::create_dir_all(&folder).map_err(|e| self.failed(&folder, 0, e))?;
            written.folders.insert(parent.to_owned());
        }
        Ok(())
    }

    /// Brings everything to the disk. This comes last and at once: by then most of it has been written anyway, while a
    /// sync behind every image would wait for the disk thousands of times. Several threads wait together, because a
    /// file system writes its journal for all that are waiting at once.
    fn sync(&self) -> Result<(), FolderError> {
        const THREADS: usize = 32;
        let written = self.locked();
        let files: Vec<PathBuf> = written.files.iter().map(|name| self.partial.join(name)).collect();
        let share = files.len().div_ceil(THREADS).max(1);
        let synced: Result<(), FileError> = std::thread::scope(|scope| {
            let start = |part| scope.spawn(move || sync_files(part));
            let threads: Vec<_> = files.chunks(share).map(start).collect();
            let join =
                |t: std::thread::ScopedJoinHandle<'_, _>| t.join().unwrap_or_else(|p| std::panic::resume_unwind(p));
            threads.into_iter().try_for_each(join)
        });
        // All folders on the way to a file, the partial one itself included (its relative path is empty).
        let folders: BTreeSet<&Path> = written.files.iter().flat_map(|f| Path::new(f).ancestors().skip(1)).collect();
        let mut folders = folders.into_iter().map(|folder| self.partial.join(folder));
        let synced = synced.and_then(|()| folders.try_for_each(|folder| sync_folder(&folder)));
        synced.map_err(|e| self.failed(&e.path, 0, e.source))
    }

    /// The one step by which the output comes into being: the system replaces nothing but an empty folder.
    fn rename(&self) -> Result<PathBuf, FolderError> {
        if cfg!(not(unix)) {
            // Here the system doesn't replace an empty folder; this removes one and fails on any other.
            let _ = fs::remove_dir(&self.out);
        }
        if let Err(error) = fs::rename(&self.partial, &self.out) {
            let taken = [ErrorKind::DirectoryNotEmpty, ErrorKind::AlreadyExists, ErrorKind::NotADirectory];
            return Err(if taken.contains(&error.kind()) {
                FolderError::Appeared { out: self.out.clone(), partial: self.partial.clone() }
            } else {
                self.failed(&self.out, 0, error)
            });
        }
        let parent = self.out.parent().unwrap_or(Path::new("."));
        sync_folder(parent).map_err(|e| self.failed(parent, 0, e.source))?;
        Ok(self.out.clone())
    }
}

/// How much a failed write was to write.
fn amount(bytes: u64) -> String {
    if bytes == 0 { String::new() } else { format!(" ({bytes} bytes were to be written)") }
}

fn sync_files(files: &[PathBuf]) -> Result<(), FileError> {
    files.iter().try_for_each(|path| {
        // Opened for writing, because some systems refuse to sync a file that is open for reading.
        let synced = File::options().append(true).open(path).and_then(|f| f.sync_all());
        synced.map_err(FileError::at(path, "write"))
    })
}

#[cfg(test)]
mod tests;
