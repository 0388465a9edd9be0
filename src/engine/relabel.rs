//! Labels made beforehand: the batches that a training would draw, and what the observer says of each (FKD, Shen and
//! Xing 2022; spec 3b and 4.3).

use crate::core::label_set::Precision;
use crate::core::labels::BatchLabels;
use crate::core::progress::Progress;

use super::train::{Targets, TrainError, TrainJob, drawn};

/// Draws and labels the batches of one epoch. A training of the job's recipe and seed meets the same batches.
///
/// # Errors
/// [`TrainError`].
pub fn label_epoch(
    job: &TrainJob<'_>,
    epoch: u32,
    targets: &mut Targets<'_>,
    precision: Precision,
    progress: &mut dyn Progress,
) -> Result<Vec<BatchLabels>, TrainError> {
    let epochs = u64::from(job.recipe.epochs);
    let count = job.images.labels.len() as u64;
    let mut labelled = Vec::new();
    let mut images = 0;
    drawn(job, epoch, &mut |batch| {
        let logits = targets.observe(&batch.inputs)?.ok_or(TrainError::NoLabels("an observer"))?;
        let logits = precision.stored(logits, job.spec.classes).map_err(|e| TrainError::Labels(e.to_string()))?;
        images += batch.images.len() as u64;
        labelled.push(BatchLabels { images: batch.images, draws: batch.draws, mix: batch.mix, logits });
        progress.step("label", u64::from(epoch) * count + images, epochs * count)?;
        Ok(())
    })?;
    Ok(labelled)
}
