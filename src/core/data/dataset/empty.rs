//! Classes without images.

use super::{ClassId, Dataset};

impl Dataset {
    /// The classes that have no images.
    pub fn empty_classes(&self) -> impl Iterator<Item = ClassId> + '_ {
        self.class_ids().filter(|&class| self.class_size(class) == 0)
    }

    /// The same images without the classes that have none; `None` where all classes have some.
    #[must_use]
    pub fn without_empty(&self) -> Option<Self> {
        self.empty_classes().next()?;
        let filled: Vec<ClassId> = self.class_ids().filter(|&class| self.class_size(class) > 0).collect();
        let ends = filled.iter().map(|&class| self.images_of(class).end);
        Some(Self {
            classes: filled.iter().map(|&class| self.class(class).clone()).collect(),
            class_starts: std::iter::once(0).chain(ends).collect(),
            ..self.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::small;
    use super::*;
    use crate::core::data::dataset::ImageId;

    #[test]
    fn images_keep_their_classes_when_empty_ones_go() {
        let data = small();
        assert_eq!(data.empty_classes().collect::<Vec<_>>(), [ClassId(1)]);
        let filled = data.without_empty().unwrap();
        let names: Vec<&str> = filled.classes().iter().map(|class| class.name.as_str()).collect();
        assert_eq!((names, filled.image_count()), (vec!["cat", "owl"], 3));
        assert_eq!(filled.class_of(ImageId(2)), ClassId(1));
        assert_eq!(filled.source(ImageId(2)), data.source(ImageId(2)));
        assert!(filled.without_empty().is_none());
    }
}
