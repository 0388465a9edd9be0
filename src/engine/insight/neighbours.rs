//! The nearest rows of each row by Euclidean distance: exact, all pairs looked at, in parallel.

use std::ops::Range;

use pulp::Simd;
use rayon::prelude::*;

use super::distance::{PANEL, Panels, TILE, Tile, scale, squared};
use super::rows::Rows;
use crate::core::progress::{Cancelled, Progress};
use crate::engine::cpu::kernels::isa::{Isa, Work};

/// Queries between two looks at whether the user has cancelled.
const ROUND: usize = 2048;
/// Queries of one task: each panel is used for all of them while it lies in the cache.
const BLOCK: usize = 64;

/// Why there are no neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NeighbourError {
    /// The user asked for it.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// Features of different networks, say.
    #[error(
        "rows of {queries} values can't be compared with rows of {rows}; take both from the same network and layer"
    )]
    Dims {
        /// Values per query.
        queries: usize,
        /// Values per row.
        rows: usize,
    },
    /// Positions don't fit 32 bits.
    #[error("{0} rows are too many; take a part of them")]
    TooMany(usize),
}

/// The nearest rows of each query, nearest first; of rows that are equally far, the one of the smaller index first.
#[derive(Clone, Debug, PartialEq)]
pub struct Neighbours {
    k: usize,
    indices: Vec<u32>,
    distances: Vec<f64>,
}

impl Neighbours {
    /// Neighbours per query: what was asked for, or as many as there are.
    #[must_use]
    pub fn k(&self) -> usize {
        self.k
    }

    /// The neighbours of query `i`: `k` positions of rows.
    #[must_use]
    pub fn indices(&self, i: usize) -> &[u32] {
        &self.indices[i * self.k..(i + 1) * self.k]
    }

    /// The distances (not squared) of [`Self::indices`], ascending.
    #[must_use]
    pub fn distances(&self, i: usize) -> &[f64] {
        &self.distances[i * self.k..(i + 1) * self.k]
    }
}

/// The `k` nearest others of each row; fewer rows give all others.
///
/// # Errors
/// [`NeighbourError::Cancelled`], or [`NeighbourError::TooMany`] beyond 2³² rows.
pub fn among(rows: Rows<'_>, k: usize, progress: &mut dyn Progress) -> Result<Neighbours, NeighbourError> {
    let k = k.min(rows.len().saturating_sub(1));
    Search { queries: rows, rows, k, without_self: true, isa: isa() }.run(progress)
}

/// The `k` nearest of `rows` for each of `queries`; fewer rows give all.
///
/// # Errors
/// [`NeighbourError`] where the two differ in their number of columns, there are more than 2³² rows, or on cancel.
pub fn of_queries(
    queries: Rows<'_>,
    rows: Rows<'_>,
    k: usize,
    progress: &mut dyn Progress,
) -> Result<Neighbours, NeighbourError> {
    if queries.dims() != rows.dims() {
        return Err(NeighbourError::Dims { queries: queries.dims(), rows: rows.dims() });
    }
    Search { queries, rows, k: k.min(rows.len()), without_self: false, isa: isa() }.run(progress)
}

#[derive(Clone, Copy)]
struct Search<'a> {
    queries: Rows<'a>,
    rows: Rows<'a>,
    k: usize,
    without_self: bool,
    isa: Isa,
}

/// What `STILLROOM_ISA` names; it changes no result, so that others may complain of a wrong name.
fn isa() -> Isa {
    Isa::chosen().unwrap_or(Isa::Portable)
}

impl Search<'_> {
    fn run(self, progress: &mut dyn Progress) -> Result<Neighbours, NeighbourError> {
        let Self { queries, rows, k, .. } = self;
        u32::try_from(rows.len()).map_err(|_| NeighbourError::TooMany(rows.len()))?;
        let mut found = Neighbours { k, indices: Vec::new(), distances: Vec::new() };
        if k == 0 {
            return Ok(found);
        }
        let scale = scale(&[queries, rows]);
        let panels = Panels::new(rows, scale);
        for first in (0..queries.len()).step_by(ROUND) {
            progress.step("neighbours", first as u64, queries.len() as u64)?;
            let round = first..(first + ROUND).min(queries.len());
            let starts: Vec<usize> = round.clone().step_by(BLOCK).collect();
            let nearest: Vec<Vec<Nearest>> = starts
                .par_iter()
                .map(|&start| {
                    let block = start..(start + BLOCK).min(round.end);
                    let mut nearest = vec![Nearest::new(k, scale); block.len()];
                    let panels = &panels;
                    self.isa.run(Block { search: self, queries: block, panels, scale, nearest: &mut nearest });
                    nearest
                })
                .collect();
            for (distance, index) in nearest.into_iter().flatten().flat_map(|n| n.kept) {
                found.indices.push(index);
                found.distances.push(distance.sqrt());
            }
        }
        progress.step("neighbours", queries.len() as u64, queries.len() as u64)?;
        Ok(found)
    }

    /// Computes the exact distances of the rows of a panel that may be among the nearest of `query`.
    #[inline(always)]
    fn look(self, query: usize, first: usize, bounds: &[f32; PANEL], nearest: &mut Nearest) {
        if bounds.iter().fold(f32::INFINITY, |least, &b| least.min(b)) > nearest.limit {
            return;
        }
        for (other, &bound) in (first..self.rows.len()).zip(bounds) {
            if bound <= nearest.limit && !(self.without_self && other == query) {
                nearest.offer(squared(self.queries.row(query), self.rows.row(other)), other as u32);
            }
        }
    }
}

/// Some queries on their way through all rows, compiled once for each instruction set.
struct Block<'a> {
    search: Search<'a>,
    queries: Range<usize>,
    panels: &'a Panels,
    scale: f64,
    /// One for each query.
    nearest: &'a mut [Nearest],
}

impl Work for Block<'_> {
    #[inline(always)]
    fn run<S: Simd, const FMA: bool>(self, _: S) {
        let Self { search, queries, panels, scale, nearest } = self;
        let tiles: Vec<Tile> = queries
            .clone()
            .step_by(TILE)
            .map(|first| Tile::new(search.queries, first, TILE.min(queries.end - first), scale))
            .collect();
        let mut bounds = [[0.0; PANEL]; TILE];
        for panel in 0..panels.count() {
            for (t, (tile, nearest)) in tiles.iter().zip(nearest.chunks_mut(TILE)).enumerate() {
                panels.bounds::<FMA>(tile, panel, &mut bounds);
                for (lane, (nearest, bounds)) in nearest.iter_mut().zip(&bounds).enumerate() {
                    search.look(queries.start + t * TILE + lane, panel * PANEL, bounds, nearest);
                }
            }
        }
    }
}

/// The nearest so far.
#[derive(Clone, Debug)]
struct Nearest {
    k: usize,
    scale: f64,
    /// What a bound must not exceed; the rows with larger ones are farther than all that are kept.
    limit: f32,
    /// Squared distances, ascending, with their rows.
    kept: Vec<(f64, u32)>,
}

impl Nearest {
    fn new(k: usize, scale: f64) -> Self {
        Self { k, scale, limit: f32::MAX, kept: Vec::with_capacity(k + 1) }
    }

    /// Rows come in ascending order, so that one that is as far as another goes behind it.
    fn offer(&mut self, distance: f64, row: u32) {
        let at = self.kept.partition_point(|&(d, _)| d <= distance);
        if at >= self.k {
            return;
        }
        self.kept.insert(at, (distance, row));
        self.kept.truncate(self.k);
        if let (true, Some((worst, _))) = (self.kept.len() == self.k, self.kept.last()) {
            // Rounded up, so that rounding can't shut out a row.
            self.limit = ((worst * self.scale * self.scale) as f32).next_up();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::progress::Silent;
    use crate::core::rng::Stream;

    fn random(count: usize, dims: usize, shift: f64) -> Vec<f32> {
        let mut stream = Stream::new("stillroom 2026 test", 8, &[]);
        (0..count * dims).map(|_| (stream.normal() + shift) as f32).collect()
    }

    #[test]
    fn neighbours_by_hand() {
        let values = [0.0, 1.0, 3.0, 7.0, 4.0];
        let rows = Rows::new(&values, 1).unwrap();
        let found = among(rows, 2, &mut Silent).unwrap();
        // Rows on a line: the other rows' distances are easily counted.
        let indices: Vec<&[u32]> = (0..5).map(|i| found.indices(i)).collect();
        assert_eq!(indices, [[1, 2], [0, 2], [4, 1], [4, 2], [2, 1]]);
        assert_eq!(found.distances(2), [1.0, 2.0]);
        let queries = Rows::new(&[2.0], 1).unwrap();
        let found = of_queries(queries, rows, 9, &mut Silent).unwrap();
        // Ties by smaller index: 1 and 3 are 1 away, 0 and 4 are 2 away.
        assert_eq!(found.indices(0), [1, 2, 0, 4, 3]);
    }

    /// Whole numbers make many ties; a shift makes the bounds coarse.
    #[test]
    fn the_same_as_sorting_all_distances() {
        for (dims, shift, whole) in [(1, 0.0, false), (7, 500.0, false), (90, 20.0, false), (3, 0.0, true)] {
            let mut values = random(331, dims, shift);
            if whole {
                values.iter_mut().for_each(|v| *v = v.round());
            }
            let rows = Rows::new(&values, dims).unwrap();
            let found = among(rows, 6, &mut Silent).unwrap();
            for i in 0..rows.len() {
                let mut all: Vec<(f64, u32)> = (0..rows.len() as u32)
                    .filter(|&j| j as usize != i)
                    .map(|j| (squared(rows.row(i), rows.row(j as usize)), j))
                    .collect();
                all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                let expected: Vec<u32> = all.iter().take(6).map(|&(_, j)| j).collect();
                assert_eq!(found.indices(i), expected, "{dims} {shift} row {i}");
            }
        }
    }

    #[test]
    fn threads_instructions_and_size_change_nothing() {
        let values = random(700, 33, 2.0);
        let rows = Rows::new(&values, 33).unwrap();
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| among(rows, 5, &mut Silent).unwrap())
        };
        assert_eq!(on(1), on(3));
        for isa in Isa::all() {
            let search = Search { queries: rows, rows, k: 5, without_self: true, isa };
            assert_eq!(search.run(&mut Silent).unwrap(), on(1), "{}", isa.name());
        }
        for power in [120, -120] {
            let scaled: Vec<f32> = values.iter().map(|v| v * 2_f32.powi(power)).collect();
            let found = among(Rows::new(&scaled, 33).unwrap(), 5, &mut Silent).unwrap();
            assert_eq!(found.indices, on(1).indices, "2^{power}");
        }
    }

    #[test]
    fn few_rows_equal_rows_and_unlike_rows() {
        let same = [1.5_f32; 12];
        let rows = Rows::new(&same, 3).unwrap();
        let found = among(rows, 99, &mut Silent).unwrap();
        assert_eq!((found.k(), found.indices(2), found.distances(2)), (3, &[0, 1, 3][..], &[0.0; 3][..]));
        assert_eq!(among(Rows::new(&same[..3], 3).unwrap(), 4, &mut Silent).unwrap().k(), 0);
        let zeros = [0.0_f32; 4];
        assert_eq!(among(Rows::new(&zeros, 2).unwrap(), 1, &mut Silent).unwrap().indices(0), [1]);
        let other = Rows::new(&same, 2).unwrap();
        assert_eq!(of_queries(other, rows, 1, &mut Silent), Err(NeighbourError::Dims { queries: 2, rows: 3 }));
    }

    struct Never;
    impl Progress for Never {
        fn step(&mut self, _: &'static str, _: u64, _: u64) -> Result<(), Cancelled> {
            Err(Cancelled)
        }
        fn warn(&mut self, _: String) {}
    }

    #[test]
    fn it_can_be_cancelled() {
        let rows = Rows::new(&[0.0, 1.0, 2.0], 1).unwrap();
        assert_eq!(among(rows, 1, &mut Never), Err(NeighbourError::Cancelled(Cancelled)));
    }
}
