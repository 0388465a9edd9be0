//! A distilled dataset as RDED lays it out: `00000/class00000_id00000.png`, with `classes.json` and `manifest.json`.
//!
//! The output folder is absent or complete. Work goes to `OUT.partial-<run>` beside it, is synced, and takes the name
//! in one step. Nothing is ever wiped: what an error or a kill leaves behind stays, and messages name it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::super::files::{FileError, shown, sync_folder};
use crate::core::distil::manifest::{Manifest, ManifestError, class_folder, image_file};

mod place;

use place::{check_free, leftovers, place_of, with_suffix};

/// Why a dataset could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
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
    #[error("{}: appeared while this run was at work and was left alone; the finished dataset is in {}", shown(.out), shown(.partial))]
    Appeared {
        /// The output folder.
        out: PathBuf,
        /// The finished folder, under its temporary name.
        partial: PathBuf,
    },
    /// The manifest and the written files differ: an error of the program, caught before it reaches a user's data.
    #[error("the manifest does not fit the files: {why}; the files stay in {}", shown(.partial))]
    Incomplete {
        /// The first difference.
        why: String,
        /// The unfinished folder.
        partial: PathBuf,
    },
}

impl ExportError {
    /// Whether the disk is full.
    #[must_use]
    pub fn is_full(&self) -> bool {
        match self {
            Self::NotWritable { source, .. } | Self::Write { source, .. } => source.is_full(),
            _ => false,
        }
    }
}

/// A distilled dataset that is being written; [`Export::finish`] gives it its name. Dropped before, it leaves its
/// unfinished folder in place.
#[derive(Debug)]
pub struct Export {
    out: PathBuf,
    partial: PathBuf,
    leftovers: Vec<PathBuf>,
    written: Mutex<Written>,
}

/// What has been written, relative to the folder.
#[derive(Debug, Default)]
struct Written {
    folders: BTreeSet<u32>,
    files: BTreeSet<String>,
}

/// A run that ends before its first image leaves nothing behind: only an empty folder can be removed this way.
impl Drop for Export {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.partial);
    }
}

impl Export {
    /// Reserves a folder beside `out`, before any work: a name that is taken, a folder that can't be written to or a
    /// full disk are noticed now. Missing parent folders are made; an existing empty `out` is taken over at the end.
    ///
    /// # Errors
    /// [`ExportError::Exists`] with a free name, [`ExportError::Unusable`], [`ExportError::NotWritable`].
    pub fn begin(out: &Path) -> Result<Self, ExportError> {
        let not_writable = |path: &Path, doing, source| ExportError::NotWritable {
            out: out.to_owned(),
            source: FileError { path: path.to_owned(), doing, source },
        };
        let (parent, name) = place_of(out)?;
        fs::create_dir_all(&parent).map_err(|e| not_writable(&parent, "make this folder", e))?;
        let target = parent.join(&name);
        check_free(out, &target, &parent)?;
        let leftovers = leftovers(&parent, &name).map_err(|e| not_writable(&parent, "list", e))?;
        for run in 1_u32.. {
            let partial = parent.join(with_suffix(&name, &format!(".partial-{run}")));
            match fs::create_dir(&partial) {
                Ok(()) => {
                    let written = Mutex::default();
                    return Ok(Self { out: target, partial, leftovers, written });
                }
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                Err(e) => return Err(not_writable(&partial, "make this folder", e)),
            }
        }
        Err(ExportError::Unusable { out: out.to_owned(), why: "all names for its work are taken" })
    }

    /// Whether [`Self::begin`] would succeed, for those who have long work to do before.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub fn check(out: &Path) -> Result<(), ExportError> {
        Self::begin(out).map(drop)
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

    /// Writes one distilled image, encoded; `extension` without the dot. May be called from several threads.
    ///
    /// # Errors
    /// [`ExportError::Write`] where the disk is full or fails, or where this image has been written before.
    pub fn write_image(&self, class: u32, image: u32, bytes: &[u8], extension: &str) -> Result<(), ExportError> {
        {
            // Made under the lock, so that no other thread writes into a folder that is only about to exist.
            let mut written = self.locked();
            if written.folders.insert(class) {
                let folder = self.partial.join(class_folder(class));
                fs::create_dir(&folder).map_err(|e| self.failed(&folder, 0, e))?;
            }
        }
        self.put(&image_file(class, image, extension), bytes)
    }

    /// Writes a file at a relative path, with the folders on its way: for data of another layout. May be called from
    /// several threads.
    ///
    /// # Errors
    /// [`ExportError::Write`] where the disk is full or fails, or where this file has been written before.
    pub fn write_file(&self, name: &str, bytes: &[u8]) -> Result<(), ExportError> {
        if let Some(folder) = Path::new(name).parent() {
            let folder = self.partial.join(folder);
            fs::create_dir_all(&folder).map_err(|e| self.failed(&folder, 0, e))?;
        }
        self.put(name, bytes)
    }

    /// Syncs what was written by [`Self::write_file`] and gives the folder its name, without a manifest.
    ///
    /// # Errors
    /// [`ExportError::Appeared`] where the output folder has come into being, [`ExportError::Write`].
    pub fn publish(self) -> Result<PathBuf, ExportError> {
        self.sync()?;
        self.rename()
    }

    /// Writes `classes.json` and `manifest.json`, syncs all files and folders, and gives the folder its name.
    ///
    /// # Errors
    /// [`ExportError::Incomplete`] where the manifest contradicts itself or names other files than were written,
    /// [`ExportError::Appeared`] where the output folder has come into being, [`ExportError::Write`]. The unfinished
    /// folder stays.
    pub fn finish(self, manifest: &Manifest) -> Result<PathBuf, ExportError> {
        self.finish_all(&[(None, manifest.clone())])
    }

    /// As [`Self::finish`], for several datasets in folders of their own below the output folder, which then lists them
    /// in [`SIZES_FILE`]; a folder of `None` is the output folder itself.
    ///
    /// # Errors
    /// As [`Self::finish`].
    pub fn finish_all(self, sets: &[(Option<String>, Manifest)]) -> Result<PathBuf, ExportError> {
        for (_, manifest) in sets {
            manifest.validate().map_err(|e: ManifestError| self.incomplete(e.to_string()))?;
        }
        self.check_complete(sets)?;
        let json = |e: serde_json::Error| self.incomplete(e.to_string());
        let mut sizes = Vec::new();
        for (folder, manifest) in sets {
            let mut classes = serde_json::to_vec_pretty(&manifest.class_entries()).map_err(json)?;
            classes.push(b'\n');
            self.put(&within(folder.as_deref(), "classes.json"), &classes)?;
            self.put(&within(folder.as_deref(), "manifest.json"), &manifest.to_json().map_err(json)?)?;
            let (ipc, nested_in) = (manifest.recipe.ipc, manifest.nested_in);
            sizes.extend(folder.as_ref().map(|f| serde_json::json!({"folder": f, "ipc": ipc, "nested_in": nested_in})));
        }
        if !sizes.is_empty() {
            let mut text = serde_json::to_vec_pretty(&sizes).map_err(json)?;
            text.push(b'\n');
            self.put(SIZES_FILE, &text)?;
        }
        self.publish()
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Written> {
        // The sets stay valid whatever a panicking thread did.
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, path: &Path, bytes: usize, source: io::Error) -> ExportError {
        let source = FileError { path: path.to_owned(), doing: "write", source };
        ExportError::Write { source, bytes: bytes as u64, partial: self.partial.clone() }
    }

    fn incomplete(&self, why: String) -> ExportError {
        ExportError::Incomplete { why, partial: self.partial.clone() }
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), ExportError> {
        let path = self.partial.join(name);
        File::create_new(&path).and_then(|mut f| f.write_all(bytes)).map_err(|e| self.failed(&path, bytes.len(), e))?;
        self.locked().files.insert(name.to_owned());
        Ok(())
    }

    fn check_complete(&self, sets: &[(Option<String>, Manifest)]) -> Result<(), ExportError> {
        let files = |(folder, manifest): &(Option<String>, Manifest)| -> Vec<String> {
            let images = manifest.classes.iter().flat_map(|c| &c.images);
            images.map(|i| within(folder.as_deref(), &i.file)).collect()
        };
        let named: BTreeSet<String> = sets.iter().flat_map(files).collect();
        let written = self.locked();
        if let Some(missing) = named.difference(&written.files).next() {
            return Err(self.incomplete(format!("'{missing}' was not written")));
        }
        if let Some(extra) = written.files.difference(&named).next() {
            return Err(self.incomplete(format!("'{extra}' is not in the manifest")));
        }
        Ok(())
    }

    /// Brings everything to the disk. This comes last and at once: by then most of it has been written anyway, while a
    /// sync behind every image would wait for the disk thousands of times. Several threads wait together, because a
    /// file system writes its journal for all that are waiting at once.
    fn sync(&self) -> Result<(), ExportError> {
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
    fn rename(&self) -> Result<PathBuf, ExportError> {
        if cfg!(not(unix)) {
            // Here the system doesn't replace an empty folder; this removes one and fails on any other.
            let _ = fs::remove_dir(&self.out);
        }
        if let Err(error) = fs::rename(&self.partial, &self.out) {
            let taken = [ErrorKind::DirectoryNotEmpty, ErrorKind::AlreadyExists, ErrorKind::NotADirectory];
            return Err(if taken.contains(&error.kind()) {
                ExportError::Appeared { out: self.out.clone(), partial: self.partial.clone() }
            } else {
                self.failed(&self.out, 0, error)
            });
        }
        let parent = self.out.parent().unwrap_or(Path::new("."));
        sync_folder(parent).map_err(|e| self.failed(parent, 0, e.source))?;
        Ok(self.out.clone())
    }
}

/// Lists the datasets of several sizes in one output folder.
pub const SIZES_FILE: &str = "sizes.json";

/// A file's name below the output folder.
fn within(folder: Option<&str>, file: &str) -> String {
    folder.map_or_else(|| file.to_owned(), |folder| format!("{folder}/{file}"))
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
