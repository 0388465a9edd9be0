//! The course of a training: what is plotted, exported and compared.

use super::confusion::Confusion;

/// One epoch of a training.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Point {
    /// Epoch, from 0.
    pub epoch: u32,
    /// Mean loss of its steps.
    pub loss: f64,
    /// Percent of its training images (augmented, mixed) whose class has the greatest logit.
    pub train_top1: f64,
    /// Learning rate.
    pub rate: f64,
    /// Top-1 and top-5 in percent on the evaluation images, where it was evaluated.
    pub evaluated: Option<(f64, f64)>,
    /// Seconds of work since the training began, pauses and interruptions left out.
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

/// Mean and sample standard deviation (n − 1; 0 for a single value); `None` for nothing.
#[must_use]
pub fn mean_and_std(values: &[f64]) -> Option<(f64, f64)> {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    (!values.is_empty()).then(|| (mean, (squares / (count - 1.0).max(1.0)).sqrt()))
}
