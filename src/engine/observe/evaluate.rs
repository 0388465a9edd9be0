//! Accuracy of a network on whole images, with the papers' evaluation transform.

use std::sync::Arc;

use crate::core::data::dataset::{Dataset, ImageId};
use crate::core::data::normalise::MeanStd;
use crate::core::data::pixels::Rgb;
use crate::core::progress::Progress;

use super::score::{ScoreError, Throughput, cross_entropy, probability};
use crate::engine::images::cache::Cache;
use crate::engine::images::error::ImageError;
use crate::engine::images::{crops, decode, pipeline, resize};
use crate::engine::plan::Engine;

/// The outcome for one image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// The image.
    pub image: ImageId,
    /// The network's output for its class.
    pub output: u32,
    /// The output with the greatest logit.
    pub predicted: u32,
    /// How many outputs have a greater logit than the right one.
    pub rank: u32,
    /// Cross-entropy for its class.
    pub loss: f32,
    /// Probability of the predicted output.
    pub probability: f32,
}

/// What is evaluated.
#[derive(Clone, Copy, Debug)]
pub struct EvaluateJob<'a> {
    /// The dataset.
    pub dataset: &'a Dataset,
    /// The images.
    pub images: &'a [ImageId],
    /// The network's output of each class of the dataset.
    pub class_map: &'a [u32],
    /// Normalisation.
    pub mean_std: MeanStd,
    /// Pixels of an image's shorter edge before its centre is cut; `None`: (side ÷ 7)·8, as in RDED's code.
    pub edge: Option<u32>,
    /// Whether images that are kept as floats are taken in 8 bits.
    pub in_8_bits: bool,
    /// Where the views of images are kept for the next evaluation, by their ids.
    pub views: Option<&'a Cache>,
}

impl EvaluateJob<'_> {
    fn image(&self, image: ImageId) -> Result<Rgb, ImageError> {
        let values = decode::values(self.dataset, image)?;
        Ok(if self.in_8_bits { Rgb::Bytes(values.into_pixels()) } else { values })
    }
}

/// Predictions and the images that could not be decoded.
#[derive(Clone, Debug, Default)]
pub struct Evaluation {
    /// In the order of the job's images.
    pub predictions: Vec<Prediction>,
    /// Unusable images with their reasons.
    pub broken: Vec<(ImageId, String)>,
}

impl Evaluation {
    /// Percent of predictions whose class is among the `k` greatest logits.
    #[must_use]
    pub fn top(&self, k: u32) -> f64 {
        let right = self.predictions.iter().filter(|p| p.rank < k).count();
        100.0 * right as f64 / self.predictions.len().max(1) as f64
    }
}

/// What the network says of one image.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The image.
    pub image: ImageId,
    /// A logit per output.
    pub logits: &'a [f32],
    /// The first feature that the engine's plan keeps: C values of a row, C×H×W of a map; nothing where it keeps none.
    pub feature: &'a [f32],
}

/// Runs the network over the images.
///
/// # Errors
/// [`ScoreError`]; broken images are listed instead.
pub fn evaluate(
    engine: &mut dyn Engine,
    job: EvaluateJob<'_>,
    throughput: Throughput,
    progress: &mut dyn Progress,
) -> Result<Evaluation, ScoreError> {
    let mut predictions = Vec::with_capacity(job.images.len());
    let broken = look(engine, job, throughput, progress, &mut |seen| {
        let class = job.dataset.class_of(seen.image);
        let output = job.class_map.get(class.index()).copied().unwrap_or(0);
        predictions.push(predict(seen.image, output, seen.logits));
    })?;
    Ok(Evaluation { predictions, broken })
}

/// Shows the network the images, in the order of the job; gives those that could not be decoded, with the reasons.
///
/// # Errors
/// [`ScoreError`].
pub fn look(
    engine: &mut dyn Engine,
    job: EvaluateJob<'_>,
    throughput: Throughput,
    progress: &mut dyn Progress,
    each: &mut dyn FnMut(Seen<'_>),
) -> Result<Vec<(ImageId, String)>, ScoreError> {
    let side = engine.side() as u32;
    let len = engine.input_len();
    let mut batch = Batch { buffer: vec![0.0; throughput.batch.max(1) * len], len, pending: Vec::new() };
    let mut broken = Vec::new();
    let ahead = 2 * throughput.batch + throughput.threads;
    let total = job.images.len() as u64;
    let view = |i: usize| -> Result<Arc<Rgb>, String> {
        let make = || {
            let image = job.image(job.images[i]).map_err(|e| e.reason().to_string())?;
            let edge = job.edge.unwrap_or(side / 7 * 8);
            Ok(match image {
                Rgb::Bytes(image) => Rgb::Bytes(resize::centre_view(&image, edge, side)),
                Rgb::Floats(image) => Rgb::Floats(resize::centre_floats(&image, edge, side)),
            })
        };
        job.views.map_or_else(|| make().map(Arc::new), |views| views.get(job.images[i].index(), make))
    };
    pipeline::ordered(job.images.len(), throughput.threads, ahead, view, |i, view| {
        match view {
            Ok(view) => {
                let at = batch.pending.len() * len;
                let input = &mut batch.buffer[at..at + len];
                match &*view {
                    Rgb::Bytes(view) => crops::write_whole(view, &job.mean_std, input),
                    Rgb::Floats(view) => crops::write_whole(view, &job.mean_std, input),
                }
                batch.pending.push(job.images[i]);
            }
            Err(reason) => broken.push((job.images[i], reason)),
        }
        if batch.pending.len() == throughput.batch.max(1) {
            batch.run(engine, each)?;
            progress.step("evaluate", i as u64 + 1, total)?;
        }
        Ok::<(), ScoreError>(())
    })?;
    batch.run(engine, each)?;
    progress.step("evaluate", total, total)?;
    Ok(broken)
}

struct Batch {
    buffer: Vec<f32>,
    len: usize,
    pending: Vec<ImageId>,
}

impl Batch {
    fn run(&mut self, engine: &mut dyn Engine, each: &mut dyn FnMut(Seen<'_>)) -> Result<(), ScoreError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.buffer[self.pending.len() * self.len..].fill(0.0);
        let batch = self.buffer.len() / self.len;
        let output = engine.forward(&[&self.buffer], batch)?;
        let feature = output.taps.first().map_or(&[][..], |feature| &feature.values);
        let dims = feature.len() / batch;
        let rows = output.logits().chunks_exact(engine.classes());
        for (at, (image, logits)) in self.pending.drain(..).zip(rows).enumerate() {
            each(Seen { image, logits, feature: &feature[at * dims..(at + 1) * dims] });
        }
        Ok(())
    }
}

fn predict(image: ImageId, output: u32, logits: &[f32]) -> Prediction {
    let right = logits.get(output as usize).copied().unwrap_or(f32::NAN);
    // Like argmax: of equal logits the first wins, and NaN is never right.
    let beaten = |(i, z): (usize, &f32)| *z < right || (*z == right && i >= output as usize);
    let rank = logits.iter().enumerate().filter(|&(i, z)| !beaten((i, z))).count() as u32;
    let (predicted, _) =
        logits.iter().enumerate().fold((0, f32::NEG_INFINITY), |best, (i, &z)| if z > best.1 { (i, z) } else { best });
    Prediction {
        image,
        output,
        predicted: predicted as u32,
        rank,
        loss: cross_entropy(logits, output as usize),
        probability: probability(logits, predicted),
    }
}

/// A seeded sample of at most `per_class` images of every class, in order of their ids.
#[must_use]
pub fn sample(dataset: &Dataset, seed: u64, per_class: usize) -> Vec<ImageId> {
    let mut images = Vec::new();
    for class in dataset.class_ids() {
        let range = dataset.images_of(class);
        let order = crate::core::distil::patch::subset_order(seed, &dataset.class(class).name, range.len());
        images.extend(order.iter().take(per_class).map(|at| ImageId(range.start + at)));
    }
    images.sort_unstable();
    images
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_logits_and_nan_are_not_all_right() {
        let rank = |logits: &[f32], output| predict(ImageId(0), output, logits).rank;
        assert_eq!([rank(&[1.0, 3.0, 2.0], 1), rank(&[1.0, 3.0, 2.0], 0)], [0, 2]);
        assert_eq!([rank(&[0.0; 3], 0), rank(&[0.0; 3], 2)], [0, 2]);
        assert_eq!(rank(&[f32::NAN; 3], 0), 3);
    }
}
