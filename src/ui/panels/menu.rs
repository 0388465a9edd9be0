//! The menu bar: menus from the table of commands, and what is open.

use eframe::egui::{self, Button, RichText, Ui};

use super::projects::recent;
use super::scene::Scene;
use crate::ui::actions::{Action, Menu};
use crate::ui::intent::{Intent, Panel};
use crate::ui::theme::palette;

/// Shows the bar.
pub fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    egui::MenuBar::new().ui(ui, |ui| {
        for menu in Menu::ALL.into_iter().filter(|menu| menu.actions().next().is_some()) {
            ui.menu_button(menu.title(), |ui| {
                ui.set_min_width(230.0);
                for action in menu.actions() {
                    if action == Action::Quit && scene.model.project.others().next().is_some() {
                        ui.menu_button("Recent projects", |ui| {
                            let others: Vec<_> = scene.model.project.others().collect();
                            others.into_iter().for_each(|folder| recent(ui, folder, scene.out));
                        });
                    }
                    match action.tag() {
                        None => item(ui, action, scene),
                        // All tags are under one item: a small window has no room for a row each.
                        Some(0) => tags(ui, scene),
                        Some(_) => {}
                    }
                }
                if menu == Menu::View {
                    ui.separator();
                    panels(ui, scene);
                }
            });
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let label = if ui.visuals().dark_mode { "Light" } else { "Dark" };
            let theme = ui.button(label).on_hover_text(Action::ToggleTheme.about().tooltip);
            if theme.clicked() {
                scene.out.push(Intent::Do(Action::ToggleTheme));
            }
            ui.add_space(8.0);
            let p = palette(ui.visuals());
            ui.add(egui::Label::new(RichText::new(title(scene)).color(p.weak)).truncate());
        });
    });
}

/// An item that leads to all tags.
pub fn tags(ui: &mut Ui, scene: &mut Scene<'_>) {
    ui.menu_button("Tag", |ui| {
        ui.set_min_width(120.0);
        Menu::Curate.actions().filter(|action| action.tag().is_some()).for_each(|action| item(ui, action, scene));
    });
}

/// A command with its keys; disabled with the reason where it can't run.
pub fn item(ui: &mut Ui, action: Action, scene: &mut Scene<'_>) {
    let about = action.about();
    let why_not = scene.model.why_not(action);
    let mut button = Button::new(about.label);
    if let Some(keys) = about.keys(ui.ctx()) {
        button = button.shortcut_text(keys);
    }
    let response = ui.add_enabled(why_not.is_none(), button);
    if response.clicked() {
        scene.out.push(Intent::Do(action));
        ui.close();
    }
    response.on_hover_text(about.tooltip).on_disabled_hover_text(why_not.unwrap_or_default());
}

/// Each panel, to be brought forward.
fn panels(ui: &mut Ui, scene: &mut Scene<'_>) {
    ui.menu_button("Panels", |ui| {
        ui.set_min_width(150.0);
        for panel in Panel::ALL {
            if ui.button(panel.title()).on_hover_text(panel.about()).clicked() {
                scene.out.push(Intent::Show(panel));
                ui.close();
            }
        }
    });
}

/// Dataset and observer, in words.
fn title(scene: &Scene<'_>) -> String {
    let model = scene.model;
    let network = model.observer.as_ref().map(|o| o.observer.spec.arch.to_string());
    match (model.dataset_name(), network) {
        (None, _) => "no dataset".to_owned(),
        (Some(name), None) => format!("{name} – no observer"),
        (Some(name), Some(network)) => format!("{name} – {network}"),
    }
}
