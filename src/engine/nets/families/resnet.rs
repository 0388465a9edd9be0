//! Residual networks (He et al. 2016): torchvision's ResNet-18 to -152, the "modified" stem of the distillation
//! papers for small images (3×3 stride 1, no max pooling), and the CIFAR ResNets of 6n+2 layers: with option-A
//! shortcuts, and with option B, a 1×1 convolution where the width changes, under torchvision's keys.

use crate::engine::nets::draw::Draw;
use crate::engine::nets::graph::{Activation, Conv, Graph, NodeId, Op, Pool};
use crate::engine::nets::{Family, Listed, Size};

/// What differs between the variants of torchvision's table.
#[derive(Clone, Copy)]
struct Variant {
    /// Blocks of the four stages.
    blocks: [usize; 4],
    /// Whether blocks are 1×1 → 3×3 → 1×1 with four-fold output.
    bottleneck: bool,
}

const R18: Variant = Variant { blocks: [2, 2, 2, 2], bottleneck: false };
const R34: Variant = Variant { blocks: [3, 4, 6, 3], bottleneck: false };
const R50: Variant = Variant { blocks: [3, 4, 6, 3], bottleneck: true };
const R101: Variant = Variant { blocks: [3, 4, 23, 3], bottleneck: true };
const R152: Variant = Variant { blocks: [3, 8, 36, 3], bottleneck: true };

/// torchvision's networks, the papers' modified ones, and the CIFAR ResNets with option-B shortcuts.
pub const NETWORKS: [Listed; 15] = [
    Listed::new("resnet18", Family::ResNet, |s| build(R18, false, s)).in_timm(),
    Listed::new("resnet34", Family::ResNet, |s| build(R34, false, s)).in_timm(),
    Listed::new("resnet50", Family::ResNet, |s| build(R50, false, s)).in_timm(),
    Listed::new("resnet101", Family::ResNet, |s| build(R101, false, s)).in_timm(),
    Listed::new("resnet152", Family::ResNet, |s| build(R152, false, s)).in_timm(),
    Listed::new("resnet18_modified", Family::ResNet, |s| build(R18, true, s)).at(32),
    Listed::new("resnet34_modified", Family::ResNet, |s| build(R34, true, s)).at(32),
    Listed::new("resnet50_modified", Family::ResNet, |s| build(R50, true, s)).at(32),
    Listed::new("resnet101_modified", Family::ResNet, |s| build(R101, true, s)).at(32),
    Listed::new("resnet152_modified", Family::ResNet, |s| build(R152, true, s)).at(32),
    Listed::new("resnet20_cifar_b", Family::CifarResNet, |s| build_cifar_b(3, s)).at(32),
    Listed::new("resnet32_cifar_b", Family::CifarResNet, |s| build_cifar_b(5, s)).at(32),
    Listed::new("resnet44_cifar_b", Family::CifarResNet, |s| build_cifar_b(7, s)).at(32),
    Listed::new("resnet56_cifar_b", Family::CifarResNet, |s| build_cifar_b(9, s)).at(32),
    Listed::new("resnet110_cifar_b", Family::CifarResNet, |s| build_cifar_b(18, s)).at(32),
];

const RELU: Option<Activation> = Some(Activation::Relu);

fn build(variant: Variant, modified: bool, size: Size) -> Graph {
    let mut graph = Graph::images(size.side);
    let stem = if modified { Conv::new(3, 64, 3, 1) } else { Conv::new(3, 64, 7, 2) };
    let mut x = graph.conv_norm(graph.last(), stem, ("conv1", "bn1"), RELU);
    if !modified {
        x = graph.push(Op::MaxPool(Pool { padding: 1, ..Pool::new(3, 2) }), &[x]);
    }
    let (x, features) = stages(&mut graph, x, (64, &variant.blocks), variant.bottleneck);
    let x = graph.push(Op::GlobalMean, &[x]);
    graph.linear(x, (features, size.classes), "fc");
    // The modified stem is put in after torchvision's initialisation and keeps the default.
    graph.draw(|node| match node.op {
        Op::Conv(_) if !(modified && node.key == "conv1") => Some([Draw::kaiming_normal(node.op.fans().1); 2]),
        _ => None,
    });
    graph
}

/// The CIFAR ResNet with convolutions in its shortcuts and `blocks` blocks per stage; all convolutions are drawn as
/// torchvision draws its own.
fn build_cifar_b(blocks: usize, size: Size) -> Graph {
    let mut graph = Graph::images(size.side);
    let x = graph.conv_norm(graph.last(), Conv::new(3, 16, 3, 1), ("conv1", "bn1"), RELU);
    let (x, features) = stages(&mut graph, x, (16, &[blocks; 3]), false);
    let x = graph.push(Op::GlobalMean, &[x]);
    graph.linear(x, (features, size.classes), "fc");
    graph.draw(|node| matches!(node.op, Op::Conv(_)).then(|| [Draw::kaiming_normal(node.op.fans().1); 2]));
    graph
}

/// Stages of these numbers of blocks behind a stem; each is twice as wide as the one before and halves the map. Also
/// tells the width of the last one's output.
fn stages(
    graph: &mut Graph,
    stem: NodeId,
    (narrowest, blocks): (usize, &[usize]),
    bottleneck: bool,
) -> (NodeId, usize) {
    let expansion = if bottleneck { 4 } else { 1 };
    let (mut x, mut inputs) = (stem, narrowest);
    for (stage, &blocks) in blocks.iter().enumerate() {
        let width = narrowest << stage;
        for block in 0..blocks {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            let key = format!("layer{}.{block}", stage + 1);
            let shape = BlockShape { inputs, width, outputs: width * expansion, stride };
            x = residual_block(graph, x, shape, bottleneck, &key);
            inputs = width * expansion;
        }
        graph.end_stage(x);
    }
    (x, inputs)
}

#[derive(Clone, Copy)]
struct BlockShape {
    inputs: usize,
    width: usize,
    outputs: usize,
    stride: usize,
}

/// A basic or bottleneck block; torchvision puts the stride on the 3×3 convolution.
fn residual_block(graph: &mut Graph, x: NodeId, shape: BlockShape, bottleneck: bool, key: &str) -> NodeId {
    let BlockShape { inputs, width, outputs, stride } = shape;
    let convs = if bottleneck {
        vec![Conv::new(inputs, width, 1, 1), Conv::new(width, width, 3, stride), Conv::new(width, outputs, 1, 1)]
    } else {
        vec![Conv::new(inputs, width, 3, stride), Conv::new(width, outputs, 3, 1)]
    };
    let mut y = x;
    for (i, &conv) in convs.iter().enumerate() {
        let names = (format!("{key}.conv{}", i + 1), format!("{key}.bn{}", i + 1));
        y = graph.conv_norm(y, conv, (&names.0, &names.1), RELU.filter(|_| i + 1 < convs.len()));
    }
    let shortcut = if stride != 1 || inputs != outputs {
        let names = (format!("{key}.downsample.0"), format!("{key}.downsample.1"));
        graph.conv_norm(x, Conv::new(inputs, outputs, 1, stride), (&names.0, &names.1), None)
    } else {
        x
    };
    let sum = graph.push(Op::Add, &[y, shortcut]);
    graph.activate(sum, Activation::Relu)
}

/// Builds the CIFAR ResNet with `blocks` blocks per stage (depth 6·blocks + 2), meant for 32×32.
#[must_use]
pub fn build_cifar(blocks: usize, size: Size) -> Graph {
    let mut graph = Graph::images(size.side);
    let mut x = graph.conv_norm(graph.last(), Conv::new(3, 16, 3, 1), ("conv1", "bn1"), RELU);
    let mut inputs = 16;
    for stage in 0..3 {
        let outputs = 16 << stage;
        for block in 0..blocks {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            let key = format!("layer{}.{block}", stage + 1);
            let names = |n: usize| (format!("{key}.conv{n}"), format!("{key}.bn{n}"));
            let (first, second) = (names(1), names(2));
            // Before the convolutions, so that the join can be folded into the second one.
            let pad = (outputs - inputs) / 2;
            let shortcut = if pad > 0 { graph.push(Op::Shortcut { stride, pad }, &[x]) } else { x };
            let y = graph.conv_norm(x, Conv::new(inputs, outputs, 3, stride), (&first.0, &first.1), RELU);
            let y = graph.conv_norm(y, Conv::new(outputs, outputs, 3, 1), (&second.0, &second.1), None);
            let sum = graph.push(Op::Add, &[y, shortcut]);
            x = graph.activate(sum, Activation::Relu);
            inputs = outputs;
        }
        graph.end_stage(x);
    }
    let x = graph.push(Op::GlobalMean, &[x]);
    graph.linear(x, (inputs, size.classes), "linear");
    graph.draw(|node| {
        let default = Draw::default_of(&node.op);
        node.op.outputs().map(|_| [Draw::kaiming_normal(node.op.fans().0), default])
    });
    graph
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As in the spec, section 2.
    #[test]
    fn parameter_counts_are_the_papers() {
        assert_eq!(build(R18, true, Size { side: 32, classes: 10 }).parameter_count(), 11_173_962);
        assert_eq!(build_cifar(3, Size { side: 32, classes: 10 }).parameter_count(), 269_722);
    }
}
