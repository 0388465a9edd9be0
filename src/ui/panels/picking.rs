//! From what happened in a grid to what is selected: the same for all panels that show patches in one.

use eframe::egui::Modifiers;

use crate::core::data::dataset::ImageId;
use crate::core::workspace::Command;
use crate::core::workspace::selection::{Joining, Selection};
use crate::ui::widgets::grid::{At, PickedCells};

/// Images in the order in which a panel shows them, in sections.
pub trait InOrder {
    /// Number of images of each section.
    fn counts(&self) -> &[usize];

    /// The image at a place.
    fn image(&self, at: At) -> Option<ImageId>;

    /// The place of an image; `None` where it isn't shown.
    fn find(&self, image: ImageId) -> Option<At>;
}

/// The images of one section.
pub fn of_section(order: &dyn InOrder, section: usize) -> impl Iterator<Item = ImageId> + '_ {
    let count = order.counts().get(section).copied().unwrap_or(0);
    (0..count).filter_map(move |i| order.image((section, i)))
}

/// All that are shown.
#[must_use]
pub fn all(order: &dyn InOrder) -> Vec<ImageId> {
    (0..order.counts().len()).flat_map(|section| of_section(order, section)).collect()
}

/// The images from one place to another, both included, whichever comes first.
#[must_use]
pub fn between(order: &dyn InOrder, a: At, b: At) -> Vec<ImageId> {
    let (from, to) = (a.min(b), a.max(b));
    let of = |section: usize| {
        let first = if section == from.0 { from.1 } else { 0 };
        let count = order.counts().get(section).copied().unwrap_or(0);
        let end = if section == to.0 { (to.1 + 1).min(count) } else { count };
        (first..end).filter_map(move |i| order.image((section, i)))
    };
    (from.0..=to.0).flat_map(of).collect()
}

/// The image behind another one; the first where that one isn't shown, none behind the last.
#[must_use]
pub fn next(order: &dyn InOrder, image: Option<ImageId>) -> Option<ImageId> {
    let first_of = |s: usize| order.image((s, 0));
    let sections = order.counts().len();
    match image.and_then(|image| order.find(image)) {
        Some((s, i)) => order.image((s, i + 1)).or_else(|| (s + 1..sections).find_map(first_of)),
        None => (0..sections).find_map(first_of),
    }
}

/// Where ranges begin. The image that is looked at goes along with their other end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Anchor {
    /// The beginning of a range, and the end that it holds for.
    from: Option<(ImageId, ImageId)>,
}

impl Anchor {
    /// The range to an image: from where the last one began, or from the image that is looked at.
    fn reach(&mut self, order: &dyn InOrder, lead: Option<ImageId>, to: ImageId) -> Vec<ImageId> {
        let begun = self.from.filter(|(_, end)| Some(*end) == lead).map(|(begin, _)| begin);
        let begin = begun.or(lead).filter(|begin| order.find(*begin).is_some()).unwrap_or(to);
        self.from = Some((begin, to));
        match (order.find(begin), order.find(to)) {
            (Some(a), Some(b)) => between(order, a, b),
            _ => vec![to],
        }
    }

    /// What a click on an image selects, or an arrow key that leads to it: it alone; with Shift the range to it; with
    /// Ctrl it comes or goes, and a range comes.
    pub fn pick(&mut self, order: &dyn InOrder, lead: Option<ImageId>, to: ImageId, modifiers: Modifiers) -> Command {
        let (images, joining) = match (modifiers.shift, modifiers.command) {
            (false, false) => (vec![to], Joining::Replace),
            (false, true) => (vec![to], Joining::Invert),
            (true, false) => (self.reach(order, lead, to), Joining::Replace),
            (true, true) => (self.reach(order, lead, to), Joining::Add),
        };
        Command::SelectMany { images, joining, lead: Some(to) }
    }

    /// What is selected because of what happened in a grid of this order.
    pub fn selects(&mut self, picked: &PickedCells, order: &dyn InOrder, selection: &Selection) -> Option<Command> {
        let modifiers = picked.modifiers;
        if let Some(cells) = &picked.banded {
            let images = cells.iter().filter_map(|(at, _)| order.image(*at)).collect();
            return Some(take_in(images, modifiers));
        }
        if let Some(section) = picked.heading {
            return Some(take_in(of_section(order, section).collect(), modifiers));
        }
        if let Some(spot) = picked.menu {
            let image = order.image(spot.at)?;
            return (!selection.holds(image)).then_some(Command::Select(Some(image)));
        }
        let clicked = picked.clicked.map(|spot| (spot.at, modifiers));
        let shift = Modifiers { shift: modifiers.shift, ..Modifiers::NONE };
        let (at, modifiers) = clicked.or(picked.moved.map(|(at, _)| (at, shift)))?;
        Some(self.pick(order, selection.lead(), order.image(at)?, modifiers))
    }
}

/// What a rubber band selects, or a click on a heading: these; with Ctrl or Shift they come to it, with Alt they leave.
#[must_use]
pub fn take_in(images: Vec<ImageId>, modifiers: Modifiers) -> Command {
    let joining = match modifiers {
        Modifiers { alt: true, .. } => Joining::Subtract,
        Modifiers { shift: true, .. } | Modifiers { command: true, .. } => Joining::Add,
        _ => Joining::Replace,
    };
    // Of a new selection the first one that is shown is looked at: it is near the pointer.
    let lead = if joining == Joining::Replace { images.first().copied() } else { None };
    Command::SelectMany { images, joining, lead }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Images 0 to 4, none, and 10 and 11.
    struct Seven;

    impl InOrder for Seven {
        fn counts(&self) -> &[usize] {
            &[5, 0, 2]
        }

        fn image(&self, (s, i): At) -> Option<ImageId> {
            (i < self.counts()[s]).then(|| ImageId((s * 5 + i) as u32))
        }

        fn find(&self, image: ImageId) -> Option<At> {
            let at = (image.index() / 5, image.index() % 5);
            (at.0 < 3 && at.1 < self.counts()[at.0]).then_some(at)
        }
    }

    fn ids(numbers: &[u32]) -> Vec<ImageId> {
        numbers.iter().map(|i| ImageId(*i)).collect()
    }

    #[test]
    fn ranges_cross_sections_in_both_directions() {
        assert_eq!(between(&Seven, (0, 3), (2, 0)), ids(&[3, 4, 10]));
        assert_eq!(between(&Seven, (2, 0), (0, 3)), ids(&[3, 4, 10]));
        assert_eq!(between(&Seven, (0, 1), (0, 1)), ids(&[1]));
        assert_eq!(all(&Seven), ids(&[0, 1, 2, 3, 4, 10, 11]));
        assert_eq!(
            [Some(4), Some(11), Some(99), None].map(|i| next(&Seven, i.map(ImageId))),
            [Some(ImageId(10)), None, Some(ImageId(0)), Some(ImageId(0))]
        );
    }

    #[test]
    fn a_range_keeps_its_beginning_until_something_else_is_looked_at() {
        let mut anchor = Anchor::default();
        let mut reach =
            |lead: u32, to: u32| match anchor.pick(&Seven, Some(ImageId(lead)), ImageId(to), Modifiers::SHIFT) {
                Command::SelectMany { images, joining: Joining::Replace, lead } if lead == Some(ImageId(to)) => images,
                other => panic!("{other:?}"),
            };
        assert_eq!(reach(1, 3), ids(&[1, 2, 3]));
        assert_eq!(reach(3, 0), ids(&[0, 1]), "from 1 still");
        assert_eq!(reach(4, 10), ids(&[4, 10]), "4 was clicked in between");
        assert_eq!(reach(77, 2), ids(&[2]), "what isn't shown begins no range");
    }

    #[test]
    fn modifiers_say_how_images_join() {
        let mut anchor = Anchor::default();
        let mut click = |modifiers| match anchor.pick(&Seven, Some(ImageId(0)), ImageId(2), modifiers) {
            Command::SelectMany { images, joining, .. } => (images.len(), joining),
            other => panic!("{other:?}"),
        };
        assert_eq!(click(Modifiers::NONE), (1, Joining::Replace));
        assert_eq!(click(Modifiers::COMMAND), (1, Joining::Invert));
        assert_eq!(click(Modifiers::COMMAND | Modifiers::SHIFT), (3, Joining::Add));
        let band = |modifiers| match take_in(ids(&[1]), modifiers) {
            Command::SelectMany { joining, .. } => joining,
            other => panic!("{other:?}"),
        };
        assert_eq!(band(Modifiers::NONE), Joining::Replace);
        assert_eq!([band(Modifiers::COMMAND), band(Modifiers::SHIFT)], [Joining::Add; 2]);
        assert_eq!(band(Modifiers::ALT), Joining::Subtract);
    }
}
