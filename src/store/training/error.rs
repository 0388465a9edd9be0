//! What can go wrong with the folder of a training, in words.

use std::path::PathBuf;

use crate::store::files::{FileError, shown};
use crate::store::record::RecordError;

/// Why a training's folder could not be used. Nothing in it was changed or removed.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    /// The folder, its record, or another training in it.
    #[error(transparent)]
    Folder(#[from] RecordError),
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
        matches!(self, Self::Folder(error) if error.is_full())
    }
}

impl From<FileError> for TrainingError {
    fn from(error: FileError) -> Self {
        Self::Folder(error.into())
    }
}
