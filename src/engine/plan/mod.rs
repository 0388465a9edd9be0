//! The seam for inference: a network as a short list of folded steps, plain data without any tensor library.
//!
//! A step is an operation of the graph with its tensors, and what is done to the result at once: a residual join, an
//! activation. Batch norm is folded into the convolution before it, a factor per channel into the linear layer before it.
//! An [`Engine`] executes a plan: [`super::cpu`] on the processor, [`super::burn::engine`] with burn on any device.

mod compile;

use super::cpu::kernels::isa::IsaError;
use super::nets::extent::Extent;
use super::nets::graph::{Activation, Op};

/// Epsilon of every batch norm in the tables.
pub const NORM_EPSILON: f64 = 1e-5;

/// What is done to a step's result while it is at hand: first the join, then the activation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Epilogue {
    /// A value that is added; of the result's extent.
    pub join: Option<usize>,
    /// What follows.
    pub activation: Option<Activation>,
}

/// One step: reads values, writes one value.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What it computes. Convolutions and linear layers always have a bias; a batch norm or a layer scale is one that
    /// nothing could take: factor and summand per channel.
    pub op: Op,
    /// Its tensors, row-major, of the shapes and in the order of [`Op::folded`].
    pub tensors: Vec<Vec<f32>>,
    /// Values that the operation reads; value 0 is the batch.
    pub inputs: Vec<usize>,
    /// What is done to its result.
    pub epilogue: Epilogue,
    /// The value it writes.
    pub output: usize,
    /// Values that nothing needs after this step.
    pub free: Vec<usize>,
}

impl Step {
    /// A step without tensors, join or activation.
    #[must_use]
    pub fn new(op: Op, inputs: Vec<usize>, output: usize) -> Self {
        Self { op, tensors: Vec::new(), inputs, epilogue: Epilogue::default(), output, free: Vec::new() }
    }

    /// All values it reads: the operation's, then what is joined.
    pub fn reads(&self) -> impl Iterator<Item = usize> + '_ {
        self.inputs.iter().copied().chain(self.epilogue.join)
    }

    /// The extent of its result; `None` where it can't work on values of these extents, its tensors are not of the
    /// operation's shapes, or its epilogue isn't one that the operation takes along.
    #[must_use]
    pub fn extent(&self, value: impl Fn(usize) -> Option<Extent>) -> Option<Extent> {
        let inputs: Vec<Extent> = self.inputs.iter().map(|&i| value(i)).collect::<Option<_>>()?;
        let result = self.op.extent(&inputs)?;
        let wanted = self.op.folded().into_iter().map(|shape| shape.iter().product::<usize>());
        let Epilogue { join, activation } = self.epilogue;
        let fits = wanted.eq(self.tensors.iter().map(Vec::len))
            && join.is_none_or(|j| joins(&self.op) && value(j) == Some(result))
            && (activation.is_none() || activates(&self.op));
        fits.then_some(result)
    }
}

/// Whether a step takes along the residual join that follows: where each result is one sum that the join can begin or
/// end.
#[must_use]
pub fn joins(op: &Op) -> bool {
    matches!(op, Op::Conv(_) | Op::Linear { .. })
}

/// Whether a step takes along the activation that follows.
#[must_use]
pub fn activates(op: &Op) -> bool {
    joins(op) || matches!(op, Op::Add | Op::BatchNorm { .. } | Op::LayerScale { .. } | Op::GroupNorm { .. })
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
    /// The processor has no such instruction set.
    #[error(transparent)]
    Isa(#[from] IsaError),
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
