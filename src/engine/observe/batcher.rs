//! Fills batches of one fixed shape from inputs that come one after another.

use crate::engine::plan::EngineError;

/// Time spent on the two halves of scoring; they overlap, so the sum may exceed the wall clock.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spent {
    /// Seconds in the network.
    pub network_secs: f64,
    /// Seconds in which the network waited for decoded crops.
    pub waiting_secs: f64,
    /// Crops that went through the network.
    pub patches: u64,
}

impl Spent {
    /// Adds another piece of work.
    pub fn add(&mut self, other: Self) {
        self.network_secs += other.network_secs;
        self.waiting_secs += other.waiting_secs;
        self.patches += other.patches;
    }
}

/// Collects inputs and hands over a full batch, the last one padded with zeros: results don't depend on what a batch
/// holds besides.
pub(super) struct Batcher<F> {
    input_len: usize,
    buffer: Vec<f32>,
    filled: usize,
    /// Runs a batch: all inputs, how many inputs that is, and how many of them count.
    run: F,
    /// Time and inputs so far.
    pub spent: Spent,
}

impl<F: FnMut(&[f32], usize, usize) -> Result<(), EngineError>> Batcher<F> {
    /// Batches of `batch` inputs of `input_len` values.
    pub fn new(input_len: usize, batch: usize, run: F) -> Self {
        let buffer = vec![0.0; batch.max(1) * input_len];
        Self { input_len, buffer, filled: 0, run, spent: Spent::default() }
    }

    /// Adds inputs; true if a batch was run.
    pub fn push(&mut self, inputs: &[f32]) -> Result<bool, EngineError> {
        let mut ran = false;
        for input in inputs.chunks_exact(self.input_len) {
            let at = self.filled * self.input_len;
            self.buffer[at..at + self.input_len].copy_from_slice(input);
            self.filled += 1;
            if self.filled * self.input_len == self.buffer.len() {
                self.flush()?;
                ran = true;
            }
        }
        Ok(ran)
    }

    /// Runs what has been added since the last full batch.
    pub fn flush(&mut self) -> Result<(), EngineError> {
        if self.filled == 0 {
            return Ok(());
        }
        self.buffer[self.filled * self.input_len..].fill(0.0);
        let start = std::time::Instant::now();
        (self.run)(&self.buffer, self.buffer.len() / self.input_len, self.filled)?;
        self.spent.network_secs += start.elapsed().as_secs_f64();
        self.spent.patches += self.filled as u64;
        self.filled = 0;
        Ok(())
    }
}
