//! What happens beside a training: evaluations, checkpoints, the record.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::core::data::confusion::Confusion;
use crate::core::data::dataset::{Dataset, ImageId, Split};
use crate::core::data::normalise::MeanStd;
use crate::core::progress::{Cancelled, Progress};
use crate::core::train::curve::{Curve, Point};
use crate::engine::device::Picked;
use crate::engine::images::cache::Cache;
use crate::engine::nets::NetworkSpec;
use crate::engine::observe::evaluate::{EvaluateJob, evaluate};
use crate::engine::observe::score::{ScoreError, Throughput};
use crate::engine::plan::Plan;
use crate::engine::train::{Accuracy, TrainError, Watch};
use crate::engine::weights::Weights;
use crate::store::training::{TrainingFolder, TrainingNote};

use super::data::{TrainingImages, evaluation_classes};
use super::{TrainJobError, TrainRequest};
use crate::jobs::keeping::Keeping;
use crate::jobs::open::{DatasetRequest, NO_TEST_SPLIT};
use crate::jobs::session::{default_batch, engine};

/// Bytes of evaluation images that are kept between evaluations.
const VIEWS: usize = 1 << 30;
/// Classes up to which records hold the confusion: it has as many numbers as their square.
const CONFUSED: usize = 2000;

/// Evaluates weights on the images that were held out.
pub(super) struct Evaluator {
    dataset: Dataset,
    images: Vec<ImageId>,
    class_map: Vec<u32>,
    views: Cache,
    spec: NetworkSpec,
    mean_std: MeanStd,
    picked: Picked,
    threads: usize,
    /// The recipe's edge of evaluation images.
    edge: Option<u32>,
    /// Broken images have been told of.
    told: Cell<bool>,
}

impl Evaluator {
    pub(super) fn open(
        request: &TrainRequest,
        (pictures, spec, mean_std): (&TrainingImages, &NetworkSpec, MeanStd),
        (picked, threads): (&Picked, usize),
        progress: &mut dyn Progress,
    ) -> Result<Self, TrainJobError> {
        let evaluated =
            DatasetRequest { path: request.evaluation.clone(), folders: request.folders, holdout: request.holdout };
        let imported = evaluated.evaluation()?;
        imported.notes.into_iter().filter(|note| note != NO_TEST_SPLIT).for_each(|note| progress.warn(note));
        let dataset = imported.dataset;
        let (class_map, note) = evaluation_classes(&dataset, pictures.dataset(), request.class_order)?;
        note.into_iter().for_each(|note| progress.warn(note));
        if dataset.split() == Split::Train || dataset.fingerprint() == pictures.dataset().fingerprint() {
            progress.warn(NO_TEST_SPLIT.to_owned());
        }
        pictures.seen_before(&dataset).into_iter().for_each(|note| progress.warn(note));
        let limit = request.evaluated_per_class.unwrap_or(u32::MAX);
        let classes = dataset.class_ids().zip(&class_map).filter(|(_, output)| output.is_some());
        let images = classes.flat_map(|(class, _)| {
            let range = dataset.images_of(class);
            range.take(limit as usize).map(ImageId)
        });
        let images: Vec<ImageId> = images.collect();
        let views = Cache::new(dataset.image_count(), VIEWS);
        let class_map = class_map.into_iter().map(|o| o.unwrap_or(0)).collect();
        Ok(Self {
            dataset,
            images,
            class_map,
            views,
            spec: *spec,
            mean_std,
            picked: picked.clone(),
            threads,
            edge: request.recipe.evaluation_edge,
            told: Cell::new(false),
        })
    }

    pub(super) fn fingerprint(&self) -> String {
        let mut hash = blake3::Hasher::new_derive_key("stillroom 2026 evaluation images v1");
        hash.update(self.dataset.fingerprint().as_bytes());
        self.images.iter().for_each(|image| {
            hash.update(&image.0.to_le_bytes());
        });
        self.class_map.iter().for_each(|output| {
            hash.update(&output.to_le_bytes());
        });
        hash.finalize().to_hex()[..32].to_owned()
    }

    fn accuracy(&self, weights: &Weights, progress: &mut dyn Progress) -> Result<Accuracy, TrainError> {
        let plan = Plan::compile(&self.spec.graph(), weights, &[]);
        let mut engine = engine(plan, &self.picked)?;
        let batch = default_batch(self.spec.side, self.picked.info.hardware);
        let job = EvaluateJob {
            dataset: &self.dataset,
            images: &self.images,
            class_map: &self.class_map,
            mean_std: self.mean_std,
            edge: self.edge,
            in_8_bits: false,
            views: Some(&self.views),
        };
        let throughput = Throughput { batch, threads: self.threads };
        let evaluation = evaluate(engine.as_mut(), job, throughput, progress).map_err(|error| match error {
            ScoreError::Cancelled(cancelled) => cancelled.into(),
            other => TrainError::Evaluation(other.to_string()),
        })?;
        if evaluation.predictions.is_empty() {
            return Err(TrainError::Evaluation("no evaluation image can be read; give others".to_owned()));
        }
        if let Some((image, reason)) = evaluation.broken.first().filter(|_| !self.told.replace(true)) {
            let (broken, name) = (evaluation.broken.len(), self.dataset.source(*image));
            progress.warn(format!(
                "evaluation images that can't be read and are left out: {broken}, the first {name}: {reason}"
            ));
        }
        let confusion = (self.spec.classes <= CONFUSED).then(|| {
            let mut confusion = Confusion::new(self.spec.classes, self.spec.classes);
            evaluation.predictions.iter().for_each(|p| confusion.add(p.output as usize, p.predicted as usize));
            confusion
        });
        Ok(Accuracy { top1: evaluation.top(1), top5: evaluation.top(5), confusion })
    }
}

/// Keeps what is warned of while files are opened, for the record.
pub(super) struct Noted<'a> {
    pub progress: &'a mut dyn Progress,
    pub notes: Vec<String>,
}

impl Progress for Noted<'_> {
    fn step(&mut self, stage: &'static str, done: u64, total: u64) -> Result<(), Cancelled> {
        self.progress.step(stage, done, total)
    }

    fn warn(&mut self, message: String) {
        self.notes.push(message.clone());
        self.progress.warn(message);
    }
}

/// Hears of every epoch.
type Each<'a> = &'a mut dyn FnMut(&TrainingNote);

/// The watch over one seed.
pub(super) struct RunWatch<'a> {
    folder: &'a TrainingFolder,
    note: &'a mut TrainingNote,
    /// Its curve's place in the note.
    curve: usize,
    seed: u64,
    evaluator: &'a Evaluator,
    progress: &'a mut dyn Progress,
    each: Each<'a>,
    began: Instant,
    keeping: Keeping,
    steps: u64,
}

impl<'a> RunWatch<'a> {
    pub(super) fn new(
        (folder, note): (&'a TrainingFolder, &'a mut TrainingNote),
        (seed, every): (u64, Duration),
        evaluator: &'a Evaluator,
        (progress, each): (&'a mut dyn Progress, Each<'a>),
    ) -> Self {
        let curve = note.curves.iter().position(|c| c.seed == seed).unwrap_or_else(|| {
            note.curves.push(Curve { seed, ..Curve::default() });
            note.curves.len() - 1
        });
        let (began, keeping) = (Instant::now(), Keeping::every(every));
        Self { folder, note, curve, seed, evaluator, progress, each, began, keeping, steps: 0 }
    }

    pub(super) fn steps(&self) -> u64 {
        self.steps
    }

    /// The curve as the engine has it: with the points of before an interruption, and the confusion.
    pub(super) fn set_curve(&mut self, curve: Curve) -> Result<(), TrainJobError> {
        self.note.curves[self.curve] = curve;
        Ok(self.folder.save_note(self.note)?)
    }
}

impl Progress for RunWatch<'_> {
    fn step(&mut self, stage: &'static str, done: u64, total: u64) -> Result<(), Cancelled> {
        self.steps += u64::from(stage == "train");
        let waited = Instant::now();
        let answer = self.progress.step(stage, done, total);
        // A pause is no work.
        self.began += waited.elapsed();
        answer
    }

    fn warn(&mut self, message: String) {
        // A resumed training says it again.
        if !self.note.notes.contains(&message) {
            self.note.notes.push(message.clone());
        }
        self.progress.warn(message);
    }
}

impl Watch for RunWatch<'_> {
    fn evaluate(&mut self, weights: &Weights) -> Result<Accuracy, TrainError> {
        self.evaluator.accuracy(weights, self)
    }

    fn point(&mut self, point: &Point) {
        let points = &mut self.note.curves[self.curve].points;
        // After an interruption the epochs behind the checkpoint come again.
        points.retain(|p| p.epoch < point.epoch);
        points.push(*point);
        (self.each)(self.note);
    }

    fn checkpoint_due(&mut self) -> bool {
        self.keeping.is_due()
    }

    fn keep(&mut self, checkpoint: &[u8]) -> Result<(), TrainError> {
        let (folder, note, seed) = (self.folder, &*self.note, self.seed);
        // In this order: a curve that runs ahead of the checkpoint is cut on resuming, one that lags behind has a gap.
        let save = || folder.save_note(note).and_then(|()| folder.save_checkpoint(seed, checkpoint));
        let kept = self.keeping.write(save);
        kept.map_err(|e| TrainError::Checkpoint(e.to_string()))
    }

    fn seconds(&mut self, before: f64) -> f64 {
        before + self.began.elapsed().as_secs_f64()
    }
}
