//! The inner loops of networks on the processor, for inference and for training.
//!
//! They are written over the registers of an instruction set ([`isa`]) and compiled once for each. Every value that they
//! make is one sum in one fixed order, so the bytes depend neither on threads, batches and tiles nor on how wide the
//! registers are; where multiply-add isn't one instruction (the portable path) the last bit differs.

pub(super) mod activation;
pub(super) mod colours;
pub(super) mod conv;
pub(super) mod depthwise;
pub(super) mod frozen_norm;
pub(super) mod gradient;
pub(super) mod group_norm;
pub mod isa;
pub(super) mod layers;
pub(super) mod map;
pub(super) mod norm;
pub(super) mod packing;
pub(super) mod pool;
pub(super) mod sweep;
