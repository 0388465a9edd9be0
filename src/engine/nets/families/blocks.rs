//! Blocks that several families share: widths in steps, squeeze and excitation, inverted residuals, mean pooling to a
//! fixed map.

use crate::engine::nets::graph::{Activation, Conv, Graph, NodeId, Op};
use crate::engine::nets::shapes;

/// Keys of a convolution and its batch norm.
pub type Keys = (String, String);

/// The keys `<prefix>.0` and `<prefix>.1`, as torchvision names a convolution and its batch norm.
#[must_use]
pub fn keys(prefix: &str) -> Keys {
    (format!("{prefix}.0"), format!("{prefix}.1"))
}

/// Appends convolution → batch norm → activation under `<prefix>.0` and `<prefix>.1`.
pub fn conv_norm(graph: &mut Graph, x: NodeId, conv: Conv, prefix: &str, activation: Option<Activation>) -> NodeId {
    let (conv_key, norm_key) = keys(prefix);
    graph.conv_norm(x, conv, (&conv_key, &norm_key), activation)
}

/// The multiple of `step` nearest to a scaled width, at least one step and never more than 10 % below it (Sandler et
/// al. 2018's code, which the later families follow).
#[must_use]
pub fn round_width(width: f64, step: usize) -> usize {
    let nearest = ((width + step as f64 / 2.0) as usize / step * step).max(step);
    if (nearest as f64) < 0.9 * width { nearest + step } else { nearest }
}

/// Squeeze and excitation (Hu et al. 2018): every channel times a factor in 0..1 that depends on all channels' means.
#[derive(Clone, Copy, Debug)]
pub struct Excitation {
    /// Channels of the map.
    pub channels: usize,
    /// Hidden units.
    pub squeezed: usize,
    /// The hidden units' nonlinearity.
    pub activation: Activation,
}

/// Appends squeeze and excitation with its two layers under these keys.
pub fn excite(graph: &mut Graph, x: NodeId, shape: Excitation, keys: &[String; 2]) -> NodeId {
    let Excitation { channels, squeezed, activation } = shape;
    let mean = graph.push(Op::AdaptiveMean(1), &[x]);
    let hidden = graph.conv(mean, Conv::new(channels, squeezed, 1, 1).biased(), &keys[0]);
    let hidden = graph.activate(hidden, activation);
    let gate = graph.conv(hidden, Conv::new(squeezed, channels, 1, 1).biased(), &keys[1]);
    let gate = graph.activate(gate, Activation::Sigmoid);
    graph.push(Op::Gate, &[x, gate])
}

/// An inverted residual (Sandler et al. 2018): 1×1 expansion where the width grows → depthwise → 1×1 projection
/// without activation; plus the input where the shape stays.
#[derive(Clone, Copy, Debug)]
pub struct InvertedResidual {
    /// Input channels.
    pub inputs: usize,
    /// Channels of the depthwise convolution.
    pub hidden: usize,
    /// Output channels.
    pub outputs: usize,
    /// Kernel side of the depthwise convolution.
    pub kernel: usize,
    /// Its step.
    pub stride: usize,
    /// The nonlinearity after the first two convolutions.
    pub activation: Activation,
    /// Hidden units of squeeze and excitation, where there is one.
    pub squeezed: Option<usize>,
    /// Probability that a training drops the branch.
    pub drop: f64,
}

/// Keys of an inverted residual's layers.
#[derive(Clone, Debug)]
pub struct InvertedKeys {
    /// 1×1 expansion; unused where the width doesn't grow.
    pub expand: Keys,
    /// Depthwise convolution.
    pub depthwise: Keys,
    /// The two layers of squeeze and excitation; unused where there is none.
    pub excite: [String; 2],
    /// 1×1 projection.
    pub project: Keys,
}

impl InvertedResidual {
    /// Whether there is an expansion.
    #[must_use]
    pub const fn expands(&self) -> bool {
        self.hidden != self.inputs
    }

    /// Appends it.
    pub fn push(&self, graph: &mut Graph, x: NodeId, keys: &InvertedKeys) -> NodeId {
        let Self { inputs, hidden, outputs, kernel, stride, activation, squeezed, drop } = *self;
        let mut layer = |x, conv, (conv_key, norm_key): &Keys, activation| {
            graph.conv_norm(x, conv, (conv_key, norm_key), activation)
        };
        let mut y = x;
        if self.expands() {
            y = layer(y, Conv::new(inputs, hidden, 1, 1), &keys.expand, Some(activation));
        }
        let depthwise = Conv::new(hidden, hidden, kernel, stride).grouped(hidden);
        y = layer(y, depthwise, &keys.depthwise, Some(activation));
        if let Some(squeezed) = squeezed {
            y = excite(graph, y, Excitation { channels: hidden, squeezed, activation }, &keys.excite);
        }
        y = graph.conv_norm(y, Conv::new(hidden, outputs, 1, 1), (&keys.project.0, &keys.project.1), None);
        if stride != 1 || inputs != outputs {
            return y;
        }
        y = graph.stochastic_depth(y, drop);
        graph.push(Op::Add, &[y, x])
    }
}

/// Appends the mean over n×n parts of the map, unless the map is n×n already.
pub fn pool_to(graph: &mut Graph, x: NodeId, n: usize) -> NodeId {
    let map = shapes::extents(graph).and_then(|all| all.get(x).copied());
    if map.is_some_and(|m| (m.height, m.width) == (n, n)) { x } else { graph.push(Op::AdaptiveMean(n), &[x]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 24·1.3 = 31.2 → 32; 16·0.5 = 8; 40·0.75 = 30 → 32; 88.4 → 88; 11.5 → 8 would lose 30 %, so 16; 3 → 8.
    #[test]
    fn widths_are_rounded_to_the_step_but_hardly_shrink() {
        let cases = [(31.2, 32), (8.0, 8), (30.0, 32), (88.4, 88), (11.5, 16), (3.0, 8)];
        for (width, rounded) in cases {
            assert_eq!(round_width(width, 8), rounded, "{width}");
        }
    }
}
