//! Bars from left to right with whiskers and a dot for each value.

use super::super::bars::{Bar, Bars};
use super::super::ticks;
use super::{APART, Canvas, MARGIN, Picture, Spot, WIDTH, colour, extent, fitted};
use crate::core::formats::markup::escaped;

/// Height of a row, and of the bar in it.
const ROW: f64 = 44.0;
const BAR: f64 = 18.0;
/// Room for names at most, and for the value right of a bar.
const NAMES: f64 = 260.0;
const VALUE: f64 = 120.0;
/// Below the bars, for ticks and the title.
const BELOW: f64 = 44.0;

/// Where values lie.
struct Frame {
    left: f64,
    right: f64,
    /// The value at the right end.
    end: f64,
}

impl Frame {
    fn x(&self, value: f64) -> f64 {
        self.left + (value.clamp(0.0, self.end) / self.end) * (self.right - self.left)
    }
}

/// Bars. `colours` are CSS colours by a bar's number; they are taken in turn where there are more.
#[must_use]
pub fn bars(chart: &Bars, colours: &[String]) -> Picture {
    let mut canvas = Canvas::default();
    let names = chart.bars.iter().map(|bar| extent(&bar.name)).fold(40.0, f64::max).min(NAMES);
    let (left, right) = (MARGIN + names + 10.0, WIDTH - MARGIN - VALUE);
    let greatest = if chart.greatest() > 0.0 { chart.greatest() } else { 1.0 };
    let step = ticks::step(greatest / ((right - left) / APART.0).max(1.0));
    let frame = Frame { left, right, end: (greatest / step).ceil() * step };
    let bottom = MARGIN + ROW * chart.bars.len() as f64;
    for value in ticks::even(0.0, frame.end, step) {
        let x = frame.x(value);
        canvas.push(format_args!("<path d=\"M{x:.2},{MARGIN:.2}V{bottom:.2}\" stroke=\"#e4e4e4\"/>"));
        canvas.words(Spot { x, y: bottom + 16.0, anchor: "middle" }, &ticks::label(value));
    }
    for (row, bar) in chart.bars.iter().enumerate() {
        let middle = MARGIN + ROW * (row as f64 + 0.5);
        let name = fitted(&bar.name, names);
        canvas.words(Spot { x: left - 8.0, y: middle + 4.0, anchor: "end" }, &name);
        draw(&mut canvas, &frame, (bar, middle), &colour(colours, bar.colour));
    }
    let x = f64::midpoint(left, right);
    canvas.words(Spot { x, y: bottom + 36.0, anchor: "middle" }, &chart.quantity);
    canvas.picture((WIDTH, bottom + BELOW + MARGIN))
}

fn draw(canvas: &mut Canvas, frame: &Frame, (bar, middle): (&Bar, f64), colour: &str) {
    let Some((mean, std)) = bar.mean_and_std() else { return };
    let said = escaped(&format!("{}: {}", bar.name, bar.words()));
    canvas.push(format_args!(
        "<rect class=\"bar\" x=\"{:.2}\" y=\"{:.2}\" width=\"{:.2}\" height=\"{BAR}\" fill=\"{colour}\" \
         fill-opacity=\"0.6\"><title>{said}</title></rect>",
        frame.left,
        middle - BAR / 2.0,
        frame.x(mean) - frame.left,
    ));
    if bar.values.len() > 1 {
        let (low, high) = (frame.x(mean - std), frame.x(mean + std));
        canvas.push(format_args!(
            "<path d=\"M{low:.2},{middle:.2}H{high:.2}M{low:.2},{:.2}v8M{high:.2},{:.2}v8\" stroke=\"#222\"/>",
            middle - 4.0,
            middle - 4.0
        ));
        for value in &bar.values {
            let x = frame.x(*value);
            canvas.push(format_args!("<circle cx=\"{x:.2}\" cy=\"{middle:.2}\" r=\"3\" fill=\"{colour}\"/>"));
        }
    }
    canvas.words(Spot { x: frame.right + 12.0, y: middle + 4.0, anchor: "start" }, &bar.words());
}

#[cfg(test)]
mod tests {
    use super::super::tests::assert_well_formed;
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_means() {
        let bar = |name: &str, values: &[f64]| Bar { name: name.into(), colour: 0, values: values.to_vec() };
        let bars = vec![bar("<a>", &[100.0]), bar("b", &[40.0, 60.0]), bar("none", &[])];
        let text = super::bars(&Bars { quantity: "Top-1 (%)".into(), bars }, &["#111".to_owned()]).document();
        assert_well_formed(&text);
        let of = |line: &str, name: &str| -> f64 {
            line.split(&format!(" {name}=\"")).nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
        };
        let widths: Vec<f64> = text.lines().filter(|l| l.contains("class=\"bar\"")).map(|l| of(l, "width")).collect();
        assert!(widths.len() == 2 && (widths[0] - 2.0 * widths[1]).abs() < 0.02, "{widths:?}");
        assert_eq!(text.matches("<circle").count(), 2);
        assert!(
            text.contains("&lt;a&gt;: 100.00") && text.contains("50.00 ± 14.14") && text.contains(">100<"),
            "{text}"
        );
        assert!(!super::bars(&Bars { quantity: String::new(), bars: vec![] }, &[]).document().contains("NaN"));
    }
}
