//! Everything that uses burn: operations on its tensors, the engine for plans, the trainable module, and its passes as a network that can be
//! differentiated.

mod attention;
pub mod engine;
pub mod module;
pub(crate) mod network;
pub mod ops;
mod optimiser;
mod probe;
