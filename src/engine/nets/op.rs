//! The operations networks are made of. [`super::tensors`] has the tensors that each of them needs, [`super::extent`] the
//! size of its result; every executor follows these two rules.
//!
//! A new operation is
//! * a variant of [`Op`];
//! * its tensors ([`Op::tensors`]), and [`Op::folded`] where compiling makes others of them;
//! * its result ([`Op::extent`]), with the number of its inputs if that isn't one;
//! * `plan::activates`, if it takes the activation behind it along;
//! * its form on burn's tensors, for plans and training alike (`burn::ops`); `burn::module::layer` only where training
//!   computes it in another way than a plan;
//! * its loop for inference on the processor (`cpu::infer`: an arm of `apply`, or of `prepare` if its weights are packed);
//! * its loops for training there (`cpu::learn`: `program::covers`, `forward`, `backward`); without them burn trains the
//!   networks that have it;
//! * its plain loops in f64 that the tests compare with (`cpu/infer/tests/reference.rs`).
//!
//! Keys, load reports, detection, initial weights, plans, the tables and weight files follow by themselves.

/// The zeros that a convolution sees around a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// So many rows and columns on every side.
    Explicit(usize),
    /// TensorFlow's `SAME`: as few as make ⌈size / stride⌉ positions along each axis; of an odd number the larger part lies
    /// behind the map.
    Same,
}

/// A square-kernel convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv {
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// Kernel side.
    pub kernel: usize,
    /// Step in both directions.
    pub stride: usize,
    /// Zeros around the map.
    pub padding: Padding,
    /// Groups of channels that don't see each other; as many as channels for a depthwise convolution.
    pub groups: usize,
    /// Whether there is a bias.
    pub bias: bool,
}

impl Conv {
    /// A convolution of one group without bias whose padding keeps the size at stride 1.
    #[must_use]
    pub const fn new(inputs: usize, outputs: usize, kernel: usize, stride: usize) -> Self {
        let padding = Padding::Explicit(kernel / 2);
        Self { inputs, outputs, kernel, stride, padding, groups: 1, bias: false }
    }

    /// The same with that many groups.
    #[must_use]
    pub const fn grouped(self, groups: usize) -> Self {
        Self { groups, ..self }
    }

    /// The same with that padding on every side.
    #[must_use]
    pub const fn padded(self, padding: usize) -> Self {
        Self { padding: Padding::Explicit(padding), ..self }
    }

    /// The same with a bias.
    #[must_use]
    pub const fn biased(self) -> Self {
        Self { bias: true, ..self }
    }

    /// Zeros before and behind an axis of `size` pixels.
    #[must_use]
    pub fn edges(&self, size: usize) -> [usize; 2] {
        match self.padding {
            Padding::Explicit(padding) => [padding; 2],
            Padding::Same => {
                let last = size.saturating_sub(1) / self.stride.max(1) * self.stride;
                let all = (last + self.kernel).saturating_sub(size);
                [all / 2, all.div_ceil(2)]
            }
        }
    }

    /// Output positions along an axis of `size` pixels; 0 where the kernel doesn't fit.
    #[must_use]
    pub fn positions(&self, size: usize) -> usize {
        let [near, far] = self.edges(size);
        let span = (size + near + far).checked_sub(self.kernel);
        span.map_or(0, |span| span / self.stride.max(1) + 1)
    }

    /// The weight's shape: [out, in / groups, k, k].
    #[must_use]
    pub fn weight_shape(&self) -> [usize; 4] {
        [self.outputs, self.inputs / self.groups.max(1), self.kernel, self.kernel]
    }
}

/// A square pooling window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Window side.
    pub kernel: usize,
    /// Step.
    pub stride: usize,
    /// Padding on every side (never wins in max pooling).
    pub padding: usize,
    /// Whether a window that reaches past the far edge still counts (PyTorch's `ceil_mode`); max pooling only.
    pub ceil: bool,
}

impl Pool {
    /// A window without padding that is cut off at the far edge.
    #[must_use]
    pub const fn new(kernel: usize, stride: usize) -> Self {
        Self { kernel, stride, padding: 0, ceil: false }
    }

    /// Output positions along an axis of `size` pixels, as PyTorch counts them; 0 where the window doesn't fit.
    #[must_use]
    pub fn positions(&self, size: usize) -> usize {
        let padded = size + 2 * self.padding;
        if padded < self.kernel {
            return 0;
        }
        let span = padded - self.kernel;
        if !self.ceil {
            return span / self.stride + 1;
        }
        let count = span.div_ceil(self.stride) + 1;
        // A window must begin inside the map or its near padding.
        if (count - 1) * self.stride >= size + self.padding { count - 1 } else { count }
    }
}

/// An elementwise nonlinearity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// max(0, x).
    Relu,
    /// min(max(0, x), 6).
    Relu6,
    /// x·sigmoid(x).
    Silu,
    /// x·Φ(x), exact (not the tanh approximation).
    Gelu,
    /// 1 / (1 + e⁻ˣ).
    Sigmoid,
}

/// The bias of a linear layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinearBias {
    /// There is none.
    None,
    /// One value per output.
    Full,
    /// One value per output, of which the middle third, that of the keys, counts as 0 (Swin V2).
    WithoutKeys,
}

/// Self-attention within windows of a map (Liu et al. 2021, section 3.2; 2022, sections 3.2 and 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Channels of the output; the input holds queries, keys and values: three times as many.
    pub channels: usize,
    /// Heads.
    pub heads: usize,
    /// Window side; the map's sides are multiples of it.
    pub size: usize,
    /// Rows and columns by which the map is rolled up and left before it is cut into windows; each 0 where one window
    /// spans the map.
    pub shift: [usize; 2],
    /// Swin V2: cosine similarity over a learnt temperature, and a position bias from a small network.
    pub cosine: bool,
}

impl Window {
    /// Tokens of a window.
    #[must_use]
    pub const fn tokens(&self) -> usize {
        self.size * self.size
    }

    /// Distinct distances between two tokens of a window: (2·size − 1)².
    #[must_use]
    pub const fn distances(&self) -> usize {
        (2 * self.size - 1) * (2 * self.size - 1)
    }

    /// The region of a rolled map's row (axis 0) or column `at` of `length`: pixels of a window see each other where
    /// their rows' regions and their columns' regions are the same (Liu et al. 2021, figure 4).
    #[must_use]
    pub const fn region(&self, axis: usize, at: usize, length: usize) -> usize {
        let shift = self.shift[axis];
        if shift == 0 || at + self.size < length { 0 } else { 1 + (at + shift >= length) as usize }
    }
}

/// The factor of attention's similarities that isn't learnt: 1 / √(channels of a head).
#[must_use]
pub fn even_scale(channels: usize, heads: usize) -> f32 {
    ((channels / heads.max(1)) as f32).sqrt().recip()
}

/// Hidden units of Swin V2's position bias network.
pub const POSITION_UNITS: usize = 512;

/// What a node computes. Tensors are maps N×C×H×W until `GlobalMean`, `Flatten` or `FirstToken` make them rows N×C.
/// A sequence of T tokens is a map of one row, C×1×T.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Op {
    /// What the network is given ([`super::graph::Graph::inputs`]).
    Input,
    /// Convolution: `weight` [out, in / groups, k, k] and maybe `bias` [out].
    Conv(Conv),
    /// Batch normalisation: weight, bias, running_mean, running_var.
    BatchNorm {
        /// Channels.
        channels: usize,
        /// Added to the variance.
        epsilon: f64,
        /// Share of a batch's statistics in the running ones.
        momentum: f64,
    },
    /// Normalisation over the channels of each pixel, or of a row: weight, bias.
    LayerNorm {
        /// Channels.
        channels: usize,
        /// Added to the variance.
        epsilon: f64,
    },
    /// Normalisation over the channels of each group and all pixels of an image (Wu and He 2018): weight, bias per
    /// channel. As many groups as channels is instance norm (Ulyanov et al. 2016).
    GroupNorm {
        /// Channels.
        channels: usize,
        /// Groups of channels that lie side by side.
        groups: usize,
        /// Added to the biased variance.
        epsilon: f64,
    },
    /// An elementwise nonlinearity.
    Activation(Activation),
    /// Maximum of each window.
    MaxPool(Pool),
    /// Mean of each window (no padding).
    AvgPool(Pool),
    /// Mean over n×n nearly equal parts of the map (PyTorch's `AdaptiveAvgPool2d`).
    AdaptiveMean(usize),
    /// Mean over rows and columns: map → row.
    GlobalMean,
    /// Map → row of C·H·W, channel first.
    Flatten,
    /// Fully connected on each pixel of a map, or on a row: `weight` [out, in], maybe `bias` [out].
    Linear {
        /// Input features.
        inputs: usize,
        /// Output features.
        outputs: usize,
        /// Whether there is a bias.
        bias: LinearBias,
    },
    /// Sum of two tensors of one shape (a residual join).
    Add,
    /// A map, to each pixel of which a row of as many channels is added (the embedding of a time or a class).
    AddRow,
    /// A map times a map C×1×1 (squeeze and excitation).
    Gate,
    /// Channels of all inputs one after the other.
    Concat,
    /// Channels `from..from + count`.
    Channels {
        /// First channel.
        from: usize,
        /// Number of channels.
        count: usize,
    },
    /// Channel c·groups + g takes channel g·(C / groups) + c (Zhang et al. 2018).
    Shuffle {
        /// Groups.
        groups: usize,
    },
    /// Option-A shortcut (He et al. 2016): every `stride`-th row and column, `pad` zero channels on both sides.
    Shortcut {
        /// Step.
        stride: usize,
        /// Zero channels before and behind.
        pad: usize,
    },
    /// A learnt factor per channel, [C, 1, 1] under the node's own key.
    LayerScale {
        /// Channels.
        channels: usize,
    },
    /// In training, each value is 0 with this probability and the others grow to keep the mean.
    Dropout(f64),
    /// In training, each image's whole tensor is 0 with this probability (Huang et al. 2016), others grow.
    StochasticDepth(f64),
    /// Pixels in rows' order become tokens behind a learnt one, [1, 1, C] under the node's own key.
    ClassToken {
        /// Channels.
        channels: usize,
    },
    /// Adds learnt position embeddings, [1, T, C] under the node's own key.
    Positions {
        /// Tokens, the class token included.
        tokens: usize,
        /// Channels.
        channels: usize,
    },
    /// The first token: map → row.
    FirstToken,
    /// Self-attention over all pixels: queries, keys and values, 3·C channels → C (Vaswani et al. 2017).
    Attention {
        /// Channels of the output.
        channels: usize,
        /// Heads.
        heads: usize,
    },
    /// Self-attention within windows: `relative_position_bias_table` [distances, heads], or for Swin V2 `logit_scale`
    /// [heads, 1, 1] and `cpb_mlp.0.weight` [512, 2], `cpb_mlp.0.bias` [512], `cpb_mlp.2.weight` [heads, 512].
    WindowAttention(Window),
    /// Zero rows at the bottom and columns on the right.
    Pad {
        /// Rows.
        bottom: usize,
        /// Columns.
        right: usize,
    },
    /// The first rows and columns.
    Crop {
        /// Rows kept.
        height: usize,
        /// Columns kept.
        width: usize,
    },
    /// 2×2 pixels → one of four times the channels: (0, 0), (1, 0), (0, 1), (1, 1), row first (Liu et al. 2021).
    Merge,
}
