//! When long work writes the state that a kill would otherwise cost, so that writing stays a small share of the work.

use std::time::{Duration, Instant};

/// Share of the time that writing states may take.
const SHARE: f64 = 0.05;

/// Says when the next state is due.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keeping {
    /// Work that a kill may cost: what was asked for, or more where states are so large that writing them that often would
    /// take longer than the work.
    every: Duration,
    /// When the last state was written, or the work began.
    kept: Instant,
}

impl Keeping {
    /// A state after each `every` of work, or less often where writing takes more than its share.
    pub(super) fn every(every: Duration) -> Self {
        Self { every, kept: Instant::now() }
    }

    /// Work begins of which nothing is to be kept yet.
    pub(super) fn restart(&mut self) {
        self.kept = Instant::now();
    }

    /// Whether it is time for a state.
    pub(super) fn is_due(&self) -> bool {
        self.kept.elapsed() >= self.every
    }

    /// Writes a state, and puts the next one off by as long as its share of the time asks for.
    pub(super) fn write<T>(&mut self, write: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let written = write();
        self.kept = Instant::now();
        self.every = self.every.max(start.elapsed().div_f64(SHARE));
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_that_take_long_to_write_are_written_less_often() {
        let mut keeping = Keeping::every(Duration::ZERO);
        assert!(keeping.is_due());
        keeping.write(|| std::thread::sleep(Duration::from_millis(100)));
        assert!(keeping.every >= Duration::from_secs(2), "100 ms are 5 % of 2 s: {:?}", keeping.every);
        assert!(!keeping.is_due());
        // What is written quickly afterwards brings no state forward, and what was asked for is the least.
        keeping.write(|| ());
        assert!(keeping.every >= Duration::from_secs(2));
        let mut seldom = Keeping::every(Duration::from_secs(60));
        seldom.write(|| ());
        assert_eq!(seldom.every, Duration::from_secs(60));
    }
}
