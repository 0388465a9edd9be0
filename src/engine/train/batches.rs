//! The batches of an epoch: which images in which order, what is done to each, what is mixed.

use super::{StoredLabels, TrainError, TrainJob};
use crate::core::data::pixels::Rgb;
use crate::core::train::augment::{DrawId, ImageDraw, Mix, epoch_order};
use crate::core::train::dsa::DsaDraw;
use crate::core::train::labels::BatchLabels;
use crate::core::train::recipe::TrainRecipe;
use crate::engine::images::{augment, pipeline};

/// A batch before its pixels are made.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub images: Vec<u32>,
    /// Known beforehand with stored labels; otherwise drawn once the image's size is known.
    pub draws: Option<Vec<ImageDraw>>,
    pub mix: Mix,
    /// The observer's stored word, N×classes.
    pub logits: Option<Vec<f32>>,
}

/// A batch as it goes into a network.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// Its number within the epoch.
    pub number: u32,
    /// The images.
    pub images: Vec<u32>,
    /// What was done to each.
    pub draws: Vec<ImageDraw>,
    /// What was mixed.
    pub mix: Mix,
    /// Normalised inputs before mixing, kept only where something is done with them.
    pub unmixed: Option<Vec<f32>>,
    /// Normalised inputs N×3×S×S.
    pub inputs: Vec<f32>,
    /// The observer's stored word.
    pub logits: Option<Vec<f32>>,
}

impl Drawn {
    /// This batch with the images of the one that follows behind its own; what was mixed stays what was mixed in this one.
    fn followed_by(mut self, next: Self) -> Self {
        self.images.extend(next.images);
        self.draws.extend(next.draws);
        self.inputs.extend(next.inputs);
        self.unmixed = self.unmixed.zip(next.unmixed).map(|(own, more)| [own, more].concat());
        self.logits = self.logits.zip(next.logits).map(|(own, more)| [own, more].concat());
        self
    }
}

/// An epoch as a network goes through it. Its batches are those of the plan, drawn and labelled one by one whoever is
/// trained on them. Only where a last one of a single image has no statistics
/// ([`crate::engine::nets::NetworkSpec::norms_single_pixels`]), the network meets it together with the one before.
pub(super) struct Epoch {
    plans: Vec<Planned>,
    joined: bool,
}

impl Epoch {
    /// Of the batches `plans`, for a network that is never trained on one image, where `never_one`.
    pub(super) fn new(plans: Vec<Planned>, never_one: bool) -> Self {
        let alone = plans.len() > 1 && plans.last().is_some_and(|last| last.images.len() == 1);
        Self { joined: alone && never_one, plans }
    }

    /// Batches that the network meets.
    pub(super) fn batches(&self) -> usize {
        self.plans.len() - usize::from(self.joined)
    }

    /// Makes them from number `first` on.
    pub(super) fn for_each(
        &self,
        job: &TrainJob<'_>,
        (epoch, first): (u32, u32),
        each: &mut dyn FnMut(Drawn) -> Result<(), TrainError>,
    ) -> Result<(), TrainError> {
        // The plan's last batch is none of its own where it was joined.
        if first as usize >= self.batches() {
            return Ok(());
        }
        let mut waiting: Option<Drawn> = None;
        for_each(job, epoch, (&self.plans, first), &mut |batch| {
            if self.joined && batch.number as usize + 1 == self.batches() {
                waiting = Some(batch);
                return Ok(());
            }
            each(match waiting.take() {
                Some(before) => before.followed_by(batch),
                None => batch,
            })
        })
    }
}

/// Images of a loader's batch: the recipe's divided by its accumulation (RDED).
#[must_use]
pub fn loader_batch(recipe: &TrainRecipe) -> usize {
    (recipe.batch / recipe.accumulation.max(1)).max(1) as usize
}

/// Makes the batches of an epoch as the seed draws them; `order` replaces the seed's order of the images.
///
/// # Errors
/// [`TrainError::Image`] for an image that can't be read, and those of `each`.
pub fn drawn(
    job: &TrainJob<'_>,
    (epoch, order): (u32, Option<&[u32]>),
    each: &mut dyn FnMut(Drawn) -> Result<(), TrainError>,
) -> Result<(), TrainError> {
    let plans = order.map_or_else(|| planned(job, epoch), |order| in_order(job, epoch, order));
    for_each(job, epoch, (&plans, 0), each)
}

/// Makes batches that were labelled before, in order.
///
/// # Errors
/// [`TrainError::Labels`] for those of other images, [`TrainError::Image`] for an image that can't be read, and those of
/// `each`.
pub fn replayed(
    job: &TrainJob<'_>,
    (epoch, batches): (u32, Vec<BatchLabels>),
    each: &mut dyn FnMut(Drawn) -> Result<(), TrainError>,
) -> Result<(), TrainError> {
    for_each(job, epoch, (&plans_of(job, batches)?, 0), each)
}

/// The batches of an epoch as the seed draws them.
pub(super) fn planned(job: &TrainJob<'_>, epoch: u32) -> Vec<Planned> {
    in_order(job, epoch, &epoch_order(job.seed, epoch, job.images.labels.len() as u32))
}

fn in_order(job: &TrainJob<'_>, epoch: u32, order: &[u32]) -> Vec<Planned> {
    let id = |number| DrawId { seed: job.seed, epoch, number };
    let batches = order.chunks(loader_batch(job.recipe)).enumerate();
    let plan = |(number, images): (usize, &[u32])| Planned {
        images: images.to_vec(),
        draws: None,
        mix: Mix::new(id(number as u32), images.len() as u32, job.spec.side as u32, job.recipe.mixing),
        logits: None,
    };
    batches.map(plan).collect()
}

/// The batches of an epoch as they were stored.
pub(super) fn stored(
    job: &TrainJob<'_>,
    labels: &mut dyn StoredLabels,
    epoch: u32,
) -> Result<Vec<Planned>, TrainError> {
    plans_of(job, labels.batches(epoch).map_err(TrainError::Labels)?)
}

fn plans_of(job: &TrainJob<'_>, batches: Vec<BatchLabels>) -> Result<Vec<Planned>, TrainError> {
    let count = job.images.labels.len() as u32;
    let classes = job.spec.classes;
    let plan = |batch: BatchLabels| {
        if batch.images.iter().any(|&i| i >= count) {
            return Err(TrainError::Labels("the stored labels are of other images; relabel".to_owned()));
        }
        let logits = Some(batch.logits.dense(classes));
        Ok(Planned { images: batch.images, draws: Some(batch.draws), mix: batch.mix, logits })
    };
    batches.into_iter().map(plan).collect()
}

/// Makes the batches from number `first` on, images on worker threads ahead of `each`, which gets them in order.
fn for_each(
    job: &TrainJob<'_>,
    epoch: u32,
    (plans, first): (&[Planned], u32),
    each: &mut dyn FnMut(Drawn) -> Result<(), TrainError>,
) -> Result<(), TrainError> {
    let plans = &plans[(first as usize).min(plans.len())..];
    let places: Vec<(usize, usize)> =
        plans.iter().enumerate().flat_map(|(b, p)| (0..p.images.len()).map(move |i| (b, i))).collect();
    let work = |at: usize| {
        let (batch, place) = places[at];
        let plan = &plans[batch];
        let given = plan.draws.as_ref().and_then(|d| d.get(place));
        augmented(job, epoch, plan.images[place], given)
    };
    let ahead = 2 * loader_batch(job.recipe) + job.threads;
    let keep_unmixed = |mix: &Mix| matches!(mix, Mix::MixUp { .. }) && job.recipe.statistics_twice;
    let (mut inputs, mut draws) = (Vec::new(), Vec::new());
    pipeline::ordered(places.len(), job.threads, ahead, work, |at, made| {
        let (draw, input) = made.map_err(TrainError::Image)?;
        inputs.extend(input);
        draws.push(draw);
        let plan = &plans[places[at].0];
        if draws.len() < plan.images.len() {
            return Ok(());
        }
        let mut inputs = std::mem::take(&mut inputs);
        let unmixed = keep_unmixed(&plan.mix).then(|| inputs.clone());
        augment::mix(&mut inputs, job.spec.side, &plan.mix);
        if job.recipe.dsa {
            let id = DrawId { seed: job.seed, epoch, number: first + places[at].0 as u32 };
            DsaDraw::new(id, plan.images.len() as u32, job.spec.side as u32).apply(&mut inputs, job.spec.side);
        }
        each(Drawn {
            number: first + places[at].0 as u32,
            images: plan.images.clone(),
            draws: std::mem::take(&mut draws),
            mix: plan.mix.clone(),
            unmixed,
            inputs,
            logits: plan.logits.clone(),
        })
    })
}

fn augmented(
    job: &TrainJob<'_>,
    epoch: u32,
    image: u32,
    given: Option<&ImageDraw>,
) -> Result<(ImageDraw, Vec<f32>), String> {
    let pixels = (job.images.image)(image as usize)?;
    let side = job.spec.side;
    let draw = given.cloned().unwrap_or_else(|| {
        let id = DrawId { seed: job.seed, epoch, number: image };
        ImageDraw::new(id, pixels.size(), job.recipe, side as u32)
    });
    let (cropping, target) = (job.recipe.cropping, (side, &job.mean_std));
    let input = match &*pixels {
        Rgb::Bytes(image) => augment::augmented(image, &draw, cropping, target),
        Rgb::Floats(image) => augment::augmented(image, &draw, cropping, target),
    };
    Ok((draw, input.map_err(|e| e.to_string())?))
}
