//! What a step of a plan becomes on this engine: its operation, with weights packed for the loop that computes it.

use super::attention;
use crate::engine::cpu::kernels::conv::{Dense, Depthwise, is_depthwise};
use crate::engine::cpu::kernels::layers::ChannelCopy;
use crate::engine::cpu::kernels::map::{LANES, Lane, Shape};
use crate::engine::cpu::kernels::packing::Packing;
use crate::engine::cpu::kernels::pool::{Axes, Axis};
use crate::engine::nets::graph::{Conv, Op};
use crate::engine::plan::Step;

/// Weights in the order of a sweep or scan, one group after the other.
pub struct PackedWeights {
    /// Per group.
    pub weights: Vec<Vec<Lane>>,
    /// Per group.
    pub biases: Vec<Vec<Lane>>,
    /// Where the pixels of the map that is joined lie; empty where none is.
    pub joins: Vec<usize>,
}

impl PackedWeights {
    fn new(packing: &Packing, (weight, bias): (&[f32], &[f32]), joined: Option<Shape>) -> Self {
        let packed = |weight: &[f32]| {
            let mut packed = vec![[0.0; LANES]; packing.len()];
            packing.pack(weight, &mut packed);
            packed
        };
        let padded = |bias: &[f32]| {
            let mut lanes = vec![[0.0; LANES]; bias.len().div_ceil(LANES)];
            lanes.as_flattened_mut()[..bias.len()].copy_from_slice(bias);
            lanes
        };
        let groups = bias.len() / packing.outputs.max(1);
        Self {
            weights: weight.chunks_exact((weight.len() / groups.max(1)).max(1)).map(packed).collect(),
            biases: bias.chunks_exact(packing.outputs.max(1)).map(padded).collect(),
            joins: joined.map_or_else(Vec::new, |shape| shape.places().collect()),
        }
    }
}

/// What the loop of a step reads beside its inputs; which loop it is follows from this and the operation.
pub enum Prepared {
    /// The plan's own tensors, if it has any.
    Tensors(Vec<Vec<f32>>),
    /// A convolution, dense or in groups, or a linear layer.
    Dense(Dense, PackedWeights),
    /// A depthwise convolution.
    Depthwise(Depthwise, PackedWeights),
    /// Windows of a pool.
    Windows(Axes),
    /// Channels of the inputs; zeros where no copy writes.
    Copies(Vec<ChannelCopy>),
    /// Attention.
    Attention(attention::Prepared),
}

/// How the maps of a step lie.
pub struct Shapes<'a> {
    /// What the operation reads.
    pub inputs: &'a [Shape],
    /// What is joined.
    pub join: Option<Shape>,
    /// What it writes.
    pub output: Shape,
}

/// Prepares a step for maps of these shapes, of which [`Step::extent`] made sure. `widest` is
/// [`crate::engine::cpu::kernels::isa::Isa::widest`].
pub fn prepare(step: &Step, shapes: &Shapes<'_>, widest: usize) -> Option<Prepared> {
    let (from, to) = (*shapes.inputs.first()?, shapes.output);
    let axes = |axis: &dyn Fn(usize, usize) -> Axis| {
        Prepared::Windows([axis(to.height, from.height), axis(to.width, from.width)])
    };
    let dense = |conv: &Conv, values: (&[f32], &[f32])| {
        let dense = Dense::forward(conv, (from, to), widest);
        let packed = PackedWeights::new(&dense.forward.packing, values, shapes.join);
        Prepared::Dense(dense, packed)
    };
    Some(match (step.op, step.tensors.as_slice()) {
        (Op::Conv(conv), [weight, bias]) if is_depthwise(&conv) => {
            let depthwise = Depthwise::forward(&conv, (from, to));
            let packed = PackedWeights::new(&depthwise.forward.packing, (weight, bias), shapes.join);
            Prepared::Depthwise(depthwise, packed)
        }
        (Op::Conv(conv), [weight, bias]) => dense(&conv, (weight, bias)),
        // A linear layer is a 1×1 convolution.
        (Op::Linear { inputs, outputs, .. }, [weight, bias]) => {
            dense(&Conv::new(inputs, outputs, 1, 1), (weight, bias))
        }
        (Op::Conv(_) | Op::Linear { .. }, _) => return None,
        (Op::Attention { .. } | Op::WindowAttention(_), tensors) => {
            Prepared::Attention(attention::Prepared::new(&step.op, tensors, (from, to), widest)?)
        }
        (Op::MaxPool(pool) | Op::AvgPool(pool), _) => axes(&|_, size| Axis::of_pool(pool, size)),
        (Op::AdaptiveMean(_) | Op::GlobalMean, _) => axes(&Axis::of_parts),
        (op, tensors) => {
            ChannelCopy::of(op, shapes.inputs).map_or_else(|| Prepared::Tensors(tensors.to_vec()), Prepared::Copies)
        }
    })
}
