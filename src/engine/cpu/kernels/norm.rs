//! Batch norm by the statistics of the batch, with the activation that follows it (Ioffe and Szegedy 2015).
//!
//! The sums of an image are made by the thread that has it; they are brought together in the images' order, so that the
//! bytes don't depend on threads. Variances are kept as sums of squares about each image's own mean (Chan et al. 1983),
//! which doesn't cancel where the mean is large.

use pulp::Simd;

use super::isa::{load, store};
use super::map::{LANES, Map, MapMut, Shape, line_mut, line_of};
use crate::engine::nets::graph::Activation;

/// Two numbers per channel of an image: mean and sum of squares about it forward, Σ dy and Σ dy·(x − mean) backward.
pub type Sums = [Vec<f64>; 2];

/// What one batch norm makes of a batch, or a group norm of an image ([`super::group_norm`]); vectors are as long as
/// pixels lie apart.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Mean.
    pub mean: Vec<f32>,
    /// Unbiased variance, which the running one moves towards.
    pub unbiased: Vec<f32>,
    /// 1 / √(biased variance + ε).
    pub(super) inverse: Vec<f32>,
    /// γ / √(biased variance + ε).
    pub(super) scale: Vec<f32>,
    /// β.
    pub(super) shift: Vec<f32>,
    /// dx = scale·dy + slope·(x − mean) + offset.
    pub(super) slope: Vec<f32>,
    pub(super) offset: Vec<f32>,
}

/// Mean and sum of squares about it, brought together from images.
#[derive(Clone, Debug, Default)]
pub struct Moments {
    /// Mean of each channel.
    pub mean: Vec<f64>,
    squares: Vec<f64>,
    /// Pixels.
    pub seen: f64,
}

impl Moments {
    /// Of the images' statistics, in their order, each with its number of pixels.
    pub fn new<'a>(sums: impl Iterator<Item = (&'a Sums, usize)>) -> Self {
        let mut sums = sums.peekable();
        let length = sums.peek().map_or(0, |(first, _)| first[0].len());
        let (mut mean, mut squares, mut seen) = (vec![0.0_f64; length], vec![0.0_f64; length], 0.0);
        for ([means, more], count) in sums {
            let all = seen + count as f64;
            for c in 0..length {
                let distance = means[c] - mean[c];
                mean[c] += distance * count as f64 / all;
                squares[c] += more[c] + distance * distance * seen * count as f64 / all;
            }
            seen = all;
        }
        Self { mean, squares, seen }
    }

    /// Biased variance of each channel.
    pub fn variance(&self) -> impl Iterator<Item = f64> + '_ {
        self.squares.iter().map(|s| s / self.seen)
    }
}

/// Values with zeros behind them.
fn padded(values: &[f32], length: usize) -> Vec<f32> {
    [values, &vec![0.0; length - values.len()]].concat()
}

impl Batch {
    /// By the statistics of a batch.
    pub fn new(moments: &Moments, (gamma, beta): (&[f32], &[f32]), epsilon: f64) -> Self {
        let length = moments.mean.len();
        let inverse: Vec<f32> = moments.variance().map(|v| (1.0 / (v + epsilon).sqrt()) as f32).collect();
        Self {
            mean: moments.mean.iter().map(|&m| m as f32).collect(),
            unbiased: moments.squares.iter().map(|s| (s / (moments.seen - 1.0).max(1.0)) as f32).collect(),
            scale: padded(gamma, length).iter().zip(&inverse).map(|(g, i)| g * i).collect(),
            shift: padded(beta, length),
            inverse,
            ..Self::default()
        }
    }

    /// By the running statistics, mean and variance, which no image moves; pixels lie `length` apart.
    pub fn frozen(
        [mean, variance]: [&[f32]; 2],
        (gamma, beta): (&[f32], &[f32]),
        (length, epsilon): (usize, f64),
    ) -> Self {
        let variance = padded(variance, length);
        let inverse: Vec<f32> = variance.iter().map(|&v| (1.0 / (f64::from(v) + epsilon).sqrt()) as f32).collect();
        Self {
            mean: padded(mean, length),
            unbiased: Vec::new(),
            scale: padded(gamma, length).iter().zip(&inverse).map(|(g, i)| g * i).collect(),
            shift: padded(beta, length),
            inverse,
            slope: vec![0.0; length],
            offset: vec![0.0; length],
        }
    }

    /// Takes the sums of the backward pass: adds to the gradients of γ and β, and prepares [`backward`].
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

/// Registers of a pixel's channels that are summed together.
const WIDE: usize = 4;

/// Mean of each channel of an image, and the sum of squares about it.
#[inline(always)]
pub fn statistics<S: Simd>(simd: S, x: Map<'_>, sums: &mut Sums) {
    sums.iter_mut().for_each(|sums| sums.fill(0.0));
    for y in 0..x.1.height {
        add_row(simd, x, y, sums);
    }
    conclude(x, sums);
}

/// Adds a row's distances from the first pixel, which are as small as the image's own spread, and their squares.
#[inline(always)]
pub(super) fn add_row<S: Simd>(simd: S, x: Map<'_>, y: usize, sums: &mut Sums) {
    for (first, wide) in parts::<S>(x.1) {
        if wide {
            add_row_of::<S, WIDE>(simd, x, (y, first), sums);
        } else {
            add_row_of::<S, 1>(simd, x, (y, first), sums);
        }
    }
}

#[inline(always)]
fn add_row_of<S: Simd, const N: usize>(
    simd: S,
    (x, from): Map<'_>,
    (y, first): (usize, usize),
    [plain, squares]: &mut Sums,
) {
    let length = N * S::F32_LANES;
    let shift = load::<S, N>(simd, &x[from.at(0, 0) + first..][..length]);
    let mut sums = [[simd.splat_f32s(0.0); N]; 2];
    for pixel in line_of((x, from), y).chunks_exact(from.stride) {
        let values = load::<S, N>(simd, &pixel[first..][..length]);
        for n in 0..N {
            let distance = simd.sub_f32s(values[n], shift[n]);
            sums[0][n] = simd.add_f32s(sums[0][n], distance);
            sums[1][n] = simd.mul_add_e_f32s(distance, distance, sums[1][n]);
        }
    }
    widen(simd, &mut plain[first..][..length], sums[0]);
    widen(simd, &mut squares[first..][..length], sums[1]);
}

/// Makes mean and sum of squares about it of the rows' sums.
#[inline(always)]
pub(super) fn conclude((x, from): Map<'_>, [means, squares]: &mut Sums) {
    let count = (from.height * from.width) as f64;
    for ((mean, square), shift) in means.iter_mut().zip(squares).zip(&x[from.at(0, 0)..]) {
        *square = (*square - *mean * *mean / count).max(0.0);
        *mean = f64::from(*shift) + *mean / count;
    }
}

/// The activation that a batch norm takes along: one whose derivative shows in the sign of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rectifier {
    /// None.
    None,
    /// max(0, x).
    Relu,
    /// min(max(0, x), 6).
    Relu6,
}

impl Rectifier {
    /// `None` for another activation.
    pub fn of(activation: Activation) -> Option<Self> {
        match activation {
            Activation::Relu => Some(Self::Relu),
            Activation::Relu6 => Some(Self::Relu6),
            _ => None,
        }
    }
}

/// y = a((x − mean)·scale + shift).
#[inline(always)]
pub fn forward(x: Map<'_>, (output, to): MapMut<'_>, batch: &Batch, then: Rectifier) {
    for y in 0..to.height {
        forward_row((x, y), (&mut *output, to), batch, then);
    }
}

/// The same for one row.
#[inline(always)]
pub(super) fn forward_row((x, y): (Map<'_>, usize), to: MapMut<'_>, batch: &Batch, then: Rectifier) {
    match then {
        Rectifier::None => forward_of((x, y), to, batch, |z| z),
        Rectifier::Relu => forward_of((x, y), to, batch, |z| z.max(0.0)),
        Rectifier::Relu6 => forward_of((x, y), to, batch, |z| z.clamp(0.0, 6.0)),
    }
}

#[inline(always)]
fn forward_of((x, y): (Map<'_>, usize), to: MapMut<'_>, batch: &Batch, then: impl Fn(f32) -> f32) {
    let stride = to.1.stride;
    for (out, pixel) in line_mut(to, y).chunks_exact_mut(stride).zip(line_of(x, y).chunks_exact(x.1.stride)) {
        let length = out.len();
        let (pixel, mean) = (&pixel[..length], &batch.mean[..length]);
        let (scale, shift) = (&batch.scale[..length], &batch.shift[..length]);
        for c in 0..length {
            out[c] = then((pixel[c] - mean[c]) * scale[c] + shift[c]);
        }
    }
}

/// What the backward pass reads: the batch norm's input, and the gradient of the activation's output.
pub type Behind<'a> = (Map<'a>, Map<'a>);

/// Σ g and Σ g·(x − mean) of an image, with g = dy·a′.
#[inline(always)]
pub fn backward_sums<S: Simd>(simd: S, behind: Behind<'_>, batch: &Batch, then: Rectifier, sums: &mut Sums) {
    let zero = simd.splat_f32s(0.0);
    match then {
        Rectifier::None => sums_of(simd, behind, batch, |_, g| g, sums),
        Rectifier::Relu => sums_of(simd, behind, batch, |z, g| above(simd, z, zero, g), sums),
        Rectifier::Relu6 => {
            let six = simd.splat_f32s(6.0);
            sums_of(simd, behind, batch, |z, g| above(simd, z, zero, above(simd, six, z, g)), sums);
        }
    }
}

/// g where a > b, else 0.
#[inline(always)]
fn above<S: Simd>(simd: S, a: S::f32s, b: S::f32s, g: S::f32s) -> S::f32s {
    simd.select_f32s(simd.greater_than_f32s(a, b), g, simd.splat_f32s(0.0))
}

#[inline(always)]
fn sums_of<S: Simd>(
    simd: S,
    behind: Behind<'_>,
    batch: &Batch,
    gate: impl Fn(S::f32s, S::f32s) -> S::f32s + Copy,
    sums: &mut Sums,
) {
    for (first, wide) in parts::<S>(behind.0.1) {
        if wide {
            sums_of_part::<S, WIDE>(simd, behind, (batch, first), gate, sums);
        } else {
            sums_of_part::<S, 1>(simd, behind, (batch, first), gate, sums);
        }
    }
}

#[inline(always)]
fn sums_of_part<S: Simd, const N: usize>(
    simd: S,
    ((x, from), (gradient, to)): Behind<'_>,
    (batch, first): (&Batch, usize),
    gate: impl Fn(S::f32s, S::f32s) -> S::f32s,
    [plain, scaled]: &mut Sums,
) {
    let length = N * S::F32_LANES;
    let mean = load::<S, N>(simd, &batch.mean[first..][..length]);
    let scale = load::<S, N>(simd, &batch.scale[first..][..length]);
    let shift = load::<S, N>(simd, &batch.shift[first..][..length]);
    let (plain, scaled) = (&mut plain[first..][..length], &mut scaled[first..][..length]);
    plain.fill(0.0);
    scaled.fill(0.0);
    for y in 0..from.height {
        let mut sums = [[simd.splat_f32s(0.0); N]; 2];
        let pixels = line_of((x, from), y).chunks_exact(from.stride);
        for (pixel, gradient) in pixels.zip(line_of((gradient, to), y).chunks_exact(to.stride)) {
            let values = load::<S, N>(simd, &pixel[first..][..length]);
            let gradient = load::<S, N>(simd, &gradient[first..][..length]);
            for n in 0..N {
                let distance = simd.sub_f32s(values[n], mean[n]);
                let g = gate(simd.add_f32s(simd.mul_f32s(distance, scale[n]), shift[n]), gradient[n]);
                sums[0][n] = simd.add_f32s(sums[0][n], g);
                sums[1][n] = simd.mul_add_e_f32s(g, distance, sums[1][n]);
            }
        }
        widen(simd, plain, sums[0]);
        widen(simd, scaled, sums[1]);
    }
}

/// dx of an image, after [`Batch::gradients`]; adds to what is there or replaces it.
#[inline(always)]
pub fn backward(behind: Behind<'_>, batch: &Batch, then: Rectifier, to: (MapMut<'_>, bool)) {
    match then {
        Rectifier::None => backward_of(behind, batch, |_, g| g, to),
        Rectifier::Relu => backward_of(behind, batch, |z, g| if z > 0.0 { g } else { 0.0 }, to),
        Rectifier::Relu6 => backward_of(behind, batch, |z, g| if z > 0.0 && z < 6.0 { g } else { 0.0 }, to),
    }
}

#[inline(always)]
fn backward_of(
    ((x, from), (gradient, to)): Behind<'_>,
    batch: &Batch,
    gate: impl Fn(f32, f32) -> f32 + Copy,
    ((output, out), add): (MapMut<'_>, bool),
) {
    for y in 0..from.height {
        let pixels = line_of((x, from), y).chunks_exact(from.stride);
        let pixels = pixels.zip(line_of((gradient, to), y).chunks_exact(to.stride));
        for (out, pixel) in line_mut((output, out), y).chunks_exact_mut(out.stride).zip(pixels) {
            backward_pixel(pixel, batch, gate, (out, add));
        }
    }
}

#[inline(always)]
fn backward_pixel(
    (pixel, gradient): (&[f32], &[f32]),
    batch: &Batch,
    gate: impl Fn(f32, f32) -> f32,
    (out, add): (&mut [f32], bool),
) {
    let length = out.len();
    let (pixel, gradient, mean) = (&pixel[..length], &gradient[..length], &batch.mean[..length]);
    let (scale, shift) = (&batch.scale[..length], &batch.shift[..length]);
    let (slope, offset) = (&batch.slope[..length], &batch.offset[..length]);
    // No closure but the gate: one that isn't inlined is compiled without the vector instructions.
    for (c, out) in out.iter_mut().enumerate() {
        let distance = pixel[c] - mean[c];
        let g = gate(distance * scale[c] + shift[c], gradient[c]);
        let value = g * scale[c] + (distance * slope[c] + offset[c]);
        *out = if add { *out + value } else { value };
    }
}

/// Where groups of [`WIDE`] registers of a pixel begin, and then those of single ones.
#[inline(always)]
fn parts<S: Simd>(shape: Shape) -> impl Iterator<Item = (usize, bool)> {
    let (all, lanes) = (shape.stride / S::F32_LANES, S::F32_LANES);
    let wide = all / WIDE * WIDE;
    let groups = (0..wide).step_by(WIDE).map(move |at| (at * lanes, true));
    groups.chain((wide..all).map(move |at| (at * lanes, false)))
}

/// Adds registers to sums of 64 bits.
#[inline(always)]
fn widen<S: Simd, const N: usize>(simd: S, totals: &mut [f64], sums: [S::f32s; N]) {
    let mut lanes = [0.0; WIDE * LANES];
    let lanes = &mut lanes[..N * S::F32_LANES];
    store(simd, sums, lanes);
    for (total, sum) in totals.iter_mut().zip(lanes) {
        *total += f64::from(*sum);
    }
}
