//! The one selection that all panels follow: images, each standing for its key patch, the cell that holds it and the
//! distilled image around it.

use std::collections::BTreeSet;

use crate::core::data::dataset::ImageId;

/// How images join the selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joining {
    /// They are the selection from now on.
    Replace,
    /// They come to it.
    Add,
    /// They leave it.
    Subtract,
    /// Those in it leave it, the others come to it.
    Invert,
}

/// Selected images, and the one among them that is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    images: BTreeSet<ImageId>,
    lead: Option<ImageId>,
}

impl Selection {
    /// The image that was selected last: the one whose provenance is shown and from which arrow keys and ranges go.
    #[must_use]
    pub fn lead(&self) -> Option<ImageId> {
        self.lead
    }

    /// Whether an image is selected.
    #[must_use]
    pub fn holds(&self, image: ImageId) -> bool {
        self.images.contains(&image)
    }

    /// The selected images, in their order.
    pub fn images(&self) -> impl Iterator<Item = ImageId> + '_ {
        self.images.iter().copied()
    }

    /// Their number.
    #[must_use]
    pub fn len(&self) -> usize {
        self.images.len()
    }

    /// Whether nothing is selected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// Lets images join; `lead` is looked at from now on if it is selected then, else the first that is.
    pub(super) fn join(&mut self, images: &[ImageId], joining: Joining, lead: Option<ImageId>) {
        if joining == Joining::Replace {
            self.images.clear();
        }
        for &image in images {
            match joining {
                Joining::Replace | Joining::Add => _ = self.images.insert(image),
                Joining::Subtract => _ = self.images.remove(&image),
                Joining::Invert if self.images.remove(&image) => {}
                Joining::Invert => _ = self.images.insert(image),
            }
        }
        let lead = lead.or(self.lead).filter(|lead| self.images.contains(lead));
        self.lead = lead.or_else(|| self.images.first().copied());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_join_and_leave_and_the_lead_is_always_one_of_them() {
        let ids = |numbers: &[u32]| numbers.iter().map(|i| ImageId(*i)).collect::<Vec<_>>();
        let mut selection = Selection::default();
        selection.join(&ids(&[4, 2]), Joining::Replace, Some(ImageId(4)));
        assert_eq!((selection.lead(), selection.len()), (Some(ImageId(4)), 2));
        selection.join(&ids(&[5, 2]), Joining::Invert, Some(ImageId(5)));
        assert_eq!((selection.lead(), selection.images().collect()), (Some(ImageId(5)), ids(&[4, 5])));
        selection.join(&ids(&[5]), Joining::Subtract, Some(ImageId(5)));
        assert_eq!((selection.lead(), selection.holds(ImageId(5))), (Some(ImageId(4)), false));
        selection.join(&ids(&[9, 1]), Joining::Add, None);
        assert_eq!((selection.lead(), selection.len()), (Some(ImageId(4)), 3));
        selection.join(&[], Joining::Replace, None);
        assert_eq!((selection.lead(), selection.is_empty()), (None, true));
    }
}
