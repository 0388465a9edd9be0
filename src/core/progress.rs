//! How long work reports: the engine and the store know this trait and nothing of threads, windows or terminals.

/// The work was cancelled; what had been stored stays, and the same call resumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cancelled; the same command resumes where it stopped")]
pub struct Cancelled;

/// Receives the advance of a piece of work and may stop it.
pub trait Progress {
    /// `done` of `total` units of `stage` are finished. Blocks while paused.
    ///
    /// # Errors
    /// [`Cancelled`] when the work must stop.
    fn step(&mut self, stage: &'static str, done: u64, total: u64) -> Result<(), Cancelled>;

    /// Something the user should know that does not end the work.
    fn warn(&mut self, message: String);
}

/// Ignores everything and never cancels.
#[derive(Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn step(&mut self, _stage: &'static str, _done: u64, _total: u64) -> Result<(), Cancelled> {
        Ok(())
    }

    fn warn(&mut self, _message: String) {}
}
