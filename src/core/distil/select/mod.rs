//! From scores to the patches that are kept: a key patch per image, then IPC·N of the class by the recipe's strategy
//! (RDED section 3; the others are its baselines). The one place that decides: what a strategy looks at
//! beside losses comes in as plain rows of features. What a person decided comes in as marks and has the last word.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::coreset::{self, Rows};
use super::rded::{Rded, Strategy};
use super::recipe::Recipe;
use super::scores::{ClassScores, PatchScore};
use super::short::{ShortClass, TooFewPatches};
use crate::core::data::dataset::{Class, ImageId};

mod curated;
mod kept;
mod unused;

pub use curated::Order;
pub use kept::{Chosen, Kept, Marks, Unused, Why};
pub use unused::{absent, unused};

/// Why nothing is selected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// The class is too small.
    #[error(transparent)]
    TooFew(#[from] TooFewPatches),
    /// The strategy has not made its picks for this recipe.
    #[error("class '{class}': {strategy} has not looked at the features for these settings; score the class again")]
    Unpicked {
        /// The class.
        class: String,
        /// The strategy's name.
        strategy: &'static str,
    },
}

/// The image's best crop among the first `crops`: the least loss, the lower crop number on a tie. NaN loses.
#[must_use]
pub fn key_patch(scores: &ClassScores, row: usize, crops: u32) -> Option<PatchScore> {
    let patches = (0..crops.min(scores.crops)).filter_map(|crop| scores.patch(row, crop));
    patches.min_by(|a, b| nan_last(a.loss, b.loss))
}

/// The key patches of the recipe's subset, in the order of the class's permutation: what a strategy chooses from.
#[must_use]
pub fn candidates(scores: &ClassScores, recipe: &Recipe<Rded>) -> Vec<PatchScore> {
    (0..candidate_rows(scores, recipe))
        .filter_map(|row| key_patch(scores, row, recipe.method.patches_per_image()))
        .collect()
}

/// Rows of the subset, where there are crops: those of the [`candidates`].
fn candidate_rows(scores: &ClassScores, recipe: &Recipe<Rded>) -> usize {
    let rows = scores.positions.partition_point(|&p| p < recipe.method.subset);
    if scores.crops.min(recipe.method.patches_per_image()) > 0 { rows } else { 0 }
}

/// The picks of a strategy that looks at features: `rows` has one row for each of the [`candidates`], in their order;
/// `needed` = IPC·N. Herding picks one after the other, so that fewer are a prefix of more. k-means makes `needed`
/// clusters: for fewer it is another question with another answer. Nothing for strategies without features.
#[must_use]
pub fn picks(
    recipe: &Recipe<Rded>,
    class: &str,
    candidates: &[PatchScore],
    rows: Rows<'_>,
    needed: usize,
) -> Vec<ImageId> {
    let picked = match recipe.method.strategy {
        Strategy::Realism | Strategy::Random => Vec::new(),
        Strategy::Herding => coreset::herding(rows, needed),
        Strategy::KMeans => coreset::kmeans(rows, needed, recipe.seed, class),
    };
    picked.into_iter().filter_map(|i| candidates.get(i)).map(|patch| patch.image).collect()
}

/// All key patches of a class by their losses: what most strategies' orders are made of. It depends on the scores and on
/// the number of crops alone, so that the window keeps it while IPC, subset and strategy move.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ByLoss {
    /// The least loss first; ties by image name: ids of a class are in name order.
    keys: Vec<PatchScore>,
    /// Position of each one's image in the class's permutation.
    positions: Vec<u32>,
}

impl ByLoss {
    /// Sorts the key patches among the first `crops` crops.
    #[must_use]
    pub fn new(scores: &ClassScores, crops: u32) -> Self {
        let of_row = |row: usize| Some((key_patch(scores, row, crops)?, *scores.positions.get(row)?));
        let mut all: Vec<(PatchScore, u32)> = (0..scores.rows()).filter_map(of_row).collect();
        all.sort_by(|(a, _), (b, _)| nan_last(a.loss, b.loss).then(a.image.cmp(&b.image)));
        let (keys, positions) = all.into_iter().unzip();
        Self { keys, positions }
    }

    /// Those of the first `subset` images of the permutation: a part of an order is in order.
    fn within(&self, subset: u32) -> impl Iterator<Item = PatchScore> {
        self.keys.iter().zip(&self.positions).filter(move |(_, position)| **position < subset).map(|(key, _)| *key)
    }
}

/// All candidates in the order of the strategy: rank 0 first. Realism ranks by loss (ties by image name), random by the
/// seed and the class's name; herding and k-means begin with `picks`, in the order of [`picks`], and go on by loss. Of
/// more picks than the recipe needs the first count, so that the order depends on the recipe alone.
#[must_use]
pub fn ranked(scores: &ClassScores, recipe: &Recipe<Rded>, class: &str, picks: &[ImageId]) -> Vec<PatchScore> {
    ranked_keeping(scores, &OnceCell::new(), recipe, class, picks)
}

/// [`ranked`], with the order by loss taken from `kept`, or put there where the strategy needs it. What is kept holds
/// as long as the scores and the number of crops are the same.
#[must_use]
pub fn ranked_keeping(
    scores: &ClassScores,
    kept: &OnceCell<ByLoss>,
    recipe: &Recipe<Rded>,
    class: &str,
    picks: &[ImageId],
) -> Vec<PatchScore> {
    let by_loss =
        || kept.get_or_init(|| ByLoss::new(scores, recipe.method.patches_per_image())).within(recipe.method.subset);
    match recipe.method.strategy {
        Strategy::Realism => by_loss().collect(),
        Strategy::Random => {
            let keys = candidates(scores, recipe);
            let order = coreset::random(recipe.seed, class, keys.len(), keys.len());
            order.into_iter().map(|i| keys[i]).collect()
        }
        Strategy::Herding | Strategy::KMeans => {
            let places: HashMap<ImageId, PatchScore> = by_loss().map(|p| (p.image, p)).collect();
            let due = recipe.patches_of(places.len()).unwrap_or(picks.len());
            let known = picks.iter().filter_map(|image| places.get(image)).copied();
            let mut first: Vec<PatchScore> = known.take(due).collect();
            let taken: HashSet<ImageId> = first.iter().map(|p| p.image).collect();
            first.extend(by_loss().filter(|p| !taken.contains(&p.image)));
            first
        }
    }
}

/// What a class has for a recipe, counted without ranking anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Supply {
    /// Key patches of the subset: what a strategy chooses from.
    pub candidates: usize,
    /// Those whose images are rejected.
    pub rejected: usize,
    /// What herding or k-means picked.
    picked: usize,
    /// Candidates among that.
    usable: usize,
}

impl Supply {
    /// Counts.
    #[must_use]
    pub fn of(scores: &ClassScores, recipe: &Recipe<Rded>, picks: &[ImageId], marks: Marks<'_>) -> Self {
        let candidates = candidate_rows(scores, recipe);
        let rejected = curated::rejected(marks, &scores.images[..candidates]);
        let picks = if recipe.method.strategy.needs_features() { picks } else { &[] };
        let mut known = picks.to_vec();
        known.sort_unstable();
        let is_known = |image: &&ImageId| !known.is_empty() && known.binary_search(image).is_ok();
        let usable = scores.images.iter().take(candidates).filter(is_known).count();
        Self { candidates, rejected, picked: picks.len(), usable }
    }

    /// The patches of the class's distilled images, where the candidates that are not rejected are enough for them.
    ///
    /// # Errors
    /// [`SelectError`], which names the class: too few candidates, or a strategy whose picks were made for something
    /// else.
    pub fn check(self, class: &Class, recipe: &Recipe<Rded>) -> Result<usize, SelectError> {
        let short = || ShortClass { class: class.shown().to_owned(), usable: self.candidates, rejected: self.rejected };
        let left = self.candidates.saturating_sub(self.rejected);
        let needed = recipe.patches_of(left).map_err(|_| recipe.too_few(vec![short()]))?;
        // Strategies look at all candidates: what is rejected afterwards needs no other picks.
        let due = recipe.patches_of(self.candidates).unwrap_or(needed);
        let fits = match recipe.method.strategy {
            Strategy::Realism | Strategy::Random => true,
            Strategy::Herding => self.usable >= due,
            Strategy::KMeans => self.usable == due && self.picked == due,
        };
        let class = || class.shown().to_owned();
        if fits {
            Ok(needed)
        } else {
            Err(SelectError::Unpicked { class: class(), strategy: recipe.method.strategy.name() })
        }
    }
}

/// The patches of a class that are stitched, by slot (cell·images + image, [`super::compose::rank_of`]): the first of the
/// [`ranked`] ones, IPC·N or as many as a short class fills images with, as far as `marks` don't say otherwise
/// ([`Order::keep`]).
///
/// # Errors
/// As [`Supply::check`].
pub fn select(
    scores: &ClassScores,
    class: &Class,
    recipe: &Recipe<Rded>,
    picks: &[ImageId],
    marks: Marks<'_>,
) -> Result<Vec<Kept>, SelectError> {
    let needed = Supply::of(scores, recipe, picks, marks).check(class, recipe)?;
    let ranked = Arc::new(ranked(scores, recipe, &class.name, picks));
    Ok(Order::new(ranked, scores, recipe, marks).keep(needed, recipe.method.patches, marks).0)
}

/// Ascending order in which NaN comes last, whatever its sign, and −0 equals 0.
#[must_use]
pub fn nan_last(a: f32, b: f32) -> std::cmp::Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

#[cfg(test)]
mod tests;
