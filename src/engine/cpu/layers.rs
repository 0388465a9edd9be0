//! The steps around the convolutions: each pixel's channels at a time, borders untouched.

use super::kernel::Shape;
use crate::engine::nets::graph::Pool;

/// Planar RGB → channels-last with a border.
pub fn load_image(image: &[f32], output: &mut [f32], shape: Shape) {
    let plane = shape.height * shape.width;
    for y in 0..shape.height {
        let row = shape.at(y, 0);
        for x in 0..shape.width {
            for c in 0..3 {
                output[row + 3 * x + c] = image[c * plane + y * shape.width + x];
            }
        }
    }
}

/// Calls `each` with the row, the column and the output channels of every pixel.
#[inline(always)]
fn pixels(output: &mut [f32], to: Shape, mut each: impl FnMut(usize, usize, &mut [f32])) {
    for y in 0..to.height {
        for x in 0..to.width {
            let at = to.at(y, x);
            each(y, x, &mut output[at..at + to.stride]);
        }
    }
}

#[inline(always)]
pub fn add((a, from): (&[f32], Shape), join: Option<(&[f32], Shape)>, (output, to): (&mut [f32], Shape), relu: bool) {
    let Some((b, other)) = join else { return };
    pixels(output, to, |y, x, out| {
        let (a, b) = (&a[from.at(y, x)..][..out.len()], &b[other.at(y, x)..][..out.len()]);
        for ((o, a), b) in out.iter_mut().zip(a).zip(b) {
            *o = if relu { (a + b).max(0.0) } else { a + b };
        }
    });
}

#[inline(always)]
pub fn scale((a, from): (&[f32], Shape), (output, to): (&mut [f32], Shape), scale: &[f32], shift: &[f32]) {
    pixels(output, to, |y, x, out| {
        let a = &a[from.at(y, x)..][..from.channels];
        for ((o, a), (scale, shift)) in out.iter_mut().zip(a).zip(scale.iter().zip(shift)) {
            *o = a * scale + shift;
        }
    });
}

#[inline(always)]
pub fn relu((a, from): (&[f32], Shape), (output, to): (&mut [f32], Shape)) {
    pixels(output, to, |y, x, out| {
        for (o, a) in out.iter_mut().zip(&a[from.at(y, x)..]) {
            *o = a.max(0.0);
        }
    });
}

/// The part of a window from `start` (before the padding is taken off) that lies inside 0..`size`.
fn inside(start: usize, pool: Pool, size: usize) -> std::ops::Range<usize> {
    start.saturating_sub(pool.padding)..(start + pool.kernel).saturating_sub(pool.padding).min(size)
}

#[inline(always)]
pub fn max_pool((a, from): (&[f32], Shape), (output, to): (&mut [f32], Shape), pool: Pool) {
    pixels(output, to, |y, x, out| {
        out.fill(f32::NEG_INFINITY);
        for sy in inside(y * pool.stride, pool, from.height) {
            for sx in inside(x * pool.stride, pool, from.width) {
                for (o, a) in out.iter_mut().zip(&a[from.at(sy, sx)..][..from.stride]) {
                    *o = o.max(*a);
                }
            }
        }
    });
}

#[inline(always)]
pub fn avg_pool((a, from): (&[f32], Shape), (output, to): (&mut [f32], Shape), pool: Pool) {
    let share = 1.0 / (pool.kernel * pool.kernel) as f32;
    pixels(output, to, |y, x, out| {
        out.fill(0.0);
        for sy in inside(y * pool.stride, pool, from.height) {
            for sx in inside(x * pool.stride, pool, from.width) {
                for (o, a) in out.iter_mut().zip(&a[from.at(sy, sx)..][..from.stride]) {
                    *o += a;
                }
            }
        }
        for o in out {
            *o *= share;
        }
    });
}

#[inline(always)]
pub fn shortcut((a, from): (&[f32], Shape), (output, to): (&mut [f32], Shape), stride: usize, pad: usize) {
    pixels(output, to, |y, x, out| {
        out.fill(0.0);
        let a = &a[from.at(y * stride, x * stride)..][..from.channels];
        out[pad..pad + from.channels].copy_from_slice(a);
    });
}

#[inline(always)]
pub fn global_mean((a, from): (&[f32], Shape), (output, to): (&mut [f32], Shape)) {
    let share = 1.0 / (from.height * from.width) as f32;
    pixels(output, to, |_, _, out| {
        out.fill(0.0);
        for y in 0..from.height {
            for x in 0..from.width {
                for (o, a) in out.iter_mut().zip(&a[from.at(y, x)..]) {
                    *o += a;
                }
            }
        }
        for o in out {
            *o *= share;
        }
    });
}

/// Channels-last → PyTorch's order: channel, row, column.
pub fn flatten((a, from): (&[f32], Shape), (output, to): (&mut [f32], Shape)) {
    let plane = from.height * from.width;
    let start = to.at(0, 0);
    for y in 0..from.height {
        for x in 0..from.width {
            let at = from.at(y, x);
            for c in 0..from.channels {
                output[start + c * plane + y * from.width + x] = a[at + c];
            }
        }
    }
}
