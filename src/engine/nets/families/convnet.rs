//! ConvNet-n of the distillation papers: n × (3×3 convolution with bias → norm → ReLU → 2×2 mean), then one linear layer
//! on the flattened map. With batch norm its layers have the keys of RDED's code; with instance norm, which the methods
//! before it train with, those of DC's, MTT's and DD-Ranking's code (`features.N` of one `Sequential`).

use crate::engine::nets::graph::{Activation, Conv, Graph, NodeId, Op, Pool};

/// Width of the papers' ConvNets.
pub const WIDTH: usize = 128;

/// Layers of a block in the `Sequential` of the networks with instance norm: convolution, norm, ReLU, pool.
pub const LAYERS: usize = 4;

/// What the maps are normalised by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Norm {
    /// The batch.
    Batch,
    /// Each image's channels by themselves: PyTorch's `GroupNorm(C, C)`, affine.
    Instance,
}

/// Shape of a ConvNet, apart from its images and classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Blocks.
    pub depth: usize,
    /// Channels of each.
    pub width: usize,
    /// Normalisation.
    pub norm: Norm,
}

/// Builds it for `side`×`side` images.
#[must_use]
pub fn build(shape: Shape, side: usize, classes: usize) -> Graph {
    let Shape { depth, width, norm } = shape;
    let mut graph = Graph::images(side);
    let (mut x, mut inputs) = (graph.last(), 3);
    for d in 0..depth {
        let conv = Conv::new(inputs, width, 3, 1).biased();
        x = match norm {
            Norm::Batch => {
                let keys = (format!("layers.conv.{d}"), format!("layers.norm.{d}"));
                graph.conv_norm(x, conv, (&keys.0, &keys.1), Some(Activation::Relu))
            }
            Norm::Instance => instance_block(&mut graph, x, conv, LAYERS * d),
        };
        x = graph.push(Op::AvgPool(Pool::new(2, 2)), &[x]);
        graph.end_stage(x);
        inputs = width;
    }
    let map = side >> depth;
    let x = graph.push(Op::Flatten, &[x]);
    graph.linear(x, (width * map * map, classes), "classifier");
    graph
}

/// Convolution → instance norm → ReLU, as layer `number` of the `Sequential` and those behind it.
fn instance_block(graph: &mut Graph, x: NodeId, conv: Conv, number: usize) -> NodeId {
    let x = graph.conv(x, conv, &format!("features.{number}"));
    let norm = Op::GroupNorm { channels: conv.outputs, groups: conv.outputs, epsilon: 1e-5 };
    let x = graph.push_keyed(norm, &[x], &format!("features.{}", number + 1));
    graph.activate(x, Activation::Relu)
}

/// The input side that a classifier on a `map`×`map` final map stands for: 224 where that fits (conv5 and conv6 of
/// the ImageNet subsets have odd maps), else the map times 2^depth.
#[must_use]
pub fn side_of(depth: usize, map: usize) -> usize {
    if map > 0 && 224 >> depth == map { 224 } else { map << depth }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Affine instance norm has as many learnt values as batch norm.
    #[test]
    fn parameter_counts_are_the_papers() {
        for norm in [Norm::Batch, Norm::Instance] {
            let of = |depth, side, classes| build(Shape { depth, width: WIDTH, norm }, side, classes).parameter_count();
            assert_eq!((of(3, 32, 10), of(4, 64, 200)), (320_010, 857_160));
        }
    }

    #[test]
    fn sides_follow_from_the_classifier() {
        let cases = [(3, 4, 32), (4, 4, 64), (5, 4, 128), (6, 2, 128), (5, 7, 224), (6, 3, 224), (4, 14, 224)];
        for (depth, map, side) in cases {
            assert_eq!(side_of(depth, map), side);
        }
    }
}
