//! The images of a folder as a set: a distilled dataset that was written, or real images.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use crate::core::data::dataset::{ClassId, Dataset, ImageId};
use crate::core::data::pixels::{Rgb, Rgb8, RgbF32};
use crate::core::distil::manifest::{ImageNote, Manifest, Origin};
use crate::core::distil::set::{Address, ImageSet, SetError};
use crate::engine::images::decode;
use crate::engine::images::error::ImageError;
use crate::store::files::{read_small, shown};

/// A manifest's largest size: an ImageNet set with IPC 50 has 50,000 images of a few cells.
pub(super) const MANIFEST: u64 = 1 << 30;

/// The manifest in a dataset's folder; `None` of real images, even if a file of that name lies there that says something
/// else.
///
/// # Errors
/// What is wrong with a manifest that can't be read, and what follows from it.
pub(super) fn manifest(dataset: &Dataset) -> Result<Option<Manifest>, String> {
    let path = dataset.root().join("manifest.json");
    if !path.is_file() {
        return Ok(None);
    }
    let lost = |why: String| {
        format!(
            "{}: {why}; what it says of the set's recipe, and of which output of an observer is which class, is not \
             known: restore the file, or distil the set again",
            shown(&path)
        )
    };
    let text = read_small(&path, MANIFEST).map_err(|e| lost(e.to_string()))?;
    let foreign = |text: &[u8]| {
        serde_json::from_slice::<serde_json::Value>(text)
            .is_ok_and(|any| any.get("recipe").or(any.get("program")).is_none())
    };
    match Manifest::parse(&text) {
        Ok(manifest) => Ok(Some(manifest)),
        Err(_) if foreign(&text) => Ok(None),
        Err(error) => Err(lost(error.to_string())),
    }
}

/// Where a folder and its manifest differ, sorted by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// Images that the manifest names and the folder doesn't have.
    pub missing: Vec<String>,
    /// Images of the folder that the manifest doesn't name.
    pub others: Vec<String>,
}

/// The images of an opened folder.
#[derive(Debug)]
pub struct FolderSet {
    dataset: Dataset,
    /// Read when it is first asked for.
    manifest: OnceLock<Result<Option<Manifest>, String>>,
}

impl FolderSet {
    /// The set of an opened dataset's images.
    #[must_use]
    pub fn of(dataset: Dataset) -> Self {
        Self { dataset, manifest: OnceLock::new() }
    }

    /// The dataset.
    #[must_use]
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// How a distilled dataset came to be; `None` of real images, and of a manifest that can't be read.
    #[must_use]
    pub fn manifest(&self) -> Option<&Manifest> {
        self.read().as_ref().ok()?.as_ref()
    }

    /// What is wrong with a manifest that can't be read, for people.
    #[must_use]
    pub fn damage(&self) -> Option<&str> {
        self.read().as_ref().err().map(String::as_str)
    }

    /// Where the folder and its manifest differ; nowhere without a manifest.
    #[must_use]
    pub fn differences(&self) -> Differences {
        let Some(manifest) = self.manifest() else { return Differences::default() };
        let due = manifest.classes.iter().flat_map(|class| &class.images).map(|image| image.file.clone());
        let found = (0..self.dataset.image_count() as u32).map(|image| self.dataset.source(ImageId(image)));
        let (due, found): (BTreeSet<String>, BTreeSet<String>) = (due.collect(), found.collect());
        Differences {
            missing: due.difference(&found).cloned().collect(),
            others: found.difference(&due).cloned().collect(),
        }
    }

    fn read(&self) -> &Result<Option<Manifest>, String> {
        self.manifest.get_or_init(|| manifest(&self.dataset))
    }

    /// Where an image of the dataset stands in the set.
    #[must_use]
    pub fn address(&self, image: ImageId) -> Address {
        let class = self.dataset.class_of(image);
        Address { class, image: image.0 - self.dataset.images_of(class).start }
    }

    /// An image as it counts: as floats where the set keeps them, else in 8 bits.
    ///
    /// # Errors
    /// [`SetError`], as of [`ImageSet::pixels`].
    pub fn values(&self, at: Address) -> Result<Rgb, SetError> {
        let image = self.image(at).ok_or_else(|| SetError::absent(at))?;
        decode::values(&self.dataset, image).map_err(|e| self.gone(image, &e))
    }

    fn gone(&self, image: ImageId, error: &ImageError) -> SetError {
        SetError { file: self.dataset.source(image), reason: error.reason().to_string() }
    }

    fn image(&self, at: Address) -> Option<ImageId> {
        (at.image < self.images(at.class)).then(|| ImageId(self.dataset.images_of(at.class).start + at.image))
    }
}

impl ImageSet for FolderSet {
    fn images(&self, class: ClassId) -> u32 {
        if class.index() < self.dataset.classes().len() { self.dataset.class_size(class) as u32 } else { 0 }
    }

    fn pixels(&self, at: Address) -> Result<Rgb8, SetError> {
        let image = self.image(at).ok_or_else(|| SetError::absent(at))?;
        decode::read(&self.dataset, image).map_err(|e| self.gone(image, &e))
    }

    fn floats(&self, at: Address) -> Result<RgbF32, SetError> {
        self.values(at).map(Rgb::into_floats)
    }

    fn origin(&self, at: Address) -> Option<Origin> {
        let source = self.dataset.source(self.image(at)?);
        let class = self.manifest()?.classes.get(at.class.index())?;
        let note: &ImageNote = class.images.iter().find(|note| note.file == source)?;
        Some(note.origin.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::data::dataset::Split;
    use crate::core::data::folders::Folders;
    use crate::core::distil::manifest::tests::sample;
    use crate::core::distil::recipe::OutputFormat;
    use crate::engine::images::encode::encode;
    use crate::jobs::open;

    #[test]
    fn a_folder_gives_its_images_and_says_how_they_were_made() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = sample();
        std::fs::write(folder.path().join("manifest.json"), manifest.to_json().unwrap()).unwrap();
        for class in &manifest.classes {
            std::fs::create_dir(folder.path().join(&class.folder)).unwrap();
            for (image, note) in (0..).zip(&class.images) {
                let pixels = Rgb8 { width: 1, height: 1, data: vec![10 * class.index as u8 + image; 3] };
                std::fs::write(folder.path().join(&note.file), encode(&pixels, OutputFormat::Png).unwrap()).unwrap();
            }
        }
        let set = FolderSet::of(open::dataset(folder.path(), Split::Whole, Folders::Auto).unwrap().dataset);
        let at = Address { class: ClassId(1), image: 1 };
        assert_eq!((set.images(ClassId(1)), set.images(ClassId(2)), set.address(ImageId(3))), (2, 0, at));
        assert_eq!(set.pixels(at).unwrap().data, [11; 3]);
        assert_eq!(set.floats(at).unwrap().data, [11.0 / 255.0; 3]);
        let Some(Origin::Stitched(cells)) = set.origin(at) else { panic!("{:?}", set.origin(at)) };
        assert_eq!((cells.len(), cells[1].rank), (4, 3));
        let beyond = Address { image: 2, ..at };
        assert_eq!((set.pixels(beyond).unwrap_err(), set.origin(beyond)), (SetError::absent(beyond), None));
        assert_eq!(set.differences(), Differences::default());
        std::fs::remove_file(folder.path().join(&manifest.classes[1].images[1].file)).unwrap();
        let less = FolderSet::of(open::dataset(folder.path(), Split::Whole, Folders::Auto).unwrap().dataset);
        assert_eq!(less.differences().missing, ["00001/class00001_id00001.jpg"]);
        assert_eq!(set.pixels(at).unwrap_err().file, "00001/class00001_id00001.jpg");
    }
}
