//! The shown trainings side by side, as a paper's table would have them: the mean top-1 of each as a bar, one standard
//! deviation as its whisker, every seed as a dot.

use eframe::egui::{self, Align2, Pos2, Rect, Role, Sense, Stroke, TextStyle, Ui, Vec2, WidgetInfo};

use crate::core::chart::bars::{Bar, Bars};
use crate::core::chart::{colours, svg, ticks};
use crate::core::train::curve::{Curve, mean_and_std, top1s};
use crate::ui::panels::controls::{save, saved};
use crate::ui::panels::scene::Scene;
use crate::ui::theme::{Palette, palette};
use crate::ui::widgets::text;

/// Least and greatest height of a row, and the share of it that the bar takes.
const ROW: (f32, f32) = (34.0, 72.0);
const BAR: f32 = 0.4;
/// Room for the widest value, "100.00 ± 10.00".
const VALUE: f32 = 118.0;
/// Room for the axis' labels.
const AXIS: f32 = 24.0;

/// A training's accuracy over its seeds.
struct Accuracy<'a> {
    name: &'a str,
    colour: usize,
    /// Best of the evaluated epochs, of each seed.
    best: Vec<f64>,
    /// Mean and standard deviation of the best, and of the last epoch.
    of_best: (f64, f64),
    of_last: Option<(f64, f64)>,
}

impl<'a> Accuracy<'a> {
    fn of((name, colour): (&'a str, usize), curves: &[Curve]) -> Option<Self> {
        let best = top1s(curves, Curve::best);
        Some(Self {
            name,
            colour,
            of_best: mean_and_std(&best)?,
            of_last: mean_and_std(&top1s(curves, Curve::last)),
            best,
        })
    }

    /// "51.57 ± 1.04", without a spread for a single seed.
    fn value(&self) -> String {
        let (mean, std) = self.of_best;
        if self.best.len() > 1 { format!("{mean:.2} ± {std:.2}") } else { format!("{mean:.2}") }
    }

    fn tip(&self) -> String {
        let seeds: Vec<String> = self.best.iter().map(|v| format!("{v:.2}")).collect();
        let last = self
            .of_last
            .map_or_else(String::new, |(mean, std)| format!("\nafter the last epoch: {mean:.2} ± {std:.2} %"));
        format!(
            "{}\nbest of the evaluated epochs: {} %\neach seed: {}{last}",
            self.name,
            self.value(),
            seeds.join(", ")
        )
    }
}

/// What is compared, and what it is called where it is saved.
const TITLE: &str = "Top-1 accuracy (%), best of the evaluated epochs";
const COMPARISON: &str = "the comparison";

/// The accuracies as they are saved.
fn bars(accuracies: &[Accuracy<'_>]) -> Bars {
    let bar = |of: &Accuracy<'_>| Bar { name: of.name.to_owned(), colour: of.colour, values: of.best.clone() };
    Bars { quantity: TITLE.to_owned(), bars: accuracies.iter().map(bar).collect() }
}

/// Shows the shown trainings in the order of the table.
pub fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    let model = scene.model;
    let accuracies = model.trainings.shown().filter_map(|(_, n, colour)| Accuracy::of((&n.name, colour), &n.curves));
    let accuracies: Vec<Accuracy<'_>> = accuracies.collect();
    if accuracies.is_empty() {
        text::empty(ui, "Nothing to compare yet", "A shown training appears here after its first evaluation.");
        return;
    }
    let p = palette(ui.visuals());
    let font = TextStyle::Body.resolve(ui.style());
    let width = |name: &str| ui.painter().layout_no_wrap(name.to_owned(), font.clone(), p.text).size().x;
    let names = accuracies.iter().map(|o| width(o.name)).fold(60.0, f32::max).min(ui.available_width() * 0.4);
    ui.horizontal_wrapped(|ui| {
        ui.label(egui::RichText::new(TITLE).color(p.text).strong());
        save(ui, ("CSV", COMPARISON, "comparison.csv"), scene, || bars(&accuracies).csv());
        save(ui, ("SVG", COMPARISON, "comparison.svg"), scene, || {
            svg::bars(&bars(&accuracies), &colours::on_white()).document()
        });
        saved(ui, scene, &[COMPARISON]);
    });
    let highest = accuracies.iter().flat_map(|o| o.best.iter().copied().chain([o.of_best.0 + o.of_best.1]));
    let step = ticks::step(highest.fold(1.0, f64::max) / 8.0);
    let top = accuracies.iter().flat_map(|o| o.best.iter().copied()).fold(1.0, f64::max);
    let end = ((top / step).ceil() * step).min(100.0_f64.max(top));
    egui::ScrollArea::vertical().id_salt("comparison").auto_shrink(false).show(ui, |ui| {
        let count = accuracies.len() as f32;
        let height = ((ui.available_height() - AXIS - 8.0) / count).clamp(ROW.0, ROW.1);
        let size = Vec2::new(ui.available_width() - 4.0, height * count + AXIS);
        let (area, _) = ui.allocate_exact_size(size, Sense::hover());
        let bars = Rect::from_min_max(area.min + Vec2::new(names + 14.0, 0.0), area.max - Vec2::new(VALUE, AXIS));
        let scale = Scale { bars, end };
        grid(ui, &scale, step, p);
        for (at, accuracy) in accuracies.iter().enumerate() {
            let top = area.min + Vec2::new(0.0, height * at as f32);
            let rect = Rect::from_min_size(top, Vec2::new(area.width(), height));
            row(ui, (accuracy, rect), &scale, p);
        }
    });
}

/// From percent to points.
struct Scale {
    bars: Rect,
    end: f64,
}

impl Scale {
    fn x(&self, value: f64) -> f32 {
        self.bars.left() + self.bars.width() * (value.clamp(0.0, self.end) / self.end) as f32
    }
}

fn grid(ui: &Ui, scale: &Scale, step: f64, p: &Palette) {
    let font = TextStyle::Small.resolve(ui.style());
    for value in ticks::even(0.0, scale.end, step) {
        let x = scale.x(value);
        ui.painter().vline(x, scale.bars.y_range(), Stroke::new(1.0, p.line));
        let below = Pos2::new(x, scale.bars.bottom() + 4.0);
        ui.painter().text(below, Align2::CENTER_TOP, ticks::label(value), font.clone(), p.weak);
    }
}

fn row(ui: &Ui, (accuracy, rect): (&Accuracy<'_>, Rect), scale: &Scale, p: &Palette) {
    let response = ui.interact(rect, ui.scope_id().with(("compared", accuracy.name, accuracy.colour)), Sense::hover());
    let label = format!("{}: {} %", accuracy.name, accuracy.value());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &label));
    let paint = ui.painter();
    let font = TextStyle::Body.resolve(ui.style());
    let (mean, std) = accuracy.of_best;
    let middle = rect.center().y;
    let colour = p.curves[accuracy.colour % p.curves.len()];
    let names = rect.with_max_x(scale.bars.left() - 10.0);
    let name = text::elided(ui, accuracy.name, names.width(), (TextStyle::Body, p.text));
    paint.galley(Align2::RIGHT_CENTER.align_size_within_rect(name.size(), names).min, name, p.text);
    let half = rect.height() * BAR / 2.0;
    let y = egui::Rangef::new(middle - half, middle + half);
    let bar = Rect::from_x_y_ranges(scale.bars.left()..=scale.x(mean), y);
    paint.rect_filled(bar, 2.0, colour.gamma_multiply(if response.hovered() { 0.75 } else { 0.55 }));
    if accuracy.best.len() > 1 {
        let (low, high) = (scale.x(mean - std), scale.x(mean + std));
        let stroke = Stroke::new(1.5, p.text);
        paint.hline(low..=high, middle, stroke);
        for end in [low, high] {
            paint.vline(end, middle - 5.0..=middle + 5.0, stroke);
        }
        for value in &accuracy.best {
            paint.circle(Pos2::new(scale.x(*value), middle), 3.0, colour, Stroke::new(1.0, p.ground));
        }
    }
    let at = Pos2::new(scale.bars.right() + 12.0, middle);
    paint.text(at, Align2::LEFT_CENTER, accuracy.value(), font, p.text);
    response.on_hover_text(accuracy.tip());
}
