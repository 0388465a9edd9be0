//! What the form has a paper suggest a recipe for.

use super::form::{TrainForm, TrainText};
use super::suggestion::Wanted;
use crate::core::train::presets::Task;
use crate::core::train::recipe::TrainRecipe;
use crate::store::training::TrainingKind;
use crate::ui::intent::TrainPath;

impl TrainForm {
    /// What to ask about; `None` while the form names no images or no network.
    #[must_use]
    pub fn wanted(&self) -> Option<Wanted> {
        let side = self.side().ok()?;
        let students = self.kind() == TrainingKind::Train;
        Some(Wanted {
            preset: self.suggested.preset,
            data: self.given(TrainPath::Data)?,
            folders: self.folders(),
            images_per_class: self.said(TrainText::Images).parse().ok().filter(|_| students),
            observer: self.observer(side, None).ok()?.filter(|_| students),
            labels: self.given(TrainPath::Labels).filter(|_| students),
            student: self.said(TrainText::Student).parse().ok()?,
            side,
            task: if students { Task::Student } else { Task::Observer },
        })
    }

    /// What to ask about now, if the recipe should follow the form: a preset was chosen, or the form names something
    /// else and the user has not changed the recipe.
    #[must_use]
    pub fn next_wanted(&self, recipe: &TrainRecipe) -> Option<Wanted> {
        let suggested = &self.suggested;
        let follows = suggested.chosen || self.source.is_none() && suggested.is(recipe);
        self.wanted().filter(|wanted| follows && (suggested.chosen || suggested.wanted.as_ref() != Some(wanted)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::train::presets::Suggestion;
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
        let wanted = form.next_wanted(&now).unwrap();
        let next = form.suggested.take(wanted, Ok(suggestion(10)), &now).unwrap();
        assert_eq!((next.batch, next.seeds), (10, 3));
        assert_eq!(form.next_wanted(&next), None);
        form.choose(TrainPath::Data, Path::new("/d/other"));
        assert!(form.next_wanted(&next).is_some());
        // Changed by the user: what comes now, or was asked before, is not taken.
        let own = TrainRecipe { epochs: 7, ..next };
        assert_eq!(form.next_wanted(&own), None);
        let wanted = form.wanted().unwrap();
        assert_eq!(form.suggested.take(wanted, Ok(suggestion(20)), &own), None);
        // Until a preset is chosen.
        (form.suggested.preset, form.suggested.chosen) = (Some("rded"), true);
        let wanted = form.next_wanted(&own).unwrap();
        assert_eq!(form.suggested.take(wanted, Ok(suggestion(20)), &own).unwrap().batch, 20);
        assert!(!form.suggested.chosen);
    }

    #[test]
    fn a_failed_look_is_not_repeated_and_said_only_to_who_chose() {
        let mut form = form();
        let now = TrainRecipe::default();
        let wanted = form.next_wanted(&now).unwrap();
        assert_eq!(form.suggested.take(wanted, Err("no folder".to_owned()), &now), None);
        assert_eq!((form.next_wanted(&now), form.suggested.notes.len()), (None, 0));
        form.suggested.chosen = true;
        let wanted = form.next_wanted(&now).unwrap();
        form.suggested.take(wanted, Err("no folder".to_owned()), &now);
        assert_eq!(form.suggested.notes, ["no folder"]);
        assert!(Wanted { preset: Some("nonsense"), ..form.wanted().unwrap() }.ask().is_err());
    }
}
