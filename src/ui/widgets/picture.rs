//! A picture in its place, or why there is none yet.

use eframe::egui::{Rect, TextStyle, Ui, Vec2, vec2};

use super::gallery::Look;
use super::text;
use crate::ui::theme::palette;

/// A picture in its place, or its state.
pub fn picture(ui: &Ui, rect: Rect, look: &Look) {
    let p = palette(ui.visuals());
    match look {
        Look::Ready(shown) => shown.image().paint_at(ui, rect),
        Look::Waiting => {
            ui.painter().rect_filled(rect, 2.0, p.well);
        }
        Look::Failed(why) => {
            ui.painter().rect_filled(rect, 2.0, p.well);
            text::line(ui, rect.shrink(4.0), why, (TextStyle::Small, p.bad));
        }
    }
}

/// A picture in the middle of a rectangle, in its own proportions.
pub fn whole(ui: &Ui, rect: Rect, look: &Look) {
    let Look::Ready(shown) = look else {
        if let Look::Failed(why) = look {
            let color = palette(ui.visuals()).bad;
            text::line(ui, rect, why, (TextStyle::Small, color));
        }
        return;
    };
    let size = vec2(shown.source_size.0 as f32, shown.source_size.1 as f32);
    let scale = (rect.size() / size.max(Vec2::splat(1.0))).min_elem();
    picture(ui, Rect::from_center_size(rect.center(), size * scale), look);
}
