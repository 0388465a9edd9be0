//! Self-attention: for each window and head two products with the convolutions' inner loop, and a softmax between.
//!
//! Keys and values are packed like a convolution's weights. The similarities of a few queries at a time stay in the
//! innermost cache; each result is one sum in the order of the keys, whatever the tiles.

use super::activation::exp;
use super::kernel::{LANES, Lane, PIXELS, accumulate, tiles};
use super::shape::Shape;
use crate::engine::nets::op::{Op, even_scale};

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
    /// Tokens × channels of a head.
    queries: Vec<f32>,
    /// Blocks of tokens × channels of a head.
    keys: Vec<Lane>,
    /// Blocks of channels of a head × tokens.
    values: Vec<Lane>,
    /// Queries of a tile × blocks of tokens.
    similarities: Vec<Lane>,
}

impl Prepared {
    /// Finds the pixels of each window; `tensors` are those of [`Op::folded`]. `None` for another operation.
    pub fn new(op: &Op, tensors: &[Vec<f32>], (from, to): (Shape, Shape)) -> Option<Self> {
        let (height, width) = (from.height, from.width);
        let token = |(y, x): (usize, usize), region: usize| {
            (Token { from: from.at(y, x), to: to.at(y, x) }, u32::try_from(region).unwrap_or_default())
        };
        Some(match (op, tensors) {
            (&Op::Attention { channels, heads }, _) => {
                let tokens = height * width;
                let (places, regions) = (0..tokens).map(|t| token((t / width, t % width), 0)).unzip();
                let scales = vec![even_scale(channels, heads); heads];
                Self { channels, scales, cosine: false, bias: Vec::new(), tokens, places, regions }
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
                Self { channels, scales: scales.clone(), cosine, bias: bias.clone(), tokens, places, regions }
            }
            _ => return None,
        })
    }
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

/// Attends within each window of a map.
#[inline(always)]
pub fn attend<const FMA: bool>(prepared: &Prepared, input: &[f32], output: &mut [f32], scratch: &mut Scratch) {
    let width = prepared.channels / prepared.scales.len();
    let regions = prepared.regions.chunks_exact(prepared.tokens);
    for (window, regions) in prepared.places.chunks_exact(prepared.tokens).zip(regions) {
        for number in 0..prepared.scales.len() {
            let head = Head { prepared, window, regions, number, width };
            head.pack(input, scratch);
            for (query, end) in tiles(prepared.tokens) {
                match end - query {
                    1 => head.tile::<FMA, 1>(query, output, scratch),
                    2 => head.tile::<FMA, 2>(query, output, scratch),
                    3 => head.tile::<FMA, 3>(query, output, scratch),
                    _ => head.tile::<FMA, PIXELS>(query, output, scratch),
                }
            }
        }
    }
}

impl Head<'_> {
    /// Gathers queries, keys and values, with all factors in the first two.
    #[inline(always)]
    fn pack(&self, input: &[f32], scratch: &mut Scratch) {
        let (tokens, width, channels) = (self.window.len(), self.width, self.prepared.channels);
        let blocks = tokens.div_ceil(LANES);
        scratch.queries.resize(tokens * width, 0.0);
        scratch.keys.resize(blocks * width, [0.0; LANES]);
        scratch.values.resize(width.div_ceil(LANES) * tokens, [0.0; LANES]);
        scratch.similarities.resize(PIXELS * blocks, [0.0; LANES]);
        let length = |v: &[f32]| if self.prepared.cosine { sum(v, |v| v * v).sqrt().max(LEAST_LENGTH) } else { 1.0 };
        for (t, token) in self.window.iter().enumerate() {
            let part = |part: usize| &input[token.from + part * channels + self.number * width..][..width];
            let factor = self.prepared.scales[self.number] / length(part(0));
            for (q, &value) in scratch.queries[t * width..][..width].iter_mut().zip(part(0)) {
                *q = value * factor;
            }
            let factor = 1.0 / length(part(1));
            for (key, &value) in scratch.keys[t / LANES * width..][..width].iter_mut().zip(part(1)) {
                key[t % LANES] = value * factor;
            }
            for (block, values) in part(2).chunks(LANES).enumerate() {
                scratch.values[block * tokens + t][..values.len()].copy_from_slice(values);
            }
        }
    }

    /// `P` queries from `query` on.
    #[inline(always)]
    fn tile<const FMA: bool, const P: usize>(&self, query: usize, output: &mut [f32], scratch: &mut Scratch) {
        let (tokens, width) = (self.window.len(), self.width);
        let blocks = tokens.div_ceil(LANES);
        let Scratch { queries, keys, values, similarities } = scratch;
        for block in 0..blocks {
            let mut sums = [[0.0; LANES]; P];
            let queries = std::array::from_fn(|p| &queries[(query + p) * width..][..width]);
            accumulate::<FMA, P>(&mut sums, queries, &keys[block * width..][..width]);
            for (p, sum) in sums.into_iter().enumerate() {
                similarities[p * blocks + block] = sum;
            }
        }
        let mut shares = [0.0; P];
        for (p, row) in similarities.chunks_exact_mut(blocks).take(P).enumerate() {
            shares[p] = 1.0 / self.soften::<FMA>(query + p, row.as_flattened_mut());
        }
        for block in 0..width.div_ceil(LANES) {
            let mut sums = [[0.0; LANES]; P];
            let rows = std::array::from_fn(|p| &similarities[p * blocks..][..blocks].as_flattened()[..tokens]);
            accumulate::<FMA, P>(&mut sums, rows, &values[block * tokens..][..tokens]);
            let count = LANES.min(width - block * LANES);
            for (p, sum) in sums.into_iter().enumerate() {
                let at = self.window[query + p].to + self.number * width + block * LANES;
                let sum = sum.map(|s| s * shares[p]);
                output[at..at + count].copy_from_slice(&sum[..count]);
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

/// Folds every [`LANES`]th value.
#[inline(always)]
fn lanes(values: &[f32], start: f32, fold: impl Fn(f32, f32) -> f32) -> Lane {
    let mut folded = [start; LANES];
    let (whole, rest) = values.as_chunks::<LANES>();
    for chunk in whole {
        for lane in 0..LANES {
            folded[lane] = fold(folded[lane], chunk[lane]);
        }
    }
    for (folded, &value) in folded.iter_mut().zip(rest) {
        *folded = fold(*folded, value);
    }
    folded
}

/// Sums a function of all values, in an order that depends on their number alone.
#[inline(always)]
pub fn sum(values: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let mut sums = lanes(values, 0.0, |sum, value| sum + term(value));
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            sums[lane] += sums[lane + half];
        }
    }
    sums[0]
}
