//! The export panel: a distilled set as other programs read it.

use eframe::egui::Ui;

use super::scene::Scene;
use crate::ui::widgets::text;

/// What the panel remembers.
#[derive(Default)]
pub struct ExportPanel {}

impl ExportPanel {
    /// Shows the panel.
    pub fn show(&mut self, ui: &mut Ui, _scene: &mut Scene<'_>) {
        text::empty(ui, "Export", "Distil first, or choose a set; it is written as other programs read it.");
    }
}
