//! The random changes of training images, as data: what is drawn is named by (seed, epoch, image) or (seed, epoch,
//! batch), so that a resumed run repeats it and stored labels can say what they belong to.

use super::patch::CropBox;

/// What is done to one image before it joins a batch, in this order.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ImageDraw {
    /// ShufflePatches: column strip i of the result is strip `columns[i]` of the image; empty: none.
    pub columns: Vec<u8>,
    /// The same for row strips, afterwards.
    pub rows: Vec<u8>,
    /// The box that is resized to the input; with [`super::training::Cropping::Padded`] in pixels of the padded image.
    pub crop: CropBox,
    /// Mirrored left to right after the crop.
    pub mirrored: bool,
}

/// What is mixed into a batch.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mix {
    /// Nothing.
    None,
    /// The box of image `partners[i]` (of the unmixed batch) replaces that of image i.
    CutMix {
        /// One per image.
        partners: Vec<u32>,
        /// λ as drawn.
        lambda: f64,
        /// The box, in input pixels; may be empty.
        bbox: CropBox,
    },
    /// λ·x + (1 − λ)·x[partners].
    MixUp {
        /// One per image.
        partners: Vec<u32>,
        /// λ.
        lambda: f64,
    },
}
