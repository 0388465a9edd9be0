//! The inner loops of dense convolutions and linear layers: a sweep of packed weights over a map, and the weights'
//! gradient.
//!
//! Every output value is one sum in one fixed order, so the bytes don't depend on threads, batches or tiles. A tile of
//! 6 pixels × 4 blocks runs at about 80 of the 100 billion multiply-adds a second that a core with AVX-512 can do, 6 × 1
//! at 50 with AVX2 (measured; 4 × 1 and 4 × 2 are slower, more spills registers). The registers are spelt out: of loops
//! over arrays the compiler makes scalar code as soon as it sees another way to bundle them.

use pulp::Simd;

use super::packing::{Packing, Panel};
use crate::engine::cpu::infer::kernel::{LANES, Lane};
use crate::engine::cpu::kernels::isa::{count_of, load, registers, store};

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

/// A map that is read, one that is written, and how many of the sweep's places they have.
pub type Swept<'a> = (&'a [f32], &'a mut [f32], usize);

/// Runs a sweep over maps of several images; each panel's weights are fetched once for all of them.
#[inline(always)]
pub fn sweep<S: Simd>(simd: S, sweep: &Sweep, weights: &[Lane], maps: &mut [Swept<'_>], start: Start<'_>) {
    for &panel in &sweep.packing.panels {
        let weights = &weights[panel.start..][..panel.blocks * sweep.packing.taps()];
        for (input, output, count) in maps.iter_mut() {
            for (from, to) in tiles(sweep.places.len().min(*count)) {
                let tile = Tile { sweep, panel, places: &sweep.places[from..to], weights, start };
                // Registers of a panel.
                match count_of::<S>(panel.blocks) {
                    1 => tile.pixels::<S, 1>(simd, input, output),
                    2 => tile.pixels::<S, 2>(simd, input, output),
                    4 => tile.pixels::<S, 4>(simd, input, output),
                    _ => tile.pixels::<S, LANES>(simd, input, output),
                }
            }
        }
    }
}

/// Some pixels × the blocks of a panel.
#[derive(Clone, Copy)]
struct Tile<'a> {
    sweep: &'a Sweep,
    panel: Panel,
    places: &'a [Place],
    weights: &'a [Lane],
    start: Start<'a>,
}

impl Tile<'_> {
    #[inline(always)]
    fn pixels<S: Simd, const N: usize>(self, simd: S, input: &[f32], output: &mut [f32]) {
        match self.places.len() {
            1 => self.run::<S, 1, N>(simd, input, output),
            2 => self.run::<S, 2, N>(simd, input, output),
            3 => self.run::<S, 3, N>(simd, input, output),
            4 => self.run::<S, 4, N>(simd, input, output),
            5 => self.run::<S, 5, N>(simd, input, output),
            _ => self.run::<S, TILE, N>(simd, input, output),
        }
    }

    /// `P` pixels × `N` registers. All indices into the sums are constants, so that they stay in registers.
    #[inline(always)]
    fn run<S: Simd, const P: usize, const N: usize>(self, simd: S, input: &[f32], output: &mut [f32]) {
        let Self { sweep, panel, start, .. } = self;
        // No closures where registers are: one that isn't inlined is compiled without them.
        let mut places = [Place { from: 0, to: 0 }; P];
        places.copy_from_slice(&self.places[..P]);
        let mut weights = registers::<S, N>(self.weights.as_flattened());
        let first = panel.first * LANES;
        let count = if sweep.exact { (N * S::F32_LANES).min(sweep.packing.outputs - first) } else { N * S::F32_LANES };
        let mut sums = [[simd.splat_f32s(0.0); N]; P];
        match start {
            Start::Zero => {}
            Start::Bias(bias) => {
                if let Some(bias) = registers::<S, N>(bias[panel.first..].as_flattened()).first() {
                    sums = [*bias; P];
                }
            }
            Start::Sum => {
                for p in 0..P {
                    sums[p] = load::<S, N>(simd, &output[places[p].to + first..][..count]);
                }
            }
        }
        for piece in &sweep.pieces {
            let mut pixels = [&input[..0]; P];
            for p in 0..P {
                pixels[p] = &input[places[p].from + piece.offset..][..piece.length];
            }
            let (now, later) = weights.split_at(piece.length);
            for (tap, weight) in now.iter().enumerate() {
                for p in 0..P {
                    let value = simd.splat_f32s(pixels[p][tap]);
                    for n in 0..N {
                        sums[p][n] = simd.mul_add_e_f32s(value, weight[n], sums[p][n]);
                    }
                }
            }
            weights = later;
        }
        for p in 0..P {
            store(simd, sums[p], &mut output[places[p].to + first..][..count]);
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
pub struct Part {
    /// The panel.
    pub panel: Panel,
    /// Where the inputs lie, from a pixel's place.
    pub pieces: Vec<Piece>,
}

/// Pixels whose gradients are brought together at a time: with 4 blocks they fill 64 KiB.
const CHUNK: usize = 256;

/// Adds a part of the weights' gradient: inputs × blocks; and of the bias's, where it is asked for.
#[inline(always)]
pub fn weight_gradient<S: Simd>(
    simd: S,
    (sweep, part): (&Sweep, &Part),
    samples: &[Sample<'_>],
    weight: &mut [Lane],
    bias: Option<&mut [Lane]>,
) {
    match count_of::<S>(part.panel.blocks) {
        1 => gradient_of::<S, 1>(simd, (sweep, part), samples, (weight, bias)),
        2 => gradient_of::<S, 2>(simd, (sweep, part), samples, (weight, bias)),
        4 => gradient_of::<S, 4>(simd, (sweep, part), samples, (weight, bias)),
        _ => gradient_of::<S, LANES>(simd, (sweep, part), samples, (weight, bias)),
    }
}

/// The pixels of a chunk: the values that a run of them reads, and where.
type Runs<'a> = [(&'a [f32], &'a [Place])];

#[inline(always)]
fn gradient_of<S: Simd, const N: usize>(
    simd: S,
    (sweep, part): (&Sweep, &Part),
    samples: &[Sample<'_>],
    (weight, mut bias): (&mut [Lane], Option<&mut [Lane]>),
) {
    let first = part.panel.first * LANES;
    let count = (N * S::F32_LANES).min(sweep.packing.outputs - first);
    let weight = S::as_mut_simd_f32s(weight.as_flattened_mut()).0.as_chunks_mut::<N>().0;
    let mut gradients: Vec<[S::f32s; N]> = Vec::with_capacity(CHUNK);
    let mut runs: Vec<(&[f32], &[Place])> = Vec::new();
    let pieces = part.pieces.as_slice();
    for sample in samples {
        let mut places = &sweep.places[..sample.count.min(sweep.places.len())];
        while !places.is_empty() {
            let (now, later) = places.split_at(places.len().min(CHUNK - gradients.len()));
            for place in now {
                // Brought together: they lie far apart.
                gradients.push(load::<S, N>(simd, &sample.gradient[place.to + first..][..count]));
            }
            runs.push((sample.input, now));
            places = later;
            if gradients.len() == CHUNK {
                add_chunk::<S, N>(simd, (&runs, &gradients), pieces, (weight, bias.as_deref_mut()));
                gradients.clear();
                runs.clear();
            }
        }
    }
    add_chunk::<S, N>(simd, (&runs, &gradients), pieces, (weight, bias));
}

#[inline(always)]
fn add_chunk<S: Simd, const N: usize>(
    simd: S,
    (runs, gradients): (&Runs<'_>, &[[S::f32s; N]]),
    pieces: &[Piece],
    (mut weight, bias): (&mut [[S::f32s; N]], Option<&mut [Lane]>),
) {
    for piece in pieces {
        let (own, rest) = weight.split_at_mut(piece.length);
        weight = rest;
        for (from, to) in tiles(piece.length) {
            let (chunk, rows, first) = ((runs, gradients), &mut own[from..to], piece.offset + from);
            match to - from {
                1 => add_rows::<S, 1, N>(simd, chunk, first, rows),
                2 => add_rows::<S, 2, N>(simd, chunk, first, rows),
                3 => add_rows::<S, 3, N>(simd, chunk, first, rows),
                4 => add_rows::<S, 4, N>(simd, chunk, first, rows),
                5 => add_rows::<S, 5, N>(simd, chunk, first, rows),
                _ => add_rows::<S, TILE, N>(simd, chunk, first, rows),
            }
        }
    }
    if let Some(bias) = bias {
        let bias = S::as_mut_simd_f32s(bias.as_flattened_mut()).0;
        let mut sums = [simd.splat_f32s(0.0); N];
        for gradient in gradients {
            for n in 0..N {
                sums[n] = simd.add_f32s(sums[n], gradient[n]);
            }
        }
        for (bias, sum) in bias.iter_mut().zip(sums) {
            *bias = simd.add_f32s(*bias, sum);
        }
    }
}

/// `R` inputs from `first` on × `N` registers of outputs.
#[inline(always)]
fn add_rows<S: Simd, const R: usize, const N: usize>(
    simd: S,
    (runs, mut gradients): (&Runs<'_>, &[[S::f32s; N]]),
    first: usize,
    weight: &mut [[S::f32s; N]],
) {
    let mut sums = [[simd.splat_f32s(0.0); N]; R];
    for (values, places) in runs {
        let values = &values[first..];
        let (now, later) = gradients.split_at(places.len());
        for (place, gradient) in places.iter().zip(now) {
            let values = &values[place.from..][..R];
            for r in 0..R {
                let value = simd.splat_f32s(values[r]);
                for n in 0..N {
                    sums[r][n] = simd.mul_add_e_f32s(value, gradient[n], sums[r][n]);
                }
            }
        }
        gradients = later;
    }
    for r in 0..R {
        for n in 0..N {
            weight[r][n] = simd.add_f32s(weight[r][n], sums[r][n]);
        }
    }
}
