//! What an export would come to, the button, and what became of it.

use eframe::egui::{Button, Label, ProgressBar, RichText, Ui};

use std::path::Path;

use super::{Choice, ExportPanel, hint};
use crate::jobs::export::{ExportReport, Measure};
use crate::jobs::report::{ReportDone, ReportRequest};
use crate::jobs::worker::Job;
use crate::ui::intent::Intent;
use crate::ui::model::Model;
use crate::ui::model::exporting::{Done, Measured};
use crate::ui::panels::scene::Scene;
use crate::ui::theme::palette;
use crate::ui::widgets::text;

/// Shows it.
pub(super) fn show(ui: &mut Ui, panel: &ExportPanel, scene: &mut Scene<'_>) {
    size(ui, panel, scene);
    ui.horizontal_wrapped(|ui| buttons(ui, panel, scene));
    if let Some(problem) = &scene.model.problems.export {
        text::problem(ui, problem, true);
    }
    match scene.model.exporting.done.clone() {
        Some(Done::Images(report)) => exported(ui, &report, scene),
        Some(Done::Page(page)) => {
            good(ui, &page_words(&page));
            path(ui, &page.out, scene);
        }
        None => {}
    }
}

fn buttons(ui: &mut Ui, panel: &ExportPanel, scene: &mut Scene<'_>) {
    let why_not = why_not(panel, scene.model);
    let words = if panel.choice == Choice::Report { "Write report" } else { "Export to folder" };
    let button = ui.add_enabled(why_not.is_none(), Button::new(words));
    if button.clicked()
        && let Some(asked) = panel.asked(scene.model)
    {
        scene.out.push(asked);
    }
    let tip = match panel.choice {
        Choice::Report => "Write the page, which opens without a network",
        _ => "Write the folder, read it back and compare it with the set",
    };
    button.on_hover_text(tip).on_disabled_hover_text(why_not.unwrap_or_default());
    // Picked images have no flags that would name them.
    let has_call = panel.choice != Choice::Selected && panel.wanted(scene.model).is_some() && !panel.out.is_empty();
    let copy = ui.add_enabled(has_call, Button::new("Copy as command line"));
    let call = copy.clicked().then(|| panel.asked(scene.model)).flatten().and_then(|asked| match asked {
        Intent::ExportSet(request) => request.command(),
        Intent::Report(request) => Some(request.command()),
        _ => None,
    });
    scene.out.extend(call.map(|line| Intent::Copy(line, "the command line")));
    copy.on_hover_text("The `stillroom` call that does the same").on_disabled_hover_text(
        "Selected images can be exported from the window alone; of sets, say which and where to",
    );
}

/// Why nothing can be exported now.
fn why_not(panel: &ExportPanel, model: &Model) -> Option<&'static str> {
    if panel.wanted(model).is_none() {
        return Some("say what is exported, above");
    }
    if panel.out.is_empty() {
        return Some("give the folder to export to");
    }
    match (&model.exporting.measured, &model.exporting.place) {
        (Measured::Failed(_), _) => Some("it can't be exported: see above"),
        (Measured::Stopped, _) => Some("look at its size first"),
        (Measured::Looking(_), _) | (_, None) => Some("its size is being looked at"),
        // A report has its size when it is made.
        (Measured::Nothing, _) if panel.choice != Choice::Report => Some("its size is being looked at"),
        (_, Some(place)) if place.problem.is_some() => Some("give another place"),
        _ if model.exporting.lacks().is_some() => Some("there is too little room"),
        _ if model.is_under_way(Job::Export) || model.is_under_way(Job::Report) => Some("an export is under way"),
        _ => None,
    }
}

/// How large it will be, and what there is room for.
fn size(ui: &mut Ui, panel: &ExportPanel, scene: &mut Scene<'_>) {
    let exporting = &scene.model.exporting;
    match &exporting.measured {
        Measured::Nothing if panel.choice == Choice::Report => report_size(ui, panel, scene.model),
        Measured::Nothing => {}
        Measured::Looking(control) => {
            let status = control.status();
            let fraction = if status.total > 0 { status.done as f32 / status.total as f32 } else { 0.0 };
            let (done, total) = (text::thousands(status.done), text::thousands(status.total));
            ui.horizontal(|ui| {
                ui.add(ProgressBar::new(fraction).desired_width(80.0).desired_height(10.0));
                if ui.button("Stop").on_hover_text("Stop looking at the images").clicked() {
                    scene.out.push(Intent::MeasureExport(false));
                }
                ui.add(Label::new(format!("Size: looking at {done} of {total} images")).truncate());
            });
        }
        Measured::Stopped => {
            if ui.button("Look at its size").clicked() {
                scene.out.push(Intent::MeasureExport(true));
            }
        }
        Measured::Failed(why) => text::problem(ui, why, true),
        Measured::Known(measure) => {
            let free = exporting.place.as_ref().and_then(|place| place.free);
            ui.add(Label::new(size_words(measure, free)).wrap());
            hint(ui, &panel.choice.fidelity(measure));
            measure.notes.iter().for_each(|note| text::problem(ui, note, false));
        }
    }
    if let Some((needed, free)) = exporting.lacks() {
        let (needed, free) = (text::bytes(needed), text::bytes(free));
        let words = format!("{needed} are needed and {free} are free there: free some space or give another place.");
        text::problem(ui, &words, true);
    }
    if let Some(problem) = exporting.place.as_ref().and_then(|place| place.problem.as_ref()) {
        text::problem(ui, problem, true);
    }
}

/// "20 images in 22 files, 65.6 kB; 120.4 GiB are free".
fn size_words(measure: &Measure, free: Option<u64>) -> String {
    let at_most = if measure.size.exact { "" } else { "at most " };
    let free = free.map_or_else(String::new, |free| format!("; {} free", text::bytes(free)));
    format!(
        "{} in {}, {at_most}{}{free}",
        text::count(measure.images, "image", "images"),
        text::count(measure.size.files as usize, "file", "files"),
        text::bytes(measure.size.bytes)
    )
}

/// What is known of a page beforehand.
fn report_size(ui: &mut Ui, panel: &ExportPanel, model: &Model) {
    if panel.wanted(model).is_none() {
        return;
    }
    let free = model.exporting.place.as_ref().and_then(|place| place.free);
    let free = free.map_or_else(String::new, |free| format!("; {} free", text::bytes(free)));
    let most = text::bytes(ReportRequest::BUDGET);
    ui.add(Label::new(format!("A page with at most {most} of images{free}")).wrap());
    let trainings = text::count(panel.trainings(model).count(), "training", "trainings");
    hint(
        ui,
        &format!(
            "With {trainings} of this set. Images beyond that size become thumbnails, and what doesn't fit then is left \
             out, which the page says."
        ),
    );
}

fn good(ui: &mut Ui, words: &str) {
    let p = palette(ui.visuals());
    ui.add(Label::new(RichText::new(words).color(p.good)).wrap());
}

fn exported(ui: &mut Ui, report: &ExportReport, scene: &mut Scene<'_>) {
    good(ui, &exported_words(report));
    // What becomes of floats was told beforehand.
    if report.difference.greatest > 0 {
        let (greatest, mean) = (report.difference.greatest, report.difference.mean());
        let words =
            format!("Pixels differ from the set's by up to {greatest} of 255 levels, by {mean:.2} in the mean.");
        text::problem(ui, &words, false);
    }
    path(ui, &report.out, scene);
}

/// Where it is.
fn path(ui: &mut Ui, path: &Path, scene: &mut Scene<'_>) {
    let p = palette(ui.visuals());
    ui.horizontal(|ui| {
        let path = path.to_string_lossy();
        if ui.button("Copy path").clicked() {
            scene.out.push(Intent::Copy(path.to_string(), "the path of the export"));
        }
        ui.add(Label::new(RichText::new(path.as_ref()).color(p.weak)).truncate()).on_hover_text(path.as_ref());
    });
}

fn page_words(page: &ReportDone) -> String {
    let small = page.thumbnails.map_or_else(String::new, |side| format!(" as thumbnails of at most {side} pixels"));
    let images = text::count(page.images, "image", "images");
    let (shown, size) = (text::thousands(page.shown as u64), text::bytes(page.bytes as u64));
    format!("Wrote a page of {size}, showing {shown} of {images}{small}.")
}

/// What was written, in words.
fn exported_words(report: &ExportReport) -> String {
    format!(
        "Wrote {} as {}: {}, {}, read back and compared.",
        text::count(report.images, "image", "images"),
        report.format,
        text::count(report.files, "file", "files"),
        text::bytes(report.bytes)
    )
}
