//! The patches panel: key patches in the strategy's order, and where the selected one comes from.

use eframe::egui::{self, RichText, Role, Stroke, StrokeKind, TextStyle, Ui, WidgetInfo};

use super::controls::{command, size_slider};
use super::culling;
use super::filter_bar::{FilterBar, showing, step};
use super::methods::without_patches;
use super::order::ByRank;
use super::picking::{Anchor, InOrder as _};
use super::provenance;
use super::scene::Scene;
use super::source::shown_classes;
use crate::core::data::dataset::{ClassId, Dataset};
use crate::core::distil::scores::PatchScore;
use crate::core::workspace::view::Filter;
use crate::jobs::worker::Job;
use crate::ui::actions::Action;
use crate::ui::intent::{Intent, Panel};
use crate::ui::keyboard;
use crate::ui::theme::palette;
use crate::ui::widgets::gallery::Look;
use crate::ui::widgets::grid::{Cell, Drags, Grid, Heading, Sections};
use crate::ui::widgets::marks::{self, Shown};
use crate::ui::widgets::picture::picture;
use crate::ui::widgets::text;

use crate::ui::model::Model;

/// What the panel remembers.
pub struct PatchesPanel {
    /// Side of the thumbnails, in points.
    pub side: f32,
    /// What is shown and in which order.
    pub bar: FilterBar,
    anchor: Anchor,
}

impl Default for PatchesPanel {
    fn default() -> Self {
        Self { side: 64.0, bar: FilterBar::default(), anchor: Anchor::default() }
    }
}

impl PatchesPanel {
    /// Shows the panel.
    pub fn show(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        let Some(dataset) = scene.model.dataset().cloned() else {
            text::empty(
                ui,
                "Patches",
                "Open a dataset and load an observer; the patches that it finds most real appear here.",
            );
            return;
        };
        if without_patches(ui, scene) {
            return;
        }
        if !scene.model.ranking.any() {
            self.nothing_scored(ui, scene);
            return;
        }
        let classes = shown_classes(scene.model);
        self.toolbar(ui, &classes, scene);
        culling::bar::unused(ui, &dataset, scene);
        // However the window shrinks, some of the grid stays in view.
        let most = (ui.available_height() - 120.0).max(140.0);
        egui::Panel::bottom("provenance")
            .resizable(true)
            .default_size(272.0)
            .size_range(140.0..=most)
            .frame(egui::Frame::new())
            .show(ui, |ui| {
                ui.add_space(6.0);
                provenance::show(ui, &dataset, scene);
            });
        self.grid(ui, (&dataset, &classes), scene);
    }

    fn nothing_scored(&self, ui: &mut Ui, scene: &mut Scene<'_>) {
        if scene.model.is_under_way(Job::Score) || scene.model.is_under_way(Job::Distill) {
            text::empty(ui, "Scoring…", "Patches appear class by class as their losses come in.");
        } else if scene.model.observer.is_none() {
            text::empty(
                ui,
                "No patches yet",
                "Load an observer in the Observer tab: it judges which crops look most real.",
            );
        } else {
            text::empty(
                ui,
                "No patches for these settings",
                "Score the patches: the observer's loss is computed on every crop of the subset.",
            );
            ui.vertical_centered(|ui| command(ui, Action::Score, scene));
        }
    }

    fn toolbar(&mut self, ui: &mut Ui, classes: &[ClassId], scene: &mut Scene<'_>) {
        let p = palette(ui.visuals());
        self.bar.show(ui, "Class shown in Patches", scene);
        let (model, ranking) = (scene.model, &scene.model.ranking);
        let wanted: usize = classes.iter().map(|c| ranking.class(*c).wanted).sum();
        let words = showing(model.shown.total(ranking, classes), wanted);
        ui.horizontal_wrapped(|ui| {
            let filter = model.workspace.filter();
            let mut stitched = filter.stitched;
            let check = ui.checkbox(&mut stitched, RichText::new("stitched only").color(p.good));
            if check.on_hover_text("Only the IPC·N patches per class that become distilled images").changed() {
                step(scene, Filter { stitched, ..filter.clone() });
            }
            size_slider(ui, &mut self.side, "Patch size");
            culling::bar::advance(ui, scene);
        });
        // Numbers grow while patches are scored and selected: in a row of their own they move nothing below them.
        ui.horizontal(|ui| {
            let label = egui::Label::new(RichText::new(words).color(p.weak)).truncate();
            ui.add(label).on_hover_text("Key patches shown, of the images in the subset; one key patch per image");
            culling::bar::selected(ui, scene);
        });
    }

    fn grid(&mut self, ui: &mut Ui, (dataset, classes): (&Dataset, &[ClassId]), scene: &mut Scene<'_>) {
        let model = scene.model;
        let ranking = &model.ranking;
        let order = ByRank::new(model, classes);
        let counts = order.counts();
        let (selection, curation) = (model.workspace.selection(), model.workspace.curation());
        let lead = selection.lead().and_then(|image| order.find(image));
        let grid = Grid {
            name: "patches",
            side: self.side,
            caption: if self.side >= 48.0 { 30.0 } else { 0.0 },
            selected: lead,
            reveal: model.reveal,
            active: model.active == Some(Panel::Patches),
            drags: Drags::Band,
            ..Grid::default()
        };
        let side = model.observer.as_ref().map_or(32, |o| o.observer.spec.side as u32);
        let side = |s: usize| ranking.recipe(classes[s]).method.patch_side(side).clamp(1, 256);
        let title = |s: usize| heading(dataset.class(classes[s]).shown(), model, classes[s]);
        let sections = Sections { counts, heading: Some(&title) };
        let picked = grid.show(ui, sections, |ui, cell| {
            let class = classes[cell.at.0];
            let Some((rank, patch)) = order.patch(cell.at) else { return };
            let look = scene.gallery.patch((patch.image, patch.bbox), side(cell.at.0));
            let tile = Tile {
                label: dataset.class(class).shown(),
                patch,
                rank,
                stitched: ranking.among_stitched(class, rank).is_some(),
                selected: selection.holds(patch.image),
                lead: lead == Some(cell.at),
                marks: Shown::of(curation.mark(patch.image), patch.bbox),
                look,
            };
            paint(ui, cell, &tile);
            culling::menu::attach(&cell.response, None, scene);
        });
        if let Some(command) = self.anchor.selects(&picked, &order, model.workspace.selection()) {
            scene.out.push(Intent::Edit(command));
            scene.out.push(Intent::Activate(Panel::Patches));
        }
    }
}

fn heading(label: &str, model: &Model, class: ClassId) -> Heading {
    let ranking = &model.ranking;
    let of = ranking.class(class);
    let mut note = match model.listing(class).count() {
        Some(shown) => format!("{shown} of {} images", text::thousands(of.wanted as u64)),
        None => "counting…".to_owned(),
    };
    if of.selected > 0 {
        note.push_str(&format!(", {} stitched", text::thousands(of.selected as u64)));
    }
    if of.broken > 0 {
        note.push_str(&format!(", {} broken", of.broken));
    }
    if let Some(problem) = ranking.problem(class) {
        note = problem;
    } else if of.tried == 0 {
        note = "not scored yet".to_owned();
    } else if of.stale {
        note.push_str(", stale: of another N or seed");
    } else if !of.covered {
        note.push_str(", more to score");
    }
    Heading { title: label.to_owned(), note }
}

struct Tile<'a> {
    label: &'a str,
    patch: &'a PatchScore,
    rank: usize,
    stitched: bool,
    selected: bool,
    lead: bool,
    marks: Shown,
    look: Look,
}

fn paint(ui: &Ui, cell: &Cell, tile: &Tile<'_>) {
    let p = palette(ui.visuals());
    let (rank, loss) = (tile.rank + 1, text::loss(tile.patch.loss));
    let marks = tile.marks.words();
    let name = format!("{} rank {rank}, loss {loss}{marks}", tile.label);
    cell.response.widget_info(|| WidgetInfo::selected(Role::Button, true, tile.selected, &name));
    picture(ui, cell.picture, &tile.look);
    tile.marks.paint(ui.painter(), cell.picture, p);
    let outline = if tile.selected {
        Some(Stroke::new(if tile.lead { 3.5 } else { 2.0 }, p.accent))
    } else if cell.response.hovered() || cell.banded.is_some() {
        Some(Stroke::new(2.0, p.weak))
    } else {
        None
    };
    if let Some(stroke) = outline {
        ui.painter().rect_stroke(cell.picture, 2.0, stroke, StrokeKind::Outside);
    }
    if cell.caption.height() > 20.0 {
        let half = cell.caption.height() / 2.0;
        let top = cell.caption.with_max_y(cell.caption.top() + half);
        let bottom = cell.caption.with_min_y(cell.caption.top() + half - 2.0);
        let color = if tile.stitched { p.good } else { p.weak };
        text::line(
            ui,
            top,
            &format!("#{rank}  {}", text::percent(tile.patch.probability())),
            (TextStyle::Small, color),
        );
        text::line(ui, bottom, &format!("loss {loss}"), (TextStyle::Small, p.weak));
    }
    if cell.response.hovered() && keyboard::pointer_leads(ui.ctx()) {
        let stitched =
            if tile.stitched { "stitched into a distilled image" } else { "not among the IPC·N that are stitched" };
        let words = format!(
            "{}, rank {rank}{marks}: {stitched}\nloss {loss}, probability of the class {}",
            tile.label,
            text::percent(tile.patch.probability())
        );
        let words = if marks.is_empty() { words } else { format!("{words}\n\n{}", marks::LEGEND) };
        cell.response.clone().on_hover_text(words);
    }
}
