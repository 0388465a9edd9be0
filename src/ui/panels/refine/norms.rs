//! How far the input of each batch norm is from what its running statistics remember.

use eframe::egui::{self, RichText, Role, Ui, Vec2, WidgetInfo};
use egui_plot::{Bar as Column, BarChart, GridMark, Plot};

use crate::core::chart::bars::{Bar, Bars};
use crate::core::chart::colours::on_white;
use crate::core::chart::{svg, ticks};
use crate::ui::panels::controls::{save, saved};
use crate::ui::panels::scene::Scene;
use crate::ui::panels::training::plots::values;
use crate::ui::theme::palette;
use crate::ui::widgets::text;

/// What the bars are called that can be saved.
const NORMS: &str = "the batch norms";

/// Shows a bar for each layer, of the last look at a batch.
pub(super) fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    let p = palette(ui.visuals());
    let refine = &scene.model.refine;
    let norms = refine.live.as_ref().map_or(&[][..], |live| &live.preview.refining.norms);
    if norms.is_empty() {
        let words = match &refine.live {
            Some(live) if live.preview.recipe.method.compensation().is_some() => {
                "LIC looks at features and at no batch norms: SRe2L and CDA do."
            }
            Some(live) if live.preview.refining.iteration > 0 => "The statistics have no weight: nothing was measured.",
            _ => "Bars come with the first step of SRe2L or CDA.",
        };
        ui.add(egui::Label::new(RichText::new(words).color(p.weak)).wrap());
        return;
    }
    let sum: f64 = norms.iter().sum();
    let words = format!("{} in order of execution, unweighted; sum {}", layers(norms.len()), text::loss(sum as f32));
    ui.horizontal_wrapped(|ui| {
        save(ui, ("CSV", NORMS, "batch-norms.csv"), scene, || bars(norms).csv());
        save(ui, ("SVG", NORMS, "batch-norms.svg"), scene, || svg::bars(&bars(norms), &on_white()).document());
        saved(ui, scene, &[NORMS]);
    });
    let label = ui.add(egui::Label::new(RichText::new(words).color(p.weak)).truncate());
    label.on_hover_text(
        "|mean − running mean| + |variance − running variance| of what each batch norm sees, not squared",
    );
    plot(ui, norms);
}

fn plot(ui: &mut Ui, norms: &[f64]) {
    let p = palette(ui.visuals());
    if !ui.visuals().dark_mode {
        ui.visuals_mut().extreme_bg_color = p.ground;
    }
    let count = norms.len() as f64;
    let shown = Plot::new(("batch norms", norms.len()))
        .width(ui.available_width())
        .height(ui.available_height().max(90.0))
        .allow_scroll(false)
        .allow_drag(false)
        .allow_zoom(false)
        .show_crosshair(false)
        .grid_color(p.line)
        .grid_fade(0.0)
        .set_margin_fraction(Vec2::new(0.015, 0.06))
        .include_x(0.5)
        .include_x(count + 0.5)
        .include_y(0.0)
        .y_axis_min_width(46.0)
        .x_grid_spacer(move |input| {
            let mark = |value| GridMark { value, step_size: 1.0_f64.max(ticks::step(input.base_step_size * 4.0)) };
            ticks::whole(1.0, count, input.base_step_size * 4.0).into_iter().map(mark).collect()
        })
        .y_grid_spacer(|input| values(&input, false))
        .x_axis_formatter(|mark, _| mark.value.to_string())
        .y_axis_formatter(|mark, _| ticks::label(mark.value))
        .show(ui, |plot| {
            let bar =
                |(layer, value): (u32, &f64)| Column::new(f64::from(layer), *value).name(format!("layer {layer}"));
            let bars = (1..).zip(norms).map(bar).collect();
            let chart = BarChart::new("batch norms", bars).color(p.curves[0]).width(0.8);
            plot.bar_chart(
                chart.element_formatter(Box::new(|bar, _| format!("{}: {}", bar.name, text::loss(bar.value as f32)))),
            );
        });
    let label = format!("Batch-norm mismatch of {}", layers(norms.len()));
    shown.response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &label));
}

/// As they are saved, a bar for each layer.
fn bars(norms: &[f64]) -> Bars {
    let bar = |(layer, value): (u32, &f64)| Bar { name: format!("layer {layer}"), colour: 0, values: vec![*value] };
    Bars { quantity: "Batch-norm mismatch".to_owned(), bars: (1..).zip(norms).map(bar).collect() }
}

fn layers(count: usize) -> String {
    text::count(count, "layer", "layers")
}
