//! The scores panel: how losses and margins are spread.

use eframe::egui::Ui;

use super::scene::Scene;
use crate::ui::widgets::text;

/// What the panel remembers.
#[derive(Default)]
pub struct ScoresPanel {}

impl ScoresPanel {
    /// Shows the panel.
    pub fn show(&mut self, ui: &mut Ui, _scene: &mut Scene<'_>) {
        text::empty(ui, "Scores", "Score the patches; the spread of their losses appears here.");
    }
}
