//! The source panel: the whole image of the selected patch, with its boxes.

use eframe::egui::Ui;

use super::scene::Scene;
use crate::ui::widgets::text;

/// What the panel remembers.
#[derive(Default)]
pub struct SourcePanel {}

impl SourcePanel {
    /// Shows the panel.
    pub fn show(&mut self, ui: &mut Ui, _scene: &mut Scene<'_>) {
        text::empty(ui, "Source image", "Select a patch; the image that it was cut from appears here.");
    }
}
