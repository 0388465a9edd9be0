//! ConvNeXt (Liu et al. 2022, "A ConvNet for the 2020s"), as torchvision builds it.

use crate::engine::nets::draw::Draw;
use crate::engine::nets::graph::{Activation, Conv, Graph, NodeId, Op};
use crate::engine::nets::{Family, Listed, Size};

/// What differs between the variants.
#[derive(Clone, Copy)]
struct Variant {
    /// Blocks of the four stages.
    blocks: [usize; 4],
    /// Channels of the first stage; each further one has twice as many.
    width: usize,
    /// Stochastic depth of the last block; it rises linearly from 0.
    depth_drop: f64,
}

/// torchvision's networks.
pub const NETWORKS: [Listed; 3] = [
    row("convnext_tiny", |s| build(Variant { blocks: [3, 3, 9, 3], width: 96, depth_drop: 0.1 }, s)),
    row("convnext_small", |s| build(Variant { blocks: [3, 3, 27, 3], width: 96, depth_drop: 0.4 }, s)),
    row("convnext_base", |s| build(Variant { blocks: [3, 3, 27, 3], width: 128, depth_drop: 0.5 }, s)),
];

const fn row(name: &'static str, build: fn(Size) -> Graph) -> Listed {
    Listed::new(name, Family::ConvNext, build).in_timm()
}

const EPSILON: f64 = 1e-6;

/// What a block's residual branch is multiplied by before training.
const LAYER_SCALE: f64 = 1e-6;

fn build(variant: Variant, size: Size) -> Graph {
    let mut graph = Graph::images(size.side);
    let stem = Conv::new(3, variant.width, 4, 4).padded(0).biased();
    let mut x = graph.conv(graph.last(), stem, "features.0.0");
    x = norm(&mut graph, x, variant.width, "features.0.1");
    let last_block = (variant.blocks.iter().sum::<usize>() - 1) as f64;
    let mut number = 0;
    let mut channels = variant.width;
    for (stage, &blocks) in variant.blocks.iter().enumerate() {
        if stage > 0 {
            let key = format!("features.{}", 2 * stage);
            x = norm(&mut graph, x, channels, &format!("{key}.0"));
            x = graph.conv(x, Conv::new(channels, 2 * channels, 2, 2).padded(0).biased(), &format!("{key}.1"));
            channels *= 2;
        }
        for at in 0..blocks {
            let drop = variant.depth_drop * f64::from(number) / last_block;
            x = block(&mut graph, x, (channels, drop), &format!("features.{}.{at}", 2 * stage + 1));
            number += 1;
        }
        graph.end_stage(x);
    }
    let x = graph.push(Op::GlobalMean, &[x]);
    let x = norm(&mut graph, x, channels, "classifier.0");
    graph.linear(x, (channels, size.classes), "classifier.2");
    graph.draw(|node| match node.op {
        Op::LayerScale { .. } => Some([Draw::Constant(LAYER_SCALE); 2]),
        _ => node.op.outputs().map(|_| [Draw::Truncated(0.02), Draw::ZERO]),
    });
    graph
}

fn norm(graph: &mut Graph, x: NodeId, channels: usize, key: &str) -> NodeId {
    graph.push_keyed(Op::LayerNorm { channels, epsilon: EPSILON }, &[x], key)
}

/// Depthwise 7×7, then a perceptron of four times the width on each pixel.
fn block(graph: &mut Graph, x: NodeId, (channels, drop): (usize, f64), key: &str) -> NodeId {
    let depthwise = Conv::new(channels, channels, 7, 1).grouped(channels).biased();
    let y = graph.conv(x, depthwise, &format!("{key}.block.0"));
    let y = norm(graph, y, channels, &format!("{key}.block.2"));
    let y = graph.linear(y, (channels, 4 * channels), &format!("{key}.block.3"));
    let y = graph.activate(y, Activation::Gelu);
    let y = graph.linear(y, (4 * channels, channels), &format!("{key}.block.5"));
    let y = graph.push_keyed(Op::LayerScale { channels }, &[y], &format!("{key}.layer_scale"));
    let y = graph.stochastic_depth(y, drop);
    graph.push(Op::Add, &[y, x])
}
