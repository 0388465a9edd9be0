//! Live tuning: what a change of the recipe comes to is worked out away from the frame, and what it needs besides is
//! scored by itself once the slider rests.

use eframe::egui::Context;

use super::pending::Tuning;
use super::state::App;
use crate::core::distil::rded::Rded;
use crate::core::distil::recipe::{OutputFormat, Recipe};
use crate::jobs::check::Verdict;
use crate::jobs::worker::{Event, Job};
use crate::ui::later;

/// Seconds for which the recipe rests before it is scored by itself.
const REST_SECS: f64 = 0.6;

impl App {
    /// A parameter is about to be changed.
    pub(super) fn tuning_begins(&mut self, name: &'static str) {
        if self.tuning.moving.as_ref().is_none_or(|(moving, _)| *moving != name) {
            let basis = self.model.ranking.basis(self.model.workspace.chosen());
            self.tuning.moving = Some((name, basis));
        }
    }

    /// A parameter has been changed.
    pub(super) fn tuning_moved(&mut self) {
        self.tuning.again = true;
    }

    /// The drag or the typing is over.
    pub(super) fn tuning_settles(&mut self) {
        self.tuning.moving = None;
    }

    /// Takes what was worked out, and begins what is due.
    pub(super) fn tune(&mut self, ctx: &Context) {
        if let Some((name, difference)) =
            self.tuning.counting.as_ref().and_then(|(n, r)| Some((*n, r.try_recv().ok()?)))
        {
            self.tuning.counting = None;
            self.model.changes.insert(name, difference);
        }
        if self.tuning.again && self.tuning.counting.is_none() {
            self.tuning.again = false;
            self.count_change(ctx);
        }
        self.score_by_itself(ctx);
    }

    fn count_change(&mut self, ctx: &Context) {
        let Some((name, before)) = self.tuning.moving.clone() else { return };
        let now = self.model.ranking.basis(self.model.workspace.chosen());
        self.model.changes.remove(name);
        if now.is_empty() {
            return;
        }
        self.model.last_change = Some(name);
        // Of another N or seed nothing is known yet; it is told once it is scored.
        if now.is_stale() {
            self.tuning.again = true;
            return;
        }
        let repaint = ctx.clone();
        let counted = later::later(move || {
            let difference = before.difference(&now);
            repaint.request_repaint();
            difference
        });
        self.tuning.counting = Some((name, counted));
    }

    /// Scores what the recipe lacks, once it rests.
    fn score_by_itself(&mut self, ctx: &Context) {
        let recipe = self.model.workspace.recipe();
        if self.tuning.resting.as_ref().is_none_or(|(resting, _)| resting != recipe) {
            self.tuning.resting = Some((recipe.clone(), self.model.now_secs));
        }
        if let Some((own, control)) = &self.tuning.own
            && needs(own) != needs(recipe)
        {
            control.cancel();
        }
        let due = self.model.live
            && self.model.staleness().0 > 0
            && self.model.ranking.any()
            && self.model.observer.is_some()
            && !matches!(self.model.check, Some((_, Verdict::Refused(_))) | None)
            && self.tuning.declined.as_ref().is_none_or(|declined| declined.rded() != recipe.rded())
            && ![Job::Score, Job::Distill, Job::OpenObserver, Job::OpenDataset]
                .iter()
                .any(|job| self.model.is_under_way(*job));
        if !due {
            return;
        }
        let rests = self.tuning.resting.as_ref().map_or(0.0, |(_, since)| self.model.now_secs - since);
        if rests < REST_SECS {
            ctx.request_repaint_after(std::time::Duration::from_secs_f64(REST_SECS - rests));
            return;
        }
        let recipe = recipe.clone();
        self.score();
        self.tuning.own = self.model.waiting.last().map(|waiting| (recipe, waiting.control.clone()));
    }

    /// Whether the scoring that runs was begun by itself.
    pub(super) fn scores_by_itself(&self) -> bool {
        self.tuning.own.is_some()
    }

    /// A scoring that was stopped or failed is not begun again by itself.
    pub(super) fn tuning_heard(&mut self, event: &Event) {
        match event {
            Event::Cancelled(Job::Score) | Event::Failed(Job::Score, _) => {
                // Stopped because the recipe moved on: what it is now may be scored.
                let outdated =
                    self.tuning.own.as_ref().is_some_and(|(own, _)| needs(own) != needs(self.model.workspace.recipe()));
                if !outdated {
                    self.tuning.declined = Some(self.model.workspace.recipe().clone());
                }
            }
            Event::Finished(Job::Score) => self.tuning.own = None,
            // Another subset may have been scored, and is known from now on.
            Event::Observer(_) | Event::Dataset(_) => {
                self.tuning = Tuning::default();
                self.model.changes.clear();
                self.model.last_change = None;
            }
            _ => {}
        }
    }
}

/// What a recipe's scores and picks depend on; nothing of a method that has none.
fn needs(recipe: &Recipe) -> Option<Recipe<Rded>> {
    let own = recipe.rded()?;
    let picks = own.method.strategy.needs_features();
    Some(Recipe { ipc: if picks { own.ipc } else { 1 }, format: OutputFormat::Png, ..own })
}
