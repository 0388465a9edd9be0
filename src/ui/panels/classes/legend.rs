//! Colours of shares, and what they mean.

use eframe::egui::{Align2, Color32, Rect, Role, Sense, TextStyle, Ui, Vec2, WidgetInfo, pos2};

use crate::core::chart::colours::viridis;
use crate::ui::theme::palette;

/// Percent that are named.
const NAMED: [f64; 5] = [0.0, 10.0, 25.0, 50.0, 100.0];

/// Where a percentage lies on the scale, from 0 to 1: by the root, so that rare confusions differ from none.
fn place(percent: f64) -> f64 {
    (percent / 100.0).clamp(0.0, 1.0).sqrt()
}

/// The colour of a percentage.
pub fn colour(percent: f64) -> Color32 {
    let [r, g, b] = viridis(place(percent));
    Color32::from_rgb(r, g, b)
}

/// A colour that can be read on that of a percentage.
pub fn ink(percent: f64) -> Color32 {
    let [r, g, b] = viridis(place(percent)).map(u32::from);
    let light = 299 * r + 587 * g + 114 * b > 128_000;
    if light { Color32::from_gray(16) } else { Color32::from_gray(240) }
}

/// The scale with its percentages.
pub fn show(ui: &mut Ui) {
    const STEPS: usize = 48;
    let p = palette(ui.visuals());
    let (rect, response) = ui.allocate_exact_size(Vec2::new(190.0, 26.0), Sense::hover());
    let bar = Rect::from_min_max(rect.min + Vec2::new(10.0, 0.0), pos2(rect.right() - 30.0, rect.top() + 10.0));
    let at = |share: f64| bar.left() + bar.width() * share as f32;
    for step in 0..STEPS {
        let share = |step: usize| step as f64 / STEPS as f64;
        let middle = (step as f64 + 0.5) / STEPS as f64;
        let slice = Rect::from_x_y_ranges(at(share(step))..=at(share(step + 1)) + 0.5, bar.y_range());
        ui.painter().rect_filled(slice, 0.0, colour(100.0 * middle * middle));
    }
    let font = TextStyle::Small.resolve(ui.style());
    for percent in NAMED {
        let words = if percent == 100.0 { "100 %".to_owned() } else { percent.to_string() };
        let below = pos2(at(place(percent)), bar.bottom() + 2.0);
        ui.painter().text(below, Align2::CENTER_TOP, words, font.clone(), p.weak);
    }
    let name = "colours: share of the class's images, from 0 to 100 percent";
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, name));
    response.on_hover_text("Share of the images of the row's class");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_confusions_differ_from_none_and_words_can_be_read() {
        assert_eq!([place(0.0), place(25.0), place(100.0), place(400.0)], [0.0, 0.5, 1.0, 1.0]);
        let apart =
            |a: Color32, b: Color32| a.r().abs_diff(b.r()).max(a.g().abs_diff(b.g())).max(a.b().abs_diff(b.b()));
        assert!(apart(colour(0.0), colour(2.0)) > 20);
        for percent in 0..=100 {
            assert!(apart(colour(f64::from(percent)), ink(f64::from(percent))) > 90, "{percent}");
        }
    }
}
