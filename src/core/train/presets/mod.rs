//! The papers' trainings, by name: students on distilled images (RDED, SRe2L, CDA, LIC, DD-Ranking) and observers on whole datasets
//! (SRe2L's "squeeze"). A preset is a function of what is trained on what, because RDED's is.

mod optimised;

use super::forms::{BETAS, EPSILON, RATIO};
use super::loss::Loss;
use super::recipe::{Cropping, Evaluations, LabelSource, Mixing, Optimiser, TrainRecipe};
use super::schedule::Schedule;
use crate::core::distil::patch::CropRange;

/// What a preset may depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts<'a> {
    /// Classes of the dataset.
    pub classes: u32,
    /// Side of the networks' input in pixels.
    pub side: u32,
    /// Distilled images per class.
    pub ipc: u32,
    /// f = √N of the distilled images; 1 for others.
    pub factor: u32,
    /// The observer's network, empty without one.
    pub observer: &'a str,
    /// The network that is trained.
    pub student: &'a str,
}

/// A preset's recipe, and what of it a user should know.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    /// The recipe, with seed 0 and one seed.
    pub recipe: TrainRecipe,
    /// Sentences: where the paper's tables end, hidden exceptions, what differs from its code.
    pub notes: Vec<String>,
}

/// What is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// A student, on distilled images.
    Student,
    /// An observer, on all images.
    Observer,
}

/// A named training that ships with the program.
#[derive(Clone, Copy, Debug)]
pub struct TrainPreset {
    /// Name for `--preset` and the form.
    pub name: &'static str,
    /// What it repeats.
    pub about: &'static str,
    /// What it trains.
    pub task: Task,
    suggest: fn(&Facts<'_>) -> Suggestion,
}

/// All of them, students first.
pub const TRAIN_PRESETS: [TrainPreset; 14] = [
    student(
        "rded",
        "RDED: 300 epochs, AdamW, half a cosine, KL at T = 20 with the observer's online labels, CutMix",
        rded,
    ),
    student(
        "rded-hard",
        "RDED's training on classes alone: cross-entropy, no mixing (ablations and baselines)",
        rded_hard,
    ),
    student(
        "sre2l-imagenet",
        "SRe2L on ImageNet-1k: FKD's stored labels, KL at T = 20, CutMix, full cosine",
        optimised::sre2l_imagenet,
    ),
    student(
        "sre2l-cifar100",
        "SRe2L on CIFAR-100: 400 epochs, KL at T = 30, MixUp 0.8, full cosine",
        optimised::sre2l_cifar,
    ),
    student("sre2l-tiny", "SRe2L on Tiny-ImageNet: SGD, 100 epochs, KL at T = 20 times T²", optimised::sre2l_tiny),
    student(
        "sre2l",
        "SRe2L's training for images of this side: CIFAR's, Tiny-ImageNet's or ImageNet's",
        optimised::sre2l,
    ),
    student("cda", "CDA's training for images of this side: SRe2L's with smaller batches", optimised::cda),
    student(
        "lic",
        "LIC: 1000 epochs, AdamW, two steps by 0.2, squared logits of the observer, cells at random, DSA",
        optimised::lic,
    ),
    student("dd-ranking-rded", "DD-Ranking's settings for RDED: no crops, decay of all parameters", dd_ranking),
    observer(
        "one-cycle-cifar",
        "CIFAR in 24 epochs: SGD with Nesterov, one-cycle to 0.1, border of 4 and flip",
        one_cycle_cifar,
    ),
    observer("squeeze-cifar", "SRe2L's squeeze on CIFAR: SGD, 200 epochs, cosine, border of 4 and flip", squeeze_cifar),
    observer(
        "squeeze-tiny",
        "SRe2L's squeeze on Tiny-ImageNet: SGD, 50 epochs with 5 of warm-up, cosine",
        squeeze_tiny,
    ),
    observer(
        "squeeze-imagenet",
        "Photographs from scratch, as torchvision trains ResNets: SGD, 90 epochs in three steps",
        squeeze_imagenet,
    ),
    observer("sample", "The built-in sample in 14 epochs: AdamW, one-cycle to 0.004, crops and flip", sample),
];

const fn student(name: &'static str, about: &'static str, suggest: fn(&Facts<'_>) -> Suggestion) -> TrainPreset {
    TrainPreset { name, about, task: Task::Student, suggest }
}

const fn observer(name: &'static str, about: &'static str, suggest: fn(&Facts<'_>) -> Suggestion) -> TrainPreset {
    TrainPreset { name, about, task: Task::Observer, suggest }
}

impl TrainPreset {
    /// The preset called `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        TRAIN_PRESETS.into_iter().find(|p| p.name == name)
    }

    /// The presets of a task.
    pub fn of(task: Task) -> impl Iterator<Item = Self> {
        TRAIN_PRESETS.into_iter().filter(move |p| p.task == task)
    }

    /// Its recipe for these facts.
    #[must_use]
    pub fn suggest(&self, facts: &Facts<'_>) -> Suggestion {
        (self.suggest)(facts)
    }
}

/// The preset that the paper of a distillation's method trains with: its own, or RDED's where it has none. On classes
/// alone that is RDED's, too, as no other paper says how.
#[must_use]
pub fn preset_of(method: &str, soft: bool) -> &'static str {
    match method {
        _ if !soft => "rded-hard",
        "sre2l" => "sre2l",
        "cda" => "cda",
        "lic" => "lic",
        _ => "rded",
    }
}

fn without_notes(recipe: TrainRecipe) -> Suggestion {
    Suggestion { recipe, notes: Vec::new() }
}

fn adamw(decay: f64) -> Optimiser {
    Optimiser::AdamW { betas: BETAS, epsilon: EPSILON, decay }
}

/// RandomResizedCrop of an area from `least` of the image to all of it.
fn crops(least: f64) -> Cropping {
    Cropping::Resized(CropRange { scale: (least, 1.0), ratio: RATIO })
}

/// RDED's code (Sun et al. 2024).
fn rded(facts: &Facts<'_>) -> Suggestion {
    let mut notes = Vec::new();
    let factor = facts.factor.max(1);
    let recipe = TrainRecipe {
        batch: rded_batch(facts, &mut notes),
        rate: rded_rate(facts, &mut notes),
        shuffle: factor,
        cropping: crops(1.0 / f64::from(factor)),
        ..TrainRecipe::default()
    };
    Suggestion { recipe, notes }
}

/// RDED's table of batches, its exceptions, and beyond it the row of the next smaller IPC (the code: 0).
fn rded_batch(facts: &Facts<'_>, notes: &mut Vec<String>) -> u32 {
    if is_small_conv3(facts) {
        notes.push("RDED's code sets batch 25 and learning rate 0.002 for conv3 on CIFAR-100".to_owned());
        return 25;
    }
    let (row, batch) = match facts.ipc {
        0..10 => (1, 10),
        10..50 => (10, 50),
        _ => (50, 100),
    };
    let doubled = if matches!(facts.classes, 100 | 1000) { 2 * batch } else { batch };
    let batch = if (facts.classes, facts.side) == (200, 64) {
        100
    } else {
        if facts.ipc != row {
            notes.push(format!("RDED names no batch for IPC {}; that of IPC {row} is taken", facts.ipc));
        }
        doubled
    };
    batch.min(facts.ipc.saturating_mul(facts.classes)).max(1)
}

/// RDED's learning rates by student; its code leaves 0 for others, which learns nothing.
fn rded_rate(facts: &Facts<'_>, notes: &mut Vec<String>) -> f64 {
    match facts.student {
        "conv3" if is_small_conv3(facts) => 2e-3,
        "conv3" | "conv4" | "conv5" | "conv6" | "resnet18" | "resnet50" | "resnet101" | "resnet18_modified"
        | "resnet101_modified" => 1e-3,
        "efficientnet_b0" => 2e-3,
        "mobilenet_v2" => 2.5e-3,
        "vgg11" => 5e-4,
        "alexnet" | "vit_b_16" | "swin_v2_t" => 1e-4,
        other => {
            notes.push(format!("RDED names no learning rate for {other}; 0.001 is taken"));
            1e-3
        }
    }
}

/// CIFAR-100 with conv3 on both sides.
fn is_small_conv3(facts: &Facts<'_>) -> bool {
    (facts.classes, facts.side, facts.observer, facts.student) == (100, 32, "conv3", "conv3")
}

/// The level of RDED's ablation without relabelling; CutMix needs an observer to label mixtures.
fn rded_hard(facts: &Facts<'_>) -> Suggestion {
    let Suggestion { recipe, mut notes } = rded(facts);
    notes.push("the papers don't say how they train on classes alone: RDED's training is taken, unmixed".to_owned());
    let recipe = TrainRecipe {
        loss: Loss::HardCrossEntropy,
        labels: LabelSource::Hard,
        mixing: Mixing::None,
        statistics_twice: false,
        ..recipe
    };
    Suggestion { recipe, notes }
}

/// DD-Ranking (Li et al. 2024). Batches as RDED's; the rate is 1e-3 for every student.
fn dd_ranking(facts: &Facts<'_>) -> Suggestion {
    let mut notes = Vec::new();
    let recipe = TrainRecipe {
        batch: rded_batch(&Facts { observer: "", ..*facts }, &mut notes),
        optimiser: adamw(0.01),
        decay_all: true,
        cropping: crops(1.0),
        statistics_twice: false,
        evaluations: Evaluations::Every(20),
        ..TrainRecipe::default()
    };
    Suggestion { recipe, notes }
}

/// What observers from scratch have in common.
fn from_scratch((epochs, batch): (u32, u32), rate: f64, decay: f64) -> TrainRecipe {
    TrainRecipe {
        epochs,
        batch,
        optimiser: Optimiser::Sgd { momentum: 0.9, nesterov: false, decay },
        decay_all: true,
        rate,
        schedule: Schedule::Cosine { warm_up: 0 },
        loss: Loss::HardCrossEntropy,
        labels: LabelSource::Hard,
        mixing: Mixing::None,
        cropping: crops(0.08),
        statistics_twice: false,
        evaluations: Evaluations::Every(1),
        ..TrainRecipe::default()
    }
}

fn one_cycle_cifar(_: &Facts<'_>) -> Suggestion {
    without_notes(TrainRecipe {
        optimiser: Optimiser::Sgd { momentum: 0.9, nesterov: true, decay: 5e-4 },
        schedule: Schedule::OneCycle,
        cropping: Cropping::Padded(4),
        ..from_scratch((24, 256), 0.1, 5e-4)
    })
}

fn squeeze_cifar(_: &Facts<'_>) -> Suggestion {
    without_notes(TrainRecipe { cropping: Cropping::Padded(4), ..from_scratch((200, 128), 0.1, 5e-4) })
}

fn squeeze_tiny(_: &Facts<'_>) -> Suggestion {
    without_notes(TrainRecipe { schedule: Schedule::Cosine { warm_up: 5 }, ..from_scratch((50, 256), 0.2, 1e-4) })
}

fn squeeze_imagenet(_: &Facts<'_>) -> Suggestion {
    let schedule = Schedule::Step { every: 30, factor: 0.1 };
    without_notes(TrainRecipe { schedule, ..from_scratch((90, 256), 0.1, 1e-4) })
}

fn sample(_: &Facts<'_>) -> Suggestion {
    without_notes(TrainRecipe {
        optimiser: adamw(0.01),
        schedule: Schedule::OneCycle,
        cropping: crops(0.5),
        decay_all: false,
        ..from_scratch((14, 64), 4e-3, 0.0)
    })
}

#[cfg(test)]
mod tests;
