//! The page while it is written: every text goes through here and is escaped.

use std::fmt::Write as _;

use super::style;
use crate::core::chart::svg::Picture;
use crate::core::formats::markup::escaped;

/// A table's column.
#[derive(Clone, Copy)]
pub(super) struct Column {
    pub title: &'static str,
    /// Whether it holds numbers, which stand at the right.
    pub number: bool,
}

/// Columns of words.
pub(super) const fn words(title: &'static str) -> Column {
    Column { title, number: false }
}

/// Columns of numbers.
pub(super) const fn number(title: &'static str) -> Column {
    Column { title, number: true }
}

/// A page that is being written.
pub(super) struct Page {
    text: String,
}

impl Page {
    /// A page with a title, and room for so many bytes. Its policy lets it load nothing and run nothing.
    pub fn new(title: &str, room: usize) -> Self {
        let mut page = Self { text: String::with_capacity(room + (1 << 16)) };
        page.line(format_args!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" \
             content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n<main>",
            escaped(title),
            style::sheet()
        ));
        page
    }

    /// The whole page, with a last line.
    pub fn finish(mut self, last: &str) -> String {
        self.line(format_args!("<footer><p>{}</p></footer>\n</main>\n</body>\n</html>", escaped(last)));
        self.text
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.text.write_fmt(line);
        self.text.push('\n');
    }

    /// Markup that was made by this module's functions.
    pub fn made(&mut self, markup: &str) {
        self.text.push_str(markup);
    }

    pub fn heading(&mut self, level: u8, text: &str) {
        self.line(format_args!("<h{level}><bdi>{}</bdi></h{level}>", escaped(text)));
    }

    pub fn paragraph(&mut self, class: &'static str, text: &str) {
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        self.line(format_args!("<p{class}>{}</p>", escaped(text)));
    }

    /// Lines of a list; nothing where there are none.
    pub fn list(&mut self, class: &'static str, lines: &[String]) {
        if !lines.is_empty() {
            self.line(format_args!("<ul class=\"{class}\">"));
            lines.iter().for_each(|line| self.line(format_args!("<li>{}</li>", escaped(line))));
            self.line(format_args!("</ul>"));
        }
    }

    /// Links to the sections: their names and titles.
    pub fn contents(&mut self, sections: &[(&'static str, &'static str)]) {
        let link = |(name, title): &(&str, &str)| format!("<a href=\"#{name}\">{title}</a>");
        let links: Vec<String> = sections.iter().map(link).collect();
        self.line(format_args!("<nav>{}</nav>", links.join(" ")));
    }

    pub fn section(&mut self, name: &'static str, title: &'static str, fill: impl FnOnce(&mut Self)) {
        self.line(format_args!("<section id=\"{name}\">\n<h2>{title}</h2>"));
        fill(self);
        self.line(format_args!("</section>"));
    }

    /// A part that is opened by a click on its title.
    pub fn folded(&mut self, title: &str, fill: impl FnOnce(&mut Self)) {
        self.line(format_args!("<details class=\"part\"><summary><bdi>{}</bdi></summary>", escaped(title)));
        fill(self);
        self.line(format_args!("</details>"));
    }

    /// What is called what.
    pub fn facts(&mut self, facts: &[(&str, String)]) {
        self.line(format_args!("<table class=\"facts\">"));
        for (name, value) in facts {
            let (name, value) = (escaped(name), escaped(value));
            self.line(format_args!("<tr><th scope=\"row\">{name}</th><td>{value}</td></tr>"));
        }
        self.line(format_args!("</table>"));
    }

    pub fn table(&mut self, columns: &[Column], rows: impl IntoIterator<Item = Vec<String>>) {
        let markup = table(columns, rows);
        self.line(format_args!("<div class=\"wide\">{markup}</div>"));
    }

    /// A command line, to be copied.
    pub fn command(&mut self, command: &str) {
        self.line(format_args!("<pre class=\"command\"><code>{}</code></pre>", escaped(command)));
    }

    /// A chart and what it shows.
    pub fn chart(&mut self, picture: &Picture, label: &str) {
        self.line(format_args!("<div class=\"chart\">{}</div>", picture.inline(label)));
    }
}

/// A table of few bytes, for what a page has thousands of times; the style knows its columns by `class`.
pub(super) fn small_table(
    class: &'static str,
    titles: &[&'static str],
    rows: impl Iterator<Item = Vec<String>>,
) -> String {
    let titles: String = titles.iter().map(|title| format!("<th>{}</th>", escaped(title))).collect();
    let mut text = format!("<table class=\"{class}\"><tr>{titles}</tr>");
    for row in rows {
        text.push_str("\n<tr>");
        for cell in row {
            // Writing to a String cannot fail.
            let _ = write!(text, "<td>{}</td>", escaped(&cell));
        }
        text.push_str("</tr>");
    }
    text.push_str("</table>");
    text
}

/// A table: a line of titles, then the rows.
pub(super) fn table(columns: &[Column], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let class = |column: &Column| if column.number { " class=\"number\"" } else { "" };
    let mut text = "<table><thead><tr>".to_owned();
    for column in columns {
        // Writing to a String cannot fail.
        let _ = write!(text, "<th scope=\"col\"{}>{}</th>", class(column), escaped(column.title));
    }
    text.push_str("</tr></thead><tbody>");
    for row in rows {
        text.push_str("\n<tr>");
        for (column, cell) in columns.iter().zip(row) {
            let _ = write!(text, "<td{}>{}</td>", class(column), escaped(&cell));
        }
        text.push_str("</tr>");
    }
    text.push_str("</tbody></table>");
    text
}
