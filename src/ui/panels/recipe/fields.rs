//! The parameters of the recipe, a row each.

use eframe::egui::{self, Id, RichText, Ui};

use super::change;
use crate::core::distil::params::{PARAMS, RecipeParam};
use crate::core::distil::recipe::OutputFormat;
use crate::core::param::Kind;
use crate::core::workspace::Command;
use crate::ui::intent::Intent;
use crate::ui::panels::parameters::{Drafts, Form, edited};
use crate::ui::panels::scene::Scene;
use crate::ui::theme::palette;

/// Shows the parameters that the method has, two columns.
pub(super) fn show(ui: &mut Ui, drafts: &mut Drafts, scene: &mut Scene<'_>) {
    let recipe = scene.model.workspace.recipe();
    // What was typed for another method means nothing to this one.
    drafts.retain(|name, _| PARAMS.iter().any(|p| p.name == *name && (p.get)(recipe).is_some()));
    egui::Grid::new("parameters").num_columns(2).spacing([10.0, 1.0]).show(ui, |ui| {
        for param in PARAMS.iter().filter(|p| (p.get)(recipe).is_some()) {
            let change = change(param.name, scene.model).map_or_else(String::new, |words| format!("\n{words}"));
            let unit = if param.unit.is_empty() { String::new() } else { format!(" ({})", param.unit) };
            let help = format!("{}{unit}{change}", param.help);
            let label = ui.label(param.label).on_hover_text(help);
            let set = |name, value| Command::SetParam { name, value };
            let mut form = Form { recipe, drafts, change: set };
            ui.horizontal_wrapped(|ui| field(ui, (param, label.id), &mut form, scene));
            let wrong = form.wrong(param);
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

/// A parameter's widget: what only recipes have, whole numbers as sliders, since they are tuned live, and the rest as
/// all forms have it.
fn field(
    ui: &mut Ui,
    (param, label): (&'static RecipeParam, Id),
    form: &mut Form<'_, crate::core::distil::recipe::Recipe>,
    scene: &mut Scene<'_>,
) {
    let set = |value: String| Intent::Edit(Command::SetParam { name: param.name, value });
    match param.kind {
        Kind::Choice(choices) => {
            for choice in choices {
                let chosen = param.value(form.recipe) == choice.to_string();
                let button = ui.selectable_label(chosen, choice.to_string());
                let name = format!("{} {choice}", param.label);
                button.widget_info(|| egui::WidgetInfo::selected(egui::Role::RadioButton, true, chosen, &name));
                if button.on_hover_text(param.help).clicked() {
                    scene.out.push(set(choice.to_string()));
                }
            }
        }
        Kind::Format => format_field(ui, param, scene),
        Kind::Integer { min, max } => {
            let mut value: u64 = param.value(form.recipe).parse().unwrap_or(min);
            // Beyond 2^53 a slider's f64 would round the value: seeds are typed instead.
            let response = if max > 1 << 53 {
                ui.add(egui::DragValue::new(&mut value).range(min..=max).speed(0.1))
            } else {
                ui.spacing_mut().slider_width = (ui.available_width() - 62.0).clamp(60.0, 220.0);
                ui.add(egui::Slider::new(&mut value, min..=max).logarithmic(true))
            };
            let response = response.labelled_by(label);
            edited(&response, set(value.to_string()), scene.out);
            response.on_hover_text(format!("{}. {min} to {max} {}", param.help, param.unit));
        }
        Kind::Name(_) | Kind::Number { .. } | Kind::Form(_) => form.field(ui, (param, label), scene.out),
    }
}

fn format_field(ui: &mut Ui, param: &'static RecipeParam, scene: &mut Scene<'_>) {
    let format = scene.model.workspace.recipe().format;
    let mut set = |format: OutputFormat| {
        scene.out.push(Intent::Edit(Command::SetParam { name: param.name, value: format.to_string() }));
    };
    let is_jpeg = matches!(format, OutputFormat::Jpeg(_));
    if ui.selectable_label(format == OutputFormat::Png, "PNG").on_hover_text("Lossless").clicked() {
        set(OutputFormat::Png);
    }
    if ui.selectable_label(is_jpeg, "JPEG").on_hover_text("4:2:0 chroma; RDED writes quality 75").clicked() && !is_jpeg
    {
        set(OutputFormat::Jpeg(75));
    }
    let float = ui.selectable_label(format == OutputFormat::Float, "Float");
    if float.on_hover_text("Values that may leave 0 to 1, in images.safetensors, beside PNG files to look at").clicked()
    {
        set(OutputFormat::Float);
    }
    if let OutputFormat::Jpeg(mut quality) = format {
        let value = ui.add(egui::DragValue::new(&mut quality).range(1..=100).prefix("quality "));
        value.widget_info(|| egui::WidgetInfo::labeled(egui::Role::SpinButton, true, "JPEG quality"));
        if value.changed() {
            set(OutputFormat::Jpeg(quality));
        }
    }
}
