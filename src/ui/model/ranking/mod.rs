//! The scores in memory, and what is ranked and selected from them for the recipe of the moment. A change costs what it
//! changes: every class is counted anew, which takes no sorting; a class is ranked when somebody looks at it, and its
//! ranking is kept while what shapes it stays. IPC only moves the cut in it; another subset filters the order by loss; a
//! mark of the curation concerns its class alone.
//! Scores for another N or seed are kept for switching back, and until there are any, a class goes on being shown by the
//! ones before, marked as stale. What herding and k-means pick comes from the worker and is
//! kept likewise; where it is missing, nothing is shown in its stead.

mod basis;

use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;

use crate::core::data::dataset::{ClassId, Dataset, ImageId};
use crate::core::distil::compose::place_of;
use crate::core::distil::curation::{Curation, Mark};
use crate::core::distil::rded::{Framing, Rded, Strategy};
use crate::core::distil::recipe::Recipe;
use crate::core::distil::scores::{ClassScores, PatchScore};
use crate::core::distil::select::{ByLoss, Kept, Order, SelectError, Supply, Unused, absent, ranked_keeping};
use crate::core::distil::short::ShortClasses;
use crate::jobs::picking::Picks;

pub use basis::Basis;

/// What scores depend on besides class, subset and crops: N, seed, and how images that are taken whole are framed.
type Base = (u32, u64, Option<Framing>);

fn base(recipe: &Recipe<Rded>) -> Base {
    (recipe.method.patches, recipe.seed, whole(&recipe.method))
}

/// How images are framed, where they are taken whole.
fn whole(own: &Rded) -> Option<Framing> {
    own.whole_images().then_some(own.framing)
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

/// `recipe` as far as scores for `other`'s N and seed can tell of it.
fn by_scores_of(other: &Recipe<Rded>, recipe: &Recipe<Rded>) -> Recipe<Rded> {
    let Rded { crops, framing, .. } = if whole(&recipe.method) == whole(&other.method) { recipe } else { other }.method;
    let method = Rded { patches: other.method.patches, crops, framing, ..recipe.method };
    Recipe { seed: other.seed, ..*recipe }.with(method)
}

/// Whether two recipes rank the same patches in the same order.
fn same_order(a: &Recipe<Rded>, b: &Recipe<Rded>) -> bool {
    // As many of herding's picks come first as are needed.
    let first = |of: &Recipe<Rded>| (of.patches_per_class(), of.method.short_classes);
    shape(a) == shape(b) && (a.method.strategy != Strategy::Herding || first(a) == first(b))
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
    /// Whether what is shown comes from scores for another N or seed, since there are none for the recipe yet.
    pub stale: bool,
    /// What it is ranked and stitched by: the recipe, or what comes nearest to it where that is stale.
    recipe: Recipe<Rded>,
    /// What it is known by.
    pub stamps: Stamps,
    supply: Supply,
    order: OnceCell<Order>,
    stitched: OnceCell<Stitched>,
}

/// What a class's ranking, and what is stitched of it, are known by: after a change each is a number that it never was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamps {
    /// Of the ranked patches.
    pub order: u64,
    /// Of those that are stitched, and of their cells.
    pub slots: u64,
}

/// What is stitched of a class.
#[derive(Clone, Debug, Default)]
struct Stitched {
    /// By slot.
    kept: Arc<Vec<Kept>>,
    /// The slots, by the rank of what lies there.
    by_rank: Vec<usize>,
    unused: Vec<Unused>,
}

/// Scores and rankings of the open dataset and observer.
#[derive(Debug, Default)]
pub struct Ranking {
    dataset: Option<Arc<Dataset>>,
    scores: HashMap<Base, Vec<Option<Scored>>>,
    picks: HashMap<(Shape, ClassId), Picks>,
    recipe: Recipe<Rded>,
    curation: Arc<Curation>,
    classes: Vec<ClassRanking>,
    /// The stamp that was given last.
    stamp: u64,
    /// What a class that does not exist has.
    none: ClassRanking,
    no_patches: Arc<Vec<PatchScore>>,
    nothing: Stitched,
}

impl Ranking {
    /// Forgets all scores and marks: another dataset or observer.
    pub fn open(&mut self, dataset: Option<Arc<Dataset>>) {
        let recipe = std::mem::take(&mut self.recipe);
        let classes = dataset.as_ref().map_or(0, |d| d.classes().len());
        let stamp = self.stamp;
        *self = Self { dataset, recipe, classes: vec![ClassRanking::default(); classes], stamp, ..Self::default() };
        (0..classes as u32).for_each(|class| self.count(ClassId(class), false));
    }

    /// Follows the recipe and the curation.
    pub fn update(&mut self, recipe: &Recipe<Rded>, curation: &Arc<Curation>) {
        self.recipe = *recipe;
        let before = std::mem::replace(&mut self.curation, curation.clone());
        let unmarked = Arc::ptr_eq(&before, curation) || *before == **curation;
        for class in 0..self.classes.len() as u32 {
            let same_marks = unmarked || self.marks_of(&before, ClassId(class)) == self.marks(ClassId(class));
            self.count(ClassId(class), same_marks);
        }
    }

    fn marks_of(&self, curation: &Curation, class: ClassId) -> Vec<(ImageId, Mark)> {
        let Some(dataset) = self.dataset.as_ref().filter(|_| !curation.is_empty()) else { return Vec::new() };
        curation.within(dataset.images_of(class)).collect()
    }

    /// What the images of a class are marked with.
    fn marks(&self, class: ClassId) -> Vec<(ImageId, Mark)> {
        self.marks_of(&self.curation, class)
    }

    /// Takes a block that was scored for `recipe`, which may not be the one shown.
    pub fn add(&mut self, recipe: &Recipe<Rded>, class: ClassId, block: Arc<ClassScores>) {
        let classes = self.classes.len();
        let table = self.scores.entry(base(recipe)).or_insert_with(|| (0..classes).map(|_| None).collect());
        if let Some(slot) = table.get_mut(class.index()) {
            *slot = Some(Scored { block, crops: 0, by_loss: OnceCell::new() });
        }
        if [base(&self.recipe), base(self.recipe(class))].contains(&base(recipe)) {
            self.count(class, false);
        }
    }

    /// Takes what was picked for `recipe`, which may not be the one shown.
    pub fn add_picks(&mut self, recipe: &Recipe<Rded>, class: ClassId, picks: Picks) {
        let known = self.picks.entry((shape(recipe), class)).or_default();
        if picks.len() >= known.len() {
            *known = picks;
        }
        if [shape(&self.recipe), shape(self.recipe(class))].contains(&shape(recipe)) {
            self.count(class, false);
        }
    }

    /// The recipe that a class is shown by: that of the moment if there are scores for its N and seed, else the one
    /// before with what else has changed.
    fn recipe_for(&self, class: ClassId) -> Recipe<Rded> {
        let has = |recipe: &Recipe<Rded>| {
            let of_base = self.scores.get(&base(recipe)).and_then(|table| table.get(class.index()));
            of_base.is_some_and(Option::is_some)
        };
        let before = self.class(class).recipe;
        if has(&self.recipe) || !has(&before) { self.recipe } else { by_scores_of(&before, &self.recipe) }
    }

    /// Counts what a class has for the recipe. Its ranking is kept where its scores and marks are the same and the recipe
    /// asks for the same order.
    fn count(&mut self, class: ClassId, same: bool) {
        let recipe = &self.recipe_for(class);
        let same_order = same && same_order(recipe, &self.class(class).recipe);
        let marks = if same_order { Vec::new() } else { self.marks(class) };
        let stale = base(recipe) != base(&self.recipe);
        self.stamp += 1;
        let (Some(dataset), Some(out)) = (&self.dataset, self.classes.get_mut(class.index())) else { return };
        let size = dataset.class_size(class);
        let before = std::mem::take(out);
        (out.recipe, out.stale) = (*recipe, stale);
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
            out.supply = Supply::of(&scored.block, recipe, picks, &marks);
        }
        out.broken = scored.block.broken.iter().filter(|b| b.position < recipe.method.subset).count();
        out.tried = out.supply.candidates + out.broken;
        out.covered = !stale && scored.block.covers(recipe.method.subset, crops, size);
        out.ranked = out.supply.candidates;
        match out.supply.check(dataset.class(class), recipe) {
            Ok(patches) => out.selected = patches,
            Err(SelectError::TooFew(_)) => {}
            Err(SelectError::Unpicked { .. }) => (out.ranked, out.covered) = (0, false),
        }
        out.stamps = Stamps { order: self.stamp, slots: self.stamp };
        if same_order {
            (out.order, out.stamps.order) = (before.order, before.stamps.order);
            if out.selected == before.selected {
                (out.stitched, out.stamps.slots) = (before.stitched, before.stamps.slots);
            }
        }
    }

    /// How a class stands; empty for a class that does not exist.
    #[must_use]
    pub fn class(&self, class: ClassId) -> &ClassRanking {
        self.classes.get(class.index()).unwrap_or(&self.none)
    }

    /// A class's patches in the strategy's order, ranked now if nobody has looked at them yet: key patches, or the crops
    /// that were taken in their stead. Rejected ones keep their ranks.
    #[must_use]
    pub fn ranked(&self, class: ClassId) -> &Arc<Vec<PatchScore>> {
        self.order(class).map_or(&self.no_patches, |order| &order.patches)
    }

    fn order(&self, class: ClassId) -> Option<&Order> {
        let counted = self.class(class);
        let (dataset, scored) = (self.dataset.as_ref()?, self.scored(class)?);
        if counted.ranked == 0 {
            return None;
        }
        Some(counted.order.get_or_init(|| {
            let recipe = &counted.recipe;
            let picks = self.picks.get(&(shape(recipe), class)).map_or(&[][..], |p| p);
            let name = &dataset.class(class).name;
            let ranked = Arc::new(ranked_keeping(&scored.block, &scored.by_loss, recipe, name, picks));
            Order::new(ranked, &scored.block, recipe, &self.marks(class))
        }))
    }

    /// The IPC·N of them that are stitched, by slot (cell·images + image).
    #[must_use]
    pub fn selected(&self, class: ClassId) -> &Arc<Vec<Kept>> {
        &self.stitched(class).kept
    }

    fn stitched(&self, class: ClassId) -> &Stitched {
        let counted = self.class(class);
        let Some(order) = self.order(class).filter(|_| counted.selected > 0) else { return &self.nothing };
        counted.stitched.get_or_init(|| {
            let (kept, unused) = order.keep(counted.selected, counted.recipe.method.patches, &self.marks(class));
            let mut by_rank: Vec<usize> = (0..kept.len()).collect();
            by_rank.sort_by_key(|&slot| kept[slot].rank);
            Stitched { kept: Arc::new(kept), by_rank, unused }
        })
    }

    /// How many stitched patches of the class rank before a rank: where it stands among them, if it is stitched.
    #[must_use]
    pub fn among_stitched(&self, class: ClassId, rank: usize) -> Option<usize> {
        let stitched = self.stitched(class);
        stitched.by_rank.binary_search_by_key(&rank, |&slot| stitched.kept[slot].rank as usize).ok()
    }

    /// What of the curation does not apply to a class, by image; nothing before it is scored.
    #[must_use]
    pub fn unused(&self, class: ClassId) -> Vec<Unused> {
        let (marks, scored) = (self.marks(class), self.scored(class));
        let Some(scored) = scored.filter(|_| !marks.is_empty()) else { return Vec::new() };
        let mut unused = absent(&scored.block, self.recipe(class), &marks);
        unused.extend(&self.stitched(class).unused);
        unused.sort_unstable();
        unused
    }

    /// Why nothing of a class is selected though it has scores, in words.
    #[must_use]
    pub fn problem(&self, class: ClassId) -> Option<String> {
        let (dataset, _) = (self.dataset.as_ref()?, self.scored(class)?);
        self.class(class).supply.check(dataset.class(class), self.recipe(class)).err().map(|e| e.to_string())
    }

    /// What a class is ranked and stitched by: the recipe of the moment, or what comes nearest to it where it is stale.
    #[must_use]
    pub fn recipe(&self, class: ClassId) -> &Recipe<Rded> {
        &self.class(class).recipe
    }

    fn scored(&self, class: ClassId) -> Option<&Scored> {
        self.scores.get(&base(self.recipe(class)))?.get(class.index())?.as_ref()
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

    /// Cell and distilled image that hold the image at a rank, if it is stitched.
    #[must_use]
    pub fn cell(&self, class: ClassId, rank: usize) -> Option<(usize, usize)> {
        let slot = *self.stitched(class).by_rank.get(self.among_stitched(class, rank)?)?;
        Some(place_of(slot, self.images(class)))
    }

    /// Distilled images of a class.
    #[must_use]
    pub fn images(&self, class: ClassId) -> usize {
        self.class(class).selected / self.recipe(class).method.patches.max(1) as usize
    }

    /// Classes among `chosen` whose scores don't cover the recipe.
    pub fn stale(&self, chosen: impl Iterator<Item = ClassId>) -> usize {
        chosen.filter(|c| !self.classes.get(c.index()).is_some_and(|r| r.covered)).count()
    }

    /// Whether any class has scores, for the recipe or for another N or seed.
    #[must_use]
    pub fn any(&self) -> bool {
        self.classes.iter().any(|c| c.tried > 0)
    }
}

#[cfg(test)]
mod tests;
