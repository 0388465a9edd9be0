//! The pixels of distilled images: written into a folder, and cut again from a manifest.

use crate::core::data::dataset::{ClassId, Dataset};
use crate::core::data::pixels::Rgb8;
use crate::core::distil::compose::cells;
use crate::core::distil::manifest::{ImageNote, Manifest, image_file};
use crate::core::distil::set::{Address, ImageSet};
use crate::core::progress::Progress;
use crate::engine::images::{decode, encode, pipeline, stitch};
use crate::engine::observe::score::ScoreError;
use crate::store::export::rded::RdedFolder;

use super::super::scoring::ScoringError;
use super::DistillError;
use super::sets::Set;

/// A set of images and the datasets that hold its first ones.
pub(super) struct Shared<'a> {
    pub images: &'a dyn ImageSet,
    /// Its classes.
    pub classes: u32,
    pub holders: Vec<&'a Set>,
}

/// Writes every image on worker threads; memory holds a few images at a time. What several datasets hold is made once.
pub(super) fn write_images(
    sets: &[Shared<'_>],
    output: &RdedFolder,
    threads: usize,
    progress: &mut dyn Progress,
) -> Result<(), DistillError> {
    let addresses = |set: &Shared<'_>| -> Vec<Address> {
        let most = set.holders.iter().map(|holder| holder.recipe.ipc).max().unwrap_or(0);
        let of_class = |class| {
            let images = most.min(set.images.images(ClassId(class)));
            (0..images).map(move |image| Address { class: ClassId(class), image })
        };
        (0..set.classes).flat_map(of_class).collect()
    };
    let work: Vec<_> = sets.iter().flat_map(|set| addresses(set).into_iter().map(move |at| (set, at))).collect();
    let write = |i: usize| -> Result<(), DistillError> {
        let (set, at) = work[i];
        let pixels = set.images.pixels(at)?;
        let mut bytes = Vec::new();
        for holder in set.holders.iter().filter(|holder| at.image < holder.recipe.ipc) {
            let format = holder.recipe.format;
            let file = image_file(at.class.0, at.image, format.extension());
            if bytes.is_empty() {
                let gone = |e: encode::EncodeError| DistillError::Gone { file: file.clone(), reason: e.to_string() };
                bytes = encode::encode(&pixels, format).map_err(gone)?;
            }
            output.put_image(holder.folder.as_deref(), &file, &bytes)?;
        }
        Ok(())
    };
    pipeline::ordered(work.len(), threads, 2 * threads, write, |i, written| {
        written?;
        progress
            .step("write", i as u64 + 1, work.len() as u64)
            .map_err(|e| ScoringError::Score(ScoreError::from(e)))?;
        Ok(())
    })
}

/// Cuts every cell of a distilled image again from `dataset` by what the manifest says alone, to prove its provenance.
///
/// # Errors
/// [`DistillError::Gone`] where a source can't be read.
pub fn recut(manifest: &Manifest, dataset: &Dataset, image: &ImageNote) -> Result<Rgb8, DistillError> {
    // Checked manifests of stitched images have both.
    let (Some(observer), Some(patch)) = (&manifest.observer, manifest.patch_side) else {
        return Err(DistillError::Gone { file: image.file.clone(), reason: "it was not stitched".to_owned() });
    };
    let side = observer.side;
    let mut pixels = Rgb8::black(side, side);
    for (cell, note) in cells(side, manifest.recipe.factor()).iter().zip(image.cells()) {
        let gone = |reason: String| DistillError::Gone { file: note.source.clone(), reason };
        let source = crate::core::data::names::unescape(&note.source)
            .ok_or_else(|| gone("the name is not well escaped".to_owned()))?;
        let decoded = decode::read_named(dataset, &source).map_err(|e| gone(e.reason().to_string()))?;
        let size = (cell.height, cell.width);
        let cut =
            stitch::recut(&decoded, note.bbox, patch, size, &observer.normalise).map_err(|e| gone(e.to_string()))?;
        for y in 0..cell.height {
            for x in 0..cell.width {
                pixels.set_pixel(cell.left + x, cell.top + y, cut.pixel(x, y));
            }
        }
    }
    Ok(pixels)
}
