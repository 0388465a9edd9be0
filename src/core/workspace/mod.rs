//! What the user edits in the window, as one small value: commands are the only way to change it, so every change can
//! be undone, logged and tested without a window. Everything heavy (scores, pictures) is derived from it elsewhere.

use std::path::PathBuf;
use std::sync::Arc;

use super::data::dataset::{ClassId, ImageId};
use super::distil::curation::Curation;
use super::distil::recipe::Recipe;
use super::param::{BadValue, Parameters as _};
use super::train::recipe::TrainRecipe;

mod command;
mod history;
mod naming;
pub mod selection;
#[cfg(test)]
mod tests;
pub mod view;

pub use command::{Command, Edited, Effects, Theme};

use history::{History, Words};
use selection::{Joining, Selection};
use view::{Filter, Sort};

/// What is being dragged or typed: of which part, and the parameter's name.
type OpenStep = (Of, &'static str);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Recipe,
    Training,
    View,
}

/// The user's edited state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Workspace {
    edited: Edited,
    selection: Selection,
    theme: Theme,
    history: History,
    /// The parameter that is being dragged or typed: its changes are one step.
    open_step: Option<OpenStep>,
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
        self.edited.filter.class
    }

    /// Which patches are shown.
    #[must_use]
    pub fn filter(&self) -> &Filter {
        &self.edited.filter
    }

    /// In what order.
    #[must_use]
    pub fn sort(&self) -> Sort {
        self.edited.sort
    }

    /// What was decided about single images.
    #[must_use]
    pub fn curation(&self) -> &Arc<Curation> {
        &self.edited.curation
    }

    /// The observer's output for each class, where the user gave an order.
    #[must_use]
    pub fn outputs(&self) -> Option<&Arc<Vec<u32>>> {
        self.edited.outputs.as_ref()
    }

    /// Weight files of observers that move pixels beside the loaded one, in the order in which they take part.
    #[must_use]
    pub fn beside(&self) -> &Arc<Vec<PathBuf>> {
        &self.edited.beside
    }

    /// All that undo covers, for keeping it.
    #[must_use]
    pub fn edited(&self) -> &Edited {
        &self.edited
    }

    /// What is selected.
    #[must_use]
    pub fn selection(&self) -> &Selection {
        &self.selection
    }

    /// The image that is looked at: its key patch, its provenance.
    #[must_use]
    pub fn selected(&self) -> Option<ImageId> {
        self.selection.lead()
    }

    /// The theme.
    #[must_use]
    pub fn theme(&self) -> Theme {
        self.theme
    }

    /// Whether there is a step to take back.
    #[must_use]
    pub fn can_undo(&self) -> bool {
        self.history.done() > 0
    }

    /// Whether there is a step to repeat.
    #[must_use]
    pub fn can_redo(&self) -> bool {
        self.history.words().count() > self.history.done()
    }

    /// The steps of the history in words, oldest first, and how many of them are done; the others were taken back.
    #[must_use]
    pub fn steps(&self) -> (Vec<&str>, usize) {
        (self.history.words().map(|words| words.text.as_str()).collect(), self.history.done())
    }

    /// [`Self::steps`], with classes by the names that the caller knows.
    #[must_use]
    pub fn named_steps(&self, name: impl Fn(ClassId) -> String) -> (Vec<String>, usize) {
        let said = |words: &Words| match words.class {
            Some((class, what)) => format!("{} {what}", name(class)),
            None => words.text.clone(),
        };
        (self.history.words().map(said).collect(), self.history.done())
    }

    /// Whether the history may have forgotten its oldest steps: it keeps so many.
    #[must_use]
    pub fn history_is_full(&self) -> bool {
        self.history.words().count() >= history::KEPT
    }

    /// Carries out a command; the only way to change the workspace. A command that changes nothing leaves no trace in
    /// the history.
    ///
    /// # Errors
    /// [`BadValue`] for a parameter out of range; nothing is changed.
    pub fn apply(&mut self, command: Command) -> Result<Effects, BadValue> {
        Ok(match command {
            Command::Opened { classes } => self.opened(classes),
            Command::Select(image) => {
                let images = image.map_or_else(Vec::new, |image| vec![image]);
                self.select(&images, Joining::Replace, image)
            }
            Command::SelectMany { images, joining, lead } => self.select(&images, joining, lead),
            Command::SetTheme(theme) => {
                let restyle = std::mem::replace(&mut self.theme, theme) != theme;
                Effects { restyle, ..Effects::default() }
            }
            Command::SuggestTraining(training) => {
                self.edited.training = training;
                Effects::default()
            }
            Command::Settle => {
                self.open_step = None;
                Effects::default()
            }
            Command::Undo => self.travel(self.history.done().saturating_sub(1)),
            Command::Redo => self.travel(self.history.done() + 1),
            Command::TravelTo(done) => self.travel(done),
            Command::Restore { edited, words } => self.restore(*edited, words),
            step => self.step(step)?,
        })
    }

    /// Carries out a command that is a step for undo.
    fn step(&mut self, command: Command) -> Result<Effects, BadValue> {
        let mut next = self.edited.clone();
        let (words, open) = match command {
            Command::SetParam { name, value } => {
                next.recipe.set(name, &value)?;
                let before = self.before((Of::Recipe, name));
                (naming::change(&before.recipe, &next.recipe).into(), Some((Of::Recipe, name)))
            }
            Command::SetRecipe(recipe) => {
                let words = naming::recipe(&next.recipe, &recipe);
                next.recipe = recipe;
                (words.into(), None)
            }
            Command::SetTrainParam { name, value } => {
                next.training.set(name, &value)?;
                let before = self.before((Of::Training, name));
                let words = naming::change(&before.training, &next.training);
                (format!("training: {words}").into(), Some((Of::Training, name)))
            }
            Command::SetTraining(training) => {
                let words = naming::change(&next.training, &training);
                next.training = training;
                (format!("training: {words}").into(), None)
            }
            Command::Choose(class, chosen) => {
                if let Some(slot) = next.chosen.get_mut(class.index()) {
                    *slot = chosen;
                }
                (Words::of_class(class, if chosen { "chosen" } else { "left out" }), None)
            }
            Command::ChooseAll(chosen) => {
                next.chosen.fill(chosen);
                (if chosen { "all classes chosen" } else { "no class chosen" }.to_owned().into(), None)
            }
            Command::ShowClass(class) => {
                next.filter.class = class;
                let all = || "all classes shown".to_owned().into();
                (class.map_or_else(all, |class| Words::of_class(class, "shown")), Some((Of::View, "class")))
            }
            Command::SetFilter(filter) => {
                let words = naming::filter(&filter);
                next.filter = filter;
                (words.into(), Some((Of::View, "filter")))
            }
            Command::SetSort(sort) => {
                next.sort = sort;
                (naming::sort(sort).into(), Some((Of::View, "sort")))
            }
            Command::Curate { marks, words } => {
                let curation = Arc::make_mut(&mut next.curation);
                marks.into_iter().for_each(|(image, mark)| curation.set(image, mark));
                (words.into(), None)
            }
            rest => match of_observers(&mut next, rest) {
                Some(words) => (words.into(), None),
                // All others were carried out.
                None => return Ok(Effects::default()),
            },
        };
        Ok(self.edit(next, words, open))
    }

    fn opened(&mut self, classes: usize) -> Effects {
        let (recipe, training) = (self.edited.recipe.clone(), self.edited.training.clone());
        let edited = Edited { recipe, training, chosen: vec![true; classes], ..Edited::default() };
        *self = Self { edited, theme: self.theme, ..Self::default() };
        Effects { reselect: true, refilter: true, ..Effects::default() }
    }

    fn select(&mut self, images: &[ImageId], joining: Joining, lead: Option<ImageId>) -> Effects {
        let before = self.selection.lead();
        self.selection.join(images, joining, lead);
        let now = self.selection.lead();
        Effects { reveal: now.is_some() && now != before, ..Effects::default() }
    }

    fn restore(&mut self, edited: Edited, words: Option<String>) -> Effects {
        if edited.chosen.len() != self.class_count() {
            return Effects::default();
        }
        match words {
            Some(words) => self.edit(edited, words.into(), None),
            None => {
                let effects = self.effects_of(&edited);
                (self.edited, self.history, self.open_step) = (edited, History::default(), None);
                self.within_classes();
                effects
            }
        }
    }

    /// The state before the step that a change of this parameter belongs to.
    fn before(&self, of: OpenStep) -> &Edited {
        let begun = self.history.before_last().filter(|_| self.open_step == Some(of));
        begun.unwrap_or(&self.edited)
    }

    /// Makes `next` the edited state; changes of one parameter in a row are one step.
    fn edit(&mut self, next: Edited, words: Words, open: Option<OpenStep>) -> Effects {
        let before = std::mem::replace(&mut self.edited, next);
        self.within_classes();
        if before == self.edited {
            return Effects::default();
        }
        let effects = self.effects_of(&before);
        if open.is_some() && open == self.open_step {
            // A parameter that is back at its first value changed nothing: no step is left without words.
            if self.history.before_last() == Some(&self.edited) {
                self.history.dropped();
                self.open_step = None;
                return effects;
            }
            self.history.continued(words);
        } else {
            self.history.push(before, words);
        }
        self.open_step = open;
        effects
    }

    /// A class that is shown is one of the dataset.
    fn within_classes(&mut self) {
        let classes = self.class_count();
        self.edited.filter.class = self.edited.filter.class.filter(|c| c.index() < classes);
    }

    /// What has to happen between the state of now and another one.
    fn effects_of(&self, other: &Edited) -> Effects {
        let now = &self.edited;
        Effects {
            reselect: (&now.recipe, &now.chosen, &now.curation) != (&other.recipe, &other.chosen, &other.curation),
            reveal: now.filter.class != other.filter.class && !self.selection.is_empty(),
            restyle: false,
            refilter: (&now.filter, now.sort) != (&other.filter, other.sort),
            reorder: now.outputs != other.outputs,
        }
    }

    /// Goes to the state after `done` steps, or as near as the history reaches.
    fn travel(&mut self, done: usize) -> Effects {
        let before = self.edited.clone();
        while self.history.done() != done && self.history.travel(&mut self.edited, self.history.done() > done) {}
        self.open_step = None;
        self.effects_of(&before)
    }
}

/// Changes which observers there are and what their outputs mean; gives the step in words, and nothing for another command.
fn of_observers(next: &mut Edited, command: Command) -> Option<String> {
    Some(match command {
        Command::SetOutputs(outputs) => {
            next.outputs = outputs.map(Arc::new);
            let words = if next.outputs.is_some() { "class order" } else { "class order as opened" };
            words.to_owned()
        }
        Command::AddBeside(file) => {
            let words = format!("further observer {}", naming::file(&file));
            if !next.beside.contains(&file) {
                Arc::make_mut(&mut next.beside).push(file);
            }
            words
        }
        Command::RemoveBeside(file) => {
            Arc::make_mut(&mut next.beside).retain(|listed| *listed != file);
            format!("further observer {} left out", naming::file(&file))
        }
        _ => return None,
    })
}
