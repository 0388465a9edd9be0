//! The typed path of a folder with trainings to list.

use eframe::egui::Ui;

use crate::ui::intent::{Intent, Purpose};
use crate::ui::panels::scene::Scene;
use crate::ui::widgets::path_field::PathField;

/// The typed path.
#[derive(Default)]
pub struct Paths {
    folder: PathField,
    asked: bool,
}

impl Paths {
    /// Shows the field for a folder with trainings from now on.
    pub fn ask_folder(&mut self) -> &mut PathField {
        self.asked = true;
        &mut self.folder
    }

    /// A dialog has given the path.
    pub fn answered(&mut self) {
        self.asked = false;
    }

    /// The field, where it is asked for.
    pub fn show(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        if !self.asked {
            return;
        }
        let used = self.folder.show(ui, ("Folder with trainings", "/path/to/folder"), "Add");
        if used.browse {
            scene.out.push(Intent::Browse(Purpose::Trainings));
        }
        if used.submitted {
            scene.out.push(Intent::OpenTrainings(self.folder.path()));
        }
        if used.submitted || ui.small_button("Hide this field").clicked() {
            self.asked = false;
        }
        ui.add_space(4.0);
    }
}
