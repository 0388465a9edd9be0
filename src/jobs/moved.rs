//! Images whose pixels were moved beside what they began with: of a batch that is under way, and of a set that was written.

use std::path::Path;
use std::sync::Arc;

use super::distill::{DistillError, recut_values};
use super::folder_set::FolderSet;
use super::open;
use super::refine::{Refining, begun};
use crate::core::data::dataset::{ClassId, Dataset, Split};
use crate::core::data::folders::Folders;
use crate::core::data::normalise::MeanStd;
use crate::core::data::pixels::{Rgb8, RgbF32};
use crate::core::distil::manifest::{ImageNote, Manifest, Optimised, Origin, Start};
use crate::core::distil::set::{Address, ImageSet, SetError};

/// A set of moved images.
pub trait Moved: ImageSet {
    /// What an image began with, in units of [0, 1].
    ///
    /// # Errors
    /// [`SetError`] where there is no such image, or where what it began with isn't kept or can't be read any more.
    fn start(&self, at: Address) -> Result<RgbF32, SetError>;
}

impl Refining {
    /// An image of the batch among values of all of them.
    fn of_batch(&self, at: Address, values: &[f32]) -> Result<RgbF32, SetError> {
        let place = self.images.iter().position(|image| *image == at).ok_or_else(|| SetError::absent(at))?;
        let each = 3 * self.side * self.side;
        let planes = values.get(place * each..(place + 1) * each);
        let image = planes.and_then(|planes| RgbF32::from_planes(self.side as u32, self.side as u32, planes));
        image.ok_or_else(|| SetError::absent(at))
    }
}

impl ImageSet for Refining {
    fn images(&self, class: ClassId) -> u32 {
        self.images.iter().filter(|at| at.class == class).count() as u32
    }

    fn pixels(&self, at: Address) -> Result<Rgb8, SetError> {
        self.floats(at).map(|image| image.rounded())
    }

    fn floats(&self, at: Address) -> Result<RgbF32, SetError> {
        self.of_batch(at, &self.values)
    }

    fn origin(&self, _: Address) -> Option<Origin> {
        None
    }
}

impl Moved for Refining {
    fn start(&self, at: Address) -> Result<RgbF32, SetError> {
        self.of_batch(at, &self.start)
    }
}

/// A written set of moved images, and the dataset that it was distilled from.
#[derive(Debug)]
pub struct WrittenSet {
    set: FolderSet,
    data: Arc<Dataset>,
    /// Whether the set was distilled from these data.
    of_data: bool,
}

/// Opens the folder of a set, or of real images, and reads its manifest.
///
/// # Errors
/// Why it can't be opened, or what is wrong with the manifest, in words.
pub fn open_set(folder: &Path) -> Result<FolderSet, String> {
    let opened = open::dataset(folder, Split::Whole, Folders::Auto).map_err(|e| e.to_string())?;
    let set = FolderSet::of(opened.dataset);
    match set.damage() {
        Some(damage) => Err(damage.to_owned()),
        None => Ok(set),
    }
}

impl WrittenSet {
    /// Opens the folder of a set and reads its manifest; `data` holds the images that it began with.
    ///
    /// # Errors
    /// Why it can't be opened, in words; it is no distilled set, or none whose pixels were moved.
    pub fn open(folder: &Path, data: Arc<Dataset>) -> Result<Self, String> {
        let set = open_set(folder)?;
        let manifest = set.manifest().filter(|manifest| manifest.recipe.method.iterations() > 0);
        let manifest = manifest.ok_or_else(|| "no method moved the pixels of this set".to_owned())?;
        let of_data = manifest.dataset.fingerprint == data.fingerprint();
        Ok(Self { set, data, of_data })
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.set.dataset().root()
    }

    /// Its manifest; there is one.
    #[must_use]
    pub fn manifest(&self) -> Option<&Manifest> {
        self.set.manifest()
    }

    /// How an image was made, with its file.
    #[must_use]
    pub fn note(&self, at: Address) -> Option<&ImageNote> {
        self.manifest()?.classes.get(at.class.index())?.images.get(at.image as usize)
    }
}

impl ImageSet for WrittenSet {
    fn images(&self, class: ClassId) -> u32 {
        self.set.images(class)
    }

    fn pixels(&self, at: Address) -> Result<Rgb8, SetError> {
        self.set.pixels(at)
    }

    fn floats(&self, at: Address) -> Result<RgbF32, SetError> {
        self.set.floats(at)
    }

    fn origin(&self, at: Address) -> Option<Origin> {
        self.set.origin(at)
    }
}

impl Moved for WrittenSet {
    fn start(&self, at: Address) -> Result<RgbF32, SetError> {
        let (Some(manifest), Some(note)) = (self.manifest(), self.note(at)) else { return Err(SetError::absent(at)) };
        let unknown = |reason: &str| Err(SetError { file: note.file.clone(), reason: reason.to_owned() });
        match &note.origin {
            Origin::Optimised(Optimised { start: Start::Stitched(_), .. }) => {}
            Origin::Optimised(Optimised { start: Start::Noise, .. }) => {
                return unknown("it began with noise, which isn't kept");
            }
            _ => return unknown("it began with an image of another set"),
        }
        if !self.of_data {
            return unknown("it was distilled from other data: open those to see what it began with");
        }
        let gone = |e: DistillError| SetError { file: note.file.clone(), reason: e.to_string() };
        let mean_std = manifest.observer.as_ref().map_or(MeanStd::NONE, |observer| observer.normalise);
        let recut = |by: &MeanStd| recut_values(manifest, &self.data, note, by);
        begun(&manifest.recipe.method, mean_std, recut).map_err(gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_of_a_batch_has_its_own_values_and_start() {
        let at = |image| Address { class: ClassId(3), image };
        let refining = Refining {
            images: vec![at(4), at(5)],
            side: 2,
            values: (0..24).map(|v| v as f32 / 12.0).collect(),
            start: Arc::new(vec![0.25; 24]),
            iteration: 1,
            iterations: 2,
            names: &["feature"],
            terms: vec![0.5],
            norms: vec![],
            batch: (0, 1),
        };
        let image = refining.floats(at(5)).unwrap();
        assert_eq!(image.pixel(0, 0), [1.0, 16.0 / 12.0, 20.0 / 12.0]);
        assert_eq!(refining.pixels(at(5)).unwrap().pixel(0, 0), [255; 3], "floats beyond 1 are shown as 1");
        assert_eq!(refining.start(at(4)).unwrap().data, [0.25; 12]);
        assert_eq!((refining.images(ClassId(3)), refining.images(ClassId(0))), (2, 0));
        assert_eq!(refining.floats(at(6)).unwrap_err(), SetError::absent(at(6)));
    }
}
