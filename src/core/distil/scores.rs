//! Scores of patches, column by column: one [`ClassScores`] block per class, the unit that is stored and reused.

use super::patch::CropBox;
use crate::core::data::dataset::{ClassId, ImageId};

/// The scored crops of one class's subset. Row `r` is one image; its crops lie at `r·crops .. (r+1)·crops`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassScores {
    /// Crops per image (K).
    pub crops: u32,
    /// Each image's position in the class's seeded permutation ([`super::patch::subset_order`]), ascending.
    pub positions: Vec<u32>,
    /// The images, parallel to `positions`.
    pub images: Vec<ImageId>,
    /// Crop boxes, rows × crops.
    pub boxes: Vec<CropBox>,
    /// Cross-entropy −ln p(class) of each crop, rows × crops; low = realistic. May be +∞.
    pub losses: Vec<f32>,
    /// The strongest other class of each crop, rows × crops; `None` where a version of the program scored it that did
    /// not keep it, or the observer has no other class.
    pub rivals: Vec<Option<Rival>>,
    /// Images of the subset that could not be decoded; they have no row.
    pub broken: Vec<BrokenImage>,
}

/// An image that could not be used, and why.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct BrokenImage {
    /// Which image.
    pub image: ImageId,
    /// Its position in the class's seeded permutation.
    pub position: u32,
    /// What is wrong with it, in words.
    pub reason: String,
}

/// The class that the observer finds likeliest of all but the image's own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rival {
    /// The observer's output; the lower one of two that are as likely.
    pub output: u32,
    /// Its probability.
    pub probability: f32,
}

/// What the observer says of one crop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CropScore {
    /// Cross-entropy for the image's class.
    pub loss: f32,
    /// The strongest other class, where it is known.
    pub rival: Option<Rival>,
}

impl From<f32> for CropScore {
    /// Of a loss alone.
    fn from(loss: f32) -> Self {
        Self { loss, rival: None }
    }
}

/// One scored crop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PatchScore {
    /// Source image.
    pub image: ImageId,
    /// Crop number, from 0.
    pub crop: u32,
    /// Where in the image.
    pub bbox: CropBox,
    /// Cross-entropy of the observer for the image's class.
    pub loss: f32,
    /// The strongest other class, where it is known.
    pub rival: Option<Rival>,
}

impl PatchScore {
    /// Probability of the class: exp(−loss).
    #[must_use]
    pub fn probability(&self) -> f32 {
        (-self.loss).exp()
    }

    /// Probability of the class less that of the strongest other class, −1 to 1; `None` where that one isn't known.
    #[must_use]
    pub fn margin(&self) -> Option<f32> {
        self.rival.map(|rival| self.probability() - rival.probability)
    }
}

impl ClassScores {
    /// An empty block for `crops` crops per image.
    #[must_use]
    pub fn new(crops: u32) -> Self {
        Self { crops, ..Self::default() }
    }

    /// Number of scored images.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.images.len()
    }

    /// Number of images tried: scored and broken. A block of a subset of n holds the positions 0..n.
    #[must_use]
    pub fn tried(&self) -> usize {
        self.images.len() + self.broken.len()
    }

    /// Adds one image with its crops, given by their scores or by their losses alone; positions must ascend.
    pub fn push<S: Copy + Into<CropScore>>(&mut self, position: u32, image: ImageId, boxes: &[CropBox], scores: &[S]) {
        debug_assert!(boxes.len() == self.crops as usize && scores.len() == boxes.len());
        self.positions.push(position);
        self.images.push(image);
        self.boxes.extend_from_slice(boxes);
        for &score in scores {
            let CropScore { loss, rival } = score.into();
            self.losses.push(loss);
            self.rivals.push(rival);
        }
    }

    /// The same rows with their first `crops` crops; crops are numbered, so those of fewer are a prefix.
    #[must_use]
    pub fn first_crops(mut self, crops: u32) -> Self {
        if crops < self.crops {
            let (old, new) = (self.crops as usize, crops as usize);
            self.boxes = first_of_rows(&self.boxes, old, new);
            self.losses = first_of_rows(&self.losses, old, new);
            self.rivals = first_of_rows(&self.rivals, old, new);
            self.crops = crops;
        }
        self
    }

    /// Adds the rows and broken images of a block with as many crops that begins behind this one's positions.
    pub fn append(&mut self, mut later: Self) {
        debug_assert_eq!(self.crops, later.crops);
        self.positions.append(&mut later.positions);
        self.images.append(&mut later.images);
        self.boxes.append(&mut later.boxes);
        self.losses.append(&mut later.losses);
        self.rivals.append(&mut later.rivals);
        self.broken.append(&mut later.broken);
    }

    /// One crop of one row.
    #[must_use]
    pub fn patch(&self, row: usize, crop: u32) -> Option<PatchScore> {
        if crop >= self.crops {
            return None;
        }
        let at = row * self.crops as usize + crop as usize;
        Some(PatchScore {
            image: *self.images.get(row)?,
            crop,
            bbox: *self.boxes.get(at)?,
            loss: *self.losses.get(at)?,
            rival: self.rivals.get(at).copied().flatten(),
        })
    }

    /// The row of an image, if it was scored.
    #[must_use]
    pub fn row_of(&self, image: ImageId) -> Option<usize> {
        self.images.iter().position(|&i| i == image)
    }

    /// Whether a selection from `subset` images and `crops` crops of a class of `class_size` needs no more scoring.
    #[must_use]
    pub fn covers(&self, subset: u32, crops: u32, class_size: usize) -> bool {
        self.crops >= crops && self.tried() >= (subset as usize).min(class_size)
    }
}

/// The first `new` of every `old` values.
fn first_of_rows<T: Copy>(values: &[T], old: usize, new: usize) -> Vec<T> {
    values.chunks_exact(old).flat_map(|row| &row[..new]).copied().collect()
}

/// The blocks of a run, one slot per class of the dataset.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScoreTable {
    classes: Vec<Option<std::sync::Arc<ClassScores>>>,
}

impl ScoreTable {
    /// A table without scores for `classes` classes.
    #[must_use]
    pub fn new(classes: usize) -> Self {
        Self { classes: vec![None; classes] }
    }

    /// The block of a class, if it has been scored.
    #[must_use]
    pub fn class(&self, class: ClassId) -> Option<&ClassScores> {
        self.classes.get(class.index())?.as_deref()
    }

    /// Puts a block in its place; a class out of range is ignored.
    pub fn set(&mut self, class: ClassId, block: std::sync::Arc<ClassScores>) {
        if let Some(slot) = self.classes.get_mut(class.index()) {
            *slot = Some(block);
        }
    }

    /// Number of classes that have scores.
    #[must_use]
    pub fn scored_classes(&self) -> usize {
        self.classes.iter().flatten().count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rivals_stay_with_their_crops() {
        let whole = [CropBox::whole(8, 8); 2];
        let score = |loss: f32| CropScore { loss, rival: Some(Rival { output: loss as u32, probability: 0.5 }) };
        let mut block = ClassScores::new(2);
        block.push(0, ImageId(7), &whole, &[1.0, 2.0]);
        let mut later = ClassScores::new(2);
        later.push(1, ImageId(3), &whole, &[score(3.0), score(4.0)]);
        block.append(later);
        let rivals = |block: &ClassScores, row, crop| block.patch(row, crop).and_then(|p| p.rival).map(|r| r.output);
        assert_eq!([0, 1].map(|row| [0, 1].map(|crop| rivals(&block, row, crop))), [[None; 2], [Some(3), Some(4)]]);
        let one = block.first_crops(1);
        assert_eq!((rivals(&one, 0, 0), rivals(&one, 1, 0), one.rivals.len()), (None, Some(3), 2));
    }
}
