//! What plots show, as numbers: of trainings mean and spread over seeds, smoothing, ticks; bars, histograms and heat maps. The
//! window paints them, and [`svg`] writes the same ones.

use super::train::curve::{Curve, Point, mean_and_std};

pub mod bars;
pub mod colours;
pub mod heat_map;
pub mod histogram;
pub mod signed_map;
pub mod svg;
pub mod thinned;
pub mod ticks;

/// A number of every epoch, or of some.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantity {
    /// Mean loss of the steps.
    Loss,
    /// Top-1 on the evaluation images, percent.
    Top1,
    /// Top-1 on the augmented training images, percent.
    TrainTop1,
    /// Learning rate.
    Rate,
}

impl Quantity {
    /// Its value in a point; `None` where it wasn't measured or is no number.
    #[must_use]
    pub fn of(self, point: &Point) -> Option<f64> {
        let value = match self {
            Self::Loss => Some(point.loss),
            Self::Top1 => point.evaluated.map(|(top1, _)| top1),
            Self::TrainTop1 => Some(point.train_top1),
            Self::Rate => Some(point.rate),
        };
        value.filter(|v| v.is_finite())
    }

    /// Whether smoothing applies: evaluations are few, and rates have no noise.
    fn is_noisy(self) -> bool {
        matches!(self, Self::Loss | Self::TrainTop1)
    }
}

/// Mean and sample standard deviation over the seeds that reached an epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Epochs that were trained, from 1.
    pub epoch: u32,
    /// Mean.
    pub mean: f64,
    /// Standard deviation (n − 1), 0 for one seed.
    pub std: f64,
    /// Seeds.
    pub seeds: usize,
}

/// Exponential smoothing: each value becomes the average of those before it and itself, weighed by powers of `weight`.
/// The weights are divided by their sum, so that the first values aren't drawn to 0. 0 changes nothing.
#[must_use]
pub fn smoothed(values: &[f64], weight: f64) -> Vec<f64> {
    let weight = weight.clamp(0.0, 0.9999);
    let (mut sum, mut weights) = (0.0, 0.0);
    let next = |value: &f64| {
        sum = weight * sum + (1.0 - weight) * value;
        weights = weight * weights + (1.0 - weight);
        sum / weights
    };
    values.iter().map(next).collect()
}

/// A quantity's mean and spread by epoch over the seeds of a run; every seed is smoothed first.
#[must_use]
pub fn samples(curves: &[Curve], quantity: Quantity, smoothing: f64) -> Vec<Sample> {
    let mut by_epoch = std::collections::BTreeMap::<u32, Vec<f64>>::new();
    for curve in curves {
        let known: (Vec<u32>, Vec<f64>) =
            curve.points.iter().filter_map(|p| Some((p.epoch + 1, quantity.of(p)?))).unzip();
        let values = if quantity.is_noisy() { smoothed(&known.1, smoothing) } else { known.1 };
        for (epoch, value) in known.0.into_iter().zip(values) {
            by_epoch.entry(epoch).or_default().push(value);
        }
    }
    let of = |(epoch, values): (u32, Vec<f64>)| {
        mean_and_std(&values).map(|(mean, std)| Sample { epoch, mean, std, seeds: values.len() })
    };
    by_epoch.into_iter().filter_map(of).collect()
}

/// The sample whose epoch is nearest, the earlier one of two.
#[must_use]
pub fn nearest(samples: &[Sample], epoch: f64) -> Option<&Sample> {
    let distance = |s: &&Sample| (f64::from(s.epoch) - epoch).abs();
    samples.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)))
}

/// A run to plot.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its place in the table of colours.
    pub colour: usize,
    /// One curve per seed.
    pub curves: &'a [Curve],
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Through.
    Solid,
    /// Dashed: of training images beside evaluations.
    Dashed,
    /// With a mark at every sample: they are few.
    Marked,
}

/// One line with its band. Dashed ones have none: bands of training images would hide those of evaluations.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The run's name.
    pub name: String,
    /// The run's place in the table of colours.
    pub colour: usize,
    /// How it is drawn.
    pub style: Style,
    /// What it shows.
    pub quantity: Quantity,
    /// What is drawn.
    pub samples: Vec<Sample>,
    /// The samples before smoothing; empty without smoothing.
    pub raw: Vec<Sample>,
}

/// Lines over a common scale.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// What is plotted, with its unit.
    pub title: &'static str,
    /// What samples are counted by: epochs, or steps.
    pub unit: &'static str,
    /// Whether the scale is logarithmic; values up to 0 are then left out.
    pub log: bool,
    /// Lines, later ones in front.
    pub lines: Vec<Line>,
}

/// What charts show of runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// Weight of [`smoothed`].
    pub smoothing: f64,
    /// Whether the loss has a logarithmic scale.
    pub log_loss: bool,
    /// Whether top-1 on the training images is shown, too.
    pub train_top1: bool,
}

/// Loss, accuracy and learning rate of some runs.
#[must_use]
pub fn charts(runs: &[Run<'_>], view: &View) -> [Chart; 3] {
    let lines = |quantity: Quantity, style: Style| {
        let line = move |run: &Run<'_>| {
            // Of training images beside evaluations, the trend is enough.
            let raw = view.smoothing > 0.0 && quantity.is_noisy() && style != Style::Dashed;
            Line {
                name: run.name.to_owned(),
                colour: run.colour,
                style,
                quantity,
                samples: samples(run.curves, quantity, view.smoothing),
                raw: if raw { samples(run.curves, quantity, 0.0) } else { Vec::new() },
            }
        };
        runs.iter().map(line).filter(|l| !l.samples.is_empty()).collect::<Vec<Line>>()
    };
    let mut accuracy = if view.train_top1 { lines(Quantity::TrainTop1, Style::Dashed) } else { Vec::new() };
    accuracy.extend(lines(Quantity::Top1, Style::Marked));
    let unit = "epochs";
    [
        Chart { title: "Loss", unit, log: view.log_loss, lines: lines(Quantity::Loss, Style::Solid) },
        Chart { title: "Top-1 accuracy (%)", unit, log: false, lines: accuracy },
        Chart { title: "Learning rate", unit, log: false, lines: lines(Quantity::Rate, Style::Solid) },
    ]
}

impl Chart {
    /// A value on the chart's scale; `None` where it has no place there.
    #[must_use]
    pub fn place(&self, value: f64) -> Option<f64> {
        let placed = if self.log { value.log10() } else { value };
        placed.is_finite().then_some(placed)
    }

    /// The value at a place of the scale.
    #[must_use]
    pub fn value(&self, place: f64) -> f64 {
        if self.log { 10_f64.powf(place) } else { place }
    }

    /// Lower and upper edge of a sample's band on the scale: a standard deviation on either side. On a logarithmic
    /// scale, a band that reaches 0 goes down to a tenth of the mean.
    #[must_use]
    pub fn band(&self, sample: &Sample) -> Option<(f64, f64)> {
        let mut low = sample.mean - sample.std;
        if self.log {
            low = low.max(sample.mean / 10.0);
        }
        Some((self.place(low)?, self.place(sample.mean + sample.std)?))
    }

    /// The parts of a line where there is a band to draw, over at least two epochs of two seeds: epochs, and the edges
    /// on the scale.
    #[must_use]
    pub fn edges(&self, line: &Line) -> Vec<(f64, (f64, f64))> {
        let of_several = line.samples.iter().filter(|s| s.seeds > 1 && line.style != Style::Dashed);
        let edges: Vec<_> = of_several.filter_map(|s| Some((f64::from(s.epoch), self.band(s)?))).collect();
        if edges.len() < 2 { Vec::new() } else { edges }
    }

    /// The last epoch of any line.
    #[must_use]
    pub fn last_epoch(&self) -> u32 {
        self.lines.iter().filter_map(|l| l.samples.last()).map(|s| s.epoch).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;
