//! A distilled dataset as RDED lays it out: `00000/class00000_id00000.png`, with `classes.json` and `manifest.json`; or
//! several of them in folders of their own, listed in [`SIZES_FILE`].

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::super::files::shown;
use super::super::float_images::{FILE, FloatImages};
use super::floats::{FloatHeader, FloatWriter};
use super::folder::{FolderError, NewFolder};
use crate::core::distil::manifest::Manifest;
use crate::core::distil::recipe::OutputFormat;

pub(super) mod layout;

/// Lists the datasets of several sizes in one output folder.
pub const SIZES_FILE: &str = "sizes.json";

/// Why a distilled dataset could not be written.
#[derive(Debug, thiserror::Error)]
pub enum RdedError {
    /// The folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The manifest and the written files differ: an error of the program, caught before it reaches a user's data.
    #[error("the manifest does not fit the files: {why}; the files stay in {}", shown(.partial))]
    Incomplete {
        /// The first difference.
        why: String,
        /// The unfinished folder.
        partial: PathBuf,
    },
}

impl RdedError {
    /// Whether the disk is full.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Folder(error) if error.is_full())
    }
}

/// What a written dataset says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct SetManifest {
    /// Its folder within the output folder; `None`: the output folder itself.
    pub folder: Option<String>,
    /// Its manifest.
    pub manifest: Manifest,
}

impl SetManifest {
    /// Whether its images are kept as floats.
    fn keeps_floats(&self) -> bool {
        self.manifest.recipe.format == OutputFormat::Float
    }

    /// A file of this dataset, below the output folder.
    fn file(&self, name: &str) -> String {
        within(self.folder.as_deref(), name)
    }
}

/// Distilled datasets that are being written; [`RdedFolder::finish`] gives their folder its name.
#[derive(Debug)]
pub struct RdedFolder {
    folder: NewFolder,
}

impl RdedFolder {
    /// Reserves a folder beside `out`, see [`NewFolder::begin`].
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn begin(out: &Path) -> Result<Self, FolderError> {
        Ok(Self { folder: NewFolder::begin(out)? })
    }

    /// Unfinished folders of other runs, see [`NewFolder::leftovers`].
    #[must_use]
    pub fn leftovers(&self) -> &[PathBuf] {
        self.folder.leftovers()
    }

    /// Writes one distilled image, encoded, as `file` of the dataset in the folder `set`
    /// ([`SetManifest::folder`], [`crate::core::distil::manifest::image_file`]). May be called from several threads.
    ///
    /// # Errors
    /// [`FolderError::Write`] where the disk is full or fails, or where this image has been written before.
    pub fn put_image(&self, set: Option<&str>, file: &str, bytes: &[u8]) -> Result<(), FolderError> {
        self.folder.put(&within(set, file), bytes)
    }

    /// Begins the file of floats of the dataset in the folder `set`, for images of a recipe that keeps them
    /// ([`OutputFormat::Float`]).
    ///
    /// # Errors
    /// [`FolderError::Write`], as of [`Self::put_image`].
    pub fn floats(&self, set: Option<&str>, header: FloatHeader) -> Result<FloatWriter<'_>, FolderError> {
        FloatWriter::begin(&self.folder, within(set, FILE), header)
    }

    /// Writes `classes.json` and `manifest.json` of each dataset, and [`SIZES_FILE`] where they have folders of their own;
    /// then syncs everything and gives the output folder its name.
    ///
    /// # Errors
    /// [`RdedError::Incomplete`] where a manifest contradicts itself or names other files than were written;
    /// [`FolderError`]. The unfinished folder stays.
    pub fn finish(self, sets: &[SetManifest]) -> Result<PathBuf, RdedError> {
        sets.iter().try_for_each(|set| set.manifest.validate()).map_err(|e| self.incomplete(e.to_string()))?;
        self.check_complete(sets)?;
        let mut sizes = Vec::new();
        for set in sets {
            let SetManifest { folder, manifest } = set;
            self.put_json(&set.file("classes.json"), &manifest.class_entries())?;
            let text = manifest.to_json().map_err(|e| self.incomplete(e.to_string()))?;
            self.folder.put(&set.file("manifest.json"), &text)?;
            let (ipc, nested_in) = (manifest.recipe.ipc, manifest.nested_in);
            sizes.extend(folder.as_ref().map(|f| serde_json::json!({"folder": f, "ipc": ipc, "nested_in": nested_in})));
        }
        if !sizes.is_empty() {
            self.put_json(SIZES_FILE, &sizes)?;
        }
        Ok(self.folder.publish()?)
    }

    fn put_json(&self, name: &str, value: &impl serde::Serialize) -> Result<(), RdedError> {
        let mut text = serde_json::to_vec_pretty(value).map_err(|e| self.incomplete(e.to_string()))?;
        text.push(b'\n');
        Ok(self.folder.put(name, &text)?)
    }

    fn incomplete(&self, why: String) -> RdedError {
        RdedError::Incomplete { why, partial: self.folder.partial().to_owned() }
    }

    fn check_complete(&self, sets: &[SetManifest]) -> Result<(), RdedError> {
        let files = |set: &SetManifest| -> Vec<String> {
            let images = set.manifest.classes.iter().flat_map(|c| &c.images).map(|image| set.file(&image.file));
            images.chain(set.keeps_floats().then(|| set.file(FILE))).collect()
        };
        let named: BTreeSet<String> = sets.iter().flat_map(files).collect();
        let written = self.folder.files();
        if let Some(missing) = named.difference(&written).next() {
            return Err(self.incomplete(format!("'{missing}' was not written")));
        }
        if let Some(extra) = written.difference(&named).next() {
            return Err(self.incomplete(format!("'{extra}' is not in the manifest")));
        }
        sets.iter().filter(|set| set.keeps_floats()).try_for_each(|set| self.check_rows(set))
    }

    /// The rows of a dataset's floats are the images of its manifest.
    fn check_rows(&self, set: &SetManifest) -> Result<(), RdedError> {
        let floats = FloatImages::open(&self.folder.partial().join(set.file(FILE)));
        let floats = floats.map_err(|e| self.incomplete(e.to_string()))?;
        let images =
            set.manifest.classes.iter().flat_map(|c| c.images.iter().map(|image| (image.file.as_str(), c.index)));
        if let Some(floats) = &floats
            && images.eq(floats.names().iter().map(String::as_str).zip(floats.labels().iter().copied()))
        {
            return Ok(());
        }
        Err(self.incomplete(format!("the rows of '{}' are other images", set.file(FILE))))
    }
}

/// A file's name below the output folder.
fn within(folder: Option<&str>, file: &str) -> String {
    folder.map_or_else(|| file.to_owned(), |folder| format!("{folder}/{file}"))
}

#[cfg(test)]
mod tests;
