//! The pixels of distilled images: written into a folder, and cut again from a manifest.

use crate::core::data::dataset::{ClassId, Dataset};
use crate::core::data::normalise::MeanStd;
use crate::core::data::pixels::{Rgb8, RgbF32};
use crate::core::distil::compose::cells;
use crate::core::distil::manifest::{ImageNote, Manifest, image_file};
use crate::core::distil::rded::Rded;
use crate::core::distil::recipe::OutputFormat;
use crate::core::distil::set::{Address, ImageSet};
use crate::core::progress::Progress;
use crate::engine::images::{decode, encode, pipeline, stitch};
use crate::engine::observe::score::ScoreError;
use crate::store::export::floats::{FloatHeader, FloatWriter};
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

impl Shared<'_> {
    /// All its images that a dataset of so many images a class holds, in order.
    fn addresses(&self, ipc: u32) -> Vec<Address> {
        let of_class = |class| {
            let images = ipc.min(self.images.images(ClassId(class)));
            (0..images).map(move |image| Address { class: ClassId(class), image })
        };
        (0..self.classes).flat_map(of_class).collect()
    }
}

/// The datasets of a set that hold an image.
fn holders<'a>(set: &'a Shared<'_>, at: Address) -> impl Iterator<Item = &'a Set> {
    set.holders.iter().copied().filter(move |holder| at.image < holder.recipe.ipc)
}

/// Writes every image on worker threads; memory holds a few images at a time. What several datasets hold is made once.
pub(super) fn write_images(
    sets: &[Shared<'_>],
    output: &RdedFolder,
    threads: usize,
    progress: &mut dyn Progress,
) -> Result<(), DistillError> {
    let most = |set: &Shared<'_>| set.holders.iter().map(|holder| holder.recipe.ipc).max().unwrap_or(0);
    let all = |set| Shared::addresses(set, most(set)).into_iter().map(move |at| (set, at));
    let work: Vec<(&Shared<'_>, Address)> = sets.iter().flat_map(all).collect();
    let mut floats = FloatFiles { output, open: Vec::new() };
    let write = |i: usize| write_image(work[i], output);
    pipeline::ordered(work.len(), threads, 2 * threads, write, |i, written| {
        if let Some(image) = written? {
            floats.put(work[i], &image)?;
        }
        progress
            .step("write", i as u64 + 1, work.len() as u64)
            .map_err(|e| ScoringError::Score(ScoreError::from(e)))?;
        Ok::<(), DistillError>(())
    })?;
    floats.finish()
}

/// Writes the files of one image; its values come back where a dataset keeps floats.
fn write_image((set, at): (&Shared<'_>, Address), output: &RdedFolder) -> Result<Option<RgbF32>, DistillError> {
    let as_floats = holders(set, at).any(|holder| holder.recipe.format == OutputFormat::Float);
    let floats = as_floats.then(|| set.images.floats(at)).transpose()?;
    let pixels = floats.as_ref().map_or_else(|| set.images.pixels(at), |floats| Ok(floats.rounded()))?;
    let mut bytes = Vec::new();
    for holder in holders(set, at) {
        let format = holder.recipe.format;
        let file = image_file(at.class.0, at.image, format.extension());
        if bytes.is_empty() {
            let gone = |e: encode::EncodeError| DistillError::Gone { file: file.clone(), reason: e.to_string() };
            bytes = encode::encode(&pixels, format).map_err(gone)?;
        }
        output.put_image(holder.folder.as_deref(), &file, &bytes)?;
    }
    Ok(floats)
}

/// The files of floats that are being written, one for each dataset that keeps them.
struct FloatFiles<'a> {
    output: &'a RdedFolder,
    open: Vec<(Option<String>, FloatWriter<'a>)>,
}

impl FloatFiles<'_> {
    /// The next image of a set, for each dataset that holds it.
    fn put(&mut self, (set, at): (&Shared<'_>, Address), image: &RgbF32) -> Result<(), DistillError> {
        for holder in holders(set, at).filter(|holder| holder.recipe.format == OutputFormat::Float) {
            let open = self.open.iter().position(|(folder, _)| *folder == holder.folder);
            let place = open.unwrap_or(self.open.len());
            if open.is_none() {
                // The first image says of which size all are.
                let addresses = set.addresses(holder.recipe.ipc);
                let name = |at: &Address| image_file(at.class.0, at.image, holder.recipe.format.extension());
                let header = FloatHeader {
                    width: image.width,
                    height: image.height,
                    names: addresses.iter().map(name).collect(),
                    labels: addresses.iter().map(|at| at.class.0).collect(),
                };
                let writer = self.output.floats(holder.folder.as_deref(), header)?;
                self.open.push((holder.folder.clone(), writer));
            }
            self.open[place].1.put(image)?;
        }
        Ok(())
    }

    fn finish(self) -> Result<(), DistillError> {
        self.open.into_iter().try_for_each(|(_, writer)| Ok(writer.finish()?))
    }
}

/// Cuts every cell of a distilled image again from `dataset` by what the manifest says alone, to prove its provenance.
///
/// # Errors
/// [`DistillError::Gone`] where a source can't be read.
pub fn recut(manifest: &Manifest, dataset: &Dataset, image: &ImageNote) -> Result<Rgb8, DistillError> {
    let mean_std = manifest.observer.as_ref().map_or(MeanStd::NONE, |observer| observer.normalise);
    let pixels = recut_values(manifest, dataset, image, &mean_std)?;
    // As it was written: previews of floats are rounded, RDED truncates.
    let as_floats = manifest.recipe.format == OutputFormat::Float;
    Ok(if as_floats { pixels.rounded() } else { stitch::truncated(&pixels) })
}

/// The values that [`recut`] puts into 8 bits; of an optimised image those of the cells that it began with. They are
/// normalised by `mean_std` and back, and its rounding stays in them.
///
/// # Errors
/// As [`recut`].
pub fn recut_values(
    manifest: &Manifest,
    dataset: &Dataset,
    image: &ImageNote,
    mean_std: &MeanStd,
) -> Result<RgbF32, DistillError> {
    // Checked manifests of stitched images have both.
    let (Some(observer), Some(patch)) = (&manifest.observer, manifest.patch_side) else {
        return Err(DistillError::Gone { file: image.file.clone(), reason: "it was not stitched".to_owned() });
    };
    let side = observer.side;
    let factor = manifest.recipe.method.rded().map_or(1, Rded::factor);
    let mut pixels = RgbF32::black(side, side);
    for (cell, note) in cells(side, factor).iter().zip(image.cells()) {
        let gone = |reason: String| DistillError::Gone { file: note.source.clone(), reason };
        let source = crate::core::data::names::unescape(&note.source)
            .ok_or_else(|| gone("the name is not well escaped".to_owned()))?;
        let decoded = decode::read_named(dataset, &source).map_err(|e| gone(e.reason().to_string()))?;
        let size = (cell.height, cell.width);
        let cut = stitch::recut(&decoded, note.bbox, patch, size, mean_std).map_err(|e| gone(e.to_string()))?;
        for y in 0..cell.height {
            for x in 0..cell.width {
                pixels.set_pixel(cell.left + x, cell.top + y, cut.pixel(x, y));
            }
        }
    }
    Ok(pixels)
}
