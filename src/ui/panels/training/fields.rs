//! The parameters of a training, a row each.

use eframe::egui::{self, Response, RichText, Ui};

use super::form::TrainForm;
use crate::core::train::params::{TRAIN_PARAMS, TrainParam};
use crate::core::workspace::Command;
use crate::ui::panels::parameters::Form;
use crate::ui::panels::scene::Scene;
use crate::ui::theme::palette;

/// Least width of the column with labels, so that grids below each other are in line.
pub const LABELS: f32 = 124.0;

/// Shows all parameters, two columns.
pub fn show(ui: &mut Ui, form: &mut TrainForm, scene: &mut Scene<'_>) {
    egui::Grid::new("training parameters").num_columns(2).min_col_width(LABELS).spacing([10.0, 2.0]).show(ui, |ui| {
        for param in &TRAIN_PARAMS {
            let recipe = scene.model.workspace.training();
            // Momentum is sgd's alone.
            let there = (param.get)(recipe).is_some();
            let before = form.param_before(param, recipe);
            let label = ui.add_enabled_ui(there, |ui| label(ui, param, before.as_deref())).inner;
            let change = |name, value| Command::SetTrainParam { name, value };
            let mut fields = Form { recipe, drafts: &mut form.drafts, change };
            let shown = |ui: &mut Ui| fields.field(ui, (param, label.id), scene.out);
            let field = ui.horizontal(|ui| ui.add_enabled_ui(there, shown));
            let wrong = fields.wrong(param);
            if !there {
                field.response.on_hover_text("Only sgd has it");
            }
            ui.end_row();
            if let Some(why) = wrong {
                let p = palette(ui.visuals());
                ui.label("");
                ui.add(egui::Label::new(RichText::new(why).color(p.bad).small()).wrap());
                ui.end_row();
            }
        }
    });
}

/// A field's label; one that differs from the training that the form was filled from is marked.
pub fn label(ui: &mut Ui, param: &TrainParam, before: Option<&str>) -> Response {
    let unit = if param.unit.is_empty() { String::new() } else { format!(" ({})", param.unit) };
    marked(ui, param.label, before).on_hover_text(format!("{}{unit}. {}", param.help, param.kind.remedy()))
}

/// A label with a mark and the value before, where that was another one.
pub fn marked(ui: &mut Ui, words: &str, before: Option<&str>) -> Response {
    let p = palette(ui.visuals());
    let Some(before) = before else { return ui.label(words) };
    ui.label(RichText::new(format!("• {words}")).color(p.accent)).on_hover_text(format!("Changed: it was {before}"))
}
