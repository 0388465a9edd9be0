//! How the values of an untrained network's tensors are drawn.

use super::op::Op;
use crate::core::rng::Stream;

/// How the values of a tensor are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Draw {
    /// All the same.
    Constant(f64),
    /// Uniform in ± this.
    Uniform(f64),
    /// Normal with this standard deviation.
    Normal(f64),
    /// Normal with this standard deviation, drawn again beyond ±2 (absolute, as PyTorch's `trunc_normal_` cuts).
    Truncated(f64),
}

impl Draw {
    /// Zeros.
    pub const ZERO: Self = Self::Constant(0.0);

    /// He et al. 2015 for ReLU: normal of variance 2 / fan (`kaiming_normal_`).
    #[must_use]
    pub fn kaiming_normal(fan: usize) -> Self {
        Self::Normal((2.0 / fan.max(1) as f64).sqrt())
    }

    /// He et al. 2015 for ReLU: uniform of variance 2 / fan (`kaiming_uniform_` with a = 0).
    #[must_use]
    pub fn kaiming_uniform(fan: usize) -> Self {
        Self::Uniform((6.0 / fan.max(1) as f64).sqrt())
    }

    /// Glorot and Bengio 2010 (`xavier_uniform_`).
    #[must_use]
    pub fn xavier_uniform((fan_in, fan_out): (usize, usize)) -> Self {
        Self::Uniform((6.0 / (fan_in + fan_out).max(1) as f64).sqrt())
    }

    /// PyTorch's default for the weights and biases of convolutions and linear layers: U(±1/√fan_in).
    #[must_use]
    pub fn default_of(op: &Op) -> Self {
        Self::Uniform(1.0 / (op.fans().0.max(1) as f64).sqrt())
    }

    /// The next value.
    pub(super) fn value(self, stream: &mut Stream) -> f32 {
        (match self {
            Self::Constant(value) => value,
            Self::Uniform(bound) => stream.range(-bound, bound),
            Self::Normal(deviation) => deviation * stream.normal(),
            Self::Truncated(deviation) => loop {
                let value = deviation * stream.normal();
                if value.abs() <= 2.0 {
                    break value;
                }
            },
        }) as f32
    }
}
