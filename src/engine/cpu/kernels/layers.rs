//! The steps around the convolutions: each pixel's channels at a time, borders untouched.

use super::activation::activate;
use super::map::{Band, LANES, Lane, Map, MapMut, Shape};
use crate::engine::nets::graph::{Activation, Op};

#[inline(always)]
pub fn add<const FMA: bool>((a, from): Map<'_>, (b, other): Map<'_>, to: Band<'_>, then: Option<Activation>) {
    to.each(|y, x, out| {
        let (a, b) = (&a[from.at(y, x)..][..out.len()], &b[other.at(y, x)..][..out.len()]);
        for ((o, a), b) in out.iter_mut().zip(a).zip(b) {
            *o = a + b;
        }
        activate::<FMA>(then, out);
    });
}

#[inline(always)]
pub fn scale<const FMA: bool>(
    (a, from): Map<'_>,
    to: Band<'_>,
    (scale, shift): (&[f32], &[f32]),
    then: Option<Activation>,
) {
    to.each(|y, x, out| {
        let a = &a[from.at(y, x)..][..from.channels];
        for ((o, a), (scale, shift)) in out.iter_mut().zip(a).zip(scale.iter().zip(shift)) {
            *o = a * scale + shift;
        }
        activate::<FMA>(then, out);
    });
}

#[inline(always)]
pub fn activation<const FMA: bool>((a, from): Map<'_>, to: Band<'_>, then: Option<Activation>) {
    to.each(|y, x, out| {
        out.copy_from_slice(&a[from.at(y, x)..][..out.len()]);
        activate::<FMA>(then, out);
    });
}

#[inline(always)]
pub fn layer_norm((a, from): Map<'_>, to: Band<'_>, (scale, shift): (&[f32], &[f32]), epsilon: f64) {
    let share = 1.0 / from.channels as f32;
    to.each(|y, x, out| {
        let a = &a[from.at(y, x)..][..from.channels];
        let mean = sum(a, |v| v) * share;
        let variance = sum(a, |v| (v - mean) * (v - mean)) * share;
        let factor = 1.0 / (variance + epsilon as f32).sqrt();
        for ((o, a), (scale, shift)) in out.iter_mut().zip(a).zip(scale.iter().zip(shift)) {
            *o = (a - mean) * factor * scale + shift;
        }
    });
}

/// Normalisation over groups of channels and all pixels; each channel's sums are made a row at a time in f32 and added
/// up in f64, as distances from the first pixel, which are as small as the map's own spread.
#[inline(always)]
pub fn group_norm<const FMA: bool>(
    (a, from): Map<'_>,
    to: Band<'_>,
    (groups, epsilon): (usize, f64),
    (scale, shift): (&[f32], &[f32]),
    then: Option<Activation>,
) {
    let first = &a[from.at(0, 0)..][..from.channels];
    let mut sums = vec![[0.0_f64; 2]; from.channels];
    let (mut plain, mut squares) = (vec![0.0_f32; from.channels], vec![0.0_f32; from.channels]);
    for y in 0..from.height {
        plain.fill(0.0);
        squares.fill(0.0);
        for x in 0..from.width {
            let pixel = a[from.at(y, x)..][..from.channels].iter().zip(first);
            for ((plain, square), (a, first)) in plain.iter_mut().zip(&mut squares).zip(pixel) {
                let distance = a - first;
                *plain += distance;
                *square += distance * distance;
            }
        }
        for (sum, (&plain, &square)) in sums.iter_mut().zip(plain.iter().zip(&squares)) {
            sum[0] += f64::from(plain);
            sum[1] += f64::from(square);
        }
    }
    let moments = moments(&sums, first, (from.height * from.width) as f64);
    let mut factors = Vec::with_capacity(from.channels);
    for (group, moments) in moments.chunks_exact(from.channels / groups).enumerate() {
        let (mean, variance) = joint(moments);
        let inverse = 1.0 / (variance + epsilon).sqrt();
        let own = (0..moments.len()).map(|c| group * moments.len() + c);
        factors.extend(own.map(|c| [mean as f32, (f64::from(scale[c]) * inverse) as f32, shift[c]]));
    }
    to.each(|y, x, out| {
        for ((o, a), [mean, scale, shift]) in out.iter_mut().zip(&a[from.at(y, x)..]).zip(&factors) {
            *o = (a - mean) * scale + shift;
        }
        activate::<FMA>(then, out);
    });
}

/// Mean and biased variance of each channel, from sums of distances from `first` and of their squares.
fn moments(sums: &[[f64; 2]], first: &[f32], count: f64) -> Vec<[f64; 2]> {
    let of = |([plain, squares], &first): (&[f64; 2], &f32)| {
        let distance = plain / count;
        [f64::from(first) + distance, (squares / count - distance * distance).max(0.0)]
    };
    sums.iter().zip(first).map(of).collect()
}

/// Mean and biased variance of equally many values each, together (Chan et al. 1983).
pub fn joint(moments: &[[f64; 2]]) -> (f64, f64) {
    let share = 1.0 / moments.len() as f64;
    let mean = moments.iter().map(|m| m[0]).sum::<f64>() * share;
    (mean, moments.iter().map(|m| m[1] + (m[0] - mean).powi(2)).sum::<f64>() * share)
}

/// A row's values, added to every pixel.
#[inline(always)]
pub fn add_row((a, from): Map<'_>, (row, of): Map<'_>, to: Band<'_>) {
    to.each(|y, x, out| {
        let (a, row) = (&a[from.at(y, x)..][..out.len()], &row[of.at(0, 0)..][..out.len()]);
        for ((o, a), row) in out.iter_mut().zip(a).zip(row) {
            *o = a + row;
        }
    });
}

#[inline(always)]
pub fn gate((a, from): Map<'_>, (gate, row): Map<'_>, to: Band<'_>) {
    to.each(|y, x, out| {
        let (a, gate) = (&a[from.at(y, x)..][..out.len()], &gate[row.at(0, 0)..][..out.len()]);
        for ((o, a), gate) in out.iter_mut().zip(a).zip(gate) {
            *o = a * gate;
        }
    });
}

/// Channels that a step copies: output pixel (y, x) takes those of the pixel `step` times as far from `corner`.
pub struct ChannelCopy {
    /// Which of the step's inputs.
    pub input: usize,
    /// The first channel there.
    pub first: usize,
    /// Number of channels.
    pub count: usize,
    /// The first channel in the output.
    pub at: usize,
    /// Step in both directions.
    pub step: usize,
    /// Row and column of the input that output pixel (0, 0) takes.
    pub corner: [usize; 2],
}

impl ChannelCopy {
    /// What an operation consists of that only moves channels; `None` for others.
    pub fn of(op: Op, inputs: &[Shape]) -> Option<Vec<Self>> {
        let channels = inputs.first()?.channels;
        let whole = Self { input: 0, first: 0, count: channels, at: 0, step: 1, corner: [0, 0] };
        Some(match op {
            Op::Concat => {
                let mut at = 0;
                let mut copy = |(input, shape): (usize, &Shape)| {
                    at += shape.channels;
                    Self { input, count: shape.channels, at: at - shape.channels, ..whole }
                };
                inputs.iter().enumerate().map(&mut copy).collect()
            }
            Op::Channels { from, count } => vec![Self { first: from, count, ..whole }],
            Op::Shortcut { stride, pad } => vec![Self { at: pad, step: stride, ..whole }],
            Op::Merge => {
                let corners = [[0, 0], [1, 0], [0, 1], [1, 1]].into_iter().enumerate();
                corners.map(|(n, corner)| Self { at: n * channels, step: 2, corner, ..whole }).collect()
            }
            // The output's size says what is cut off and what is added.
            Op::FirstToken | Op::Pad { .. } | Op::Crop { .. } => vec![whole],
            _ => return None,
        })
    }
}

/// Copies channels of the inputs; zeros where nobody writes.
#[inline(always)]
pub fn copies<'a>(copies: &[ChannelCopy], input: impl Fn(usize) -> Option<Map<'a>>, mut to: Band<'_>) {
    if copies.iter().map(|copy| copy.count).sum::<usize>() < to.shape.channels {
        to.again().each(|_, _, out| out.fill(0.0));
    }
    for copy in copies {
        if let Some(input) = input(copy.input) {
            self::copy(input, to.again(), copy);
        }
    }
}

/// Pixels beyond the input are zeros.
#[inline(always)]
fn copy((a, from): Map<'_>, to: Band<'_>, copy: &ChannelCopy) {
    let ChannelCopy { first, count, at, step, corner, .. } = *copy;
    to.each(|y, x, out| {
        let (y, x) = (corner[0] + y * step, corner[1] + x * step);
        let out = &mut out[at..at + count];
        if y < from.height && x < from.width {
            out.copy_from_slice(&a[from.at(y, x) + first..][..count]);
        } else {
            out.fill(0.0);
        }
    });
}

/// Zeros in all channels.
pub fn clear(to: MapMut<'_>) {
    Band::whole(to).each(|_, _, out| out.fill(0.0));
}

#[inline(always)]
pub fn shuffle((a, from): Map<'_>, to: Band<'_>, groups: usize) {
    let each = from.channels / groups;
    to.each(|y, x, out| {
        let a = &a[from.at(y, x)..][..from.channels];
        for (g, a) in a.chunks_exact(each).enumerate() {
            for (o, &a) in out[g..].iter_mut().step_by(groups).zip(a) {
                *o = a;
            }
        }
    });
}

#[inline(always)]
pub fn class_token((a, from): Map<'_>, to: Band<'_>, token: &[f32]) {
    to.each(|_, x, out| {
        let at = x.checked_sub(1).map(|i| from.at(i / from.width, i % from.width));
        let pixel = at.map_or(token, |at| &a[at..at + from.channels]);
        out[..pixel.len()].copy_from_slice(pixel);
    });
}

#[inline(always)]
pub fn positions((a, from): Map<'_>, to: Band<'_>, values: &[f32]) {
    to.each(|y, x, out| {
        let values = &values[(y * from.width + x) * from.channels..][..from.channels];
        for ((o, a), value) in out.iter_mut().zip(&a[from.at(y, x)..]).zip(values) {
            *o = a + value;
        }
    });
}

/// Folds every [`LANES`]th value.
#[inline(always)]
pub fn lanes(values: &[f32], start: f32, fold: impl Fn(f32, f32) -> f32) -> Lane {
    let mut folded = [start; LANES];
    let (whole, rest) = values.as_chunks::<LANES>();
    for chunk in whole {
        for lane in 0..LANES {
            folded[lane] = fold(folded[lane], chunk[lane]);
        }
    }
    for (folded, &value) in folded.iter_mut().zip(rest) {
        *folded = fold(*folded, value);
    }
    folded
}

/// Sums a function of all values, in an order that depends on their number alone.
#[inline(always)]
pub fn sum(values: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let mut sums = lanes(values, 0.0, |sum, value| sum + term(value));
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            sums[lane] += sums[lane + half];
        }
    }
    sums[0]
}

/// Channel, row, column → channels-last with a border; a row is a map of one pixel.
pub fn load_planes(image: &[f32], (output, to): MapMut<'_>) {
    let plane = to.height * to.width;
    Band::whole((output, to)).each(|y, x, out| {
        for (c, o) in out.iter_mut().take(to.channels).enumerate() {
            *o = image[c * plane + y * to.width + x];
        }
    });
}

/// Channels-last → PyTorch's order: channel, row, column.
pub fn store((a, from): Map<'_>, output: &mut [f32]) {
    // A few channels at a time, so that the cache lines that are written stay at hand.
    for start in (0..from.channels).step_by(LANES) {
        let planes = output[start * from.height * from.width..].chunks_exact_mut(from.height * from.width);
        for (plane, c) in planes.zip(start..from.channels.min(start + LANES)) {
            for (y, row) in plane.chunks_exact_mut(from.width).enumerate() {
                for (x, o) in row.iter_mut().enumerate() {
                    *o = a[from.at(y, x) + c];
                }
            }
        }
    }
}

/// Rows of several images → the pixels of a map.
pub fn load_rows(rows: &[f32], (output, to): MapMut<'_>) {
    for (row, pixel) in rows.chunks_exact(to.channels).zip(output.chunks_exact_mut(to.stride)) {
        pixel[..row.len()].copy_from_slice(row);
    }
}

/// The pixels of a map → rows of several images.
pub fn store_rows((a, from): Map<'_>, rows: &mut [f32]) {
    for (row, pixel) in rows.chunks_exact_mut(from.channels).zip(a.chunks_exact(from.stride)) {
        row.copy_from_slice(&pixel[..row.len()]);
    }
}
