//! What went wrong, by kind of work.

use crate::jobs::worker::Job;

/// Errors, each kept where it arose until the same thing is tried again.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    /// Opening a dataset.
    pub dataset: Option<String>,
    /// Loading an observer.
    pub observer: Option<String>,
    /// Loading observers beside it.
    pub beside: Option<String>,
    /// Checking it.
    pub check: Option<String>,
    /// Looking for suspicious labels.
    pub suspects: Option<String>,
    /// Scoring.
    pub score: Option<String>,
    /// Distilling.
    pub distil: Option<String>,
    /// Training.
    pub train: Option<String>,
    /// Saving a plot or a table.
    pub save: Option<String>,
    /// Exporting images.
    pub export: Option<String>,
}

impl Problems {
    pub(super) fn of(&mut self, job: Job) -> &mut Option<String> {
        match job {
            Job::OpenProject | Job::OpenDataset | Job::OpenSample => &mut self.dataset,
            Job::OpenObserver => &mut self.observer,
            Job::Beside => &mut self.beside,
            Job::Check => &mut self.check,
            Job::Suspects => &mut self.suspects,
            Job::Score | Job::Recall => &mut self.score,
            Job::Distill => &mut self.distil,
            Job::Train => &mut self.train,
            Job::Export | Job::Report => &mut self.export,
        }
    }
}
