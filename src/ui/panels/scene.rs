//! What a panel gets to see, and where it asks.

use eframe::egui::Rect;

use crate::ui::intent::Intent;
use crate::ui::model::Model;
use crate::ui::widgets::gallery::Gallery;

/// What a panel gets: the model to read, pictures to ask for, and where its intents go.
pub struct Scene<'a> {
    /// What is shown.
    pub model: &'a Model,
    /// Pictures.
    pub gallery: &'a mut Gallery,
    /// What is asked for.
    pub out: &'a mut Vec<Intent>,
    /// Where windows over the panels may lie: below the menu and above the bar of jobs.
    pub room: Rect,
}
