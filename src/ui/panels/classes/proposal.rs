//! How well the order in use fits, and a better one.

use std::sync::Arc;

use eframe::egui::{self, RichText, Ui};

use super::known::{Known, percent};
use super::weak;
use crate::core::workspace::Command;
use crate::jobs::check::CheckReport;
use crate::jobs::worker::Job;
use crate::ui::intent::Intent;
use crate::ui::panels::scene::Scene;
use crate::ui::theme::palette;
use crate::ui::widgets::text;

/// Whether the order that fits best is another one than that in use.
pub fn differs(report: &CheckReport) -> bool {
    report.class_map != report.current_map
}

/// Shows how well the order in use fits, and the button that takes a better one.
pub fn show(ui: &mut Ui, known: Option<&Known>, scene: &mut Scene<'_>) {
    under_way(ui, scene);
    if let Some(known) = known {
        in_use(ui, &known.report, scene);
        proposal(ui, &known.report, scene);
    }
    if scene.model.workspace.outputs().is_some() {
        ui.horizontal_wrapped(|ui| {
            ui.label("The order was given here.");
            let about = "Take back the order that was given here; undo brings it back";
            if ui.button("As opened").on_hover_text(about).clicked() {
                scene.out.push(Intent::Edit(Command::SetOutputs(None)));
            }
        });
    }
}

/// An order that was asked for and isn't there yet, or can't be had.
fn under_way(ui: &mut Ui, scene: &Scene<'_>) {
    let opened = scene.model.observer.as_ref().and_then(|opened| opened.request.outputs.as_ref());
    if scene.model.workspace.outputs().map(Arc::as_ref) == opened {
        return;
    }
    if let Some(problem) = &scene.model.problems.observer {
        text::problem(ui, &format!("This order can't be had, undo takes it back: {problem}"), true);
    } else if scene.model.is_under_way(Job::OpenObserver) {
        ui.horizontal(|ui| {
            ui.spinner();
            ui.label("Opening the observer with this order…");
        });
    }
}

fn in_use(ui: &mut Ui, report: &CheckReport, scene: &Scene<'_>) {
    let held_out = scene.model.data.as_ref().is_some_and(|data| data.held_out.is_some());
    let of = text::count(report.images, "image", "images");
    let on = if held_out { format!("{of} that are held out") } else { format!("{of} (none are held out)") };
    ui.add(egui::Label::new(format!("Top-1 {} of {on}", percent(report.top1))).wrap());
}

fn proposal(ui: &mut Ui, report: &CheckReport, scene: &mut Scene<'_>) {
    let p = palette(ui.visuals());
    if !report.proposes() {
        let words = if differs(report) {
            "No other order is better by more than chance gives."
        } else {
            "No other order fits these answers better."
        };
        weak(ui, words);
        return;
    }
    let words = format!(
        "Another order fits better: top-1 {} instead of {} (gain {} points on images it was not found from).",
        percent(report.top1_remapped),
        percent(report.top1),
        percent(report.gain).trim_end_matches(" %")
    );
    ui.add(egui::Label::new(RichText::new(words).color(p.warn)).wrap());
    let about = "Open the observer with the proposed output for each class, and check it again; undo takes it back";
    if ui.button("Apply this order").on_hover_text(about).clicked() {
        scene.out.push(Intent::Edit(Command::SetOutputs(Some(report.class_map.clone()))));
    }
}
