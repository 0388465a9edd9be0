//! Bars with a spread: the mean of some values each, such as the accuracies of a training's seeds.

use crate::core::formats::csv::{Csv, Field};
use crate::core::train::curve::mean_and_std;

/// One bar.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// Its name.
    pub name: String,
    /// Its place in the table of colours.
    pub colour: usize,
    /// The values behind it.
    pub values: Vec<f64>,
}

/// Bars from 0 on, over one scale.
#[derive(Clone, Debug, PartialEq)]
pub struct Bars {
    /// What they are of, with its unit.
    pub quantity: String,
    /// The bars, from the top.
    pub bars: Vec<Bar>,
}

impl Bar {
    /// Mean and sample standard deviation, 0 for a single value; `None` without values.
    #[must_use]
    pub fn mean_and_std(&self) -> Option<(f64, f64)> {
        mean_and_std(&self.values)
    }

    /// "51.57 ± 1.04", without a spread for a single value.
    #[must_use]
    pub fn words(&self) -> String {
        match self.mean_and_std() {
            Some((mean, std)) if self.values.len() > 1 => format!("{mean:.2} ± {std:.2}"),
            Some((mean, _)) => format!("{mean:.2}"),
            None => String::new(),
        }
    }
}

impl Bars {
    /// The greatest value that a bar, its spread or one of its values reaches.
    #[must_use]
    pub fn greatest(&self) -> f64 {
        let ends = |bar: &Bar| bar.mean_and_std().map(|(mean, std)| mean + std);
        let all = self.bars.iter().flat_map(|bar| bar.values.iter().copied().chain(ends(bar)));
        all.filter(|value| value.is_finite()).fold(0.0, f64::max)
    }

    /// A line per bar: how many values, their mean and standard deviation.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut table = Csv::new(["name", "values", "mean", "std"]);
        for bar in &self.bars {
            let of = bar.mean_and_std();
            let (mean, std) = (of.map(|(mean, _)| mean), of.map(|(_, std)| std));
            table.row([Field::from(bar.name.as_str()), bar.values.len().into(), mean.into(), std.into()]);
        }
        table.into_text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of 50 and 52 the mean is 51 and the deviation √2.
    #[test]
    fn bars_are_means_with_their_spread() {
        let bar = |name: &str, values: &[f64]| Bar { name: name.into(), colour: 0, values: values.to_vec() };
        let bars =
            Bars { quantity: "%".into(), bars: vec![bar("a,b", &[50.0, 52.0]), bar("c", &[7.0]), bar("d", &[])] };
        assert_eq!([0, 1, 2].map(|i| bars.bars[i].words()), ["51.00 ± 1.41", "7.00", ""]);
        assert!((bars.greatest() - 51.0 - 2_f64.sqrt()).abs() < 1e-9);
        let std = 2_f64.sqrt();
        assert_eq!(bars.csv(), format!("name,values,mean,std\n\"a,b\",2,51,{std}\nc,1,7,0\nd,0,,\n"));
    }
}
