//! The dialog that opens another project: a folder, or one of those that were opened before.

use std::path::Path;

use eframe::egui::{self, Context, Rect, RichText};

use crate::ui::intent::{Intent, Purpose};
use crate::ui::model::project::ProjectView;
use crate::ui::theme::palette;
use crate::ui::widgets::path_field::PathField;
use crate::ui::widgets::text;

/// What the dialog remembers.
#[derive(Default)]
pub struct ProjectsDialog {
    /// Whether it is shown.
    pub open: bool,
    /// The typed folder.
    pub path: PathField,
}

impl ProjectsDialog {
    /// Shows the dialog within `room`, over everything, while it is open.
    pub fn show(&mut self, ctx: &Context, (project, room): (&ProjectView, Rect), out: &mut Vec<Intent>) {
        if !self.open {
            return;
        }
        let dialog = egui::Modal::new(egui::Id::unique("projects")).show(ctx, |ui| {
            ui.set_width((room.width() - 40.0).clamp(200.0, 520.0));
            ui.heading("Open project");
            let p = palette(ui.visuals());
            if let Some(folder) = &project.folder {
                let words = format!("This one is {}", folder.to_string_lossy());
                ui.add(egui::Label::new(RichText::new(&words).color(p.weak)).truncate()).on_hover_text(words);
            }
            ui.add_space(6.0);
            let used =
                self.path.show(ui, ("Project folder", "/path/to/project, made where it is missing"), "Open project");
            if used.submitted {
                out.push(Intent::OpenProject(self.path.path()));
            }
            if used.browse {
                out.push(Intent::Browse(Purpose::Project));
            }
            if let Some(problem) = &project.problem {
                text::problem(ui, problem, true);
            }
            if project.others().next().is_some() {
                ui.add_space(6.0);
                ui.label("Opened before");
                let height = (room.height() - 220.0).max(60.0);
                egui::ScrollArea::vertical()
                    .id_salt("projects")
                    .max_height(height)
                    .auto_shrink([false, true])
                    .show(ui, |ui| project.others().for_each(|folder| recent(ui, folder, out)));
            }
            ui.add_space(8.0);
            ui.button("Close").clicked()
        });
        if dialog.inner || dialog.should_close() {
            self.open = false;
        }
    }
}

/// A button for a project that was opened before.
pub fn recent(ui: &mut egui::Ui, folder: &Path, out: &mut Vec<Intent>) {
    let shown = folder.to_string_lossy();
    let button = ui.add(egui::Button::new(shown.as_ref()).truncate()).on_hover_text(shown.as_ref());
    if button.clicked() {
        out.push(Intent::OpenProject(folder.to_owned()));
        ui.close();
    }
}
