//! The images of the set, each with where it came from.

use std::fmt::Write as _;

use super::numbers::{exact, or_dash, rounded};
use super::page::{Page, number, small_table, table, words};
use crate::core::distil::manifest::{CellNote, ImageNote, Optimised, Origin, Start};
use crate::core::distil::recipe::Recipe;
use crate::core::distil::select::Chosen;
use crate::core::distil::tables::{LossSummary, came_from};
use crate::core::formats::base64;
use crate::core::formats::markup::escaped;

/// Images up to this side are shown with their pixels as squares.
const SMALL: u32 = 72;

/// A picture as a browser takes it.
#[derive(Clone, Debug)]
pub struct Pixels {
    /// Its type, e.g. `image/png`.
    pub mime: &'static str,
    /// The file's bytes.
    pub bytes: Vec<u8>,
    /// Width and height in pixels.
    pub size: (u32, u32),
}

/// An image of the set.
#[derive(Clone, Copy, Debug)]
pub struct Figure<'a> {
    /// What its class is called.
    pub class: &'a str,
    /// Its number within the class, from 0.
    pub number: u32,
    /// Its file in the set.
    pub file: &'a str,
    /// Its picture, or why there is none.
    pub pixels: Result<&'a Pixels, &'a str>,
    /// How it was made, and by which recipe.
    pub made: Option<(&'a ImageNote, &'a Recipe)>,
}

/// The images of a class.
#[derive(Clone, Debug, Default)]
pub struct ClassShown {
    /// What it is called.
    pub name: String,
    /// Images that it has.
    pub images: usize,
    /// Those that are shown, as [`figure`] made them.
    pub figures: Vec<String>,
}

/// The images that the page shows.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// All classes.
    pub classes: Vec<ClassShown>,
    /// Longest side of the pictures where they are thumbnails.
    pub thumbnails: Option<u32>,
    /// Bytes that they may take on the page.
    pub budget: u64,
}

impl Shown {
    /// Images of the set.
    #[must_use]
    pub fn count(&self) -> usize {
        self.classes.iter().map(|class| class.images).sum()
    }

    /// Images on the page.
    #[must_use]
    pub fn shown(&self) -> usize {
        self.classes.iter().map(|class| class.figures.len()).sum()
    }

    /// Bytes on the page.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.classes.iter().flat_map(|class| &class.figures).map(String::len).sum()
    }
}

/// All classes; `known` where it is known what images were made of.
pub(super) fn show(page: &mut Page, images: &Shown, known: bool) {
    let (shown, all) = (images.shown(), images.count());
    let mib = images.budget as f64 / f64::from(1 << 20);
    if shown < all {
        page.paragraph(
            "notes",
            &format!("Showing {shown} of {all} images: as many as {mib} MiB hold, evenly of all classes."),
        );
    }
    if let Some(side) = images.thumbnails {
        page.paragraph(
            "notes",
            &format!(
                "Pictures are thumbnails of at most {side} pixels, since the images themselves take more than \
                 {mib} MiB."
            ),
        );
    }
    if known && shown > 0 {
        page.paragraph("weak", "Open an image to see what it was made of.");
    }
    for class in &images.classes {
        page.made("<div class=\"class\">\n");
        let part = class.figures.len();
        page.heading(3, &class.name);
        if part < class.images {
            page.paragraph("weak", &format!("showing {part} of {}", class.images));
        }
        page.made("<div class=\"tiles\">\n");
        class.figures.iter().for_each(|figure| page.made(figure));
        page.made("</div>\n</div>\n");
    }
}

/// An image as an element of the page.
#[must_use]
pub fn figure(figure: &Figure<'_>) -> String {
    let mut text = "<figure class=\"tile\">".to_owned();
    let picture = picture(figure);
    let mut caption = format!("#{}", figure.number);
    match figure.made {
        None => text.push_str(&picture),
        Some((note, recipe)) => {
            let losses = LossSummary::of(note.cells().iter().map(|cell| cell.loss));
            if let Some(mean) = losses.mean() {
                caption.push_str(&format!(", loss {}", rounded(mean)));
            }
            let title = escaped(&format!("{}: {}", figure.file, told(&note.origin)));
            // Writing to a String cannot fail.
            let _ =
                write!(text, "<details><summary title=\"{title}\">{picture}</summary>{}</details>", made(note, recipe));
        }
    }
    let _ = writeln!(text, "<figcaption>{}</figcaption></figure>", escaped(&caption));
    text
}

fn picture(figure: &Figure<'_>) -> String {
    let alt = escaped(&format!("{}, image {}", figure.class, figure.number));
    match figure.pixels {
        Err(why) => format!("<span class=\"gone\">{}: {}</span>", escaped(figure.file), escaped(why)),
        Ok(Pixels { mime, bytes, size: (width, height) }) => {
            let class = if *width.max(height) <= SMALL { " class=\"small\"" } else { "" };
            format!(
                "<img{class} alt=\"{alt}\" width=\"{width}\" height=\"{height}\" loading=\"lazy\" \
                 src=\"data:{mime};base64,{}\">",
                base64::encoded(bytes)
            )
        }
    }
}

/// How an image was made, in a few words.
fn told(origin: &Origin) -> String {
    match origin {
        Origin::Stitched(cells) => format!("stitched of {} patches", cells.len()),
        Origin::Optimised(by) => format!("optimised in {} steps", by.iterations),
        Origin::Imported { source } => format!("imported from {source}"),
    }
}

/// All that is known of how an image was made.
fn made(note: &ImageNote, recipe: &Recipe) -> String {
    let mut text = format!("<p><code>{}</code>, {}</p>", escaped(&note.file), escaped(&told(&note.origin)));
    if let Origin::Optimised(optimised) = &note.origin {
        text.push_str(&steps(optimised));
    }
    if let Some(from) = came_from(&note.origin) {
        text.push_str(&format!("<p>from <code>{}</code></p>", escaped(from)));
    }
    if !note.cells().is_empty() {
        text.push_str("<div class=\"wide\">");
        text.push_str(&cells(note.cells(), recipe));
        text.push_str("</div>");
    }
    text
}

fn steps(optimised: &Optimised) -> String {
    let start = match &optimised.start {
        Start::Noise => "begun with noise",
        Start::Stitched(_) => "begun with the patches below",
        Start::Parent { .. } => "begun with an image of another set",
    };
    let row = |term: &crate::core::distil::manifest::TermNote| vec![term.term.clone(), exact(term.value)];
    let terms = table(&[words("Term of the loss"), number("Last value")], optimised.losses.iter().map(row));
    format!("<p>{start}</p>{terms}")
}

fn cells(cells: &[CellNote], recipe: &Recipe) -> String {
    let titles = ["Cell", "Source", "Box (pixels)", "Crop", "Loss", "p(class)", "Rank", "Chosen by"];
    let factor = recipe.factor().max(1);
    let strategy = recipe.method.rded().map(|own| own.strategy.name());
    let row = |cell: &CellNote| {
        let (b, known) = (cell.bbox, !cell.loss.is_nan());
        vec![
            format!("row {}, column {}", cell.cell / factor + 1, cell.cell % factor + 1),
            cell.source.clone(),
            format!("{}×{} at ({}, {})", b.width, b.height, b.left, b.top),
            cell.crop.to_string(),
            exact(cell.loss),
            or_dash(known.then(|| f64::from(-cell.loss).exp()), rounded),
            cell.rank.to_string(),
            match (cell.chosen, strategy) {
                (Chosen::Rank, Some(strategy)) => format!("rank ({strategy})"),
                (chosen, _) => chosen.name().to_owned(),
            },
        ]
    };
    small_table("cells", &titles, cells.iter().map(row))
}
