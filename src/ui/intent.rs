//! What panels may ask for. It names no panel's code and no part of the model, so that whoever shows, asks or carries out
//! can read it.

use std::path::PathBuf;

use super::actions::Action;
use crate::core::distil::set::Address;
use crate::core::workspace::Command;
use crate::jobs::export::ExportRequest;
use crate::jobs::open::{DatasetRequest, ObserverRequest};
use crate::jobs::report::ReportRequest;
use crate::jobs::train::TrainRequest;
use crate::store::presets::OwnPreset;
use crate::store::project::RunRow;

/// What a panel asks for.
#[derive(Clone, Debug)]
pub enum Intent {
    /// Carry out a command of the table.
    Do(Action),
    /// Change the workspace.
    Edit(Command),
    /// Open a dataset.
    OpenDataset(DatasetRequest),
    /// Open the weight file of a further observer anew.
    OpenBesideAgain(PathBuf),
    /// Load an observer.
    OpenObserver(ObserverRequest),
    /// Open a file dialog.
    Browse(Purpose),
    /// Put a text on the clipboard; the second says what it is, for the log.
    Copy(String, &'static str),
    /// Train.
    Train(Box<TrainRequest>),
    /// Show, hide or select trainings.
    Trainings(TrainingsChange),
    /// List the trainings in this folder, too.
    OpenTrainings(PathBuf),
    /// Bring a panel forward; one that was closed is there again.
    Show(Panel),
    /// Take a preset for the next training, by name.
    TrainPreset(String),
    /// Save, import, export or put aside presets of the user's own.
    Presets(PresetChange),
    /// Ask where to save a plot or a table.
    Save(Saving),
    /// Save what was asked about last into this file, which must be new.
    Write(PathBuf),
    /// Save this project and work on the one in this folder.
    OpenProject(PathBuf),
    /// Select a run.
    SelectRun(RunRow),
    /// Look for what has gone, or go on without it.
    Relocate(Relocate),
    /// Write images as other programs read them.
    ExportSet(Box<ExportRequest>),
    /// Write a page about a set.
    Report(Box<ReportRequest>),
    /// Look at the size of the export that the panel asks for, or stop looking.
    MeasureExport(bool),
    /// Show the batch that is moved, or the set that was written.
    ShowMoved(MovedOf),
    /// Show the written set in this folder, whose pixels a method has moved.
    OpenMoved(PathBuf),
    /// Look closely at an image whose pixels are moved.
    LookAt(Address),
    /// Change what is compared.
    Compare(CompareChange),
    /// The arrow keys belong to this panel from now on.
    Activate(Panel),
}

/// A change of which sets are compared, and by which of their images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompareChange {
    /// Put the set in a folder beside the others.
    Add(PathBuf),
    /// Take it out.
    Leave(PathBuf),
    /// Show the images with this number, from 0.
    LookAt(u32),
}

/// What images whose pixels are moved are shown of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MovedOf {
    /// The batch that is under way, or was last.
    #[default]
    Batch,
    /// The set that was written.
    Set,
}

/// What becomes of things that are no longer where they were; numbers are places in the list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Relocate {
    /// Look whether it is at this path.
    Look(usize, PathBuf),
    /// Open what was found.
    Open,
    /// Open the rest.
    Without,
}

/// A change of the user's own presets.
#[derive(Clone, Debug, PartialEq)]
pub enum PresetChange {
    /// Keep one.
    Save {
        /// The preset.
        preset: Box<OwnPreset>,
        /// Whether it may take the place of another one of its name, which is put aside.
        replace: bool,
    },
    /// Keep the one in a file, under the file's name.
    Import(PathBuf),
    /// Write one to a new file.
    Export {
        /// Its name.
        name: String,
        /// The file.
        path: PathBuf,
    },
    /// Take one out of the list; its file stays under another name.
    PutAside(String),
}

/// A plot or a table as a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saving {
    /// What it is, in words that follow "Save".
    pub what: &'static str,
    /// The file name that is suggested.
    pub name: String,
    /// The file's text.
    pub text: String,
}

/// What a dialog was opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A dataset's folder.
    Dataset,
    /// A weight file.
    Observer,
    /// A weight file of an observer that moves pixels beside the loaded one.
    Beside,
    /// A class map's file.
    ClassMap,
    /// The folder in which the output folder is made.
    Output,
    /// A file or folder of a training's form.
    Training(TrainPath),
    /// A folder with trainings.
    Trainings,
    /// The folder of a set that is compared.
    Compared,
    /// The file that a preset is read from.
    ImportPreset,
    /// The file that a preset is written to.
    ExportPreset,
    /// The file that a plot or a table is saved to.
    Save,
    /// A project's folder.
    Project,
    /// Where something is that has gone: a folder or a file, and its place in the list.
    Lost {
        /// Whether it is a folder.
        folder: bool,
        /// Its place in the list.
        at: usize,
    },
    /// A folder of an export.
    Export(ExportPath),
}

/// A folder of the panel of exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportPath {
    /// The set.
    Set,
    /// The dataset that it was made from.
    Data,
    /// The folder in which the new one is made.
    Out,
}

/// A path of the form of a training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TrainPath {
    /// The images it learns from.
    Data,
    /// The images it is evaluated on.
    Evaluation,
    /// The observer.
    Observer,
    /// Its class map.
    ClassMap,
    /// Stored labels.
    Labels,
    /// Weights that an observer begins with.
    Initial,
}

/// A change of which trainings are shown or selected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrainingsChange {
    /// Select a training, or none.
    Select(Option<PathBuf>),
    /// Show its curves, or hide them.
    Show(PathBuf, bool),
    /// Show its curves alone.
    ShowOnly(PathBuf),
    /// Show all curves, or none.
    ShowAll(bool),
}

/// A dockable panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Panel {
    /// Classes, samples, broken files.
    Dataset,
    /// The trained network.
    Observer,
    /// Which output is which class: confusions, and the order of the classes.
    Classes,
    /// Images whose labels are probably wrong.
    Suspects,
    /// Parameters and the run buttons.
    Recipe,
    /// Ranked key patches and their provenance.
    Patches,
    /// How losses and margins are spread; a range of them filters every panel.
    Scores,
    /// The selected patch's whole image.
    Source,
    /// Stitched images.
    Distilled,
    /// Images whose pixels are moved, as they change.
    Refine,
    /// Writing a set as other programs read it.
    Export,
    /// Students and observers: curves, table, form.
    Training,
    /// Distilled sets side by side.
    Compare,
    /// What was distilled when, with which recipe, where to.
    Runs,
    /// The steps that undo takes back.
    History,
    /// What happened.
    Log,
}

impl Panel {
    /// All panels, in the order in which they are used.
    pub const ALL: [Self; 16] = [
        Self::Dataset,
        Self::Observer,
        Self::Classes,
        Self::Suspects,
        Self::Recipe,
        Self::Patches,
        Self::Scores,
        Self::Source,
        Self::Distilled,
        Self::Refine,
        Self::Export,
        Self::Training,
        Self::Compare,
        Self::Runs,
        Self::History,
        Self::Log,
    ];

    /// What its tab says.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Dataset => "Dataset",
            Self::Observer => "Observer",
            Self::Classes => "Class order",
            Self::Suspects => "Suspects",
            Self::Recipe => "Recipe",
            Self::Patches => "Patches",
            Self::Scores => "Scores",
            Self::Source => "Source",
            Self::Distilled => "Distilled",
            Self::Refine => "Refine",
            Self::Export => "Export",
            Self::Training => "Training",
            Self::Compare => "Compare",
            Self::Runs => "Runs",
            Self::History => "History",
            Self::Log => "Log",
        }
    }

    /// What it shows, in one sentence.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::Dataset => "Classes, counts, sample images and broken files",
            Self::Observer => "The trained network, its load report and the check",
            Self::Classes => "Which output is which class: confusions, and the order of the classes",
            Self::Suspects => "Images whose labels are probably wrong, the most suspicious first",
            Self::Recipe => "Parameters, presets, and the buttons that score and distil",
            Self::Patches => "Ranked key patches, and where the selected one comes from",
            Self::Scores => "How losses and margins are spread; a range of them filters every panel",
            Self::Source => "The selected patch's whole image",
            Self::Distilled => "The stitched images per class",
            Self::Refine => "Images whose pixels are moved: live, before and after, with their loss",
            Self::Export => "Writes a set as other programs read it",
            Self::Training => "Students and observers: curves, table and form",
            Self::Compare => "Distilled sets side by side: images, students, and the parameters that differ",
            Self::Runs => "What was distilled when, with which recipe, where to",
            Self::History => "The steps that undo takes back",
            Self::Log => "Everything that happened",
        }
    }
}
