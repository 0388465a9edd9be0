//! A picture in its place, or why there is none yet.

use eframe::egui::{Rect, TextStyle, Ui};

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
