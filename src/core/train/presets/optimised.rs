//! Students on images whose pixels were optimised: SRe2L, CDA and LIC.

use super::{Facts, Suggestion, adamw, crops};
use crate::core::train::loss::Loss;
use crate::core::train::recipe::{Cropping, Evaluations, LabelSource, Mixing, Optimiser, TrainRecipe};
use crate::core::train::schedule::Schedule;

/// SRe2L's validation on ImageNet-1K (Yin et al. 2023).
pub(super) fn sre2l_imagenet(_: &Facts<'_>) -> Suggestion {
    let note = "evaluated after epochs 10, 20, …; SRe2L's code: after 1, 11, … and the last";
    let recipe = TrainRecipe {
        batch: 1024,
        accumulation: 2,
        schedule: Schedule::Cosine { warm_up: 0 },
        labels: LabelSource::Stored,
        cropping: crops(0.08),
        statistics_twice: false,
        evaluations: Evaluations::Every(10),
        ..TrainRecipe::default()
    };
    Suggestion { recipe, notes: vec![note.to_owned()] }
}

/// SRe2L's validation on CIFAR-100; there the observer stays in training mode, so that its running statistics drift.
pub(super) fn sre2l_cifar(_: &Facts<'_>) -> Suggestion {
    let recipe = TrainRecipe {
        epochs: 400,
        batch: 128,
        decay_all: true,
        schedule: Schedule::Cosine { warm_up: 0 },
        loss: Loss::Kl { temperature: 30.0, scaled: false },
        mixing: Mixing::MixUp { alpha: 0.8 },
        cropping: Cropping::Padded(4),
        statistics_twice: false,
        evaluations: Evaluations::Last,
        ..TrainRecipe::default()
    };
    let note = "SRe2L's code leaves the observer in training mode on CIFAR; here it is frozen, as everywhere else";
    Suggestion { recipe, notes: vec![note.to_owned()] }
}

/// SRe2L's validation on Tiny-ImageNet, whose images are evaluated as they are.
pub(super) fn sre2l_tiny(facts: &Facts<'_>) -> Suggestion {
    let recipe = TrainRecipe {
        epochs: 100,
        batch: 256,
        optimiser: Optimiser::Sgd { momentum: 0.9, nesterov: false, decay: 1e-4 },
        decay_all: true,
        rate: 0.2,
        schedule: Schedule::Cosine { warm_up: 5 },
        loss: Loss::Kl { temperature: 20.0, scaled: true },
        mixing: Mixing::None,
        cropping: crops(0.08),
        statistics_twice: false,
        evaluations: Evaluations::Every(1),
        evaluation_edge: (facts.side > 0).then_some(facts.side),
        ..TrainRecipe::default()
    };
    Suggestion { recipe, notes: Vec::new() }
}

/// SRe2L's validation for images of this side; the observer labels unless there are stored labels.
pub(super) fn sre2l(facts: &Facts<'_>) -> Suggestion {
    let mut suggestion = by_side(facts, "SRe2L");
    let own = suggestion.recipe.batch;
    let images = images(facts);
    if images < own {
        suggestion.recipe.batch = images;
        suggestion.notes.push(format!("a batch is all {images} images; SRe2L's has {own}"));
    }
    if suggestion.recipe.batch <= 512 {
        // FKD adds up the gradients of 512 images each.
        suggestion.recipe.accumulation = 1;
    }
    suggestion
}

/// CDA's validation (Yin and Shen 2024): SRe2L's but for batches and lengths, and without accumulation.
pub(super) fn cda(facts: &Facts<'_>) -> Suggestion {
    let Suggestion { recipe, mut notes } = by_side(facts, "CDA");
    let (batch, epochs) = match facts.side {
        ..=32 => (8, 800),
        33..=64 => (64, 100),
        _ => (128, 300),
    };
    if facts.side <= 64 {
        notes.push("CDA's paper names batch and epochs for small images; everything else is SRe2L's".to_owned());
    }
    if facts.classes > 1000 {
        notes.push(
            "these are CDA's settings for ImageNet-1K; for ImageNet-21K it has learning rate 0.002, batch 32, label \
             smoothing 0.2 and cutout"
                .to_owned(),
        );
    }
    let batch = batch.min(images(facts));
    Suggestion { recipe: TrainRecipe { batch, epochs, accumulation: 1, ..recipe }, notes }
}

/// SRe2L's settings for images of this side, taught by the observer itself, in the words of one of the two `papers`.
fn by_side(facts: &Facts<'_>, paper: &str) -> Suggestion {
    match facts.side {
        ..=32 => sre2l_cifar(facts),
        33..=64 => sre2l_tiny(facts),
        _ => {
            let Suggestion { recipe, mut notes } = sre2l_imagenet(facts);
            notes.push(format!(
                "{paper} trains on labels that were stored beforehand; unless --stored-labels names some, the observer \
                 labels while training"
            ));
            Suggestion { recipe: TrainRecipe { labels: LabelSource::Online, ..recipe }, notes }
        }
    }
}

/// Distilled images.
fn images(facts: &Facts<'_>) -> u32 {
    facts.ipc.saturating_mul(facts.classes).max(1)
}

/// LIC's evaluation, as its authors' code has it.
pub(super) fn lic(facts: &Facts<'_>) -> Suggestion {
    let factor = facts.factor.max(1);
    let recipe = TrainRecipe {
        epochs: if facts.classes == 1000 { 300 } else { 1000 },
        batch: match images(facts) {
            ..=10 => 10,
            11..=500 => 50,
            501..=20_000 => 100,
            _ => 200,
        },
        optimiser: adamw(1e-4),
        decay_all: true,
        rate: lic_rate(facts.student),
        schedule: Schedule::Milestones { factor: 0.2, at: vec![(2, 3), (5, 6)] },
        loss: Loss::LogitMse { hard: 0.0 },
        mixing: Mixing::None,
        cropping: Cropping::Cells(factor),
        // DSA has a flip of its own.
        flip: false,
        dsa: true,
        statistics_twice: false,
        evaluations: Evaluations::Parts(4),
        evaluation_edge: lic_edge(facts),
        ..TrainRecipe::default()
    };
    Suggestion { recipe, notes: lic_notes(facts, factor) }
}

/// LIC's learning rates by student.
fn lic_rate(student: &str) -> f64 {
    match student {
        "swin_v2_t" | "vit_tiny_patch16_224" | "deit_tiny_patch16_224" => 1e-4,
        "efficientnet_b0" => 2e-3,
        _ => 1e-3,
    }
}

/// The shorter edge that LIC's code resizes evaluation images to: 256 for 224, 146 for 128, 73 for ImageNet-1K at 64;
/// small images stay as they are.
fn lic_edge(facts: &Facts<'_>) -> Option<u32> {
    match facts.side {
        128 => Some(146),
        64 if facts.classes == 1000 => Some(73),
        64 => Some(64),
        _ => None,
    }
}

/// Where LIC's paper, its code and its numbers differ.
fn lic_notes(facts: &Facts<'_>, factor: u32) -> Vec<String> {
    let mut notes = vec![
        "LIC's code compares logits by their squares; its paper has soft labels and cross-entropy (--loss soft-ce)"
            .to_owned(),
        "LIC's accuracies are means of 3 students, each the best of its 4 evaluations: give --seeds 3".to_owned(),
    ];
    if factor > 1 {
        notes.push(
            "LIC's code samples cells while training, and a branch of it that is switched off takes all images apart \
             beforehand; which of them its numbers rest on is not known: report --decode-first on, too"
                .to_owned(),
        );
    }
    if !facts.observer.is_empty() && facts.observer != facts.student {
        let (observer, student) = (facts.observer, facts.student);
        notes.push(format!("LIC's students have their observer's own network; here {observer} teaches {student}"));
    }
    notes
}
