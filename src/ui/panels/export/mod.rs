//! The export panel: a distilled set, its source images, or the selected ones, as other programs read them.

mod choice;
mod outcome;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use eframe::egui::{self, Label, RichText, Role, Ui, WidgetInfo};

use super::scene::Scene;
use crate::core::data::folders::Folders;
use crate::jobs::export::{ExportRequest, Format, Material};
use crate::jobs::report::ReportRequest;
use crate::store::training::TrainingNote;
use crate::ui::intent::{ExportPath, Intent, Purpose};
use crate::ui::model::Model;
use crate::ui::model::exporting::name;
use crate::ui::theme::palette;
use crate::ui::widgets::path_field::{PathField, Used};
use crate::ui::widgets::text;

pub use choice::Choice;

/// What would be exported, by which the answers about it are known again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// As what.
    pub choice: Choice,
    /// The set, where one is exported.
    set: PathBuf,
    /// The dataset that the images are from.
    data: PathBuf,
    /// Which selection of images.
    selections: u64,
}

/// What the panel remembers.
#[derive(Default)]
pub struct ExportPanel {
    /// As what.
    pub choice: Choice,
    /// The set's folder.
    pub set: PathField,
    /// The dataset that the set was made from.
    pub data: PathField,
    /// The new folder.
    pub out: PathField,
    /// Whether the user named the set, so that it no longer follows what is distilled.
    pub set_typed: bool,
    /// The same of the dataset, which follows what is opened.
    pub data_typed: bool,
    /// The same of the new folder, which follows set and format.
    pub out_typed: bool,
    /// The panel was painted since this was last asked.
    pub seen: bool,
}

impl ExportPanel {
    /// What would be exported; `None` while that isn't said.
    #[must_use]
    pub fn wanted(&self, model: &Model) -> Option<Subject> {
        let choice = self.choice;
        let path = |field: &PathField| (!field.is_empty()).then(|| field.path());
        let (set, data, selections) = match choice {
            Choice::Set(Format::Sources) => (path(&self.set)?, path(&self.data)?, 0),
            Choice::Set(_) | Choice::Report => (path(&self.set)?, PathBuf::new(), 0),
            Choice::Selected => {
                let dataset = model.dataset().filter(|_| !model.workspace.selection().is_empty())?;
                (PathBuf::new(), dataset.root().to_owned(), model.exporting.selections)
            }
        };
        Some(Subject { choice, set, data, selections })
    }

    /// The images that are meant.
    #[must_use]
    pub fn material(&self, model: &Model) -> Option<Material> {
        let Subject { choice, set, data, .. } = self.wanted(model)?;
        Some(match choice {
            Choice::Set(Format::Sources) => Material::Sources { folders: folders(model, &data), set, data },
            Choice::Set(_) | Choice::Report => Material::Set { folders: folders(model, &set), folder: set },
            Choice::Selected => {
                let dataset = model.dataset()?.clone();
                Material::Picked { dataset, images: model.workspace.selection().images().collect() }
            }
        })
    }

    /// The export as the panel says.
    #[must_use]
    pub fn asked(&self, model: &Model) -> Option<Intent> {
        let material = self.material(model).filter(|_| !self.out.is_empty())?;
        let out = self.out.path();
        Some(match (self.choice.format(), material) {
            (Some(format), material) => {
                Intent::ExportSet(Box::new(ExportRequest { material, format, out, mean_std: None }))
            }
            (None, Material::Set { folder: set, folders }) => {
                let trainings = self.trainings(model).map(Path::to_owned).collect();
                let budget = ReportRequest::BUDGET;
                Intent::Report(Box::new(ReportRequest { set, folders, trainings, out, tables: None, budget }))
            }
            (None, _) => return None,
        })
    }

    /// The folders of the listed trainings that learnt from the set.
    fn trainings<'a>(&self, model: &'a Model) -> impl Iterator<Item = &'a Path> {
        let set = self.set.path();
        let of_set = move |note: &Arc<TrainingNote>| note.data.path == set;
        model.trainings.rows().iter().filter(move |row| row.note().is_some_and(&of_set)).map(|row| &*row.folder)
    }

    /// Where something new is suggested, and under which name, to which the ending comes: beside the set or the dataset.
    #[must_use]
    pub fn suggestion(&self, model: &Model) -> Option<(PathBuf, String)> {
        let Subject { choice, set, data, .. } = self.wanted(model)?;
        let beside = if choice == Choice::Selected { data } else { set };
        let beside = std::path::absolute(&beside).unwrap_or(beside);
        let parent = beside.parent().map_or_else(|| beside.clone(), Path::to_owned);
        Some((parent, format!("{}-{}", name(&beside), choice.suffix())))
    }

    /// The field of a path.
    pub fn field(&mut self, path: ExportPath) -> &mut PathField {
        match path {
            ExportPath::Set => &mut self.set,
            ExportPath::Data => &mut self.data,
            ExportPath::Out => &mut self.out,
        }
    }

    /// A dialog has chosen a path.
    pub fn choose(&mut self, path: ExportPath, chosen: &Path) {
        self.field(path).set(chosen);
        match path {
            ExportPath::Set => self.set_typed = true,
            ExportPath::Data => self.data_typed = true,
            ExportPath::Out => self.out_typed = true,
        }
    }

    /// Shows the panel.
    pub fn show(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        self.seen = true;
        egui::ScrollArea::vertical().id_salt("export").auto_shrink(false).show(ui, |ui| {
            self.formats(ui);
            ui.separator();
            match self.choice {
                Choice::Selected => selected(ui, scene),
                Choice::Set(_) | Choice::Report => self.sets(ui, scene),
            }
            if self.choice == Choice::Set(Format::Sources) {
                let words = ("Dataset that the set was made from", "/path/to/dataset");
                let used = self.path(ui, ExportPath::Data, words, scene);
                self.data_typed |= used.changed;
            }
            let hint = if self.choice == Choice::Report { "/path/to/new/page.html" } else { "/path/to/new/folder" };
            let used = self.path(ui, ExportPath::Out, ("Export to", hint), scene);
            self.out_typed |= used.changed;
            outcome::show(ui, self, scene);
        });
    }

    fn formats(&mut self, ui: &mut Ui) {
        let p = palette(ui.visuals());
        egui::Grid::new("formats").num_columns(2).spacing([10.0, 1.0]).show(ui, |ui| {
            for choice in Choice::all() {
                let chosen = self.choice == choice;
                let row = ui.radio(chosen, choice.title());
                row.widget_info(|| {
                    WidgetInfo::selected(Role::RadioButton, true, chosen, format!("Export as {}", choice.title()))
                });
                if row.on_hover_text(choice.about()).clicked() {
                    self.choice = choice;
                }
                let about = Label::new(RichText::new(choice.about()).color(p.weak)).truncate();
                ui.add(about).on_hover_text(choice.about());
                ui.end_row();
            }
        });
    }

    fn path(&mut self, ui: &mut Ui, path: ExportPath, words: (&str, &str), scene: &mut Scene<'_>) -> Used {
        let used = self.field(path).show(ui, words, "");
        if used.browse {
            scene.out.push(Intent::Browse(Purpose::Export(path)));
        }
        used
    }

    /// Which set: the last one, one of the project, or any folder.
    fn sets(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        let used = self.path(ui, ExportPath::Set, ("Set", "/path/to/distilled/set"), scene);
        self.set_typed |= used.changed;
        let known = &scene.model.exporting.known;
        let words = text::count(known.sets.len(), "set of the project", "sets of the project");
        if known.sets.is_empty() {
            if self.set.is_empty() {
                hint(ui, "Distil first, or give the folder of a set: it is written as other programs read it.");
            }
        } else {
            let list = egui::ComboBox::from_id_salt("known sets").selected_text(words).width(180.0);
            let list = list.show_ui(ui, |ui| self.known(ui, scene)).response;
            list.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, "Sets of the project"));
        }
        if let Some(why) = &scene.model.exporting.unlisted {
            text::problem(ui, &format!("The project's sets can't be listed: {why}"), false);
        }
    }

    fn known(&mut self, ui: &mut Ui, scene: &Scene<'_>) {
        let known = &scene.model.exporting.known;
        let now = self.set.path();
        for (at, set) in known.sets.iter().enumerate() {
            let last = if at == 0 { ", the last one" } else { "" };
            let words = format!("{}: {}{last}", name(&set.folder), set.words);
            let row = ui.selectable_label(set.folder == now, words).on_hover_text(set.folder.to_string_lossy());
            if row.clicked() {
                self.set.set(&set.folder);
                // The last one goes on following what is distilled.
                self.set_typed = at > 0;
                if !self.data_typed {
                    self.data.set(&set.dataset);
                }
            }
        }
        if known.gone > 0 {
            hint(ui, &format!("{} not there any more", text::count(known.gone, "set is", "sets are")));
        }
        if known.older {
            hint(ui, "Of the latest runs; older sets can be given by their folder.");
        }
    }
}

/// What the user said of a folder, where it is the open dataset.
fn folders(model: &Model, folder: &Path) -> Folders {
    let open = model.data.as_ref().filter(|data| data.dataset.root() == folder);
    open.map_or_else(Folders::default, |data| data.folders)
}

fn selected(ui: &mut Ui, scene: &Scene<'_>) {
    let Some(dataset) = scene.model.dataset() else {
        hint(ui, "Open a dataset, score its patches and select some: their source images are exported.");
        return;
    };
    let count = scene.model.workspace.selection().len();
    if count == 0 {
        hint(ui, "Nothing is selected. Select patches or distilled images: their source images are exported.");
        return;
    }
    let all = text::count(dataset.image_count(), "image", "images");
    ui.add(Label::new(format!("{} of {all} selected", text::thousands(count as u64))).wrap());
}

/// What to do next, or what is left out.
fn hint(ui: &mut Ui, words: &str) {
    let p = palette(ui.visuals());
    ui.add(Label::new(RichText::new(words).color(p.weak)).wrap());
}
