//! The inner loops of networks on the processor, for inference and for training.

pub mod isa;
