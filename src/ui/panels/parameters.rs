//! Widgets for parameters of a table, whatever recipe they belong to: switches, words, whole numbers, and what is typed.

use std::collections::BTreeMap;

use eframe::egui::{self, Id, Response, TextEdit, Ui};

use crate::core::param::{Kind, Param};
use crate::core::workspace::Command;
use crate::ui::intent::Intent;
use crate::ui::theme::palette;

/// Width of a parameter's widget.
pub const WIDTH: f32 = 120.0;

/// What is typed and can't be taken, or is still being typed, by parameter.
pub type Drafts = BTreeMap<&'static str, String>;

/// A form over a recipe.
pub struct Form<'a, R: 'static> {
    /// What its fields show.
    pub recipe: &'a R,
    /// What is being typed.
    pub drafts: &'a mut Drafts,
    /// The change of a parameter, by its name, to a value.
    pub change: fn(&'static str, String) -> Command,
}

impl<R: Clone> Form<'_, R> {
    /// Why what is typed can't be taken; `None` where it can.
    #[must_use]
    pub fn wrong(&self, param: &Param<R>) -> Option<String> {
        let draft = self.drafts.get(param.name)?;
        param.put(&mut self.recipe.clone(), draft.trim()).err().map(|wrong| wrong.why)
    }

    fn set(&self, param: &Param<R>, value: String) -> Intent {
        Intent::Edit((self.change)(param.name, value))
    }

    /// Shows a parameter's widget, named by the label that has this id. Choices of numbers and formats of files are not
    /// shown: they are a recipe's alone.
    pub fn field(&mut self, ui: &mut Ui, (param, label): (&'static Param<R>, Id), out: &mut Vec<Intent>) {
        match param.kind {
            Kind::SWITCH => self.switch(ui, (param, label), out),
            Kind::Name(names) => self.name(ui, (param, label), names, out),
            Kind::Integer { min, max } => {
                let mut number: u64 = param.value(self.recipe).parse().unwrap_or(min);
                let speed = (number as f64 * 0.01).clamp(0.05, 50.0);
                let drag = egui::DragValue::new(&mut number).range(min..=max).speed(speed);
                let response = ui.add_sized([WIDTH, ui.spacing().interact_size.y], drag).labelled_by(label);
                edited(&response, self.set(param, number.to_string()), out);
            }
            Kind::Number { .. } => self.typed(ui, (param, label), WIDTH, out),
            Kind::Form(shapes) => {
                self.typed(ui, (param, label), WIDTH - 30.0, out);
                self.shapes(ui, param, shapes, out);
            }
            Kind::Choice(_) | Kind::Format => {}
        }
    }

    fn switch(&self, ui: &mut Ui, (param, label): (&'static Param<R>, Id), out: &mut Vec<Intent>) {
        let mut on = param.value(self.recipe) == "on";
        if ui.checkbox(&mut on, "").labelled_by(label).changed() {
            out.push(self.set(param, if on { "on" } else { "off" }.to_owned()));
            out.push(Intent::Edit(Command::Settle));
        }
    }

    fn name(
        &self,
        ui: &mut Ui,
        (param, label): (&'static Param<R>, Id),
        names: &'static [&'static str],
        out: &mut Vec<Intent>,
    ) {
        let value = param.value(self.recipe);
        let combo = egui::ComboBox::from_id_salt(param.name).width(WIDTH).selected_text(&value).show_ui(ui, |ui| {
            for name in names {
                if ui.selectable_label(value == *name, *name).clicked() {
                    out.push(self.set(param, (*name).to_owned()));
                    out.push(Intent::Edit(Command::Settle));
                }
            }
        });
        combo.response.labelled_by(label).on_hover_text(param.help);
    }

    /// A combo box without text beside a field: what it offers is a start for typing.
    fn shapes(
        &mut self,
        ui: &mut Ui,
        param: &'static Param<R>,
        shapes: &'static [&'static str],
        out: &mut Vec<Intent>,
    ) {
        let value = param.value(self.recipe);
        let combo = egui::ComboBox::from_id_salt(param.name).width(0.0).selected_text("").show_ui(ui, |ui| {
            for shape in shapes {
                if ui.selectable_label(value == *shape, *shape).clicked() {
                    self.drafts.remove(param.name);
                    out.push(self.set(param, (*shape).to_owned()));
                    out.push(Intent::Edit(Command::Settle));
                }
            }
        });
        let name = format!("Forms of {}", param.label);
        combo.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, &name));
    }

    /// A field for text that means something: while it is typed it stays as it is, and what can be taken is taken.
    fn typed(&mut self, ui: &mut Ui, (param, label): (&'static Param<R>, Id), width: f32, out: &mut Vec<Intent>) {
        let mut draft = self.drafts.get(param.name).cloned().unwrap_or_else(|| param.value(self.recipe));
        let p = palette(ui.visuals());
        let mut field = TextEdit::singleline(&mut draft).desired_width(width - 8.0);
        if self.wrong(param).is_some() {
            field = field.text_color(p.bad);
        }
        let response = ui.add(field).labelled_by(label);
        if response.changed() {
            if param.put(&mut self.recipe.clone(), draft.trim()).is_ok() {
                out.push(self.set(param, draft.trim().to_owned()));
            }
            self.drafts.insert(param.name, draft);
        }
        if !response.has_focus() && self.wrong(param).is_none() {
            self.drafts.remove(param.name);
        }
        if response.lost_focus() {
            out.push(Intent::Edit(Command::Settle));
        }
        response.on_hover_text(param.help);
    }
}

/// A number was dragged or typed: the change, and its end.
pub fn edited(response: &Response, change: Intent, out: &mut Vec<Intent>) {
    if response.changed() {
        out.push(change);
    }
    if response.drag_stopped() || response.lost_focus() {
        out.push(Intent::Edit(Command::Settle));
    }
}
