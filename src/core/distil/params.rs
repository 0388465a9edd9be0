//! One table of the parameters a user may set for a distillation: the command line's flags and the form's widgets both
//! come from it.

use super::rded::{Rded, Strategy};
use super::recipe::Recipe;
use super::short::ShortClasses;
use crate::core::param::{Kind, Param, Parameters, parsed};

/// A row: of a recipe with any method.
pub type RecipeParam = Param<Recipe>;

/// All parameters, in the order of forms and help.
pub static PARAMS: [RecipeParam; 8] = [
    Param {
        name: "ipc",
        label: "Images per class (IPC)",
        unit: "images",
        kind: Kind::Integer { min: 1, max: 1000 },
        help: "Distilled images per class",
        get: |r| Some(r.ipc.to_string()),
        set: |r, v| parsed(v).map(|v| r.ipc = v),
    },
    Param {
        name: "patches",
        label: "Patches per image (N)",
        unit: "patches",
        kind: Kind::Choice(&Rded::PATCHES),
        help: "Patches stitched to one distilled image: 1, 4, 9, 16 or 25",
        get: |r| Some(r.method.rded()?.patches.to_string()),
        set: |r, v| own(r).and_then(|own| parsed(v).map(|v| own.patches = v)),
    },
    Param {
        name: "subset",
        label: "Subset",
        unit: "images per class",
        kind: Kind::Integer { min: 1, max: 10_000 },
        help: "Images per class that are scored, drawn by the seed",
        get: |r| Some(r.method.rded()?.subset.to_string()),
        set: |r, v| own(r).and_then(|own| parsed(v).map(|v| own.subset = v)),
    },
    Param {
        name: "crops",
        label: "Crops (K)",
        unit: "per image",
        kind: Kind::Integer { min: 0, max: 100 },
        help: "Random crops per image; the best one is the image's key patch. 0 takes the whole image instead",
        get: |r| Some(r.method.rded()?.crops.to_string()),
        set: |r, v| own(r).and_then(|own| parsed(v).map(|v| own.crops = v)),
    },
    Param {
        name: "strategy",
        label: "Strategy",
        unit: "",
        kind: Kind::Name(&Strategy::NAMES),
        help: "Which key patches are kept: the most real ones, random ones, or by herding or k-means on the observer's features",
        get: |r| Some(r.method.rded()?.strategy.name().to_owned()),
        set: |r, v| {
            own(r)
                .and_then(|own| Strategy::named(v).map(|v| own.strategy = v).ok_or_else(|| format!("there is no {v}")))
        },
    },
    Param {
        name: "short-classes",
        label: "Short classes",
        unit: "",
        kind: Kind::Name(&ShortClasses::NAMES),
        help: "Classes with fewer usable images than IPC·N: refuse to distil, or make fewer distilled images of them, as many as their images fill",
        get: |r| Some(r.method.rded()?.short_classes.name().to_owned()),
        set: |r, v| {
            let named = ShortClasses::named(v).ok_or_else(|| format!("there is no {v}"));
            own(r).and_then(|own| named.map(|v| own.short_classes = v))
        },
    },
    Param {
        name: "seed",
        label: "Seed",
        unit: "",
        kind: Kind::Integer { min: 0, max: u64::MAX },
        help: "Draws the subset, the crop boxes and random strategies; the same seed gives the same bytes",
        get: |r| Some(r.seed.to_string()),
        set: |r, v| parsed(v).map(|v| r.seed = v),
    },
    Param {
        name: "format",
        label: "Format",
        unit: "",
        kind: Kind::Format,
        help: "File format of the distilled images: png, jpeg:Q (RDED writes jpeg:75), or float: the very values, which may leave 0 to 1, in images.safetensors, beside PNG files to look at",
        get: |r| Some(r.format.to_string()),
        set: |r, v| v.parse().map(|v| r.format = v),
    },
];

impl Parameters for Recipe {
    fn table() -> &'static [RecipeParam] {
        &PARAMS
    }
}

/// The parameters of a method that scores and chooses patches.
fn own(recipe: &mut Recipe) -> Result<&mut Rded, String> {
    let method = recipe.method.name();
    recipe.method.rded_mut().ok_or_else(|| format!("{method} has no such parameter"))
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

    const FLAGS: &str =
        "--ipc 2 --patches 25 --subset 2 --crops 1 --strategy kmeans --short-classes fewer --seed 1 --format jpeg:90";

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
