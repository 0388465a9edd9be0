//! How weights lie for the kernels: the outputs in panels of blocks, for each panel the inputs one after the other.

use rayon::prelude::*;

use crate::engine::cpu::kernel::{LANES, Lane};

/// A few blocks of outputs whose sums a tile holds together.
#[derive(Clone, Copy, Debug)]
pub struct Panel {
    /// The first block.
    pub first: usize,
    /// Blocks.
    pub blocks: usize,
    /// Where its weights begin.
    pub start: usize,
}

/// Which value of a weight tensor goes where: lane `l` of tap `t` takes the value at `base + taps[t] + l·stride`.
#[derive(Clone, Debug)]
pub struct Packing {
    /// Outputs.
    pub outputs: usize,
    /// Per panel: taps × blocks.
    pub panels: Vec<Panel>,
    base: usize,
    stride: usize,
    taps: Vec<u32>,
}

impl Packing {
    /// Panels of at most `widest` blocks for that many outputs.
    pub fn new(outputs: usize, widest: usize, (base, stride): (usize, usize), taps: Vec<u32>) -> Self {
        let mut panels: Vec<Panel> = Vec::new();
        let (mut first, all) = (0, outputs.div_ceil(LANES));
        while first < all {
            let blocks = [4, 2, 1].into_iter().find(|&b| b <= widest && b <= all - first).unwrap_or(1);
            panels.push(Panel { first, blocks, start: first * taps.len() });
            first += blocks;
        }
        Self { outputs, panels, base, stride, taps }
    }

    /// Inputs of each output.
    pub fn taps(&self) -> usize {
        self.taps.len()
    }

    /// Packed weights in blocks.
    pub fn len(&self) -> usize {
        self.outputs.div_ceil(LANES) * self.taps.len()
    }

    /// Packs a tensor's values; the lanes beyond the outputs stay as they are.
    pub fn pack(&self, values: &[f32], packed: &mut [Lane]) {
        self.split(packed).into_par_iter().for_each(|(panel, packed)| {
            for (&tap, lanes) in self.taps.iter().zip(packed.chunks_exact_mut(panel.blocks)) {
                let mut at = self.base + tap as usize + panel.first * LANES * self.stride;
                let lanes = lanes.as_flattened_mut();
                let count = lanes.len().min(self.outputs - panel.first * LANES);
                for lane in &mut lanes[..count] {
                    *lane = values[at];
                    at += self.stride;
                }
            }
        });
    }

    /// The inverse of [`Packing::pack`].
    pub fn unpack(&self, packed: &[Lane], values: &mut [f32]) {
        for panel in &self.panels {
            let packed = &packed[panel.start..][..panel.blocks * self.taps.len()];
            for (&tap, lanes) in self.taps.iter().zip(packed.chunks_exact(panel.blocks)) {
                let mut at = self.base + tap as usize + panel.first * LANES * self.stride;
                let lanes = lanes.as_flattened();
                let count = lanes.len().min(self.outputs - panel.first * LANES);
                for lane in &lanes[..count] {
                    values[at] = *lane;
                    at += self.stride;
                }
            }
        }
    }

    /// Each panel with its part of packed weights.
    pub fn split<'a>(&self, mut packed: &'a mut [Lane]) -> Vec<(Panel, &'a mut [Lane])> {
        let mut parts = Vec::with_capacity(self.panels.len());
        for &panel in &self.panels {
            let (part, rest) = packed.split_at_mut(panel.blocks * self.taps.len());
            parts.push((panel, part));
            packed = rest;
        }
        parts
    }
}
