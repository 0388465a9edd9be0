//! A set, or what it was made of, in the format of another program: looked at, written, read back, and only then given
//! its name.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::core::data::dataset::{Dataset, ImageId, Split};
use crate::core::data::folders::Folders;
use crate::core::data::normalise::MeanStd;
use crate::core::distil::set::SetError;
use crate::core::progress::{Cancelled, Progress};
use crate::store::export::content::{Content, Difference, Export, ExportError, Writer};
use crate::store::export::folder::{FolderError, NewFolder};
use crate::store::export::room;
use crate::store::export::rounding::Rounding;
use crate::store::files::{lies_within, shown};
use crate::store::import::ImportError;

use super::command_line::{folders_flag, shell_quoted};
use super::folder_set::FolderSet;
use super::open;

mod accuracy;
mod measure;
mod picked;
mod pictures;
mod set;
mod sources;

use pictures::Files;

pub use crate::store::export::content::Size;
pub use crate::store::export::format::Format;
pub use accuracy::{Accuracies, accuracies};
pub use measure::{Measure, Place, measure, place};

/// What is exported.
#[derive(Clone, Debug)]
pub enum Material {
    /// The images of a set.
    Set {
        /// Its folder: a distilled set, or any dataset.
        folder: PathBuf,
        /// What the folders in it are.
        folders: Folders,
    },
    /// The images that a distilled set was made of, for [`Format::Sources`].
    Sources {
        /// The set's folder.
        set: PathBuf,
        /// The dataset that it was made from.
        data: PathBuf,
        /// What the folders in both are.
        folders: Folders,
    },
    /// Images that were picked from an open dataset, for [`Format::Sources`].
    Picked {
        /// The dataset.
        dataset: Arc<Dataset>,
        /// Its images, in any order.
        images: Vec<ImageId>,
    },
}

impl Material {
    /// The folders that are read.
    fn folders(&self) -> Vec<&Path> {
        match self {
            Self::Set { folder, .. } => vec![folder],
            Self::Sources { set, data, .. } => vec![set, data],
            Self::Picked { dataset, .. } => vec![dataset.root()],
        }
    }
}

/// What is exported, and where to.
#[derive(Clone, Debug)]
pub struct ExportRequest {
    /// The images.
    pub material: Material,
    /// The format.
    pub format: Format,
    /// The output folder.
    pub out: PathBuf,
    /// Another normalisation than the format's own.
    pub mean_std: Option<MeanStd>,
}

impl ExportRequest {
    /// The call of the command line that does the same; none for images that were picked.
    #[must_use]
    pub fn command(&self) -> Option<String> {
        let quoted = |path: &Path| shell_quoted(&path.to_string_lossy());
        let (set, data, folders) = match &self.material {
            Material::Set { folder, folders } => (folder, None, *folders),
            Material::Sources { set, data, folders } => (set, Some(data), *folders),
            Material::Picked { .. } => return None,
        };
        let mut line = format!("stillroom export --set {} --format {}", quoted(set), self.format);
        line.extend(data.map(|data| format!(" --data {}", quoted(data))));
        line.extend(self.mean_std.map(|set| format!(" --mean-std {}", set.describe())));
        line.push_str(&folders_flag(folders));
        line.push_str(&format!(" --out {}", quoted(&self.out)));
        Some(line)
    }
}

/// Figures of a finished export.
#[derive(Clone, Debug)]
pub struct ExportReport {
    /// The format.
    pub format: Format,
    /// Images.
    pub images: usize,
    /// The output folder.
    pub out: PathBuf,
    /// Files.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Whether the set's pixels can be had again.
    pub lossless: bool,
    /// How far they are from the set's.
    pub difference: Difference,
}

/// Why nothing was exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportJobError {
    /// The set or the dataset.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The rest.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// There is not so much room.
    #[error("{}: {needed} bytes are needed, and {free} are free there; free some space or give another place", shown(.out))]
    NoRoom {
        /// The output folder.
        out: PathBuf,
        /// Bytes that are needed.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
}

impl From<FolderError> for ExportJobError {
    fn from(error: FolderError) -> Self {
        Self::Export(error.into())
    }
}

impl From<SetError> for ExportJobError {
    fn from(error: SetError) -> Self {
        Self::Export(error.into())
    }
}

impl From<Cancelled> for ExportJobError {
    fn from(cancelled: Cancelled) -> Self {
        Self::Export(cancelled.into())
    }
}

impl ExportJobError {
    fn refused(why: impl Into<String>) -> Self {
        Self::Export(ExportError::Refused(why.into()))
    }
}

/// An export of which everything is known and nothing written.
pub struct Prepared {
    format: Format,
    out: PathBuf,
    content: Content,
    pictures: Files,
    layout: Box<dyn Writer>,
}

impl Prepared {
    /// Opens the set and looks at each of its images once.
    ///
    /// # Errors
    /// [`ExportJobError`]: the set is damaged or incomplete, the format can't hold it, the output is taken.
    pub fn new(request: &ExportRequest, progress: &mut dyn Progress) -> Result<Self, ExportJobError> {
        let ExportRequest { material, format, out, mean_std } = request;
        is_free(out, material)?;
        let (content, pictures) = look(material, *format, progress)?;
        let layout = format.layout(&content, *mean_std)?;
        notes(*format, &content, &*layout).into_iter().for_each(|note| progress.warn(note));
        Ok(Self { format: *format, out: out.clone(), content, pictures, layout })
    }

    /// Images.
    #[must_use]
    pub fn images(&self) -> usize {
        self.content.pictures.len()
    }

    /// What it will take on the disk.
    #[must_use]
    pub fn size(&self) -> Size {
        self.layout.size(&self.content)
    }

    /// Whether the set's pixels can be had again.
    #[must_use]
    pub fn lossless(&self) -> bool {
        lossless(self.format, &self.content, &*self.layout)
    }

    /// What becomes of the values of a set that keeps floats, where the format has 8 bits.
    #[must_use]
    pub fn rounding(&self) -> Option<Rounding> {
        rounding(self.format, &self.content)
    }

    /// The dataset whose images are exported.
    #[must_use]
    pub fn dataset(&self) -> &Arc<Dataset> {
        &self.pictures.dataset
    }

    /// What is special to the format.
    #[must_use]
    pub fn about(&self) -> serde_json::Map<String, serde_json::Value> {
        self.layout.about()
    }

    /// The format.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// Writes the export, reads it back and gives it its name.
    ///
    /// # Errors
    /// [`ExportJobError`]. Nothing is left behind, except where a file could not be written: the message then names what
    /// is.
    pub fn run(&self, progress: &mut dyn Progress) -> Result<ExportReport, ExportJobError> {
        let needed = self.size().on_disk();
        if let Some(free) = room::free(&self.out).filter(|free| *free < needed) {
            return Err(ExportJobError::NoRoom { out: self.out.clone(), needed, free });
        }
        let folder = NewFolder::begin(&self.out)?;
        for left in folder.leftovers() {
            progress.warn(format!("{} was left by an earlier run that did not finish; it is not touched", shown(left)));
        }
        match self.fill(&folder, progress) {
            Ok((bytes, difference)) => {
                let files = folder.files().len();
                let lossless = self.lossless() && difference.greatest == 0;
                let (format, images, out) = (self.format, self.images(), folder.publish()?);
                Ok(ExportReport { format, images, out, files, bytes, lossless, difference })
            }
            Err(error @ ExportError::Folder(_)) => Err(error.into()),
            Err(error) => {
                folder.discard()?;
                Err(error.into())
            }
        }
    }

    /// Writes and compares; gives the bytes of all files.
    fn fill(&self, folder: &NewFolder, progress: &mut dyn Progress) -> Result<(u64, Difference), ExportError> {
        let mut export = Export { content: &self.content, pictures: &self.pictures, folder, progress };
        self.layout.write(&mut export)?;
        let difference = self.layout.compare(&mut export)?;
        let size = |name: &String| std::fs::metadata(folder.partial().join(name)).map_or(0, |about| about.len());
        Ok((folder.files().iter().map(size).sum(), difference))
    }
}

/// What becomes of floats in the format; `None` where it keeps them, and where there are none.
fn rounding(format: Format, content: &Content) -> Option<Rounding> {
    content.rounding.filter(|_| !format.keeps_floats())
}

/// Whether the set's values can be had again.
fn lossless(format: Format, content: &Content, layout: &dyn Writer) -> bool {
    layout.lossless() && rounding(format, content).is_none()
}

/// What the user should know beforehand.
fn notes(format: Format, content: &Content, layout: &dyn Writer) -> Vec<String> {
    layout.notes().into_iter().chain(rounding(format, content).map(|rounding| rounding.note())).collect()
}

/// Opens what is exported, and looks at each image once.
fn look(material: &Material, format: Format, progress: &mut dyn Progress) -> Result<(Content, Files), ExportJobError> {
    let takes = format.takes();
    match (material, format) {
        (Material::Sources { set, data, folders }, Format::Sources) => {
            sources::look(&opened(set, *folders, progress)?, (data, *folders), takes, progress)
        }
        (Material::Picked { dataset, images }, Format::Sources) => picked::look(dataset, images, takes, progress),
        (Material::Set { folder, folders }, format) if format != Format::Sources => {
            set::look(&opened(folder, *folders, progress)?, takes, progress)
        }
        (Material::Set { .. }, _) => {
            let why = "the manifest doesn't say where the dataset lies: give its folder with --data";
            Err(ExportJobError::refused(why))
        }
        (_, format) => {
            let why = format!("source images are exported as {}, not as {format}", Format::Sources);
            Err(ExportJobError::refused(why))
        }
    }
}

/// A set whose manifest can be read, if there is one.
fn opened(folder: &Path, folders: Folders, progress: &mut dyn Progress) -> Result<FolderSet, ExportJobError> {
    let imported = open::dataset(folder, Split::Train, folders)?;
    imported.notes.into_iter().for_each(|note| progress.warn(note));
    let set = FolderSet::of(imported.dataset);
    match set.damage() {
        Some(damage) => Err(ExportJobError::refused(damage)),
        None => Ok(set),
    }
}

/// Whether the output can be made: nothing is there, and it lies in none of the folders that are read.
fn is_free(out: &Path, material: &Material) -> Result<(), ExportJobError> {
    NewFolder::is_free(out)?;
    material.folders().into_iter().try_for_each(|read| outside(out, read))
}

/// An output within the folder that is read would become a class of it.
fn outside(out: &Path, read: &Path) -> Result<(), ExportJobError> {
    if lies_within(out, read) {
        let (out, read) = (shown(out), shown(read));
        return Err(ExportJobError::refused(format!("{out} lies in {read}, which is read: give a folder elsewhere")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
