//! Which network and which learner a device gets.

use super::optimiser::{Rule, Slowed};
use super::{Differentiable, Fitted, Learner, Setup};
use crate::engine::burn::network::BurnNetwork;
use crate::engine::cpu::learn::CpuNetwork;
use crate::engine::device::{Hardware, Picked};
use crate::engine::nets::NetworkSpec;
use crate::engine::nets::graph::Graph;
use crate::engine::plan::EngineError;
use crate::engine::weights::Weights;

/// How a learner moves its parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moves {
    /// The optimiser.
    pub rule: Rule,
    /// What the rate of everything but the classifier is multiplied by; 1 for one rate.
    pub body: f64,
}

/// The learner for a device: on the processor the project's own network where it covers the operations, else burn's.
///
/// # Errors
/// [`EngineError`] where tensors are missing or the device refuses.
pub fn learner(
    spec: &NetworkSpec,
    weights: &Weights,
    moves: Moves,
    picked: &Picked,
) -> Result<Box<dyn Learner>, EngineError> {
    let (graph, setup, rule) = (spec.graph(), Setup::training(), moves.rule);
    let apart = moves.body != 1.0;
    let slowed = apart.then(|| Slowed { factor: moves.body, but: graph.classifier_keys() });
    Ok(if on_processor(&graph, picked) {
        Box::new(Fitted::new(CpuNetwork::new(graph, weights, &setup)?, rule).slowed(slowed))
    } else {
        let network = BurnNetwork::new(graph, weights, &setup, &picked.device)?;
        Box::new(Fitted::new(network.with_largest_buffer(picked.info.largest_buffer), rule).slowed(slowed))
    })
}

/// The network for a device without an optimiser, chosen like a learner's.
///
/// # Errors
/// [`EngineError`] where tensors or probes are missing or the device refuses.
pub fn network(
    spec: &NetworkSpec,
    weights: &Weights,
    setup: &Setup,
    picked: &Picked,
) -> Result<Box<dyn Differentiable>, EngineError> {
    let graph = spec.graph();
    Ok(if on_processor(&graph, picked) {
        Box::new(CpuNetwork::new(graph, weights, setup)?)
    } else {
        let network = BurnNetwork::new(graph, weights, setup, &picked.device)?;
        Box::new(network.with_largest_buffer(picked.info.largest_buffer))
    })
}

fn on_processor(graph: &Graph, picked: &Picked) -> bool {
    picked.info.hardware == Hardware::Cpu && CpuNetwork::supports(graph)
}
