//! A set of images by class and number: the one door to "image i of class c of this set". Pictures, training, labels and
//! exports ask here and don't know how the pixels come to be: stitched from crops on demand, or read from a folder.

use super::manifest::Origin;
use crate::core::data::dataset::ClassId;
use crate::core::data::pixels::{Rgb8, RgbF32};

/// An image of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// Its class: the set's own running index.
    pub class: ClassId,
    /// Its number within the class, from 0.
    pub image: u32,
}

/// Images by class and number. Sets are asked from several threads at once.
pub trait ImageSet: Send + Sync {
    /// Images of a class; 0 for a class that the set doesn't have.
    fn images(&self, class: ClassId) -> u32;

    /// The pixels of an image; of a set that keeps floats, its picture in 8 bits.
    ///
    /// # Errors
    /// [`SetError`] where there is no such image, or what it is made of can't be read.
    fn pixels(&self, at: Address) -> Result<Rgb8, SetError>;

    /// The values of an image in units of [0, 1], which they may leave: those that the set keeps, or makes, as floats;
    /// else its pixels.
    ///
    /// # Errors
    /// As [`Self::pixels`].
    fn floats(&self, at: Address) -> Result<RgbF32, SetError> {
        self.pixels(at).map(|pixels| RgbF32::from(&pixels))
    }

    /// How an image was made, where that is known.
    fn origin(&self, at: Address) -> Option<Origin>;
}

/// An image that a set can't give.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {reason}")]
pub struct SetError {
    /// The file that was to be read, or the image.
    pub file: String,
    /// Why it can't be had.
    pub reason: String,
}

impl SetError {
    /// There is no such image.
    #[must_use]
    pub fn absent(at: Address) -> Self {
        let file = format!("image {} of class {}", at.image, at.class.0);
        Self { file, reason: "the set has no such image".to_owned() }
    }
}
