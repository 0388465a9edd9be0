//! The seam for inference: a network as a short list of folded steps, plain data without any tensor library.
//!
//! Batch norm is folded into the convolution before it, a factor per channel into the linear layer before it, an
//! activation and the residual join into the step that makes their input. An [`Engine`] executes a plan:
//! [`super::cpu::infer`] on the processor, [`super::burn::engine`] with burn on any device.

mod compile;

use super::nets::graph::{Activation, Conv, Op, Pool};

/// Epsilon of every batch norm in the tables.
pub const NORM_EPSILON: f64 = 1e-5;

/// Self-attention over all pixels of a map or over its windows, with everything learnt computed beforehand.
#[derive(Clone, Debug, PartialEq)]
pub struct Attention {
    /// Channels of the output; the input holds queries, keys and values one after the other, heads within each.
    pub channels: usize,
    /// Heads.
    pub heads: usize,
    /// Factor of the similarities, one per head.
    pub scales: Vec<f32>,
    /// Whether queries and keys are divided by their lengths first (Swin V2).
    pub cosine: bool,
    /// Windows the map is cut into; `None`: one that holds all pixels.
    pub windows: Option<Windows>,
}

/// Windows of a map.
#[derive(Clone, Debug, PartialEq)]
pub struct Windows {
    /// Side.
    pub size: usize,
    /// Rows and columns by which the map is rolled up and left first, and back afterwards. Pixels that become
    /// neighbours only by the roll don't see each other: [`Windows::region`].
    pub shift: [usize; 2],
    /// Added to the similarities: heads × tokens × tokens, query before key.
    pub bias: Vec<f32>,
}

impl Windows {
    /// The region of a rolled map's row or column `at` of `length`: pixels of a window see each other where their
    /// rows' regions and their columns' regions are the same (Liu et al. 2021, figure 4).
    #[must_use]
    pub fn region(&self, axis: usize, at: usize, length: usize) -> usize {
        let shift = self.shift[axis];
        if shift == 0 || at + self.size < length { 0 } else { 1 + usize::from(at + shift >= length) }
    }
}

/// What a step computes; maps and rows as in [`super::nets::graph::Op`].
#[derive(Clone, Debug, PartialEq)]
pub enum StepOp {
    /// Convolution plus bias; plus `inputs[1]` where there is one; then the activation.
    Conv {
        /// Shape.
        conv: Conv,
        /// [out, in / groups, k, k], row-major, batch norm folded in.
        weight: Vec<f32>,
        /// [out].
        bias: Vec<f32>,
        /// What follows.
        activation: Option<Activation>,
    },
    /// Fully connected on each pixel or on a row; plus `inputs[1]` where there is one; then the activation.
    Linear {
        /// Input features.
        inputs: usize,
        /// Output features.
        outputs: usize,
        /// [out, in].
        weight: Vec<f32>,
        /// [out].
        bias: Vec<f32>,
        /// What follows.
        activation: Option<Activation>,
    },
    /// Sum of both inputs, then the activation.
    Add {
        /// What follows.
        activation: Option<Activation>,
    },
    /// Factor and summand per channel (a batch norm or layer scale that nothing could take), then the activation.
    Scale {
        /// Factor per channel.
        scale: Vec<f32>,
        /// Summand per channel.
        shift: Vec<f32>,
        /// What follows.
        activation: Option<Activation>,
    },
    /// Normalisation over channels: (x − mean) / √(variance + ε) · scale + shift.
    LayerNorm {
        /// γ.
        scale: Vec<f32>,
        /// β.
        shift: Vec<f32>,
        /// ε.
        epsilon: f64,
    },
    /// An activation that no other step could take.
    Activation(Activation),
    /// Maximum of each window.
    MaxPool(Pool),
    /// Mean of each window.
    AvgPool(Pool),
    /// Mean over n×n parts.
    AdaptiveMean(usize),
    /// Mean over rows and columns: map → row.
    GlobalMean,
    /// Map → row, channel first.
    Flatten,
    /// Map times map C×1×1.
    Gate,
    /// Channels of all inputs.
    Concat,
    /// Channels `from..from + count`.
    Channels {
        /// First.
        from: usize,
        /// Number.
        count: usize,
    },
    /// Channel shuffle.
    Shuffle {
        /// Groups.
        groups: usize,
    },
    /// Option-A shortcut.
    Shortcut {
        /// Step.
        stride: usize,
        /// Zero channels on both sides.
        pad: usize,
    },
    /// Pixels in rows' order behind this token [C]: C×H×W → C×1×(1 + H·W).
    ClassToken(Vec<f32>),
    /// Plus these values [pixels, C].
    Positions(Vec<f32>),
    /// The first pixel: map → row.
    FirstToken,
    /// Self-attention: 3·C channels → C.
    Attention(Attention),
    /// Zero rows at the bottom and columns on the right.
    Pad {
        /// Rows.
        bottom: usize,
        /// Columns.
        right: usize,
    },
    /// The first rows and columns.
    Crop {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
    },
    /// 2×2 pixels → one of four times the channels: (0, 0), (1, 0), (0, 1), (1, 1), row first.
    Merge,
}

impl StepOp {
    /// The operation, where it needs neither weights nor what else compiling has prepared.
    #[must_use]
    pub fn weightless(&self) -> Option<Op> {
        Some(match *self {
            Self::Activation(activation) => Op::Activation(activation),
            Self::MaxPool(pool) => Op::MaxPool(pool),
            Self::AvgPool(pool) => Op::AvgPool(pool),
            Self::AdaptiveMean(n) => Op::AdaptiveMean(n),
            Self::GlobalMean => Op::GlobalMean,
            Self::Flatten => Op::Flatten,
            Self::Gate => Op::Gate,
            Self::Concat => Op::Concat,
            Self::Channels { from, count } => Op::Channels { from, count },
            Self::Shuffle { groups } => Op::Shuffle { groups },
            Self::Shortcut { stride, pad } => Op::Shortcut { stride, pad },
            Self::FirstToken => Op::FirstToken,
            Self::Pad { bottom, right } => Op::Pad { bottom, right },
            Self::Crop { height, width } => Op::Crop { height, width },
            Self::Merge => Op::Merge,
            _ => return None,
        })
    }
}

/// One step: reads values, writes one value.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What it computes.
    pub op: StepOp,
    /// Values it reads; value 0 is the batch.
    pub inputs: Vec<usize>,
    /// The value it writes.
    pub output: usize,
    /// Values that nothing needs after this step.
    pub free: Vec<usize>,
}

/// A compiled network.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Steps in order.
    pub steps: Vec<Step>,
    /// Number of values, the batch included.
    pub values: usize,
    /// Values that are results beside the logits, in the order they were asked for.
    pub taps: Vec<usize>,
    /// Input side in pixels.
    pub side: usize,
    /// Outputs per image.
    pub classes: usize,
}

/// What a forward pass gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Output {
    /// N×classes.
    pub logits: Vec<f32>,
    /// The features that the plan was compiled to keep, in that order.
    pub taps: Vec<Feature>,
}

/// A feature of all images of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Feature {
    /// [N, C, H, W], or [N, C] for a row.
    pub shape: Vec<usize>,
    /// Row-major.
    pub values: Vec<f32>,
}

/// What can go wrong while a plan runs.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The device refused or was lost.
    #[error("the device failed: {0}; try a smaller --batch, or --device cpu")]
    Device(String),
    /// The device has no room for the batch.
    #[error("the device's memory is full: {0}; try a smaller --batch, or --device cpu")]
    Memory(String),
}

impl EngineError {
    /// From a driver's own words.
    #[must_use]
    pub fn reported(text: String) -> Self {
        let lower = text.to_lowercase();
        if lower.contains("out of memory") || lower.contains("outofmemory") || lower.contains("out_of_memory") {
            Self::Memory(text)
        } else {
            Self::Device(text)
        }
    }

    /// Steps that contradict each other.
    #[must_use]
    pub fn broken_plan() -> Self {
        Self::Device("the network's steps don't fit together; this is a defect of stillroom".to_owned())
    }
}

/// Executes a plan.
pub trait Engine {
    /// Logits and taps of `batch` images: `images` is N×3×S×S, normalised, row-major.
    ///
    /// # Errors
    /// [`EngineError`] where the device fails.
    fn forward(&mut self, images: &[f32], batch: usize) -> Result<Output, EngineError>;

    /// The logits alone, N×classes.
    ///
    /// # Errors
    /// [`EngineError`] where the device fails.
    fn logits(&mut self, images: &[f32], batch: usize) -> Result<Vec<f32>, EngineError> {
        self.forward(images, batch).map(|output| output.logits)
    }

    /// Outputs per image.
    fn classes(&self) -> usize;

    /// Input side in pixels.
    fn side(&self) -> usize;
}
