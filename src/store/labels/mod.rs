//! Stored soft labels: `labels.json` says what they are of, and `epoch-00000.safetensors`, … hold an epoch each.
//!
//! Each file appears whole. An epoch that is there is never made again, so a killed relabelling goes on where it stopped.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::files::{FileError, replace, shown};
use super::record::{self, Held, Record as _, RecordError, listed};
use crate::core::train::label_set::Augmentation;
use crate::core::train::labels::BatchLabels;

mod header;
pub mod shard;

pub use header::{FORMAT, LabelsHeader};

/// Why labels could not be stored or read. Nothing was changed or removed.
#[derive(Debug, thiserror::Error)]
pub enum LabelError {
    /// The folder, its header, or other labels in it.
    #[error(transparent)]
    Folder(#[from] RecordError),
    /// The file of an epoch is damaged.
    #[error(
        "{}: these labels are damaged ({why}) and were not used; move the file away and run the same relabel command \
         again: it makes only what is missing", shown(.file)
    )]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// An epoch was never labelled.
    #[error("{}: there are no labels of epoch {epoch} (counted from 0); relabel again with --epochs {needed}", shown(.file))]
    Absent {
        /// The file that is missing.
        file: PathBuf,
        /// The epoch, from 0.
        epoch: u32,
        /// Epochs that are needed.
        needed: u32,
    },
    /// The labels are of something else than what is trained.
    #[error("{}: these labels don't fit: {}; relabel, or train with what they were made for", shown(.folder), listed(.differences))]
    Unfit {
        /// The folder.
        folder: PathBuf,
        /// What the labels are of, not what is trained.
        differences: Vec<String>,
    },
    /// Labels that can't be stored.
    #[error("the labels of epoch {epoch} can't be stored: {why}")]
    Bad {
        /// The epoch.
        epoch: u32,
        /// What is wrong.
        why: String,
    },
}

impl LabelError {
    /// Whether there was no room.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Folder(error) if error.is_full())
    }
}

impl From<FileError> for LabelError {
    fn from(error: FileError) -> Self {
        Self::Folder(error.into())
    }
}

/// Bytes that the header's labels take on disk, all epochs and the header itself.
#[must_use]
pub fn size_of(header: &LabelsHeader) -> u64 {
    let about = header.text().map_or(0, |text| text.len() as u64);
    about + u64::from(header.epochs) * shard::size(header)
}

fn file_name(epoch: u32) -> String {
    format!("epoch-{epoch:05}.safetensors")
}

/// The epoch whose labels a file holds, by its name.
fn epoch_of(name: &OsStr) -> Option<u32> {
    let epoch = name.to_str()?.strip_prefix("epoch-")?.strip_suffix(".safetensors")?.parse().ok()?;
    (OsStr::new(&file_name(epoch)) == name).then_some(epoch)
}

/// The epochs that a folder holds, in order.
fn epochs_in(folder: &Path) -> Result<Vec<u32>, FileError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(FileError::at(folder, "list"))? {
        let entry = entry.map_err(FileError::at(folder, "list"))?;
        found.extend(epoch_of(&entry.file_name()));
    }
    found.sort_unstable();
    Ok(found)
}

/// A folder of labels, held for writing.
#[derive(Debug)]
pub struct LabelWriter {
    held: Held,
    header: LabelsHeader,
}

impl LabelWriter {
    /// Takes the folder `path`: a new or empty one, which gets its header now, or one with the same labels
    /// (equal [`LabelsHeader::fingerprint`]), which keeps its epochs and may get more.
    ///
    /// # Errors
    /// [`RecordError::Another`] names what differs; others: in use, holding other files, not writable, full.
    pub fn begin(path: &Path, header: &LabelsHeader) -> Result<Self, LabelError> {
        let (held, found) = Held::begin(path, header)?;
        let epochs = found.as_ref().map_or(header.epochs, |f| f.epochs.max(header.epochs));
        let header = LabelsHeader { epochs, ..header.clone() };
        if found.is_some_and(|f| f.epochs != epochs) {
            held.save(&header)?;
        }
        Ok(Self { held, header })
    }

    /// What to tell where the file system keeps no locks, so that nothing keeps another machine out; once.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        self.held.warning()
    }

    /// The header as it is in the folder.
    #[must_use]
    pub fn header(&self) -> &LabelsHeader {
        &self.header
    }

    /// Epochs that are there already.
    ///
    /// # Errors
    /// [`LabelError::Folder`] where the folder can't be listed.
    pub fn done(&self) -> Result<Vec<u32>, LabelError> {
        Ok(epochs_in(&self.held.folder)?)
    }

    /// Writes the batches of an epoch, whole or not at all; `false` where the epoch was there already and stays.
    ///
    /// # Errors
    /// [`LabelError::Bad`] where they contradict the header; [`LabelError::Folder`] where the disk is full or fails.
    pub fn write(&self, epoch: u32, batches: &[BatchLabels]) -> Result<bool, LabelError> {
        let file = self.held.folder.join(file_name(epoch));
        if file.symlink_metadata().is_ok() {
            return Ok(false);
        }
        let bytes = shard::write(&self.header, epoch, batches).map_err(|why| LabelError::Bad { epoch, why })?;
        // Nobody else writes here: the folder is held.
        replace(&file, &bytes)?;
        Ok(true)
    }
}

/// What a training needs of stored labels.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Fingerprint of the distilled images.
    pub data: &'a str,
    /// Their names, in the order of the training's indexes.
    pub images: &'a [String],
    /// Names of the classes in the order of the student's outputs.
    pub classes: &'a [String],
    /// Side of the student's input.
    pub side: u32,
    /// Normalisation of the student's input.
    pub normalise: crate::core::data::normalise::MeanStd,
    /// Images per batch.
    pub batch: u32,
    /// What the recipe does to images.
    pub augmentation: Augmentation,
    /// Epochs.
    pub epochs: u32,
    /// Fingerprint of the observer, where one is given beside the labels.
    pub observer: Option<&'a str>,
}

/// A folder of labels, open for reading.
#[derive(Clone, Debug)]
pub struct LabelReader {
    folder: PathBuf,
    header: LabelsHeader,
}

impl LabelReader {
    /// Opens a folder, also while it is written.
    ///
    /// # Errors
    /// [`RecordError::Missing`] where it holds no labels; others: the header can't be read.
    pub fn open(folder: &Path) -> Result<Self, LabelError> {
        Ok(Self { folder: folder.to_owned(), header: record::read(folder)? })
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the labels are.
    #[must_use]
    pub fn header(&self) -> &LabelsHeader {
        &self.header
    }

    /// Epochs that are there, in order.
    ///
    /// # Errors
    /// [`LabelError::Folder`] where the folder can't be listed.
    pub fn epochs(&self) -> Result<Vec<u32>, LabelError> {
        Ok(epochs_in(&self.folder)?)
    }

    /// Checks that the labels are those of a training, and that all its epochs are there.
    ///
    /// # Errors
    /// [`LabelError::Unfit`] names everything that differs; [`LabelError::Absent`] the first epoch that is not there.
    pub fn check(&self, wanted: &Wanted<'_>) -> Result<(), LabelError> {
        let h = &self.header;
        let here = LabelsHeader { seed: 0, precision: crate::core::train::label_set::Precision::Full, ..h.clone() };
        let mut there = here.clone();
        there.data.fingerprint = wanted.data.to_owned();
        there.images = wanted.images.to_vec();
        there.classes = wanted.classes.to_vec();
        (there.side, there.batch) = (wanted.side, wanted.batch);
        (there.normalise, there.augmentation) = (wanted.normalise, wanted.augmentation);
        if let Some(observer) = wanted.observer {
            there.observer.source.fingerprint = observer.to_owned();
        }
        let differences = record::differences(&here.identity(), &there.identity());
        if !differences.is_empty() {
            return Err(LabelError::Unfit { folder: self.folder.clone(), differences });
        }
        let found = self.epochs()?;
        match (0..wanted.epochs).find(|epoch| found.binary_search(epoch).is_err()) {
            Some(epoch) => Err(self.absent(epoch, wanted.epochs)),
            None => Ok(()),
        }
    }

    fn absent(&self, epoch: u32, needed: u32) -> LabelError {
        LabelError::Absent { file: self.folder.join(file_name(epoch)), epoch, needed }
    }

    /// The batches of an epoch.
    ///
    /// # Errors
    /// [`LabelError::Absent`], [`LabelError::Damaged`]; [`LabelError::Folder`] where the file can't be read.
    pub fn epoch(&self, epoch: u32) -> Result<Vec<BatchLabels>, LabelError> {
        let file = self.folder.join(file_name(epoch));
        let bytes = match fs::read(&file) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == ErrorKind::NotFound => return Err(self.absent(epoch, self.header.epochs)),
            Err(e) => return Err(FileError::at(&file, "read")(e).into()),
        };
        shard::read(&self.header, epoch, &bytes).map_err(|why| LabelError::Damaged { file, why })
    }
}

#[cfg(test)]
pub(super) mod tests;
