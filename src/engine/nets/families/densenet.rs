//! DenseNet-BC (Huang et al. 2017): every layer of a block reads the maps of all layers before it.

use crate::engine::nets::draw::Draw;
use crate::engine::nets::graph::{Activation, Conv, Graph, NodeId, Op, Pool};
use crate::engine::nets::{Family, Listed, Size};

/// What differs between the variants.
#[derive(Clone, Copy)]
struct Variant {
    /// Channels that each layer adds.
    growth: usize,
    /// Layers of the four blocks.
    layers: [usize; 4],
}

const D121: Variant = Variant { growth: 32, layers: [6, 12, 24, 16] };
const D161: Variant = Variant { growth: 48, layers: [6, 12, 36, 24] };
const D169: Variant = Variant { growth: 32, layers: [6, 12, 32, 32] };
const D201: Variant = Variant { growth: 32, layers: [6, 12, 48, 32] };

/// torchvision's networks.
pub const NETWORKS: [Listed; 4] = [
    Listed::new("densenet121", Family::DenseNet, |s| build(D121, s)).in_timm(),
    Listed::new("densenet161", Family::DenseNet, |s| build(D161, s)).in_timm(),
    Listed::new("densenet169", Family::DenseNet, |s| build(D169, s)).in_timm(),
    Listed::new("densenet201", Family::DenseNet, |s| build(D201, s)).in_timm(),
];

const RELU: Activation = Activation::Relu;

fn build(variant: Variant, size: Size) -> Graph {
    let Variant { growth, layers } = variant;
    let mut graph = Graph::images(size.side);
    let mut channels = 2 * growth;
    let stem = Conv::new(3, channels, 7, 2);
    let x = graph.conv_norm(graph.last(), stem, ("features.conv0", "features.norm0"), Some(RELU));
    let mut x = graph.push(Op::MaxPool(Pool { padding: 1, ..Pool::new(3, 2) }), &[x]);
    for (block, &count) in layers.iter().enumerate() {
        if block > 0 {
            let key = format!("features.transition{block}");
            x = norm_conv(&mut graph, x, Conv::new(channels, channels / 2, 1, 1), (&key, ""));
            x = graph.push(Op::AvgPool(Pool::new(2, 2)), &[x]);
            channels /= 2;
        }
        for layer in 1..=count {
            let key = format!("features.denseblock{}.denselayer{layer}", block + 1);
            let y = norm_conv(&mut graph, x, Conv::new(channels, 4 * growth, 1, 1), (&key, "1"));
            let y = norm_conv(&mut graph, y, Conv::new(4 * growth, growth, 3, 1), (&key, "2"));
            x = graph.push(Op::Concat, &[x, y]);
            channels += growth;
        }
        graph.end_stage(x);
    }
    let x = graph.batch_norm(x, channels, "features.norm5");
    let x = graph.activate(x, RELU);
    let x = graph.push(Op::GlobalMean, &[x]);
    graph.linear(x, (channels, size.classes), "classifier");
    graph.draw(|node| match node.op {
        Op::Conv(_) => Some([Draw::kaiming_normal(node.op.fans().0), Draw::ZERO]),
        Op::Linear { .. } => Some([Draw::default_of(&node.op), Draw::ZERO]),
        _ => None,
    });
    graph
}

/// Batch norm → ReLU → convolution, in the paper's order; the keys are `<prefix>.norm<number>` and so on.
fn norm_conv(graph: &mut Graph, x: NodeId, conv: Conv, (prefix, number): (&str, &str)) -> NodeId {
    let x = graph.batch_norm(x, conv.inputs, &format!("{prefix}.norm{number}"));
    let x = graph.activate(x, RELU);
    graph.conv(x, conv, &format!("{prefix}.conv{number}"))
}
