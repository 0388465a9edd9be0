//! Which learner a device gets.

use super::Learner;
use crate::core::train::recipe::Optimiser;
use crate::engine::burn::learner::BurnLearner;
use crate::engine::cpu::learn::CpuLearner;
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
    optimiser: (Optimiser, bool),
    picked: &Picked,
) -> Result<Box<dyn Learner>, EngineError> {
    let graph = spec.graph();
    Ok(match picked.info.hardware {
        Hardware::Cpu if CpuLearner::supports(&graph) => {
            Box::new(CpuLearner::new((graph, spec.side), weights, optimiser)?)
        }
        _ => Box::new(BurnLearner::new((graph, spec.side), weights, optimiser, &picked.device)?),
    })
}
