//! Text in fixed places: cut with an ellipsis, never spilling over.

use std::sync::Arc;

use eframe::egui::{self, Align2, Color32, FontId, Galley, Pos2, Rect, RichText, TextStyle, Ui};

use super::super::theme::palette;

/// One line of text, cut with an ellipsis where it is wider than `width`.
pub fn elided(ui: &Ui, text: &str, width: f32, (style, color): (TextStyle, Color32)) -> Arc<Galley> {
    let font: FontId = style.resolve(ui.style());
    let mut job = egui::text::LayoutJob::simple_singleline(text.to_owned(), font, color);
    job.wrap = egui::text::TextWrapping::truncate_at_width(width);
    ui.painter().layout_job(job)
}

/// Paints one line within `rect` from its left edge; returns whether it was cut.
pub fn line(ui: &Ui, rect: Rect, text: &str, (style, color): (TextStyle, Color32)) -> bool {
    let galley = elided(ui, text, rect.width(), (style, color));
    let pos = Align2::LEFT_CENTER.align_size_within_rect(galley.size(), rect).min;
    let cut = galley.elided;
    ui.painter().galley(Pos2::new(rect.left(), pos.y), galley, color);
    cut
}

/// What a line of text takes of a row, with the gap behind it.
pub fn text_width(ui: &Ui, text: &str) -> f32 {
    let font = TextStyle::Body.resolve(ui.style());
    let galley = ui.painter().layout_no_wrap(text.to_owned(), font, ui.visuals().text_color());
    galley.size().x + ui.spacing().item_spacing.x
}

/// What a button with this text takes of a row, with the gap behind it; nothing for no text.
pub fn button_width(ui: &Ui, text: &str) -> f32 {
    if text.is_empty() { 0.0 } else { text_width(ui, text) + 2.0 * ui.spacing().button_padding.x }
}

/// An error or a warning where it arose, wrapped, that can be selected and copied.
pub fn problem(ui: &mut Ui, text: &str, bad: bool) {
    let p = palette(ui.visuals());
    let color = if bad { p.bad } else { p.warn };
    egui::Frame::new()
        .fill(p.raised)
        .stroke(egui::Stroke::new(1.0, color))
        .corner_radius(4)
        .inner_margin(egui::Margin::symmetric(8, 3))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.add(egui::Label::new(RichText::new(text).color(color)).wrap());
        });
}

/// What an empty panel says: what it is for, and what to do next.
pub fn empty(ui: &mut Ui, title: &str, next: &str) {
    let p = palette(ui.visuals());
    ui.add_space((ui.available_height() * 0.3).clamp(8.0, 160.0));
    ui.vertical_centered(|ui| {
        ui.set_max_width((ui.available_width() - 32.0).clamp(60.0, 380.0));
        ui.label(RichText::new(title).heading().color(p.text));
        ui.add_space(2.0);
        ui.add(egui::Label::new(RichText::new(next).color(p.weak)).wrap());
        ui.add_space(6.0);
    });
}

/// A row "name   value" of a facts table within a two-column grid.
pub fn fact(ui: &mut Ui, name: &str, value: &str) {
    let p = palette(ui.visuals());
    ui.label(RichText::new(name).color(p.weak));
    ui.add(egui::Label::new(RichText::new(value).color(p.text)).truncate()).on_hover_text(value);
    ui.end_row();
}

/// A count with its noun, in the right number.
#[must_use]
pub fn count(n: usize, one: &str, many: &str) -> String {
    format!("{} {}", thousands(n as u64), if n == 1 { one } else { many })
}

/// 1300000 → "1,300,000".
#[must_use]
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A size on the disk: "65,598 bytes", "1.2 MiB".
#[must_use]
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["MiB", "GiB", "TiB", "PiB"];
    if bytes < 100_000 {
        return count(bytes as usize, "byte", "bytes");
    }
    let mut size = bytes as f64 / 1_048_576.0;
    let mut unit = 0;
    while size >= 1000.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    let digits = if size < 10.0 { 2 } else { 1 };
    format!("{size:.digits$} {}", UNITS[unit])
}

/// A loss, small ones with their power of ten: 0.000015 → "1.5e-5".
#[must_use]
pub fn loss(value: f32) -> String {
    if value.is_infinite() {
        "∞".to_owned()
    } else if value == 0.0 {
        "0".to_owned()
    } else if value.abs() < 0.0005 {
        format!("{value:.1e}")
    } else {
        format!("{value:.3}")
    }
}

/// A probability in percent.
#[must_use]
pub fn percent(probability: f32) -> String {
    let percent = 100.0 * probability;
    if percent >= 99.95 { "100 %".to_owned() } else { format!("{percent:.1} %") }
}

/// Hours, minutes and seconds, rounded up: "1:02:05".
#[must_use]
pub fn duration(seconds: f64) -> String {
    let secs = seconds.max(0.0).ceil() as u64;
    let (hours, minutes, secs) = (secs / 3600, secs / 60 % 60, secs % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{secs:02}") } else { format!("{minutes}:{secs:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([duration(5.2), duration(3_725.0)], ["0:06", "1:02:05"]);
        assert_eq!([thousands(0), thousands(999), thousands(1_300_000)], ["0", "999", "1,300,000"]);
        assert_eq!([loss(0.0), loss(1.5e-5), loss(2.35259), loss(f32::INFINITY)], ["0", "1.5e-5", "2.353", "∞"]);
        assert_eq!([count(1, "image", "images"), count(1200, "image", "images")], ["1 image", "1,200 images"]);
        assert_eq!([bytes(1), bytes(65_598), bytes(247_324)], ["1 byte", "65,598 bytes", "0.24 MiB"]);
        assert_eq!([bytes(1 << 20), bytes(20 << 30), bytes(1 << 60)], ["1.00 MiB", "20.0 GiB", "1024.0 PiB"]);
    }
}
