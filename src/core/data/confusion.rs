//! Confusion of classes and outputs, and the one-to-one class order that explains it best.

use pathfinding::kuhn_munkres::kuhn_munkres;
use pathfinding::matrix::Matrix;

use crate::core::formats::csv::{Csv, Field};

/// Counts of predictions: rows are the data's classes, columns the network's outputs.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Confusion {
    outputs: usize,
    counts: Vec<u32>,
}

impl Confusion {
    /// No predictions yet.
    #[must_use]
    pub fn new(classes: usize, outputs: usize) -> Self {
        Self { outputs, counts: vec![0; classes * outputs] }
    }

    /// Counts one prediction; indexes out of range are ignored.
    pub fn add(&mut self, class: usize, output: usize) {
        if let Some(count) = self.counts.get_mut(class * self.outputs + output).filter(|_| output < self.outputs) {
            *count += 1;
        }
    }

    /// The counts of both; they must have the same classes and outputs.
    #[must_use]
    pub fn merged(&self, other: &Self) -> Self {
        debug_assert_eq!(self.outputs, other.outputs);
        let counts = self.counts.iter().zip(&other.counts).map(|(a, b)| a + b).collect();
        Self { outputs: self.outputs, counts }
    }

    /// Number of classes.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.counts.len() / self.outputs.max(1)
    }

    /// Predictions of a class, by output.
    #[must_use]
    pub fn row(&self, class: usize) -> &[u32] {
        &self.counts[class * self.outputs..(class + 1) * self.outputs]
    }

    /// Number of predictions.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.counts.iter().sum()
    }

    /// Percent right when class i is output `map[i]`.
    #[must_use]
    pub fn top1(&self, map: &[u32]) -> f64 {
        let right: u32 = map.iter().enumerate().map(|(c, &o)| self.row(c).get(o as usize).copied().unwrap_or(0)).sum();
        100.0 * f64::from(right) / f64::from(self.total().max(1))
    }

    /// Percent right per class when class i is output `map[i]`; `None` for classes without images.
    #[must_use]
    pub fn per_class(&self, map: &[u32]) -> Vec<Option<f64>> {
        let of = |(c, &o): (usize, &u32)| {
            let row = self.row(c);
            let total: u32 = row.iter().sum();
            (total > 0).then(|| 100.0 * f64::from(row.get(o as usize).copied().unwrap_or(0)) / f64::from(total))
        };
        map.iter().enumerate().map(of).collect()
    }

    /// A line per class with its name: how many of its images were predicted as what. Outputs beyond the classes are
    /// called `other`.
    #[must_use]
    pub fn csv<S: AsRef<str>>(&self, classes: &[S]) -> String {
        let outputs = (0..self.outputs).map(|output| name(classes, output));
        let mut table = Csv::new(std::iter::once("class").chain(outputs));
        for class in 0..self.classes() {
            let counts = self.row(class).iter().map(|&count| Field::from(count));
            table.row(std::iter::once(name(classes, class).into()).chain(counts));
        }
        table.into_text()
    }

    /// The injection of classes into outputs with the most right predictions (Kuhn and Munkres). Among equals the
    /// current map is preferred, so that classes without evidence keep their output.
    #[must_use]
    pub fn best_map(&self, current: &[u32]) -> Vec<u32> {
        let classes = self.classes();
        if classes == 0 || classes > self.outputs {
            return current.to_vec();
        }
        // Counts are scaled so that the preference for the current output decides ties only.
        let scale = classes as i64 + 1;
        let weight =
            |(c, o): (usize, usize)| i64::from(self.row(c)[o]) * scale + i64::from(current.get(c) == Some(&(o as u32)));
        let matrix = Matrix::from_fn(classes, self.outputs, weight);
        kuhn_munkres(&matrix).1.into_iter().map(|o| o as u32).collect()
    }
}

/// What an output is called: like its class, or `other` where it belongs to none.
#[must_use]
pub fn name<S: AsRef<str>>(classes: &[S], output: usize) -> &str {
    classes.get(output).map_or("other", AsRef::as_ref)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swapped_pair_is_found() {
        let mut confusion = Confusion::new(3, 4);
        for (class, output, n) in [(0, 1, 9), (0, 0, 1), (1, 0, 8), (1, 2, 2), (2, 3, 5), (2, 2, 4)] {
            for _ in 0..n {
                confusion.add(class, output);
            }
        }
        assert_eq!(confusion.top1(&[0, 1, 2]), 100.0 * 5.0 / 29.0);
        let best = confusion.best_map(&[0, 1, 2]);
        assert_eq!(best, [1, 0, 3]);
        assert_eq!(confusion.per_class(&best)[0], Some(90.0));
        confusion.add(0, 9);
        assert_eq!(confusion.total(), 29);
    }

    #[test]
    fn counts_are_lines_under_the_names_of_what_was_predicted() {
        let mut confusion = Confusion::new(2, 3);
        [(0, 0), (0, 2), (1, 0), (1, 0)].into_iter().for_each(|(class, output)| confusion.add(class, output));
        assert_eq!(confusion.csv(&["a,b", "=c"]), "class,\"a,b\",'=c,other\n\"a,b\",1,0,1\n'=c,2,0,0\n");
    }

    #[test]
    fn without_evidence_the_current_map_stays() {
        assert_eq!(Confusion::new(3, 5).best_map(&[4, 0, 2]), [4, 0, 2]);
    }
}
