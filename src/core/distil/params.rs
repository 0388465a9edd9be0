//! One table of the parameters a user may set: the command line's flags and the form's widgets both come from it.

use super::recipe::{Recipe, Strategy};

/// What values a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Whole numbers from `min` to `max`.
    Integer {
        /// Least value.
        min: u64,
        /// Greatest value.
        max: u64,
    },
    /// One of these.
    Choice(&'static [u32]),
    /// `png` or `jpeg:Q`.
    Format,
    /// Numbers from `min` to `max`.
    Number {
        /// Least value.
        min: f64,
        /// Greatest value.
        max: f64,
    },
    /// One of these words.
    Name(&'static [&'static str]),
    /// A word with numbers behind colons, like one of these; the numbers may differ.
    Form(&'static [&'static str]),
}

impl Kind {
    /// Yes or no.
    pub const SWITCH: Self = Self::Name(&["off", "on"]);

    /// What to give, as the end of a sentence.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Integer { min, max: u64::MAX } => format!("give a whole number from {min}"),
            Self::Integer { min, max } => format!("give a whole number from {min} to {max}"),
            Self::Choice(choices) => format!("give one of {choices:?}"),
            Self::Format => "give png or jpeg:Q with Q from 1 to 100".to_owned(),
            Self::Number { min, max } => format!("give a number from {min} to {max}"),
            Self::Name(names) => format!("give {}", names.join(" or ")),
            Self::Form(forms) => format!("give one like {}", forms.join(", ")),
        }
    }
}

/// One parameter of a [`Recipe`] or of a [`crate::core::train::recipe::TrainRecipe`].
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Name: the flag without dashes.
    pub name: &'static str,
    /// Label in the form.
    pub label: &'static str,
    /// Unit behind the value, may be empty.
    pub unit: &'static str,
    /// Its values.
    pub kind: Kind,
    /// One sentence for `--help` and the tooltip.
    pub help: &'static str,
}

/// All parameters, in the order of forms and help.
pub const PARAMS: [Param; 7] = [
    Param {
        name: "ipc",
        label: "Images per class (IPC)",
        unit: "images",
        kind: Kind::Integer { min: 1, max: 1000 },
        help: "Distilled images per class",
    },
    Param {
        name: "patches",
        label: "Patches per image (N)",
        unit: "patches",
        kind: Kind::Choice(&Recipe::PATCHES),
        help: "Patches stitched to one distilled image: 1, 4, 9, 16 or 25",
    },
    Param {
        name: "subset",
        label: "Subset",
        unit: "images per class",
        kind: Kind::Integer { min: 1, max: 10_000 },
        help: "Images per class that are scored, drawn by the seed",
    },
    Param {
        name: "crops",
        label: "Crops (K)",
        unit: "per image",
        kind: Kind::Integer { min: 0, max: 100 },
        help: "Random crops per image; the best one is the image's key patch. 0 takes the whole image instead",
    },
    Param {
        name: "strategy",
        label: "Strategy",
        unit: "",
        kind: Kind::Name(&Strategy::NAMES),
        help: "Which key patches are kept: the most real ones, random ones, or by herding or k-means on the observer's features",
    },
    Param {
        name: "seed",
        label: "Seed",
        unit: "",
        kind: Kind::Integer { min: 0, max: u64::MAX },
        help: "Draws the subset, the crop boxes and random strategies; the same seed gives the same bytes",
    },
    Param {
        name: "format",
        label: "Format",
        unit: "",
        kind: Kind::Format,
        help: "File format of the distilled images: png or jpeg:Q (RDED writes jpeg:75)",
    },
];

/// A value that a parameter can't take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("--{name} {value}: {why}")]
pub struct BadValue {
    /// The parameter.
    pub name: String,
    /// What was given.
    pub value: String,
    /// What it takes.
    pub why: String,
}

/// The parameter called `name`.
#[must_use]
pub fn param(name: &str) -> Option<&'static Param> {
    PARAMS.iter().find(|p| p.name == name)
}

impl Recipe {
    /// A parameter's value as text; empty for an unknown name.
    #[must_use]
    pub fn get(&self, name: &str) -> String {
        match name {
            "ipc" => self.ipc.to_string(),
            "patches" => self.patches.to_string(),
            "subset" => self.subset.to_string(),
            "crops" => self.crops.to_string(),
            "strategy" => self.strategy.name().to_owned(),
            "seed" => self.seed.to_string(),
            "format" => self.format.to_string(),
            _ => String::new(),
        }
    }

    /// Sets a parameter from text.
    ///
    /// # Errors
    /// [`BadValue`] for an unknown name or a value outside the parameter's range; the recipe is unchanged.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), BadValue> {
        let bad = |why: String| BadValue { name: name.to_owned(), value: value.to_owned(), why };
        let param = param(name).ok_or_else(|| bad("there is no such parameter".to_owned()))?;
        match param.kind {
            Kind::Format => {
                self.format = value.parse().map_err(bad)?;
                return Ok(());
            }
            Kind::Name(_) => {
                self.strategy = Strategy::named(value).ok_or_else(|| bad(param.kind.remedy()))?;
                return Ok(());
            }
            _ => {}
        }
        let number = value.parse::<u64>().ok().filter(|v| match param.kind {
            Kind::Integer { min, max } => (min..=max).contains(v),
            Kind::Choice(choices) => choices.iter().any(|&c| u64::from(c) == *v),
            _ => false,
        });
        let number = number.ok_or_else(|| bad(param.kind.remedy()))?;
        match name {
            "ipc" => self.ipc = number as u32,
            "patches" => self.patches = number as u32,
            "subset" => self.subset = number as u32,
            "crops" => self.crops = number as u32,
            _ => self.seed = number,
        }
        Ok(())
    }

    /// The flags that repeat this recipe on the command line.
    #[must_use]
    pub fn flags(&self) -> String {
        PARAMS.iter().map(|p| format!("--{} {}", p.name, self.get(p.name))).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_can_be_read_and_written() {
        let mut recipe = Recipe::default();
        for param in &PARAMS {
            let value = match param.kind {
                Kind::Integer { min, .. } => (min + 1).to_string(),
                Kind::Choice(choices) => choices[choices.len() - 1].to_string(),
                Kind::Format => "jpeg:90".to_owned(),
                Kind::Name(names) => names[names.len() - 1].to_owned(),
                other => panic!("a recipe has no {other:?}"),
            };
            recipe.set(param.name, &value).unwrap();
            assert_eq!(recipe.get(param.name), value);
        }
        assert_eq!(recipe.flags(), FLAGS);
    }

    const FLAGS: &str = "--ipc 2 --patches 25 --subset 2 --crops 1 --strategy kmeans --seed 1 --format jpeg:90";

    #[test]
    fn bad_values_name_the_flag_and_the_remedy() {
        let mut recipe = Recipe::default();
        let wrong = [("ipc", "0"), ("patches", "5"), ("format", "gif"), ("crops", "-1"), ("strategy", "best")];
        for (name, value) in wrong.into_iter().chain([("nonsense", "1")]) {
            let error = recipe.set(name, value).unwrap_err().to_string();
            assert!(error.starts_with(&format!("--{name} {value}: ")), "{error}");
        }
        assert_eq!(recipe, Recipe::default());
    }
}
