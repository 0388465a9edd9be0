//! Losses of many patches: decoding and cropping on worker threads, the network on the calling thread.

use crate::core::dataset::{ClassId, Dataset, ImageId};
use crate::core::patch::CropBox;
use crate::core::progress::Cancelled;
use crate::core::scores::{BrokenImage, ClassScores};

use super::images::crops::CropPlan;
use super::images::resize::OutsideImage;
use super::images::{decode, pipeline};
use super::plan::{Engine, EngineError};

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

/// Time spent on the two halves of scoring; they overlap, so the sum may exceed the wall clock.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spent {
    /// Seconds in the network.
    pub network_secs: f64,
    /// Seconds in which the network waited for decoded crops.
    pub waiting_secs: f64,
    /// Crops that went through the network.
    pub patches: u64,
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

/// Scores every crop of the images of one class (spec 3a.2–3a.4). `advance` receives the number of images that are
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
    let mut batcher = Batcher::new(engine, job.output, job.crops.input_len(), throughput.batch);
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
    advance(job.images.len())?;
    let crops = job.crops.crops as usize;
    for ((position, image, boxes), losses) in rows.into_iter().zip(batcher.losses.chunks_exact(crops.max(1))) {
        block.push(position, image, &boxes, losses);
    }
    Ok(Scored { block, unreadable, spent: batcher.spent })
}

fn crop_image(job: &ClassJob<'_>, i: usize) -> Result<Cropped, Unusable> {
    let image = job.images[i].1;
    // The reason alone: whoever lists it names the file.
    let pixels = decode::read(&job.dataset.location(image)).map_err(|e| {
        let unread = matches!(e.reason(), decode::ImageError::Io(_));
        Unusable { reason: e.reason().to_string(), unread }
    })?;
    let class = &job.dataset.class(job.class).name;
    let boxes = job.crops.boxes(class, job.dataset.image_name(image), (pixels.width, pixels.height));
    let mut inputs = vec![0.0; boxes.len() * job.crops.input_len()];
    let unusable = |e: OutsideImage| Unusable { reason: e.to_string(), unread: false };
    job.crops.write(&pixels, &boxes, &mut inputs).map_err(unusable)?;
    Ok(Cropped { boxes, inputs })
}

/// Fills batches of one fixed shape and collects the losses in order.
struct Batcher<'a> {
    engine: &'a mut dyn Engine,
    output: usize,
    input_len: usize,
    buffer: Vec<f32>,
    filled: usize,
    losses: Vec<f32>,
    spent: Spent,
}

impl<'a> Batcher<'a> {
    fn new(engine: &'a mut dyn Engine, output: usize, input_len: usize, batch: usize) -> Self {
        let buffer = vec![0.0; batch.max(1) * input_len];
        Self { engine, output, input_len, buffer, filled: 0, losses: Vec::new(), spent: Spent::default() }
    }

    /// Adds inputs; true if a batch went through the network.
    fn push(&mut self, inputs: &[f32]) -> Result<bool, EngineError> {
        let mut ran = false;
        for input in inputs.chunks_exact(self.input_len) {
            let at = self.filled * self.input_len;
            self.buffer[at..at + self.input_len].copy_from_slice(input);
            self.filled += 1;
            if self.filled * self.input_len == self.buffer.len() {
                self.flush()?;
                ran = true;
            }
        }
        Ok(ran)
    }

    fn flush(&mut self) -> Result<(), EngineError> {
        if self.filled == 0 {
            return Ok(());
        }
        self.buffer[self.filled * self.input_len..].fill(0.0);
        let start = std::time::Instant::now();
        let logits = self.engine.logits(&self.buffer, self.buffer.len() / self.input_len)?;
        self.spent.network_secs += start.elapsed().as_secs_f64();
        self.spent.patches += self.filled as u64;
        let rows = logits.chunks_exact(self.engine.classes()).take(self.filled);
        self.losses.extend(rows.map(|row| cross_entropy(row, self.output)));
        self.filled = 0;
        Ok(())
    }
}

/// −ln(softmax(logits)_class), softmax first, in f32: may be +∞ (spec 1.11).
#[must_use]
pub fn cross_entropy(logits: &[f32], class: usize) -> f32 {
    // Subtracted, so that a certain prediction has loss 0 and not −0.
    0.0 - probability(logits, class).ln()
}

/// softmax(logits)_class.
#[must_use]
pub fn probability(logits: &[f32], class: usize) -> f32 {
    let greatest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = logits.iter().map(|z| (z - greatest).exp()).sum();
    logits.get(class).map_or(f32::NAN, |z| (z - greatest).exp() / sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::plan::Output;

    #[test]
    fn cross_entropy_by_hand() {
        // softmax(0, ln 3) = 1/4, 3/4.
        let logits = [0.0, 3.0_f32.ln()];
        assert!((cross_entropy(&logits, 0) - 4.0_f32.ln()).abs() < 1e-6);
        assert!((cross_entropy(&logits, 1) - (4.0_f32 / 3.0).ln()).abs() < 1e-6);
        assert_eq!(cross_entropy(&[200.0, 0.0], 1), f32::INFINITY, "softmax first underflows, as in the papers' code");
    }

    /// An engine whose only logit pair tells the input's mean, to watch batching without a network.
    struct Mean;
    impl Engine for Mean {
        fn forward(&mut self, images: &[f32], batch: usize) -> Result<Output, EngineError> {
            let rows = images.chunks_exact(images.len() / batch);
            let logits = rows.flat_map(|r| [r.iter().sum::<f32>() / r.len() as f32, 0.0]).collect();
            Ok(Output { logits, ..Output::default() })
        }
        fn classes(&self) -> usize {
            2
        }
        fn side(&self) -> usize {
            1
        }
    }

    #[test]
    fn losses_don_t_depend_on_the_batch() {
        let inputs: Vec<f32> = (0..7 * 3).map(|i| i as f32 / 10.0).collect();
        let losses = |batch| {
            let mut engine = Mean;
            let mut batcher = Batcher::new(&mut engine, 0, 3, batch);
            batcher.push(&inputs).unwrap();
            batcher.flush().unwrap();
            batcher.losses.clone()
        };
        assert_eq!(losses(1).len(), 7);
        assert_eq!(losses(1), losses(4));
        assert_eq!(losses(3), losses(300));
    }
}
