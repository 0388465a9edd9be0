//! How far a map can be believed: whether rows that are neighbours in it are neighbours.

use pulp::Simd;
use rayon::prelude::*;

use super::distance::squared;
use super::neighbours::{self, NeighbourError};
use super::rows::Rows;
use crate::core::progress::Progress;
use crate::engine::cpu::kernels::isa::{Isa, Work};

/// scikit-learn's number of neighbours.
pub const NEIGHBOURS: usize = 5;

/// Rows between two looks at whether the user has cancelled.
const ROUND: usize = 512;

/// Why there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// Of the search for neighbours.
    #[error(transparent)]
    Neighbours(#[from] NeighbourError),
    /// The map is of something else.
    #[error("a map of {map} points isn't one of {rows} rows")]
    Rows {
        /// Points of the map.
        map: usize,
        /// Rows.
        rows: usize,
    },
    /// The measure isn't defined.
    #[error("trustworthiness over {k} neighbours needs at least 1 neighbour and more than {} rows, not {rows}", 2 * k)]
    Few {
        /// Neighbours.
        k: usize,
        /// Rows.
        rows: usize,
    },
}

/// Trustworthiness T(k) of a `map` of `rows` (Venna and Kaski 2001, equation 1), as scikit-learn defines it with Euclidean
/// distances: 1 − 2/(n·k·(2n − 3k − 1)) · Σᵢ Σⱼ max(0, r(i, j) − k) over the `k` nearest j of i in the map, where j is the
/// r(i, j)-th nearest row of i. From 0 to 1; 1 where no neighbour in the map is a stranger. Ties go by the smaller index.
///
/// # Errors
/// [`TrustError`] where the map has another number of points, `k` is 0 or not below n/2, or on cancel.
pub fn trustworthiness(
    rows: Rows<'_>,
    map: Rows<'_>,
    k: usize,
    progress: &mut dyn Progress,
) -> Result<f64, TrustError> {
    let n = rows.len();
    if map.len() != n {
        return Err(TrustError::Rows { map: map.len(), rows: n });
    }
    if k == 0 || 2 * k >= n {
        return Err(TrustError::Few { k, rows: n });
    }
    let near = neighbours::among(map, k, progress)?;
    let mut strangeness = 0_u64;
    for first in (0..n).step_by(ROUND) {
        progress.step("trustworthiness", first as u64, n as u64).map_err(NeighbourError::from)?;
        let round = first..(first + ROUND).min(n);
        strangeness += round.into_par_iter().map(|i| excess(rows, i, near.indices(i))).sum::<u64>();
    }
    progress.step("trustworthiness", n as u64, n as u64).map_err(NeighbourError::from)?;
    let (n, k) = (n as f64, k as f64);
    Ok(1.0 - 2.0 / (n * k * (2.0 * n - 3.0 * k - 1.0)) * strangeness as f64)
}

/// Σⱼ max(0, r(i, j) − k) over the `k` rows of `near`.
fn excess(rows: Rows<'_>, i: usize, near: &[u32]) -> u64 {
    let mut distances = vec![0.0; rows.len()];
    // The instruction set changes no result, so that others may complain of a wrong name.
    Isa::chosen().unwrap_or(Isa::Portable).run(Distances { rows, from: i, distances: &mut distances });
    let rank = |j: usize| {
        let before = |&(l, d): &(usize, &f64)| l != i && (*d < distances[j] || (*d == distances[j] && l < j));
        1 + distances.iter().enumerate().filter(before).count()
    };
    near.iter().map(|&j| rank(j as usize).saturating_sub(near.len()) as u64).sum()
}

/// The squared distances of all rows from one, compiled once for each instruction set.
struct Distances<'a> {
    rows: Rows<'a>,
    from: usize,
    /// One for each row.
    distances: &'a mut [f64],
}

impl Work for Distances<'_> {
    #[inline(always)]
    fn run<S: Simd, const FMA: bool>(self, _: S) {
        let from = self.rows.row(self.from);
        for (j, distance) in self.distances.iter_mut().enumerate() {
            *distance = squared(from, self.rows.row(j));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::progress::Silent;

    /// Five points on a line, and a map that swaps the first with the last.
    #[test]
    fn by_hand() {
        let values = [0.0, 1.0, 3.0, 7.0, 15.0];
        let rows = Rows::new(&values, 1).unwrap();
        assert_eq!(trustworthiness(rows, rows, 1, &mut Silent), Ok(1.0));
        let swapped = [15.0, 1.0, 3.0, 7.0, 0.0];
        let map = Rows::new(&swapped, 1).unwrap();
        // Nearest in the map, and its rank: 0→3 (3rd), 1→4 (4th), 2→1 (1st), 3→2 (1st), 4→1 (3rd); less 1 each: 2+3+0+0+2.
        let expected = 1.0 - 2.0 / (5.0 * (10.0 - 3.0 - 1.0)) * 7.0;
        assert!((trustworthiness(rows, map, 1, &mut Silent).unwrap() - expected).abs() < 1e-15);
    }

    #[test]
    fn what_is_not_defined_is_told() {
        let values = [0.0, 1.0, 3.0, 7.0];
        let rows = Rows::new(&values, 1).unwrap();
        assert_eq!(trustworthiness(rows, rows, 2, &mut Silent), Err(TrustError::Few { k: 2, rows: 4 }));
        assert_eq!(trustworthiness(rows, rows, 0, &mut Silent), Err(TrustError::Few { k: 0, rows: 4 }));
        let map = Rows::new(&values, 2).unwrap();
        assert_eq!(trustworthiness(rows, map, 1, &mut Silent), Err(TrustError::Rows { map: 2, rows: 4 }));
    }
}
