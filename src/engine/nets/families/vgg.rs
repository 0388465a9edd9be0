//! VGG (Simonyan and Zisserman 2015) with 11 to 19 layers, with and without batch norm, as torchvision builds it.

use super::blocks::pool_to;
use crate::engine::nets::draw::Draw;
use crate::engine::nets::graph::{Activation, Conv, Graph, NodeId, Op, Pool};
use crate::engine::nets::{Family, Listed, Size};

/// 3×3 convolutions of the five stages (the paper's table 1: A, B, D, E).
type Depths = [usize; 5];

const V11: Depths = [1, 1, 2, 2, 2];
const V13: Depths = [2, 2, 2, 2, 2];
const V16: Depths = [2, 2, 3, 3, 3];
const V19: Depths = [2, 2, 4, 4, 4];

/// torchvision's networks.
pub const NETWORKS: [Listed; 8] = [
    Listed::new("vgg11", Family::Vgg, |s| build(V11, false, s)).in_timm(),
    Listed::new("vgg13", Family::Vgg, |s| build(V13, false, s)).in_timm(),
    Listed::new("vgg16", Family::Vgg, |s| build(V16, false, s)).in_timm(),
    Listed::new("vgg19", Family::Vgg, |s| build(V19, false, s)).in_timm(),
    Listed::new("vgg11_bn", Family::Vgg, |s| build(V11, true, s)).in_timm(),
    Listed::new("vgg13_bn", Family::Vgg, |s| build(V13, true, s)).in_timm(),
    Listed::new("vgg16_bn", Family::Vgg, |s| build(V16, true, s)).in_timm(),
    Listed::new("vgg19_bn", Family::Vgg, |s| build(V19, true, s)).in_timm(),
];

const WIDTHS: [usize; 5] = [64, 128, 256, 512, 512];
/// Side of the map that the classifier reads.
const MAP: usize = 7;
const HIDDEN: usize = 4096;

fn build(depths: Depths, norm: bool, size: Size) -> Graph {
    let mut graph = Graph::images(size.side);
    let (mut x, mut inputs) = (graph.last(), 3);
    // torchvision numbers every layer of the stages, activations and pools included.
    let mut number = 0;
    for (&depth, &outputs) in depths.iter().zip(&WIDTHS) {
        for _ in 0..depth {
            x = graph.conv(x, Conv::new(inputs, outputs, 3, 1).biased(), &format!("features.{number}"));
            if norm {
                number += 1;
                x = graph.batch_norm(x, outputs, &format!("features.{number}"));
            }
            x = graph.activate(x, Activation::Relu);
            number += 2;
            inputs = outputs;
        }
        x = graph.push(Op::MaxPool(Pool::new(2, 2)), &[x]);
        number += 1;
        graph.end_stage(x);
    }
    let x = pool_to(&mut graph, x, MAP);
    classify(&mut graph, x, inputs * MAP * MAP, size.classes);
    graph.draw(|node| match node.op {
        Op::Conv(_) => Some([Draw::kaiming_normal(node.op.fans().1), Draw::ZERO]),
        Op::Linear { .. } => Some([Draw::Normal(0.01), Draw::ZERO]),
        _ => None,
    });
    graph
}

fn classify(graph: &mut Graph, x: NodeId, mut inputs: usize, classes: usize) {
    let mut x = graph.push(Op::Flatten, &[x]);
    for key in ["classifier.0", "classifier.3"] {
        x = graph.linear(x, (inputs, HIDDEN), key);
        x = graph.activate(x, Activation::Relu);
        x = graph.push(Op::Dropout(0.5), &[x]);
        inputs = HIDDEN;
    }
    graph.linear(x, (HIDDEN, classes), "classifier.6");
}
