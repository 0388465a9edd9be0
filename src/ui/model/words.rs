//! What the log says of what was opened and checked.

use super::log::Level;
use crate::jobs::check::{CheckReport, Verdict};
use crate::jobs::distill::DistillReport;
use crate::jobs::open::OpenedObserver;
use crate::jobs::worker::OpenedDataset;

/// A line and how grave it is.
pub type Line = (Level, String);

/// Of a dataset.
pub fn of_dataset(opened: &OpenedDataset) -> Vec<Line> {
    let data = &opened.dataset;
    let (images, classes) = (data.image_count(), data.classes().len());
    let first = format!("opened {}: {images} images, {classes} classes", data.root().display());
    with_notes(first, &opened.notes)
}

/// Of an observer; where only the class order is another than `before`, its notes are known.
pub fn of_observer(before: Option<&OpenedObserver>, opened: &OpenedObserver) -> Vec<Line> {
    let o = &opened.observer;
    let reordered = before.is_some_and(|before| {
        before.observer.fingerprint == o.fingerprint && before.request.outputs != opened.request.outputs
    });
    if reordered {
        let order = if opened.request.outputs.is_some() { "another class order" } else { "its own class order" };
        return vec![(Level::Info, format!("opened {} with {order}", o.name))];
    }
    with_notes(format!("loaded {} ({}): {}", o.spec.arch, o.name, o.report.summary()), &opened.notes)
}

/// Of an observer that moves pixels beside the loaded one, and of its check.
pub fn of_beside(opened: &OpenedObserver, check: Option<&CheckReport>) -> Vec<Line> {
    let name = &opened.observer.name;
    let first =
        format!("further observer {} ({name}): {}", opened.observer.spec.arch, opened.observer.report.summary());
    let mut lines = with_notes(first, &opened.notes);
    let checked = check.map(|report| of_check(report, &report.verdict())).unwrap_or_default();
    lines.extend(checked.into_iter().map(|(level, line)| (level, format!("{name}: {line}"))));
    lines
}

/// Of a check.
pub fn of_check(report: &CheckReport, verdict: &Verdict) -> Vec<Line> {
    let first = match verdict {
        Verdict::Good => (Level::Info, format!("check: top-1 {:.2} % on {} images", report.top1, report.images)),
        Verdict::Doubtful(why) | Verdict::Refused(why) => (Level::Warning, format!("check: {why}")),
    };
    std::iter::once(first).chain(report.order.as_ref().map(|order| (Level::Info, order.to_string()))).collect()
}

/// Of a set that was written.
pub fn of_distilled(report: &DistillReport) -> String {
    let out = report.out.display();
    let moved = report.refined.as_ref().map_or_else(String::new, |cost| {
        let terms: Vec<String> = cost.terms.iter().map(|(name, value)| format!("{name} {value:.4}")).collect();
        let steps = match cost.iterations {
            0 => "their pixels were kept already".to_owned(),
            steps => format!("{steps} steps at {:.1} per second", cost.rate()),
        };
        format!("; {steps}; last loss: {}", terms.join(", "))
    });
    format!("wrote {} distilled images to {out} in {:.1} s{moved}", report.images, report.seconds)
}

/// Of files that could not be decoded.
pub fn of_broken(class: &str, broken: usize) -> String {
    format!("class '{class}': {broken} broken files left out; the Dataset panel lists them")
}

fn with_notes(first: String, notes: &[String]) -> Vec<Line> {
    let notes = notes.iter().map(|note| (Level::Warning, note.clone()));
    std::iter::once((Level::Info, first)).chain(notes).collect()
}
