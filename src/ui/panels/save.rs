//! Where a plot or a table is saved to: a window with the path, typed or from a dialog. It stays open while something is
//! wrong with the path.

use std::path::{Path, PathBuf};

use eframe::egui::{Context, Key, Vec2};

use super::scene::Scene;
use crate::ui::intent::{Intent, Purpose, Saving};
use crate::ui::model::saved::Saved;
use crate::ui::widgets::path_field::PathField;
use crate::ui::widgets::room::window;
use crate::ui::widgets::text;

/// What the window remembers.
#[derive(Default)]
pub struct SaveWindow {
    asked: Option<Saving>,
    field: PathField,
    /// The folder that was used last.
    folder: Option<PathBuf>,
}

impl SaveWindow {
    /// Asks where to save something: in the folder that was used last, or the home folder.
    pub fn ask(&mut self, saving: Saving) {
        let home = || directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned());
        let folder = self.folder.clone().or_else(home).unwrap_or_default();
        self.field.set(&folder.join(&saving.name));
        self.field.focus();
        self.asked = Some(saving);
    }

    /// What is being saved.
    #[must_use]
    pub fn asked(&self) -> Option<&Saving> {
        self.asked.as_ref()
    }

    /// The field of the path, for a note on why it has to be typed.
    pub fn field(&mut self) -> &mut PathField {
        &mut self.field
    }

    /// Something was saved: the window closes if it was what it asks for.
    pub fn saved(&mut self, saved: &Saved) {
        self.folder = saved.path.parent().map(Path::to_owned);
        self.asked.take_if(|asked| asked.what == saved.what);
    }

    /// Shows the window while something is asked for.
    pub fn show(&mut self, ctx: &Context, scene: &mut Scene<'_>) {
        let Some(saving) = &self.asked else { return };
        let (mut open, mut close) = (true, false);
        let shown = window("Save", Vec2::new(460.0, 130.0), scene.room).collapsible(false).open(&mut open);
        shown.show(ctx, |ui| {
            ui.label(format!("Save {}", saving.what));
            let hint = format!("/path/to/{}", saving.name);
            let used = self.field.show(ui, ("Save to a new file", &hint), "Save");
            if used.submitted {
                scene.out.push(Intent::Write(self.field.path()));
            }
            if used.browse {
                scene.out.push(Intent::Browse(Purpose::Save));
            }
            if let Some(problem) = &scene.model.problems.save {
                text::problem(ui, problem, true);
            }
            close = ui.button("Cancel").clicked();
        });
        if !open || close || ctx.input(|i| i.key_pressed(Key::Escape)) {
            self.asked = None;
        }
    }
}
