//! A widget for each kind of parameter of a training.

use eframe::egui::{self, Id, Response, RichText, TextEdit, Ui};

use super::form::TrainForm;
use crate::core::param::Kind;
use crate::core::train::params::{TRAIN_PARAMS, TrainParam};
use crate::core::workspace::Command;
use crate::ui::intent::Intent;
use crate::ui::panels::scene::Scene;
use crate::ui::theme::palette;

/// Width of a parameter's widget.
const WIDTH: f32 = 120.0;
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
            let field = ui.horizontal(|ui| ui.add_enabled_ui(there, |ui| field(ui, (param, label.id), form, scene)));
            if !there {
                field.response.on_hover_text("Only sgd has it");
            }
            ui.end_row();
            if let Some(why) = wrong(form, param, scene) {
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

/// Why what is typed can't be taken.
fn wrong(form: &TrainForm, param: &TrainParam, scene: &Scene<'_>) -> Option<String> {
    let draft = form.drafts.get(param.name)?;
    let wrong = param.put(&mut scene.model.workspace.training().clone(), draft).err()?;
    Some(wrong.why)
}

fn field(ui: &mut Ui, (param, label): (&'static TrainParam, Id), form: &mut TrainForm, scene: &mut Scene<'_>) {
    let value = param.value(scene.model.workspace.training());
    let set = |value: String| Intent::Edit(Command::SetTrainParam { name: param.name, value });
    match param.kind {
        Kind::SWITCH => {
            let mut on = value == "on";
            let response = ui.checkbox(&mut on, "").labelled_by(label);
            if response.changed() {
                scene.out.push(set(if on { "on" } else { "off" }.to_owned()));
                scene.out.push(Intent::Edit(Command::Settle));
            }
        }
        Kind::Name(names) => {
            let combo = egui::ComboBox::from_id_salt(param.name).width(WIDTH).selected_text(&value).show_ui(ui, |ui| {
                for name in names {
                    if ui.selectable_label(value == *name, *name).clicked() {
                        scene.out.push(set((*name).to_owned()));
                        scene.out.push(Intent::Edit(Command::Settle));
                    }
                }
            });
            combo.response.labelled_by(label);
        }
        Kind::Integer { min, max } => {
            let mut number: u64 = value.parse().unwrap_or(min);
            let speed = (number as f64 * 0.01).clamp(0.05, 50.0);
            let drag = egui::DragValue::new(&mut number).range(min..=max).speed(speed);
            let response = ui.add_sized([WIDTH, ui.spacing().interact_size.y], drag).labelled_by(label);
            if response.changed() {
                scene.out.push(set(number.to_string()));
            }
            if response.drag_stopped() || response.lost_focus() {
                scene.out.push(Intent::Edit(Command::Settle));
            }
        }
        Kind::Number { .. } => typed(ui, (param, label), (form, WIDTH), scene),
        Kind::Form(shapes) => {
            typed(ui, (param, label), (form, WIDTH - 30.0), scene);
            // A combo box without text beside the field: what it offers is a start for typing.
            let combo = egui::ComboBox::from_id_salt(param.name).width(0.0).selected_text("");
            let combo = combo.show_ui(ui, |ui| {
                for shape in shapes {
                    if ui.selectable_label(value == *shape, *shape).clicked() {
                        form.drafts.remove(param.name);
                        scene.out.push(set((*shape).to_owned()));
                        scene.out.push(Intent::Edit(Command::Settle));
                    }
                }
            });
            let name = format!("Forms of {}", param.label);
            combo.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, &name));
        }
        // Of distilling.
        Kind::Choice(_) | Kind::Format => {}
    }
}

/// A field for text that means something: while it is typed it stays as it is, and what can be taken is taken.
fn typed(
    ui: &mut Ui,
    (param, label): (&'static TrainParam, Id),
    (form, width): (&mut TrainForm, f32),
    scene: &mut Scene<'_>,
) {
    let recipe = scene.model.workspace.training();
    let mut draft = form.drafts.get(param.name).cloned().unwrap_or_else(|| param.value(recipe));
    let fits = |text: &str| param.put(&mut recipe.clone(), text.trim()).is_ok();
    let p = palette(ui.visuals());
    let mut field = TextEdit::singleline(&mut draft).desired_width(width - 8.0);
    if form.drafts.get(param.name).is_some_and(|d| !fits(d)) {
        field = field.text_color(p.bad);
    }
    let response = ui.add(field).labelled_by(label);
    if response.changed() {
        if fits(&draft) {
            let value = draft.trim().to_owned();
            scene.out.push(Intent::Edit(Command::SetTrainParam { name: param.name, value }));
        }
        form.drafts.insert(param.name, draft.clone());
    }
    if !response.has_focus() && form.drafts.get(param.name).is_some_and(|d| fits(d)) {
        form.drafts.remove(param.name);
    }
    if response.lost_focus() {
        scene.out.push(Intent::Edit(Command::Settle));
    }
}
