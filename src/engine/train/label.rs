//! Labels made beforehand: the batches that a training would draw, and what the observer says of each (FKD, Shen and
//! Xing 2022).

use crate::core::progress::Progress;
use crate::core::train::label_set::Precision;
use crate::core::train::labels::BatchLabels;

use super::{Drawn, Targets, TrainError, TrainJob, drawn, replayed};

/// Draws and labels the batches of one epoch, in the job's order or the given one. A training of the job's recipe and
/// seed meets the same batches.
///
/// # Errors
/// [`TrainError`].
pub fn label_epoch(
    job: &TrainJob<'_>,
    (epoch, order): (u32, Option<&[u32]>),
    targets: &mut Targets<'_>,
    precision: Precision,
    progress: &mut dyn Progress,
) -> Result<Vec<BatchLabels>, TrainError> {
    let epochs = u64::from(job.recipe.epochs);
    let count = job.images.labels.len() as u64;
    let mut labelled = Vec::new();
    let mut images = 0;
    drawn(job, (epoch, order), &mut |batch| {
        let logits = observed(targets, &batch)?;
        let logits = precision.stored(logits, job.spec.classes).map_err(|e| TrainError::Labels(e.to_string()))?;
        images += batch.images.len() as u64;
        labelled.push(BatchLabels { images: batch.images, draws: batch.draws, mix: batch.mix, logits });
        progress.step("label", u64::from(epoch) * count + images, epochs * count)?;
        Ok(())
    })?;
    Ok(labelled)
}

/// How alike the labels of batches are to the observer's own word on them: the mean over the images of the correlation
/// of their logits, 1 for the same up to scale and offset.
///
/// # Errors
/// [`TrainError`].
pub fn agreement(
    job: &TrainJob<'_>,
    (epoch, batches): (u32, Vec<BatchLabels>),
    targets: &mut Targets<'_>,
) -> Result<f64, TrainError> {
    let (mut sum, mut all) = (0.0, 0);
    let classes = job.spec.classes;
    replayed(job, (epoch, batches), &mut |batch| {
        let own = observed(targets, &batch)?;
        let labels = batch.logits.iter().flat_map(|l| l.chunks_exact(classes));
        sum += labels.zip(own.chunks_exact(classes)).map(|(a, b)| correlation(a, b)).sum::<f64>();
        all += batch.images.len();
        Ok(())
    })?;
    Ok(sum / f64::from(all.max(1) as u32))
}

fn observed(targets: &mut Targets<'_>, batch: &Drawn) -> Result<Vec<f32>, TrainError> {
    targets.observe(&batch.inputs)?.ok_or(TrainError::NoLabels("an observer"))
}

/// Pearson's correlation; 0 where one of them is constant.
fn correlation(a: &[f32], b: &[f32]) -> f64 {
    let mean = |of: &[f32]| of.iter().copied().map(f64::from).sum::<f64>() / of.len() as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (&a, &b) in a.iter().zip(b) {
        let (a, b) = (f64::from(a) - mean_a, f64::from(b) - mean_b);
        (ab, aa, bb) = (ab + a * b, aa + a * a, bb + b * b);
    }
    if aa * bb > 0.0 { ab / (aa * bb).sqrt() } else { 0.0 }
}
