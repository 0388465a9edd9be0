//! Heat maps with names, a scale of colours and its legend.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::super::colours::{css, viridis};
use super::super::heat_map::HeatMap;
use super::super::ticks;
use super::{CHARACTER, Canvas, LEGEND, MARGIN, Picture, Spot, extent, fitted};
use crate::core::formats::markup::escaped;

/// Greatest width and height of the cells together.
const MAP: f64 = 620.0;
/// Greatest side of a cell.
const CELL: f64 = 40.0;
/// Room for names left of the rows and below the columns.
const NAMES: f64 = 170.0;
/// Least height of a row that is named.
const NAMED: f64 = 10.0;
/// Least side of a cell that shows its value.
const VALUED: f64 = 26.0;
/// Cells of more are drawn by colour, without words of their own.
const TOLD: usize = 2_500;
/// Steps of the legend.
const STEPS: u32 = 64;
/// What has no value.
const NOTHING: &str = "#bbb";

/// Where the cells lie.
struct Frame {
    left: f64,
    top: f64,
    /// Side of a cell.
    side: f64,
    rows: usize,
    columns: usize,
}

impl Frame {
    fn of(map: &HeatMap) -> Self {
        let (rows, columns) = (map.rows.names.len(), map.columns.names.len());
        let side = (MAP / rows.max(columns).max(1) as f64).min(CELL);
        let names = if side >= NAMED { longest(&map.rows.names) } else { 0.0 };
        Self { left: MARGIN + LEGEND + names + 6.0, top: MARGIN + 4.0, side, rows, columns }
    }

    fn right(&self) -> f64 {
        self.left + self.side * self.columns as f64
    }

    fn bottom(&self) -> f64 {
        self.top + self.side * self.rows as f64
    }

    fn corner(&self, row: usize, column: usize) -> (f64, f64) {
        (self.left + self.side * column as f64, self.top + self.side * row as f64)
    }
}

/// Room for the names of a side.
fn longest(names: &[String]) -> f64 {
    names.iter().map(|name| extent(name)).fold(0.0, f64::max).min(NAMES)
}

/// A heat map: brighter is more. Small maps say of each cell what it is; what has no value is grey.
#[must_use]
pub fn heat_map(map: &HeatMap) -> Picture {
    let mut canvas = Canvas::default();
    let frame = Frame::of(map);
    if frame.rows * frame.columns <= TOLD {
        told_cells(&mut canvas, map, &frame);
    } else {
        cells_by_colour(&mut canvas, map, &frame);
    }
    let (width, height) = (frame.right() - frame.left, frame.bottom() - frame.top);
    canvas.push(format_args!(
        "<rect x=\"{:.2}\" y=\"{:.2}\" width=\"{width:.2}\" height=\"{height:.2}\" fill=\"none\" stroke=\"#888\"/>",
        frame.left, frame.top
    ));
    let below = names(&mut canvas, map, &frame);
    let right = legend(&mut canvas, map, &frame);
    canvas.picture((right.max(frame.right()) + MARGIN, below.max(frame.top + 160.0) + MARGIN))
}

fn told_cells(canvas: &mut Canvas, map: &HeatMap, frame: &Frame) {
    let side = frame.side;
    for (row, of) in map.rows.names.iter().enumerate() {
        for (column, to) in map.columns.names.iter().enumerate() {
            let ((x, y), value) = (frame.corner(row, column), map.value(row, column));
            let fill = value.map_or_else(|| NOTHING.to_owned(), |v| css(viridis(map.share(v))));
            let said = value.map_or_else(|| "no value".to_owned(), shown);
            canvas.push(format_args!(
                "<rect class=\"cell\" x=\"{x:.2}\" y=\"{y:.2}\" width=\"{side:.2}\" height=\"{side:.2}\" \
                 fill=\"{fill}\"><title>{}, {}: {said}</title></rect>",
                escaped(of),
                escaped(to)
            ));
            if let Some(value) = value.filter(|_| side >= VALUED) {
                // Dark on the bright end of the scale, and the other way round.
                let ink = if map.share(value) > 0.6 { "#000" } else { "#fff" };
                let (x, y) = (x + side / 2.0, y + side / 2.0 + 3.5);
                canvas.push(format_args!(
                    "<text x=\"{x:.2}\" y=\"{y:.2}\" text-anchor=\"middle\" font-size=\"10\" fill=\"{ink}\">{}</text>",
                    short(value)
                ));
            }
        }
    }
}

/// One path for all cells of a colour: a million cells would be a file of a hundred megabytes otherwise.
fn cells_by_colour(canvas: &mut Canvas, map: &HeatMap, frame: &Frame) {
    let mut paths: BTreeMap<String, String> = BTreeMap::new();
    let (ground, side) = (css(viridis(0.0)), frame.side);
    for row in 0..frame.rows {
        for column in 0..frame.columns {
            let value = map.value(row, column);
            let fill = value.map_or_else(|| NOTHING.to_owned(), |v| css(viridis(map.share(v))));
            if fill != ground {
                let (x, y) = frame.corner(row, column);
                // Writing to a String cannot fail.
                let _ = write!(paths.entry(fill).or_default(), "M{x:.2},{y:.2}h{side:.2}v{side:.2}h-{side:.2}z");
            }
        }
    }
    let (width, height) = (frame.right() - frame.left, frame.bottom() - frame.top);
    canvas.push(format_args!(
        "<rect x=\"{:.2}\" y=\"{:.2}\" width=\"{width:.2}\" height=\"{height:.2}\" fill=\"{ground}\"/>",
        frame.left, frame.top
    ));
    for (fill, path) in paths {
        canvas.push(format_args!("<path class=\"cells\" d=\"{path}\" fill=\"{fill}\"/>"));
    }
}

/// Names of rows and columns where there is room, and the titles of both sides; returns where they end.
fn names(canvas: &mut Canvas, map: &HeatMap, frame: &Frame) -> f64 {
    let middle = frame.side / 2.0 + 4.0;
    let mut below = frame.bottom() + 6.0;
    if frame.side >= NAMED {
        for (row, name) in map.rows.names.iter().enumerate() {
            let (x, y) = frame.corner(row, 0);
            canvas.words(Spot { x: x - 6.0, y: y + middle, anchor: "end" }, &fitted(name, NAMES));
        }
        for (column, name) in map.columns.names.iter().enumerate() {
            let x = frame.corner(0, column).0 + middle;
            let name = escaped(&fitted(name, NAMES));
            canvas.push(format_args!(
                "<text transform=\"translate({x:.2},{below:.2}) rotate(-90)\" text-anchor=\"end\">{name}</text>"
            ));
        }
        below += longest(&map.columns.names);
    }
    below += 18.0;
    let across = Spot { x: (frame.left + frame.right()) / 2.0, y: below, anchor: "middle" };
    canvas.words(across, &map.columns.title);
    canvas.upwards((MARGIN + 4.0, (frame.top + frame.bottom()) / 2.0), &map.rows.title);
    below + 4.0
}

/// The scale of colours right of the map; returns where it ends.
fn legend(canvas: &mut Canvas, map: &HeatMap, frame: &Frame) -> f64 {
    let (x, height) = (frame.right() + 24.0, (frame.bottom() - frame.top).clamp(120.0, 300.0));
    let step = height / f64::from(STEPS);
    for at in 0..STEPS {
        let fill = css(viridis(f64::from(at) / f64::from(STEPS - 1)));
        let y = frame.top + height - step * f64::from(at + 1);
        // A little higher than its step, so that no line is left between two.
        canvas.push(format_args!(
            "<rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"14\" height=\"{:.2}\" fill=\"{fill}\"/>",
            if at == 0 { step } else { step + 0.5 }
        ));
    }
    let (low, high) = map.range;
    let mut widest = 0.0_f64;
    for value in ticks::even(low, high, (high - low) / 5.0) {
        let (y, label) = (frame.top + height * (1.0 - map.share(value)), ticks::label(value));
        canvas.push(format_args!("<path d=\"M{:.2},{y:.2}h4\" stroke=\"#888\"/>", x + 14.0));
        canvas.words(Spot { x: x + 22.0, y: y + 4.0, anchor: "start" }, &label);
        widest = widest.max(label.len() as f64 * CHARACTER);
    }
    let x = x + 22.0 + widest + 16.0;
    canvas.upwards((x, frame.top + height / 2.0), &map.quantity);
    x + 8.0
}

/// A value in words.
fn shown(value: f64) -> String {
    format!("{value:.2}")
}

/// A value within its cell.
fn short(value: f64) -> String {
    if value.abs() >= 10.0 || value == 0.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

#[cfg(test)]
mod tests {
    use super::super::tests::assert_well_formed;
    use super::*;
    use crate::core::chart::heat_map::tests::confusion;

    #[test]
    fn a_cell_has_the_colour_and_the_words_of_its_value() {
        let names = ["<b>cat</b>", "dog & \"wolf\"", "c"].map(String::from);
        let text = heat_map(&HeatMap::of_confusion(&confusion(), &names)).document();
        assert_well_formed(&text);
        let cells: Vec<&str> = text.lines().filter(|line| line.contains("class=\"cell\"")).collect();
        assert_eq!(cells.len(), 12);
        let fill = css(viridis(0.75));
        assert!(cells[0].contains(&format!("fill=\"{fill}\"")) && cells[0].contains("&lt;b&gt;cat&lt;/b&gt;: 75.00"));
        assert!(cells[4].contains(NOTHING) && cells[4].contains("no value"), "{}", cells[4]);
        assert!(cells[11].contains("fill=\"#fde725\"") && cells[11].contains("c, other: 100.00"), "{}", cells[11]);
        assert!(text.contains(">Share of the class's images (%)<") && text.contains(">predicted as<"));
    }

    #[test]
    fn a_large_map_is_a_path_for_each_colour() {
        let names: Vec<String> = (0..100).map(|i| i.to_string()).collect();
        let mut counts = crate::core::data::confusion::Confusion::new(100, 100);
        (0..100).for_each(|i| counts.add(i, i));
        let text = heat_map(&HeatMap::of_confusion(&counts, &names)).document();
        assert_well_formed(&text);
        assert_eq!(text.matches("class=\"cells\"").count(), 1);
        assert_eq!(text.matches("z\" fill=\"#fde725\"").count(), 1);
        assert!(text.len() < 20_000, "{}", text.len());
    }

    #[test]
    fn a_map_without_cells_is_a_picture_too() {
        let none = HeatMap::of_confusion(&crate::core::data::confusion::Confusion::new(0, 0), &[]);
        let text = heat_map(&none).document();
        assert_well_formed(&text);
        assert!(!text.contains("NaN") && !text.contains("inf"));
    }
}
