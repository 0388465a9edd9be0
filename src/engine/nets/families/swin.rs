//! Swin transformers (Liu et al. 2021 and 2022), as torchvision builds them.

use crate::engine::nets::draw::Draw;
use crate::engine::nets::graph::{Activation, Conv, Graph, LinearBias, NodeId, Op, Window};
use crate::engine::nets::{Family, Listed, Size};

/// Of its layer norms.
pub const EPSILON: f64 = 1e-5;

/// What differs between the variants.
#[derive(Clone, Copy)]
struct Variant {
    /// Blocks of the four stages.
    blocks: [usize; 4],
    /// Window side.
    window: usize,
    /// Stochastic depth of the last block; it rises linearly from 0.
    depth_drop: f64,
    /// Version 2: cosine attention, norms behind the layers.
    second: bool,
}

const T: [usize; 4] = [2, 2, 6, 2];
const S: [usize; 4] = [2, 2, 18, 2];

/// torchvision's networks; version 2 was trained at 256.
pub const NETWORKS: [Listed; 3] = [
    row("swin_t", |s| build(Variant { blocks: T, window: 7, depth_drop: 0.2, second: false }, s))
        .timm("swin_tiny_patch4_window7_224"),
    row("swin_s", |s| build(Variant { blocks: S, window: 7, depth_drop: 0.3, second: false }, s))
        .timm("swin_small_patch4_window7_224"),
    row("swin_v2_t", |s| build(Variant { blocks: T, window: 8, depth_drop: 0.2, second: true }, s))
        .at(256)
        .timm("swinv2_tiny_window8_256"),
];

const fn row(name: &'static str, build: fn(Size) -> Graph) -> Listed {
    Listed::new(name, Family::Swin, build)
}

/// Channels of the first stage, and of each head.
const WIDTH: usize = 96;
const HEAD: usize = 32;

fn build(variant: Variant, size: Size) -> Graph {
    let mut graph = Graph::images(size.side);
    let stem = Conv::new(3, WIDTH, 4, 4).padded(0).biased();
    let x = graph.conv(graph.last(), stem, "features.0.0");
    let mut x = norm(&mut graph, x, WIDTH, "features.0.2");
    let last_block = (variant.blocks.iter().sum::<usize>() - 1) as f64;
    let (mut side, mut channels, mut number) = (size.side / 4, WIDTH, 0);
    for (stage, &blocks) in variant.blocks.iter().enumerate() {
        if stage > 0 {
            x = merge(&mut graph, x, (side, channels), variant.second, &format!("features.{}", 2 * stage));
            (side, channels) = (side.div_ceil(2), 2 * channels);
        }
        for at in 0..blocks {
            let block = Block {
                side,
                channels,
                window: variant.window,
                shift: if at % 2 == 0 { 0 } else { variant.window / 2 },
                drop: variant.depth_drop * f64::from(number) / last_block,
                second: variant.second,
            };
            x = block.push(&mut graph, x, &format!("features.{}.{at}", 2 * stage + 1));
            number += 1;
        }
        graph.end_stage(x);
    }
    let x = norm(&mut graph, x, channels, "norm");
    let x = graph.push(Op::GlobalMean, &[x]);
    graph.linear(x, (channels, size.classes), "head");
    graph.draw(|node| match node.op {
        Op::Linear { .. } | Op::WindowAttention(_) => Some([Draw::Truncated(0.02), Draw::ZERO]),
        _ => None,
    });
    graph
}

fn norm(graph: &mut Graph, x: NodeId, channels: usize, key: &str) -> NodeId {
    graph.push_keyed(Op::LayerNorm { channels, epsilon: EPSILON }, &[x], key)
}

/// Patch merging: half the side, twice the channels.
fn merge(graph: &mut Graph, x: NodeId, (side, channels): (usize, usize), second: bool, key: &str) -> NodeId {
    let odd = side % 2;
    let x = if odd == 0 { x } else { graph.push(Op::Pad { bottom: odd, right: odd }, &[x]) };
    let x = graph.push(Op::Merge, &[x]);
    let reduction = Op::Linear { inputs: 4 * channels, outputs: 2 * channels, bias: LinearBias::None };
    let (norm_key, reduction_key) = (format!("{key}.norm"), format!("{key}.reduction"));
    if second {
        let x = graph.push_keyed(reduction, &[x], &reduction_key);
        return norm(graph, x, 2 * channels, &norm_key);
    }
    let x = norm(graph, x, 4 * channels, &norm_key);
    graph.push_keyed(reduction, &[x], &reduction_key)
}

#[derive(Clone, Copy)]
struct Block {
    /// Side of the map.
    side: usize,
    channels: usize,
    window: usize,
    shift: usize,
    drop: f64,
    second: bool,
}

impl Block {
    /// Attention, then a perceptron, each beside an identity; version 1 normalises before them, version 2 behind.
    fn push(self, graph: &mut Graph, x: NodeId, key: &str) -> NodeId {
        let before = |graph: &mut Graph, x, name: &str| {
            if self.second { x } else { norm(graph, x, self.channels, &format!("{key}.{name}")) }
        };
        let behind = |graph: &mut Graph, y, x, name: &str| {
            let y = if self.second { norm(graph, y, self.channels, &format!("{key}.{name}")) } else { y };
            let y = graph.stochastic_depth(y, self.drop);
            graph.push(Op::Add, &[y, x])
        };
        let y = before(graph, x, "norm1");
        let y = self.attention(graph, y, &format!("{key}.attn"));
        let x = behind(graph, y, x, "norm1");
        let y = before(graph, x, "norm2");
        let y = graph.linear(y, (self.channels, 4 * self.channels), &format!("{key}.mlp.0"));
        let y = graph.activate(y, Activation::Gelu);
        let y = graph.linear(y, (4 * self.channels, self.channels), &format!("{key}.mlp.3"));
        behind(graph, y, x, "norm2")
    }

    fn attention(self, graph: &mut Graph, x: NodeId, key: &str) -> NodeId {
        let (channels, padded) = (self.channels, self.side.next_multiple_of(self.window));
        let more = padded - self.side;
        let x = if more == 0 { x } else { graph.push(Op::Pad { bottom: more, right: more }, &[x]) };
        let bias = if self.second { LinearBias::WithoutKeys } else { LinearBias::Full };
        let qkv = Op::Linear { inputs: channels, outputs: 3 * channels, bias };
        let x = graph.push_keyed(qkv, &[x], &format!("{key}.qkv"));
        // Where one window spans the map nothing is shifted.
        let shift = if self.window >= padded { 0 } else { self.shift };
        let window =
            Window { channels, heads: channels / HEAD, size: self.window, shift: [shift; 2], cosine: self.second };
        let x = graph.push_keyed(Op::WindowAttention(window), &[x], key);
        let kept = Op::Crop { height: self.side, width: self.side };
        let x = if more == 0 { x } else { graph.push(kept, &[x]) };
        graph.linear(x, (channels, channels), &format!("{key}.proj"))
    }
}
