//! How maps lie in memory, and the sizes of the steps' results.

use super::kernel::LANES;
use crate::engine::nets::graph::{Conv, Pool};
use crate::engine::nets::shapes::Extent;
use crate::engine::plan::{Attention, StepOp};

/// A channels-last map with a zero border. The distance between pixels is their channels rounded up to [`LANES`],
/// except for an input image that only convolutions read; what lies beyond a pixel's channels means nothing, and no
/// step reads it into a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Rows without the border.
    pub height: usize,
    /// Columns without the border.
    pub width: usize,
    /// Channels that mean something.
    pub channels: usize,
    /// Distance between pixels.
    pub stride: usize,
    /// Zero rows and columns on every side.
    pub border: usize,
}

impl Shape {
    /// A map of that size.
    pub fn new(Extent { channels, height, width }: Extent, border: usize) -> Self {
        Self { height, width, channels, stride: channels.next_multiple_of(LANES), border }
    }

    /// Distance between rows.
    pub fn row(&self) -> usize {
        (self.width + 2 * self.border) * self.stride
    }

    /// Values in all.
    pub fn len(&self) -> usize {
        (self.height + 2 * self.border) * self.row()
    }

    /// Where the pixel in row `y` and column `x` begins.
    pub fn at(&self, y: usize, x: usize) -> usize {
        (y + self.border) * self.row() + (x + self.border) * self.stride
    }
}

/// Whether a step's result is a row, N×C, given whether its first input is one.
pub fn makes_row(op: &StepOp, input: bool) -> bool {
    input || matches!(op, StepOp::GlobalMean | StepOp::Flatten | StepOp::FirstToken)
}

/// The size of a step's result; `None` where the step can't work on its inputs, its weights are not as many as its
/// shape says, or nothing is left.
pub fn extent(op: &StepOp, inputs: &[Extent]) -> Option<Extent> {
    extent_or_nothing(op, inputs).filter(|extent| !extent.is_empty())
}

fn extent_or_nothing(op: &StepOp, inputs: &[Extent]) -> Option<Extent> {
    let x = *inputs.first()?;
    let Extent { channels, height, width } = x;
    let per_channel = |values: &[&[f32]]| values.iter().all(|v| v.len() == channels);
    let joined = |y: Extent| inputs.iter().skip(1).all(|&other| other == y).then_some(y);
    let swept = |pool: Pool| swept(x, channels, pool);
    match op {
        StepOp::Conv { conv, weight, bias, .. } => joined(convolved(conv, (weight, bias), x)?),
        StepOp::Linear { inputs: features, outputs, weight, bias, .. } => {
            let sizes = (*features, weight.len(), bias.len()) == (channels, features * outputs, *outputs);
            joined(sizes.then_some(Extent { channels: *outputs, ..x })?)
        }
        StepOp::Add { .. } => (inputs.len() == 2).then(|| joined(x))?,
        StepOp::Scale { scale, shift, .. } | StepOp::LayerNorm { scale, shift, .. } => {
            per_channel(&[scale, shift]).then_some(x)
        }
        StepOp::Activation(_) => Some(x),
        StepOp::MaxPool(pool) | StepOp::AvgPool(pool) => swept(*pool),
        StepOp::AdaptiveMean(n) => Some(Extent { channels, height: *n, width: *n }),
        StepOp::GlobalMean | StepOp::FirstToken => Some(Extent { channels, height: 1, width: 1 }),
        StepOp::Flatten => Some(Extent { channels: x.len(), height: 1, width: 1 }),
        StepOp::Gate => (inputs.get(1) == Some(&Extent { channels, height: 1, width: 1 })).then_some(x),
        StepOp::Concat => {
            let same = inputs.iter().all(|i| (i.height, i.width) == (height, width));
            same.then(|| Extent { channels: inputs.iter().map(|i| i.channels).sum(), ..x })
        }
        StepOp::Channels { from, count } => (from + count <= channels).then_some(Extent { channels: *count, ..x }),
        StepOp::Shuffle { groups } => (*groups > 0 && channels.is_multiple_of(*groups)).then_some(x),
        StepOp::Shortcut { stride, pad } => {
            let side = |n: usize| (*stride > 0).then(|| n.div_ceil(*stride));
            Some(Extent { channels: channels + 2 * pad, height: side(height)?, width: side(width)? })
        }
        StepOp::ClassToken(token) => {
            per_channel(&[token]).then_some(Extent { channels, height: 1, width: 1 + height * width })
        }
        StepOp::Positions(values) => (values.len() == x.len()).then_some(x),
        StepOp::Attention(attention) => attended(attention, x),
        StepOp::Pad { bottom, right } => Some(Extent { channels, height: height + bottom, width: width + right }),
        StepOp::Crop { height: h, width: w } => {
            (*h <= height && *w <= width).then_some(Extent { channels, height: *h, width: *w })
        }
        StepOp::Merge => {
            let even = height.is_multiple_of(2) && width.is_multiple_of(2);
            even.then_some(Extent { channels: 4 * channels, height: height / 2, width: width / 2 })
        }
    }
}

fn swept(x: Extent, channels: usize, pool: Pool) -> Option<Extent> {
    (pool.stride > 0 && pool.kernel > pool.padding).then_some(())?;
    Some(Extent { channels, height: pool.positions(x.height), width: pool.positions(x.width) })
}

fn convolved(conv: &Conv, (weight, bias): (&[f32], &[f32]), x: Extent) -> Option<Extent> {
    let Conv { inputs, outputs, kernel, stride, padding, groups, .. } = *conv;
    let whole = groups > 0 && inputs.is_multiple_of(groups) && outputs.is_multiple_of(groups);
    (whole && inputs == x.channels && bias.len() == outputs).then_some(())?;
    (weight.len() == conv.weight_shape().iter().product::<usize>()).then_some(())?;
    swept(x, outputs, Pool { kernel, stride, padding, ceil: false })
}

fn attended(Attention { channels, heads, scales, windows, .. }: &Attention, x: Extent) -> Option<Extent> {
    let whole = *heads > 0 && channels.is_multiple_of(*heads) && scales.len() == *heads;
    (whole && 3 * channels == x.channels).then_some(())?;
    if let Some(windows) = windows {
        let tokens = windows.size * windows.size;
        let whole = tokens > 0 && x.height.is_multiple_of(windows.size) && x.width.is_multiple_of(windows.size);
        (whole && windows.bias.len() == heads * tokens * tokens).then_some(())?;
    }
    Some(Extent { channels: *channels, ..x })
}
