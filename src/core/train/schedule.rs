//! The course of the learning rate.

/// How the learning rate moves, as a factor of the base rate.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Always the base rate.
    Constant,
    /// RDED's: ½(1 + cos(π·e / 2E)), which ends at half the rate. Per epoch.
    HalfCosine,
    /// ½(1 + cos(π·e / E)) down to 0, after `warm_up` epochs that rise from 1 % of the rate in a straight line
    /// (SRe2L on Tiny-ImageNet; e and E are then counted from the rise's end). Per epoch.
    Cosine {
        /// Epochs of the rise.
        warm_up: u32,
    },
    /// 1 − e/E. Per epoch.
    Linear,
    /// Times `factor` after every `every` epochs; 0 never steps.
    Step {
        /// Epochs between two steps.
        every: u32,
        /// γ.
        factor: f64,
    },
    /// Times `factor` at each of these parts of the training: with E epochs from epoch ⌊E·p/q⌋ (counted from 0) on, as
    /// PyTorch's `MultiStepLR` steps.
    Milestones {
        /// γ.
        factor: f64,
        /// p, q of each.
        at: Vec<(u32, u32)>,
    },
    /// PyTorch's `OneCycleLR` without its cycle of the momentum: from a 25th of the peak up to it in the first 30 % of
    /// the steps and down to a 250,000th, along half cosines (Smith and Topin 2018). Per step.
    OneCycle,
}

/// A step of a training, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// Epoch, from 0.
    pub epoch: u32,
    /// Epochs of the training.
    pub epochs: u32,
    /// Step of the optimiser within the epoch, from 0.
    pub step_in_epoch: u32,
    /// Steps of an epoch.
    pub steps_per_epoch: u32,
}

/// Where a rise that is counted in epochs begins.
const WARM_UP_START: f64 = 0.01;

impl Schedule {
    /// The learning rate at a step as a fraction of the base rate (for [`Schedule::OneCycle`]: of the peak).
    #[must_use]
    pub fn factor(&self, at: At) -> f64 {
        let (epoch, epochs) = (f64::from(at.epoch), f64::from(at.epochs).max(1.0));
        match *self {
            Self::Constant => 1.0,
            Self::HalfCosine => along_cosine(1.0, 0.0, epoch / (2.0 * epochs)),
            Self::Cosine { warm_up } => {
                let warm_up = f64::from(warm_up);
                if epoch < warm_up {
                    WARM_UP_START + (1.0 - WARM_UP_START) * epoch / warm_up
                } else {
                    along_cosine(1.0, 0.0, (epoch - warm_up) / (epochs - warm_up).max(1.0))
                }
            }
            Self::Linear => (1.0 - epoch / epochs).max(0.0),
            Self::Step { every, factor } => factor.powf(f64::from(at.epoch.checked_div(every).unwrap_or(0))),
            Self::Milestones { factor, at: ref parts } => {
                let begins = |(p, q): (u32, u32)| (u64::from(at.epochs) * u64::from(p)).checked_div(u64::from(q));
                let past = |part: &&(u32, u32)| begins(**part).is_some_and(|first| u64::from(at.epoch) >= first);
                parts.iter().filter(past).fold(1.0, |rate, _| rate * factor)
            }
            Self::OneCycle => {
                let per_epoch = f64::from(at.steps_per_epoch);
                one_cycle(epoch * per_epoch + f64::from(at.step_in_epoch), epochs * per_epoch)
            }
        }
    }
}

/// From `start` to `end` along half a cosine, `t` from 0 to 1.
fn along_cosine(start: f64, end: f64, t: f64) -> f64 {
    end + (start - end) / 2.0 * (1.0 + (std::f64::consts::PI * t.clamp(0.0, 1.0)).cos())
}

fn one_cycle(step: f64, steps: f64) -> f64 {
    let (first, last) = (1.0 / 25.0, 1.0 / 25.0e4);
    // PyTorch counts the top as a step of its own; with three steps or fewer it lies before the first.
    let top = 0.3 * steps - 1.0;
    if step <= top && top > 0.0 {
        along_cosine(first, 1.0, step / top)
    } else {
        along_cosine(1.0, last, (step - top) / (steps - 1.0 - top))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::fixtures::training;

    fn at(epoch: u32, epochs: u32) -> At {
        At { epoch, epochs, step_in_epoch: 3, steps_per_epoch: 7 }
    }

    /// E = 300 gives .85355 at e = 150, .65451 at 240, .50262 at 299.
    #[test]
    fn the_half_cosine_has_the_specs_numbers() {
        for (epoch, expected) in [(0, 1.0), (150, 0.853_55), (240, 0.654_51), (299, 0.502_62)] {
            let factor = Schedule::HalfCosine.factor(at(epoch, 300));
            assert!((factor - expected).abs() < 1e-5, "{epoch}: {factor}");
        }
    }

    /// LIC: times 0.2 at two thirds and at five sixths, rounded down.
    #[test]
    fn milestones_fall_on_the_papers_epochs() {
        let schedule = Schedule::Milestones { factor: 0.2, at: vec![(2, 3), (5, 6)] };
        for (epochs, first, second) in [(1000, 666, 833), (300, 200, 250), (7, 4, 5)] {
            let of = |epoch| schedule.factor(at(epoch, epochs));
            assert_eq!([of(0), of(first - 1)], [1.0, 1.0], "{epochs}");
            assert!((of(first) - 0.2).abs() < 1e-12 && (of(second - 1) - 0.2).abs() < 1e-12, "{epochs}");
            assert!((of(second) - 0.04).abs() < 1e-12 && (of(epochs - 1) - 0.04).abs() < 1e-12, "{epochs}");
        }
    }

    #[test]
    fn every_course_is_pytorchs() {
        let cases = &training().schedules;
        assert!(cases.len() >= 8);
        for case in cases {
            assert_eq!(case.factors.len() as u32, case.epochs * case.steps_per_epoch);
            for (step, expected) in case.factors.iter().enumerate() {
                let (epoch, step_in_epoch) = (step as u32 / case.steps_per_epoch, step as u32 % case.steps_per_epoch);
                let place = At { epoch, epochs: case.epochs, step_in_epoch, steps_per_epoch: case.steps_per_epoch };
                let factor = case.schedule.factor(place);
                assert!((factor - expected).abs() < 1e-9, "{:?} at {place:?}: {factor}, {expected}", case.schedule);
            }
        }
    }

    #[test]
    fn odd_lengths_give_numbers() {
        let all = [
            Schedule::HalfCosine,
            Schedule::Cosine { warm_up: 5 },
            Schedule::Linear,
            Schedule::Step { every: 0, factor: 0.1 },
            Schedule::Milestones { factor: 0.2, at: vec![(2, 3), (1, 0)] },
            Schedule::OneCycle,
        ];
        for (schedule, epochs) in all.iter().flat_map(|s| [0, 1, 2].map(|n| (s, n))) {
            let factor = schedule.factor(At { epoch: 0, epochs, step_in_epoch: 0, steps_per_epoch: 1 });
            assert!((0.0..=1.0).contains(&factor), "{schedule:?} of {epochs}: {factor}");
        }
        assert_eq!(Schedule::Step { every: 0, factor: 0.1 }.factor(at(9, 10)), 1.0);
    }
}
