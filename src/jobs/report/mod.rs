//! A report on a distilled set: one HTML page, and its tables and charts as files of their own.

use std::path::{Path, PathBuf};

use crate::core::data::dataset::Split;
use crate::core::data::folders::Folders;
use crate::core::distil::manifest::{ImageNote, Manifest, Program};
use crate::core::progress::{Cancelled, Progress};
use crate::core::report::{Report, Training, html};
use crate::store::export::content::some;
use crate::store::export::folder::{FolderError, NewFolder};
use crate::store::export::room;
use crate::store::files::{FileError, NewFile, Written, lies_within, shown};
use crate::store::import::ImportError;
use crate::store::training::TrainingError;

use super::command_line::{self, shell_quoted};
use super::export::Place;
use super::folder_set::FolderSet;
use super::open;

mod pictures;
mod tables;
mod trainings;

use trainings::Found;

/// What is reported, and where to.
#[derive(Clone, Debug)]
pub struct ReportRequest {
    /// The set's folder.
    pub set: PathBuf,
    /// What the folders in it are.
    pub folders: Folders,
    /// Folders of trainings, or folders above them.
    pub trainings: Vec<PathBuf>,
    /// The page.
    pub out: PathBuf,
    /// A new folder for the tables as CSV and the charts as SVG.
    pub tables: Option<PathBuf>,
    /// Bytes that images may take on the page, with what is said of them.
    pub budget: u64,
}

impl ReportRequest {
    /// Bytes of images that every browser takes, and most mails.
    pub const BUDGET: u64 = 40 << 20;

    /// The call of the command line that does the same.
    #[must_use]
    pub fn command(&self) -> String {
        let quoted = |path: &Path| shell_quoted(&path.to_string_lossy());
        let mut line = format!("stillroom report --set {}", quoted(&self.set));
        line.extend(self.trainings.iter().map(|folder| format!(" --training {}", quoted(folder))));
        line.extend(self.tables.iter().map(|folder| format!(" --tables {}", quoted(folder))));
        if self.budget != Self::BUDGET {
            line.push_str(&format!(" --max-mib {}", self.budget >> 20));
        }
        line.push_str(&command_line::folders_flag(self.folders));
        line.push_str(&format!(" --out {}", quoted(&self.out)));
        line
    }
}

/// Figures of a finished report.
#[derive(Clone, Debug)]
pub struct ReportDone {
    /// The page.
    pub out: PathBuf,
    /// Its bytes.
    pub bytes: usize,
    /// Images of the set.
    pub images: usize,
    /// Images on the page.
    pub shown: usize,
    /// Longest side of the pictures where they are thumbnails.
    pub thumbnails: Option<u32>,
    /// Trainings.
    pub trainings: usize,
    /// The folder of tables, and the files in it.
    pub tables: Option<(PathBuf, usize)>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The set.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The page's file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The folder of tables.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A training.
    #[error(transparent)]
    Training(#[from] TrainingError),
    /// There is something of this name.
    #[error("{}: exists already and is not overwritten; give another name", shown(.0))]
    Taken(PathBuf),
    /// A folder without trainings.
    #[error("{}: there is no training in or below this folder; give one that `stillroom train` wrote", shown(.0))]
    NoTraining(PathBuf),
    /// The set can't be reported.
    #[error("{0}")]
    Refused(String),
    /// It was cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// Writes the report. The page appears complete or not at all, and the folder of tables, too; nothing is overwritten.
///
/// # Errors
/// [`ReportError`]: an output is taken or can't be written, which is found before any work; the set or a training can't
/// be read; cancelled.
pub fn write(request: &ReportRequest, progress: &mut dyn Progress) -> Result<ReportDone, ReportError> {
    let file = begun(request)?;
    let imported = open::dataset(&request.set, Split::Train, request.folders)?;
    let mut notes = imported.notes;
    let set = FolderSet::of(imported.dataset);
    if let Some(damage) = set.damage() {
        return Err(ReportError::Refused(damage.to_owned()));
    }
    let found = trainings::found(&request.trainings, &mut notes)?;
    notes.extend(doubts(&set));
    notes.iter().for_each(|note| progress.warn(note.clone()));
    let images = pictures::shown(&set, request.budget, progress)?;
    let parts: Vec<Training> = found.iter().map(|found| trainings::part(found, &request.set)).collect();
    let command = set.manifest().map(command_line::distill);
    let report = Report {
        name: &name_of(&request.set),
        program: &Program::this(),
        manifest: set.manifest(),
        command: command.as_deref(),
        images: &images,
        trainings: &parts,
        notes: &notes,
    };
    let page = html(&report);
    progress.step("write", 0, 1)?;
    let tables = request.tables.as_deref().map(|out| written(out, set.manifest(), &found, &parts)).transpose()?;
    if file.finish(page.as_bytes())? != Written::New {
        return Err(ReportError::Taken(request.out.clone()));
    }
    progress.step("write", 1, 1)?;
    Ok(ReportDone {
        out: request.out.clone(),
        bytes: page.len(),
        images: images.count(),
        shown: images.shown(),
        thumbnails: images.thumbnails,
        trainings: parts.len(),
        tables,
    })
}

/// Looks where the page `out` will be; makes nothing.
#[must_use]
pub fn place(out: &Path) -> Place {
    let taken = out.symlink_metadata().is_ok().then(|| ReportError::Taken(out.to_owned()).to_string());
    Place { free: room::free(out), problem: taken }
}

/// Both outputs, found to be free and writable before any work.
fn begun(request: &ReportRequest) -> Result<NewFile, ReportError> {
    // A link that leads nowhere is a name that is taken, too.
    if request.out.symlink_metadata().is_ok() {
        return Err(ReportError::Taken(request.out.clone()));
    }
    if let Some(tables) = &request.tables {
        if lies_within(tables, &request.set) {
            let (tables, set) = (shown(tables), shown(&request.set));
            let why = format!("{tables} lies in {set}, where it would be taken for a class: give a folder elsewhere");
            return Err(ReportError::Refused(why));
        }
        NewFolder::check(tables)?;
    }
    Ok(NewFile::begin(&request.out)?)
}

/// What a reader of the report should know of the set.
fn doubts(set: &FolderSet) -> Vec<String> {
    let Some(manifest) = set.manifest() else {
        return vec!["there is no manifest.json: recipe, observer, scores and sources are not known".to_owned()];
    };
    let differences = set.differences();
    let named = |names: &[String]| some(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let mut doubts = Vec::new();
    if !differences.missing.is_empty() {
        doubts.push(format!("missing, though the manifest names them: {}", named(&differences.missing)));
    }
    if !differences.others.is_empty() {
        doubts.push(format!("in the set, though the manifest doesn't name them: {}", named(&differences.others)));
    }
    let broken: u64 = manifest.classes.iter().map(|class| u64::from(class.broken)).sum();
    if broken > 0 {
        doubts.push(format!("images of the subset that could not be decoded and were left out: {broken}"));
    }
    let short = manifest.classes.iter().filter(|class| class.images.len() < manifest.recipe.ipc as usize).count();
    if short > 0 {
        let ipc = manifest.recipe.ipc;
        doubts.push(format!("classes with fewer than {ipc} images, for lack of candidates: {short}"));
    }
    let unknown = manifest.classes.iter().flat_map(|class| &class.images).flat_map(ImageNote::cells);
    let unknown = unknown.filter(|cell| !cell.loss.is_finite()).count();
    if unknown > 0 {
        doubts.push(format!("patches whose loss is infinite or no number: {unknown}"));
    }
    doubts
}

/// A folder's own name, whatever its path is spelt like.
fn name_of(folder: &Path) -> String {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    whole.file_name().map_or_else(|| shown(&whole), |name| shown(Path::new(name)))
}

/// The folder of tables, whole, and how many files it has.
fn written(
    out: &Path,
    manifest: Option<&Manifest>,
    found: &[Found],
    parts: &[Training],
) -> Result<(PathBuf, usize), ReportError> {
    let folder = NewFolder::begin(out)?;
    let files = tables::files(manifest, found, parts);
    for (name, text) in &files {
        folder.put(name, text.as_bytes())?;
    }
    Ok((folder.publish()?, files.len()))
}

#[cfg(test)]
mod tests;
