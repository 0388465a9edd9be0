//! What the user edits in the window, as one small value: commands are the only way to change it, so every change can
//! be undone, logged and tested without a window. Everything heavy (scores, pictures) is derived from it elsewhere.

use super::data::dataset::{ClassId, ImageId};
use super::distil::recipe::Recipe;
use super::param::{BadValue, Parameters as _};
use super::train::recipe::TrainRecipe;

/// States kept for undo; older ones are forgotten.
const HISTORY: usize = 200;

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// Light text on a dark ground: pictures stand out.
    #[default]
    Dark,
    /// Dark text on a light ground.
    Light,
}

/// The part of the workspace that undo and redo cover.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Edited {
    /// Method and parameters.
    pub recipe: Recipe,
    /// Parameters of the next training.
    pub training: TrainRecipe,
    /// Whether each class of the open dataset is distilled, in class order.
    pub chosen: Vec<bool>,
}

/// A change that the user asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Another dataset was opened: all its classes are chosen, nothing is selected. Ends the undo history, which
    /// would speak of the other dataset's classes.
    Opened {
        /// Its number of classes.
        classes: usize,
    },
    /// Sets one parameter of the recipe from text, as [`super::param::Param::put`] reads it.
    SetParam {
        /// [`super::param::Param::name`].
        name: &'static str,
        /// The value.
        value: String,
    },
    /// Takes a whole recipe: a preset.
    SetRecipe(Recipe),
    /// Sets one parameter of the next training from text, as [`super::param::Param::put`] reads it.
    SetTrainParam {
        /// [`super::param::Param::name`].
        name: &'static str,
        /// The value.
        value: String,
    },
    /// Takes a whole recipe of a training: a preset, or another training's.
    SetTraining(TrainRecipe),
    /// Chooses a class for distillation, or leaves it out.
    Choose(ClassId, bool),
    /// Chooses all classes or none.
    ChooseAll(bool),
    /// Shows one class, or all (`None`).
    ShowClass(Option<ClassId>),
    /// Selects the key patch of an image: the one selection that all panels follow.
    Select(Option<ImageId>),
    /// Sets the theme.
    SetTheme(Theme),
    /// The current drag or typing is over: the next change is a step of its own for undo.
    Settle,
    /// Takes back the last step.
    Undo,
    /// Repeats the step that was taken back.
    Redo,
}

/// What has to happen because of a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Patches must be ranked and selected again.
    pub reselect: bool,
    /// The selected patch changed and should be brought into view.
    pub reveal: bool,
    /// The theme changed.
    pub restyle: bool,
}

/// A parameter: of which recipe, and its name.
type Step = (Of, &'static str);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Recipe,
    Training,
}

/// The user's edited state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Workspace {
    edited: Edited,
    shown_class: Option<ClassId>,
    selected: Option<ImageId>,
    theme: Theme,
    undo: Vec<Edited>,
    redo: Vec<Edited>,
    /// The parameter that is being dragged or typed: its changes are one step.
    open_step: Option<Step>,
}

impl Workspace {
    /// The recipe.
    #[must_use]
    pub fn recipe(&self) -> &Recipe {
        &self.edited.recipe
    }

    /// The parameters of the next training.
    #[must_use]
    pub fn training(&self) -> &TrainRecipe {
        &self.edited.training
    }

    /// Whether a class is distilled.
    #[must_use]
    pub fn is_chosen(&self, class: ClassId) -> bool {
        self.edited.chosen.get(class.index()).copied().unwrap_or(false)
    }

    /// The classes that are distilled, in class order.
    pub fn chosen(&self) -> impl Iterator<Item = ClassId> + '_ {
        self.edited.chosen.iter().zip(0..).filter(|(chosen, _)| **chosen).map(|(_, i)| ClassId(i))
    }

    /// Number of classes of the open dataset.
    #[must_use]
    pub fn class_count(&self) -> usize {
        self.edited.chosen.len()
    }

    /// The class whose images are shown; `None` for all.
    #[must_use]
    pub fn shown_class(&self) -> Option<ClassId> {
        self.shown_class
    }

    /// The image whose key patch is selected.
    #[must_use]
    pub fn selected(&self) -> Option<ImageId> {
        self.selected
    }

    /// The theme.
    #[must_use]
    pub fn theme(&self) -> Theme {
        self.theme
    }

    /// Whether there is a step to take back.
    #[must_use]
    pub fn can_undo(&self) -> bool {
        !self.undo.is_empty()
    }

    /// Whether there is a step to repeat.
    #[must_use]
    pub fn can_redo(&self) -> bool {
        !self.redo.is_empty()
    }

    /// Carries out a command; the only way to change the workspace. A command that changes nothing leaves no trace in
    /// the history.
    ///
    /// # Errors
    /// [`BadValue`] for a parameter out of range; nothing is changed.
    pub fn apply(&mut self, command: Command) -> Result<Effects, BadValue> {
        let mut effects = Effects::default();
        match command {
            Command::Opened { classes } => {
                let edited = Edited { chosen: vec![true; classes], ..self.edited.clone() };
                *self = Self { edited, theme: self.theme, ..Self::default() };
                effects.reselect = true;
            }
            Command::SetParam { name, value } => {
                let mut next = self.edited.clone();
                next.recipe.set(name, &value)?;
                effects.reselect = self.edit(next, Some((Of::Recipe, name)));
            }
            Command::SetRecipe(recipe) => {
                effects.reselect = self.edit(Edited { recipe, ..self.edited.clone() }, None);
            }
            Command::SetTrainParam { name, value } => {
                let mut next = self.edited.clone();
                next.training.set(name, &value)?;
                self.edit(next, Some((Of::Training, name)));
            }
            Command::SetTraining(training) => {
                self.edit(Edited { training, ..self.edited.clone() }, None);
            }
            Command::Choose(class, chosen) => {
                let mut next = self.edited.clone();
                if let Some(slot) = next.chosen.get_mut(class.index()) {
                    *slot = chosen;
                }
                effects.reselect = self.edit(next, None);
            }
            Command::ChooseAll(chosen) => {
                let next = Edited { chosen: vec![chosen; self.class_count()], ..self.edited.clone() };
                effects.reselect = self.edit(next, None);
            }
            Command::ShowClass(class) => {
                self.shown_class = class.filter(|c| c.index() < self.class_count());
                effects.reveal = self.selected.is_some();
            }
            Command::Select(image) => {
                effects.reveal = image.is_some() && image != self.selected;
                self.selected = image;
            }
            Command::SetTheme(theme) => {
                effects.restyle = theme != self.theme;
                self.theme = theme;
            }
            Command::Settle => self.open_step = None,
            Command::Undo => effects.reselect = self.travel(true),
            Command::Redo => effects.reselect = self.travel(false),
        }
        Ok(effects)
    }

    /// Makes `next` the edited state; changes of one parameter in a row are one step.
    fn edit(&mut self, next: Edited, step: Option<Step>) -> bool {
        if next == self.edited {
            return false;
        }
        let before = std::mem::replace(&mut self.edited, next);
        if step.is_none() || step != self.open_step {
            if self.undo.len() == HISTORY {
                self.undo.remove(0);
            }
            self.undo.push(before);
        }
        self.open_step = step;
        self.redo.clear();
        true
    }

    fn travel(&mut self, back: bool) -> bool {
        let (from, to) = if back { (&mut self.undo, &mut self.redo) } else { (&mut self.redo, &mut self.undo) };
        let Some(target) = from.pop() else { return false };
        to.push(std::mem::replace(&mut self.edited, target));
        self.open_step = None;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &'static str, value: &str) -> Command {
        Command::SetParam { name, value: value.to_owned() }
    }

    fn opened(classes: usize) -> Workspace {
        let mut workspace = Workspace::default();
        workspace.apply(Command::Opened { classes }).unwrap();
        workspace
    }

    #[test]
    fn a_drag_is_one_step_and_undo_brings_back_what_was_before_it() {
        let mut w = opened(3);
        for value in ["11", "12", "20"] {
            assert!(w.apply(set("ipc", value)).unwrap().reselect);
        }
        w.apply(Command::Settle).unwrap();
        w.apply(set("ipc", "30")).unwrap();
        assert!(w.apply(Command::Undo).unwrap().reselect);
        assert_eq!(w.recipe().ipc, 20);
        w.apply(Command::Undo).unwrap();
        assert_eq!(w.recipe().ipc, 10);
        assert!(!w.can_undo() && w.can_redo());
        w.apply(Command::Redo).unwrap();
        w.apply(Command::Redo).unwrap();
        assert_eq!(w.recipe().ipc, 30);
        assert!(!w.apply(Command::Redo).unwrap().reselect);
    }

    #[test]
    fn a_new_change_forgets_what_was_undone() {
        let mut w = opened(3);
        w.apply(Command::Choose(ClassId(1), false)).unwrap();
        w.apply(Command::Undo).unwrap();
        assert_eq!(w.chosen().count(), 3);
        w.apply(set("subset", "60")).unwrap();
        assert!(!w.can_redo());
        w.apply(Command::ChooseAll(false)).unwrap();
        assert_eq!(w.chosen().count(), 0);
        w.apply(Command::Undo).unwrap();
        assert_eq!((w.chosen().count(), w.recipe().method.rded().unwrap().subset), (3, 60));
    }

    #[test]
    fn what_changes_nothing_or_is_out_of_range_leaves_no_trace() {
        let mut w = opened(2);
        let before = w.clone();
        assert_eq!(w.apply(set("ipc", "10")).unwrap(), Effects::default());
        w.apply(Command::ChooseAll(true)).unwrap();
        w.apply(Command::Choose(ClassId(9), true)).unwrap();
        assert!(w.apply(set("ipc", "0")).is_err());
        assert_eq!(w, before);
    }

    #[test]
    fn selecting_is_no_step_for_undo_and_is_lost_with_the_dataset() {
        let mut w = opened(2);
        assert!(w.apply(Command::Select(Some(ImageId(4)))).unwrap().reveal);
        w.apply(Command::ShowClass(Some(ClassId(1)))).unwrap();
        w.apply(Command::ShowClass(Some(ClassId(7)))).unwrap();
        assert_eq!((w.selected(), w.shown_class(), w.can_undo()), (Some(ImageId(4)), None, false));
        w.apply(set("ipc", "20")).unwrap();
        w.apply(Command::SetTheme(Theme::Light)).unwrap();
        w.apply(Command::Opened { classes: 5 }).unwrap();
        assert_eq!((w.selected(), w.class_count(), w.can_undo()), (None, 5, false));
        assert_eq!((w.recipe().ipc, w.theme()), (20, Theme::Light));
    }

    /// Both recipes have a seed: a change of one is no step of the other's, and undo finds both.
    #[test]
    fn trainings_are_undone_as_recipes_are() {
        let mut w = opened(1);
        let train = |value: &str| Command::SetTrainParam { name: "epochs", value: value.to_owned() };
        assert!(!w.apply(train("3")).unwrap().reselect);
        w.apply(train("30")).unwrap();
        w.apply(set("ipc", "20")).unwrap();
        assert!(w.apply(train("0")).is_err());
        w.apply(Command::Undo).unwrap();
        assert_eq!((w.training().epochs, w.recipe().ipc), (30, 10));
        w.apply(Command::Undo).unwrap();
        assert_eq!(w.training(), &TrainRecipe::default());
        w.apply(Command::SetTraining(TrainRecipe { batch: 7, ..TrainRecipe::default() })).unwrap();
        w.apply(Command::Opened { classes: 5 }).unwrap();
        assert_eq!(w.training().batch, 7);
    }

    #[test]
    fn the_history_is_bounded() {
        let mut w = opened(1);
        for i in 0..2 * HISTORY as u64 {
            w.apply(Command::SetRecipe(Recipe { seed: i + 1, ..Recipe::default() })).unwrap();
        }
        assert_eq!(w.undo.len(), HISTORY);
    }
}
