//! Losses of many patches: decoding and cropping on worker threads, the network on the calling thread.

use crate::core::data::dataset::{ClassId, Dataset, ImageId};
use crate::core::distil::patch::CropBox;
use crate::core::distil::scores::{BrokenImage, ClassScores, CropScore, Rival};
use crate::core::progress::Cancelled;

use super::batcher::{Batcher, Spent};
use crate::engine::images::crops::CropPlan;
use crate::engine::images::resize::OutsideImage;
use crate::engine::images::{decode, pipeline};
use crate::engine::plan::{Engine, EngineError};

/// Why scoring stopped.
#[derive(Debug, thiserror::Error)]
pub enum ScoreError {
    /// The user asked for it.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The device.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// What is scored, for one class.
#[derive(Clone, Copy, Debug)]
pub struct ClassJob<'a> {
    /// The dataset.
    pub dataset: &'a Dataset,
    /// The class.
    pub class: ClassId,
    /// The observer's output for that class.
    pub output: usize,
    /// Images to score: position in the class's permutation, and the image.
    pub images: &'a [(u32, ImageId)],
    /// Crops and network input.
    pub crops: &'a CropPlan,
}

/// How much is done at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throughput {
    /// Inputs per forward pass. Fixed: the last batch is padded, so that the bytes of a result don't depend on it.
    pub batch: usize,
    /// Worker threads for decoding and cropping.
    pub threads: usize,
}

/// The scores of one class.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// Scores and unusable images.
    pub block: ClassScores,
    /// Positions of images that the system would not read: unlike a damaged file, that may pass.
    pub unreadable: Vec<u32>,
    /// What it cost.
    pub spent: Spent,
}

/// Why an image has no crops, and whether that is because it could not be read.
struct Unusable {
    reason: String,
    unread: bool,
}

/// The crops of one decoded image.
struct Cropped {
    boxes: Vec<CropBox>,
    inputs: Vec<f32>,
}

/// Scores every crop of the images of one class (Sun et al. 2024, the realism score). `advance` receives the number of images that are
/// done, after each batch.
///
/// # Errors
/// [`ScoreError`]; broken images are no error but listed in the block.
pub fn score_class(
    engine: &mut dyn Engine,
    job: ClassJob<'_>,
    throughput: Throughput,
    advance: &mut dyn FnMut(usize) -> Result<(), Cancelled>,
) -> Result<Scored, ScoreError> {
    let mut scores: Vec<CropScore> = Vec::new();
    let mut batcher = Batcher::new(job.crops.input_len(), throughput.batch, |inputs: &[f32], batch, filled| {
        push_scores(engine, job.output, (inputs, batch, filled), &mut scores)
    });
    let mut block = ClassScores::new(job.crops.crops);
    let mut unreadable = Vec::new();
    let mut rows: Vec<(u32, ImageId, Vec<CropBox>)> = Vec::new();
    // Two batches ahead keep the network fed and bound the memory.
    let ahead = (2 * throughput.batch).div_ceil(job.crops.crops.max(1) as usize).max(2);
    let mut waiting = std::time::Instant::now();
    pipeline::ordered(
        job.images.len(),
        throughput.threads,
        ahead,
        |i| crop_image(&job, i),
        |i, cropped| {
            batcher.spent.waiting_secs += waiting.elapsed().as_secs_f64();
            let (position, image) = job.images[i];
            match cropped {
                Ok(Cropped { boxes, inputs }) => {
                    rows.push((position, image, boxes));
                    if batcher.push(&inputs)? {
                        advance(i + 1)?;
                    }
                }
                Err(Unusable { reason, unread }) => {
                    unreadable.extend(unread.then_some(position));
                    block.broken.push(BrokenImage { image, position, reason });
                }
            }
            waiting = std::time::Instant::now();
            Ok::<(), ScoreError>(())
        },
    )?;
    batcher.flush()?;
    let spent = batcher.spent;
    advance(job.images.len())?;
    let crops = job.crops.crops as usize;
    for ((position, image, boxes), scores) in rows.into_iter().zip(scores.chunks_exact(crops.max(1))) {
        block.push(position, image, &boxes, scores);
    }
    Ok(Scored { block, unreadable, spent })
}

/// Runs a batch and adds the scores of its first `filled` inputs.
fn push_scores(
    engine: &mut dyn Engine,
    output: usize,
    (inputs, batch, filled): (&[f32], usize, usize),
    scores: &mut Vec<CropScore>,
) -> Result<(), EngineError> {
    let logits = engine.logits(inputs, batch)?;
    let rows = logits.chunks_exact(engine.classes()).take(filled);
    scores.extend(rows.map(|row| crop_score(row, output)));
    Ok(())
}

fn crop_image(job: &ClassJob<'_>, i: usize) -> Result<Cropped, Unusable> {
    let image = job.images[i].1;
    // The reason alone: whoever lists it names the file.
    let pixels = decode::read(job.dataset, image)
        .map_err(|e| Unusable { reason: e.reason().to_string(), unread: e.may_pass() })?;
    let class = &job.dataset.class(job.class).name;
    let boxes = job.crops.boxes(class, job.dataset.image_name(image), (pixels.width, pixels.height));
    let mut inputs = vec![0.0; boxes.len() * job.crops.input_len()];
    let unusable = |e: OutsideImage| Unusable { reason: e.to_string(), unread: false };
    job.crops.write(&pixels, &boxes, &mut inputs).map_err(unusable)?;
    Ok(Cropped { boxes, inputs })
}

/// A row of logits with what its softmax divides by, in f32.
struct Softmax<'a> {
    logits: &'a [f32],
    greatest: f32,
    sum: f32,
}

impl<'a> Softmax<'a> {
    fn of(logits: &'a [f32]) -> Self {
        let greatest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        Self { logits, greatest, sum: logits.iter().map(|z| (z - greatest).exp()).sum() }
    }

    fn probability(&self, class: usize) -> f32 {
        self.logits.get(class).map_or(f32::NAN, |z| (z - self.greatest).exp() / self.sum)
    }

    fn cross_entropy(&self, class: usize) -> f32 {
        // Subtracted, so that a certain prediction has loss 0 and not −0.
        0.0 - self.probability(class).ln()
    }

    /// The likeliest of the other classes: of equal logits the first, and NaN only where there is nothing else.
    fn rival(&self, class: usize) -> Option<Rival> {
        let others = self.logits.iter().copied().enumerate().filter(|(output, _)| *output != class);
        let greater = |best: (usize, f32), next: (usize, f32)| {
            if next.1 > best.1 || (best.1.is_nan() && !next.1.is_nan()) { next } else { best }
        };
        let (output, _) = others.reduce(greater)?;
        Some(Rival { output: output as u32, probability: self.probability(output) })
    }
}

/// The loss of a row of logits for `class`, and the strongest other class.
fn crop_score(logits: &[f32], class: usize) -> CropScore {
    let softmax = Softmax::of(logits);
    CropScore { loss: softmax.cross_entropy(class), rival: softmax.rival(class) }
}

/// −ln(softmax(logits)_class), softmax first, in f32: may be +∞, as in RDED's code.
#[must_use]
pub fn cross_entropy(logits: &[f32], class: usize) -> f32 {
    Softmax::of(logits).cross_entropy(class)
}

/// softmax(logits).
#[must_use]
pub fn probabilities(logits: &[f32]) -> Vec<f32> {
    let softmax = Softmax::of(logits);
    (0..logits.len()).map(|class| softmax.probability(class)).collect()
}

/// softmax(logits)_class.
#[must_use]
pub fn probability(logits: &[f32], class: usize) -> f32 {
    Softmax::of(logits).probability(class)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::nets::extent::Extent;
    use crate::engine::nets::graph::Port;
    use crate::engine::plan::{Feature, Output, Signature};

    #[test]
    fn cross_entropy_by_hand() {
        // softmax(0, ln 3) = 1/4, 3/4.
        let logits = [0.0, 3.0_f32.ln()];
        assert!((cross_entropy(&logits, 0) - 4.0_f32.ln()).abs() < 1e-6);
        assert!((cross_entropy(&logits, 1) - (4.0_f32 / 3.0).ln()).abs() < 1e-6);
        assert_eq!(cross_entropy(&[200.0, 0.0], 1), f32::INFINITY, "softmax first underflows, as in the papers' code");
    }

    #[test]
    fn the_strongest_other_class_by_hand() {
        // softmax(ln 1, ln 3, ln 2, ln 3, ln 1) = 0.1, 0.3, 0.2, 0.3, 0.1.
        let logits = [1.0_f32, 3.0, 2.0, 3.0, 1.0].map(f32::ln);
        let rival = |logits: &[f32], class| crop_score(logits, class).rival.map(|r| (r.output, r.probability));
        for (class, due) in [(0, 1), (1, 3), (2, 1), (3, 1)] {
            let (output, probability) = rival(&logits, class).unwrap();
            assert_eq!(output, due, "of class {class}: equal ones by their number");
            assert!((probability - 0.3).abs() < 1e-6);
        }
        assert_eq!(crop_score(&logits, 2).loss.to_bits(), cross_entropy(&logits, 2).to_bits());
        assert_eq!(rival(&[0.0], 0), None, "there is no other");
        assert_eq!(rival(&[0.0, f32::NAN, -1.0], 0).map(|r| r.0), Some(2));
        assert_eq!(rival(&[0.0, f32::NEG_INFINITY], 0), Some((1, 0.0)));
    }

    /// An engine whose only logit pair tells the input's mean, to watch batching without a network.
    struct Mean(Signature);
    impl Engine for Mean {
        fn signature(&self) -> &Signature {
            &self.0
        }
        fn forward(&mut self, inputs: &[&[f32]], batch: usize) -> Result<Output, EngineError> {
            let rows = inputs[0].chunks_exact(inputs[0].len() / batch);
            let logits = rows.flat_map(|r| [r.iter().sum::<f32>() / r.len() as f32, 0.0]).collect();
            let logits = Feature { shape: vec![batch, 2], values: logits };
            Ok(Output { outputs: vec![logits], ..Output::default() })
        }
    }

    impl Mean {
        fn new() -> Self {
            let port = |name: &str, extent| Port { name: name.to_owned(), extent };
            let (inputs, outputs) = (vec![port("image", Extent::image(1))], vec![port("logits", Extent::row(2))]);
            Self(Signature { inputs, outputs })
        }
    }

    #[test]
    fn losses_don_t_depend_on_the_batch() {
        let inputs: Vec<f32> = (0..7 * 3).map(|i| i as f32 / 10.0).collect();
        let losses = |batch| {
            let mut engine = Mean::new();
            let mut scores = Vec::new();
            let mut batcher = Batcher::new(3, batch, |inputs: &[f32], batch, filled| {
                push_scores(&mut engine, 0, (inputs, batch, filled), &mut scores)
            });
            batcher.push(&inputs).unwrap();
            batcher.flush().unwrap();
            scores
        };
        assert_eq!(losses(1).len(), 7);
        assert_eq!(losses(1), losses(4));
        assert_eq!(losses(3), losses(300));
    }
}
