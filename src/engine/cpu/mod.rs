//! Networks on the processor: inference of plans, and training.

pub mod infer;
pub(crate) mod learn;
