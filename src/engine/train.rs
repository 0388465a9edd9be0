//! Trains an observer from scratch: AdamW, cross-entropy, random resized crops and flips.
//!
//! The same job gives the same weights on the same device: order, crops and flips come from streams named by epoch and
//! image, whatever the number of threads.

use burn::module::ParamGroup;
use burn::optim::{AdamW, AdamWConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::core::normalise::MeanStd;
use crate::core::patch::{CropRange, random_resized_crop};
use crate::core::pixels::Rgb8;
use crate::core::progress::{Cancelled, Progress};
use crate::core::rng::Stream;

use super::burn_engine::guarded;
use super::images::{pipeline, resize};
use super::nets::NetworkSpec;
use super::nets::initial::initial_weights;
use super::nets::module::{Masks, Mode, Network};
use super::plan::EngineError;
use super::weights::Weights;

/// How the learning rate moves over the steps of a training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Schedule {
    /// PyTorch's `OneCycleLR` without its cycle of the momentum: from a 25th of the peak up to it in the first 30 % of
    /// the steps and down to a 250,000th, along half cosines (Smith and Topin 2018).
    OneCycle,
    /// Linear from 0 to the peak in `warm_up` steps, then half a cosine down to 0.
    Cosine {
        /// Steps of the rise.
        warm_up: usize,
    },
}

impl Schedule {
    /// The learning rate of step `step` of `steps` as a fraction of the peak.
    #[must_use]
    pub fn factor(self, step: usize, steps: usize) -> f64 {
        let (step, steps) = (step as f64, steps as f64);
        // From a to b along half a cosine, t from 0 to 1.
        let cosine =
            |a: f64, b: f64, t: f64| b + (a - b) / 2.0 * (1.0 + (std::f64::consts::PI * t.clamp(0.0, 1.0)).cos());
        match self {
            Self::OneCycle => {
                let (start, end) = (1.0 / 25.0, 1.0 / 25.0e4);
                let top = (0.3 * steps - 1.0).max(0.0);
                if step <= top {
                    cosine(start, 1.0, if top > 0.0 { step / top } else { 1.0 })
                } else {
                    cosine(1.0, end, (step - top) / (steps - 1.0 - top).max(1.0))
                }
            }
            Self::Cosine { warm_up } => {
                let warm_up = warm_up as f64;
                if step < warm_up {
                    (step + 1.0) / warm_up
                } else {
                    cosine(1.0, 0.0, (step - warm_up) / (steps - warm_up).max(1.0))
                }
            }
        }
    }
}

/// Parameters of a training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainPlan {
    /// Passes over the images.
    pub epochs: usize,
    /// Images per step; the images left over at an epoch's end are left out of it, so that all steps have one shape.
    pub batch: usize,
    /// Highest learning rate.
    pub peak_rate: f64,
    /// Its course.
    pub schedule: Schedule,
    /// AdamW's decoupled weight decay, on weights of more than one dimension.
    pub weight_decay: f32,
    /// Area and ratio of the random crops.
    pub crops: CropRange,
    /// Normalisation.
    pub mean_std: MeanStd,
    /// Seed of weights, order, crops and flips.
    pub seed: u64,
    /// Worker threads for decoding and cropping.
    pub threads: usize,
}

/// What is trained on what.
#[derive(Clone, Copy)]
pub struct TrainJob<'a> {
    /// The network.
    pub spec: &'a NetworkSpec,
    /// The class of each image.
    pub labels: &'a [u32],
    /// Reads or makes an image, on a worker thread; an error says which and why.
    pub image: &'a (dyn Fn(usize) -> Result<Rgb8, String> + Sync),
    /// Parameters.
    pub plan: &'a TrainPlan,
}

/// The outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    /// All tensors of the network.
    pub weights: Weights,
    /// Mean cross-entropy of each epoch, on the augmented images while training.
    pub losses: Vec<f32>,
}

/// Why a training ended without a network.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The user asked for it.
    #[error("cancelled; a training doesn't resume, nothing was written")]
    Cancelled(#[from] Cancelled),
    /// The device.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// An image can't be used.
    #[error("{0}; remove or replace the image")]
    Image(String),
    /// The loss is NaN or infinite.
    #[error("the training diverged in epoch {epoch}; lower the learning rate")]
    Diverged {
        /// Epoch, from 1.
        epoch: usize,
    },
    /// Fewer than two images.
    #[error("there are {0} images; a training with batch norm needs at least two")]
    TooFew(usize),
}

/// Trains a network. `each` hears of every epoch's mean loss, epochs counted from 1.
///
/// # Errors
/// [`TrainError`].
pub fn train(
    job: TrainJob<'_>,
    device: &Device,
    progress: &mut dyn Progress,
    each: &mut dyn FnMut(usize, f32),
) -> Result<Trained, TrainError> {
    let count = job.labels.len();
    if count < 2 || job.plan.batch < 2 {
        return Err(TrainError::TooFew(count.min(job.plan.batch)));
    }
    let mut trainer = guarded(|| Trainer::new(job, device))??;
    let mut losses = Vec::with_capacity(job.plan.epochs);
    for epoch in 1..=job.plan.epochs {
        let loss = trainer.epoch(epoch, progress)?;
        if !loss.is_finite() {
            return Err(TrainError::Diverged { epoch });
        }
        each(epoch, loss);
        losses.push(loss);
    }
    let weights = guarded(|| trainer.network.weights())??;
    Ok(Trained { weights, losses })
}

struct Trainer<'a> {
    job: TrainJob<'a>,
    device: Device,
    network: Network,
    optimiser: ModuleOptimizer,
    batch: usize,
    steps_per_epoch: usize,
    step: usize,
}

impl<'a> Trainer<'a> {
    fn new(job: TrainJob<'a>, device: &Device) -> Result<Self, EngineError> {
        let device = device.clone().autodiff();
        let weights = initial_weights(job.spec, job.plan.seed);
        let network = Network::new(job.spec.graph(), &weights, &device);
        let network = network.map_err(|report| EngineError::Device(report.summary()))?;
        let decayed = ParamGroup::from_ids(network.decayed());
        let optimiser = ModuleOptimizer::from(adamw(0.0)).with_group(decayed, adamw(job.plan.weight_decay), None);
        let batch = job.plan.batch.min(job.labels.len());
        let steps_per_epoch = job.labels.len() / batch;
        Ok(Self { job, device, network, optimiser, batch, steps_per_epoch, step: 0 })
    }

    /// One pass over the images; returns the mean loss of its steps.
    fn epoch(&mut self, epoch: usize, progress: &mut dyn Progress) -> Result<f32, TrainError> {
        let job = self.job;
        let mut order: Vec<usize> = (0..job.labels.len()).collect();
        let number = (epoch as u64).to_le_bytes();
        Stream::new("stillroom 2026 training order v1", job.plan.seed, &[&number]).shuffle(&mut order);
        order.truncate(self.steps_per_epoch * self.batch);
        let mut inputs = Vec::with_capacity(self.batch * input_len(&job));
        let mut labels = Vec::with_capacity(self.batch);
        let mut total: Option<Tensor<1>> = None;
        let all_steps = (self.steps_per_epoch * job.plan.epochs) as u64;
        progress.step("train", self.step as u64, all_steps)?;
        let work = |at: usize| augmented(&job, &number, order[at]);
        pipeline::ordered(order.len(), job.plan.threads, 2 * self.batch, work, |at, input| {
            inputs.extend(input.map_err(TrainError::Image)?);
            labels.push(job.labels[order[at]]);
            if labels.len() == self.batch {
                let batch = (std::mem::take(&mut inputs), std::mem::take(&mut labels));
                let loss = guarded(|| self.learn(batch))??;
                total = Some(match total.take() {
                    Some(sum) => sum + loss,
                    None => loss,
                });
                progress.step("train", self.step as u64, all_steps)?;
            }
            Ok::<(), TrainError>(())
        })?;
        let Some(total) = total else { return Err(TrainError::TooFew(job.labels.len())) };
        // Read once an epoch: every reading waits for the device.
        let total = guarded(|| total.try_into_data())?.map_err(|e| EngineError::Device(e.to_string()))?;
        let total = total.try_to_vec::<f32>().map_err(|e| EngineError::Device(format!("{e:?}")))?;
        Ok(total.first().copied().unwrap_or(f32::NAN) / self.steps_per_epoch as f32)
    }

    /// One step on a batch of inputs and labels; returns the loss before it.
    fn learn(&mut self, (inputs, labels): (Vec<f32>, Vec<u32>)) -> Result<Tensor<1>, EngineError> {
        let side = self.job.spec.side;
        let images = TensorData::new(inputs, [labels.len(), 3, side, side]);
        let masks = Masks { seed: self.job.plan.seed, step: self.step as u64, first: 0 };
        let logits = self.network.forward(Tensor::from_data(images, &self.device), Mode::Train(masks), &[])?.logits;
        let loss = cross_entropy(logits, labels);
        let gradients = GradientsParams::from_grads(loss.backward(), &self.network);
        let steps = self.steps_per_epoch * self.job.plan.epochs;
        let rate = self.job.plan.peak_rate * self.job.plan.schedule.factor(self.step, steps);
        self.network = self.optimiser.step(rate, self.network.clone(), gradients);
        self.step += 1;
        Ok(loss.detach())
    }
}

/// AdamW with PyTorch's epsilon; burn's own is a thousand times larger.
fn adamw(weight_decay: f32) -> AdamW {
    AdamWConfig::new().with_beta_1(0.9).with_beta_2(0.999).with_epsilon(1e-8).with_weight_decay(weight_decay).build()
}

/// Mean cross-entropy of logits N×classes.
fn cross_entropy(logits: Tensor<2>, labels: Vec<u32>) -> Tensor<1> {
    let count = labels.len();
    let labels: Vec<i64> = labels.into_iter().map(i64::from).collect();
    let labels = Tensor::<2, Int>::from_data(TensorData::new(labels, [count, 1]), &logits.device());
    log_softmax(logits, 1).gather(1, labels).mean().neg()
}

fn input_len(job: &TrainJob<'_>) -> usize {
    3 * job.spec.side * job.spec.side
}

/// A random crop of an image, mirrored half of the time, as a network input.
fn augmented(job: &TrainJob<'_>, epoch: &[u8], at: usize) -> Result<Vec<f32>, String> {
    let image = (job.image)(at)?;
    let parts = [epoch, &(at as u64).to_le_bytes()];
    let mut stream = Stream::new("stillroom 2026 training crop v1", job.plan.seed, &parts);
    let region = random_resized_crop(&mut stream, (image.width, image.height), job.plan.crops);
    let mirrored = stream.below(2) == 1;
    let side = job.spec.side;
    let mut input = vec![0.0; input_len(job)];
    resize::resize_with(&image, region, (side as u32, side as u32), |x, y, rgb| {
        let x = if mirrored { side - 1 - x } else { x };
        for (c, value) in rgb.into_iter().enumerate() {
            input[(c * side + y) * side + x] = job.plan.mean_std.apply(value, c);
        }
    })
    .map_err(|e| e.to_string())?;
    Ok(input)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::progress::Silent;

    /// A rough left-to-right gradient, rising or falling with the class: crops and colours leave it, flips don't, so a
    /// class is told by direction of the rows instead.
    fn striped(at: usize) -> Rgb8 {
        let mut image = Rgb8::black(16, 16);
        let shade = |i: u32| (i * 14) as u8 + (at * 7 % 23) as u8;
        for y in 0..16 {
            for x in 0..16 {
                let value = if at.is_multiple_of(2) { shade(y) } else { shade(15 - y) };
                image.set_pixel(x, y, [value, value / 2, 90]);
            }
        }
        image
    }

    fn plan(threads: usize) -> TrainPlan {
        TrainPlan {
            epochs: 5,
            batch: 8,
            peak_rate: 4e-3,
            schedule: Schedule::OneCycle,
            weight_decay: 0.01,
            crops: CropRange { scale: (0.5, 1.0), ratio: (0.75, 4.0 / 3.0) },
            mean_std: MeanStd::IMAGENET,
            seed: 4,
            threads,
        }
    }

    fn run(plan: &TrainPlan) -> Result<Trained, TrainError> {
        let spec = NetworkSpec { arch: "conv3x8".parse().unwrap(), side: 16, classes: 2 };
        let labels: Vec<u32> = (0..32).map(|i| i % 2).collect();
        let job = TrainJob { spec: &spec, labels: &labels, image: &|at| Ok(striped(at)), plan };
        train(job, &Device::flex(), &mut Silent, &mut |_, _| {})
    }

    #[test]
    fn the_loss_falls_and_the_seed_decides_every_bit() {
        // 20 steps on two classes.
        let trained = run(&plan(1)).unwrap();
        let (first, last) = (trained.losses[0], trained.losses[4]);
        assert!(first > 0.4 && last < 0.5 * first, "{:?}", trained.losses);
        assert_eq!(run(&plan(3)).unwrap(), trained, "threads change nothing");
        assert_ne!(run(&TrainPlan { seed: 5, ..plan(1) }).unwrap().weights, trained.weights);
    }

    #[test]
    fn weight_decay_shrinks_weights_and_leaves_norms() {
        let of = |weight_decay| run(&TrainPlan { weight_decay, peak_rate: 1e-3, ..plan(1) }).unwrap().weights;
        let (free, decayed) = (of(0.0), of(50.0));
        let size = |w: &Weights, key| w.values(key).iter().map(|v| v * v).sum::<f32>();
        assert!(size(&decayed, "layers.conv.1.weight") < 0.7 * size(&free, "layers.conv.1.weight"));
        let gammas = decayed.values("layers.norm.1.weight");
        assert!(gammas.iter().all(|g| (g - 1.0).abs() < 0.05), "{gammas:?}");
    }

    #[test]
    fn bad_images_and_rates_are_errors() {
        let spec = NetworkSpec { arch: "conv3x8".parse().unwrap(), side: 16, classes: 2 };
        let broken =
            TrainJob { spec: &spec, labels: &[0, 1], image: &|_| Err("a.png: cut off".to_owned()), plan: &plan(1) };
        let error = train(broken, &Device::flex(), &mut Silent, &mut |_, _| {}).unwrap_err().to_string();
        assert!(error.starts_with("a.png: cut off;"), "{error}");
        let one = TrainJob { labels: &[0], ..broken };
        assert!(matches!(train(one, &Device::flex(), &mut Silent, &mut |_, _| {}), Err(TrainError::TooFew(1))));
        let wild = TrainPlan { peak_rate: 1e30, ..plan(1) };
        assert!(matches!(run(&wild), Err(TrainError::Diverged { .. })));
    }

    /// PyTorch 2: OneCycleLR(max_lr=1, total_steps=10): steps 0, 1, 2, 3 and 9.
    #[test]
    fn rates_are_pytorchs() {
        // 0.3·10 − 1 = 2 steps up: 0.04, 0.04 + 0.96/2, 1; then seven down: 1 − (1 − 4e-6)·(1 − cos(π/7))/2.
        let at = |step| Schedule::OneCycle.factor(step, 10);
        for (step, expected) in [(0, 0.04), (1, 0.52), (2, 1.0), (3, 0.950_484_6), (9, 4e-6)] {
            assert!((at(step) - expected).abs() < 1e-6, "{step}: {}", at(step));
        }
        let at = |step| Schedule::Cosine { warm_up: 4 }.factor(step, 12);
        for (step, expected) in [(0, 0.25), (3, 1.0), (4, 1.0), (8, 0.5)] {
            assert!((at(step) - expected).abs() < 1e-12, "{step}: {}", at(step));
        }
    }
}
