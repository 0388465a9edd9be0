//! Forward: one image's, or one group's, part of a phase.

use pulp::Simd;

use super::probe::Pull;
use super::space::{Space, StepWeights};
use super::stage::{Job, Phase, Prepared, Stage, Step};
use crate::engine::cpu::kernels::conv::Dense;
use crate::engine::cpu::kernels::group_norm::Groups;
use crate::engine::cpu::kernels::isa::Work;
use crate::engine::cpu::kernels::map::{Band, Map, Shape};
use crate::engine::cpu::kernels::sweep::{Start, Sums, Swept, sweep};
use crate::engine::cpu::kernels::{depthwise, frozen_norm, layers, norm, pool};
use crate::engine::learn::Masks;
use crate::engine::nets::graph::{NodeId, Op};

/// What all images of a pass share.
#[derive(Clone, Copy)]
pub struct Pass<'a> {
    /// Steps.
    pub stage: &'a Stage,
    /// Packed weights by node.
    pub packed: &'a [Vec<StepWeights>],
    /// What the batch norms made of the batch, by node.
    pub batches: &'a [norm::Batch],
    /// The batch's masks.
    pub masks: Masks,
    /// What enters at the probes of the backward pass, by their number.
    pub pulls: &'a [Pull<'a>],
    /// Whether batch norms go by the running statistics.
    pub frozen: bool,
}

/// A phase's part of some spaces.
pub struct ForwardPass<'a> {
    /// What is shared.
    pub pass: Pass<'a>,
    /// The jobs.
    pub phase: &'a Phase,
    /// The buffers.
    pub spaces: &'a mut [Space],
    /// Which images they hold.
    pub images: Images,
}

/// The images of spaces that lie side by side.
#[derive(Clone, Copy)]
pub struct Images {
    /// Number of the first space.
    pub first: usize,
    /// Images of the batch.
    pub batch: usize,
    /// Images of a space whose maps' columns they are; 0 where each space has one.
    pub group: usize,
}

impl Images {
    /// The place of a space's first image within the batch, and how many images it has, 0 for one.
    pub fn of(self, space: usize) -> (usize, usize) {
        let first = (self.first + space) * self.group.max(1);
        (first, self.group.min(self.batch - first))
    }

    /// How many of a sweep's pixels a space has.
    pub fn pixels(self, space: usize) -> usize {
        if self.group > 0 { self.of(space).1 } else { usize::MAX }
    }
}

impl Work for ForwardPass<'_> {
    #[inline(always)]
    fn run<S: Simd, const FMA: bool>(self, simd: S) {
        let Self { pass, phase, spaces, images } = self;
        for &job in &phase.jobs {
            let steps = &pass.stage.steps;
            if let Job::Run(at) = job
                && let Prepared::Dense(dense) = &steps[at].prepared
            {
                run_dense::<S, FMA>(simd, pass, (&steps[at], dense), (&mut *spaces, images));
                continue;
            }
            for (number, space) in spaces.iter_mut().enumerate() {
                let mut one = One { pass, space, images: images.of(number) };
                match job {
                    Job::Sums(at) => one.sums(simd, &steps[at]),
                    Job::Run(at) => one.step::<S, FMA>(simd, &steps[at]),
                    Job::Probe(at) => one.probe(simd, at),
                }
            }
        }
    }
}

/// A convolution or linear layer of several spaces.
#[inline(always)]
fn run_dense<S: Simd, const FMA: bool>(
    simd: S,
    pass: Pass<'_>,
    (step, dense): (&Step, &Dense),
    (spaces, images): (&mut [Space], Images),
) {
    let [from, slot] = [step.inputs[0], step.output].map(|value| pass.stage.slots[value]);
    let mut outputs: Vec<Vec<f32>> = spaces.iter_mut().map(|s| std::mem::take(&mut s.values[slot])).collect();
    for (group, packed) in pass.packed[step.node].iter().enumerate() {
        let inputs = spaces.iter().map(|space| &space.values[from][group * dense.seen..]);
        let maps = inputs.zip(&mut outputs).enumerate().map(|(at, (input, output))| Swept {
            input,
            output: &mut output[group * dense.made..],
            start: 0,
            pixels: 0..images.pixels(at),
            join: None,
        });
        let start = Start::Bias(&packed.bias);
        let sums = Sums { sweep: &dense.forward, weights: &packed.forward, start, then: None };
        sweep::<S, FMA>(simd, sums, &mut maps.collect::<Vec<Swept<'_>>>());
    }
    for (space, output) in spaces.iter_mut().zip(outputs) {
        space.values[slot] = output;
    }
}

/// One space, its first image and how many it has.
struct One<'a> {
    pass: Pass<'a>,
    space: &'a mut Space,
    images: (usize, usize),
}

/// The layout of a value of which only some columns count, as many as the space has images where it is a group.
pub fn shape_of(stage: &Stage, value: NodeId, images: usize) -> Shape {
    // Every value that a step of the stage names has a shape (`Builder::stage`).
    let shape = stage.shapes[value].unwrap_or(Shape { height: 0, width: 0, channels: 0, stride: 0, border: 0 });
    if images > 0 { Shape { width: shape.width.min(images), ..shape } } else { shape }
}

impl One<'_> {
    #[inline(always)]
    fn sums<S: Simd>(&mut self, simd: S, step: &Step) {
        let input = step.inputs[0];
        let shape = shape_of(self.pass.stage, input, self.images.1);
        let x = &self.space.values[self.pass.stage.slots[input]];
        norm::statistics(simd, (x, shape), &mut self.space.sums[step.node]);
    }

    #[inline(always)]
    fn probe<S: Simd>(&mut self, simd: S, at: usize) {
        let value = self.pass.stage.probes[at].watched.value;
        let shape = shape_of(self.pass.stage, value, self.images.1);
        let x = &self.space.values[self.pass.stage.slots[value]];
        norm::statistics(simd, (x, shape), &mut self.space.probes[at]);
    }

    #[inline(always)]
    fn step<S: Simd, const FMA: bool>(&mut self, simd: S, step: &Step) {
        // The output leaves its place for the time of the step, so that the inputs can be borrowed beside it.
        let slot = self.pass.stage.slots[step.output];
        let mut output = std::mem::take(&mut self.space.values[slot]);
        match step.op {
            Op::Dropout(share) => self.drop((step, share, false), &mut output),
            Op::StochasticDepth(share) => self.drop((step, share, true), &mut output),
            Op::GroupNorm { channels, groups, epsilon } => {
                self.group_norm(simd, (step, epsilon), (channels, groups), &mut output);
            }
            Op::BatchNorm { .. } if self.pass.frozen => self.frozen_norm(simd, step, &mut output),
            _ => self.compute::<S, FMA>(simd, step, &mut output),
        }
        self.space.values[slot] = output;
    }

    #[inline(always)]
    fn compute<S: Simd, const FMA: bool>(&self, simd: S, step: &Step, output: &mut [f32]) {
        let Pass { stage, packed, batches, .. } = self.pass;
        let columns = self.images.1;
        let input = |at: usize| -> Option<Map<'_>> {
            let value = *step.inputs.get(at)?;
            Some((self.space.values[stage.slots[value]].as_slice(), shape_of(stage, value, columns)))
        };
        let shape = shape_of(stage, step.output, columns);
        let Some(x) = input(0) else { return };
        let to = Band::whole((output, shape));
        match (&step.prepared, step.op, input(1)) {
            (Prepared::Depthwise(d), ..) => {
                let Some(packed) = packed[step.node].first() else { return };
                let (weights, bias) = (&packed.forward, Some(packed.bias.as_slice()));
                let sums = depthwise::Sums { scan: &d.forward, weights, bias, add: false, then: None };
                let Band { values: output, start, pixels, .. } = to;
                depthwise::scan::<S, FMA>(simd, sums, &mut Swept { input: x.0, output, start, pixels, join: None });
            }
            (Prepared::Windows(axes), Op::MaxPool(_), _) => pool::max(x, to, axes),
            (Prepared::Windows(axes), ..) => pool::mean(x, to, axes),
            (Prepared::Copies(copies), ..) => layers::copies(copies, input, to),
            (_, Op::BatchNorm { .. }, _) => norm::forward(x, (to.values, shape), &batches[step.node], step.then),
            (_, Op::Activation(activation), _) => layers::activation::<FMA>(x, to, Some(activation)),
            (_, Op::Flatten, _) => layers::store(x, &mut to.values[shape.at(0, 0)..]),
            (_, Op::Shuffle { groups }, _) => layers::shuffle(x, to, groups),
            (_, Op::Add, Some(other)) => layers::add::<FMA>(x, other, to, None),
            (_, Op::Gate, Some(gate)) => layers::gate(x, gate, to),
            // Dense layers, dropouts and group norms are run beside this; the others aren't covered.
            _ => {}
        }
    }

    /// Normalises by the running statistics, and shows those of the input.
    #[inline(always)]
    fn frozen_norm<S: Simd>(&mut self, simd: S, step: &Step, output: &mut [f32]) {
        let Pass { stage, batches, .. } = self.pass;
        let [from, to] = [step.inputs[0], step.output].map(|value| shape_of(stage, value, self.images.1));
        let Space { values, probes, .. } = &mut *self.space;
        let x = (values[stage.slots[step.inputs[0]]].as_slice(), from);
        let sums = step.shows.map(|probe| &mut probes[probe]);
        frozen_norm::forward(simd, x, (output, to), (&batches[step.node], step.then), sums);
    }

    /// Normalises by the image's own statistics.
    #[inline(always)]
    fn group_norm<S: Simd>(
        &mut self,
        simd: S,
        (step, epsilon): (&Step, f64),
        (channels, groups): (usize, usize),
        output: &mut [f32],
    ) {
        let Pass { stage, packed, .. } = self.pass;
        let Some(packed) = packed[step.node].first() else { return };
        let (from, to) = (shape_of(stage, step.inputs[0], 0), shape_of(stage, step.output, 0));
        let Space { values, sums, norms, .. } = &mut *self.space;
        let (x, norm, sums) =
            ((values[stage.slots[step.inputs[0]]].as_slice(), from), &mut norms[step.node], &mut sums[step.node]);
        norm::statistics(simd, x, sums);
        let groups = Groups { channels, groups, pixels: from.height * from.width };
        norm.normalise_groups(groups, epsilon, sums, (packed.forward.as_flattened(), packed.bias.as_flattened()));
        norm::forward(x, (output, to), norm, step.then);
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
        let x = self.space.values[self.pass.stage.slots[input]].as_slice();
        let from = (x, shape_of(self.pass.stage, input, columns));
        super::copies::masked(from, mask, (output, shape), false);
    }
}
