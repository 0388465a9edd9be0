//! What checking and scoring bring.

use std::sync::Arc;

use super::Model;
use super::log::Level;
use crate::core::data::dataset::ClassId;
use crate::core::distil::recipe::Recipe;
use crate::jobs::check::{CheckReport, Verdict};
use crate::jobs::distill::Found;
use crate::jobs::open::OpenedObserver;
use crate::jobs::worker::Job;

impl Model {
    pub(super) fn take_check(&mut self, report: Arc<CheckReport>) {
        let text = format!("check: top-1 {:.2} % on {} images", report.top1, report.images);
        let verdict = report.verdict();
        match &verdict {
            Verdict::Good => self.say(Level::Info, text),
            Verdict::Doubtful(why) | Verdict::Refused(why) => self.say(Level::Warning, format!("check: {why}")),
        }
        if let Some(order) = &report.order {
            self.say(Level::Info, order.to_string());
        }
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
            let dataset = self.dataset().cloned();
            self.ranking.open(dataset);
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
        }
    }

    /// Distilling names broken files itself; scoring only keeps them.
    fn say_broken(&mut self, class: &str, broken: usize) {
        if broken > 0 && self.running.as_ref().is_some_and(|r| r.job == Job::Score) {
            let text = format!("class '{class}': {broken} broken files left out; the Dataset panel lists them");
            self.say(Level::Warning, text);
        }
    }
}
