//! The passes over a batch: who does which phase of which images, and what happens in between.

use rayon::prelude::*;

use super::backward::{self, BackwardPass};
use super::forward::{ForwardPass, Images, Pass};
use super::probe::{self, Pull};
use super::program::Program;
use super::stage::{GROUP, Stage};
use super::{CpuNetwork, values};
use crate::engine::cpu::kernels::{layers, norm};
use crate::engine::learn::{Masks, Probed};
use crate::engine::nets::graph::{NodeId, Op, Role};

impl CpuNetwork {
    /// The images through the trunk.
    pub(super) fn trunk(&mut self, images: &[f32], batch: usize, masks: Masks) {
        let stage = &self.program.trunk;
        let per_image = self.graph.image().len();
        for (number, phase) in stage.forward.iter().enumerate() {
            let pass = Pass { stage, packed: &self.packed, batches: &self.batches, masks, pulls: &[] };
            let (isa, together) = (self.isa, phase.together(batch));
            let spaces = self.trunks[..batch].par_chunks_mut(together).with_max_len(1).enumerate();
            spaces.for_each(|(chunk, spaces)| {
                let first = chunk * together;
                if let (0, Some(shape)) = (number, stage.shapes[0]) {
                    for (image, space) in images.chunks_exact(per_image).skip(first).zip(&mut *spaces) {
                        layers::load_planes(image, (&mut space.values[0], shape));
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
        let pass = Pass { stage, packed: &self.packed, batches: &self.batches, masks, pulls: &[] };
        let (trunks, isa) = (&self.trunks, self.isa);
        let classes = stage.shapes[*logits].map_or(0, |shape| shape.channels);
        let mut rows = vec![0.0; batch * classes];
        for (number, phase) in stage.forward.iter().enumerate() {
            let together = phase.together(batch.div_ceil(GROUP));
            let spaces = self.heads[..batch.div_ceil(GROUP)].par_chunks_mut(together).with_max_len(1).enumerate();
            spaces.for_each(|(chunk, spaces)| {
                let images = Images { first: chunk * together, batch, group: GROUP };
                for (at, space) in spaces.iter_mut().enumerate().filter(|_| number == 0) {
                    let (first, count) = images.of(at);
                    for (&value, shape) in crossing.iter().filter_map(|v| Some((v, stage.shapes[*v]?))) {
                        let pixels = space.values[value].chunks_exact_mut(shape.stride);
                        for (pixel, trunk) in pixels.zip(&trunks[first..first + count]) {
                            pixel.copy_from_slice(&trunk.values[value][..shape.stride]);
                        }
                    }
                }
                isa.run(ForwardPass { pass, phase, spaces, images });
            });
        }
        if let Some(shape) = stage.shapes[*logits] {
            for (space, rows) in self.heads.iter().zip(rows.chunks_mut(GROUP * classes)) {
                layers::store_rows((&space.values[*logits], shape), rows);
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
        let Some(Some(place)) = stage.given.first() else { return };
        for (number, phase) in stage.backward.iter().enumerate() {
            let masks = Masks::default();
            let pass = Pass { stage, packed: &self.packed, batches: &self.batches, masks, pulls };
            let together = phase.together(groups);
            let spaces = self.heads[..groups].par_chunks_mut(together).with_max_len(1).enumerate();
            spaces.for_each(|(chunk, spaces)| {
                let images = Images { first: chunk * together, ..all };
                for (at, space) in spaces.iter_mut().enumerate().filter(|_| number == 0) {
                    let (first, count) = images.of(at);
                    let rows = gradient.chunks_exact(classes).skip(first).take(count);
                    let to = space.gradients[place.slot].chunks_exact_mut(place.shape.stride);
                    to.zip(rows).for_each(|(to, row)| to[..classes].copy_from_slice(row));
                }
                isa.run(BackwardPass { pass, phase, spaces, images });
            });
            for step in phase.weights.iter().map(|&at| &stage.steps[at]) {
                backward::weights(isa, step, (&self.heads[..groups], all), &mut self.packed[step.node]);
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

    /// Backward through the trunk.
    pub(super) fn trunk_backward(&mut self, pulls: &[Pull<'_>], batch: usize) {
        let stage = &self.program.trunk;
        let (isa, all) = (self.isa, Images { first: 0, batch, group: 0 });
        for phase in &stage.backward {
            let masks = Masks::default();
            let pass = Pass { stage, packed: &self.packed, batches: &self.batches, masks, pulls };
            let together = phase.together(batch);
            let spaces = self.trunks[..batch].par_chunks_mut(together).with_max_len(1).enumerate();
            spaces.for_each(|(chunk, spaces)| {
                isa.run(BackwardPass { pass, phase, spaces, images: Images { first: chunk * together, ..all } });
            });
            for step in phase.weights.iter().map(|&at| &stage.steps[at]) {
                backward::weights(isa, step, (&self.trunks[..batch], all), &mut self.packed[step.node]);
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
                    Probed::Values(probe::read(probe, spaces, shape, (batch, group)))
                });
            }
        }
        // Every probe's value is in one of the stages (`Program::new`).
        probed.into_iter().flatten().collect()
    }

    /// The gradient of the images, after the backward pass.
    pub(super) fn of_input(&self, batch: usize) -> Option<Vec<f32>> {
        let place = (*self.program.trunk.loaded.first()?)?;
        let length = self.graph.image().len();
        let mut gradient = vec![0.0; batch * length];
        let images = gradient.par_chunks_exact_mut(length);
        images.zip(&self.trunks[..batch]).for_each(|(image, space)| {
            layers::store((&space.gradients[place.slot], place.shape), image);
        });
        Some(gradient)
    }
}

/// Pixels of a value.
fn pixels(stage: &Stage, value: NodeId) -> usize {
    stage.shapes[value].map_or(0, |shape| shape.height * shape.width)
}
