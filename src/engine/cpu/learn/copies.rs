//! Backward through steps that copy, add or multiply.

use super::slope::with_slope;
use crate::engine::cpu::kernels::layers::ChannelCopy;
use crate::engine::cpu::kernels::map::{Map, MapMut, line_mut, line_of};
use crate::engine::nets::graph::Activation;

/// Writes values, or adds them to what is there.
#[inline(always)]
pub fn put(out: &mut [f32], values: impl Iterator<Item = f32>, add: bool) {
    if add {
        for (out, value) in out.iter_mut().zip(values) {
            *out += value;
        }
    } else {
        for (out, value) in out.iter_mut().zip(values) {
            *out = value;
        }
    }
}

/// The gradient as it is, for maps whose pixels lie equally far apart.
#[inline(always)]
pub fn same(gradient: Map<'_>, (output, to): MapMut<'_>, add: bool) {
    for y in 0..to.height {
        put(line_mut((output, to), y), line_of(gradient, y).iter().copied(), add);
    }
}

/// The gradient times a mask that lies as the map's pixels do, row after row.
#[inline(always)]
pub fn masked(gradient: Map<'_>, mask: &[f32], (output, to): MapMut<'_>, add: bool) {
    let row = to.width * to.stride;
    for y in 0..to.height {
        let values = line_of(gradient, y).iter().zip(&mask[y * row..]).map(|(g, m)| g * m);
        put(line_mut((output, to), y), values, add);
    }
}

/// The gradient times the derivative of an activation at `x`.
#[inline(always)]
pub fn activation<const FMA: bool>(
    (x, gradient): (Map<'_>, Map<'_>),
    (output, to): MapMut<'_>,
    activation: Activation,
    add: bool,
) {
    with_slope!(FMA, Some(activation), slope => {
        for y in 0..to.height {
            let values = line_of(gradient, y).iter().zip(line_of(x, y)).map(|(g, &x)| g * slope(x));
            put(line_mut((&mut *output, to), y), values, add);
        }
    });
}

/// Of the map that a gate multiplies.
#[inline(always)]
pub fn gated(gradient: Map<'_>, (gate, row): Map<'_>, (output, to): MapMut<'_>, add: bool) {
    let gate = &gate[row.at(0, 0)..][..to.stride];
    for y in 0..to.height {
        let pixels = line_of(gradient, y).chunks_exact(gradient.1.stride);
        for (out, pixel) in line_mut((output, to), y).chunks_exact_mut(to.stride).zip(pixels) {
            put(out, pixel.iter().zip(gate).map(|(g, gate)| g * gate), add);
        }
    }
}

/// Of the gate itself: the sum over the map.
#[inline(always)]
pub fn gate(gradient: Map<'_>, x: Map<'_>, (output, to): MapMut<'_>, add: bool) {
    let out = &mut output[to.at(0, 0)..][..to.stride];
    if !add {
        out.fill(0.0);
    }
    for y in 0..x.1.height {
        let pixels = line_of(gradient, y).chunks_exact(gradient.1.stride);
        for (pixel, x) in pixels.zip(line_of(x, y).chunks_exact(x.1.stride)) {
            put(out, pixel.iter().zip(x).map(|(g, x)| g * x), true);
        }
    }
}

/// Back through a copied part; what it left out is untouched.
#[inline(always)]
pub fn part((gradient, to): Map<'_>, (output, from): MapMut<'_>, part: &ChannelCopy, add: bool) {
    let ChannelCopy { first, count, at, step, corner, .. } = *part;
    for y in (0..to.height).filter(|y| corner[0] + y * step < from.height) {
        for x in (0..to.width).filter(|x| corner[1] + x * step < from.width) {
            let out = &mut output[from.at(corner[0] + y * step, corner[1] + x * step) + first..][..count];
            put(out, gradient[to.at(y, x) + at..][..count].iter().copied(), add);
        }
    }
}

/// Back through a channel shuffle.
#[inline(always)]
pub fn shuffle((gradient, to): Map<'_>, (output, from): MapMut<'_>, groups: usize, add: bool) {
    let each = from.channels / groups;
    for y in 0..from.height {
        for x in 0..from.width {
            let gradient = &gradient[to.at(y, x)..][..to.channels];
            let out = &mut output[from.at(y, x)..][..from.channels];
            for (g, out) in out.chunks_exact_mut(each).enumerate() {
                put(out, gradient[g..].iter().step_by(groups).copied(), add);
            }
        }
    }
}

/// Back from a row, channel first, to a map.
#[inline(always)]
pub fn flatten(gradient: &[f32], (output, to): MapMut<'_>, add: bool) {
    let plane = to.height * to.width;
    for y in 0..to.height {
        for x in 0..to.width {
            let out = &mut output[to.at(y, x)..][..to.channels];
            put(out, gradient[y * to.width + x..].iter().step_by(plane).copied(), add);
        }
    }
}
