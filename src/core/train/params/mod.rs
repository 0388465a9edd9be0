//! One table of a training's parameters: the command line's flags and the form's widgets both come from it, as
//! [`crate::core::distil::params`] does it for distilling.

use super::forms;
use super::recipe::{LabelSource, Mixing, Optimiser, TrainRecipe};
use crate::core::param::{BadValue, Kind, Param, Parameters, parsed, switch};

/// A row.
pub type TrainParam = Param<TrainRecipe>;

/// All parameters, in the order of forms and help, and in which flags must be set: what belongs to an optimiser comes
/// after it.
pub static TRAIN_PARAMS: [TrainParam; 23] = [
    Param {
        name: "epochs",
        label: "Epochs",
        unit: "passes",
        kind: Kind::Integer { min: 1, max: 100_000 },
        help: "Passes over the training images",
        get: |r| Some(r.epochs.to_string()),
        set: |r, v| parsed(v).map(|v| r.epochs = v),
    },
    Param {
        name: "batch",
        label: "Batch",
        unit: "images",
        kind: Kind::Integer { min: 1, max: 65_536 },
        help: "Images per step of the optimiser",
        get: |r| Some(r.batch.to_string()),
        set: |r, v| parsed(v).map(|v| r.batch = v),
    },
    Param {
        name: "accumulation",
        label: "Accumulation",
        unit: "parts",
        kind: Kind::Integer { min: 1, max: 1024 },
        help: "Parts of a batch whose gradients are added up; batch norm sees one part at a time",
        get: |r| Some(r.accumulation.to_string()),
        set: |r, v| parsed(v).map(|v| r.accumulation = v),
    },
    Param {
        name: "optimiser",
        label: "Optimiser",
        unit: "",
        kind: Kind::Form(&forms::OPTIMISERS),
        help: "adamw, with its betas where they aren't 0.9 and 0.999, or sgd",
        get: |r| Some(r.optimiser.to_string()),
        set: set_optimiser,
    },
    Param {
        name: "momentum",
        label: "Momentum",
        unit: "",
        kind: Kind::Number { min: 0.0, max: 0.9999 },
        help: "Momentum of sgd",
        get: |r| Some(r.momentum()?.0.to_string()),
        set: |r, v| sgd(r).and_then(|(momentum, _)| parsed(v).map(|v| *momentum = v)),
    },
    Param {
        name: "nesterov",
        label: "Nesterov",
        unit: "",
        kind: Kind::SWITCH,
        help: "Whether sgd's momentum looks ahead",
        get: |r| Some(switch(r.momentum()?.1)),
        set: |r, v| sgd(r).map(|(_, nesterov)| *nesterov = v == "on"),
    },
    Param {
        name: "decay",
        label: "Weight decay",
        unit: "",
        kind: Kind::Number { min: 0.0, max: 10.0 },
        help: "Weight decay, apart from the loss with adamw and added to the gradient with sgd",
        get: |r| Some(r.decay().to_string()),
        set: |r, v| parsed(v).map(|v| *r.decay_mut() = v),
    },
    Param {
        name: "decay-all",
        label: "Decay of all",
        unit: "",
        kind: Kind::SWITCH,
        help: "Whether biases and norms decay too, and not only weights of more than one dimension",
        get: |r| Some(switch(r.decay_all)),
        set: |r, v| {
            r.decay_all = v == "on";
            Ok(())
        },
    },
    Param {
        name: "lr",
        label: "Learning rate",
        unit: "",
        kind: Kind::Number { min: 1e-8, max: 100.0 },
        help: "Base learning rate, the peak of one-cycle",
        get: |r| Some(r.rate.to_string()),
        set: |r, v| parsed(v).map(|v| r.rate = v),
    },
    Param {
        name: "schedule",
        label: "Schedule",
        unit: "",
        kind: Kind::Form(&forms::SCHEDULES),
        help: "Course of the learning rate: half-cosine (RDED, ends at one half), cosine[:WARM-UP], step:EVERY:FACTOR, milestones:FACTOR:PART:…, …",
        get: |r| Some(r.schedule.to_string()),
        set: |r, v| v.parse().map(|v| r.schedule = v),
    },
    Param {
        name: "loss",
        label: "Loss",
        unit: "",
        kind: Kind::Form(&forms::LOSSES),
        help: "KL divergence at a temperature (t2: times its square), cross-entropies, or squared logits plus hard-ce",
        get: |r| Some(r.loss.to_string()),
        set: |r, v| v.parse().map(|v| r.loss = v),
    },
    Param {
        name: "labels",
        label: "Labels",
        unit: "",
        kind: Kind::Name(&forms::LABELS),
        help: "hard: the classes; online: the observer labels each batch; stored: labels that relabel wrote",
        get: |r| Some(r.labels.to_string()),
        set: |r, v| v.parse().map(|v| r.labels = v),
    },
    Param {
        name: "mixing",
        label: "Mixing",
        unit: "",
        kind: Kind::Form(&forms::MIXINGS),
        help: "What of a partner is mixed into each image",
        get: |r| Some(r.mixing.to_string()),
        set: |r, v| v.parse().map(|v| r.mixing = v),
    },
    Param {
        name: "shuffle",
        label: "Shuffled patches (f)",
        unit: "per side",
        kind: Kind::Integer { min: 1, max: 32 },
        help: "Strips per side that ShufflePatches permutes; 1 shuffles nothing",
        get: |r| Some(r.shuffle.to_string()),
        set: |r, v| parsed(v).map(|v| r.shuffle = v),
    },
    Param {
        name: "decode-first",
        label: "Decode first",
        unit: "",
        kind: Kind::SWITCH,
        help: "Whether stitched images are taken apart into their cells first: N samples of each per epoch (LIC's code has it, switched off)",
        get: |r| Some(switch(r.decode_first)),
        set: |r, v| {
            r.decode_first = v == "on";
            Ok(())
        },
    },
    Param {
        name: "crop",
        label: "Crop",
        unit: "",
        kind: Kind::Form(&forms::CROPPINGS),
        help: "Random crops: rrc:AREA:AREA[:RATIO:RATIO], pad:BORDER, one of F×F cells or all of them (cells:F), or the whole image",
        get: |r| Some(r.cropping.to_string()),
        set: |r, v| v.parse().map(|v| r.cropping = v),
    },
    Param {
        name: "flip",
        label: "Flip",
        unit: "",
        kind: Kind::SWITCH,
        help: "Whether half of the images are mirrored",
        get: |r| Some(switch(r.flip)),
        set: |r, v| {
            r.flip = v == "on";
            Ok(())
        },
    },
    Param {
        name: "dsa",
        label: "DSA",
        unit: "",
        kind: Kind::SWITCH,
        help: "Differentiable siamese augmentation of each batch: colours, moves, cutout",
        get: |r| Some(switch(r.dsa)),
        set: |r, v| {
            r.dsa = v == "on";
            Ok(())
        },
    },
    Param {
        name: "statistics-twice",
        label: "Statistics twice",
        unit: "",
        kind: Kind::SWITCH,
        help: "RDED's extra forward pass: batch norm's running statistics move twice per step",
        get: |r| Some(switch(r.statistics_twice)),
        set: |r, v| {
            r.statistics_twice = v == "on";
            Ok(())
        },
    },
    Param {
        name: "evaluate",
        label: "Evaluate",
        unit: "",
        kind: Kind::Form(&forms::EVALUATIONS),
        help: "After which epochs: the last, RDED's tenths of the last fifth (late), every n-th, or n times, evenly (parts)",
        get: |r| Some(r.evaluations.to_string()),
        set: |r, v| v.parse().map(|v| r.evaluations = v),
    },
    Param {
        name: "val-edge",
        label: "Evaluation edge",
        unit: "pixels",
        kind: Kind::Integer { min: 0, max: 8192 },
        help: "Shorter edge of evaluation images before the centre of the side is cut; 0: side ÷ 7 · 8 as in RDED (224: 256)",
        get: |r| Some(r.evaluation_edge.unwrap_or(0).to_string()),
        set: |r, v| parsed(v).map(|v: u32| r.evaluation_edge = (v > 0).then_some(v)),
    },
    Param {
        name: "seed",
        label: "Seed",
        unit: "",
        kind: Kind::Integer { min: 0, max: u64::MAX },
        help: "Decides weights, order, augmentation and masks of the first student; the next ones take the next seeds",
        get: |r| Some(r.seed.to_string()),
        set: |r, v| parsed(v).map(|v| r.seed = v),
    },
    Param {
        name: "seeds",
        label: "Students",
        unit: "seeds",
        kind: Kind::Integer { min: 1, max: 1000 },
        help: "Students that are trained, for a mean and its spread",
        get: |r| Some(r.seeds.to_string()),
        set: |r, v| parsed(v).map(|v| r.seeds = v),
    },
];

impl Parameters for TrainRecipe {
    fn table() -> &'static [TrainParam] {
        &TRAIN_PARAMS
    }
}

fn set_optimiser(recipe: &mut TrainRecipe, value: &str) -> Result<(), String> {
    let decay = recipe.decay();
    recipe.optimiser = match (forms::parse_optimiser(value)?, recipe.optimiser) {
        (Some(betas), _) => Optimiser::AdamW { betas, epsilon: forms::EPSILON, decay },
        (None, Optimiser::AdamW { .. }) => Optimiser::Sgd { momentum: 0.9, nesterov: false, decay },
        (None, sgd) => sgd,
    };
    Ok(())
}

/// Momentum and Nesterov, to be changed: only sgd has them.
fn sgd(recipe: &mut TrainRecipe) -> Result<(&mut f64, &mut bool), String> {
    match &mut recipe.optimiser {
        Optimiser::Sgd { momentum, nesterov, .. } => Ok((momentum, nesterov)),
        Optimiser::AdamW { .. } => Err("adamw has no momentum; give --optimiser sgd".to_owned()),
    }
}

impl TrainRecipe {
    /// Momentum and Nesterov, where the optimiser has them.
    fn momentum(&self) -> Option<(f64, bool)> {
        match self.optimiser {
            Optimiser::Sgd { momentum, nesterov, .. } => Some((momentum, nesterov)),
            Optimiser::AdamW { .. } => None,
        }
    }

    fn decay(&self) -> f64 {
        match self.optimiser {
            Optimiser::Sgd { decay, .. } | Optimiser::AdamW { decay, .. } => decay,
        }
    }

    fn decay_mut(&mut self) -> &mut f64 {
        match &mut self.optimiser {
            Optimiser::Sgd { decay, .. } | Optimiser::AdamW { decay, .. } => decay,
        }
    }

    /// Whether every parameter is within its range and all go together. A recipe that is read has been checked.
    ///
    /// # Errors
    /// [`BadValue`] with the parameter to change and how.
    pub fn check(&self) -> Result<(), BadValue> {
        self.in_range()?;
        let no = |name: &str, why: String| Err(BadValue::new(name, &self.get(name), why));
        if self.loss.needs_logits() && self.labels == LabelSource::Hard {
            return no(
                "labels",
                format!(
                    "the loss {} compares with an observer's logits; give --labels online or stored, or --loss hard-ce",
                    self.loss
                ),
            );
        }
        if !self.loss.needs_logits() && self.mixing != Mixing::None {
            return no("mixing", "classes aren't mixed with the images, only an observer can label a mixture; give --mixing none or another --loss".to_owned());
        }
        if matches!(self.loss, crate::core::train::loss::Loss::LogitMse { hard } if hard > 0.0)
            && self.mixing != Mixing::None
        {
            return no(
                "mixing",
                format!(
                    "the loss {} looks at classes, too, which aren't mixed with the images; give --mixing none",
                    self.loss
                ),
            );
        }
        if self.seed.checked_add(u64::from(self.seeds)).is_none() {
            return no("seed", "the seeds after it would be beyond 64 bits; give a smaller one".to_owned());
        }
        if self.accumulation > self.batch {
            return no("accumulation", format!("a batch of {} has no more parts than images; lower it", self.batch));
        }
        if let Some((0.0, true)) = self.momentum() {
            return no("nesterov", "it looks ahead along the momentum, which is 0; give --momentum 0.9".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
