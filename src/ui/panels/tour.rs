//! The tour: from data to a distilled set on the built-in sample, a card and a highlighted panel at a time.

use eframe::egui::{
    self, Context, Frame, Id, Key, LayerId, Margin, Order, Pos2, Rect, RichText, Stroke, StrokeKind, Vec2,
};

use crate::ui::intent::Panel;
use crate::ui::keyboard;
use crate::ui::theme::palette;

/// What is said of a panel.
struct Stop {
    panel: Panel,
    title: &'static str,
    words: &'static str,
}

const STOPS: [Stop; 6] = [
    Stop {
        panel: Panel::Dataset,
        title: "The data",
        words: "This is the built-in sample, which is drawn when it is first opened. Your own images open here, too: type \
                a folder, browse for one, or drop it on the window.",
    },
    Stop {
        panel: Panel::Observer,
        title: "The observer",
        words: "A trained network judges how real each crop of an image looks for its class. It is checked before \
                anything else: a wrong order of its classes is the usual reason why a distillation fails.",
    },
    Stop {
        panel: Panel::Recipe,
        title: "The recipe",
        words: "N patches are stitched to one distilled image, and a class gets IPC of them. Press \"Score patches\" \
                once; IPC and smaller subsets then answer at once.",
    },
    Stop {
        panel: Panel::Patches,
        title: "The patches",
        words: "Each image's best crop is shown here, the most real ones first. Click one to see the image that it \
                comes from, its other crops and their losses.",
    },
    Stop {
        panel: Panel::Distilled,
        title: "The distilled set",
        words: "The best patches, stitched: these images stand for the whole dataset. \"Distil to folder\" in the \
                recipe writes them, with a manifest that says where each patch comes from.",
    },
    Stop {
        panel: Panel::Training,
        title: "Is it any good?",
        words: "Train a student on the distilled images alone and measure it on real ones. Everything else is found by \
                typing with Ctrl+K, and ? lists all keys.",
    },
];

/// What was pressed on the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pressed {
    /// Another stop was reached.
    Moved,
    /// The tour is over.
    Over,
}

/// Where the tour is.
#[derive(Debug, Default)]
pub struct Tour {
    at: Option<usize>,
}

impl Tour {
    /// Begins at the first stop.
    pub fn begin(&mut self) {
        self.at = Some(0);
    }

    /// The panel that is pointed at.
    #[must_use]
    pub fn panel(&self) -> Option<Panel> {
        self.at.and_then(|at| STOPS.get(at)).map(|stop| stop.panel)
    }

    /// Shows the card beside the panel, which lies at `target` where it is in view.
    pub fn show(&mut self, ctx: &Context, room: Rect, target: Option<Rect>) -> Option<Pressed> {
        let at = self.at?;
        let stop = STOPS.get(at)?;
        let accent = palette(&ctx.global_style().visuals).accent;
        if let Some(target) = target {
            let painter = ctx.layer_painter(LayerId::new(Order::Foreground, Id::unique("tour's frame")));
            painter.rect_stroke(target.intersect(room), 4.0, Stroke::new(3.0, accent), StrokeKind::Inside);
        }
        let width = 320.0f32.min(room.width() - 24.0);
        let area = egui::Area::new(Id::unique("tour")).order(Order::Foreground).constrain_to(room);
        let shown = area.fixed_pos(place(room, target, width)).show(ctx, |ui| {
            let frame = Frame::popup(ui.style()).stroke(Stroke::new(1.0, accent)).inner_margin(Margin::same(12));
            frame
                .show(ui, |ui| {
                    ui.set_width(width - 24.0);
                    let p = palette(ui.visuals());
                    let count = format!("{} of {}", at + 1, STOPS.len());
                    ui.label(RichText::new(count).small().color(p.weak));
                    ui.heading(stop.title);
                    ui.add(egui::Label::new(RichText::new(stop.words).color(p.text)).wrap());
                    ui.add_space(6.0);
                    ui.horizontal(|ui| {
                        let back = ui.add_enabled(at > 0, egui::Button::new("Back")).clicked();
                        let last = at + 1 == STOPS.len();
                        let next = ui.button(if last { "Done" } else { "Next" }).clicked();
                        let skip = !last && ui.button("Skip tour").clicked();
                        match (back, next, skip) {
                            (true, ..) => Some(Some(at - 1)),
                            (_, true, _) => Some((!last).then_some(at + 1)),
                            (.., true) => Some(None),
                            _ => None,
                        }
                    })
                    .inner
                })
                .inner
        });
        let escaped = keyboard::is_free(ctx) && ctx.input(|i| i.key_pressed(Key::Escape));
        self.at = shown.inner.or(escaped.then_some(None))?;
        Some(if self.at.is_some() { Pressed::Moved } else { Pressed::Over })
    }
}

/// Beside the panel where there is room, else in the corner.
fn place(room: Rect, target: Option<Rect>, width: f32) -> Pos2 {
    const GAP: f32 = 10.0;
    const HEIGHT: f32 = 190.0;
    let corner = room.right_bottom() - Vec2::new(width + GAP, HEIGHT);
    let Some(target) = target else { return corner };
    let top = (target.top() + 24.0).min(room.bottom() - HEIGHT);
    if target.right() + GAP + width <= room.right() {
        Pos2::new(target.right() + GAP, top)
    } else if target.left() - GAP - width >= room.left() {
        Pos2::new(target.left() - GAP - width, top)
    } else {
        corner
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_card_never_lies_on_the_panel_where_there_is_room_beside_it() {
        let room = Rect::from_min_max(Pos2::new(0.0, 30.0), Pos2::new(1440.0, 860.0));
        for (left, right) in [(0.0, 370.0), (380.0, 960.0), (970.0, 1440.0)] {
            let target = Rect::from_min_max(Pos2::new(left, 60.0), Pos2::new(right, 500.0));
            let card = Rect::from_min_size(place(room, Some(target), 320.0), Vec2::new(320.0, 190.0));
            assert!(!card.intersects(target) && room.contains_rect(card), "{card}");
        }
        let card = place(room, Some(room), 320.0);
        assert_eq!(card, Pos2::new(1110.0, 670.0));
    }
}
