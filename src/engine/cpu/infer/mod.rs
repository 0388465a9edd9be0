//! The CPU engine: a plan on channels-last maps, one image per thread at a time.
//!
//! burn's CPU backend spends most of a narrow network's time on moving data between layouts; here a map stays
//! channels-last from the first layer to the last, an image's maps stay in the cache, and the maps carry the zero
//! border that the next convolution needs. An image's bytes don't depend on threads or batches.

mod attention;
mod layout;
mod prepare;

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use crate::engine::cpu::buffers::Buffer;
use crate::engine::cpu::kernels::conv::{Dense, Depthwise};
use crate::engine::cpu::kernels::isa::{Isa, Work};
use crate::engine::cpu::kernels::map::{Band, Map, Shape};
use crate::engine::cpu::kernels::sweep::{Join, Start, Sums, Swept, sweep};
use crate::engine::cpu::kernels::{depthwise, layers, pool};
use crate::engine::nets::extent::Extent;
use crate::engine::nets::graph::Op;
use crate::engine::plan::{Engine, EngineError, Feature, Output, Plan, Signature};
use attention::Scratch;
use layout::{GROUP, Layer, Program, Stage, Workspace};
use prepare::{PackedWeights, Prepared};

/// A plan packed for the CPU.
pub struct CpuEngine {
    program: Program,
    isa: Isa,
    signature: Signature,
    /// Buffers that wait for the next batch, of the trunk and of the head.
    spaces: [Mutex<Vec<Workspace>>; 2],
}

impl CpuEngine {
    /// Packs a plan's weights.
    ///
    /// # Errors
    /// [`EngineError`] where the steps don't fit together, or `STILLROOM_ISA` names no instruction set of this machine.
    pub fn new(plan: &Plan) -> Result<Self, EngineError> {
        Self::with_isa(plan, Isa::chosen()?)
    }

    fn with_isa(plan: &Plan, isa: Isa) -> Result<Self, EngineError> {
        let program = Program::new(plan, isa.widest()).ok_or_else(EngineError::broken_plan)?;
        let signature = plan.signature().ok_or_else(EngineError::broken_plan)?;
        Ok(Self { program, isa, signature, spaces: Default::default() })
    }

    /// Runs the trunk on every image; `results` are those of the whole batch.
    fn trunk(&self, inputs: &[&[f32]], batch: usize, results: &mut [Vec<f32>]) {
        let Program { trunk, results: values, .. } = &self.program;
        let mut of_image: Vec<Vec<&mut [f32]>> = (0..batch).map(|_| Vec::new()).collect();
        for (result, value) in results.iter_mut().zip(values) {
            for (image, part) in of_image.iter_mut().zip(result.chunks_exact_mut(value.len())) {
                image.push(part);
            }
        }
        // Threads that would have no image of their own share one's maps.
        let bands = rayon::current_num_threads().div_ceil(batch.max(1));
        of_image.into_par_iter().enumerate().for_each(|(image, mut results)| {
            with_workspace(&self.spaces[0], trunk, |space| {
                for ((load, values), port) in trunk.loads.iter().zip(inputs).zip(&self.signature.inputs) {
                    let length = port.extent.len();
                    let values = &values[image * length..][..length];
                    layers::load_planes(values, (&mut space.maps[load.slot], load.shape));
                }
                self.run(trunk, space, usize::MAX, bands);
                for &(index, Buffer { slot, shape }) in &trunk.stores {
                    layers::store((&space.maps[slot], shape), results[index]);
                }
            });
        });
    }

    /// Runs the head on groups of images, whose rows are the pixels of its maps.
    fn head(&self, batch: usize, results: &mut [Vec<f32>]) {
        let Program { head, results: values, crossing, .. } = &self.program;
        let (results, rows) = results.split_at_mut(values.len() - crossing);
        let group = batch.div_ceil(rayon::current_num_threads()).clamp(1, GROUP);
        let groups = batch.div_ceil(group);
        let mut of_group: Vec<Vec<&mut [f32]>> = (0..groups).map(|_| Vec::new()).collect();
        for (result, value) in results.iter_mut().zip(values) {
            for (image, part) in of_group.iter_mut().zip(result.chunks_mut(group * value.len())) {
                image.push(part);
            }
        }
        of_group.into_par_iter().enumerate().for_each(|(number, mut results)| {
            let count = group.min(batch - number * group);
            with_workspace(&self.spaces[1], head, |space| {
                for (&Buffer { slot, shape }, rows) in head.loads.iter().zip(&*rows) {
                    let rows = &rows[number * group * shape.channels..][..count * shape.channels];
                    layers::load_rows(rows, (&mut space.maps[slot], shape));
                }
                self.run(head, space, count, 1);
                for &(index, Buffer { slot, shape }) in &head.stores {
                    layers::store_rows((&space.maps[slot], shape), results[index]);
                }
            });
        });
    }

    /// Runs a stage on no more than so many columns of each map, by so many threads.
    fn run(&self, stage: &Stage, space: &mut Workspace, columns: usize, bands: usize) {
        space.scratch.resize_with(bands, Scratch::default);
        if bands == 1 {
            return self.isa.run(Run { stage, space, columns });
        }
        for layer in &stage.layers {
            // The output leaves its place for the time of the step, so that the inputs can be borrowed beside it.
            let mut output = std::mem::take(&mut space.maps[layer.output.slot]);
            let shape = layer.output.shape;
            let bands = if shape.len() < LEAST_SHARED { 1 } else { bands };
            let bands = Band::cut((&mut output, shape), bands).into_par_iter().zip(&mut space.scratch);
            let maps = &space.maps;
            bands.for_each(|(to, scratch)| self.isa.run(RunBand { maps, layer, columns, to, scratch }));
            space.maps[layer.output.slot] = output;
        }
    }
}

/// Values from which on a map is worth the work of several threads.
const LEAST_SHARED: usize = 1 << 12;

impl Engine for CpuEngine {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn forward(&mut self, inputs: &[&[f32]], batch: usize) -> Result<Output, EngineError> {
        self.signature.check(inputs, batch)?;
        let values = &self.program.results;
        let mut results: Vec<Vec<f32>> = values.iter().map(|v| vec![0.0; batch * v.len()]).collect();
        self.trunk(inputs, batch, &mut results);
        if !self.program.head.layers.is_empty() {
            self.head(batch, &mut results);
        }
        results.truncate(values.len() - self.program.crossing);
        let feature = |(values, extent): (Vec<f32>, &Extent)| Feature { shape: extent.shape(batch), values };
        let mut outputs: Vec<Feature> = results.into_iter().zip(values).map(feature).collect();
        let taps = outputs.split_off(self.signature.outputs.len());
        Ok(Output { outputs, taps })
    }
}

/// A stage by one thread.
struct Run<'a> {
    stage: &'a Stage,
    space: &'a mut Workspace,
    columns: usize,
}

impl Work for Run<'_> {
    #[inline(always)]
    fn run<S: pulp::Simd, const FMA: bool>(self, simd: S) {
        let Self { stage, space, columns } = self;
        for layer in &stage.layers {
            let mut output = std::mem::take(&mut space.maps[layer.output.slot]);
            let to = Band::whole((&mut output, cut(layer.output.shape, columns)));
            let Some(scratch) = space.scratch.first_mut() else { return };
            RunBand { maps: &space.maps, layer, columns, to, scratch }.run::<S, FMA>(simd);
            space.maps[layer.output.slot] = output;
        }
    }
}

/// A band of a layer's output.
struct RunBand<'a> {
    maps: &'a [Vec<f32>],
    layer: &'a Layer,
    columns: usize,
    to: Band<'a>,
    scratch: &'a mut Scratch,
}

fn cut(shape: Shape, columns: usize) -> Shape {
    Shape { width: shape.width.min(columns), ..shape }
}

impl<'a> RunBand<'a> {
    fn map(&self, &Buffer { slot, shape }: &Buffer) -> Map<'a> {
        (self.maps[slot].as_slice(), cut(shape, self.columns))
    }

    fn input(&self, number: usize) -> Option<Map<'a>> {
        self.layer.inputs.get(number).map(|input| self.map(input))
    }

    /// What is joined, from a channel on.
    fn join<'b>(&self, packed: &'b PackedWeights, channel: usize) -> Option<Join<'b>>
    where
        'a: 'b,
    {
        let (values, _) = self.map(self.layer.join.as_ref()?);
        Some(Join { values: &values[channel..], places: &packed.joins })
    }

    /// A convolution or linear layer, group after group.
    #[inline(always)]
    fn dense<S: pulp::Simd, const FMA: bool>(&mut self, simd: S, dense: &Dense, packed: &PackedWeights) {
        let Some((input, _)) = self.input(0) else { return };
        for (group, (weights, bias)) in packed.weights.iter().zip(&packed.biases).enumerate() {
            let (seen, made) = (group * dense.seen, group * dense.made);
            let (then, join) = (self.layer.activation, self.join(packed, made));
            let Band { ref mut values, start, ref pixels, .. } = self.to;
            let (input, output) = (&input[seen..], &mut values[made..]);
            let map = Swept { input, output, start, pixels: pixels.clone(), join };
            let sums = Sums { sweep: &dense.forward, weights, start: Start::Bias(bias), then };
            sweep::<S, FMA>(simd, sums, &mut [map]);
        }
    }

    #[inline(always)]
    fn depthwise<S: pulp::Simd, const FMA: bool>(self, simd: S, conv: &Depthwise, packed: &PackedWeights) {
        let (Some((input, _)), Some(weights), Some(bias)) =
            (self.input(0), packed.weights.first(), packed.biases.first())
        else {
            return;
        };
        let (then, join) = (self.layer.activation, self.join(packed, 0));
        let Band { values: output, start, pixels, .. } = self.to;
        let sums = depthwise::Sums { scan: &conv.forward, weights, bias: Some(bias), add: false, then };
        depthwise::scan::<S, FMA>(simd, sums, &mut Swept { input, output, start, pixels, join });
    }

    /// An operation on the plan's own tensors.
    #[inline(always)]
    fn apply<const FMA: bool>(self, tensors: &[Vec<f32>]) {
        let (Some(input), other, then) = (self.input(0), self.input(1), self.layer.activation) else { return };
        let to = self.to;
        match (self.layer.op, tensors, other) {
            (Op::Add, _, Some(other)) => layers::add::<FMA>(input, other, to, then),
            (Op::AddRow, _, Some(row)) => layers::add_row(input, row, to),
            (Op::Gate, _, Some(gate)) => layers::gate(input, gate, to),
            (Op::BatchNorm { .. } | Op::LayerScale { .. }, [scale, shift], _) => {
                layers::scale::<FMA>(input, to, (scale, shift), then);
            }
            (Op::LayerNorm { epsilon, .. }, [scale, shift], _) => {
                layers::layer_norm(input, to, (scale, shift), epsilon);
            }
            (Op::GroupNorm { groups, epsilon, .. }, [scale, shift], _) => {
                layers::group_norm::<FMA>(input, to, (groups, epsilon), (scale, shift), then);
            }
            (Op::Activation(activation), ..) => layers::activation::<FMA>(input, to, Some(activation)),
            (Op::Shuffle { groups }, ..) => layers::shuffle(input, to, groups),
            // Of one pixel, which nobody cuts.
            (Op::Flatten, ..) => layers::store(input, &mut to.values[to.shape.at(0, 0)..]),
            (Op::ClassToken { .. }, [token], _) => layers::class_token(input, to, token),
            (Op::Positions { .. }, [values], _) => layers::positions(input, to, values),
            // `Step::extent` made sure of inputs and tensors.
            (Op::AddRow | Op::GroupNorm { .. }, ..) => {}
            (Op::Add | Op::Gate | Op::BatchNorm { .. } | Op::LayerScale { .. } | Op::LayerNorm { .. }, ..) => {}
            (Op::ClassToken { .. } | Op::Positions { .. }, ..) => {}
            // Not in a plan.
            (Op::Input | Op::Dropout(_) | Op::StochasticDepth(_), ..) => {}
            // Prepared otherwise.
            (Op::Conv(_) | Op::Linear { .. } | Op::Attention { .. } | Op::WindowAttention(_), ..) => {}
            (Op::MaxPool(_) | Op::AvgPool(_) | Op::AdaptiveMean(_) | Op::GlobalMean, ..) => {}
            (Op::Concat | Op::Channels { .. } | Op::Shortcut { .. } | Op::FirstToken, ..) => {}
            (Op::Pad { .. } | Op::Crop { .. } | Op::Merge, ..) => {}
        }
    }
}

impl Work for RunBand<'_> {
    #[inline(always)]
    fn run<S: pulp::Simd, const FMA: bool>(mut self, simd: S) {
        let layer = self.layer;
        let Some(x) = self.input(0) else { return };
        match &layer.prepared {
            Prepared::Tensors(tensors) => self.apply::<FMA>(tensors),
            Prepared::Dense(dense, packed) => self.dense::<S, FMA>(simd, dense, packed),
            Prepared::Depthwise(conv, packed) => self.depthwise::<S, FMA>(simd, conv, packed),
            Prepared::Windows(axes) if matches!(layer.op, Op::MaxPool(_)) => pool::max(x, self.to, axes),
            Prepared::Windows(axes) => pool::mean(x, self.to, axes),
            Prepared::Copies(copies) => {
                let (maps, columns) = (self.maps, self.columns);
                let input = |number: usize| {
                    let &Buffer { slot, shape } = layer.inputs.get(number)?;
                    Some((maps[slot].as_slice(), cut(shape, columns)))
                };
                layers::copies(copies, input, self.to);
            }
            Prepared::Attention(prepared) => {
                attention::attend::<S, FMA>(simd, prepared, x.0, self.to, self.scratch);
            }
        }
    }
}

/// Works with a workspace that an earlier image left behind: the system takes long to give out large buffers.
fn with_workspace(left: &Mutex<Vec<Workspace>>, stage: &Stage, work: impl FnOnce(&mut Workspace)) {
    let space = left.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let mut space = space.unwrap_or_else(|| stage.workspace());
    work(&mut space);
    left.lock().unwrap_or_else(PoisonError::into_inner).push(space);
}

#[cfg(test)]
mod tests;
