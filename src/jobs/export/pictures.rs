//! The bytes and pixels of images that are exported, looked at once before anything is written.

use std::sync::Arc;

use crate::core::data::dataset::Dataset;
use crate::core::data::names::escape;
use crate::core::data::pixels::{Rgb, Rgb8};
use crate::core::data::source::ImageBytes;
use crate::core::distil::set::SetError;
use crate::core::formats::image_kind::{FIRST_BYTES, ImageKind};
use crate::core::progress::Progress;
use crate::engine::images::{decode, encode, resize};
use crate::store::export::content::{Picture, Pictures, Takes, value_hash};
use crate::store::export::rounding::Rounding;

use super::ExportJobError;

/// Images of a dataset by their names.
pub(super) struct Files {
    pub dataset: Arc<Dataset>,
    /// The name of each exported image ([`Dataset::source_bytes`]).
    pub names: Vec<Vec<u8>>,
    pub takes: Takes,
}

impl Files {
    fn name(&self, at: usize) -> Result<&[u8], SetError> {
        let absent = || SetError { file: format!("image {at}"), reason: "the set has no such image".to_owned() };
        self.names.get(at).map(Vec::as_slice).ok_or_else(absent)
    }

    fn gone(name: &[u8], reason: &dyn std::fmt::Display) -> SetError {
        SetError { file: escape(name), reason: reason.to_string() }
    }

    fn read(&self, name: &[u8]) -> Result<Rgb, SetError> {
        decode::values_named(&self.dataset, name).map_err(|e| Self::gone(name, &e.reason()))
    }

    /// A file as it is, where the format takes it and its pixels are what counts; else its pixels as PNG. With the
    /// ending for it.
    fn file(&self, at: usize) -> Result<(Vec<u8>, &'static str), SetError> {
        let name = self.name(at)?;
        if !self.dataset.keeps_floats()
            && let Takes::Files(kinds) = self.takes
            && let ImageBytes::Encoded(bytes) = self.dataset.bytes(name).map_err(|e| Self::gone(name, &e))?
        {
            let kind = ImageKind::of(&bytes[..bytes.len().min(FIRST_BYTES)]);
            let extension = kind.filter(|kind| kinds.contains(kind)).and_then(ending);
            if let Some(extension) = extension {
                return Ok((bytes.into_owned(), extension));
            }
        }
        let png = encode::png(&self.pixels(at)?).map_err(|e| Self::gone(name, &e))?;
        Ok((png, "png"))
    }

    /// Looks at an image: size, bytes and hash for `picture`, whose other fields are known; floats also go into
    /// `rounding`.
    fn look_at(&self, at: usize, picture: &mut Picture, rounding: &mut Rounding) -> Result<(), SetError> {
        let values = self.read(self.name(at)?)?;
        picture.size = values.size();
        if let Rgb::Floats(image) = &values {
            rounding.add(image);
        }
        match self.takes {
            Takes::Values => picture.hash = value_hash(&values),
            Takes::Pixels => picture.hash = value_hash(&Rgb::Bytes(values.into_pixels())),
            Takes::Files(_) => {
                let (bytes, extension) = self.file(at)?;
                picture.extension = extension;
                picture.bytes = bytes.len() as u64;
                picture.hash = blake3::hash(&bytes);
            }
        }
        Ok(())
    }

    /// Looks at all images, and says what 8 bits lose of those that are kept as floats.
    ///
    /// # Errors
    /// [`SetError`] of the first that can't be decoded.
    pub fn look(
        &self,
        pictures: &mut [Picture],
        progress: &mut dyn Progress,
    ) -> Result<Option<Rounding>, ExportJobError> {
        let total = pictures.len() as u64;
        let mut rounding = Rounding::default();
        for (at, picture) in pictures.iter_mut().enumerate() {
            progress.step("look", at as u64, total)?;
            self.look_at(at, picture, &mut rounding)?;
        }
        progress.step("look", total, total)?;
        Ok(self.dataset.keeps_floats().then_some(rounding))
    }
}

/// The ending that loaders look for.
fn ending(kind: ImageKind) -> Option<&'static str> {
    Some(match kind {
        ImageKind::Jpeg => "jpg",
        ImageKind::Png => "png",
        ImageKind::Bmp => "bmp",
        ImageKind::WebP => "webp",
        ImageKind::Gif => "gif",
        ImageKind::Tiff => "tif",
        ImageKind::Pnm | ImageKind::Foreign(_) => return None,
    })
}

impl Pictures for Files {
    fn bytes(&self, at: usize) -> Result<Vec<u8>, SetError> {
        Ok(self.file(at)?.0)
    }

    fn pixels(&self, at: usize) -> Result<Rgb8, SetError> {
        self.values(at).map(Rgb::into_pixels)
    }

    fn values(&self, at: usize) -> Result<Rgb, SetError> {
        self.read(self.name(at)?)
    }

    fn scaled(&self, image: &Rgb8, size: (u32, u32)) -> Rgb8 {
        resize::scaled(image, size)
    }

    fn png(&self, image: &Rgb8) -> Result<Vec<u8>, String> {
        encode::png(image).map_err(|e| e.to_string())
    }

    fn decoded(&self, bytes: &[u8]) -> Result<Rgb8, String> {
        decode::decode(bytes).map_err(|e| e.to_string())
    }
}
