//! What checking and scoring bring.

use std::sync::Arc;

use super::log::Level;
use super::{Model, words};
use crate::core::data::dataset::ClassId;
use crate::core::distil::recipe::Recipe;
use crate::jobs::check::CheckReport;
use crate::jobs::distill::Found;
use crate::jobs::open::OpenedObserver;
use crate::jobs::worker::Job;

impl Model {
    pub(super) fn take_check(&mut self, report: Arc<CheckReport>) {
        let verdict = report.verdict();
        self.say_all(words::of_check(&report, &verdict));
        self.check = Some((report, verdict));
    }

    /// Scores for other outputs are scores of something else.
    pub(super) fn take_reordered(&mut self, opened: Arc<OpenedObserver>) {
        if let Some(request) = &mut self.observer_request {
            request.class_order = opened.request.class_order;
        }
        let same = self.observer.as_ref().is_some_and(|before| before.map.outputs == opened.map.outputs);
        self.observer = Some(opened);
        if !same {
            self.ranking.open(self.data.as_ref().map(|data| data.dataset.clone()));
        }
    }

    pub(super) fn take_found(&mut self, recipe: &Recipe, class: ClassId, found: Found) {
        let (Some(data), Some(recipe)) = (self.data.clone(), recipe.rded()) else { return };
        match found {
            Found::Scores(block) => {
                self.say_broken(data.dataset.class(class).shown(), block.broken.len());
                self.ranking.add(&recipe, class, block);
            }
            Found::Picks(picks) => self.ranking.add_picks(&recipe, class, picks),
            Found::Refining(_) => {}
        }
    }

    /// Distilling names broken files itself; scoring only keeps them.
    fn say_broken(&mut self, class: &str, broken: usize) {
        if broken > 0 && self.running.as_ref().is_some_and(|r| r.job == Job::Score) {
            self.say(Level::Warning, words::of_broken(class, broken));
        }
    }
}
