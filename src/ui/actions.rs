//! The window's commands: one table feeds menus, buttons, shortcuts and the help sheet.

use eframe::egui::{InputState, Key, KeyboardShortcut, Modifiers};

/// A command of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Close what is open and start with nothing.
    NewSession,
    /// Choose another project.
    OpenProject,
    /// Open the built-in sample with its observer.
    OpenSample,
    /// Choose a dataset's folder in a dialog.
    OpenDataset,
    /// Choose a weight file in a dialog.
    OpenObserver,
    /// Save the recipe as a preset.
    SavePreset,
    /// Save the parameters of the next training as a preset.
    SaveTrainingPreset,
    /// Show the user's own presets.
    Presets,
    /// Select every patch that the active panel shows.
    SelectAll,
    /// Select what isn't, among the patches that are shown.
    InvertSelection,
    /// Go to the next patch that is shown.
    NextPatch,
    /// Go there by itself after a pin or a rejection, or stay.
    Advance,
    /// Always stitch the selected patches.
    Pin,
    /// Never stitch them.
    Reject,
    /// Take back what was decided about them.
    ResetMarks,
    /// Cut them where the loss is the next higher one.
    NextCrop,
    /// Cut them where the loss is the next lower one.
    PreviousCrop,
    /// Put the best image that isn't stitched in their place.
    AnotherImage,
    /// Choose the image that takes the place of the selected one.
    ChooseImage,
    /// Choose the cell for the selected patch.
    MoveTo,
    /// Take their tags away.
    Untag,
    /// Tag 1.
    Tag1,
    /// Tag 2.
    Tag2,
    /// Tag 3.
    Tag3,
    /// Tag 4.
    Tag4,
    /// Tag 5.
    Tag5,
    /// Tag 6.
    Tag6,
    /// Tag 7.
    Tag7,
    /// Tag 8.
    Tag8,
    /// Tag 9.
    Tag9,
    /// Check the observer on the data.
    Check,
    /// Score the chosen classes.
    Score,
    /// Score what the recipe lacks by itself, or only when asked.
    ToggleLive,
    /// Write the distilled dataset.
    Distil,
    /// Bring the panel of exports forward.
    ExportSet,
    /// Copy the command line that repeats the recipe.
    CopyCommand,
    /// Copy the log.
    CopyLog,
    /// Take back the last change.
    Undo,
    /// Repeat it.
    Redo,
    /// Type a part of a file name that patches must have.
    FindByName,
    /// Show every patch again.
    ClearFilters,
    /// Show stitched patches alone, or not only them.
    OnlyStitched,
    /// Show pinned patches alone, or not only them.
    OnlyPinned,
    /// Show rejected patches alone, or not only them.
    OnlyRejected,
    /// Start the training of the form.
    Train,
    /// Go on with the selected training.
    ResumeTraining,
    /// Fill the form from the selected training.
    CloneTraining,
    /// Show everything that is known of the selected training.
    TrainingDetails,
    /// Copy the command line that trains as the form says.
    CopyTraining,
    /// Choose a folder with trainings in a dialog.
    OpenTrainings,
    /// Look for trainings on disk again.
    ListTrainings,
    /// Write the shown curves as comma-separated values.
    ExportCsv,
    /// Write the shown charts as a picture.
    ExportSvg,
    /// Show the whole image of the selected patch.
    ShowSource,
    /// Select the patch with the rank before.
    PreviousInRank,
    /// Select the patch with the next rank.
    NextInRank,
    /// Write the table of trainings as comma-separated values.
    ExportTable,
    /// Bring the panels of distilling forward.
    ShowDistilling,
    /// Bring the panel of trainings forward.
    ShowTraining,
    /// Bring the panel of the class order forward.
    ShowClassOrder,
    /// Hold the running job, or let it go on.
    Pause,
    /// Stop the running job.
    Cancel,
    /// Light or dark.
    ToggleTheme,
    /// Everything larger.
    ZoomIn,
    /// Everything smaller.
    ZoomOut,
    /// Everything in the size that the desktop gives.
    ZoomReset,
    /// Put the panels back where they were.
    ResetLayout,
    /// Find a command, class, preset, panel, dataset or observer by typing.
    Palette,
    /// Show the help sheet.
    Help,
    /// Walk through the sample.
    Tour,
    /// Close the window.
    Quit,
}

/// A menu of the bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Menu {
    /// What is opened and written.
    File,
    /// Undo, copies, what is selected.
    Edit,
    /// What is decided about patches.
    Curate,
    /// Jobs.
    Run,
    /// Students and observers.
    Trainings,
    /// How the window looks.
    View,
    /// Explanations.
    Help,
}

impl Menu {
    /// All menus, in the order of the bar.
    pub const ALL: [Self; 7] =
        [Self::File, Self::Edit, Self::Curate, Self::Run, Self::Trainings, Self::View, Self::Help];

    /// What the bar says.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::File => "File",
            Self::Edit => "Edit",
            Self::Curate => "Curate",
            Self::Run => "Run",
            Self::Trainings => "Trainings",
            Self::View => "View",
            Self::Help => "Help",
        }
    }

    /// Its commands.
    pub fn actions(self) -> impl Iterator<Item = Action> {
        ROWS.iter().filter(move |row| row.menu == self).map(|row| row.action)
    }
}

/// What a person reads of an [`Action`].
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// Which command.
    pub action: Action,
    /// The menu that it is in.
    pub menu: Menu,
    /// Label of menu items and buttons.
    pub label: &'static str,
    /// One sentence.
    pub tooltip: &'static str,
    /// Keys.
    pub shortcut: Option<KeyboardShortcut>,
}

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
const ROWS: &[About] = &[
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
    row(Action::Score, Menu::Run, "Score patches",
        "Compute the observer's loss on every crop of the subset", ctrl(Key::R)),
    row(Action::ToggleLive, Menu::Run, "Score by itself",
        "Whether what a change of N, subset or seed lacks is scored by itself, once the slider rests", NONE),
    row(Action::Distil, Menu::Run, "Distil to folder",
        "Stitch the selected patches and write the folder", ctrl_shift(Key::D)),
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

impl Action {
    /// All commands, in the order of the menus.
    pub fn all() -> impl Iterator<Item = Self> {
        ROWS.iter().map(|row| row.action)
    }

    /// Its texts and keys.
    #[must_use]
    pub fn about(self) -> &'static About {
        // Each command has a row (a test); the first stands for none.
        ROWS.iter().find(|row| row.action == self).unwrap_or(&ROWS[0])
    }

    /// The tag that a command gives, 0 for none; `None` for other commands.
    #[must_use]
    pub fn tag(self) -> Option<u8> {
        const TAGS: [Action; 10] = [
            Action::Untag,
            Action::Tag1,
            Action::Tag2,
            Action::Tag3,
            Action::Tag4,
            Action::Tag5,
            Action::Tag6,
            Action::Tag7,
            Action::Tag8,
            Action::Tag9,
        ];
        TAGS.iter().zip(0..).find(|(action, _)| **action == self).map(|(_, tag)| tag)
    }

    /// The action whose keys were pressed; the one with more modifiers wins. The keys of culling count where it goes on.
    #[must_use]
    pub fn pressed(input: &mut InputState, culling: bool) -> Option<Self> {
        let heard = |row: &&About| row.shortcut.is_some() && (culling || row.menu != Menu::Curate);
        let mut rows: Vec<&About> = ROWS.iter().filter(heard).collect();
        rows.sort_by_key(|row| row.shortcut.is_none_or(|s| !s.modifiers.shift));
        rows.into_iter().find(|row| row.shortcut.is_some_and(|s| consume(input, s))).map(|row| row.action)
    }
}

fn consume(input: &mut InputState, shortcut: KeyboardShortcut) -> bool {
    // '?' needs Shift on most keyboards, and arrives with it.
    let shifted = KeyboardShortcut::new(shortcut.modifiers | Modifiers::SHIFT, shortcut.logical_key);
    input.consume_shortcut(&shortcut) || shortcut.logical_key == Key::Questionmark && input.consume_shortcut(&shifted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_one_row_and_keys_and_label_of_its_own() {
        for (i, a) in ROWS.iter().enumerate() {
            for b in &ROWS[i + 1..] {
                assert_ne!(a.action, b.action);
                assert!(a.shortcut.is_none() || a.shortcut != b.shortcut, "{:?} {:?}", a.action, b.action);
                assert_ne!(a.label, b.label);
            }
            assert_eq!(a.action.about().label, a.label);
        }
        assert_eq!(Menu::ALL.into_iter().flat_map(Menu::actions).count(), ROWS.len());
        // The enum is counted by its last variant: a command without a row would take that of another.
        assert_eq!(Action::Quit as usize + 1, ROWS.len());
    }
}
