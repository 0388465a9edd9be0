//! Commands of the table that change what is shown.

use super::state::App;
use crate::core::distil::curation::Choice;
use crate::core::workspace::Command;
use crate::core::workspace::view::Filter;
use crate::ui::actions::Action;
use crate::ui::intent::Panel;

impl App {
    pub(super) fn act_on_filter(&mut self, action: Action) {
        let now = self.model.workspace.filter().clone();
        let turned = |choice: Choice| (now.choice != Some(choice)).then_some(choice);
        let next = match action {
            Action::FindByName => {
                self.desk.show(Panel::Patches);
                self.panels.patches.bar.find();
                return;
            }
            Action::ClearFilters => Filter { class: now.class, ..Filter::default() },
            Action::OnlyStitched => Filter { stitched: !now.stitched, ..now },
            Action::OnlyPinned => Filter { choice: turned(Choice::Pinned), ..now },
            Action::OnlyRejected => Filter { choice: turned(Choice::Rejected), ..now },
            _ => return,
        };
        [Command::Settle, Command::SetFilter(next), Command::Settle].into_iter().for_each(|c| self.edit(c));
    }
}
