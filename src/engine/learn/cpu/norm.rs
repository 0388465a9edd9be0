//! Batch norm by the statistics of the batch, with the activation that follows it (Ioffe and Szegedy 2015).
//!
//! The sums of an image are made by the thread that has it; they are brought together in the images' order, so that the
//! bytes don't depend on threads. Variances are kept as sums of squares about each image's own mean (Chan et al. 1983),
//! which doesn't cancel where the mean is large.

use super::slope::with_slope;
use crate::engine::cpu::activation::activate;
use crate::engine::cpu::kernel::{LANES, Lane};
use crate::engine::cpu::layers::{Map, MapMut};
use crate::engine::cpu::shape::Shape;
use crate::engine::nets::graph::Activation;
use crate::engine::plan::NORM_EPSILON;

/// Two numbers per channel of an image: mean and sum of squares about it on the way there, Σ dy and Σ dy·(x − mean) on
/// the way back.
pub type Sums = [Vec<f64>; 2];

/// What one batch norm makes of a batch; vectors are as long as pixels lie apart.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Mean.
    pub mean: Vec<f32>,
    /// Unbiased variance, which the running one moves towards.
    pub unbiased: Vec<f32>,
    /// 1 / √(biased variance + ε).
    inverse: Vec<f32>,
    /// γ / √(biased variance + ε).
    scale: Vec<f32>,
    /// β.
    shift: Vec<f32>,
    /// dx = scale·dy + slope·(x − mean) + offset.
    slope: Vec<f32>,
    offset: Vec<f32>,
}

impl Batch {
    /// From the images' statistics, in their order; each has `count` pixels.
    pub fn new<'a>(sums: impl Iterator<Item = &'a Sums>, count: usize, (gamma, beta): (&[f32], &[f32])) -> Self {
        let mut sums = sums.peekable();
        let length = sums.peek().map_or(0, |first| first[0].len());
        let (mut mean, mut squares, mut seen) = (vec![0.0_f64; length], vec![0.0_f64; length], 0.0);
        for [means, more] in sums {
            let all = seen + count as f64;
            for c in 0..length {
                let distance = means[c] - mean[c];
                mean[c] += distance * count as f64 / all;
                squares[c] += more[c] + distance * distance * seen * count as f64 / all;
            }
            seen = all;
        }
        let padded = |values: &[f32]| [values, &vec![0.0; length - values.len()]].concat();
        let inverse: Vec<f32> = squares.iter().map(|s| (1.0 / (s / seen + NORM_EPSILON).sqrt()) as f32).collect();
        Self {
            mean: mean.iter().map(|&m| m as f32).collect(),
            unbiased: squares.iter().map(|s| (s / (seen - 1.0).max(1.0)) as f32).collect(),
            scale: padded(gamma).iter().zip(&inverse).map(|(g, i)| g * i).collect(),
            shift: padded(beta),
            inverse,
            ..Self::default()
        }
    }

    /// Takes the sums of the way back: adds to the gradients of γ and β, and prepares [`backward`].
    pub fn gradients<'a>(
        &mut self,
        sums: impl Iterator<Item = &'a Sums>,
        count: usize,
        (gamma, beta): (&mut [f32], &mut [f32]),
    ) {
        let length = self.mean.len();
        let (mut plain, mut scaled, mut seen) = (vec![0.0_f64; length], vec![0.0_f64; length], 0.0);
        for [of_one, of_distance] in sums {
            for c in 0..length {
                plain[c] += of_one[c];
                scaled[c] += of_distance[c] * f64::from(self.inverse[c]);
            }
            seen += count as f64;
        }
        for c in 0..gamma.len() {
            gamma[c] += scaled[c] as f32;
            beta[c] += plain[c] as f32;
        }
        let factor = |c: usize| -f64::from(self.scale[c]) / seen;
        self.slope = (0..length).map(|c| (factor(c) * scaled[c] * f64::from(self.inverse[c])) as f32).collect();
        self.offset = (0..length).map(|c| (factor(c) * plain[c]) as f32).collect();
    }
}

/// Mean of each channel of an image, and the sum of squares about it.
#[inline(always)]
pub fn statistics<const WIDE: usize>((x, from): Map<'_>, sums: &mut Sums) {
    for (first, wide) in blocks::<WIDE>(from) {
        match wide {
            4 if WIDE >= 4 => statistics_of::<4>((x, from), first, sums),
            _ => statistics_of::<1>((x, from), first, sums),
        }
    }
}

#[inline(always)]
fn statistics_of<const B: usize>((x, from): Map<'_>, first: usize, [means, squares]: &mut Sums) {
    let at = from.at(0, 0) + first;
    // Distances from the first pixel are as small as the image's own spread.
    let shift: [Lane; B] = lanes(&x[at..]);
    let (mut plain, mut square) = ([[0.0_f64; LANES]; B], [[0.0_f64; LANES]; B]);
    for y in 0..from.height {
        let (mut one, mut two) = ([[0.0; LANES]; B], [[0.0; LANES]; B]);
        for pixel in line_of((x, from), y).chunks_exact(from.stride) {
            let values: [Lane; B] = lanes(&pixel[first..]);
            for b in 0..B {
                for l in 0..LANES {
                    let distance = values[b][l] - shift[b][l];
                    one[b][l] += distance;
                    two[b][l] += distance * distance;
                }
            }
        }
        widen(&mut plain, &one);
        widen(&mut square, &two);
    }
    let count = (from.height * from.width) as f64;
    for c in 0..B * LANES {
        let (sum, square) = (plain[c / LANES][c % LANES], square[c / LANES][c % LANES]);
        means[first + c] = f64::from(shift[c / LANES][c % LANES]) + sum / count;
        squares[first + c] = (square - sum * sum / count).max(0.0);
    }
}

/// y = a((x − mean)·scale + shift).
#[inline(always)]
pub fn forward<const FMA: bool>((x, from): Map<'_>, (output, to): MapMut<'_>, batch: &Batch, then: Option<Activation>) {
    for y in 0..to.height {
        let line = line_mut((output, to), y);
        for (out, pixel) in line.chunks_exact_mut(to.stride).zip(line_of((x, from), y).chunks_exact(from.stride)) {
            let length = out.len();
            let (pixel, mean) = (&pixel[..length], &batch.mean[..length]);
            let (scale, shift) = (&batch.scale[..length], &batch.shift[..length]);
            for c in 0..length {
                out[c] = (pixel[c] - mean[c]) * scale[c] + shift[c];
            }
        }
        activate::<FMA>(then, line);
    }
}

/// What the way back reads: the batch norm's input, and the gradient of the activation's output.
pub type Behind<'a> = (Map<'a>, Map<'a>);

/// Σ g and Σ g·(x − mean) of an image, with g = dy·a′.
#[inline(always)]
pub fn backward_sums<const FMA: bool, const WIDE: usize>(
    behind: Behind<'_>,
    batch: &Batch,
    then: Option<Activation>,
    sums: &mut Sums,
) {
    with_slope!(FMA, then, slope => {
        for (first, wide) in blocks::<WIDE>(behind.0.1) {
            match wide {
                4 if WIDE >= 4 => sums_of::<4>(behind, batch, (first, slope), sums),
                _ => sums_of::<1>(behind, batch, (first, slope), sums),
            }
        }
    });
}

#[inline(always)]
fn sums_of<const B: usize>(
    ((x, from), (gradient, to)): Behind<'_>,
    batch: &Batch,
    (first, slope): (usize, impl Fn(f32) -> f32),
    [plain, scaled]: &mut Sums,
) {
    let parameters = [&batch.mean, &batch.scale, &batch.shift].map(|values| lanes::<B>(&values[first..]));
    let [mean, scale, shift] = parameters;
    let mut totals = [[[0.0_f64; LANES]; B]; 2];
    for y in 0..from.height {
        let (mut one, mut two) = ([[0.0; LANES]; B], [[0.0; LANES]; B]);
        let pixels = line_of((x, from), y).chunks_exact(from.stride);
        for (pixel, gradient) in pixels.zip(line_of((gradient, to), y).chunks_exact(to.stride)) {
            let (values, gradient) = (lanes::<B>(&pixel[first..]), lanes::<B>(&gradient[first..]));
            for b in 0..B {
                for l in 0..LANES {
                    let distance = values[b][l] - mean[b][l];
                    let g = gradient[b][l] * slope(distance * scale[b][l] + shift[b][l]);
                    one[b][l] += g;
                    two[b][l] += g * distance;
                }
            }
        }
        widen(&mut totals[0], &one);
        widen(&mut totals[1], &two);
    }
    plain[first..first + B * LANES].copy_from_slice(totals[0].as_flattened());
    scaled[first..first + B * LANES].copy_from_slice(totals[1].as_flattened());
}

/// dx of an image, after [`Batch::gradients`]; adds to what is there or replaces it.
#[inline(always)]
pub fn backward<const FMA: bool>(
    ((x, from), (gradient, to)): Behind<'_>,
    batch: &Batch,
    then: Option<Activation>,
    (output, add): (MapMut<'_>, bool),
) {
    let (output, out) = output;
    with_slope!(FMA, then, slope => {
        for y in 0..from.height {
            let pixels = line_of((x, from), y).chunks_exact(from.stride);
            let pixels = pixels.zip(line_of((gradient, to), y).chunks_exact(to.stride));
            let line = line_mut((&mut *output, out), y);
            for (o, (pixel, gradient)) in line.chunks_exact_mut(out.stride).zip(pixels) {
                back_pixel((pixel, gradient), batch, slope, (o, add));
            }
        }
    });
}

#[inline(always)]
fn back_pixel(
    (pixel, gradient): (&[f32], &[f32]),
    batch: &Batch,
    slope: impl Fn(f32) -> f32,
    (out, add): (&mut [f32], bool),
) {
    let length = out.len();
    let (pixel, gradient, mean) = (&pixel[..length], &gradient[..length], &batch.mean[..length]);
    let (scale, shift) = (&batch.scale[..length], &batch.shift[..length]);
    let (tilt, offset) = (&batch.slope[..length], &batch.offset[..length]);
    let of = |c: usize| {
        let distance = pixel[c] - mean[c];
        let g = gradient[c] * slope(distance * scale[c] + shift[c]);
        g * scale[c] + (distance * tilt[c] + offset[c])
    };
    if add {
        for c in 0..length {
            out[c] += of(c);
        }
    } else {
        for c in 0..length {
            out[c] = of(c);
        }
    }
}

/// The bounds of the groups of blocks of a pixel's lanes.
#[inline(always)]
fn blocks<const WIDE: usize>(shape: Shape) -> impl Iterator<Item = (usize, usize)> {
    let wide = if WIDE >= 4 { shape.stride / (4 * LANES) } else { 0 };
    let many = (0..wide).map(|at| (at * 4 * LANES, 4));
    many.chain((wide * 4..shape.stride / LANES).map(|at| (at * LANES, 1)))
}

#[inline(always)]
fn lanes<const B: usize>(values: &[f32]) -> [Lane; B] {
    let mut lanes = [[0.0; LANES]; B];
    lanes.as_flattened_mut().copy_from_slice(&values[..B * LANES]);
    lanes
}

#[inline(always)]
fn widen<const B: usize>(totals: &mut [[f64; LANES]; B], sums: &[Lane; B]) {
    for (total, sum) in totals.as_flattened_mut().iter_mut().zip(sums.as_flattened()) {
        *total += f64::from(*sum);
    }
}

/// A row of a map, without the border.
#[inline(always)]
pub fn line_of<'a>((values, shape): Map<'a>, y: usize) -> &'a [f32] {
    &values[shape.at(y, 0)..][..shape.width * shape.stride]
}

/// The same for an output.
#[inline(always)]
pub fn line_mut<'a>((values, shape): MapMut<'a>, y: usize) -> &'a mut [f32] {
    &mut values[shape.at(y, 0)..][..shape.width * shape.stride]
}
