//! Pause and cancel for running work, and the newest progress for whoever looks.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::core::progress::{Cancelled, Progress};

/// The newest state of a running job: a slot that is overwritten, not a queue.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    /// What is being done; empty before the first step.
    pub stage: &'static str,
    /// Finished units.
    pub done: u64,
    /// All units.
    pub total: u64,
    /// Units per second since the stage began, pauses left out.
    pub rate: f64,
    /// Estimated time until the stage ends; `None` before there is a rate.
    pub left: Option<Duration>,
    /// Whether it is paused.
    pub paused: bool,
}

#[derive(Debug, Default)]
struct State {
    paused: bool,
    cancelled: bool,
    status: Status,
}

/// Steers one job from another thread. Clones steer the same job.
#[derive(Clone, Debug, Default)]
pub struct Control(Arc<(Mutex<State>, Condvar)>);

impl Control {
    fn state<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.0.0.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.1.notify_all();
        result
    }

    /// Asks the job to stop at its next step; what it has stored stays.
    pub fn cancel(&self) {
        self.state(|s| s.cancelled = true);
    }

    /// Holds the job at its next step, or lets it go on.
    pub fn pause(&self, paused: bool) {
        self.state(|s| {
            s.paused = paused;
            s.status.paused = paused;
        });
    }

    /// Whether [`Self::cancel`] was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.state(|s| s.cancelled)
    }

    /// The newest state.
    #[must_use]
    pub fn status(&self) -> Status {
        self.state(|s| s.status.clone())
    }

    /// Waits while paused; returns how long it waited.
    fn wait(&self) -> Result<Duration, Cancelled> {
        let start = Instant::now();
        let mut state = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        while state.paused && !state.cancelled {
            state = self.0.1.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.cancelled { Err(Cancelled) } else { Ok(start.elapsed()) }
    }
}

/// A slot for the newest value, which takes the place of the one before: whoever looks is never behind, and whoever
/// puts never waits. Clones are the same slot.
#[derive(Debug)]
pub struct Latest<T>(Arc<Mutex<Option<T>>>);

impl<T> Clone for Latest<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(None)))
    }
}

impl<T> Latest<T> {
    /// Puts a value in; the one before is dropped outside of the lock.
    pub fn put(&self, value: T) {
        let before = self.0.lock().unwrap_or_else(PoisonError::into_inner).replace(value);
        drop(before);
    }

    /// Takes the newest value out, if there is one.
    #[must_use]
    pub fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The running job's end of a [`Control`].
pub struct Reporter<'a> {
    control: Control,
    warn: Box<dyn FnMut(String) + 'a>,
    stage: &'static str,
    began: Instant,
    first: u64,
    last: u64,
}

impl<'a> Reporter<'a> {
    /// Reports to `control`; warnings go to `warn`.
    pub fn new(control: Control, warn: impl FnMut(String) + 'a) -> Self {
        Self { control, warn: Box::new(warn), stage: "", began: Instant::now(), first: 0, last: 0 }
    }
}

impl Progress for Reporter<'_> {
    fn step(&mut self, stage: &'static str, done: u64, total: u64) -> Result<(), Cancelled> {
        if self.stage != stage || done < self.last {
            (self.stage, self.began, self.first) = (stage, Instant::now(), done);
        }
        self.last = done;
        let secs = self.began.elapsed().as_secs_f64();
        let rate = if secs > 0.0 { (done - self.first) as f64 / secs } else { 0.0 };
        let left = (rate > 0.0).then(|| Duration::from_secs_f64(total.saturating_sub(done) as f64 / rate));
        self.control.state(|s| s.status = Status { stage, done, total, rate, left, paused: s.paused });
        self.began += self.control.wait()?;
        Ok(())
    }

    fn warn(&mut self, message: String) {
        (self.warn)(message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_holds_the_newest_value_until_it_is_taken() {
        let (slot, other) = (Latest::default(), Latest::clone(&Latest::<u32>::default()));
        let clone = Latest::clone(&slot);
        (1..=3).for_each(|value| clone.put(value));
        assert_eq!((slot.take(), clone.take(), other.take()), (Some(3), None, None));
    }

    #[test]
    fn cancelling_ends_the_next_step_even_while_paused() {
        let control = Control::default();
        Reporter::new(control.clone(), |_| {}).step("score", 1, 10).unwrap();
        control.pause(true);
        assert!(control.status().paused);
        std::thread::scope(|scope| {
            let job = control.clone();
            let waiting = scope.spawn(|| Reporter::new(job, |_| {}).step("score", 2, 10));
            std::thread::sleep(Duration::from_millis(20));
            control.cancel();
            assert_eq!(waiting.join().unwrap(), Err(Cancelled));
        });
        assert_eq!(control.status().done, 2);
    }
}
