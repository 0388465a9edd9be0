//! Which patches lie where: selections of all layouts, with what a curation says, and what of it doesn't apply.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::core::data::dataset::{ClassId, Dataset, ImageId};
use crate::core::distil::compose::place_of;
use crate::core::distil::curation::{Choice, Curation, Mark};
use crate::core::distil::rded::Rded;
use crate::core::distil::recipe::Recipe;
use crate::core::distil::select::{Kept, Unused, Why, select, unused};
use crate::core::distil::set::ImageSet as _;
use crate::core::distil::short::{ShortClass, TooFewPatches};
use crate::core::progress::Progress;

use super::super::picking::{ScoredClasses, pick};
use super::super::scoring::Cost;
use super::super::session::Session;
use super::sets::{Set, layouts};
use super::{DistillError, Each, Found, StitchedSet};

/// Images that a warning names; of the others it tells the number.
const NAMED: usize = 3;

/// Selects the patches of every layout; its classes are numbered as those that are distilled.
pub(super) fn lay_out(
    session: &mut Session,
    (recipe, sets, curation): (&Recipe<Rded>, &[Set], &Curation),
    scored: ScoredClasses<'_>,
    progress: &mut dyn Progress,
    (cost, each): (&mut Cost, Each<'_>),
) -> Result<Vec<StitchedSet>, DistillError> {
    let recipes: Vec<_> = layouts(sets).into_iter().map(|ipc| Recipe { ipc, ..*recipe }).collect();
    let ipcs: Vec<u32> = recipes.iter().map(|recipe| recipe.ipc).collect();
    let picked = &mut |class, picks| each(class, Found::Picks(picks));
    let (picks, spent) = pick(session, recipe, (scored, &ipcs), progress, picked)?;
    cost.features = spent;
    let distilled = |image| scored.classes.contains(&session.dataset.class_of(image));
    let elsewhere = curation.marks().filter(|(image, mark)| mark.selects() && !distilled(*image)).count();
    if elsewhere > 0 {
        progress.warn(format!("curation: {elsewhere} of its marks are of classes that are not distilled"));
    }
    let mut laid = Vec::with_capacity(recipes.len());
    for (recipe, picks) in recipes.iter().zip(&picks) {
        let (mut selected, mut idle) = (Vec::with_capacity(picks.len()), Vec::new());
        for ((&class, block), picks) in scored.classes.iter().zip(scored.blocks).zip(picks) {
            let about = session.dataset.class(class);
            let marks: Vec<_> = curation.within(session.dataset.images_of(class)).collect();
            selected.push(Arc::new(select(block, about, recipe, picks, &marks)?));
            if !marks.is_empty() {
                idle.extend(unused(block, about, recipe, picks, &marks));
            }
        }
        tell(&session.dataset, (recipe.ipc, &idle), progress);
        laid.push(StitchedSet {
            dataset: session.dataset.clone(),
            side: session.observer.observer.spec.side as u32,
            mean_std: session.observer.observer.mean_std,
            ipc: recipe.ipc,
            patches: recipe.method.patches,
            views: recipe.method.views(),
            selected: (0..).map(ClassId).zip(selected).collect(),
        });
    }
    Ok(laid)
}

/// Tells what of the curation has no effect at this size, one line for each reason.
fn tell(dataset: &Dataset, (ipc, idle): (u32, &[Unused]), progress: &mut dyn Progress) {
    let mut reasons: BTreeMap<Why, Vec<ImageId>> = BTreeMap::new();
    for unused in idle {
        reasons.entry(unused.why).or_default().push(unused.image);
    }
    for (why, images) in reasons {
        let named: Vec<String> = images.iter().take(NAMED).map(|&image| dataset.source(image)).collect();
        let more = images.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let count = if images.len() == 1 { "1 image".to_owned() } else { format!("{} images", images.len()) };
        progress.warn(format!("curation at IPC {ipc}: {why} ({count}: {}{more})", named.join(", ")));
    }
}

/// Tells what a person chose and a smaller set lacks, since that set is the first images of a larger one.
pub(super) fn left_out(set: &Set, laid: &StitchedSet, progress: &mut dyn Progress) {
    let Some(larger) = set.nested_in else { return };
    let beyond = |(&class, patches): (&ClassId, &Arc<Vec<Kept>>)| {
        let images = laid.images(class) as usize;
        let is_beyond = |slot: usize| place_of(slot, images).1 >= set.recipe.ipc as usize;
        patches.iter().enumerate().filter(|(slot, kept)| !kept.chosen.by_rank() && is_beyond(*slot)).count()
    };
    let count: usize = laid.selected.iter().map(beyond).sum();
    if count > 0 {
        progress.warn(format!(
            "curation at IPC {}: {count} of the patches that were pinned or cut elsewhere are not in it, since it is the \
             first images of the set of IPC {larger}",
            set.recipe.ipc
        ));
    }
}

/// Mean loss of the patches that a set shows.
pub(super) fn mean_loss(set: &Set, laid: &StitchedSet) -> f64 {
    let of_class = |(&class, patches): (&ClassId, &Arc<Vec<Kept>>)| -> Vec<f64> {
        let images = laid.images(class) as usize;
        let shown = |(slot, _): &(usize, &Kept)| place_of(*slot, images).1 < set.recipe.ipc as usize;
        patches.iter().enumerate().filter(shown).map(|(_, kept)| f64::from(kept.patch.loss)).collect()
    };
    let losses: Vec<f64> = laid.selected.iter().flat_map(of_class).collect();
    losses.iter().sum::<f64>() / losses.len().max(1) as f64
}

/// Classes that can't supply their patches even if every image that is not rejected is usable are found before anything
/// is scored.
pub fn enough_images(
    dataset: &Dataset,
    (classes, curation): (&[ClassId], &Curation),
    recipe: &Recipe<Rded>,
) -> Result<(), TooFewPatches> {
    let short = |&class: &ClassId| {
        let (size, subset) = (dataset.class_size(class), recipe.method.subset as usize);
        let is_rejected = |(_, mark): &(ImageId, Mark)| mark.choice == Choice::Rejected;
        let rejected = curation.within(dataset.images_of(class)).filter(is_rejected).count();
        let too_few = |images: usize| recipe.patches_of(images.min(subset)).is_err();
        let named = |usable, rejected| ShortClass { class: dataset.class(class).shown().to_owned(), usable, rejected };
        match (too_few(size), too_few(size - rejected)) {
            (true, _) => Some(named(size.min(subset), 0)),
            // The rejected ones may be outside the subset: it is the whole class that has too few left.
            (false, true) => Some(named(size, rejected)),
            (false, false) => None,
        }
    };
    let short: Vec<_> = classes.iter().filter_map(short).collect();
    if short.is_empty() { Ok(()) } else { Err(recipe.too_few(short)) }
}
