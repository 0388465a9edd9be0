//! Histograms: stacked bars over a scale, and bars beside it for what has no place there.

use super::super::histogram::{Histogram, Series};
use super::super::ticks;
use super::{APART, Canvas, HEIGHT, LEFT, MARGIN, Picture, Spot, WIDTH, colour};
use crate::core::formats::markup::escaped;

/// Width of a bar beside the scale, and its distance from it.
const ASIDE: f64 = 44.0;
const GAP: f64 = 14.0;
/// Below a chart, for its ticks, its title and a line about what is missing.
const BELOW: f64 = 58.0;

/// Where the bars lie.
struct Frame {
    top: f64,
    /// Ends of the scale.
    left: f64,
    right: f64,
    /// What the highest bar stands for.
    most: f64,
}

impl Frame {
    fn y(&self, height: f64) -> f64 {
        self.top + HEIGHT * (1.0 - height / self.most)
    }

    fn bottom(&self) -> f64 {
        self.top + HEIGHT
    }
}

/// A bar: where it stands, what it says, and the values of each series.
struct Bar {
    x: (f64, f64),
    said: String,
    counts: Vec<u64>,
}

/// A histogram. `colours` are CSS colours by a series' number; they are taken in turn where there are more.
#[must_use]
pub fn histogram(chart: &Histogram, colours: &[String]) -> Picture {
    let mut canvas = Canvas::default();
    let several = chart.series.iter().filter(|_| chart.series.len() > 1);
    let top = canvas.legend(several.map(|s| (s.name.as_str(), colour(colours, s.colour))), MARGIN);
    let bars = bars(chart);
    let frame = frame(chart, top, &bars);
    counts(&mut canvas, chart, &frame);
    if chart.overlaid {
        outlines(&mut canvas, chart, &frame, (&bars, colours));
    } else {
        bars.iter().for_each(|bar| stack(&mut canvas, chart, &frame, (bar, colours)));
    }
    scale(&mut canvas, chart, &frame);
    canvas.picture((WIDTH, frame.bottom() + BELOW + MARGIN))
}

/// The ends of the scale: there are bars beside it only where something has no place on it.
fn ends(chart: &Histogram) -> (f64, f64) {
    let (below, above, _) = chart.outside();
    let room = |values: u64| if values > 0 { ASIDE + GAP } else { 0.0 };
    (LEFT + room(below), WIDTH - MARGIN - room(above))
}

fn frame(chart: &Histogram, top: f64, bars: &[Bar]) -> Frame {
    let (left, right) = ends(chart);
    let highest = bars.iter().map(|bar| chart.height(&bar.counts)).fold(0.0, f64::max);
    // An empty chart has a scale, too.
    let most = if highest > 0.0 { highest } else { 1.0 };
    Frame { top, left, right, most }
}

fn bars(chart: &Histogram) -> Vec<Bar> {
    let (left, right) = ends(chart);
    let (bins, (below, above, _)) = (&chart.bins, chart.outside());
    let width = (right - left) / bins.count().max(1) as f64;
    let edge = |at: usize| ticks::label(bins.edge(at));
    let bin = |at: usize| Bar {
        x: (left + width * at as f64, left + width * (at + 1) as f64),
        said: format!("{} to {}", edge(at), edge(at + 1)),
        counts: chart.counts(at),
    };
    let mut bars: Vec<Bar> = (0..bins.count()).map(bin).collect();
    let (least, greatest) = aside(chart);
    if below > 0 {
        let counts = chart.series.iter().map(|s| s.below).collect();
        bars.push(Bar { x: (LEFT, LEFT + ASIDE), said: least, counts });
    }
    if above > 0 {
        let (end, counts) = (WIDTH - MARGIN, chart.series.iter().map(|s| s.above).collect());
        bars.push(Bar { x: (end - ASIDE, end), said: greatest, counts });
    }
    bars
}

/// What the bars beside the scale are called.
fn aside(chart: &Histogram) -> (String, String) {
    let bins = &chart.bins;
    if bins.count() == 0 {
        let least = if bins.is_log() { "0 or less" } else { "−∞" };
        return (least.to_owned(), "∞".to_owned());
    }
    (format!("< {}", ticks::label(bins.edge(0))), format!("> {}", ticks::label(bins.edge(bins.count()))))
}

/// The upright axis.
fn counts(canvas: &mut Canvas, chart: &Histogram, frame: &Frame) {
    let least = APART.1 / HEIGHT * frame.most;
    let values =
        if chart.overlaid { ticks::even(0.0, frame.most, least) } else { ticks::whole(0.0, frame.most, least) };
    for value in values {
        canvas.value_line(frame.y(value), &ticks::label(value));
    }
    canvas.upwards((MARGIN + 4.0, frame.top + HEIGHT / 2.0), &chart.counted);
}

/// The series of a bar, one upon the other.
fn stack(canvas: &mut Canvas, chart: &Histogram, frame: &Frame, (bar, colours): (&Bar, &[String])) {
    let (from, to) = bar.x;
    let mut below = 0;
    for (series, &count) in chart.series.iter().zip(&bar.counts).filter(|(_, count)| **count > 0) {
        let (top, bottom) = (frame.y((below + count) as f64), frame.y(below as f64));
        let named = if chart.series.len() > 1 { format!("{}, ", series.name) } else { String::new() };
        canvas.push(format_args!(
            "<rect class=\"bar\" x=\"{from:.2}\" y=\"{top:.2}\" width=\"{:.2}\" height=\"{:.2}\" fill=\"{}\" \
             stroke=\"#fff\" stroke-width=\"0.5\"><title>{}: {count}</title></rect>",
            to - from,
            bottom - top,
            colour(colours, series.colour),
            escaped(&format!("{named}{}", bar.said)),
        ));
        below += count;
    }
}

/// The series as outlines over each other, the bars beside the scale as lines of their own.
fn outlines(canvas: &mut Canvas, chart: &Histogram, frame: &Frame, (bars, colours): (&[Bar], &[String])) {
    let heights: Vec<Vec<f64>> = bars.iter().map(|bar| chart.heights(&bar.counts)).collect();
    let bins = chart.bins.count();
    for (at, series) in chart.series.iter().enumerate() {
        let mut path = String::new();
        for (number, (bar, heights)) in bars.iter().zip(&heights).enumerate() {
            let ((from, to), y, bottom) = (bar.x, frame.y(heights[at]), frame.bottom());
            let begins = number == 0 || number >= bins;
            let start = if begins { format!("M{from:.2},{bottom:.2}") } else { String::new() };
            let end = if number + 1 >= bins { format!("V{bottom:.2}") } else { String::new() };
            path.push_str(&format!("{start}V{y:.2}H{to:.2}{end}"));
        }
        let (name, colour) = (escaped(&series.name), colour(colours, series.colour));
        canvas.push(format_args!(
            "<path class=\"outline\" d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\">\
             <title>{name}: {} values</title></path>",
            series.total()
        ));
    }
}

/// The scale, what stands beside it, and what is in no bar.
fn scale(canvas: &mut Canvas, chart: &Histogram, frame: &Frame) {
    let (bins, bottom, (below, above, unknown)) = (&chart.bins, frame.bottom(), chart.outside());
    let (left, right) = (frame.left, frame.right);
    canvas.push(format_args!("<path d=\"M{left:.2},{bottom:.2}H{right:.2}\" stroke=\"#888\"/>"));
    if bins.count() > 0 {
        let on_scale = |v: f64| if bins.is_log() { v.log10() } else { v };
        let (low, high) = (on_scale(bins.edge(0)), on_scale(bins.edge(bins.count())));
        let least = APART.0 / (right - left) * (high - low);
        let values = if bins.is_log() { ticks::logarithmic(low, high, least) } else { ticks::even(low, high, least) };
        for value in values {
            let x = left + (on_scale(value) - low) / (high - low) * (right - left);
            canvas.push(format_args!("<path d=\"M{x:.2},{bottom:.2}v4\" stroke=\"#888\"/>"));
            canvas.words(Spot { x, y: bottom + 17.0, anchor: "middle" }, &ticks::label(value));
        }
    }
    let (least, greatest) = aside(chart);
    if below > 0 {
        canvas.words(Spot { x: LEFT + ASIDE / 2.0, y: bottom + 17.0, anchor: "middle" }, &least);
    }
    if above > 0 {
        canvas.words(Spot { x: WIDTH - MARGIN - ASIDE / 2.0, y: bottom + 17.0, anchor: "middle" }, &greatest);
    }
    let middle = Spot { x: f64::midpoint(left, right), y: bottom + 36.0, anchor: "middle" };
    canvas.words(middle, &chart.quantity);
    if unknown > 0 {
        let all = chart.series.iter().map(Series::total).sum::<u64>();
        let said = format!("showing {} of {all}: {unknown} are no number", all - unknown);
        canvas.words(Spot { y: bottom + 54.0, ..middle }, &said);
    }
}

#[cfg(test)]
mod tests {
    use super::super::LEGEND;
    use super::super::tests::assert_well_formed;
    use super::*;
    use crate::core::chart::histogram::Bins;

    /// The attributes of the bars by name.
    fn attribute(line: &str, name: &str) -> f64 {
        line.split(&format!(" {name}=\"")).nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
    }

    /// Three bins of half a decade; the highest bar has 3 values, so a value is 250 / 3 high.
    #[test]
    fn bars_stand_on_each_other_and_are_as_high_as_their_counts() {
        let mut chart = Histogram::new("patches", "loss (nats)", Bins::of([0.1, 1.0], true, 2));
        chart.add("<b>", [0.1, 0.2, 1.0]);
        chart.add("b", [0.15]);
        let text = histogram(&chart, &["#111".to_owned(), "#222".to_owned()]).document();
        assert_well_formed(&text);
        let bars: Vec<&str> = text.lines().filter(|line| line.contains("class=\"bar\"")).collect();
        assert_eq!(bars.len(), 3);
        let heights: Vec<f64> = bars.iter().map(|bar| attribute(bar, "height")).collect();
        assert_eq!(heights, [166.67, 83.33, 83.33]);
        assert!((attribute(bars[1], "y") + 83.33 - attribute(bars[0], "y")).abs() < 0.011, "{bars:?}");
        let width = (WIDTH - MARGIN - LEFT) / 3.0;
        assert!((attribute(bars[2], "x") - LEFT - 2.0 * width).abs() < 0.01, "{bars:?}");
        assert!(bars[0].contains("&lt;b&gt;, 0.1 to 0.31623: 2") && bars[1].contains("fill=\"#222\""), "{bars:?}");
        assert!(text.contains(">loss (nats)<") && text.contains(">patches<") && !text.contains("showing"));
    }

    /// Half of a's values in the first bin, all of b's in the second, which is as high as the chart.
    #[test]
    fn outlines_lie_over_each_other() {
        let mut chart = Histogram::new("%", "loss", Bins::of([0.1, 1.0], true, 2));
        chart.overlaid = true;
        chart.add("a", [0.1, 1.0]);
        chart.add("b", [0.5]);
        let text = histogram(&chart, &["#111".to_owned(), "#222".to_owned()]).document();
        assert_well_formed(&text);
        let lines: Vec<&str> = text.lines().filter(|line| line.contains("class=\"outline\"")).collect();
        let (width, top) = ((WIDTH - MARGIN - LEFT) / 3.0, MARGIN + 12.0 + LEGEND);
        let [left, first, second, right] = [0.0, 1.0, 2.0, 3.0].map(|n| LEFT + n * width);
        let (middle, bottom) = (top + HEIGHT / 2.0, top + HEIGHT);
        let a = format!(
            "M{left:.2},{bottom:.2}V{middle:.2}H{first:.2}V{bottom:.2}H{second:.2}V{middle:.2}H{right:.2}V{bottom:.2}"
        );
        assert!(lines.len() == 2 && lines[0].contains(&a) && lines[0].contains("a: 2 values"), "{lines:?} {a}");
        assert!(lines[1].contains(&format!("H{first:.2}V{top:.2}H{second:.2}")), "{lines:?}");
        assert!(!text.contains("class=\"bar\"") && text.contains(">100<"));
    }

    #[test]
    fn what_has_no_place_on_the_scale_is_shown_beside_it() {
        let mut chart = Histogram::new("patches", "loss", Bins::of([0.1, 1.0], true, 2));
        chart.add("a", [0.0, 0.5, f64::INFINITY, f64::INFINITY, f64::NAN]);
        let text = histogram(&chart, &[]).document();
        assert_well_formed(&text);
        let bars: Vec<&str> = text.lines().filter(|line| line.contains("class=\"bar\"")).collect();
        assert!(bars[1].contains("&lt; 0.1: 1") && bars[2].contains("&gt; 3.1623: 2"), "{bars:?}");
        assert_eq!((attribute(bars[1], "x"), attribute(bars[2], "x")), (LEFT, WIDTH - MARGIN - ASIDE));
        assert!(text.contains("showing 4 of 5: 1 are no number"), "{text}");
        // Nothing at all, and nothing that has a place.
        for values in [&[][..], &[0.0, f64::INFINITY]] {
            let mut chart = Histogram::new("patches", "loss", Bins::of(values.iter().copied(), true, 30));
            chart.add("a", values.iter().copied());
            let text = histogram(&chart, &[]).document();
            assert_well_formed(&text);
            assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        }
    }
}
