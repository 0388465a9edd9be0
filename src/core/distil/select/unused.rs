//! What of a curation does not apply to a class and a recipe.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::super::curation::{Choice, Mark};
use super::super::rded::Rded;
use super::super::recipe::Recipe;
use super::super::scores::ClassScores;
use super::curated::{Order, crop_at};
use super::kept::{Marks, Unused, Why};
use super::{Supply, candidate_rows, ranked};
use crate::core::data::dataset::{Class, ImageId};

/// What of the marks of a class does not apply to a recipe, by image. Tags select nothing, and so always apply; pins and
/// places are looked at where the class has enough patches.
#[must_use]
pub fn unused(
    scores: &ClassScores,
    class: &Class,
    recipe: &Recipe<Rded>,
    picks: &[ImageId],
    marks: Marks<'_>,
) -> Vec<Unused> {
    let mut all = absent(scores, recipe, marks);
    if let Ok(needed) = Supply::of(scores, recipe, picks, marks).check(class, recipe) {
        let ranked = Arc::new(ranked(scores, recipe, &class.name, picks));
        let order = Order::new(ranked, scores, recipe, marks);
        all.extend(order.keep(needed, recipe.method.patches, marks).1);
    }
    all.sort_unstable();
    all
}

/// Marks of images that are no candidates, and boxes that are no crops: the part of [`unused`] that asks for no order.
#[must_use]
pub fn absent(scores: &ClassScores, recipe: &Recipe<Rded>, marks: Marks<'_>) -> Vec<Unused> {
    if marks.is_empty() {
        return Vec::new();
    }
    let subset = recipe.method.subset;
    let candidates = scores.images.iter().take(candidate_rows(scores, recipe));
    let rows: HashMap<ImageId, usize> = candidates.copied().zip(0..).collect();
    let broken: HashSet<ImageId> =
        scores.broken.iter().filter(|broken| broken.position < subset).map(|broken| broken.image).collect();
    let beyond: HashSet<ImageId> = scores.images.iter().skip(rows.len()).copied().collect();
    let why = |(image, mark): &(ImageId, Mark)| match rows.get(image) {
        Some(&row) => {
            let bbox = mark.crop.filter(|_| mark.choice != Choice::Rejected);
            let crop_gone =
                bbox.is_some_and(|bbox| crop_at(scores, row, recipe.method.patches_per_image(), bbox).is_none());
            let not_pinned = mark.place.is_some() && mark.choice != Choice::Pinned;
            crop_gone.then_some(Why::CropGone).or(not_pinned.then_some(Why::NotPinned))
        }
        None if broken.contains(image) => Some(Why::Broken),
        None if scores.tried() >= subset as usize || beyond.contains(image) => Some(Why::NotInSubset),
        None => Some(Why::NotScored),
    };
    let selecting = marks.iter().filter(|(_, mark)| mark.selects());
    selecting.filter_map(|marked| Some(Unused { image: marked.0, why: why(marked)? })).collect()
}
