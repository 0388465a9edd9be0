//! What the app does for the tour.

use eframe::egui::Context;

use super::state::App;
use crate::jobs::worker::{Job, Request};
use crate::store::settings::{note_shown, was_shown};
use crate::ui::later;
use crate::ui::model::Recent;
use crate::ui::model::log::Level;
use crate::ui::panels::tour::Pressed;

/// The name under which the settings remember it.
const TOUR: &str = "tour";

impl App {
    /// Finds out, away from the frame, whether anything was opened before, or the tour was seen.
    pub(super) fn ask_for_tour(&mut self, ctx: &Context) {
        let Some(settings) = self.settings.clone() else { return };
        let (project, repaint) = (self.project.clone(), ctx.clone());
        self.tour_due = Some(later::later(move || {
            let nothing = |recent: Recent| recent.datasets.is_empty() && recent.observers.is_empty();
            let due = !was_shown(&settings, TOUR) && Recent::read(project).is_ok_and(nothing);
            repaint.request_repaint();
            due
        }));
    }

    pub(super) fn begin_tour(&mut self) {
        self.tour.begin();
        // The project that is being opened may bring a dataset, or the sample.
        let opening =
            [Job::OpenProject, Job::OpenSample, Job::OpenDataset].iter().any(|job| self.model.is_under_way(*job));
        if self.model.data.is_none() && !opening {
            self.request(Request::OpenSample);
        }
        self.point();
        if let Some(settings) = self.settings.clone() {
            self.tour_noted = Some(later::later(move || note_shown(&settings, TOUR).map_err(|e| e.to_string())));
        }
    }

    /// Brings the panel forward that the tour is at, if it is on.
    pub(super) fn point(&mut self) {
        if let Some(panel) = self.tour.panel() {
            self.desk.show(panel);
        }
    }

    pub(super) fn drain_tour(&mut self) {
        if let Some(due) = self.tour_due.as_ref().and_then(|r| r.try_recv().ok()) {
            self.tour_due = None;
            if due {
                self.begin_tour();
            }
        }
        if let Some(noted) = self.tour_noted.as_ref().and_then(|r| r.try_recv().ok()) {
            self.tour_noted = None;
            if let Err(why) = noted {
                self.model.say(Level::Warning, format!("that the tour was shown can't be remembered: {why}"));
            }
        }
    }

    /// What was pressed on the tour's card.
    pub(super) fn toured(&mut self, pressed: Option<Pressed>) {
        if pressed == Some(Pressed::Moved) {
            self.point();
        }
    }
}
