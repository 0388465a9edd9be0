//! Trains a network by a [`TrainRecipe`]: students on distilled images, observers and baselines on real ones.
//!
//! Everything random is named by the seed, the epoch and the image or batch, so the same job gives the same weights on
//! the same device whatever the number of threads, and a training that was interrupted goes on as if it had not been.

mod batches;
mod checkpoint;
pub mod label;
mod targets;
mod trainer;

use std::sync::Arc;

use crate::core::data::normalise::MeanStd;
use crate::core::data::pixels::Rgb;
use crate::core::progress::{Cancelled, Progress};
use crate::core::train::curve::{Curve, Point};
use crate::core::train::recipe::TrainRecipe;

use super::learn::Learner;
use super::nets::NetworkSpec;
use super::plan::EngineError;
use super::weights::Weights;
pub use batches::{Drawn, drawn, loader_batch, replayed};
pub use checkpoint::CheckpointError;
pub use targets::{StoredLabels, Targets};
pub use trainer::{Start, right, train};

/// The images that are trained on.
#[derive(Clone, Copy)]
pub struct TrainImages<'a> {
    /// The output that is right for each image.
    pub labels: &'a [u32],
    /// Reads or makes an image, on a worker thread; an error says which and why.
    pub image: &'a (dyn Fn(usize) -> Result<Arc<Rgb>, String> + Sync),
}

/// What is trained on what.
#[derive(Clone, Copy)]
pub struct TrainJob<'a> {
    /// The network.
    pub spec: &'a NetworkSpec,
    /// The images.
    pub images: TrainImages<'a>,
    /// Parameters.
    pub recipe: &'a TrainRecipe,
    /// Normalisation of its input, and of the observer's.
    pub mean_std: MeanStd,
    /// This network's seed.
    pub seed: u64,
    /// Worker threads for decoding and augmentation.
    pub threads: usize,
}

/// What the engine leaves to its caller: where evaluations come from and where checkpoints go.
pub trait Watch: Progress {
    /// Accuracy of these weights.
    ///
    /// # Errors
    /// [`TrainError`].
    fn evaluate(&mut self, weights: &Weights) -> Result<Accuracy, TrainError>;

    /// An epoch is over.
    fn point(&mut self, point: &Point);

    /// Whether it is time for a checkpoint; asked after every step.
    fn checkpoint_due(&mut self) -> bool;

    /// Keeps a checkpoint, in place of the one before.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`].
    fn keep(&mut self, checkpoint: &[u8]) -> Result<(), TrainError>;

    /// Seconds of work so far, those before an interruption included in `before`.
    fn seconds(&mut self, before: f64) -> f64;
}

/// An evaluation's outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct Accuracy {
    /// Percent.
    pub top1: f64,
    /// Percent.
    pub top5: f64,
    /// Rows are the outputs that would be right, columns those that were predicted; `None` where that would be too many.
    pub confusion: Option<crate::core::data::confusion::Confusion>,
}

/// The outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    /// All tensors after the last epoch.
    pub weights: Weights,
    /// All tensors after the best of the evaluated epochs, where there was one.
    pub best: Option<Weights>,
    /// Its course.
    pub curve: Curve,
    /// Pieces that a batch was split into for lack of memory; 1 is whole.
    pub pieces: u32,
}

/// Why a training ended without a network.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The user asked for it.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The device.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// An image can't be used.
    #[error("{0}; remove or replace the image")]
    Image(String),
    /// The loss is NaN or infinite.
    #[error("the training diverged in epoch {epoch}; lower the learning rate")]
    Diverged {
        /// Epoch, from 1.
        epoch: u32,
    },
    /// Too few images for a training.
    #[error("too few images to train on: {0}; a training needs at least two")]
    TooFewImages(usize),
    /// Too few images for a batch norm.
    #[error("a batch has {0} image; batch norm needs at least two: raise --batch, or lower --accumulation")]
    TooFew(usize),
    /// The recipe asks for labels that are not there.
    #[error("the recipe needs {0}")]
    NoLabels(&'static str),
    /// Stored labels that can't be used.
    #[error("{0}")]
    Labels(String),
    /// A checkpoint can't be read.
    #[error(transparent)]
    Unreadable(#[from] CheckpointError),
    /// A checkpoint can't be written.
    #[error("{0}")]
    Checkpoint(String),
    /// The evaluation.
    #[error("{0}")]
    Evaluation(String),
}

/// Makes a learner from weights.
pub type NewLearner<'a> = &'a mut dyn FnMut(&Weights) -> Result<Box<dyn Learner>, EngineError>;

/// Rounded to nine significant digits: what JSON gives back exactly, so that a resumed curve is the same to the bit.
fn short(value: f64) -> f64 {
    format!("{value:.8e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests;
