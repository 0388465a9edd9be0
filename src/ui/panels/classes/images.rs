//! The images of a cell of the matrix, and one of them large.

use eframe::egui::{self, Rect, Role, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, vec2};

use super::known::{Known, output_name};
use super::weak;
use crate::core::data::outcomes::At;
use crate::jobs::check::Answer;
use crate::ui::panels::scene::Scene;
use crate::ui::theme::palette;
use crate::ui::widgets::picture::whole;
use crate::ui::widgets::room::window;
use crate::ui::widgets::text;

/// Side of a thumbnail in points, and of what is decoded for it in pixels.
const SIDE: f32 = 72.0;
const PIXELS: u32 = 128;
const GAP: f32 = 6.0;
/// The longer side of the large picture in pixels.
const LARGE: u32 = 768;

/// What is remembered.
#[derive(Default)]
pub struct Images {
    /// A cell, and the places of its images among the report's answers.
    listed: Option<(At, Vec<usize>)>,
    /// Which of them is shown large.
    open: Option<usize>,
}

impl Images {
    /// Another check is shown from now on.
    pub fn forget(&mut self) {
        (self.listed, self.open) = (None, None);
    }

    /// The images of a cell, beside each other.
    pub fn strip(&mut self, ui: &mut Ui, (known, at): (&Known, At), scene: &mut Scene<'_>) {
        if self.listed.as_ref().is_none_or(|(of, _)| *of != at) {
            (self.listed, self.open) = (Some((at, known.images(at))), None);
        }
        let Some((_, list)) = &self.listed else { return };
        let total = known.outcomes.total(at.0) as usize;
        let of = text::count(total, "image", "images");
        weak(ui, format!("{}; showing {} of {of} of {}", known.words(at), list.len(), known.class(at.0)));
        let mut opened = None;
        let area = egui::ScrollArea::horizontal().id_salt("images of the cell").auto_shrink(false);
        area.show_viewport(ui, |ui, viewport| {
            let pitch = SIDE + GAP;
            let (whole, _) = ui.allocate_exact_size(vec2(list.len() as f32 * pitch, SIDE), Sense::hover());
            let first = (viewport.min.x / pitch).max(0.0) as usize;
            let end = ((viewport.max.x / pitch).ceil().max(0.0) as usize).min(list.len());
            for (i, &at) in list.iter().enumerate().take(end).skip(first) {
                let rect = Rect::from_min_size(whole.min + vec2(i as f32 * pitch, 0.0), Vec2::splat(SIDE));
                if thumbnail(ui, rect, (known, at), scene) {
                    opened = Some(i);
                }
            }
        });
        self.open = opened.or(self.open);
    }

    /// The image that was clicked, in a window of its own.
    pub fn large(&mut self, ctx: &egui::Context, known: &Known, scene: &mut Scene<'_>) {
        let Some((_, list)) = &self.listed else { return };
        let Some(shown) = self.open.filter(|&at| at < list.len()) else { return };
        let answer = &known.report.answers[list[shown]];
        let (mut stays, mut next) = (true, shown);
        let id = egui::Id::unique("checked image");
        let over = window("Image of the check", vec2(480.0, 560.0), scene.room).id(id).open(&mut stays);
        over.show(ctx, |ui| {
            ui.style_mut().wrap_mode = None;
            ui.horizontal(|ui| {
                let step =
                    |ui: &mut Ui, words: &str, can: bool| ui.add_enabled(can, egui::Button::new(words)).clicked();
                if step(ui, "Previous image", shown > 0) {
                    next = shown - 1;
                }
                if step(ui, "Next image", shown + 1 < list.len()) {
                    next = shown + 1;
                }
                ui.label(format!("{} of {}", shown + 1, list.len()));
            });
            egui::Grid::new("checked image facts").num_columns(2).spacing([12.0, 2.0]).show(ui, |ui| {
                text::fact(ui, "File", &known.data.source(answer.image));
                text::fact(ui, "Class", known.class(known.data.class_of(answer.image).index()));
                text::fact(ui, "Taken for", &taken_for(known, answer));
            });
            let area = ui.available_rect_before_wrap();
            ui.allocate_rect(area, Sense::hover());
            whole(ui, area, &scene.gallery.checked_image(answer.image, LARGE));
        });
        let closed = !stays || ctx.input(|input| input.key_pressed(egui::Key::Escape));
        self.open = (!closed).then_some(next);
    }
}

/// One image; returns whether it was clicked.
fn thumbnail(ui: &Ui, rect: Rect, (known, at): (&Known, usize), scene: &mut Scene<'_>) -> bool {
    let p = palette(ui.visuals());
    let answer = &known.report.answers[at];
    let response = ui.interact(rect, ui.scope_id().with(("checked", at)), Sense::CLICK);
    ui.painter().rect_filled(rect, 2.0, p.well);
    whole(ui, rect, &scene.gallery.checked_image(answer.image, PIXELS));
    if response.hovered() {
        ui.painter().rect_stroke(rect, 2.0, Stroke::new(2.0, p.accent), StrokeKind::Outside);
    }
    let file = known.data.source(answer.image);
    let name = format!("{file}, taken for {}", taken_for(known, answer));
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
    let clicked = response.clicked();
    response.on_hover_text(name);
    clicked
}

/// "goldfish (probability 62.0 %)".
fn taken_for(known: &Known, answer: &Answer) -> String {
    let column = known.outcomes.column_of(answer.output).filter(|column| *column < known.outcomes.classes());
    let name = column.map_or_else(|| output_name(&known.opened, answer.output), |column| known.column(column));
    format!("{name} (probability {})", text::percent(answer.probability))
}
