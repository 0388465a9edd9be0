//! What a person decided about patches, image by image: kept, rejected, cut elsewhere, moved to a cell, tagged. It says
//! nothing of ranks or of a recipe, so that it outlives a change of IPC, subset, N and seed; what of it applies to a
//! recipe is decided where patches are selected ([`super::select`]).

use std::collections::BTreeMap;

use super::patch::CropBox;
use crate::core::data::dataset::ImageId;

pub mod file;

/// The highest tag; 0 is none.
pub const TAGS: u8 = 9;

/// Whether an image's patch is stitched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    /// As the strategy ranks it.
    #[default]
    Ranked,
    /// Always, as long as it is a candidate.
    Pinned,
    /// Never.
    Rejected,
}

/// A cell of a distilled image of the image's class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Which distilled image, from 0.
    pub image: u32,
    /// Which of its cells, row-major from 0.
    pub cell: u32,
}

/// What was decided about one image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Mark {
    /// Whether its patch is stitched.
    pub choice: Choice,
    /// The crop that is its patch instead of the one with the least loss. Crops are drawn by the seed: under another one
    /// this box is none of them, and the least loss decides again.
    pub crop: Option<CropBox>,
    /// Where a pinned patch lies; `None` where the layout decides.
    pub place: Option<Place>,
    /// 1 to [`TAGS`], or 0 for none. Tags select nothing.
    pub tag: u8,
}

impl Mark {
    /// Whether nothing was decided.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it has a say in what is stitched.
    #[must_use]
    pub fn selects(&self) -> bool {
        !Self { tag: 0, ..*self }.is_blank()
    }
}

/// All marks of a dataset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Curation {
    marks: BTreeMap<ImageId, Mark>,
}

impl Curation {
    /// An image's mark; the blank one where nothing was decided.
    #[must_use]
    pub fn mark(&self, image: ImageId) -> Mark {
        self.marks.get(&image).copied().unwrap_or_default()
    }

    /// Sets an image's mark; a blank one leaves no trace.
    pub fn set(&mut self, image: ImageId, mark: Mark) {
        if mark.is_blank() {
            self.marks.remove(&image);
        } else {
            self.marks.insert(image, mark);
        }
    }

    /// The marks, in order of the images.
    pub fn marks(&self) -> impl Iterator<Item = (ImageId, Mark)> + '_ {
        self.marks.iter().map(|(image, mark)| (*image, *mark))
    }

    /// The marks of the images in a range of ids, such as a class's.
    pub fn within(&self, images: std::ops::Range<u32>) -> impl Iterator<Item = (ImageId, Mark)> + '_ {
        // An empty range may not be given to a map backwards.
        let (from, to) = (ImageId(images.start), ImageId(images.end.max(images.start)));
        self.marks.range(from..to).map(|(image, mark)| (*image, *mark))
    }

    /// Number of images that have a mark.
    #[must_use]
    pub fn len(&self) -> usize {
        self.marks.len()
    }

    /// Whether nothing was decided about any image.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }
}

impl FromIterator<(ImageId, Mark)> for Curation {
    fn from_iter<T: IntoIterator<Item = (ImageId, Mark)>>(marks: T) -> Self {
        let mut curation = Self::default();
        marks.into_iter().for_each(|(image, mark)| curation.set(image, mark));
        curation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_marks_leave_no_trace_and_tags_select_nothing() {
        let tagged = Mark { tag: 3, ..Mark::default() };
        let pinned = Mark { choice: Choice::Pinned, ..Mark::default() };
        let mut curation =
            Curation::from_iter([(ImageId(7), pinned), (ImageId(2), tagged), (ImageId(3), Mark::default())]);
        assert_eq!((curation.len(), curation.mark(ImageId(3))), (2, Mark::default()));
        assert!(pinned.selects() && !tagged.selects() && !tagged.is_blank());
        assert_eq!(curation.within(3..8).collect::<Vec<_>>(), [(ImageId(7), pinned)]);
        curation.set(ImageId(7), Mark::default());
        curation.set(ImageId(2), Mark::default());
        assert!(curation.is_empty());
    }
}
