//! The recipe panel: a form from the table of parameters, presets, and the buttons that score and distil.

use std::path::PathBuf;

use eframe::egui::{self, RichText, Ui};

use super::controls::{command, look_at_class_order};
use super::methods;
use super::parameters::Drafts;
use super::presets::{self, of_recipes, taking};
use super::scene::Scene;
use crate::core::distil::params::PARAMS;
use crate::core::distil::presets::PRESETS;
use crate::core::distil::rded::Strategy;
use crate::core::distil::recipe::Recipe;
use crate::core::workspace::Command;
use crate::jobs::check::Verdict;
use crate::jobs::worker::Job;
use crate::ui::actions::Action;
use crate::ui::intent::{Intent, Purpose};
use crate::ui::model::Model;
use crate::ui::theme::palette;
use crate::ui::widgets::path_field::PathField;
use crate::ui::widgets::text;

mod beside;
mod fields;

/// From this height on, in points, parameters and buttons have room beside each other.
const ROOM_FOR_BUTTONS: f32 = 330.0;

/// What the panel remembers.
#[derive(Default)]
pub struct RecipePanel {
    /// The typed output folder.
    pub out: PathField,
    /// Whether the user typed it, so that it no longer follows IPC.
    pub out_typed: bool,
    /// The typed weight file of a further observer.
    pub beside: PathField,
    force: bool,
    drafts: Drafts,
}

impl RecipePanel {
    /// The output folder and whether to pass over the check's refusal.
    #[must_use]
    pub fn target(&self) -> Option<(PathBuf, bool)> {
        (!self.out.is_empty()).then(|| (self.out.path(), self.force))
    }

    /// Whether to pass over the check's refusal.
    #[must_use]
    pub fn forced(&self) -> bool {
        self.force
    }

    /// Shows the panel.
    pub fn show(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        // Methods that move pixels have many parameters: the buttons don't scroll away with them.
        let apart = ui.available_height() > ROOM_FOR_BUTTONS;
        if apart {
            let below = egui::Panel::bottom("score and distil").resizable(false).frame(egui::Frame::new());
            below.show(ui, |ui| {
                ui.add_space(4.0);
                self.actions(ui, scene);
            });
        }
        egui::ScrollArea::vertical().id_salt("recipe").auto_shrink(false).show(ui, |ui| {
            methods::show(ui, scene);
            preset(ui, scene);
            fields::show(ui, &mut self.drafts, scene);
            beside::show(ui, &mut self.beside, scene);
            last_change(ui, scene.model);
            if !apart {
                self.actions(ui, scene);
            }
        });
    }

    /// What the recipe comes to, and the buttons that carry it out.
    fn actions(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        needs(ui, scene);
        staleness(ui, scene);
        ui.horizontal_wrapped(|ui| {
            command(ui, Action::Score, scene);
            let mut live = scene.model.live;
            let about = Action::ToggleLive.about();
            let scores = scene.model.why_no_patches().is_none();
            let itself = ui.add_enabled(scores, egui::Checkbox::new(&mut live, "by itself"));
            if itself.on_hover_text(about.tooltip).changed() {
                scene.out.push(Intent::Do(Action::ToggleLive));
            }
            command(ui, Action::CopyCommand, scene);
        });
        if let Some(problem) = &scene.model.problems.score {
            text::problem(ui, problem, true);
        }
        self.distil(ui, scene);
    }

    fn distil(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        let used = self.out.show(ui, ("Output folder", "/path/to/new/folder"), "");
        self.out_typed |= used.changed;
        if used.browse {
            scene.out.push(Intent::Browse(Purpose::Output));
        }
        let refused = matches!(scene.model.check, Some((_, Verdict::Refused(_))));
        ui.horizontal_wrapped(|ui| {
            command(ui, Action::Distil, scene);
            if refused || scene.model.refuses_beside() {
                ui.checkbox(&mut self.force, "despite the check").on_hover_text("The check refused an observer");
            }
        });
        if let Some(problem) = &scene.model.problems.distil {
            text::problem(ui, problem, true);
            if refused {
                look_at_class_order(ui, scene);
            }
        }
        if let Some(report) = &scene.model.written {
            let p = palette(ui.visuals());
            let words = format!(
                "Wrote {} in {:.1} s{}.",
                text::count(report.images, "distilled image", "distilled images"),
                report.seconds,
                report
                    .mean_selected_loss
                    .map_or_else(String::new, |loss| format!("; mean loss of their patches {loss:.4}"))
            );
            ui.add(egui::Label::new(RichText::new(words).color(p.good)).wrap());
            let out = report.out.to_string_lossy();
            ui.add(egui::Label::new(RichText::new(out.as_ref()).color(p.weak)).truncate()).on_hover_text(out.as_ref());
        }
    }
}

fn preset(ui: &mut Ui, scene: &mut Scene<'_>) {
    let recipe = scene.model.workspace.recipe();
    // All but IPC and seed, which a preset leaves alone.
    let same = |of: Recipe| Recipe { ipc: recipe.ipc, seed: recipe.seed, ..of } == *recipe;
    let current = PRESETS.iter().find(|preset| same(preset.recipe()));
    let own = of_recipes(scene.model).find(|(_, of)| *of == recipe).map(|(own, _)| own.name.as_str());
    ui.horizontal(|ui| {
        let label = ui
            .label("Preset")
            .on_hover_text("The papers' settings, which leave IPC and seed as they are, and your own");
        let shown = own.or(current.map(|preset| preset.name)).unwrap_or("own settings");
        let width = (ui.available_width() - presets::buttons_width(ui) - 8.0).clamp(90.0, 160.0);
        let combo = egui::ComboBox::from_id_salt("preset").width(width).selected_text(shown).show_ui(ui, |ui| {
            for preset in PRESETS {
                let chosen = current.is_some_and(|c| c.name == preset.name);
                if ui.selectable_label(chosen, preset.name).on_hover_text(preset.about).clicked() {
                    let next = Recipe { ipc: recipe.ipc, seed: recipe.seed, ..preset.recipe() };
                    scene.out.push(Intent::Edit(Command::SetRecipe(next)));
                }
            }
            if of_recipes(scene.model).next().is_some() {
                ui.separator();
            }
            for (preset, _) in of_recipes(scene.model) {
                let item = ui.selectable_label(own == Some(&preset.name), &preset.name).on_hover_text(&preset.about);
                if item.clicked() {
                    scene.out.extend(taking(preset));
                }
            }
        });
        combo.response.labelled_by(label.id);
        presets::buttons(ui, Action::SavePreset, scene.out);
    });
}

/// What the last change of a parameter did to the stitched patches.
fn change(param: &str, model: &Model) -> Option<String> {
    let difference = model.changes.get(param)?;
    let loss = |mean: Option<f64>| mean.map_or_else(|| "none".to_owned(), |mean| text::loss(mean as f32));
    let [before, now] = difference.mean_losses().map(loss);
    Some(format!(
        "{} of {} patches as before, {} images kept; mean loss {before}, now {now}",
        text::thousands(difference.shared as u64),
        text::thousands(difference.patches[1] as u64),
        text::thousands(difference.images_kept as u64),
    ))
}

/// Two lines that are always there once there are scores, so that nothing moves under the pointer that moves a slider.
fn last_change(ui: &mut Ui, model: &Model) {
    if !model.ranking.any() || model.why_no_patches().is_some() {
        return;
    }
    let p = palette(ui.visuals());
    let said = model.last_change.and_then(|name| {
        let label = PARAMS.iter().find(|param| param.name == name)?.label;
        Some(format!("{label}: {}", change(name, model).unwrap_or_else(|| "counting…".to_owned())))
    });
    let words = said.unwrap_or_else(|| "What a change does to the patches is said here.".to_owned());
    ui.scope(|ui| {
        // Room for two lines, whether they are needed or not.
        ui.set_min_height(2.0 * ui.text_style_height(&egui::TextStyle::Small));
        ui.add(egui::Label::new(RichText::new(words).small().color(p.weak)).wrap());
    });
}

/// What the recipe comes to.
fn needs(ui: &mut Ui, scene: &Scene<'_>) {
    let recipe = scene.model.workspace.recipe();
    let classes = scene.model.workspace.chosen().count();
    if classes == 0 {
        return;
    }
    let p = palette(ui.visuals());
    let steps = recipe.method.iterations();
    let words = format!(
        "{} × {} = {}{}{}{}",
        text::count(classes, "class", "classes"),
        recipe.ipc,
        if recipe.method.rded().is_some_and(|own| !own.short_classes.refuses()) { "at most " } else { "" },
        text::count(classes * recipe.ipc as usize, "distilled image", "distilled images"),
        recipe.method.rded().map_or_else(String::new, |own| {
            format!(", each of {}", text::count(own.patches as usize, "patch", "patches"))
        }),
        if steps > 0 { format!(", moved by {}", text::count(steps as usize, "step", "steps")) } else { String::new() },
    );
    ui.add(egui::Label::new(RichText::new(words).color(p.weak)).wrap());
    if let Some(words) = recipe.method.rded().and_then(|own| order(own.strategy)) {
        ui.add(egui::Label::new(RichText::new(words).color(p.weak)).wrap());
    }
}

/// What the order of the shown patches means, where it isn't the plain one by loss.
fn order(strategy: Strategy) -> Option<&'static str> {
    match strategy {
        Strategy::Realism => None,
        Strategy::Random => Some("Patches are shown in the order in which they are drawn."),
        Strategy::Herding => Some(
            "Herding picks IPC·N patches by the observer's features when it scores; they come first, the others by loss.",
        ),
        Strategy::KMeans => Some(
            "k-means makes IPC·N clusters of the observer's features when it scores; their patches come first, the \
             others by loss. Another IPC or N makes other clusters: score again.",
        ),
    }
}

/// Says when what is shown is not what the recipe asks for.
fn staleness(ui: &mut Ui, scene: &Scene<'_>) {
    let (stale, chosen) = scene.model.staleness();
    if stale == 0 || scene.model.observer.is_none() || scene.model.is_under_way(Job::Score) {
        return;
    }
    if !scene.model.ranking.any() {
        text::problem(ui, "Not scored yet with these settings.", false);
    } else {
        let words =
            format!("Stale: {stale} of {chosen} chosen classes need scoring for these settings. What is known stays.");
        text::problem(ui, &words, false);
    }
}
