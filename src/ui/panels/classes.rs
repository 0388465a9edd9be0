//! The class order panel: confusions of the observer check, and which output is which class.

use eframe::egui::Ui;

use super::scene::Scene;
use crate::ui::widgets::text;

/// What the panel remembers.
#[derive(Default)]
pub struct ClassesPanel {}

impl ClassesPanel {
    /// Shows the panel.
    pub fn show(&mut self, ui: &mut Ui, _scene: &mut Scene<'_>) {
        text::empty(ui, "Class order", "Check the observer; what it takes for what appears here.");
    }
}
