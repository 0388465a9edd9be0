//! Controls that several panels have.

use eframe::egui::{self, Button, Response, Ui};

use super::scene::Scene;
use crate::ui::actions::Action;
use crate::ui::intent::{Intent, Saving};
use crate::ui::theme::palette;

/// A button for a command, with the table's label, tooltip and keys; disabled with the reason where it can't run.
pub fn command(ui: &mut Ui, action: Action, scene: &mut Scene<'_>) -> Response {
    let about = action.about();
    let why_not = scene.model.why_not(action);
    let response = ui.add_enabled(why_not.is_none(), Button::new(about.label));
    if response.clicked() {
        scene.out.push(Intent::Do(action));
    }
    let keys = about.keys(ui.ctx()).map(|keys| format!(" ({keys})")).unwrap_or_default();
    let tip = format!("{}{keys}", about.tooltip);
    match why_not {
        Some(why) => response.on_disabled_hover_text(format!("{tip}: {why}")),
        None => response.on_hover_text(tip),
    }
}

/// Least and greatest side of thumbnails, in points.
const SIDES: std::ops::RangeInclusive<f32> = 32.0..=256.0;

/// Where the check refused: the way to the panel that shows what was taken for what.
pub fn look_at_class_order(ui: &mut Ui, scene: &mut Scene<'_>) {
    let about = Action::ShowClassOrder.about();
    if ui.button("Look at the class order").on_hover_text(about.tooltip).clicked() {
        scene.out.push(Intent::Do(Action::ShowClassOrder));
    }
}

/// A slider for thumbnails' size, which Ctrl and the wheel over the panel change, too.
pub fn size_slider(ui: &mut Ui, side: &mut f32, name: &str) {
    if ui.rect_contains_pointer(ui.clip_rect()) {
        let zoomed = *side * ui.input(egui::InputState::zoom_delta);
        *side = zoomed.clamp(*SIDES.start(), *SIDES.end());
    }
    ui.spacing_mut().slider_width = 90.0;
    let slider = egui::Slider::new(side, SIDES).step_by(8.0).show_value(false);
    let response = ui.add(slider).on_hover_text(format!("{name}: {side} pixels"));
    let value = f64::from(*side);
    response.widget_info(|| egui::WidgetInfo::slider(true, value, name));
}

/// A button that asks where to save a plot or a table; `text` makes the file's contents when it is pressed.
pub fn save(
    ui: &mut Ui,
    (label, what, name): (&str, &'static str, &str),
    scene: &mut Scene<'_>,
    text: impl FnOnce() -> String,
) {
    let button = ui.button(label);
    let said = format!("Save {what} as {label}");
    button.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &said));
    if button.clicked() {
        scene.out.push(Intent::Save(Saving { what, name: name.to_owned(), text: text() }));
    }
    button.on_hover_text(said.as_str());
}

/// Says where something was saved to, beside what asks for it, if it was the last.
pub fn saved(ui: &mut Ui, scene: &Scene<'_>, whats: &[&str]) {
    if let Some(saved) = scene.model.saved.as_ref().filter(|saved| whats.contains(&saved.what)) {
        let (path, p) = (crate::store::files::shown(&saved.path), palette(ui.visuals()));
        let name = saved.path.file_name().unwrap_or_default().to_string_lossy();
        let words = egui::RichText::new(format!("saved as {name}")).color(p.good);
        ui.add(egui::Label::new(words).truncate()).on_hover_text(path);
    }
}
