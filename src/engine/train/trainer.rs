//! The loop: batches in order, one step each, an evaluation where the recipe asks for one.

use std::ops::Range;

use super::batches::{self, Drawn, Epoch, loader_batch};
use super::checkpoint::{Checkpoint, State};
use super::{NewLearner, Targets, TrainError, TrainJob, Trained, Watch, short};
use crate::core::train::curve::Point;
use crate::core::train::loss;
use crate::core::train::recipe::{LabelSource, TrainRecipe};
use crate::core::train::schedule::At;
use crate::engine::learn::{Gradients, Learner, Masks};
use crate::engine::nets::initial::{initial_weights, with_new_classifier};
use crate::engine::plan::EngineError;
use crate::engine::weights::Weights;

/// Where a training begins.
#[derive(Clone, Copy, Debug)]
pub enum Start<'a> {
    /// With the weights that the seed draws.
    Seed,
    /// With these, and a last layer that the seed draws.
    From(&'a Weights),
    /// Where the checkpoint of these bytes was kept.
    Checkpoint(&'a [u8]),
}

/// Trains a network.
///
/// # Errors
/// [`TrainError`]; cancelled, a checkpoint is kept first.
pub fn train<'a>(
    job: TrainJob<'a>,
    new: NewLearner<'_>,
    targets: Targets<'a>,
    start: Start<'_>,
    watch: &mut dyn Watch,
) -> Result<Trained, TrainError> {
    let count = job.images.labels.len();
    if count < 2 {
        return Err(TrainError::TooFewImages(count));
    }
    if loader_batch(job.recipe) < 2 {
        return Err(TrainError::TooFew(loader_batch(job.recipe)));
    }
    let has_logits = !matches!(targets, Targets::Classes);
    if !has_logits && (job.recipe.loss.needs_logits() || job.recipe.labels != LabelSource::Hard) {
        return Err(TrainError::NoLabels("an observer or stored labels"));
    }
    let begun = |weights| Checkpoint {
        state: State { pieces: 1, ..State::default() },
        weights,
        best: None,
        optimiser: crate::engine::learn::OptimiserState::default(),
    };
    let at = match start {
        Start::Checkpoint(bytes) => Checkpoint::read(bytes)?,
        Start::Seed => begun(initial_weights(job.spec, job.seed)),
        Start::From(others) => begun(with_new_classifier(job.spec, job.seed, others)),
    };
    let mut trainer = Trainer::new(job, new, targets, at)?;
    if !matches!(start, Start::Checkpoint(_)) {
        trainer.fit(watch);
    }
    loop {
        match trainer.run(watch) {
            Err(TrainError::Engine(EngineError::Memory(why))) => trainer.split(&why, new, watch)?,
            other => break other?,
        }
    }
    let State { curve, pieces, .. } = trainer.state;
    Ok(Trained { weights: trainer.learner.network().weights()?, best: trainer.best, curve, pieces })
}

struct Trainer<'a> {
    job: TrainJob<'a>,
    targets: Targets<'a>,
    learner: Box<dyn Learner>,
    state: State,
    best: Option<Weights>,
    /// Where a training goes back to when its memory runs out.
    last: Checkpoint,
    /// Seconds of work before this process.
    before: f64,
    /// Whether the network has no statistics of a single image.
    never_one: bool,
}

impl<'a> Trainer<'a> {
    fn new(
        job: TrainJob<'a>,
        new: NewLearner<'_>,
        targets: Targets<'a>,
        start: Checkpoint,
    ) -> Result<Self, TrainError> {
        let mut learner = new(&start.weights)?;
        learner.restore(&start.weights, &start.optimiser)?;
        let (state, best, before) = (start.state.clone(), start.best.clone(), start.state.seconds);
        let never_one = job.spec.norms_single_pixels();
        Ok(Self { job, targets, learner, state, best, last: start, before, never_one })
    }

    /// Everything that is left to do.
    fn run(&mut self, watch: &mut dyn Watch) -> Result<(), TrainError> {
        while self.state.epoch < self.job.recipe.epochs {
            self.epoch(watch)?;
        }
        Ok(())
    }

    /// The rest of the epoch under way.
    fn epoch(&mut self, watch: &mut dyn Watch) -> Result<(), TrainError> {
        let job = self.job;
        let epoch = self.state.epoch;
        let plans = match &mut self.targets {
            Targets::Stored(labels) => batches::stored(&job, *labels, epoch)?,
            _ => batches::planned(&job, epoch),
        };
        let plan = Epoch::new(plans, self.never_one);
        let batches = plan.batches();
        plan.for_each(&job, (epoch, self.state.batch), &mut |batch| self.batch(&batch, batches, watch))?;
        self.finish_epoch(batches, watch)
    }

    /// One batch; steps, and keeps a checkpoint, where the accumulation is full.
    fn batch(&mut self, batch: &Drawn, batches: usize, watch: &mut dyn Watch) -> Result<(), TrainError> {
        let (recipe, epoch) = (self.job.recipe, self.state.epoch);
        let logits = match &batch.logits {
            Some(stored) => Some(stored.clone()),
            None => self.targets.observe(&batch.inputs)?,
        };
        self.targets.take_notes().into_iter().for_each(|note| watch.warn(note));
        let loss = self.pieces(batch, logits.as_deref(), batches)?;
        if !loss.is_finite() {
            return Err(TrainError::Diverged { epoch: epoch + 1 });
        }
        let images = batch.images.len() as u64;
        self.state.loss_bits = (f64::from_bits(self.state.loss_bits) + loss * images as f64).to_bits();
        self.state.seen += images;
        self.state.batch = batch.number + 1;
        let accumulation = recipe.accumulation.max(1);
        let last = self.state.batch as usize >= batches;
        if last || self.state.batch.is_multiple_of(accumulation) {
            let at = at(recipe, epoch, (batch.number / accumulation, batches));
            self.learner.update(recipe.rate * recipe.schedule.factor(at))?;
            self.state.step += 1;
            let done = u64::from(epoch) * batches as u64 + u64::from(self.state.batch);
            let total = u64::from(recipe.epochs) * batches as u64;
            let stopped = watch.step("train", done, total);
            if stopped.is_err() || watch.checkpoint_due() {
                self.keep(watch)?;
            }
            stopped?;
        }
        Ok(())
    }

    /// Forward and backward of a batch, whole or in pieces; returns its mean loss.
    fn pieces(&mut self, batch: &Drawn, logits: Option<&[f32]>, batches: usize) -> Result<f64, TrainError> {
        let (count, classes) = (batch.images.len(), self.job.spec.classes);
        let labels: Vec<u32> = batch.images.iter().map(|&i| self.job.images.labels[i as usize]).collect();
        let len = batch.inputs.len() / count.max(1);
        let step = u64::from(self.state.epoch) * batches as u64 + u64::from(batch.number);
        let size = count.div_ceil(self.state.pieces.max(1) as usize).max(1);
        let accumulation = f64::from(self.job.recipe.accumulation.max(1));
        let mut loss = 0.0;
        for piece in in_runs(count, size, self.never_one) {
            let masks = Masks { seed: self.job.seed, step, first: piece.start as u64 };
            if let Some(unmixed) = &batch.unmixed {
                self.learner.network().forward(&unmixed[piece.start * len..piece.end * len], piece.len(), masks)?;
            }
            let inputs = &batch.inputs[piece.start * len..piece.end * len];
            let student = self.learner.network().forward(inputs, piece.len(), masks)?.logits;
            if self.job.recipe.statistics_twice && batch.unmixed.is_none() {
                self.learner.network().repeat_statistics()?;
            }
            let logits = logits.map(|l| &l[piece.start * classes..piece.end * classes]);
            let targets = loss::Targets { classes: &labels[piece.clone()], logits };
            let (mean, mut gradient) = self.job.recipe.loss.value_and_gradient(&student, targets, classes);
            // A mean over the whole batch, whatever its pieces.
            let share = piece.len() as f64 / count as f64;
            gradient.iter_mut().for_each(|g| *g *= (share / accumulation) as f32);
            self.learner.network().backward(&Gradients::of_logits(&gradient))?;
            loss += mean * share;
            self.state.right += right(&student, &labels[piece], classes);
        }
        Ok(loss)
    }

    fn finish_epoch(&mut self, batches: usize, watch: &mut dyn Watch) -> Result<(), TrainError> {
        let (recipe, epoch) = (self.job.recipe, self.state.epoch);
        let seen = self.state.seen.max(1) as f64;
        let rate = recipe.rate * recipe.schedule.factor(at(recipe, epoch, (0, batches)));
        let mut evaluated = None;
        if recipe.evaluations.after(epoch, recipe.epochs) {
            // An evaluation may take long, and be stopped.
            self.keep(watch)?;
            let weights = self.learner.network().weights()?;
            let accuracy = watch.evaluate(&weights)?;
            evaluated = Some((short(accuracy.top1), short(accuracy.top5)));
            if self.state.curve.best().is_none_or(|best| short(accuracy.top1) > best.top1) {
                self.best = Some(weights);
            }
            self.state.curve.confusion = accuracy.confusion;
        }
        self.state.seconds = short(watch.seconds(self.before));
        let point = Point {
            epoch,
            loss: short(f64::from_bits(self.state.loss_bits) / seen),
            train_top1: short(100.0 * self.state.right as f64 / seen),
            rate: short(rate),
            evaluated,
            seconds: self.state.seconds,
        };
        self.state.curve.seed = self.job.seed;
        self.state.curve.points.push(point);
        (self.state.epoch, self.state.batch) = (epoch + 1, 0);
        (self.state.loss_bits, self.state.seen, self.state.right) = (0, 0, 0);
        watch.point(&point);
        // The last one, too: what follows a training may be interrupted as well.
        if watch.checkpoint_due() || self.state.epoch == recipe.epochs {
            self.keep(watch)?;
        }
        Ok(())
    }

    fn keep(&mut self, watch: &mut dyn Watch) -> Result<(), TrainError> {
        self.state.seconds = short(watch.seconds(self.before));
        let (weights, optimiser) = (self.learner.network().weights()?, self.learner.state()?);
        self.last = Checkpoint { state: self.state.clone(), weights, best: self.best.clone(), optimiser };
        watch.keep(&self.last.bytes()?)
    }

    /// Images of a batch.
    fn images(&self) -> usize {
        loader_batch(self.job.recipe).min(self.job.images.labels.len())
    }

    /// Makes the pieces as small as the device's largest buffer asks for.
    fn fit(&mut self, watch: &mut dyn Watch) {
        let (images, most) = (self.images(), self.learner.network().largest_batch().unwrap_or(usize::MAX));
        let pieces = images.div_ceil(most.max(1));
        // Fewer than two images leave a batch norm without a variance.
        if pieces > 1 && images / pieces >= 2 {
            watch.warn(format!("the device's largest buffer holds {most} images: {}", in_pieces(images, pieces)));
            self.state.pieces = pieces as u32;
            self.last.state.pieces = self.state.pieces;
        }
    }

    /// Goes back to the last checkpoint and halves the pieces.
    fn split(&mut self, why: &str, new: NewLearner<'_>, watch: &mut dyn Watch) -> Result<(), TrainError> {
        let pieces = 2 * self.state.pieces.max(1);
        let images = self.images();
        // Fewer than two images leave a batch norm without a variance.
        if images / (pieces as usize) < 2 {
            return Err(EngineError::Memory(why.to_owned()).into());
        }
        watch.warn(format!("the device's memory is full ({why}): {}", in_pieces(images, pieces as usize)));
        self.state = State { pieces, ..self.last.state.clone() };
        self.best.clone_from(&self.last.best);
        self.learner = new(&self.last.weights)?;
        Ok(self.learner.restore(&self.last.weights, &self.last.optimiser)?)
    }
}

/// The pieces of a batch: `size` images each and what is left; one that is left joins the piece before where it must not be
/// alone.
pub(super) fn in_runs(count: usize, size: usize, never_one: bool) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = (0..count).step_by(size).map(|first| first..(first + size).min(count)).collect();
    if never_one && runs.len() > 1 && runs.last().is_some_and(|last| last.len() == 1) {
        runs.pop();
        runs.iter_mut().last().into_iter().for_each(|last| last.end = count);
    }
    runs
}

fn in_pieces(images: usize, pieces: usize) -> String {
    format!(
        "each batch of {images} is split into {pieces} pieces whose gradients are added up; batch norm sees the smaller \
         pieces, so results differ a little from an unsplit training"
    )
}

/// Images whose class has the greatest of their logits N×classes.
#[must_use]
pub fn right(logits: &[f32], labels: &[u32], classes: usize) -> u64 {
    let rows = logits.chunks_exact(classes).zip(labels);
    let greatest = |row: &[f32]| {
        let best = row.iter().enumerate().fold((0, f32::NEG_INFINITY), |b, (i, &z)| if z > b.1 { (i, z) } else { b });
        best.0
    };
    rows.filter(|(row, label)| greatest(row) == **label as usize).count() as u64
}

/// The place of step `step` in an epoch of so many batches.
fn at(recipe: &TrainRecipe, epoch: u32, (step, batches): (u32, usize)) -> At {
    let steps_per_epoch = (batches as u32).div_ceil(recipe.accumulation.max(1));
    At { epoch, epochs: recipe.epochs, step_in_epoch: step, steps_per_epoch }
}
