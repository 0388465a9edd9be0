//! Batch norm by its running statistics, with the activation that follows it and the probe of its input's statistics: one
//! sweep each way, because maps that don't fit the caches are slower to read than to compute.

use pulp::Simd;

use super::map::{Map, MapMut, line_mut, line_of};
use super::norm::{self, Batch, Behind, Rectifier, Sums};

/// A gradient that is slope·(x − mean) + offset in each channel; vectors are as long as pixels lie apart.
#[derive(Clone, Debug)]
pub struct Line {
    /// Where only the offset is left.
    pub mean: Vec<f32>,
    /// Per distance from there.
    pub slope: Vec<f32>,
    /// At the mean.
    pub offset: Vec<f32>,
}

/// y = a((x − mean)·scale + shift), and [`norm::statistics`] of x where they are wanted.
#[inline(always)]
pub fn forward<S: Simd>(
    simd: S,
    x: Map<'_>,
    (output, to): MapMut<'_>,
    (batch, then): (&Batch, Rectifier),
    mut sums: Option<&mut Sums>,
) {
    for sums in sums.iter_mut().flat_map(|sums| sums.iter_mut()) {
        sums.fill(0.0);
    }
    for y in 0..to.height {
        if let Some(sums) = &mut sums {
            norm::add_row(simd, x, y, sums);
        }
        norm::forward_row((x, y), (&mut *output, to), batch, then);
    }
    if let Some(sums) = sums {
        norm::conclude(x, sums);
    }
}

/// dx = a′·dy·scale, and the line that a probe's gradient is; adds to what is there or replaces it. Without activation
/// and line, x isn't read.
#[inline(always)]
pub fn backward(behind: Behind<'_>, (batch, then): (&Batch, Rectifier), line: Option<&Line>, to: (MapMut<'_>, bool)) {
    match then {
        Rectifier::None if line.is_none() => scaled(behind.1, batch, to),
        Rectifier::None => gated(behind, batch, |_, g| g, (line, to)),
        Rectifier::Relu => gated(behind, batch, |z, g| if z > 0.0 { g } else { 0.0 }, (line, to)),
        Rectifier::Relu6 => gated(behind, batch, |z, g| if z > 0.0 && z < 6.0 { g } else { 0.0 }, (line, to)),
    }
}

#[inline(always)]
fn scaled(gradient: Map<'_>, batch: &Batch, ((output, to), add): (MapMut<'_>, bool)) {
    for y in 0..to.height {
        let pixels = line_of(gradient, y).chunks_exact(gradient.1.stride);
        for (out, gradient) in line_mut((output, to), y).chunks_exact_mut(to.stride).zip(pixels) {
            let length = out.len();
            let (gradient, scale) = (&gradient[..length], &batch.scale[..length]);
            for c in 0..length {
                let value = gradient[c] * scale[c];
                out[c] = if add { out[c] + value } else { value };
            }
        }
    }
}

#[inline(always)]
fn gated(
    (x, gradient): Behind<'_>,
    batch: &Batch,
    gate: impl Fn(f32, f32) -> f32 + Copy,
    (line, ((output, to), add)): (Option<&Line>, (MapMut<'_>, bool)),
) {
    for y in 0..to.height {
        let pixels = line_of(x, y).chunks_exact(x.1.stride);
        let pixels = pixels.zip(line_of(gradient, y).chunks_exact(gradient.1.stride));
        for (out, pixel) in line_mut((output, to), y).chunks_exact_mut(to.stride).zip(pixels) {
            match line {
                Some(line) => gated_pixel_and_line(pixel, batch, gate, (line, out, add)),
                None => gated_pixel(pixel, batch, gate, (out, add)),
            }
        }
    }
}

#[inline(always)]
fn gated_pixel(
    (pixel, gradient): (&[f32], &[f32]),
    batch: &Batch,
    gate: impl Fn(f32, f32) -> f32,
    (out, add): (&mut [f32], bool),
) {
    let length = out.len();
    let (pixel, gradient, mean) = (&pixel[..length], &gradient[..length], &batch.mean[..length]);
    let (scale, shift) = (&batch.scale[..length], &batch.shift[..length]);
    // No closure but the gate: one that isn't inlined is compiled without the vector instructions.
    for c in 0..length {
        let value = gate((pixel[c] - mean[c]) * scale[c] + shift[c], gradient[c]) * scale[c];
        out[c] = if add { out[c] + value } else { value };
    }
}

#[inline(always)]
fn gated_pixel_and_line(
    (pixel, gradient): (&[f32], &[f32]),
    batch: &Batch,
    gate: impl Fn(f32, f32) -> f32,
    (line, out, add): (&Line, &mut [f32], bool),
) {
    let length = out.len();
    let (pixel, gradient, mean) = (&pixel[..length], &gradient[..length], &batch.mean[..length]);
    let (scale, shift) = (&batch.scale[..length], &batch.shift[..length]);
    let (centre, slope, offset) = (&line.mean[..length], &line.slope[..length], &line.offset[..length]);
    for c in 0..length {
        let g = gate((pixel[c] - mean[c]) * scale[c] + shift[c], gradient[c]);
        let value = g * scale[c] + ((pixel[c] - centre[c]) * slope[c] + offset[c]);
        out[c] = if add { out[c] + value } else { value };
    }
}
