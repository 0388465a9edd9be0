//! A dataset as an index of names: classes in a fixed order, and the images of each class.
//!
//! Nothing here opens a file: what an image holds, the [`ImageSource`] of whoever opened the dataset knows. 1.3 million images cost one byte arena of names and a few integers.

use std::cmp::Ordering;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::holdout::Holdout;
use super::names::{alike, escape};
use super::source::ImageSource;
use super::wordnet;

mod divided;
mod empty;
mod read;

/// Position of a class in the dataset's class order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct ClassId(pub u32);

/// Position of an image in the dataset: images are sorted by class, then by name, so within a class the order of
/// the ids is the order of the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct ImageId(pub u32);

impl ClassId {
    /// The position as an index.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl ImageId {
    /// The position as an index.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One class: the name that orders it, a title for people, and where its images lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// Folder name (escaped) or the name the format gives it; unique; sorted order of these is the class order of
    /// image folders. WordNet ids stay ids.
    pub name: String,
    /// A name for people where the dataset has one (`words.txt`), else `None`.
    pub title: Option<String>,
    /// Folder of the class's images relative to [`Dataset::root`], raw bytes with `/`; empty for the root itself.
    pub folder: Vec<u8>,
}

impl Class {
    /// The title where there is one, else the name: what files that are written call it.
    #[must_use]
    pub fn label(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.name)
    }

    /// The WordNet id of ImageNet-1k that the class is called by: its name, or its title in a distilled set.
    #[must_use]
    pub fn wordnet_id(&self) -> Option<&str> {
        [Some(self.name.as_str()), self.title.as_deref()].into_iter().flatten().find(|id| wordnet::words(id).is_some())
    }

    /// The output of a network of ImageNet-1k for the class.
    #[must_use]
    pub fn wordnet_output(&self) -> Option<u32> {
        wordnet::output_of(self.wordnet_id()?)
    }

    /// What people are shown: the title where there is one, else the name; either in words where it is a WordNet id.
    #[must_use]
    pub fn shown(&self) -> &str {
        wordnet::shown(self.label())
    }
}

/// How the images of a dataset are kept on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// `root/<class>/…`, with or without a split folder above; also RDED's five-digit class folders.
    ImageFolder,
    /// Tiny-ImageNet's own: `wnids.txt`, `words.txt`, `train/<id>/images`, `val/val_annotations.txt`.
    TinyImageNet,
    /// CIFAR-10 binary: records of 1 + 3072 bytes.
    Cifar10Binary,
    /// CIFAR-100 binary: records of 2 + 3072 bytes (coarse label, fine label).
    Cifar100Binary,
}

/// Which part of a dataset an index holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// `train/` and the like, or `data_batch_*.bin`.
    Train,
    /// `val/`, `test/` and the like.
    Test,
    /// The folder had no split: all of it.
    Whole,
}

/// An index of a dataset: classes and image names. See [`DatasetBuilder`].
#[derive(Clone, Debug)]
pub struct Dataset {
    root: PathBuf,
    layout: Layout,
    split: Split,
    holdout: Option<Holdout>,
    source: Arc<dyn ImageSource>,
    classes: Vec<Class>,
    /// First image of each class, and the image count behind the last.
    class_starts: Vec<u32>,
    /// All image names, one after another.
    names: Vec<u8>,
    /// End of each name in `names`.
    name_ends: Vec<u32>,
}

/// Why an index could not be built.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum IndexError {
    /// More than 2³² images or 4 GiB of names.
    #[error("the dataset has more names than an index can hold (4 GiB); split it into several folders")]
    TooLarge,
}

impl Dataset {
    /// The dataset's root folder, as it was opened.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// How it is kept on disk.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Which split this index holds.
    #[must_use]
    pub fn split(&self) -> Split {
        self.split
    }

    /// What this index was divided by, where it is a part of a dataset without a test split.
    #[must_use]
    pub fn holdout(&self) -> Option<Holdout> {
        self.holdout
    }

    /// The classes in their order.
    #[must_use]
    pub fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// Ids of all classes in order.
    pub fn class_ids(&self) -> impl ExactSizeIterator<Item = ClassId> + use<> {
        (0..self.classes.len() as u32).map(ClassId)
    }

    /// One class.
    ///
    /// # Panics
    /// Never for an id of this dataset.
    #[must_use]
    pub fn class(&self, id: ClassId) -> &Class {
        &self.classes[id.index()]
    }

    /// The class called `name` (or titled so), if there is one: letter by letter, else in another Unicode form.
    #[must_use]
    pub fn class_named(&self, name: &str) -> Option<ClassId> {
        let find = |is_it: &dyn Fn(&Class) -> bool| self.classes.iter().position(is_it);
        let titled =
            |c: &Class, same: fn(&str, &str) -> bool| c.title.as_deref().is_some_and(|title| same(title, name));
        let at = find(&|c| c.name == name).or_else(|| find(&|c| titled(c, |a, b| a == b)));
        let at = at.or_else(|| find(&|c| alike(&c.name, name))).or_else(|| find(&|c| titled(c, alike)));
        at.map(|i| ClassId(i as u32))
    }

    /// Number of images of all classes.
    #[must_use]
    pub fn image_count(&self) -> usize {
        self.name_ends.len()
    }

    /// The images of a class, in order of their names.
    #[must_use]
    pub fn images_of(&self, class: ClassId) -> Range<u32> {
        self.class_starts[class.index()]..self.class_starts[class.index() + 1]
    }

    /// Number of images of a class.
    #[must_use]
    pub fn class_size(&self, class: ClassId) -> usize {
        self.images_of(class).len()
    }

    /// The class of an image.
    #[must_use]
    pub fn class_of(&self, image: ImageId) -> ClassId {
        ClassId(self.class_starts.partition_point(|&s| s <= image.0) as u32 - 1)
    }

    /// The image's name within its class: bytes relative to [`Class::folder`].
    #[must_use]
    pub fn image_name(&self, image: ImageId) -> &[u8] {
        let start = image.index().checked_sub(1).map_or(0, |p| self.name_ends[p]);
        &self.names[start as usize..self.name_ends[image.index()] as usize]
    }

    /// The image of a class that has this name ([`Self::image_name`]).
    #[must_use]
    pub fn image_named(&self, class: ClassId, name: &[u8]) -> Option<ImageId> {
        let (mut low, mut high) = (self.images_of(class).start, self.images_of(class).end);
        while low < high {
            let middle = ImageId(low + (high - low) / 2);
            match self.image_name(middle).cmp(name) {
                Ordering::Less => low = middle.0 + 1,
                Ordering::Equal => return Some(middle),
                Ordering::Greater => high = middle.0,
            }
        }
        None
    }

    /// The image's path relative to the root, raw bytes with `/` between parts: the provenance that manifests keep.
    #[must_use]
    pub fn source_bytes(&self, image: ImageId) -> Vec<u8> {
        let folder = &self.class(self.class_of(image)).folder;
        let mut path = folder.clone();
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(self.image_name(image));
        path
    }

    /// [`Self::source_bytes`] as text ([`escape`]).
    #[must_use]
    pub fn source(&self, image: ImageId) -> String {
        escape(&self.source_bytes(image))
    }

    /// The image called `name` with its root, for messages ([`escape`]).
    #[must_use]
    pub fn shown(&self, name: &[u8]) -> String {
        let root = self.root.as_os_str().as_encoded_bytes();
        let between: &[u8] = if root.is_empty() || root.ends_with(b"/") { b"" } else { b"/" };
        escape(&[root, between, name].concat())
    }

    /// Hash of the class order and all image names: equal for equal indexes, wherever the root lies.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hash = blake3::Hasher::new_derive_key("stillroom 2026 dataset index v1");
        for (i, class) in self.classes.iter().enumerate() {
            hash.update(&(class.name.len() as u64).to_le_bytes());
            hash.update(class.name.as_bytes());
            hash.update(&(class.folder.len() as u64).to_le_bytes());
            hash.update(&class.folder);
            hash.update(&u64::from(self.class_starts[i + 1]).to_le_bytes());
        }
        for end in &self.name_ends {
            hash.update(&end.to_le_bytes());
        }
        hash.update(&self.names);
        hash.finalize().to_hex()[..32].to_owned()
    }
}

/// Collects classes and names, then sorts them into a [`Dataset`].
#[derive(Debug, Default)]
pub struct DatasetBuilder {
    classes: Vec<(Class, Vec<Vec<u8>>)>,
}

impl DatasetBuilder {
    /// Adds a class with the names of its images (relative to the class's folder), in any order.
    pub fn class(&mut self, class: Class, names: Vec<Vec<u8>>) {
        self.classes.push((class, names));
    }

    /// Builds the index; classes keep the order in which they were added, images are sorted by name. `source` has the
    /// bytes of these images.
    ///
    /// # Errors
    /// [`IndexError::TooLarge`] where the names exceed 4 GiB.
    pub fn build(
        self,
        root: PathBuf,
        layout: Layout,
        split: Split,
        source: Arc<dyn ImageSource>,
    ) -> Result<Dataset, IndexError> {
        let count: usize = self.classes.iter().map(|(_, n)| n.len()).sum();
        let bytes: usize = self.classes.iter().flat_map(|(_, n)| n).map(Vec::len).sum();
        if u32::try_from(count).is_err() || u32::try_from(bytes).is_err() {
            return Err(IndexError::TooLarge);
        }
        let mut dataset = Dataset {
            root,
            layout,
            split,
            holdout: None,
            source,
            classes: Vec::with_capacity(self.classes.len()),
            class_starts: vec![0],
            names: Vec::with_capacity(bytes),
            name_ends: Vec::with_capacity(count),
        };
        for (class, mut names) in self.classes {
            names.sort_unstable();
            for name in &names {
                dataset.names.extend_from_slice(name);
                dataset.name_ends.push(dataset.names.len() as u32);
            }
            dataset.classes.push(class);
            dataset.class_starts.push(dataset.name_ends.len() as u32);
        }
        Ok(dataset)
    }
}

#[cfg(test)]
mod tests {
    use super::super::source::Held;
    use super::*;

    pub(super) fn small() -> Dataset {
        let mut builder = DatasetBuilder::default();
        let class = |n: &str| Class { name: n.into(), title: None, folder: format!("train/{n}").into_bytes() };
        builder.class(class("cat"), vec![b"b.jpg".to_vec(), b"a.jpg".to_vec()]);
        builder.class(class("dog"), vec![]);
        builder.class(class("owl"), vec![b"c\xff.jpg".to_vec()]);
        builder.build("/data".into(), Layout::ImageFolder, Split::Train, Held::encoded([])).unwrap()
    }

    #[test]
    fn images_are_sorted_and_know_their_class() {
        let data = small();
        assert_eq!(data.image_count(), 3);
        assert_eq!(data.image_name(ImageId(0)), b"a.jpg");
        let named = |class, name: &[u8]| data.image_named(ClassId(class), name);
        assert_eq!(
            [named(0, b"a.jpg"), named(0, b"b.jpg"), named(2, b"c\xff.jpg")],
            [0, 1, 2].map(|i| Some(ImageId(i)))
        );
        assert_eq!([named(0, b"ab"), named(1, b"a.jpg"), named(2, b"a.jpg"), named(2, b"z")], [None; 4]);
        assert_eq!(data.source(ImageId(2)), "train/owl/c\\xff.jpg");
        assert_eq!(data.shown(&data.source_bytes(ImageId(2))), "/data/train/owl/c\\xff.jpg");
        assert_eq!(data.class_of(ImageId(1)), ClassId(0));
        assert_eq!(data.class_of(ImageId(2)), ClassId(2), "an empty class in between owns nothing");
        assert_eq!(data.class_size(ClassId(1)), 0);
        assert_eq!(data.class_named("owl"), Some(ClassId(2)));
        let mut data = data;
        data.classes[0].name = "cafe\u{301}".into();
        data.classes[1].title = Some("\u{e9}t\u{e9}".into());
        assert_eq!(data.class_named("caf\u{e9}"), Some(ClassId(0)), "folders of a Mac are decomposed");
        assert_eq!(data.class_named("e\u{301}te\u{301}"), Some(ClassId(1)));
    }

    #[test]
    fn fingerprint_ignores_the_root_but_not_the_names() {
        let (a, mut b) = (small(), small());
        b.root = "/elsewhere".into();
        assert_eq!(a.fingerprint(), b.fingerprint());
        b.names[0] = b'z';
        assert_ne!(a.fingerprint(), b.fingerprint());
    }
}
