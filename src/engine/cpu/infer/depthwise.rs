//! Depthwise convolution: every channel by itself, so that lanes are multiplied with lanes.

use super::activation::multiply_add;
use super::kernel::{Finish, LANES, Lane, PIXELS, Place, tiles};
use super::shape::Shape;
use crate::engine::nets::graph::Conv;

/// A depthwise convolution prepared for [`convolve`].
pub struct Packed {
    kernel: usize,
    step: usize,
    padding: usize,
    /// Per block of channels.
    bias: Vec<Lane>,
    /// Per block: kernel rows × columns.
    weights: Vec<Lane>,
}

impl Packed {
    /// Packs weights [channels, 1, k, k].
    pub fn new(conv: &Conv, weight: &[f32], bias: &[f32]) -> Self {
        let (kernel, blocks) = (conv.kernel, conv.outputs.div_ceil(LANES));
        let area = kernel * kernel;
        let mut packed = Self {
            kernel,
            step: conv.stride,
            padding: conv.padding,
            bias: vec![[0.0; LANES]; blocks],
            weights: vec![[0.0; LANES]; blocks * area],
        };
        for (c, (taps, &bias)) in weight.chunks_exact(area).zip(bias).enumerate() {
            packed.bias[c / LANES][c % LANES] = bias;
            for (tap, &w) in taps.iter().enumerate() {
                packed.weights[c / LANES * area + tap][c % LANES] = w;
            }
        }
        packed
    }
}

/// Whether every channel is a group of its own with one output.
pub fn is_depthwise(conv: &Conv) -> bool {
    conv.groups == conv.inputs && conv.groups == conv.outputs
}

/// Convolves `input` into `output`, a row with all its channels at a time: the rows it reads stay in the cache.
#[inline(always)]
pub fn convolve<const FMA: bool>(
    packed: &Packed,
    from: (&[f32], Shape),
    (output, to): (&mut [f32], Shape),
    finish: Finish<'_>,
) {
    for y in 0..to.height {
        for block in 0..packed.bias.len() {
            for (x, end) in tiles(to.width) {
                let place = Place { block, y, x };
                let to = (&mut *output, to);
                match end - x {
                    1 => tile_of::<FMA, 1>(packed, from, to, place, finish),
                    2 => tile_of::<FMA, 2>(packed, from, to, place, finish),
                    3 => tile_of::<FMA, 3>(packed, from, to, place, finish),
                    _ => tile_of::<FMA, PIXELS>(packed, from, to, place, finish),
                }
            }
            finish.row::<FMA>((output, to), block, y);
        }
    }
}

#[inline(always)]
fn tile_of<const FMA: bool, const P: usize>(
    packed: &Packed,
    (input, from): (&[f32], Shape),
    to: (&mut [f32], Shape),
    place: Place,
    finish: Finish<'_>,
) {
    let Packed { kernel, step, .. } = *packed;
    let weights = &packed.weights[place.block * kernel * kernel..][..kernel * kernel];
    let mut sums = [packed.bias[place.block]; P];
    let shift = from.border - packed.padding;
    for (ky, weights) in weights.chunks_exact(kernel).enumerate() {
        let row = (place.y * step + ky + shift) * from.row() + (place.x * step + shift) * from.stride;
        for (kx, weight) in weights.iter().enumerate() {
            for (p, sum) in sums.iter_mut().enumerate() {
                let values = &input[row + (p * step + kx) * from.stride + place.block * LANES..][..LANES];
                for lane in 0..LANES {
                    sum[lane] = multiply_add::<FMA>(values[lane], weight[lane], sum[lane]);
                }
            }
        }
    }
    finish.store(sums, to, place);
}
