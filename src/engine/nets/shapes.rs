//! The size of every node's result, and the multiply-adds of one image.

use super::graph::{Graph, Node};
use super::op::{Op, POSITION_UNITS, Pool};

/// A node's result for one image: a map, or a row of 1×1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Extent {
    /// Channels.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Extent {
    const fn new(channels: usize, height: usize, width: usize) -> Self {
        Self { channels, height, width }
    }

    /// Number of values.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Whether there is no value.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The extents of all nodes for images of this side; `None` where a node can't work on what it gets, most often
/// because nothing of a small image is left.
#[must_use]
pub fn extents(graph: &Graph, side: usize) -> Option<Vec<Extent>> {
    let mut all: Vec<Extent> = Vec::with_capacity(graph.nodes().len());
    for node in graph.nodes() {
        let inputs: Vec<Extent> = node.inputs.iter().map(|&i| all.get(i).copied()).collect::<Option<_>>()?;
        let extent = match inputs.first() {
            None => Extent::new(3, side, side),
            Some(&first) => extent(node.op, first, &inputs)?,
        };
        all.push(extent);
        (!extent.is_empty()).then_some(())?;
    }
    Some(all)
}

fn extent(op: Op, x: Extent, inputs: &[Extent]) -> Option<Extent> {
    let Extent { channels, height, width } = x;
    let swept = |outputs: usize, pool: Pool| Extent::new(outputs, pool.positions(height), pool.positions(width));
    let expects = |n: usize| (n == channels).then_some(());
    Some(match op {
        Op::Input => x,
        Op::Conv(c) => {
            expects(c.inputs)?;
            swept(c.outputs, Pool { kernel: c.kernel, stride: c.stride, padding: c.padding, ceil: false })
        }
        Op::BatchNorm { channels: n, .. } | Op::LayerNorm { channels: n, .. } | Op::LayerScale { channels: n } => {
            expects(n)?;
            x
        }
        Op::Activation(_) | Op::Dropout(_) | Op::StochasticDepth(_) | Op::Shuffle { .. } => x,
        Op::MaxPool(pool) | Op::AvgPool(pool) => swept(channels, pool),
        Op::AdaptiveMean(n) => Extent::new(channels, n, n),
        Op::GlobalMean | Op::FirstToken => Extent::new(channels, 1, 1),
        Op::Flatten => Extent::new(x.len(), 1, 1),
        Op::Linear { inputs: n, outputs, .. } => {
            expects(n)?;
            Extent { channels: outputs, ..x }
        }
        Op::Add => inputs.iter().all(|&i| i == x).then_some(x)?,
        Op::Gate => inputs.get(1).filter(|g| **g == Extent::new(channels, 1, 1)).map(|_| x)?,
        Op::Concat => {
            let same = inputs.iter().all(|i| (i.height, i.width) == (height, width));
            same.then(|| Extent { channels: inputs.iter().map(|i| i.channels).sum(), ..x })?
        }
        Op::Channels { from, count } => (from + count <= channels).then_some(Extent { channels: count, ..x })?,
        Op::Shortcut { stride, pad } => {
            Extent::new(channels + 2 * pad, height.div_ceil(stride), width.div_ceil(stride))
        }
        Op::ClassToken { .. } => Extent::new(channels, 1, height * width + 1),
        Op::Positions { tokens, .. } => (tokens == height * width).then_some(x)?,
        Op::Attention { channels: n, .. } => (3 * n == channels).then_some(Extent { channels: n, ..x })?,
        Op::WindowAttention(w) => {
            let fits = 3 * w.channels == channels && height.is_multiple_of(w.size) && width.is_multiple_of(w.size);
            fits.then_some(Extent { channels: w.channels, ..x })?
        }
        Op::Pad { bottom, right } => Extent::new(channels, height + bottom, width + right),
        Op::Crop { height: h, width: w } => (h <= height && w <= width).then_some(Extent::new(channels, h, w))?,
        Op::Merge => {
            let even = height.is_multiple_of(2) && width.is_multiple_of(2);
            even.then_some(Extent::new(4 * channels, height / 2, width / 2))?
        }
    })
}

/// Multiply-adds of one image's forward pass: convolutions, linear layers and the products of attention, as the
/// tables of torchvision count them; `None` where the side doesn't fit.
#[must_use]
pub fn multiply_adds(graph: &Graph, side: usize) -> Option<u64> {
    let all = extents(graph, side)?;
    let of = |(node, out): (&Node, &Extent)| {
        let pixels = out.height * out.width;
        (match node.op {
            Op::Conv(c) => out.len() * c.inputs / c.groups.max(1) * c.kernel * c.kernel,
            Op::Linear { inputs, .. } => out.len() * inputs,
            Op::Attention { channels, .. } => 2 * pixels * pixels * channels,
            Op::WindowAttention(w) => {
                let bias = if w.cosine { w.distances() * POSITION_UNITS * (2 + w.heads) } else { 0 };
                2 * pixels * w.tokens() * w.channels + bias
            }
            _ => 0,
        }) as u64
    };
    Some(graph.nodes().iter().zip(&all).map(of).sum())
}
