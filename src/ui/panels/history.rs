//! The history panel: the steps that undo takes back.

use eframe::egui::Ui;

use super::scene::Scene;
use crate::ui::widgets::text;

/// What the panel remembers.
#[derive(Default)]
pub struct HistoryPanel {}

impl HistoryPanel {
    /// Shows the panel.
    pub fn show(&mut self, ui: &mut Ui, _scene: &mut Scene<'_>) {
        text::empty(ui, "History", "What you change is listed here, and can be taken back.");
    }
}
