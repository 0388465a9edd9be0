//! Networks that are differentiated and fitted, on any device: a network has its forward and backward passes, an
//! optimiser steps any tensors, and a learner is both.

pub mod choice;
mod learner;
mod masks;
mod network;
pub mod optimiser;

pub use learner::{Fitted, Learner};
pub use masks::Masks;
pub use network::{Differentiable, Trainable};
pub use optimiser::OptimiserState;
