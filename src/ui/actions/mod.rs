//! The window's commands: one table feeds menus, buttons, shortcuts and the help sheet.

use eframe::egui::{Context, Event, InputState, KeyboardShortcut};

mod table;

use table::ROWS;

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
    /// Bring the panel of images whose pixels are moved forward.
    ShowRefine,
    /// Bring the sets that are compared forward.
    ShowCompare,
    /// Bring the images with suspicious labels forward.
    ShowSuspects,
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
    /// Have the observer judge the labels.
    FindSuspects,
    /// Score the chosen classes.
    Score,
    /// Score what the recipe lacks by itself, or only when asked.
    ToggleLive,
    /// Write the distilled dataset.
    Distil,
    /// Move the pixels of the selected run's images further.
    RefineRun,
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

impl About {
    /// Its keys as a keyboard has them: "Ctrl+K", "[".
    #[must_use]
    pub fn keys(&self, ctx: &Context) -> Option<String> {
        let shortcut = self.shortcut?;
        let key = shortcut.logical_key;
        Some(ctx.format_shortcut(&shortcut).replace(key.name(), key.symbol_or_name()))
    }
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

    /// Whether it opens something that takes the keyboard: its label ends as such labels do.
    fn opens(self) -> bool {
        self.about().label.ends_with('…') || matches!(self, Self::Help | Self::Palette | Self::Tour)
    }

    /// The actions whose keys were pressed, in that order: a slow frame may bring several. What follows one that opens
    /// something is left to what it opens. Of two that answer to a key the one with more modifiers wins.
    #[must_use]
    pub fn pressed(input: &mut InputState, culling: bool) -> Vec<Self> {
        let heard = |row: &&About| row.shortcut.is_some() && (culling || row.menu != Menu::Curate);
        let mut rows: Vec<&About> = ROWS.iter().filter(heard).collect();
        rows.sort_by_key(|row| row.shortcut.is_none_or(|s| !s.modifiers.shift));
        let mut pressed: Vec<Self> = Vec::new();
        input.events.retain(|event| {
            let Event::Key { key, modifiers, pressed: true, .. } = event else { return true };
            if pressed.last().is_some_and(|last| last.opens()) {
                return true;
            }
            let answers = |s: KeyboardShortcut| s.logical_key == *key && modifiers.matches_logically(s.modifiers);
            let row = rows.iter().find(|row| row.shortcut.is_some_and(answers));
            pressed.extend(row.map(|row| row.action));
            row.is_none()
        });
        pressed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eframe::egui::{Key, Modifiers};

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

    #[test]
    fn keys_are_heard_in_their_order_until_something_opens() {
        let key = |key, modifiers| Event::Key { key, physical_key: None, pressed: true, repeat: false, modifiers };
        let mut input = InputState::default();
        let both = Modifiers::COMMAND | Modifiers::SHIFT;
        input.events = vec![
            key(Key::Z, Modifiers::COMMAND),
            key(Key::Z, both),
            key(Key::J, Modifiers::NONE),
            key(Key::K, Modifiers::COMMAND),
            key(Key::X, Modifiers::NONE),
        ];
        assert_eq!(Action::pressed(&mut input, true), [Action::Undo, Action::Redo, Action::Palette]);
        let left: Vec<Key> = input
            .events
            .iter()
            .filter_map(|e| if let Event::Key { key, .. } = e { Some(*key) } else { None })
            .collect();
        assert_eq!(left, [Key::J, Key::X]);
        assert_eq!(Action::pressed(&mut input, false), [], "X means something to who culls alone");
        assert_eq!(Action::pressed(&mut input, true), [Action::Reject]);
        input.events = vec![key(Key::Questionmark, Modifiers::SHIFT)];
        assert_eq!(Action::pressed(&mut input, false), [Action::Help]);
    }
}
