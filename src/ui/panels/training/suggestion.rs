//! Which recipe a paper suggests for what the form names. The files are looked at away from the frame.

use std::path::PathBuf;

use super::form::{TrainForm, TrainPath, TrainText};
use crate::core::train::presets::{Suggestion, Task};
use crate::core::train::recipe::TrainRecipe;
use crate::jobs::Arch;
use crate::jobs::open::ObserverRequest;
use crate::jobs::train::{About, suggest};
use crate::store::training::TrainingKind;

/// What a suggestion depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    preset: Option<&'static str>,
    data: PathBuf,
    images_per_class: Option<u32>,
    observer: Option<ObserverRequest>,
    labels: Option<PathBuf>,
    student: Arch,
    side: Option<usize>,
    task: Task,
}

/// What has been suggested.
#[derive(Clone, Debug, Default)]
pub struct Suggested {
    /// The chosen preset; the usual one for `None`.
    pub preset: Option<&'static str>,
    /// The preset was chosen just now: it is taken whatever the recipe is.
    pub chosen: bool,
    /// What was asked about last.
    wanted: Option<Wanted>,
    /// The recipe that came of it.
    recipe: Option<TrainRecipe>,
    /// What the user should know of it.
    pub notes: Vec<String>,
}

impl Wanted {
    /// What to ask about; `None` while the form names no images or no network.
    #[must_use]
    pub fn of(form: &TrainForm) -> Option<Self> {
        let side = form.side().ok()?;
        let students = form.kind() == TrainingKind::Train;
        Some(Self {
            preset: form.suggested.preset,
            data: form.given(TrainPath::Data)?,
            images_per_class: form.said(TrainText::Images).parse().ok().filter(|_| students),
            observer: form.observer(side, None).ok()?.filter(|_| students),
            labels: form.given(TrainPath::Labels).filter(|_| students),
            student: form.said(TrainText::Student).parse().ok()?,
            side,
            task: if students { Task::Student } else { Task::Observer },
        })
    }

    /// The recipe, from the files.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub fn ask(&self) -> Result<Suggestion, String> {
        let about = About {
            data: &self.data,
            images_per_class: self.images_per_class,
            observer: self.observer.as_ref(),
            labels: self.labels.as_deref(),
            student: self.student,
            side: self.side,
            task: self.task,
        };
        suggest(self.preset, about).map_err(|e| e.to_string())
    }
}

/// Whether two recipes are the same but for their seeds.
fn alike(a: &TrainRecipe, b: &TrainRecipe) -> bool {
    TrainRecipe { seed: b.seed, seeds: b.seeds, ..a.clone() } == *b
}

impl Suggested {
    /// Whether `recipe` is what was suggested, or what the form began with.
    #[must_use]
    pub fn is(&self, recipe: &TrainRecipe) -> bool {
        self.recipe.as_ref().map_or_else(|| alike(recipe, &TrainRecipe::default()), |own| alike(recipe, own))
    }

    /// What to ask about now, if the recipe should follow the form: a preset was chosen, or the form names something
    /// else and the user has not changed the recipe.
    #[must_use]
    pub fn next(form: &TrainForm, recipe: &TrainRecipe) -> Option<Wanted> {
        let this = &form.suggested;
        let follows = this.chosen || form.source.is_none() && this.is(recipe);
        Wanted::of(form).filter(|wanted| follows && (this.chosen || this.wanted.as_ref() != Some(wanted)))
    }

    /// Takes an answer; returns the recipe to set, with the seeds of `now`.
    pub fn take(
        &mut self,
        wanted: Wanted,
        answer: Result<Suggestion, String>,
        now: &TrainRecipe,
    ) -> Option<TrainRecipe> {
        let (was_chosen, follows) = (std::mem::take(&mut self.chosen), self.is(now));
        self.wanted = Some(wanted);
        match answer {
            Ok(Suggestion { recipe, notes }) if was_chosen || follows => {
                let recipe = TrainRecipe { seed: now.seed, seeds: now.seeds, ..recipe };
                self.notes = notes;
                self.recipe = Some(recipe.clone());
                (recipe != *now).then_some(recipe)
            }
            Ok(_) => None,
            // While a path is typed there is nothing behind it: only a choice deserves an answer.
            Err(why) => {
                self.notes = if was_chosen { vec![why] } else { Vec::new() };
                None
            }
        }
    }

    /// Takes a recipe that was suggested without files.
    pub fn set(&mut self, recipe: &TrainRecipe, notes: Vec<String>) {
        (self.recipe, self.notes, self.chosen) = (Some(recipe.clone()), notes, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn form() -> TrainForm {
        let mut form = TrainForm::default();
        form.choose(TrainPath::Data, Path::new("/d/distilled"));
        *form.text(TrainText::Student) = "conv3".to_owned();
        form
    }

    fn suggestion(batch: u32) -> Suggestion {
        Suggestion { recipe: TrainRecipe { batch, ..TrainRecipe::default() }, notes: vec!["note".to_owned()] }
    }

    #[test]
    fn the_recipe_follows_the_form_until_it_is_changed() {
        let mut form = form();
        let now = TrainRecipe { seeds: 3, ..TrainRecipe::default() };
        let wanted = Suggested::next(&form, &now).unwrap();
        let next = form.suggested.take(wanted, Ok(suggestion(10)), &now).unwrap();
        assert_eq!((next.batch, next.seeds), (10, 3));
        assert_eq!(Suggested::next(&form, &next), None);
        form.choose(TrainPath::Data, Path::new("/d/other"));
        assert!(Suggested::next(&form, &next).is_some());
        // Changed by the user: what comes now, or was asked before, is not taken.
        let own = TrainRecipe { epochs: 7, ..next };
        assert_eq!(Suggested::next(&form, &own), None);
        let wanted = Wanted::of(&form).unwrap();
        assert_eq!(form.suggested.take(wanted, Ok(suggestion(20)), &own), None);
        // Until a preset is chosen.
        (form.suggested.preset, form.suggested.chosen) = (Some("rded"), true);
        let wanted = Suggested::next(&form, &own).unwrap();
        assert_eq!(form.suggested.take(wanted, Ok(suggestion(20)), &own).unwrap().batch, 20);
        assert!(!form.suggested.chosen);
    }

    #[test]
    fn a_failed_look_is_not_repeated_and_said_only_to_who_chose() {
        let mut form = form();
        let now = TrainRecipe::default();
        let wanted = Suggested::next(&form, &now).unwrap();
        assert_eq!(form.suggested.take(wanted, Err("no folder".to_owned()), &now), None);
        assert_eq!((Suggested::next(&form, &now), form.suggested.notes.len()), (None, 0));
        form.suggested.chosen = true;
        let wanted = Suggested::next(&form, &now).unwrap();
        form.suggested.take(wanted, Err("no folder".to_owned()), &now);
        assert_eq!(form.suggested.notes, ["no folder"]);
        assert!(Wanted { preset: Some("nonsense"), ..Wanted::of(&form).unwrap() }.ask().is_err());
    }
}
