//! Which image takes the place of another one, and which cell a patch moves to.

use eframe::egui::{
    self, Button, Context, DragValue, Rect, RichText, Role, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo,
};

use crate::core::data::dataset::{ClassId, ImageId};
use crate::core::distil::curation::Place;
use crate::core::distil::scores::PatchScore;
use crate::core::workspace::Command;
use crate::ui::intent::Intent;
use crate::ui::panels::scene::Scene;
use crate::ui::theme::palette;
use crate::ui::widgets::picture::picture;
use crate::ui::widgets::text;

/// Images that are offered.
const OFFERED: usize = 12;
const TILE: f32 = 84.0;

/// A question that is being asked.
#[derive(Clone, Copy, Debug)]
enum Question {
    /// Which image replaces this one.
    Image(ImageId),
    /// Where this one moves to; numbers from 1.
    Cell { of: ImageId, image: u32, cell: u32 },
}

/// The dialogs of culling.
#[derive(Clone, Debug, Default)]
pub struct CullingDialogs {
    question: Option<Question>,
}

impl CullingDialogs {
    /// Asks which image replaces a stitched one.
    pub fn choose_image(&mut self, of: ImageId) {
        self.question = Some(Question::Image(of));
    }

    /// Asks for the cell of a stitched image, which lies at `now`.
    pub fn choose_cell(&mut self, of: ImageId, now: Place) {
        self.question = Some(Question::Cell { of, image: now.image + 1, cell: now.cell + 1 });
    }

    /// Whether a question is being asked.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.question.is_some()
    }

    /// Shows the question, over everything.
    pub fn show(&mut self, ctx: &Context, scene: &mut Scene<'_>) {
        let Some(mut question) = self.question else { return };
        let modal = egui::Modal::new(egui::Id::unique("culling")).show(ctx, |ui| {
            ui.set_width((scene.room.width() - 60.0).clamp(180.0, 560.0));
            match &mut question {
                Question::Image(of) => ask_image(ui, *of, scene),
                Question::Cell { of, image, cell } => ask_cell(ui, *of, image, cell, scene),
            }
        });
        let done = modal.inner || modal.should_close();
        self.question = (!done).then_some(question);
    }
}

/// The class of a stitched image in words, and where it lies.
fn place_of(of: ImageId, scene: &Scene<'_>) -> Option<(ClassId, Place, String)> {
    let (class, place) = scene.model.cell_of(of)?;
    let name = scene.model.dataset()?.class(class).shown();
    Some((class, place, format!("{name} distilled image {}, cell {}", place.image + 1, place.cell + 1)))
}

/// Whether the dialog is done.
fn ask_image(ui: &mut Ui, of: ImageId, scene: &mut Scene<'_>) -> bool {
    let Some((class, _, place)) = place_of(of, scene) else { return true };
    let p = palette(ui.visuals());
    ui.heading("Choose another image");
    ui.add(
        egui::Label::new(RichText::new(format!("It takes {place}; the image there is rejected.")).color(p.weak)).wrap(),
    );
    ui.add_space(6.0);
    let offered: Vec<(usize, PatchScore)> = scene.model.runners_up(class).take(OFFERED).collect();
    let mut chosen = None;
    if offered.is_empty() {
        ui.label("No image of this class is left: all are stitched or rejected. A larger subset has more.");
    }
    let height = (scene.room.height() - 140.0).max(90.0);
    egui::ScrollArea::vertical().id_salt("runners-up").max_height(height).show(ui, |ui| {
        ui.horizontal_wrapped(|ui| {
            for (rank, patch) in &offered {
                if runner_up(ui, class, *rank, patch, scene) {
                    chosen = Some(patch.image);
                }
            }
        });
    });
    ui.add_space(8.0);
    if let Some(new) = chosen
        && let Some(step) = scene.model.replaced(of, new)
    {
        scene.out.push(Intent::Edit(step));
        scene.out.push(Intent::Edit(Command::Select(Some(new))));
    }
    ui.button("Cancel").clicked() || chosen.is_some()
}

/// A thumbnail; whether it was chosen.
fn runner_up(ui: &mut Ui, class: ClassId, rank: usize, patch: &PatchScore, scene: &mut Scene<'_>) -> bool {
    let p = palette(ui.visuals());
    let side = scene.model.observer.as_ref().map_or(32, |o| o.observer.spec.side as u32);
    let side = scene.model.ranking.recipe(class).method.patch_side(side).clamp(1, 256);
    let (rect, response) = ui.allocate_exact_size(Vec2::new(TILE, TILE + 18.0), Sense::click());
    let class = scene.model.dataset().map_or("", |dataset| dataset.class(class).shown());
    let name = format!("{class} runner-up at rank {}, loss {}", rank + 1, text::loss(patch.loss));
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
    let square = Rect::from_min_size(rect.min, Vec2::splat(TILE)).shrink(2.0);
    picture(ui, square, &scene.gallery.patch((patch.image, patch.bbox), side));
    if response.hovered() || response.has_focus() {
        ui.painter().rect_stroke(square, 1.0, Stroke::new(2.0, p.accent), StrokeKind::Outside);
    }
    let caption = rect.with_min_y(square.bottom() + 3.0);
    let words = format!("#{}  {}", rank + 1, text::loss(patch.loss));
    text::line(ui, caption, &words, (egui::TextStyle::Small, p.weak));
    response.on_hover_text(name).clicked()
}

/// Whether the dialog is done.
fn ask_cell(ui: &mut Ui, of: ImageId, image: &mut u32, cell: &mut u32, scene: &mut Scene<'_>) -> bool {
    let Some((class, _, place)) = place_of(of, scene) else { return true };
    let images = scene.model.ranking.images(class).max(1) as u32;
    let cells = scene.model.ranking.recipe(class).method.patches.max(1);
    let p = palette(ui.visuals());
    ui.heading("Move to another cell");
    let words = format!("From {place}; the patch that lies there comes here. Both are pinned to their cells.");
    ui.add(egui::Label::new(RichText::new(words).color(p.weak)).wrap());
    ui.add_space(6.0);
    for (name, value, most) in [("Distilled image", &mut *image, images), ("Cell", &mut *cell, cells)] {
        *value = (*value).clamp(1, most);
        ui.horizontal(|ui| {
            let label = ui.label(name);
            ui.add(DragValue::new(value).range(1..=most)).labelled_by(label.id);
            ui.label(RichText::new(format!("of {most}")).color(p.weak));
        });
    }
    let step = scene.model.moved(of, Place { image: *image - 1, cell: *cell - 1 });
    ui.add_space(8.0);
    ui.horizontal(|ui| {
        let button = ui.add_enabled(step.is_some(), Button::new("Move"));
        let moves = button.on_disabled_hover_text("It lies there").clicked();
        if let Some(step) = step.filter(|_| moves) {
            scene.out.push(Intent::Edit(step));
        }
        ui.button("Cancel").clicked() || moves
    })
    .inner
}
