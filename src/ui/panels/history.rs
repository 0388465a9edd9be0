//! The history panel: the steps that undo takes back, and a click that goes to any of them.

use eframe::egui::{Role, ScrollArea, Sense, Stroke, TextStyle, Ui, Vec2, WidgetInfo};

use super::scene::Scene;
use crate::core::workspace::Command;
use crate::ui::intent::Intent;
use crate::ui::theme::palette;
use crate::ui::widgets::text;

const ROW: f32 = 22.0;
/// Where the words begin, right of the mark of the state of now.
const INDENT: f32 = 20.0;

/// What the panel remembers.
#[derive(Default)]
pub struct HistoryPanel {
    /// Steps, and how many of them are done, in the last frame: where they change, the state of now comes into view.
    before: (usize, usize),
}

impl HistoryPanel {
    /// Shows the panel.
    pub fn show(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        let workspace = &scene.model.workspace;
        let name = |class| {
            let data = scene.model.dataset();
            data.map_or_else(|| "a class".to_owned(), |data| format!("'{}'", data.class(class).shown()))
        };
        let (steps, done) = workspace.named_steps(name);
        if steps.is_empty() {
            text::empty(
                ui,
                "Nothing to take back",
                "Each change of a parameter, a class, a filter or a patch is listed here; a click goes back to it.",
            );
            return;
        }
        let began =
            if workspace.history_is_full() { "as it was before; older steps are forgotten" } else { "as it began" };
        let mut area = ScrollArea::vertical().id_salt("history").auto_shrink(false);
        if std::mem::replace(&mut self.before, (steps.len(), done)) != (steps.len(), done) {
            area = area.vertical_scroll_offset((done as f32 * ROW - ui.available_height() / 2.0).max(0.0));
        }
        ui.spacing_mut().item_spacing.y = 0.0;
        area.show_rows(ui, ROW, steps.len() + 1, |ui, rows| {
            for at in rows {
                let words = at.checked_sub(1).map_or(began, |step| steps[step].as_str());
                if row(ui, words, (at, done)) {
                    scene.out.push(Intent::Edit(Command::TravelTo(at)));
                }
            }
        });
    }
}

/// The state after `at` steps; returns whether to go there.
fn row(ui: &mut Ui, words: &str, (at, done): (usize, usize)) -> bool {
    let p = palette(ui.visuals());
    let (rect, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), ROW), Sense::CLICK);
    let (now, undone) = (at == done, at > done);
    let label = format!("step {at}: {words}");
    response.widget_info(|| WidgetInfo::selected(Role::ListBoxOption, true, now, &label));
    if response.hovered() {
        ui.painter().rect_filled(rect, 3.0, ui.visuals().widgets.hovered.bg_fill);
    }
    let mark = rect.left_center() + Vec2::new(INDENT / 2.0, 0.0);
    if now {
        ui.painter().circle_filled(mark, 4.0, p.accent);
    } else {
        ui.painter().circle_stroke(mark, 2.5, Stroke::new(1.0, p.weak));
    }
    let color = if undone { p.weak } else { p.text };
    let cut = text::line(ui, rect.with_min_x(rect.left() + INDENT), words, (TextStyle::Body, color));
    let tip = match (now, undone) {
        (true, _) => "This is the state of now",
        (_, true) => "Taken back; a click repeats the steps up to this one",
        _ => "A click takes back what came after this",
    };
    let tip = if cut { format!("{words}\n{tip}") } else { tip.to_owned() };
    response.on_hover_text(tip).clicked() && !now
}
