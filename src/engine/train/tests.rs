//! Training end to end on small networks: what decides the result, what doesn't, and what survives.

mod alone;
mod begun;

use burn::tensor::Device;

use super::*;
use crate::core::data::confusion::Confusion;
use crate::core::data::pixels::Rgb8;
use crate::core::distil::patch::CropRange;
use crate::core::train::loss::Loss;
use crate::core::train::recipe::{Cropping, Evaluations, LabelSource, Mixing};
use crate::core::train::schedule::Schedule;
use crate::engine::burn::network::BurnNetwork;
use crate::engine::cpu::infer::CpuEngine;
use crate::engine::learn::optimiser::{Rule, Step};
use crate::engine::learn::{Differentiable, Fitted, Forward, Gradients, Masks, Setup, Trainable};
use crate::engine::plan::{Engine as _, Plan};

/// A rough gradient from top to bottom or back: crops, colours and flips leave it.
fn striped(at: usize) -> Arc<Rgb> {
    Arc::new(Rgb::Bytes(stripes(at)))
}

fn stripes(at: usize) -> Rgb8 {
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

fn recipe() -> TrainRecipe {
    TrainRecipe {
        epochs: 5,
        batch: 8,
        rate: 4e-3,
        schedule: Schedule::OneCycle,
        loss: Loss::HardCrossEntropy,
        labels: LabelSource::Hard,
        mixing: Mixing::None,
        cropping: Cropping::Resized(CropRange { scale: (0.5, 1.0), ratio: (0.75, 4.0 / 3.0) }),
        statistics_twice: false,
        evaluations: Evaluations::Every(2),
        ..TrainRecipe::default()
    }
}

const SPEC: fn() -> NetworkSpec = || NetworkSpec { arch: "conv3x8".parse().unwrap(), side: 16, classes: 2 };

/// Keeps every checkpoint, stops after some steps where asked, and evaluates on clean images.
#[derive(Default)]
struct Witness {
    checkpoints: Vec<Vec<u8>>,
    stop_after: Option<u64>,
    steps: u64,
    warnings: Vec<String>,
    points: Vec<Point>,
}

impl Progress for Witness {
    fn step(&mut self, _stage: &'static str, _done: u64, _total: u64) -> Result<(), Cancelled> {
        self.steps += 1;
        if self.stop_after == Some(self.steps) { Err(Cancelled) } else { Ok(()) }
    }

    fn warn(&mut self, message: String) {
        self.warnings.push(message);
    }
}

impl Watch for Witness {
    fn evaluate(&mut self, weights: &Weights) -> Result<Accuracy, TrainError> {
        if !weights.report(&SPEC().graph()).is_complete() {
            return Ok(Accuracy { top1: 0.0, top5: 0.0, confusion: None });
        }
        let mut engine = CpuEngine::new(&Plan::compile(&SPEC().graph(), weights, &[]))?;
        let mut inputs = vec![0.0; 8 * 3 * 256];
        for (at, input) in inputs.chunks_exact_mut(3 * 256).enumerate() {
            crate::engine::images::crops::write_whole(&stripes(at), &MeanStd::IMAGENET, input);
        }
        let logits = engine.logits(&inputs, 8)?;
        let right = logits.chunks_exact(2).enumerate().filter(|(at, z)| (z[0] > z[1]) == at.is_multiple_of(2)).count();
        Ok(Accuracy { top1: 12.5 * right as f64, top5: 100.0, confusion: Some(Confusion::new(2, 2)) })
    }

    fn point(&mut self, point: &Point) {
        self.points.push(*point);
    }

    fn checkpoint_due(&mut self) -> bool {
        true
    }

    fn keep(&mut self, checkpoint: &[u8]) -> Result<(), TrainError> {
        self.checkpoints.push(checkpoint.to_vec());
        Ok(())
    }

    fn seconds(&mut self, _before: f64) -> f64 {
        0.0
    }
}

fn run_on(
    recipe: &TrainRecipe,
    threads: usize,
    from: Option<&[u8]>,
    witness: &mut Witness,
) -> Result<Trained, TrainError> {
    let spec = SPEC();
    let labels: Vec<u32> = (0..32).map(|i| i % 2).collect();
    let images = TrainImages { labels: &labels, image: &|at| Ok(striped(at)) };
    let job = TrainJob { spec: &spec, images, recipe, mean_std: MeanStd::IMAGENET, seed: recipe.seed, threads };
    let mut new = |weights: &Weights| -> Result<Box<dyn Learner>, EngineError> {
        let network = BurnNetwork::new(spec.graph(), weights, &Setup::training(), &Device::flex())?;
        Ok(Box::new(Fitted::new(network, Rule::of(recipe))))
    };
    let mut observer = CpuEngine::new(&Plan::compile(&spec.graph(), &Weights::by_formula(&spec.graph()), &[]))?;
    let targets = match recipe.labels {
        LabelSource::Hard => Targets::Classes,
        _ => Targets::Observer { engine: &mut observer, outputs: &[0, 1], batch: 3 },
    };
    train(job, &mut new, targets, from.map_or(Start::Seed, Start::Checkpoint), witness)
}

fn run(recipe: &TrainRecipe, threads: usize) -> Trained {
    run_on(recipe, threads, None, &mut Witness::default()).unwrap()
}

#[test]
fn the_loss_falls_and_the_seed_decides_every_bit() {
    let trained = run(&recipe(), 1);
    let losses: Vec<f64> = trained.curve.points.iter().map(|p| p.loss).collect();
    assert!(losses[0] > 0.4 && losses[4] < 0.6 * losses[0], "{losses:?}");
    let evaluated: Vec<u32> = trained.curve.evaluations().map(|e| e.epoch).collect();
    assert_eq!(evaluated, [1, 3, 4]);
    assert_eq!(trained.curve.last().unwrap().top1, 100.0);
    assert_eq!(run(&recipe(), 3), trained, "threads change nothing");
    assert_ne!(run(&TrainRecipe { seed: 5, ..recipe() }, 1).weights, trained.weights);
}

/// Soft labels, CutMix, the second update of the statistics, accumulation: interrupted after every third step, it goes
/// on to the same weights and the same curve.
#[test]
fn an_interrupted_training_ends_like_an_uninterrupted_one() {
    for mixing in [Mixing::CutMix, Mixing::MixUp { alpha: 0.8 }] {
        let recipe = TrainRecipe {
            labels: LabelSource::Online,
            loss: Loss::Kl { temperature: 4.0, scaled: false },
            mixing,
            accumulation: 2,
            statistics_twice: true,
            epochs: 3,
            batch: 12,
            ..recipe()
        };
        let whole = run(&recipe, 2);
        let mut checkpoint: Option<Vec<u8>> = None;
        let mut interruptions = 0;
        let resumed = loop {
            let mut witness = Witness { stop_after: Some(3), ..Witness::default() };
            match run_on(&recipe, 1, checkpoint.as_deref(), &mut witness) {
                Ok(trained) => break trained,
                Err(TrainError::Cancelled(_)) => checkpoint = witness.checkpoints.pop(),
                Err(other) => panic!("{other}"),
            }
            interruptions += 1;
        };
        assert!(interruptions >= 3, "{interruptions}");
        assert_eq!(resumed, whole);
    }
}

/// Fails for want of memory as long as a batch is larger than `room`.
struct Small<N> {
    network: N,
    room: usize,
    /// What the device says of its room beforehand.
    told: Option<usize>,
}

impl<N: Differentiable> Differentiable for Small<N> {
    fn largest_batch(&self) -> Option<usize> {
        self.told
    }

    fn forward(&mut self, images: &[f32], batch: usize, masks: Masks) -> Result<Forward, EngineError> {
        if batch > self.room {
            return Err(EngineError::reported("CUDA_ERROR_OUT_OF_MEMORY".to_owned()));
        }
        self.network.forward(images, batch, masks)
    }

    fn repeat_statistics(&mut self) -> Result<(), EngineError> {
        self.network.repeat_statistics()
    }

    fn backward(&mut self, gradients: &Gradients<'_>) -> Result<Option<Vec<f32>>, EngineError> {
        self.network.backward(gradients)
    }

    fn gradients(&mut self) -> Result<Weights, EngineError> {
        self.network.gradients()
    }

    fn weights(&self) -> Result<Weights, EngineError> {
        self.network.weights()
    }

    fn load(&mut self, weights: &Weights) -> Result<(), EngineError> {
        self.network.load(weights)
    }
}

impl<N: Trainable> Trainable for Small<N> {
    type Tensor = N::Tensor;

    fn step(&mut self, step: &mut Step<'_, N::Tensor>) -> Result<(), EngineError> {
        self.network.step(step)
    }
}

#[test]
fn a_full_memory_splits_the_batch_and_says_so() {
    let spec = SPEC();
    let labels: Vec<u32> = (0..32).map(|i| i % 2).collect();
    let images = TrainImages { labels: &labels, image: &|at| Ok(striped(at)) };
    let with_room = |room: usize, told: Option<usize>| {
        let recipe = recipe();
        let job = TrainJob { spec: &spec, images, recipe: &recipe, mean_std: MeanStd::IMAGENET, seed: 0, threads: 1 };
        let mut new = |weights: &Weights| -> Result<Box<dyn Learner>, EngineError> {
            let network = BurnNetwork::new(spec.graph(), weights, &Setup::training(), &Device::flex())?;
            Ok(Box::new(Fitted::new(Small { network, room, told }, Rule::of(&recipe))))
        };
        let mut witness = Witness::default();
        (train(job, &mut new, Targets::Classes, Start::Seed, &mut witness), witness.warnings)
    };
    let (trained, warnings) = with_room(2, None);
    let trained = trained.unwrap();
    assert_eq!((trained.pieces, warnings.len(), trained.curve.points.len()), (4, 2, 5));
    assert!(warnings[1].contains("split into 4 pieces"), "{warnings:?}");
    assert!(trained.curve.points[4].loss < trained.curve.points[0].loss);
    // A device that tells its room is asked beforehand: nothing is tried in vain, and the bytes are the same.
    let (at_once, warnings) = with_room(2, Some(2));
    let at_once = at_once.unwrap();
    assert_eq!((at_once.pieces, warnings.len(), at_once.weights == trained.weights), (4, 1, true));
    assert!(warnings[0].contains("largest buffer holds 2 images: each batch of 8 is split into 4"), "{warnings:?}");
    let error = with_room(1, None).0.unwrap_err().to_string();
    assert!(error.contains("memory is full") && error.contains("smaller --batch"), "{error}");
}

#[test]
fn weight_decay_shrinks_weights_and_leaves_norms() {
    let of = |decay| {
        let optimiser = crate::core::train::recipe::Optimiser::AdamW { betas: (0.9, 0.999), epsilon: 1e-8, decay };
        run(&TrainRecipe { optimiser, rate: 1e-3, ..recipe() }, 1).weights
    };
    let (free, decayed) = (of(0.0), of(50.0));
    let size = |w: &Weights, key| w.values(key).iter().map(|v| v * v).sum::<f32>();
    assert!(size(&decayed, "layers.conv.1.weight") < 0.7 * size(&free, "layers.conv.1.weight"));
    let gammas = decayed.values("layers.norm.1.weight");
    assert!(gammas.iter().all(|g| (g - 1.0).abs() < 0.05), "{gammas:?}");
}

#[test]
fn what_cannot_be_trained_says_why() {
    let error = |recipe: TrainRecipe| run_on(&recipe, 1, None, &mut Witness::default()).unwrap_err();
    assert!(matches!(error(TrainRecipe { rate: 1e30, ..recipe() }), TrainError::Diverged { .. }));
    assert!(matches!(error(TrainRecipe { batch: 1, ..recipe() }), TrainError::TooFew(1)));
    let soft = TrainRecipe { loss: Loss::SoftCrossEntropy, ..recipe() };
    assert!(matches!(error(soft), TrainError::NoLabels(_)));
    let spec = SPEC();
    let images = TrainImages { labels: &[0, 1], image: &|_| Err("a.png: cut off".to_owned()) };
    let plain = recipe();
    let job = TrainJob { spec: &spec, images, recipe: &plain, mean_std: MeanStd::IMAGENET, seed: 0, threads: 1 };
    let mut new = |weights: &Weights| -> Result<Box<dyn Learner>, EngineError> {
        let network = BurnNetwork::new(spec.graph(), weights, &Setup::training(), &Device::flex())?;
        Ok(Box::new(Fitted::new(network, Rule::of(&plain))))
    };
    let broken = train(job, &mut new, Targets::Classes, Start::Seed, &mut Witness::default()).unwrap_err().to_string();
    assert!(broken.starts_with("a.png: cut off;"), "{broken}");
}
