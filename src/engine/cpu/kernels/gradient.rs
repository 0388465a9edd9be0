//! The gradient of a sweep's weights: inputs × outputs, added up over the pixels of all images.

use pulp::Simd;

use super::isa::{count_of, load};
use super::map::{LANES, Lane};
use super::packing::Panel;
use super::sweep::{Piece, Pixel, Sweep, TILE, tiles};

/// What a sweep read, and the gradient of what it wrote, for the images of one group.
#[derive(Clone, Copy)]
pub struct Sample<'a> {
    /// What it read.
    pub input: &'a [f32],
    /// The gradient of what it wrote.
    pub gradient: &'a [f32],
    /// How many of its pixels count.
    pub count: usize,
}

/// A part of a gradient: some inputs × the outputs of a panel.
pub struct GradientPart {
    /// The panel.
    pub panel: Panel,
    /// Where the inputs lie, from a pixel's place.
    pub pieces: Vec<Piece>,
}

/// Pixels whose gradients are brought together at a time: with 4 blocks they fill 64 KiB.
const CHUNK: usize = 256;

/// Adds a part of the weights' gradient: inputs × blocks; and of the bias's, where it is asked for.
#[inline(always)]
pub fn weight_gradient<S: Simd>(
    simd: S,
    (sweep, part): (&Sweep, &GradientPart),
    samples: &[Sample<'_>],
    weight: &mut [Lane],
    bias: Option<&mut [Lane]>,
) {
    match count_of::<S>(part.panel.blocks) {
        1 if S::F32_LANES == LANES => gradient_of::<S, 1>(simd, (sweep, part), samples, (weight, bias)),
        2 if S::F32_LANES >= LANES / 2 => gradient_of::<S, 2>(simd, (sweep, part), samples, (weight, bias)),
        4 if S::F32_LANES == LANES || S::F32_LANES == LANES / 4 => {
            gradient_of::<S, 4>(simd, (sweep, part), samples, (weight, bias));
        }
        LANES if S::F32_LANES == 1 => gradient_of::<S, LANES>(simd, (sweep, part), samples, (weight, bias)),
        // No instruction set has so many registers.
        _ => {}
    }
}

/// The pixels of a chunk: the values that a run of them reads, and where.
type Runs<'a> = [(&'a [f32], &'a [Pixel])];

#[inline(always)]
fn gradient_of<S: Simd, const N: usize>(
    simd: S,
    (sweep, part): (&Sweep, &GradientPart),
    samples: &[Sample<'_>],
    (weight, mut bias): (&mut [Lane], Option<&mut [Lane]>),
) {
    let first = part.panel.first * LANES;
    let count = (N * S::F32_LANES).min(sweep.packing.outputs - first);
    let weight = S::as_mut_simd_f32s(weight.as_flattened_mut()).0.as_chunks_mut::<N>().0;
    let mut gradients: Vec<[S::f32s; N]> = Vec::with_capacity(CHUNK);
    let mut runs: Vec<(&[f32], &[Pixel])> = Vec::new();
    let pieces = part.pieces.as_slice();
    for sample in samples {
        let mut places = &sweep.pixels[..sample.count.min(sweep.pixels.len())];
        while !places.is_empty() {
            let (now, later) = places.split_at(places.len().min(CHUNK - gradients.len()));
            for place in now {
                // Brought together: they lie far apart.
                gradients.push(load::<S, N>(simd, &sample.gradient[place.to + first..][..count]));
            }
            runs.push((sample.input, now));
            places = later;
            if gradients.len() == CHUNK {
                add_chunk::<S, N>(simd, (&runs, &gradients), pieces, (weight, bias.as_deref_mut()));
                gradients.clear();
                runs.clear();
            }
        }
    }
    add_chunk::<S, N>(simd, (&runs, &gradients), pieces, (weight, bias));
}

#[inline(always)]
fn add_chunk<S: Simd, const N: usize>(
    simd: S,
    (runs, gradients): (&Runs<'_>, &[[S::f32s; N]]),
    pieces: &[Piece],
    (mut weight, bias): (&mut [[S::f32s; N]], Option<&mut [Lane]>),
) {
    for piece in pieces {
        let (own, rest) = weight.split_at_mut(piece.length);
        weight = rest;
        for (from, to) in tiles(piece.length) {
            let (chunk, rows, first) = ((runs, gradients), &mut own[from..to], piece.offset + from);
            match to - from {
                1 => add_rows::<S, 1, N>(simd, chunk, first, rows),
                2 => add_rows::<S, 2, N>(simd, chunk, first, rows),
                3 => add_rows::<S, 3, N>(simd, chunk, first, rows),
                4 => add_rows::<S, 4, N>(simd, chunk, first, rows),
                5 => add_rows::<S, 5, N>(simd, chunk, first, rows),
                _ => add_rows::<S, TILE, N>(simd, chunk, first, rows),
            }
        }
    }
    if let Some(bias) = bias {
        let bias = S::as_mut_simd_f32s(bias.as_flattened_mut()).0;
        let mut sums = [simd.splat_f32s(0.0); N];
        for gradient in gradients {
            for n in 0..N {
                sums[n] = simd.add_f32s(sums[n], gradient[n]);
            }
        }
        for (bias, sum) in bias.iter_mut().zip(sums) {
            *bias = simd.add_f32s(*bias, sum);
        }
    }
}

/// `R` inputs from `first` on × `N` registers of outputs.
#[inline(always)]
fn add_rows<S: Simd, const R: usize, const N: usize>(
    simd: S,
    (runs, mut gradients): (&Runs<'_>, &[[S::f32s; N]]),
    first: usize,
    weight: &mut [[S::f32s; N]],
) {
    let mut sums = [[simd.splat_f32s(0.0); N]; R];
    for (values, places) in runs {
        let values = &values[first..];
        let (now, later) = gradients.split_at(places.len());
        for (place, gradient) in places.iter().zip(now) {
            let values = &values[place.from..][..R];
            for r in 0..R {
                let value = simd.splat_f32s(values[r]);
                for n in 0..N {
                    sums[r][n] = simd.mul_add_e_f32s(value, gradient[n], sums[r][n]);
                }
            }
        }
        gradients = later;
    }
    for r in 0..R {
        for n in 0..N {
            weight[r][n] = simd.add_f32s(weight[r][n], sums[r][n]);
        }
    }
}
