//! A last batch of one image, and networks whose batch norm has no variance of it.

use super::super::batches::{Epoch, planned};
use super::super::label::label_epoch;
use super::super::trainer::in_runs;
use super::*;
use crate::core::train::label_set::Precision;
use crate::core::train::labels::BatchLabels;
use crate::engine::cpu::learn::CpuNetwork;

/// Its last stage works on maps of one pixel.
const NARROW: fn() -> NetworkSpec = || NetworkSpec { arch: "resnet8_cifar".parse().unwrap(), side: 4, classes: 2 };

/// Five images in batches of four.
fn soft() -> TrainRecipe {
    TrainRecipe {
        epochs: 3,
        batch: 4,
        labels: LabelSource::Online,
        loss: Loss::Kl { temperature: 4.0, scaled: false },
        mixing: Mixing::CutMix,
        statistics_twice: true,
        evaluations: Evaluations::Last,
        ..recipe()
    }
}

fn job<'a>(spec: &'a NetworkSpec, recipe: &'a TrainRecipe) -> TrainJob<'a> {
    let images = TrainImages { labels: &[0, 1, 0, 1, 0], image: &|at| Ok(striped(at)) };
    TrainJob { spec, images, recipe, mean_std: MeanStd::IMAGENET, seed: 3, threads: 1 }
}

struct Kept(Vec<Vec<BatchLabels>>);

impl StoredLabels for Kept {
    fn batches(&mut self, epoch: u32) -> Result<Vec<BatchLabels>, String> {
        Ok(self.0[epoch as usize].clone())
    }
}

fn trained<'a>(job: TrainJob<'a>, targets: Targets<'a>, from: Option<&[u8]>, witness: &mut Witness) -> Trained {
    let mut new = |weights: &Weights| -> Result<Box<dyn Learner>, EngineError> {
        let network = CpuNetwork::new(job.spec.graph(), weights, &Setup::training())?;
        Ok(Box::new(Fitted::new(network, Rule::of(job.recipe))))
    };
    let start = from.map_or(Start::Seed, Start::Checkpoint);
    train(job, &mut new, targets, start, witness).unwrap()
}

/// Batches of an epoch as a network meets them: the images of each.
fn met(spec: &NetworkSpec, first: u32) -> Vec<usize> {
    let recipe = soft();
    let job = job(spec, &recipe);
    let mut sizes = Vec::new();
    let epoch = Epoch::new(planned(&job, 0), spec.norms_single_pixels());
    let count = epoch.batches() as u32;
    let mut each = |batch: Drawn| {
        assert_eq!(batch.number, first + sizes.len() as u32);
        assert_eq!(batch.inputs.len(), batch.images.len() * 3 * spec.side * spec.side);
        sizes.push(batch.images.len());
        Ok(())
    };
    epoch.for_each(&job, (0, first), &mut each).unwrap();
    assert_eq!(count, first + sizes.len() as u32);
    sizes
}

#[test]
fn only_a_norm_on_single_pixels_has_it_joined() {
    assert!(NARROW().norms_single_pixels() && !SPEC().norms_single_pixels());
    // ImageNet's networks leave one pixel of 32.
    let at = |side| NetworkSpec { arch: "resnet18".parse().unwrap(), side, classes: 2 }.norms_single_pixels();
    assert!(at(32) && !at(64));
    assert_eq!((met(&NARROW(), 0), met(&SPEC(), 0), met(&SPEC(), 1)), (vec![5], vec![4, 1], vec![1]));
}

#[test]
fn labels_are_of_the_batches_as_drawn_and_replay_to_the_same_weights() {
    let (spec, recipe) = (NARROW(), soft());
    let observer = || CpuEngine::new(&Plan::compile(&spec.graph(), &Weights::by_formula(&spec.graph()), &[])).unwrap();
    let (mut observing, outputs) = (observer(), [0, 1]);
    let mut targets = Targets::Observer { engine: &mut observing, outputs: &outputs, batch: 3 };
    let mut witness = Witness::default();
    let labels = (0..3).map(|epoch| {
        label_epoch(&job(&spec, &recipe), (epoch, None), &mut targets, Precision::Full, &mut witness).unwrap()
    });
    let mut kept = Kept(labels.collect());
    assert!(kept.0.iter().all(|epoch| epoch.iter().map(|b| b.images.len()).eq([4, 1])));
    let mut steps = Witness::default();
    let job = job(&spec, &recipe);
    let online = trained(job, targets, None, &mut steps);
    assert_eq!(steps.steps, 3, "a step an epoch");
    assert!(online.weights.tensors().values().all(|t| t.values.iter().all(|v| v.is_finite())));
    let stored = trained(job, Targets::Stored(&mut kept), None, &mut Witness::default());
    assert!(stored == online);
    for checkpoint in &steps.checkpoints {
        let resumed = trained(job, Targets::Stored(&mut kept), Some(checkpoint), &mut Witness::default());
        assert!(resumed == online);
    }
}

#[test]
fn a_piece_of_one_image_is_joined_too() {
    assert_eq!(in_runs(5, 2, false), [0..2, 2..4, 4..5]);
    assert_eq!(in_runs(5, 2, true), [0..2, 2..5]);
    assert_eq!(in_runs(6, 2, true), [0..2, 2..4, 4..6]);
    assert_eq!(in_runs(1, 2, true).len(), 1, "nothing to join it to");
}
