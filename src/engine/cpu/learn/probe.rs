//! Probes of a stage: what they show of its values, and gradients that enter there.

use rayon::prelude::*;

use super::space::Space;
use super::stage::Probe;
use crate::core::train::statistics::ChannelStatistics;
use crate::engine::cpu::kernels::frozen_norm::Line;
use crate::engine::cpu::kernels::layers;
use crate::engine::cpu::kernels::map::{Map, MapMut, Shape, line_mut, line_of};
use crate::engine::cpu::kernels::norm::Moments;
use crate::engine::learn::Entry;
use crate::engine::plan::Feature;

/// The values of a probe of all images of the batch, channel first; `group` images lie side by side in a space, 0 for
/// one.
pub fn read((probe, slot): (&Probe, usize), spaces: &[Space], shape: Shape, (batch, group): (usize, usize)) -> Feature {
    let (height, width) = if group > 0 { (1, 1) } else { (shape.height, shape.width) };
    let length = shape.channels * height * width;
    let mut values = vec![0.0; batch * length];
    values.par_chunks_mut(length * group.max(1)).zip(spaces).for_each(|(values, space)| {
        let map = (space.values[slot].as_slice(), shape);
        if group > 0 { layers::store_rows(map, values) } else { layers::store(map, values) }
    });
    let rest = if probe.row { &[][..] } else { &[height, width] };
    Feature { shape: [&[batch, shape.channels], rest].concat(), values }
}

/// A gradient on its way into a map.
pub enum Pull<'a> {
    /// None.
    Nothing,
    /// Of the values, image by image, channel first.
    Values(&'a [f32]),
    /// Of the statistics: mean of the batch, 2/n · d loss / d variance, 1/n · d loss / d mean.
    Statistics(Line),
}

impl<'a> Pull<'a> {
    /// Of a gradient that [fits](Entry::fits) its probe, which saw these moments.
    pub fn new(entry: &Entry<'a>, moments: &Moments) -> Self {
        match *entry {
            Entry::Nothing => Self::Nothing,
            Entry::Values(values) => Self::Values(values),
            Entry::Statistics(gradient) => {
                let length = moments.mean.len();
                let shares = |of: &[f32], factor: f64| {
                    let mut shares = vec![0.0; length];
                    shares.iter_mut().zip(of).for_each(|(to, &g)| *to = (factor * f64::from(g) / moments.seen) as f32);
                    shares
                };
                Self::Statistics(Line {
                    mean: moments.mean.iter().map(|&m| m as f32).collect(),
                    slope: shares(&gradient.variance, 2.0),
                    offset: shares(&gradient.mean, 1.0),
                })
            }
        }
    }
}

/// What moments are outside: of the channels alone.
pub fn statistics(moments: &Moments, channels: usize) -> ChannelStatistics {
    let single = |values: &mut dyn Iterator<Item = f64>| values.take(channels).map(|v| v as f32).collect();
    ChannelStatistics { mean: single(&mut moments.mean.iter().copied()), variance: single(&mut moments.variance()) }
}

/// Adds what enters to the gradient of the value `x`, or puts it there. `images` are the number of the space's first
/// image and how many there are, side by side, 0 for one.
#[inline(always)]
pub fn enter(pull: &Pull<'_>, images: (usize, usize), x: Map<'_>, (output, to): MapMut<'_>, add: bool) {
    if !add {
        layers::clear((&mut *output, to));
    }
    match pull {
        Pull::Nothing => {}
        Pull::Values(values) => enter_values(values, images, (output, to)),
        Pull::Statistics(Line { mean, slope, offset }) => {
            for y in 0..to.height {
                let pixels = line_of(x, y).chunks_exact(x.1.stride);
                for (out, pixel) in line_mut((&mut *output, to), y).chunks_exact_mut(to.stride).zip(pixels) {
                    let length = out.len();
                    let (pixel, mean) = (&pixel[..length], &mean[..length]);
                    let (slope, offset) = (&slope[..length], &offset[..length]);
                    for c in 0..length {
                        out[c] += (pixel[c] - mean[c]) * slope[c] + offset[c];
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn enter_values(values: &[f32], (first, columns): (usize, usize), (output, to): MapMut<'_>) {
    // Of a group, each image is one pixel; else the map is one image's.
    let plane = if columns > 0 { 1 } else { to.height * to.width };
    let images = values.chunks_exact(plane * to.channels).skip(first);
    for (image, values) in images.take(columns.max(1)).enumerate() {
        for at in 0..plane {
            let pixel = if columns > 0 { to.at(0, image) } else { to.at(at / to.width, at % to.width) };
            let channels = values[at..].iter().step_by(plane);
            output[pixel..][..to.channels].iter_mut().zip(channels).for_each(|(out, value)| *out += value);
        }
    }
}
