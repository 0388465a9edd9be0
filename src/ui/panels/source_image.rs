//! The source panel: the whole image of the selected patch at any size, with the boxes of its crops and what the observer
//! takes the patch for; the next and the previous patch in rank are a key away.

use eframe::egui::{
    self, Rect, Response, RichText, Role, Sense, Stroke, StrokeKind, TextStyle, Ui, Vec2, WidgetInfo, pos2,
};

use super::controls::command;
use super::provenance::{facts, output_title};
use super::scene::Scene;
use crate::core::data::dataset::{Dataset, ImageId};
use crate::core::distil::patch::CropBox;
use crate::core::distil::scores::PatchScore;
use crate::store::window::SourceView;
use crate::ui::actions::Action;
use crate::ui::theme::{Palette, palette};
use crate::ui::widgets::gallery::{Look, Shown};
use crate::ui::widgets::picture::picture;
use crate::ui::widgets::text;

/// The longer side of the picture that is decoded; graphics drivers take no less.
const LARGEST: u32 = 4096;
/// From this many points per pixel on, lines between pixels are drawn.
const GRID_FROM: f32 = 8.0;
/// Points per pixel.
const ZOOMS: std::ops::RangeInclusive<f32> = 0.02..=64.0;
/// A panel that is wider has the facts beside the image.
const ROOM_BESIDE: f32 = 620.0;
/// Margin of a text's plate.
const PLATE: Vec2 = Vec2::new(3.0, 1.0);

/// What the panel remembers.
pub struct SourcePanel {
    /// Points per pixel of the image; `None`: the whole image fits.
    zoom: Option<f32>,
    /// The point of the image that lies in the middle, in pixels.
    centre: Vec2,
    /// Whether all crops' boxes are drawn.
    all_crops: bool,
    /// The image that zoom and centre are of.
    of: Option<ImageId>,
    /// Zoom and centre when the project was left, for the first image that is shown.
    left: Option<(f32, Vec2)>,
}

impl Default for SourcePanel {
    fn default() -> Self {
        Self { zoom: None, centre: Vec2::ZERO, all_crops: true, of: None, left: None }
    }
}

impl SourcePanel {
    /// How the image is looked at, to be kept.
    #[must_use]
    pub fn view(&self) -> SourceView {
        let (zoom, centre) = self.left.map_or((self.zoom, self.centre), |(zoom, centre)| (Some(zoom), centre));
        SourceView { zoom, centre: centre.into(), all_crops: self.all_crops }
    }

    /// Looks at the first image that is shown as it was looked at.
    pub fn restore(&mut self, view: SourceView) {
        self.all_crops = view.all_crops;
        let centre = Vec2::from(view.centre);
        let zoom = view.zoom.filter(|zoom| zoom.is_finite() && centre.is_finite());
        self.left = zoom.map(|zoom| (zoom.clamp(*ZOOMS.start(), *ZOOMS.end()), centre));
    }

    /// Shows the panel.
    pub fn show(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        let place = scene.model.selected_place();
        let (Some((image, class, rank)), Some(dataset)) = (place, scene.model.dataset().cloned()) else {
            text::empty(
                ui,
                "Source image",
                "Select a patch, or a cell of a distilled image; the image that it was cut from appears here.",
            );
            return;
        };
        let Some(key) = scene.model.ranking.ranked(class).get(rank).copied() else { return };
        if self.of != Some(image) {
            (self.of, self.zoom) = (Some(image), None);
            if let Some((zoom, centre)) = self.left.take() {
                (self.zoom, self.centre) = (Some(zoom), centre);
            }
        }
        let crops = scene.model.crops(image);
        let ranked = scene.model.ranking.class(class).ranked;
        self.toolbar(ui, (rank, ranked), scene);
        let about = |ui: &mut Ui, scene: &mut Scene<'_>| {
            egui::ScrollArea::vertical().id_salt("about the patch").auto_shrink(false).show(ui, |ui| {
                opinion(ui, &dataset, &key, scene);
                ui.add_space(6.0);
                facts(ui, &dataset, (&key, rank), scene);
            });
        };
        let frame = egui::Frame::new().inner_margin(4);
        if ui.available_width() > ROOM_BESIDE {
            let side = egui::Panel::right("beside the image").resizable(true).default_size(270.0);
            side.size_range(200.0..=ui.available_width() * 0.5).frame(frame).show(ui, |ui| about(ui, scene));
        } else {
            let below = egui::Panel::bottom("below the image").resizable(true).default_size(170.0);
            let most = (ui.available_height() - 120.0).max(60.0);
            below.size_range(60.0..=most).frame(frame).show(ui, |ui| about(ui, scene));
        }
        self.canvas(ui, (&key, &crops), scene);
    }

    fn toolbar(&mut self, ui: &mut Ui, (rank, ranked): (usize, usize), scene: &mut Scene<'_>) {
        ui.horizontal_wrapped(|ui| {
            command(ui, Action::PreviousInRank, scene);
            command(ui, Action::NextInRank, scene);
            ui.label(format!("rank {} of {}", rank + 1, text::thousands(ranked as u64)));
            if ui.selectable_label(self.zoom.is_none(), "Fit").on_hover_text("Show the whole image").clicked() {
                self.zoom = None;
            }
            let actual = ui.selectable_label(self.zoom == Some(1.0), "1:1");
            if actual.on_hover_text("A point for each pixel").clicked() {
                self.zoom = Some(1.0);
            }
            ui.checkbox(&mut self.all_crops, "all crops")
                .on_hover_text("Boxes of the image's other crops, with their losses");
        });
    }

    /// The image, zoomed by the wheel and moved by dragging.
    fn canvas(&mut self, ui: &mut Ui, (key, crops): (&PatchScore, &[PatchScore]), scene: &mut Scene<'_>) {
        let p = palette(ui.visuals());
        let size = ui.available_size().max(Vec2::splat(40.0));
        let (area, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
        ui.painter().rect_filled(area, 2.0, p.well);
        let Some(shown) = loaded(ui, (area, key.image), scene) else { return };
        let pixels = Vec2::new(shown.source_size.0 as f32, shown.source_size.1 as f32);
        let rect = self.moved(ui, (area, &response), pixels);
        let scale = rect.width() / pixels.x.max(1.0);
        response.widget_info(|| {
            let percent = format!("{:.0} %", scale * 100.0);
            WidgetInfo::labeled(Role::Image, true, format!("Source image at {percent} with crop boxes"))
        });
        let painter = ui.painter().with_clip_rect(area);
        shown.image().paint_at(&clipped(ui, area), rect);
        if scale >= GRID_FROM {
            grid(&painter, (area, rect), scale, p.line);
        }
        let on_screen = |b: CropBox| {
            let min = rect.min + Vec2::new(b.left as f32, b.top as f32) * scale;
            Rect::from_min_size(min, Vec2::new(b.width as f32, b.height as f32) * scale)
        };
        let font = TextStyle::Small.resolve(ui.style());
        let mut plates: Vec<Rect> = Vec::new();
        for crop in crops.iter().filter(|c| self.all_crops && c.bbox != key.bbox) {
            let on = on_screen(crop.bbox);
            painter.rect_stroke(on, 0.0, Stroke::new(1.0, p.quiet_box), StrokeKind::Inside);
            let words = painter.layout_no_wrap(text::loss(crop.loss), font.clone(), p.text);
            let mut plate = Rect::from_min_size(on.left_top() + Vec2::splat(2.0), words.size()).expand2(PLATE);
            // Crops that share a corner have their losses below one another.
            while let Some(above) = plates.iter().find(|above| above.intersects(plate)) {
                plate = plate.translate(Vec2::new(0.0, above.bottom() - plate.top() + 1.0));
            }
            on_plate(&painter, plate, words, p);
            plates.push(plate);
        }
        // A dark line round the bright one keeps the box visible on any image.
        let on = on_screen(key.bbox);
        painter.rect_stroke(on.expand(1.0), 0.0, Stroke::new(4.0, p.well), StrokeKind::Middle);
        painter.rect_stroke(on, 0.0, Stroke::new(2.0, p.accent), StrokeKind::Middle);
        if let Some(at) = response.hover_pos().filter(|at| rect.contains(*at)) {
            let (x, y) = ((at.x - rect.left()) / scale, (at.y - rect.top()) / scale);
            let words =
                format!("column {x:.0}, row {y:.0} · {:.0} %", scale.mul_add(100.0, 0.0), x = x.floor(), y = y.floor());
            let words = painter.layout_no_wrap(words, font, p.text);
            let at = area.left_bottom() + Vec2::new(6.0, -4.0 - words.size().y);
            on_plate(&painter, Rect::from_min_size(at, words.size()).expand2(PLATE), words, p);
        }
    }

    /// Follows wheel, drag and double click; where the image lies now.
    fn moved(&mut self, ui: &Ui, (area, response): (Rect, &Response), pixels: Vec2) -> Rect {
        let fit = (area.width() / pixels.x.max(1.0)).min(area.height() / pixels.y.max(1.0));
        if response.double_clicked() {
            self.zoom = None;
        }
        let wheel = ui
            .input(|i| if i.smooth_scroll_delta().y == 0.0 { 1.0 } else { (i.smooth_scroll_delta().y * 0.004).exp() });
        let turned = if response.hovered() { wheel * ui.input(egui::InputState::zoom_delta) } else { 1.0 };
        let before = self.zoom.unwrap_or(fit);
        if self.zoom.is_none() {
            self.centre = pixels / 2.0;
        }
        if turned != 1.0 {
            let after = (before * turned).clamp(fit.min(*ZOOMS.start()), *ZOOMS.end());
            // What lies under the pointer stays there.
            let from_middle = response.hover_pos().map_or(Vec2::ZERO, |at| at - area.center());
            self.centre += from_middle / before - from_middle / after;
            self.zoom = (after > fit).then_some(after);
        }
        let scale = self.zoom.unwrap_or(fit);
        if response.dragged() && self.zoom.is_some() {
            self.centre -= response.drag_delta() / scale;
        }
        self.centre = if self.zoom.is_some() { self.centre.clamp(Vec2::ZERO, pixels) } else { pixels / 2.0 };
        Rect::from_min_size(area.center() - self.centre * scale, pixels * scale)
    }
}

/// The image, or a smaller one until it is there; what is wrong is painted.
fn loaded(ui: &Ui, (area, image): (Rect, ImageId), scene: &mut Scene<'_>) -> Option<Shown> {
    let largest = LARGEST.min(ui.input(|i| i.max_texture_side) as u32);
    match scene.gallery.image(image, largest) {
        Look::Ready(shown) => Some(shown),
        look @ Look::Failed(_) => {
            picture(ui, area, &look);
            None
        }
        Look::Waiting => match scene.gallery.image(image, 512) {
            Look::Ready(shown) => Some(shown),
            _ => None,
        },
    }
}

/// A place to paint in that shows nothing beyond `area`.
fn clipped(ui: &mut Ui, area: Rect) -> Ui {
    let mut inner = ui.new_child(egui::UiBuilder::new().max_rect(area));
    inner.set_clip_rect(area.intersect(ui.clip_rect()));
    inner
}

/// A text on a plate of its own, so that it can be read on any image.
fn on_plate(painter: &egui::Painter, plate: Rect, words: std::sync::Arc<egui::Galley>, p: &Palette) {
    painter.rect_filled(plate, 2.0, p.well);
    painter.galley(plate.min + PLATE, words, p.text);
}

/// Lines between the pixels in view.
fn grid(painter: &egui::Painter, (area, rect): (Rect, Rect), scale: f32, color: egui::Color32) {
    let seen = area.intersect(rect);
    let stroke = Stroke::new(1.0, color.gamma_multiply(0.7));
    let lines = |from: f32, to: f32, origin: f32| {
        let first = ((from - origin) / scale).ceil().max(0.0) as u32;
        let last = ((to - origin) / scale).floor().max(0.0) as u32;
        (first..=last).map(move |n| origin + n as f32 * scale)
    };
    lines(seen.left(), seen.right(), rect.left()).for_each(|x| _ = painter.vline(x, seen.y_range(), stroke));
    lines(seen.top(), seen.bottom(), rect.top()).for_each(|y| _ = painter.hline(seen.x_range(), y, stroke));
}

/// The classes that the observer finds likeliest in the patch.
fn opinion(ui: &mut Ui, dataset: &Dataset, key: &PatchScore, scene: &Scene<'_>) {
    let p = palette(ui.visuals());
    ui.label(RichText::new("What the observer takes the patch for").color(p.weak));
    let opinion = scene.model.opinion.as_ref().filter(|o| (o.patch.image, o.patch.bbox) == (key.image, key.bbox));
    let top = match opinion.map(|o| &o.top) {
        None => {
            ui.label(RichText::new("asking…").color(p.weak));
            return;
        }
        Some(Err(why)) => return text::problem(ui, why, true),
        Some(Ok(top)) => top,
    };
    let own =
        scene.model.observer.as_ref().and_then(|o| o.map.outputs.get(dataset.class_of(key.image).index()).copied());
    for (output, probability) in top {
        let title = output_title(*output, dataset, scene);
        let height = 18.0;
        let (rect, row) = ui.allocate_exact_size(Vec2::new(ui.available_width(), height), Sense::hover());
        let words = format!("{title}: {}", text::percent(*probability));
        row.widget_info(|| WidgetInfo::labeled(Role::Label, true, &words));
        let bar = Rect::from_min_size(rect.min, Vec2::new(rect.width() * probability.clamp(0.0, 1.0), height - 3.0));
        let color = if Some(*output) == own { p.good } else { p.quiet_box };
        ui.painter().rect_filled(bar, 2.0, color.gamma_multiply(0.35));
        let inner = Rect::from_min_max(pos2(rect.left() + 4.0, rect.top()), rect.max);
        text::line(ui, inner, &words, (TextStyle::Small, p.text));
        row.on_hover_text(words);
    }
}
