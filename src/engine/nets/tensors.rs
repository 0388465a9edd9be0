//! The tensors that each operation needs: names, shapes, and what they are for.

use super::op::{LinearBias, Op, POSITION_UNITS};

/// What a weight tensor is for: decides how it is initialised and decayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Convolution or linear weight.
    Weight,
    /// Convolution or linear bias.
    Bias,
    /// γ of a normalisation.
    NormWeight,
    /// β of a normalisation.
    NormBias,
    /// Batch norm's running mean.
    RunningMean,
    /// Batch norm's running variance.
    RunningVar,
    /// A factor per channel.
    LayerScale,
    /// Class token, position embedding or table of relative position biases.
    Embedding,
    /// Logarithm of the inverse temperature of cosine attention.
    LogitScale,
}

impl Role {
    /// Whether a training changes it by gradients.
    #[must_use]
    pub fn is_learnt(self) -> bool {
        !matches!(self, Self::RunningMean | Self::RunningVar)
    }
}

/// A tensor of an operation: its name below the node's key, its shape, what it is for.
pub type Tensor = (&'static str, Vec<usize>, Role);

impl Op {
    /// The tensors it needs; a name of "" stands for the node's key itself.
    #[must_use]
    pub fn tensors(&self) -> Vec<Tensor> {
        let bias = |n: usize, wanted: bool| wanted.then(|| ("bias", vec![n], Role::Bias));
        let norm = |n: usize| vec![("weight", vec![n], Role::NormWeight), ("bias", vec![n], Role::NormBias)];
        match *self {
            Self::Conv(c) => std::iter::once(("weight", c.weight_shape().to_vec(), Role::Weight))
                .chain(bias(c.outputs, c.bias))
                .collect(),
            Self::BatchNorm { channels, .. } => {
                let running = [("running_mean", Role::RunningMean), ("running_var", Role::RunningVar)];
                norm(channels).into_iter().chain(running.map(|(name, role)| (name, vec![channels], role))).collect()
            }
            Self::LayerNorm { channels, .. } | Self::GroupNorm { channels, .. } => norm(channels),
            Self::Linear { inputs, outputs, bias: kind } => {
                let weight = ("weight", vec![outputs, inputs], Role::Weight);
                std::iter::once(weight).chain(bias(outputs, kind != LinearBias::None)).collect()
            }
            Self::LayerScale { channels } => vec![("", vec![channels, 1, 1], Role::LayerScale)],
            Self::ClassToken { channels } => vec![("", vec![1, 1, channels], Role::Embedding)],
            Self::Positions { tokens, channels } => vec![("", vec![1, tokens, channels], Role::Embedding)],
            Self::WindowAttention(w) if w.cosine => vec![
                ("logit_scale", vec![w.heads, 1, 1], Role::LogitScale),
                ("cpb_mlp.0.weight", vec![POSITION_UNITS, 2], Role::Weight),
                ("cpb_mlp.0.bias", vec![POSITION_UNITS], Role::Bias),
                ("cpb_mlp.2.weight", vec![w.heads, POSITION_UNITS], Role::Weight),
            ],
            Self::WindowAttention(w) => {
                vec![("relative_position_bias_table", vec![w.distances(), w.heads], Role::Embedding)]
            }
            _ => Vec::new(),
        }
    }

    /// Shapes of the tensors that a step of an inference plan has for it, in this order: those of [`Op::tensors`], unless
    /// compiling makes others of them.
    ///
    /// Batch norms and layer scales are a factor and a summand per channel; window attention has the factor of the
    /// similarities of each head, and what is added to them: heads × tokens × tokens, query before key.
    #[must_use]
    pub fn folded(&self) -> Vec<Vec<usize>> {
        match *self {
            Self::BatchNorm { channels, .. } | Self::LayerScale { channels } => vec![vec![channels]; 2],
            Self::WindowAttention(w) => vec![vec![w.heads], vec![w.heads, w.tokens(), w.tokens()]],
            _ => self.tensors().into_iter().map(|(_, shape, _)| shape).collect(),
        }
    }

    /// Inputs and outputs of each unit of a convolution or linear layer, as PyTorch's initialisers count them: the
    /// weight's second and first dimension, times the kernel's area.
    #[must_use]
    pub fn fans(&self) -> (usize, usize) {
        match *self {
            Self::Conv(c) => {
                let [outputs, inputs, height, width] = c.weight_shape();
                (inputs * height * width, outputs * height * width)
            }
            Self::Linear { inputs, outputs, .. } => (inputs, outputs),
            _ => (1, 1),
        }
    }

    /// Outputs of a convolution or linear layer.
    #[must_use]
    pub fn outputs(&self) -> Option<usize> {
        match *self {
            Self::Conv(c) => Some(c.outputs),
            Self::Linear { outputs, .. } => Some(outputs),
            _ => None,
        }
    }
}
