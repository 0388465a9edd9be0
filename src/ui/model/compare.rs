//! Distilled sets beside each other: which they are, and which of their images is looked at.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::core::data::dataset::{Class, ClassId};
use crate::core::data::wordnet;
use crate::core::distil::manifest::{ClassNote, Manifest};
use crate::core::distil::set::{Address, ImageSet as _};
use crate::jobs::folder_set::FolderSet;

/// A set that lies beside others.
#[derive(Clone, Debug)]
pub struct Beside {
    /// Counts up with each set that is opened: what is kept of an older one isn't shown for it.
    pub number: u64,
    /// Its folder.
    pub folder: PathBuf,
    /// The set.
    pub set: Arc<FolderSet>,
    /// The class of each name.
    classes: HashMap<String, ClassId>,
}

impl Beside {
    fn new(number: u64, folder: PathBuf, set: Arc<FolderSet>) -> Self {
        let classes = (0..).map(ClassId).zip(names(&set)).map(|(class, name)| (name, class)).collect();
        Self { number, folder, set, classes }
    }

    /// How it came to be; `None` of real images.
    #[must_use]
    pub fn manifest(&self) -> Option<&Manifest> {
        self.set.manifest()
    }

    /// Where it has the image with this number, from 0, of a class.
    #[must_use]
    pub fn image(&self, class: &str, number: u32) -> Option<Address> {
        let class = *self.classes.get(class)?;
        (number < self.set.images(class)).then_some(Address { class, image: number })
    }

    /// Images of its largest class.
    #[must_use]
    pub fn most(&self) -> u32 {
        self.classes.values().map(|class| self.set.images(*class)).max().unwrap_or(0)
    }

    /// Names an image's pixels.
    #[must_use]
    pub fn key(&self, at: Address) -> u64 {
        let mut hash = DefaultHasher::new();
        ("beside", &self.folder, self.number, at).hash(&mut hash);
        hash.finish()
    }
}

/// What people call the classes of a set, in order.
fn names(set: &FolderSet) -> Vec<String> {
    match set.manifest() {
        Some(manifest) => {
            manifest.classes.iter().map(|class| wordnet::shown(ClassNote::shown(class)).to_owned()).collect()
        }
        None => set.dataset().classes().iter().map(Class::shown).map(str::to_owned).collect(),
    }
}

/// What became of a set that somebody wants to compare.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// It is being opened.
    Opening,
    /// Here it is.
    Here(Beside),
    /// Why it can't be had, in words.
    Failed(String),
}

/// The sets, in the order in which they were chosen.
#[derive(Clone, Debug, Default)]
pub struct Compare {
    wanted: Vec<(PathBuf, Wanted)>,
    /// The number of the images that are shown, from 0.
    image: u32,
    /// All classes, in the order in which the sets have them.
    classes: Vec<String>,
    count: u64,
}

impl Compare {
    /// All that were chosen.
    #[must_use]
    pub fn wanted(&self) -> &[(PathBuf, Wanted)] {
        &self.wanted
    }

    /// Those that are there.
    pub fn sets(&self) -> impl Iterator<Item = &Beside> + Clone {
        self.wanted.iter().filter_map(|(_, state)| if let Wanted::Here(set) = state { Some(set) } else { None })
    }

    /// What became of the set in a folder; `None` of one that isn't compared.
    #[must_use]
    pub fn of(&self, folder: &Path) -> Option<&Wanted> {
        self.wanted.iter().find(|(wanted, _)| wanted == folder).map(|(_, state)| state)
    }

    /// Whether one is being opened.
    #[must_use]
    pub fn is_opening(&self) -> bool {
        self.wanted.iter().any(|(_, state)| matches!(state, Wanted::Opening))
    }

    /// Wants the set in a folder to be compared, if it isn't yet; whether it is to be opened.
    pub fn want(&mut self, folder: &Path) -> bool {
        match self.of(folder) {
            None => self.wanted.push((folder.to_owned(), Wanted::Opening)),
            Some(Wanted::Failed(_)) => self.set(folder, Wanted::Opening),
            Some(Wanted::Opening | Wanted::Here(_)) => return false,
        }
        true
    }

    /// Takes a set out.
    pub fn leave(&mut self, folder: &Path) {
        self.wanted.retain(|(wanted, _)| wanted != folder);
        self.settle();
    }

    /// Takes a set that was opened, or why it could not be; one that nobody wants any more is passed over.
    pub fn take(&mut self, folder: &Path, opened: Result<FolderSet, String>) {
        self.count += 1;
        let here = |set| Wanted::Here(Beside::new(self.count, folder.to_owned(), Arc::new(set)));
        let state = opened.map_or_else(Wanted::Failed, here);
        self.set(folder, state);
        self.settle();
    }

    fn set(&mut self, folder: &Path, state: Wanted) {
        if let Some((_, own)) = self.wanted.iter_mut().find(|(wanted, _)| wanted == folder) {
            *own = state;
        }
    }

    fn settle(&mut self) {
        let mut classes: Vec<String> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for name in self.sets().flat_map(|beside| names(&beside.set)) {
            if seen.insert(name.clone()) {
                classes.push(name);
            }
        }
        self.classes = classes;
        self.look_at(self.image);
    }

    /// All classes that a set has.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Images of the largest class of all.
    #[must_use]
    pub fn most(&self) -> u32 {
        self.sets().map(Beside::most).max().unwrap_or(0)
    }

    /// The number of the images that are shown, from 0.
    #[must_use]
    pub fn image(&self) -> u32 {
        self.image
    }

    /// Shows the images with this number, from 0; the last ones where there are not so many.
    pub fn look_at(&mut self, image: u32) {
        // Sets that are being opened may have as many.
        let known = !self.is_opening();
        self.image = if known { image.min(self.most().saturating_sub(1)) } else { image };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::data::dataset::{DatasetBuilder, Layout, Split};
    use crate::core::data::source::Held;

    /// Real images of these classes, so many of each.
    fn set(classes: &[(&str, usize)]) -> FolderSet {
        let mut builder = DatasetBuilder::default();
        for (name, images) in classes {
            let class = Class { name: (*name).into(), title: None, folder: name.as_bytes().to_vec() };
            builder.class(class, (0..*images).map(|i| format!("{i}.png").into_bytes()).collect());
        }
        FolderSet::of(builder.build("/set".into(), Layout::ImageFolder, Split::Whole, Held::encoded([])).unwrap())
    }

    #[test]
    fn sets_keep_the_order_in_which_they_were_chosen() {
        let mut compare = Compare::default();
        let (a, b) = (Path::new("/a"), Path::new("/b"));
        assert!(compare.want(a) && compare.want(b) && !compare.want(a));
        compare.take(b, Ok(set(&[("cat", 2), ("dog", 1)])));
        assert_eq!(compare.sets().count(), 1);
        assert!(compare.is_opening());
        compare.take(a, Ok(set(&[("ant", 5), ("dog", 3)])));
        let folders: Vec<_> = compare.sets().map(|set| set.folder.clone()).collect();
        assert_eq!(folders, [a, b]);
        assert_eq!(compare.classes(), ["ant", "dog", "cat"], "first those of the first set");
        let dogs = compare.sets().map(|set| set.image("dog", 1)).collect::<Vec<_>>();
        assert_eq!(dogs, [Some(Address { class: ClassId(1), image: 1 }), None], "the second has one dog");
        assert_eq!(compare.sets().nth(1).unwrap().image("ant", 0), None);
        let keys: Vec<_> = compare.sets().map(|set| set.key(Address { class: ClassId(1), image: 0 })).collect();
        assert_ne!(keys[0], keys[1]);
    }

    #[test]
    fn the_number_of_the_image_stays_where_there_are_images() {
        let mut compare = Compare::default();
        let (a, b) = (Path::new("/a"), Path::new("/b"));
        compare.want(a);
        compare.look_at(4);
        compare.want(b);
        compare.take(b, Ok(set(&[("cat", 2)])));
        assert_eq!(compare.image(), 4, "a window that is opened again waits for all its sets");
        compare.leave(b);
        compare.take(a, Ok(set(&[("cat", 5)])));
        compare.want(b);
        compare.take(b, Err("gone".to_owned()));
        assert!(matches!(compare.of(b), Some(Wanted::Failed(why)) if why == "gone"));
        assert!(compare.want(b), "what failed is tried again");
        compare.take(b, Ok(set(&[("cat", 3)])));
        assert_eq!((compare.image(), compare.most()), (4, 5));
        compare.leave(a);
        assert_eq!((compare.image(), compare.most()), (2, 3));
        compare.look_at(9);
        assert_eq!(compare.image(), 2);
        compare.take(a, Ok(set(&[("cat", 9)])));
        assert_eq!(compare.sets().count(), 1, "nobody wants it any more");
    }
}
