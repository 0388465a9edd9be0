//! The passes over a batch: who does which phase of which images, and what happens in between.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::backward::{self, BackwardPass};
use super::forward::{ForwardPass, Images, Pass};
use super::probe::{self, Pull};
use super::program::Program;
use super::space::{Lent, Space};
use super::stage::{GROUP, Stage};
use super::{CpuNetwork, values};
use crate::engine::cpu::kernels::{layers, norm};
use crate::engine::learn::{Masks, Mode, Probed};
use crate::engine::nets::graph::{NodeId, Op, Role};

impl CpuNetwork {
    /// The images through the trunk.
    pub(super) fn trunk(&mut self, images: &[f32], batch: usize, masks: Masks) {
        let stage = &self.program.trunk;
        let per_image = self.graph.image().len();
        for (number, phase) in stage.forward.iter().enumerate() {
            let frozen = self.mode == Mode::Frozen;
            let pass = Pass { stage, packed: &self.packed, batches: &self.batches, masks, pulls: &[], frozen };
            let (isa, together) = (self.isa, phase.together(batch));
            let spaces = self.trunks[..batch].chunks_mut(together).zip(images.chunks(together * per_image));
            share((&mut self.lent[0], Lent::values), spaces, |chunk, spaces, images| {
                let first = chunk * together;
                if let (0, Some(shape)) = (number, stage.shapes[0]) {
                    for (image, space) in images.chunks_exact(per_image).zip(&mut *spaces) {
                        layers::load_planes(image, (&mut space.values[stage.slots[0]], shape));
                    }
                }
                isa.run(ForwardPass { pass, phase, spaces, images: Images { first, batch, group: 0 } });
            });
            let Some(step) = phase.norm.map(|at| &stage.steps[at]) else { continue };
            let Op::BatchNorm { epsilon, .. } = step.op else { continue };
            let pixels = pixels(stage, step.inputs[0]);
            let sums = self.trunks[..batch].iter().map(|space| (&space.sums[step.node], pixels));
            let [gamma, beta] = [Role::NormWeight, Role::NormBias].map(|role| values(&self.tensors, step.node, role));
            self.batches[step.node] = norm::Batch::new(&norm::Moments::new(sums), (gamma, beta), epsilon);
        }
    }

    /// The rows of all images through the head; returns the logits.
    pub(super) fn head(&mut self, batch: usize, masks: Masks) -> Vec<f32> {
        let Program { head: stage, crossing, logits, .. } = &self.program;
        let frozen = self.mode == Mode::Frozen;
        let pass = Pass { stage, packed: &self.packed, batches: &self.batches, masks, pulls: &[], frozen };
        let (trunks, isa, slots) = (&self.trunks, self.isa, &self.program.trunk.slots);
        let logits = logits.and_then(|value| Some((stage.slots[value], stage.shapes[value]?)));
        let classes = logits.map_or(0, |(_, shape)| shape.channels);
        let mut rows = vec![0.0; batch * classes];
        for (number, phase) in stage.forward.iter().enumerate() {
            let together = phase.together(batch.div_ceil(GROUP));
            let spaces = self.heads[..batch.div_ceil(GROUP)].chunks_mut(together).map(|spaces| (spaces, ()));
            share((&mut self.lent[1], Lent::values), spaces, |chunk, spaces, ()| {
                let images = Images { first: chunk * together, batch, group: GROUP };
                for (at, space) in spaces.iter_mut().enumerate().filter(|_| number == 0) {
                    let (first, count) = images.of(at);
                    for (&value, shape) in crossing.iter().filter_map(|v| Some((v, stage.shapes[*v]?))) {
                        let pixels = space.values[stage.slots[value]].chunks_exact_mut(shape.stride);
                        for (pixel, trunk) in pixels.zip(&trunks[first..first + count]) {
                            pixel.copy_from_slice(&trunk.values[slots[value]][..shape.stride]);
                        }
                    }
                }
                isa.run(ForwardPass { pass, phase, spaces, images });
            });
        }
        if let Some((slot, shape)) = logits {
            for (space, rows) in self.heads.iter().zip(rows.chunks_mut(GROUP * classes)) {
                layers::store_rows((&space.values[slot], shape), rows);
            }
        }
        rows
    }

    /// Backward through the head, down to the rows that crossed.
    pub(super) fn head_backward(&mut self, gradient: &[f32], pulls: &[Pull<'_>], batch: usize) {
        let Program { head: stage, crossing, .. } = &self.program;
        let (isa, groups) = (self.isa, batch.div_ceil(GROUP));
        let classes = gradient.len() / batch;
        let all = Images { first: 0, batch, group: GROUP };
        // There is none where logits aren't wanted.
        let place = stage.given.first().copied().flatten();
        for (number, phase) in stage.backward.iter().enumerate() {
            let (masks, frozen) = (Masks::default(), self.mode == Mode::Frozen);
            let pass = Pass { stage, packed: &self.packed, batches: &self.batches, masks, pulls, frozen };
            let together = phase.together(groups);
            let spaces = self.heads[..groups].chunks_mut(together).map(|spaces| (spaces, ()));
            share((&mut self.lent[1], Lent::gradients), spaces, |chunk, spaces, ()| {
                let images = Images { first: chunk * together, ..all };
                let given = place.filter(|_| number == 0);
                for ((at, space), place) in spaces.iter_mut().enumerate().zip(given.into_iter().cycle()) {
                    let (first, count) = images.of(at);
                    let rows = gradient.chunks_exact(classes).skip(first).take(count);
                    let to = space.gradients[place.slot].chunks_exact_mut(place.shape.stride);
                    to.zip(rows).for_each(|(to, row)| to[..classes].copy_from_slice(row));
                }
                isa.run(BackwardPass { pass, phase, spaces, images });
            });
            for step in phase.weights.iter().map(|&at| &stage.steps[at]) {
                backward::weights(isa, (stage, step), (&self.heads[..groups], all), &mut self.packed[step.node]);
            }
        }
        let (from, to) = (&stage.loaded, &self.program.trunk.given);
        for (from, to) in
            crossing.iter().zip(from.iter().zip(to)).filter_map(|(_, (from, to))| Some(((*from)?, (*to)?)))
        {
            for (image, trunk) in self.trunks[..batch].iter_mut().enumerate() {
                let rows = &self.heads[image / GROUP].gradients[from.slot];
                let row = &rows[image % GROUP * from.shape.stride..][..from.shape.channels];
                trunk.gradients[to.slot][to.shape.at(0, 0)..][..row.len()].copy_from_slice(row);
            }
        }
    }

    /// Backward through the trunk; returns the gradient of the images, where they have one.
    pub(super) fn trunk_backward(&mut self, pulls: &[Pull<'_>], batch: usize) -> Option<Vec<f32>> {
        let stage = &self.program.trunk;
        let (isa, all) = (self.isa, Images { first: 0, batch, group: 0 });
        let (place, per_image) = (stage.loaded.first().copied().flatten(), self.graph.image().len());
        let mut of_images = place.map(|place| (place, vec![0.0; batch * per_image]));
        for (number, phase) in stage.backward.iter().enumerate() {
            let (masks, frozen) = (Masks::default(), self.mode == Mode::Frozen);
            let pass = Pass { stage, packed: &self.packed, batches: &self.batches, masks, pulls, frozen };
            let together = phase.together(batch);
            // They leave in the last phase.
            let leaving = of_images.as_mut().filter(|_| number + 1 == stage.backward.len());
            let mut leaving = leaving.map(|(place, images)| (*place, images.chunks_mut(together * per_image)));
            let spaces = self.trunks[..batch].chunks_mut(together);
            let spaces =
                spaces.map(|spaces| (spaces, leaving.as_mut().and_then(|(p, images)| Some((*p, images.next()?)))));
            share((&mut self.lent[0], Lent::gradients), spaces, |chunk, spaces, leaving| {
                let images = Images { first: chunk * together, ..all };
                isa.run(BackwardPass { pass, phase, spaces: &mut *spaces, images });
                let Some((place, images)) = leaving else { return };
                for (image, space) in images.chunks_exact_mut(per_image).zip(spaces) {
                    layers::store((&space.gradients[place.slot], place.shape), image);
                }
            });
            for step in phase.weights.iter().map(|&at| &stage.steps[at]) {
                backward::weights(isa, (stage, step), (&self.trunks[..batch], all), &mut self.packed[step.node]);
            }
            let Some(step) = phase.norm.map(|at| &stage.steps[at]) else { continue };
            let sums = self.trunks[..batch].iter().map(|space| &space.sums[step.node]);
            let mut own = self.tensors.iter_mut().filter(|t| t.node == step.node && t.role.is_learnt());
            // γ and β, in the order of `Op::tensors`.
            if let (Some(gamma), Some(beta)) = (own.next(), own.next()) {
                let gradients = (gamma.gradient.as_mut_slice(), beta.gradient.as_mut_slice());
                self.batches[step.node].gradients(sums, pixels(stage, step.inputs[0]), gradients);
            }
        }
        of_images.map(|(_, images)| images)
    }

    /// What the probes show of the last forward pass; keeps the moments, for the gradients that come back.
    pub(super) fn probe(&mut self, batch: usize) -> Vec<Probed> {
        let (program, groups) = (&self.program, batch.div_ceil(GROUP));
        let stages = [(&program.trunk, &self.trunks[..batch], 0), (&program.head, &self.heads[..groups], GROUP)];
        self.moments.resize_with(program.probes(), norm::Moments::default);
        let mut probed = vec![None; program.probes()];
        for (stage, spaces, group) in stages {
            let images = Images { first: 0, batch, group };
            for (at, probe) in stage.probes.iter().enumerate() {
                let Some(shape) = stage.shapes[probe.watched.value] else { continue };
                probed[probe.number] = Some(if probe.watched.statistics {
                    let pixels = |number| shape.height * shape.width.min(images.pixels(number));
                    let counted = spaces.iter().enumerate().map(|(n, space)| (&space.probes[at], pixels(n)));
                    let moments = norm::Moments::new(counted);
                    let statistics = probe::statistics(&moments, shape.channels);
                    self.moments[probe.number] = moments;
                    Probed::Statistics(statistics)
                } else {
                    let slot = stage.slots[probe.watched.value];
                    Probed::Values(probe::read((probe, slot), spaces, shape, (batch, group)))
                });
            }
        }
        // Every probe's value is in one of the stages (`Program::new`).
        probed.into_iter().flatten().collect()
    }
}

/// Lets the workers do the chunks, each the next one that nobody has begun. A space that is worked on alone is lent the
/// worker's buffers.
fn share<'s, T>(
    (workers, lend): (&mut [Lent], fn(&mut Lent, &mut Space)),
    chunks: impl Iterator<Item = (&'s mut [Space], T)> + Send,
    work: impl Fn(usize, &mut [Space], T) + Sync,
) {
    let chunks = Mutex::new(chunks.enumerate());
    workers.par_iter_mut().with_max_len(1).for_each(|lent| {
        loop {
            let next = chunks.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((number, (spaces, more))) = next else { break };
            spaces.iter_mut().take(1).for_each(|space| lend(lent, space));
            work(number, &mut *spaces, more);
            spaces.iter_mut().take(1).for_each(|space| lend(lent, space));
        }
    });
}

/// Pixels of a value.
fn pixels(stage: &Stage, value: NodeId) -> usize {
    stage.shapes[value].map_or(0, |shape| shape.height * shape.width)
}
