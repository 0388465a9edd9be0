//! The orders in which panels show patches.

use super::picking::InOrder;
use crate::core::data::dataset::{ClassId, ImageId};
use crate::core::distil::compose::rank_of;
use crate::core::distil::scores::PatchScore;
use crate::ui::model::Model;
use crate::ui::model::ranking::Ranking;
use crate::ui::model::suspects::Suspect;
use crate::ui::widgets::grid::At;

/// Each class's patches that pass the filter, in the order of the sort.
pub struct ByRank<'a> {
    model: &'a Model,
    classes: &'a [ClassId],
    counts: Vec<usize>,
}

impl<'a> ByRank<'a> {
    /// Of these classes, a section each; none of a class that isn't counted yet.
    #[must_use]
    pub fn new(model: &'a Model, classes: &'a [ClassId]) -> Self {
        let count = |class: &ClassId| model.shown.count_of(&model.ranking, *class).count().unwrap_or(0);
        Self { model, classes, counts: classes.iter().map(count).collect() }
    }

    /// The patch at a place, with its rank.
    #[must_use]
    pub fn patch(&self, (section, i): At) -> Option<(usize, &'a PatchScore)> {
        let class = *self.classes.get(section)?;
        let rank = self.model.listing(class).rank(i)?;
        self.model.ranking.ranked(class).get(rank).map(|patch| (rank, patch))
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
        let (class, rank) = self.model.ranking.place(image)?;
        let section = self.classes.iter().position(|c| *c == class)?;
        Some((section, self.model.listing(class).place(rank)?))
    }
}

/// The cells of distilled images: image by image, the cells of each row by row.
pub struct ByCell<'a> {
    ranking: &'a Ranking,
    classes: &'a [ClassId],
    counts: Vec<usize>,
}

impl<'a> ByCell<'a> {
    /// Of these classes, a section each.
    #[must_use]
    pub fn new(ranking: &'a Ranking, classes: &'a [ClassId]) -> Self {
        // IPC·N, or fewer of a short class: whole images.
        let counts = classes.iter().map(|class| ranking.class(*class).selected).collect();
        Self { ranking, classes, counts }
    }

    fn patches(&self, section: usize) -> usize {
        let of = |class: &ClassId| self.ranking.recipe(*class).method.patches as usize;
        self.classes.get(section).map_or(1, of).max(1)
    }

    /// Cells along a side of the images of a section.
    #[must_use]
    pub fn factor(&self, section: usize) -> u32 {
        self.classes.get(section).map_or(1, |class| self.ranking.recipe(*class).method.factor()).max(1)
    }

    /// Where a cell of a section's distilled image comes in the order.
    #[must_use]
    pub fn cell(&self, (section, image): At, cell: usize) -> At {
        let patches = self.patches(section);
        (section, image * patches + cell.min(patches - 1))
    }

    /// The distilled image at a place of the order, and the cell in it.
    #[must_use]
    pub fn spot(&self, (section, i): At) -> (At, usize) {
        let patches = self.patches(section);
        ((section, i / patches), i % patches)
    }

    /// The cells of a section's distilled image.
    pub fn of_image(&self, tile: At) -> impl Iterator<Item = ImageId> + '_ {
        (0..self.patches(tile.0)).filter_map(move |cell| self.image(self.cell(tile, cell)))
    }
}

impl InOrder for ByCell<'_> {
    fn counts(&self) -> &[usize] {
        &self.counts
    }

    fn image(&self, at: At) -> Option<ImageId> {
        let class = *self.classes.get(at.0)?;
        let ((_, image), cell) = self.spot(at);
        let images = self.ranking.images(class);
        let kept = self.ranking.selected(class).get(rank_of(cell, image, images)).filter(|_| image < images)?;
        Some(kept.patch.image)
    }

    fn find(&self, image: ImageId) -> Option<At> {
        let (class, rank) = self.ranking.place(image)?;
        let (cell, image) = self.ranking.cell(class, rank)?;
        let section = self.classes.iter().position(|c| *c == class)?;
        Some(self.cell((section, image), cell))
    }
}

/// Images whose labels are suspicious, the most suspicious first: those of the shown class, or all.
pub struct BySuspicion<'a> {
    listed: Vec<&'a Suspect>,
    counts: [usize; 1],
}

impl<'a> BySuspicion<'a> {
    /// Of the model's list; empty where nobody has asked for one.
    #[must_use]
    pub fn new(model: &'a Model) -> Self {
        let class = model.workspace.shown_class();
        let all = model.suspects.iter().flat_map(|suspects| suspects.listed());
        let listed: Vec<&Suspect> = all.filter(|suspect| class.is_none_or(|class| suspect.class == class)).collect();
        Self { counts: [listed.len()], listed }
    }

    /// The suspect at a place.
    #[must_use]
    pub fn suspect(&self, at: At) -> Option<&'a Suspect> {
        self.listed.get(at.1).copied().filter(|_| at.0 == 0)
    }

    /// All of them.
    #[must_use]
    pub fn listed(&self) -> &[&'a Suspect] {
        &self.listed
    }
}

impl InOrder for BySuspicion<'_> {
    fn counts(&self) -> &[usize] {
        &self.counts
    }

    fn image(&self, at: At) -> Option<ImageId> {
        self.suspect(at).map(|suspect| suspect.image)
    }

    fn find(&self, image: ImageId) -> Option<At> {
        self.listed.iter().position(|suspect| suspect.image == image).map(|at| (0, at))
    }
}
