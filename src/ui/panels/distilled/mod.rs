//! The distilled panel: stitched images per class; a click on a cell leads to its patch.

use std::collections::BTreeMap;
use std::sync::Arc;

use eframe::egui::{
    Color32, LayerId, Modifiers, Order, Rect, RichText, Role, Sense, Stroke, StrokeKind, TextStyle, Ui, Vec2,
    WidgetInfo,
};

use super::controls::size_slider;
use super::culling;
use super::methods::{title, without_patches};
use super::order::ByCell;
use super::picking::{self, Anchor, InOrder};
use super::scene::Scene;
use super::source::{class_chooser, shown_classes};
use crate::core::data::dataset::{ClassId, Dataset, ImageId};
use crate::core::distil::curation::Place;
use crate::core::distil::rded::Rded;
use crate::core::distil::recipe::Recipe;
use crate::core::distil::select::Kept;
use crate::core::distil::set::Address;
use crate::core::workspace::Command;
use crate::jobs::distill::StitchedSet;
use crate::ui::intent::{Intent, Panel};
use crate::ui::keyboard;
use crate::ui::model::Model;
use crate::ui::model::ranking::Ranking;
use crate::ui::theme::palette;
use crate::ui::widgets::gallery::{Look, SetOf};
use crate::ui::widgets::grid::{At, Cell, Drags, Grid, Heading, PickedCells, Sections, Spot};
use crate::ui::widgets::marks::{self, Shown};
use crate::ui::widgets::picture::picture;
use crate::ui::widgets::text;

mod cells;
mod preview;

use cells::{cell_at, cell_rect, cells_in};
use preview::{Preview, Stitching};

/// What the panel remembers.
pub struct DistilledPanel {
    /// Side of the thumbnails, in points.
    pub side: f32,
    anchor: Anchor,
    preview: Preview,
}

impl Default for DistilledPanel {
    fn default() -> Self {
        Self { side: 80.0, anchor: Anchor::default(), preview: Preview::default() }
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
        if without_patches(ui, scene) {
            return;
        }
        if !scene.model.ranking.any() {
            text::empty(
                ui,
                "No distilled images yet",
                "Score the patches; the images are stitched at once, and follow IPC and subset without scoring again.",
            );
            return;
        }
        let classes = shown_classes(scene.model);
        let ipc = scene.model.workspace.recipe().ipc as usize;
        let ranking = &scene.model.ranking;
        let counts: Vec<usize> = classes.iter().map(|c| ranking.images(*c)).collect();
        let p = palette(ui.visuals());
        let side = observer.observer.spec.side as u32;
        ui.horizontal_wrapped(|ui| {
            class_chooser(ui, "Class shown in Distilled", scene);
            size_slider(ui, &mut self.side, "Distilled image size");
            begun_with(ui, scene);
        });
        ui.horizontal(|ui| {
            let (shown, wanted) = (counts.iter().sum::<usize>(), classes.len() * ipc);
            let (shown, wanted) = (text::thousands(shown as u64), text::thousands(wanted as u64));
            let words = format!("showing {shown} of {wanted}, {side}×{side}{}", matching(scene.model, &classes));
            ui.add(eframe::egui::Label::new(RichText::new(words).color(p.weak)).truncate());
            culling::bar::selected(ui, scene);
        });
        let template = StitchedSet {
            dataset: dataset.clone(),
            side,
            mean_std: observer.observer.mean_std,
            ipc: ipc as u32,
            patches: 1,
            views: false,
            selected: BTreeMap::new(),
        };
        let view = View { dataset: &dataset, template: &template };
        self.grid(ui, (&classes, &counts), scene, &view);
    }

    fn grid(&mut self, ui: &mut Ui, (classes, counts): (&[ClassId], &[usize]), scene: &mut Scene<'_>, view: &View<'_>) {
        let model = scene.model;
        let ranking = &model.ranking;
        let order = ByCell::new(ranking, classes);
        let lead = model.workspace.selected().and_then(|image| order.find(image)).map(|at| order.spot(at));
        let grid = Grid {
            name: "distilled",
            side: self.side,
            selected: lead.map(|(at, _)| at),
            reveal: model.reveal,
            active: model.active == Some(Panel::Distilled),
            drags: Drags::Cells,
            parts: lead.map(|((s, _), cell)| (order.factor(s) as usize, cell)),
            ..Grid::default()
        };
        let title = |s: usize| heading(view.dataset.class(classes[s]).shown(), ranking, classes[s]);
        let picked = grid.show(ui, Sections { counts, heading: Some(&title) }, |ui, cell| {
            let (s, image) = cell.at;
            let at = Address { class: classes[s], image: image as u32 };
            let set = of_class(view.template, at.class, ranking);
            let kept: Vec<Kept> = set.kept(at).copied().collect();
            let key = set.key(at);
            let look = scene.gallery.of_set((key, SetOf::Stitched, at), || Arc::new(set));
            picture(ui, cell.picture, &look);
            let factor = order.factor(s);
            let stitching = Stitching {
                key,
                at,
                kept: &kept,
                look: &look,
                factor,
                side: view.patch_side(ranking.recipe(at.class)),
            };
            self.preview.paint(ui, cell, &stitching, scene.gallery);
            dim(ui, cell.picture, factor, &kept, |kept| misses(model, at.class, kept));
            let class = view.dataset.class(at.class).shown();
            paint(ui, cell, &kept, &Overlay { class, factor, model, waiting: matches!(look, Look::Waiting) });
            culling::menu::attach(&cell.response, Some(&|| order.of_image(cell.at).collect()), scene);
        });
        if let Some((from, over)) = picked.carried
            && let Some(image) = order.image(place(&order, from))
        {
            let over = over.filter(|(to, _)| to.at.0 == from.at.0);
            let factor = order.factor(from.at.0);
            let target = over.map(|(to, picture)| cell_rect(picture, factor, cell_at(to.within, factor)));
            carried(ui, image, target, scene, view);
        }
        if let Some(command) = selects(&picked, &order, &mut self.anchor, model) {
            scene.out.push(Intent::Edit(command));
            scene.out.push(Intent::Activate(Panel::Distilled));
        }
    }
}

/// What all distilled images are shown by.
struct View<'a> {
    dataset: &'a Dataset,
    template: &'a StitchedSet,
}

impl View<'_> {
    /// Pixels along a side of a patch of a recipe.
    fn patch_side(&self, recipe: &Recipe<Rded>) -> u32 {
        recipe.method.patch_side(self.template.side).clamp(1, 256)
    }
}

/// The place in the order of a point on a distilled image.
fn place(order: &ByCell<'_>, spot: Spot) -> At {
    order.cell(spot.at, cell_at(spot.within, order.factor(spot.at.0)))
}

/// What happens because of what happened in the grid: a selection, or a patch that moves.
fn selects(picked: &PickedCells, order: &ByCell<'_>, anchor: &mut Anchor, model: &Model) -> Option<Command> {
    let (selection, modifiers) = (model.workspace.selection(), picked.modifiers);
    if let Some((from, to)) = picked.dropped {
        let image = order.image(place(order, from)).filter(|_| from.at.0 == to.at.0)?;
        let cell = cell_at(to.within, order.factor(to.at.0)) as u32;
        return model.moved(image, Place { image: to.at.1 as u32, cell });
    }
    if let Some(tiles) = &picked.banded {
        let images = tiles.iter().flat_map(|(tile, part)| {
            let cells = cells_in(*part, order.factor(tile.0));
            cells.into_iter().filter_map(|cell| order.image(order.cell(*tile, cell)))
        });
        return Some(picking::take_in(images.collect(), modifiers));
    }
    if let Some(section) = picked.heading {
        return Some(picking::take_in(picking::of_section(order, section).collect(), modifiers));
    }
    if let Some(spot) = picked.menu {
        let image = order.image(place(order, spot))?;
        return (!selection.holds(image)).then_some(Command::Select(Some(image)));
    }
    if let Some(spot) = picked.clicked.filter(|_| modifiers.alt) {
        let whole = order.of_image(spot.at).collect();
        return Some(picking::take_in(whole, Modifiers { alt: false, ..modifiers }));
    }
    let clicked = picked.clicked.map(|spot| (place(order, spot), modifiers));
    let shift = Modifiers { shift: modifiers.shift, ..Modifiers::NONE };
    let moved = picked.moved.map(|(tile, cell)| (order.cell(tile, cell), shift));
    let (at, modifiers) = clicked.or(moved)?;
    Some(anchor.pick(order, selection.lead(), order.image(at)?, modifiers))
}

/// What a cell shows at the pointer while it is dragged, and the cell of its class that it would exchange places with.
fn carried(ui: &Ui, image: ImageId, target: Option<Rect>, scene: &mut Scene<'_>, view: &View<'_>) {
    let Some(pointer) = ui.input(|i| i.pointer.latest_pos()) else { return };
    let Some((class, rank)) = scene.model.ranking.place(image) else { return };
    let Some(patch) = scene.model.ranking.ranked(class).get(rank) else { return };
    let side = view.patch_side(scene.model.ranking.recipe(class));
    let rect = Rect::from_center_size(pointer, Vec2::splat(44.0));
    let painter = ui.ctx().layer_painter(LayerId::new(Order::Tooltip, ui.scope_id().with("carried")));
    if let Look::Ready(shown) = scene.gallery.patch((patch.image, patch.bbox), side) {
        painter.image(shown.texture.id(), rect, shown.uv, Color32::WHITE.gamma_multiply(0.8));
    }
    for rect in target.into_iter().chain([rect]) {
        painter.rect_stroke(rect, 1.0, Stroke::new(2.0, palette(ui.visuals()).accent), StrokeKind::Outside);
    }
}

/// Says of a method that moves pixels that these images are its beginning, and leads to what becomes of them.
fn begun_with(ui: &mut Ui, scene: &mut Scene<'_>) {
    let method = &scene.model.workspace.recipe().method;
    if method.iterations() == 0 {
        return;
    }
    let p = palette(ui.visuals());
    ui.label(RichText::new(format!("{} begins with these", title(method.name()))).color(p.weak));
    if ui.button("Show Refine").on_hover_text("What becomes of them").clicked() {
        scene.out.push(Intent::Show(Panel::Refine));
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

/// Whether the filter leaves out a stitched patch.
fn misses(model: &Model, class: ClassId, kept: &Kept) -> bool {
    model.listing(class).passes(kept.rank as usize) == Some(false)
}

/// Lays the ground's colour over the cells that are left out.
fn dim(ui: &Ui, picture: Rect, factor: u32, kept: &[Kept], left_out: impl Fn(&Kept) -> bool) {
    let veil = palette(ui.visuals()).ground.gamma_multiply(0.78);
    for (cell, _) in kept.iter().enumerate().filter(|(_, kept)| left_out(kept)) {
        ui.painter().rect_filled(cell_rect(picture, factor, cell), 0.0, veil);
    }
}

/// The set of one class's images.
fn of_class(template: &StitchedSet, class: ClassId, ranking: &Ranking) -> StitchedSet {
    let own = ranking.recipe(class).method;
    let (patches, views) = (own.patches, own.views());
    StitchedSet {
        patches,
        views,
        selected: BTreeMap::from([(class, ranking.selected(class).clone())]),
        ..template.clone()
    }
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

/// What is painted over a distilled image.
struct Overlay<'a> {
    class: &'a str,
    factor: u32,
    model: &'a Model,
    waiting: bool,
}

fn paint(ui: &Ui, cell: &Cell, kept: &[Kept], overlay: &Overlay<'_>) {
    let p = palette(ui.visuals());
    let name = format!("{} distilled image {}", overlay.class, cell.at.1 + 1);
    let selection = overlay.model.workspace.selection();
    let any = kept.iter().any(|kept| selection.holds(kept.patch.image));
    cell.response.widget_info(|| WidgetInfo::selected(Role::Button, true, any, &name));
    for (n, kept) in kept.iter().enumerate() {
        paint_cell(ui, cell, n, kept, overlay);
    }
    if cell.response.hovered() && keyboard::pointer_leads(ui.ctx()) {
        ui.painter().rect_stroke(cell.picture, 1.0, Stroke::new(2.0, p.weak), StrokeKind::Outside);
        let at = ui
            .input(|i| i.pointer.hover_pos())
            .map_or(Vec2::ZERO, |pos| (pos - cell.picture.min) / cell.picture.size());
        let at = cell_at(at, overlay.factor);
        let of_cell = kept.get(at).map_or_else(String::new, |kept| format!("\n{}", words(at, kept, overlay)));
        let help = "Click selects a cell, Alt+click all of them; a drag onto another cell of the class exchanges both";
        cell.response.clone().on_hover_text(format!("{name}{of_cell}\n{help}\n\n{}", marks::LEGEND));
    }
    if overlay.waiting {
        text::line(ui, cell.picture.shrink(4.0), "stitching", (TextStyle::Small, p.weak));
    }
}

/// "cell 2: rank 5, loss 0.1, pinned".
fn words(cell: usize, kept: &Kept, overlay: &Overlay<'_>) -> String {
    let mark = overlay.model.workspace.curation().mark(kept.patch.image);
    let marks = Shown::of(mark, kept.patch.bbox).words();
    format!("cell {}: rank {}, loss {}{marks}", cell + 1, kept.rank + 1, text::loss(kept.patch.loss))
}

/// Marks and outline of a cell; it has a name of its own where there is something to say.
fn paint_cell(ui: &Ui, tile: &Cell, n: usize, kept: &Kept, overlay: &Overlay<'_>) {
    let p = palette(ui.visuals());
    let (selection, image) = (overlay.model.workspace.selection(), kept.patch.image);
    let shown = Shown::of(overlay.model.workspace.curation().mark(image), kept.patch.bbox);
    let selected = selection.holds(image);
    let banded = tile.banded.is_some_and(|part| cells_in(part, overlay.factor).contains(&n));
    if shown.mark.is_blank() && !selected && !banded {
        return;
    }
    let rect = cell_rect(tile.picture, overlay.factor, n);
    shown.paint(ui.painter(), rect, p);
    let stroke = match selection.lead() == Some(image) {
        true => Stroke::new(3.0, p.accent),
        false if selected => Stroke::new(2.0, p.accent),
        false if banded => Stroke::new(2.0, p.weak),
        false => Stroke::NONE,
    };
    ui.painter().rect_stroke(rect, 1.0, stroke, StrokeKind::Outside);
    let response = ui.interact(rect, tile.response.id.with(n), Sense::HOVER);
    let name = format!("{} distilled image {}, {}", overlay.class, tile.at.1 + 1, words(n, kept, overlay));
    response.widget_info(|| WidgetInfo::selected(Role::Image, true, selected, &name));
}
