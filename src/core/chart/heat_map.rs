//! Heat maps: a value for each pair of a row and a column, such as a confusion matrix.

use crate::core::data::confusion::{Confusion, name};
use crate::core::formats::csv::{Csv, Field};

/// The names along a side of a map.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// What they are.
    pub title: String,
    /// One for each row or column.
    pub names: Vec<String>,
}

/// Values by row and column.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatMap {
    /// What the rows are.
    pub rows: Side,
    /// What the columns are.
    pub columns: Side,
    /// What the values are, with their unit: the title of the legend.
    pub quantity: String,
    /// The values at the ends of the scale of colours.
    pub range: (f64, f64),
    /// Row by row; `None` where there is no value.
    pub cells: Vec<Option<f64>>,
}

impl HeatMap {
    /// The value of a cell; `None` where there is none, and outside the map.
    #[must_use]
    pub fn value(&self, row: usize, column: usize) -> Option<f64> {
        let columns = self.columns.names.len();
        if column < columns { *self.cells.get(row * columns + column)? } else { None }
    }

    /// A value's place on the scale of colours, from 0 to 1.
    #[must_use]
    pub fn share(&self, value: f64) -> f64 {
        let (low, high) = self.range;
        if high > low { ((value - low) / (high - low)).clamp(0.0, 1.0) } else { 0.0 }
    }

    /// A confusion matrix: what share of each class's images was predicted as what, in percent. A class without images
    /// has no values. Outputs beyond the classes are called `other`.
    #[must_use]
    pub fn of_confusion(counts: &Confusion, classes: &[String]) -> Self {
        let outputs = if counts.classes() > 0 { counts.row(0).len() } else { 0 };
        let share = |class: usize| {
            let row = counts.row(class);
            let all: u32 = row.iter().sum();
            row.iter().map(move |n| (all > 0).then(|| 100.0 * f64::from(*n) / f64::from(all)))
        };
        Self {
            rows: Side { title: "class".to_owned(), names: named(classes, counts.classes()) },
            columns: Side { title: "predicted as".to_owned(), names: named(classes, outputs) },
            quantity: "Share of the class's images (%)".to_owned(),
            range: (0.0, 100.0),
            cells: (0..counts.classes()).flat_map(share).collect(),
        }
    }

    /// A line per row: its name, then a value for each column, empty where there is none.
    #[must_use]
    pub fn csv(&self) -> String {
        let columns = std::iter::once(self.rows.title.as_str()).chain(self.columns.names.iter().map(String::as_str));
        let mut table = Csv::new(columns);
        for (row, name) in self.rows.names.iter().enumerate() {
            let values = (0..self.columns.names.len()).map(|column| Field::from(self.value(row, column)));
            table.row(std::iter::once(Field::from(name.as_str())).chain(values));
        }
        table.into_text()
    }
}

/// The first `count` names; `other` is what has none.
fn named(classes: &[String], count: usize) -> Vec<String> {
    (0..count).map(|at| name(classes, at).to_owned()).collect()
}

#[cfg(test)]
pub(in crate::core) mod tests {
    use super::*;

    /// Class 0: three of four right, one as the other; class 1 has no images; class 2: one as none of the classes.
    pub(in crate::core) fn confusion() -> Confusion {
        let mut counts = Confusion::new(3, 4);
        [(0, 0), (0, 0), (0, 0), (0, 1), (2, 3)].into_iter().for_each(|(class, output)| counts.add(class, output));
        counts
    }

    #[test]
    fn a_confusion_is_shares_of_its_rows() {
        let map = HeatMap::of_confusion(&confusion(), &["cat", "dog", "a,b"].map(String::from));
        assert_eq!([map.value(0, 0), map.value(0, 1), map.value(0, 2)], [Some(75.0), Some(25.0), Some(0.0)]);
        assert_eq!(
            [map.value(1, 1), map.value(2, 3), map.value(2, 4), map.value(3, 0)],
            [None, Some(100.0), None, None]
        );
        assert_eq!([map.share(75.0), map.share(-1.0), map.share(f64::INFINITY)], [0.75, 0.0, 1.0]);
        let due = "class,cat,dog,\"a,b\",other\ncat,75,25,0,0\ndog,,,,\n\"a,b\",0,0,0,100\n";
        assert_eq!(map.csv(), due);
        let none = HeatMap::of_confusion(&Confusion::new(0, 0), &[]);
        assert_eq!((none.cells.len(), none.csv().as_str()), (0, "class\n"));
    }
}
