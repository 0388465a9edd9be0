//! Stored soft labels: the observer's logits for each augmented batch, with all that made the batch, image ids included
//! (FKD, Shen and Xing 2022, stores no ids: another order silently mis-assigns its labels; spec trap 26).

use super::augment::{ImageDraw, Mix};

/// Logits of a batch.
#[derive(Clone, Debug, PartialEq)]
pub enum Logits {
    /// N×classes, row-major.
    Dense(Vec<f32>),
    /// The k greatest per image; the rest count as their share of what probability is left.
    Top {
        /// N×k outputs, greatest logit first.
        outputs: Vec<u32>,
        /// N×k logits.
        logits: Vec<f32>,
        /// log Σ exp of the logits that are left out, one per image.
        rest: Vec<f32>,
    },
}

/// One batch of one epoch, and what the observer says of it.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchLabels {
    /// Images as indexes into the header's list of names.
    pub images: Vec<u32>,
    /// What was done to each.
    pub draws: Vec<ImageDraw>,
    /// What was mixed.
    pub mix: Mix,
    /// What the observer says of the result.
    pub logits: Logits,
}
