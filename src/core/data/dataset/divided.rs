//! A dataset in two parts: what is held out of it, and the rest.

use super::{Dataset, ImageId, Split};
use crate::core::data::holdout::Holdout;

impl Dataset {
    /// What is left when images are held out, and these; both have all classes.
    #[must_use]
    pub fn divided(&self, holdout: Holdout) -> (Self, Self) {
        let empty = |split| Self {
            root: self.root.clone(),
            layout: self.layout,
            split,
            holdout: Some(holdout),
            source: self.source.clone(),
            classes: self.classes.clone(),
            class_starts: vec![0],
            names: Vec::new(),
            name_ends: Vec::new(),
        };
        let (mut rest, mut held_out) = (empty(Split::Train), empty(Split::Test));
        for class in self.class_ids() {
            let names: Vec<&[u8]> = self.images_of(class).map(|image| self.image_name(ImageId(image))).collect();
            for (name, is_held_out) in names.iter().zip(holdout.draw(&self.class(class).name, &names)) {
                let part = if is_held_out { &mut held_out } else { &mut rest };
                part.names.extend_from_slice(name);
                part.name_ends.push(part.names.len() as u32);
            }
            for part in [&mut rest, &mut held_out] {
                part.class_starts.push(part.name_ends.len() as u32);
            }
        }
        (rest, held_out)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::small;
    use super::*;

    #[test]
    fn what_is_held_out_is_in_no_other_part() {
        let data = small();
        let (rest, held_out) = data.divided("0.5".parse().unwrap());
        assert_eq!((rest.split(), held_out.split(), rest.classes()), (Split::Train, Split::Test, data.classes()));
        let counts = |part: &Dataset| data.class_ids().map(|class| part.class_size(class)).collect::<Vec<_>>();
        assert_eq!((counts(&rest), counts(&held_out)), (vec![1, 0, 1], vec![1, 0, 0]), "one of two, none of one");
        let sources = |part: &Dataset| (0..part.image_count() as u32).map(|i| part.source(ImageId(i))).collect();
        let mut all: Vec<String> = [&rest, &held_out].map(sources).into_iter().flat_map(|s: Vec<String>| s).collect();
        all.sort_unstable();
        assert_eq!(all, sources(&data));
        assert_ne!(rest.fingerprint(), data.fingerprint());
    }
}
