//! The observer panel: load a trained network, see what became of its tensors, check it on the data.

use std::path::PathBuf;

use eframe::egui::{self, RichText, Role, TextStyle, Ui, Vec2, WidgetInfo};

use super::controls::{command, look_at_class_order};
use super::scene::Scene;
use crate::core::data::class_map::Rule;
use crate::core::data::class_order::ClassOrder;
use crate::core::data::normalise::MeanStd;
use crate::core::formats::load_report::LoadReport;
use crate::jobs::check::{CheckReport, Verdict};
use crate::jobs::networks::{self, NetworkRow};
use crate::jobs::open::{ObserverRequest, OpenedObserver};
use crate::jobs::worker::Job;
use crate::ui::actions::Action;
use crate::ui::intent::{Intent, Purpose};
use crate::ui::theme::palette;
use crate::ui::widgets::path_field::PathField;
use crate::ui::widgets::room::window;
use crate::ui::widgets::text;

/// What the panel remembers.
#[derive(Default)]
pub struct ObserverPanel {
    /// The typed path.
    pub path: PathField,
    /// The typed class map.
    pub class_map: PathField,
    /// Which of the networks in a file was chosen, and the file.
    part: Option<(PathBuf, String)>,
    arch: String,
    side: String,
    mean_std: String,
    class_order: ClassOrder,
    prune: bool,
    wrong: Option<String>,
    /// Typed into the table of networks.
    network_filter: String,
    networks_open: bool,
    /// The table, once it was opened.
    networks: Option<Vec<NetworkRow>>,
}

impl ObserverPanel {
    /// Shows the panel.
    pub fn show(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        egui::ScrollArea::vertical().id_salt("observer").auto_shrink(false).show(ui, |ui| {
            let used = self.path.show(ui, ("Weight file", "/path/to/weights.pth"), "Load");
            if used.submitted {
                self.load(scene);
            }
            if used.browse {
                scene.out.push(Intent::Browse(Purpose::Observer));
            }
            self.overrides(ui, scene);
            self.known_networks(ui, scene);
            if let Some(problem) = self.wrong.as_ref().or(scene.model.problems.observer.as_ref()) {
                text::problem(ui, problem, true);
            }
            self.parts(ui, scene);
            match scene.model.observer.clone() {
                Some(opened) => loaded(ui, &opened, scene),
                None => self.nothing_loaded(ui, scene),
            }
        });
    }

    /// Shows how an observer was asked for.
    pub fn set(&mut self, request: &ObserverRequest) {
        self.path.set(&request.file);
        self.class_map = PathField::default();
        request.class_map.iter().for_each(|map| self.class_map.set(map));
        self.part = request.part.clone().map(|part| (request.file.clone(), part));
        self.arch = request.arch.map_or_else(String::new, |arch| arch.to_string());
        self.side = request.side.map_or_else(String::new, |side| side.to_string());
        self.mean_std = request.mean_std.map_or_else(String::new, |set| set.describe());
        (self.class_order, self.prune, self.wrong) = (request.class_order, request.prune, None);
    }

    /// Asks for the typed file with the typed overrides.
    pub fn load(&mut self, scene: &mut Scene<'_>) {
        match self.request() {
            Ok(request) => {
                self.wrong = None;
                scene.out.push(Intent::OpenObserver(request));
            }
            Err(why) => self.wrong = Some(why),
        }
    }

    /// A button for each network of the typed file, where it holds several; a click loads it.
    fn parts(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        let (file, parts) = (self.path.path(), &scene.model.parts);
        if parts.is_empty() || scene.model.parts_of != file || scene.model.is_under_way(Job::OpenObserver) {
            return;
        }
        let loaded = scene.model.observer.as_ref().filter(|opened| opened.file == file);
        let loaded = loaded.and_then(|opened| opened.request.part.clone());
        let mut taken = None;
        ui.horizontal_wrapped(|ui| {
            for (name, network) in parts {
                let button = egui::Button::new(format!("take {name}")).selected(loaded.as_ref() == Some(name));
                if ui.add(button).on_hover_text(format!("Load this {network} of the file")).clicked() {
                    taken = Some(name.clone());
                }
            }
        });
        if let Some(name) = taken {
            self.part = Some((file, name));
            self.load(scene);
        }
    }

    /// The typed file and overrides.
    ///
    /// # Errors
    /// Which override can't be read, in words.
    pub fn request(&self) -> Result<ObserverRequest, String> {
        let arch = self.arch.trim();
        let arch = if arch.is_empty() { None } else { Some(arch.parse().map_err(|e| format!("Network: {e}"))?) };
        let side = self.side.trim();
        let wrong = |_| format!("Input side: '{side}' is no whole number; leave it empty or give pixels, such as 32");
        let side = if side.is_empty() { None } else { Some(side.parse().map_err(wrong)?) };
        let mean_std = self.mean_std.trim();
        let mean_std: Option<MeanStd> =
            if mean_std.is_empty() { None } else { Some(mean_std.parse().map_err(|e| format!("Mean and std: {e}"))?) };
        let class_map = (!self.class_map.is_empty()).then(|| self.class_map.path());
        let (file, class_order) = (self.path.path(), self.class_order);
        let part = self.part.as_ref().filter(|(of, _)| *of == file).map(|(_, name)| name.clone());
        let said = ObserverRequest { file, part, arch, side, ..ObserverRequest::default() };
        Ok(ObserverRequest { mean_std, class_map, class_order, prune: self.prune, ..said })
    }

    fn overrides(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        egui::CollapsingHeader::new("Overrides").show(ui, |ui| {
            egui::Grid::new("overrides").num_columns(2).show(ui, |ui| {
                for (label, hint, value) in [
                    ("Network", "recognised from the file", &mut self.arch),
                    ("Input side", "from the file or the data", &mut self.side),
                    ("Mean and std", "imagenet, half, cifar10, tiny, none or six numbers", &mut self.mean_std),
                ] {
                    let name = ui.label(label);
                    ui.add(egui::TextEdit::singleline(value).hint_text(hint).desired_width(f32::INFINITY))
                        .labelled_by(name.id);
                    ui.end_row();
                }
            });
            if self.class_map.show(ui, ("Class map", "JSON; empty: by name or order"), "").browse {
                scene.out.push(Intent::Browse(Purpose::ClassMap));
            }
            ui.horizontal(|ui| {
                let name = ui.label("Class order");
                for order in ClassOrder::ALL {
                    ui.selectable_value(&mut self.class_order, order, order.name()).labelled_by(name.id);
                }
            })
            .response
            .on_hover_text(
                "Of classes that are integers, where nothing else tells which output is whose: number is 0, 1, 2, …, \
                 text is 0, 1, 10, … as torchvision sorts folders; auto takes number, and what the check confirms.",
            );
            ui.checkbox(&mut self.prune, "Keep only the dataset's classes")
                .on_hover_text("The other outputs are cut off: the softmax is over the dataset's classes alone.");
            ui.label(RichText::new("They hold from the next Load on.").color(palette(ui.visuals()).weak));
        });
    }

    /// The table of networks in a window of its own, since the panel is narrow.
    fn known_networks(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        if ui.button("Known networks").on_hover_text("What a file can hold: sizes, sides, accepted files").clicked() {
            self.networks_open = !self.networks_open;
        }
        let mut chosen = None;
        let table = window("Networks", Vec2::new(860.0, 460.0), scene.room).open(&mut self.networks_open);
        table.show(ui.ctx(), |ui| {
            let rows = self.networks.get_or_insert_with(networks::networks);
            chosen = super::networks::show(ui, &mut self.network_filter, rows, scene);
        });
        if let Some(name) = chosen {
            self.arch = name;
            self.networks_open = false;
        }
    }

    fn nothing_loaded(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        if scene.model.is_under_way(Job::OpenObserver) {
            text::empty(ui, "Loading…", "Reading the weights and matching them with a network.");
            return;
        }
        let next = if scene.model.data.is_some() {
            "Type a weight file above or browse for one: PyTorch (.pth, .pt, .th) or safetensors. The network is \
             recognised from its tensors."
        } else {
            "Open a dataset first: the observer's outputs are matched with its classes."
        };
        text::empty(ui, "No observer is loaded", next);
        if !scene.model.recent.observers.is_empty() && scene.model.data.is_some() {
            ui.label("Loaded before");
            for recent in &scene.model.recent.observers {
                let mut shown = recent.path.to_string_lossy().into_owned();
                if let Some(part) = &recent.part {
                    shown.push_str(&format!(" ({part})"));
                }
                let button = ui.add(egui::Button::new(shown).truncate()).on_hover_text(&recent.network);
                if button.clicked() {
                    self.path.set(&recent.path);
                    self.part = recent.part.clone().map(|part| (recent.path.clone(), part));
                    self.load(scene);
                }
            }
        }
    }
}

fn loaded(ui: &mut Ui, opened: &OpenedObserver, scene: &mut Scene<'_>) {
    let o = &opened.observer;
    let rule = match opened.map.rule {
        Rule::Given if opened.request.outputs.is_some() => "in the order given under Class order",
        Rule::Given => "the given class map",
        Rule::Manifest => "as the set's manifest says",
        Rule::Names => "by class name",
        Rule::WordNet => "by WordNet id",
        Rule::Number => "by number: output i is the i-th class",
        Rule::Order => "by order: output i is class i",
    };
    egui::Grid::new("facts").num_columns(2).min_row_height(18.0).spacing([14.0, 3.0]).show(ui, |ui| {
        text::fact(ui, "Network", &format!("{}, input {1}×{1} pixels", o.spec.arch, o.spec.side));
        if let Some(part) = &opened.request.part {
            text::fact(ui, "Part of the file", part);
        }
        text::fact(ui, "Mean and std", &o.normalisation());
        let pruned = if opened.kept.is_some() { ", the others cut off" } else { "" };
        text::fact(ui, "Outputs", &format!("{}, matched {rule}{pruned}", o.spec.classes));
    });
    report(ui, &o.report);
    for note in &opened.notes {
        text::problem(ui, note, false);
    }
    ui.separator();
    ui.horizontal_wrapped(|ui| {
        command(ui, Action::Check, scene);
        if scene.model.is_under_way(Job::Check) {
            ui.spinner();
        }
        if matches!(scene.model.check, Some((_, Verdict::Refused(_)))) {
            look_at_class_order(ui, scene);
        }
    });
    if let Some(problem) = &scene.model.problems.check {
        text::problem(ui, problem, true);
    }
    match &scene.model.check {
        Some((report, verdict)) => checked(ui, report, verdict, scene),
        None if !scene.model.is_under_way(Job::Check) => {
            let next =
                "Not checked yet. A wrong class order spoils a distillation without a trace; the check takes seconds.";
            ui.add(egui::Label::new(RichText::new(next).color(palette(ui.visuals()).weak)).wrap());
        }
        None => {}
    }
}

fn report(ui: &mut Ui, report: &LoadReport) {
    let p = palette(ui.visuals());
    let missing: Vec<String> = report
        .missing
        .iter()
        .map(|m| m.nearest.as_ref().map_or_else(|| m.key.clone(), |n| format!("{} (did you mean {n}?)", m.key)))
        .collect();
    let wrong: Vec<String> = report
        .wrong_shape
        .iter()
        .map(|w| format!("{}: {:?} in the file, {:?} in the network", w.key, w.found, w.expected))
        .collect();
    let groups = [
        ("used", &report.used, p.good),
        ("missing", &missing, p.bad),
        ("unused", &report.unused, p.warn),
        ("misfit: of the wrong shape", &wrong, p.bad),
    ];
    let summary = format!(
        "Tensors: {} used, {} missing, {} unused, {} misfit",
        report.used.len(),
        missing.len(),
        report.unused.len(),
        wrong.len()
    );
    egui::CollapsingHeader::new(summary).id_salt("report").show(ui, |ui| {
        for note in &report.notes {
            ui.label(RichText::new(note).color(p.weak));
        }
        for (title, keys, color) in groups {
            let title = format!("{} {title}", keys.len());
            if keys.is_empty() {
                ui.label(RichText::new(title).color(p.weak));
                continue;
            }
            egui::CollapsingHeader::new(RichText::new(title).color(color)).show(ui, |ui| {
                let height = ui.text_style_height(&TextStyle::Monospace);
                egui::ScrollArea::vertical().id_salt(keys.len()).max_height(140.0).show_rows(
                    ui,
                    height,
                    keys.len(),
                    |ui, rows| {
                        for key in &keys[rows] {
                            ui.add(egui::Label::new(RichText::new(key).monospace()).truncate());
                        }
                    },
                );
            });
        }
    });
}

fn checked(ui: &mut Ui, report: &CheckReport, verdict: &Verdict, scene: &Scene<'_>) {
    let p = palette(ui.visuals());
    egui::Grid::new("check").num_columns(2).min_row_height(18.0).spacing([14.0, 3.0]).show(ui, |ui| {
        let held_out = scene.model.data.as_ref().is_some_and(|d| d.held_out.is_some());
        let on = if held_out { "held-out images" } else { "images (none are held out)" };
        text::fact(ui, "Top-1", &format!("{:.2} % of {} {on}", report.top1, report.images));
        text::fact(ui, "Best class order", &format!("{:.2} %", report.top1_remapped));
    });
    // What was tried comes behind the verdict, which is to be seen without scrolling.
    match verdict {
        Verdict::Good => {
            ui.label(RichText::new("Good: the observer knows these classes in this order.").color(p.good));
        }
        Verdict::Doubtful(why) => text::problem(ui, why, false),
        Verdict::Refused(why) => text::problem(ui, why, true),
    }
    egui::Grid::new("tried").num_columns(2).min_row_height(18.0).spacing([14.0, 3.0]).show(ui, |ui| {
        for (name, top1) in &report.networks {
            text::fact(ui, &format!("As {name}"), &format!("{top1:.2} %"));
        }
        for (name, top1) in &report.tried {
            text::fact(ui, &format!("With {name}"), &format!("{top1:.2} %"));
        }
    });
    ui.add_space(2.0);
    ui.label(RichText::new("Top-1 per class").color(p.weak));
    let Some(dataset) = scene.model.dataset() else { return };
    ui.spacing_mut().item_spacing.y = 1.0;
    let all: Vec<_> = dataset.class_ids().zip(&report.per_class).collect();
    let columns = ((ui.available_width() / 150.0) as usize).clamp(1, 4);
    let width = ui.available_width() / columns as f32 - 6.0;
    let rows = all.len().div_ceil(columns);
    for row in 0..rows {
        ui.horizontal(|ui| {
            for (class, accuracy) in all.iter().skip(row).step_by(rows) {
                accuracy_bar(ui, width, (dataset.class(*class).shown(), **accuracy));
            }
        });
    }
}

fn accuracy_bar(ui: &mut Ui, width: f32, (class, accuracy): (&str, Option<f64>)) {
    let p = palette(ui.visuals());
    let size = Vec2::new(width, 17.0);
    let (rect, response) = ui.allocate_exact_size(size, egui::Sense::hover());
    if !ui.is_rect_visible(rect) {
        return;
    }
    let value = accuracy.map_or_else(|| "no images".to_owned(), |a| format!("{a:.0} %"));
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{class}: {value}")));
    let (left, right) = (rect.left() + 72.0, rect.right() - 40.0);
    if text::line(ui, rect.with_max_x(left - 6.0), class, (TextStyle::Small, p.text)) {
        response.on_hover_text(class);
    }
    let bar = egui::Rect::from_min_max(egui::pos2(left, rect.top() + 4.0), egui::pos2(right, rect.bottom() - 4.0));
    ui.painter().rect_filled(bar, 2.0, p.well);
    let fraction = (accuracy.unwrap_or(0.0) / 100.0) as f32;
    let filled = bar.with_max_x(bar.left() + bar.width() * fraction);
    ui.painter().rect_filled(filled, 2.0, if fraction >= 0.5 { p.good } else { p.warn });
    text::line(ui, rect.with_min_x(right + 8.0), &value, (TextStyle::Small, p.text));
}
