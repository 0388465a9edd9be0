//! Datasets as a job needs them: the images to learn from, or those to judge by.

use std::path::{Path, PathBuf};

use crate::core::data::dataset::{Dataset, Split};
use crate::core::data::folders::Folders;
use crate::core::data::holdout::Holdout;
use crate::core::data::names::composed;
use crate::jobs::folder_set;
use crate::store::files::shown;
use crate::store::import::{self, ImportError, Imported};

/// What the user says of a dataset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatasetRequest {
    /// Its folder.
    pub path: PathBuf,
    /// `--folders`: what the folders in it are.
    pub folders: Folders,
    /// `--holdout`: what is held out of it.
    pub holdout: Option<Holdout>,
}

/// Why a part of a dataset can't be had.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The folder.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// There are test images already.
    #[error("{}: it has a test split already: hold nothing else out of it, and leave --holdout away", shown(.0))]
    TestSplit(PathBuf),
    /// No class has two images.
    #[error("{}: no class has two images, one of which could be held out: leave --holdout away", shown(.0))]
    Nothing(PathBuf),
}

impl DatasetRequest {
    /// All of a folder.
    #[must_use]
    pub fn whole(path: &Path) -> Self {
        Self { path: path.to_owned(), ..Self::default() }
    }

    /// The images to learn from: the training split, without what is held out. A distilled set is whole: images were held
    /// out when it was made.
    ///
    /// # Errors
    /// [`DataError`].
    pub fn training(&self) -> Result<Imported, DataError> {
        let mut imported = dataset(&self.path, Split::Train, self.folders)?;
        let Some(holdout) = self.holdout else { return Ok(imported) };
        if let Ok(Some(set)) = folder_set::manifest(&imported.dataset) {
            if set.dataset.holdout != Some(holdout) {
                let made = set.dataset.holdout.map_or_else(|| "without".to_owned(), |other| format!("with {other}"));
                imported.notes.push(format!("--holdout {holdout}: the set was distilled {made}, and stays as it is"));
            }
            return Ok(imported);
        }
        Ok(self.divided(&imported, holdout)?.0)
    }

    /// The images that accuracies are measured on: the test split or what is held out; the training split with a note
    /// where there is neither.
    ///
    /// # Errors
    /// [`DataError`].
    pub fn evaluation(&self) -> Result<Imported, DataError> {
        if let Some(holdout) = self.holdout {
            return Ok(self.divided(&dataset(&self.path, Split::Train, self.folders)?, holdout)?.1);
        }
        match dataset(&self.path, Split::Test, self.folders) {
            Err(ImportError::NoSplit { .. }) => {
                let mut imported = dataset(&self.path, Split::Train, self.folders)?;
                imported.notes.push(NO_TEST_SPLIT.to_owned());
                Ok(imported)
            }
            other => Ok(other?),
        }
    }

    /// The held-out images of the same classes, if there are any: checks and class maps go by class position.
    #[must_use]
    pub fn held_out(&self, train: &Dataset) -> Option<Dataset> {
        let test = match self.holdout {
            Some(_) => self.evaluation().ok()?.dataset,
            None => dataset(&self.path, Split::Test, self.folders).ok()?.dataset,
        };
        (test.split() == Split::Test).then(|| of_same_classes(test, train)).flatten()
    }

    /// What is left to learn from, and what is held out.
    fn divided(&self, whole: &Imported, holdout: Holdout) -> Result<(Imported, Imported), DataError> {
        if whole.other_splits.contains(&Split::Test) || whole.dataset.split() == Split::Test {
            return Err(DataError::TestSplit(self.path.clone()));
        }
        let (rest, held_out) = whole.dataset.divided(holdout);
        if held_out.image_count() == 0 {
            return Err(DataError::Nothing(self.path.clone()));
        }
        let words = format!(
            "{} of {} images are held out (--holdout {holdout})",
            held_out.image_count(),
            whole.dataset.image_count()
        );
        let notes = || whole.notes.iter().cloned().chain([words.clone()]).collect();
        let part = |dataset| Imported { dataset, notes: notes(), other_splits: whole.other_splits.clone() };
        Ok((part(rest), part(held_out)))
    }
}

/// Held-out images, if they are of the same classes in the same order; a folder without images is no obstacle.
pub(in crate::jobs) fn of_same_classes(held_out: Dataset, train: &Dataset) -> Option<Dataset> {
    let names = |data: &Dataset| data.classes().iter().map(|c| composed(&c.name).into_owned()).collect::<Vec<_>>();
    if names(&held_out) == names(train) {
        return Some(held_out);
    }
    held_out.without_empty().filter(|rest| names(rest) == names(train))
}

/// What is said where accuracies come from images that were learnt from.
pub(in crate::jobs) const NO_TEST_SPLIT: &str =
    "there is no test split: the training images are used; --holdout 0.1 keeps a tenth of them for this alone";

/// Opens a dataset's folder, whose folders are what the user says.
///
/// # Errors
/// [`ImportError`].
pub fn dataset(path: &Path, want: Split, folders: Folders) -> Result<Imported, ImportError> {
    import::open_as(path, want, folders)
}
