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
}

impl PatchScore {
    /// Probability of the class: exp(−loss).
    #[must_use]
    pub fn probability(&self) -> f32 {
        (-self.loss).exp()
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

    /// Adds one image with its crops; positions must ascend.
    pub fn push(&mut self, position: u32, image: ImageId, boxes: &[CropBox], losses: &[f32]) {
        debug_assert!(boxes.len() == self.crops as usize && losses.len() == boxes.len());
        self.positions.push(position);
        self.images.push(image);
        self.boxes.extend_from_slice(boxes);
        self.losses.extend_from_slice(losses);
    }

    /// The same rows with their first `crops` crops; crops are numbered, so those of fewer are a prefix.
    #[must_use]
    pub fn first_crops(mut self, crops: u32) -> Self {
        if crops < self.crops {
            let (old, new) = (self.crops as usize, crops as usize);
            self.boxes = self.boxes.chunks_exact(old).flat_map(|row| &row[..new]).copied().collect();
            self.losses = self.losses.chunks_exact(old).flat_map(|row| &row[..new]).copied().collect();
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
