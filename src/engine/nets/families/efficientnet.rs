//! EfficientNet-B0 to -B4 (Tan and Le 2019): in torchvision's form of symmetric padding, and under timm's keys as
//! TensorFlow computes them. EfficientNet-Lite0 to -Lite2 (Liu 2020, "Higher accuracy on vision models with
//! EfficientNet-Lite") are the same without gates and with ReLU6, and neither stem nor head grows.

use super::blocks::{InvertedKeys, InvertedResidual, Keys, keys, round_width};
use crate::engine::nets::draw::Draw;
use crate::engine::nets::graph::{Activation, Conv, Graph, Node, Op};
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

/// How one library builds them.
#[derive(Clone, Copy)]
struct Form {
    /// Without gates, with ReLU6; stem, head and the blocks of the first and last row are B0's.
    lite: bool,
    /// TensorFlow's padding and epsilon.
    tensorflow: bool,
    names: &'static Names,
}

/// Where a library keeps its weights, and how it draws them.
struct Names {
    stem: fn() -> Keys,
    block: fn(&InvertedResidual, usize, usize) -> InvertedKeys,
    head: fn() -> Keys,
    classifier: &'static str,
    /// Deviation of a convolution's weights.
    draw: fn(&Node) -> Draw,
}

const TORCHVISION: Names = Names {
    stem: || keys("features.0"),
    block: torchvision_keys,
    head: || keys("features.8"),
    classifier: "classifier.1",
    draw: |node| Draw::kaiming_normal(node.op.fans().1),
};

const TIMM: Names = Names {
    stem: || ("conv_stem".to_owned(), "bn1".to_owned()),
    block: timm_keys,
    head: || ("conv_head".to_owned(), "bn2".to_owned()),
    classifier: "classifier",
    draw: |node| {
        // The outputs that a value reaches: those of its group.
        let groups = if let Op::Conv(conv) = node.op { conv.groups.max(1) } else { 1 };
        Draw::kaiming_normal(node.op.fans().1 / groups)
    },
};

const PLAIN: Form = Form { lite: false, tensorflow: false, names: &TORCHVISION };
const TENSORFLOW: Form = Form { lite: false, tensorflow: true, names: &TIMM };
const LITE: Form = Form { lite: true, tensorflow: false, names: &TIMM };
const TENSORFLOW_LITE: Form = Form { tensorflow: true, ..LITE };

const fn row(name: &'static str, build: fn(Size) -> Graph) -> Listed {
    Listed::new(name, Family::EfficientNet, build)
}

/// torchvision's networks; timm's from TensorFlow, and the one Lite that timm trained itself.
pub const NETWORKS: [Listed; 14] = [
    row("efficientnet_b0", |s| build(B0, PLAIN, s)).in_timm(),
    row("efficientnet_b1", |s| build(B1, PLAIN, s)).in_timm().at(240),
    row("efficientnet_b2", |s| build(B2, PLAIN, s)).in_timm().at(288),
    row("efficientnet_b3", |s| build(B3, PLAIN, s)).in_timm().at(300),
    row("efficientnet_b4", |s| build(B4, PLAIN, s)).in_timm().at(380),
    row("tf_efficientnet_b0", |s| build(B0, TENSORFLOW, s)).like("efficientnet_b0"),
    row("tf_efficientnet_b1", |s| build(B1, TENSORFLOW, s)).like("efficientnet_b1").at(240),
    row("tf_efficientnet_b2", |s| build(B2, TENSORFLOW, s)).like("efficientnet_b2").at(260),
    row("tf_efficientnet_b3", |s| build(B3, TENSORFLOW, s)).like("efficientnet_b3").at(300),
    row("tf_efficientnet_b4", |s| build(B4, TENSORFLOW, s)).like("efficientnet_b4").at(380),
    row("efficientnet_lite0", |s| build(B0, LITE, s)).like("tf_efficientnet_lite0"),
    row("tf_efficientnet_lite0", |s| build(B0, TENSORFLOW_LITE, s)).in_timm(),
    row("tf_efficientnet_lite1", |s| build(B1, TENSORFLOW_LITE, s)).in_timm().at(240),
    row("tf_efficientnet_lite2", |s| build(B2, TENSORFLOW_LITE, s)).in_timm().at(260),
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

const fn blocks(expansion: usize, (kernel, stride): (usize, usize), outputs: f64, blocks: f64) -> Row {
    Row { expansion, kernel, stride, outputs, blocks }
}

const ROWS: [Row; 7] = [
    blocks(1, (3, 1), 16.0, 1.0),
    blocks(6, (3, 2), 24.0, 2.0),
    blocks(6, (5, 2), 40.0, 2.0),
    blocks(6, (3, 2), 80.0, 3.0),
    blocks(6, (5, 1), 112.0, 3.0),
    blocks(6, (5, 2), 192.0, 4.0),
    blocks(6, (3, 1), 320.0, 1.0),
];

const STEM: f64 = 32.0;
const HEAD: f64 = 1280.0;
/// Probability that a training drops the block behind the last one; earlier blocks in proportion.
const DROP: f64 = 0.2;

impl Form {
    fn activation(self) -> Activation {
        if self.lite { Activation::Relu6 } else { Activation::Silu }
    }

    /// Blocks of a row; the ends of the Lite networks don't grow.
    fn blocks(self, variant: Variant, stage: usize) -> usize {
        let fixed = self.lite && (stage == 0 || stage + 1 == ROWS.len());
        (ROWS[stage].blocks * if fixed { 1.0 } else { variant.depth }).ceil() as usize
    }
}

fn build(variant: Variant, form: Form, size: Size) -> Graph {
    let width = |channels: f64| round_width(channels * variant.width, 8);
    let end = |channels: f64| if form.lite { channels as usize } else { width(channels) };
    let total: usize = (0..ROWS.len()).map(|stage| form.blocks(variant, stage)).sum();
    let (names, activation) = (form.names, form.activation());
    let mut inputs = end(STEM);
    let mut graph = Graph::images(size.side);
    let (conv_key, norm_key) = (names.stem)();
    let mut x = graph.conv_norm(0, Conv::new(3, inputs, 3, 2), (&conv_key, &norm_key), Some(activation));
    let mut number = 0;
    for (stage, row) in ROWS.iter().enumerate() {
        if row.stride > 1 {
            graph.end_stage(x);
        }
        for block in 0..form.blocks(variant, stage) {
            let shape = InvertedResidual {
                inputs,
                hidden: inputs * row.expansion,
                outputs: width(row.outputs),
                kernel: row.kernel,
                stride: if block == 0 { row.stride } else { 1 },
                activation,
                squeezed: (!form.lite).then_some((inputs / 4).max(1)),
                drop: DROP * number as f64 / total as f64,
            };
            x = shape.push(&mut graph, x, &(names.block)(&shape, stage, block));
            (inputs, number) = (shape.outputs, number + 1);
        }
    }
    graph.end_stage(x);
    let (head, (conv_key, norm_key)) = (end(HEAD), (names.head)());
    let x = graph.conv_norm(x, Conv::new(inputs, head, 1, 1), (&conv_key, &norm_key), Some(activation));
    let x = graph.push(Op::GlobalMean, &[x]);
    let x = graph.push(Op::Dropout(variant.dropout), &[x]);
    graph.linear(x, (head, size.classes), names.classifier);
    graph.draw(|node| match node.op {
        Op::Conv(_) => Some([(names.draw)(node), Draw::ZERO]),
        Op::Linear { outputs, .. } => Some([Draw::Uniform((outputs.max(1) as f64).sqrt().recip()), Draw::ZERO]),
        _ => None,
    });
    if form.tensorflow {
        graph.as_tensorflow();
    }
    graph
}

fn torchvision_keys(shape: &InvertedResidual, stage: usize, block: usize) -> InvertedKeys {
    let first = usize::from(shape.expands());
    let layer = |n: usize| format!("features.{}.{block}.block.{n}", stage + 1);
    InvertedKeys {
        expand: keys(&layer(0)),
        depthwise: keys(&layer(first)),
        excite: [layer(first + 1) + ".fc1", layer(first + 1) + ".fc2"],
        project: keys(&layer(first + 2)),
    }
}

/// A block without expansion has one layer less, and other names for it.
fn timm_keys(shape: &InvertedResidual, stage: usize, block: usize) -> InvertedKeys {
    let layer = |name: &str| format!("blocks.{stage}.{block}.{name}");
    let pair = |conv: &str, norm: &str| (layer(conv), layer(norm));
    let excite = [layer("se.conv_reduce"), layer("se.conv_expand")];
    let expand = pair("conv_pw", "bn1");
    if shape.expands() {
        InvertedKeys { expand, depthwise: pair("conv_dw", "bn2"), excite, project: pair("conv_pwl", "bn3") }
    } else {
        InvertedKeys { expand, depthwise: pair("conv_dw", "bn1"), excite, project: pair("conv_pw", "bn2") }
    }
}
