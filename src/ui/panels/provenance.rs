//! Where the selected patch comes from: its source image with all crops, its numbers, and the cell that holds it.

use eframe::egui::{
    self, Rect, RichText, Role, Sense, Stroke, StrokeKind, TextStyle, Ui, UiBuilder, Vec2, WidgetInfo, pos2,
};

use super::scene::Scene;
use crate::core::data::dataset::Dataset;
use crate::core::data::wordnet;
use crate::core::distil::patch::CropBox;
use crate::core::distil::scores::PatchScore;
use crate::core::workspace::Command;
use crate::ui::intent::Intent;
use crate::ui::theme::palette;
use crate::ui::widgets::gallery::Look;
use crate::ui::widgets::picture::picture;
use crate::ui::widgets::text;

/// Shows the provenance of the selected patch.
pub fn show(ui: &mut Ui, dataset: &Dataset, scene: &mut Scene<'_>) {
    // As high when it is empty: else the first selection would shrink the grid in the frame that scrolls to it.
    ui.set_min_height(ui.available_height());
    let Some((image, class, rank)) = scene.model.selected_place() else {
        text::empty(
            ui,
            "Provenance",
            "Click a patch, or a cell of a distilled image, to see the image it was cut from.",
        );
        return;
    };
    let Some(key) = scene.model.ranking.ranked(class).get(rank).copied() else { return };
    let crops = scene.model.crops(image);
    let area = ui.available_rect_before_wrap();
    // Each half has its own rectangle: in a row, a scrolled area would be as high as what stands before it.
    let side = area.height().min(area.width() * 0.45).max(80.0);
    let (left, right) = area.split_left_right_at_x(area.left() + side);
    ui.scope_builder(UiBuilder::new().max_rect(left), |ui| source_image(ui, (&key, &crops), side, scene));
    ui.scope_builder(UiBuilder::new().max_rect(right.with_min_x(right.left() + 8.0)), |ui| {
        egui::ScrollArea::vertical().id_salt("provenance").auto_shrink(false).show(ui, |ui| {
            strip(ui, (&key, &crops), scene);
            ui.add_space(4.0);
            facts(ui, dataset, (&key, rank), scene);
        });
    });
}

/// The whole image; boxes of the crops, the key patch's on top.
fn source_image(ui: &mut Ui, (key, crops): (&PatchScore, &[PatchScore]), side: f32, scene: &mut Scene<'_>) {
    let p = palette(ui.visuals());
    let (area, response) = ui.allocate_exact_size(Vec2::splat(side), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, "Source image with crop boxes"));
    ui.painter().rect_filled(area, 2.0, p.well);
    let look = scene.gallery.image(key.image, 512);
    let Look::Ready(shown) = &look else {
        picture(ui, area, &look);
        return;
    };
    let (w, h) = (shown.source_size.0 as f32, shown.source_size.1 as f32);
    let scale = (area.width() - 4.0) / w.max(h).max(1.0);
    let rect = Rect::from_center_size(area.center(), Vec2::new(w, h) * scale);
    shown.image().paint_at(ui, rect);
    let on_screen = |b: CropBox| {
        let min = rect.min + Vec2::new(b.left as f32, b.top as f32) * scale;
        Rect::from_min_size(min, Vec2::new(b.width as f32, b.height as f32) * scale)
    };
    for crop in crops.iter().filter(|c| c.crop != key.crop) {
        let quiet = Stroke::new(1.0, p.quiet_box.gamma_multiply(0.8));
        ui.painter().rect_stroke(on_screen(crop.bbox), 0.0, quiet, StrokeKind::Inside);
    }
    // A dark line round the bright one keeps the box visible on any image.
    ui.painter().rect_stroke(on_screen(key.bbox).expand(1.0), 0.0, Stroke::new(4.0, p.well), StrokeKind::Middle);
    ui.painter().rect_stroke(on_screen(key.bbox), 0.0, Stroke::new(2.0, p.accent), StrokeKind::Middle);
}

/// What is known of a patch, as a table.
pub(super) fn facts(ui: &mut Ui, dataset: &Dataset, (key, rank): (&PatchScore, usize), scene: &Scene<'_>) {
    let class = dataset.class_of(key.image);
    let ranking = scene.model.ranking.class(class);
    let b = key.bbox;
    egui::Grid::new("provenance facts").num_columns(2).min_row_height(18.0).spacing([12.0, 2.0]).show(ui, |ui| {
        text::fact(ui, "File", &dataset.source(key.image));
        text::fact(ui, "Class", dataset.class(class).shown());
        text::fact(ui, "Rank", &format!("{} of {}", rank + 1, text::thousands(ranking.ranked as u64)));
        let probability = text::percent(key.probability());
        text::fact(ui, "Loss", &format!("{} (probability {probability})", text::loss(key.loss)));
        text::fact(ui, "Strongest other class", &rival(key, dataset, scene));
        text::fact(ui, "Box", &format!("{}×{} at column {}, row {}", b.width, b.height, b.left, b.top));
        text::fact(ui, "Used in", &used_in(scene, (class, rank)));
    });
}

/// The class that the observer takes the patch for if not for its own.
fn rival(key: &PatchScore, dataset: &Dataset, scene: &Scene<'_>) -> String {
    let Some(rival) = key.rival else { return "not known: an earlier version scored this patch".to_owned() };
    format!("{} (probability {})", output_title(rival.output, dataset, scene), text::percent(rival.probability))
}

/// What an output of the observer stands for: a class of the dataset, else what the weights call it.
pub(super) fn output_title(output: u32, dataset: &Dataset, scene: &Scene<'_>) -> String {
    let opened = scene.model.observer.as_ref();
    let outputs = opened.map_or(&[][..], |o| &o.map.outputs);
    let class = outputs.iter().position(|&of_class| of_class == output).and_then(|at| dataset.classes().get(at));
    let named = || opened.and_then(|o| o.output_name(output)).map(|name| wordnet::shown(name).to_owned());
    let name = class.map(|class| class.shown().to_owned()).or_else(named);
    name.unwrap_or_else(|| format!("output {output}"))
}

fn used_in(scene: &Scene<'_>, (class, rank): (crate::core::data::dataset::ClassId, usize)) -> String {
    let patches = scene.model.ranking.recipe(class).method.patches;
    match scene.model.ranking.cell(class, rank) {
        Some((cell, image)) if patches > 1 => format!("distilled image {}, cell {} of {patches}", image + 1, cell + 1),
        Some((_, image)) => format!("distilled image {}", image + 1),
        None => "no distilled image: not among the IPC·N that are stitched".to_owned(),
    }
}

/// All crops of the image with their losses, the one that is taken marked; a click takes another one.
fn strip(ui: &mut Ui, (key, crops): (&PatchScore, &[PatchScore]), scene: &mut Scene<'_>) {
    let p = palette(ui.visuals());
    ui.label(
        RichText::new(format!("{} of this image, with their losses", text::count(crops.len(), "crop", "crops")))
            .color(p.weak),
    );
    let side = scene.model.observer.as_ref().map_or(32, |o| o.observer.spec.side as u32);
    let recipe = scene.model.dataset().map(|d| scene.model.ranking.recipe(d.class_of(key.image)));
    let side = recipe.map_or(side, |recipe| recipe.method.patch_side(side)).clamp(1, 256);
    let tile = ((ui.available_width() - 24.0) / crops.len().clamp(4, 6) as f32).clamp(36.0, 72.0);
    ui.horizontal_wrapped(|ui| {
        for crop in crops {
            let (rect, response) = ui.allocate_exact_size(Vec2::new(tile, tile + 18.0), Sense::click());
            let is_key = crop.crop == key.crop;
            let role = if is_key { "key patch" } else { "crop" };
            let name = format!("{role} {}: loss {}", crop.crop + 1, text::loss(crop.loss));
            response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
            if response.clicked() && !is_key {
                let marks = vec![(crop.image, scene.model.mark_with_crop(crop.image, crop))];
                let words = format!("crop {} of 1 image", crop.crop + 1);
                scene.out.push(Intent::Edit(Command::Curate { marks, words }));
            }
            let square = Rect::from_min_size(rect.min, Vec2::splat(tile)).shrink(2.0);
            picture(ui, square, &scene.gallery.patch((crop.image, crop.bbox), side));
            let stroke = if is_key { Stroke::new(2.0, p.accent) } else { Stroke::new(1.0, p.quiet_box) };
            ui.painter().rect_stroke(square, 0.0, stroke, StrokeKind::Outside);
            let caption = Rect::from_min_max(pos2(rect.left() + 2.0, square.bottom() + 4.0), rect.max);
            let color = if is_key { p.accent } else { p.weak };
            text::line(ui, caption, &text::loss(crop.loss), (TextStyle::Small, color));
            let help = if is_key { "" } else { "\nClick to cut the patch here" };
            response.on_hover_text(format!("{name}{help}"));
        }
    });
}
