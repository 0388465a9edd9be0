//! Everything that is known of one training, in a window: what was trained on what, parameters, notes, accuracy per
//! class, confusions.

use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui::{self, Color32, ColorImage, Rect, RichText, Sense, Stroke, TextureHandle, TextureOptions, Ui, Vec2};

use crate::core::chart::heat_map::HeatMap;
use crate::core::chart::svg;
use crate::core::data::confusion::Confusion;
use crate::core::data::wordnet;
use crate::core::formats::clock::{date, duration};
use crate::core::formats::csv::{Csv, Field};
use crate::core::train::curve::Curve;
use crate::core::train::params::TRAIN_PARAMS;
use crate::store::files::shown;
use crate::store::training::{Source, TrainingNote};
use crate::ui::panels::controls::{save, saved};
use crate::ui::panels::scene::Scene;
use crate::ui::theme::palette;
use crate::ui::widgets::room::{at_least, window};
use crate::ui::widgets::text;

/// Height of a class's line.
const CLASS: f32 = 18.0;
/// Up to here the classes' names stand beside their rows of the confusion matrix.
const NAMED: usize = 24;

/// From this width on, facts and evaluation have room beside each other.
const BESIDE: f32 = 680.0;
/// What the evaluation needs.
const EVALUATION: Vec2 = Vec2::new(220.0, 300.0);

/// What the window remembers.
#[derive(Default)]
pub struct Details {
    folder: Option<PathBuf>,
    /// The seed whose evaluation is shown; all of them for `None`.
    seed: Option<u64>,
    /// The confusion that is shown, and of which record and seed.
    merged: Option<(Arc<TrainingNote>, Option<u64>, Confusion)>,
    /// The picture of that confusion in the dark or the light theme.
    picture: Option<(bool, TextureHandle)>,
    /// In a narrow window: the evaluation, in place of the facts.
    evaluation_in_front: bool,
}

impl Details {
    /// Shows the training in this folder from now on.
    pub fn open(&mut self, folder: Option<PathBuf>) {
        (self.folder, self.seed) = (folder, None);
    }

    /// Shows the window while it is open.
    pub fn show(&mut self, ctx: &egui::Context, scene: &mut Scene<'_>) {
        let Some(folder) = self.folder.clone() else { return };
        let Some(note) = scene.model.trainings.row(&folder).and_then(|r| r.note().cloned()) else {
            self.folder = None;
            return;
        };
        let mut open = true;
        let title = format!("Training {}", note.name);
        // The id stays the same whatever is shown: so do its place and size.
        let id = egui::Id::unique("training details");
        window(&title, Vec2::new(900.0, 640.0), scene.room).id(id).open(&mut open).show(ctx, |ui| {
            ui.style_mut().wrap_mode = None;
            if ui.available_width() < BESIDE {
                ui.horizontal(|ui| {
                    ui.selectable_value(&mut self.evaluation_in_front, false, "Facts");
                    ui.selectable_value(&mut self.evaluation_in_front, true, "Evaluation");
                });
                ui.separator();
                if self.evaluation_in_front {
                    at_least(ui, EVALUATION, |ui| self.evaluation(ui, &note, scene));
                } else {
                    facts(ui, &note, &shown(&folder));
                }
                return;
            }
            egui::Panel::left("training facts")
                .resizable(true)
                .default_size(400.0)
                .size_range(200.0..=ui.available_width() - 260.0)
                .frame(egui::Frame::new().inner_margin(egui::Margin { right: 8, ..Default::default() }))
                .show(ui, |ui| facts(ui, &note, &shown(&folder)));
            at_least(ui, EVALUATION, |ui| self.evaluation(ui, &note, scene));
        });
        if !open || ctx.input(|i| i.key_pressed(egui::Key::Escape)) {
            self.folder = None;
        }
    }

    fn evaluation(&mut self, ui: &mut Ui, note: &Arc<TrainingNote>, scene: &mut Scene<'_>) {
        let known: Vec<&Curve> = note.curves.iter().filter(|c| c.confusion.is_some()).collect();
        if known.is_empty() {
            text::empty(
                ui,
                "Not evaluated yet",
                "Accuracy per class and confusions appear after the first evaluation.",
            );
            return;
        }
        ui.horizontal_wrapped(|ui| {
            ui.label("Last evaluation of");
            ui.selectable_value(&mut self.seed, None, if known.len() > 1 { "all seeds" } else { "the seed" });
            if known.len() > 1 {
                for curve in &known {
                    ui.selectable_value(&mut self.seed, Some(curve.seed), format!("seed {}", curve.seed));
                }
            }
        });
        let fresh =
            |(of, seed, _): &(Arc<TrainingNote>, Option<u64>, Confusion)| Arc::ptr_eq(of, note) && *seed == self.seed;
        if !self.merged.as_ref().is_some_and(fresh) {
            let of = known.iter().filter(|c| self.seed.is_none_or(|s| s == c.seed));
            let merged = of.filter_map(|c| c.confusion.clone()).reduce(|a, b| a.merged(&b));
            self.merged = merged.map(|confusion| (note.clone(), self.seed, confusion));
            self.picture = None;
        }
        let Some((_, _, confusion)) = self.merged.take() else { return };
        let map: Vec<u32> = (0..confusion.classes() as u32).collect();
        let (top1, total) = (confusion.top1(&map), u64::from(confusion.total()));
        ui.label(format!("Top-1 {top1:.2} % of {} evaluated images", text::thousands(total)));
        let per_class = confusion.per_class(&map);
        let half = (per_class.len() as f32 * CLASS + 32.0).min(ui.available_height() * 0.42);
        ui.allocate_ui(Vec2::new(ui.available_width(), half), |ui| classes(ui, (note, &per_class), scene));
        ui.add_space(6.0);
        ui.horizontal_wrapped(|ui| save_confusion(ui, note, &confusion, scene));
        self.matrix(ui, note, &confusion);
        self.merged = Some((note.clone(), self.seed, confusion));
    }

    /// The confusion matrix as a picture: a row per class, a column per prediction.
    fn matrix(&mut self, ui: &mut Ui, note: &TrainingNote, confusion: &Confusion) {
        let p = palette(ui.visuals());
        let dark = ui.visuals().dark_mode;
        if self.picture.as_ref().is_none_or(|(theme, _)| *theme != dark) {
            let image = picture(confusion, (p.well, p.quiet_box));
            let texture = ui.ctx().load_texture("confusion", image, TextureOptions::NEAREST);
            self.picture = Some((dark, texture));
        }
        let Some((_, texture)) = &self.picture else { return };
        let names = if confusion.classes() <= NAMED { 92.0 } else { 0.0 };
        let side = (ui.available_width() - names).min(ui.available_height()).max(80.0);
        let (whole, response) = ui.allocate_exact_size(Vec2::new(side + names, side), Sense::hover());
        let (beside, rect) = whole.split_left_right_at_x(whole.left() + names);
        if names > 0.0 {
            beside_rows(ui, beside, &note.classes);
        }
        egui::Image::new(texture).paint_at(ui, rect);
        ui.painter().rect_stroke(rect, 0.0, Stroke::new(1.0, p.line), egui::StrokeKind::Outside);
        let label = format!("confusion matrix of {} classes", confusion.classes());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &label));
        let count = confusion.classes();
        let Some(at) = response.hover_pos().filter(|at| count > 0 && rect.contains(*at)) else { return };
        let cell = |v: f32| ((v * count as f32) as usize).min(count - 1);
        let at = (at - rect.min) / rect.size();
        let (row, column) = (cell(at.y), cell(at.x));
        let name = |c: usize| note.classes.get(c).map_or("?", |name| wordnet::shown(name));
        let (images, all) = (confusion.row(row)[column], confusion.row(row).iter().sum::<u32>());
        let share = 100.0 * f64::from(images) / f64::from(all.max(1));
        let unit = rect.size() / count as f32;
        let min = rect.min + Vec2::new(column as f32 * unit.x, row as f32 * unit.y);
        let edge = Stroke::new(1.5, p.accent);
        ui.painter().rect_stroke(Rect::from_min_size(min, unit), 0.0, edge, egui::StrokeKind::Outside);
        let verdict = if row == column { "right" } else { "wrong" };
        let words = format!("{}: {images} of {all} predicted as {} ({share:.1} %), {verdict}", name(row), name(column));
        response.on_hover_text_at_pointer(words);
    }
}

/// What the matrix shows, and buttons that save it.
fn save_confusion(ui: &mut Ui, note: &TrainingNote, confusion: &Confusion, scene: &mut Scene<'_>) {
    const WHAT: &str = "the confusion matrix";
    let p = palette(ui.visuals());
    ui.label(RichText::new("Confusion: rows are classes, columns predictions").color(p.weak));
    let map = || {
        let classes: Vec<String> = note.classes.iter().map(|name| wordnet::shown(name).to_owned()).collect();
        HeatMap::of_confusion(confusion, &classes)
    };
    let file = |extension: &str| format!("{}-confusion.{extension}", note.name);
    save(ui, ("CSV", WHAT, &file("csv")), scene, || map().csv());
    save(ui, ("SVG", WHAT, &file("svg")), scene, || svg::heat_map(&map()).document());
    saved(ui, scene, &[WHAT]);
}

/// The classes' names beside their rows.
fn beside_rows(ui: &Ui, rect: Rect, classes: &[String]) {
    let p = palette(ui.visuals());
    let height = rect.height() / classes.len().max(1) as f32;
    for (i, name) in classes.iter().enumerate().filter(|_| height >= 10.0) {
        let top = rect.top() + i as f32 * height;
        let cell = Rect::from_min_size(egui::pos2(rect.left(), top), Vec2::new(rect.width() - 6.0, height));
        text::line(ui, cell, wordnet::shown(name), (egui::TextStyle::Small, p.weak));
    }
}

/// A pixel per cell: the share of its row.
fn picture(confusion: &Confusion, (from, to): (Color32, Color32)) -> ColorImage {
    let count = confusion.classes();
    let row = |class: usize| {
        let row = confusion.row(class);
        let all = row.iter().sum::<u32>().max(1);
        row.iter().take(count).map(move |n| from.lerp_to_gamma(to, (*n as f32 / all as f32).sqrt()))
    };
    ColorImage::new([count, count], (0..count).flat_map(row).collect())
}

/// What the accuracies per class are called.
const PER_CLASS: &str = "the accuracy per class";

/// Accuracy per class, the worst first.
fn classes(ui: &mut Ui, (note, per_class): (&TrainingNote, &[Option<f64>]), scene: &mut Scene<'_>) {
    let p = palette(ui.visuals());
    let mut order: Vec<(usize, f64)> = per_class.iter().enumerate().filter_map(|(c, a)| Some((c, (*a)?))).collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new("Top-1 per class, the worst first").color(p.weak));
        save(ui, ("CSV", PER_CLASS, &format!("{}-classes.csv", note.name)), scene, || {
            let mut table = Csv::new(["class", "top1"]);
            for (class, top1) in &order {
                let name = note.classes.get(*class).map_or("?", |name| wordnet::shown(name));
                table.row([Field::from(name), (*top1).into()]);
            }
            table.into_text()
        });
        saved(ui, scene, &[PER_CLASS]);
    });
    ui.spacing_mut().item_spacing.y = 0.0;
    let area = egui::ScrollArea::vertical().id_salt("classes").auto_shrink(false);
    area.show_rows(ui, CLASS, order.len(), |ui, rows| {
        for (class, top1) in &order[rows] {
            let (rect, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), CLASS), Sense::hover());
            let name = note.classes.get(*class).map_or("?", |name| wordnet::shown(name));
            let (words, rest) = rect.split_left_right_at_x(rect.left() + (rect.width() * 0.4).min(160.0));
            text::line(ui, words.shrink2(Vec2::new(2.0, 0.0)), name, (egui::TextStyle::Body, p.text));
            let bar = rest.with_max_x(rest.right() - 58.0).shrink2(Vec2::new(4.0, 4.0));
            ui.painter().rect_filled(bar, 2.0, p.well);
            let full = bar.with_max_x(bar.left() + bar.width() * (*top1 as f32 / 100.0));
            ui.painter().rect_filled(full, 2.0, p.quiet_box);
            let number = rest.with_min_x(rest.right() - 54.0);
            let said = format!("{top1:.1} %");
            crate::ui::widgets::table::aligned(ui, number, &said, (true, p.text));
            let label = format!("{name} {said}");
            response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &label));
        }
    });
}

fn facts(ui: &mut Ui, note: &TrainingNote, folder: &str) {
    let p = palette(ui.visuals());
    egui::ScrollArea::vertical().id_salt("facts").auto_shrink(false).show(ui, |ui| {
        for text in std::iter::once(&note.detail).filter(|d| !d.is_empty()) {
            text::problem(ui, text, true);
        }
        for text in &note.notes {
            text::problem(ui, text, false);
        }
        egui::Grid::new("facts").num_columns(2).spacing([12.0, 2.0]).show(ui, |ui| {
            text::fact(ui, "Status", note.status.shown());
            text::fact(ui, "Folder", folder);
            let source = |ui: &mut Ui, name: &str, source: &Source| text::fact(ui, name, &shown(&source.path));
            source(ui, "Trained on", &note.data);
            source(ui, "Evaluated on", &note.evaluation);
            if let Some(observer) = &note.observer {
                source(ui, "Observer", &observer.source);
                text::fact(ui, "Its network", &observer.network);
            }
            if let Some(labels) = &note.labels {
                source(ui, "Stored labels", labels);
            }
            if let Some(initial) = &note.initial {
                source(ui, "Initial weights", &initial.source);
                text::fact(ui, "Their rate", &format!("× {}", initial.rate));
            }
            text::fact(ui, "Student", &format!("{}, side {}", note.student, note.side));
            text::fact(ui, "Mean, std", &note.normalise.describe());
            text::fact(ui, "Classes", &text::thousands(note.classes.len() as u64));
            if note.asked.images > 0 {
                text::fact(ui, "Training images", &text::thousands(u64::from(note.asked.images)));
            }
            text::fact(ui, "Device", &note.device);
            text::fact(ui, "Program", &format!("{} {}", note.program.name, note.program.version));
            text::fact(ui, "Began", &date(note.began));
            if let Some(ended) = note.ended {
                text::fact(ui, "Ended", &date(ended));
            }
            text::fact(ui, "Fingerprint", &note.fingerprint());
        });
        ui.add_space(6.0);
        ui.label(RichText::new("Parameters").color(p.text).strong());
        egui::Grid::new("parameters").num_columns(2).spacing([12.0, 2.0]).striped(true).show(ui, |ui| {
            for param in &TRAIN_PARAMS {
                if let Some(value) = (param.get)(&note.recipe) {
                    text::fact(ui, param.label, &value);
                }
            }
        });
        ui.add_space(6.0);
        seeds(ui, note);
    });
}

fn seeds(ui: &mut Ui, note: &TrainingNote) {
    let p = palette(ui.visuals());
    ui.label(RichText::new("Seeds").color(p.text).strong());
    egui::Grid::new("seeds").num_columns(5).spacing([12.0, 2.0]).striped(true).show(ui, |ui| {
        for title in ["Seed", "Epochs", "Best top-1", "at epoch", "Last top-1", "Time"] {
            ui.label(RichText::new(title).color(p.weak));
        }
        ui.end_row();
        for curve in &note.curves {
            ui.label(curve.seed.to_string());
            ui.label(curve.points.last().map_or(0, |l| l.epoch + 1).to_string());
            let (best, last) = (curve.best(), curve.last());
            ui.label(best.map_or_else(String::new, |b| format!("{:.2} %", b.top1)));
            ui.label(best.map_or_else(String::new, |b| (b.epoch + 1).to_string()));
            ui.label(last.map_or_else(String::new, |l| format!("{:.2} %", l.top1)));
            ui.label(curve.points.last().map_or_else(String::new, |l| duration(l.seconds)));
            ui.end_row();
        }
    });
}
