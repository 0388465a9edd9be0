//! From scores to the patches that are kept: a key patch per image, then IPC·N of the class by the recipe's strategy
//! (RDED section 3; the others are its baselines). The one place that decides: what a strategy looks at
//! beside losses comes in as plain rows of features.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};

use super::coreset::{self, Rows};
use super::rded::{Rded, Strategy};
use super::recipe::Recipe;
use super::scores::{ClassScores, PatchScore};
use super::short::TooFewPatches;
use crate::core::data::dataset::{Class, ImageId};

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
    let rows = scores.positions.partition_point(|&p| p < recipe.method.subset);
    (0..rows).filter_map(|row| key_patch(scores, row, recipe.method.patches_per_image())).collect()
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
/// seed and the class's name; herding and k-means begin with `picks`, in the order of [`picks`], and go on by loss.
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
            let mut first: Vec<PatchScore> = picks.iter().filter_map(|image| places.get(image)).copied().collect();
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
    /// What herding or k-means picked.
    picked: usize,
    /// Candidates among that.
    usable: usize,
}

impl Supply {
    /// Counts.
    #[must_use]
    pub fn of(scores: &ClassScores, recipe: &Recipe<Rded>, picks: &[ImageId]) -> Self {
        let rows = scores.positions.partition_point(|&p| p < recipe.method.subset);
        let candidates = if scores.crops.min(recipe.method.patches_per_image()) > 0 { rows } else { 0 };
        let picks = if recipe.method.strategy.needs_features() { picks } else { &[] };
        let mut known = picks.to_vec();
        known.sort_unstable();
        let is_known = |image: &&ImageId| !known.is_empty() && known.binary_search(image).is_ok();
        let usable = scores.images.iter().take(candidates).filter(is_known).count();
        Self { candidates, picked: picks.len(), usable }
    }

    /// The patches of the class's distilled images, where that is enough for them.
    ///
    /// # Errors
    /// [`SelectError`], which names the class: too few candidates, or a strategy whose picks were made for something
    /// else.
    pub fn check(self, class: &Class, recipe: &Recipe<Rded>) -> Result<usize, SelectError> {
        let too_few = |_| recipe.too_few(vec![(class.shown().to_owned(), self.candidates)]);
        let needed = recipe.patches_of(self.candidates).map_err(too_few)?;
        let fits = match recipe.method.strategy {
            Strategy::Realism | Strategy::Random => true,
            Strategy::Herding => self.usable >= needed,
            Strategy::KMeans => self.usable == needed && self.picked == needed,
        };
        let class = || class.shown().to_owned();
        if fits {
            Ok(needed)
        } else {
            Err(SelectError::Unpicked { class: class(), strategy: recipe.method.strategy.name() })
        }
    }
}

/// The first of the [`ranked`] patches of a class, IPC·N or as many as a short one fills images with: those that are
/// stitched.
///
/// # Errors
/// As [`Supply::check`].
pub fn select(
    scores: &ClassScores,
    class: &Class,
    recipe: &Recipe<Rded>,
    picks: &[ImageId],
) -> Result<Vec<PatchScore>, SelectError> {
    let needed = Supply::of(scores, recipe, picks).check(class, recipe)?;
    let mut keys = ranked(scores, recipe, &class.name, picks);
    keys.truncate(needed);
    Ok(keys)
}

/// Ascending order in which NaN comes last, whatever its sign, and −0 equals 0.
fn nan_last(a: f32, b: f32) -> std::cmp::Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

#[cfg(test)]
mod tests {
    use super::super::patch::CropBox;
    use super::*;
    use crate::core::rng::Stream;

    fn block(losses: &[[f32; 2]]) -> ClassScores {
        let mut scores = ClassScores::new(2);
        for (i, row) in losses.iter().enumerate() {
            scores.push(i as u32, ImageId(100 - i as u32), &[CropBox::whole(8, 8); 2], row);
        }
        scores
    }

    fn owl() -> Class {
        Class { name: "n01".into(), title: Some("owl".into()), folder: Vec::new() }
    }

    fn recipe(strategy: Strategy, ipc: u32) -> Recipe<Rded> {
        Recipe { ipc, method: Rded { strategy, patches: 1, crops: 2, ..Rded::default() }, ..Recipe::default() }
    }

    /// The same with a smaller subset.
    fn of_subset(recipe: Recipe<Rded>, subset: u32) -> Recipe<Rded> {
        recipe.with(Rded { subset, ..recipe.method })
    }

    /// The same with other crops.
    fn with_crops(recipe: Recipe<Rded>, crops: u32) -> Recipe<Rded> {
        recipe.with(Rded { crops, ..recipe.method })
    }

    /// Eight images, whose features are what herding and k-means are tried on.
    fn eight() -> (ClassScores, [f32; 8]) {
        (block(&[[3.0, 9.0]; 8]), [0.0, 2.0, 4.0, 6.0, 100.0, 101.0, 102.0, 3.0])
    }

    fn ids(patches: &[PatchScore]) -> Vec<u32> {
        patches.iter().map(|p| p.image.0).collect()
    }

    #[test]
    fn keeps_the_least_loss_per_image_and_ranks_them() {
        let scores = block(&[[3.0, 1.0], [0.5, 2.0], [0.7, 0.7], [f32::NAN, 9.0]]);
        let recipe = with_crops(recipe(Strategy::Realism, 1), 5);
        let ranked: Vec<_> = ranked(&scores, &recipe, "c", &[]).iter().map(|p| (p.image.0, p.crop, p.loss)).collect();
        assert_eq!(ranked, [(99, 0, 0.5), (98, 0, 0.7), (100, 1, 1.0), (97, 1, 9.0)]);
    }

    #[test]
    fn ties_break_by_name_and_subsets_are_prefixes() {
        let scores = block(&[[1.0, 1.0], [1.0, 2.0], [0.0, 0.0]]);
        let of = |subset| ids(&ranked(&scores, &of_subset(recipe(Strategy::Realism, 1), subset), "c", &[]));
        assert_eq!(of(2), [99, 100]);
        assert_eq!(of(3), [98, 99, 100]);
    }

    /// The order by loss that is kept gives, for any subset, what sorting that subset's candidates gives.
    #[test]
    fn a_kept_order_is_that_of_sorting_the_subset() {
        let mut stream = Stream::new("stillroom test select", 3, &[]);
        for _ in 0..40 {
            let rows = stream.below(40) as usize;
            let mut scores = ClassScores::new(3);
            for row in 0..rows {
                // Few values, so that there are ties; some are no numbers, some images are missing.
                let mut loss = || [0.0, -0.0, 0.25, 1.0, f32::INFINITY, f32::NAN][stream.below(6) as usize];
                let losses = [loss(), loss(), loss()];
                let position = (row + row / 3) as u32;
                scores.push(position, ImageId((row * 7 % 41) as u32), &[CropBox::whole(8, 8); 3], &losses);
            }
            let kept = OnceCell::new();
            for _ in 0..6 {
                let recipe = of_subset(recipe(Strategy::Realism, 1), stream.below(60) as u32);
                let mut sorted = candidates(&scores, &recipe);
                sorted.sort_by(|a, b| nan_last(a.loss, b.loss).then(a.image.cmp(&b.image)));
                let ranked = ranked_keeping(&scores, &kept, &recipe, "c", &[]);
                assert_eq!(format!("{ranked:?}"), format!("{sorted:?}"));
                assert_eq!(Supply::of(&scores, &recipe, &[]).candidates, sorted.len());
            }
        }
    }

    #[test]
    fn whole_images_have_one_patch_each() {
        let scores = block(&[[3.0, 1.0], [0.5, 0.1]]);
        let recipe = with_crops(recipe(Strategy::Realism, 1), 0);
        let keys = candidates(&scores, &recipe);
        assert_eq!(keys.iter().map(|p| (p.image.0, p.crop)).collect::<Vec<_>>(), [(100, 0), (99, 0)]);
    }

    #[test]
    fn too_few_names_the_class() {
        for strategy in [Strategy::Realism, Strategy::Random, Strategy::Herding] {
            let error = select(&block(&[[1.0, 1.0]]), &owl(), &recipe(strategy, 4), &[]).unwrap_err();
            let due = recipe(strategy, 4).too_few(vec![("owl".into(), 1)]);
            assert_eq!(error, SelectError::TooFew(due));
            assert!(error.to_string().contains("owl"));
        }
    }

    #[test]
    fn random_differs_by_seed_and_class_and_smaller_sets_are_prefixes() {
        let (scores, _) = eight();
        let of = |seed, class: &str, ipc| {
            let class = Class { name: class.into(), ..owl() };
            ids(&select(&scores, &class, &Recipe { seed, ..recipe(Strategy::Random, ipc) }, &[]).unwrap())
        };
        let all = of(1, "n01", 8);
        assert_eq!(of(1, "n01", 3), all[..3]);
        assert!(all != of(2, "n01", 8) && all != of(1, "n02", 8));
        let mut sorted = all;
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(93..=100), "each image once");
    }

    #[test]
    fn herding_by_hand_then_by_loss() {
        // Of 0, 2, 4, 6 the mean is 3: 2 and 4 are as near, the lower row wins; 6 − 2 asks for 4; 9 − 6 for 3, where 0
        // and 6 are as near. Row r is image 100 − r; position 4 is beyond the subset.
        let (mut scores, features) = eight();
        let recipe = of_subset(recipe(Strategy::Herding, 2), 4);
        scores.losses[6] = 0.5;
        let keys = candidates(&scores, &recipe);
        let rows = Rows { values: &features[..4], dims: 1 };
        let three = picks(&recipe, "n01", &keys, rows, 3);
        assert_eq!(three, [ImageId(99), ImageId(98), ImageId(100)]);
        assert_eq!(picks(&recipe, "n01", &keys, rows, 2), three[..2], "fewer are a prefix");
        assert_eq!(ids(&select(&scores, &owl(), &recipe, &three).unwrap()), [99, 98]);
        let one = ranked(&scores, &recipe, "n01", &three[..1]);
        assert_eq!(ids(&one), [99, 97, 98, 100], "image 97 has the least loss of the others");
    }

    #[test]
    fn kmeans_takes_one_of_each_heap() {
        let (scores, features) = eight();
        let recipe = recipe(Strategy::KMeans, 2);
        let keys = candidates(&scores, &recipe);
        let two = picks(&recipe, "n01", &keys, Rows { values: &features, dims: 1 }, 2);
        // Heaps 0, 2, 4, 6, 3 and 100, 101, 102: their means are 3 and 101, the larger heap comes first.
        assert_eq!(two, [ImageId(93), ImageId(95)]);
        assert_eq!(ids(&select(&scores, &owl(), &recipe, &two).unwrap()), [93, 95]);
    }

    #[test]
    fn picks_for_something_else_select_nothing() {
        let (scores, _) = eight();
        let two = [ImageId(99), ImageId(98)];
        for (strategy, ipc, fits) in [
            (Strategy::Herding, 1, true),
            (Strategy::Herding, 2, true),
            (Strategy::Herding, 3, false),
            (Strategy::KMeans, 1, false),
            (Strategy::KMeans, 2, true),
            (Strategy::KMeans, 3, false),
        ] {
            let selected = select(&scores, &owl(), &recipe(strategy, ipc), &two);
            assert_eq!(selected.is_ok(), fits, "{strategy:?} at {ipc}");
        }
        let gone = select(&scores, &owl(), &recipe(Strategy::Herding, 2), &[ImageId(99), ImageId(7)]);
        assert!(gone.unwrap_err().to_string().contains("herding has not looked"));
    }
}
