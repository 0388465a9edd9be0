//! One table of a training's parameters: the command line's flags and the form's widgets both come from it, as
//! [`crate::core::distil::params`] does it for distilling.

use super::forms;
use super::recipe::{LabelSource, Mixing, Optimiser, TrainRecipe};
use crate::core::distil::params::{BadValue, Kind, Param};

/// All parameters, in the order of forms and help, and in which flags must be set: what belongs to an optimiser comes
/// after it.
pub const TRAIN_PARAMS: [Param; 21] = [
    Param {
        name: "epochs",
        label: "Epochs",
        unit: "passes",
        kind: Kind::Integer { min: 1, max: 100_000 },
        help: "Passes over the training images",
    },
    Param {
        name: "batch",
        label: "Batch",
        unit: "images",
        kind: Kind::Integer { min: 1, max: 65_536 },
        help: "Images per step of the optimiser",
    },
    Param {
        name: "accumulation",
        label: "Accumulation",
        unit: "parts",
        kind: Kind::Integer { min: 1, max: 1024 },
        help: "Parts of a batch whose gradients are added up; batch norm sees one part at a time",
    },
    Param {
        name: "optimiser",
        label: "Optimiser",
        unit: "",
        kind: Kind::Form(&forms::OPTIMISERS),
        help: "adamw, with its betas where they aren't 0.9 and 0.999, or sgd",
    },
    Param {
        name: "momentum",
        label: "Momentum",
        unit: "",
        kind: Kind::Number { min: 0.0, max: 0.9999 },
        help: "Momentum of sgd",
    },
    Param {
        name: "nesterov",
        label: "Nesterov",
        unit: "",
        kind: Kind::SWITCH,
        help: "Whether sgd's momentum looks ahead",
    },
    Param {
        name: "decay",
        label: "Weight decay",
        unit: "",
        kind: Kind::Number { min: 0.0, max: 10.0 },
        help: "Weight decay, apart from the loss with adamw and added to the gradient with sgd",
    },
    Param {
        name: "decay-all",
        label: "Decay of all",
        unit: "",
        kind: Kind::SWITCH,
        help: "Whether biases and norms decay too, and not only weights of more than one dimension",
    },
    Param {
        name: "lr",
        label: "Learning rate",
        unit: "",
        kind: Kind::Number { min: 1e-8, max: 100.0 },
        help: "Base learning rate, the peak of one-cycle",
    },
    Param {
        name: "schedule",
        label: "Schedule",
        unit: "",
        kind: Kind::Form(&forms::SCHEDULES),
        help: "Course of the learning rate: half-cosine (RDED, ends at one half), cosine[:WARM-UP], step:EVERY:FACTOR, …",
    },
    Param {
        name: "loss",
        label: "Loss",
        unit: "",
        kind: Kind::Form(&forms::LOSSES),
        help: "KL divergence at a temperature (t2: times its square), cross-entropies, or squared logits plus hard-ce",
    },
    Param {
        name: "labels",
        label: "Labels",
        unit: "",
        kind: Kind::Name(&forms::LABELS),
        help: "hard: the classes; online: the observer labels each batch; stored: labels that relabel wrote",
    },
    Param {
        name: "mixing",
        label: "Mixing",
        unit: "",
        kind: Kind::Form(&forms::MIXINGS),
        help: "What of a partner is mixed into each image",
    },
    Param {
        name: "shuffle",
        label: "Shuffled patches (f)",
        unit: "per side",
        kind: Kind::Integer { min: 1, max: 32 },
        help: "Strips per side that ShufflePatches permutes; 1 shuffles nothing",
    },
    Param {
        name: "crop",
        label: "Crop",
        unit: "",
        kind: Kind::Form(&forms::CROPPINGS),
        help: "Random crops: rrc:AREA:AREA[:RATIO:RATIO], pad:BORDER, or the whole image",
    },
    Param {
        name: "flip",
        label: "Flip",
        unit: "",
        kind: Kind::SWITCH,
        help: "Whether half of the images are mirrored",
    },
    Param {
        name: "dsa",
        label: "DSA",
        unit: "",
        kind: Kind::SWITCH,
        help: "Differentiable siamese augmentation of each batch: colours, moves, cutout",
    },
    Param {
        name: "statistics-twice",
        label: "Statistics twice",
        unit: "",
        kind: Kind::SWITCH,
        help: "RDED's extra forward pass: batch norm's running statistics move twice per step",
    },
    Param {
        name: "evaluate",
        label: "Evaluate",
        unit: "",
        kind: Kind::Form(&forms::EVALUATIONS),
        help: "After which epochs: the last, RDED's tenths of the last fifth (late), or every n-th",
    },
    Param {
        name: "seed",
        label: "Seed",
        unit: "",
        kind: Kind::Integer { min: 0, max: u64::MAX },
        help: "Decides weights, order, augmentation and masks of the first student; the next ones take the next seeds",
    },
    Param {
        name: "seeds",
        label: "Students",
        unit: "seeds",
        kind: Kind::Integer { min: 1, max: 1000 },
        help: "Students that are trained, for a mean and its spread",
    },
];

/// The parameter called `name`.
#[must_use]
pub fn train_param(name: &str) -> Option<&'static Param> {
    TRAIN_PARAMS.iter().find(|p| p.name == name)
}

fn bad(name: &str, value: &str, why: impl Into<String>) -> BadValue {
    BadValue { name: name.to_owned(), value: value.to_owned(), why: why.into() }
}

impl TrainRecipe {
    /// A parameter's value as text; empty for an unknown name, and for what the optimiser doesn't have.
    #[must_use]
    pub fn get(&self, name: &str) -> String {
        let switch = |on: bool| if on { "on" } else { "off" }.to_owned();
        match name {
            "epochs" => self.epochs.to_string(),
            "batch" => self.batch.to_string(),
            "accumulation" => self.accumulation.to_string(),
            "optimiser" => self.optimiser.to_string(),
            "momentum" => self.momentum().map_or_else(String::new, |(momentum, _)| momentum.to_string()),
            "nesterov" => self.momentum().map_or_else(String::new, |(_, nesterov)| switch(nesterov)),
            "decay" => self.decay().to_string(),
            "decay-all" => switch(self.decay_all),
            "lr" => self.rate.to_string(),
            "schedule" => self.schedule.to_string(),
            "loss" => self.loss.to_string(),
            "labels" => self.labels.to_string(),
            "mixing" => self.mixing.to_string(),
            "shuffle" => self.shuffle.to_string(),
            "crop" => self.cropping.to_string(),
            "flip" => switch(self.flip),
            "dsa" => switch(self.dsa),
            "statistics-twice" => switch(self.statistics_twice),
            "evaluate" => self.evaluations.to_string(),
            "seed" => self.seed.to_string(),
            "seeds" => self.seeds.to_string(),
            _ => String::new(),
        }
    }

    /// Sets a parameter from text. Whether the parameters go together is [`TrainRecipe::check`]'s question, so that
    /// they can be set in any order; only momentum and nesterov need sgd first.
    ///
    /// # Errors
    /// [`BadValue`] for an unknown name or a value outside the parameter's range; the recipe is unchanged.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), BadValue> {
        let no = |why: String| bad(name, value, why);
        let param = train_param(name).ok_or_else(|| no("there is no such parameter".to_owned()))?;
        match param.kind {
            Kind::Integer { min, max } => {
                let number = value.parse::<u64>().ok().filter(|v| (min..=max).contains(v));
                self.set_whole(name, number.ok_or_else(|| no(param.kind.remedy()))?);
            }
            Kind::Number { min, max } => {
                let number = value.parse::<f64>().ok().filter(|v| (min..=max).contains(v));
                self.set_number(name, number.ok_or_else(|| no(param.kind.remedy()))?).map_err(no)?;
            }
            Kind::SWITCH => {
                let on = ["off", "on"].iter().position(|word| *word == value);
                self.set_switch(name, on.ok_or_else(|| no(param.kind.remedy()))? == 1).map_err(no)?;
            }
            _ => self.set_form(name, value).map_err(no)?,
        }
        Ok(())
    }

    fn set_whole(&mut self, name: &str, number: u64) {
        let field = match name {
            "epochs" => &mut self.epochs,
            "batch" => &mut self.batch,
            "accumulation" => &mut self.accumulation,
            "shuffle" => &mut self.shuffle,
            "seeds" => &mut self.seeds,
            _ => {
                self.seed = number;
                return;
            }
        };
        // The table's ranges fit.
        *field = number as u32;
    }

    fn set_number(&mut self, name: &str, number: f64) -> Result<(), String> {
        match (name, &mut self.optimiser) {
            ("lr", _) => self.rate = number,
            ("decay", Optimiser::AdamW { decay, .. } | Optimiser::Sgd { decay, .. }) => *decay = number,
            (_, Optimiser::Sgd { momentum, .. }) => *momentum = number,
            (_, Optimiser::AdamW { .. }) => return Err("adamw has no momentum; give --optimiser sgd".to_owned()),
        }
        Ok(())
    }

    fn set_switch(&mut self, name: &str, on: bool) -> Result<(), String> {
        match (name, &mut self.optimiser) {
            ("decay-all", _) => self.decay_all = on,
            ("flip", _) => self.flip = on,
            ("dsa", _) => self.dsa = on,
            ("statistics-twice", _) => self.statistics_twice = on,
            (_, Optimiser::Sgd { nesterov, .. }) => *nesterov = on,
            (_, Optimiser::AdamW { .. }) => return Err("adamw has no momentum; give --optimiser sgd".to_owned()),
        }
        Ok(())
    }

    fn set_form(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "optimiser" => {
                let decay = self.decay();
                self.optimiser = match (forms::parse_optimiser(value)?, self.optimiser) {
                    (Some(betas), _) => Optimiser::AdamW { betas, epsilon: forms::EPSILON, decay },
                    (None, Optimiser::AdamW { .. }) => Optimiser::Sgd { momentum: 0.9, nesterov: false, decay },
                    (None, sgd) => sgd,
                };
            }
            "schedule" => self.schedule = value.parse()?,
            "loss" => self.loss = value.parse()?,
            "labels" => self.labels = value.parse()?,
            "mixing" => self.mixing = value.parse()?,
            "crop" => self.cropping = value.parse()?,
            _ => self.evaluations = value.parse()?,
        }
        Ok(())
    }

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

    /// Whether the parameters go together.
    ///
    /// # Errors
    /// [`BadValue`] with the parameter to change and how.
    pub fn check(&self) -> Result<(), BadValue> {
        let no = |name: &str, why: String| Err(bad(name, &self.get(name), why));
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

    /// The flags that repeat this recipe on the command line.
    #[must_use]
    pub fn flags(&self) -> String {
        let given = TRAIN_PARAMS.iter().map(|p| (p.name, self.get(p.name))).filter(|(_, value)| !value.is_empty());
        given.map(|(name, value)| format!("--{name} {value}")).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests;
