//! The user's own presets: saved under a name, taken, passed on as files, put aside.

use eframe::egui::{self, Context, Id, Key, Rect, RichText, ScrollArea, TextEdit, Ui};

use super::scene::Scene;
use crate::core::workspace::Command;
use crate::store::presets::{OwnPreset, OwnRecipe};
use crate::ui::actions::Action;
use crate::ui::intent::{Intent, Panel, PresetChange, Purpose};
use crate::ui::model::Model;
use crate::ui::theme::palette;
use crate::ui::widgets::path_field::PathField;
use crate::ui::widgets::text::{self, button_width};

/// What the dialog is open for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asking {
    /// A name for the recipe of the recipe panel.
    Recipe,
    /// A name for that of the next training.
    Training,
    /// What to do with those that there are.
    Manage,
}

/// The dialog.
#[derive(Default)]
pub struct PresetsDialog {
    asking: Option<Asking>,
    name: String,
    about: String,
    /// The name that is taken, as far as is known.
    taken: Option<String>,
    problem: Option<String>,
    /// The keyboard belongs to the name from the next frame on.
    focus: bool,
    /// The preset that is passed on.
    passed_on: Option<String>,
    /// The file that one is read from.
    pub import: PathField,
    /// The file that one is written to.
    pub export: PathField,
}

impl PresetsDialog {
    /// Opens it for a command of the table.
    pub fn open(&mut self, action: Action) {
        let asking = match action {
            Action::SavePreset => Asking::Recipe,
            Action::SaveTrainingPreset => Asking::Training,
            _ => Asking::Manage,
        };
        *self = Self { asking: Some(asking), focus: true, ..Self::default() };
    }

    /// Whether it lies over the panels.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.asking.is_some()
    }

    /// The field that a file dialog can't fill takes the keyboard.
    pub fn ask_path(&mut self, purpose: Purpose) -> &mut PathField {
        self.asking = Some(Asking::Manage);
        if purpose == Purpose::ImportPreset { &mut self.import } else { &mut self.export }
    }

    /// A file was chosen in a dialog.
    pub fn chosen(&mut self, purpose: Purpose, path: &std::path::Path) {
        self.ask_path(purpose).set(path);
    }

    /// What was asked for is done.
    pub fn done(&mut self) {
        (self.problem, self.taken, self.passed_on) = (None, None, None);
        if self.asking != Some(Asking::Manage) {
            self.asking = None;
        }
        (self.import, self.export) = Default::default();
    }

    /// What was asked for can't be done; `taken` where a preset of this name may be replaced.
    pub fn refused(&mut self, why: String, taken: Option<String>) {
        (self.problem, self.taken) = (Some(why), taken);
    }

    /// Shows it, if it is open.
    pub fn show(&mut self, ctx: &Context, scene: &mut Scene<'_>) {
        let Some(asking) = self.asking else { return };
        let room = scene.room;
        let shown = egui::Modal::new(Id::unique("presets")).show(ctx, |ui| {
            ui.set_width((room.width() - 40.0).clamp(200.0, 520.0));
            match asking {
                Asking::Manage => self.manage(ui, room, scene),
                _ => self.save(ui, asking, scene),
            }
        });
        if shown.inner || shown.should_close() {
            self.asking = None;
        }
    }

    /// Name and words; returns whether to close.
    fn save(&mut self, ui: &mut Ui, asking: Asking, scene: &mut Scene<'_>) -> bool {
        let (title, recipe) = match asking {
            Asking::Training => ("Save training as preset", OwnRecipe::Train(scene.model.workspace.training().clone())),
            _ => ("Save recipe as preset", OwnRecipe::Distil(scene.model.workspace.recipe().clone())),
        };
        ui.heading(title);
        let flags = match &recipe {
            OwnRecipe::Distil(recipe) => crate::core::param::Parameters::flags(recipe),
            OwnRecipe::Train(recipe) => crate::core::param::Parameters::flags(recipe),
        };
        let p = palette(ui.visuals());
        ui.add(egui::Label::new(RichText::new(flags).color(p.weak).small()).wrap());
        ui.add_space(4.0);
        let label = ui.label("Name");
        let hint = "letters, digits, -, _ and .";
        let name = ui.add(TextEdit::singleline(&mut self.name).hint_text(hint).desired_width(f32::INFINITY));
        let name = name.labelled_by(label.id);
        let label = ui.label("What it is for");
        let about =
            ui.add(TextEdit::singleline(&mut self.about).hint_text("may be empty").desired_width(f32::INFINITY));
        let about = about.labelled_by(label.id);
        let entered = (name.lost_focus() || about.lost_focus()) && ui.input(|i| i.key_pressed(Key::Enter));
        if std::mem::take(&mut self.focus) {
            name.request_focus();
        }
        if name.changed() {
            (self.problem, self.taken) = (None, None);
        }
        if let Some(problem) = &self.problem {
            text::problem(ui, problem, true);
        }
        ui.add_space(4.0);
        ui.horizontal(|ui| {
            let replace = self.taken.as_ref() == Some(&self.name);
            let words = if replace { "Replace it" } else { "Save" };
            let ready = !self.name.trim().is_empty();
            let clicked = ui.add_enabled(ready, egui::Button::new(words)).clicked();
            // Enter saves, and never replaces.
            if clicked || entered && ready && !replace {
                let (name, about) = (self.name.trim().to_owned(), self.about.trim().to_owned());
                let preset = Box::new(OwnPreset { name, about, recipe });
                scene.out.push(Intent::Presets(PresetChange::Save { preset, replace }));
            }
            ui.button("Cancel").clicked()
        })
        .inner
    }

    /// Those that there are, and files; returns whether to close.
    fn manage(&mut self, ui: &mut Ui, room: Rect, scene: &mut Scene<'_>) -> bool {
        let p = palette(ui.visuals());
        ui.heading("Own presets");
        let listed = &scene.model.presets;
        if listed.presets.is_empty() {
            let words = "None yet. Save the recipe or the training under a name, or import a preset's file.";
            ui.add(egui::Label::new(RichText::new(words).color(p.weak)).wrap());
        }
        let mut close = false;
        let height = (room.height() - 220.0).clamp(60.0, 300.0);
        ScrollArea::vertical().id_salt("own presets").max_height(height).auto_shrink([false, true]).show(ui, |ui| {
            for preset in &listed.presets {
                close |= self.row(ui, preset, scene.out);
            }
            for problem in &listed.problems {
                text::problem(ui, problem, false);
            }
        });
        ui.separator();
        if let Some(name) = self.passed_on.clone() {
            let used =
                self.export.show(ui, (&format!("Export '{name}' to a new file"), "/path/to/preset.json"), "Export");
            if used.submitted {
                let change = PresetChange::Export { name, path: self.export.path() };
                scene.out.push(Intent::Presets(change));
            }
            if used.browse {
                scene.out.push(Intent::Browse(Purpose::ExportPreset));
            }
        }
        let used = self.import.show(ui, ("Import a preset's file", "/path/to/preset.json"), "Import");
        if used.submitted {
            scene.out.push(Intent::Presets(PresetChange::Import(self.import.path())));
        }
        if used.browse {
            scene.out.push(Intent::Browse(Purpose::ImportPreset));
        }
        if let Some(problem) = &self.problem {
            text::problem(ui, problem, true);
        }
        ui.add_space(4.0);
        close || ui.button("Close").clicked()
    }

    /// A preset and what can be done with it; returns whether it was taken.
    fn row(&mut self, ui: &mut Ui, preset: &OwnPreset, out: &mut Vec<Intent>) -> bool {
        let p = palette(ui.visuals());
        let name = &preset.name;
        let mut taken = false;
        ui.horizontal(|ui| {
            let named = |ui: &mut Ui, words: &str, tip: &str| {
                let button = ui.button(words).on_hover_text(tip);
                let label = format!("{} {name}", words.trim_end_matches('…'));
                button.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &label));
                button.clicked()
            };
            let buttons = ["Use", "Export…", "Delete"].map(|words| button_width(ui, words)).iter().sum::<f32>();
            let words = format!("{name} · {}", preset.recipe.kind());
            ui.scope(|ui| {
                ui.set_width((ui.available_width() - buttons - 8.0).max(60.0));
                let about = if preset.about.is_empty() { "no words were given" } else { &preset.about };
                ui.add(egui::Label::new(RichText::new(&words).color(p.text)).truncate()).on_hover_text(about);
            });
            if named(ui, "Use", "Take its values; undo brings back those of now") {
                out.extend(taking(preset));
                taken = true;
            }
            if named(ui, "Export…", "Write it to a file that others can import") {
                self.passed_on = Some(name.clone());
                self.problem = None;
            }
            if named(ui, "Delete", "Take it out of the list; its file is renamed and stays") {
                out.push(Intent::Presets(PresetChange::PutAside(name.clone())));
            }
        });
        taken
    }
}

/// What takes a preset.
#[must_use]
pub fn taking(preset: &OwnPreset) -> Vec<Intent> {
    match &preset.recipe {
        OwnRecipe::Distil(recipe) => {
            vec![Intent::Edit(Command::SetRecipe(recipe.clone())), Intent::Show(Panel::Recipe)]
        }
        OwnRecipe::Train(_) => vec![Intent::TrainPreset(preset.name.clone())],
    }
}

/// The own presets for distilling, with their recipes.
pub fn of_recipes(model: &Model) -> impl Iterator<Item = (&OwnPreset, &crate::core::distil::recipe::Recipe)> {
    model.presets.presets.iter().filter_map(|own| match &own.recipe {
        OwnRecipe::Distil(recipe) => Some((own, recipe)),
        OwnRecipe::Train(_) => None,
    })
}

/// The own presets for trainings, with their recipes.
pub fn of_trainings(model: &Model) -> impl Iterator<Item = (&OwnPreset, &crate::core::train::recipe::TrainRecipe)> {
    model.presets.presets.iter().filter_map(|own| match &own.recipe {
        OwnRecipe::Train(recipe) => Some((own, recipe)),
        OwnRecipe::Distil(_) => None,
    })
}

/// What the buttons beside a list of presets take of a row.
#[must_use]
pub fn buttons_width(ui: &Ui) -> f32 {
    button_width(ui, SAVE) + button_width(ui, OWN)
}

const SAVE: &str = "Save…";
const OWN: &str = "Own…";

/// The buttons beside a list of presets: save what is set, and see those that were saved.
pub fn buttons(ui: &mut Ui, save: Action, out: &mut Vec<Intent>) {
    for (words, action) in [(SAVE, save), (OWN, Action::Presets)] {
        let button = ui.button(words).on_hover_text(action.about().tooltip);
        button.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, action.about().label));
        if button.clicked() {
            out.push(Intent::Do(action));
        }
    }
}
