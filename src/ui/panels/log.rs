//! The log panel.

use eframe::egui::{self, Rect, RichText, Sense, TextStyle, Ui, Vec2};

use super::controls::command;
use super::scene::Scene;
use crate::ui::actions::Action;
use crate::ui::model::log::{Level, Log, clock};
use crate::ui::theme::palette;
use crate::ui::widgets::text;

/// What the panel remembers.
#[derive(Default)]
pub struct LogPanel {
    /// The entry that is shown whole, counted from the start with those that were dropped.
    whole: Option<usize>,
}

impl LogPanel {
    /// Shows the log, newest at the bottom; a click shows an entry whole, to be read and selected.
    pub fn show(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        let dropped = scene.model.log.dropped();
        egui::Sides::new().shrink_left().truncate().show(
            ui,
            |ui| ui.label(RichText::new(counts(&scene.model.log)).color(palette(ui.visuals()).weak)),
            |ui| command(ui, Action::CopyLog, scene),
        );
        let log = &scene.model.log;
        if let Some(entry) = self.whole.and_then(|at| log.entries().get(at.checked_sub(dropped)?)) {
            egui::Panel::bottom("whole entry").resizable(false).frame(egui::Frame::new()).show(ui, |ui| {
                ui.add_space(3.0);
                let most = (ui.available_height() * 0.5).max(24.0);
                egui::ScrollArea::vertical().id_salt("whole entry").max_height(most).show(ui, |ui| {
                    text::problem(ui, &entry.text, entry.level == Level::Error);
                });
            });
        }
        if let Some(clicked) = rows(ui, log) {
            let clicked = Some(clicked + dropped);
            self.whole = if self.whole == clicked { None } else { clicked };
        }
    }
}

fn counts(log: &Log) -> String {
    let (warnings, errors) = log.counts();
    let mut words = format!(
        "{}, {}, {}",
        text::count(log.entries().len(), "entry", "entries"),
        text::count(warnings, "warning", "warnings"),
        text::count(errors, "error", "errors")
    );
    if log.dropped() > 0 {
        words.push_str(&format!("; the {} oldest were dropped", text::thousands(log.dropped() as u64)));
    }
    words
}

/// The entries; returns the one that was clicked.
fn rows(ui: &mut Ui, log: &Log) -> Option<usize> {
    let p = palette(ui.visuals());
    let mut clicked = None;
    let row = ui.text_style_height(&TextStyle::Body) + 2.0;
    let entries = log.entries();
    ui.spacing_mut().item_spacing.y = 0.0;
    egui::ScrollArea::vertical().id_salt("log").auto_shrink(false).stick_to_bottom(true).show_rows(
        ui,
        row,
        entries.len(),
        |ui, rows| {
            for (at, entry) in entries.range(rows.clone()).enumerate().map(|(i, entry)| (rows.start + i, entry)) {
                let (rect, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), row), Sense::CLICK);
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
                if response.clicked() {
                    clicked = Some(at);
                }
                if cut {
                    response.on_hover_text(&entry.text);
                }
            }
        },
    );
    clicked
}
