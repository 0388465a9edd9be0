//! A network and the optimiser of its parameters: what a training moves.

use super::network::{Differentiable, Trainable};
use super::optimiser::{OptimiserState, Rule, Slowed, Stepper};
use crate::engine::plan::EngineError;
use crate::engine::weights::Weights;

/// A network while it is trained, whatever its parameters are held in.
pub trait Learner {
    /// The network.
    fn network(&mut self) -> &mut dyn Differentiable;

    /// One step of the optimiser with the gradients added up since the last one; forgets them.
    ///
    /// # Errors
    /// [`EngineError`] where the device fails.
    fn update(&mut self, rate: f64) -> Result<(), EngineError>;

    /// The optimiser's state, for a checkpoint.
    ///
    /// # Errors
    /// [`EngineError`] where the device can't be read.
    fn state(&self) -> Result<OptimiserState, EngineError>;

    /// Goes back to a checkpoint's weights and state.
    ///
    /// # Errors
    /// [`EngineError`] where tensors are missing or of another size.
    fn restore(&mut self, weights: &Weights, state: &OptimiserState) -> Result<(), EngineError>;
}

/// A network with an optimiser whose moments lie where the parameters do.
pub struct Fitted<N: Trainable> {
    network: N,
    stepper: Stepper<N::Tensor>,
}

impl<N: Trainable> Fitted<N> {
    /// An optimiser before its first step beside a network.
    pub fn new(network: N, rule: Rule) -> Self {
        Self { network, stepper: Stepper::new(rule) }
    }

    /// The same with some of its parameters slowed.
    #[must_use]
    pub fn slowed(self, slowed: Option<Slowed>) -> Self {
        Self { stepper: self.stepper.slowed(slowed), ..self }
    }
}

impl<N: Trainable> Learner for Fitted<N> {
    fn network(&mut self) -> &mut dyn Differentiable {
        &mut self.network
    }

    fn update(&mut self, rate: f64) -> Result<(), EngineError> {
        self.network.step(&mut self.stepper.begin(rate))
    }

    fn state(&self) -> Result<OptimiserState, EngineError> {
        self.stepper.state()
    }

    fn restore(&mut self, weights: &Weights, state: &OptimiserState) -> Result<(), EngineError> {
        self.network.load(weights)?;
        for (key, moments) in &state.moments {
            let length = weights.values(key).len();
            if moments.iter().any(|m| m.len() != length) {
                return Err(EngineError::Device(format!("the checkpoint's moments of {key} have another size")));
            }
        }
        self.stepper.restore(state.clone());
        Ok(())
    }
}
