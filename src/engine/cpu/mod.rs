//! Networks on the processor: the inner loops, inference of plans, and training.

mod buffers;
pub mod infer;
pub mod kernels;
pub(crate) mod learn;
