//! The inner loops of dense convolutions and linear layers: a sweep of packed weights over a map, and the weights'
//! gradient.
//!
//! Every output value is one sum in one fixed order, so the bytes don't depend on threads, batches or tiles. A tile of
//! 6 pixels × 4 blocks runs at about 85 of the 100 billion multiply-adds a second that a core with AVX-512 can do, 6 × 1
//! at 55 with AVX2 (measured; 4 × 1 and 4 × 2 are slower, more spills registers).

use super::packing::{Packing, Panel};
use crate::engine::cpu::activation::multiply_add;
use crate::engine::cpu::kernel::{LANES, Lane};

/// Pixels of a tile of a sweep, and inputs of a tile of a gradient.
const TILE: usize = 6;

/// Values that lie together in the map that a sweep reads.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    /// From a pixel's place.
    pub offset: usize,
    /// Values.
    pub length: usize,
}

/// A pixel of a sweep: where what it reads begins, and where it lies itself.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// In the map that is read.
    pub from: usize,
    /// In the map that is written.
    pub to: usize,
}

/// A product of packed weights with the pieces that lie around each pixel.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// What a pixel reads, in the order of the packing's taps.
    pub pieces: Vec<Piece>,
    /// The pixels.
    pub places: Vec<Place>,
    /// The weights.
    pub packing: Packing,
    /// Whether the lanes beyond the outputs belong to somebody else.
    pub exact: bool,
}

/// What the sums begin with.
#[derive(Clone, Copy)]
pub enum Start<'a> {
    /// Zero.
    Zero,
    /// A value per output.
    Bias(&'a [Lane]),
    /// What is there already.
    Sum,
}

/// The bounds of the tiles of `length` items, of nearly equal width, which leaves no thin rest.
#[inline(always)]
fn tiles(length: usize) -> impl Iterator<Item = (usize, usize)> {
    let tiles = length.div_ceil(TILE);
    (0..tiles).map(move |tile| (length * tile / tiles, length * (tile + 1) / tiles))
}

/// Runs a sweep over its first `count` places.
#[inline(always)]
pub fn sweep<const FMA: bool, const WIDE: usize>(
    (sweep, count): (&Sweep, usize),
    weights: &[Lane],
    input: &[f32],
    output: &mut [f32],
    start: Start<'_>,
) {
    for &panel in &sweep.packing.panels {
        let weights = &weights[panel.start..][..panel.blocks * sweep.packing.taps()];
        for (from, to) in tiles(count.min(sweep.places.len())) {
            let places = &sweep.places[from..to];
            match panel.blocks {
                4 if WIDE >= 4 => tile::<FMA, 4>((sweep, panel, places), weights, input, output, start),
                2 if WIDE >= 2 => tile::<FMA, 2>((sweep, panel, places), weights, input, output, start),
                _ => tile::<FMA, 1>((sweep, panel, places), weights, input, output, start),
            }
        }
    }
}

type Tile<'a> = (&'a Sweep, Panel, &'a [Place]);

#[inline(always)]
fn tile<const FMA: bool, const B: usize>(
    tile: Tile<'_>,
    weights: &[Lane],
    input: &[f32],
    output: &mut [f32],
    start: Start<'_>,
) {
    match tile.2.len() {
        1 => tile_of::<FMA, 1, B>(tile, weights, input, output, start),
        2 => tile_of::<FMA, 2, B>(tile, weights, input, output, start),
        3 => tile_of::<FMA, 3, B>(tile, weights, input, output, start),
        4 => tile_of::<FMA, 4, B>(tile, weights, input, output, start),
        5 => tile_of::<FMA, 5, B>(tile, weights, input, output, start),
        _ => tile_of::<FMA, TILE, B>(tile, weights, input, output, start),
    }
}

/// `P` pixels × `B` blocks of outputs.
#[inline(always)]
fn tile_of<const FMA: bool, const P: usize, const B: usize>(
    (sweep, panel, places): Tile<'_>,
    weights: &[Lane],
    input: &[f32],
    output: &mut [f32],
    start: Start<'_>,
) {
    let places: [Place; P] = std::array::from_fn(|p| places[p]);
    let (mut weights, _) = weights.as_chunks::<B>();
    let lane = |p: usize, b: usize| {
        let first = (panel.first + b) * LANES;
        let count = if sweep.exact { LANES.min(sweep.packing.outputs - first) } else { LANES };
        (places[p].to + first, count)
    };
    let mut sums = [[[0.0; LANES]; B]; P];
    match start {
        Start::Zero => {}
        Start::Bias(bias) => {
            let bias: [Lane; B] = std::array::from_fn(|b| bias[panel.first + b]);
            sums = [bias; P];
        }
        Start::Sum => {
            for (p, sums) in sums.iter_mut().enumerate() {
                for (b, sum) in sums.iter_mut().enumerate() {
                    let (at, count) = lane(p, b);
                    sum[..count].copy_from_slice(&output[at..][..count]);
                }
            }
        }
    }
    for piece in &sweep.pieces {
        let pixels = places.map(|place| &input[place.from + piece.offset..][..piece.length]);
        let (now, later) = weights.split_at(piece.length);
        accumulate::<FMA, P, B>(&mut sums, pixels, now);
        weights = later;
    }
    for (p, sums) in sums.iter().enumerate() {
        for (b, sum) in sums.iter().enumerate() {
            let (at, count) = lane(p, b);
            if count == LANES {
                output[at..][..LANES].copy_from_slice(sum);
            } else {
                output[at..][..count].copy_from_slice(&sum[..count]);
            }
        }
    }
}

/// Adds to each pixel's sums its values times the weights.
#[inline(always)]
fn accumulate<const FMA: bool, const P: usize, const B: usize>(
    sums: &mut [[Lane; B]; P],
    pixels: [&[f32]; P],
    weights: &[[Lane; B]],
) {
    let pixels = pixels.map(|p| &p[..weights.len()]);
    for (tap, weight) in weights.iter().enumerate() {
        for p in 0..P {
            let value = pixels[p][tap];
            for b in 0..B {
                for lane in 0..LANES {
                    sums[p][b][lane] = multiply_add::<FMA>(value, weight[b][lane], sums[p][b][lane]);
                }
            }
        }
    }
}

/// What a sweep read, and the gradient of what it wrote, for the images of one group.
#[derive(Clone, Copy)]
pub struct Sample<'a> {
    /// What it read.
    pub input: &'a [f32],
    /// The gradient of what it wrote.
    pub gradient: &'a [f32],
    /// How many of its places count.
    pub count: usize,
}

/// A part of a gradient: some inputs × the outputs of a panel.
#[derive(Clone, Copy)]
pub struct Part {
    /// The panel.
    pub panel: Panel,
    /// Where the inputs lie, from a pixel's place.
    pub piece: Piece,
}

/// Pixels whose gradients are brought together at a time: with 4 blocks they fill 64 KiB.
const CHUNK: usize = 256;

/// Adds a part of the weights' gradient: inputs × blocks; and of the bias's, where it is asked for.
#[inline(always)]
pub fn weight_gradient<const FMA: bool, const WIDE: usize>(
    (sweep, part): (&Sweep, Part),
    samples: &[Sample<'_>],
    weight: &mut [Lane],
    bias: Option<&mut [Lane]>,
) {
    match part.panel.blocks {
        4 if WIDE >= 4 => gradient_of::<FMA, 4>((sweep, part), samples, weight, bias),
        2 if WIDE >= 2 => gradient_of::<FMA, 2>((sweep, part), samples, weight, bias),
        _ => gradient_of::<FMA, 1>((sweep, part), samples, weight, bias),
    }
}

#[inline(always)]
fn gradient_of<const FMA: bool, const B: usize>(
    (sweep, part): (&Sweep, Part),
    samples: &[Sample<'_>],
    weight: &mut [Lane],
    mut bias: Option<&mut [Lane]>,
) {
    let (weight, _) = weight.as_chunks_mut::<B>();
    let mut gradients: Vec<[Lane; B]> = Vec::with_capacity(CHUNK);
    // Values and places of the runs of pixels that the chunk consists of.
    let mut runs: Vec<(&[f32], &[Place])> = Vec::new();
    for sample in samples {
        let mut places = &sweep.places[..sample.count.min(sweep.places.len())];
        while !places.is_empty() {
            let (now, later) = places.split_at(places.len().min(CHUNK - gradients.len()));
            collect::<B>(sweep, part.panel, (sample.gradient, now), &mut gradients);
            runs.push((&sample.input[part.piece.offset..], now));
            places = later;
            if gradients.len() == CHUNK {
                add_chunk::<FMA, B>(&runs, &gradients, weight, bias.as_deref_mut());
                gradients.clear();
                runs.clear();
            }
        }
    }
    add_chunk::<FMA, B>(&runs, &gradients, weight, bias);
}

/// Copies the gradients of some pixels, which lie far apart, into one row.
#[inline(always)]
fn collect<const B: usize>(
    sweep: &Sweep,
    panel: Panel,
    (gradient, places): (&[f32], &[Place]),
    row: &mut Vec<[Lane; B]>,
) {
    let first = panel.first * LANES;
    let count = (B * LANES).min(sweep.packing.outputs - first);
    for place in places {
        let mut lanes = [[0.0; LANES]; B];
        let from = &gradient[place.to + first..][..count];
        if count == B * LANES {
            lanes.as_flattened_mut().copy_from_slice(from);
        } else {
            lanes.as_flattened_mut()[..count].copy_from_slice(from);
        }
        row.push(lanes);
    }
}

#[inline(always)]
fn add_chunk<const FMA: bool, const B: usize>(
    runs: &[(&[f32], &[Place])],
    gradients: &[[Lane; B]],
    weight: &mut [[Lane; B]],
    bias: Option<&mut [Lane]>,
) {
    for (from, to) in tiles(weight.len()) {
        let weight = &mut weight[from..to];
        match to - from {
            1 => add_rows::<FMA, 1, B>(runs, gradients, from, weight),
            2 => add_rows::<FMA, 2, B>(runs, gradients, from, weight),
            3 => add_rows::<FMA, 3, B>(runs, gradients, from, weight),
            4 => add_rows::<FMA, 4, B>(runs, gradients, from, weight),
            5 => add_rows::<FMA, 5, B>(runs, gradients, from, weight),
            _ => add_rows::<FMA, TILE, B>(runs, gradients, from, weight),
        }
    }
    if let Some(bias) = bias {
        let mut sums = [[0.0; LANES]; B];
        for gradient in gradients {
            plus(&mut sums, gradient);
        }
        plus(bias, &sums);
    }
}

/// `R` inputs from `first` on × `B` blocks of outputs.
#[inline(always)]
fn add_rows<const FMA: bool, const R: usize, const B: usize>(
    runs: &[(&[f32], &[Place])],
    mut gradients: &[[Lane; B]],
    first: usize,
    weight: &mut [[Lane; B]],
) {
    let mut sums = [[[0.0; LANES]; B]; R];
    for (values, places) in runs {
        let values = &values[first..];
        let (now, later) = gradients.split_at(places.len());
        for (place, gradient) in places.iter().zip(now) {
            let values = &values[place.from..][..R];
            for r in 0..R {
                for b in 0..B {
                    for lane in 0..LANES {
                        sums[r][b][lane] = multiply_add::<FMA>(values[r], gradient[b][lane], sums[r][b][lane]);
                    }
                }
            }
        }
        gradients = later;
    }
    for (weight, sums) in weight.iter_mut().zip(&sums) {
        plus(weight, sums);
    }
}

#[inline(always)]
fn plus(sums: &mut [Lane], more: &[Lane]) {
    for (sum, lane) in sums.iter_mut().zip(more) {
        for (sum, value) in sum.iter_mut().zip(lane) {
            *sum += value;
        }
    }
}
