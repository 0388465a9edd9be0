//! Dropout and stochastic depth with masks that follow from the seed, the step, the node and the image: a resumed run,
//! or a batch that was split because memory ran out, draws the same ones.

use burn::tensor::{Tensor, TensorData};

use crate::core::rng::Stream;
use crate::engine::burn_ops::Value;

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
    /// Each value, or with `whole` each image's whole tensor, becomes 0 with probability `share`; the others are
    /// divided by 1 − `share`.
    pub(super) fn drop(self, value: Value, node: usize, share: f64, whole: bool) -> Value {
        match value {
            Value::Map(x) => Value::Map(self.masked(x, node, share, whole)),
            Value::Pixels(x) => Value::Pixels(self.masked(x, node, share, whole)),
            Value::Rows(x) => Value::Rows(self.masked(x, node, share, whole)),
        }
    }

    fn masked<const D: usize>(self, x: Tensor<D>, node: usize, share: f64, whole: bool) -> Tensor<D> {
        let mut shape = x.dims();
        if whole {
            shape[1..].fill(1);
        }
        let per_image: usize = shape[1..].iter().product();
        let images = 0..shape[0] as u64;
        let values = images.flat_map(|image| self.values((node, share), image, per_image)).collect::<Vec<_>>();
        let mask = Tensor::<1>::from_data(TensorData::new(values, [shape[0] * per_image]), &x.device());
        x * mask.reshape(shape)
    }

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
