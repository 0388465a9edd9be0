//! What an export would come to, the button, and what became of it.

use eframe::egui::{Button, Label, ProgressBar, RichText, Ui};

use super::{ExportPanel, hint};
use crate::jobs::export::{ExportReport, Measure};
use crate::jobs::worker::Job;
use crate::ui::intent::Intent;
use crate::ui::model::Model;
use crate::ui::model::exporting::Measured;
use crate::ui::panels::scene::Scene;
use crate::ui::theme::palette;
use crate::ui::widgets::text;

/// Shows it.
pub(super) fn show(ui: &mut Ui, panel: &ExportPanel, scene: &mut Scene<'_>) {
    size(ui, panel, scene);
    let why_not = why_not(panel, scene.model);
    let button = ui.add_enabled(why_not.is_none(), Button::new("Export to folder"));
    if button.clicked()
        && let Some(request) = panel.request(scene.model)
    {
        scene.out.push(Intent::ExportSet(Box::new(request)));
    }
    button
        .on_hover_text("Write the folder, read it back and compare it with the set")
        .on_disabled_hover_text(why_not.unwrap_or_default());
    if let Some(problem) = &scene.model.problems.export_set {
        text::problem(ui, problem, true);
    }
    if let Some(report) = scene.model.exporting.done.clone() {
        done(ui, &report, scene);
    }
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
        (Measured::Nothing | Measured::Looking(_), _) | (_, None) => Some("its size is being looked at"),
        (Measured::Known(_), Some(place)) if place.problem.is_some() => Some("give another folder"),
        (Measured::Known(_), Some(_)) if model.exporting.lacks().is_some() => Some("there is too little room"),
        (Measured::Known(_), Some(_)) => model.is_under_way(Job::Export).then_some("an export is under way"),
    }
}

/// How large it will be, and what there is room for.
fn size(ui: &mut Ui, panel: &ExportPanel, scene: &mut Scene<'_>) {
    let exporting = &scene.model.exporting;
    match &exporting.measured {
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

fn done(ui: &mut Ui, report: &ExportReport, scene: &mut Scene<'_>) {
    let p = palette(ui.visuals());
    ui.add(Label::new(RichText::new(done_words(report)).color(p.good)).wrap());
    if !report.lossless {
        let (greatest, mean) = (report.difference.greatest, report.difference.mean());
        let words =
            format!("Pixels differ from the set's by up to {greatest} of 255 levels, by {mean:.2} in the mean.");
        text::problem(ui, &words, false);
    }
    ui.horizontal(|ui| {
        let path = report.out.to_string_lossy();
        if ui.button("Copy path").clicked() {
            scene.out.push(Intent::Copy(path.to_string(), "the path of the export"));
        }
        ui.add(Label::new(RichText::new(path.as_ref()).color(p.weak)).truncate()).on_hover_text(path.as_ref());
    });
}

/// What was written, in words.
fn done_words(report: &ExportReport) -> String {
    format!(
        "Wrote {} as {}: {}, {}, read back and compared.",
        text::count(report.images, "image", "images"),
        report.format,
        text::count(report.files, "file", "files"),
        text::bytes(report.bytes)
    )
}
