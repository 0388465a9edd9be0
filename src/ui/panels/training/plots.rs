//! Loss, accuracy and learning rate over epochs: painted by egui_plot from the numbers of [`crate::core::chart`].

use eframe::egui::{self, Color32, Id, PopupAnchor, Rangef, Response, RichText, Tooltip, Ui, Vec2, Vec2b};
use egui_plot::{FilledArea, GridInput, GridMark, Line as Curve, LineStyle, Plot, PlotPoints, PlotUi, Points, VLine};

use crate::core::chart::{Chart, Line, Sample, Style, nearest, ticks};
use crate::ui::theme::{Palette, palette};

/// What a plot needs besides its chart.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// Size of the plot with its axes.
    pub size: Vec2,
    /// Back to all epochs and values.
    pub reset: bool,
    /// The training that is pointed at elsewhere.
    pub highlighted: Option<&'a str>,
    /// The epoch under the pointer, in whichever plot it is.
    pub epoch: Option<f64>,
}

/// Share of a mark's distance in [`GridInput::base_step_size`], which stands for 8 points.
const POINT: f64 = 1.0 / 8.0;

/// Shows a chart; returns the epoch under the pointer.
pub fn show(ui: &mut Ui, (number, chart): (usize, &Chart), look: Look<'_>) -> Option<f64> {
    let p = palette(ui.visuals());
    let log = chart.log;
    let mut plot = Plot::new(("training", number, log))
        .link_axis(Id::unique("epochs"), Vec2b::new(true, false))
        .width(look.size.x)
        .height(look.size.y)
        .allow_scroll(false)
        .show_x(false)
        .show_y(false)
        .show_crosshair(false)
        .grid_color(p.line)
        .grid_fade(0.0)
        .grid_spacing(Rangef::new(8.0, 60.0))
        .set_margin_fraction(Vec2::new(0.015, 0.06))
        .y_axis_min_width(46.0)
        .x_grid_spacer(|input| epochs(&input))
        .y_grid_spacer(move |input| values(&input, log))
        .x_axis_formatter(|mark, _| mark.value.to_string())
        .y_axis_formatter(move |mark, _| ticks::label(if log { 10_f64.powf(mark.value) } else { mark.value }));
    if look.reset {
        plot = plot.reset();
    }
    if !ui.visuals().dark_mode {
        // The wells of the light theme are grey; curves are clearer on its lightest ground.
        ui.visuals_mut().extreme_bg_color = p.ground;
    }
    let shown = plot.show(ui, |plot| {
        wheel(plot);
        chart.lines.iter().enumerate().for_each(|(i, line)| band(plot, chart, (i, line), p));
        let order = |line: &&Line| look.highlighted == Some(line.name.as_str());
        let (front, back): (Vec<&Line>, Vec<&Line>) = chart.lines.iter().partition(order);
        for (i, line) in back.into_iter().chain(front).enumerate() {
            self::line(plot, chart, (i, line), (p, look.highlighted));
        }
        if let Some(epoch) = look.epoch {
            plot.vline(VLine::new("pointer", epoch).color(p.weak).width(1.0));
        }
        let over = plot.response().hovered() && !plot.response().dragged();
        plot.pointer_coordinate().filter(|_| over).map(|at| at.x)
    });
    let under = shown.inner.and_then(|x| nearest_epoch(chart, x));
    let label = format!("{} by epoch: {} lines", chart.title, chart.lines.len());
    shown.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &label));
    if let Some(epoch) = under {
        values_at(ui, &shown.response, chart, epoch);
    }
    under
}

/// The epoch nearest to a place on the axis that any line has.
fn nearest_epoch(chart: &Chart, x: f64) -> Option<f64> {
    let near = chart.lines.iter().filter_map(|l| nearest(&l.samples, x)).map(|s| f64::from(s.epoch));
    near.min_by(|a, b| (a - x).abs().total_cmp(&(b - x).abs()))
}

/// The wheel zooms around the pointer.
pub(in crate::ui::panels) fn wheel(plot: &mut PlotUi<'_>) {
    if !plot.response().hovered() {
        return;
    }
    let turned = plot.ctx().input(|i| if i.modifiers.command { 0.0 } else { i.smooth_scroll_delta.y });
    if turned != 0.0 {
        plot.zoom_bounds_around_hovered(Vec2::splat((turned / 300.0).exp()));
    }
}

fn colour(line: &Line, p: &Palette) -> Color32 {
    p.curves[line.colour % p.curves.len()]
}

/// One standard deviation on either side.
fn band(plot: &mut PlotUi<'_>, chart: &Chart, (number, line): (usize, &Line), p: &Palette) {
    let edges = chart.edges(line);
    if edges.is_empty() {
        return;
    }
    let (xs, ranges): (Vec<f64>, Vec<(f64, f64)>) = edges.into_iter().unzip();
    let (low, high): (Vec<f64>, Vec<f64>) = ranges.into_iter().unzip();
    let fill = colour(line, p).gamma_multiply(0.2);
    plot.add(FilledArea::new(&line.name, &xs, &low, &high).id(("band", number)).fill_color(fill));
}

fn line(
    plot: &mut PlotUi<'_>,
    chart: &Chart,
    (number, line): (usize, &Line),
    (p, highlighted): (&Palette, Option<&str>),
) {
    let place = |s: &Sample| chart.place(s.mean).map(|y| [f64::from(s.epoch), y]);
    let full = colour(line, p);
    let in_front = highlighted == Some(line.name.as_str());
    let shade = if highlighted.is_some() && !in_front { full.gamma_multiply(0.35) } else { full };
    let shade = if line.style == Style::Dashed { shade.gamma_multiply(0.7) } else { shade };
    let wide = if in_front { 1.0 } else { 0.0 };
    let add = |plot: &mut PlotUi<'_>, samples: &[Sample], id: &str, (color, width): (Color32, f32)| {
        let points: PlotPoints<'_> = samples.iter().filter_map(place).collect();
        let style = match line.style {
            Style::Dashed => LineStyle::dashed_dense(),
            // More runs than colours: the second of a colour is dotted.
            _ if (line.colour / p.curves.len()) % 2 == 1 => LineStyle::dotted_dense(),
            _ => LineStyle::Solid,
        };
        plot.line(Curve::new(&line.name, points).id((id, number)).color(color).width(width).style(style));
    };
    if !line.raw.is_empty() {
        add(plot, &line.raw, "raw", (shade.gamma_multiply(0.28), 1.0));
    }
    let width = if line.style == Style::Dashed { 1.2 } else { 2.0 };
    add(plot, &line.samples, "line", (shade, width + wide));
    if line.style == Style::Marked && line.samples.len() <= 60 || line.samples.len() == 1 {
        let points: PlotPoints<'_> = line.samples.iter().filter_map(place).collect();
        let radius = 2.8 + wide;
        plot.points(Points::new(&line.name, points).id(("points", number)).color(shade).radius(radius));
    }
}

/// Marks at whole numbers.
pub(in crate::ui::panels) fn epochs(input: &GridInput) -> Vec<GridMark> {
    let least = input.base_step_size * POINT * 64.0;
    let mark = |value| GridMark { value, step_size: ticks::step(least).max(1.0) };
    ticks::whole(input.bounds.0.max(0.0), input.bounds.1, least).into_iter().map(mark).collect()
}

/// Marks at round values, or at their logarithms.
pub(in crate::ui::panels) fn values(input: &GridInput, log: bool) -> Vec<GridMark> {
    let (low, high) = input.bounds;
    let least = input.base_step_size * POINT * 32.0;
    if !log {
        let mark = |value| GridMark { value, step_size: ticks::step(least) };
        return ticks::even(low, high, least).into_iter().map(mark).collect();
    }
    let mark = |value: f64| GridMark { value: value.log10(), step_size: least.max(input.base_step_size * 4.0) };
    ticks::logarithmic(low, high, least).into_iter().map(mark).collect()
}

/// Every training's value at an epoch, beside the pointer.
fn values_at(ui: &Ui, response: &Response, chart: &Chart, epoch: f64) {
    let p = palette(ui.visuals());
    let id = response.id.with("values");
    let tip = Tooltip::always_open(ui.ctx().clone(), response.layer_id, id, PopupAnchor::Pointer);
    let mut names: Vec<(&str, usize)> = Vec::new();
    for line in &chart.lines {
        if !names.contains(&(&line.name, line.colour)) {
            names.push((&line.name, line.colour));
        }
    }
    let both = chart.lines.iter().any(|l| l.style == Style::Dashed);
    let weak = |ui: &mut Ui, words: &str| ui.label(RichText::new(words).color(p.weak).small());
    tip.gap(14.0).show(|ui| {
        ui.set_max_width(560.0);
        egui::Grid::new("values").num_columns(3).spacing([14.0, 2.0]).show(ui, |ui| {
            weak(ui, &format!("epoch {epoch}"));
            if both {
                weak(ui, "evaluated");
                weak(ui, "training images");
            } else {
                weak(ui, chart.title);
            }
            ui.end_row();
            for (name, number) in names {
                ui.label(RichText::new(name).color(p.curves[number % p.curves.len()]));
                let of = |dashed: bool| {
                    let line = |l: &&Line| l.name == name && l.colour == number && (l.style == Style::Dashed) == dashed;
                    chart
                        .lines
                        .iter()
                        .find(line)
                        .and_then(|l| Some(said(nearest(&l.samples, epoch)?, (l.style, epoch))))
                };
                ui.label(of(false).unwrap_or_default());
                if both {
                    ui.label(of(true).unwrap_or_default());
                }
                ui.end_row();
            }
        });
    });
}

/// "51.50 ± 0.40", and the epoch where it is another one.
fn said(sample: &Sample, (style, epoch): (Style, f64)) -> String {
    let number = |v: f64| match style {
        Style::Solid if v != 0.0 && v.abs() < 1e-3 => format!("{v:.2e}"),
        Style::Solid => format!("{v:.4}"),
        _ => format!("{v:.2}"),
    };
    let mut words = number(sample.mean);
    if sample.seeds > 1 && (sample.std > 0.0 || style != Style::Solid) {
        words.push_str(&format!(" ± {}", number(sample.std)));
    }
    if f64::from(sample.epoch) != epoch {
        words.push_str(&format!("  (epoch {})", sample.epoch));
    }
    words
}
