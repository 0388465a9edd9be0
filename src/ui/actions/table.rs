//! The table of commands: menu, label, tooltip, keys.

use eframe::egui::{Key, KeyboardShortcut, Modifiers};

use super::{About, Action, Menu};

const NONE: Option<KeyboardShortcut> = None;

const fn plain(key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(Modifiers::NONE, key))
}

const fn shift(key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(Modifiers::SHIFT, key))
}

const fn ctrl(key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(Modifiers::COMMAND, key))
}

const fn ctrl_shift(key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(Modifiers { shift: true, ..Modifiers::COMMAND }, key))
}

/// A row of the table: command, menu, label, tooltip, keys.
const fn row(
    action: Action,
    menu: Menu,
    label: &'static str,
    tooltip: &'static str,
    shortcut: Option<KeyboardShortcut>,
) -> About {
    About { action, menu, label, tooltip, shortcut }
}

/// The table, in the order of the menus.
#[rustfmt::skip]
pub(super) const ROWS: &[About] = &[
    row(Action::OpenSample, Menu::File, "Open sample", "Open the built-in sample and its observer", NONE),
    row(Action::OpenDataset, Menu::File, "Open dataset…", "Choose the dataset's folder", ctrl(Key::O)),
    row(Action::OpenObserver, Menu::File, "Load observer…",
        "Choose a trained network's weight file", ctrl_shift(Key::O)),
    row(Action::NewSession, Menu::File, "New session",
        "Close dataset and observer and start with nothing; scores, runs and curation stay in the project", NONE),
    row(Action::OpenProject, Menu::File, "Open project…",
        "Save this project and open another one as it was left, or a new one", ctrl_shift(Key::P)),
    row(Action::ExportSet, Menu::File, "Export set…",
        "Write a distilled set, or the selected source images, as other programs read them", ctrl_shift(Key::X)),
    row(Action::Quit, Menu::File, "Quit", "Close the window; what is scored is kept", ctrl(Key::Q)),
    row(Action::Undo, Menu::Edit, "Undo", "Take back the last change", ctrl(Key::Z)),
    row(Action::Redo, Menu::Edit, "Redo", "Repeat the change that was taken back", ctrl_shift(Key::Z)),
    row(Action::CopyCommand, Menu::Edit, "Copy command line",
        "The `stillroom distill` call that repeats this", ctrl_shift(Key::C)),
    row(Action::RestoreRun, Menu::Edit, "Restore run",
        "Take recipe, classes and curation of the selected run; its dataset and observer are opened where others are", NONE),
    row(Action::CopyRun, Menu::Edit, "Copy run's command line", "The `stillroom distill` call that repeats the selected run",
        NONE),
    row(Action::CopyLog, Menu::Edit, "Copy log", "The whole log as text", NONE),
    row(Action::SavePreset, Menu::Edit, "Save recipe as preset…",
        "Keep the recipe's values under a name; `stillroom distill --preset NAME` takes them, too", NONE),
    row(Action::Presets, Menu::Edit, "Own presets…",
        "Take, import, export or delete the presets that were saved under a name", NONE),
    row(Action::SelectAll, Menu::Curate, "Select all shown",
        "Select every patch that the panel shows", ctrl(Key::A)),
    row(Action::InvertSelection, Menu::Curate, "Invert selection",
        "Select what isn't, among the patches that the panel shows", ctrl_shift(Key::I)),
    row(Action::NextPatch, Menu::Curate, "Next patch", "Go to the next patch that is shown", plain(Key::Enter)),
    row(Action::Advance, Menu::Curate, "Advance after a mark",
        "After a pin or a rejection of a single patch, go to the next one, or stay", NONE),
    row(Action::Pin, Menu::Curate, "Pin", "Always stitch the selected patches", plain(Key::P)),
    row(Action::Reject, Menu::Curate, "Reject", "Never stitch the selected patches", plain(Key::X)),
    row(Action::ResetMarks, Menu::Curate, "Reset",
        "Take back pins, rejections, crops and cells of the selected patches; tags stay", plain(Key::U)),
    row(Action::NextCrop, Menu::Curate, "Another crop",
        "Cut the selected patches from the crop with the next higher loss", plain(Key::C)),
    row(Action::PreviousCrop, Menu::Curate, "Previous crop",
        "Cut the selected patches from the crop with the next lower loss", shift(Key::C)),
    row(Action::AnotherImage, Menu::Curate, "Another image",
        "Reject the selected patches; the best images that are not stitched take their cells", plain(Key::S)),
    row(Action::ChooseImage, Menu::Curate, "Choose another image…",
        "Choose which image takes the cell of the selected patch", shift(Key::S)),
    row(Action::MoveTo, Menu::Curate, "Move to…", "Choose the cell for the selected patch", plain(Key::M)),
    row(Action::Untag, Menu::Curate, "No tag", "Take the selected patches' tags away", plain(Key::Num0)),
    row(Action::Tag1, Menu::Curate, "Tag 1", "Give the selected patches tag 1", plain(Key::Num1)),
    row(Action::Tag2, Menu::Curate, "Tag 2", "Give the selected patches tag 2", plain(Key::Num2)),
    row(Action::Tag3, Menu::Curate, "Tag 3", "Give the selected patches tag 3", plain(Key::Num3)),
    row(Action::Tag4, Menu::Curate, "Tag 4", "Give the selected patches tag 4", plain(Key::Num4)),
    row(Action::Tag5, Menu::Curate, "Tag 5", "Give the selected patches tag 5", plain(Key::Num5)),
    row(Action::Tag6, Menu::Curate, "Tag 6", "Give the selected patches tag 6", plain(Key::Num6)),
    row(Action::Tag7, Menu::Curate, "Tag 7", "Give the selected patches tag 7", plain(Key::Num7)),
    row(Action::Tag8, Menu::Curate, "Tag 8", "Give the selected patches tag 8", plain(Key::Num8)),
    row(Action::Tag9, Menu::Curate, "Tag 9", "Give the selected patches tag 9", plain(Key::Num9)),
    row(Action::Check, Menu::Run, "Check observer",
        "Measure top-1 on held-out images and look for a wrong class order", ctrl_shift(Key::K)),
    row(Action::FindSuspects, Menu::Run, "Find suspects",
        "Look for images whose labels are probably wrong: those that the observer confidently takes for another class", NONE),
    row(Action::Score, Menu::Run, "Score patches",
        "Compute the observer's loss on every crop of the subset", ctrl(Key::R)),
    row(Action::ToggleLive, Menu::Run, "Score by itself",
        "Whether what a change of N, subset or seed lacks is scored by itself, once the slider rests", NONE),
    row(Action::Distil, Menu::Run, "Distil to folder",
        "Stitch the selected patches and write the folder", ctrl_shift(Key::D)),
    row(Action::RefineRun, Menu::Run, "Refine run",
        "Move the pixels of the selected run by the recipe: LIC compensates its patches, SRe2L and CDA go on from its images",
        NONE),
    row(Action::Pause, Menu::Run, "Pause or resume", "Hold the running job, or let it go on", ctrl(Key::P)),
    row(Action::Cancel, Menu::Run, "Cancel job", "Stop the running job; what it has stored stays", ctrl(Key::Period)),
    row(Action::Train, Menu::Trainings, "Start training",
        "Train as the form says, with all its seeds", ctrl(Key::Enter)),
    row(Action::ResumeTraining, Menu::Trainings, "Resume training",
        "Go on with the selected training from its last checkpoint", ctrl_shift(Key::R)),
    row(Action::CloneTraining, Menu::Trainings, "Clone with changes",
        "Fill the form from the selected training; what is changed then is marked", ctrl(Key::D)),
    row(Action::TrainingDetails, Menu::Trainings, "Training details",
        "Parameters, notes, accuracy per class and confusions of the selected training", ctrl(Key::I)),
    row(Action::CopyTraining, Menu::Trainings, "Copy as command line",
        "The `stillroom train` call that does what the form says", NONE),
    row(Action::SaveTrainingPreset, Menu::Trainings, "Save training as preset…",
        "Keep the training's values under a name; `stillroom train --preset NAME` takes them, too", NONE),
    row(Action::OpenTrainings, Menu::Trainings, "Open trainings…",
        "Choose a folder; the trainings in it join the table", NONE),
    row(Action::ListTrainings, Menu::Trainings, "List trainings again",
        "Look for trainings on disk again", plain(Key::F5)),
    row(Action::ExportCsv, Menu::Trainings, "Export curves (CSV)…",
        "Every epoch of the shown trainings, a line each", ctrl(Key::E)),
    row(Action::ExportSvg, Menu::Trainings, "Export charts (SVG)…",
        "The shown charts as a picture for papers and browsers", ctrl_shift(Key::E)),
    row(Action::ExportTable, Menu::Trainings, "Export table (CSV)…",
        "A line for each training that is listed, with all that is known of it", NONE),
    row(Action::ShowDistilling, Menu::View, "Distilling", "Bring the panels of distilling forward", ctrl(Key::Num1)),
    row(Action::ShowTraining, Menu::View, "Trainings",
        "Bring the trainings forward: curves, table, form", ctrl(Key::Num2)),
    row(Action::ShowSource, Menu::View, "Source image", "Show the whole image of the selected patch", plain(Key::V)),
    row(Action::PreviousInRank, Menu::View, "Previous in rank", "Select the patch with the rank before, of the same class",
        plain(Key::OpenBracket)),
    row(Action::NextInRank, Menu::View, "Next in rank", "Select the patch with the next rank, of the same class",
        plain(Key::CloseBracket)),
    row(Action::ShowClassOrder, Menu::View, "Show class order",
        "Which output is which class: what the check took for what, and a better order", ctrl(Key::Num3)),
    row(Action::ShowRuns, Menu::View, "Runs", "Bring the list of what was distilled forward", ctrl(Key::Num4)),
    row(Action::ShowRefine, Menu::View, "Refine",
        "Bring the images whose pixels are moved forward, as they change", ctrl(Key::Num5)),
    row(Action::ShowCompare, Menu::View, "Compare",
        "Bring the sets that are compared side by side forward", ctrl(Key::Num6)),
    row(Action::ShowSuspects, Menu::View, "Suspects",
        "Bring the images whose labels are probably wrong forward", ctrl(Key::Num7)),
    row(Action::FindByName, Menu::View, "Find by file name",
        "Show the images whose file name has a text in it", ctrl(Key::F)),
    row(Action::OnlyStitched, Menu::View, "Stitched only",
        "Show only patches that become part of a distilled image; again for all", NONE),
    row(Action::OnlyPinned, Menu::View, "Pinned only", "Show only pinned patches; again for all", NONE),
    row(Action::OnlyRejected, Menu::View, "Rejected only", "Show only rejected patches; again for all", NONE),
    row(Action::ClearFilters, Menu::View, "Clear filters",
        "Show every patch of the class again", ctrl_shift(Key::F)),
    row(Action::ToggleTheme, Menu::View, "Light or dark", "Switch between the light and the dark theme", ctrl(Key::T)),
    row(Action::ZoomIn, Menu::View, "Larger", "Everything in the window larger, by a tenth", ctrl(Key::Plus)),
    row(Action::ZoomOut, Menu::View, "Smaller", "Everything in the window smaller, by a tenth", ctrl(Key::Minus)),
    row(Action::ZoomReset, Menu::View, "Usual size", "Everything in the size that the desktop gives", ctrl(Key::Num0)),
    row(Action::ResetLayout, Menu::View, "Reset layout", "Put all panels back where they were", NONE),
    row(Action::Palette, Menu::Help, "Find a command…",
        "Commands, classes, presets, panels, recent datasets and observers, by typing", ctrl(Key::K)),
    row(Action::Help, Menu::Help, "Keys and words",
        "What the keys do and what the words mean", plain(Key::Questionmark)),
    row(Action::Tour, Menu::Help, "Tour",
        "From data to a distilled set in six steps, on the built-in sample where nothing is open", NONE),
];
