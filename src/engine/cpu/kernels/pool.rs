//! Maxima and means of windows, forward and backward.

use std::ops::Range;

use super::map::{Band, LANES, Map, MapMut, line_mut};
use crate::engine::nets::graph::Pool;

/// The windows along one axis.
#[derive(Clone, Debug)]
pub struct Axis {
    /// What each output reads.
    windows: Vec<Range<usize>>,
    /// The outputs that read each input.
    readers: Vec<Range<usize>>,
}

impl Axis {
    fn new(size: usize, windows: Vec<Range<usize>>) -> Self {
        let readers = (0..size).map(|at| {
            // Both ends of the windows rise, so those that hold a place lie together.
            let first = windows.partition_point(|w| w.end <= at);
            first..windows.partition_point(|w| w.start <= at).max(first)
        });
        Self { readers: readers.collect(), windows }
    }

    /// Windows of a pool, without what lies in the padding.
    pub fn of_pool(pool: Pool, size: usize) -> Self {
        let window = |at: usize| {
            let start = at * pool.stride;
            start.saturating_sub(pool.padding)..(start + pool.kernel).saturating_sub(pool.padding).min(size)
        };
        Self::new(size, (0..pool.positions(size)).map(window).collect())
    }

    /// That many nearly equal parts; neighbours may share a place.
    pub fn of_parts(parts: usize, size: usize) -> Self {
        Self::new(size, (0..parts).map(|at| at * size / parts..((at + 1) * size).div_ceil(parts)).collect())
    }
}

/// Rows and columns.
pub type Axes = [Axis; 2];

/// Mean of each window.
#[inline(always)]
pub fn mean((x, from): Map<'_>, to: Band<'_>, [rows, columns]: &Axes) {
    to.each(|y, column, out| {
        let (rows, columns) = (&rows.windows[y], &columns.windows[column]);
        let share = 1.0 / (rows.len() * columns.len()) as f32;
        out.fill(0.0);
        for y in rows.clone() {
            for x in x[from.at(y, columns.start)..].chunks_exact(from.stride).take(columns.len()) {
                for (o, x) in out.iter_mut().zip(x) {
                    *o += x;
                }
            }
        }
        for o in out {
            *o *= share;
        }
    });
}

/// Spreads each window's gradient over it; adds to what is there or replaces it.
#[inline(always)]
pub fn mean_backward((gradient, to): Map<'_>, (output, from): MapMut<'_>, [rows, columns]: &Axes, add: bool) {
    for (y, above) in rows.readers.iter().enumerate() {
        let line = line_mut((output, from), y);
        for (out, beside) in line.chunks_exact_mut(from.stride).zip(&columns.readers) {
            let mut add = add;
            for row in above.clone() {
                for column in beside.clone() {
                    let share = 1.0 / (rows.windows[row].len() * columns.windows[column].len()) as f32;
                    let gradient = &gradient[to.at(row, column)..][..out.len()];
                    for (o, g) in out.iter_mut().zip(gradient) {
                        *o = if add { *o + g * share } else { g * share };
                    }
                    add = true;
                }
            }
            if !add {
                out.fill(0.0);
            }
        }
    }
}

/// Maximum of each window.
#[inline(always)]
pub fn max((x, from): Map<'_>, to: Band<'_>, [rows, columns]: &Axes) {
    to.each(|y, column, out| {
        let (rows, columns) = (&rows.windows[y], &columns.windows[column]);
        out.fill(f32::NEG_INFINITY);
        for y in rows.clone() {
            for x in x[from.at(y, columns.start)..].chunks_exact(from.stride).take(columns.len()) {
                for (o, &x) in out.iter_mut().zip(x) {
                    *o = o.max(x);
                }
            }
        }
    });
}

/// Adds each window's gradient to the first of its places that holds the maximum, as PyTorch does.
#[inline(always)]
pub fn max_backward(
    (x, maxima, gradient): (Map<'_>, &[f32], Map<'_>),
    (output, from): MapMut<'_>,
    [rows, columns]: &Axes,
) {
    let (x, (gradient, to)) = (x.0, gradient);
    for (row, rows) in rows.windows.iter().enumerate() {
        for (column, columns) in columns.windows.iter().enumerate() {
            for first in (0..to.stride).step_by(LANES) {
                let at = to.at(row, column) + first;
                let mut left = [0.0; LANES];
                left.copy_from_slice(&gradient[at..][..LANES]);
                let largest = &maxima[at..][..LANES];
                for y in rows.clone() {
                    for column in columns.clone() {
                        let at = from.at(y, column) + first;
                        let (x, out) = (&x[at..][..LANES], &mut output[at..][..LANES]);
                        for lane in 0..LANES {
                            // What is left becomes exactly 0 at the first maximum.
                            let part = if x[lane] == largest[lane] { left[lane] } else { 0.0 };
                            out[lane] += part;
                            left[lane] -= part;
                        }
                    }
                }
            }
        }
    }
}
