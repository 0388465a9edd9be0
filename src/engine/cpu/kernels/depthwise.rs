//! Depthwise convolution: every channel by itself, so that lanes are multiplied with lanes.

#![expect(
    clippy::needless_range_loop,
    reason = "registers are spelt out; iterators over arrays of them end as scalar code"
)]

use pulp::Simd;

use super::activation::activate;
use super::gradient::Sample;
use super::isa::{Work, apart, count_of, load, store};
use super::map::{LANES, Lane};
use super::packing::Packing;
use super::sweep::{Pixel, Swept};
use crate::engine::nets::graph::Activation;

/// Pixels whose sums stay in registers, and taps of a gradient.
const TILE: usize = 5;

/// A product of each channel's weights with that channel of the pixels around each pixel.
#[derive(Clone, Debug)]
pub struct Scan {
    /// The pixels that a pixel reads, from its place, in the order of the packing's taps.
    pub offsets: Vec<usize>,
    /// The pixels.
    pub pixels: Vec<Pixel>,
    /// The weights, in panels of one block.
    pub packing: Packing,
}

/// What is the same for all pixels of a scan.
#[derive(Clone, Copy)]
pub struct Sums<'a> {
    /// What they are made of.
    pub scan: &'a Scan,
    /// Packed.
    pub weights: &'a [Lane],
    /// What they begin with: a value per channel, else zero, or what is there already.
    pub bias: Option<&'a [Lane]>,
    /// Whether they are added to what is there.
    pub add: bool,
    /// What follows.
    pub then: Option<Activation>,
}

/// Pixels that pass before the weights change: few enough that the rows they read stay in the cache.
const RUN: usize = 4 * TILE;

/// Runs a scan.
#[inline(always)]
pub fn scan<S: Simd, const FMA: bool>(simd: S, sums: Sums<'_>, map: &mut Swept<'_>) {
    apart::<S, FMA>(simd, Scanning { sums, map });
}

struct Scanning<'a, 'b, 'c> {
    sums: Sums<'a>,
    map: &'b mut Swept<'c>,
}

impl Work for Scanning<'_, '_, '_> {
    #[inline(always)]
    fn run<S: Simd, const FMA: bool>(self, simd: S) {
        let Self { sums, map } = self;
        let scan = sums.scan;
        let all = map.pixels.start..map.pixels.end.min(scan.pixels.len());
        for first in all.clone().step_by(RUN) {
            let run = first..all.end.min(first + RUN);
            for panel in &scan.packing.panels {
                for number in run.clone().step_by(TILE) {
                    let tile = Tile {
                        sums: Sums { weights: &sums.weights[panel.start..][..scan.offsets.len()], ..sums },
                        block: panel.first,
                        pixels: &scan.pixels[number..run.end.min(number + TILE)],
                    };
                    match count_of::<S>(1) {
                        1 if S::F32_LANES == LANES => tile.pixels::<S, 1>(simd, map, number),
                        2 if S::F32_LANES == LANES / 2 => tile.pixels::<S, 2>(simd, map, number),
                        4 if S::F32_LANES == LANES / 4 => tile.pixels::<S, 4>(simd, map, number),
                        _ => tile.pixels::<S, LANES>(simd, map, number),
                    }
                    for pixel in tile.pixels.iter().filter(|_| sums.then.is_some()) {
                        let at = pixel.to - map.start + panel.first * LANES;
                        activate::<FMA>(sums.then, &mut map.output[at..][..LANES]);
                    }
                }
            }
        }
    }
}

/// Some pixels × a block.
#[derive(Clone, Copy)]
struct Tile<'a> {
    sums: Sums<'a>,
    block: usize,
    pixels: &'a [Pixel],
}

impl Tile<'_> {
    #[inline(always)]
    fn pixels<S: Simd, const N: usize>(&self, simd: S, map: &mut Swept<'_>, number: usize) {
        match self.pixels.len() {
            1 => self.run::<S, 1, N>(simd, map, number),
            2 => self.run::<S, 2, N>(simd, map, number),
            3 => self.run::<S, 3, N>(simd, map, number),
            4 => self.run::<S, 4, N>(simd, map, number),
            _ => self.run::<S, TILE, N>(simd, map, number),
        }
    }

    #[inline(always)]
    fn run<S: Simd, const P: usize, const N: usize>(&self, simd: S, map: &mut Swept<'_>, number: usize) {
        let Sums { scan, weights, bias, add, .. } = self.sums;
        let first = self.block * LANES;
        let mut pixels = [Pixel { from: 0, to: 0 }; P];
        pixels.copy_from_slice(&self.pixels[..P]);
        let mut sums = [[simd.splat_f32s(0.0); N]; P];
        if let Some(bias) = bias {
            sums = [load::<S, N>(simd, &bias[self.block]); P];
        }
        if add {
            for p in 0..P {
                sums[p] = load::<S, N>(simd, &map.output[pixels[p].to - map.start + first..][..LANES]);
            }
        }
        for (offset, weight) in scan.offsets.iter().zip(weights) {
            let weight = load::<S, N>(simd, weight);
            for p in 0..P {
                let values = load::<S, N>(simd, &map.input[pixels[p].from + offset + first..][..LANES]);
                for n in 0..N {
                    sums[p][n] = simd.mul_add_e_f32s(values[n], weight[n], sums[p][n]);
                }
            }
        }
        if let Some(join) = map.join {
            for p in 0..P {
                let more = load::<S, N>(simd, &join.values[join.places[number + p] + first..][..LANES]);
                for n in 0..N {
                    sums[p][n] = simd.add_f32s(sums[p][n], more[n]);
                }
            }
        }
        for p in 0..P {
            store(simd, sums[p], &mut map.output[pixels[p].to - map.start + first..][..LANES]);
        }
    }
}

/// Adds the gradient of one block's weights, and of its bias.
#[inline(always)]
pub fn weight_gradient<S: Simd>(
    simd: S,
    (scan, block): (&Scan, usize),
    samples: &[Sample<'_>],
    (weight, bias): (&mut [Lane], &mut Lane),
) {
    match count_of::<S>(1) {
        1 => gradient_of::<S, 1>(simd, (scan, block), samples, (weight, bias)),
        2 => gradient_of::<S, 2>(simd, (scan, block), samples, (weight, bias)),
        4 => gradient_of::<S, 4>(simd, (scan, block), samples, (weight, bias)),
        _ => gradient_of::<S, LANES>(simd, (scan, block), samples, (weight, bias)),
    }
}

#[inline(always)]
fn gradient_of<S: Simd, const N: usize>(
    simd: S,
    (scan, block): (&Scan, usize),
    samples: &[Sample<'_>],
    (weight, bias): (&mut [Lane], &mut Lane),
) {
    for sample in samples {
        for (offsets, weight) in scan.offsets.chunks(TILE).zip(weight.chunks_mut(TILE)) {
            let taps = (scan, block * LANES, offsets);
            match offsets.len() {
                1 => taps_of::<S, 1, N>(simd, taps, sample, weight),
                2 => taps_of::<S, 2, N>(simd, taps, sample, weight),
                3 => taps_of::<S, 3, N>(simd, taps, sample, weight),
                4 => taps_of::<S, 4, N>(simd, taps, sample, weight),
                _ => taps_of::<S, TILE, N>(simd, taps, sample, weight),
            }
        }
        let mut sums = [simd.splat_f32s(0.0); N];
        for place in &scan.pixels {
            let gradient = load::<S, N>(simd, &sample.gradient[place.to + block * LANES..][..LANES]);
            for n in 0..N {
                sums[n] = simd.add_f32s(sums[n], gradient[n]);
            }
        }
        plus(simd, bias, sums);
    }
}

/// The gradients of `T` weights of every channel of a block.
#[inline(always)]
fn taps_of<S: Simd, const T: usize, const N: usize>(
    simd: S,
    (scan, first, offsets): (&Scan, usize, &[usize]),
    sample: &Sample<'_>,
    weight: &mut [Lane],
) {
    let mut sums = [[simd.splat_f32s(0.0); N]; T];
    for place in &scan.pixels {
        let gradient = load::<S, N>(simd, &sample.gradient[place.to + first..][..LANES]);
        for t in 0..T {
            let values = load::<S, N>(simd, &sample.input[place.from + offsets[t] + first..][..LANES]);
            for n in 0..N {
                sums[t][n] = simd.mul_add_e_f32s(values[n], gradient[n], sums[t][n]);
            }
        }
    }
    for t in 0..T {
        plus(simd, &mut weight[t], sums[t]);
    }
}

#[inline(always)]
fn plus<S: Simd, const N: usize>(simd: S, lane: &mut Lane, more: [S::f32s; N]) {
    let mut sums = load::<S, N>(simd, lane);
    for n in 0..N {
        sums[n] = simd.add_f32s(sums[n], more[n]);
    }
    store(simd, sums, lane);
}
