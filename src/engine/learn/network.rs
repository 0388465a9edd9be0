//! A network that can be differentiated, apart from whoever moves its parameters or its input.

use super::masks::Masks;
use super::optimiser::{Step, Steppable};
use super::probe::{Entry, Probe, Probed, Size};
use crate::engine::plan::EngineError;
use crate::engine::weights::Weights;

/// How a network takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Batch norm takes the batch's statistics and moves the running ones, dropout and stochastic depth act, and there
    /// are these gradients.
    Train(Wanted),
    /// Batch norm takes the running statistics, nothing is dropped and nothing changes. The input has a gradient;
    /// parameters have none, no room for one, and no work is done for one.
    Frozen,
}

/// What gradients are wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The parameters.
    Parameters,
    /// The images.
    Input,
    /// Parameters and images.
    Both,
}

impl Mode {
    /// Whether parameters have gradients.
    #[must_use]
    pub fn of_parameters(self) -> bool {
        matches!(self, Self::Train(Wanted::Parameters | Wanted::Both))
    }

    /// Whether the input has one.
    #[must_use]
    pub fn of_input(self) -> bool {
        !matches!(self, Self::Train(Wanted::Parameters))
    }
}

/// What a network is made ready for.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    /// How it takes part.
    pub mode: Mode,
    /// What its forward pass shows besides the logits, and where gradients may enter.
    pub probes: Vec<Probe>,
    /// Whether the logits are wanted; if not, a pass ends where the last probe is.
    pub logits: bool,
}

impl Setup {
    /// For a training of its parameters.
    #[must_use]
    pub fn training() -> Self {
        Self { mode: Mode::Train(Wanted::Parameters), probes: Vec::new(), logits: true }
    }

    /// For methods that move its input.
    #[must_use]
    pub fn frozen(probes: Vec<Probe>) -> Self {
        Self { mode: Mode::Frozen, probes, logits: true }
    }

    /// For those whose loss looks at features alone.
    #[must_use]
    pub fn frozen_features(probes: Vec<Probe>) -> Self {
        Self { logits: false, ..Self::frozen(probes) }
    }
}

/// What a forward pass gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Forward {
    /// N×classes; empty where [`Setup::logits`] doesn't want them.
    pub logits: Vec<f32>,
    /// In the order of [`Setup::probes`].
    pub probed: Vec<Probed>,
}

impl Forward {
    /// How many numbers it is.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        Sizes { logits: self.logits.len(), probes: self.probed.iter().map(Probed::size).collect() }
    }
}

/// How many numbers a forward pass gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Logits.
    pub logits: usize,
    /// In the order of [`Setup::probes`].
    pub probes: Vec<Size>,
}

/// The derivatives of a loss by what the forward pass gave.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gradients<'a> {
    /// By the logits, N×classes; `None` for a loss that doesn't look at them.
    pub logits: Option<&'a [f32]>,
    /// By the probes, in the order of [`Setup::probes`]; those that are left out at the end have none.
    pub probes: &'a [Entry<'a>],
}

impl<'a> Gradients<'a> {
    /// Of a loss of the logits alone.
    #[must_use]
    pub fn of_logits(logits: &'a [f32]) -> Self {
        Self { logits: Some(logits), probes: &[] }
    }

    /// Whether they fit what a forward pass gave.
    ///
    /// # Errors
    /// [`EngineError`] that says which doesn't.
    pub fn check(&self, given: &Sizes) -> Result<(), EngineError> {
        let wrong = |what: String| Err(EngineError::Device(what));
        if let Some(logits) = self.logits.filter(|l| l.len() != given.logits) {
            return wrong(format!("{} values are no gradient of {} logits", logits.len(), given.logits));
        }
        if self.probes.len() > given.probes.len() {
            return wrong(format!("{} gradients enter at {} probes", self.probes.len(), given.probes.len()));
        }
        match self.probes.iter().zip(&given.probes).position(|(entry, &size)| !entry.fits(size)) {
            Some(at) => wrong(format!("the gradient at probe {at} has another size than what it showed")),
            None => Ok(()),
        }
    }
}

/// A network with its forward and backward passes: plain f32 slices in and out, so that it runs on any device. Losses
/// and their gradients are made by [`crate::core::train::loss`] and [`crate::core::train::statistics`].
pub trait Differentiable {
    /// Images that the device may take at once, where it has told.
    fn largest_batch(&self) -> Option<usize> {
        None
    }

    /// Logits and probes of normalised images N×3×S×S, in the mode of the network's [`Setup`]; what
    /// [`Differentiable::backward`] needs is kept. `masks` names the batch for dropout.
    ///
    /// # Errors
    /// [`EngineError`] where the device fails; [`EngineError::Memory`] where the batch doesn't fit.
    fn forward(&mut self, images: &[f32], batch: usize, masks: Masks) -> Result<Forward, EngineError>;

    /// Moves batch norm's running statistics once more towards the last forward pass's: the same as a second pass over
    /// the same batch (RDED's code runs one to log the accuracy), without its cost.
    ///
    /// # Errors
    /// [`EngineError`] where the device fails, or the network is frozen.
    fn repeat_statistics(&mut self) -> Result<(), EngineError>;

    /// The backward pass of the last forward pass, once: adds the parameters' gradients to those before, and returns
    /// the images' gradient N×3×S×S, each where the network's [`Setup`] wants it.
    ///
    /// # Errors
    /// [`EngineError`] where the device fails, or the gradients don't fit the forward pass.
    fn backward(&mut self, gradients: &Gradients<'_>) -> Result<Option<Vec<f32>>, EngineError>;

    /// The learnt tensors' gradients added up since the last step or loading, under their keys; nothing where they have
    /// none.
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

    /// Lets a step move each parameter by the gradients added up since the last one; forgets them. Parameters without
    /// gradients stay.
    ///
    /// # Errors
    /// [`EngineError`] where the device fails.
    fn step(&mut self, step: &mut Step<'_, Self::Tensor>) -> Result<(), EngineError>;
}
