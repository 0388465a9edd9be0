//! The gradient of an image behind its first convolution: of each pixel three numbers out of many, where a sweep, whose
//! lanes are what it makes, would leave thirteen of sixteen idle. Here the lanes are what it reads; they are added up in
//! one fixed order at the end.

use pulp::Simd;

use super::isa::{Work, apart, count_of, registers, store};
use super::map::{LANES, Lane};
use super::packing::Packing;
use super::sweep::{Piece, Pixel};

/// Channels of an image.
pub const COLOURS: usize = 3;

/// A product of weights with the pieces that lie around each pixel, for the channels of an image.
#[derive(Clone, Debug)]
pub struct Gather {
    /// What a pixel reads, in whole blocks.
    pub pieces: Vec<Piece>,
    /// The pixels.
    pub pixels: Vec<Pixel>,
    /// The weights: of each block of the pieces those for each channel.
    pub packing: Packing,
}

/// Runs it over a map; adds to what is there or replaces it.
#[inline(always)]
pub fn gather<S: Simd, const FMA: bool>(
    simd: S,
    (gather, weights): (&Gather, &[Lane]),
    (input, output): (&[f32], &mut [f32]),
    add: bool,
) {
    apart::<S, FMA>(simd, Gathering { gather, weights, input, output, add });
}

struct Gathering<'a> {
    gather: &'a Gather,
    weights: &'a [Lane],
    input: &'a [f32],
    output: &'a mut [f32],
    add: bool,
}

impl Work for Gathering<'_> {
    #[inline(always)]
    fn run<S: Simd, const FMA: bool>(mut self, simd: S) {
        match count_of::<S>(1) {
            1 => self.tiles::<S, 1>(simd),
            2 => self.tiles::<S, 2>(simd),
            4 => self.tiles::<S, 4>(simd),
            _ => self.tiles::<S, LANES>(simd),
        }
    }
}

impl Gathering<'_> {
    /// Tiles of as many pixels as have room for their sums in registers.
    #[inline(always)]
    fn tiles<S: Simd, const N: usize>(&mut self, simd: S) {
        let most = if N == 1 { 6 } else { 2 };
        for pixels in self.gather.pixels.chunks(most) {
            match pixels.len() {
                1 => self.tile::<S, 1, N>(simd, pixels),
                2 => self.tile::<S, 2, N>(simd, pixels),
                3 if N == 1 => self.tile::<S, 3, N>(simd, pixels),
                4 if N == 1 => self.tile::<S, 4, N>(simd, pixels),
                5 if N == 1 => self.tile::<S, 5, N>(simd, pixels),
                6 if N == 1 => self.tile::<S, 6, N>(simd, pixels),
                _ => {}
            }
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const P: usize, const N: usize>(&mut self, simd: S, pixels: &[Pixel]) {
        let mut sums = [[[simd.splat_f32s(0.0); N]; COLOURS]; P];
        let mut weights = registers::<S, N>(self.weights.as_flattened()).chunks_exact(COLOURS);
        for piece in &self.gather.pieces {
            let mut values = [&registers::<S, N>(self.input)[..0]; P];
            for p in 0..P {
                values[p] = registers::<S, N>(&self.input[pixels[p].from + piece.offset..][..piece.length]);
            }
            for (block, weights) in (0..piece.length / LANES).zip(&mut weights) {
                for p in 0..P {
                    let values = values[p][block];
                    for c in 0..COLOURS {
                        for n in 0..N {
                            sums[p][c][n] = simd.mul_add_e_f32s(values[n], weights[c][n], sums[p][c][n]);
                        }
                    }
                }
            }
        }
        for p in 0..P {
            let out = &mut self.output[pixels[p].to..][..COLOURS];
            for c in 0..COLOURS {
                let sum = total(simd, sums[p][c]);
                out[c] = if self.add { out[c] + sum } else { sum };
            }
        }
    }
}

/// The sum of a block's lanes: halves are added to each other until one is left.
#[inline(always)]
fn total<S: Simd, const N: usize>(simd: S, sums: [S::f32s; N]) -> f32 {
    let mut lanes = [0.0; LANES];
    store(simd, sums, &mut lanes);
    let mut length = LANES / 2;
    while length > 0 {
        let (low, high) = lanes.split_at_mut(length);
        for (low, high) in low.iter_mut().zip(high) {
            *low += *high;
        }
        length /= 2;
    }
    lanes[0]
}
