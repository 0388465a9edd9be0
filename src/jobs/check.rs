//! The observer check: does the network recognise the data's classes in the order it is given them?

use std::sync::Arc;

use crate::core::confusion::Confusion;
use crate::core::dataset::{Dataset, ImageId};
use crate::core::normalise::MeanStd;
use crate::core::progress::Progress;
use crate::engine::evaluate::{EvaluateJob, evaluate, sample};
use crate::engine::score::ScoreError;

use super::session::Session;

/// Images of the sample at most, whatever the number of classes.
const SAMPLE: usize = 1000;

/// What the check found.
#[derive(Clone, Debug, serde::Serialize)]
pub struct CheckReport {
    /// Percent right with the class map in use.
    pub top1: f64,
    /// Percent right with the best one-to-one class order.
    pub top1_remapped: f64,
    /// The best class order: output per class.
    pub class_map: Vec<u32>,
    /// The class order in use.
    pub current_map: Vec<u32>,
    /// Images in the sample that could be decoded.
    pub images: usize,
    /// Percent right per class, `None` for classes without images.
    pub per_class: Vec<Option<f64>>,
    /// Normalisation in use.
    pub mean_std: String,
    /// Top-1 with each known normalisation, where they were tried because top-1 was low.
    pub tried: Vec<(String, f64)>,
    /// Counts of predictions.
    pub confusion: Confusion,
}

/// What the check means for a distillation.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Nothing to say.
    Good,
    /// Another class order is a little better.
    Doubtful(String),
    /// Distilling would be a mistake.
    Refused(String),
}

impl CheckReport {
    /// Refuses below 2/classes or when another class order gains 20 points or more; warns from 3 points.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let classes = self.current_map.len().max(1) as f64;
        let gain = self.top1_remapped - self.top1;
        let numbers = format!("top-1 is {:.2} % on {} images", self.top1, self.images);
        if gain >= 20.0 {
            return Verdict::Refused(format!(
                "{numbers}, but another class order gives {:.2} %: the classes are in the wrong order. Write the right \
                 one with `stillroom check … --write-class-map FILE` and pass it as --class-map, or insist with --force",
                self.top1_remapped
            ));
        }
        if self.images > 0 && self.top1 < 200.0 / classes {
            return Verdict::Refused(format!(
                "{numbers}, near chance ({:.2} %): this observer does not know these classes, or its input is \
                 normalised otherwise. Look with `stillroom check …`, or insist with --force",
                100.0 / classes
            ));
        }
        if gain >= 3.0 {
            let better = self.top1_remapped;
            return Verdict::Doubtful(format!(
                "{numbers}; another class order gives {better:.2} % (see `stillroom check`)"
            ));
        }
        if let Some((name, top1)) =
            self.tried.iter().find(|(name, top1)| *name != self.mean_std && *top1 >= self.top1 + 3.0)
        {
            return Verdict::Doubtful(format!("{numbers}; --mean-std {name} gives {top1:.2} %"));
        }
        Verdict::Good
    }
}

/// Checks the session's observer on a seeded sample of `held_out` (the test split where the data has one).
///
/// # Errors
/// [`ScoreError`]: cancelled, or the device failed.
pub fn check(
    session: &mut Session,
    held_out: &Arc<Dataset>,
    progress: &mut dyn Progress,
) -> Result<CheckReport, ScoreError> {
    let classes = held_out.classes().len();
    let images = sample(held_out, 0, (SAMPLE / classes.max(1)).clamp(1, 100));
    let observer = session.observer.clone();
    let (map, used) = (&observer.map.outputs, observer.observer.mean_std);
    let mut run = |mean_std| confusion(session, held_out, (&images, mean_std), progress);
    let counts = run(used)?;
    let mut report = report(counts, map, used);
    // Below this a network that fits the data would be poor even for its field: look for a reason.
    if report.top1 < 75.0 {
        for (name, set) in MeanStd::KNOWN {
            let top1 = if set == used { report.top1 } else { run(set)?.top1(map) };
            report.tried.push((name.to_owned(), top1));
        }
    }
    Ok(report)
}

fn report(confusion: Confusion, map: &[u32], mean_std: MeanStd) -> CheckReport {
    let class_map = confusion.best_map(map);
    CheckReport {
        top1: confusion.top1(map),
        top1_remapped: confusion.top1(&class_map),
        class_map,
        current_map: map.to_vec(),
        images: confusion.total() as usize,
        per_class: confusion.per_class(map),
        mean_std: mean_std.describe(),
        tried: Vec::new(),
        confusion,
    }
}

fn confusion(
    session: &mut Session,
    data: &Dataset,
    (images, mean_std): (&[ImageId], MeanStd),
    progress: &mut dyn Progress,
) -> Result<Confusion, ScoreError> {
    let observer = session.observer.clone();
    let job = EvaluateJob { dataset: data, images, class_map: &observer.map.outputs, mean_std };
    let throughput = session.throughput;
    let evaluation = evaluate(session.engine(), job, throughput, progress)?;
    let mut confusion = Confusion::new(data.classes().len(), observer.observer.spec.classes);
    for p in &evaluation.predictions {
        confusion.add(data.class_of(p.image).index(), p.predicted as usize);
    }
    for (image, reason) in &evaluation.broken {
        progress.warn(format!("{}: {reason}; left out", data.source(*image)));
    }
    Ok(confusion)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(top1: f64, top1_remapped: f64, classes: u32) -> CheckReport {
        let map: Vec<u32> = (0..classes).collect();
        let confusion = Confusion::new(classes as usize, classes as usize);
        CheckReport { top1, top1_remapped, images: 100, ..report(confusion, &map, MeanStd::IMAGENET) }
    }

    #[test]
    fn verdicts_follow_the_thresholds() {
        assert_eq!(with(81.0, 83.9, 10).verdict(), Verdict::Good);
        assert!(matches!(with(81.0, 84.0, 10).verdict(), Verdict::Doubtful(_)));
        let Verdict::Refused(why) = with(60.0, 80.0, 10).verdict() else { panic!() };
        assert!(why.contains("stillroom check") && why.contains("--force"), "{why}");
        assert!(matches!(with(19.9, 19.9, 10).verdict(), Verdict::Refused(_)));
        assert_eq!(with(20.0, 20.0, 10).verdict(), Verdict::Good);
    }
}
