//! What a step of a plan becomes on this engine: its operation, with weights packed for the loop that computes it.

use super::kernel::Packed;
use super::layers::Part;
use super::shape::Shape;
use super::{attention, depthwise};
use crate::engine::nets::graph::{Conv, Op};
use crate::engine::plan::Step;

/// What the loop of a step reads beside its inputs; which loop it is follows from this and the operation.
pub enum Prepared {
    /// The plan's own tensors, if it has any.
    Tensors(Vec<Vec<f32>>),
    /// A convolution or linear layer.
    Dense(Packed),
    /// A depthwise convolution.
    Depthwise(depthwise::Packed),
    /// Channels of the inputs; zeros where no part writes.
    Parts(Vec<Part>),
    /// Attention.
    Attention(attention::Prepared),
}

/// Prepares a step for maps of these shapes, of which [`Step::extent`] made sure.
pub fn prepare(step: &Step, inputs: &[Shape], to: Shape) -> Option<Prepared> {
    let from = *inputs.first()?;
    let dense = |conv: &Conv| match step.tensors.as_slice() {
        [weight, bias] => Some(Prepared::Dense(Packed::new(conv, from.stride, weight, bias))),
        _ => None,
    };
    Some(match (step.op, step.tensors.as_slice()) {
        (Op::Conv(conv), [weight, bias]) if depthwise::is_depthwise(&conv) => {
            Prepared::Depthwise(depthwise::Packed::new(&conv, weight, bias))
        }
        (Op::Conv(conv), _) => dense(&conv)?,
        // A linear layer is a 1×1 convolution.
        (Op::Linear { inputs, outputs, .. }, _) => dense(&Conv::new(inputs, outputs, 1, 1))?,
        (Op::Attention { .. } | Op::WindowAttention(_), tensors) => {
            Prepared::Attention(attention::Prepared::new(&step.op, tensors, (from, to))?)
        }
        (op, tensors) => parts(op, inputs).map_or_else(|| Prepared::Tensors(tensors.to_vec()), Prepared::Parts),
    })
}

/// The parts that an operation consists of which only moves channels; `None` for others.
pub(in crate::engine::cpu) fn parts(op: Op, inputs: &[Shape]) -> Option<Vec<Part>> {
    let channels = inputs.first()?.channels;
    let whole = Part { input: 0, first: 0, count: channels, at: 0, step: 1, corner: [0, 0] };
    Some(match op {
        Op::Concat => {
            let mut at = 0;
            let mut part = |(input, shape): (usize, &Shape)| {
                at += shape.channels;
                Part { input, count: shape.channels, at: at - shape.channels, ..whole }
            };
            inputs.iter().enumerate().map(&mut part).collect()
        }
        Op::Channels { from, count } => vec![Part { first: from, count, ..whole }],
        Op::Shortcut { stride, pad } => vec![Part { at: pad, step: stride, ..whole }],
        Op::Merge => {
            let corners = [[0, 0], [1, 0], [0, 1], [1, 1]].into_iter().enumerate();
            corners.map(|(n, corner)| Part { at: n * channels, step: 2, corner, ..whole }).collect()
        }
        // The output's size says what is cut off and what is added.
        Op::FirstToken | Op::Pad { .. } | Op::Crop { .. } => vec![whole],
        _ => return None,
    })
}
