//! Probes: features that a forward pass shows and at which gradients enter the backward pass.

use crate::core::train::statistics::ChannelStatistics;
use crate::engine::nets::graph::{Graph, NodeId, Op, Tap};
use crate::engine::plan::{EngineError, Feature};
use crate::engine::weights::Weights;

/// What is looked at of a feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Its values.
    Values(Tap),
    /// Mean and biased variance of each channel over images, rows and columns: two numbers per channel leave the
    /// device, and come back as gradients, instead of a map.
    Statistics(Tap),
}

impl Probe {
    /// The feature.
    #[must_use]
    pub fn tap(&self) -> &Tap {
        let (Self::Values(tap) | Self::Statistics(tap)) = self;
        tap
    }

    /// The node whose result it looks at.
    ///
    /// # Errors
    /// [`EngineError`] where the network has no such feature.
    pub fn node(&self, graph: &Graph) -> Result<NodeId, EngineError> {
        let missing = || format!("the network has no feature {:?}; this is a defect of stillroom", self.tap());
        graph.tap(self.tap()).ok_or_else(|| EngineError::Device(missing()))
    }
}

/// What a probe showed.
#[derive(Clone, Debug, PartialEq)]
pub enum Probed {
    /// The values of all images.
    Values(Feature),
    /// Of the whole batch.
    Statistics(ChannelStatistics),
}

/// How many numbers a probe showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Values.
    Values(usize),
    /// Channels, with a mean and a variance each.
    Statistics(usize),
}

impl Probed {
    /// How many numbers it is.
    #[must_use]
    pub fn size(&self) -> Size {
        match self {
            Self::Values(feature) => Size::Values(feature.values.len()),
            Self::Statistics(statistics) => Size::Statistics(statistics.mean.len()),
        }
    }

    /// The values, of a probe that shows them.
    #[must_use]
    pub fn values(&self) -> Option<&Feature> {
        if let Self::Values(feature) = self { Some(feature) } else { None }
    }

    /// The statistics, of a probe that shows them.
    #[must_use]
    pub fn statistics(&self) -> Option<&ChannelStatistics> {
        if let Self::Statistics(statistics) = self { Some(statistics) } else { None }
    }
}

/// A gradient that enters at a probe.
#[derive(Clone, Copy, Debug)]
pub enum Entry<'a> {
    /// None.
    Nothing,
    /// d loss / d values, laid out like the probe's feature.
    Values(&'a [f32]),
    /// d loss / d mean and d loss / d variance.
    Statistics(&'a ChannelStatistics),
}

impl Entry<'_> {
    /// Whether it is the gradient of so many numbers.
    #[must_use]
    pub fn fits(&self, size: Size) -> bool {
        match *self {
            Self::Nothing => true,
            Self::Values(gradient) => size == Size::Values(gradient.len()),
            Self::Statistics(gradient) => {
                [&gradient.mean, &gradient.variance].iter().all(|of| size == Size::Statistics(of.len()))
            }
        }
    }
}

/// The input of each batch norm with the statistics that the norm has seen in its training, in order of execution.
#[must_use]
pub fn running_statistics(graph: &Graph, weights: &Weights) -> Vec<(Tap, ChannelStatistics)> {
    let norms = graph.nodes().iter().filter(|n| matches!(n.op, Op::BatchNorm { .. }));
    let of = |node: &crate::engine::nets::graph::Node| {
        let [mean, variance] =
            ["running_mean", "running_var"].map(|name| weights.values(&node.tensor_key(name)).to_vec());
        (Tap::NormInput(node.key.clone()), ChannelStatistics { mean, variance })
    };
    norms.map(of).collect()
}
