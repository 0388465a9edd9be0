//! The folder of a training: what it is (`run.json`), the latest state of a seed that is not finished
//! (`seed-S/checkpoint.safetensors`), and the weights of finished ones (`student.safetensors`, `best.safetensors`).
//!
//! Every file is replaced in one step, so a kill at any moment leaves a folder that resumes. Another training's folder is
//! never taken over, and nothing is removed but the checkpoint of a seed whose weights are safe.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::files::{FileError, replace, sync_folder};
use super::record::{self, Held, RecordError};
use super::{lock, sealed};

mod error;
mod note;
mod table;

pub use error::TrainingError;
pub use note::{
    Asked, FORMAT, InitialSource, ObserverSource, RECORD, Source, TrainingKind, TrainingNote, TrainingStatus,
    curves_csv,
};
pub use table::runs_csv;

/// Weights after a seed's last epoch, in the seed's folder.
pub const LAST: &str = "student.safetensors";
/// Weights of a seed's best evaluated epoch.
pub const BEST: &str = "best.safetensors";
const CHECKPOINT: &str = "checkpoint.safetensors";
/// How deep [`list`] looks.
const DEPTH: usize = 4;

/// A training's folder, held for work: no other process takes it meanwhile.
#[derive(Debug)]
pub struct TrainingFolder {
    held: Held,
}

impl TrainingFolder {
    /// Takes the folder `path` for the training `asked`: a new or empty one, which gets its record now, or one that holds
    /// the same training (equal [`TrainingNote::fingerprint`]). The note that comes back is `asked` with the curves,
    /// notes, times and status of what is there; a training that was running is [`TrainingStatus::Interrupted`].
    ///
    /// # Errors
    /// [`RecordError::Another`] names what differs; [`RecordError::NotEmpty`], [`RecordError::Locked`]; others: the
    /// folder can't be made, written or read.
    pub fn begin(path: &Path, asked: TrainingNote) -> Result<(Self, TrainingNote), TrainingError> {
        let (held, found) = Held::begin(path, &asked)?;
        let note = match found {
            Some(found) => continued(asked, found),
            None => asked,
        };
        Ok((Self { held }, note))
    }

    /// What to tell where the file system keeps no locks, so that nothing keeps another machine out; once.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        self.held.warning()
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.held.folder
    }

    /// Replaces the record.
    ///
    /// # Errors
    /// [`RecordError::File`] where the disk is full or fails; the record of before stays.
    pub fn save_note(&self, note: &TrainingNote) -> Result<(), TrainingError> {
        Ok(self.held.save(note)?)
    }

    /// The latest state of a seed that is not finished: the tensors and metadata that were given to
    /// [`Self::save_checkpoint`], as a safetensors file. `None` where there is none.
    ///
    /// # Errors
    /// [`TrainingError::DamagedCheckpoint`] where its checksum is wrong; [`RecordError::File`].
    pub fn checkpoint(&self, seed: u64) -> Result<Option<Vec<u8>>, TrainingError> {
        let file = seed_folder(&self.held.folder, seed).join(CHECKPOINT);
        let bytes = match fs::read(&file) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(FileError { path: file, doing: "read", source }.into()),
        };
        match sealed::check(&bytes) {
            Ok(_) => Ok(Some(bytes)),
            Err(e) => Err(TrainingError::DamagedCheckpoint { file, why: e.to_string() }),
        }
    }

    /// Replaces the state of a seed by `state`, a safetensors file, which gets a checksum. Save the note with the curve
    /// up to this state before: a resumed training can cut a curve that is too long, but not guess what is missing.
    ///
    /// # Errors
    /// [`RecordError::File`] where the disk is full or fails; the state of before stays.
    pub fn save_checkpoint(&self, seed: u64, state: &[u8]) -> Result<(), TrainingError> {
        let file = self.seed_file(seed, CHECKPOINT)?;
        let sealed =
            sealed::seal(state).map_err(|e| TrainingError::BadCheckpoint { file: file.clone(), why: e.to_string() })?;
        Ok(replace(&file, &sealed)?)
    }

    /// Writes the weights of a finished seed, both safetensors files, and then removes its checkpoint. Save the note
    /// with the whole curve before, since afterwards nothing leads back to it.
    ///
    /// # Errors
    /// [`RecordError::File`] where the disk is full or fails; the checkpoint stays.
    pub fn finish_seed(&self, seed: u64, last: &[u8], best: &[u8]) -> Result<(), TrainingError> {
        replace(&self.seed_file(seed, BEST)?, best)?;
        replace(&self.seed_file(seed, LAST)?, last)?;
        let checkpoint = self.seed_file(seed, CHECKPOINT)?;
        match fs::remove_file(&checkpoint) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(FileError::at(&checkpoint, "remove")(e))?,
            _ => Ok(sync_folder(&seed_folder(&self.held.folder, seed))?),
        }
    }

    /// Makes a seed's folder where it is missing.
    ///
    /// # Errors
    /// [`RecordError::File`].
    pub fn make_seed(&self, seed: u64) -> Result<(), TrainingError> {
        self.seed_file(seed, LAST).map(|_| ())
    }

    /// Whether the weights of a seed are written, and nothing is left to do for it.
    #[must_use]
    pub fn is_finished(&self, seed: u64) -> bool {
        let folder = seed_folder(&self.held.folder, seed);
        folder.join(LAST).is_file() && folder.join(BEST).is_file() && !folder.join(CHECKPOINT).is_file()
    }

    /// A file of a seed, whose folder is made where it is missing.
    fn seed_file(&self, seed: u64, name: &str) -> Result<PathBuf, TrainingError> {
        let folder = seed_folder(&self.held.folder, seed);
        if !folder.is_dir() {
            fs::create_dir_all(&folder).map_err(FileError::at(&folder, "make this folder"))?;
            sync_folder(&self.held.folder)?;
        }
        Ok(folder.join(name))
    }
}

/// The folder of a seed's files in the folder of a training.
#[must_use]
pub fn seed_folder(folder: &Path, seed: u64) -> PathBuf {
    folder.join(format!("seed-{seed}"))
}

/// The training that was asked for, with what has been done of it.
fn continued(asked: TrainingNote, found: TrainingNote) -> TrainingNote {
    let mut notes = found.notes;
    if found.device != asked.device {
        notes.push(format!("resumed on {} after {}: other devices round differently", asked.device, found.device));
    }
    if found.program != asked.program {
        let (new, old) = (&asked.program, &found.program);
        notes.push(format!("resumed by {} {} after {} {}", new.name, new.version, old.name, old.version));
    }
    let status = match found.status {
        TrainingStatus::Running => TrainingStatus::Interrupted,
        other => other,
    };
    let (curves, detail, began, ended) = (found.curves, found.detail, found.began, found.ended);
    TrainingNote { notes, status, curves, detail, began, ended, ..asked }
}

/// Reads the record of the training in a folder, also while a process works on it. One that says it is running without
/// a process is [`TrainingStatus::Interrupted`].
///
/// # Errors
/// [`RecordError::Missing`] where there is no training, [`RecordError::Malformed`], [`RecordError::Newer`],
/// [`RecordError::File`].
pub fn read(folder: &Path) -> Result<TrainingNote, TrainingError> {
    let mut note: TrainingNote = record::read(folder)?;
    if note.status == TrainingStatus::Running && !lock::is_held(folder) {
        // It may have ended since it was read.
        note = record::read(folder)?;
        if note.status == TrainingStatus::Running {
            note.status = TrainingStatus::Interrupted;
        }
    }
    Ok(note)
}

/// A training that [`list`] has found, or why its record can't be read.
#[derive(Debug)]
pub struct Listed {
    /// Its folder.
    pub folder: PathBuf,
    /// Its record.
    pub note: Result<TrainingNote, TrainingError>,
}

/// The trainings in `folder` and below, by path; broken ones and folders that can't be looked into are among them. Links
/// are not followed, and a training's own folder is not looked through.
#[must_use]
pub fn list(folder: &Path) -> Vec<Listed> {
    let mut found = Vec::new();
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        match read(&folder) {
            Err(TrainingError::Folder(RecordError::Missing { .. })) if depth < DEPTH => match below(&folder) {
                Ok(below) => folders.extend(below.into_iter().map(|f| (f, depth + 1))),
                Err(source) => {
                    let error = FileError { path: folder.clone(), doing: "list", source };
                    found.push(Listed { folder, note: Err(error.into()) });
                }
            },
            Err(TrainingError::Folder(RecordError::Missing { .. })) => {}
            note => found.push(Listed { folder, note }),
        }
    }
    found.sort_by(|a, b| a.folder.cmp(&b.folder));
    found
}

/// The folders in a folder that are not hidden.
fn below(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if !hidden && entry.file_type()?.is_dir() {
            found.push(entry.path());
        }
    }
    Ok(found)
}

#[cfg(test)]
pub(super) mod tests;
