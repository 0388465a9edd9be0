//! Probes on a device's tensors: what they show, and the terms through which gradients enter there.

use burn::tensor::{Device, Tensor, TensorData};

use super::ops::Value;
use crate::core::train::statistics::ChannelStatistics;
use crate::engine::learn::{Entry, Probe, Probed};
use crate::engine::plan::EngineError;

/// A feature that the backward pass comes back to.
pub(super) enum Tracked {
    /// N×C×H×W.
    Map(Tensor<4>),
    /// N×C.
    Row(Tensor<2>),
    /// Mean and biased variance of each channel; boxed, since a tensor is a large handle.
    Statistics(Box<[Tensor<1>; 2]>),
}

impl Tracked {
    pub(super) fn new(value: Value, probe: &Probe) -> Result<Self, EngineError> {
        Ok(match (value, probe) {
            (Value::Rows(x), Probe::Values(_)) => Self::Row(x),
            (value, Probe::Values(_)) => Self::Map(value.map()?),
            (Value::Rows(x), Probe::Statistics(_)) => {
                let [n, channels] = x.dims();
                statistics(x.reshape([n, channels, 1, 1]))
            }
            (value, Probe::Statistics(_)) => statistics(value.map()?),
        })
    }

    pub(super) fn read(&self) -> Result<Probed, EngineError> {
        let row = |x: &Tensor<1>| Ok::<_, EngineError>(Value::Rows(x.clone().inner().unsqueeze()).read()?.values);
        Ok(match self {
            Self::Map(x) => Probed::Values(Value::Map(x.clone().inner()).read()?),
            Self::Row(x) => Probed::Values(Value::Rows(x.clone().inner()).read()?),
            Self::Statistics(both) => {
                let [mean, variance] = both.as_ref();
                Probed::Statistics(ChannelStatistics { mean: row(mean)?, variance: row(variance)? })
            }
        })
    }

    /// A term whose derivative by the feature is the gradient that enters.
    pub(super) fn term(self, entry: &Entry<'_>, device: &Device) -> Option<Tensor<1>> {
        Some(match (self, entry) {
            (Self::Map(x), Entry::Values(gradient)) => weighed(x, gradient, device),
            (Self::Row(x), Entry::Values(gradient)) => weighed(x, gradient, device),
            (Self::Statistics(both), Entry::Statistics(gradient)) => {
                let [mean, variance] = *both;
                weighed(mean, &gradient.mean, device) + weighed(variance, &gradient.variance, device)
            }
            _ => return None,
        })
    }
}

/// The sum of x·gradient.
pub(super) fn weighed<const D: usize>(x: Tensor<D>, gradient: &[f32], device: &Device) -> Tensor<1> {
    let gradient = Tensor::<D>::from_data(TensorData::new(gradient.to_vec(), x.dims()), device);
    (x * gradient).sum()
}

fn statistics(x: Tensor<4>) -> Tracked {
    let over_pixels = |x: Tensor<4>| x.mean_dim(3).mean_dim(2).mean_dim(0);
    let channels = x.dims()[1];
    let mean = over_pixels(x.clone());
    // The variance doesn't move with the mean that is subtracted: Σ (x − mean) = 0.
    let distance = x - mean.clone().detach();
    let variance = over_pixels(distance.clone() * distance);
    Tracked::Statistics(Box::new([mean.reshape([channels]), variance.reshape([channels])]))
}
