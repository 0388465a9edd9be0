//! Charts of trainings, one below the other.

use std::fmt::Write as _;

use super::super::{Chart, Line, Sample, Style, ticks};
use super::{APART, Canvas, HEIGHT, LEFT, MARGIN, Picture, WIDTH, colour};
use crate::core::formats::markup::escaped;

/// Below a chart, for its ticks.
const BELOW: f64 = 30.0;

/// The charts one below the other. `colours` are CSS colours by a line's number; they are taken in turn where there are
/// more numbers. Elements are named with `prefix`, so that several pictures can be on one page.
#[must_use]
pub fn lines(charts: &[Chart], colours: &[String], prefix: &str) -> Picture {
    let mut drawing = Drawing { canvas: Canvas::default(), colours, prefix: escaped(prefix) };
    let mut top = drawing.legend(charts, MARGIN);
    let charts: Vec<&Chart> = charts.iter().filter(|c| !c.lines.is_empty()).collect();
    for (i, chart) in charts.iter().enumerate() {
        drawing.chart(chart, (i, top), i + 1 == charts.len());
        top += HEIGHT + BELOW + 14.0;
    }
    drawing.canvas.picture((WIDTH, top + MARGIN))
}

/// Where a chart's values lie in the picture.
#[derive(Clone, Copy, Debug)]
struct Frame {
    top: f64,
    /// Greatest epoch.
    epochs: f64,
    /// Least and greatest place on the chart's scale.
    range: (f64, f64),
}

impl Frame {
    fn of(chart: &Chart, top: f64) -> Self {
        let edges = |l: &Line| {
            let drawn = l.samples.iter().filter_map(|s| chart.band(s));
            let raw = l.raw.iter().filter_map(|s| chart.place(s.mean).map(|p| (p, p)));
            drawn.chain(raw).collect::<Vec<_>>()
        };
        let of_all = |(low, high): (f64, f64), (a, b): (f64, f64)| (low.min(a), high.max(b));
        let (low, high) = chart.lines.iter().flat_map(edges).fold((f64::INFINITY, f64::NEG_INFINITY), of_all);
        let (low, high) = if low <= high { (low, high) } else { (0.0, 1.0) };
        let room = if high > low { (high - low) * 0.05 } else { high.abs().max(1.0) * 0.05 };
        Self { top, epochs: f64::from(chart.last_epoch().max(2)), range: (low - room, high + room) }
    }

    fn x(&self, epoch: f64) -> f64 {
        let right = WIDTH - MARGIN;
        LEFT + (epoch - 1.0) / (self.epochs - 1.0) * (right - LEFT)
    }

    fn y(&self, place: f64) -> f64 {
        self.top + (self.range.1 - place) / (self.range.1 - self.range.0) * HEIGHT
    }
}

struct Drawing<'a> {
    canvas: Canvas,
    colours: &'a [String],
    prefix: String,
}

impl Drawing<'_> {
    fn push(&mut self, line: std::fmt::Arguments<'_>) {
        self.canvas.push(line);
    }

    fn colour(&self, number: usize) -> String {
        colour(self.colours, number)
    }

    /// The runs' names in their colours; returns where the charts begin.
    fn legend(&mut self, charts: &[Chart], top: f64) -> f64 {
        let mut runs: Vec<(&str, usize)> = Vec::new();
        for line in charts.iter().flat_map(|c| &c.lines) {
            if !runs.contains(&(&line.name, line.colour)) {
                runs.push((&line.name, line.colour));
            }
        }
        let names: Vec<_> = runs.into_iter().map(|(name, number)| (name, self.colour(number))).collect();
        self.canvas.legend(names, top)
    }

    fn chart(&mut self, chart: &Chart, (number, top): (usize, f64), last: bool) {
        let frame = Frame::of(chart, top);
        let (right, bottom) = (WIDTH - MARGIN, top + HEIGHT);
        let (width, prefix) = (right - LEFT, self.prefix.clone());
        self.push(format_args!("<g id=\"{prefix}chart-{number}\"><title>{}</title>", escaped(chart.title)));
        self.push(format_args!(
            "<clipPath id=\"{prefix}clip-{number}\"><rect x=\"{LEFT}\" y=\"{top}\" width=\"{width}\" height=\"{HEIGHT}\"/></clipPath>"
        ));
        self.axes(chart, &frame);
        self.push(format_args!(
            "<g clip-path=\"url(#{prefix}clip-{number})\" fill=\"none\" stroke-linejoin=\"round\">"
        ));
        chart.lines.iter().for_each(|line| self.band(chart, line, &frame));
        chart.lines.iter().for_each(|line| self.line(chart, line, &frame));
        self.push(format_args!("</g>"));
        self.push(format_args!(
            "<rect x=\"{LEFT}\" y=\"{top}\" width=\"{width}\" height=\"{HEIGHT}\" fill=\"none\" stroke=\"#888\"/>"
        ));
        self.canvas.upwards((MARGIN + 4.0, top + HEIGHT / 2.0), chart.title);
        if last {
            let x = (LEFT + right) / 2.0;
            let (y, unit) = (bottom + 32.0, escaped(chart.unit));
            self.push(format_args!("<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{unit}</text>"));
        }
        self.push(format_args!("</g>"));
    }

    fn axes(&mut self, chart: &Chart, frame: &Frame) {
        let (right, bottom) = (WIDTH - MARGIN, frame.top + HEIGHT);
        for epoch in ticks::whole(1.0, frame.epochs, APART.0 / (right - LEFT) * (frame.epochs - 1.0)) {
            let x = frame.x(epoch);
            self.push(format_args!(
                "<path d=\"M{x:.2},{:.2}V{bottom:.2}\" stroke=\"#e4e4e4\"/><text x=\"{x:.2}\" y=\"{:.2}\" \
                 text-anchor=\"middle\">{epoch}</text>",
                frame.top,
                bottom + 15.0
            ));
        }
        let (low, high) = frame.range;
        let least = APART.1 / HEIGHT * (high - low);
        let values = if chart.log { ticks::logarithmic(low, high, least) } else { ticks::even(low, high, least) };
        for value in values {
            let Some(y) = chart.place(value).map(|p| frame.y(p)) else { continue };
            self.canvas.value_line(y, &ticks::label(value));
        }
    }

    /// One standard deviation on either side.
    fn band(&mut self, chart: &Chart, line: &Line, frame: &Frame) {
        let edges = chart.edges(line);
        if edges.is_empty() {
            return;
        }
        let edges: Vec<_> = edges.into_iter().map(|(epoch, range)| (frame.x(epoch), range)).collect();
        let upper = edges.iter().map(|(x, (_, high))| (*x, frame.y(*high)));
        let lower = edges.iter().rev().map(|(x, (low, _))| (*x, frame.y(*low)));
        let path = path(upper.chain(lower));
        let colour = self.colour(line.colour);
        self.push(format_args!("<path class=\"band\" d=\"{path}Z\" fill=\"{colour}\" fill-opacity=\"0.18\"/>"));
    }

    fn line(&mut self, chart: &Chart, line: &Line, frame: &Frame) {
        let at = |s: &Sample| chart.place(s.mean).map(|p| (frame.x(f64::from(s.epoch)), frame.y(p)));
        let colour = self.colour(line.colour);
        if !line.raw.is_empty() {
            let path = path(line.raw.iter().filter_map(at));
            self.push(format_args!("<path class=\"raw\" d=\"{path}\" stroke=\"{colour}\" stroke-opacity=\"0.3\"/>"));
        }
        let name = escaped(&line.name);
        let (dashes, width) = if line.style == Style::Dashed { (" stroke-dasharray=\"5 4\"", 1.1) } else { ("", 1.8) };
        let path = path(line.samples.iter().filter_map(at));
        self.push(format_args!(
            "<path class=\"line\" d=\"{path}\" stroke=\"{colour}\" stroke-width=\"{width}\"{dashes}><title>{name}</title></path>"
        ));
        // Few samples are marked, so that it shows where something was measured; a single one is no line at all.
        if line.style == Style::Marked && line.samples.len() <= 60 || line.samples.len() == 1 {
            for (sample, (x, y)) in line.samples.iter().filter_map(|s| Some((s, at(s)?))) {
                let said = said(sample);
                self.push(format_args!(
                    "<circle cx=\"{x:.2}\" cy=\"{y:.2}\" r=\"3\" fill=\"{colour}\"><title>{name}: {said}</title></circle>"
                ));
            }
        }
    }
}

/// A sample in words.
fn said(sample: &Sample) -> String {
    let spread =
        if sample.seeds > 1 { format!(" ± {:.4} ({} seeds)", sample.std, sample.seeds) } else { String::new() };
    format!("epoch {}: {:.4}{spread}", sample.epoch, sample.mean)
}

/// A path through points.
fn path(points: impl Iterator<Item = (f64, f64)>) -> String {
    let mut path = String::new();
    for (i, (x, y)) in points.enumerate() {
        // Writing to a String cannot fail.
        let _ = write!(path, "{}{x:.2},{y:.2}", if i == 0 { 'M' } else { 'L' });
    }
    path
}

#[cfg(test)]
mod tests {
    use super::super::tests::assert_well_formed;
    use super::super::write;
    use super::*;
    use crate::core::chart::{Quantity, charts};
    use crate::core::chart::{Run, View};
    use crate::core::train::curve::{Curve, Point};

    fn run(losses: &[f64]) -> Vec<Curve> {
        let point = |(epoch, loss): (u32, &f64)| Point {
            epoch,
            loss: *loss,
            train_top1: 50.0,
            rate: 1e-3,
            evaluated: (epoch == 2).then_some((61.5, 99.0)),
            seconds: 1.0,
        };
        let of = |seed: u64, by: f64| {
            let losses: Vec<f64> = losses.iter().map(|l| l + by).collect();
            Curve { seed, points: (0..).zip(&losses).map(point).collect(), confusion: None }
        };
        vec![of(0, 0.1), of(1, -0.1)]
    }

    /// The points of the first path of a class.
    fn points(text: &str, class: &str) -> Vec<(f64, f64)> {
        let start = text.find(&format!("class=\"{class}\" d=\"M")).unwrap();
        let path = text[start..].split("d=\"M").nth(1).unwrap().split('"').next().unwrap();
        let point = |p: &str| {
            let (x, y) = p.split_once(',').unwrap();
            (x.parse().unwrap(), y.parse().unwrap())
        };
        path.trim_end_matches('Z').split('L').map(point).collect()
    }

    #[test]
    fn the_picture_is_well_formed_and_holds_the_numbers() {
        let (losses, view) = ([2.0, 1.0, 0.5], View { smoothing: 0.0, log_loss: true, train_top1: true });
        let curves = run(&losses);
        let run = Run { name: "<odd> \"name\" & \u{7}co", colour: 9, curves: &curves };
        let charts = charts(&[run], &view);
        let text = write(&charts, &["#0072b2".to_owned(), "#d55e00".to_owned()]);
        assert_well_formed(&text);
        assert!(text.contains("&lt;odd&gt; &quot;name&quot; &amp; \u{fffd}co") && text.contains("#d55e00"));
        assert!(text.contains("epoch 3: 61.5000 ± 0.0000 (2 seeds)"));
        // Back from the picture to the numbers: the place is the logarithm, one hundredth of a pixel is what is lost.
        let top = text.split("clip-0\"><rect x=\"72\" y=\"").nth(1).unwrap().split('"').next().unwrap();
        let frame = Frame::of(&charts[0], top.parse().unwrap());
        let loss = |y: f64| {
            let place = frame.range.1 - (y - frame.top) / HEIGHT * (frame.range.1 - frame.range.0);
            charts[0].value(place)
        };
        let line = points(&text, "line");
        assert_eq!(line.len(), losses.len());
        for ((x, y), (epoch, wanted)) in line.iter().zip((1..).zip(losses)) {
            assert!((x - frame.x(f64::from(epoch))).abs() < 0.01 && (loss(*y) / wanted - 1.0).abs() < 1e-3, "{x} {y}");
        }
        // There and back along the band: mean + std, mean − std, with the standard deviation √0.02 of ±0.1.
        let band = points(&text, "band");
        assert_eq!(band.len(), 2 * losses.len());
        let std = 0.02_f64.sqrt();
        assert!(
            (loss(band[0].1) / (2.0 + std) - 1.0).abs() < 1e-3 && (loss(band[5].1) / (2.0 - std) - 1.0).abs() < 1e-3
        );
    }

    #[test]
    fn charts_without_lines_or_with_one_sample_are_pictures_too() {
        let view = View { smoothing: 0.5, log_loss: false, train_top1: false };
        assert_well_formed(&write(&charts(&[], &view), &[]));
        let curves = [Curve { seed: 0, points: run(&[1.0])[0].points.clone(), confusion: None }];
        let charts = charts(&[Run { name: "one", colour: 0, curves: &curves }], &view);
        assert_eq!(charts[0].lines[0].quantity, Quantity::Loss);
        let text = write(&charts, &[]);
        assert_well_formed(&text);
        assert!(text.contains("epoch 1: 1.1000") && !text.contains("NaN") && !text.contains("inf"), "{text}");
    }
}
