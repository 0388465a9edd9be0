//! The inner loops of the CPU engine: direct convolution on channels-last maps with a zero border.
//!
//! Written over arrays of [`LANES`] values, which the compiler turns into the vector registers of the instruction set
//! it is compiled for; [`super::CpuEngine`] picks that at run time. Every output value is one sum in one fixed order
//! (row of the kernel, then column and channel), so results don't depend on threads, batches or tile sizes.

use super::activation::{activate, multiply_add};
use super::shape::Shape;
use crate::engine::nets::graph::{Activation, Conv};

/// Values per block of channels: one AVX-512 register or two of AVX2.
pub const LANES: usize = 16;

/// One block of channels of one pixel.
pub type Lane = [f32; LANES];

/// A convolution prepared for [`convolve`].
#[derive(Clone, Debug)]
pub struct Packed {
    /// Kernel side.
    kernel: usize,
    /// Step.
    step: usize,
    /// Padding.
    padding: usize,
    /// Pieces of a kernel row that lie together in the input: one where a block reads whole pixels, else one per pixel.
    pieces: usize,
    blocks: Vec<Block>,
    /// Per block: kernel rows × pieces × length.
    weights: Vec<Lane>,
}

/// What a block of output channels reads.
#[derive(Clone, Debug)]
struct Block {
    bias: Lane,
    /// The first input channel: that of the first of its groups.
    first: usize,
    /// Values of a piece.
    length: usize,
    /// Where its weights begin.
    weights: usize,
}

impl Packed {
    /// Packs weights [out, in / groups, k, k] for inputs whose pixels lie `stride` values apart.
    pub fn new(conv: &Conv, stride: usize, weight: &[f32], bias: &[f32]) -> Self {
        let Conv { inputs, outputs, kernel, groups, .. } = *conv;
        let (seen, made) = (inputs / groups, outputs / groups);
        let whole = groups == 1 && stride == inputs;
        let pieces = if whole { 1 } else { kernel };
        let mut packed = Self {
            kernel,
            step: conv.stride,
            padding: conv.padding,
            pieces,
            blocks: Vec::with_capacity(outputs.div_ceil(LANES)),
            weights: Vec::new(),
        };
        for start in (0..outputs).step_by(LANES) {
            let end = outputs.min(start + LANES);
            // A block that several groups share reads the channels of all of them, most with zero weights.
            let (first, last) = (start / made * seen, ((end - 1) / made + 1) * seen);
            let length = if whole { kernel * inputs } else { last - first };
            let mut block = Block { bias: [0.0; LANES], first, length, weights: packed.weights.len() };
            block.bias[..end - start].copy_from_slice(&bias[start..end]);
            packed.weights.resize(block.weights + kernel * pieces * length, [0.0; LANES]);
            for o in start..end {
                for (at, &w) in weight[o * seen * kernel * kernel..][..seen * kernel * kernel].iter().enumerate() {
                    let (c, y, x) = (at / (kernel * kernel), at / kernel % kernel, at % kernel);
                    // Pixels lie `last - first` values apart, whether in one piece or in several.
                    let tap = (y * kernel + x) * (last - first) + o / made * seen - first + c;
                    packed.weights[block.weights + tap][o - start] = w;
                }
            }
            packed.blocks.push(block);
        }
        packed
    }
}

/// What is done to the sums before they are stored.
#[derive(Clone, Copy)]
pub struct Finish<'a> {
    /// Added first: a map of the output's size.
    pub join: Option<(&'a [f32], Shape)>,
    /// What follows.
    pub activation: Option<Activation>,
}

/// Pixels of a tile: their sums stay in registers; more were slower (measured on AVX2 and AVX-512).
pub const PIXELS: usize = 4;

/// The bounds of the tiles of `length` pixels, of nearly equal width, which leaves no thin rest.
#[inline(always)]
pub fn tiles(length: usize) -> impl Iterator<Item = (usize, usize)> {
    let tiles = length.div_ceil(PIXELS);
    (0..tiles).map(move |tile| (length * tile / tiles, length * (tile + 1) / tiles))
}

/// Convolves `input` into `output`. `FMA` says whether multiply-add is one instruction.
#[inline(always)]
pub fn convolve<const FMA: bool>(
    packed: &Packed,
    (input, from): (&[f32], Shape),
    (output, to): (&mut [f32], Shape),
    finish: Finish<'_>,
) {
    for block in 0..packed.blocks.len() {
        for y in 0..to.height {
            for (x, end) in tiles(to.width) {
                let place = Place { block, y, x };
                let (from, to) = ((input, from), (&mut *output, to));
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

/// A block of channels of a pixel and those right of it.
#[derive(Clone, Copy)]
pub struct Place {
    pub block: usize,
    pub y: usize,
    pub x: usize,
}

/// `P` pixels of one row × one block of channels.
#[inline(always)]
fn tile_of<const FMA: bool, const P: usize>(
    packed: &Packed,
    (input, from): (&[f32], Shape),
    to: (&mut [f32], Shape),
    place: Place,
    finish: Finish<'_>,
) {
    let Block { bias, first, length, weights } = packed.blocks[place.block];
    let mut weights = &packed.weights[weights..];
    let mut sums = [bias; P];
    let shift = from.border - packed.padding;
    for ky in 0..packed.kernel {
        let row = (place.y * packed.step + ky + shift) * from.row() + (place.x * packed.step + shift) * from.stride;
        for piece in 0..packed.pieces {
            let at = row + piece * from.stride + first;
            let pixels = std::array::from_fn(|p| &input[at + p * packed.step * from.stride..][..length]);
            let (now, later) = weights.split_at(length);
            accumulate::<FMA, P>(&mut sums, pixels, now);
            weights = later;
        }
    }
    finish.store(sums, to, place);
}

/// Adds to each pixel's sums its values times the weights.
#[inline(always)]
pub fn accumulate<const FMA: bool, const P: usize>(sums: &mut [Lane; P], pixels: [&[f32]; P], weights: &[Lane]) {
    let pixels = pixels.map(|p| &p[..weights.len()]);
    for (tap, weight) in weights.iter().enumerate() {
        for p in 0..P {
            let value = pixels[p][tap];
            for lane in 0..LANES {
                sums[p][lane] = multiply_add::<FMA>(value, weight[lane], sums[p][lane]);
            }
        }
    }
}

impl Finish<'_> {
    /// Joins and stores the sums of pixels side by side. The most frequent activation costs least here.
    #[inline(always)]
    pub fn store<const P: usize>(&self, sums: [Lane; P], (output, to): (&mut [f32], Shape), place: Place) {
        let Place { block, y, x } = place;
        for (p, mut sum) in sums.into_iter().enumerate() {
            if let Some((other, shape)) = self.join {
                let other = &other[shape.at(y, x + p) + block * LANES..][..LANES];
                for lane in 0..LANES {
                    sum[lane] += other[lane];
                }
            }
            if self.activation == Some(Activation::Relu) {
                sum = sum.map(|s| s.max(0.0));
            }
            output[to.at(y, x + p) + block * LANES..][..LANES].copy_from_slice(&sum);
        }
    }

    /// The other activations, for a block of a row that was just stored.
    #[inline(always)]
    pub fn row<const FMA: bool>(&self, (output, to): (&mut [f32], Shape), block: usize, y: usize) {
        if matches!(self.activation, None | Some(Activation::Relu)) {
            return;
        }
        for x in 0..to.width {
            activate::<FMA>(self.activation, &mut output[to.at(y, x) + block * LANES..][..LANES]);
        }
    }
}
