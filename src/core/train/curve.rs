//! The course of a training: what is plotted, exported and compared.

use crate::core::data::confusion::Confusion;
use crate::core::formats::csv::{Csv, Field};

/// One epoch of a training.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Point {
    /// Epoch, from 0.
    pub epoch: u32,
    /// Mean loss of its steps.
    #[serde(with = "crate::core::formats::exact")]
    pub loss: f64,
    /// Percent of its training images (augmented, mixed) whose class has the greatest logit.
    #[serde(with = "crate::core::formats::exact")]
    pub train_top1: f64,
    /// Learning rate.
    #[serde(with = "crate::core::formats::exact")]
    pub rate: f64,
    /// Top-1 and top-5 in percent on the evaluation images, where it was evaluated.
    #[serde(with = "crate::core::formats::exact::pair")]
    pub evaluated: Option<(f64, f64)>,
    /// Seconds of work since the training began, pauses and interruptions left out.
    #[serde(with = "crate::core::formats::exact")]
    pub seconds: f64,
}

/// The training of one seed.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Curve {
    /// Its seed.
    pub seed: u64,
    /// Epochs in order.
    pub points: Vec<Point>,
    /// The confusion of the last evaluation: rows are the classes.
    pub confusion: Option<Confusion>,
}

/// An evaluation by its epoch.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Evaluated {
    /// Epoch, from 0.
    pub epoch: u32,
    /// Percent.
    pub top1: f64,
    /// Percent.
    pub top5: f64,
}

impl Curve {
    /// The evaluations in order.
    pub fn evaluations(&self) -> impl Iterator<Item = Evaluated> {
        let of = |p: &Point| p.evaluated.map(|(top1, top5)| Evaluated { epoch: p.epoch, top1, top5 });
        self.points.iter().filter_map(of)
    }

    /// The last evaluation.
    #[must_use]
    pub fn last(&self) -> Option<Evaluated> {
        self.evaluations().last()
    }

    /// The best of the evaluated epochs, as the papers report it; the first of equals.
    #[must_use]
    pub fn best(&self) -> Option<Evaluated> {
        self.evaluations().reduce(|best, e| if e.top1 > best.top1 { e } else { best })
    }
}

/// Top-1 in percent of each curve's picked evaluation ([`Curve::best`], [`Curve::last`]); unevaluated ones are left out.
#[must_use]
pub fn top1s(curves: &[Curve], pick: fn(&Curve) -> Option<Evaluated>) -> Vec<f64> {
    curves.iter().filter_map(pick).map(|e| e.top1).collect()
}

/// Mean and sample standard deviation (n − 1; 0 for a single value); `None` for nothing.
#[must_use]
pub fn mean_and_std(values: &[f64]) -> Option<(f64, f64)> {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    (!values.is_empty()).then(|| (mean, (squares / (count - 1.0).max(1.0)).sqrt()))
}

/// Mean and standard deviation in words, "51.57 ± 1.04"; without a spread for a single value, `None` for nothing.
#[must_use]
pub fn spread(values: &[f64]) -> Option<String> {
    let (mean, std) = mean_and_std(values)?;
    Some(if values.len() == 1 { format!("{mean:.2}") } else { format!("{mean:.2} ± {std:.2}") })
}

/// The columns of [`csv`].
pub const CSV_COLUMNS: [&str; 9] = ["run", "seed", "epoch", "loss", "train_top1", "rate", "top1", "top5", "seconds"];

/// Curves with the name of their run as comma-separated values: a line per epoch, `top1` and `top5` empty where it was not
/// evaluated.
#[must_use]
pub fn csv<'a>(curves: impl IntoIterator<Item = (&'a str, &'a Curve)>) -> String {
    let mut table = Csv::new(CSV_COLUMNS);
    for (run, curve) in curves {
        for p in &curve.points {
            let (top1, top5) = (p.evaluated.map(|e| e.0), p.evaluated.map(|e| e.1));
            let seed = Field::from(curve.seed);
            let measured =
                [p.loss.into(), p.train_top1.into(), p.rate.into(), top1.into(), top5.into(), p.seconds.into()];
            table.row([run.into(), seed, p.epoch.into()].into_iter().chain(measured));
        }
    }
    table.into_text()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(epoch: u32, evaluated: Option<(f64, f64)>) -> Point {
        Point { epoch, loss: 0.5, train_top1: 12.5, rate: 1e-3, evaluated, seconds: 1.25 }
    }

    /// 1 and 2: mean 1.5, standard deviation √½.
    #[test]
    fn a_single_value_has_no_spread() {
        let texts = [&[][..], &[61.234], &[1.0, 2.0]].map(spread);
        assert_eq!(texts, [None, Some("61.23".to_owned()), Some("1.50 ± 0.71".to_owned())]);
    }

    #[test]
    fn curves_become_lines() {
        let first = Curve { seed: 3, points: vec![point(0, None), point(1, Some((50.5, 99.0)))], confusion: None };
        let second = Curve { seed: 4, points: vec![Point { loss: f64::NAN, ..point(0, None) }], confusion: None };
        let text = csv([("a", &first), ("say \"b, c\"", &second)]);
        let lines = ["a,3,0,0.5,12.5,0.001,,,1.25", "a,3,1,0.5,12.5,0.001,50.5,99,1.25"];
        let last = "\"say \"\"b, c\"\"\",4,0,NaN,12.5,0.001,,,1.25";
        let header = "run,seed,epoch,loss,train_top1,rate,top1,top5,seconds";
        assert_eq!(text, format!("{header}\n{}\n{}\n{last}\n", lines[0], lines[1]));
        assert!(text.lines().all(|l| l.replace("b, c", "").matches(',').count() == 8));
    }
}
