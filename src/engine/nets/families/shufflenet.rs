//! ShuffleNet-V2 (Ma et al. 2018).

use super::blocks::conv_norm;
use crate::engine::nets::graph::{Activation, Conv, Graph, NodeId, Op, Pool};
use crate::engine::nets::{Family, Listed, Size};

/// Channels of the three stages and of the last convolution (the paper's table 5).
type Widths = [usize; 4];

/// torchvision's networks.
pub const NETWORKS: [Listed; 4] = [
    Listed::new("shufflenet_v2_x0_5", Family::ShuffleNet, |s| build([48, 96, 192, 1024], s)),
    Listed::new("shufflenet_v2_x1_0", Family::ShuffleNet, |s| build([116, 232, 464, 1024], s)),
    Listed::new("shufflenet_v2_x1_5", Family::ShuffleNet, |s| build([176, 352, 704, 1024], s)),
    Listed::new("shufflenet_v2_x2_0", Family::ShuffleNet, |s| build([244, 488, 976, 2048], s)),
];

/// Units of the three stages.
const UNITS: [usize; 3] = [4, 8, 4];
const STEM: usize = 24;
const RELU: Option<Activation> = Some(Activation::Relu);

fn build(widths: Widths, size: Size) -> Graph {
    let [stages @ .., last] = widths;
    let mut graph = Graph::images(size.side);
    let x = conv_norm(&mut graph, 0, Conv::new(3, STEM, 3, 2), "conv1", RELU);
    let mut x = graph.push(Op::MaxPool(Pool { padding: 1, ..Pool::new(3, 2) }), &[x]);
    let mut inputs = STEM;
    for (stage, (outputs, units)) in stages.into_iter().zip(UNITS).enumerate() {
        for unit in 0..units {
            let key = format!("stage{}.{unit}", stage + 2);
            x = if unit == 0 {
                halving(&mut graph, x, (inputs, outputs), &key)
            } else {
                keeping(&mut graph, x, outputs, &key)
            };
        }
        inputs = outputs;
        graph.end_stage(x);
    }
    let x = conv_norm(&mut graph, x, Conv::new(inputs, last, 1, 1), "conv5", RELU);
    let x = graph.push(Op::GlobalMean, &[x]);
    graph.linear(x, (last, size.classes), "fc");
    graph
}

/// A unit that keeps the shape: half of the channels pass through unchanged.
fn keeping(graph: &mut Graph, x: NodeId, channels: usize, key: &str) -> NodeId {
    let half = channels / 2;
    let kept = graph.push(Op::Channels { from: 0, count: half }, &[x]);
    let changed = graph.push(Op::Channels { from: half, count: half }, &[x]);
    let changed = branch(graph, changed, (half, half, 1), key);
    join(graph, kept, changed)
}

/// A unit that halves the side: both branches read all channels.
fn halving(graph: &mut Graph, x: NodeId, (inputs, outputs): (usize, usize), key: &str) -> NodeId {
    let half = outputs / 2;
    let first = format!("{key}.branch1");
    let left = conv_norm(graph, x, Conv::new(inputs, inputs, 3, 2).grouped(inputs), &first, None);
    let left =
        graph.conv_norm(left, Conv::new(inputs, half, 1, 1), (&format!("{first}.2"), &format!("{first}.3")), RELU);
    let right = branch(graph, x, (inputs, half, 2), key);
    join(graph, left, right)
}

/// 1×1 → depthwise 3×3 → 1×1, with no activation behind the depthwise convolution.
fn branch(graph: &mut Graph, x: NodeId, (inputs, outputs, stride): (usize, usize, usize), key: &str) -> NodeId {
    let layer = |n: usize| (format!("{key}.branch2.{n}"), format!("{key}.branch2.{}", n + 1));
    let (depthwise, last) = (layer(3), layer(5));
    let x = conv_norm(graph, x, Conv::new(inputs, outputs, 1, 1), &format!("{key}.branch2"), RELU);
    let spread = Conv::new(outputs, outputs, 3, stride).grouped(outputs);
    let x = graph.conv_norm(x, spread, (&depthwise.0, &depthwise.1), None);
    graph.conv_norm(x, Conv::new(outputs, outputs, 1, 1), (&last.0, &last.1), RELU)
}

fn join(graph: &mut Graph, left: NodeId, right: NodeId) -> NodeId {
    let x = graph.push(Op::Concat, &[left, right]);
    graph.push(Op::Shuffle { groups: 2 }, &[x])
}
