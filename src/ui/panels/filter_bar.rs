//! What is shown and in which order, to be read and changed: class, file name, sort, and a chip for each part of the
//! filter that is on, which removes it.

use eframe::egui::containers::menu::{MenuButton, MenuConfig};
use eframe::egui::{self, PopupCloseBehavior, Role, Ui, WidgetInfo};

use super::controls::command;
use super::scene::Scene;
use super::source::class_chooser;
use crate::core::chart::ticks;
use crate::core::distil::curation::{Choice, TAGS};
use crate::core::workspace::Command;
use crate::core::workspace::view::{Brush, Filter, SortBy};
use crate::ui::actions::Action;
use crate::ui::intent::Intent;
use crate::ui::widgets::text;

/// What the bar remembers.
#[derive(Default)]
pub struct FilterBar {
    /// The search field takes the keyboard in the next frame.
    focus: bool,
}

impl FilterBar {
    /// Gives the keyboard to the search field.
    pub fn find(&mut self) {
        self.focus = true;
    }

    /// Shows the controls in as many rows as they need, and the chips below them.
    pub fn show(&mut self, ui: &mut Ui, name: &'static str, scene: &mut Scene<'_>) {
        ui.horizontal_wrapped(|ui| {
            class_chooser(ui, name, scene);
            self.search(ui, scene);
            sort(ui, scene);
            let config = MenuConfig::new().close_behavior(PopupCloseBehavior::CloseOnClickOutside);
            MenuButton::new("Filter").config(config).ui(ui, |ui| menu(ui, scene));
        });
        chips(ui, scene);
    }

    fn search(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        let filter = scene.model.workspace.filter();
        let mut name = filter.name.clone();
        let field = egui::TextEdit::singleline(&mut name).hint_text("file name").desired_width(104.0);
        let field = ui.add(field);
        field.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Find by file name"));
        if std::mem::take(&mut self.focus) {
            field.request_focus();
        }
        if field.changed() {
            scene.out.push(Intent::Edit(Command::SetFilter(Filter { name, ..filter.clone() })));
        }
        if field.lost_focus() {
            scene.out.push(Intent::Edit(Command::Settle));
        }
        let keys = Action::FindByName.about().keys(ui.ctx()).unwrap_or_default();
        field.on_hover_text(format!("Images whose file name has this in it, whatever its case ({keys})"));
    }
}

fn sort(ui: &mut Ui, scene: &mut Scene<'_>) {
    let now = scene.model.workspace.sort();
    let mut next = now;
    let combo = egui::ComboBox::from_id_salt("Sort patches").width(84.0).selected_text(format!("by {}", now.by.name()));
    let combo = combo.show_ui(ui, |ui| {
        for by in SortBy::ALL {
            ui.selectable_value(&mut next.by, by, format!("by {}", by.name()));
        }
    });
    combo.response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, "Sort patches"));
    let direction = if now.descending { "descending" } else { "ascending" };
    if ui.button(direction).on_hover_text("Turn the order round; what has no value comes last either way").clicked() {
        next.descending = !now.descending;
    }
    if next != now {
        scene.out.extend([Command::Settle, Command::SetSort(next), Command::Settle].map(Intent::Edit));
    }
}

fn menu(ui: &mut Ui, scene: &mut Scene<'_>) {
    let now = scene.model.workspace.filter();
    let mut next = now.clone();
    ui.checkbox(&mut next.stitched, "Stitched").on_hover_text("Patches that become part of a distilled image");
    ui.separator();
    ui.radio_value(&mut next.choice, None, "Whatever was decided");
    for choice in [Choice::Pinned, Choice::Rejected, Choice::Ranked] {
        ui.radio_value(&mut next.choice, Some(choice), capitalised(choice_words(choice)));
    }
    ui.separator();
    ui.horizontal_wrapped(|ui| {
        ui.selectable_value(&mut next.tag, None, "Any tag or none");
        for tag in 1..=TAGS {
            let button = ui.selectable_value(&mut next.tag, Some(tag), tag.to_string());
            button.widget_info(|| WidgetInfo::selected(Role::Button, true, now.tag == Some(tag), format!("Tag {tag}")));
        }
    });
    let cells = scene.model.workspace.recipe().factor().pow(2);
    if cells > 1 {
        ui.separator();
        ui.horizontal_wrapped(|ui| {
            ui.selectable_value(&mut next.cell, None, "Any cell");
            for cell in 0..cells {
                let (here, words) = (now.cell == Some(cell), format!("Cell {}", cell + 1));
                let button = ui.selectable_value(&mut next.cell, Some(cell), (cell + 1).to_string());
                button.widget_info(|| WidgetInfo::selected(Role::Button, true, here, &words));
            }
        });
    }
    if next != *now {
        step(scene, next);
    }
}

/// Makes a filter the one in use, as a step of its own for undo.
pub fn step(scene: &mut Scene<'_>, filter: Filter) {
    scene.out.extend([Command::Settle, Command::SetFilter(filter), Command::Settle].map(Intent::Edit));
}

/// The parts of the filter that are on, each with what removes it, and a button that removes all; nothing where the
/// filter is open.
pub fn chips(ui: &mut Ui, scene: &mut Scene<'_>) {
    let filter = scene.model.workspace.filter().clone();
    if filter.is_open() {
        return;
    }
    ui.horizontal_wrapped(|ui| {
        for (words, without) in parts(&filter) {
            let label = format!("Remove filter {words}");
            let button = ui.button(format!("{} ×", shortened(&words)));
            button.widget_info(|| WidgetInfo::labeled(Role::Button, true, &label));
            if button.on_hover_text(label.clone()).clicked() {
                step(scene, without);
            }
        }
        command(ui, Action::ClearFilters, scene);
    });
}

/// Each part of a filter in words, but for the class, and the filter without it.
fn parts(filter: &Filter) -> Vec<(String, Filter)> {
    let mut parts = Vec::new();
    if !filter.name.is_empty() {
        parts.push((format!("name '{}'", filter.name), Filter { name: String::new(), ..filter.clone() }));
    }
    if let Some(brush) = &filter.brush {
        parts.push((brush_words(brush), Filter { brush: None, ..filter.clone() }));
    }
    if let Some(choice) = filter.choice {
        parts.push((choice_words(choice).to_owned(), Filter { choice: None, ..filter.clone() }));
    }
    if let Some(tag) = filter.tag {
        parts.push((format!("tag {tag}"), Filter { tag: None, ..filter.clone() }));
    }
    if filter.stitched {
        parts.push(("stitched".to_owned(), Filter { stitched: false, ..filter.clone() }));
    }
    if let Some(cell) = filter.cell {
        parts.push((format!("cell {}", cell + 1), Filter { cell: None, ..filter.clone() }));
    }
    parts
}

fn choice_words(choice: Choice) -> &'static str {
    match choice {
        Choice::Pinned => "pinned",
        Choice::Rejected => "rejected",
        Choice::Ranked => "neither pinned nor rejected",
    }
}

/// A range in words: "loss 0.001–0.2", "margin -0.5 to 0.1", "loss ≤ 0.2".
#[must_use]
pub fn brush_words(brush: &Brush) -> String {
    let (name, number) = (brush.quantity.name(), |value: f32| ticks::label(f64::from(value)));
    let (low, high) = (number(brush.low), number(brush.high));
    match (brush.low.is_finite(), brush.high.is_finite()) {
        (false, false) => format!("{name} known"),
        (false, true) => format!("{name} ≤ {high}"),
        (true, false) => format!("{name} ≥ {low}"),
        (true, true) if brush.low < 0.0 => format!("{name} {low} to {high}"),
        (true, true) => format!("{name} {low}–{high}"),
    }
}

fn capitalised(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn shortened(words: &str) -> String {
    const LONGEST: usize = 40;
    if words.chars().count() <= LONGEST {
        return words.to_owned();
    }
    words.chars().take(LONGEST).chain(['…']).collect()
}

/// "showing 3 of 300", and that something is not counted yet.
#[must_use]
pub fn showing((shown, uncounted): (usize, usize), of: usize) -> String {
    let counting = if uncounted > 0 { ", counting…" } else { "" };
    format!("showing {} of {}{counting}", text::thousands(shown as u64), text::thousands(of as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::data::dataset::ClassId;
    use crate::core::workspace::view::Quantity;

    #[test]
    fn each_part_is_said_and_taken_away_alone() {
        let brush = Some(Brush { quantity: Quantity::Loss, low: 0.001, high: 0.2 });
        let filter = Filter {
            class: Some(ClassId(2)),
            name: "cat".into(),
            brush,
            choice: Some(Choice::Pinned),
            tag: Some(3),
            stitched: true,
            cell: Some(1),
        };
        let parts = parts(&filter);
        let words: Vec<&str> = parts.iter().map(|(words, _)| words.as_str()).collect();
        assert_eq!(words, ["name 'cat'", "loss 0.001–0.2", "pinned", "tag 3", "stitched", "cell 2"]);
        assert_eq!(parts[1].1, Filter { brush: None, ..filter.clone() });
        let emptied = parts.iter().fold(filter, |left, (words, _)| {
            let parts = super::parts(&left);
            parts.into_iter().find(|(w, _)| w == words).map(|(_, without)| without).unwrap()
        });
        assert_eq!(emptied, Filter { class: Some(ClassId(2)), ..Filter::default() });
        assert!(super::parts(&emptied).is_empty());
    }

    #[test]
    fn ranges_read_well() {
        let words = |low, high| brush_words(&Brush { quantity: Quantity::Margin, low, high });
        let (least, most) = (f32::NEG_INFINITY, f32::INFINITY);
        assert_eq!([words(0.1, 0.25), words(-0.5, 0.25)], ["margin 0.1–0.25", "margin -0.5 to 0.25"]);
        assert_eq!([words(least, 0.25), words(1e-5, most)], ["margin ≤ 0.25", "margin ≥ 1e-5"]);
        assert_eq!(showing((1200, 3), 5000), "showing 1,200 of 5,000, counting…");
    }
}
