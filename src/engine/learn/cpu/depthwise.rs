//! Depthwise convolution: every channel by itself, so that lanes are multiplied with lanes.

use super::kernel::{Place, Sample};
use super::packing::Packing;
use crate::engine::cpu::activation::multiply_add;
use crate::engine::cpu::kernel::{LANES, Lane};

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
pub fn scan<const FMA: bool>(
    scan: &Scan,
    weights: &[Lane],
    input: &[f32],
    output: &mut [f32],
    (bias, add): (Option<&[Lane]>, bool),
) {
    for places in scan.places.chunks(TILE) {
        for panel in &scan.packing.panels {
            let weights = &weights[panel.start..][..scan.offsets.len()];
            let bias = bias.map_or([0.0; LANES], |bias| bias[panel.first]);
            let tile = (scan, panel.first * LANES, places);
            match places.len() {
                1 => tile_of::<FMA, 1>(tile, weights, input, output, (bias, add)),
                2 => tile_of::<FMA, 2>(tile, weights, input, output, (bias, add)),
                3 => tile_of::<FMA, 3>(tile, weights, input, output, (bias, add)),
                4 => tile_of::<FMA, 4>(tile, weights, input, output, (bias, add)),
                _ => tile_of::<FMA, TILE>(tile, weights, input, output, (bias, add)),
            }
        }
    }
}

#[inline(always)]
fn tile_of<const FMA: bool, const P: usize>(
    (scan, first, places): (&Scan, usize, &[Place]),
    weights: &[Lane],
    input: &[f32],
    output: &mut [f32],
    (bias, add): (Lane, bool),
) {
    let places: [Place; P] = std::array::from_fn(|p| places[p]);
    let mut sums = [bias; P];
    if add {
        for (sum, place) in sums.iter_mut().zip(places) {
            sum.copy_from_slice(&output[place.to + first..][..LANES]);
        }
    }
    for (offset, weight) in scan.offsets.iter().zip(weights) {
        for (sum, place) in sums.iter_mut().zip(places) {
            let values = &input[place.from + offset + first..][..LANES];
            for lane in 0..LANES {
                sum[lane] = multiply_add::<FMA>(values[lane], weight[lane], sum[lane]);
            }
        }
    }
    for (sum, place) in sums.iter().zip(places) {
        output[place.to + first..][..LANES].copy_from_slice(sum);
    }
}

/// Adds the gradient of one block's weights, and of its bias.
#[inline(always)]
pub fn weight_gradient<const FMA: bool>(
    (scan, block): (&Scan, usize),
    samples: &[Sample<'_>],
    weight: &mut [Lane],
    bias: &mut Lane,
) {
    for sample in samples {
        for (offsets, weight) in scan.offsets.chunks(TILE).zip(weight.chunks_mut(TILE)) {
            let taps = (scan, block * LANES, offsets);
            match offsets.len() {
                1 => taps_of::<FMA, 1>(taps, sample, weight),
                2 => taps_of::<FMA, 2>(taps, sample, weight),
                3 => taps_of::<FMA, 3>(taps, sample, weight),
                4 => taps_of::<FMA, 4>(taps, sample, weight),
                _ => taps_of::<FMA, TILE>(taps, sample, weight),
            }
        }
        let mut sum = [0.0; LANES];
        for place in &scan.places {
            let gradient = &sample.gradient[place.to + block * LANES..][..LANES];
            for lane in 0..LANES {
                sum[lane] += gradient[lane];
            }
        }
        for lane in 0..LANES {
            bias[lane] += sum[lane];
        }
    }
}

#[inline(always)]
fn taps_of<const FMA: bool, const T: usize>(
    (scan, first, offsets): (&Scan, usize, &[usize]),
    sample: &Sample<'_>,
    weight: &mut [Lane],
) {
    let offsets: [usize; T] = std::array::from_fn(|t| offsets[t] + first);
    let mut sums = [[0.0; LANES]; T];
    for place in &scan.places {
        let gradient = &sample.gradient[place.to + first..][..LANES];
        for (sum, offset) in sums.iter_mut().zip(offsets) {
            let values = &sample.input[place.from + offset..][..LANES];
            for lane in 0..LANES {
                sum[lane] = multiply_add::<FMA>(values[lane], gradient[lane], sum[lane]);
            }
        }
    }
    for (weight, sum) in weight.iter_mut().zip(sums) {
        for lane in 0..LANES {
            weight[lane] += sum[lane];
        }
    }
}
