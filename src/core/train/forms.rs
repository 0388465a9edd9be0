//! The parts of a training's recipe as words: `kl:20`, `step:30:0.1`, `rrc:0.08:1`. What a flag takes, a form shows and a
//! log says.

use std::fmt::{Display, Formatter};
use std::str::FromStr;

use super::loss::Loss;
use super::recipe::{Cropping, Evaluations, LabelSource, Mixing, Optimiser};
use super::schedule::Schedule;
use crate::core::distil::patch::CropRange;

/// Shapes of an optimiser; momentum, Nesterov and decay are parameters of their own.
pub const OPTIMISERS: [&str; 3] = ["adamw", "adamw:0.9:0.999", "sgd"];
/// Shapes of a [`Schedule`].
pub const SCHEDULES: [&str; 8] =
    ["constant", "half-cosine", "cosine", "cosine:5", "linear", "step:30:0.1", "milestones:0.2:2/3:5/6", "one-cycle"];
/// Shapes of a [`Loss`].
pub const LOSSES: [&str; 6] = ["kl:20", "kl:20:t2", "soft-ce", "hard-ce", "mse", "mse:0.5"];
/// A [`LabelSource`].
pub const LABELS: [&str; 3] = ["hard", "online", "stored"];
/// Shapes of a [`Mixing`].
pub const MIXINGS: [&str; 3] = ["none", "cutmix", "mixup:0.8"];
/// Shapes of a [`Cropping`]: RandomResizedCrop with its range of the area, and of the ratio where it isn't ¾ to 4⁄3.
pub const CROPPINGS: [&str; 5] = ["whole", "rrc:0.08:1", "rrc:0.08:1:1:1", "pad:4", "cells:2"];
/// Shapes of [`Evaluations`].
pub const EVALUATIONS: [&str; 4] = ["last", "late", "every:10", "parts:4"];

/// RandomResizedCrop's own range of ratios.
pub(super) const RATIO: (f64, f64) = (0.75, 4.0 / 3.0);
/// Adam's own β₁, β₂.
pub(super) const BETAS: (f64, f64) = (0.9, 0.999);
/// Adam's own ε; the papers never change it.
pub(super) const EPSILON: f64 = 1e-8;

/// A word, and the numbers behind it.
fn split(text: &str) -> Option<(&str, Vec<f64>)> {
    let mut parts = text.split(':');
    let word = parts.next()?;
    let numbers: Option<Vec<f64>> = parts.map(|p| p.parse().ok().filter(|n: &f64| n.is_finite())).collect();
    Some((word, numbers?))
}

fn no(text: &str, what: &str, shapes: &[&str]) -> String {
    format!("'{text}' is no {what}: give one like {}", shapes.join(", "))
}

/// A count from `least`.
fn count(number: f64, least: u32) -> Option<u32> {
    let fits = number.fract() == 0.0 && number >= f64::from(least) && number <= 1e6;
    fits.then_some(number as u32)
}

/// The β of an `adamw` form; `None` for `sgd`.
pub(super) fn parse_optimiser(text: &str) -> Result<Option<(f64, f64)>, String> {
    let unit = 0.0..1.0;
    match split(text).as_ref().map(|(word, numbers)| (*word, numbers.as_slice())) {
        Some(("adamw", [])) => Ok(Some(BETAS)),
        Some(("adamw", [a, b])) if unit.contains(a) && unit.contains(b) => Ok(Some((*a, *b))),
        Some(("sgd", [])) => Ok(None),
        _ => Err(no(text, "optimiser", &OPTIMISERS)),
    }
}

impl Display for Optimiser {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AdamW { betas, .. } if *betas == BETAS => f.write_str("adamw"),
            Self::AdamW { betas, .. } => write!(f, "adamw:{}:{}", betas.0, betas.1),
            Self::Sgd { .. } => f.write_str("sgd"),
        }
    }
}

impl FromStr for Schedule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(behind) = text.strip_prefix("milestones:") {
            return milestones(behind).ok_or_else(|| no(text, "schedule", &SCHEDULES));
        }
        let parsed = split(text).and_then(|(word, numbers)| match (word, numbers.as_slice()) {
            ("constant", []) => Some(Self::Constant),
            ("half-cosine", []) => Some(Self::HalfCosine),
            ("cosine", []) => Some(Self::Cosine { warm_up: 0 }),
            ("cosine", &[warm_up]) => count(warm_up, 0).map(|warm_up| Self::Cosine { warm_up }),
            ("linear", []) => Some(Self::Linear),
            ("step", &[every, factor]) if factor > 0.0 && factor <= 1.0 => {
                count(every, 1).map(|every| Self::Step { every, factor })
            }
            ("one-cycle", []) => Some(Self::OneCycle),
            _ => None,
        });
        parsed.ok_or_else(|| no(text, "schedule", &SCHEDULES))
    }
}

/// A factor and the parts of the training at which it applies: `0.2:2/3:5/6`.
fn milestones(text: &str) -> Option<Schedule> {
    let mut words = text.split(':');
    let factor = words.next()?.parse().ok().filter(|f| *f > 0.0 && *f <= 1.0)?;
    let part = |word: &str| {
        let (p, q) = word.split_once('/')?;
        let part: (u32, u32) = (p.parse().ok()?, q.parse().ok()?);
        (part.0 > 0 && part.0 < part.1 && part.1 <= 100_000).then_some(part)
    };
    let at: Vec<(u32, u32)> = words.map(part).collect::<Option<_>>()?;
    (!at.is_empty() && at.len() <= 100).then_some(Schedule::Milestones { factor, at })
}

impl Display for Schedule {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Constant => f.write_str("constant"),
            Self::HalfCosine => f.write_str("half-cosine"),
            Self::Cosine { warm_up: 0 } => f.write_str("cosine"),
            Self::Cosine { warm_up } => write!(f, "cosine:{warm_up}"),
            Self::Linear => f.write_str("linear"),
            Self::Step { every, factor } => write!(f, "step:{every}:{factor}"),
            Self::Milestones { factor, at } => {
                write!(f, "milestones:{factor}")?;
                at.iter().try_for_each(|(p, q)| write!(f, ":{p}/{q}"))
            }
            Self::OneCycle => f.write_str("one-cycle"),
        }
    }
}

impl FromStr for Loss {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (plain, scaled) = text.strip_suffix(":t2").map_or((text, false), |plain| (plain, true));
        let parsed = split(plain).and_then(|(word, numbers)| match (word, numbers.as_slice()) {
            ("kl", &[temperature]) if temperature > 0.0 => Some(Self::Kl { temperature, scaled }),
            _ if scaled => None,
            ("soft-ce", []) => Some(Self::SoftCrossEntropy),
            ("hard-ce", []) => Some(Self::HardCrossEntropy),
            ("mse", []) => Some(Self::LogitMse { hard: 0.0 }),
            ("mse", &[hard]) if hard >= 0.0 => Some(Self::LogitMse { hard }),
            _ => None,
        });
        parsed.ok_or_else(|| no(text, "loss", &LOSSES))
    }
}

impl Display for Loss {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Kl { temperature, scaled } => write!(f, "kl:{temperature}{}", if *scaled { ":t2" } else { "" }),
            Self::SoftCrossEntropy => f.write_str("soft-ce"),
            Self::HardCrossEntropy => f.write_str("hard-ce"),
            Self::LogitMse { hard: 0.0 } => f.write_str("mse"),
            Self::LogitMse { hard } => write!(f, "mse:{hard}"),
        }
    }
}

impl FromStr for LabelSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "hard" => Ok(Self::Hard),
            "online" => Ok(Self::Online),
            "stored" => Ok(Self::Stored),
            _ => Err(no(text, "source of labels", &LABELS)),
        }
    }
}

impl Display for LabelSource {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Hard => "hard",
            Self::Online => "online",
            Self::Stored => "stored",
        })
    }
}

impl FromStr for Mixing {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = split(text).and_then(|(word, numbers)| match (word, numbers.as_slice()) {
            ("none", []) => Some(Self::None),
            ("cutmix", []) => Some(Self::CutMix),
            ("mixup", &[alpha]) if alpha > 0.0 => Some(Self::MixUp { alpha }),
            _ => None,
        });
        parsed.ok_or_else(|| no(text, "mixing", &MIXINGS))
    }
}

impl Display for Mixing {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::CutMix => f.write_str("cutmix"),
            Self::MixUp { alpha } => write!(f, "mixup:{alpha}"),
        }
    }
}

impl FromStr for Cropping {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let range = |scale: (f64, f64), ratio: (f64, f64)| {
            let rises = |(low, high): (f64, f64)| low > 0.0 && low <= high;
            let fits = rises(scale) && scale.1 <= 1.0 && rises(ratio);
            fits.then_some(Self::Resized(CropRange { scale, ratio }))
        };
        let parsed = split(text).and_then(|(word, numbers)| match (word, numbers.as_slice()) {
            ("whole", []) => Some(Self::Whole),
            ("rrc", &[low, high]) => range((low, high), RATIO),
            ("rrc", &[low, high, narrow, wide]) => range((low, high), (narrow, wide)),
            ("pad", &[border]) => count(border, 0).filter(|b| *b <= 1024).map(Self::Padded),
            ("cells", &[factor]) => count(factor, 1).filter(|f| *f <= 32).map(Self::Cells),
            _ => None,
        });
        parsed.ok_or_else(|| no(text, "crop", &CROPPINGS))
    }
}

impl Display for Cropping {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole => f.write_str("whole"),
            Self::Resized(CropRange { scale, ratio }) if *ratio == RATIO => write!(f, "rrc:{}:{}", scale.0, scale.1),
            Self::Resized(CropRange { scale, ratio }) => {
                write!(f, "rrc:{}:{}:{}:{}", scale.0, scale.1, ratio.0, ratio.1)
            }
            Self::Padded(border) => write!(f, "pad:{border}"),
            Self::Cells(factor) => write!(f, "cells:{factor}"),
        }
    }
}

impl FromStr for Evaluations {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = split(text).and_then(|(word, numbers)| match (word, numbers.as_slice()) {
            ("last", []) => Some(Self::Last),
            ("late", []) => Some(Self::Late),
            ("every", &[epochs]) => count(epochs, 1).map(Self::Every),
            ("parts", &[parts]) => count(parts, 1).map(Self::Parts),
            _ => None,
        });
        parsed.ok_or_else(|| no(text, "choice of epochs", &EVALUATIONS))
    }
}

impl Display for Evaluations {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Last => f.write_str("last"),
            Self::Late => f.write_str("late"),
            Self::Every(epochs) => write!(f, "every:{epochs}"),
            Self::Parts(parts) => write!(f, "parts:{parts}"),
        }
    }
}

impl Evaluations {
    /// Whether epoch `epoch` (from 0) of `epochs` is followed by an evaluation.
    #[must_use]
    pub fn after(self, epoch: u32, epochs: u32) -> bool {
        let due = match self {
            Self::Last => false,
            // e > .8·E without rounding
            Self::Late => epoch % 10 == 9 && u64::from(epoch) * 5 > u64::from(epochs) * 4,
            Self::Every(n) => (u64::from(epoch) + 1).is_multiple_of(u64::from(n.max(1))),
            Self::Parts(n) => {
                let [done, epochs, n] = [u64::from(epoch) + 1, u64::from(epochs), u64::from(n.max(1))];
                // The first part that ends here or later, if there are epochs to have parts.
                let part = (done * n).checked_div(epochs).map(|whole| whole + u64::from(done * n % epochs > 0));
                part.is_some_and(|part| part * epochs / n == done)
            }
        };
        due || epoch + 1 == epochs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip<T: FromStr<Err = String> + Display>(shapes: &[&str], wrong: &[&str]) {
        for shape in shapes {
            assert_eq!(shape.parse::<T>().unwrap().to_string(), *shape);
        }
        for text in wrong.iter().chain(&["", ":", "nonsense", "1"]) {
            let Err(error) = text.parse::<T>() else { panic!("{text} was taken") };
            assert!(error.starts_with(&format!("'{text}' is no ")) && error.contains(shapes[0]), "{error}");
        }
    }

    #[test]
    fn forms_go_both_ways_and_wrong_ones_say_what_is_right() {
        round_trip::<Schedule>(
            &SCHEDULES,
            &[
                "cosine:-1",
                "cosine:1.5",
                "step:0:0.1",
                "step:3",
                "step:3:nan",
                "linear:",
                "milestones:0.2",
                "milestones:0.2:1",
                "milestones:0.2:3/2",
                "milestones:2:1/2",
                "milestones:0.2:1/2:",
            ],
        );
        round_trip::<Loss>(&LOSSES, &["kl", "kl:0", "kl:inf", "soft-ce:t2", "kl:20:t3", "mse:-1"]);
        round_trip::<LabelSource>(&LABELS, &["Hard"]);
        round_trip::<Mixing>(&MIXINGS, &["mixup", "mixup:0", "cutmix:1"]);
        round_trip::<Cropping>(
            &CROPPINGS,
            &["rrc", "rrc:0:1", "rrc:0.5:0.2", "rrc:0.5:2", "rrc:0.1:1:2:1", "pad:-1", "cells", "cells:0", "cells:33"],
        );
        round_trip::<Evaluations>(&EVALUATIONS, &["every", "every:0", "parts", "parts:0"]);
        assert_eq!(parse_optimiser("adamw"), Ok(Some(BETAS)));
        assert_eq!(parse_optimiser("adamw:0.5:0.9"), Ok(Some((0.5, 0.9))));
        assert_eq!(parse_optimiser("sgd"), Ok(None));
        assert!(["adam", "adamw:1:0.9", "adamw:0.5", "sgd:0.9"].iter().all(|t| parse_optimiser(t).is_err()));
    }

    #[test]
    fn shapes_with_default_numbers_mean_what_the_paper_says() {
        assert_eq!("kl:20".parse(), Ok(Loss::Kl { temperature: 20.0, scaled: false }));
        assert_eq!("rrc:0.08:1".parse(), Ok(Cropping::Resized(CropRange { scale: (0.08, 1.0), ratio: RATIO })));
        assert_eq!("step:30:0.1".parse(), Ok(Schedule::Step { every: 30, factor: 0.1 }));
    }

    /// RDED's code: with E = 300 epochs 249, 259, …, 299; a training of 4 epochs is evaluated after the last one.
    #[test]
    fn evaluations_fall_on_the_papers_epochs() {
        let of = |evaluations: Evaluations, epochs| {
            (0..epochs).filter(|&e| evaluations.after(e, epochs)).collect::<Vec<_>>()
        };
        assert_eq!(of(Evaluations::Late, 300), [249, 259, 269, 279, 289, 299]);
        assert_eq!(of(Evaluations::Late, 4), [3]);
        assert_eq!(of(Evaluations::Late, 25), [24]);
        assert_eq!(of(Evaluations::Every(10), 25), [9, 19, 24]);
        assert_eq!(of(Evaluations::Last, 3), [2]);
        assert_eq!(of(Evaluations::Parts(4), 1000), [249, 499, 749, 999]);
        // After ⌊7/4⌋ = 1, ⌊14/4⌋ = 3, ⌊21/4⌋ = 5 and 7 epochs.
        assert_eq!(of(Evaluations::Parts(4), 7), [0, 2, 4, 6]);
        assert_eq!(of(Evaluations::Parts(4), 2), [0, 1]);
        assert_eq!(of(Evaluations::Parts(1), 3), [2]);
    }
}
