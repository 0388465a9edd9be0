//! The parameters of methods that move pixels: of SRe2L and CDA, of LIC, and those that both have.

use super::{RecipeParam, no_such};
use crate::core::distil::compensation::{Compensation, Distance};
use crate::core::distil::method::DescentMut;
use crate::core::distil::recipe::Recipe;
use crate::core::distil::recovery::{Course, Recovery, Turns};
use crate::core::param::{Kind, Param, parsed, switch};

const AREA: Kind = Kind::Number { min: 0.001, max: 1.0 };
const WEIGHT: Kind = Kind::Number { min: 0.0, max: 1e6 };

/// What the pixels begin with.
pub(super) const INIT: RecipeParam = Param {
    name: "init",
    label: "Begin with",
    unit: "",
    kind: Kind::Name(&Recovery::INITS),
    help: "What the pixels begin with: noise that the seed draws, or RDED's images, with N of --patches and K of --crops: 4 and 5 by default, whatever the side",
    get: |r| Some(r.method.recovery()?.init().to_owned()),
    set: |r, v| {
        recovery(r).map(|own| {
            let begun = own.stitch.unwrap_or_default();
            own.stitch = (v == Recovery::INITS[1]).then_some(begun);
        })
    },
};

/// Steps.
pub(super) const ITERATIONS: RecipeParam = Param {
    name: "iterations",
    label: "Iterations",
    unit: "steps",
    kind: Kind::Integer { min: 1, max: 1_000_000 },
    help: "Steps by which the pixels of an image are moved",
    get: |r| Some(r.method.descent()?.iterations.to_string()),
    set: |r, v| descent(r).and_then(|own| parsed(v).map(|v| *own.iterations = v)),
};

/// Learning rate.
pub(super) const LR: RecipeParam = Param {
    name: "lr",
    label: "Learning rate",
    unit: "",
    kind: Kind::Number { min: 0.0, max: 100.0 },
    help: "Learning rate of the pixels: SRe2L's and CDA's falls to 0 along a cosine, LIC's stays",
    get: |r| Some(r.method.descent()?.lr.to_string()),
    set: |r, v| descent(r).and_then(|own| parsed(v).map(|v| *own.lr = v)),
};

/// Weight of the statistics.
pub(super) const R_BN: RecipeParam = Param {
    name: "r-bn",
    label: "Weight of statistics",
    unit: "",
    kind: WEIGHT,
    help: "Weight of how far the batch's statistics are from those that the observer's batch norms remember",
    get: |r| Some(r.method.recovery()?.r_bn.to_string()),
    set: |r, v| recovery(r).and_then(|own| parsed(v).map(|v| own.r_bn = v)),
};

/// The first norm's factor.
pub(super) const FIRST_BN: RecipeParam = Param {
    name: "first-bn",
    label: "First norm's factor",
    unit: "times",
    kind: WEIGHT,
    help: "What the first batch norm's share is multiplied by: 10 in the code, 1 in the papers' formulas",
    get: |r| Some(r.method.recovery()?.first_bn.to_string()),
    set: |r, v| recovery(r).and_then(|own| parsed(v).map(|v| own.first_bn = v)),
};

/// Weight of the total variation.
pub(super) const TV: RecipeParam = Param {
    name: "tv",
    label: "Weight of variation",
    unit: "",
    kind: WEIGHT,
    help: "Weight of the total variation, a norm over the whole batch; the papers' scripts leave it out",
    get: |r| Some(r.method.recovery()?.tv.to_string()),
    set: |r, v| recovery(r).and_then(|own| parsed(v).map(|v| own.tv = v)),
};

/// Weight of the norm.
pub(super) const L2: RecipeParam = Param {
    name: "l2",
    label: "Weight of norm",
    unit: "",
    kind: WEIGHT,
    help: "Weight of the images' mean norm; the papers' scripts leave it out",
    get: |r| Some(r.method.recovery()?.l2.to_string()),
    set: |r, v| recovery(r).and_then(|own| parsed(v).map(|v| own.l2 = v)),
};

/// Crops and flips.
pub(super) const RANDOM_CROP: RecipeParam = Param {
    name: "random-crop",
    label: "Random crops",
    unit: "",
    kind: Kind::SWITCH,
    help: "Whether the batch is cropped and mirrored in each step, all of it alike; off on CIFAR in SRe2L's script",
    get: |r| Some(switch(r.method.recovery()?.random_crop)),
    set: |r, v| recovery(r).map(|own| own.random_crop = v == "on"),
};

/// β_u.
pub(super) const CROP_FROM: RecipeParam = Param {
    name: "crop-from",
    label: "First least area",
    unit: "of the image",
    kind: AREA,
    help: "Least area of a crop in the first step; 1 begins with whole images (CDA)",
    get: |r| Some(r.method.recovery()?.crop_from.to_string()),
    set: |r, v| recovery(r).and_then(|own| parsed(v).map(|v| own.crop_from = v)),
};

/// β_l.
pub(super) const CROP_TO: RecipeParam = Param {
    name: "crop-to",
    label: "Last least area",
    unit: "of the image",
    kind: AREA,
    help: "Least area of a crop from the milestone on",
    get: |r| Some(r.method.recovery()?.crop_to.to_string()),
    set: |r, v| recovery(r).and_then(|own| parsed(v).map(|v| own.crop_to = v)),
};

/// The schedule of areas.
pub(super) const COURSE: RecipeParam = Param {
    name: "course",
    label: "Course of the area",
    unit: "",
    kind: Kind::Name(&Course::NAMES),
    help: "How the least area goes from its first to its last value: along a cosine, in a line, or in one step",
    get: |r| Some(r.method.recovery()?.course.name().to_owned()),
    set: |r, v| {
        let course = Course::named(v).ok_or_else(|| format!("there is no {v}"));
        recovery(r).and_then(|own| course.map(|v| own.course = v))
    },
};

/// M.
pub(super) const MILESTONE: RecipeParam = Param {
    name: "milestone",
    label: "Milestone",
    unit: "of the steps",
    kind: Kind::Number { min: 0.0, max: 1.0 },
    help: "Share of the steps after which the area has its last value; 0 is SRe2L, 1 CDA",
    get: |r| Some(r.method.recovery()?.milestone.to_string()),
    set: |r, v| recovery(r).and_then(|own| parsed(v).map(|v| own.milestone = v)),
};

/// Rolls.
pub(super) const ROLL: RecipeParam = Param {
    name: "roll",
    label: "Roll",
    unit: "pixels",
    kind: Kind::Form(&["0:32", "0:4", "-4:4", "0:0"]),
    help: "Least and greatest shift by which the batch is rolled round along each axis in each step; 0:0 for none",
    get: |r| Some(r.method.recovery()?.roll.to_string()),
    set: |r, v| recovery(r).and_then(|own| v.parse().map(|v| own.roll = v)),
};

/// Images of a batch.
pub(super) const BATCH: RecipeParam = Param {
    name: "batch-classes",
    label: "Classes per batch",
    unit: "images",
    kind: Kind::Integer { min: 1, max: 10_000 },
    help: "Images that are moved together, each of another class; with fewer classes batches hold one image of each",
    get: |r| Some(r.method.recovery()?.batch.to_string()),
    set: |r, v| recovery(r).and_then(|own| parsed(v).map(|v| own.batch = v)),
};

/// Several observers.
pub(super) const TURNS: RecipeParam = Param {
    name: "turns",
    label: "Several observers",
    unit: "",
    kind: Kind::Name(&Turns::NAMES),
    help: "With several observers: they alternate from step to step, or each step goes by the average of their losses",
    get: |r| Some(r.method.descent()?.turns.name().to_owned()),
    set: |r, v| {
        let turns = Turns::named(v).ok_or_else(|| format!("there is no {v}"));
        descent(r).and_then(|own| turns.map(|v| *own.turns = v))
    },
};

/// Weight decay.
pub(super) const DECAY: RecipeParam = Param {
    name: "decay",
    label: "Decay of δ",
    unit: "",
    kind: Kind::Number { min: 0.0, max: 10.0 },
    help: "Weight decay of what is added to the images; 0.01 is the code's, as its optimiser's default",
    get: |r| Some(r.method.compensation()?.decay.to_string()),
    set: |r, v| compensation(r).and_then(|own| parsed(v).map(|v| own.decay = v)),
};

/// The feature.
pub(super) const LAYER: RecipeParam = Param {
    name: "layer",
    label: "Aligned layer",
    unit: "",
    kind: Kind::Form(&["auto", "features", "stage:2"]),
    help: "The observer's feature that is aligned: auto (the code's for the network), features (what the classifier reads), or the map that a stage ends with",
    get: |r| Some(r.method.compensation()?.layer.to_string()),
    set: |r, v| compensation(r).and_then(|own| v.parse().map(|v| own.layer = v)),
};

/// L1 or L2.
pub(super) const DISTANCE: RecipeParam = Param {
    name: "distance",
    label: "Distance",
    unit: "",
    kind: Kind::Name(&Distance::NAMES),
    help: "How features are compared: mean absolute difference (the code), or mean squared difference (the paper's equation 8)",
    get: |r| Some(r.method.compensation()?.distance.name().to_owned()),
    set: |r, v| {
        let distance = Distance::named(v).ok_or_else(|| format!("there is no {v}"));
        compensation(r).and_then(|own| distance.map(|v| own.distance = v))
    },
};

/// Shared augmentation.
pub(super) const SIAMESE: RecipeParam = Param {
    name: "siamese",
    label: "Shared augmentation",
    unit: "",
    kind: Kind::SWITCH,
    help: "Whether originals and enlarged cells are mirrored, moved and cut out alike in each step",
    get: |r| Some(switch(r.method.compensation()?.siamese)),
    set: |r, v| compensation(r).map(|own| own.siamese = v == "on"),
};

fn descent(recipe: &mut Recipe) -> Result<DescentMut<'_>, String> {
    let why = no_such(recipe);
    recipe.method.descent_mut().ok_or(why)
}

fn recovery(recipe: &mut Recipe) -> Result<&mut Recovery, String> {
    let why = no_such(recipe);
    recipe.method.recovery_mut().ok_or(why)
}

fn compensation(recipe: &mut Recipe) -> Result<&mut Compensation, String> {
    let why = no_such(recipe);
    recipe.method.compensation_mut().ok_or(why)
}
