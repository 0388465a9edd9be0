//! AlexNet in the one-column form that torchvision has (Krizhevsky 2014).

use super::blocks::pool_to;
use crate::engine::nets::graph::{Activation, Conv, Graph, Op, Pool};
use crate::engine::nets::{Family, Listed, Size};

/// torchvision's network.
pub const NETWORKS: [Listed; 1] = [Listed::new("alexnet", Family::AlexNet, build)];

/// Convolutions with their number in torchvision's keys, and whether a pool ends the stage there.
const CONVS: [(usize, Conv, bool); 5] = [
    (0, Conv::new(3, 64, 11, 4).padded(2), true),
    (3, Conv::new(64, 192, 5, 1), true),
    (6, Conv::new(192, 384, 3, 1), false),
    (8, Conv::new(384, 256, 3, 1), false),
    (10, Conv::new(256, 256, 3, 1), true),
];

/// Side of the map that the classifier reads.
const MAP: usize = 6;
const HIDDEN: usize = 4096;

fn build(size: Size) -> Graph {
    let mut graph = Graph::images(size.side);
    let mut x = graph.last();
    for (number, conv, pooled) in CONVS {
        x = graph.conv(x, conv.biased(), &format!("features.{number}"));
        x = graph.activate(x, Activation::Relu);
        if pooled {
            x = graph.push(Op::MaxPool(Pool::new(3, 2)), &[x]);
            graph.end_stage(x);
        }
    }
    x = pool_to(&mut graph, x, MAP);
    x = graph.push(Op::Flatten, &[x]);
    for (key, inputs) in [("classifier.1", 256 * MAP * MAP), ("classifier.4", HIDDEN)] {
        x = graph.push(Op::Dropout(0.5), &[x]);
        x = graph.linear(x, (inputs, HIDDEN), key);
        x = graph.activate(x, Activation::Relu);
    }
    graph.linear(x, (HIDDEN, size.classes), "classifier.6");
    graph
}
