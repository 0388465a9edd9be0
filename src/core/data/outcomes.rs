//! What images of each class were taken for, arranged by a class order: a confusion matrix with a column for the output of
//! each class, and columns for outputs of none.

use std::collections::HashMap;

/// Columns for outputs of no class where there are fewer classes than this.
const OTHERS: usize = 12;

/// What a column counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// The output of a class.
    Class(usize),
    /// An output that is no class's.
    Output(u32),
    /// So many outputs that are no class's, each of which came less often than those that have columns.
    Others(usize),
}

/// Row and column.
pub type At = (usize, usize);

/// A wrong answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confused {
    /// The images' class, and the column of what they were taken for.
    pub at: At,
    /// How many images.
    pub images: u32,
}

/// Counts by class and column; only what came is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    columns: Vec<Column>,
    of_output: HashMap<u32, usize>,
    /// For each class, in the order of the columns, the columns that came and how often.
    rows: Vec<Vec<(usize, u32)>>,
    totals: Vec<u32>,
}

impl Outcomes {
    /// Arranges answers, each the image's class and the output, by the output that is each class's. A class beyond `map`
    /// is passed over.
    #[must_use]
    pub fn new(answers: &[(usize, u32)], map: &[u32]) -> Self {
        let mut of_output: HashMap<u32, usize> = map.iter().copied().zip(0..).collect();
        let mut others: HashMap<u32, u32> = HashMap::new();
        for (_, output) in answers.iter().filter(|(_, output)| !of_output.contains_key(output)) {
            *others.entry(*output).or_default() += 1;
        }
        let mut others: Vec<(u32, u32)> = others.into_iter().collect();
        others.sort_unstable_by_key(|(output, images)| (std::cmp::Reverse(*images), *output));
        let mut columns: Vec<Column> = (0..map.len()).map(Column::Class).collect();
        let own = others.len().min(map.len().max(OTHERS));
        columns.extend(others[..own].iter().map(|(output, _)| Column::Output(*output)));
        of_output.extend(others.iter().enumerate().map(|(at, (output, _))| (*output, map.len() + at.min(own))));
        if others.len() > own {
            columns.push(Column::Others(others.len() - own));
        }
        let mut outcomes = Self { columns, of_output, rows: vec![Vec::new(); map.len()], totals: vec![0; map.len()] };
        outcomes.count(answers);
        outcomes
    }

    fn count(&mut self, answers: &[(usize, u32)]) {
        for (class, output) in answers {
            let (Some(row), Some(&column)) = (self.rows.get_mut(*class), self.of_output.get(output)) else { continue };
            self.totals[*class] += 1;
            match row.binary_search_by_key(&column, |(column, _)| *column) {
                Ok(at) => row[at].1 += 1,
                Err(at) => row.insert(at, (column, 1)),
            }
        }
    }

    /// What the columns count: first the classes in their order.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Number of classes.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.rows.len()
    }

    /// The column that counts an output, if it came or is a class's.
    #[must_use]
    pub fn column_of(&self, output: u32) -> Option<usize> {
        self.of_output.get(&output).copied()
    }

    /// The columns that came for a class, and how often.
    #[must_use]
    pub fn row(&self, class: usize) -> &[(usize, u32)] {
        self.rows.get(class).map_or(&[], Vec::as_slice)
    }

    /// Images of a class in a column.
    #[must_use]
    pub fn images(&self, (class, column): At) -> u32 {
        let row = self.row(class);
        row.binary_search_by_key(&column, |(column, _)| *column).map_or(0, |at| row[at].1)
    }

    /// Images of a class.
    #[must_use]
    pub fn total(&self, class: usize) -> u32 {
        self.totals.get(class).copied().unwrap_or(0)
    }

    /// Percent of a class's images in a column; `None` of a class without images.
    #[must_use]
    pub fn share(&self, at: At) -> Option<f64> {
        let total = self.total(at.0);
        (total > 0).then(|| 100.0 * f64::from(self.images(at)) / f64::from(total))
    }

    /// Percent of all images that were taken for their class.
    #[must_use]
    pub fn top1(&self) -> f64 {
        let right: u32 = (0..self.classes()).map(|class| self.images((class, class))).sum();
        100.0 * f64::from(right) / f64::from(self.totals.iter().sum::<u32>().max(1))
    }

    /// All wrong answers that came, the most frequent first.
    #[must_use]
    pub fn confused(&self) -> Vec<Confused> {
        let of =
            |class: usize| self.row(class).iter().filter(move |(c, _)| *c != class).map(move |(c, n)| (class, *c, *n));
        let wrong = (0..self.classes()).flat_map(of);
        let mut wrong: Vec<Confused> =
            wrong.map(|(class, column, images)| Confused { at: (class, column), images }).collect();
        wrong.sort_by_key(|c| (std::cmp::Reverse(c.images), c.at));
        wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two classes whose outputs are 5 and 3, and answers that no class has.
    fn answers() -> Vec<(usize, u32)> {
        vec![(0, 5), (0, 5), (0, 3), (0, 9), (1, 3), (1, 5), (1, 9), (1, 9), (1, 7)]
    }

    #[test]
    fn columns_follow_the_order_of_the_classes() {
        let outcomes = Outcomes::new(&answers(), &[5, 3]);
        assert_eq!(outcomes.columns(), [Column::Class(0), Column::Class(1), Column::Output(9), Column::Output(7)]);
        assert_eq!([outcomes.images((0, 0)), outcomes.images((0, 1)), outcomes.images((1, 2))], [2, 1, 2]);
        assert_eq!((outcomes.total(0), outcomes.total(1), outcomes.total(2)), (4, 5, 0));
        assert_eq!((outcomes.share((0, 0)), outcomes.share((2, 0))), (Some(50.0), None));
        assert!((outcomes.top1() - 100.0 * 3.0 / 9.0).abs() < 1e-9);
        assert_eq!([outcomes.column_of(5), outcomes.column_of(7), outcomes.column_of(1)], [Some(0), Some(3), None]);
        // The other order moves the counts with the outputs.
        let other = Outcomes::new(&answers(), &[3, 5]);
        assert_eq!([other.images((0, 0)), other.images((0, 1)), other.images((1, 1))], [1, 2, 1]);
        // Outputs of no class become a class's.
        assert_eq!(Outcomes::new(&answers(), &[5, 9]).images((1, 1)), 2);
    }

    #[test]
    fn wrong_answers_come_the_most_frequent_first() {
        let confused = Outcomes::new(&answers(), &[5, 3]).confused();
        assert_eq!(confused[0], Confused { at: (1, 2), images: 2 });
        assert_eq!(confused.iter().map(|c| c.at).collect::<Vec<_>>(), [(1, 2), (0, 1), (0, 2), (1, 0), (1, 3)]);
    }

    #[test]
    fn rare_outputs_share_a_column() {
        let answers: Vec<(usize, u32)> = (0..20).map(|output| (0, 100 + output)).chain([(0, 119)]).collect();
        let outcomes = Outcomes::new(&answers, &[0]);
        assert_eq!(outcomes.columns().len(), 1 + OTHERS + 1);
        assert_eq!(outcomes.columns()[1], Column::Output(119), "the one that came twice");
        assert_eq!(outcomes.columns().last(), Some(&Column::Others(20 - OTHERS)));
        assert_eq!(outcomes.images((0, 1 + OTHERS)), 8);
        assert_eq!(outcomes.column_of(118), Some(1 + OTHERS));
        assert_eq!(Outcomes::new(&[], &[]).confused(), []);
    }
}
