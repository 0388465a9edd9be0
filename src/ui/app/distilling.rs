//! What the app does for distilling.

use std::path::PathBuf;
use std::sync::Arc;

use super::state::App;
use crate::core::data::dataset::ClassId;
use crate::core::distil::rded::Rded;
use crate::jobs::check::Verdict;
use crate::jobs::distill::DistillRequest;
use crate::jobs::open::OpenedObserver;
use crate::jobs::worker::{Job, RefineRequest, Request};
use crate::ui::intent::Panel;
use crate::ui::model::beside::Readiness;
use crate::ui::model::log::Level;

impl App {
    /// Goes on with a distillation that waits for the check and for further observers, once they are there.
    pub(super) fn distil_if_allowed(&mut self) {
        let Some(request) = self.distil_next.take() else { return };
        let force = self.panels.recipe.forced();
        match &self.model.check {
            Some((_, Verdict::Refused(why))) if !force => {
                self.refuse(format!("The observer check refused: {why}"));
                return;
            }
            None if !force => {
                self.distil_next = Some(request);
                return;
            }
            _ => {}
        }
        let method = match &request {
            Request::Refine(request) => &request.recipe.method,
            Request::Distill(request) => &request.recipe.method,
            _ => return,
        };
        match self.model.readiness(method, force) {
            Readiness::Waits => self.distil_next = Some(request),
            Readiness::Problem(why) => self.refuse(why),
            Readiness::Ready(beside) => self.begin_distilling(with(request, beside)),
        }
    }

    fn refuse(&mut self, why: String) {
        self.model.problems.distil = Some(why);
        // There is what says so, and what passes over it.
        self.desk.show(Panel::Recipe);
    }

    /// Has the worker distil; images that change are in view.
    fn begin_distilling(&mut self, request: Request) {
        let moves = match &request {
            Request::Distill(request) => request.recipe.method.iterations() > 0,
            _ => matches!(request, Request::Refine(_)),
        };
        if moves {
            self.desk.show(Panel::Refine);
        }
        self.request(request);
    }

    /// Scores the chosen classes, the shown one first.
    pub(super) fn score(&mut self) {
        let shown = self.model.workspace.shown_class();
        let mut classes: Vec<ClassId> = self.model.workspace.chosen().collect();
        classes.sort_by_key(|c| (Some(*c) != shown, *c));
        let recipe = self.model.workspace.recipe().clone();
        if let Some(Rded { patches, subset, crops, .. }) = recipe.method.rded() {
            let text = format!("scoring {} classes: N = {patches}, subset {subset}, {crops} crops", classes.len());
            self.model.say(Level::Info, text);
        }
        self.request(Request::Score { recipe, classes });
    }

    /// Distils once the observer is checked; a refusal is shown where it was asked for.
    pub(super) fn distil(&mut self, out: PathBuf, force: bool) {
        self.model.problems.distil = None;
        self.model.written = None;
        let recipe = self.model.workspace.recipe().clone();
        let classes = self.model.workspace.chosen().collect();
        let curation = self.model.workspace.curation().clone();
        // Further observers come along as soon as all are opened.
        let request = DistillRequest { recipe, classes, curation, beside: Vec::new(), out };
        self.panels.recipe.out_typed = true;
        self.distil_checked(Request::Distill(request), force);
    }

    /// Has something distilled once the observer is checked, or at once where the user insists.
    pub(super) fn distil_checked(&mut self, request: Request, force: bool) {
        self.model.problems.distil = None;
        if let Some(why) = self.refused_order() {
            self.model.problems.distil = Some(why);
            return;
        }
        self.distil_next = Some(request);
        if force {
            self.distil_if_allowed();
            return;
        }
        // An observer that is opened with another order is checked then.
        if self.awaits_observer() {
            return;
        }
        if self.model.check.is_some() {
            self.distil_if_allowed();
        } else if !self.model.is_under_way(Job::Check) {
            self.request(Request::Check);
        }
    }
}

/// The request, with the observers that move pixels beside the loaded one.
fn with(request: Request, beside: Vec<Arc<OpenedObserver>>) -> Request {
    match request {
        Request::Distill(request) => Request::Distill(DistillRequest { beside, ..request }),
        Request::Refine(request) => Request::Refine(RefineRequest { beside, ..request }),
        other => other,
    }
}
