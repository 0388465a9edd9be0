//! Which of each class's ranked patches pass the filter, in the order of the sort. Lists are made anew where their filter,
//! their ranking or a mark has changed, as many a frame as there is time for, those in view first; what is not listed yet
//! is said. An open filter in the order of the ranks needs no list and costs nothing.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::ranking::{Ranking, Stamps};
use crate::core::data::dataset::{ClassId, Dataset};
use crate::core::data::names::escape;
use crate::core::distil::compose::place_of;
use crate::core::distil::curation::Curation;
use crate::core::distil::scores::PatchScore;
use crate::core::workspace::Workspace;
use crate::core::workspace::view::{Filter, Quantity, Sort, SortBy};

/// What lists are made of.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// Names of images.
    pub dataset: &'a Dataset,
    /// Patches by rank, and what is stitched.
    pub ranking: &'a Ranking,
    /// Filter, sort and marks.
    pub workspace: &'a Workspace,
}

/// One class's list.
#[derive(Clone, Debug, Default)]
pub struct List {
    /// The ranking that it is of.
    stamps: Stamps,
    /// Ranks of the patches that pass, in the order in which they are shown.
    ranks: Vec<u32>,
    /// Whether a patch passes, by rank.
    passes: Vec<bool>,
    /// How many stitched patches pass.
    stitched: usize,
}

/// What is shown of a class.
#[derive(Clone, Copy, Debug)]
pub enum Listing<'a> {
    /// All its patches in the order of their ranks: how many there are, and how many are stitched.
    All(usize, usize),
    /// Those of a list.
    Listed(&'a List),
    /// Not known yet.
    Counting,
}

impl Listing<'_> {
    /// How many patches are shown; `None` where that isn't known yet.
    #[must_use]
    pub fn count(self) -> Option<usize> {
        match self {
            Self::All(count, _) => Some(count),
            Self::Listed(list) => Some(list.ranks.len()),
            Self::Counting => None,
        }
    }

    /// How many stitched patches pass.
    #[must_use]
    pub fn stitched(self) -> Option<usize> {
        match self {
            Self::All(_, stitched) => Some(stitched),
            Self::Listed(list) => Some(list.stitched),
            Self::Counting => None,
        }
    }

    /// The rank of the patch at a place of the list.
    #[must_use]
    pub fn rank(self, place: usize) -> Option<usize> {
        match self {
            Self::All(count, _) => (place < count).then_some(place),
            Self::Listed(list) => list.ranks.get(place).map(|rank| *rank as usize),
            Self::Counting => None,
        }
    }

    /// The place of a rank in the list; `None` for a patch that does not pass.
    #[must_use]
    pub fn place(self, rank: usize) -> Option<usize> {
        match self {
            Self::All(count, _) => (rank < count).then_some(rank),
            Self::Listed(list) => list.ranks.iter().position(|r| *r as usize == rank),
            Self::Counting => None,
        }
    }

    /// Whether the patch of a rank passes; `None` where that isn't known yet.
    #[must_use]
    pub fn passes(self, rank: usize) -> Option<bool> {
        match self {
            Self::All(count, _) => Some(rank < count),
            Self::Listed(list) => Some(list.passes.get(rank).copied().unwrap_or(false)),
            Self::Counting => None,
        }
    }
}

/// The lists of all classes.
#[derive(Debug, Default)]
pub struct Shown {
    filter: Filter,
    sort: Sort,
    curation: Arc<Curation>,
    lists: Vec<Option<List>>,
    /// Classes that somebody looked at and that were not listed.
    looked_at: RefCell<Vec<ClassId>>,
}

impl Shown {
    /// Whether every patch passes, in the order of the ranks.
    fn is_everything(&self) -> bool {
        self.filter == Filter::default() && self.sort == Sort::default()
    }

    /// What is shown of a class; one that is not listed yet comes first from now on.
    #[must_use]
    pub fn of(&self, ranking: &Ranking, class: ClassId) -> Listing<'_> {
        let listing = self.count_of(ranking, class);
        if matches!(listing, Listing::Counting) {
            self.looked_at.borrow_mut().push(class);
        }
        listing
    }

    /// [`Self::of`] a class that may be out of view.
    #[must_use]
    pub fn count_of(&self, ranking: &Ranking, class: ClassId) -> Listing<'_> {
        let now = ranking.class(class);
        if self.is_everything() {
            return Listing::All(now.ranked, now.selected);
        }
        let list = self.lists.get(class.index()).and_then(Option::as_ref);
        list.filter(|list| list.stamps == now.stamps).map_or(Listing::Counting, Listing::Listed)
    }

    /// How many patches of some classes are shown, and how many of the classes are not counted yet.
    #[must_use]
    pub fn total(&self, ranking: &Ranking, classes: &[ClassId]) -> (usize, usize) {
        self.sum(ranking, classes, |listing| listing.count())
    }

    /// How many stitched patches of some classes pass, and how many of the classes are not counted yet.
    #[must_use]
    pub fn total_stitched(&self, ranking: &Ranking, classes: &[ClassId]) -> (usize, usize) {
        self.sum(ranking, classes, |listing| listing.stitched())
    }

    fn sum(&self, ranking: &Ranking, classes: &[ClassId], of: fn(Listing<'_>) -> Option<usize>) -> (usize, usize) {
        let add = |(sum, unknown): (usize, usize), class: &ClassId| match of(self.count_of(ranking, *class)) {
            Some(count) => (sum + count, unknown),
            None => (sum, unknown + 1),
        };
        classes.iter().fold((0, 0), add)
    }

    /// Lists classes until `budget` is spent, at least one: the shown one first, then those that were looked at. Returns
    /// whether some are left.
    pub fn work(&mut self, of: Sources<'_>, budget: Duration) -> bool {
        self.follow(of);
        let looked_at = self.looked_at.take();
        if self.is_everything() {
            return false;
        }
        let began = Instant::now();
        let mut listed = false;
        let first = of.workspace.shown_class().into_iter().chain(looked_at);
        for class in first.chain(of.dataset.class_ids()) {
            if !matches!(self.count_of(of.ranking, class), Listing::Counting) {
                continue;
            }
            if listed && began.elapsed() >= budget {
                return true;
            }
            self.list(of, class);
            listed = true;
        }
        false
    }

    /// Forgets the lists that another filter, sort or mark makes wrong.
    fn follow(&mut self, of: Sources<'_>) {
        let (filter, sort) = (of.workspace.filter().of_any_class(), of.workspace.sort());
        if filter != self.filter || sort != self.sort {
            (self.filter, self.sort) = (filter, sort);
            self.lists.clear();
        }
        self.lists.resize(of.dataset.classes().len(), None);
        let now = of.workspace.curation();
        if Arc::ptr_eq(now, &self.curation) {
            return;
        }
        let before = std::mem::replace(&mut self.curation, now.clone());
        if self.filter.asks_for_marks() {
            for (class, list) in of.dataset.class_ids().zip(&mut self.lists) {
                let images = of.dataset.images_of(class);
                if !now.within(images.clone()).eq(before.within(images)) {
                    *list = None;
                }
            }
        }
    }

    fn list(&mut self, of: Sources<'_>, class: ClassId) {
        let stamps = of.ranking.class(class).stamps;
        let Some(slot) = self.lists.get_mut(class.index()) else { return };
        let same_ranks = |list: &List| list.stamps.order == stamps.order && !self.filter.asks_for_cells();
        let mut list = slot.take().filter(same_ranks).unwrap_or_else(|| {
            let passes = passing(&self.filter, of, class);
            List { ranks: sorted(self.sort, of.ranking.ranked(class), &passes), passes, ..List::default() }
        });
        list.stamps = stamps;
        let kept = of.ranking.selected(class).iter();
        list.stitched = kept.filter(|kept| list.passes.get(kept.rank as usize) == Some(&true)).count();
        *slot = Some(list);
    }
}

/// Whether each of a class's patches passes, by rank.
fn passing(filter: &Filter, of: Sources<'_>, class: ClassId) -> Vec<bool> {
    let patches = of.ranking.ranked(class);
    let mut cells = vec![None; patches.len()];
    if filter.asks_for_cells() {
        let images = of.ranking.images(class);
        for (slot, kept) in of.ranking.selected(class).iter().enumerate() {
            if let Some(cell) = cells.get_mut(kept.rank as usize) {
                *cell = Some(place_of(slot, images).0 as u32);
            }
        }
    }
    let needle = filter.name.to_lowercase();
    let is_marked = |patch: &PatchScore| {
        let mark = of.workspace.curation().mark(patch.image);
        filter.choice.is_none_or(|choice| mark.choice == choice) && filter.tag.is_none_or(|tag| mark.tag == tag)
    };
    let passes = |(patch, cell): (&PatchScore, &Option<u32>)| {
        filter.brush.is_none_or(|brush| brush.holds(patch))
            && (!filter.stitched || cell.is_some())
            && filter.cell.is_none_or(|wanted| *cell == Some(wanted))
            && (!filter.asks_for_marks() || is_marked(patch))
            && holds(of.dataset.image_name(patch.image), &needle)
    };
    patches.iter().zip(&cells).map(passes).collect()
}

/// Whether a file's name, as it is shown, has a text in it, whatever the name's case; `needle` is in lower case.
#[must_use]
pub fn holds(name: &[u8], needle: &str) -> bool {
    needle.is_empty() || escape(name).to_lowercase().contains(needle)
}

/// The ranks of the patches that pass, in the order of the sort: those without a value come last either way, equal ones
/// in the order of their ranks.
fn sorted(sort: Sort, patches: &[PatchScore], passes: &[bool]) -> Vec<u32> {
    let value = |rank: u32| {
        let patch = &patches[rank as usize];
        let known = |quantity: Quantity| quantity.of(patch).map(f64::from).filter(|v| !v.is_nan());
        match sort.by {
            SortBy::Rank => Some(f64::from(rank)),
            SortBy::Loss => known(Quantity::Loss),
            SortBy::Margin => known(Quantity::Margin),
            // Images of a class are numbered in the order of their names.
            SortBy::Name => Some(f64::from(patch.image.0)),
            SortBy::Size => Some(f64::from(patch.bbox.width) * f64::from(patch.bbox.height)),
        }
    };
    let passing = (0..patches.len() as u32).zip(passes).filter(|(_, passes)| **passes);
    let mut keyed: Vec<(Option<f64>, u32)> = passing.map(|(rank, _)| (value(rank), rank)).collect();
    keyed.sort_by(|(a, _), (b, _)| match (a, b) {
        (Some(a), Some(b)) if sort.descending => b.partial_cmp(a).unwrap_or(Ordering::Equal),
        (Some(a), Some(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
        _ => a.is_none().cmp(&b.is_none()),
    });
    keyed.into_iter().map(|(_, rank)| rank).collect()
}

#[cfg(test)]
mod tests;
