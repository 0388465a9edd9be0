//! Everything that decides what is stitched, as it is at a moment: cheap to take, and read on another thread.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Picks, Ranking, shape};
use crate::core::data::dataset::{ClassId, Dataset};
use crate::core::distil::curation::Curation;
use crate::core::distil::difference::Difference;
use crate::core::distil::rded::Rded;
use crate::core::distil::recipe::Recipe;
use crate::core::distil::scores::ClassScores;
use crate::core::distil::select::{Kept, select};

/// One class.
#[derive(Clone, Debug)]
struct OfClass {
    class: ClassId,
    block: Arc<ClassScores>,
    recipe: Recipe<Rded>,
    picks: Picks,
}

/// What decides, class by class.
#[derive(Clone, Debug, Default)]
pub struct Basis {
    dataset: Option<Arc<Dataset>>,
    curation: Arc<Curation>,
    classes: Vec<OfClass>,
    /// Whether any class is shown by scores for another N or seed.
    stale: bool,
}

impl Basis {
    /// Whether any class is shown by scores for another N or seed than the recipe's.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.stale
    }

    /// Whether nothing is scored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// What is stitched of a class; nothing where that can't be.
    fn selected(&self, of: &OfClass) -> Vec<Kept> {
        let Some(dataset) = &self.dataset else { return Vec::new() };
        let marks: Vec<_> = self.curation.within(dataset.images_of(of.class)).collect();
        select(&of.block, dataset.class(of.class), &of.recipe, &of.picks, &marks).unwrap_or_default()
    }

    /// What `now` stitches otherwise. It takes some tenths of a second for a thousand classes.
    #[must_use]
    pub fn difference(&self, now: &Self) -> Difference {
        let mut difference = Difference::default();
        let known: HashMap<ClassId, &OfClass> = self.classes.iter().map(|of| (of.class, of)).collect();
        for of in &now.classes {
            let before = known.get(&of.class);
            let before = before.map_or_else(Vec::new, |before| self.selected(before));
            difference.add(&before, &now.selected(of));
        }
        difference
    }
}

impl Ranking {
    /// What decides now, for these classes.
    pub fn basis(&self, classes: impl Iterator<Item = ClassId>) -> Basis {
        let of_class = |class: ClassId| {
            let recipe = *self.recipe(class);
            let picks = self.picks.get(&(shape(&recipe), class)).cloned().unwrap_or_default();
            Some(OfClass { class, block: self.scored(class)?.block.clone(), recipe, picks })
        };
        let classes: Vec<OfClass> = classes.filter_map(of_class).collect();
        let stale = classes.iter().any(|of| self.class(of.class).stale);
        Basis { dataset: self.dataset.clone(), curation: self.curation.clone(), classes, stale }
    }
}
