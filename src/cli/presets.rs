//! `--preset NAME|FILE.json`: the papers' presets, and the user's own.

use std::path::Path;

use crate::core::distil::presets::{PRESETS, Preset, of_method};
use crate::core::distil::recipe::{Method, Recipe};
use crate::core::train::presets::{Suggestion, TrainPreset};
use crate::jobs::train::{About, suggest, suggest_own};
use crate::store::presets::{OwnPreset, OwnRecipe, PresetError, PresetFolder, read};

use super::Failure;

/// The default recipe or a preset's. A preset of one's own comes before one that the program ships under its name: that
/// name can only have been saved before the program had it, and goes on meaning what it meant.
pub fn recipe(preset: Option<&str>) -> Result<Recipe, Failure> {
    let Some(given) = preset else { return Ok(Recipe::default()) };
    if let Some(shipped) = Preset::named(given) {
        return Ok(match saved(given) {
            Some(OwnRecipe::Distil(recipe)) => recipe,
            _ => shipped.recipe(),
        });
    }
    match own(given)? {
        Some(OwnPreset { recipe: OwnRecipe::Distil(recipe), .. }) => Ok(recipe),
        Some(other) => Err(of_another_kind(given, &other.recipe)),
        None => {
            let known = PRESETS.map(|p| p.name).into_iter().map(str::to_owned);
            let own = own_names(|recipe| matches!(recipe, OwnRecipe::Distil(_)));
            let known = known.chain(own).collect::<Vec<_>>().join(", ");
            Err(Failure::Usage(format!("there is no preset '{given}'; there are {known}")))
        }
    }
}

/// The recipe of a preset; without one, what a method's paper does on data of this side. Both must be of one method.
pub fn recipe_of(method: Option<&str>, preset: Option<&str>, side: Option<usize>) -> Result<Recipe, Failure> {
    let Some(method) = method else { return recipe(preset) };
    let known = of_method(method, side.unwrap_or(usize::MAX).try_into().unwrap_or(u32::MAX));
    let known = known.ok_or_else(|| {
        Failure::Usage(format!("--method {method}: there is no such method; give {}", Method::NAMES.join(", ")))
    })?;
    let Some(preset) = preset else { return Ok(known) };
    let given = recipe(Some(preset))?;
    if given.method.name() == method {
        return Ok(given);
    }
    Err(Failure::Usage(format!(
        "--preset {preset} is of {}, not of --method {method}: give one of them",
        given.method.name()
    )))
}

/// The recipe that a preset, or nobody, suggests for a training. Of one's own and the program's as for [`recipe`].
pub fn training(preset: Option<&str>, about: About<'_>) -> Result<Suggestion, Failure> {
    let shipped = preset.and_then(TrainPreset::named);
    if let (Some(shipped), Some(OwnRecipe::Train(recipe))) = (shipped, preset.and_then(saved)) {
        let mut suggestion = suggest_own(recipe, about).map_err(Failure::of_training)?;
        let note = "this is your own preset, though the program has one of that name, too; rename yours to have both";
        suggestion.notes.push(format!("{}: {note}", shipped.name));
        return Ok(suggestion);
    }
    let given = preset.filter(|_| shipped.is_none());
    let own = given.map(own).transpose()?.flatten();
    match own.map(|own| own.recipe) {
        Some(OwnRecipe::Train(recipe)) => suggest_own(recipe, about).map_err(Failure::of_training),
        Some(other) => Err(of_another_kind(preset.unwrap_or_default(), &other)),
        None => suggest(preset, about).map_err(Failure::of_training),
    }
}

/// What the user saved under a name that the program ships, too.
fn saved(shipped: &str) -> Option<OwnRecipe> {
    own(shipped).ok().flatten().map(|own| own.recipe)
}

/// The preset in a file, or the one that was saved under a name.
fn own(given: &str) -> Result<Option<OwnPreset>, Failure> {
    let file = Path::new(given);
    let read = if file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json")) {
        read(file)
    } else {
        PresetFolder::of_user().and_then(|folder| folder.named(given))
    };
    match read {
        Ok(preset) => Ok(Some(preset)),
        Err(PresetError::Missing(_) | PresetError::NoHome) => Ok(None),
        Err(error) => Err(Failure::Usage(format!("--preset: {error}"))),
    }
}

fn own_names(of_kind: impl Fn(&OwnRecipe) -> bool) -> Vec<String> {
    let listed = PresetFolder::of_user().and_then(|folder| folder.list()).unwrap_or_default();
    listed.presets.into_iter().filter(|own| of_kind(&own.recipe)).map(|own| own.name).collect()
}

fn of_another_kind(given: &str, recipe: &OwnRecipe) -> Failure {
    let (is, due) = match recipe {
        OwnRecipe::Distil(_) => ("how images are distilled", "how a network is trained"),
        OwnRecipe::Train(_) => ("how a network is trained", "how images are distilled"),
    };
    Failure::Usage(format!("--preset {given} says {is}; give one that says {due}"))
}
