//! The observer check: does the network recognise the data's classes in the order it is given them?

mod order;
mod trials;

use std::sync::Arc;

use crate::core::data::confusion::Confusion;
use crate::core::data::dataset::{Dataset, ImageId};
use crate::core::data::normalise::MeanStd;
use crate::core::progress::Progress;
use crate::engine::observe::evaluate::{EvaluateJob, Evaluation, Prediction, evaluate, sample};
use crate::engine::observe::score::ScoreError;

use super::session::Session;

pub use self::order::OrderTrial;
pub use self::trials::Better;

/// How thorough a check is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// `stillroom check`: about 1000 images; the known normalisations are tried when top-1 is below 75 %.
    Full,
    /// Before a distillation: about 300 images; normalisations are tried only when it would be refused.
    Quick,
}

impl Depth {
    /// Images per class: two at least, so that a class order can be found on one and judged on the other.
    fn per_class(self, classes: usize) -> usize {
        let images = if self == Self::Full { 1000 } else { 300 };
        (images / classes.max(1)).clamp(2, 100)
    }
}

/// What the check found.
#[derive(Clone, Debug, serde::Serialize)]
pub struct CheckReport {
    /// Percent right with the class map in use.
    pub top1: f64,
    /// Percent right with the best one-to-one class order, on the images it was found from.
    pub top1_remapped: f64,
    /// Points that the best class order gains on images it was not found from (two-fold): with few images per class
    /// some order always fits better by chance.
    pub gain: f64,
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
    /// Top-1 as each network that has the file's tensors, where nothing tells which it is.
    pub networks: Vec<(String, f64)>,
    /// Top-1 of the best of these networks with known normalisations, where they were tried.
    pub tried: Vec<(String, f64)>,
    /// What of this is clearly better than what is in use.
    pub better: Option<Better>,
    /// What both orders of integers give, where an order alone tells which output is which class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderTrial>,
    /// Counts of predictions.
    pub confusion: Confusion,
    /// What the network takes each image of the sample for, in the order of their ids.
    #[serde(skip)]
    pub answers: Vec<Answer>,
}

/// What the network takes an image for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    /// The image, of the dataset that was checked on.
    pub image: ImageId,
    /// The network's own output with the greatest logit; of a pruned network there are fewer than in the file.
    pub output: u32,
    /// Its probability.
    pub probability: f32,
}

/// Points that another class order must gain on images it was not found from to be refused over, and to be worth a word.
const REFUSING: f64 = 20.0;
const WORTH_A_WORD: f64 = 3.0;

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
    /// Whether another class order is better by more than chance gives.
    #[must_use]
    pub fn proposes(&self) -> bool {
        self.gain >= WORTH_A_WORD && self.class_map != self.current_map
    }

    /// Refuses below 2/classes or when another class order gains 20 points or more; warns from 3 points.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let classes = self.current_map.len().max(1) as f64;
        // 2/classes says nothing for one or two classes: there, a quarter of the way from chance to certainty.
        let least = if classes > 2.0 { 200.0 / classes } else { 125.0 / classes * (classes - 1.0) };
        let gain = self.gain;
        let numbers = format!("top-1 is {:.2} % on {} images", self.top1, self.images);
        if gain >= REFUSING {
            return Verdict::Refused(format!(
                "{numbers}, but another class order gives {:.2} %: the classes are in the wrong order. Write the right \
                 one with `stillroom check … --write-class-map FILE` and pass it as --class-map, or insist with --force",
                self.top1_remapped
            ));
        }
        if let Some(better) = self.better.as_ref().filter(|better| better.untold && better.top1 >= self.top1 + 20.0) {
            return Verdict::Refused(format!("{numbers}, but {better}: pass it, or insist with --force"));
        }
        if self.images > 0 && self.top1 < least {
            let hint = self.better.as_ref().map_or_else(String::new, |better| format!(" ({better})"));
            return Verdict::Refused(format!(
                "{numbers}, near chance ({:.2} %): this observer does not know these classes, or its input is \
                 normalised otherwise{hint}. Look with `stillroom check …`, or insist with --force",
                100.0 / classes
            ));
        }
        if gain >= WORTH_A_WORD {
            let better = self.top1_remapped;
            return Verdict::Doubtful(format!(
                "{numbers}; another class order gives {better:.2} % (see `stillroom check`)"
            ));
        }
        if let Some(better) = &self.better {
            return Verdict::Doubtful(format!("{numbers}; {better}"));
        }
        Verdict::Good
    }
}

/// Checks the session's observer on a seeded sample of `held_out` (the test split where the data has one). Where classes
/// are integers and nothing but their order tells whose an output is, the session goes on with the order that the
/// observer confirms.
///
/// # Errors
/// [`ScoreError`]: cancelled, or the device failed.
pub fn check(
    session: &mut Session,
    held_out: &Arc<Dataset>,
    depth: Depth,
    progress: &mut dyn Progress,
) -> Result<CheckReport, ScoreError> {
    let images = sample(held_out, 0, depth.per_class(held_out.classes().len()));
    let used = session.observer.observer.mean_std;
    let Evaluation { predictions, broken } = predictions(session, held_out, (&images, used), progress)?;
    for (image, reason) in broken {
        progress.warn(format!("{}: {reason}; left out", held_out.source(image)));
    }
    let predicted = halves(session, held_out, &predictions);
    let order = order::settle(session, &predicted[0].merged(&predicted[1]));
    let observer = session.observer.clone();
    let answer = |p: &Prediction| Answer { image: p.image, output: p.predicted, probability: p.probability };
    let answers = predictions.iter().map(answer).collect();
    let mut report = CheckReport { order, answers, ..report(predicted, &observer.map.outputs, used) };
    trials::run(session, (held_out, &images), (depth, &mut report), progress)?;
    // Told in the outputs of the file, which a class map is for.
    for map in [&mut report.class_map, &mut report.current_map] {
        map.iter_mut().for_each(|output| *output = observer.output_in_file(*output));
    }
    Ok(report)
}

fn report([a, b]: [Confusion; 2], map: &[u32], mean_std: MeanStd) -> CheckReport {
    let gain = |found: &Confusion, judged: &Confusion| judged.top1(&found.best_map(map)) - judged.top1(map);
    let gain = f64::midpoint(gain(&a, &b), gain(&b, &a));
    let confusion = a.merged(&b);
    let class_map = confusion.best_map(map);
    CheckReport {
        top1: confusion.top1(map),
        top1_remapped: confusion.top1(&class_map),
        gain,
        class_map,
        current_map: map.to_vec(),
        images: confusion.total() as usize,
        per_class: confusion.per_class(map),
        mean_std: mean_std.describe(),
        networks: Vec::new(),
        tried: Vec::new(),
        better: None,
        order: None,
        confusion,
        answers: Vec::new(),
    }
}

/// What the network takes the images for.
fn predictions(
    session: &mut Session,
    data: &Dataset,
    (images, mean_std): (&[ImageId], MeanStd),
    progress: &mut dyn Progress,
) -> Result<Evaluation, ScoreError> {
    let observer = session.observer.clone();
    let job = EvaluateJob {
        dataset: data,
        images,
        class_map: &observer.map.outputs,
        mean_std,
        edge: None,
        in_8_bits: false,
        views: None,
    };
    let throughput = session.throughput;
    let evaluation = evaluate(session.engine(), job, throughput, progress)?;
    session.take_notes().into_iter().for_each(|note| progress.warn(note));
    Ok(evaluation)
}

/// The predictions for every other image of each class, and for those between.
fn halves(session: &Session, data: &Dataset, predictions: &[Prediction]) -> [Confusion; 2] {
    let empty = Confusion::new(data.classes().len(), session.observer.observer.spec.classes);
    let mut halves = [empty.clone(), empty];
    let mut seen = vec![0_usize; data.classes().len()];
    for p in predictions {
        let class = data.class_of(p.image).index();
        halves[seen[class] % 2].add(class, p.predicted as usize);
        seen[class] += 1;
    }
    halves
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(top1: f64, gain: f64, classes: u32) -> CheckReport {
        let map: Vec<u32> = (0..classes).collect();
        let empty = Confusion::new(classes as usize, classes as usize);
        CheckReport { top1, gain, images: 100, ..report([empty.clone(), empty], &map, MeanStd::IMAGENET) }
    }

    #[test]
    fn verdicts_follow_the_thresholds() {
        assert_eq!(with(81.0, 2.9, 10).verdict(), Verdict::Good);
        assert!(matches!(with(81.0, 3.0, 10).verdict(), Verdict::Doubtful(_)));
        let Verdict::Refused(why) = with(60.0, 20.0, 10).verdict() else { panic!() };
        assert!(why.contains("stillroom check") && why.contains("--force"), "{why}");
        assert!(matches!(with(19.9, 0.0, 10).verdict(), Verdict::Refused(_)));
        assert_eq!(with(20.0, 0.0, 10).verdict(), Verdict::Good);
    }

    /// One image per class and half: the order that fits one half best by chance gains nothing on the other.
    #[test]
    fn chance_is_no_better_order_but_a_real_one_is() {
        let map: Vec<u32> = (0..50).collect();
        let halves = |predicted: &dyn Fn(usize, usize) -> usize| {
            [0, 1].map(|half| {
                let mut confusion = Confusion::new(50, 50);
                (0..50).for_each(|class| confusion.add(class, predicted(class, half)));
                confusion
            })
        };
        // Two thirds right, the others anywhere.
        let weak = report(
            halves(&|c, half| if c % 3 == half { (c * 7 + 13 * half + 5) % 50 } else { c }),
            &map,
            MeanStd::IMAGENET,
        );
        assert!(weak.gain < 3.0, "{}", weak.gain);
        let shifted = report(halves(&|c, _| (c + 1) % 50), &map, MeanStd::IMAGENET);
        assert_eq!((shifted.top1, shifted.gain), (0.0, 100.0));
        assert_eq!(shifted.class_map[..3], [1, 2, 3]);
    }
}
