//! A report on a distilled set as one HTML page: settings, dataset, observer, scores, trainings, and the images with
//! where each of their patches came from. Pictures, charts and style are in the page itself: it opens anywhere, asks
//! nobody for anything and runs no script. Names come from files of any origin, so all text is escaped where it is
//! written, by [`page`] alone.

use super::distil::manifest::{Manifest, Program};

mod images;
mod numbers;
mod page;
mod scores;
mod settings;
mod style;
mod trainings;

pub use images::{ClassShown, Figure, Pixels, Shown, figure};
pub use scores::losses;
pub use trainings::Training;

use page::Page;

/// What is reported.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// What the set is called.
    pub name: &'a str,
    /// What writes the report.
    pub program: &'a Program,
    /// How the set came to be, where that is known.
    pub manifest: Option<&'a Manifest>,
    /// The call of the command line that makes the set again.
    pub command: Option<&'a str>,
    /// The images, by class.
    pub images: &'a Shown,
    /// Trainings of students on this set, and on others to compare with.
    pub trainings: &'a [Training],
    /// What the reader should know.
    pub notes: &'a [String],
}

/// The page.
#[must_use]
pub fn html(report: &Report<'_>) -> String {
    let mut page = Page::new(&format!("{} – distilled set", report.name), report.images.bytes());
    page.heading(1, report.name);
    page.paragraph("lead", &lead(report));
    page.list("notes", report.notes);
    let mut parts = vec![("settings", "Settings"), ("scores", "Scores"), ("images", "Images")];
    if !report.trainings.is_empty() {
        parts.insert(2, ("trainings", "Trainings"));
    }
    page.contents(&parts);
    page.section("settings", "Settings", |page| settings::show(page, report));
    page.section("scores", "Scores", |page| scores::show(page, report.manifest));
    if !report.trainings.is_empty() {
        page.section("trainings", "Trainings", |page| trainings::show(page, report.trainings));
    }
    page.section("images", "Images", |page| images::show(page, report.images, report.manifest.is_some()));
    let program = report.program;
    page.finish(&format!(
        "Written by {} {}. Everything on this page is in this one file.",
        program.name, program.version
    ))
}

/// The set in a sentence.
fn lead(report: &Report<'_>) -> String {
    let (images, classes) = (report.images.count(), report.images.classes.len());
    let counted = |count: usize, one: &str, more: &str| format!("{count} {}", if count == 1 { one } else { more });
    let what = format!("{} of {}", counted(images, "image", "images"), counted(classes, "class", "classes"));
    let Some(manifest) = report.manifest else { return format!("{what}.") };
    let method = manifest.recipe.method.name().to_uppercase();
    let observer = manifest.observer.as_ref().map_or_else(String::new, |o| format!(", observer {}", o.network));
    format!("{what}, distilled by {method}{observer}.")
}

#[cfg(test)]
mod tests;
