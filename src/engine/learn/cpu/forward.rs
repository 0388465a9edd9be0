//! The way there: one image's, or one group's, part of a phase.

use super::kernel::{Start, sweep};
use super::program::{Job, Kind, Phase, Stage, Step};
use super::space::{Packed, Space};
use super::{depthwise, isa, norm, pool};
use crate::engine::cpu::layers::{self, Map};
use crate::engine::cpu::shape::Shape;
use crate::engine::nets::graph::NodeId;
use crate::engine::nets::module::Masks;

/// What all images of a pass share.
#[derive(Clone, Copy)]
pub struct Pass<'a> {
    /// Steps.
    pub stage: &'a Stage,
    /// Packed weights by node.
    pub packed: &'a [Vec<Packed>],
    /// What the batch norms made of the batch, by node.
    pub batches: &'a [norm::Batch],
    /// The batch's masks.
    pub masks: Masks,
}

/// A phase's part of one space.
pub struct There<'a> {
    /// What is shared.
    pub pass: Pass<'a>,
    /// The jobs.
    pub phase: &'a Phase,
    /// The buffers.
    pub space: &'a mut Space,
    /// Place of the first image within the batch, and how many images the space has.
    pub images: (usize, usize),
}

impl isa::Work for There<'_> {
    #[inline(always)]
    fn run<const FMA: bool, const WIDE: usize>(mut self) {
        for &job in &self.phase.jobs {
            match job {
                Job::Sums(at) => self.sums::<WIDE>(&self.pass.stage.steps[at]),
                Job::Run(at) => self.step::<FMA, WIDE>(&self.pass.stage.steps[at]),
            }
        }
    }
}

/// The layout of a value of which only some columns count, as many as the space has images where it is a group.
pub fn shape_of(stage: &Stage, value: NodeId, images: usize) -> Shape {
    // Every value that a step of the stage names has a shape (`Builder::stage`).
    let shape = stage.shapes[value].unwrap_or(Shape { height: 0, width: 0, channels: 0, stride: 0, border: 0 });
    if images > 0 { Shape { width: shape.width.min(images), ..shape } } else { shape }
}

impl There<'_> {
    #[inline(always)]
    fn sums<const WIDE: usize>(&mut self, step: &Step) {
        let input = step.inputs[0];
        let shape = shape_of(self.pass.stage, input, self.images.1);
        norm::statistics::<WIDE>((&self.space.values[input], shape), &mut self.space.sums[step.node]);
    }

    #[inline(always)]
    fn step<const FMA: bool, const WIDE: usize>(&mut self, step: &Step) {
        // The output leaves its place for the time of the step, so that the inputs can be borrowed beside it.
        let mut output = std::mem::take(&mut self.space.values[step.output]);
        if let Kind::Drop { share, whole } = step.kind {
            self.drop((step, share, whole), &mut output);
        } else {
            self.compute::<FMA, WIDE>(step, &mut output);
        }
        self.space.values[step.output] = output;
    }

    #[inline(always)]
    fn compute<const FMA: bool, const WIDE: usize>(&self, step: &Step, output: &mut [f32]) {
        let Pass { stage, packed, batches, .. } = self.pass;
        let columns = self.images.1;
        let input = |at: usize| -> Option<Map<'_>> {
            let value = *step.inputs.get(at)?;
            Some((self.space.values[value].as_slice(), shape_of(stage, value, columns)))
        };
        let shape = shape_of(stage, step.output, columns);
        let count = if columns > 0 { columns } else { usize::MAX };
        let (Some(x), to) = (input(0), (&mut *output, shape)) else { return };
        match &step.kind {
            Kind::Dense(groups) => {
                for (group, packed) in groups.iter().zip(&packed[step.node]) {
                    let start = Start::Bias(&packed.bias);
                    sweep::<FMA, WIDE>((&group.forward, count), &packed.forward, x.0, to.0, start);
                }
            }
            Kind::Depthwise(d) => {
                let Some(packed) = packed[step.node].first() else { return };
                depthwise::scan::<FMA>(&d.forward, &packed.forward, x.0, to.0, (Some(&packed.bias), false));
            }
            Kind::Norm(then) => norm::forward::<FMA>(x, to, &batches[step.node], *then),
            Kind::Activation(activation) => layers::activation::<FMA>(x, to, Some(*activation)),
            Kind::Mean(axes) => pool::mean(x, to, axes),
            Kind::Max(axes) => pool::max(x, to, axes),
            Kind::Flatten => layers::store(x, &mut to.0[shape.at(0, 0)..]),
            Kind::Copy(parts) => crate::engine::cpu::copy(parts, input, to),
            Kind::Shuffle(groups) => layers::shuffle(x, to, *groups),
            Kind::Add => {
                if let Some(other) = input(1) {
                    layers::add::<FMA>(x, other, to, None);
                }
            }
            Kind::Gate => {
                if let Some(gate) = input(1) {
                    layers::gate(x, gate, to);
                }
            }
            Kind::Drop { .. } => {}
        }
    }

    /// Draws the images' masks and applies them.
    fn drop(&mut self, (step, share, whole): (&Step, f64, bool), output: &mut [f32]) {
        let (first, columns) = self.images;
        let shape = shape_of(self.pass.stage, step.output, columns);
        let mask = &mut self.space.masks[step.node];
        for image in 0..columns.max(1) {
            // Of a group, each image has one column of one pixel; else the map is one image's.
            let (at, pixels) = if columns > 0 { (image, 1) } else { (0, shape.height * shape.width) };
            let count = if whole { 1 } else { shape.channels * pixels };
            let factors: Vec<f32> = self.pass.masks.values((step.node, share), (first + image) as u64, count).collect();
            for (pixel, lanes) in mask[at * shape.stride..].chunks_exact_mut(shape.stride).take(pixels).enumerate() {
                for (c, lane) in lanes.iter_mut().take(shape.channels).enumerate() {
                    *lane = factors[if whole { 0 } else { c * pixels + pixel }];
                }
            }
        }
        let input = step.inputs[0];
        let from = (self.space.values[input].as_slice(), shape_of(self.pass.stage, input, columns));
        super::copies::masked(from, mask, (output, shape), false);
    }
}
