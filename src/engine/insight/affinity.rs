//! The joint probabilities of t-SNE (van der Maaten and Hinton 2008): how alike two rows are, as a distribution over pairs.

use rayon::prelude::*;

use super::neighbours::Neighbours;

/// Halvings of the search for a bandwidth, and what it may be off by in entropy (scikit-learn's numbers).
const HALVINGS: usize = 100;
const OFF: f64 = 1e-5;

/// A symmetric sparse matrix of probabilities that add up to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Affinities {
    /// n+1: where each row's entries begin.
    starts: Vec<usize>,
    /// Columns, ascending in each row.
    columns: Vec<u32>,
    values: Vec<f64>,
}

impl Affinities {
    /// p(i, j) = (p(j|i) + p(i|j)) / 2n over the given neighbours of n rows, where p(j|i) falls off as a Gaussian whose
    /// bandwidth gives the conditional distribution the entropy ln `perplexity` (their equations 1 and section 2).
    #[must_use]
    pub fn new(neighbours: &Neighbours, rows: usize, perplexity: f64) -> Self {
        let conditional: Vec<Vec<f64>> =
            (0..rows).into_par_iter().map(|i| conditional(neighbours.distances(i), perplexity)).collect();
        // Every pair from both sides; sorting brings the two together.
        let mut entries: Vec<Vec<(u32, f64)>> = vec![Vec::new(); rows];
        for (i, values) in conditional.iter().enumerate() {
            for (&j, &p) in neighbours.indices(i).iter().zip(values) {
                entries[i].push((j, p));
                entries[j as usize].push((i as u32, p));
            }
        }
        let mut found = Self { starts: vec![0], columns: Vec::new(), values: Vec::new() };
        for mut row in entries {
            // Stable: the sum of two is the same from either side, whatever comes first.
            row.sort_by_key(|&(j, _)| j);
            for pair in row.chunk_by(|a, b| a.0 == b.0) {
                found.columns.push(pair[0].0);
                found.values.push(pair.iter().map(|&(_, p)| p).sum());
            }
            found.starts.push(found.columns.len());
        }
        let total: f64 = found.values.iter().sum();
        found.values.iter_mut().for_each(|p| *p /= total);
        found
    }

    /// The rows that aren't unlike row `i`, with their probabilities.
    pub fn of(&self, i: usize) -> impl Iterator<Item = (usize, f64)> {
        let range = self.starts[i]..self.starts[i + 1];
        self.columns[range.clone()].iter().zip(&self.values[range]).map(|(&j, &p)| (j as usize, p))
    }
}

/// p(j|i) over neighbours at the given distances, by bisecting the precision β as scikit-learn does. Distances count from
/// the nearest one and as a part of their mean: neither changes the probabilities, and no exponential is lost.
fn conditional(distances: &[f64], perplexity: f64) -> Vec<f64> {
    let nearest = distances.first().map_or(0.0, |d| d * d);
    let beyond: Vec<f64> = distances.iter().map(|d| d * d - nearest).collect();
    let mean = beyond.iter().sum::<f64>() / beyond.len().max(1) as f64;
    if mean <= 0.0 {
        return vec![1.0 / distances.len().max(1) as f64; distances.len()];
    }
    let (mut beta, mut low, mut high) = (1.0_f64, 0.0_f64, f64::INFINITY);
    let mut values = vec![0.0; distances.len()];
    for _ in 0..HALVINGS {
        values.iter_mut().zip(&beyond).for_each(|(v, d)| *v = (-beta * d / mean).exp());
        let sum: f64 = values.iter().sum();
        values.iter_mut().for_each(|v| *v /= sum);
        let expected: f64 = values.iter().zip(&beyond).map(|(v, d)| v * d / mean).sum();
        let over = sum.ln() + beta * expected - perplexity.ln();
        if over.abs() <= OFF {
            break;
        }
        if over > 0.0 {
            low = beta;
            beta = if high.is_finite() { f64::midpoint(low, high) } else { 2.0 * beta };
        } else {
            high = beta;
            beta = f64::midpoint(low, high);
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::progress::Silent;
    use crate::core::rng::Stream;
    use crate::engine::insight::neighbours::among;
    use crate::engine::insight::rows::Rows;

    #[test]
    fn conditional_distributions_have_the_perplexity() {
        let mut stream = Stream::new("stillroom 2026 test", 2, &[]);
        for size in [1e-20, 1.0, 1e15] {
            let mut distances: Vec<f64> = (0..30).map(|_| (3.0 + stream.unit()) * size).collect();
            distances.sort_by(f64::total_cmp);
            let values = conditional(&distances, 10.0);
            let entropy: f64 = values.iter().filter(|v| **v > 0.0).map(|v| -v * v.ln()).sum();
            assert!((entropy.exp() - 10.0).abs() < 1e-3, "{size}: {}", entropy.exp());
            assert!(values.is_sorted_by(|a, b| a >= b));
        }
        assert_eq!(conditional(&[2.0; 4], 2.0), [0.25; 4]);
    }

    /// Rows at 0, 1 and 3 with one neighbour each: 0→1, 1→0, 2→1, each with probability 1.
    #[test]
    fn joint_probabilities_by_hand() {
        let rows = Rows::new(&[0.0, 1.0, 3.0], 1).unwrap();
        let joint = Affinities::new(&among(rows, 1, &mut Silent).unwrap(), 3, 1.0);
        let all: Vec<Vec<(usize, f64)>> = (0..3).map(|i| joint.of(i).collect()).collect();
        assert_eq!(all, [vec![(1, 2.0 / 6.0)], vec![(0, 2.0 / 6.0), (2, 1.0 / 6.0)], vec![(1, 1.0 / 6.0)]]);
    }
}
