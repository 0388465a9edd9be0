//! Which method distils: choosing one takes its paper's values for the observer's side; and what panels of patches say
//! where it has none.

use eframe::egui::{self, Ui, WidgetInfo};

use super::scene::Scene;
use crate::core::distil::presets::of_method;
use crate::core::distil::recipe::{Method, Recipe};
use crate::core::distil::recovery::Recovery;
use crate::core::workspace::Command;
use crate::ui::intent::{Intent, Panel};
use crate::ui::model::Model;
use crate::ui::widgets::text;

/// What people call a method, and what it does.
fn about(name: &str) -> (&'static str, &'static str) {
    match name {
        "sre2l" => (
            "SRe2L",
            "Squeeze, recover, relabel: pixels are moved from noise until the observer takes them for their class and its \
             batch norms see the statistics of their training",
        ),
        "cda" => ("CDA", "Curriculum data augmentation: SRe2L whose crops begin with whole images and grow smaller"),
        "lic" => (
            "LIC",
            "Information compensation: stitched images, and a δ on them that brings the features of their originals back",
        ),
        _ => ("RDED", "Realism, diversity, efficiency: the most real patches are stitched; no pixel is moved"),
    }
}

/// What people call a method, by its name in records.
#[must_use]
pub fn title(name: &str) -> &'static str {
    about(name).0
}

/// A method's recipe with what all methods share kept as it is: IPC and seed.
fn taken(name: &str, model: &Model) -> Option<Recipe> {
    let side = model.observer.as_ref().map_or(u32::MAX, |opened| opened.observer.spec.side as u32);
    let now = model.workspace.recipe();
    of_method(name, side).map(|of| Recipe { ipc: now.ipc, seed: now.seed, ..of })
}

/// Shows the methods side by side.
pub fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    ui.horizontal_wrapped(|ui| {
        ui.label("Method").on_hover_text("What makes the distilled images");
        for name in Method::NAMES {
            let chosen = scene.model.workspace.recipe().method.name() == name;
            let (title, does) = about(name);
            let button = ui.selectable_label(chosen, title);
            let label = format!("Method {title}");
            button.widget_info(|| WidgetInfo::selected(egui::Role::RadioButton, true, chosen, &label));
            if button.clicked() && !chosen {
                scene.out.extend(taken(name, scene.model).map(|recipe| Intent::Edit(Command::SetRecipe(recipe))));
            }
            let values = "Choosing it takes its paper's values for images of the observer's size; IPC and seed stay";
            button.on_hover_text(format!("{does}.\n{values}"));
        }
    });
}

/// What a panel of patches says where the method has none: why, and what to do; `false` where it has some.
pub fn without_patches(ui: &mut Ui, scene: &mut Scene<'_>) -> bool {
    if scene.model.why_no_patches().is_none() {
        return false;
    }
    let title = title(scene.model.workspace.recipe().method.name());
    let next = "It scores no patches and stitches none: \"Distil to folder\" in the recipe makes its images, and Refine \
                shows them as they change. Or let it begin with the images that RDED stitches.";
    text::empty(ui, &format!("{title} begins with noise"), next);
    ui.vertical_centered(|ui| {
        let begin = ui.button("Begin with RDED's images");
        if begin.on_hover_text("Sets \"Begin with\" to rded in the recipe").clicked() {
            let value = Recovery::INITS[1].to_owned();
            scene.out.push(Intent::Edit(Command::SetParam { name: "init", value }));
            scene.out.push(Intent::Edit(Command::Settle));
        }
        if ui.button("Show Refine").on_hover_text(Panel::Refine.about()).clicked() {
            scene.out.push(Intent::Show(Panel::Refine));
        }
    });
    true
}
