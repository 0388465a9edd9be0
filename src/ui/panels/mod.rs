//! The panels: each shows a part of the model and emits intents.

use eframe::egui::{self, Button, Response, Ui};

use super::actions::Action;
use super::layout::Panel;
use super::model::{Intent, Model};
use super::widgets::gallery::Gallery;

pub mod dataset;
pub mod distilled;
pub mod help;
pub mod job_bar;
pub mod log;
pub mod menu;
pub mod networks;
pub mod observer;
pub mod patches;
pub mod provenance;
pub mod recipe;
pub mod source;
pub mod training;

/// What a panel gets: the model to read, pictures to ask for, and where its intents go.
pub struct Scene<'a> {
    /// What is shown.
    pub model: &'a Model,
    /// Pictures.
    pub gallery: &'a mut Gallery,
    /// What is asked for.
    pub out: &'a mut Vec<Intent>,
}

/// What the panels remember between frames by themselves: typed paths, thumbnail sizes.
#[derive(Default)]
pub struct Panels {
    /// Dataset.
    pub dataset: dataset::DatasetPanel,
    /// Observer.
    pub observer: observer::ObserverPanel,
    /// Recipe.
    pub recipe: recipe::RecipePanel,
    /// Training.
    pub training: training::TrainingPanel,
    patches: patches::PatchesPanel,
    distilled: distilled::DistilledPanel,
}

impl Panels {
    /// Shows one panel.
    pub fn show(&mut self, ui: &mut Ui, panel: Panel, scene: &mut Scene<'_>) {
        // Paths and file names are long; without this they would widen the panel.
        ui.style_mut().wrap_mode = None;
        match panel {
            Panel::Dataset => self.dataset.show(ui, scene),
            Panel::Observer => self.observer.show(ui, scene),
            Panel::Recipe => self.recipe.show(ui, scene),
            Panel::Patches => self.patches.show(ui, scene),
            Panel::Distilled => self.distilled.show(ui, scene),
            Panel::Training => self.training.show(ui, scene),
            Panel::Log => log::show(ui, scene),
        }
    }
}

/// A button for a command, with the table's label, tooltip and keys; disabled with the reason where it can't run.
pub fn command(ui: &mut Ui, action: Action, scene: &mut Scene<'_>) -> Response {
    let about = action.about();
    let why_not = scene.model.why_not(action);
    let response = ui.add_enabled(why_not.is_none(), Button::new(about.label));
    if response.clicked() {
        scene.out.push(Intent::Do(action));
    }
    let keys = about.shortcut.map(|s| format!(" ({})", ui.ctx().format_shortcut(&s))).unwrap_or_default();
    let tip = format!("{}{keys}", about.tooltip);
    match why_not {
        Some(why) => response.on_disabled_hover_text(format!("{tip}: {why}")),
        None => response.on_hover_text(tip),
    }
}

/// A slider for thumbnails' size.
fn size_slider(ui: &mut Ui, side: &mut f32, name: &str) {
    ui.spacing_mut().slider_width = 90.0;
    let slider = egui::Slider::new(side, 32.0..=256.0).step_by(8.0).show_value(false);
    let response = ui.add(slider).on_hover_text(format!("{name}: {side} pixels"));
    let value = f64::from(*side);
    response.widget_info(|| egui::WidgetInfo::slider(true, value, name));
}
