//! What the app does for how the window looks and what lies in front.

use eframe::egui::{Context, gui_zoom};

use super::state::App;
use crate::core::workspace::{Command, Theme};
use crate::ui::actions::Action;
use crate::ui::intent::{Intent, Panel};
use crate::ui::layout::Desk;

impl App {
    /// Carries out a command of the table about the view; false for others.
    pub(super) fn act_on_view(&mut self, ctx: &Context, action: Action) -> bool {
        match action {
            Action::ToggleTheme => {
                let dark = self.model.workspace.theme() == Theme::Dark;
                let theme = if dark { Theme::Light } else { Theme::Dark };
                self.execute(ctx, Intent::Edit(Command::SetTheme(theme)));
            }
            Action::ZoomIn => gui_zoom::zoom_in(ctx),
            Action::ZoomOut => gui_zoom::zoom_out(ctx),
            Action::ZoomReset => ctx.set_zoom_factor(1.0),
            Action::ResetLayout => self.desk = Desk::default(),
            Action::Help => self.help.open(),
            Action::Tour => self.begin_tour(),
            Action::SavePreset | Action::SaveTrainingPreset | Action::Presets => self.presets_dialog.open(action),
            Action::Palette => self.palette.open(&self.model),
            Action::ShowSource => self.desk.show(Panel::Source),
            Action::PreviousInRank => self.step_in_rank(-1),
            Action::NextInRank => self.step_in_rank(1),
            Action::ShowDistilling => self.desk.show_distilling(),
            Action::ShowTraining => self.desk.show(Panel::Training),
            Action::ShowClassOrder => self.desk.show(Panel::Classes),
            Action::ShowRefine => self.desk.show(Panel::Refine),
            Action::ShowCompare => self.desk.show(Panel::Compare),
            Action::ShowSuspects => self.desk.show(Panel::Suspects),
            _ => return false,
        }
        true
    }
}
