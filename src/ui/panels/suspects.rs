//! The suspects panel: images that the observer confidently takes for another class than their labels say, the most
//! suspicious first. What is selected here is selected everywhere, and is rejected, pinned and tagged as patches are.

use eframe::egui::{self, RichText, Role, Sense, Stroke, StrokeKind, TextStyle, Ui, Vec2, WidgetInfo};

use super::controls::{command, save, saved, size_slider};
use super::culling;
use super::order::BySuspicion;
use super::picking::{Anchor, InOrder as _};
use super::scene::Scene;
use super::source::class_chooser;
use crate::core::data::dataset::Dataset;
use crate::core::data::wordnet;
use crate::core::distil::curation::Choice;
use crate::core::workspace::Command;
use crate::jobs::worker::Job;
use crate::ui::actions::Action;
use crate::ui::intent::{Intent, Panel};
use crate::ui::model::Model;
use crate::ui::model::suspects::{Suspect, of_suspects};
use crate::ui::theme::palette;
use crate::ui::widgets::gallery::Look;
use crate::ui::widgets::grid::{Cell, Drags, Grid, Sections};
use crate::ui::widgets::marks::Shown;
use crate::ui::widgets::picture::whole;
use crate::ui::widgets::text;

/// What is saved, in words.
const LIST: &str = "the suspects";
/// The longer side of the large picture that is decoded, in pixels.
const LARGE: u32 = 512;
/// Height of what is said of the selected suspect.
const CLOSE: f32 = 168.0;

/// What the panel remembers.
pub struct SuspectsPanel {
    /// Side of the thumbnails, in points.
    pub side: f32,
    anchor: Anchor,
}

impl Default for SuspectsPanel {
    fn default() -> Self {
        Self { side: 72.0, anchor: Anchor::default() }
    }
}

impl SuspectsPanel {
    /// Shows the panel.
    pub fn show(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        let Some(dataset) = scene.model.dataset().cloned() else {
            text::empty(ui, "Suspects", "Open a dataset and load an observer that knows its classes.");
            return;
        };
        if let Some(problem) = &scene.model.problems.suspects {
            text::problem(ui, problem, true);
        }
        if scene.model.suspects.is_none() {
            nothing(ui, scene);
            return;
        }
        let model = scene.model;
        let order = BySuspicion::new(model);
        self.toolbar(ui, (&dataset, &order), scene);
        if model.suspects.as_ref().is_some_and(|suspects| suspects.listed().is_empty()) {
            text::empty(ui, "No label is suspicious", "The observer takes no image for another class with confidence.");
            return;
        }
        let most = (ui.available_height() - 120.0).max(120.0);
        let below = egui::Panel::bottom("suspect").resizable(true).default_size(CLOSE).size_range(100.0..=most);
        below.frame(egui::Frame::new()).show(ui, |ui| {
            ui.add_space(6.0);
            close(ui, (&dataset, &order), scene);
        });
        self.grid(ui, (&dataset, &order), scene);
    }

    fn toolbar(&mut self, ui: &mut Ui, (dataset, order): (&Dataset, &BySuspicion<'_>), scene: &mut Scene<'_>) {
        let p = palette(ui.visuals());
        let model = scene.model;
        let Some(suspects) = &model.suspects else { return };
        ui.horizontal_wrapped(|ui| {
            class_chooser(ui, "Class shown in Suspects", scene);
            size_slider(ui, &mut self.side, "Suspect size");
            command(ui, Action::FindSuspects, scene);
            reject_shown(ui, order, scene);
            save(ui, ("CSV", LIST, "suspects.csv"), scene, || suspects.found.list(dataset));
            saved(ui, scene, &[LIST]);
        });
        let rejected = |suspect: &&&Suspect| model.workspace.curation().mark(suspect.image).choice == Choice::Rejected;
        let gone = order.listed().iter().filter(rejected).count();
        let shown = model.workspace.shown_class().map(|class| {
            let of = text::thousands(suspects.of_class(class) as u64);
            format!("; {of} of {}", dataset.class(class).shown())
        });
        let words = format!("{}{}; {gone} rejected", of_suspects(&suspects.found), shown.unwrap_or_default());
        ui.add(egui::Label::new(RichText::new(&words).color(p.weak)).truncate()).on_hover_text(words);
    }

    fn grid(&mut self, ui: &mut Ui, (dataset, order): (&Dataset, &BySuspicion<'_>), scene: &mut Scene<'_>) {
        let model = scene.model;
        let selection = model.workspace.selection();
        let lead = selection.lead().and_then(|image| order.find(image));
        let grid = Grid {
            name: "suspects",
            side: self.side,
            caption: if self.side >= 48.0 { 30.0 } else { 0.0 },
            selected: lead,
            reveal: model.reveal,
            active: model.active == Some(Panel::Suspects),
            drags: Drags::Band,
            ..Grid::default()
        };
        let picked = grid.show(ui, Sections { counts: order.counts(), heading: None }, |ui, cell| {
            let Some(suspect) = order.suspect(cell.at) else { return };
            let look = scene.gallery.image(suspect.image, 256);
            let selected = (selection.holds(suspect.image), lead == Some(cell.at));
            paint(ui, cell, &Tile { suspect, dataset, look, selected, model });
            culling::menu::attach(&cell.response, None, scene);
        });
        if let Some(command) = self.anchor.selects(&picked, order, model.workspace.selection()) {
            scene.out.push(Intent::Edit(command));
            scene.out.push(Intent::Activate(Panel::Suspects));
        }
    }
}

/// What the panel is for, and how to begin.
fn nothing(ui: &mut Ui, scene: &mut Scene<'_>) {
    if scene.model.is_under_way(Job::Suspects) {
        text::empty(ui, "Looking…", "The observer sees every image once.");
        return;
    }
    let next = "The observer sees every image once; those that it confidently takes for another class are listed. Trust it \
                less for images that it was trained on: it may have learnt their labels by heart.";
    text::empty(ui, "Nobody has looked for wrong labels", next);
    ui.vertical_centered(|ui| command(ui, Action::FindSuspects, scene));
}

/// Rejects all that are shown in one step.
fn reject_shown(ui: &mut Ui, order: &BySuspicion<'_>, scene: &mut Scene<'_>) {
    let curation = scene.model.workspace.curation();
    let marks = order.listed().iter().map(|suspect| (suspect.image, curation.mark(suspect.image)));
    let marks: Vec<_> = marks.filter(|(_, mark)| mark.choice == Choice::Ranked).collect();
    let button = ui.add_enabled(!marks.is_empty(), egui::Button::new("Reject all shown"));
    let tip = "Never stitch these images; pins stay, and undo takes it back in one step";
    if button.on_hover_text(tip).on_disabled_hover_text("All are decided").clicked() {
        let marks: Vec<_> = marks.into_iter().map(|(image, mark)| (image, mark.rejected())).collect();
        let words = format!("{} rejected", text::count(marks.len(), "suspect", "suspects"));
        scene.out.push(Intent::Edit(Command::Curate { marks, words }));
    }
}

struct Tile<'a> {
    suspect: &'a Suspect,
    dataset: &'a Dataset,
    look: Look,
    /// Whether it is selected, and whether it is the one that is looked at.
    selected: (bool, bool),
    model: &'a Model,
}

fn paint(ui: &Ui, cell: &Cell, tile: &Tile<'_>) {
    let p = palette(ui.visuals());
    let Suspect { image, class, instead, probability, rank } = *tile.suspect;
    let (class, instead) =
        (wordnet::shown(tile.dataset.class(class).shown()), wordnet::shown(tile.dataset.class(instead).shown()));
    let shown = Shown { mark: tile.model.workspace.curation().mark(image), swapped: false };
    let marks = shown.words();
    let name = format!("suspect {}: {class}, rather {instead}{marks}", rank + 1);
    cell.response.widget_info(|| WidgetInfo::selected(Role::Button, true, tile.selected.0, &name));
    ui.painter().rect_filled(cell.picture, 2.0, p.well);
    whole(ui, cell.picture, &tile.look);
    shown.paint(ui.painter(), cell.picture, p);
    let stroke = match tile.selected {
        (true, lead) => Some(Stroke::new(if lead { 3.5 } else { 2.0 }, p.accent)),
        _ if cell.response.hovered() || cell.banded.is_some() => Some(Stroke::new(2.0, p.weak)),
        _ => None,
    };
    if let Some(stroke) = stroke {
        ui.painter().rect_stroke(cell.picture, 2.0, stroke, StrokeKind::Outside);
    }
    if cell.caption.height() > 20.0 {
        let half = cell.caption.height() / 2.0;
        let top = cell.caption.with_max_y(cell.caption.top() + half);
        let bottom = cell.caption.with_min_y(cell.caption.top() + half - 2.0);
        text::line(ui, top, class, (TextStyle::Small, p.weak));
        text::line(ui, bottom, &format!("rather {instead}"), (TextStyle::Small, p.warn));
    }
    if !cell.response.hovered() {
        return;
    }
    let (own, other) = (text::percent(probability.0), text::percent(probability.1));
    let words = format!("{}\nlabel {class}: {own}\nrather {instead}: {other}{marks}", tile.dataset.source(image));
    cell.response.clone().on_hover_text(words);
}

/// The suspect that is looked at, large, with all that is known of it.
fn close(ui: &mut Ui, (dataset, order): (&Dataset, &BySuspicion<'_>), scene: &mut Scene<'_>) {
    let lead = scene.model.workspace.selection().lead();
    let Some(suspect) = lead.and_then(|image| order.find(image)).and_then(|at| order.suspect(at)) else {
        let words = "Click an image: it appears here, whole. X rejects it, P pins it, U takes that back, 1–9 tag it.";
        ui.label(RichText::new(words).color(palette(ui.visuals()).weak));
        return;
    };
    let side = (ui.available_height() - 4.0).clamp(48.0, 320.0).min(ui.available_width() * 0.5);
    ui.horizontal_top(|ui| {
        let (rect, response) = ui.allocate_exact_size(Vec2::splat(side), Sense::hover());
        let look = scene.gallery.image(suspect.image, LARGE);
        whole(ui, rect, &look);
        let source = dataset.source(suspect.image);
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, format!("suspect {source}")));
        egui::ScrollArea::vertical().id_salt("about the suspect").auto_shrink(false).show(ui, |ui| {
            egui::Grid::new("suspect facts").num_columns(2).spacing([12.0, 2.0]).show(ui, |ui| {
                let named = |class, share| {
                    format!("{} ({})", wordnet::shown(dataset.class(class).shown()), text::percent(share))
                };
                text::fact(ui, "File", &source);
                text::fact(ui, "Label", &named(suspect.class, suspect.probability.0));
                text::fact(ui, "Rather", &named(suspect.instead, suspect.probability.1));
                text::fact(ui, "Suspect", &format!("{} of {}", suspect.rank + 1, order.listed().len()));
            });
            ui.horizontal_wrapped(|ui| {
                for action in [Action::Reject, Action::Pin, Action::ResetMarks] {
                    command(ui, action, scene);
                }
            });
        });
    });
}
