//! Depthwise convolution: every channel by itself, so that lanes are multiplied with lanes.

use pulp::Simd;

use super::kernel::{Place, Sample};
use super::packing::Packing;
use crate::engine::cpu::infer::kernel::{LANES, Lane};
use crate::engine::cpu::kernels::isa::{count_of, load, store};

/// Pixels whose sums stay in registers, and taps of a gradient.
const TILE: usize = 5;

/// A product of each channel's weights with that channel of the pixels around each pixel.
#[derive(Clone, Debug)]
pub struct Scan {
    /// The pixels that a pixel reads, from its place, in the order of the packing's taps.
    pub offsets: Vec<usize>,
    /// The pixels.
    pub places: Vec<Place>,
    /// The weights, in panels of one block.
    pub packing: Packing,
}

/// Runs a scan; adds to what is there, or writes the bias (zero where there is none) plus the sums.
#[inline(always)]
pub fn scan<S: Simd>(
    simd: S,
    scan: &Scan,
    weights: &[Lane],
    (input, output): (&[f32], &mut [f32]),
    (bias, add): (Option<&[Lane]>, bool),
) {
    for places in scan.places.chunks(TILE) {
        for panel in &scan.packing.panels {
            let tile = Tile {
                offsets: &scan.offsets,
                places,
                first: panel.first * LANES,
                weights: &weights[panel.start..][..scan.offsets.len()],
                bias: bias.map_or([0.0; LANES], |bias| bias[panel.first]),
                add,
            };
            match count_of::<S>(1) {
                1 => tile.pixels::<S, 1>(simd, input, output),
                2 => tile.pixels::<S, 2>(simd, input, output),
                4 => tile.pixels::<S, 4>(simd, input, output),
                _ => tile.pixels::<S, LANES>(simd, input, output),
            }
        }
    }
}

/// Some pixels × a block.
#[derive(Clone, Copy)]
struct Tile<'a> {
    offsets: &'a [usize],
    places: &'a [Place],
    first: usize,
    weights: &'a [Lane],
    bias: Lane,
    add: bool,
}

impl Tile<'_> {
    #[inline(always)]
    fn pixels<S: Simd, const N: usize>(&self, simd: S, input: &[f32], output: &mut [f32]) {
        match self.places.len() {
            1 => self.run::<S, 1, N>(simd, input, output),
            2 => self.run::<S, 2, N>(simd, input, output),
            3 => self.run::<S, 3, N>(simd, input, output),
            4 => self.run::<S, 4, N>(simd, input, output),
            _ => self.run::<S, TILE, N>(simd, input, output),
        }
    }

    #[inline(always)]
    fn run<S: Simd, const P: usize, const N: usize>(&self, simd: S, input: &[f32], output: &mut [f32]) {
        let mut places = [Place { from: 0, to: 0 }; P];
        places.copy_from_slice(&self.places[..P]);
        let mut sums = [load::<S, N>(simd, &self.bias); P];
        if self.add {
            for p in 0..P {
                sums[p] = load::<S, N>(simd, &output[places[p].to + self.first..][..LANES]);
            }
        }
        for (offset, weight) in self.offsets.iter().zip(self.weights) {
            let weight = load::<S, N>(simd, weight);
            for p in 0..P {
                let values = load::<S, N>(simd, &input[places[p].from + offset + self.first..][..LANES]);
                for n in 0..N {
                    sums[p][n] = simd.mul_add_e_f32s(values[n], weight[n], sums[p][n]);
                }
            }
        }
        for p in 0..P {
            store(simd, sums[p], &mut output[places[p].to + self.first..][..LANES]);
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
        for place in &scan.places {
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
    for place in &scan.places {
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
