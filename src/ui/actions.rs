//! The window's commands: one table feeds menus, buttons, shortcuts and the help sheet.

use eframe::egui::{InputState, Key, KeyboardShortcut, Modifiers};

/// A command of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Close what is open and start with nothing.
    NewSession,
    /// Choose another project.
    OpenProject,
    /// Take the selected run's recipe, classes and curation.
    RestoreRun,
    /// Copy the command line that repeats the selected run.
    CopyRun,
    /// Bring the list of runs forward.
    ShowRuns,
    /// Open the built-in sample with its observer.
    OpenSample,
    /// Choose a dataset's folder in a dialog.
    OpenDataset,
    /// Choose a weight file in a dialog.
    OpenObserver,
    /// Check the observer on the data.
    Check,
    /// Score the chosen classes.
    Score,
    /// Score what the recipe lacks by itself, or only when asked.
    ToggleLive,
    /// Write the distilled dataset.
    Distil,
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
    /// Show the help sheet.
    Help,
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
    row(Action::Help, Menu::Help, "Keys and words",
        "What the keys do and what the words mean", plain(Key::Questionmark)),
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

    /// The action whose keys were pressed; the one with more modifiers wins.
    #[must_use]
    pub fn pressed(input: &mut InputState) -> Option<Self> {
        let mut rows: Vec<&About> = ROWS.iter().filter(|row| row.shortcut.is_some()).collect();
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
