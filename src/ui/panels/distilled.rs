//! The distilled panel: stitched images per class; a click on a cell leads to its patch.

use std::collections::BTreeMap;
use std::sync::Arc;

use eframe::egui::{Rect, RichText, Role, Stroke, StrokeKind, TextStyle, Ui, Vec2, WidgetInfo};

use super::controls::size_slider;
use super::scene::Scene;
use super::source::{class_chooser, shown_classes};
use crate::core::data::dataset::{ClassId, Dataset};
use crate::core::distil::compose::{cells, rank_of};
use crate::core::distil::set::Address;
use crate::core::workspace::Command;
use crate::jobs::distill::StitchedSet;
use crate::ui::intent::{Intent, Panel};
use crate::ui::model::Model;
use crate::ui::model::ranking::Ranking;
use crate::ui::theme::palette;
use crate::ui::widgets::gallery::Look;
use crate::ui::widgets::grid::{Cell, Grid, Heading, Sections};
use crate::ui::widgets::picture::picture;
use crate::ui::widgets::text;

/// What the panel remembers.
pub struct DistilledPanel {
    /// Side of the thumbnails, in points.
    pub side: f32,
}

impl Default for DistilledPanel {
    fn default() -> Self {
        Self { side: 80.0 }
    }
}

impl DistilledPanel {
    /// Shows the panel.
    pub fn show(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        let (Some(dataset), Some(observer)) = (scene.model.dataset().cloned(), scene.model.observer.clone()) else {
            text::empty(
                ui,
                "Distilled images",
                "They are stitched from the best patches once a dataset and an observer are loaded.",
            );
            return;
        };
        if !scene.model.ranking.any() {
            text::empty(
                ui,
                "No distilled images yet",
                "Score the patches; the images are stitched at once, and follow IPC and subset without scoring again.",
            );
            return;
        }
        let classes = shown_classes(scene);
        let ipc = scene.model.workspace.recipe().ipc as usize;
        let ranking = &scene.model.ranking;
        let counts: Vec<usize> = classes.iter().map(|c| ranking.images(*c)).collect();
        let p = palette(ui.visuals());
        let side = observer.observer.spec.side as u32;
        ui.horizontal_wrapped(|ui| {
            class_chooser(ui, "Class shown in Distilled", scene);
            size_slider(ui, &mut self.side, "Distilled image size");
            let (shown, wanted) = (counts.iter().sum::<usize>(), classes.len() * ipc);
            let (shown, wanted) = (text::thousands(shown as u64), text::thousands(wanted as u64));
            let words = format!("showing {shown} of {wanted}, {side}×{side}{}", matching(scene.model, &classes));
            ui.add(eframe::egui::Label::new(RichText::new(words).color(p.weak)).truncate());
        });
        let template = StitchedSet {
            dataset: dataset.clone(),
            side,
            mean_std: observer.observer.mean_std,
            ipc: ipc as u32,
            patches: 1,
            selected: BTreeMap::new(),
        };
        self.grid(ui, (&dataset, &classes, &counts), (scene, &template));
    }

    fn grid(
        &self,
        ui: &mut Ui,
        (dataset, classes, counts): (&Dataset, &[ClassId], &[usize]),
        (scene, template): (&mut Scene<'_>, &StitchedSet),
    ) {
        let model = scene.model;
        let ranking = &model.ranking;
        let factor = |s: usize| ranking.recipe(classes[s]).method.factor();
        let place = model.selected_place().and_then(|(_, class, rank)| {
            let (cell, image) = ranking.cell(class, rank)?;
            Some(((classes.iter().position(|c| *c == class)?, image), cell))
        });
        let grid = Grid {
            name: "distilled",
            side: self.side,
            caption: 0.0,
            selected: place.map(|(at, _)| at),
            reveal: model.reveal,
            active: model.active == Some(Panel::Distilled),
        };
        let title = |s: usize| heading(dataset.class(classes[s]).shown(), ranking, classes[s]);
        let picked = grid.show(ui, Sections { counts, heading: Some(&title) }, |ui, cell| {
            let (s, image) = cell.at;
            let at = Address { class: classes[s], image: image as u32 };
            let set = of_class(template, at.class, ranking);
            let look = scene.gallery.of_set((set.key(at), at), || Arc::new(set));
            let highlighted = place.filter(|(at, _)| *at == cell.at).map(|(_, c)| c);
            paint(ui, cell, (dataset.class(classes[s]).shown(), factor(s)), (highlighted, &look));
            dim(ui, cell.picture, factor(s), |place| misses(model, at, place));
        });
        let from_click = picked.clicked.map(|(at, within)| (at, cell_at(within, factor(at.0))));
        let from_keys = picked.moved.map(|at| (at, place.map_or(0, |(_, cell)| cell)));
        if let Some(((s, image), cell)) = from_click.or(from_keys) {
            let at = Address { class: classes[s], image: image as u32 };
            if let Some(patch) = of_class(template, at.class, ranking).patches(at).nth(cell) {
                scene.out.push(Intent::Edit(Command::Select(Some(patch.image))));
                scene.out.push(Intent::Activate(Panel::Distilled));
            }
        }
    }
}

/// How many stitched patches pass the filter, where one is on.
fn matching(model: &Model, classes: &[ClassId]) -> String {
    if model.workspace.filter().is_open() {
        return String::new();
    }
    let stitched: usize = classes.iter().map(|c| model.ranking.class(*c).selected).sum();
    let (matching, uncounted) = model.shown.total_stitched(&model.ranking, classes);
    let counting = if uncounted > 0 { ", counting…" } else { "" };
    format!("; {} of {} match{counting}", text::thousands(matching as u64), text::count(stitched, "patch", "patches"))
}

/// Whether the filter leaves out the patch in a cell of a distilled image.
fn misses(model: &Model, at: Address, cell: usize) -> bool {
    let slot = rank_of(cell, at.image as usize, model.ranking.images(at.class));
    let kept = model.ranking.selected(at.class).get(slot);
    kept.and_then(|kept| model.listing(at.class).passes(kept.rank as usize)) == Some(false)
}

/// Lays the ground's colour over the cells that are left out.
fn dim(ui: &Ui, picture: Rect, factor: u32, left_out: impl Fn(usize) -> bool) {
    let veil = palette(ui.visuals()).ground.gamma_multiply(0.78);
    for cell in (0..factor.pow(2) as usize).filter(|cell| left_out(*cell)) {
        if let Some(rect) = cell_rect(picture, factor, cell) {
            ui.painter().rect_filled(rect, 0.0, veil);
        }
    }
}

/// Where a cell lies in a picture.
fn cell_rect(picture: Rect, factor: u32, cell: usize) -> Option<Rect> {
    // Cells in thousandths, so that their edges fall where the stitching has them.
    let unit = 1000 * factor.max(1);
    let scale = picture.width() / unit as f32;
    let cells = cells(unit, factor);
    let c = cells.get(cell)?;
    let min = picture.min + Vec2::new(c.left as f32, c.top as f32) * scale;
    Some(Rect::from_min_size(min, Vec2::new(c.width as f32, c.height as f32) * scale))
}

/// The set of one class's images.
fn of_class(template: &StitchedSet, class: ClassId, ranking: &Ranking) -> StitchedSet {
    let patches = ranking.recipe(class).method.patches;
    StitchedSet { patches, selected: BTreeMap::from([(class, ranking.selected(class).clone())]), ..template.clone() }
}

fn heading(label: &str, ranking: &Ranking, class: ClassId) -> Heading {
    let note = match ranking.problem(class) {
        Some(problem) => problem,
        None if ranking.class(class).tried == 0 => "not scored yet".to_owned(),
        None => {
            let selected = ranking.selected(class);
            let mean =
                selected.iter().map(|kept| f64::from(kept.patch.loss)).sum::<f64>() / selected.len().max(1) as f64;
            let more = match ranking.class(class) {
                of if of.covered => "",
                of if of.stale => ", stale: of another N or seed",
                _ => ", from part of the subset",
            };
            let count = text::count(selected.len(), "patch", "patches");
            format!("{count}, mean loss {}{more}", text::loss(mean as f32))
        }
    };
    Heading { title: label.to_owned(), note }
}

/// The cell of a distilled image at a point (0…1 in both directions).
fn cell_at(within: Vec2, factor: u32) -> usize {
    let part = |v: f32| ((v * factor as f32).max(0.0) as usize).min(factor.max(1) as usize - 1);
    part(within.y) * factor as usize + part(within.x)
}

fn paint(ui: &Ui, cell: &Cell, (class, factor): (&str, u32), (highlighted, look): (Option<usize>, &Look)) {
    let p = palette(ui.visuals());
    let name = format!("{class} distilled image {}", cell.at.1 + 1);
    cell.response.widget_info(|| WidgetInfo::selected(Role::Button, true, highlighted.is_some(), &name));
    picture(ui, cell.picture, look);
    if cell.response.hovered() {
        ui.painter().rect_stroke(cell.picture, 1.0, Stroke::new(2.0, p.weak), StrokeKind::Outside);
        let help =
            if factor > 1 { "\nclick a cell for the patch behind it" } else { "\nclick for the patch behind it" };
        cell.response.clone().on_hover_text(format!("{name}{help}"));
    }
    if let Some(rect) = highlighted.and_then(|at| cell_rect(cell.picture, factor, at)) {
        ui.painter().rect_stroke(rect, 1.0, Stroke::new(3.0, p.accent), StrokeKind::Outside);
    }
    if matches!(look, Look::Waiting) {
        text::line(ui, cell.picture.shrink(4.0), "stitching", (TextStyle::Small, p.weak));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_click_finds_its_cell() {
        assert_eq!(cell_at(Vec2::new(0.9, 0.1), 2), 1);
        assert_eq!(cell_at(Vec2::new(0.1, 0.9), 2), 2);
        assert_eq!(cell_at(Vec2::new(1.0, 1.0), 3), 8);
        assert_eq!(cell_at(Vec2::new(-0.1, 0.5), 1), 0);
    }
}
