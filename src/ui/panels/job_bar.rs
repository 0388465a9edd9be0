//! The bottom bar: what runs, how far it is, pause and cancel.

use eframe::egui::{self, RichText, Ui};

use super::filter_bar::showing;
use super::scene::Scene;
use super::source::shown_classes;
use crate::jobs::control::Status;
use crate::ui::actions::Action;
use crate::ui::intent::Intent;
use crate::ui::model::Model;
use crate::ui::theme::palette;
use crate::ui::widgets::text::{self, button_width, text_width};

/// Shows the bar.
pub fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    ui.horizontal_centered(|ui| {
        match scene.model.status() {
            Some(status) => running(ui, &status, scene),
            None => idle(ui, scene.model),
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let p = palette(ui.visuals());
            let mut said = |words: &str, tip: &str| {
                if ui.available_width() > LEAST_WORDS {
                    ui.add(egui::Label::new(RichText::new(words).color(p.weak)).truncate()).on_hover_text(tip);
                }
            };
            match &scene.model.device {
                Some((short, told)) => said(short, told),
                None => said("no device yet", "The device that computes is chosen at the first check or score"),
            }
            if let Some(words) = selected(scene) {
                said(&words, "Images whose patches are selected, in all panels, and how many patches are shown");
            }
        });
    });
}

/// "3 selected · showing 24 of 25 ·", where something is selected.
fn selected(scene: &Scene<'_>) -> Option<String> {
    let model = scene.model;
    let selected = model.workspace.selection().len();
    let mut words = (selected > 0).then(|| format!("{} selected ·", text::thousands(selected as u64)))?;
    if model.ranking.any() {
        let classes = shown_classes(scene.model);
        let all = classes.iter().map(|class| model.ranking.class(*class).wanted).sum();
        words.push_str(&format!(" {} ·", showing(model.shown.total(&model.ranking, &classes), all)));
    }
    Some(words)
}

/// Fewer points show no word that could be read.
const LEAST_WORDS: f32 = 48.0;
/// What the job's name, its bar, and its words take where there is room for all.
const BAR: (f32, f32) = (60.0, 240.0);

fn idle(ui: &mut Ui, model: &Model) {
    let p = palette(ui.visuals());
    let next = if model.data.is_none() {
        "Idle. Open a dataset to begin."
    } else if model.observer.is_none() {
        "Idle. Load an observer next."
    } else if !model.ranking.any() && model.why_no_patches().is_none() {
        "Idle. Score the patches next."
    } else if model.staleness().0 > 0 {
        "Idle. Score the patches again for these settings."
    } else if model.written.is_none() {
        "Idle. Distil to a folder when the images please."
    } else {
        "Idle. Train a student on the distilled folder next."
    };
    ui.label(RichText::new(next).color(p.weak));
}

fn running(ui: &mut Ui, status: &Status, scene: &mut Scene<'_>) {
    let p = palette(ui.visuals());
    let name = scene.model.running.as_ref().map_or("", |r| r.job.name());
    let stage = if status.stage.is_empty() { name } else { status.stage };
    let title = if stage == name { name.to_owned() } else { format!("{name}: {stage}") };
    let pause = if status.paused { "Resume" } else { "Pause" };
    let buttons = button_width(ui, pause) + button_width(ui, "Cancel");
    // The buttons are always there; the name comes first, then the words, and the bar takes what they leave.
    let room = (ui.available_width() - buttons).max(0.0);
    let most = (room * 0.4).max(LEAST_WORDS);
    at_most(ui, most, |ui| ui.add(egui::Label::new(RichText::new(&title).color(p.text).strong()).truncate()))
        .on_hover_text(&title);
    let fraction = if status.total > 0 { status.done as f32 / status.total as f32 } else { 0.0 };
    let color = if status.paused { p.warn } else { p.accent };
    let words = words(status);
    let left = ui.available_width() - buttons;
    let width = (left - text_width(ui, &words)).clamp(BAR.0, BAR.1);
    let bar = egui::ProgressBar::new(fraction).desired_width(width).desired_height(12.0).fill(color).corner_radius(3);
    ui.add(bar);
    let most = ui.available_width() - buttons;
    if most > LEAST_WORDS {
        let label = egui::Label::new(RichText::new(&words).color(p.text)).truncate();
        at_most(ui, most, |ui| ui.add(label)).on_hover_text(&words);
    }
    if ui.button(pause).on_hover_text(Action::Pause.about().tooltip).clicked() {
        scene.out.push(Intent::Do(Action::Pause));
    }
    if ui.button("Cancel").on_hover_text(Action::Cancel.about().tooltip).clicked() {
        scene.out.push(Intent::Do(Action::Cancel));
    }
    let waiting = scene.model.waiting.len();
    if waiting > 0 && ui.available_width() > LEAST_WORDS {
        let words = format!("{waiting} more waiting");
        ui.add(egui::Label::new(RichText::new(&words).color(p.weak)).truncate()).on_hover_text(words);
    }
}

/// Adds something that takes no more than `most` of the row.
fn at_most<R>(ui: &mut Ui, most: f32, add: impl FnOnce(&mut Ui) -> R) -> R {
    ui.scope(|ui| {
        ui.set_max_width(most);
        add(ui)
    })
    .inner
}

/// "1,200 of 3,000 images · 480 images/s · 0:06 left".
fn words(status: &Status) -> String {
    if status.total == 0 {
        return "starting…".to_owned();
    }
    let unit = if matches!(status.stage, "train" | "refine") { "steps" } else { "images" };
    let mut words = format!("{} of {} {unit}", text::thousands(status.done), text::thousands(status.total));
    if status.paused {
        words.push_str(" · paused");
        return words;
    }
    if status.rate > 0.0 {
        let rate = status.rate;
        words.push_str(&if rate < 10.0 {
            format!(" · {rate:.1} {unit}/s")
        } else {
            format!(" · {rate:.0} {unit}/s")
        });
    }
    if let Some(left) = status.left {
        words.push_str(&format!(" · {} left", text::duration(left.as_secs_f64())));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn progress_reads_as_a_sentence() {
        let left = Some(Duration::from_millis(5_200));
        let mut status = Status { stage: "score", done: 1200, total: 3000, rate: 480.4, left, paused: false };
        assert_eq!(words(&status), "1,200 of 3,000 images · 480 images/s · 0:06 left");
        status.paused = true;
        assert_eq!(words(&status), "1,200 of 3,000 images · paused");
    }
}
