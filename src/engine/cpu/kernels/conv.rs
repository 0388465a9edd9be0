//! The sweeps that a convolution consists of: forward, and backward to the gradient of its input.
//!
//! The input's gradient is itself a convolution of the output's gradient. With a step s it falls into s² of them, one for
//! each remainder of a pixel's row and column by s, each with the weights that reach those pixels.

use super::colours::{COLOURS, Gather};
use super::depthwise::Scan;
use super::map::{LANES, Shape};
use super::packing::Packing;
use super::sweep::{Piece, Pixel, Sweep};
use crate::engine::nets::extent::Extent;
use crate::engine::nets::graph::Conv;

/// A dense convolution or one in groups. The sweeps are those of the first group; what the group numbered g reads begins
/// g·`seen` values later, what it makes g·`made` values later.
pub struct Dense {
    /// Groups of channels that don't see each other.
    pub groups: usize,
    /// Input channels of a group.
    pub seen: usize,
    /// Output channels of a group.
    pub made: usize,
    /// Input → output.
    pub forward: Sweep,
    /// Gradient of the output → gradient of the input; together they write every pixel once.
    pub backward: Vec<Sweep>,
    /// The same where the input is an image, instead of sweeps.
    pub colours: Vec<Gather>,
}

/// A depthwise convolution.
pub struct Depthwise {
    /// Input → output.
    pub forward: Scan,
    /// Gradient of the output → gradient of the input; none for inference.
    pub backward: Vec<Scan>,
}

impl Dense {
    /// A convolution between maps of these shapes for forward passes alone.
    pub fn forward(conv: &Conv, (from, to): (Shape, Shape), widest: usize) -> Self {
        let Conv { inputs, outputs, groups, .. } = *conv;
        let (seen, made) = (inputs / groups, outputs / groups);
        let forward = forward(conv, (from, to), widest);
        Self { groups, seen, made, forward, backward: Vec::new(), colours: Vec::new() }
    }

    /// The whole convolution.
    pub fn new(conv: &Conv, (from, to): (Shape, Shape), widest: usize) -> Self {
        let phases = phases(conv, from).map(|phase| backward(conv, (from, to), phase, widest));
        let backward: Vec<Sweep> = phases.filter(|sweep| !sweep.pixels.is_empty()).collect();
        let whole = Self::forward(conv, (from, to), widest);
        // Of the lanes beyond the channels nothing is known.
        if conv.inputs == COLOURS && conv.groups == 1 && conv.outputs.is_multiple_of(LANES) {
            return Self { colours: backward.into_iter().map(|sweep| colours(conv, sweep)).collect(), ..whole };
        }
        Self { backward, ..whole }
    }
}

fn forward(conv: &Conv, (from, to): (Shape, Shape), widest: usize) -> Sweep {
    let Conv { kernel, groups, .. } = *conv;
    let (seen, made) = (conv.inputs / groups, conv.outputs / groups);
    let area = kernel * kernel;
    let columns: Vec<usize> = (0..kernel).map(|x| x * from.stride).collect();
    let whole = groups == 1 && from.stride == seen;
    let rows = (0..kernel).map(|y| y * from.row());
    let pieces = rows.flat_map(|row| pieces(row, &columns, seen, whole)).collect();
    let taps = (0..area).flat_map(|tap| (0..seen).map(move |c| (c * area + tap) as u32)).collect();
    Sweep::new(pieces, pixels(conv, (from, to)), Packing::new(made, widest, seen * area, taps), groups > 1)
}

/// The pixels of the output, and the corners of what they read.
fn pixels(conv: &Conv, (from, to): (Shape, Shape)) -> Vec<Pixel> {
    let [down, right] = [from.height, from.width].map(|size| from.border - conv.edges(size)[0]);
    let corner = |y: usize, x: usize| (y * conv.stride + down) * from.row() + (x * conv.stride + right) * from.stride;
    let pixel = |y: usize, x: usize| Pixel { from: corner(y, x), to: to.at(y, x) };
    (0..to.height).flat_map(|y| (0..to.width).map(move |x| pixel(y, x))).collect()
}

fn backward(conv: &Conv, (from, to): (Shape, Shape), phase: [usize; 2], widest: usize) -> Sweep {
    let (seen, made) = (conv.inputs / conv.groups, conv.outputs / conv.groups);
    let (kernel, area) = (conv.kernel, conv.kernel * conv.kernel);
    let [rows, columns] = reached(conv, from, phase);
    let corner = [&rows, &columns].map(|taps| taps.first().map_or(0, |tap| tap.shift));
    let far = |tap: &Tap, axis: usize| (tap.shift - corner[axis]) as usize;
    let offsets: Vec<usize> = columns.iter().map(|tap| far(tap, 1) * to.stride).collect();
    let whole = conv.groups == 1 && to.stride == made;
    let pairs = rows.iter().flat_map(|y| columns.iter().map(move |x| y.index * kernel + x.index));
    let taps = pairs.flat_map(|tap| (0..made).map(move |o| (o * seen * area + tap) as u32)).collect();
    let pieces = rows.iter().flat_map(|tap| pieces(far(tap, 0) * to.row(), &offsets, made, whole)).collect();
    let pixels = pixels_of(conv, (from, to), phase, corner);
    Sweep::new(pieces, pixels, Packing::new(seen, widest, area, taps), conv.groups > 1)
}

/// A backward sweep to an image, by the lanes of what it reads.
fn colours(conv: &Conv, sweep: Sweep) -> Gather {
    let area = conv.kernel * conv.kernel;
    let Sweep { pieces, pixels, packing, .. } = sweep;
    // The sweep's taps are the outputs one after the other, for each place of the kernel.
    let blocks = packing.places().iter().step_by(LANES);
    let taps = blocks.flat_map(|&tap| (0..conv.inputs).map(move |c| tap + (c * area) as u32)).collect();
    Gather { pieces, pixels, packing: Packing::new(LANES, 1, conv.inputs * area, taps) }
}

/// Whether every channel is a group of its own with one output.
pub fn is_depthwise(conv: &Conv) -> bool {
    conv.groups == conv.inputs && conv.groups == conv.outputs
}

impl Depthwise {
    /// A depthwise convolution between maps of these shapes for forward passes alone.
    pub fn forward(conv: &Conv, (from, to): (Shape, Shape)) -> Self {
        let (kernel, area) = (conv.kernel, conv.kernel * conv.kernel);
        let offset = |tap: usize| tap / kernel * from.row() + tap % kernel * from.stride;
        let forward = Scan {
            offsets: (0..area).map(offset).collect(),
            pixels: pixels(conv, (from, to)),
            packing: Packing::new(conv.outputs, 1, area, (0..area as u32).collect()),
        };
        Self { forward, backward: Vec::new() }
    }

    /// The whole convolution.
    pub fn new(conv: &Conv, (from, to): (Shape, Shape)) -> Self {
        let phases = phases(conv, from).map(|phase| scan_backward(conv, (from, to), phase));
        let backward = phases.filter(|scan| !scan.pixels.is_empty()).collect();
        Self { backward, ..Self::forward(conv, (from, to)) }
    }
}

fn scan_backward(conv: &Conv, (from, to): (Shape, Shape), phase: [usize; 2]) -> Scan {
    let [rows, columns] = reached(conv, from, phase);
    let corner = [&rows, &columns].map(|taps| taps.first().map_or(0, |tap| tap.shift));
    let pairs = || rows.iter().flat_map(|y| columns.iter().map(move |x| (y, x)));
    let offset =
        |(y, x): (&Tap, &Tap)| (y.shift - corner[0]) as usize * to.row() + (x.shift - corner[1]) as usize * to.stride;
    let taps = pairs().map(|(y, x)| (y.index * conv.kernel + x.index) as u32).collect();
    Scan {
        offsets: pairs().map(offset).collect(),
        pixels: pixels_of(conv, (from, to), phase, corner),
        packing: Packing::new(conv.outputs, 1, conv.kernel * conv.kernel, taps),
    }
}

/// The zero border that a convolution needs around what it reads.
pub fn border(conv: &Conv, from: Extent) -> usize {
    [from.height, from.width].into_iter().flat_map(|size| conv.edges(size)).max().unwrap_or(0)
}

/// The zero border that the gradient of a convolution's output needs, so that the backward sweeps stay inside.
pub fn gradient_border(conv: &Conv, from: Extent, to: Extent) -> usize {
    let along = |size: usize, made: usize| {
        let beyond = |phase: usize| {
            let pixels = size.saturating_sub(phase).div_ceil(conv.stride) as isize;
            let beyond = move |tap: Tap| (-tap.shift).max(pixels + tap.shift - made as isize);
            reach(conv, size, phase).into_iter().map(beyond).max().unwrap_or(0)
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

/// Rows and columns of the kernel that reach the pixels of a phase.
fn reached(conv: &Conv, from: Shape, phase: [usize; 2]) -> [Vec<Tap>; 2] {
    [reach(conv, from.height, phase[0]), reach(conv, from.width, phase[1])]
}

/// Along an axis of `size` pixels, in the order of the outputs. Pixel s·j + phase is read by kernel row k of output
/// j + (phase + padding − k) / s.
fn reach(conv: &Conv, size: usize, phase: usize) -> Vec<Tap> {
    let near = conv.edges(size)[0];
    let tap = |index: usize| {
        let distance = (phase + near) as isize - index as isize;
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
fn pixels_of(conv: &Conv, (from, to): (Shape, Shape), phase: [usize; 2], corner: [isize; 2]) -> Vec<Pixel> {
    let pixel = |y: usize, x: usize| {
        let row = (y / conv.stride + to.border) as isize + corner[0];
        let column = (x / conv.stride + to.border) as isize + corner[1];
        Pixel { from: row as usize * to.row() + column as usize * to.stride, to: from.at(y, x) }
    };
    let along = |axis: usize, size: usize| (phase[axis]..size).step_by(conv.stride);
    along(0, from.height).flat_map(|y| along(1, from.width).map(move |x| pixel(y, x))).collect()
}

/// The pieces of one row of a kernel: one where the pixels lie close together, else one per pixel.
fn pieces(row: usize, columns: &[usize], length: usize, whole: bool) -> Vec<Piece> {
    match columns.first() {
        Some(&first) if whole => vec![Piece { offset: row + first, length: columns.len() * length }],
        _ => columns.iter().map(|&column| Piece { offset: row + column, length }).collect(),
    }
}
