//! Turns a plan into layers with packed weights, and gives every value a place in the workspace.

use std::collections::HashMap;

use super::kernel::{Packed, Shape};
use crate::engine::nets::graph::{Conv, Pool};
use crate::engine::plan::{Plan, Step, StepOp};

/// What a layer computes.
pub enum Kind {
    Conv(Packed),
    Add,
    Scale(Vec<f32>, Vec<f32>),
    Relu,
    MaxPool(Pool),
    AvgPool(Pool),
    Shortcut { stride: usize, pad: usize },
    GlobalMean,
    Flatten,
}

/// A value's buffer in the workspace and how it is laid out.
#[derive(Clone, Copy)]
pub struct Place {
    pub slot: usize,
    pub shape: Shape,
}

/// One step of the program.
pub struct Layer {
    pub kind: Kind,
    pub input: Place,
    pub join: Option<Place>,
    pub output: Place,
    pub relu: bool,
}

/// A plan with places and packed weights.
pub struct Program {
    pub input: Place,
    pub layers: Vec<Layer>,
    pub result: Place,
    /// Values per slot.
    slots: Vec<usize>,
}

impl Program {
    /// Packs a plan; `None` where its steps contradict each other.
    pub fn new(plan: &Plan) -> Option<Self> {
        let borders = borders(plan);
        let image = Shape { height: plan.side, width: plan.side, channels: 3, stride: 3, border: borders[0] };
        let mut slots = Slots::default();
        let mut places: Vec<Option<Place>> = vec![None; plan.values];
        let input = slots.take(image);
        places[0] = Some(input);
        let mut layers = Vec::with_capacity(plan.steps.len());
        for step in &plan.steps {
            let from = places[*step.inputs.first()?]?;
            let join = step.inputs.get(1).and_then(|&i| places[i]);
            let output = slots.take(output_shape(&step.op, from.shape, borders[step.output]));
            places[step.output] = Some(output);
            let (kind, relu) = kind(step, from.shape)?;
            layers.push(Layer { kind, input: from, join, output, relu });
            for &value in &step.free {
                slots.give(places[value]?);
            }
        }
        let result = layers.last()?.output;
        Some(Self { input, layers, result, slots: slots.lengths })
    }

    /// Zeroed buffers for one thread.
    pub fn workspace(&self) -> Vec<Vec<f32>> {
        self.slots.iter().map(|&len| vec![0.0; len]).collect()
    }
}

/// The border each value needs: the largest padding of the convolutions that read it.
fn borders(plan: &Plan) -> Vec<usize> {
    let mut borders = vec![0; plan.values];
    for step in &plan.steps {
        if let (StepOp::Conv { conv, .. }, Some(&first)) = (&step.op, step.inputs.first()) {
            borders[first] = borders[first].max(conv.padding);
        }
    }
    borders
}

/// Reuses buffers of equal layout, whose borders stay zero because nobody writes them.
#[derive(Default)]
struct Slots {
    lengths: Vec<usize>,
    free: HashMap<Shape, Vec<usize>>,
}

impl Slots {
    fn take(&mut self, shape: Shape) -> Place {
        let slot = self.free.get_mut(&shape).and_then(Vec::pop).unwrap_or_else(|| {
            self.lengths.push(shape.len());
            self.lengths.len() - 1
        });
        Place { slot, shape }
    }

    fn give(&mut self, place: Place) {
        self.free.entry(place.shape).or_default().push(place.slot);
    }
}

fn output_shape(op: &StepOp, from: Shape, border: usize) -> Shape {
    let swept =
        |n: usize, kernel: usize, stride: usize, padding: usize| (n + 2 * padding).saturating_sub(kernel) / stride + 1;
    let pooled = |pool: &Pool| {
        let side = |n| swept(n, pool.kernel, pool.stride, pool.padding);
        Shape::new(side(from.height), side(from.width), from.channels, border)
    };
    match op {
        StepOp::Conv { conv, .. } => {
            let side = |n| swept(n, conv.kernel, conv.stride, conv.padding);
            Shape::new(side(from.height), side(from.width), conv.outputs, border)
        }
        StepOp::MaxPool(pool) | StepOp::AvgPool(pool) => pooled(pool),
        StepOp::Shortcut { stride, pad } => {
            Shape::new(from.height.div_ceil(*stride), from.width.div_ceil(*stride), from.channels + 2 * pad, border)
        }
        StepOp::GlobalMean => Shape::new(1, 1, from.channels, border),
        StepOp::Flatten => Shape::new(1, 1, from.height * from.width * from.channels, border),
        StepOp::Linear { outputs, .. } => Shape::new(1, 1, *outputs, border),
        _ => Shape::new(from.height, from.width, from.channels, border),
    }
}

fn kind(step: &Step, from: Shape) -> Option<(Kind, bool)> {
    Some(match &step.op {
        StepOp::Conv { conv, weight, bias, activation } => {
            (conv.inputs == from.channels).then_some(())?;
            (Kind::Conv(Packed::new(conv, from.stride, weight, bias)), activation.is_some())
        }
        // A linear layer is a 1×1 convolution of one pixel.
        StepOp::Linear { inputs, outputs, weight, bias, .. } => {
            (*inputs == from.channels).then_some(())?;
            let conv =
                Conv { inputs: *inputs, outputs: *outputs, kernel: 1, stride: 1, padding: 0, groups: 1, bias: true };
            (Kind::Conv(Packed::new(&conv, from.stride, weight, bias)), false)
        }
        StepOp::Add { activation } => (Kind::Add, activation.is_some()),
        StepOp::Scale { scale, shift, .. } => (Kind::Scale(scale.clone(), shift.clone()), false),
        StepOp::Activation(_) => (Kind::Relu, false),
        StepOp::MaxPool(pool) => (Kind::MaxPool(*pool), false),
        StepOp::AvgPool(pool) => (Kind::AvgPool(*pool), false),
        StepOp::Shortcut { stride, pad } => (Kind::Shortcut { stride: *stride, pad: *pad }, false),
        StepOp::GlobalMean => (Kind::GlobalMean, false),
        StepOp::Flatten => (Kind::Flatten, false),
        _ => return None,
    })
}
