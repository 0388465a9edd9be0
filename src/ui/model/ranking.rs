//! The scores in memory, and what is ranked and selected from them for the recipe of the moment. A changed IPC or a
//! smaller subset is a re-select; scores for another N or seed are kept for switching back. What herding and k-means
//! pick comes from the worker and is kept likewise; where it is missing, nothing is shown in its stead.

use std::collections::HashMap;
use std::sync::Arc;

use crate::core::data::dataset::{ClassId, Dataset, ImageId};
use crate::core::distil::compose::place_of;
use crate::core::distil::rded::{Rded, Strategy};
use crate::core::distil::recipe::Recipe;
use crate::core::distil::scores::{ClassScores, PatchScore, ScoreTable};
use crate::core::distil::select::{SelectError, ranked, select};
use crate::jobs::picking::Picks;

/// What scores depend on besides class, subset and crops: N, seed, and whether images are taken whole.
type Base = (u32, u64, bool);

fn base(recipe: &Recipe<Rded>) -> Base {
    (recipe.method.patches, recipe.seed, recipe.method.whole_images())
}

/// What picks depend on besides the scores' base and the class.
type PickKey = (Base, Strategy, [u32; 2], usize);

fn pick_key(recipe: &Recipe<Rded>) -> PickKey {
    // k-means makes as many clusters as patches are needed; herding's picks for fewer are a prefix.
    let clusters = if recipe.method.strategy == Strategy::KMeans { recipe.patches_per_class() } else { 0 };
    (base(recipe), recipe.method.strategy, [recipe.method.subset, recipe.method.crops], clusters)
}

/// One class's patches for the recipe of the moment.
#[derive(Clone, Debug, Default)]
pub struct ClassRanking {
    /// Key patches in the strategy's order; empty before the class is scored, or picked by its features.
    pub ranked: Arc<Vec<PatchScore>>,
    /// The IPC·N patches that are stitched.
    pub selected: Arc<Vec<PatchScore>>,
    /// Why nothing is selected, in words.
    pub problem: Option<String>,
    /// Images of the subset that were scored or found broken.
    pub tried: usize,
    /// Images of the subset: the class's size at most.
    pub wanted: usize,
    /// Broken images within the subset.
    pub broken: usize,
    /// Whether the scores cover the recipe, and the picks where the strategy needs them.
    pub covered: bool,
}

/// Scores and rankings of the open dataset and observer.
#[derive(Debug, Default)]
pub struct Ranking {
    tables: HashMap<Base, ScoreTable>,
    picks: HashMap<(PickKey, ClassId), Picks>,
    recipe: Recipe<Rded>,
    classes: Vec<ClassRanking>,
    places: HashMap<ImageId, (ClassId, usize)>,
    /// What a class that does not exist has.
    none: ClassRanking,
}

impl Ranking {
    /// Forgets all scores: another dataset or observer.
    pub fn clear(&mut self, dataset: Option<&Dataset>) {
        let recipe = std::mem::take(&mut self.recipe);
        *self = Self::default();
        if let Some(dataset) = dataset {
            self.update(dataset, &recipe);
        }
    }

    /// Ranks and selects all classes for a recipe.
    pub fn update(&mut self, dataset: &Dataset, recipe: &Recipe<Rded>) {
        self.recipe = *recipe;
        self.classes = vec![ClassRanking::default(); dataset.classes().len()];
        self.places.clear();
        for class in dataset.class_ids() {
            self.rank(dataset, class);
        }
    }

    /// Takes a block that was scored for `recipe`, which may not be the one shown.
    pub fn add(&mut self, dataset: &Dataset, recipe: &Recipe<Rded>, (class, block): (ClassId, Arc<ClassScores>)) {
        let table = self.tables.entry(base(recipe)).or_insert_with(|| ScoreTable::new(dataset.classes().len()));
        table.set(class, block);
        if base(recipe) == base(&self.recipe) {
            self.rank(dataset, class);
        }
    }

    /// Takes what was picked for `recipe`, which may not be the one shown.
    pub fn add_picks(&mut self, dataset: &Dataset, recipe: &Recipe<Rded>, (class, picks): (ClassId, Picks)) {
        let known = self.picks.entry((pick_key(recipe), class)).or_default();
        if picks.len() >= known.len() {
            *known = picks;
        }
        if pick_key(recipe) == pick_key(&self.recipe) {
            self.rank(dataset, class);
        }
    }

    fn rank(&mut self, dataset: &Dataset, class: ClassId) {
        let recipe = &self.recipe;
        let size = dataset.class_size(class);
        let wanted = size.min(recipe.method.subset as usize);
        let mut out = ClassRanking { wanted, ..ClassRanking::default() };
        if let Some(block) = self.tables.get(&base(recipe)).and_then(|t| t.class(class)) {
            let about = dataset.class(class);
            let picks = self.picks.get(&(pick_key(recipe), class)).map_or(&[][..], |p| p);
            let mut keys = ranked(block, recipe, &about.name, picks);
            out.broken = block.broken.iter().filter(|b| b.position < recipe.method.subset).count();
            out.tried = keys.len() + out.broken;
            out.covered = block.covers(recipe.method.subset, recipe.method.patches_per_image(), size);
            match select(block, about, recipe, picks) {
                Ok(selected) => out.selected = Arc::new(selected),
                Err(error) => {
                    if matches!(error, SelectError::Unpicked { .. }) {
                        out.covered = false;
                        keys.clear();
                    }
                    out.problem = Some(error.to_string());
                }
            }
            for (rank, patch) in keys.iter().enumerate() {
                self.places.insert(patch.image, (class, rank));
            }
            out.ranked = Arc::new(keys);
        }
        if let Some(slot) = self.classes.get_mut(class.index()) {
            *slot = out;
        }
    }

    /// A class's ranking; empty for a class that does not exist.
    #[must_use]
    pub fn class(&self, class: ClassId) -> &ClassRanking {
        self.classes.get(class.index()).unwrap_or(&self.none)
    }

    /// The scores of a class, for the crops of an image and the broken files.
    #[must_use]
    pub fn block(&self, class: ClassId) -> Option<&ClassScores> {
        self.tables.get(&base(&self.recipe))?.class(class)
    }

    /// Class and rank (0 = first) of an image's key patch.
    #[must_use]
    pub fn place(&self, image: ImageId) -> Option<(ClassId, usize)> {
        // Ranks beyond the subset are left from before; they are checked against the ranking itself.
        let (class, rank) = *self.places.get(&image)?;
        (self.classes.get(class.index())?.ranked.get(rank)?.image == image).then_some((class, rank))
    }

    /// Cell and distilled image that hold a rank, if the patch is selected.
    #[must_use]
    pub fn cell(&self, class: ClassId, rank: usize) -> Option<(usize, usize)> {
        let selected = self.classes.get(class.index())?.selected.len();
        (rank < selected).then(|| place_of(rank, self.recipe.ipc as usize))
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
mod tests {
    use super::*;
    use crate::core::data::dataset::{Class, DatasetBuilder, Layout, Split};
    use crate::core::data::source::Held;
    use crate::core::distil::patch::CropBox;

    fn dataset() -> Dataset {
        let mut builder = DatasetBuilder::default();
        let names = (0..4).map(|i| format!("{i}.png").into_bytes()).collect();
        builder.class(Class { name: "a".into(), title: None, folder: b"a".to_vec() }, names);
        builder.build("/nowhere".into(), Layout::ImageFolder, Split::Whole, Held::encoded([])).unwrap()
    }

    /// Images in the order in which they are shown.
    fn shown(ranking: &Ranking) -> Vec<u32> {
        ranking.class(ClassId(0)).ranked.iter().map(|p| p.image.0).collect()
    }

    fn block(losses: &[f32]) -> Arc<ClassScores> {
        let mut block = ClassScores::new(1);
        for (i, loss) in losses.iter().enumerate() {
            block.push(i as u32, ImageId(i as u32), &[CropBox::whole(8, 8)], &[*loss]);
        }
        Arc::new(block)
    }

    fn images(ranking: &Ranking) -> Vec<u32> {
        ranking.class(ClassId(0)).selected.iter().map(|p| p.image.0).collect()
    }

    #[test]
    fn recipes_select_from_scores_in_memory_and_old_ones_are_kept() {
        let (data, class) = (dataset(), ClassId(0));
        let method = Rded { patches: 1, subset: 4, crops: 1, ..Rded::default() };
        let recipe = Recipe { ipc: 2, method, ..Recipe::default() };
        let mut ranking = Ranking::default();
        ranking.update(&data, &recipe);
        assert_eq!((ranking.any(), ranking.stale([class].into_iter())), (false, 1));
        ranking.add(&data, &recipe, (class, block(&[0.4, 0.1, 0.3, 0.2])));
        assert_eq!((images(&ranking), ranking.stale([class].into_iter())), (vec![1, 3], 0));
        assert_eq!((ranking.place(ImageId(3)), ranking.cell(class, 1)), (Some((class, 1)), Some((0, 1))));

        // A smaller subset: images 0 and 1 only.
        ranking.update(&data, &recipe.with(Rded { subset: 2, ..method }));
        assert_eq!((images(&ranking), ranking.place(ImageId(3))), (vec![1, 0], None));
        // Another N has no scores; back again they are there.
        ranking.update(&data, &recipe.with(Rded { patches: 4, ..method }));
        assert!(!ranking.any());
        ranking.update(&data, &Recipe { ipc: 5, ..recipe });
        assert!(ranking.class(class).problem.as_ref().is_some_and(|p| p.contains("'a'")));
        // Scores for another recipe do not show.
        ranking.add(&data, &Recipe { seed: 9, ..recipe }, (class, block(&[9.0])));
        assert_eq!(ranking.class(class).ranked.len(), 4);
        ranking.clear(Some(&data));
        assert!(!ranking.any());
    }

    #[test]
    fn random_is_shown_at_once_and_herding_only_with_its_picks() {
        let (data, class) = (dataset(), ClassId(0));
        let method = Rded { patches: 1, subset: 4, crops: 1, ..Rded::default() };
        let recipe = Recipe { ipc: 2, method, ..Recipe::default() };
        let mut ranking = Ranking::default();
        ranking.update(&data, &recipe);
        ranking.add(&data, &recipe, (class, block(&[0.4, 0.1, 0.3, 0.2])));
        ranking.update(&data, &recipe.with(Rded { strategy: Strategy::Random, ..method }));
        let drawn = ranked(&block(&[0.4, 0.1, 0.3, 0.2]), &ranking.recipe, "a", &[]);
        assert_eq!(shown(&ranking), drawn.iter().map(|p| p.image.0).collect::<Vec<_>>());
        assert_eq!((images(&ranking), ranking.stale([class].into_iter())), (shown(&ranking)[..2].to_vec(), 0));

        let herding = recipe.with(Rded { strategy: Strategy::Herding, ..method });
        ranking.update(&data, &herding);
        assert_eq!((shown(&ranking), images(&ranking), ranking.stale([class].into_iter())), (vec![], vec![], 1));
        assert!(ranking.class(class).problem.as_ref().is_some_and(|p| p.contains("herding")));
        ranking.add_picks(&data, &herding, (class, Arc::new(vec![ImageId(2), ImageId(0)])));
        assert_eq!((images(&ranking), shown(&ranking)), (vec![2, 0], vec![2, 0, 1, 3]));
        ranking.update(&data, &Recipe { ipc: 1, ..herding });
        assert_eq!((images(&ranking), ranking.stale([class].into_iter())), (vec![2], 0));
        ranking.update(&data, &Recipe { ipc: 3, ..herding });
        assert_eq!((images(&ranking), ranking.stale([class].into_iter())), (vec![], 1));
        // Of fewer picks, the longer list stays; k-means asks anew for each size.
        ranking.add_picks(&data, &herding, (class, Arc::new(vec![ImageId(2)])));
        ranking.update(&data, &herding);
        assert_eq!(images(&ranking), [2, 0]);
        let kmeans = recipe.with(Rded { strategy: Strategy::KMeans, ..method });
        ranking.update(&data, &kmeans);
        ranking.add_picks(&data, &kmeans, (class, Arc::new(vec![ImageId(3), ImageId(1)])));
        assert_eq!(images(&ranking), [3, 1]);
        ranking.update(&data, &Recipe { ipc: 1, ..kmeans });
        assert_eq!((images(&ranking), ranking.stale([class].into_iter())), (vec![], 1));
    }
}
