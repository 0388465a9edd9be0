//! An image over what it began with, and a line between both that is dragged over it or moved by keys.

use eframe::egui::{
    self, Align2, Color32, EventFilter, Key, Modifiers, Pos2, Rect, Sense, Shape, Stroke, TextStyle, TextureHandle, Ui,
    Vec2, WidgetInfo,
};

use crate::ui::theme::palette;

/// What an arrow key moves the line by, of the image's width.
const STEP: f32 = 0.02;

/// Where the line is: left of it is what the image began with.
pub(super) struct Wipe {
    at: f32,
}

impl Default for Wipe {
    fn default() -> Self {
        Self { at: 0.5 }
    }
}

/// The whole of a texture.
pub(super) const WHOLE: Rect = Rect { min: Pos2::ZERO, max: Pos2 { x: 1.0, y: 1.0 } };

impl Wipe {
    /// Shows both pictures in a square of this side.
    pub(super) fn show(&mut self, ui: &mut Ui, side: f32, (start, now): (&TextureHandle, &TextureHandle)) {
        let (rect, response) = ui.allocate_exact_size(Vec2::splat(side), Sense::click_and_drag());
        if let Some(pointer) = response.interact_pointer_pos() {
            self.at = ((pointer.x - rect.left()) / rect.width()).clamp(0.0, 1.0);
            response.request_focus();
        }
        if response.has_focus() {
            self.keys(ui, response.id);
        }
        let at = f64::from(100.0 * self.at).round();
        response.widget_info(|| WidgetInfo::slider(true, at, "Line between before and after"));
        if response.hovered() || response.dragged() {
            ui.set_cursor_icon(egui::CursorIcon::ResizeHorizontal);
        }
        self.paint(ui, rect, (start, now), response.has_focus());
        let tip = format!(
            "Left of the line: as it began. Right of it: as it is now. The line is at {at} % of the width.\n\
             Drag it, or move it with the arrow keys, Home and End"
        );
        response.on_hover_text(tip);
    }

    fn keys(&mut self, ui: &Ui, id: egui::Id) {
        let filter = EventFilter { horizontal_arrows: true, ..EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(id, filter));
        let pressed = |key| ui.input_mut(|i| i.consume_key(Modifiers::NONE, key));
        for (key, to) in
            [(Key::ArrowLeft, self.at - STEP), (Key::ArrowRight, self.at + STEP), (Key::Home, 0.0), (Key::End, 1.0)]
        {
            if pressed(key) {
                self.at = to.clamp(0.0, 1.0);
            }
        }
    }

    fn paint(&self, ui: &Ui, rect: Rect, (start, now): (&TextureHandle, &TextureHandle), focused: bool) {
        let p = palette(ui.visuals());
        let x = rect.left() + self.at * rect.width();
        let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
        let part = |from: f32, to: f32| Rect::from_min_max(Pos2::new(from, 0.0), Pos2::new(to, 1.0));
        painter.image(start.id(), rect.with_max_x(x), part(0.0, self.at), Color32::WHITE);
        painter.image(now.id(), rect.with_min_x(x), part(self.at, 1.0), Color32::WHITE);
        // Dark beside light: the line is seen on any picture.
        let ground = p.well.gamma_multiply(0.75);
        painter.vline(x, rect.y_range(), Stroke::new(5.0, ground));
        painter.vline(x, rect.y_range(), Stroke::new(2.0, if focused { p.accent } else { p.text }));
        let middle = Pos2::new(x, rect.center().y);
        for sign in [-1.0, 1.0] {
            let tip = middle + Vec2::new(9.0 * sign, 0.0);
            let corners = vec![tip, middle + Vec2::new(4.0 * sign, -5.0), middle + Vec2::new(4.0 * sign, 5.0)];
            painter.add(Shape::convex_polygon(corners, p.text, Stroke::new(1.0, ground)));
        }
        for (words, corner, align) in [
            ("before", rect.left_bottom() + Vec2::new(5.0, -4.0), Align2::LEFT_BOTTOM),
            ("now", rect.right_bottom() + Vec2::new(-5.0, -4.0), Align2::RIGHT_BOTTOM),
        ] {
            let font = TextStyle::Small.resolve(ui.style());
            let galley = painter.layout_no_wrap(words.to_owned(), font, p.text);
            let place = align.anchor_size(corner, galley.size());
            painter.rect_filled(place.expand(2.0), 2.0, ground);
            painter.galley(place.min, galley, p.text);
        }
    }
}
