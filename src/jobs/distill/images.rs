//! The pixels of distilled images: stitched for the screen or for a folder, and cut again from a manifest.

use crate::core::data::dataset::Dataset;
use crate::core::data::pixels::Rgb8;
use crate::core::distil::compose::{cells, rank_of};
use crate::core::distil::manifest::{ImageNote, Manifest, image_file};
use crate::core::distil::scores::PatchScore;
use crate::core::progress::Progress;
use crate::engine::images::{decode, encode, pipeline, resize, stitch};
use crate::engine::observe::score::ScoreError;
use crate::store::export::rded::RdedFolder;

use super::super::scoring::ScoringError;
use super::super::session::Session;
use super::DistillError;
use super::sets::{Laid, Set};

/// The stitched image's ingredients: its class's selected patches and its number.
#[derive(Clone, Copy)]
pub struct Composition<'a> {
    /// Source of the patches.
    pub dataset: &'a Dataset,
    /// The class's selected patches, best first: IPC·N of them.
    pub selected: &'a [PatchScore],
    /// IPC.
    pub ipc: usize,
    /// Number of the distilled image within its class.
    pub image: usize,
}

/// Stitches and writes every image on worker threads; memory holds a few images at a time. What several sets hold is
/// stitched once.
pub(super) fn write_images(
    session: &Session,
    sets: &[Set],
    laid: &[Laid],
    output: &RdedFolder,
    progress: &mut dyn Progress,
) -> Result<(), DistillError> {
    let work: Vec<(&Laid, usize, usize)> = laid
        .iter()
        .flat_map(|l| (0..l.selected.len()).flat_map(move |class| (0..l.ipc as usize).map(move |i| (l, class, i))))
        .collect();
    let threads = session.throughput.threads;
    let (dataset, observer) = (&session.dataset, &session.observer.observer);
    let write = |i: usize| -> Result<(), DistillError> {
        let (laid, class, image) = work[i];
        let composition = Composition { dataset, selected: &laid.selected[class], ipc: laid.ipc as usize, image };
        let pixels = stitched(composition, observer.spec.side as u32, &observer.mean_std)?;
        let holders = sets.iter().filter(|s| s.layout_ipc() == laid.ipc && image < s.recipe.ipc as usize);
        let mut bytes = Vec::new();
        for set in holders {
            let format = set.recipe.format;
            let file = image_file(class as u32, image as u32, format.extension());
            if bytes.is_empty() {
                let gone = |e: encode::EncodeError| DistillError::Gone { file: file.clone(), reason: e.to_string() };
                bytes = encode::encode(&pixels, format).map_err(gone)?;
            }
            output.put_image(set.folder.as_deref(), &file, &bytes)?;
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

/// One distilled image: its patches cut, resized and stitched (Sun et al. 2024).
///
/// # Errors
/// [`DistillError::Gone`] where a source can't be read any more.
pub fn stitched(
    composition: Composition<'_>,
    side: u32,
    mean_std: &crate::core::data::normalise::MeanStd,
) -> Result<Rgb8, DistillError> {
    let Composition { dataset, selected, ipc, image } = composition;
    let count = selected.len() / ipc.max(1);
    let patch_side = side / (count.isqrt() as u32).max(1);
    let mut patches = Vec::with_capacity(count);
    for cell in 0..count {
        let patch = &selected[rank_of(cell, image, ipc)];
        let gone = |reason: String| DistillError::Gone { file: dataset.source(patch.image), reason };
        let pixels = decode::read(dataset, patch.image).map_err(|e| gone(e.reason().to_string()))?;
        patches.push(resize::resize(&pixels, patch.bbox, (patch_side, patch_side)).map_err(|e| gone(e.to_string()))?);
    }
    let slices: Vec<&[f32]> = patches.iter().map(Vec::as_slice).collect();
    let gone =
        |e: stitch::StitchError| DistillError::Gone { file: format!("distilled image {image}"), reason: e.to_string() };
    stitch::stitch(&slices, side, mean_std).map_err(gone)
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
