//! Self-attention: for each window and head two sweeps, and a softmax between.
//!
//! Keys and values are packed like a convolution's weights. The similarities of a few queries at a time stay in the
//! innermost cache; each result is one sum in the order of the keys, whatever the tiles.

use pulp::Simd;

use crate::engine::cpu::kernels::activation::exp;
use crate::engine::cpu::kernels::layers::{lanes, sum};
use crate::engine::cpu::kernels::map::{Band, LANES, Lane, Shape};
use crate::engine::cpu::kernels::packing::Packing;
use crate::engine::cpu::kernels::sweep::{Piece, Pixel, Start, Sums, Sweep, Swept, sweep};
use crate::engine::nets::op::{Op, even_scale};

/// Queries whose similarities are at hand together.
const QUERIES: usize = 24;

/// Added to the similarity of pixels that became neighbours by rolling the map only (as torchvision does it).
const STRANGERS: f32 = -100.0;

/// Least length that cosine attention divides by (PyTorch's `normalize`).
const LEAST_LENGTH: f32 = 1e-12;

/// Attention prepared for maps of one size.
pub struct Prepared {
    /// Channels of the output.
    channels: usize,
    /// Factor of the similarities, per head.
    scales: Vec<f32>,
    cosine: bool,
    /// Heads × tokens × tokens, or empty.
    bias: Vec<f32>,
    /// Tokens of a window.
    tokens: usize,
    /// All windows' tokens one after the other.
    places: Vec<Token>,
    /// The same for their regions: tokens of different regions don't see each other.
    regions: Vec<u32>,
    /// Queries · keys and similarities · values.
    products: [Sweep; 2],
}

/// A pixel as a member of its window.
struct Token {
    /// Where its queries, keys and values begin.
    from: usize,
    /// Where its results begin.
    to: usize,
}

/// Buffers of a thread; each attention takes as much of them as it needs.
#[derive(Default)]
pub struct Scratch {
    /// Which tokens of a window ask.
    asking: Vec<usize>,
    /// Those tokens × channels of a head.
    queries: Vec<f32>,
    /// Packed: tokens × channels of a head.
    keys: Vec<Lane>,
    /// Packed: channels of a head × tokens.
    values: Vec<Lane>,
    /// [`QUERIES`] × tokens, in whole blocks.
    similarities: Vec<f32>,
    /// [`QUERIES`] × channels of a head, in whole blocks.
    results: Vec<f32>,
}

impl Prepared {
    /// Finds the pixels of each window; `tensors` are those of [`Op::folded`]. `None` for another operation.
    pub fn new(op: &Op, tensors: &[Vec<f32>], (from, to): (Shape, Shape), widest: usize) -> Option<Self> {
        let (height, width) = (from.height, from.width);
        let token = |(y, x): (usize, usize), region: usize| {
            (Token { from: from.at(y, x), to: to.at(y, x) }, u32::try_from(region).unwrap_or_default())
        };
        let products = |channels: usize, heads: usize, tokens: usize| {
            let width = channels / heads.max(1);
            let (row, wide) = (tokens.next_multiple_of(LANES), width.next_multiple_of(LANES));
            [product((width, width), (tokens, row), widest), product((tokens, row), (width, wide), widest)]
        };
        Some(match (op, tensors) {
            (&Op::Attention { channels, heads }, _) => {
                let tokens = height * width;
                let (places, regions) = (0..tokens).map(|t| token((t / width, t % width), 0)).unzip();
                let scales = vec![even_scale(channels, heads); heads];
                let products = products(channels, heads, tokens);
                Self { channels, scales, cosine: false, bias: Vec::new(), tokens, places, regions, products }
            }
            (Op::WindowAttention(window), [scales, bias]) => {
                let (size, tokens) = (window.size, window.tokens());
                let corners = (0..height).step_by(size).flat_map(|y| (0..width).step_by(size).map(move |x| (y, x)));
                let rolled = corners.flat_map(|(y, x)| (0..tokens).map(move |t| (y + t / size, x + t % size)));
                let place = |(y, x): (usize, usize)| {
                    let region = 3 * window.region(0, y, height) + window.region(1, x, width);
                    token(((y + window.shift[0]) % height, (x + window.shift[1]) % width), region)
                };
                let (places, regions) = rolled.map(place).unzip();
                let (channels, cosine) = (window.channels, window.cosine);
                let products = products(channels, window.heads, tokens);
                Self { channels, scales: scales.clone(), cosine, bias: bias.clone(), tokens, places, regions, products }
            }
            _ => return None,
        })
    }
}

/// The product of [`QUERIES`] rows with a matrix: inputs and outputs, each with the distance between rows.
fn product((inputs, from): (usize, usize), (outputs, to): (usize, usize), widest: usize) -> Sweep {
    let pixels = (0..QUERIES).map(|row| Pixel { from: row * from, to: row * to }).collect();
    let packing = Packing::new(outputs, widest, 0, (0..inputs as u32).collect());
    Sweep::new(vec![Piece { offset: 0, length: inputs }], pixels, packing, false)
}

/// One head of one window.
#[derive(Clone, Copy)]
struct Head<'a> {
    prepared: &'a Prepared,
    window: &'a [Token],
    regions: &'a [u32],
    number: usize,
    /// Channels.
    width: usize,
}

/// Attends within each window of a map, for the queries of a band.
#[inline(always)]
pub fn attend<S: Simd, const FMA: bool>(
    simd: S,
    prepared: &Prepared,
    input: &[f32],
    mut to: Band<'_>,
    scratch: &mut Scratch,
) {
    let width = prepared.channels / prepared.scales.len();
    let regions = prepared.regions.chunks_exact(prepared.tokens);
    for (window, regions) in prepared.places.chunks_exact(prepared.tokens).zip(regions) {
        let end = to.start + to.values.len();
        let asks = |t: &usize| (to.start..end).contains(&window[*t].to);
        scratch.asking.clear();
        scratch.asking.extend((0..window.len()).filter(asks));
        if scratch.asking.is_empty() {
            continue;
        }
        for number in 0..prepared.scales.len() {
            let head = Head { prepared, window, regions, number, width };
            head.pack(input, scratch);
            for first in (0..scratch.asking.len()).step_by(QUERIES) {
                head.answer::<S, FMA>(simd, first, &mut to, scratch);
            }
        }
    }
}

impl Head<'_> {
    /// Gathers queries, keys and values, with all factors in the first two.
    #[inline(always)]
    fn pack(&self, input: &[f32], scratch: &mut Scratch) {
        let Prepared { products: [similarities, results], channels, cosine, .. } = self.prepared;
        let (tokens, width) = (self.window.len(), self.width);
        scratch.queries.resize(scratch.asking.len() * width, 0.0);
        scratch.keys.resize(similarities.packing.len(), [0.0; LANES]);
        scratch.values.resize(results.packing.len(), [0.0; LANES]);
        scratch.similarities.resize(QUERIES * tokens.next_multiple_of(LANES), 0.0);
        scratch.results.resize(QUERIES * width.next_multiple_of(LANES), 0.0);
        let length = |v: &[f32]| if *cosine { sum(v, |v| v * v).sqrt().max(LEAST_LENGTH) } else { 1.0 };
        let part = |token: &Token, part: usize| &input[token.from + part * channels + self.number * width..][..width];
        for (query, &t) in scratch.queries.chunks_exact_mut(width).zip(&scratch.asking) {
            let own = part(&self.window[t], 0);
            let factor = self.prepared.scales[self.number] / length(own);
            for (q, &value) in query.iter_mut().zip(own) {
                *q = value * factor;
            }
        }
        for (block, window) in self.window.chunks(LANES).enumerate() {
            let (first, step) = similarities.packing.block(block);
            for (lane, token) in window.iter().enumerate() {
                let own = part(token, 1);
                let factor = 1.0 / length(own);
                for (key, &value) in scratch.keys[first..].iter_mut().step_by(step).zip(own) {
                    key[lane] = value * factor;
                }
            }
        }
        for block in 0..width.div_ceil(LANES) {
            let (first, step) = results.packing.block(block);
            for (values, token) in scratch.values[first..].iter_mut().step_by(step).zip(self.window) {
                let own = &part(token, 2)[block * LANES..];
                let count = own.len().min(LANES);
                values[..count].copy_from_slice(&own[..count]);
            }
        }
    }

    /// Some queries from the `first` one on that asks.
    #[inline(always)]
    fn answer<S: Simd, const FMA: bool>(&self, simd: S, first: usize, to: &mut Band<'_>, scratch: &mut Scratch) {
        let Prepared { products: [similarities, results], tokens, .. } = self.prepared;
        let Scratch { asking, queries, keys, values, similarities: rows, results: sums } = scratch;
        let asking = &asking[first..asking.len().min(first + QUERIES)];
        let sums_of = |sweep, weights| Sums { sweep, weights, start: Start::Zero, then: None };
        let pixels = 0..asking.len();
        let input = &queries[first * self.width..];
        let map = Swept { input, output: &mut *rows, start: 0, pixels: pixels.clone(), join: None };
        sweep::<S, FMA>(simd, sums_of(similarities, keys), &mut [map]);
        let mut shares = [0.0; QUERIES];
        let row = tokens.next_multiple_of(LANES);
        for ((row, share), &query) in rows.chunks_exact_mut(row).zip(&mut shares).zip(asking) {
            *share = 1.0 / self.soften::<FMA>(query, row);
        }
        let map = Swept { input: rows, output: &mut *sums, start: 0, pixels, join: None };
        sweep::<S, FMA>(simd, sums_of(results, values), &mut [map]);
        let sums = sums.chunks_exact(self.width.next_multiple_of(LANES));
        for ((sums, share), &query) in sums.zip(shares).zip(asking) {
            let at = self.window[query].to - to.start + self.number * self.width;
            for (out, sum) in to.values[at..at + self.width].iter_mut().zip(sums) {
                *out = sum * share;
            }
        }
    }

    /// Similarities of a query → exponentials of what they are below the largest; gives their sum.
    #[inline(always)]
    fn soften<const FMA: bool>(&self, query: usize, row: &mut [f32]) -> f32 {
        let tokens = self.window.len();
        if !self.prepared.bias.is_empty() {
            let bias = &self.prepared.bias[(self.number * tokens + query) * tokens..][..tokens];
            let own = self.regions[query];
            for ((s, bias), &region) in row.iter_mut().zip(bias).zip(self.regions) {
                *s += bias + if region == own { 0.0 } else { STRANGERS };
            }
        }
        let largest = lanes(&row[..tokens], f32::NEG_INFINITY, |most, s| if s > most { s } else { most });
        let largest = largest.into_iter().fold(f32::NEG_INFINITY, f32::max);
        // Whole vectors: nobody reads what lies beyond the tokens.
        for s in row.as_chunks_mut::<LANES>().0.as_flattened_mut() {
            *s = exp::<FMA>(*s - largest);
        }
        sum(&row[..tokens], |s| s)
    }
}
