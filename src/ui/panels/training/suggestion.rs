//! Which recipe a paper suggests for what the form names. The files are looked at away from the frame.

use std::path::PathBuf;

use crate::core::data::folders::Folders;
use crate::core::train::presets::{Suggestion, Task};
use crate::core::train::recipe::TrainRecipe;
use crate::jobs::Arch;
use crate::jobs::open::ObserverRequest;
use crate::jobs::train::{About, suggest};

/// What a suggestion depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    pub(super) preset: Option<&'static str>,
    pub(super) data: PathBuf,
    pub(super) folders: Folders,
    pub(super) images_per_class: Option<u32>,
    pub(super) observer: Option<ObserverRequest>,
    pub(super) labels: Option<PathBuf>,
    pub(super) student: Arch,
    pub(super) side: Option<usize>,
    pub(super) task: Task,
}

/// What has been suggested.
#[derive(Clone, Debug, Default)]
pub struct Suggested {
    /// The chosen preset; the usual one for `None`.
    pub preset: Option<&'static str>,
    /// The preset was chosen just now: it is taken whatever the recipe is.
    pub chosen: bool,
    /// What was asked about last.
    pub(super) wanted: Option<Wanted>,
    /// The recipe that came of it.
    recipe: Option<TrainRecipe>,
    /// What the user should know of it.
    pub notes: Vec<String>,
}

impl Wanted {
    /// The recipe, from the files.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub fn ask(&self) -> Result<Suggestion, String> {
        let about = About {
            data: &self.data,
            folders: self.folders,
            images_per_class: self.images_per_class,
            observer: self.observer.as_ref(),
            labels: self.labels.as_deref(),
            storing: false,
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
