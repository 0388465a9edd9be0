//! The compare panel: distilled sets side by side, class by class, with what they cost, what students learnt from them, and
//! the parameters that differ.

use eframe::egui::{self, Key, RichText, Role, Ui, WidgetInfo};

use super::controls::size_slider;
use super::scene::Scene;
use crate::ui::intent::{CompareChange, Intent, Panel};
use crate::ui::keyboard;
use crate::ui::theme::palette;
use crate::ui::widgets::path_field::PathField;
use crate::ui::widgets::text;

mod budget;
mod facts;
mod list;
mod table;

/// From this width on, in points, the list of sets has room beside the table.
const BESIDE: f32 = 620.0;

/// What the panel remembers.
pub struct ComparePanel {
    /// Side of the images, in points.
    pub side: f32,
    /// The folder of a set that no run of the project wrote.
    pub path: PathField,
    /// Whether all parameters that differ are shown.
    all: bool,
}

impl Default for ComparePanel {
    fn default() -> Self {
        Self { side: 96.0, path: PathField::default(), all: false }
    }
}

impl ComparePanel {
    /// Shows the panel.
    pub fn show(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        if ui.available_width() >= BESIDE {
            egui::Panel::left("sets to compare")
                .resizable(true)
                .default_size(232.0)
                .size_range(180.0..=360.0)
                .frame(egui::Frame::new())
                .show(ui, |ui| list::show(ui, &mut self.path, scene));
        } else {
            let chosen = scene.model.compare.wanted().len();
            let head = format!("Sets to compare ({chosen} chosen)");
            egui::CollapsingHeader::new(head).id_salt("sets to compare").default_open(chosen == 0).show(ui, |ui| {
                egui::ScrollArea::vertical().max_height(180.0).show(ui, |ui| list::show(ui, &mut self.path, scene));
            });
        }
        if scene.model.compare.sets().next().is_none() {
            nothing(ui, scene);
            return;
        }
        egui::Frame::new().inner_margin(egui::Margin { left: 6, ..Default::default() }).show(ui, |ui| {
            self.header(ui, scene);
            budget::show(ui, scene);
            let facts = facts::of(scene.model, self.all);
            table::show(ui, (self.side, &facts), scene);
        });
        arrows(ui, scene);
    }

    fn header(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        let compare = &scene.model.compare;
        let (image, most) = (compare.image(), compare.most());
        ui.horizontal_wrapped(|ui| {
            let step = |ui: &mut Ui, words: &str, name: &str, to: Option<u32>, out: &mut Vec<Intent>| {
                let button = ui.add_enabled(to.is_some(), egui::Button::new(words).small());
                button.widget_info(|| WidgetInfo::labeled(Role::Button, to.is_some(), name));
                if button.on_hover_text(format!("{name} of every class")).clicked() {
                    out.extend(to.map(|to| Intent::Compare(CompareChange::LookAt(to))));
                }
            };
            step(ui, "<", "Previous image", image.checked_sub(1), scene.out);
            ui.label(format!("image {} of {}", text::thousands(u64::from(image) + 1), text::thousands(most.into())));
            step(ui, ">", "Next image", Some(image + 1).filter(|next| *next < most), scene.out);
            size_slider(ui, &mut self.side, "Compared image size");
            let all = ui.checkbox(&mut self.all, "parameters that differ");
            all.on_hover_text("Every parameter of the recipes whose value isn't the same in all sets");
        });
    }
}

/// The arrow keys go from image to image while the panel has them.
fn arrows(ui: &Ui, scene: &mut Scene<'_>) {
    let own = scene.model.active == Some(Panel::Compare);
    if !own || ui.memory(|m| m.focused().is_some()) || !keyboard::is_uncovered(ui.ctx()) {
        return;
    }
    let pressed = |key| ui.input(|i| i.modifiers.is_none() && i.key_pressed(key));
    let image = scene.model.compare.image();
    let to = match () {
        () if pressed(Key::ArrowRight) => Some(image + 1),
        () if pressed(Key::ArrowLeft) => image.checked_sub(1),
        () => None,
    };
    scene.out.extend(to.map(|to| Intent::Compare(CompareChange::LookAt(to))));
}

/// Says what the panel is for and what to do next.
fn nothing(ui: &mut Ui, scene: &Scene<'_>) {
    let compare = &scene.model.compare;
    if compare.is_opening() {
        ui.label(RichText::new("opening…").color(palette(ui.visuals()).weak));
        return;
    }
    let next = match scene.model.runs.list.rows.iter().filter(|run| run.there).count() {
        0 => {
            "What you distil to folders in this project can be ticked in the list; another set's folder can be typed there."
        }
        _ => {
            "Tick sets in the list: their images appear side by side, class by class, with what their students learnt."
        }
    };
    text::empty(ui, "No sets are compared", next);
}
