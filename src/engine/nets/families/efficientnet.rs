//! EfficientNet-B0 to -B4 (Tan and Le 2019), in torchvision's form of symmetric padding.

use super::blocks::{InvertedKeys, InvertedResidual, conv_norm, keys, round_width};
use crate::engine::nets::draw::Draw;
use crate::engine::nets::graph::{Activation, Conv, Graph, Op};
use crate::engine::nets::{Family, Listed, Size};

/// What differs between the variants.
#[derive(Clone, Copy)]
struct Variant {
    /// Factor of B0's widths.
    width: f64,
    /// Factor of B0's blocks.
    depth: f64,
    dropout: f64,
}

const B0: Variant = Variant { width: 1.0, depth: 1.0, dropout: 0.2 };
const B1: Variant = Variant { width: 1.0, depth: 1.1, dropout: 0.2 };
const B2: Variant = Variant { width: 1.1, depth: 1.2, dropout: 0.3 };
const B3: Variant = Variant { width: 1.2, depth: 1.4, dropout: 0.3 };
const B4: Variant = Variant { width: 1.4, depth: 1.8, dropout: 0.4 };

/// torchvision's networks.
pub const NETWORKS: [Listed; 5] = [
    Listed::new("efficientnet_b0", Family::EfficientNet, |s| build(B0, s)).in_timm(),
    Listed::new("efficientnet_b1", Family::EfficientNet, |s| build(B1, s)).in_timm().at(240),
    Listed::new("efficientnet_b2", Family::EfficientNet, |s| build(B2, s)).in_timm().at(288),
    Listed::new("efficientnet_b3", Family::EfficientNet, |s| build(B3, s)).in_timm().at(300),
    Listed::new("efficientnet_b4", Family::EfficientNet, |s| build(B4, s)).in_timm().at(380),
];

/// A row of B0 (the paper's table 1).
#[derive(Clone, Copy)]
struct Row {
    expansion: usize,
    kernel: usize,
    stride: usize,
    outputs: f64,
    blocks: f64,
}

const fn row(expansion: usize, kernel: usize, stride: usize, outputs: f64, blocks: f64) -> Row {
    Row { expansion, kernel, stride, outputs, blocks }
}

const ROWS: [Row; 7] = [
    row(1, 3, 1, 16.0, 1.0),
    row(6, 3, 2, 24.0, 2.0),
    row(6, 5, 2, 40.0, 2.0),
    row(6, 3, 2, 80.0, 3.0),
    row(6, 5, 1, 112.0, 3.0),
    row(6, 5, 2, 192.0, 4.0),
    row(6, 3, 1, 320.0, 1.0),
];

const STEM: f64 = 32.0;
/// Probability that a training drops the block behind the last one; earlier blocks in proportion.
const DROP: f64 = 0.2;
const SILU: Activation = Activation::Silu;

fn build(variant: Variant, size: Size) -> Graph {
    let width = |channels: f64| round_width(channels * variant.width, 8);
    let blocks = |row: &Row| (row.blocks * variant.depth).ceil() as usize;
    let total: usize = ROWS.iter().map(blocks).sum();
    let mut inputs = width(STEM);
    let mut graph = Graph::images(size.side);
    let mut x = conv_norm(&mut graph, 0, Conv::new(3, inputs, 3, 2), "features.0", Some(SILU));
    let mut number = 0;
    for (stage, row) in ROWS.iter().enumerate() {
        if row.stride > 1 {
            graph.end_stage(x);
        }
        for block in 0..blocks(row) {
            let shape = InvertedResidual {
                inputs,
                hidden: inputs * row.expansion,
                outputs: width(row.outputs),
                kernel: row.kernel,
                stride: if block == 0 { row.stride } else { 1 },
                activation: SILU,
                squeezed: Some((inputs / 4).max(1)),
                drop: DROP * number as f64 / total as f64,
            };
            x = shape.push(&mut graph, x, &block_keys(&shape, &format!("features.{}.{block}.block", stage + 1)));
            (inputs, number) = (shape.outputs, number + 1);
        }
    }
    graph.end_stage(x);
    let x = conv_norm(&mut graph, x, Conv::new(inputs, 4 * inputs, 1, 1), "features.8", Some(SILU));
    let x = graph.push(Op::GlobalMean, &[x]);
    let x = graph.push(Op::Dropout(variant.dropout), &[x]);
    graph.linear(x, (4 * inputs, size.classes), "classifier.1");
    graph.draw(|node| match node.op {
        Op::Conv(_) => Some([Draw::kaiming_normal(node.op.fans().1), Draw::ZERO]),
        Op::Linear { outputs, .. } => Some([Draw::Uniform((outputs.max(1) as f64).sqrt().recip()), Draw::ZERO]),
        _ => None,
    });
    graph
}

fn block_keys(shape: &InvertedResidual, prefix: &str) -> InvertedKeys {
    let first = usize::from(shape.expands());
    let layer = |n: usize| format!("{prefix}.{n}");
    InvertedKeys {
        expand: keys(&layer(0)),
        depthwise: keys(&layer(first)),
        excite: layer(first + 1),
        project: keys(&layer(first + 2)),
    }
}
