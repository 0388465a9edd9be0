//! ConvNet-n of the distillation papers: n × (3×3 convolution with bias → batch norm → ReLU → 2×2 mean), then one
//! linear layer on the flattened map.

use crate::engine::nets::graph::{Activation, Conv, Graph, Op, Pool};

/// Width of the papers' ConvNets.
pub const WIDTH: usize = 128;

/// Builds ConvNet-`depth` for `side`×`side` images.
#[must_use]
pub fn build(depth: usize, width: usize, side: usize, classes: usize) -> Graph {
    let mut graph = Graph::new();
    let (mut x, mut inputs) = (graph.last(), 3);
    for d in 0..depth {
        let conv = Conv::new(inputs, width, 3, 1).biased();
        let keys = (format!("layers.conv.{d}"), format!("layers.norm.{d}"));
        x = graph.conv_norm(x, conv, (&keys.0, &keys.1), Some(Activation::Relu));
        x = graph.push(Op::AvgPool(Pool::new(2, 2)), &[x]);
        graph.end_stage(x);
        inputs = width;
    }
    let map = side >> depth;
    let x = graph.push(Op::Flatten, &[x]);
    graph.linear(x, (width * map * map, classes), "classifier");
    graph
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

    #[test]
    fn parameter_counts_are_the_papers() {
        assert_eq!(build(3, WIDTH, 32, 10).parameter_count(), 320_010);
        assert_eq!(build(4, WIDTH, 64, 200).parameter_count(), 857_160);
    }

    #[test]
    fn sides_follow_from_the_classifier() {
        let cases = [(3, 4, 32), (4, 4, 64), (5, 4, 128), (6, 2, 128), (5, 7, 224), (6, 3, 224), (4, 14, 224)];
        for (depth, map, side) in cases {
            assert_eq!(side_of(depth, map), side);
        }
    }
}
