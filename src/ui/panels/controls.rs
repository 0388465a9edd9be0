//! Controls that several panels have.

use eframe::egui::{self, Button, Response, Ui};

use super::scene::Scene;
use crate::ui::actions::Action;
use crate::ui::intent::Intent;

/// A button for a command, with the table's label, tooltip and keys; disabled with the reason where it can't run.
pub fn command(ui: &mut Ui, action: Action, scene: &mut Scene<'_>) -> Response {
    let about = action.about();
    let why_not = scene.model.why_not(action);
    let response = ui.add_enabled(why_not.is_none(), Button::new(about.label));
    if response.clicked() {
        scene.out.push(Intent::Do(action));
    }
    let keys = about.shortcut.map(|s| format!(" ({})", ui.ctx().format_shortcut(&s))).unwrap_or_default();
    let tip = format!("{}{keys}", about.tooltip);
    match why_not {
        Some(why) => response.on_disabled_hover_text(format!("{tip}: {why}")),
        None => response.on_hover_text(tip),
    }
}

/// A slider for thumbnails' size.
pub fn size_slider(ui: &mut Ui, side: &mut f32, name: &str) {
    ui.spacing_mut().slider_width = 90.0;
    let slider = egui::Slider::new(side, 32.0..=256.0).step_by(8.0).show_value(false);
    let response = ui.add(slider).on_hover_text(format!("{name}: {side} pixels"));
    let value = f64::from(*side);
    response.widget_info(|| egui::WidgetInfo::slider(true, value, name));
}
