//! What the app does for a person who looks at one patch: steps in rank, and what the observer says of it.

use super::state::App;
use crate::core::distil::scores::PatchScore;
use crate::core::workspace::Command;
use crate::jobs::opinion::Asked;

impl App {
    /// Selects the patch that is `step` ranks further, within its class.
    pub(super) fn step_in_rank(&mut self, step: isize) {
        let Some((_, class, rank)) = self.model.selected_place() else { return };
        let next = rank.checked_add_signed(step).and_then(|rank| self.model.ranking.ranked(class).get(rank));
        if let Some(patch) = next {
            self.edit(Command::Select(Some(patch.image)));
        }
    }

    /// The patch that is looked at.
    fn looked_at(&self) -> Option<PatchScore> {
        let (_, class, rank) = self.model.selected_place()?;
        self.model.ranking.ranked(class).get(rank).copied()
    }

    /// Takes the observer's answer, and asks about another patch once it is looked at.
    pub(super) fn drain_opinions(&mut self) {
        while let Some(opinion) = self.opinions.poll() {
            self.model.opinion = Some(opinion);
        }
        let patch = self.looked_at();
        let of = patch.map(|patch| (patch.image, patch.bbox));
        if of == self.asked_about {
            return;
        }
        self.asked_about = of;
        self.model.opinion = None;
        let (Some(patch), Some(observer), Some(dataset)) = (patch, &self.model.observer, self.model.dataset()) else {
            return;
        };
        let recipe = *self.model.ranking.recipe(dataset.class_of(patch.image));
        self.opinions.ask(Asked { observer: observer.clone(), dataset: dataset.clone(), recipe, patch });
    }
}
