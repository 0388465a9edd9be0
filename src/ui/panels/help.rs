//! The help sheet: all commands and their keys from the table, and the field's words.

use eframe::egui::{self, Context, Rect, RichText, Role, TextEdit, Ui, WidgetInfo};

use crate::ui::actions::{About, Action, Menu};
use crate::ui::theme::palette;

/// What keys and pointer do in grids of patches.
const IN_GRIDS: [(&str, &str); 7] = [
    ("Arrows, Home, End", "Move the selection in the grid that was clicked last; with Shift, select on the way"),
    ("Click", "Select; with Ctrl add or remove, with Shift a range, with Ctrl+Shift add a range"),
    ("Drag", "Select what a rectangle touches; with Ctrl or Shift add, with Alt remove"),
    ("Click on a heading", "Select all patches of the class that are shown"),
    ("Alt+Click", "Select all patches of a distilled image"),
    ("Drag a cell", "Exchange two cells of a class's distilled images; with a modifier, select a rectangle"),
    ("Right click", "All that can be decided about a patch"),
];

const WORDS: [(&str, &str); 14] = [
    ("observer", "the trained network that judges how real a patch looks for its class"),
    ("subset", "the images per class that are scored, drawn by the seed"),
    ("crops K", "random crops per image; the one with the least loss is the image's key patch"),
    ("loss", "−ln of the observer's probability for the class: 0 is certain, 2.3 is a guess among ten"),
    ("key patch", "an image's best crop; key patches are ranked within their class"),
    ("N", "patches stitched to one distilled image: 1, 4, 9, 16 or 25"),
    ("IPC", "distilled images per class; the best IPC·N key patches are used"),
    ("distilled image", "N key patches side by side, as large as the observer's input"),
    ("method", "RDED stitches patches; SRe2L, CDA and LIC move pixels by the observer's gradients"),
    ("moved image", "its pixels are changed step by step; Refine shows it beside what it began with"),
    ("δ", "what was added to a moved image: its values now minus those that it began with"),
    ("suspect", "an image that the observer confidently takes for another class than its label says"),
    ("budget", "images per class; sets of different budgets can't be compared by their students"),
    ("provenance", "where a patch comes from: file, box, loss and rank"),
];

/// The sheet's state.
#[derive(Default)]
pub struct Help {
    open: bool,
    typed: String,
}

impl Help {
    /// Opens it, with everything in it.
    pub fn open(&mut self) {
        *self = Self { open: true, typed: String::new() };
    }

    /// Whether it lies over the panels.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Shows it within `room`, if it is open.
    pub fn show(&mut self, ctx: &Context, room: Rect) {
        if !self.open {
            return;
        }
        let sheet = egui::Modal::new(egui::Id::unique("help")).show(ctx, |ui| {
            ui.set_width((room.width() - 40.0).clamp(200.0, 620.0));
            ui.heading("Keys and words");
            let field = TextEdit::singleline(&mut self.typed).hint_text("Find a key, command or word");
            let field = ui.add(field.desired_width(f32::INFINITY));
            field.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Find in help"));
            ui.add_space(4.0);
            // What is around the list: the margins, the heading, the field and the button.
            let height = (room.height() - 140.0).max(100.0);
            let area = egui::ScrollArea::vertical().id_salt("sheet").max_height(height);
            area.auto_shrink([false, true]).show(ui, |ui| found(ui, &self.typed.trim().to_lowercase()));
            ui.add_space(8.0);
            ui.button("Close").clicked()
        });
        self.open = !sheet.inner && !sheet.should_close();
    }
}

/// All that mentions what was typed.
fn found(ui: &mut Ui, typed: &str) {
    let mentions = |texts: &[&str]| typed.is_empty() || texts.iter().any(|t| t.to_lowercase().contains(typed));
    let mut any = false;
    for menu in Menu::ALL {
        let keys = |about: &About| about.keys(ui.ctx()).unwrap_or_default();
        let rows: Vec<(String, &About)> = menu.actions().map(Action::about).map(|a| (keys(a), a)).collect();
        let answers = |(keys, a): &&(String, &About)| mentions(&[keys, a.label, a.tooltip, menu.title()]);
        let rows: Vec<&(String, &About)> = rows.iter().filter(answers).collect();
        let rows: Vec<(&str, String)> =
            rows.iter().map(|(keys, a)| (keys.as_str(), format!("{}: {}", a.label, a.tooltip))).collect();
        any |= section(ui, menu.title(), &rows);
    }
    for (title, all) in [("In a grid of pictures", &IN_GRIDS[..]), ("Words", &WORDS[..])] {
        let answers = all.iter().filter(|(word, meaning)| mentions(&[word, meaning, title]));
        let rows: Vec<(&str, String)> = answers.map(|(word, meaning)| (*word, (*meaning).to_owned())).collect();
        any |= section(ui, title, &rows);
    }
    if !any {
        ui.label(RichText::new("Nothing here mentions this.").color(palette(ui.visuals()).weak));
    }
}

/// A heading over rows of two columns; nothing, and `false`, without rows.
fn section(ui: &mut Ui, title: &str, rows: &[(&str, String)]) -> bool {
    if rows.is_empty() {
        return false;
    }
    let p = palette(ui.visuals());
    ui.add_space(6.0);
    ui.label(RichText::new(title).strong().color(p.text));
    egui::Grid::new(title).num_columns(2).min_col_width(118.0).spacing([16.0, 3.0]).show(ui, |ui| {
        for (left, right) in rows {
            ui.label(RichText::new(*left).color(p.accent));
            ui.add(egui::Label::new(right).wrap());
            ui.end_row();
        }
    });
    true
}
