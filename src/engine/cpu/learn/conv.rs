//! The sweeps that a convolution consists of: forward, and back to the gradient of its input.
//!
//! The input's gradient is itself a convolution of the output's gradient. With a step s it falls into s² of them, one for
//! each remainder of a pixel's row and column by s, each with the weights that reach those pixels.

use super::depthwise::Scan;
use super::kernel::{Piece, Place, Sweep};
use super::packing::Packing;
use crate::engine::cpu::infer::shape::Shape;
use crate::engine::nets::extent::Extent;
use crate::engine::nets::graph::Conv;

/// A dense convolution, or one group of a grouped one.
pub struct Group {
    /// Input → output.
    pub forward: Sweep,
    /// Gradient of the output → gradient of the input; together they write every pixel once.
    pub backward: Vec<Sweep>,
}

/// A depthwise convolution.
pub struct Depthwise {
    /// Input → output.
    pub forward: Scan,
    /// Gradient of the output → gradient of the input.
    pub backward: Vec<Scan>,
}

/// The groups of a convolution between maps of these shapes.
pub fn groups(conv: &Conv, (from, to): (Shape, Shape), widest: usize) -> Vec<Group> {
    let group = |group| Group {
        forward: forward(conv, (from, to), group, widest),
        backward: phases(conv, from)
            .map(|phase| backward(conv, (from, to), (phase, group), widest))
            .filter(|sweep| !sweep.places.is_empty())
            .collect(),
    };
    (0..conv.groups).map(group).collect()
}

fn forward(conv: &Conv, (from, to): (Shape, Shape), group: usize, widest: usize) -> Sweep {
    let Conv { kernel, stride, padding, groups, .. } = *conv;
    let (seen, made) = (conv.inputs / groups, conv.outputs / groups);
    let area = kernel * kernel;
    let columns: Vec<usize> = (0..kernel).map(|x| x * from.stride).collect();
    let whole = groups == 1 && from.stride == seen;
    let rows = (0..kernel).map(|y| y * from.row());
    let pieces = rows.flat_map(|row| pieces(row, &columns, seen, whole)).collect();
    let taps = (0..area).flat_map(|tap| (0..seen).map(move |c| (c * area + tap) as u32)).collect();
    let shift = from.border - padding;
    let place = |y: usize, x: usize| Place {
        from: (y * stride + shift) * from.row() + (x * stride + shift) * from.stride + group * seen,
        to: to.at(y, x) + group * made,
    };
    let places = (0..to.height).flat_map(|y| (0..to.width).map(move |x| place(y, x))).collect();
    let packing = Packing::new(made, widest, (group * made * seen * area, seen * area), taps);
    Sweep { pieces, places, packing, exact: groups > 1 }
}

fn backward(conv: &Conv, (from, to): (Shape, Shape), (phase, group): ([usize; 2], usize), widest: usize) -> Sweep {
    let (seen, made) = (conv.inputs / conv.groups, conv.outputs / conv.groups);
    let (kernel, area) = (conv.kernel, conv.kernel * conv.kernel);
    let [rows, columns] = phase.map(|p| reach(conv, p));
    let corner = [&rows, &columns].map(|taps| taps.first().map_or(0, |tap| tap.shift));
    let far = |tap: &Tap, axis: usize| (tap.shift - corner[axis]) as usize;
    let offsets: Vec<usize> = columns.iter().map(|tap| far(tap, 1) * to.stride).collect();
    let whole = conv.groups == 1 && to.stride == made;
    let pairs = rows.iter().flat_map(|y| columns.iter().map(move |x| y.index * kernel + x.index));
    let taps = pairs.flat_map(|tap| (0..made).map(move |o| (o * seen * area + tap) as u32)).collect();
    let mut places = places_of(conv, (from, to), phase, corner);
    for place in &mut places {
        *place = Place { from: place.from + group * made, to: place.to + group * seen };
    }
    Sweep {
        pieces: rows.iter().flat_map(|tap| pieces(far(tap, 0) * to.row(), &offsets, made, whole)).collect(),
        places,
        packing: Packing::new(seen, widest, (group * made * seen * area, area), taps),
        exact: conv.groups > 1,
    }
}

/// A depthwise convolution between maps of these shapes.
pub fn depthwise(conv: &Conv, (from, to): (Shape, Shape)) -> Depthwise {
    let Conv { kernel, stride, padding, outputs, .. } = *conv;
    let area = kernel * kernel;
    let packing = |taps: Vec<u32>| Packing::new(outputs, 1, (0, area), taps);
    let shift = from.border - padding;
    let place = |y: usize, x: usize| Place {
        from: (y * stride + shift) * from.row() + (x * stride + shift) * from.stride,
        to: to.at(y, x),
    };
    let offset = |tap: usize| tap / kernel * from.row() + tap % kernel * from.stride;
    let forward = Scan {
        offsets: (0..area).map(offset).collect(),
        places: (0..to.height).flat_map(|y| (0..to.width).map(move |x| place(y, x))).collect(),
        packing: packing((0..area as u32).collect()),
    };
    let backward = phases(conv, from).map(|phase| {
        let [rows, columns] = phase.map(|p| reach(conv, p));
        let corner = [&rows, &columns].map(|taps| taps.first().map_or(0, |tap| tap.shift));
        let pairs = || rows.iter().flat_map(|y| columns.iter().map(move |x| (y, x)));
        let offset = |(y, x): (&Tap, &Tap)| {
            (y.shift - corner[0]) as usize * to.row() + (x.shift - corner[1]) as usize * to.stride
        };
        Scan {
            offsets: pairs().map(offset).collect(),
            places: places_of(conv, (from, to), phase, corner),
            packing: packing(pairs().map(|(y, x)| (y.index * kernel + x.index) as u32).collect()),
        }
    });
    Depthwise { forward, backward: backward.filter(|scan| !scan.places.is_empty()).collect() }
}

/// The zero border that the gradient of a convolution's output needs, so that the sweeps back stay inside.
pub fn gradient_border(conv: &Conv, from: Extent, to: Extent) -> usize {
    let along = |size: usize, made: usize| {
        let beyond = |phase: usize| {
            let pixels = size.saturating_sub(phase).div_ceil(conv.stride) as isize;
            let beyond = move |tap: Tap| (-tap.shift).max(pixels + tap.shift - made as isize);
            reach(conv, phase).into_iter().map(beyond).max().unwrap_or(0)
        };
        (0..conv.stride.min(size)).map(beyond).max().unwrap_or(0).max(0) as usize
    };
    along(from.height, to.height).max(along(from.width, to.width))
}

/// A row or column of the kernel that reaches pixels of one phase.
#[derive(Clone, Copy)]
struct Tap {
    /// Row or column of the kernel.
    index: usize,
    /// Row or column of the output it comes from, less that of the pixel divided by the step.
    shift: isize,
}

/// In the order of the outputs. Pixel s·j + phase is read by kernel row k of output j + (phase + padding − k) / s.
fn reach(conv: &Conv, phase: usize) -> Vec<Tap> {
    let tap = |index: usize| {
        let distance = (phase + conv.padding) as isize - index as isize;
        let step = conv.stride as isize;
        (distance.rem_euclid(step) == 0).then(|| Tap { index, shift: distance.div_euclid(step) })
    };
    (0..conv.kernel).rev().filter_map(tap).collect()
}

/// Remainders of a pixel's row and column by the step.
fn phases(conv: &Conv, from: Shape) -> impl Iterator<Item = [usize; 2]> + use<> {
    let (rows, columns) = (conv.stride.min(from.height), conv.stride.min(from.width));
    (0..rows).flat_map(move |y| (0..columns).map(move |x| [y, x]))
}

/// The pixels of a phase, each beside the output's pixel that `corner` leads to.
fn places_of(conv: &Conv, (from, to): (Shape, Shape), phase: [usize; 2], corner: [isize; 2]) -> Vec<Place> {
    let place = |y: usize, x: usize| {
        let row = (y / conv.stride + to.border) as isize + corner[0];
        let column = (x / conv.stride + to.border) as isize + corner[1];
        Place { from: row as usize * to.row() + column as usize * to.stride, to: from.at(y, x) }
    };
    let along = |axis: usize, size: usize| (phase[axis]..size).step_by(conv.stride);
    along(0, from.height).flat_map(|y| along(1, from.width).map(move |x| place(y, x))).collect()
}

/// The pieces of one row of a kernel: one where the pixels lie close together, else one per pixel.
fn pieces(row: usize, columns: &[usize], length: usize, whole: bool) -> Vec<Piece> {
    match columns.first() {
        Some(&first) if whole => vec![Piece { offset: row + first, length: columns.len() * length }],
        _ => columns.iter().map(|&column| Piece { offset: row + column, length }).collect(),
    }
}
