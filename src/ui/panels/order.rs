//! The orders in which panels show patches.

use super::picking::InOrder;
use crate::core::data::dataset::{ClassId, ImageId};
use crate::core::distil::compose::rank_of;
use crate::core::distil::scores::PatchScore;
use crate::ui::model::ranking::Ranking;
use crate::ui::widgets::grid::At;

/// Each class's patches by rank: all, or those that are stitched.
pub struct ByRank<'a> {
    ranking: &'a Ranking,
    classes: &'a [ClassId],
    counts: Vec<usize>,
    stitched: bool,
}

impl<'a> ByRank<'a> {
    /// Of these classes, a section each.
    #[must_use]
    pub fn new(ranking: &'a Ranking, classes: &'a [ClassId], stitched: bool) -> Self {
        let count = |class: &ClassId| {
            let of = ranking.class(*class);
            if stitched { of.selected } else { of.ranked }
        };
        Self { ranking, classes, counts: classes.iter().map(count).collect(), stitched }
    }

    /// The patch at a place, with its rank.
    #[must_use]
    pub fn patch(&self, (section, i): At) -> Option<(usize, &'a PatchScore)> {
        let class = *self.classes.get(section)?;
        if self.stitched {
            self.ranking.stitched_by_rank(class, i).map(|kept| (kept.rank as usize, &kept.patch))
        } else {
            self.ranking.ranked(class).get(i).map(|patch| (i, patch))
        }
    }
}

impl InOrder for ByRank<'_> {
    fn counts(&self) -> &[usize] {
        &self.counts
    }

    fn image(&self, at: At) -> Option<ImageId> {
        self.patch(at).map(|(_, patch)| patch.image)
    }

    fn find(&self, image: ImageId) -> Option<At> {
        let (class, rank) = self.ranking.place(image)?;
        let section = self.classes.iter().position(|c| *c == class)?;
        let place = if self.stitched { self.ranking.among_stitched(class, rank)? } else { rank };
        (place < self.counts[section]).then_some((section, place))
    }
}

/// The cells of distilled images: image by image, the cells of each row by row.
pub struct ByCell<'a> {
    ranking: &'a Ranking,
    classes: &'a [ClassId],
    counts: Vec<usize>,
    patches: usize,
}

impl<'a> ByCell<'a> {
    /// Of classes whose images have this many patches each.
    #[must_use]
    pub fn new(ranking: &'a Ranking, classes: &'a [ClassId], patches: usize) -> Self {
        let counts = classes.iter().map(|class| ranking.images(*class) * patches).collect();
        Self { ranking, classes, counts, patches }
    }

    /// Where a cell of a distilled image comes in the order.
    #[must_use]
    pub fn index(&self, image: usize, cell: usize) -> usize {
        image * self.patches + cell
    }

    /// The distilled image at a place of the order, and the cell in it.
    #[must_use]
    pub fn spot(&self, (section, i): At) -> (At, usize) {
        ((section, i / self.patches), i % self.patches)
    }

    /// The cells of a section's distilled image.
    pub fn of_image(&self, section: usize, image: usize) -> impl Iterator<Item = ImageId> + '_ {
        (0..self.patches).filter_map(move |cell| self.image((section, self.index(image, cell))))
    }
}

impl InOrder for ByCell<'_> {
    fn counts(&self) -> &[usize] {
        &self.counts
    }

    fn image(&self, (section, i): At) -> Option<ImageId> {
        let class = *self.classes.get(section)?;
        let (image, cell) = (i / self.patches, i % self.patches);
        let images = self.ranking.images(class);
        let kept = self.ranking.selected(class).get(rank_of(cell, image, images)).filter(|_| image < images)?;
        Some(kept.patch.image)
    }

    fn find(&self, image: ImageId) -> Option<At> {
        let (class, rank) = self.ranking.place(image)?;
        let (cell, image) = self.ranking.cell(class, rank)?;
        let section = self.classes.iter().position(|c| *c == class)?;
        Some((section, self.index(image, cell)))
    }
}
