//! The rubber band: a drag over a grid that takes in all cells it touches.

use eframe::egui::{Id, PointerButton, Pos2, Rect, Sense, Stroke, StrokeKind, Ui, Vec2};

use crate::ui::theme::palette;

/// Points by which a band that leaves the view scrolls in a frame.
const SCROLL: f32 = 12.0;

/// A band in this frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Band {
    /// In the content's positions.
    pub(super) rect: Rect,
    /// The button was let go.
    pub(super) done: bool,
}

/// Follows a drag that begins in `view`, a part of the screen; `origin` is the content's first pixel on the screen. Call
/// it before the cells, which take clicks but no drags.
pub(super) fn drag(ui: &mut Ui, id: Id, view: Rect, origin: Pos2) -> Option<Band> {
    // A finger scrolls.
    if ui.input(|i| i.has_touch_screen()) {
        return None;
    }
    // With clicks, it is no drag before the pointer has moved.
    let response = ui.interact(view, id, Sense::CLICK | Sense::DRAG);
    let (press, now) = ui.input(|i| (i.pointer.press_origin(), i.pointer.latest_pos()));
    let primary = PointerButton::Primary;
    if response.drag_started_by(primary)
        && let Some(press) = press
    {
        ui.data_mut(|data| data.insert_temp(id, press - origin));
    }
    let (dragged, done) = (response.dragged_by(primary), response.drag_stopped_by(primary));
    if !dragged && !done {
        return None;
    }
    let from = ui.data(|data| data.get_temp::<Vec2>(id))?.to_pos2();
    let now = response.interact_pointer_pos().or(now)?;
    let beyond = (now.y - view.max.y).max(0.0) + (now.y - view.min.y).min(0.0);
    if dragged && beyond != 0.0 {
        ui.scroll_with_delta(Vec2::new(0.0, -beyond.clamp(-SCROLL, SCROLL)));
        ui.request_repaint();
    }
    let rect = Rect::from_two_pos(from, (now - origin).to_pos2());
    Some(Band { rect, done })
}

/// Paints a band over the cells.
pub(super) fn paint(ui: &Ui, band: &Band, origin: Pos2) {
    let color = palette(ui.visuals()).accent;
    let rect = band.rect.translate(origin.to_vec2());
    ui.painter().rect_filled(rect, 0.0, color.gamma_multiply(0.12));
    ui.painter().rect_stroke(rect, 0.0, Stroke::new(1.0, color), StrokeKind::Inside);
}
