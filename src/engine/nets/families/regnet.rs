//! RegNetY (Radosavovic et al. 2020): widths and depths from a quantised line, bottlenecks of grouped convolutions
//! with squeeze and excitation.

use super::blocks::{Excitation, conv_norm, excite, round_width};
use crate::engine::nets::draw::Draw;
use crate::engine::nets::graph::{Activation, Conv, Graph, NodeId, Op};
use crate::engine::nets::{Family, Listed, Size};

/// The line that a variant's widths follow (the paper's section 3.3).
#[derive(Clone, Copy)]
struct Line {
    /// Blocks.
    depth: usize,
    /// w₀: width of the first block.
    start: f64,
    /// wₐ: how much a block is wider than the one before.
    slope: f64,
    /// w_m: ratio of the widths of successive stages.
    ratio: f64,
    /// Channels of a group.
    group: usize,
}

const Y400MF: Line = Line { depth: 16, start: 48.0, slope: 27.89, ratio: 2.09, group: 8 };
const Y800MF: Line = Line { depth: 14, start: 56.0, slope: 38.84, ratio: 2.4, group: 16 };
const Y1_6GF: Line = Line { depth: 27, start: 48.0, slope: 20.71, ratio: 2.65, group: 24 };
const Y3_2GF: Line = Line { depth: 21, start: 80.0, slope: 42.63, ratio: 2.66, group: 24 };
const Y8GF: Line = Line { depth: 17, start: 192.0, slope: 76.82, ratio: 2.19, group: 56 };

/// torchvision's networks. The paper's 800MF and 8GF, which timm has under the plain names, round some widths to
/// another number of groups; timm's "tv" are these.
pub const NETWORKS: [Listed; 5] = [
    Listed::new("regnet_y_400mf", Family::RegNet, |s| build(Y400MF, s)).timm("regnety_004"),
    Listed::new("regnet_y_800mf", Family::RegNet, |s| build(Y800MF, s)).timm("regnety_008_tv"),
    Listed::new("regnet_y_1_6gf", Family::RegNet, |s| build(Y1_6GF, s)).timm("regnety_016"),
    Listed::new("regnet_y_3_2gf", Family::RegNet, |s| build(Y3_2GF, s)).timm("regnety_032"),
    Listed::new("regnet_y_8gf", Family::RegNet, |s| build(Y8GF, s)).timm("regnety_080_tv"),
];

const STEM: usize = 32;
const RELU: Activation = Activation::Relu;

impl Line {
    /// Width and number of blocks of each stage: equations 2 to 4, then widths as whole groups.
    fn stages(&self) -> Vec<(usize, usize)> {
        let mut stages: Vec<(usize, usize)> = Vec::new();
        for block in 0..self.depth {
            let wanted = self.start + self.slope * block as f64;
            let step = ((wanted / self.start).ln() / self.ratio.ln()).round_ties_even();
            let width = (self.start * self.ratio.powf(step) / 8.0).round_ties_even() as usize * 8;
            match stages.last_mut().filter(|stage| stage.0 == width) {
                Some((_, blocks)) => *blocks += 1,
                None => stages.push((width, 1)),
            }
        }
        stages.into_iter().map(|(width, blocks)| (round_width(width as f64, self.group.min(width)), blocks)).collect()
    }
}

fn build(line: Line, size: Size) -> Graph {
    let mut graph = Graph::images(size.side);
    let mut x = conv_norm(&mut graph, 0, Conv::new(3, STEM, 3, 2), "stem", Some(RELU));
    let mut inputs = STEM;
    for (stage, (outputs, blocks)) in line.stages().into_iter().enumerate() {
        let number = stage + 1;
        for block in 0..blocks {
            let key = format!("trunk_output.block{number}.block{number}-{block}");
            let shape = Block { inputs, outputs, stride: if block == 0 { 2 } else { 1 }, groups: outputs / line.group };
            x = shape.push(&mut graph, x, &key);
            inputs = outputs;
        }
        graph.end_stage(x);
    }
    let x = graph.push(Op::GlobalMean, &[x]);
    graph.linear(x, (inputs, size.classes), "fc");
    graph.draw(|node| match node.op {
        // Those of squeeze and excitation have biases, which torchvision leaves as PyTorch draws them.
        Op::Conv(_) => Some([Draw::kaiming_normal(node.op.fans().1), Draw::default_of(&node.op)]),
        Op::Linear { .. } => Some([Draw::Normal(0.01), Draw::ZERO]),
        _ => None,
    });
    graph
}

#[derive(Clone, Copy)]
struct Block {
    inputs: usize,
    outputs: usize,
    stride: usize,
    groups: usize,
}

impl Block {
    /// 1×1 → grouped 3×3 → squeeze and excitation → 1×1, plus the (projected) input, then ReLU.
    fn push(self, graph: &mut Graph, x: NodeId, key: &str) -> NodeId {
        let Self { inputs, outputs, stride, groups } = self;
        // Before the branch, so that the join can be folded into its last convolution.
        let shortcut = if stride != 1 || inputs != outputs {
            conv_norm(graph, x, Conv::new(inputs, outputs, 1, stride), &format!("{key}.proj"), None)
        } else {
            x
        };
        let y = conv_norm(graph, x, Conv::new(inputs, outputs, 1, 1), &format!("{key}.f.a"), Some(RELU));
        let grouped = Conv::new(outputs, outputs, 3, stride).grouped(groups);
        let y = conv_norm(graph, y, grouped, &format!("{key}.f.b"), Some(RELU));
        let gate = Excitation { channels: outputs, squeezed: inputs / 4, activation: RELU };
        let y = excite(graph, y, gate, &["fc1", "fc2"].map(|layer| format!("{key}.f.se.{layer}")));
        let y = conv_norm(graph, y, Conv::new(outputs, outputs, 1, 1), &format!("{key}.f.c"), None);
        let sum = graph.push(Op::Add, &[y, shortcut]);
        graph.activate(sum, RELU)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 400MF as in the paper: depths 1-3-6-6, widths 48-104-208-440. 8GF has 2-4-10-1 blocks; of its first width, 192,
    /// the paper makes 3 groups of 56, torchvision 4.
    #[test]
    fn the_line_gives_the_stages() {
        assert_eq!(Y400MF.stages(), [(48, 1), (104, 3), (208, 6), (440, 6)]);
        assert_eq!(Y8GF.stages(), [(224, 2), (448, 4), (896, 10), (2016, 1)]);
    }
}
