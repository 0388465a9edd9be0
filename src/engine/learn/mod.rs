//! Networks that are differentiated and fitted, on any device: a network has its forward and backward passes, an
//! optimiser steps any tensors, and a learner is both.

pub mod choice;
mod learner;
mod masks;
mod network;
pub mod optimiser;
mod probe;

pub use learner::{Fitted, Learner};
pub use masks::Masks;
pub use network::{Differentiable, Forward, Gradients, Mode, Setup, Sizes, Trainable, Wanted};
pub use optimiser::OptimiserState;
pub use probe::{Entry, Probe, Probed, running_statistics};

#[cfg(test)]
mod tests;
