//! How weights lie for the kernels: the outputs in panels of blocks, for each panel the inputs one after the other.

use rayon::prelude::*;

use super::map::{LANES, Lane};

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

/// Which of the values of a convolution's group goes where: lane `l` of tap `t` takes the value at `taps[t] + l·stride`.
#[derive(Clone, Debug)]
pub struct Packing {
    /// Outputs.
    pub outputs: usize,
    /// Per panel: taps × blocks.
    pub panels: Vec<Panel>,
    stride: usize,
    taps: Vec<u32>,
    /// The taps in the order of the values, so that the values are read as they lie.
    order: Vec<u32>,
}

impl Packing {
    /// Panels of at most `widest` blocks for that many outputs.
    pub fn new(outputs: usize, widest: usize, stride: usize, taps: Vec<u32>) -> Self {
        let mut panels: Vec<Panel> = Vec::new();
        let (mut first, all) = (0, outputs.div_ceil(LANES));
        while first < all {
            let blocks = [4, 2, 1].into_iter().find(|&b| b <= widest && b <= all - first).unwrap_or(1);
            panels.push(Panel { first, blocks, start: first * taps.len() });
            first += blocks;
        }
        let mut order: Vec<u32> = (0..taps.len() as u32).collect();
        order.sort_unstable_by_key(|&tap| taps[tap as usize]);
        Self { outputs, panels, stride, taps, order }
    }

    /// Where each tap's first value lies.
    pub fn places(&self) -> &[u32] {
        &self.taps
    }

    /// Inputs of each output.
    pub fn taps(&self) -> usize {
        self.taps.len()
    }

    /// Packed weights in blocks.
    pub fn len(&self) -> usize {
        self.outputs.div_ceil(LANES) * self.taps.len()
    }

    /// Packs a group's values; the lanes beyond the outputs stay as they are.
    pub fn pack(&self, values: &[f32], packed: &mut [Lane]) {
        self.split(packed).into_par_iter().for_each(|(panel, packed)| {
            for (block, count) in self.blocks(panel) {
                let values = &values[(panel.first + block) * LANES * self.stride..];
                for &tap in &self.order {
                    let from = values[self.taps[tap as usize] as usize..].iter().step_by(self.stride);
                    let lane = &mut packed[tap as usize * panel.blocks + block];
                    lane[..count].iter_mut().zip(from).for_each(|(lane, value)| *lane = *value);
                }
            }
        });
    }

    /// The inverse of [`Packing::pack`], for a packing whose outputs have a run of values each.
    pub fn unpack(&self, packed: &[Lane], values: &mut [f32]) {
        let mut values = values;
        let mut parts = Vec::with_capacity(self.panels.len());
        for &panel in &self.panels {
            let lanes: usize = self.blocks(panel).map(|(_, count)| count).sum();
            let (part, rest) = values.split_at_mut(lanes * self.stride);
            parts.push((panel, part));
            values = rest;
        }
        parts.into_par_iter().for_each(|(panel, values)| {
            for (block, count) in self.blocks(panel) {
                let values = &mut values[block * LANES * self.stride..];
                for &tap in &self.order {
                    let to = values[self.taps[tap as usize] as usize..].iter_mut().step_by(self.stride);
                    let lane = &packed[panel.start + tap as usize * panel.blocks + block];
                    to.zip(&lane[..count]).for_each(|(value, lane)| *value = *lane);
                }
            }
        });
    }

    /// Where a block's first tap lies, and how far apart its taps are.
    pub fn block(&self, block: usize) -> (usize, usize) {
        let panel = self.panels.iter().rfind(|panel| panel.first <= block);
        panel.map_or((0, 1), |panel| (panel.start + block - panel.first, panel.blocks))
    }

    /// The blocks of a panel and how many of their lanes are outputs.
    fn blocks(&self, panel: Panel) -> impl Iterator<Item = (usize, usize)> + use<> {
        let outputs = self.outputs;
        (0..panel.blocks).map(move |block| (block, LANES.min(outputs - (panel.first + block) * LANES)))
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
