//! A network that can be differentiated, apart from whoever moves its parameters.

use super::masks::Masks;
use super::optimiser::{Step, Steppable};
use crate::engine::plan::EngineError;
use crate::engine::weights::Weights;

/// A network with its forward and backward passes: plain f32 slices in and out, so that it runs on any device. The loss
/// and its gradient are made by [`crate::core::train::loss`].
pub trait Differentiable {
    /// Logits N×classes, in training mode, of normalised images N×3×S×S: batch norm takes the batch's statistics and
    /// updates the running ones; what [`Differentiable::backward`] needs is kept.
    ///
    /// # Errors
    /// [`EngineError`] where the device fails; [`EngineError::Memory`] where the batch doesn't fit.
    fn forward(&mut self, images: &[f32], batch: usize, masks: Masks) -> Result<Vec<f32>, EngineError>;

    /// Moves batch norm's running statistics once more towards the last forward pass's: the same as a second pass over
    /// the same batch (RDED's code runs one to log the accuracy), without its cost.
    ///
    /// # Errors
    /// [`EngineError`] where the device fails.
    fn repeat_statistics(&mut self) -> Result<(), EngineError>;

    /// Adds the parameters' gradients for d loss / d logits (N×classes) of the last forward pass.
    ///
    /// # Errors
    /// [`EngineError`] where the device fails.
    fn backward(&mut self, gradient: &[f32]) -> Result<(), EngineError>;

    /// The learnt tensors' gradients added up since the last step or loading, under their keys.
    ///
    /// # Errors
    /// [`EngineError`] where the device can't be read.
    fn gradients(&mut self) -> Result<Weights, EngineError>;

    /// All tensors under PyTorch's keys, running statistics included.
    ///
    /// # Errors
    /// [`EngineError`] where the device can't be read.
    fn weights(&self) -> Result<Weights, EngineError>;

    /// Takes the values of all tensors; forgets gradients and the last forward pass.
    ///
    /// # Errors
    /// [`EngineError`] where tensors are missing or of another size.
    fn load(&mut self, weights: &Weights) -> Result<(), EngineError>;
}

/// A network whose parameters an optimiser can move where they lie.
pub trait Trainable: Differentiable {
    /// What its parameters are held in.
    type Tensor: Steppable;

    /// Lets a step move each parameter by the gradients added up since the last one; forgets them.
    ///
    /// # Errors
    /// [`EngineError`] where the device fails.
    fn step(&mut self, step: &mut Step<'_, Self::Tensor>) -> Result<(), EngineError>;
}
