//! What a step of a plan becomes on this engine: a kind of loop, with weights packed for it.

use super::kernel::Packed;
use super::layers::Part;
use super::shape::Shape;
use super::{attention, depthwise};
use crate::engine::nets::graph::{Activation, Conv, Pool};
use crate::engine::plan::StepOp;

/// What a layer computes.
pub enum Kind {
    Conv(Packed),
    Depthwise(depthwise::Packed),
    Add,
    Scale(Vec<f32>, Vec<f32>),
    LayerNorm {
        scale: Vec<f32>,
        shift: Vec<f32>,
        epsilon: f64,
    },
    Activation,
    MaxPool(Pool),
    AvgPool(Pool),
    /// Over as many parts as the output has pixels.
    AdaptiveMean,
    Gate,
    /// Channels of the inputs; zeros where no part writes.
    Copy(Vec<Part>),
    Shuffle {
        groups: usize,
    },
    Flatten,
    ClassToken(Vec<f32>),
    Positions(Vec<f32>),
    Attention(attention::Prepared),
}

/// Prepares a step for maps of these shapes, of which [`super::shape::extent`] made sure; and what follows it.
pub fn prepare(op: &StepOp, inputs: &[Shape], to: Shape) -> Option<(Kind, Option<Activation>)> {
    let from = *inputs.first()?;
    let kind = match op {
        StepOp::Conv { conv, weight, bias, activation } => {
            let depthwise = depthwise::is_depthwise(conv);
            let kind = || Kind::Conv(Packed::new(conv, from.stride, weight, bias));
            let kind = if depthwise { Kind::Depthwise(depthwise::Packed::new(conv, weight, bias)) } else { kind() };
            return Some((kind, *activation));
        }
        // A linear layer is a 1×1 convolution.
        StepOp::Linear { inputs, outputs, weight, bias, activation } => {
            let conv = Conv::new(*inputs, *outputs, 1, 1);
            return Some((Kind::Conv(Packed::new(&conv, from.stride, weight, bias)), *activation));
        }
        StepOp::Add { activation } => return Some((Kind::Add, *activation)),
        StepOp::Scale { scale, shift, activation } => {
            return Some((Kind::Scale(scale.clone(), shift.clone()), *activation));
        }
        StepOp::Activation(activation) => return Some((Kind::Activation, Some(*activation))),
        StepOp::LayerNorm { scale, shift, epsilon } => {
            Kind::LayerNorm { scale: scale.clone(), shift: shift.clone(), epsilon: *epsilon }
        }
        StepOp::MaxPool(pool) => Kind::MaxPool(*pool),
        StepOp::AvgPool(pool) => Kind::AvgPool(*pool),
        StepOp::AdaptiveMean(_) | StepOp::GlobalMean => Kind::AdaptiveMean,
        StepOp::Flatten => Kind::Flatten,
        StepOp::Gate => Kind::Gate,
        StepOp::Shuffle { groups } => Kind::Shuffle { groups: *groups },
        StepOp::ClassToken(token) => Kind::ClassToken(token.clone()),
        StepOp::Positions(values) => Kind::Positions(values.clone()),
        StepOp::Attention(attention) => Kind::Attention(attention::Prepared::new(attention, from, to)),
        StepOp::Concat
        | StepOp::Channels { .. }
        | StepOp::Shortcut { .. }
        | StepOp::FirstToken
        | StepOp::Pad { .. }
        | StepOp::Crop { .. }
        | StepOp::Merge => Kind::Copy(parts(op, inputs)),
    };
    Some((kind, None))
}

/// The parts that a copying step consists of.
fn parts(op: &StepOp, inputs: &[Shape]) -> Vec<Part> {
    let channels = inputs[0].channels;
    let whole = Part { input: 0, first: 0, count: channels, at: 0, step: 1, corner: [0, 0] };
    match *op {
        StepOp::Concat => {
            let mut at = 0;
            let mut part = |(input, shape): (usize, &Shape)| {
                at += shape.channels;
                Part { input, count: shape.channels, at: at - shape.channels, ..whole }
            };
            inputs.iter().enumerate().map(&mut part).collect()
        }
        StepOp::Channels { from, count } => vec![Part { first: from, count, ..whole }],
        StepOp::Shortcut { stride, pad } => vec![Part { at: pad, step: stride, ..whole }],
        StepOp::Merge => {
            let corners = [[0, 0], [1, 0], [0, 1], [1, 1]].into_iter().enumerate();
            corners.map(|(n, corner)| Part { at: n * channels, step: 2, corner, ..whole }).collect()
        }
        // The output's size says what is cut off and what is added.
        _ => vec![whole],
    }
}
