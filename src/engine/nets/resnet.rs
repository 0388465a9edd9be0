//! Residual networks (He et al. 2016): torchvision's ResNet-18 to -152, the "modified" stem of the distillation
//! papers for small images (3×3 stride 1, no max pooling), and the CIFAR ResNets of 6n+2 layers with option-A
//! shortcuts.

use super::graph::{Conv, Graph, NodeId, Op, Pool};

/// One row of torchvision's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Number in the name.
    pub depth: usize,
    /// Blocks of the four stages.
    pub blocks: [usize; 4],
    /// Whether blocks are 1×1 → 3×3 → 1×1 with four-fold output.
    pub bottleneck: bool,
}

/// torchvision's variants.
pub const VARIANTS: [Variant; 5] = [
    Variant { depth: 18, blocks: [2, 2, 2, 2], bottleneck: false },
    Variant { depth: 34, blocks: [3, 4, 6, 3], bottleneck: false },
    Variant { depth: 50, blocks: [3, 4, 6, 3], bottleneck: true },
    Variant { depth: 101, blocks: [3, 4, 23, 3], bottleneck: true },
    Variant { depth: 152, blocks: [3, 8, 36, 3], bottleneck: true },
];

fn conv(inputs: usize, outputs: usize, kernel: usize, stride: usize) -> Conv {
    Conv { inputs, outputs, kernel, stride, padding: kernel / 2, bias: false }
}

/// Builds a torchvision ResNet; `modified` swaps the stem.
#[must_use]
pub fn build(variant: Variant, modified: bool, classes: usize) -> Graph {
    let mut graph = Graph::new();
    let stem = if modified { conv(3, 64, 3, 1) } else { conv(3, 64, 7, 2) };
    let mut x = graph.conv_norm(graph.last(), stem, ("conv1", "bn1"), true);
    if !modified {
        x = graph.push(Op::MaxPool(Pool { kernel: 3, stride: 2, padding: 1 }), &[x]);
    }
    let expansion = if variant.bottleneck { 4 } else { 1 };
    let mut inputs = 64;
    for (stage, &blocks) in variant.blocks.iter().enumerate() {
        let width = 64 << stage;
        for block in 0..blocks {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            let key = format!("layer{}.{block}", stage + 1);
            let shape = BlockShape { inputs, width, outputs: width * expansion, stride };
            x = residual_block(&mut graph, x, shape, variant.bottleneck, &key);
            inputs = width * expansion;
        }
    }
    let x = graph.push(Op::GlobalMean, &[x]);
    graph.push_keyed(Op::Linear { inputs, outputs: classes }, &[x], "fc");
    graph
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
        vec![conv(inputs, width, 1, 1), conv(width, width, 3, stride), conv(width, outputs, 1, 1)]
    } else {
        vec![conv(inputs, width, 3, stride), conv(width, outputs, 3, 1)]
    };
    let mut y = x;
    for (i, &conv) in convs.iter().enumerate() {
        let names = (format!("{key}.conv{}", i + 1), format!("{key}.bn{}", i + 1));
        y = graph.conv_norm(y, conv, (&names.0, &names.1), i + 1 < convs.len());
    }
    let shortcut = if stride != 1 || inputs != outputs {
        let names = (format!("{key}.downsample.0"), format!("{key}.downsample.1"));
        graph.conv_norm(x, conv(inputs, outputs, 1, stride), (&names.0, &names.1), false)
    } else {
        x
    };
    let sum = graph.push(Op::Add, &[y, shortcut]);
    graph.push(Op::Relu, &[sum])
}

/// Builds the CIFAR ResNet with `blocks` blocks per stage (depth 6·blocks + 2), for 32×32.
#[must_use]
pub fn build_cifar(blocks: usize, classes: usize) -> Graph {
    let mut graph = Graph::new();
    let mut x = graph.conv_norm(graph.last(), conv(3, 16, 3, 1), ("conv1", "bn1"), true);
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
            let y = graph.conv_norm(x, conv(inputs, outputs, 3, stride), (&first.0, &first.1), true);
            let y = graph.conv_norm(y, conv(outputs, outputs, 3, 1), (&second.0, &second.1), false);
            let sum = graph.push(Op::Add, &[y, shortcut]);
            x = graph.push(Op::Relu, &[sum]);
            inputs = outputs;
        }
    }
    let x = graph.push(Op::GlobalMean, &[x]);
    graph.push_keyed(Op::Linear { inputs, outputs: classes }, &[x], "linear");
    graph
}

#[cfg(test)]
mod tests {
    use super::*;

    /// torchvision's documented parameter counts; the modified one as in the spec, section 2.
    #[test]
    fn parameter_counts_are_torchvisions() {
        let counts: Vec<_> = VARIANTS.iter().map(|&v| build(v, false, 1000).parameter_count()).collect();
        assert_eq!(counts, [11_689_512, 21_797_672, 25_557_032, 44_549_160, 60_192_808]);
        assert_eq!(build(VARIANTS[0], true, 10).parameter_count(), 11_173_962);
        assert_eq!(build_cifar(3, 10).parameter_count(), 269_722);
    }
}
