//! Class chooser shared by the panels that show one class or all.

use eframe::egui::{self, Ui};

use super::scene::Scene;
use crate::core::data::dataset::ClassId;
use crate::core::workspace::Command;
use crate::ui::intent::Intent;
use crate::ui::model::Model;

/// A drop-down of "All classes" and every class, with steps to the next and the previous one.
pub fn class_chooser(ui: &mut Ui, name: &'static str, scene: &mut Scene<'_>) {
    let Some(dataset) = scene.model.dataset().cloned() else { return };
    let shown = scene.model.workspace.shown_class();
    let label = |c: Option<ClassId>| c.map_or("All classes", |c| dataset.class(c).shown());
    let mut choice = shown;
    let rows = dataset.classes().len() + 1;
    let combo = egui::ComboBox::from_id_salt(name).width(130.0).selected_text(label(shown)).truncate();
    let combo = combo.show_ui(ui, |ui| {
        let height = ui.spacing().interact_size.y;
        egui::ScrollArea::vertical().max_height(320.0).show_rows(ui, height, rows, |ui, range| {
            ui.set_min_width(180.0);
            ui.set_max_width((scene.room.width() - 40.0).clamp(180.0, 420.0));
            ui.style_mut().wrap_mode = Some(egui::TextWrapMode::Truncate);
            for row in range {
                let class = row.checked_sub(1).map(|c| ClassId(c as u32));
                ui.selectable_value(&mut choice, class, label(class));
            }
        });
    });
    combo.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, name));
    let last = dataset.classes().len().saturating_sub(1) as u32;
    if ui.small_button("<").on_hover_text("Previous class").clicked() {
        choice = Some(ClassId(shown.map_or(last, |c| c.0.checked_sub(1).unwrap_or(last))));
    }
    if ui.small_button(">").on_hover_text("Next class").clicked() {
        choice = Some(ClassId(shown.map_or(0, |c| if c.0 >= last { 0 } else { c.0 + 1 })));
    }
    if choice != shown {
        scene.out.push(Intent::Edit(Command::ShowClass(choice)));
    }
}

/// The classes that a panel shows: the chosen one, or all that are distilled.
#[must_use]
pub fn shown_classes(model: &Model) -> Vec<ClassId> {
    match model.workspace.shown_class() {
        Some(class) => vec![class],
        None => model.workspace.chosen().collect(),
    }
}
