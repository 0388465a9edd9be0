//! One table of the parameters a user may set for a distillation: the command line's flags and the form's widgets both
//! come from it.

use super::rded::{Framing, Rded, Strategy};
use super::recipe::{Method, Recipe};
use super::short::ShortClasses;
use crate::core::param::{Kind, Param, Parameters, parsed};

mod optimised;

use optimised::{
    BATCH, COURSE, CROP_FROM, CROP_TO, DECAY, DISTANCE, FIRST_BN, INIT, ITERATIONS, L2, LAYER, LR, MILESTONE, R_BN,
    RANDOM_CROP, ROLL, SIAMESE, TURNS, TV,
};

/// A row: of a recipe with any method.
pub type RecipeParam = Param<Recipe>;

/// All parameters, in the order of forms and help.
pub static PARAMS: [RecipeParam; 28] = [
    Param {
        name: "ipc",
        label: "Images per class (IPC)",
        unit: "images",
        kind: Kind::Integer { min: 1, max: 1000 },
        help: "Distilled images per class",
        get: |r| Some(r.ipc.to_string()),
        set: |r, v| parsed(v).map(|v| r.ipc = v),
    },
    INIT,
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
        name: "framing",
        label: "Whole images",
        unit: "",
        kind: Kind::Name(&Framing::NAMES),
        help: "How images that are taken whole (0 crops) are framed: resized to a patch's square, or as the observer is evaluated, at its full side (LIC)",
        get: |r| Some(r.method.rded().filter(|own| own.whole_images())?.framing.name().to_owned()),
        set: |r, v| {
            let framing = Framing::named(v).ok_or_else(|| format!("there is no {v}"));
            own(r).and_then(|own| framing.map(|v| own.framing = v))
        },
    },
    ITERATIONS,
    LR,
    R_BN,
    FIRST_BN,
    TV,
    L2,
    RANDOM_CROP,
    CROP_FROM,
    CROP_TO,
    COURSE,
    MILESTONE,
    ROLL,
    BATCH,
    DECAY,
    LAYER,
    DISTANCE,
    SIAMESE,
    TURNS,
    Param {
        name: "seed",
        label: "Seed",
        unit: "",
        kind: Kind::Integer { min: 0, max: u64::MAX },
        help: "Draws the subset, the crop boxes and random strategies, the noise, crops and rolls of SRe2L and CDA, and LIC's augmentation; the same seed gives the same bytes",
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

    /// With the method in front, where it isn't RDED: its parameters are read behind it.
    fn flags(&self) -> String {
        spelt(self, &[])
    }
}

/// The parameters that a finished set brings where a method moves its pixels further, so that no flag can give them.
#[must_use]
pub fn of_the_set(method: &Method) -> &'static [&'static str] {
    match method {
        Method::Rded(_) => &[],
        Method::Sre2l(_) | Method::Cda(_) => {
            &["ipc", "init", "patches", "subset", "crops", "strategy", "short-classes"]
        }
        Method::Lic(_) => &["ipc", "patches", "subset", "crops", "strategy", "short-classes", "framing", "seed"],
    }
}

/// The flags with which a finished set's pixels are moved further.
#[must_use]
pub fn further_flags(recipe: &Recipe) -> String {
    spelt(recipe, of_the_set(&recipe.method))
}

/// Method and parameters as flags, but for some.
fn spelt(recipe: &Recipe, without: &[&str]) -> String {
    let told = PARAMS.iter().filter(|p| !without.contains(&p.name));
    let given = told.filter_map(|p| Some(format!("--{} {}", p.name, (p.get)(recipe)?)));
    let method = (recipe.method.name() != Method::NAMES[0]).then(|| format!("--method {}", recipe.method.name()));
    method.into_iter().chain(given).collect::<Vec<_>>().join(" ")
}

/// Why a parameter can't be set.
fn no_such(recipe: &Recipe) -> String {
    format!("{} has no such parameter", recipe.method.name())
}

/// The parameters of a method that scores and chooses patches.
fn own(recipe: &mut Recipe) -> Result<&mut Rded, String> {
    let why = no_such(recipe);
    recipe.method.rded_mut().ok_or(why)
}

#[cfg(test)]
mod tests {
    use super::super::compensation::{Compensation, Distance};
    use super::super::recovery::Recovery;
    use super::*;

    /// Another value of each parameter that a recipe has.
    fn moved(recipe: &mut Recipe) {
        for param in &PARAMS {
            if (param.get)(recipe).is_none() {
                assert!(recipe.set(param.name, "1").is_err() || param.name == "framing", "{}", param.name);
                continue;
            }
            let value = match param.kind {
                Kind::Integer { min, .. } => (min + 1).to_string(),
                Kind::Choice(choices) => choices[choices.len() - 1].to_string(),
                Kind::Format => "jpeg:90".to_owned(),
                Kind::Name(names) => names[names.len() - 1].to_owned(),
                Kind::Number { .. } => "0.25".to_owned(),
                Kind::Form(forms) => forms[forms.len() - 1].to_owned(),
            };
            recipe.set(param.name, &value).unwrap();
            assert_eq!(recipe.get(param.name), value);
        }
    }

    #[test]
    fn every_parameter_can_be_read_and_written() {
        let mut recipe = Recipe::default();
        moved(&mut recipe);
        assert_eq!(recipe.flags(), FLAGS);
    }

    const FLAGS: &str =
        "--ipc 2 --patches 25 --subset 2 --crops 1 --strategy kmeans --short-classes fewer --seed 1 --format jpeg:90";

    /// What belongs to another method is refused by name, and flags repeat the recipe.
    #[test]
    fn each_method_has_its_own_parameters() {
        let mut sre2l = Recipe { method: Method::Sre2l(Recovery::SRE2L), ..Recipe::default() };
        let error = sre2l.set("patches", "4").unwrap_err().to_string();
        assert_eq!(error, "--patches 4: sre2l has no such parameter");
        assert_eq!(
            sre2l.flags(),
            "--method sre2l --ipc 10 --init noise --iterations 4000 --lr 0.25 --r-bn 0.01 --first-bn 10 --tv 0 --l2 0 \
             --random-crop on --crop-from 1 --crop-to 0.08 --course cosine --milestone 0 --roll 0:32 --batch-classes 100 \
             --turns alternate --seed 0 --format png"
        );
        moved(&mut sre2l);
        assert!(sre2l.method.rded().is_some_and(|own| own.patches == 25), "it begins with RDED's images now");
        let mut lic = Recipe { method: Method::Lic(Compensation::LIC), ..Recipe::default() };
        assert!(
            lic.flags().contains("--crops 0 --strategy realism --short-classes refuse --framing view --iterations 200")
        );
        moved(&mut lic);
        let own = lic.method.compensation().unwrap();
        assert_eq!((own.iterations, own.distance, own.siamese), (2, Distance::L2, true));
        assert!(Recipe::default().set("lr", "0.1").unwrap_err().to_string().contains("rded has no such parameter"));
    }

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
