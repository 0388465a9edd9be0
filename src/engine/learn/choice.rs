//! Which learner a device gets.

use super::optimiser::Rule;
use super::{Fitted, Learner};
use crate::engine::burn::network::BurnNetwork;
use crate::engine::cpu::learn::CpuNetwork;
use crate::engine::device::{Hardware, Picked};
use crate::engine::nets::NetworkSpec;
use crate::engine::plan::EngineError;
use crate::engine::weights::Weights;

/// The learner for a device: on the processor the project's own where it covers the network, else burn's.
///
/// # Errors
/// [`EngineError`] where tensors are missing or the device refuses.
pub fn learner(
    spec: &NetworkSpec,
    weights: &Weights,
    rule: Rule,
    picked: &Picked,
) -> Result<Box<dyn Learner>, EngineError> {
    let graph = spec.graph();
    Ok(match picked.info.hardware {
        Hardware::Cpu if CpuNetwork::supports(&graph) => Box::new(Fitted::new(CpuNetwork::new(graph, weights)?, rule)),
        _ => Box::new(Fitted::new(BurnNetwork::new(graph, weights, &picked.device)?, rule)),
    })
}
