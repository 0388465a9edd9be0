//! The form of a training as widgets.

use eframe::egui::{self, RichText, TextEdit, Ui, Vec2};

use super::fields;
use super::form::{
    ARCH, CLASS_MAP, DATA, EVALUATED, EVALUATION, HOLDOUT, IMAGES, INITIAL, INITIAL_RATE, LABELS, MEAN_STD, NAME,
    OBSERVER, PART, SIDE, STUDENT, TrainForm, TrainText,
};
use crate::core::train::presets::{Task, TrainPreset};
use crate::core::train::recipe::{LabelSource, TrainRecipe};
use crate::core::workspace::Command;
use crate::jobs::networks::{NetworkRow, networks};
use crate::store::presets::OwnPreset;
use crate::store::training::TrainingKind;
use crate::ui::actions::Action;
use crate::ui::intent::{Intent, Purpose, TrainPath};
use crate::ui::model::Model;
use crate::ui::panels::controls::command;
use crate::ui::panels::presets::{self, of_trainings, taking};
use crate::ui::panels::scene::Scene;
use crate::ui::theme::palette;
use crate::ui::widgets::room::window;
use crate::ui::widgets::text;

/// The preset that nobody has to choose.
const USUAL: &str = "the usual one";

/// What the form's widgets remember.
#[derive(Default)]
pub struct FormView {
    networks_open: bool,
    filter: String,
    /// The table, once it was opened.
    networks: Option<Vec<NetworkRow>>,
}

impl FormView {
    /// Shows the form.
    pub fn show(&mut self, ui: &mut Ui, form: &mut TrainForm, scene: &mut Scene<'_>) {
        egui::Panel::bottom("start training").resizable(false).frame(egui::Frame::new()).show(ui, |ui| {
            ui.add_space(4.0);
            start(ui, form, scene);
        });
        egui::ScrollArea::vertical().id_salt("training form").auto_shrink(false).show(ui, |ui| {
            // The bar must not lie on the fields.
            ui.set_max_width(ui.available_width() - 6.0);
            kind(ui, form, scene);
            source(ui, form, scene);
            text_field(ui, form, (TrainText::Name, NAME, "a name for table and legend"));
            sources(ui, form, scene);
            self.network(ui, form, scene);
            ui.add_space(2.0);
            preset(ui, form, scene);
            fields::show(ui, form, scene);
        });
        self.known_networks(ui, form, scene);
    }

    /// The network, its input, and how many images.
    fn network(&mut self, ui: &mut Ui, form: &mut TrainForm, scene: &Scene<'_>) {
        let students = form.kind() == TrainingKind::Train;
        egui::Grid::new("network").num_columns(2).min_col_width(fields::LABELS).spacing([10.0, 2.0]).show(ui, |ui| {
            let label = fields::marked(ui, STUDENT, form.text_before(TrainText::Student).as_deref());
            ui.horizontal(|ui| {
                let field = TextEdit::singleline(form.text(TrainText::Student)).hint_text("conv3");
                if ui.add(field.desired_width(118.0)).labelled_by(label.id).changed() {
                    form.text_typed(TrainText::Student);
                }
                let list = ui.button("List").on_hover_text("All networks with their sizes");
                self.networks_open |= list.clicked();
            });
            ui.end_row();
            let observer = scene.model.observer.is_some() && students;
            let of = if observer { "the observer's" } else { "that of the images" };
            let all = ("all", "all");
            for (which, name, hint) in [
                (TrainText::Side, SIDE, of),
                (TrainText::MeanStd, MEAN_STD, if observer { "the observer's" } else { "imagenet" }),
                (TrainText::Images, IMAGES, all.0),
                (TrainText::Evaluated, EVALUATED, all.1),
                (TrainText::Holdout, HOLDOUT, "nothing"),
            ] {
                if which == TrainText::Images && !students {
                    continue;
                }
                let label = fields::marked(ui, name, form.text_before(which).as_deref());
                let field = TextEdit::singleline(form.text(which)).hint_text(hint).desired_width(118.0);
                if ui.add(field).labelled_by(label.id).changed() {
                    form.text_typed(which);
                }
                ui.end_row();
            }
        });
    }

    /// The table of networks in a window of its own, since the form is narrow.
    fn known_networks(&mut self, ui: &Ui, form: &mut TrainForm, scene: &mut Scene<'_>) {
        let mut chosen = None;
        let table = window("Students", Vec2::new(860.0, 460.0), scene.room).open(&mut self.networks_open);
        table.show(ui.ctx(), |ui| {
            let rows = self.networks.get_or_insert_with(networks);
            chosen = crate::ui::panels::networks::show(ui, &mut self.filter, rows, scene);
        });
        if let Some(name) = chosen {
            *form.text(TrainText::Student) = name;
            form.text_typed(TrainText::Student);
            self.networks_open = false;
        }
    }
}

fn kind(ui: &mut Ui, form: &mut TrainForm, scene: &mut Scene<'_>) {
    ui.horizontal(|ui| {
        ui.label("Train");
        for (kind, name, about) in [
            (
                TrainingKind::Train,
                "Students",
                "Train on a distilled folder and evaluate on real images: is the set any good?",
            ),
            (TrainingKind::Pretrain, "Observer", "Train a network on a whole dataset, so that it can judge and label"),
        ] {
            let chosen = form.kind() == kind;
            let response = ui.selectable_label(chosen, name).on_hover_text(about);
            let label = format!("Train {}", name.to_lowercase());
            response.widget_info(|| egui::WidgetInfo::selected(egui::Role::RadioButton, true, chosen, &label));
            if response.clicked() && !chosen {
                form.set_kind(kind, scene.model);
                form.suggested.preset = None;
                scene.out.extend(choose(form, scene.model).map(Intent::Edit));
            }
        }
    });
}

/// Which training the form was filled from, and what differs.
fn source(ui: &mut Ui, form: &mut TrainForm, scene: &Scene<'_>) {
    let Some(source) = &form.source else { return };
    let p = palette(ui.visuals());
    let changes = form.changes(scene.model.workspace.training());
    let name = source.name.clone().unwrap_or_default();
    let mut forget = false;
    egui::Frame::new().fill(p.raised).corner_radius(4).inner_margin(egui::Margin::symmetric(8, 3)).show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                forget = ui.small_button("Forget").on_hover_text("Keep the values, end the comparison").clicked();
                let words = format!("{} to {name}", text::count(changes, "change", "changes"));
                ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                    ui.add(egui::Label::new(RichText::new(words).color(p.accent)).truncate());
                });
            });
        });
    });
    if forget {
        form.source = None;
    }
}

fn text_field(ui: &mut Ui, form: &mut TrainForm, (which, name, hint): (TrainText, &str, &str)) {
    let label = fields::marked(ui, name, form.text_before(which).as_deref());
    let field = TextEdit::singleline(form.text(which)).hint_text(hint).desired_width(f32::INFINITY);
    if ui.add(field).labelled_by(label.id).changed() {
        form.text_typed(which);
    }
}

/// The folders and files, as far as this training needs them.
fn sources(ui: &mut Ui, form: &mut TrainForm, scene: &mut Scene<'_>) {
    let students = form.kind() == TrainingKind::Train;
    let labels = scene.model.workspace.training().labels;
    let hint = if students { "/path/to/distilled/folder" } else { "/path/to/dataset" };
    path_field(ui, form, (TrainPath::Data, DATA, hint), scene);
    if !students {
        let hint = "empty: drawn by the seed; else the same network, of any classes";
        path_field(ui, form, (TrainPath::Initial, INITIAL, hint), scene);
        if !form.path(TrainPath::Initial).is_empty() {
            text_field(
                ui,
                form,
                (TrainText::InitialRate, INITIAL_RATE, "1; 0.1 lets only the new last layer learn fast"),
            );
        }
        return;
    }
    path_field(ui, form, (TrainPath::Evaluation, EVALUATION, "real images; their test split is used"), scene);
    if labels != LabelSource::Hard {
        path_field(ui, form, (TrainPath::Observer, OBSERVER, "/path/to/weights.pth"), scene);
        ui.collapsing("Observer overrides", |ui| {
            path_field(ui, form, (TrainPath::ClassMap, CLASS_MAP, "JSON; empty: by name or order"), scene);
            text_field(ui, form, (TrainText::Arch, ARCH, "recognised from the file"));
            text_field(ui, form, (TrainText::Part, PART, "where the file holds several networks"));
        });
    }
    if labels == LabelSource::Stored {
        path_field(ui, form, (TrainPath::Labels, LABELS, "folder that `stillroom relabel` wrote"), scene);
    }
}

fn path_field(ui: &mut Ui, form: &mut TrainForm, (which, name, hint): (TrainPath, &str, &str), scene: &mut Scene<'_>) {
    let used = form.path(which).show(ui, (name, hint), "");
    if used.changed {
        form.path_typed(which);
    }
    if used.browse {
        scene.out.push(Intent::Browse(Purpose::Training(which)));
    }
    if let Some(before) = form.path_before(which) {
        let p = palette(ui.visuals());
        let words = RichText::new(format!("• was {before}")).color(p.accent).small();
        ui.add(egui::Label::new(words).truncate()).on_hover_text(before);
    }
}

fn task(kind: TrainingKind) -> Task {
    if kind == TrainingKind::Pretrain { Task::Observer } else { Task::Student }
}

/// Takes the chosen preset: from the files, or, while the form doesn't name them, as far as it goes without them; then
/// this is the change that it makes.
pub fn choose(form: &mut TrainForm, model: &Model) -> Option<Command> {
    form.drafts.clear();
    form.suggested.chosen = true;
    if form.wanted().is_some() {
        return None;
    }
    let named = form.suggested.preset.and_then(TrainPreset::named);
    let preset = named.or_else(|| TrainPreset::of(task(form.kind())).next())?;
    let observer = model.observer.as_ref().map_or_else(String::new, |o| o.observer.spec.arch.to_string());
    let suggestion = preset.suggest(&form.facts(model, &observer));
    let now = model.workspace.training();
    let recipe = TrainRecipe { seed: now.seed, seeds: now.seeds, ..suggestion.recipe };
    form.suggested.set(&recipe, suggestion.notes);
    Some(Command::SetTraining(recipe))
}

/// The change that takes a user's own preset, seeds included; the form's files no longer decide over it.
pub fn choose_own(form: &mut TrainForm, recipe: TrainRecipe) -> Command {
    form.drafts.clear();
    form.suggested.chosen = false;
    Command::SetTraining(recipe)
}

fn preset(ui: &mut Ui, form: &mut TrainForm, scene: &mut Scene<'_>) {
    let current = form.suggested.is(scene.model.workspace.training());
    let presets: Vec<TrainPreset> = TrainPreset::of(task(form.kind())).collect();
    let now = scene.model.workspace.training();
    let own: Vec<&OwnPreset> = of_trainings(scene.model).map(|(own, _)| own).collect();
    let same = of_trainings(scene.model).find(|(_, recipe)| *recipe == now).map(|(own, _)| own.name.as_str());
    let shown = match form.suggested.preset {
        _ if same.is_some() => same.unwrap_or_default(),
        _ if !current => "own settings",
        Some(name) => name,
        None => USUAL,
    };
    let mut chosen = None;
    ui.horizontal(|ui| {
        let label = ui.label("Recipe");
        let width = (ui.available_width() - presets::buttons_width(ui) - 8.0).clamp(90.0, 180.0);
        let combo = egui::ComboBox::from_id_salt("training preset").width(width).selected_text(shown);
        let combo = combo.show_ui(ui, |ui| {
            let usual =
                "By what is trained on what: for students that of the set's method, and for observers by the size of their images";
            if ui.selectable_label(shown == USUAL, USUAL).on_hover_text(usual).clicked() {
                chosen = Some(None);
            }
            for preset in &presets {
                if ui.selectable_label(shown == preset.name, preset.name).on_hover_text(preset.about).clicked() {
                    chosen = Some(Some(preset.name));
                }
            }
            if !own.is_empty() {
                ui.separator();
            }
            for preset in &own {
                let item = ui.selectable_label(same == Some(&preset.name), &preset.name).on_hover_text(&preset.about);
                if item.clicked() {
                    scene.out.extend(taking(preset));
                }
            }
        });
        let tip = "A paper's training for these images, this observer and this student; the seeds stay as they are";
        combo.response.labelled_by(label.id).on_hover_text(tip);
        presets::buttons(ui, Action::SaveTrainingPreset, scene.out);
    });
    if let Some(preset) = chosen {
        form.suggested.preset = preset;
        scene.out.extend(choose(form, scene.model).map(Intent::Edit));
    }
    let p = palette(ui.visuals());
    for note in form.suggested.notes.iter().filter(|_| current) {
        ui.add(egui::Label::new(RichText::new(note).color(p.weak).small()).wrap());
    }
}

/// What it comes to, what is wrong with it, and the buttons.
fn start(ui: &mut Ui, form: &TrainForm, scene: &mut Scene<'_>) {
    let p = palette(ui.visuals());
    let recipe = scene.model.workspace.training();
    let folder = scene.model.trainings.folder().map(std::path::Path::to_owned);
    let asked = folder.map(|folder| form.request(recipe, &folder));
    if let Some(Err(wrong)) = &asked {
        let words = format!("{}: {}", wrong.field, wrong.why);
        ui.add(egui::Label::new(RichText::new(words).color(p.warn)).wrap());
    } else {
        let words = format!(
            "{} × {}",
            text::count(recipe.seeds as usize, "seed", "seeds"),
            text::count(recipe.epochs as usize, "epoch", "epochs")
        );
        ui.add(egui::Label::new(RichText::new(words).color(p.weak)).truncate());
    }
    ui.horizontal_wrapped(|ui| {
        command(ui, Action::Train, scene);
        command(ui, Action::CopyTraining, scene);
    });
    if let Some(problem) = &scene.model.problems.train {
        text::problem(ui, problem, true);
    }
}
