//! The inner loop of dense convolutions, linear layers and attention: a sweep of packed weights over the pixels of maps.
//!
//! Every output value is one sum in one fixed order (row of the kernel, then column and channel), so the bytes don't
//! depend on threads, batches or tiles. A tile of 6 pixels × 4 blocks runs at about 80 of the 100 billion multiply-adds a
//! second that a core with AVX-512 can do, 6 × 1 at 50 with AVX2 (measured; 4 × 1 and 4 × 2 are slower, more spills
//! registers). Long sums are made in parts, between which they wait in the output: the weights of a part stay in a near
//! cache while all pixels pass. The registers are spelt out: of loops over arrays the compiler makes scalar
//! code as soon as it sees another way to bundle them.

#![expect(
    clippy::needless_range_loop,
    reason = "registers are spelt out; iterators over arrays of them end as scalar code"
)]

use std::ops::Range;

use pulp::Simd;

use super::activation::activate;
use super::isa::{Work, apart, count_of, load, registers, store};
use super::map::{LANES, Lane};
use super::packing::{Packing, Panel};
use crate::engine::nets::graph::Activation;

/// Pixels of a tile.
pub const TILE: usize = 6;

/// Blocks of weights of a part of a long sum: 80 KiB, a small share of a core's second cache. Parts that fit the innermost
/// one (320) are no faster with AVX2 (measured: each part stores and loads all sums once more), and 4 % slower in training.
const PART: usize = 1280;

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
pub struct Pixel {
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
    pub pixels: Vec<Pixel>,
    /// The weights.
    pub packing: Packing,
    /// Whether the lanes beyond the outputs belong to somebody else.
    exact: bool,
    /// The pieces once more, cut where parts of the sum end.
    parts: Vec<Vec<Piece>>,
}

impl Sweep {
    /// A sweep; `exact` says whether the lanes beyond the outputs belong to somebody else.
    pub fn new(pieces: Vec<Piece>, pixels: Vec<Pixel>, packing: Packing, exact: bool) -> Self {
        let widest = packing.panels.first().map_or(1, |panel| panel.blocks);
        let parts = parts(&pieces, packing.taps(), PART / widest);
        Self { pieces, pixels, packing, exact, parts }
    }
}

/// Cuts pieces into parts of nearly equal length, none of more than `most` values.
fn parts(pieces: &[Piece], length: usize, most: usize) -> Vec<Vec<Piece>> {
    let count = length.div_ceil(most).max(1);
    let mut parts = vec![Vec::new(); count];
    let (mut done, mut part) = (0, 0);
    for piece in pieces {
        let (mut offset, end) = (piece.offset, piece.offset + piece.length);
        while offset < end {
            let own = (length * (part + 1) / count - done).min(end - offset);
            parts[part].push(Piece { offset, length: own });
            (offset, done) = (offset + own, done + own);
            if done == length * (part + 1) / count {
                part = (part + 1).min(count - 1);
            }
        }
    }
    parts
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
pub fn tiles(length: usize) -> impl Iterator<Item = (usize, usize)> {
    let tiles = length.div_ceil(TILE);
    (0..tiles).map(move |tile| (length * tile / tiles, length * (tile + 1) / tiles))
}

/// What is added to whole sums before they are stored.
#[derive(Clone, Copy)]
pub struct Join<'a> {
    /// A map.
    pub values: &'a [f32],
    /// Where the sweep's pixels lie in it.
    pub places: &'a [usize],
}

/// One image's part of a sweep.
pub struct Swept<'a> {
    /// The map that is read.
    pub input: &'a [f32],
    /// The map that is written, from some place on.
    pub output: &'a mut [f32],
    /// That place.
    pub start: usize,
    /// Which of the sweep's pixels; those that there are.
    pub pixels: Range<usize>,
    /// What is added.
    pub join: Option<Join<'a>>,
}

/// What is the same for all pixels of a sweep.
#[derive(Clone, Copy)]
pub struct Sums<'a> {
    /// What they are made of.
    pub sweep: &'a Sweep,
    /// Packed.
    pub weights: &'a [Lane],
    /// What they begin with.
    pub start: Start<'a>,
    /// What follows.
    pub then: Option<Activation>,
}

/// Runs a sweep over maps of several images; each panel's weights are fetched once for all of them.
#[inline(always)]
pub fn sweep<S: Simd, const FMA: bool>(simd: S, sums: Sums<'_>, maps: &mut [Swept<'_>]) {
    apart::<S, FMA>(simd, Sweeping { sums, maps });
}

struct Sweeping<'a, 'b, 'c> {
    sums: Sums<'a>,
    maps: &'b mut [Swept<'c>],
}

impl Work for Sweeping<'_, '_, '_> {
    #[inline(always)]
    fn run<S: Simd, const FMA: bool>(self, simd: S) {
        let Self { sums, maps } = self;
        let Sums { sweep, start, .. } = sums;
        for &panel in &sweep.packing.panels {
            let mut weights = &sums.weights[panel.start..][..panel.blocks * sweep.packing.taps()];
            for (number, pieces) in sweep.parts.iter().enumerate() {
                let taps: usize = pieces.iter().map(|piece| piece.length).sum();
                let (own, later) = weights.split_at(taps * panel.blocks);
                weights = later;
                let start = if number == 0 { start } else { Start::Sum };
                let last = number + 1 == sweep.parts.len();
                for map in maps.iter_mut() {
                    let tile = Tile { sums: Sums { weights: own, start, ..sums }, panel, pieces, last, pixels: &[] };
                    tile.run_all::<S, FMA>(simd, map);
                }
            }
        }
    }
}

/// Some pixels × the blocks of a panel.
#[derive(Clone, Copy)]
struct Tile<'a> {
    sums: Sums<'a>,
    panel: Panel,
    /// What is added up now, and whether it is the last part.
    pieces: &'a [Piece],
    last: bool,
    pixels: &'a [Pixel],
}

impl<'a> Tile<'a> {
    /// All pixels of an image.
    #[inline(always)]
    fn run_all<S: Simd, const FMA: bool>(self, simd: S, map: &mut Swept<'_>) {
        let first = map.pixels.start;
        let end = map.pixels.end.min(self.sums.sweep.pixels.len());
        for (from, to) in tiles(end - first) {
            let tile = Self { pixels: &self.sums.sweep.pixels[first + from..first + to], ..self };
            // Registers of a panel; those that no instruction set has together aren't compiled.
            match count_of::<S>(self.panel.blocks) {
                1 if S::F32_LANES == LANES => tile.pixels::<S, 1>(simd, map, first + from),
                2 if S::F32_LANES >= LANES / 2 => tile.pixels::<S, 2>(simd, map, first + from),
                4 if S::F32_LANES == LANES || S::F32_LANES == LANES / 4 => tile.pixels::<S, 4>(simd, map, first + from),
                LANES if S::F32_LANES == 1 => tile.pixels::<S, LANES>(simd, map, first + from),
                _ => {}
            }
            // The rectifier is in there.
            if self.last && !matches!(self.sums.then, None | Some(Activation::Relu)) {
                for pixel in tile.pixels {
                    let count = self.count();
                    let values = &mut map.output[pixel.to - map.start + self.panel.first * LANES..][..count];
                    activate::<FMA>(self.sums.then, values);
                }
            }
        }
    }

    /// Lanes that are written.
    #[inline(always)]
    fn count(&self) -> usize {
        let (all, outputs) = (self.panel.blocks * LANES, self.sums.sweep.packing.outputs);
        if self.sums.sweep.exact { all.min(outputs - self.panel.first * LANES) } else { all }
    }

    #[inline(always)]
    fn pixels<S: Simd, const N: usize>(self, simd: S, map: &mut Swept<'_>, number: usize) {
        match self.pixels.len() {
            1 => self.run::<S, 1, N>(simd, map, number),
            2 => self.run::<S, 2, N>(simd, map, number),
            3 => self.run::<S, 3, N>(simd, map, number),
            4 => self.run::<S, 4, N>(simd, map, number),
            5 => self.run::<S, 5, N>(simd, map, number),
            _ => self.run::<S, TILE, N>(simd, map, number),
        }
    }

    /// `P` pixels from the given one on × `N` registers. All indices into the sums are constants, so that they stay in
    /// registers.
    #[inline(always)]
    fn run<S: Simd, const P: usize, const N: usize>(self, simd: S, map: &mut Swept<'_>, number: usize) {
        let Self { panel, sums: Sums { start, then, .. }, .. } = self;
        // No closures where registers are: one that isn't inlined is compiled without them.
        let mut pixels = [Pixel { from: 0, to: 0 }; P];
        pixels.copy_from_slice(&self.pixels[..P]);
        let (first, count) = (panel.first * LANES, self.count());
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
                    sums[p] = load::<S, N>(simd, &map.output[pixels[p].to - map.start + first..][..count]);
                }
            }
        }
        self.add::<S, P, N>(simd, map.input, pixels, &mut sums);
        if let (true, Some(join)) = (self.last, map.join) {
            for p in 0..P {
                let more = load::<S, N>(simd, &join.values[join.places[number + p] + first..][..count]);
                for n in 0..N {
                    sums[p][n] = simd.add_f32s(sums[p][n], more[n]);
                }
            }
        }
        if self.last && then == Some(Activation::Relu) {
            for p in 0..P {
                for n in 0..N {
                    sums[p][n] = simd.max_f32s(sums[p][n], simd.splat_f32s(0.0));
                }
            }
        }
        for p in 0..P {
            store(simd, sums[p], &mut map.output[pixels[p].to - map.start + first..][..count]);
        }
    }

    /// Adds the products of the pieces.
    #[inline(always)]
    fn add<S: Simd, const P: usize, const N: usize>(
        self,
        simd: S,
        input: &[f32],
        places: [Pixel; P],
        sums: &mut [[S::f32s; N]; P],
    ) {
        let mut weights = registers::<S, N>(self.sums.weights.as_flattened());
        for piece in self.pieces {
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Together the parts are the pieces, in their order.
    #[test]
    fn parts_leave_nothing_out() {
        for (lengths, most) in [(vec![5, 5, 5], 4), (vec![7], 3), (vec![1; 9], 9), (vec![100, 3], 50), (vec![4], 320)] {
            let pieces: Vec<Piece> =
                lengths.iter().enumerate().map(|(n, &length)| Piece { offset: 1000 * n, length }).collect();
            let length = lengths.iter().sum::<usize>();
            let places =
                |pieces: &[Piece]| pieces.iter().flat_map(|p| p.offset..p.offset + p.length).collect::<Vec<_>>();
            let cut = parts(&pieces, length, most);
            assert!(cut.iter().all(|part| (1..=most).contains(&part.iter().map(|p| p.length).sum())), "{lengths:?}");
            assert_eq!(places(&cut.concat()), places(&pieces), "{lengths:?}");
        }
    }
}
