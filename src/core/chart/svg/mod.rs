//! Charts as pictures for papers, slides and reports: SVG 1.1, black on white.

use std::fmt::Write as _;

use super::Chart;
use crate::core::formats::markup::escaped;

mod bars;
mod heat_map;
mod histogram;
mod lines;

pub use bars::bars;
pub use heat_map::heat_map;
pub use histogram::histogram;
pub use lines::lines;

/// Width of a picture.
const WIDTH: f64 = 960.0;
/// Around everything.
const MARGIN: f64 = 16.0;
/// Left of a chart, for its ticks and title.
const LEFT: f64 = 72.0;
/// Height of a chart.
const HEIGHT: f64 = 250.0;
/// Height of a line of the legend.
const LEGEND: f64 = 20.0;
/// About the width of a character.
const CHARACTER: f64 = 7.2;
/// Distance of ticks that is wanted.
const APART: (f64, f64) = (80.0, 36.0);

/// Fonts of other scripts, for viewers that look no further than the list.
const SCRIPTS: &str = "'Noto Sans', 'Noto Sans CJK SC', 'Noto Sans SC', 'Noto Sans JP', 'Noto Sans KR', \
                       'Noto Sans Thai', 'Noto Sans Arabic', 'Noto Sans Devanagari', 'Noto Sans Hebrew'";

/// A finished picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    width: f64,
    height: f64,
    body: String,
}

impl Picture {
    /// The picture as a file of its own.
    #[must_use]
    pub fn document(&self) -> String {
        let Self { width, height, body } = self;
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"Helvetica, Arial, {SCRIPTS}, sans-serif\" \
             font-size=\"12\" fill=\"#222\">\n\
             <rect class=\"paper\" width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n{body}</svg>\n"
        )
    }

    /// The picture as an element of an HTML page, whose style may give it other colours; `label` says what it shows.
    #[must_use]
    pub fn inline(&self, label: &str) -> String {
        let Self { width, height, body } = self;
        format!(
            "<svg role=\"img\" aria-label=\"{}\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-size=\"12\" fill=\"#222\">\n\
             <rect class=\"paper\" width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n{body}</svg>\n",
            escaped(label)
        )
    }
}

/// Charts of trainings as an SVG document, see [`lines()`].
#[must_use]
pub fn write(charts: &[Chart], colours: &[String]) -> String {
    lines(charts, colours, "").document()
}

/// A picture that is being drawn.
#[derive(Default)]
struct Canvas {
    text: String,
}

/// A text's place and how it lies there.
#[derive(Clone, Copy)]
struct Spot {
    x: f64,
    y: f64,
    /// `start`, `middle` or `end`.
    anchor: &'static str,
}

impl Canvas {
    fn push(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.text.write_fmt(line);
        self.text.push('\n');
    }

    fn words(&mut self, Spot { x, y, anchor }: Spot, text: &str) {
        self.push(format_args!("<text x=\"{x:.2}\" y=\"{y:.2}\" text-anchor=\"{anchor}\">{}</text>", escaped(text)));
    }

    /// Words that read upwards.
    fn upwards(&mut self, (x, y): (f64, f64), text: &str) {
        let text = escaped(text);
        self.push(format_args!(
            "<text transform=\"translate({x},{y}) rotate(-90)\" text-anchor=\"middle\">{text}</text>"
        ));
    }

    /// Names in their colours, in as many rows as they need; returns where the charts begin.
    fn legend<'a>(&mut self, names: impl IntoIterator<Item = (&'a str, String)>, top: f64) -> f64 {
        let (mut x, mut y) = (LEFT, top + 12.0);
        for (name, colour) in names {
            let width = 26.0 + extent(name) + 18.0;
            if x > LEFT && x + width > WIDTH - MARGIN {
                (x, y) = (LEFT, y + LEGEND);
            }
            self.push(format_args!(
                "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"18\" height=\"4\" fill=\"{colour}\"/>",
                y - 6.0
            ));
            self.push(format_args!("<text x=\"{:.1}\" y=\"{y:.1}\">{}</text>", x + 24.0, escaped(name)));
            x += width;
        }
        y + LEGEND
    }

    /// A value's line across the chart and its label left of it.
    fn value_line(&mut self, y: f64, label: &str) {
        let right = WIDTH - MARGIN;
        self.push(format_args!("<path d=\"M{LEFT:.2},{y:.2}H{right:.2}\" stroke=\"#e4e4e4\"/>"));
        self.words(Spot { x: LEFT - 6.0, y: y + 4.0, anchor: "end" }, label);
    }

    fn picture(self, (width, height): (f64, f64)) -> Picture {
        Picture { width, height, body: self.text }
    }
}

/// The colour of a series, taken in turn.
fn colour(colours: &[String], number: usize) -> String {
    escaped(colours.get(number % colours.len().max(1)).map_or("#000", String::as_str))
}

/// About the width of a text: characters of East Asia are as wide as high.
fn extent(text: &str) -> f64 {
    let wide = |c: char| {
        matches!(c, '\u{1100}'..='\u{11ff}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}')
            || matches!(c, '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ff60}' | '\u{20000}'..='\u{3ffff}')
    };
    text.chars().map(|c| if wide(c) { 12.5 } else { CHARACTER }).sum()
}

/// The text, or its beginning where it is wider than there is room.
fn fitted(text: &str, room: f64) -> String {
    if extent(text) <= room {
        return text.to_owned();
    }
    let (mut used, mut short) = (CHARACTER, String::new());
    for c in text.chars() {
        used += extent(c.encode_utf8(&mut [0; 4]));
        if used > room {
            break;
        }
        short.push(c);
    }
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every opened element is closed in order, and nothing is left of a name's `<`, `&` and quotes.
    pub(super) fn assert_well_formed(text: &str) {
        let mut open: Vec<&str> = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find('<') {
            let end = rest[at..].find('>').expect("a tag ends") + at;
            let tag = &rest[at + 1..end];
            assert!(!tag.contains('<') && tag.matches('"').count().is_multiple_of(2), "{tag}");
            rest = &rest[end + 1..];
            let name = tag.trim_start_matches('/').split_whitespace().next().unwrap();
            match (tag.starts_with('/'), tag.ends_with('/') || tag.starts_with('?')) {
                (true, _) => assert_eq!(open.pop(), Some(name)),
                (false, false) => open.push(name),
                _ => {}
            }
        }
        assert!(open.is_empty(), "{open:?}");
        for at in text.match_indices('&').map(|(at, _)| at) {
            assert!(["&amp;", "&lt;", "&gt;", "&quot;"].iter().any(|e| text[at..].starts_with(e)));
        }
    }

    #[test]
    fn a_picture_is_a_file_or_an_element() {
        let picture = Canvas::default().picture((10.0, 20.5));
        let document = picture.document();
        assert_well_formed(&document);
        assert!(document.starts_with("<?xml") && document.contains(r#"viewBox="0 0 10 20.5""#), "{document}");
        let inline = picture.inline("losses of \"a<b\"");
        assert_well_formed(&inline);
        assert!(!inline.contains("http") && inline.contains("losses of &quot;a&lt;b&quot;"), "{inline}");
    }

    #[test]
    fn long_names_are_cut_where_the_room_ends() {
        assert_eq!(fitted("cat", 22.0), "cat");
        // An ellipsis and two letters of 7.2.
        assert_eq!([fitted("catalogue", 22.0), fitted("字字字", 22.0)], ["ca…", "字…"]);
    }
}
