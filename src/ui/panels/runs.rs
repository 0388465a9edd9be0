//! The runs panel: what was distilled when, with which recipe, where to.

use eframe::egui::Ui;

use super::scene::Scene;
use crate::ui::widgets::text;

/// What the panel remembers.
#[derive(Default)]
pub struct RunsPanel {}

impl RunsPanel {
    /// Shows the panel.
    pub fn show(&mut self, ui: &mut Ui, _scene: &mut Scene<'_>) {
        text::empty(ui, "Runs", "What is distilled is listed here.");
    }
}
