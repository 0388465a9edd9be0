//! Dropout and stochastic depth with masks that follow from the seed, the step, the node and the image: a resumed run,
//! or a batch that was split because memory ran out, draws the same ones.

use crate::core::rng::Stream;

/// Where a training stands, for the masks of its next batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Masks {
    /// The run's seed.
    pub seed: u64,
    /// Number of the step.
    pub step: u64,
    /// Place of the first image within the step's batch.
    pub first: u64,
}

impl Masks {
    /// The factors of the first `count` values of an image of the batch: 0 with probability `share`, else
    /// 1 / (1 − `share`).
    pub(in crate::engine) fn values(
        self,
        (node, share): (usize, f64),
        image: u64,
        count: usize,
    ) -> impl Iterator<Item = f32> {
        let kept = if share < 1.0 { (1.0 / (1.0 - share)) as f32 } else { 0.0 };
        let parts = [self.step, node as u64, self.first + image].map(u64::to_le_bytes);
        let parts: Vec<&[u8]> = parts.iter().map(<[u8; 8]>::as_slice).collect();
        let mut stream = Stream::new("stillroom 2026 dropout v1", self.seed, &parts);
        (0..count).map(move |_| if stream.range(0.0, 1.0) < share { 0.0 } else { kept })
    }
}
