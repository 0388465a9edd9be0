//! Training: a network that is fitted step by step, on any device.

pub mod choice;
mod masks;
pub mod optimiser;

use super::plan::EngineError;
use super::weights::Weights;
pub use masks::Masks;
pub use optimiser::OptimiserState;

/// A network while it is trained: plain f32 slices in and out, so that it runs on any device. The loss and its gradient
/// are made by [`crate::core::train::loss`].
pub trait Learner {
    /// Logits N×classes, in training mode, of normalised images N×3×S×S: batch norm takes the batch's statistics and
    /// updates the running ones; what [`Learner::backward`] needs is kept.
    ///
    /// # Errors
    /// [`EngineError`] where the device fails; [`EngineError::Memory`] where the batch doesn't fit.
    fn forward(&mut self, images: &[f32], batch: usize, masks: Masks) -> Result<Vec<f32>, EngineError>;

    /// Moves batch norm's running statistics once more towards the last forward pass's: the same as a second pass over
    /// the same batch (RDED's extra pass, spec trap 7), without its cost.
    ///
    /// # Errors
    /// [`EngineError`] where the device fails.
    fn repeat_statistics(&mut self) -> Result<(), EngineError>;

    /// Adds the parameters' gradients for d loss / d logits (N×classes) of the last forward pass.
    ///
    /// # Errors
    /// [`EngineError`] where the device fails.
    fn backward(&mut self, gradient: &[f32]) -> Result<(), EngineError>;

    /// One step of the optimiser with the gradients added up since the last one; forgets them.
    ///
    /// # Errors
    /// [`EngineError`] where the device fails.
    fn update(&mut self, rate: f64) -> Result<(), EngineError>;

    /// All tensors under PyTorch's keys, running statistics included.
    ///
    /// # Errors
    /// [`EngineError`] where the device can't be read.
    fn weights(&self) -> Result<Weights, EngineError>;

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
