//! What a person's marks make of a class's ranking. They change as little as they can: whoever rejects one patch sees
//! one cell change, and all others stay where they are.
//!
//! * A rejected image is no candidate, but still counts in the ranks of those behind it.
//! * An image with another crop has that crop's patch, and keeps its rank.
//! * Pinned images are stitched first: those that have a place, then the others by rank, as long as there is room. The
//!   best of the other candidates follow.
//! * Whatever has a place lies there; then whoever finds the slot of its own rank free takes it; the others fill what is
//!   left, by rank.
//!
//! Herding and k-means pick without looking at marks. A rejected pick is replaced by the next in their ranking, which
//! goes on by loss behind the picks.

use std::sync::Arc;

use super::super::compose::rank_of;
use super::super::curation::{Choice, Mark, Place};
use super::super::patch::CropBox;
use super::super::rded::Rded;
use super::super::recipe::Recipe;
use super::super::scores::{ClassScores, PatchScore};
use super::kept::{Chosen, Kept, Marks, Unused, Why};
use super::{candidate_rows, key_patch};
use crate::core::data::dataset::ImageId;

/// What an image is marked with.
pub(super) fn mark_of(marks: Marks<'_>, image: ImageId) -> Option<&Mark> {
    marks.binary_search_by_key(&image, |(marked, _)| *marked).ok().and_then(|at| marks.get(at)).map(|(_, mark)| mark)
}

/// How many of the images are rejected.
pub(super) fn rejected(marks: Marks<'_>, images: &[ImageId]) -> usize {
    if marks.iter().all(|(_, mark)| mark.choice != Choice::Rejected) {
        return 0;
    }
    let is_rejected = |image: &&ImageId| mark_of(marks, **image).is_some_and(|mark| mark.choice == Choice::Rejected);
    images.iter().filter(is_rejected).count()
}

/// The crop of a row that has this box, among the first `crops`.
pub(super) fn crop_at(scores: &ClassScores, row: usize, crops: u32, bbox: CropBox) -> Option<PatchScore> {
    (0..crops.min(scores.crops)).filter_map(|crop| scores.patch(row, crop)).find(|patch| patch.bbox == bbox)
}

/// The patches that are taken instead of key patches, by image.
fn swaps(scores: &ClassScores, recipe: &Recipe<Rded>, marks: Marks<'_>) -> Vec<PatchScore> {
    if marks.iter().all(|(_, mark)| mark.crop.is_none()) {
        return Vec::new();
    }
    let crops = recipe.method.patches_per_image();
    let swap = |row: usize| {
        let bbox = mark_of(marks, *scores.images.get(row)?)?.crop?;
        let key = key_patch(scores, row, crops)?;
        if key.bbox == bbox { None } else { crop_at(scores, row, crops, bbox) }
    };
    let mut swaps: Vec<PatchScore> = (0..candidate_rows(scores, recipe)).filter_map(swap).collect();
    swaps.sort_unstable_by_key(|patch| patch.image);
    swaps
}

/// All candidates in the strategy's order, each with the crop that a person took.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Order {
    /// Rank 0 first; rejected ones have their ranks, too.
    pub patches: Arc<Vec<PatchScore>>,
    /// The images with another crop than their key patch's, ascending.
    swapped: Vec<ImageId>,
}

impl Order {
    /// Takes other crops into what [`super::ranked`] gave.
    #[must_use]
    pub fn new(ranked: Arc<Vec<PatchScore>>, scores: &ClassScores, recipe: &Recipe<Rded>, marks: Marks<'_>) -> Self {
        let swaps = swaps(scores, recipe, marks);
        if swaps.is_empty() {
            return Self { patches: ranked, swapped: Vec::new() };
        }
        let swap = |image: ImageId| swaps.binary_search_by_key(&image, |patch| patch.image).ok().map(|at| swaps[at]);
        let patches = ranked.iter().map(|patch| swap(patch.image).unwrap_or(*patch)).collect();
        Self { patches: Arc::new(patches), swapped: swaps.iter().map(|patch| patch.image).collect() }
    }

    /// The `needed` patches that are stitched, by slot, `patches` of them in an image; and the pins and places that don't
    /// apply, by image. `needed` must not exceed the candidates that are not rejected ([`super::Supply::check`]).
    #[must_use]
    pub fn keep(&self, needed: usize, patches: u32, marks: Marks<'_>) -> (Vec<Kept>, Vec<Unused>) {
        if marks.is_empty() {
            return ((0..needed.min(self.patches.len())).map(|rank| self.kept(rank, Choice::Ranked)).collect(), vec![]);
        }
        let images = needed / patches.max(1) as usize;
        let mut layout = Layout { order: self, images, patches, slots: vec![None; needed], unused: Vec::new() };
        let mut others = Vec::new();
        let mut pinned = Vec::new();
        for (rank, patch) in self.patches.iter().enumerate() {
            match mark_of(marks, patch.image) {
                Some(Mark { choice: Choice::Rejected, .. }) => {}
                Some(Mark { choice: Choice::Pinned, place, .. }) => pinned.extend(layout.place(rank, *place)),
                _ => others.push(rank),
            }
        }
        let room = layout.slots.iter().filter(|slot| slot.is_none()).count();
        for rank in pinned.split_off(room.min(pinned.len())) {
            layout.unused.push(Unused { image: self.patches[rank].image, why: Why::NoRoom });
        }
        others.truncate(room - pinned.len());
        layout.fill(&pinned, &others);
        layout.unused.sort_by_key(|unused| unused.image);
        (layout.slots.into_iter().flatten().collect(), layout.unused)
    }

    fn kept(&self, rank: usize, choice: Choice) -> Kept {
        let patch = self.patches[rank];
        let chosen = match choice {
            _ if self.swapped.binary_search(&patch.image).is_ok() => Chosen::Swap,
            Choice::Pinned => Chosen::Pin,
            Choice::Ranked | Choice::Rejected => Chosen::Rank,
        };
        Kept { patch, rank: rank as u32, chosen }
    }
}

/// Slots that are being filled.
#[derive(Clone, Debug)]
struct Layout<'a> {
    order: &'a Order,
    images: usize,
    patches: u32,
    slots: Vec<Option<Kept>>,
    unused: Vec<Unused>,
}

impl Layout<'_> {
    /// Lays a pinned patch where it belongs; gives it back where it has no place, or can't have it.
    fn place(&mut self, rank: usize, place: Option<Place>) -> Option<usize> {
        let Some(Place { image, cell }) = place else { return Some(rank) };
        let exists = (image as usize) < self.images && cell < self.patches;
        let slot = if exists { self.slots.get_mut(rank_of(cell as usize, image as usize, self.images)) } else { None };
        let why = match slot {
            Some(slot @ None) => {
                *slot = Some(self.order.kept(rank, Choice::Pinned));
                return None;
            }
            Some(Some(_)) => Why::PlaceTaken,
            None => Why::PlaceGone,
        };
        self.unused.push(Unused { image: self.order.patches[rank].image, why });
        Some(rank)
    }

    /// Lays out the others, given by their ranks, as many as there are free slots: each where its rank is, if it can.
    fn fill(&mut self, pinned: &[usize], others: &[usize]) {
        let with = |choice| move |&rank: &usize| (rank, choice);
        let mut all: Vec<_> = pinned.iter().map(with(Choice::Pinned)).collect();
        all.extend(others.iter().map(with(Choice::Ranked)));
        all.sort_unstable_by_key(|(rank, _)| *rank);
        let mut rest = Vec::new();
        for (rank, choice) in all {
            match self.slots.get_mut(rank) {
                Some(slot @ None) => *slot = Some(self.order.kept(rank, choice)),
                _ => rest.push(self.order.kept(rank, choice)),
            }
        }
        let free = self.slots.iter_mut().filter(|slot| slot.is_none());
        free.zip(rest).for_each(|(slot, kept)| *slot = Some(kept));
    }
}

#[cfg(test)]
mod tests;
