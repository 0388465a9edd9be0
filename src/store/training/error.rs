//! What can go wrong with the folder of a training, in words.

use std::path::{Path, PathBuf};

use crate::store::files::{FileError, shown};
use crate::store::lock::{Holder, LockError};

/// Why a training's folder could not be used. Nothing in it was changed or removed.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    /// The folder or a file in it could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// Another process is at work in it.
    #[error("{}: this training is in use by {holder}; wait for it, close it, or give another folder", shown(.folder))]
    Locked {
        /// The folder.
        folder: PathBuf,
        /// Who is at work.
        holder: Holder,
    },
    /// The folder holds something else.
    #[error("{}: holds other files and no training; nothing in it was touched: give a new folder", shown(.0))]
    NotEmpty(PathBuf),
    /// The folder holds a training with other parameters.
    #[error(
        "{}: holds another training: {}; nothing in it was touched: give a new folder, or the same values to resume it",
        shown(.folder), listed(.differences)
    )]
    Another {
        /// The folder.
        folder: PathBuf,
        /// What is there, not what was asked for.
        differences: Vec<String>,
    },
    /// There is no training to read.
    #[error("{}: there is no training here (no run.json)", shown(.0))]
    Missing(PathBuf),
    /// `run.json` can't be read.
    #[error(
        "{}: is not the record of a training ({why}); it was left as it is: restore a copy, or give a new folder",
        shown(.file)
    )]
    Malformed {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// `run.json` was written by a later version.
    #[error(
        "{}: this training has format {found}, this program knows formats up to {known}; use a newer stillroom",
        shown(.file)
    )]
    Newer {
        /// The file.
        file: PathBuf,
        /// Its version.
        found: u64,
        /// The highest known version.
        known: u32,
    },
    /// A checkpoint does not have its checksum.
    #[error(
        "{}: the checkpoint is damaged ({why}) and was not used; restore a copy, or move it away to train this seed \
         again from its beginning (finished seeds stay)", shown(.file)
    )]
    DamagedCheckpoint {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A checkpoint that is no safetensors file: an error of the program.
    #[error("{}: the checkpoint can't be written: {why}", shown(.file))]
    BadCheckpoint {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
}

impl TrainingError {
    /// Whether there was no room.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::File(error) if error.is_full())
    }

    pub(super) fn locked(folder: &Path) -> impl FnOnce(LockError) -> Self {
        let folder = folder.to_owned();
        |error| match error {
            LockError::Held(holder) => Self::Locked { folder, holder },
            LockError::File(error) => error.into(),
        }
    }
}

/// The first of many differences.
fn listed(differences: &[String]) -> String {
    const SHOWN: usize = 6;
    let first = differences.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match differences.len().saturating_sub(SHOWN) {
        0 => first,
        more => format!("{first}, and {more} more"),
    }
}
