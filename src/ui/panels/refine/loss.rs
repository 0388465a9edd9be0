//! The terms of the loss over the steps.

use eframe::egui::{self, Rangef, RichText, Role, Ui, Vec2, WidgetInfo};
use egui_plot::{HoverPosition, Line as Curve, Plot, PlotPoints};

use crate::core::chart::colours::on_white;
use crate::core::chart::{Chart, Line, Quantity, Sample, Style, svg, ticks};
use crate::core::formats::csv::{Csv, Field};
use crate::jobs::refine::Refining;
use crate::ui::model::refine::{Live, TermCurve};
use crate::ui::panels::controls::{save, saved};
use crate::ui::panels::scene::Scene;
use crate::ui::panels::training::plots::{epochs, values, wheel};
use crate::ui::theme::palette;
use crate::ui::widgets::text;

/// What the terms are called that can be saved.
const TERMS: &str = "the terms of the loss";
/// Terms that differ by more than this share the plot on a logarithmic scale, unless it was chosen otherwise.
const APART: f64 = 20.0;

/// What is remembered of the plot.
#[derive(Default)]
pub(super) struct LossView {
    /// Whether the scale is logarithmic, where the user has chosen.
    log: Option<bool>,
}

/// What a term measures.
fn meaning(name: &str) -> &'static str {
    match name {
        "ce" => "Cross-entropy: how far the observer is from taking the images for their classes",
        "bn" => "Batch norms: how far the batch's means and variances are from those that the observer remembers",
        "tv" => "Total variation: how rough the images are; 0 where it has no weight",
        "l2" => "Norm of the images; 0 where it has no weight",
        "feature" => "How far the features of the enlarged cells are from those of their originals",
        _ => "A term of the loss",
    }
}

/// Whether curves that are above 0 differ by orders of magnitude.
fn apart(curves: &[TermCurve]) -> bool {
    let all = || curves.iter().flat_map(|curve| &curve.points).map(|point| point[1]).filter(|value| *value > 0.0);
    let (least, most) = (all().fold(f64::INFINITY, f64::min), all().fold(0.0, f64::max));
    most > APART * least
}

impl LossView {
    /// Shows the terms of the last look at a batch.
    pub(super) fn show(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        let p = palette(ui.visuals());
        let Some(live) = &scene.model.refine.live else {
            let words = "Curves are shown while images are moved, and stay until another dataset is opened.";
            ui.add(egui::Label::new(RichText::new(words).color(p.weak)).wrap());
            return;
        };
        let mut log = self.log.unwrap_or_else(|| apart(&live.curves));
        ui.horizontal_wrapped(|ui| {
            legend(ui, &live.curves);
            let check = ui.checkbox(&mut log, "log scale");
            if check.on_hover_text("Powers of ten at equal distances; values of 0 are left out").changed() {
                self.log = Some(log);
            }
            save(ui, ("CSV", TERMS, "loss-terms.csv"), scene, || csv(&live.preview.refining));
            save(ui, ("SVG", TERMS, "loss-terms.svg"), scene, || svg::write(&[chart(live, log)], &on_white()));
            saved(ui, scene, &[TERMS]);
        });
        plot(ui, live, log);
    }
}

/// Each term in its colour, with its last value.
fn legend(ui: &mut Ui, curves: &[TermCurve]) {
    let p = palette(ui.visuals());
    for (number, curve) in curves.iter().enumerate() {
        let colour = p.curves[number % p.curves.len()];
        let value = if curve.points.is_empty() { String::new() } else { format!(" {}", text::loss(curve.last as f32)) };
        let label = ui.label(RichText::new(format!("{}{value}", curve.name)).color(colour));
        label.on_hover_text(format!("{}. Its weight is in it", meaning(curve.name)));
    }
}

fn plot(ui: &mut Ui, live: &Live, log: bool) {
    let p = palette(ui.visuals());
    if !ui.visuals().dark_mode {
        // The wells of the light theme are grey; curves are clearer on its lightest ground.
        ui.visuals_mut().extreme_bg_color = p.ground;
    }
    let steps = f64::from(live.preview.refining.iterations);
    let shown = Plot::new(("loss terms", log))
        .width(ui.available_width())
        .height(ui.available_height().max(90.0))
        .allow_scroll(false)
        .show_crosshair(false)
        .grid_color(p.line)
        .grid_fade(0.0)
        .grid_spacing(Rangef::new(8.0, 60.0))
        .set_margin_fraction(Vec2::new(0.015, 0.06))
        .include_x(1.0)
        .include_x(steps)
        .y_axis_min_width(46.0)
        .x_grid_spacer(|input| epochs(&input))
        .y_grid_spacer(move |input| values(&input, log))
        .x_axis_formatter(|mark, _| mark.value.to_string())
        .y_axis_formatter(move |mark, _| ticks::label(if log { 10_f64.powf(mark.value) } else { mark.value }))
        .label_formatter(move |near| match near {
            HoverPosition::NearDataPoint { plot_name, position, .. } => {
                let value = if log { 10_f64.powf(position.y) } else { position.y };
                Some(format!("{plot_name} {}\nstep {:.0}", text::loss(value as f32), position.x))
            }
            HoverPosition::Elsewhere { .. } => None,
        })
        .show(ui, |plot| {
            wheel(plot);
            for (number, curve) in live.curves.iter().enumerate() {
                let place = |point: &[f64; 2]| match log {
                    true => (point[1] > 0.0).then(|| [point[0], point[1].log10()]),
                    false => Some(*point),
                };
                let points: PlotPoints<'_> = curve.points.iter().filter_map(place).collect();
                let colour = p.curves[number % p.curves.len()];
                plot.line(Curve::new(curve.name, points).id(("term", number)).color(colour).width(2.0));
            }
        });
    let label = format!("Loss by step: {}", text::count(live.curves.len(), "term", "terms"));
    shown.response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &label));
}

/// The terms as a chart, as they are shown.
fn chart(live: &Live, log: bool) -> Chart {
    let sample = |point: &[f64; 2]| Sample { epoch: point[0] as u32, mean: point[1], std: 0.0, seeds: 1 };
    let line = |(colour, curve): (usize, &TermCurve)| Line {
        name: curve.name.to_owned(),
        colour,
        style: Style::Solid,
        quantity: Quantity::Loss,
        samples: curve.points.iter().map(sample).collect(),
        raw: Vec::new(),
    };
    Chart { title: "Loss", unit: "steps", log, lines: live.curves.iter().enumerate().map(line).collect() }
}

/// A line for each step, with all terms.
fn csv(refining: &Refining) -> String {
    let mut table = Csv::new(std::iter::once("step").chain(refining.names.iter().copied()));
    for (step, terms) in (1_usize..).zip(refining.terms.chunks_exact(refining.names.len().max(1))) {
        table.row(std::iter::once(Field::from(step)).chain(terms.iter().map(|&value| Field::from(value))));
    }
    table.into_text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_of_other_magnitudes_share_a_logarithmic_scale() {
        let curve = |name, value| TermCurve { name, points: vec![[1.0, value], [2.0, 2.0 * value]], last: value };
        assert!(apart(&[curve("ce", 2.0), curve("bn", 100.0)]));
        assert!(!apart(&[curve("ce", 2.0), curve("bn", 3.0), curve("tv", 0.0)]), "nothing has no magnitude");
        assert!(!apart(&[]));
    }
}
