//! The refine panel: images whose pixels are moved, as they change.

use eframe::egui::Ui;

use super::scene::Scene;
use crate::ui::widgets::text;

/// What the panel remembers.
#[derive(Default)]
pub struct RefinePanel {}

impl RefinePanel {
    /// Shows the panel.
    pub fn show(&mut self, ui: &mut Ui, _scene: &mut Scene<'_>) {
        text::empty(
            ui,
            "No images are being moved",
            "Choose SRe2L, CDA or LIC in the recipe and press \"Distil to folder\": the images appear here as they change.",
        );
    }
}
