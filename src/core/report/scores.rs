//! The losses of the patches that were chosen: a histogram, and a line per class.

use super::numbers::{exact, or_dash, rounded};
use super::page::{Page, number, words};
use crate::core::chart::colours::on_white;
use crate::core::chart::histogram::{Bins, Histogram};
use crate::core::chart::svg;
use crate::core::distil::manifest::{ClassNote, ImageNote, Manifest};
use crate::core::distil::tables::{ClassSummary, LossSummary};

/// Most classes that have a colour each.
const COLOURED: usize = 8;
/// Bins at most.
const BINS: usize = 60;

/// The losses of a class's patches, in the order of the manifest.
fn of_class(class: &ClassNote) -> impl Iterator<Item = f64> {
    class.images.iter().flat_map(ImageNote::cells).map(|cell| f64::from(cell.loss))
}

/// The losses of a set's patches on a logarithmic scale, a series per class where there are few.
#[must_use]
pub fn losses(manifest: &Manifest) -> Histogram {
    let all = || manifest.classes.iter().flat_map(of_class);
    let mut histogram = Histogram::new("Patches", "Loss, −ln p of the class (nats)", Bins::of(all(), true, BINS));
    if (2..=COLOURED).contains(&manifest.classes.len()) {
        manifest.classes.iter().for_each(|class| histogram.add(&class.name, of_class(class)));
    } else {
        histogram.add("all classes", all());
    }
    histogram
}

pub(super) fn show(page: &mut Page, manifest: Option<&Manifest>) {
    let Some(manifest) = manifest else {
        page.paragraph("", "Without a manifest nothing is known of scores.");
        return;
    };
    let cells = || manifest.classes.iter().flat_map(|class| &class.images).flat_map(ImageNote::cells);
    let all = LossSummary::of(cells().map(|cell| cell.loss));
    let patches = all.count + all.unknown;
    if patches == 0 {
        page.paragraph("", "These images were not stitched of patches that were scored.");
        return;
    }
    page.paragraph(
        "",
        &format!(
            "The observer's cross-entropy of the {patches} chosen patches; low is realistic. Mean {}, from {} to {}.",
            or_dash(all.mean(), rounded),
            or_dash(all.least(), exact),
            or_dash(all.greatest(), exact)
        ),
    );
    if all.unknown > 0 {
        page.paragraph("notes", &format!("{} losses are no numbers; means leave them out.", all.unknown));
    }
    page.chart(&svg::histogram(&losses(manifest), &on_white()), "Histogram of the chosen patches' losses");
    let columns = [
        words("Class"),
        number("Images"),
        number("Patches"),
        number("Mean loss"),
        number("Least"),
        number("Greatest"),
        number("Scored images"),
        number("Broken images"),
    ];
    let row = |class: ClassSummary| {
        let losses = class.losses;
        vec![
            class.name,
            class.images.to_string(),
            (losses.count + losses.unknown).to_string(),
            or_dash(losses.mean(), rounded),
            or_dash(losses.least(), exact),
            or_dash(losses.greatest(), exact),
            class.scored.to_string(),
            class.broken.to_string(),
        ]
    };
    page.table(&columns, manifest.classes.iter().map(|class| row(ClassSummary::of(class))));
}
