//! The size of an operation's result, and whether it can work on what it gets: the one rule that graphs, plans and all
//! executors follow.

use super::op::{Conv, Op, POSITION_UNITS, Pool, Window};

/// A value for one image: a map, or a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Extent {
    /// Channels of a map, values of a row.
    pub channels: usize,
    /// Rows of a map; 1 for a row.
    pub height: usize,
    /// Columns of a map; 1 for a row.
    pub width: usize,
    /// Whether it is a row, N×C, and no map.
    pub row: bool,
}

impl Extent {
    /// A map N×C×H×W.
    #[must_use]
    pub const fn map(channels: usize, height: usize, width: usize) -> Self {
        Self { channels, height, width, row: false }
    }

    /// A row N×C.
    #[must_use]
    pub const fn row(channels: usize) -> Self {
        Self { channels, height: 1, width: 1, row: true }
    }

    /// An image of three colours.
    #[must_use]
    pub const fn image(side: usize) -> Self {
        Self::map(3, side, side)
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

    /// The shape of a batch: [N, C, H, W], or [N, C] for rows.
    #[must_use]
    pub fn shape(&self, batch: usize) -> Vec<usize> {
        if self.row { vec![batch, self.channels] } else { vec![batch, self.channels, self.height, self.width] }
    }
}

impl Op {
    /// The extent of its result; `None` where it can't work on these inputs, or nothing would be left of them.
    #[must_use]
    pub fn extent(&self, inputs: &[Extent]) -> Option<Extent> {
        let first = *inputs.first()?;
        (inputs.len() == self.arity().unwrap_or(inputs.len())).then_some(())?;
        let extent = if first.row { self.of_row(first, inputs) } else { self.of_map(first, inputs) };
        extent.filter(|extent| !extent.is_empty())
    }

    /// How many values it reads; `None` for any number.
    fn arity(&self) -> Option<usize> {
        match self {
            Self::Input => Some(0),
            Self::Add | Self::AddRow | Self::Gate => Some(2),
            Self::Concat => None,
            _ => Some(1),
        }
    }

    /// For those that work on rows.
    fn of_row(&self, x: Extent, inputs: &[Extent]) -> Option<Extent> {
        match *self {
            Self::LayerNorm { channels, .. } => (channels == x.channels).then_some(x),
            Self::Activation(_) | Self::Dropout(_) | Self::StochasticDepth(_) => Some(x),
            Self::Linear { inputs: n, outputs, .. } => (n == x.channels).then_some(Extent::row(outputs)),
            Self::Add => (inputs[1] == x).then_some(x),
            _ => None,
        }
    }

    fn of_map(&self, x: Extent, inputs: &[Extent]) -> Option<Extent> {
        let Extent { channels, height, width, .. } = x;
        let keeps = |n: usize| (n == channels).then_some(x);
        match *self {
            Self::Input => None,
            Self::Conv(conv) => convolved(&conv, x),
            Self::BatchNorm { channels: n, .. }
            | Self::LayerNorm { channels: n, .. }
            | Self::LayerScale { channels: n } => keeps(n),
            Self::GroupNorm { channels: n, groups, .. } => {
                keeps(n).filter(|_| groups > 0 && channels.is_multiple_of(groups))
            }
            Self::Activation(_) | Self::Dropout(_) | Self::StochasticDepth(_) => Some(x),
            Self::MaxPool(pool) | Self::AvgPool(pool) => swept(pool, x, channels),
            Self::AdaptiveMean(n) => Some(Extent::map(channels, n, n)),
            Self::GlobalMean | Self::FirstToken => Some(Extent::row(channels)),
            Self::Flatten => Some(Extent::row(x.len())),
            Self::Linear { inputs: n, outputs, .. } => keeps(n).map(|x| Extent { channels: outputs, ..x }),
            Self::Add => (inputs[1] == x).then_some(x),
            Self::AddRow => (inputs[1] == Extent::row(channels)).then_some(x),
            Self::Gate => (inputs[1] == Extent::map(channels, 1, 1)).then_some(x),
            Self::Concat => {
                let same = inputs.iter().all(|i| !i.row && (i.height, i.width) == (height, width));
                same.then(|| Extent { channels: inputs.iter().map(|i| i.channels).sum(), ..x })
            }
            Self::Channels { from, count } => (from + count <= channels).then_some(Extent { channels: count, ..x }),
            Self::Shuffle { groups } => (groups > 0 && channels.is_multiple_of(groups)).then_some(x),
            Self::Shortcut { stride, pad } => {
                let left = |n: usize| (stride > 0).then(|| n.div_ceil(stride));
                Some(Extent::map(channels + 2 * pad, left(height)?, left(width)?))
            }
            Self::ClassToken { channels: n } => keeps(n).map(|_| Extent::map(channels, 1, 1 + height * width)),
            Self::Positions { tokens, channels: n } => keeps(n).filter(|_| tokens == height * width),
            Self::Attention { channels: n, heads } => attended(n, heads, x),
            Self::WindowAttention(window) => windowed(&window, x),
            Self::Pad { bottom, right } => Some(Extent::map(channels, height + bottom, width + right)),
            Self::Crop { height: h, width: w } => (h <= height && w <= width).then_some(Extent::map(channels, h, w)),
            Self::Merge => {
                let even = height.is_multiple_of(2) && width.is_multiple_of(2);
                even.then_some(Extent::map(4 * channels, height / 2, width / 2))
            }
        }
    }

    /// Multiply-adds for a result of this extent: convolutions, linear layers and the products of attention, as the
    /// tables of torchvision count them.
    #[must_use]
    pub fn multiply_adds(&self, result: Extent) -> u64 {
        let pixels = result.height * result.width;
        (match *self {
            Self::Conv(c) => result.len() * c.inputs / c.groups.max(1) * c.kernel * c.kernel,
            Self::Linear { inputs, .. } => result.len() * inputs,
            Self::Attention { channels, .. } => 2 * pixels * pixels * channels,
            Self::WindowAttention(w) => {
                let bias = if w.cosine { w.distances() * POSITION_UNITS * (2 + w.heads) } else { 0 };
                2 * pixels * w.tokens() * w.channels + bias
            }
            _ => 0,
        }) as u64
    }
}

fn swept(pool: Pool, x: Extent, channels: usize) -> Option<Extent> {
    (pool.stride > 0 && pool.kernel > pool.padding).then_some(())?;
    Some(Extent::map(channels, pool.positions(x.height), pool.positions(x.width)))
}

fn convolved(conv: &Conv, x: Extent) -> Option<Extent> {
    let Conv { inputs, outputs, kernel, stride, groups, .. } = *conv;
    let whole = groups > 0 && inputs.is_multiple_of(groups) && outputs.is_multiple_of(groups);
    let seen = |size: usize| conv.edges(size).into_iter().all(|edge| edge < kernel);
    (whole && inputs == x.channels && stride > 0 && seen(x.height) && seen(x.width)).then_some(())?;
    Some(Extent::map(outputs, conv.positions(x.height), conv.positions(x.width)))
}

fn attended(channels: usize, heads: usize, x: Extent) -> Option<Extent> {
    let whole = heads > 0 && channels.is_multiple_of(heads) && 3 * channels == x.channels;
    whole.then_some(Extent { channels, ..x })
}

fn windowed(window: &Window, x: Extent) -> Option<Extent> {
    let size = window.size;
    let whole = size > 0 && x.height.is_multiple_of(size) && x.width.is_multiple_of(size);
    attended(window.channels, window.heads, x).filter(|_| whole)
}

#[cfg(test)]
mod tests {
    use super::super::op::{Activation, Padding};
    use super::*;

    #[test]
    fn what_an_operation_cannot_work_on_has_no_extent() {
        let map = Extent::map(18, 5, 5);
        let wrong = [
            Op::Attention { channels: 6, heads: 4 },
            Op::WindowAttention(Window { channels: 6, heads: 2, size: 3, shift: [0, 0], cosine: false }),
            Op::Gate,
            Op::Add,
            Op::AddRow,
            Op::Merge,
            Op::Shuffle { groups: 4 },
            Op::Channels { from: 10, count: 9 },
            Op::Crop { height: 6, width: 1 },
            Op::Crop { height: 0, width: 1 },
            Op::AdaptiveMean(0),
            Op::MaxPool(Pool::new(6, 1)),
            Op::LayerNorm { channels: 17, epsilon: 1e-5 },
            Op::Conv(Conv::new(18, 4, 1, 1).grouped(4)),
            Op::GroupNorm { channels: 18, groups: 4, epsilon: 1e-5 },
            Op::GroupNorm { channels: 18, groups: 0, epsilon: 1e-5 },
            Op::Positions { tokens: 24, channels: 18 },
        ];
        for op in wrong {
            assert_eq!(op.extent(&[map]), None, "{op:?}");
        }
        let silu = Op::Activation(Activation::Silu);
        assert_eq!(silu.extent(&[map]), Some(map));
        assert_eq!((silu.extent(&[map, map]), silu.extent(&[])), (None, None));
        assert_eq!(Op::Conv(Conv::new(18, 4, 3, 2)).extent(&[map]), Some(Extent::map(4, 3, 3)));
    }

    /// TensorFlow's padding, by hand: 224 pixels in steps of 2 under 3 have 112 positions, the last one begins at 222 and
    /// reaches one pixel beyond; 5 pixels under 3 reach (3 − 1)·2 + 3 = 7, one on each side; in steps of 1 it is the usual
    /// padding; a step wider than the kernel needs none.
    #[test]
    fn the_same_padding_depends_on_the_size() {
        let same = |kernel, stride| Conv { padding: Padding::Same, ..Conv::new(1, 1, kernel, stride) };
        let cases = [
            ((3, 2, 224), [0, 1], 112),
            ((5, 2, 224), [1, 2], 112),
            ((3, 2, 5), [1, 1], 3),
            ((5, 2, 7), [2, 2], 4),
            ((5, 1, 7), [2, 2], 7),
            ((2, 1, 4), [0, 1], 4),
            ((1, 3, 7), [0, 0], 3),
            ((3, 2, 1), [1, 1], 1),
        ];
        for ((kernel, stride, size), edges, positions) in cases {
            let conv = same(kernel, stride);
            assert_eq!((conv.edges(size), conv.positions(size)), (edges, positions), "{kernel}/{stride} on {size}");
            let extent = Op::Conv(conv).extent(&[Extent::map(1, size, 224)]).unwrap();
            assert_eq!((extent.height, extent.width), (positions, 224_usize.div_ceil(stride)));
        }
        assert_eq!(Op::Conv(Conv::new(1, 1, 3, 2).padded(3)).extent(&[Extent::map(1, 9, 9)]), None);
    }

    /// A row is no map of one pixel: burn tells them apart.
    #[test]
    fn rows_and_maps_are_not_mixed() {
        let (row, map) = (Extent::row(6), Extent::map(6, 1, 1));
        assert_eq!((Op::Add.extent(&[row, map]), Op::AddRow.extent(&[map, map])), (None, None));
        assert_eq!(Op::AddRow.extent(&[map, row]), Some(map));
        assert_eq!(Op::Conv(Conv::new(6, 4, 1, 1)).extent(&[row]), None);
        assert_eq!(Op::GlobalMean.extent(&[map]), Some(row));
        let linear = Op::Linear { inputs: 6, outputs: 2, bias: super::super::op::LinearBias::Full };
        assert_eq!(linear.extent(&[row]), Some(Extent::row(2)));
        assert_eq!(linear.extent(&[map]), Some(Extent::map(2, 1, 1)));
        assert_eq!((row.shape(3), map.shape(3)), (vec![3, 6], vec![3, 6, 1, 1]));
    }
}
