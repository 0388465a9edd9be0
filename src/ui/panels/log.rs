//! The log panel.

use eframe::egui::{self, Rect, RichText, Sense, TextStyle, Ui, Vec2};

use super::controls::command;
use super::scene::Scene;
use crate::ui::actions::Action;
use crate::ui::model::log::{Level, clock};
use crate::ui::theme::palette;
use crate::ui::widgets::text;

/// Shows the log, newest at the bottom.
pub fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    let log = &scene.model.log;
    let (warnings, errors) = log.counts();
    let p = palette(ui.visuals());
    ui.horizontal(|ui| {
        let kept = text::count(log.entries().len(), "entry", "entries");
        let mut words = format!(
            "{kept}, {}, {}",
            text::count(warnings, "warning", "warnings"),
            text::count(errors, "error", "errors")
        );
        if log.dropped() > 0 {
            words.push_str(&format!("; the {} oldest were dropped", text::thousands(log.dropped() as u64)));
        }
        ui.label(RichText::new(words).color(p.weak));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| command(ui, Action::CopyLog, scene));
    });
    let row = ui.text_style_height(&TextStyle::Body) + 2.0;
    let entries = scene.model.log.entries();
    ui.spacing_mut().item_spacing.y = 0.0;
    egui::ScrollArea::vertical().id_salt("log").auto_shrink(false).stick_to_bottom(true).show_rows(
        ui,
        row,
        entries.len(),
        |ui, rows| {
            for entry in entries.range(rows) {
                let (rect, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), row), Sense::hover());
                let color = match entry.level {
                    Level::Info => p.text,
                    Level::Warning => p.warn,
                    Level::Error => p.bad,
                };
                let (time, words) = (rect.with_max_x(rect.left() + 44.0), rect.with_min_x(rect.left() + 44.0));
                text::line(ui, time, &clock(entry.at_secs), (TextStyle::Small, p.weak));
                let cut =
                    text::line(ui, Rect::from_min_max(words.min, rect.max), &entry.text, (TextStyle::Body, color));
                let label = egui::WidgetInfo::labeled(egui::Role::Label, true, &entry.text);
                response.widget_info(|| label.clone());
                if cut {
                    response.on_hover_text(&entry.text);
                }
            }
        },
    );
}
