//! What the images of an optimisation begin with.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::RefineJobError;
use crate::core::data::dataset::{ClassId, Dataset, ImageId};
use crate::core::data::normalise::MeanStd;
use crate::core::data::pixels::{Rgb, RgbF32};
use crate::core::data::source::ImageBytes;
use crate::core::distil::manifest::{Origin, Start};
use crate::core::distil::recipe::Method;
use crate::core::distil::set::{Address, ImageSet, SetError};
use crate::core::progress::Progress;
use crate::engine::images::stitch::truncated;
use crate::engine::refine::RefineError;
use crate::jobs::folder_set::FolderSet;
use crate::jobs::stitched::StitchedSet;

/// What the images begin with.
#[derive(Clone, Debug)]
pub enum Beginning {
    /// Noise that the recipe's seed draws.
    Noise,
    /// Images stitched of these patches.
    Stitched(StitchedSet),
    /// Images of a finished set.
    Images(ParentImages),
}

impl Beginning {
    /// The stitched images; `None` of others.
    #[must_use]
    pub fn stitched(&self) -> Option<&StitchedSet> {
        if let Self::Stitched(set) = self { Some(set) } else { None }
    }

    /// Images of a class; `None` of noise, which there is as much of as is asked for.
    pub(super) fn images(&self, class: ClassId) -> Option<u32> {
        match self {
            Self::Noise => None,
            Self::Stitched(set) => Some(set.images(class)),
            Self::Images(parents) => Some(parents.images(class)),
        }
    }

    /// The values of an image that a method begins with, in units of [0, 1]; `None` of noise.
    ///
    /// # Errors
    /// [`SetError`] where a file can't be read any more.
    pub(super) fn values(&self, method: &Method, at: Address) -> Result<Option<RgbF32>, SetError> {
        match self {
            Self::Noise => Ok(None),
            Self::Stitched(set) => begun(method, set.mean_std, |by| set.stitched(at, by)).map(Some),
            Self::Images(parents) => parents.values(at).map(Some),
        }
    }

    /// Takes what the pixels of an image follow from into a hash; nothing of noise.
    ///
    /// # Errors
    /// [`SetError`] where a file can't be read any more.
    pub(super) fn name(&self, at: Address, hash: &mut blake3::Hasher) -> Result<(), SetError> {
        match self {
            Self::Noise => {}
            Self::Stitched(set) => set.name(at, hash)?,
            Self::Images(parents) => {
                hash.update(b"an image of a finished set");
                hash.update(parents.hash(at).as_bytes());
            }
        }
        Ok(())
    }

    /// What is kept of it with the finished image.
    pub(super) fn note(&self, at: Address) -> Option<Start> {
        match self {
            Self::Noise => Some(Start::Noise),
            Self::Stitched(set) => match set.origin(at)? {
                Origin::Stitched(cells) => Some(Start::Stitched(cells)),
                Origin::Optimised(_) | Origin::Imported { .. } => None,
            },
            Self::Images(parents) => {
                let file = parents.file(at)?;
                Some(Start::Parent { file, hash: parents.hash(at).to_owned() })
            }
        }
    }
}

/// What a method begins with of an image that `stitch` puts together, in units of [0, 1], from patches normalised by what
/// it is given. SRe2L and CDA begin with RDED's images: normalised by the observer's `mean_std` and back, then cut off to
/// 8 bits. LIC begins with the patches' own values, which nothing rounds.
///
/// # Errors
/// Those of `stitch`.
pub fn begun<E>(
    method: &Method,
    mean_std: MeanStd,
    stitch: impl FnOnce(&MeanStd) -> Result<RgbF32, E>,
) -> Result<RgbF32, E> {
    match method {
        Method::Lic(_) => stitch(&MeanStd::NONE),
        Method::Rded(_) | Method::Sre2l(_) | Method::Cda(_) => {
            stitch(&mean_std).map(|values| RgbF32::from(&truncated(&values)))
        }
    }
}

/// The images of a finished set that others begin with.
#[derive(Clone, Debug)]
pub struct ParentImages {
    set: Arc<FolderSet>,
    /// The set's class of each running index, and its name.
    classes: Vec<(ClassId, String)>,
    /// Hash of each image, by running index.
    hashes: Arc<BTreeMap<Address, String>>,
}

impl ParentImages {
    /// Reads the images of these classes of a set, whose side must be `side`, in this order of the running index. By their
    /// names everything about them is drawn.
    ///
    /// # Errors
    /// [`RefineJobError`]: an image can't be read or has another side, or the user cancelled.
    pub fn read(
        set: Arc<FolderSet>,
        classes: Vec<(ClassId, String)>,
        side: u32,
        progress: &mut dyn Progress,
    ) -> Result<Self, RefineJobError> {
        let of_class = |(class, &(own, _)): (u32, &(ClassId, String))| {
            (0..set.images(own)).map(move |image| (Address { class: ClassId(class), image }, own))
        };
        let all: Vec<(Address, ClassId)> = (0..).zip(&classes).flat_map(of_class).collect();
        let mut hashes = BTreeMap::new();
        for (done, &(at, own)) in all.iter().enumerate() {
            progress.step("read", done as u64, all.len() as u64).map_err(RefineError::from)?;
            let there = Address { class: own, ..at };
            let values = set.values(there)?;
            if values.size() != (side, side) {
                let (width, height) = values.size();
                return Err(RefineJobError::Side { file: file(&set, there).unwrap_or_default(), width, height, side });
            }
            hashes.insert(at, hash(&set, there, &values)?);
        }
        Ok(Self { set, classes, hashes: Arc::new(hashes) })
    }

    /// The name of a class, by its running index.
    pub(super) fn class_name(&self, class: usize) -> &str {
        self.classes.get(class).map_or("", |(_, name)| name)
    }

    fn there(&self, at: Address) -> Option<Address> {
        self.classes.get(at.class.index()).map(|&(class, _)| Address { class, ..at })
    }

    /// Images of a class, by its running index.
    #[must_use]
    pub fn images(&self, class: ClassId) -> u32 {
        self.classes.get(class.index()).map_or(0, |&(own, _)| self.set.images(own))
    }

    fn values(&self, at: Address) -> Result<RgbF32, SetError> {
        let there = self.there(at).ok_or_else(|| SetError::absent(at))?;
        let values = self.set.values(there)?;
        // What is computed must follow from what its name says.
        if hash(&self.set, there, &values)? != self.hash(at) {
            let file = file(&self.set, there).unwrap_or_default();
            return Err(SetError { file, reason: "it has changed meanwhile".to_owned() });
        }
        Ok(values.into_floats())
    }

    fn hash(&self, at: Address) -> &str {
        self.hashes.get(&at).map_or("", String::as_str)
    }

    fn file(&self, at: Address) -> Option<String> {
        file(&self.set, self.there(at)?)
    }
}

fn id(dataset: &Dataset, at: Address) -> Option<ImageId> {
    let images = dataset.images_of(at.class);
    Some(ImageId(images.start + at.image)).filter(|image| images.contains(&image.0))
}

/// The name of an image's file in its set.
fn file(set: &FolderSet, at: Address) -> Option<String> {
    id(set.dataset(), at).map(|image| set.dataset().source(image))
}

/// The hash of an image: of its file's bytes; of a set that keeps floats, or has no file for each image, of its values.
fn hash(set: &FolderSet, at: Address, values: &Rgb) -> Result<String, SetError> {
    let dataset = set.dataset();
    let image = id(dataset, at).ok_or_else(|| SetError::absent(at))?;
    let hash = match values {
        Rgb::Floats(_) => values.hash(),
        Rgb::Bytes(_) => {
            let gone = |reason: String| SetError { file: dataset.source(image), reason };
            match dataset.bytes(&dataset.source_bytes(image)).map_err(|e| gone(e.to_string()))? {
                ImageBytes::Encoded(bytes) => blake3::hash(&bytes),
                ImageBytes::Raw(_) => values.hash(),
            }
        }
    };
    Ok(hash.to_hex().to_string())
}
