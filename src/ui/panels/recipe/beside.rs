//! Observers that move pixels beside the loaded one, where the method takes several: their files, what became of each, and
//! a field for another one.

use std::path::{Path, PathBuf};

use eframe::egui::{self, Button, RichText, Role, Ui, WidgetInfo};

use crate::core::workspace::Command;
use crate::jobs::check::Verdict;
use crate::jobs::worker::Job;
use crate::ui::intent::{Intent, Purpose};
use crate::ui::model::beside::{Known, Progress, name};
use crate::ui::panels::scene::Scene;
use crate::ui::theme::palette;
use crate::ui::widgets::path_field::PathField;
use crate::ui::widgets::text;

/// Shows the list and the field; nothing for a method that moves no pixels.
pub(super) fn show(ui: &mut Ui, field: &mut PathField, scene: &mut Scene<'_>) {
    if !scene.model.takes_several() {
        return;
    }
    let loaded = scene.model.observer.is_some();
    ui.add_enabled_ui(loaded, |ui| {
        let used = field.show(ui, ("Further observers", "/path/to/weights.pth"), "Add");
        if used.submitted {
            add(field, scene);
        }
        if used.browse {
            scene.out.push(Intent::Browse(Purpose::Beside));
        }
    });
    if !loaded {
        weak(ui, "No observer is loaded: further ones take part beside it, by turns or averaged.");
    }
    recent(ui, scene);
    for file in scene.model.workspace.beside().iter() {
        entry(ui, file, scene);
    }
    if let Some(problem) = &scene.model.problems.beside {
        text::problem(ui, problem, true);
    }
}

/// Lists what is typed, unless it takes part already.
fn add(field: &mut PathField, scene: &mut Scene<'_>) {
    let file = absolute(&field.path());
    if takes_part(&file, scene) {
        field.explain("It takes part already.");
        return;
    }
    *field = PathField::default();
    scene.out.push(Intent::Edit(Command::AddBeside(file)));
}

/// From wherever the window is opened again, the file is the same.
fn absolute(file: &Path) -> PathBuf {
    std::path::absolute(file).unwrap_or_else(|_| file.to_owned())
}

fn takes_part(file: &Path, scene: &Scene<'_>) -> bool {
    let loaded = scene.model.observer.as_ref().is_some_and(|opened| absolute(&opened.file) == file);
    loaded || scene.model.workspace.beside().iter().any(|listed| listed == file)
}

/// What was loaded before. A network among others in a file can't be named here.
fn recent(ui: &mut Ui, scene: &mut Scene<'_>) {
    let model = scene.model;
    let known = model.recent.observers.iter().filter(|recent| recent.part.is_none());
    let others: Vec<_> = known.filter(|recent| !takes_part(&absolute(&recent.path), scene)).collect();
    if others.is_empty() || model.observer.is_none() {
        return;
    }
    let menu = ui.menu_button("Loaded before", |ui| {
        for recent in others {
            let button = ui.add(Button::new(recent.path.to_string_lossy()).truncate());
            if button.on_hover_text(&recent.network).clicked() {
                scene.out.push(Intent::Edit(Command::AddBeside(absolute(&recent.path))));
            }
        }
    });
    menu.response.on_hover_text("Weight files that were loaded in this project before");
}

/// A file: what it is, what is wrong with it, and the way out of the list.
fn entry(ui: &mut Ui, file: &Path, scene: &mut Scene<'_>) {
    let (model, short) = (scene.model, name(file));
    let progress = model.progress_of(file);
    let under_way = model.is_under_way(Job::Beside);
    let (words, stands) = match &progress {
        Progress::Waits if model.observer.is_none() => ("waits for the observer".to_owned(), true),
        Progress::Waits => ("is being opened…".to_owned(), true),
        Progress::Stopped => ("was not opened: that was stopped".to_owned(), false),
        Progress::Known(known) => (facts(known, under_way), known.beside.opened.is_ok()),
    };
    egui::Sides::new().shrink_left().truncate().show(
        ui,
        |ui| {
            let p = palette(ui.visuals());
            let notes = match &progress {
                Progress::Known(known) => known.beside.opened.as_ref().map_or(&[][..], |opened| &opened.notes),
                Progress::Waits | Progress::Stopped => &[],
            };
            let hover: Vec<&str> = notes.iter().map(String::as_str).collect();
            let whole = format!("{}\n{}", file.to_string_lossy(), hover.join("\n"));
            ui.label(RichText::new(format!("{short}: {words}")).color(p.text)).on_hover_text(whole.trim_end());
        },
        |ui| {
            if named(ui, "Remove", &short).on_hover_text("It no longer takes part").clicked() {
                scene.out.push(Intent::Edit(Command::RemoveBeside(file.to_owned())));
            }
            if !stands && named(ui, "Try again", &short).on_hover_text("Open the file anew").clicked() {
                scene.out.push(Intent::OpenBesideAgain(file.to_owned()));
            }
        },
    );
    if let Progress::Known(known) = progress {
        problems(ui, known);
    }
}

/// A button that says for screen readers which file it is of.
fn named(ui: &mut Ui, label: &str, file: &str) -> egui::Response {
    let button = ui.button(label);
    button.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("{label}: {file}")));
    button
}

/// The network, and its top-1 once it is checked.
fn facts(known: &Known, under_way: bool) -> String {
    let Ok(opened) = &known.beside.opened else { return "can't take part".to_owned() };
    let network = opened.observer.spec.arch;
    match &known.beside.check {
        Some(report) => format!("{network}, top-1 {:.2} % on {} images", report.top1, report.images),
        None if under_way => format!("{network}, is being checked…"),
        None => format!("{network}, not checked yet"),
    }
}

/// What keeps it from taking part, and what its check has to say.
fn problems(ui: &mut Ui, known: &Known) {
    if let Err(why) = &known.beside.opened {
        text::problem(ui, why, true);
    }
    if let Some(why) = known.unfit() {
        text::problem(ui, why, true);
    }
    let card = "What the Observer panel says of the loaded one, the card of this file says of it";
    match &known.verdict {
        Some(Verdict::Doubtful(why)) => text::problem(ui, &format!("{why}. {card}."), false),
        Some(Verdict::Refused(why)) => text::problem(ui, &format!("{why}. {card}."), true),
        Some(Verdict::Good) | None => {}
    }
}

fn weak(ui: &mut Ui, words: &str) {
    ui.add(egui::Label::new(RichText::new(words).color(palette(ui.visuals()).weak)).wrap());
}
