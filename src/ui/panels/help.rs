//! The help sheet: keys from the table of commands, and the field's words.

use eframe::egui::{self, Context, Rect, RichText, Ui};

use crate::ui::actions::Action;
use crate::ui::theme::palette;

const WORDS: [(&str, &str); 9] = [
    ("observer", "the trained network that judges how real a patch looks for its class"),
    ("subset", "the images per class that are scored, drawn by the seed"),
    ("crops K", "random crops per image; the one with the least loss is the image's key patch"),
    ("loss", "−ln of the observer's probability for the class: 0 is certain, 2.3 is a guess among ten"),
    ("key patch", "an image's best crop; key patches are ranked within their class"),
    ("N", "patches stitched to one distilled image: 1, 4, 9, 16 or 25"),
    ("IPC", "distilled images per class; the best IPC·N key patches are used"),
    ("distilled image", "N key patches side by side, as large as the observer's input"),
    ("provenance", "where a patch comes from: file, box, loss and rank"),
];

/// What keys and pointer do in grids of patches.
const POINTER: [(&str, &str); 7] = [
    ("Arrows, Home, End", "Move the selection in the grid that was clicked last; with Shift, select on the way"),
    ("Click", "Select; with Ctrl add or remove, with Shift a range, with Ctrl+Shift add a range"),
    ("Drag", "Select what a rectangle touches; with Ctrl or Shift add, with Alt remove"),
    ("Click on a heading", "Select all patches of the class that are shown"),
    ("Alt+Click", "Select all patches of a distilled image"),
    ("Drag a cell", "Exchange two cells of a class's distilled images; with a modifier, select a rectangle"),
    ("Right click", "All that can be decided about a patch"),
];

/// Shows the sheet within `room`, over everything; false once it should close.
pub fn show(ctx: &Context, room: Rect) -> bool {
    let sheet = egui::Modal::new(egui::Id::unique("help")).show(ctx, |ui| {
        ui.set_width((room.width() - 40.0).clamp(200.0, 580.0));
        ui.heading("Keys and words");
        ui.add_space(6.0);
        // What is around the list: the margins, the heading and the button.
        let height = (room.height() - 110.0).max(100.0);
        egui::ScrollArea::vertical().id_salt("sheet").max_height(height).auto_shrink([false, true]).show(ui, |ui| {
            keys(ui);
            ui.add_space(8.0);
            ui.separator();
            words(ui);
        });
        ui.add_space(8.0);
        ui.button("Close").clicked()
    });
    !sheet.inner && !sheet.should_close()
}

fn keys(ui: &mut Ui) {
    let p = palette(ui.visuals());
    egui::Grid::new("keys").num_columns(2).spacing([24.0, 3.0]).show(ui, |ui| {
        for action in Action::all() {
            let about = action.about();
            let Some(shortcut) = about.shortcut else { continue };
            ui.label(RichText::new(ui.ctx().format_shortcut(&shortcut)).monospace().color(p.accent));
            ui.add(egui::Label::new(about.tooltip).wrap());
            ui.end_row();
        }
        for (keys, meaning) in POINTER {
            ui.label(RichText::new(keys).monospace().color(p.accent));
            ui.add(egui::Label::new(meaning).wrap());
            ui.end_row();
        }
    });
}

fn words(ui: &mut Ui) {
    let p = palette(ui.visuals());
    egui::Grid::new("words").num_columns(2).spacing([24.0, 3.0]).show(ui, |ui| {
        for (word, meaning) in WORDS {
            ui.label(RichText::new(word).color(p.accent));
            ui.add(egui::Label::new(meaning).wrap());
            ui.end_row();
        }
    });
}
