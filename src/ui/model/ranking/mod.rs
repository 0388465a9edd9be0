//! The scores in memory, and what is ranked and selected from them for the recipe of the moment. A change costs what it
//! changes: every class is counted anew, which takes no sorting; a class is ranked when somebody looks at it, and its
//! ranking is kept while what shapes it stays. IPC only moves the cut in it; another subset filters the order by loss.
//! Scores for another N or seed are kept for switching back. What herding and k-means pick comes from the worker and is
//! kept likewise; where it is missing, nothing is shown in its stead.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;

use crate::core::data::dataset::{ClassId, Dataset, ImageId};
use crate::core::distil::compose::place_of;
use crate::core::distil::rded::{Rded, Strategy};
use crate::core::distil::recipe::Recipe;
use crate::core::distil::scores::{ClassScores, PatchScore};
use crate::core::distil::select::{ByLoss, SelectError, Supply, ranked_keeping};
use crate::core::distil::short::ShortClasses;
use crate::jobs::picking::Picks;

/// What scores depend on besides class, subset and crops: N, seed, and whether images are taken whole.
type Base = (u32, u64, bool);

fn base(recipe: &Recipe<Rded>) -> Base {
    (recipe.method.patches, recipe.seed, recipe.method.whole_images())
}

/// What shapes a class's ranking besides its scores: base, strategy, subset and crops, and the clusters of k-means. Picks
/// are known by the same.
type Shape = (Base, Strategy, [u32; 2], Option<(usize, ShortClasses)>);

fn shape(recipe: &Recipe<Rded>) -> Shape {
    // k-means makes as many clusters as patches are needed; herding's picks for fewer are a prefix.
    let clusters =
        (recipe.method.strategy == Strategy::KMeans).then(|| (recipe.patches_per_class(), recipe.method.short_classes));
    (base(recipe), recipe.method.strategy, [recipe.method.subset, recipe.method.crops], clusters)
}

/// A class's scores, and their order, which holds for any subset.
#[derive(Debug)]
struct Scored {
    block: Arc<ClassScores>,
    /// Crops among which the key patches of `by_loss` were found.
    crops: u32,
    by_loss: OnceCell<ByLoss>,
}

/// How one class stands for the recipe of the moment: counts, and its ranking once somebody looked at it.
#[derive(Clone, Debug, Default)]
pub struct ClassRanking {
    /// Key patches in the ranking; none before the class is scored, or picked by its features.
    pub ranked: usize,
    /// The first of them that are stitched: IPC·N, fewer of a short class, or none where there are too few.
    pub selected: usize,
    /// Images of the subset that were scored or found broken.
    pub tried: usize,
    /// Images of the subset: the class's size at most.
    pub wanted: usize,
    /// Broken images within the subset.
    pub broken: usize,
    /// Whether the scores cover the recipe, and the picks where the strategy needs them.
    pub covered: bool,
    supply: Supply,
    order: OnceCell<Arc<Vec<PatchScore>>>,
    stitched: OnceCell<Arc<Vec<PatchScore>>>,
}

/// Scores and rankings of the open dataset and observer.
#[derive(Debug, Default)]
pub struct Ranking {
    dataset: Option<Arc<Dataset>>,
    scores: HashMap<Base, Vec<Option<Scored>>>,
    picks: HashMap<(Shape, ClassId), Picks>,
    recipe: Recipe<Rded>,
    classes: Vec<ClassRanking>,
    /// What a class that does not exist has.
    none: ClassRanking,
    no_patches: Arc<Vec<PatchScore>>,
}

impl Ranking {
    /// Forgets all scores: another dataset or observer.
    pub fn open(&mut self, dataset: Option<Arc<Dataset>>) {
        let recipe = std::mem::take(&mut self.recipe);
        let classes = dataset.as_ref().map_or(0, |d| d.classes().len());
        *self = Self { dataset, recipe, classes: vec![ClassRanking::default(); classes], ..Self::default() };
        self.count_all(false);
    }

    /// Follows the recipe.
    pub fn update(&mut self, recipe: &Recipe<Rded>) {
        let same = shape(recipe) == shape(&self.recipe);
        self.recipe = *recipe;
        self.count_all(same);
    }

    /// Takes a block that was scored for `recipe`, which may not be the one shown.
    pub fn add(&mut self, recipe: &Recipe<Rded>, class: ClassId, block: Arc<ClassScores>) {
        let classes = self.classes.len();
        let table = self.scores.entry(base(recipe)).or_insert_with(|| (0..classes).map(|_| None).collect());
        if let Some(slot) = table.get_mut(class.index()) {
            *slot = Some(Scored { block, crops: 0, by_loss: OnceCell::new() });
        }
        if base(recipe) == base(&self.recipe) {
            self.count(class, false);
        }
    }

    /// Takes what was picked for `recipe`, which may not be the one shown.
    pub fn add_picks(&mut self, recipe: &Recipe<Rded>, class: ClassId, picks: Picks) {
        let known = self.picks.entry((shape(recipe), class)).or_default();
        if picks.len() >= known.len() {
            *known = picks;
        }
        if shape(recipe) == shape(&self.recipe) {
            self.count(class, false);
        }
    }

    fn count_all(&mut self, same_order: bool) {
        for class in 0..self.classes.len() as u32 {
            self.count(ClassId(class), same_order);
        }
    }

    /// Counts what a class has for the recipe. Its ranking is forgotten unless the `same_order` holds.
    fn count(&mut self, class: ClassId, same_order: bool) {
        let (Some(dataset), Some(out)) = (&self.dataset, self.classes.get_mut(class.index())) else { return };
        let (recipe, size) = (&self.recipe, dataset.class_size(class));
        let before = std::mem::take(out);
        out.wanted = size.min(recipe.method.subset as usize);
        let table = self.scores.get_mut(&base(recipe));
        let Some(scored) = table.and_then(|t| t.get_mut(class.index())?.as_mut()) else { return };
        let crops = recipe.method.patches_per_image();
        if scored.crops != crops {
            (scored.crops, scored.by_loss) = (crops, OnceCell::new());
        }
        out.supply = before.supply;
        if !same_order {
            let picks = self.picks.get(&(shape(recipe), class)).map_or(&[][..], |p| p);
            out.supply = Supply::of(&scored.block, recipe, picks);
        }
        out.broken = scored.block.broken.iter().filter(|b| b.position < recipe.method.subset).count();
        out.tried = out.supply.candidates + out.broken;
        out.covered = scored.block.covers(recipe.method.subset, crops, size);
        out.ranked = out.supply.candidates;
        match out.supply.check(dataset.class(class), recipe) {
            Ok(patches) => out.selected = patches,
            Err(SelectError::TooFew(_)) => {}
            Err(SelectError::Unpicked { .. }) => (out.ranked, out.covered) = (0, false),
        }
        if same_order {
            out.order = before.order;
            if out.selected == before.selected {
                out.stitched = before.stitched;
            }
        }
    }

    /// How a class stands; empty for a class that does not exist.
    #[must_use]
    pub fn class(&self, class: ClassId) -> &ClassRanking {
        self.classes.get(class.index()).unwrap_or(&self.none)
    }

    /// A class's key patches in the strategy's order, ranked now if nobody has looked at them yet.
    #[must_use]
    pub fn ranked(&self, class: ClassId) -> &Arc<Vec<PatchScore>> {
        let counted = self.class(class);
        let (Some(dataset), Some(scored)) = (&self.dataset, self.scored(class)) else { return &self.no_patches };
        if counted.ranked == 0 {
            return &self.no_patches;
        }
        counted.order.get_or_init(|| {
            let picks = self.picks.get(&(shape(&self.recipe), class)).map_or(&[][..], |p| p);
            let name = &dataset.class(class).name;
            Arc::new(ranked_keeping(&scored.block, &scored.by_loss, &self.recipe, name, picks))
        })
    }

    /// The first IPC·N of them, which are stitched.
    #[must_use]
    pub fn selected(&self, class: ClassId) -> &Arc<Vec<PatchScore>> {
        let counted = self.class(class);
        if counted.selected == 0 {
            return &self.no_patches;
        }
        counted.stitched.get_or_init(|| Arc::new(self.ranked(class).iter().take(counted.selected).copied().collect()))
    }

    /// Why nothing of a class is selected though it has scores, in words.
    #[must_use]
    pub fn problem(&self, class: ClassId) -> Option<String> {
        let (dataset, _) = (self.dataset.as_ref()?, self.scored(class)?);
        self.class(class).supply.check(dataset.class(class), &self.recipe).err().map(|e| e.to_string())
    }

    fn scored(&self, class: ClassId) -> Option<&Scored> {
        self.scores.get(&base(&self.recipe))?.get(class.index())?.as_ref()
    }

    /// The scores of a class, for the crops of an image and the broken files.
    #[must_use]
    pub fn block(&self, class: ClassId) -> Option<&ClassScores> {
        self.scored(class).map(|scored| scored.block.as_ref())
    }

    /// Class and rank (0 = first) of an image's key patch.
    #[must_use]
    pub fn place(&self, image: ImageId) -> Option<(ClassId, usize)> {
        let dataset = self.dataset.as_ref().filter(|d| image.index() < d.image_count())?;
        let class = dataset.class_of(image);
        let rank = self.ranked(class).iter().position(|patch| patch.image == image)?;
        Some((class, rank))
    }

    /// Cell and distilled image that hold a rank, if the patch is selected.
    #[must_use]
    pub fn cell(&self, class: ClassId, rank: usize) -> Option<(usize, usize)> {
        (rank < self.class(class).selected).then(|| place_of(rank, self.images(class)))
    }

    /// Distilled images of a class.
    #[must_use]
    pub fn images(&self, class: ClassId) -> usize {
        self.class(class).selected / self.recipe.method.patches.max(1) as usize
    }

    /// Classes among `chosen` whose scores don't cover the recipe.
    pub fn stale(&self, chosen: impl Iterator<Item = ClassId>) -> usize {
        chosen.filter(|c| !self.classes.get(c.index()).is_some_and(|r| r.covered)).count()
    }

    /// Whether any class has scores for the recipe.
    #[must_use]
    pub fn any(&self) -> bool {
        self.classes.iter().any(|c| c.tried > 0)
    }
}

#[cfg(test)]
mod tests;
