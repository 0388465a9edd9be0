//! Squared Euclidean distances: exact ones, and lower bounds of many at once.
//!
//! Bounds come from ‖a − b‖² = ‖a‖² + ‖b‖² − 2·a·b in single precision, less all that its rounding can amount to. A row
//! whose bound lies beyond the worst neighbour so far needs no exact distance, and no other row is left out.

use super::rows::Rows;

/// Rows whose bounds are computed together.
pub const PANEL: usize = 16;
/// Queries that share one pass over a panel.
pub const TILE: usize = 4;
/// Columns whose products are added up before they join the sum, which keeps the rounding small.
const STRETCH: usize = 64;
/// Independent sums of an exact distance.
const LANES: usize = 8;

/// ‖a − b‖² in double precision, summed in one fixed order; symmetric.
#[inline(always)]
#[must_use]
pub fn squared(a: &[f32], b: &[f32]) -> f64 {
    let mut lanes = [0.0_f64; LANES];
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a.iter().zip(b) {
        for ((lane, &a), &b) in lanes.iter_mut().zip(a).zip(b) {
            let difference = f64::from(a) - f64::from(b);
            *lane += difference * difference;
        }
    }
    for ((lane, &a), &b) in lanes.iter_mut().zip(a_rest).zip(b_rest) {
        let difference = f64::from(a) - f64::from(b);
        *lane += difference * difference;
    }
    lanes.iter().sum()
}

/// The power of two that brings the largest magnitude of `rows` to [1, 2), so that no product overflows; 1 where all
/// values are 0.
#[must_use]
pub fn scale(rows: &[Rows<'_>]) -> f64 {
    let largest = rows.iter().flat_map(|r| r.values()).fold(0.0_f32, |m, v| m.max(v.abs()));
    if largest == 0.0 { 1.0 } else { (-f64::from(largest).log2().floor()).exp2() }
}

/// Rows in panels of [`PANEL`], column by column, with their norms, all scaled by [`scale`].
#[derive(Debug)]
pub struct Panels {
    /// panels×dims×PANEL; the last panel is filled up with zeros.
    values: Vec<f32>,
    /// panels×PANEL: squared norms less their share of the slack; infinite for what fills up, so it is never chosen.
    norms: Vec<f32>,
    dims: usize,
}

impl Panels {
    /// Packs `rows`, scaled by `scale`.
    #[must_use]
    pub fn new(rows: Rows<'_>, scale: f64) -> Self {
        let dims = rows.dims();
        let panels = rows.len().div_ceil(PANEL);
        let mut values = vec![0.0; panels * dims * PANEL];
        let mut norms = vec![f32::INFINITY; panels * PANEL];
        for (i, norm) in norms.iter_mut().enumerate().take(rows.len()) {
            let (panel, lane) = (i / PANEL, i % PANEL);
            for (column, &v) in rows.row(i).iter().enumerate() {
                values[(panel * dims + column) * PANEL + lane] = scaled(v, scale);
            }
            *norm = slackened_norm(rows.row(i), scale);
        }
        Self { values, norms, dims }
    }

    /// Number of panels.
    #[must_use]
    pub fn count(&self) -> usize {
        self.norms.len() / PANEL
    }

    /// Lower bounds of the scaled squared distances between a tile's queries and the rows of `panel`. `FMA` is for
    /// machines on which multiply-add is one instruction.
    #[inline(always)]
    pub fn bounds<const FMA: bool>(&self, tile: &Tile, panel: usize, bounds: &mut [[f32; PANEL]; TILE]) {
        let (values, _) = self.values[panel * self.dims * PANEL..(panel + 1) * self.dims * PANEL].as_chunks::<PANEL>();
        let norms = &self.norms[panel * PANEL..(panel + 1) * PANEL];
        let mut products = [[0.0_f32; PANEL]; TILE];
        for (values, queries) in values.chunks(STRETCH).zip(tile.values.chunks(STRETCH)) {
            let mut stretch = [[0.0_f32; PANEL]; TILE];
            for (values, queries) in values.iter().zip(queries) {
                for (sums, query) in stretch.iter_mut().zip(queries) {
                    for (sum, value) in sums.iter_mut().zip(values) {
                        *sum = if FMA { query.mul_add(*value, *sum) } else { *sum + query * value };
                    }
                }
            }
            for (sums, parts) in products.iter_mut().zip(&stretch) {
                sums.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part);
            }
        }
        for ((bounds, products), norm) in bounds.iter_mut().zip(&products).zip(&tile.norms) {
            for ((bound, product), other) in bounds.iter_mut().zip(products).zip(norms) {
                *bound = norm + other - 2.0 * product;
            }
        }
    }
}

/// Up to [`TILE`] queries, column by column, scaled as the panels are.
#[derive(Debug)]
pub struct Tile {
    values: Vec<[f32; TILE]>,
    norms: [f32; TILE],
}

impl Tile {
    /// Packs rows `first..first + count` of `queries`; `count` is at most [`TILE`].
    #[must_use]
    pub fn new(queries: Rows<'_>, first: usize, count: usize, scale: f64) -> Self {
        let mut tile = Self { values: vec![[0.0; TILE]; queries.dims()], norms: [0.0; TILE] };
        for lane in 0..count.min(TILE) {
            let row = queries.row(first + lane);
            tile.values.iter_mut().zip(row).for_each(|(values, &v)| values[lane] = scaled(v, scale));
            tile.norms[lane] = slackened_norm(row, scale);
        }
        tile
    }
}

fn scaled(value: f32, scale: f64) -> f32 {
    (f64::from(value) * scale) as f32
}

/// The scaled squared norm less its share of what rounding can amount to.
///
/// A sum of m products that are added one after another is off by at most m·u/(1 − m·u)·Σ|aᵢ·bᵢ| with u = 2⁻²⁴ (Higham
/// 2002, section 3.1), and 2·Σ|aᵢ·bᵢ| ≤ ‖a‖² + ‖b‖². So each norm gives up that factor of itself; the 16 more cover the
/// roundings of the norms and of the bound itself, and the constant what is lost below the smallest normal number.
fn slackened_norm(row: &[f32], scale: f64) -> f32 {
    let norm: f64 = row.iter().map(|&v| (f64::from(v) * scale).powi(2)).sum();
    let roundings = row.len().min(STRETCH) + row.len().div_ceil(STRETCH) + 16;
    let unit = roundings as f64 / f64::from(1_u32 << 24);
    (norm * (1.0 - unit / (1.0 - unit)) - 1e-30) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::rng::Stream;

    #[test]
    fn distances_by_hand() {
        assert_eq!(squared(&[0.0, 0.0], &[3.0, 4.0]), 25.0);
        let a: Vec<f32> = (0..19).map(|i| i as f32).collect();
        assert_eq!(squared(&a, &[0.0; 19]), (0..19).map(|i| f64::from(i * i)).sum::<f64>());
    }

    /// Far from the origin nearly all digits of the products cancel; the bounds must hold and still be close.
    #[test]
    fn bounds_are_never_above_the_distance() {
        for (dims, shift, size) in [(3, 0.0, 1.0), (70, 1000.0, 1.0), (200, 3.0, 1e30), (5, -1.0, 1e-40)] {
            let mut stream = Stream::new("stillroom 2026 test", 3, &[]);
            let values: Vec<f32> = (0..37 * dims).map(|_| ((stream.normal() + shift) * size) as f32).collect();
            let rows = Rows::new(&values, dims).unwrap();
            let scale = scale(&[rows]);
            let panels = Panels::new(rows, scale);
            let tile = Tile::new(rows, 4, TILE, scale);
            let mut bounds = [[0.0; PANEL]; TILE];
            for panel in 0..panels.count() {
                panels.bounds::<false>(&tile, panel, &mut bounds);
                for (q, lane) in (0..TILE).flat_map(|q| (0..PANEL).map(move |l| (q, l))) {
                    let other = panel * PANEL + lane;
                    let bound = f64::from(bounds[q][lane]);
                    if other >= rows.len() {
                        assert_eq!(bound, f64::INFINITY);
                        continue;
                    }
                    let exact = squared(rows.row(4 + q), rows.row(other)) * scale * scale;
                    assert!(bound <= exact, "{dims} {shift}: {bound} > {exact}");
                    assert!(exact - bound < 1e-4 * dims as f64, "{dims} {shift}: {bound} is far below {exact}");
                }
            }
        }
    }
}
