//! SqueezeNet 1.0 and 1.1 (Iandola et al. 2016): fire modules, and a convolution for a classifier.

use crate::engine::nets::draw::Draw;
use crate::engine::nets::graph::{Activation, Conv, Graph, NodeId, Op, Pool};
use crate::engine::nets::{Family, Listed, Size};

/// What differs between the versions.
#[derive(Clone, Copy)]
struct Variant {
    stem: Conv,
    /// Numbers in torchvision's keys before which the map is pooled.
    pools: [usize; 3],
}

const V1_0: Variant = Variant { stem: Conv::new(3, 96, 7, 2).padded(0), pools: [2, 6, 11] };
const V1_1: Variant = Variant { stem: Conv::new(3, 64, 3, 2).padded(0), pools: [2, 5, 8] };

/// torchvision's networks.
pub const NETWORKS: [Listed; 2] = [
    Listed::new("squeezenet1_0", Family::SqueezeNet, |s| build(V1_0, s)),
    Listed::new("squeezenet1_1", Family::SqueezeNet, |s| build(V1_1, s)),
];

/// Squeezed channels of the eight fire modules; each gives eight times as many.
const SQUEEZED: [usize; 8] = [16, 16, 32, 32, 48, 48, 64, 64];

fn build(variant: Variant, size: Size) -> Graph {
    let mut graph = Graph::images(size.side);
    let x = graph.conv(graph.last(), variant.stem.biased(), "features.0");
    let mut x = graph.activate(x, Activation::Relu);
    let mut inputs = variant.stem.outputs;
    let mut fires = SQUEEZED.into_iter();
    // 0 and 1 are the stem; then come three pools and eight fire modules.
    for number in 2..13 {
        if variant.pools.contains(&number) {
            graph.end_stage(x);
            x = graph.push(Op::MaxPool(Pool { ceil: true, ..Pool::new(3, 2) }), &[x]);
        } else if let Some(squeezed) = fires.next() {
            x = fire(&mut graph, x, (inputs, squeezed), &format!("features.{number}"));
            inputs = 8 * squeezed;
        }
    }
    graph.end_stage(x);
    let x = graph.push(Op::Dropout(0.5), &[x]);
    let x = graph.conv(x, Conv::new(inputs, size.classes, 1, 1).biased(), "classifier.1");
    let x = graph.activate(x, Activation::Relu);
    graph.push(Op::GlobalMean, &[x]);
    graph.draw(|node| match node.op {
        Op::Conv(_) if node.key == "classifier.1" => Some([Draw::Normal(0.01), Draw::ZERO]),
        Op::Conv(_) => Some([Draw::kaiming_uniform(node.op.fans().0), Draw::ZERO]),
        _ => None,
    });
    graph
}

/// 1×1 squeeze, then 1×1 and 3×3 side by side, four times as many channels each.
fn fire(graph: &mut Graph, x: NodeId, (inputs, squeezed): (usize, usize), key: &str) -> NodeId {
    let mut layer = |x, conv: Conv, name: &str| {
        let x = graph.conv(x, conv.biased(), &format!("{key}.{name}"));
        graph.activate(x, Activation::Relu)
    };
    let x = layer(x, Conv::new(inputs, squeezed, 1, 1), "squeeze");
    let pixel = layer(x, Conv::new(squeezed, 4 * squeezed, 1, 1), "expand1x1");
    let around = layer(x, Conv::new(squeezed, 4 * squeezed, 3, 1), "expand3x3");
    graph.push(Op::Concat, &[pixel, around])
}
