//! The dataset panel: open one, choose classes, look at samples, see what is broken.

use eframe::egui::{self, RichText, Role, Sense, TextStyle, Ui, Vec2, WidgetInfo};

use super::samples::Samples;
use super::scene::Scene;
use crate::core::data::dataset::{ClassId, Dataset, Layout, Split};
use crate::core::data::folders::Folders;
use crate::core::workspace::Command;
use crate::jobs::open::DatasetRequest;
use crate::jobs::worker::{Job, OpenedDataset};
use crate::ui::actions::Action;
use crate::ui::intent::{Intent, Purpose};
use crate::ui::theme::palette;
use crate::ui::widgets::path_field::PathField;
use crate::ui::widgets::room::at_least;
use crate::ui::widgets::text;

/// What the panel remembers.
#[derive(Default)]
pub struct DatasetPanel {
    /// The typed path.
    pub path: PathField,
    /// What was asked for last: what was said of its folders holds for these alone.
    pub asked: DatasetRequest,
    holdout: String,
    wrong: Option<String>,
    /// The text that the list of classes is filtered by.
    pub filter: String,
    /// The class that was last brought into view.
    revealed: Option<ClassId>,
    samples: Samples,
    /// Height of what stood above the lists in the last frame: messages make it grow.
    above: f32,
}

/// What the lists of classes and samples need.
const LISTS: Vec2 = Vec2::new(240.0, 230.0);

impl DatasetPanel {
    /// Shows the panel.
    pub fn show(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        at_least(ui, LISTS + Vec2::new(0.0, self.above), |ui| self.parts(ui, scene));
    }

    fn parts(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        let top = ui.cursor().top();
        let used = self.path.show(ui, ("Dataset folder", "/path/to/dataset"), "Open");
        if used.submitted {
            self.open(scene);
        }
        if used.browse {
            scene.out.push(Intent::Browse(Purpose::Dataset));
        }
        ui.horizontal(|ui| {
            let name = ui.label("Hold out");
            let field = egui::TextEdit::singleline(&mut self.holdout).hint_text("nothing").desired_width(76.0);
            ui.add(field).labelled_by(name.id).on_hover_text(
                "Where the folder has no test split: the share of each class's images that is kept out of distilling and \
                 training, and that checks and evaluations use alone, such as 0.1. It holds from the next Open on.",
            );
        });
        if let Some(problem) = self.wrong.as_ref().or(scene.model.problems.dataset.as_ref()) {
            text::problem(ui, problem, true);
        }
        if let Some(path) = &scene.model.in_doubt {
            ui.horizontal(|ui| {
                for (label, folders) in [("They are splits", Folders::Splits), ("They are classes", Folders::Classes)] {
                    if ui.button(label).on_hover_text("Open the folder again, read so").clicked() {
                        self.path.set(path);
                        self.asked = DatasetRequest { folders, ..DatasetRequest::whole(path) };
                        self.open(scene);
                    }
                }
            });
        }
        let Some(data) = scene.model.data.clone() else {
            self.above = 0.0;
            let area = egui::ScrollArea::vertical().id_salt("nothing open").auto_shrink(false);
            area.show(ui, |ui| self.nothing_open(ui, scene));
            return;
        };
        let recent = !scene.model.recent.datasets.is_empty();
        egui::Sides::new().shrink_left().truncate().show(
            ui,
            |ui| summary(ui, &data),
            |ui| {
                if recent {
                    ui.menu_button("Recent", |ui| self.recent(ui, scene));
                }
            },
        );
        self.above = ui.cursor().top() - top;
        // However the window shrinks, buttons and some classes stay in view.
        let most = (ui.available_height() - 84.0).max(60.0);
        egui::Panel::bottom("samples")
            .resizable(true)
            .default_size(158.0)
            .size_range(60.0..=most)
            .frame(egui::Frame::new())
            .show(ui, |ui| {
                ui.add_space(4.0);
                notes(ui, &data, scene);
                self.samples.show(ui, &data.dataset, scene);
            });
        self.classes(ui, &data.dataset, scene);
    }

    /// Shows what is opened.
    pub fn set(&mut self, request: &DatasetRequest) {
        self.path.set(&request.path);
        self.holdout = request.holdout.map_or_else(String::new, |holdout| holdout.to_string());
        self.asked = request.clone();
        self.wrong = None;
    }

    /// The typed folder, and what is held out of it.
    ///
    /// # Errors
    /// Why that can't be read, in words.
    pub fn request(&self) -> Result<DatasetRequest, String> {
        let holdout = self.holdout.trim();
        let holdout =
            if holdout.is_empty() { None } else { Some(holdout.parse().map_err(|e| format!("Hold out: {e}"))?) };
        let path = self.path.path();
        let folders = if path == self.asked.path { self.asked.folders } else { Folders::Auto };
        Ok(DatasetRequest { path, folders, holdout })
    }

    fn open(&mut self, scene: &mut Scene<'_>) {
        match self.request() {
            Ok(request) => {
                self.wrong = None;
                scene.out.push(Intent::OpenDataset(request));
            }
            Err(why) => self.wrong = Some(why),
        }
    }

    fn nothing_open(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        if scene.model.is_under_way(Job::OpenSample) {
            text::empty(ui, "Opening the sample…", "The first time its images are drawn, which takes a few seconds.");
            return;
        }
        if scene.model.is_under_way(Job::OpenDataset) {
            text::empty(ui, "Opening…", "Listing the file names; no image is read yet.");
            return;
        }
        text::empty(
            ui,
            "No dataset is open",
            "Type a folder above, browse for one, or drop it on the window. One folder of images per class, \
             Tiny-ImageNet's layout and CIFAR's binary files are understood.",
        );
        let sample = Action::OpenSample.about();
        if ui.button(sample.label).on_hover_text(sample.tooltip).clicked() {
            scene.out.push(Intent::Do(Action::OpenSample));
        }
        if !scene.model.recent.datasets.is_empty() {
            ui.label("Opened before");
            self.recent(ui, scene);
        }
    }

    fn recent(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        for recent in &scene.model.recent.datasets {
            let root = recent.root.to_string_lossy();
            let about = format!(
                "{}, {}",
                text::count(recent.images, "image", "images"),
                text::count(recent.classes, "class", "classes")
            );
            let button = ui.add(egui::Button::new(root.as_ref()).truncate());
            if button.on_hover_text(about).clicked() {
                let request = DatasetRequest { holdout: recent.holdout, ..DatasetRequest::whole(&recent.root) };
                scene.out.push(Intent::OpenDataset(request));
                ui.close();
            }
        }
    }

    fn classes(&mut self, ui: &mut Ui, dataset: &Dataset, scene: &mut Scene<'_>) {
        let p = palette(ui.visuals());
        let chosen = scene.model.workspace.chosen().count();
        let total = dataset.classes().len();
        ui.horizontal(|ui| {
            if ui.button("All").on_hover_text("Choose all classes").clicked() {
                scene.out.push(Intent::Edit(Command::ChooseAll(true)));
            }
            if ui.button("None").on_hover_text("Choose no class").clicked() {
                scene.out.push(Intent::Edit(Command::ChooseAll(false)));
            }
            ui.label(RichText::new(format!("{chosen} of {total} classes chosen")).color(p.weak));
            if total > 12 {
                let field =
                    egui::TextEdit::singleline(&mut self.filter).hint_text("filter").desired_width(f32::INFINITY);
                let field = ui.add(field);
                field.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Filter classes"));
            } else {
                self.filter.clear();
            }
        });
        let needle = self.filter.to_lowercase();
        let shown: Vec<ClassId> = dataset
            .class_ids()
            .filter(|c| {
                let class = dataset.class(*c);
                let holds = |text: &str| text.to_lowercase().contains(&needle);
                needle.is_empty() || holds(class.shown()) || holds(&class.name)
            })
            .collect();
        ui.spacing_mut().interact_size.y = 19.0;
        let height = 19.0;
        ui.spacing_mut().item_spacing.y = 1.0;
        let mut area = egui::ScrollArea::vertical().id_salt("classes").auto_shrink(false);
        let wanted = scene.model.workspace.shown_class();
        if wanted != self.revealed {
            self.revealed = wanted;
            if let Some(row) = wanted.and_then(|class| shown.iter().position(|c| *c == class)) {
                area = area.vertical_scroll_offset((row as f32 * (height + 1.0) - 60.0).max(0.0));
            }
        }
        area.show_rows(ui, height, shown.len(), |ui, rows| {
            for &class in &shown[rows] {
                class_row(ui, dataset, class, scene);
            }
        });
    }
}

/// A row that is narrower than this says "5,000" for "5,000 images".
const NARROW: f32 = 260.0;

/// What the counts of images and scores take of a row.
fn numbers_width(row: f32) -> f32 {
    if row < NARROW { 112.0 } else { 145.0 }
}

fn class_row(ui: &mut Ui, dataset: &Dataset, class: ClassId, scene: &mut Scene<'_>) {
    let p = palette(ui.visuals());
    let label = dataset.class(class).shown();
    ui.horizontal(|ui| {
        let mut chosen = scene.model.workspace.is_chosen(class);
        let check = ui.add(egui::Checkbox::without_text(&mut chosen)).on_hover_text("Distil this class");
        check.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, chosen, format!("distil {label}")));
        if check.changed() {
            scene.out.push(Intent::Edit(Command::Choose(class, chosen)));
        }
        let shown = scene.model.workspace.shown_class() == Some(class);
        let size = Vec2::new(ui.available_width(), ui.spacing().interact_size.y);
        let (rect, row) = ui.allocate_exact_size(size, Sense::click());
        row.widget_info(|| WidgetInfo::selected(Role::Button, true, shown, format!("class {label}")));
        if row.clicked() {
            scene.out.push(Intent::Edit(Command::ShowClass((!shown).then_some(class))));
        }
        let fill = if shown { Some(ui.visuals().selection.bg_fill) } else { None };
        let fill = fill.or((row.hovered() || row.has_focus()).then_some(p.raised));
        if let Some(fill) = fill {
            ui.painter().rect_filled(rect, 3.0, fill);
        }
        let inner = rect.shrink2(Vec2::new(5.0, 0.0));
        let (name, numbers) = inner.split_left_right_at_x(inner.right() - numbers_width(inner.width()));
        text::line(ui, name.with_max_x(name.right() - 5.0), label, (TextStyle::Body, p.text));
        let images = dataset.class_size(class);
        // Where there is little room it is for the name.
        let count = if inner.width() < NARROW {
            text::thousands(images as u64)
        } else {
            text::count(images, "image", "images")
        };
        text::line(ui, numbers, &count, (TextStyle::Body, p.weak));
        let ranking = scene.model.ranking.class(class);
        if ranking.tried > 0 {
            let state = scored_words(scene, class);
            let color = if ranking.covered { p.good } else { p.warn };
            text::line(ui, inner.with_min_x(inner.right() - 62.0), &state, (TextStyle::Small, color));
        }
        let name = &dataset.class(class).name;
        row.on_hover_text(format!("{label} ({name}): click to show this class alone, again for all"));
    });
}

/// How many images of a class are scored, or how many of its patches pass the filter where one is on.
fn scored_words(scene: &Scene<'_>, class: ClassId) -> String {
    let ranking = scene.model.ranking.class(class);
    if scene.model.workspace.filter().is_open() {
        return format!("{} scored", text::thousands(ranking.tried as u64));
    }
    let shown = scene.model.listing(class).count();
    shown.map_or_else(|| "counting…".to_owned(), |n| format!("{n} of {}", ranking.ranked))
}

fn summary(ui: &mut Ui, data: &OpenedDataset) {
    let p = palette(ui.visuals());
    let layout = match data.dataset.layout() {
        Layout::ImageFolder => "image folders",
        Layout::TinyImageNet => "Tiny-ImageNet",
        Layout::Cifar10Binary => "CIFAR-10 binary",
        Layout::Cifar100Binary => "CIFAR-100 binary",
    };
    let split = match data.dataset.split() {
        Split::Train => ", training split",
        Split::Test => ", test split",
        Split::Whole => "",
    };
    let images = text::count(data.dataset.image_count(), "image", "images");
    let held_out = data.held_out.as_ref().map_or_else(
        || "none held out".to_owned(),
        |h| format!("{} held out", text::thousands(h.image_count() as u64)),
    );
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        ui.label(format!("{images}, {held_out}"));
        ui.label(RichText::new(format!("{layout}{split}")).color(p.weak));
    });
}

/// Notes of the import and broken files found by scoring, folded away but counted.
fn notes(ui: &mut Ui, data: &OpenedDataset, scene: &Scene<'_>) {
    if !data.notes.is_empty() {
        egui::CollapsingHeader::new(text::count(data.notes.len(), "note", "notes")).show(ui, |ui| {
            egui::ScrollArea::vertical().id_salt("notes").max_height(120.0).show(ui, |ui| {
                for note in &data.notes {
                    ui.add(egui::Label::new(note).wrap());
                }
            });
        });
    }
    let broken: Vec<_> =
        data.dataset.class_ids().filter_map(|c| scene.model.ranking.block(c)).flat_map(|block| &block.broken).collect();
    if broken.is_empty() {
        return;
    }
    let title = text::count(broken.len(), "broken file", "broken files");
    let title = RichText::new(title).color(palette(ui.visuals()).warn);
    egui::CollapsingHeader::new(title).id_salt("broken").show(ui, |ui| {
        let height = ui.text_style_height(&TextStyle::Body);
        egui::ScrollArea::vertical().id_salt("broken").max_height(120.0).show_rows(
            ui,
            height,
            broken.len(),
            |ui, rows| {
                for file in &broken[rows] {
                    let line = format!("{}: {}", data.dataset.source(file.image), file.reason);
                    ui.add(egui::Label::new(&line).truncate()).on_hover_text(line);
                }
            },
        );
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_out_is_typed_and_shown() {
        let mut panel = DatasetPanel::default();
        let request =
            DatasetRequest { path: "/data".into(), folders: Folders::Classes, holdout: Some("0.1:7".parse().unwrap()) };
        panel.set(&request);
        assert_eq!((panel.holdout.as_str(), panel.request()), ("0.1:7", Ok(request.clone())));
        panel.holdout = " ".to_owned();
        assert_eq!(panel.request(), Ok(DatasetRequest { holdout: None, ..request }));
        panel.holdout = "a tenth".to_owned();
        assert!(panel.request().unwrap_err().starts_with("Hold out: 'a tenth' is no share"));
    }
}
