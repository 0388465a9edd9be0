//! Progress and results on a terminal: people read standard error, programs standard output.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::signals;
use crate::core::progress::{Cancelled, Progress};
use crate::jobs::control::{Control, Reporter};
use crate::jobs::distill::DistillError;
use crate::jobs::train::TrainJobError;

pub use crate::jobs::memory::peak_rss_mib;

/// Why a command ended without its result.
#[derive(Debug)]
pub enum Failure {
    /// Something went wrong; the text names the cause and the remedy.
    Failed(String),
    /// The arguments contradict each other.
    Usage(String),
    /// Ctrl-C, or another signal that asks for the end.
    Cancelled,
    /// The same, and what was finished is stored.
    Resumable,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Failed(text) | Self::Usage(text) => f.write_str(text),
            Self::Cancelled => f.write_str(&cancelled()),
            Self::Resumable => write!(f, "{}; the same command resumes where it stopped", cancelled()),
        }
    }
}

fn cancelled() -> String {
    signals::received().map_or_else(|| "cancelled".to_owned(), |name| format!("cancelled by {name}"))
}

impl Failure {
    /// That of a training: parameters that don't go together are usage.
    #[must_use]
    pub fn of_training(error: TrainJobError) -> Self {
        match error {
            cancelled if cancelled.is_cancelled() => Self::Resumable,
            TrainJobError::Recipe(text) => Self::Usage(text),
            side @ TrainJobError::Side { .. } => Self::Usage(side.to_string()),
            other => Self::Failed(other.to_string()),
        }
    }

    /// That of a distillation, or of a set whose pixels are moved further.
    #[must_use]
    pub fn of_distilling(error: &DistillError) -> Self {
        if error.is_cancelled() { Self::Resumable } else { Self::Failed(error.to_string()) }
    }

    /// 1 failed, 2 usage, 130 cancelled.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::Cancelled | Self::Resumable => 130,
        })
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(error.to_string())
    }
}

/// The terminal's [`Progress`]: cancelled by Ctrl-C and the signals of schedulers, prints a line now and then.
pub struct Console {
    control: Control,
    reporter: Reporter<'static>,
    json: bool,
    printed: Option<Instant>,
    stage: &'static str,
}

impl Console {
    /// Takes over Ctrl-C and its siblings. With `json`, progress and warnings are JSON lines on standard output.
    ///
    /// # Errors
    /// Where the system refuses the handler.
    pub fn new(json: bool) -> Result<Self, Failure> {
        let control = Control::default();
        signals::cancel_on_signals(control.clone(), tell)
            .map_err(|e| Failure::Failed(format!("Ctrl-C can't be handled: {e}")))?;
        let warn = move |message: String| {
            if json {
                print_line(&serde_json::json!({ "warning": message }));
            } else {
                tell(&format!("warning: {message}"));
            }
        };
        let reporter = Reporter::new(control.clone(), warn);
        Ok(Self { control, reporter, json, printed: None, stage: "" })
    }

    /// Tells something; with `--json` as a note.
    pub fn say(&self, text: &str) {
        if self.json {
            print_line(&serde_json::json!({ "note": text }));
        } else {
            tell(text);
        }
    }

    /// The failure of a job: cancelled if a signal asked for the end.
    pub fn failure(&self, error: &dyn std::fmt::Display) -> Failure {
        if self.control.is_cancelled() { Failure::Cancelled } else { Failure::Failed(error.to_string()) }
    }
}

impl Progress for Console {
    fn step(&mut self, stage: &'static str, done: u64, total: u64) -> Result<(), Cancelled> {
        self.reporter.step(stage, done, total)?;
        let due = self.printed.is_none_or(|at| at.elapsed() > Duration::from_millis(500));
        if due || stage != self.stage || done == total {
            (self.printed, self.stage) = (Some(Instant::now()), stage);
            let status = self.control.status();
            let left = status.left.map(|left| left.as_secs_f64());
            if self.json {
                print_line(&serde_json::json!({"progress": stage, "done": done, "total": total, "seconds_left": left}));
            } else if done > 0 || total == 0 {
                let pace = left.map_or_else(String::new, |left| format!("  {:.0}/s  {left:.0} s left", status.rate));
                tell(&format!("{stage} {done}/{total}{pace}"));
            }
        }
        Ok(())
    }

    fn warn(&mut self, message: String) {
        self.reporter.warn(message);
    }
}

/// A line on standard error. Nobody may be reading any more; the work itself goes on.
pub fn tell(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Why a line of the result could not be written, the first time.
static LOST: OnceLock<String> = OnceLock::new();

/// One JSON line on standard output. Where it can't be written the work goes on; [`lost`] tells at its end.
pub fn print_line(value: &serde_json::Value) {
    if let Err(error) = writeln!(std::io::stdout(), "{value}") {
        let _ = LOST.set(error.to_string());
    }
}

/// Fails where a line of the result was lost.
///
/// # Errors
/// [`Failure::Failed`].
pub fn lost() -> Result<(), Failure> {
    let lost = |why| Failure::Failed(format!("the result can't be written to standard output: {why}"));
    LOST.get().map_or(Ok(()), |why| Err(lost(why)))
}
