//! The CPU engine: a plan on channels-last maps, one image per thread at a time.
//!
//! burn's CPU backend spends most of a narrow network's time on moving data between layouts; here a map stays
//! channels-last from the first layer to the last, an image's maps stay in the cache, and the maps carry the zero
//! border that the next convolution needs. An image's bytes don't depend on threads or batches.

pub(super) mod activation;
mod attention;
pub(super) mod depthwise;
pub(super) mod kernel;
pub(super) mod layers;
pub(super) mod layout;
pub(super) mod prepare;
pub(super) mod shape;

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use crate::engine::cpu::kernels::isa::{Isa, Work};
use crate::engine::nets::extent::Extent;
use crate::engine::nets::graph::Op;
use crate::engine::plan::{Engine, EngineError, Feature, Output, Plan, Signature};
use layers::{Map, MapMut, Part};
use layout::{GROUP, Layer, Place, Program, Stage, Workspace};
use prepare::Prepared;
use shape::Shape;

/// A plan packed for the CPU.
pub struct CpuEngine {
    program: Program,
    isa: Isa,
    signature: Signature,
    /// Buffers that wait for the next batch, of the head and of the tail.
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
        let program = Program::new(plan).ok_or_else(EngineError::broken_plan)?;
        let signature = plan.signature().ok_or_else(EngineError::broken_plan)?;
        Ok(Self { program, isa, signature, spaces: Default::default() })
    }

    /// Runs the head on every image; `results` are those of the whole batch.
    fn head(&self, inputs: &[&[f32]], batch: usize, results: &mut [Vec<f32>]) {
        let Program { head, results: values, .. } = &self.program;
        let mut of_image: Vec<Vec<&mut [f32]>> = (0..batch).map(|_| Vec::new()).collect();
        for (result, value) in results.iter_mut().zip(values) {
            for (image, part) in of_image.iter_mut().zip(result.chunks_exact_mut(value.len())) {
                image.push(part);
            }
        }
        of_image.into_par_iter().enumerate().for_each(|(image, mut results)| {
            with_workspace(&self.spaces[0], head, |space| {
                for ((load, values), port) in head.loads.iter().zip(inputs).zip(&self.signature.inputs) {
                    let length = port.extent.len();
                    let values = &values[image * length..][..length];
                    layers::load_planes(values, (&mut space.maps[load.slot], load.shape));
                }
                run(self.isa, head, space, usize::MAX);
                for &(index, Place { slot, shape }) in &head.stores {
                    layers::store((&space.maps[slot], shape), results[index]);
                }
            });
        });
    }

    /// Runs the tail on groups of images, whose rows are the pixels of its maps.
    fn tail(&self, batch: usize, results: &mut [Vec<f32>]) {
        let Program { tail, results: values, crossing, .. } = &self.program;
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
            with_workspace(&self.spaces[1], tail, |space| {
                for (&Place { slot, shape }, rows) in tail.loads.iter().zip(&*rows) {
                    let rows = &rows[number * group * shape.channels..][..count * shape.channels];
                    layers::load_rows(rows, (&mut space.maps[slot], shape));
                }
                run(self.isa, tail, space, count);
                for &(index, Place { slot, shape }) in &tail.stores {
                    layers::store_rows((&space.maps[slot], shape), results[index]);
                }
            });
        });
    }
}

impl Engine for CpuEngine {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn forward(&mut self, inputs: &[&[f32]], batch: usize) -> Result<Output, EngineError> {
        self.signature.check(inputs, batch)?;
        let values = &self.program.results;
        let mut results: Vec<Vec<f32>> = values.iter().map(|v| vec![0.0; batch * v.len()]).collect();
        self.head(inputs, batch, &mut results);
        if !self.program.tail.layers.is_empty() {
            self.tail(batch, &mut results);
        }
        results.truncate(values.len() - self.program.crossing);
        let feature = |(values, extent): (Vec<f32>, &Extent)| Feature { shape: extent.shape(batch), values };
        let mut outputs: Vec<Feature> = results.into_iter().zip(values).map(feature).collect();
        let taps = outputs.split_off(self.signature.outputs.len());
        Ok(Output { outputs, taps })
    }
}

/// Works with a workspace that an earlier image left behind: the system takes long to give out large buffers.
fn with_workspace(left: &Mutex<Vec<Workspace>>, stage: &Stage, work: impl FnOnce(&mut Workspace)) {
    let space = left.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let mut space = space.unwrap_or_else(|| stage.workspace());
    work(&mut space);
    left.lock().unwrap_or_else(PoisonError::into_inner).push(space);
}

/// Runs a stage in an instruction set, on no more than so many columns of each map.
fn run(isa: Isa, stage: &Stage, space: &mut Workspace, columns: usize) {
    isa.run(Run { stage, space, columns });
}

struct Run<'a> {
    stage: &'a Stage,
    space: &'a mut Workspace,
    columns: usize,
}

impl Work for Run<'_> {
    #[inline(always)]
    fn run<S: pulp::Simd, const FMA: bool>(self, _: S) {
        run_steps::<FMA>(self.stage, self.space, self.columns);
    }
}

#[inline(always)]
fn run_steps<const FMA: bool>(stage: &Stage, space: &mut Workspace, columns: usize) {
    let shape = |place: &Place| Shape { width: place.shape.width.min(columns), ..place.shape };
    for layer in &stage.layers {
        // The output leaves its place for the time of the step, so that the inputs can be borrowed beside it.
        let mut output = std::mem::take(&mut space.maps[layer.output.slot]);
        let to = (output.as_mut_slice(), shape(&layer.output));
        let at = |place: &Place| (space.maps[place.slot].as_slice(), shape(place));
        let input = |index: usize| layer.inputs.get(index).map(at);
        match &layer.prepared {
            Prepared::Attention(prepared) => {
                let input = &space.maps[layer.inputs[0].slot];
                attention::attend::<FMA>(prepared, input, &mut output, &mut space.scratch);
            }
            Prepared::Parts(parts) => copy(parts, input, to),
            Prepared::Dense(packed) => {
                if let Some(input) = input(0) {
                    kernel::convolve::<FMA>(packed, input, to, finish(layer, at));
                }
            }
            Prepared::Depthwise(packed) => {
                if let Some(input) = input(0) {
                    depthwise::convolve::<FMA>(packed, input, to, finish(layer, at));
                }
            }
            Prepared::Tensors(tensors) => apply::<FMA>(layer, tensors, [input(0), input(1)], to),
        }
        space.maps[layer.output.slot] = output;
    }
}

/// Copies parts of the inputs; zeros where no part writes.
#[inline(always)]
pub(super) fn copy<'a>(parts: &[Part], input: impl Fn(usize) -> Option<Map<'a>>, (output, to): MapMut<'_>) {
    if parts.iter().map(|p| p.count).sum::<usize>() < to.channels {
        layers::clear((output, to));
    }
    for part in parts {
        if let Some(input) = input(part.input) {
            layers::copy(input, (output, to), part);
        }
    }
}

/// What is done to the sums of a layer.
#[inline(always)]
fn finish<'a>(layer: &Layer, at: impl Fn(&Place) -> Map<'a>) -> kernel::Finish<'a> {
    kernel::Finish { join: layer.join.as_ref().map(at), activation: layer.activation }
}

/// An operation on the plan's own tensors.
#[inline(always)]
fn apply<const FMA: bool>(layer: &Layer, tensors: &[Vec<f32>], [input, other]: [Option<Map<'_>>; 2], to: MapMut<'_>) {
    let Some(input) = input else { return };
    let then = layer.activation;
    match (layer.op, tensors, other) {
        (Op::Add, _, Some(other)) => layers::add::<FMA>(input, other, to, then),
        (Op::AddRow, _, Some(row)) => layers::add_row(input, row, to),
        (Op::Gate, _, Some(gate)) => layers::gate(input, gate, to),
        (Op::BatchNorm { .. } | Op::LayerScale { .. }, [scale, shift], _) => {
            layers::scale::<FMA>(input, to, (scale, shift), then);
        }
        (Op::LayerNorm { epsilon, .. }, [scale, shift], _) => layers::layer_norm(input, to, (scale, shift), epsilon),
        (Op::GroupNorm { groups, epsilon, .. }, [scale, shift], _) => {
            layers::group_norm::<FMA>(input, to, (groups, epsilon), (scale, shift), then);
        }
        (Op::Activation(activation), ..) => layers::activation::<FMA>(input, to, Some(activation)),
        (Op::MaxPool(pool), ..) => layers::max_pool(input, to, pool),
        (Op::AvgPool(pool), ..) => layers::avg_pool(input, to, pool),
        // Over as many parts as the output has pixels.
        (Op::AdaptiveMean(_) | Op::GlobalMean, ..) => layers::adaptive_mean(input, to),
        (Op::Shuffle { groups }, ..) => layers::shuffle(input, to, groups),
        (Op::Flatten, ..) => layers::store(input, &mut to.0[to.1.at(0, 0)..]),
        (Op::ClassToken { .. }, [token], _) => layers::class_token(input, to, token),
        (Op::Positions { .. }, [values], _) => layers::positions(input, to, values),
        // `Step::extent` made sure of inputs and tensors.
        (Op::Add | Op::AddRow | Op::Gate | Op::BatchNorm { .. } | Op::LayerScale { .. } | Op::LayerNorm { .. }, ..) => {
        }
        (Op::GroupNorm { .. }, ..) => {}
        (Op::ClassToken { .. } | Op::Positions { .. }, ..) => {}
        // Not in a plan.
        (Op::Input | Op::Dropout(_) | Op::StochasticDepth(_), ..) => {}
        // Prepared otherwise.
        (Op::Conv(_) | Op::Linear { .. } | Op::Attention { .. } | Op::WindowAttention(_), ..) => {}
        (Op::Concat | Op::Channels { .. } | Op::Shortcut { .. } | Op::FirstToken, ..) => {}
        (Op::Pad { .. } | Op::Crop { .. } | Op::Merge, ..) => {}
    }
}

#[cfg(test)]
mod tests;
