//! Where the user looks.

use eframe::egui::Vec2;

use crate::ui::model::log::Level;
use crate::ui::widgets::notices::Notices;

/// What is known of where the user looks, and of the running job.
pub(super) struct Attention {
    pub(super) notices: Notices,
    /// Whether the window has the keyboard.
    pub(super) focused: bool,
    /// The window's size, which tells what is in front in it.
    pub(super) size: Vec2,
    /// Call for attention in the next frame.
    pub(super) call: bool,
    /// How the running job ended, as far as it has said.
    pub(super) ended: Option<(Level, String)>,
}

impl Default for Attention {
    fn default() -> Self {
        Self { notices: Notices::default(), focused: true, size: Vec2::ZERO, call: false, ended: None }
    }
}
