//! What one image, or one group of rows, keeps between the forward and the backward pass; and packed weights.

use std::collections::TryReserveError;

use super::stage::{Prepared, Room, Stage};
use crate::engine::cpu::kernels::conv::Dense;
use crate::engine::cpu::kernels::map::{LANES, Lane};
use crate::engine::cpu::kernels::norm::{Batch, Sums};
use crate::engine::cpu::kernels::packing::Packing;
use crate::engine::learn::Mode;
use crate::engine::nets::graph::Op;

/// Buffers by slot.
#[derive(Debug, Default)]
pub struct Space {
    /// Values; those that are lent are empty between the phases.
    pub values: Vec<Vec<f32>>,
    /// Gradients, likewise.
    pub gradients: Vec<Vec<f32>>,
    /// Sums of the norms, by node.
    pub sums: Vec<Sums>,
    /// What the group norms make of the image, by node.
    pub norms: Vec<Batch>,
    /// Sums of the stage's probes.
    pub probes: Vec<Sums>,
    /// Masks of the dropouts, by node, as long as the map without its border.
    pub masks: Vec<Vec<f32>>,
}

impl Space {
    /// Zeroed buffers.
    pub fn new(stage: &Stage, mode: Mode) -> Result<Self, TryReserveError> {
        let nodes = stage.shapes.len();
        let mut space = Self {
            sums: vec![Sums::default(); nodes],
            norms: vec![Batch::default(); nodes],
            masks: vec![Vec::new(); nodes],
            values: rooms(&stage.values)?,
            gradients: rooms(&stage.gradients)?,
            probes: Vec::new(),
        };
        for probe in &stage.probes {
            let length = stage.shapes[probe.watched.value].map_or(0, |shape| shape.stride);
            space.probes.push([vec![0.0; length], vec![0.0; length]]);
        }
        for step in &stage.steps {
            let Some(shape) = stage.shapes[step.output] else { continue };
            match step.op {
                // A frozen batch norm sums nothing up.
                Op::BatchNorm { .. } if mode == Mode::Frozen => {}
                Op::BatchNorm { .. } | Op::GroupNorm { .. } => {
                    space.sums[step.node] = [vec![0.0; shape.stride], vec![0.0; shape.stride]];
                }
                Op::Dropout(_) | Op::StochasticDepth(_) => {
                    space.masks[step.node] = zeros(shape.height * shape.width * shape.stride)?;
                }
                _ => {}
            }
        }
        Ok(space)
    }
}

/// What a worker lends to the space that it works on. Values and gradients are never lent at once, so they share buffers;
/// those with a border only with others of the same layout.
#[derive(Debug)]
pub struct Lent {
    buffers: Vec<Vec<f32>>,
    /// By slot: the buffer, where it is lent.
    values: Vec<Option<usize>>,
    gradients: Vec<Option<usize>>,
}

impl Lent {
    /// Zeroed buffers.
    pub fn new(stage: &Stage) -> Result<Self, TryReserveError> {
        let mut planned: Vec<Room> = Vec::new();
        let [values, gradients] = [&stage.values, &stage.gradients].map(|rooms| {
            let mut free: Vec<usize> = (0..planned.len()).collect();
            let mut buffer = |room: &Room| {
                let fits = free.iter().enumerate().filter(|&(_, &at)| planned[at].bordered == room.bordered);
                let best =
                    fits.min_by_key(|&(_, &at)| planned[at].length.abs_diff(room.length)).map(|(place, _)| place);
                let Some(at) = best.map(|place| free.swap_remove(place)) else {
                    planned.push(*room);
                    return planned.len() - 1;
                };
                planned[at].length = planned[at].length.max(room.length);
                at
            };
            rooms.iter().map(|room| room.lent.then(|| buffer(room))).collect()
        });
        let buffers = planned.iter().map(|room| zeros(room.length)).collect::<Result<_, _>>()?;
        Ok(Self { buffers, values, gradients })
    }

    /// Values in all.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.buffers.iter().map(Vec::len).sum()
    }

    /// Lends a space the buffers of values, or takes them back.
    pub fn values(&mut self, space: &mut Space) {
        swap(&mut self.buffers, &self.values, &mut space.values);
    }

    /// Lends a space the buffers of gradients, or takes them back.
    pub fn gradients(&mut self, space: &mut Space) {
        swap(&mut self.buffers, &self.gradients, &mut space.gradients);
    }
}

fn swap(buffers: &mut [Vec<f32>], places: &[Option<usize>], own: &mut [Vec<f32>]) {
    for (place, own) in places.iter().zip(own) {
        place.iter().for_each(|&place| std::mem::swap(&mut buffers[place], own));
    }
}

/// The buffers that a space keeps; those that are lent to it are empty.
fn rooms(rooms: &[Room]) -> Result<Vec<Vec<f32>>, TryReserveError> {
    rooms.iter().map(|room| zeros(if room.lent { 0 } else { room.length })).collect()
}

fn zeros(length: usize) -> Result<Vec<f32>, TryReserveError> {
    let mut values = Vec::new();
    values.try_reserve_exact(length)?;
    values.resize(length, 0.0);
    Ok(values)
}

/// The weights of one group of a convolution in the order of its sweeps, and their gradients in the order of the
/// forward one.
#[derive(Debug, Default)]
pub struct StepWeights {
    /// For the forward sweep.
    pub forward: Vec<Lane>,
    /// For the backward sweeps.
    pub backward: Vec<Vec<Lane>>,
    /// Bias.
    pub bias: Vec<Lane>,
    /// Gradient of the weights; empty where they have none.
    pub gradient: Vec<Lane>,
    /// Gradient of the bias; empty where it has none.
    pub bias_gradient: Vec<Lane>,
}

impl StepWeights {
    fn new<'a>(forward: &Packing, backward: impl Iterator<Item = &'a Packing>, learnt: bool) -> Self {
        let lanes = |count| vec![[0.0; LANES]; count];
        let blocks = forward.outputs.div_ceil(LANES);
        let gradients = |count| lanes(if learnt { count } else { 0 });
        Self {
            forward: lanes(forward.len()),
            backward: backward.map(|packing| lanes(packing.len())).collect(),
            bias: lanes(blocks),
            gradient: gradients(forward.len()),
            bias_gradient: gradients(blocks),
        }
    }

    /// Room for a step's weights, and for their gradients where they are learnt: one for each group.
    pub fn of_step(prepared: &Prepared, learnt: bool) -> Vec<Self> {
        match prepared {
            Prepared::Dense(d) => {
                let of = |_| Self::new(&d.forward.packing, backward(d), learnt);
                (0..d.groups).map(of).collect()
            }
            Prepared::Depthwise(d) => {
                vec![Self::new(&d.forward.packing, d.backward.iter().map(|scan| &scan.packing), learnt)]
            }
            Prepared::PerChannel(packing) => vec![Self::new(packing, std::iter::empty(), learnt)],
            _ => Vec::new(),
        }
    }

    /// Packs a tensor's weights.
    pub fn pack(step: &mut [Self], prepared: &Prepared, weight: &[f32], bias: &[f32]) {
        let Some((forward, backward)) = packings(prepared) else { return };
        let weights = weight.chunks_exact(weight.len() / step.len().max(1));
        for (number, (packed, weight)) in step.iter_mut().zip(weights).enumerate() {
            forward.pack(weight, &mut packed.forward);
            for (packing, packed) in backward.iter().zip(&mut packed.backward) {
                packing.pack(weight, packed);
            }
            let bias = bias.iter().skip(number * forward.outputs).take(forward.outputs);
            for (lane, value) in packed.bias.as_flattened_mut().iter_mut().zip(bias) {
                *lane = *value;
            }
        }
    }

    /// Copies the gradients into tensors; a step without a bias has an empty one.
    pub fn unpack(step: &[Self], prepared: &Prepared, weight: &mut [f32], bias: &mut [f32]) {
        let Some((forward, _)) = packings(prepared) else { return };
        let weights = weight.chunks_exact_mut(weight.len() / step.len().max(1));
        for (number, (packed, weight)) in step.iter().zip(weights).enumerate() {
            forward.unpack(&packed.gradient, weight);
            let bias = bias.iter_mut().skip(number * forward.outputs).take(forward.outputs);
            for (value, lane) in bias.zip(packed.bias_gradient.as_flattened()) {
                *value = *lane;
            }
        }
    }
}

/// How a group's weights lie backward.
fn backward(dense: &Dense) -> impl Iterator<Item = &Packing> {
    dense.backward.iter().map(|sweep| &sweep.packing).chain(dense.colours.iter().map(|gather| &gather.packing))
}

/// How a group's weights lie, forward and backward.
fn packings(prepared: &Prepared) -> Option<(&Packing, Vec<&Packing>)> {
    match prepared {
        Prepared::Dense(d) => Some((&d.forward.packing, backward(d).collect())),
        Prepared::Depthwise(d) => Some((&d.forward.packing, d.backward.iter().map(|scan| &scan.packing).collect())),
        Prepared::PerChannel(packing) => Some((packing, Vec::new())),
        _ => None,
    }
}
