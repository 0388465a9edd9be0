//! The side of the data's own images: what networks that take any side were trained on.

use crate::core::data::dataset::{Dataset, ImageId};
use crate::engine::images::decode::size;

/// Images whose headers are looked at.
const LOOKED_AT: usize = 64;

/// The shorter sides of a sample of images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::jobs) struct OwnSide {
    /// Their median in pixels: single images of another size don't move it.
    pub side: usize,
    least: usize,
    most: usize,
    images: usize,
}

impl OwnSide {
    /// Looks at images at equal distances, so of all classes alike; `None` where no header can be read.
    pub(in crate::jobs) fn of(dataset: &Dataset) -> Option<Self> {
        let count = dataset.image_count();
        let looked_at = count.min(LOOKED_AT);
        let sample = (0..looked_at).map(|i| ImageId((i * count / looked_at) as u32));
        let sizes = sample.filter_map(|image| size::stated(dataset, image));
        Self::from_sides(sizes.map(|(width, height)| width.min(height) as usize).collect())
    }

    fn from_sides(mut sides: Vec<usize>) -> Option<Self> {
        sides.sort_unstable();
        let (least, most) = (*sides.first()?, *sides.last()?);
        Some(Self { side: sides[(sides.len() - 1) / 2], least, most, images: sides.len() })
    }

    /// A word where images differ in size and nothing but they tells the side.
    pub(in crate::jobs) fn note(self) -> Option<String> {
        (self.least != self.most).then(|| {
            let Self { side, least, most, images } = self;
            format!(
                "the images differ in size (shorter sides from {least} to {most} pixels, of {images} that were looked \
                 at): their median, {side}, is taken as the network's side; --side takes another"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_images_of_another_size_decide_nothing() {
        let of = |sides: &[usize]| OwnSide::from_sides(sides.to_vec()).unwrap();
        assert_eq!((of(&[375, 64, 64, 64]).side, of(&[1, 32, 32]).side, of(&[64; 5]).note()), (64, 32, None));
        let note = of(&[375, 64, 64, 1]).note().unwrap();
        assert!(note.contains("from 1 to 375 pixels, of 4") && note.contains("median, 64"), "{note}");
        assert_eq!(of(&[10, 20]).side, 10, "one that some image has");
        assert_eq!(OwnSide::from_sides(Vec::new()), None);
    }
}
