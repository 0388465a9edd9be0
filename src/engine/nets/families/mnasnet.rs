//! MNASNet-B1 (Tan et al. 2019) in torchvision's four widths.

use super::blocks::{InvertedKeys, InvertedResidual, round_width};
use crate::engine::nets::draw::Draw;
use crate::engine::nets::graph::{Activation, Conv, Graph, Op};
use crate::engine::nets::{Family, Listed, Size};

/// torchvision's networks.
pub const NETWORKS: [Listed; 4] = [
    Listed::new("mnasnet0_5", Family::MnasNet, |s| build(0.5, s)).timm("mnasnet_050"),
    Listed::new("mnasnet0_75", Family::MnasNet, |s| build(0.75, s)).timm("mnasnet_075"),
    Listed::new("mnasnet1_0", Family::MnasNet, |s| build(1.0, s)).timm("mnasnet_100"),
    Listed::new("mnasnet1_3", Family::MnasNet, |s| build(1.3, s)),
];

/// Output channels, kernel, first stride, expansion and blocks of each stack (the form without squeeze and excitation).
const STACKS: [(f64, usize, usize, usize, usize); 6] = [
    (24.0, 3, 2, 3, 3),
    (40.0, 5, 2, 3, 3),
    (80.0, 5, 2, 6, 3),
    (96.0, 3, 1, 6, 2),
    (192.0, 5, 2, 6, 4),
    (320.0, 3, 1, 6, 1),
];

const LAST: usize = 1280;
const RELU: Option<Activation> = Some(Activation::Relu);

fn build(scale: f64, size: Size) -> Graph {
    let width = |channels: f64| round_width(channels * scale, 8);
    let (stem, mut inputs) = (width(32.0), width(16.0));
    let mut graph = Graph::images(size.side);
    let mut x = graph.conv_norm(0, Conv::new(3, stem, 3, 2), ("layers.0", "layers.1"), RELU);
    x = graph.conv_norm(x, Conv::new(stem, stem, 3, 1).grouped(stem), ("layers.3", "layers.4"), RELU);
    x = graph.conv_norm(x, Conv::new(stem, inputs, 1, 1), ("layers.6", "layers.7"), None);
    for (stack, &(channels, kernel, first_stride, expansion, blocks)) in STACKS.iter().enumerate() {
        if first_stride > 1 {
            graph.end_stage(x);
        }
        let outputs = width(channels);
        for block in 0..blocks {
            let shape = InvertedResidual {
                inputs,
                hidden: inputs * expansion,
                outputs,
                kernel,
                stride: if block == 0 { first_stride } else { 1 },
                activation: Activation::Relu,
                squeezed: None,
                drop: 0.0,
            };
            x = shape.push(&mut graph, x, &block_keys(&format!("layers.{}.{block}.layers", stack + 8)));
            inputs = outputs;
        }
    }
    graph.end_stage(x);
    x = graph.conv_norm(x, Conv::new(inputs, LAST, 1, 1), ("layers.14", "layers.15"), RELU);
    x = graph.push(Op::GlobalMean, &[x]);
    x = graph.push(Op::Dropout(0.2), &[x]);
    graph.linear(x, (LAST, size.classes), "classifier.1");
    // The paper's decay of 0.9997.
    graph.set_momentum(0.0003);
    graph.draw(|node| match node.op {
        Op::Conv(_) => Some([Draw::kaiming_normal(node.op.fans().1), Draw::ZERO]),
        // He's uniform draw without ReLU's factor of √2.
        Op::Linear { outputs, .. } => Some([Draw::Uniform((3.0 / outputs.max(1) as f64).sqrt()), Draw::ZERO]),
        _ => None,
    });
    graph
}

fn block_keys(prefix: &str) -> InvertedKeys {
    let layer = |n: usize| (format!("{prefix}.{n}"), format!("{prefix}.{}", n + 1));
    InvertedKeys { expand: layer(0), depthwise: layer(3), excite: Default::default(), project: layer(6) }
}
