//! Dropout and stochastic depth on tensors: [`Masks`] as factors.

use burn::tensor::{Tensor, TensorData};

use crate::engine::burn::ops::Value;
use crate::engine::learn::Masks;

/// What a node drops: each value, or with `whole` each image's whole tensor, becomes 0 with probability `share`; the
/// others are divided by 1 − `share`.
#[derive(Clone, Copy)]
pub(super) struct Dropping {
    pub masks: Masks,
    pub node: usize,
    pub share: f64,
    pub whole: bool,
}

impl Dropping {
    /// Drops it.
    pub(super) fn apply(self, value: Value) -> Value {
        match value {
            Value::Map(x) => Value::Map(self.masked(x)),
            Value::Pixels(x) => Value::Pixels(self.masked(x)),
            Value::Rows(x) => Value::Rows(self.masked(x)),
        }
    }

    fn masked<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        let mut shape = x.dims();
        if self.whole {
            shape[1..].fill(1);
        }
        let per_image: usize = shape[1..].iter().product();
        let images = 0..shape[0] as u64;
        let of_image = |image| self.masks.values((self.node, self.share), image, per_image);
        let mask = Tensor::<1>::from_data(
            TensorData::new(images.flat_map(of_image).collect::<Vec<_>>(), [shape[0] * per_image]),
            &x.device(),
        );
        x * mask.reshape(shape)
    }
}
