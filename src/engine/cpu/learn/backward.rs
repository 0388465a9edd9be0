//! Backward: one image's, or one group's, part of a phase; and the gradients of the weights.

use pulp::Simd;
use rayon::prelude::*;

use super::copies;
use super::forward::{Images, Pass, shape_of};
use super::probe::{self, Pull};
use super::space::{Space, StepWeights};
use super::stage::{Job, Phase, Prepared, Stage, Step};
use crate::engine::cpu::kernels::conv::Dense;
use crate::engine::cpu::kernels::gradient::{GradientPart, Sample, weight_gradient};
use crate::engine::cpu::kernels::group_norm::Groups;
use crate::engine::cpu::kernels::isa::{Isa, Work};
use crate::engine::cpu::kernels::layers::{self, ChannelCopy};
use crate::engine::cpu::kernels::map::{Lane, Map, MapMut, Shape};
use crate::engine::cpu::kernels::sweep::{Piece, Start, Sums, Sweep, Swept, sweep};
use crate::engine::cpu::kernels::{colours, depthwise, frozen_norm, norm, pool};
use crate::engine::nets::graph::Op;

/// A phase's part of some spaces.
pub struct BackwardPass<'a> {
    /// What is shared.
    pub pass: Pass<'a>,
    /// The jobs.
    pub phase: &'a Phase,
    /// The buffers.
    pub spaces: &'a mut [Space],
    /// Which images they hold.
    pub images: Images,
}

impl Work for BackwardPass<'_> {
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
                let (first, count) = images.of(number);
                let mut one = One { pass, space, images: count };
                match job {
                    Job::Sums(at) => one.sums(simd, &steps[at]),
                    Job::Run(at) => one.step::<S, FMA>(simd, &steps[at]),
                    Job::Probe(at) => one.enter(at, first),
                }
            }
        }
    }
}

/// A convolution or linear layer of several spaces: the gradient of its input.
#[inline(always)]
fn run_dense<S: Simd, const FMA: bool>(
    simd: S,
    pass: Pass<'_>,
    (step, dense): (&Step, &Dense),
    (spaces, images): (&mut [Space], Images),
) {
    let (Some(gradient), Some(&Some((buffer, add)))) = (step.gradient, step.back.first()) else { return };
    let take = |space: &mut Space| std::mem::take(&mut space.gradients[buffer.slot]);
    if let (false, Some(packed)) = (dense.colours.is_empty(), pass.packed[step.node].first()) {
        for space in spaces {
            let mut output = take(space);
            for (gather, weights) in dense.colours.iter().zip(&packed.backward) {
                let maps = (space.gradients[gradient.slot].as_slice(), output.as_mut_slice());
                colours::gather::<S, FMA>(simd, (gather, weights), maps, add);
            }
            space.gradients[buffer.slot] = output;
        }
        return;
    }
    let mut outputs: Vec<Vec<f32>> = spaces.iter_mut().map(take).collect();
    let start = if add { Start::Sum } else { Start::Zero };
    for (group, packed) in pass.packed[step.node].iter().enumerate() {
        let inputs = spaces.iter().map(|space| &space.gradients[gradient.slot][group * dense.made..]);
        let maps = inputs.zip(&mut outputs).enumerate().map(|(at, (input, output))| Swept {
            input,
            output: &mut output[group * dense.seen..],
            start: 0,
            pixels: 0..images.pixels(at),
            join: None,
        });
        let mut maps: Vec<Swept<'_>> = maps.collect();
        for (backward, weights) in dense.backward.iter().zip(&packed.backward) {
            sweep::<S, FMA>(simd, Sums { sweep: backward, weights, start, then: None }, &mut maps);
        }
    }
    for (space, output) in spaces.iter_mut().zip(outputs) {
        space.gradients[buffer.slot] = output;
    }
}

/// One space, and how many images it has, 0 for one.
struct One<'a> {
    pass: Pass<'a>,
    space: &'a mut Space,
    images: usize,
}

impl One<'_> {
    #[inline(always)]
    fn sums<S: Simd>(&mut self, simd: S, step: &Step) {
        let mut sums = std::mem::take(&mut self.space.sums[step.node]);
        if let (Op::BatchNorm { .. }, Some(gradient)) = (step.op, self.gradient(step)) {
            let behind = (self.value(step.inputs[0]), gradient);
            norm::backward_sums(simd, behind, &self.pass.batches[step.node], step.then, &mut sums);
        }
        self.space.sums[step.node] = sums;
    }

    /// A group norm's sums over the image, which are its weights' gradients, and what its input's gradient needs.
    #[inline(always)]
    fn group_sums<S: Simd>(&mut self, simd: S, step: &Step, (channels, groups): (usize, usize)) {
        let Some(packed) = self.pass.packed[step.node].first() else { return };
        let mut sums = std::mem::take(&mut self.space.sums[step.node]);
        let mut norm = std::mem::take(&mut self.space.norms[step.node]);
        if let Some(gradient) = self.gradient(step) {
            let x = self.value(step.inputs[0]);
            norm::backward_sums(simd, (x, gradient), &norm, step.then, &mut sums);
            let groups = Groups { channels, groups, pixels: x.1.height * x.1.width };
            norm.group_gradients(groups, &mut sums, packed.forward.as_flattened());
        }
        (self.space.sums[step.node], self.space.norms[step.node]) = (sums, norm);
    }

    #[inline(always)]
    fn step<S: Simd, const FMA: bool>(&mut self, simd: S, step: &Step) {
        if let Op::GroupNorm { channels, groups, .. } = step.op {
            self.group_sums(simd, step, (channels, groups));
        }
        for (number, back) in step.back.iter().enumerate() {
            let Some((buffer, add)) = *back else { continue };
            // The input's gradient leaves its place for the time of the step.
            let mut output = std::mem::take(&mut self.space.gradients[buffer.slot]);
            let shape = self.columns(buffer.shape);
            self.of_input::<S, FMA>(simd, (step, number), (&mut output, shape), add);
            self.space.gradients[buffer.slot] = output;
        }
    }

    /// What enters at a probe; `first` is the number of the first image.
    #[inline(always)]
    fn enter(&mut self, at: usize, first: usize) {
        let probe = &self.pass.stage.probes[at];
        let (Some((place, add)), Some(pull)) = (probe.entry, self.pass.pulls.get(probe.number)) else { return };
        let mut gradient = std::mem::take(&mut self.space.gradients[place.slot]);
        let to = (gradient.as_mut_slice(), self.columns(place.shape));
        probe::enter(pull, (first, self.images), self.value(probe.watched.value), to, add);
        self.space.gradients[place.slot] = gradient;
    }

    fn columns(&self, shape: Shape) -> Shape {
        if self.images > 0 { Shape { width: shape.width.min(self.images), ..shape } } else { shape }
    }

    fn value(&self, value: usize) -> Map<'_> {
        let stage = self.pass.stage;
        (self.space.values[stage.slots[value]].as_slice(), shape_of(stage, value, self.images))
    }

    fn gradient(&self, step: &Step) -> Option<Map<'_>> {
        let buffer = step.gradient?;
        Some((self.space.gradients[buffer.slot].as_slice(), self.columns(buffer.shape)))
    }

    #[inline(always)]
    fn of_input<S: Simd, const FMA: bool>(&self, simd: S, (step, number): (&Step, usize), to: MapMut<'_>, add: bool) {
        let Some(gradient) = self.gradient(step) else { return };
        let input = |at: usize| self.value(step.inputs[at]);
        match (&step.prepared, step.op) {
            (Prepared::Depthwise(d), _) => {
                let Some(packed) = self.pass.packed[step.node].first() else { return };
                let pixels = 0..usize::MAX;
                let mut map = Swept { input: gradient.0, output: to.0, start: 0, pixels, join: None };
                for (scan, weights) in d.backward.iter().zip(&packed.backward) {
                    let sums = depthwise::Sums { scan, weights, bias: None, add, then: None };
                    depthwise::scan::<S, FMA>(simd, sums, &mut map);
                }
            }
            (Prepared::Windows(axes), Op::MaxPool(_)) => {
                let shape = to.1;
                if !add {
                    layers::clear((&mut *to.0, shape));
                }
                pool::max_backward((input(0), self.value(step.output).0, gradient), to, axes);
            }
            (Prepared::Windows(axes), _) => pool::mean_backward(gradient, to, axes, add),
            (Prepared::Copies(copies), _) => copied(copies.iter().filter(|p| p.input == number), gradient, to, add),
            (_, Op::BatchNorm { .. }) if self.pass.frozen => {
                let pull = step.pulls.and_then(|at| self.pass.pulls.get(self.pass.stage.probes[at].number));
                let line = if let Some(Pull::Statistics(line)) = pull { Some(line) } else { None };
                let norm = (&self.pass.batches[step.node], step.then);
                frozen_norm::backward((input(0), gradient), norm, line, (to, add));
            }
            (_, Op::BatchNorm { .. }) => {
                norm::backward((input(0), gradient), &self.pass.batches[step.node], step.then, (to, add));
            }
            (_, Op::GroupNorm { .. }) => {
                norm::backward((input(0), gradient), &self.space.norms[step.node], step.then, (to, add));
            }
            (_, Op::Activation(activation)) => copies::activation::<FMA>((input(0), gradient), to, activation, add),
            (_, Op::Flatten) => copies::flatten(gradient.0, to, add),
            (_, Op::Add) => copies::same(gradient, to, add),
            (_, Op::Gate) if number == 0 => copies::gated(gradient, input(1), to, add),
            (_, Op::Gate) => copies::gate(gradient, input(0), to, add),
            (_, Op::Shuffle { groups }) => copies::shuffle(gradient, to, groups, add),
            (_, Op::Dropout(_) | Op::StochasticDepth(_)) => {
                copies::masked(gradient, &self.space.masks[step.node], to, add);
            }
            // Dense layers are run beside this; the others aren't covered.
            _ => {}
        }
    }
}

/// The gradient of an input of which parts were copied.
#[inline(always)]
fn copied<'a>(
    parts: impl Iterator<Item = &'a ChannelCopy> + Clone,
    gradient: Map<'_>,
    (output, to): MapMut<'_>,
    add: bool,
) {
    let whole = parts.clone().all(|part| part.count == to.channels && part.step == 1);
    if !add && !whole {
        layers::clear((&mut *output, to));
    }
    for part in parts {
        copies::part(gradient, (&mut *output, to), part, add || !whole);
    }
}

/// Inputs of one task of a weight gradient, about.
const ROWS: usize = 384;

/// Adds the gradients of a step's weights, from all spaces in their order. The tasks are parts of the weights, each with
/// a sum of its own, so the bytes don't depend on who does them.
pub fn weights<'a>(
    isa: Isa,
    (stage, step): (&Stage, &Step),
    (spaces, images): (&'a [Space], Images),
    packed: &mut [StepWeights],
) {
    let Some(buffer) = step.gradient else { return };
    let value = stage.slots[step.inputs[0]];
    let samples = |seen: usize, made: usize| -> Vec<Sample<'a>> {
        let sample = |(number, space): (usize, &'a Space)| Sample {
            input: &space.values[value][seen..],
            gradient: &space.gradients[buffer.slot][made..],
            count: images.pixels(number),
        };
        spaces.iter().enumerate().map(sample).collect()
    };
    match &step.prepared {
        Prepared::Dense(dense) => {
            let groups: Vec<Vec<Sample<'a>>> =
                (0..dense.groups).map(|group| samples(group * dense.seen, group * dense.made)).collect();
            let parts = groups.iter().zip(packed).flat_map(|(samples, packed)| {
                parts(&dense.forward, packed).into_iter().map(move |part| DenseTask { part, samples })
            });
            parts.collect::<Vec<_>>().into_par_iter().with_max_len(1).for_each(|task| isa.run(task));
        }
        Prepared::Depthwise(d) => {
            let Some(packed) = packed.first_mut() else { return };
            let (samples, taps) = (samples(0, 0), d.forward.offsets.len());
            let blocks = packed.gradient.par_chunks_mut(taps).zip(&mut packed.bias_gradient);
            blocks.with_max_len(1).enumerate().for_each(|(block, (weight, bias))| {
                isa.run(DepthwisePart { scan: &d.forward, block, samples: &samples, weight, bias });
            });
        }
        Prepared::PerChannel(_) => {
            let Some(packed) = packed.first_mut() else { return };
            let of = [&mut packed.bias_gradient, &mut packed.gradient].into_iter().enumerate();
            for (which, gradient) in of {
                for (c, gradient) in gradient.as_flattened_mut().iter_mut().enumerate() {
                    *gradient += spaces.iter().map(|space| space.sums[step.node][which][c]).sum::<f64>() as f32;
                }
            }
        }
        Prepared::Plain | Prepared::Windows(_) | Prepared::Copies(_) => {}
    }
}

struct DensePart<'a> {
    sweep: &'a Sweep,
    part: GradientPart,
    weight: &'a mut [Lane],
    bias: Option<&'a mut [Lane]>,
}

/// Cuts a gradient into tasks of some inputs × one panel of outputs.
fn parts<'a>(sweep: &'a Sweep, packed: &'a mut StepWeights) -> Vec<DensePart<'a>> {
    let mut parts = Vec::new();
    let mut biases = packed.bias_gradient.as_mut_slice();
    for (panel, mut weight) in sweep.packing.split(&mut packed.gradient) {
        let (bias, rest) = std::mem::take(&mut biases).split_at_mut(panel.blocks);
        biases = rest;
        let mut bias = Some(bias);
        let cut = |piece: &Piece| {
            let Piece { offset, length } = *piece;
            let starts = (0..length).step_by(ROWS);
            starts.map(move |start| Piece { offset: offset + start, length: ROWS.min(length - start) })
        };
        let mut pieces = Vec::new();
        let mut left = sweep.pieces.iter().flat_map(cut).peekable();
        while let Some(piece) = left.next() {
            pieces.push(piece);
            let rows: usize = pieces.iter().map(|p: &Piece| p.length).sum();
            if left.peek().is_none_or(|next| rows + next.length > ROWS) {
                let (now, later) = weight.split_at_mut(rows * panel.blocks);
                weight = later;
                let part = GradientPart { panel, pieces: std::mem::take(&mut pieces) };
                parts.push(DensePart { sweep, part, weight: now, bias: bias.take() });
            }
        }
    }
    parts
}

struct DenseTask<'a, 'b> {
    part: DensePart<'a>,
    samples: &'b [Sample<'b>],
}

impl Work for DenseTask<'_, '_> {
    #[inline(always)]
    fn run<S: Simd, const FMA: bool>(self, simd: S) {
        let DensePart { sweep, part, weight, bias } = self.part;
        weight_gradient(simd, (sweep, &part), self.samples, weight, bias);
    }
}

struct DepthwisePart<'a> {
    scan: &'a depthwise::Scan,
    block: usize,
    samples: &'a [Sample<'a>],
    weight: &'a mut [Lane],
    bias: &'a mut Lane,
}

impl Work for DepthwisePart<'_> {
    #[inline(always)]
    fn run<S: Simd, const FMA: bool>(self, simd: S) {
        depthwise::weight_gradient(simd, (self.scan, self.block), self.samples, (self.weight, self.bias));
    }
}
