//! What culling does to marks: pin, reject, cut elsewhere, lay in a cell. Each gives the marks of one step.

use std::ops::Range;

use super::curation::{Choice, Curation, Mark, Place};
use super::patch::CropBox;
use super::scores::PatchScore;
use super::select::nan_last;
use crate::core::data::dataset::ImageId;

impl Mark {
    /// Always stitched.
    #[must_use]
    pub fn pinned(self) -> Self {
        Self { choice: Choice::Pinned, ..self }
    }

    /// Never stitched: without a place.
    #[must_use]
    pub fn rejected(self) -> Self {
        Self { choice: Choice::Rejected, place: None, ..self }
    }

    /// As the strategy ranks it, from the crop with the least loss. The tag stays.
    #[must_use]
    pub fn reset(self) -> Self {
        Self { tag: self.tag, ..Self::default() }
    }

    /// With a tag; 0 for none.
    #[must_use]
    pub fn tagged(self, tag: u8) -> Self {
        Self { tag, ..self }
    }

    /// Cut here; `None`: where the loss is least.
    #[must_use]
    pub fn cut(self, crop: Option<CropBox>) -> Self {
        Self { crop, ..self }
    }

    /// Pinned to a cell.
    #[must_use]
    pub fn laid(self, place: Place) -> Self {
        Self { place: Some(place), ..self.pinned() }
    }
}

/// The marks with which each of these images of a class lies in its cell: whatever else of the class was pinned there
/// keeps its pin and loses the place.
#[must_use]
pub fn lay(curation: &Curation, class: Range<u32>, moves: &[(ImageId, Place)]) -> Vec<(ImageId, Mark)> {
    let moved = |image: ImageId| moves.iter().any(|(other, _)| *other == image);
    let claims = |mark: Mark| mark.place.is_some_and(|place| moves.iter().any(|(_, taken)| *taken == place));
    let freed = curation.within(class).filter(|(image, mark)| !moved(*image) && claims(*mark));
    let freed = freed.map(|(image, mark)| (image, Mark { place: None, ..mark }));
    freed.chain(moves.iter().map(|(image, place)| (*image, curation.mark(*image).laid(*place)))).collect()
}

/// An image that takes the cell of another one of its class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// Whose cell it was; it is rejected.
    pub old: ImageId,
    /// Who lies there from now on.
    pub new: ImageId,
    /// The cell.
    pub place: Place,
}

/// The marks that replace images of a class.
#[must_use]
pub fn replace(curation: &Curation, class: Range<u32>, of: &[Replacement]) -> Vec<(ImageId, Mark)> {
    let moves: Vec<_> = of.iter().map(|one| (one.new, one.place)).collect();
    let mut marks = lay(curation, class, &moves);
    // Last: an image that is replaced may have been pinned to the very cell.
    marks.extend(of.iter().map(|one| (one.old, curation.mark(one.old).rejected())));
    marks
}

/// The crop of an image that follows the box `now` by loss, or comes before it, round and round; boxes that are equal
/// count once. `None` where there is no other.
#[must_use]
pub fn next_crop(crops: &[PatchScore], now: CropBox, back: bool) -> Option<PatchScore> {
    let mut by_loss: Vec<&PatchScore> = crops.iter().collect();
    by_loss.sort_by(|a, b| nan_last(a.loss, b.loss).then(a.crop.cmp(&b.crop)));
    let mut distinct: Vec<&PatchScore> = Vec::with_capacity(by_loss.len());
    for crop in by_loss {
        if distinct.iter().all(|other| other.bbox != crop.bbox) {
            distinct.push(crop);
        }
    }
    let at = distinct.iter().position(|crop| crop.bbox == now)?;
    let step = if back { distinct.len() - 1 } else { 1 };
    let next = distinct[(at + step) % distinct.len()];
    (next.bbox != now).then_some(*next)
}

/// The images behind those that are stitched, the best rank first: neither stitched nor rejected. Each with its rank.
pub fn runners_up<'a>(
    ranked: &'a [PatchScore],
    curation: &'a Curation,
    is_stitched: impl Fn(usize) -> bool + 'a,
) -> impl Iterator<Item = (usize, PatchScore)> + 'a {
    let free = move |(rank, patch): &(usize, PatchScore)| {
        !is_stitched(*rank) && curation.mark(patch.image).choice != Choice::Rejected
    };
    ranked.iter().copied().enumerate().filter(free)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Place = Place { image: 0, cell: 1 };
    const B: Place = Place { image: 2, cell: 3 };

    fn patch(image: u32, crop: u32, loss: f32) -> PatchScore {
        let bbox = CropBox { left: crop, ..CropBox::whole(8, 8) };
        PatchScore { image: ImageId(image), crop, bbox, loss, rival: None }
    }

    fn after(curation: &Curation, marks: Vec<(ImageId, Mark)>) -> Curation {
        let mut next = curation.clone();
        marks.into_iter().for_each(|(image, mark)| next.set(image, mark));
        next
    }

    #[test]
    fn a_rejected_mark_has_no_place_and_a_reset_one_keeps_its_tag() {
        let crop = Some(CropBox::whole(4, 4));
        let mark = Mark::default().tagged(3).cut(crop).laid(A);
        assert_eq!((mark.choice, mark.place, mark.crop), (Choice::Pinned, Some(A), crop));
        let rejected = mark.rejected();
        assert_eq!((rejected.choice, rejected.place, rejected.tag), (Choice::Rejected, None, 3));
        assert_eq!(rejected.pinned().place, None);
        assert_eq!(mark.reset(), Mark { tag: 3, ..Mark::default() });
        assert!(mark.reset().tagged(0).is_blank());
    }

    #[test]
    fn two_images_exchange_their_cells_and_nothing_else_claims_them() {
        let claims = Mark::default().laid(B);
        let curation = Curation::from_iter([(ImageId(5), claims), (ImageId(30), claims)]);
        let moved = after(&curation, lay(&curation, 0..10, &[(ImageId(1), B), (ImageId(2), A)]));
        assert_eq!(moved.mark(ImageId(1)).place, Some(B));
        assert_eq!(moved.mark(ImageId(2)).place, Some(A));
        assert_eq!(moved.mark(ImageId(5)), Mark::default().pinned());
        assert_eq!(moved.mark(ImageId(30)), claims, "of another class");
    }

    #[test]
    fn whoever_is_replaced_is_rejected_even_where_it_was_pinned_to_the_cell() {
        let curation = Curation::from_iter([(ImageId(1), Mark::default().laid(A))]);
        let of = [Replacement { old: ImageId(1), new: ImageId(7), place: A }];
        let replaced = after(&curation, replace(&curation, 0..10, &of));
        assert_eq!(replaced.mark(ImageId(1)), Mark::default().rejected());
        assert_eq!(replaced.mark(ImageId(7)), Mark::default().laid(A));
    }

    /// By loss: crops 2, 0, 3; crop 1 has the box of crop 0.
    #[test]
    fn crops_follow_each_other_by_loss() {
        let mut crops = [patch(0, 0, 0.5), patch(0, 1, 0.7), patch(0, 2, 0.1), patch(0, 3, f32::NAN)];
        crops[1].bbox = crops[0].bbox;
        let go = |from: usize, back| next_crop(&crops, crops[from].bbox, back).map(|crop| crop.crop);
        assert_eq!([go(2, false), go(0, false), go(3, false)], [Some(0), Some(3), Some(2)]);
        assert_eq!([go(2, true), go(0, true), go(3, true)], [Some(3), Some(2), Some(0)]);
        assert_eq!(next_crop(&crops[..2], crops[0].bbox, false), None, "there is no other");
        assert_eq!(next_crop(&crops, CropBox::whole(3, 3), false), None, "not one of them");
    }

    #[test]
    fn runners_up_are_neither_stitched_nor_rejected() {
        let ranked: Vec<_> = (0..6).map(|i| patch(i, 0, i as f32)).collect();
        let curation = Curation::from_iter([(ImageId(3), Mark::default().rejected())]);
        let next: Vec<_> = runners_up(&ranked, &curation, |rank| rank < 2).map(|(rank, _)| rank).collect();
        assert_eq!(next, [2, 4, 5]);
    }
}
