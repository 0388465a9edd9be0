//! Everything that uses burn: operations on its tensors, the engine for plans, the trainable module.

pub mod engine;
pub(crate) mod learner;
pub mod module;
pub mod ops;
