//! Vision transformers: ViT (Dosovitskiy et al. 2021) under torchvision's keys; ViT-Tiny and DeiT (Touvron et al. 2021)
//! under timm's.

use crate::engine::nets::draw::Draw;
use crate::engine::nets::family::PATCH;
use crate::engine::nets::graph::{Activation, Conv, Graph, NodeId, Op};
use crate::engine::nets::{Family, Listed, Size};

/// What differs between the variants.
#[derive(Clone, Copy)]
struct Variant {
    channels: usize,
    heads: usize,
    keys: &'static Keys,
}

/// Where an implementation keeps its weights, and how it draws them.
struct Keys {
    patches: &'static str,
    class_token: &'static str,
    positions: &'static str,
    /// Before a block's number.
    block: &'static str,
    norms: [&'static str; 2],
    /// Queries, keys and values; projection; the two layers of the perceptron.
    linears: [&'static str; 4],
    last_norm: &'static str,
    head: &'static str,
    draw: fn(&Op, &str) -> Option<[Draw; 2]>,
}

const TORCHVISION: Keys = Keys {
    patches: "conv_proj",
    class_token: "class_token",
    positions: "encoder.pos_embedding",
    block: "encoder.layers.encoder_layer_",
    norms: ["ln_1", "ln_2"],
    linears: ["self_attention.in_proj_", "self_attention.out_proj", "mlp.0", "mlp.3"],
    last_norm: "encoder.ln",
    head: "heads.head",
    draw: draw_as_torchvision,
};

const TIMM: Keys = Keys {
    patches: "patch_embed.proj",
    class_token: "cls_token",
    positions: "pos_embed",
    block: "blocks.",
    norms: ["norm1", "norm2"],
    linears: ["attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2"],
    last_norm: "norm",
    head: "head",
    draw: draw_as_timm,
};

/// torchvision's ViT-B/16 and timm's small ones.
pub const NETWORKS: [Listed; 5] = [
    row("vit_b_16", |s| build(Variant { channels: 768, heads: 12, keys: &TORCHVISION }, s))
        .timm("vit_base_patch16_224"),
    row("vit_tiny_patch16_224", |s| build(Variant { channels: 192, heads: 3, keys: &TIMM }, s)),
    row("deit_tiny_patch16_224", |s| build(Variant { channels: 192, heads: 3, keys: &TIMM }, s)),
    row("deit_small_patch16_224", |s| build(Variant { channels: 384, heads: 6, keys: &TIMM }, s)),
    row("deit_base_patch16_224", |s| build(Variant { channels: 768, heads: 12, keys: &TIMM }, s)),
];

const fn row(name: &'static str, build: fn(Size) -> Graph) -> Listed {
    Listed::new(name, Family::Vit, build)
}

const BLOCKS: usize = 12;

/// Of its layer norms.
pub const EPSILON: f64 = 1e-6;

fn build(variant: Variant, size: Size) -> Graph {
    let Variant { channels, keys, .. } = variant;
    let mut graph = Graph::images(size.side);
    let patches = Conv::new(3, channels, PATCH, PATCH).padded(0).biased();
    let x = graph.conv(graph.last(), patches, keys.patches);
    let x = graph.push_keyed(Op::ClassToken { channels }, &[x], keys.class_token);
    let tokens = 1 + (size.side / PATCH) * (size.side / PATCH);
    let mut x = graph.push_keyed(Op::Positions { tokens, channels }, &[x], keys.positions);
    for at in 0..BLOCKS {
        x = block(&mut graph, x, variant, &format!("{}{at}", keys.block));
        // A quarter of the depth each, as other networks have four stages.
        if (at + 1) % (BLOCKS / 4) == 0 {
            graph.end_stage(x);
        }
    }
    // Only the class token is read: normalising it alone gives the same logits.
    let x = graph.push(Op::FirstToken, &[x]);
    let x = norm(&mut graph, x, channels, keys.last_norm);
    graph.linear(x, (channels, size.classes), keys.head);
    graph.draw(|node| (keys.draw)(&node.op, &node.key));
    graph
}

fn norm(graph: &mut Graph, x: NodeId, channels: usize, key: &str) -> NodeId {
    graph.push_keyed(Op::LayerNorm { channels, epsilon: EPSILON }, &[x], key)
}

fn block(graph: &mut Graph, x: NodeId, Variant { channels, heads, keys }: Variant, key: &str) -> NodeId {
    let [qkv, projection, first, second] = keys.linears.map(|name| format!("{key}.{name}"));
    let y = norm(graph, x, channels, &format!("{key}.{}", keys.norms[0]));
    let y = graph.linear(y, (channels, 3 * channels), &qkv);
    let y = graph.push(Op::Attention { channels, heads }, &[y]);
    let y = graph.linear(y, (channels, channels), &projection);
    let x = graph.push(Op::Add, &[y, x]);
    let y = norm(graph, x, channels, &format!("{key}.{}", keys.norms[1]));
    let y = graph.linear(y, (channels, 4 * channels), &first);
    let y = graph.activate(y, Activation::Gelu);
    let y = graph.linear(y, (4 * channels, channels), &second);
    graph.push(Op::Add, &[y, x])
}

fn draw_as_torchvision(op: &Op, key: &str) -> Option<[Draw; 2]> {
    Some(match op {
        Op::Conv(_) => [Draw::Truncated((op.fans().0 as f64).sqrt().recip()), Draw::ZERO],
        Op::ClassToken { .. } => [Draw::ZERO; 2],
        Op::Positions { .. } => [Draw::Normal(0.02); 2],
        Op::Linear { .. } if key == TORCHVISION.head => [Draw::ZERO; 2],
        Op::Linear { .. } if key.contains(".mlp.") => [Draw::xavier_uniform(op.fans()), Draw::Normal(1e-6)],
        Op::Linear { .. } if key.ends_with('_') => [Draw::xavier_uniform(op.fans()), Draw::ZERO],
        Op::Linear { .. } => [Draw::default_of(op), Draw::ZERO],
        _ => return None,
    })
}

fn draw_as_timm(op: &Op, _: &str) -> Option<[Draw; 2]> {
    Some(match op {
        Op::ClassToken { .. } => [Draw::Normal(1e-6); 2],
        Op::Positions { .. } | Op::Linear { .. } => [Draw::Truncated(0.02), Draw::ZERO],
        _ => return None,
    })
}
