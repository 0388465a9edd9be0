//! Paths that a dialog asks for, typed: a folder with trainings to list, and the file that curves go to.

use eframe::egui::Ui;

use crate::ui::actions::Action;
use crate::ui::intent::{Curves, Intent, Purpose};
use crate::ui::panels::controls::command;
use crate::ui::panels::scene::Scene;
use crate::ui::widgets::path_field::PathField;

/// Which path is asked for in the panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Folder,
    Curves,
}

/// The typed paths.
#[derive(Default)]
pub struct Paths {
    folder: PathField,
    curves: PathField,
    asked: Option<Asked>,
}

impl Paths {
    /// Shows the field for a folder with trainings from now on.
    pub fn ask_folder(&mut self) -> &mut PathField {
        self.asked = Some(Asked::Folder);
        &mut self.folder
    }

    /// Shows the field for the file of curves from now on.
    pub fn ask_curves(&mut self) -> &mut PathField {
        self.asked = Some(Asked::Curves);
        &mut self.curves
    }

    /// A dialog has given the path.
    pub fn answered(&mut self) {
        self.asked = None;
    }

    /// The field that is asked for, if any.
    pub fn show(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        let done = match self.asked {
            Some(Asked::Folder) => self.folder(ui, scene),
            Some(Asked::Curves) => self.curves(ui, scene),
            None => return,
        };
        if done || ui.small_button("Hide this field").clicked() {
            self.asked = None;
        }
        ui.add_space(4.0);
    }

    fn folder(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) -> bool {
        let used = self.folder.show(ui, ("Folder with trainings", "/path/to/folder"), "Add");
        if used.browse {
            scene.out.push(Intent::Browse(Purpose::Trainings));
        }
        if used.submitted {
            scene.out.push(Intent::OpenTrainings(self.folder.path()));
        }
        used.submitted
    }

    fn curves(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) -> bool {
        let used = self.curves.show(ui, ("Write curves to a new file", "/path/to/curves.csv or .svg"), "Write");
        if used.browse {
            scene.out.push(Intent::Browse(Purpose::Curves(Curves::Csv)));
        }
        if used.submitted {
            let path = self.curves.path();
            let svg = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("svg"));
            scene.out.push(Intent::Export(if svg { Curves::Svg } else { Curves::Csv }, path));
        }
        used.submitted
    }

    /// The menu of the ways to write curves: a dialog, or a typed path.
    pub fn export(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        ui.set_width((scene.room.width() - 40.0).clamp(160.0, 380.0));
        ui.horizontal_wrapped(|ui| {
            command(ui, Action::ExportCsv, scene);
            command(ui, Action::ExportSvg, scene);
        });
        if self.curves(ui, scene) {
            ui.close();
        }
    }
}
