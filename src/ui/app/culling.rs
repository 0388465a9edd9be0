//! What the keys and menus of culling do to the selected patches.

use super::state::App;
use crate::core::data::dataset::ImageId;
use crate::core::distil::curation::Mark;
use crate::core::workspace::Command;
use crate::core::workspace::selection::Joining;
use crate::ui::actions::Action;
use crate::ui::intent::Panel;
use crate::ui::model::log::Level;
use crate::ui::panels::order::{ByCell, ByRank, BySuspicion};
use crate::ui::panels::picking::{self, InOrder};
use crate::ui::panels::source::shown_classes;
use crate::ui::widgets::text;

impl App {
    /// Carries out a command of the menu of culling.
    pub(super) fn cull(&mut self, action: Action) {
        match action {
            Action::SelectAll => self.select_shown(Joining::Replace),
            Action::InvertSelection => self.select_shown(Joining::Invert),
            Action::NextPatch => self.go_on(self.behind()),
            Action::Advance => self.model.culling.advance = !self.model.culling.advance,
            Action::Pin => self.mark_and_go_on("pinned", Mark::pinned),
            Action::Reject => self.mark_and_go_on("rejected", Mark::rejected),
            Action::ResetMarks => self.mark("reset", Mark::reset),
            Action::NextCrop | Action::PreviousCrop => self.cut(action == Action::PreviousCrop),
            Action::AnotherImage => self.exchange(),
            Action::ChooseImage => {
                if let Some(image) = self.model.workspace.selected() {
                    self.panels.culling.choose_image(image);
                }
            }
            Action::MoveTo => {
                if let Some(image) = self.model.workspace.selected()
                    && let Some((_, place)) = self.model.cell_of(image)
                {
                    self.panels.culling.choose_cell(image, place);
                }
            }
            of_tags => self.tag(of_tags),
        }
    }

    /// Reads the order in which the active panel shows patches.
    fn in_order<T>(&self, read: impl FnOnce(&dyn InOrder) -> T) -> T {
        let classes = shown_classes(&self.model);
        match self.model.active {
            Some(Panel::Distilled) => read(&ByCell::new(&self.model.ranking, &classes)),
            Some(Panel::Suspects) => read(&BySuspicion::new(&self.model)),
            _ => read(&ByRank::new(&self.model, &classes)),
        }
    }

    fn select_shown(&mut self, joining: Joining) {
        let (_, uncounted) = self.model.shown.total(&self.model.ranking, &shown_classes(&self.model));
        let ranked = !matches!(self.model.active, Some(Panel::Distilled | Panel::Suspects));
        if uncounted > 0 && ranked {
            let classes = text::count(uncounted, "class is", "classes are");
            self.model.say(Level::Warning, format!("{classes} still being counted and left out: select again"));
        }
        let images = self.in_order(picking::all);
        self.edit(Command::SelectMany { images, joining, lead: None });
    }

    /// The patch behind the one that is looked at.
    fn behind(&self) -> Option<ImageId> {
        self.in_order(|order| picking::next(order, self.model.workspace.selected()))
    }

    fn go_on(&mut self, to: Option<ImageId>) {
        if to.is_some() {
            self.edit(Command::Select(to));
        }
    }

    fn mark(&mut self, done: &str, change: impl Fn(Mark) -> Mark) {
        let curation = self.model.workspace.curation();
        let of = |image| (image, curation.mark(image));
        let marks = self.model.workspace.selection().images().map(of).filter(|(_, mark)| change(*mark) != *mark);
        let marks: Vec<_> = marks.map(|(image, mark)| (image, change(mark))).collect();
        let words = format!("{} {done}", text::count(marks.len(), "patch", "patches"));
        self.edit(Command::Curate { marks, words });
    }

    fn mark_and_go_on(&mut self, done: &str, change: impl Fn(Mark) -> Mark) {
        let single = self.model.culling.advance && self.model.workspace.selection().len() == 1;
        // Found before the mark: it may take the patch out of what is shown.
        let next = if single { self.behind() } else { None };
        self.mark(done, change);
        self.go_on(next);
    }

    fn tag(&mut self, action: Action) {
        match action.tag() {
            Some(0) => self.mark("untagged", |mark| mark.tagged(0)),
            Some(tag) => self.mark(&format!("tagged {tag}"), |mark| mark.tagged(tag)),
            None => {}
        }
    }

    fn cut(&mut self, back: bool) {
        match self.model.cut(back) {
            Some(step) => self.edit(step),
            None => self.model.say(Level::Info, "the selected images have no other crop"),
        }
    }

    fn exchange(&mut self) {
        let Some(exchanged) = self.model.exchanged() else { return };
        if exchanged.without > 0 {
            let stay = text::count(exchanged.without, "patch stays", "patches stay");
            self.model
                .say(Level::Warning, format!("{stay}: no other image of the class is left; a larger subset has more"));
        }
        if !exchanged.images.is_empty() {
            self.edit(exchanged.command);
            let images = exchanged.images;
            self.edit(Command::SelectMany { images, joining: Joining::Replace, lead: None });
        }
    }
}
