//! MobileNet-V2 (Sandler et al. 2018).

use super::blocks::{InvertedKeys, InvertedResidual, conv_norm, keys};
use crate::engine::nets::draw::Draw;
use crate::engine::nets::graph::{Activation, Conv, Graph, Op};
use crate::engine::nets::{Family, Listed, Size};

/// torchvision's network.
pub const NETWORKS: [Listed; 1] = [Listed::new("mobilenet_v2", Family::MobileNet, build).timm("mobilenetv2_100")];

/// Expansion, output channels, blocks and first stride of each row of the paper's table 2.
const ROWS: [(usize, usize, usize, usize); 7] =
    [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)];

const STEM: usize = 32;
const LAST: usize = 1280;
const RELU6: Activation = Activation::Relu6;

fn build(size: Size) -> Graph {
    let mut graph = Graph::images(size.side);
    let mut x = conv_norm(&mut graph, 0, Conv::new(3, STEM, 3, 2), "features.0", Some(RELU6));
    let (mut inputs, mut number) = (STEM, 1);
    for (expansion, outputs, blocks, first_stride) in ROWS {
        if first_stride > 1 {
            graph.end_stage(x);
        }
        for block in 0..blocks {
            let shape = InvertedResidual {
                inputs,
                hidden: inputs * expansion,
                outputs,
                kernel: 3,
                stride: if block == 0 { first_stride } else { 1 },
                activation: RELU6,
                squeezed: None,
                drop: 0.0,
            };
            x = shape.push(&mut graph, x, &block_keys(&shape, number));
            (inputs, number) = (outputs, number + 1);
        }
    }
    graph.end_stage(x);
    let x = conv_norm(&mut graph, x, Conv::new(inputs, LAST, 1, 1), &format!("features.{number}"), Some(RELU6));
    let x = graph.push(Op::GlobalMean, &[x]);
    let x = graph.push(Op::Dropout(0.2), &[x]);
    graph.linear(x, (LAST, size.classes), "classifier.1");
    graph.draw(|node| match node.op {
        Op::Conv(_) => Some([Draw::kaiming_normal(node.op.fans().1), Draw::ZERO]),
        Op::Linear { .. } => Some([Draw::Normal(0.01), Draw::ZERO]),
        _ => None,
    });
    graph
}

/// torchvision numbers a block's layers, and the projection's batch norm apart from its convolution.
fn block_keys(shape: &InvertedResidual, number: usize) -> InvertedKeys {
    let first = usize::from(shape.expands());
    let layer = |n: usize| format!("features.{number}.conv.{n}");
    InvertedKeys {
        expand: keys(&layer(0)),
        depthwise: keys(&layer(first)),
        excite: Default::default(),
        project: (layer(first + 1), layer(first + 2)),
    }
}
