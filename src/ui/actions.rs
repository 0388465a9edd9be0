//! The window's commands: one table feeds menus, buttons, shortcuts and the help sheet.

use eframe::egui::{Key, KeyboardShortcut, Modifiers};

/// A command of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
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
    /// Bring the panels of distilling forward.
    ShowDistilling,
    /// Bring the panel of trainings forward.
    ShowTraining,
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

/// What a person reads of an [`Action`].
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// Label of menu items and buttons.
    pub label: &'static str,
    /// One sentence.
    pub tooltip: &'static str,
    /// Keys.
    pub shortcut: Option<KeyboardShortcut>,
}

impl Action {
    /// All commands, in the order of the menus.
    pub const ALL: [Self; 30] = [
        Self::OpenSample,
        Self::OpenDataset,
        Self::OpenObserver,
        Self::Quit,
        Self::Undo,
        Self::Redo,
        Self::CopyCommand,
        Self::CopyLog,
        Self::Check,
        Self::Score,
        Self::Distil,
        Self::Pause,
        Self::Cancel,
        Self::Train,
        Self::ResumeTraining,
        Self::CloneTraining,
        Self::TrainingDetails,
        Self::CopyTraining,
        Self::OpenTrainings,
        Self::ListTrainings,
        Self::ExportCsv,
        Self::ExportSvg,
        Self::ShowDistilling,
        Self::ShowTraining,
        Self::ToggleTheme,
        Self::ZoomIn,
        Self::ZoomOut,
        Self::ZoomReset,
        Self::ResetLayout,
        Self::Help,
    ];

    /// The menus and their commands.
    pub const MENUS: [(&'static str, &'static [Self]); 6] = [
        ("File", &[Self::OpenSample, Self::OpenDataset, Self::OpenObserver, Self::Quit]),
        ("Edit", &[Self::Undo, Self::Redo, Self::CopyCommand, Self::CopyLog]),
        ("Run", &[Self::Check, Self::Score, Self::Distil, Self::Pause, Self::Cancel]),
        (
            "Trainings",
            &[
                Self::Train,
                Self::ResumeTraining,
                Self::CloneTraining,
                Self::TrainingDetails,
                Self::CopyTraining,
                Self::OpenTrainings,
                Self::ListTrainings,
                Self::ExportCsv,
                Self::ExportSvg,
            ],
        ),
        (
            "View",
            &[
                Self::ShowDistilling,
                Self::ShowTraining,
                Self::ToggleTheme,
                Self::ZoomIn,
                Self::ZoomOut,
                Self::ZoomReset,
                Self::ResetLayout,
            ],
        ),
        ("Help", &[Self::Help]),
    ];

    /// Its texts and keys.
    #[must_use]
    pub fn about(self) -> About {
        const CTRL: Modifiers = Modifiers::COMMAND;
        let ctrl_shift = Modifiers::COMMAND | Modifiers::SHIFT;
        let keys = |modifiers, key| Some(KeyboardShortcut::new(modifiers, key));
        let (label, tooltip, shortcut) = match self {
            Self::OpenSample => ("Open sample", "Open the built-in sample and its observer", None),
            Self::OpenDataset => ("Open dataset…", "Choose the dataset's folder", keys(CTRL, Key::O)),
            Self::OpenObserver => {
                ("Load observer…", "Choose a trained network's weight file", keys(ctrl_shift, Key::O))
            }
            Self::Check => (
                "Check observer",
                "Measure top-1 on held-out images and look for a wrong class order",
                keys(CTRL, Key::K),
            ),
            Self::Score => {
                ("Score patches", "Compute the observer's loss on every crop of the subset", keys(CTRL, Key::R))
            }
            Self::Distil => {
                ("Distil to folder", "Stitch the selected patches and write the folder", keys(ctrl_shift, Key::D))
            }
            Self::CopyCommand => {
                ("Copy command line", "The `stillroom distill` call that repeats this", keys(ctrl_shift, Key::C))
            }
            Self::CopyLog => ("Copy log", "The whole log as text", None),
            Self::Undo => ("Undo", "Take back the last change of the recipe or the classes", keys(CTRL, Key::Z)),
            Self::Redo => ("Redo", "Repeat the change that was taken back", keys(ctrl_shift, Key::Z)),
            Self::Pause => ("Pause or resume", "Hold the running job, or let it go on", keys(CTRL, Key::P)),
            Self::Cancel => ("Cancel job", "Stop the running job; what it has stored stays", keys(CTRL, Key::Period)),
            Self::ToggleTheme => ("Light or dark", "Switch between the light and the dark theme", keys(CTRL, Key::T)),
            Self::ResetLayout => ("Reset layout", "Put all panels back where they were", None),
            Self::Help => {
                ("Keys and words", "What the keys do and what the words mean", keys(Modifiers::NONE, Key::Questionmark))
            }
            Self::Quit => ("Quit", "Close the window; what is scored is kept", keys(CTRL, Key::Q)),
            Self::ZoomIn | Self::ZoomOut | Self::ZoomReset => return self.about_zoom(),
            of_training => return of_training.about_training(),
        };
        About { label, tooltip, shortcut }
    }

    fn about_zoom(self) -> About {
        let (label, tooltip, key) = match self {
            Self::ZoomIn => ("Larger", "Everything in the window larger, by a tenth", Key::Plus),
            Self::ZoomOut => ("Smaller", "Everything in the window smaller, by a tenth", Key::Minus),
            _ => ("Usual size", "Everything in the size that the desktop gives", Key::Num0),
        };
        About { label, tooltip, shortcut: Some(KeyboardShortcut::new(Modifiers::COMMAND, key)) }
    }

    fn about_training(self) -> About {
        const CTRL: Modifiers = Modifiers::COMMAND;
        let keys = |modifiers, key| Some(KeyboardShortcut::new(modifiers, key));
        let (label, tooltip, shortcut) = match self {
            Self::Train => ("Start training", "Train as the form says, with all its seeds", keys(CTRL, Key::Enter)),
            Self::ResumeTraining => (
                "Resume training",
                "Go on with the selected training from its last checkpoint",
                keys(CTRL | Modifiers::SHIFT, Key::R),
            ),
            Self::CloneTraining => (
                "Clone with changes",
                "Fill the form from the selected training; what is changed then is marked",
                keys(CTRL, Key::D),
            ),
            Self::TrainingDetails => (
                "Training details",
                "Parameters, notes, accuracy per class and confusions of the selected training",
                keys(CTRL, Key::I),
            ),
            Self::CopyTraining => {
                ("Copy as command line", "The `stillroom train` call that does what the form says", None)
            }
            Self::OpenTrainings => ("Open trainings…", "Choose a folder; the trainings in it join the table", None),
            Self::ListTrainings => {
                ("List trainings again", "Look for trainings on disk again", keys(Modifiers::NONE, Key::F5))
            }
            Self::ExportCsv => {
                ("Export curves (CSV)…", "Every epoch of the shown trainings, a line each", keys(CTRL, Key::E))
            }
            Self::ExportSvg => (
                "Export charts (SVG)…",
                "The shown charts as a picture for papers and browsers",
                keys(CTRL | Modifiers::SHIFT, Key::E),
            ),
            Self::ShowDistilling => ("Distilling", "Bring the panels of distilling forward", keys(CTRL, Key::Num1)),
            _ => ("Trainings", "Bring the trainings forward: curves, table, form", keys(CTRL, Key::Num2)),
        };
        About { label, tooltip, shortcut }
    }

    /// The action whose keys were pressed; the one with more modifiers wins.
    #[must_use]
    pub fn pressed(input: &mut eframe::egui::InputState) -> Option<Self> {
        let mut all = Self::ALL;
        all.sort_by_key(|a| a.about().shortcut.is_none_or(|s| !s.modifiers.shift));
        all.into_iter().find(|a| a.about().shortcut.is_some_and(|s| consume(input, s)))
    }
}

fn consume(input: &mut eframe::egui::InputState, shortcut: KeyboardShortcut) -> bool {
    // '?' needs Shift on most keyboards, and arrives with it.
    let shifted = KeyboardShortcut::new(shortcut.modifiers | Modifiers::SHIFT, shortcut.logical_key);
    input.consume_shortcut(&shortcut) || shortcut.logical_key == Key::Questionmark && input.consume_shortcut(&shifted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_commands_share_keys_and_each_is_in_one_menu() {
        for (i, a) in Action::ALL.into_iter().enumerate() {
            let in_menus = Action::MENUS.iter().flat_map(|(_, list)| *list).filter(|b| **b == a).count();
            assert_eq!(in_menus, 1, "{a:?}");
            for b in &Action::ALL[i + 1..] {
                assert!(a.about().shortcut.is_none() || a.about().shortcut != b.about().shortcut, "{a:?} {b:?}");
                assert_ne!(a.about().label, b.about().label);
            }
        }
    }
}
