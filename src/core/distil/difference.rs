//! What a change of the recipe or the curation does to the patches that are stitched.

use std::collections::HashSet;

use super::select::Kept;
use crate::core::data::dataset::ImageId;
use crate::core::distil::patch::CropBox;

/// Patches of all classes together, and what two selections have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Difference {
    /// Patches before and now.
    pub patches: [usize; 2],
    /// Of now's patches, those that were there before: the same box of the same image.
    pub shared: usize,
    /// Of now's images, those that were there before, with whatever box.
    pub images_kept: usize,
    /// Sums of the finite losses, and how many these are, before and now.
    losses: [(f64, usize); 2],
}

impl Difference {
    /// Adds a class.
    pub fn add(&mut self, before: &[Kept], now: &[Kept]) {
        let images: HashSet<ImageId> = before.iter().map(|kept| kept.patch.image).collect();
        let boxes: HashSet<(ImageId, CropBox)> =
            before.iter().map(|kept| (kept.patch.image, kept.patch.bbox)).collect();
        self.images_kept += now.iter().filter(|kept| images.contains(&kept.patch.image)).count();
        self.shared += now.iter().filter(|kept| boxes.contains(&(kept.patch.image, kept.patch.bbox))).count();
        for (at, kept) in [before, now].into_iter().enumerate() {
            self.patches[at] += kept.len();
            for loss in kept.iter().map(|kept| kept.patch.loss).filter(|loss| loss.is_finite()) {
                self.losses[at].0 += f64::from(loss);
                self.losses[at].1 += 1;
            }
        }
    }

    /// Mean losses of the patches before and now, of those that are finite; `None` where there are none.
    #[must_use]
    pub fn mean_losses(&self) -> [Option<f64>; 2] {
        self.losses.map(|(sum, count)| (count > 0).then(|| sum / count as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::super::scores::PatchScore;
    use super::super::select::Chosen;
    use super::*;

    fn kept(image: u32, side: u32, loss: f32) -> Kept {
        let bbox = CropBox::whole(side, side);
        let patch = PatchScore { image: ImageId(image), crop: 0, bbox, loss, rival: None };
        Kept { patch, rank: 0, chosen: Chosen::Rank }
    }

    #[test]
    fn counts_by_hand() {
        let mut difference = Difference::default();
        difference
            .add(&[kept(1, 8, 1.0), kept(2, 8, 3.0)], &[kept(2, 8, 3.0), kept(1, 4, 0.5), kept(3, 8, f32::INFINITY)]);
        difference.add(&[], &[kept(9, 8, 2.5)]);
        assert_eq!((difference.patches, difference.shared, difference.images_kept), ([2, 4], 1, 2));
        assert_eq!(difference.mean_losses(), [Some(2.0), Some(2.0)]);
        assert_eq!(Difference::default().mean_losses(), [None, None]);
    }
}
