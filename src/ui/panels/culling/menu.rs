//! The menu that a patch has under the other button of the mouse.

use eframe::egui::{Response, Ui};

use crate::core::data::dataset::ImageId;
use crate::core::workspace::Command;
use crate::core::workspace::selection::Joining;
use crate::ui::actions::Action;
use crate::ui::intent::Intent;
use crate::ui::panels::menu::{item, tags};
use crate::ui::panels::scene::Scene;

const MARKS: [Action; 3] = [Action::Pin, Action::Reject, Action::ResetMarks];
const SWAPS: [Action; 5] =
    [Action::NextCrop, Action::PreviousCrop, Action::AnotherImage, Action::ChooseImage, Action::MoveTo];

/// Gives a tile the menu of the selected patches; `whole` are those of the distilled image that it shows.
pub fn attach(tile: &Response, whole: Option<&dyn Fn() -> Vec<ImageId>>, scene: &mut Scene<'_>) {
    // Asked for each tile of each frame, so only of those that have it or want it.
    if tile.secondary_clicked() || tile.context_menu_opened() {
        tile.context_menu(|ui| show(ui, whole, scene));
    }
}

fn show(ui: &mut Ui, whole: Option<&dyn Fn() -> Vec<ImageId>>, scene: &mut Scene<'_>) {
    ui.set_min_width(230.0);
    MARKS.into_iter().for_each(|action| item(ui, action, scene));
    tags(ui, scene);
    ui.separator();
    SWAPS.into_iter().for_each(|action| item(ui, action, scene));
    let Some(whole) = whole else { return };
    ui.separator();
    if ui.button("Select whole distilled image").on_hover_text("Alt+click does the same").clicked() {
        let select = Command::SelectMany { images: whole(), joining: Joining::Replace, lead: None };
        scene.out.push(Intent::Edit(select));
        ui.close();
    }
}
