//! A distillation from scores to a finished folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use crate::core::compose::{cells, rank_of};
use crate::core::dataset::{ClassId, Dataset};
use crate::core::manifest::{
    CellNote, ClassNote, DatasetNote, FORMAT, ImageNote, Manifest, ObserverNote, Program, class_folder, image_file,
};
use crate::core::pixels::Rgb8;
use crate::core::progress::Progress;
use crate::core::recipe::Recipe;
use crate::core::scores::{BrokenImage, ClassScores, PatchScore};
use crate::core::select::{TooFewPatches, select};
use crate::engine::images::{decode, encode, pipeline, resize, stitch};
use crate::engine::score::ScoreError;
use crate::store::export::rded::{Export, ExportError};
use crate::store::project::{Project, ProjectError, RunStatus};

use super::scoring::{Cost, ScoringError, crop_plan, score};
use super::session::Session;

/// What is distilled, and where to.
#[derive(Clone, Debug)]
pub struct DistillRequest {
    /// Method and parameters.
    pub recipe: Recipe,
    /// The classes, in the order of their running index.
    pub classes: Vec<ClassId>,
    /// The output folder.
    pub out: PathBuf,
}

/// Figures of a finished distillation.
#[derive(Clone, Debug, PartialEq)]
pub struct DistillReport {
    /// The output folder.
    pub out: PathBuf,
    /// From the first image read to the last file written.
    pub seconds: f64,
    /// Patches that were scored, and the network's share of the time.
    pub cost: Cost,
    /// Distilled images.
    pub images: usize,
    /// Mean loss of the selected patches.
    pub mean_selected_loss: f64,
    /// Images that could not be decoded.
    pub broken: usize,
}

/// Why a distillation failed.
#[derive(Debug, thiserror::Error)]
pub enum DistillError {
    /// Scoring.
    #[error(transparent)]
    Scoring(#[from] ScoringError),
    /// A class has too few usable images.
    #[error(transparent)]
    TooFew(#[from] TooFewPatches),
    /// The output folder.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// The project.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// A selected image can't be stitched any more.
    #[error("{file}: {reason}; it could be read when it was scored: put it back, or run again")]
    Gone {
        /// The source.
        file: String,
        /// Why.
        reason: String,
    },
    /// The recipe leaves no pixel per patch.
    #[error("{patches} patches don't fit into {side}×{side} pixels; lower --patches or raise --side")]
    PatchTooSmall {
        /// N.
        patches: u32,
        /// Input side.
        side: u32,
    },
}

impl DistillError {
    /// Whether the user cancelled it.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Scoring(ScoringError::Score(ScoreError::Cancelled(_))))
    }
}

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

/// Runs a distillation end to end. `each` sees every class's scores as they come.
///
/// # Errors
/// [`DistillError`]. The output folder is absent or complete; scores that were computed stay in the project.
pub fn distill(
    session: &mut Session,
    project: &Project,
    request: &DistillRequest,
    progress: &mut dyn Progress,
    each: &mut dyn FnMut(ClassId, Arc<ClassScores>),
) -> Result<DistillReport, DistillError> {
    let recipe = &request.recipe;
    if crop_plan(session, recipe).patch_side == 0 {
        let side = session.observer.observer.spec.side as u32;
        return Err(DistillError::PatchTooSmall { patches: recipe.patches, side });
    }
    enough_images(&session.dataset, request)?;
    let export = Export::begin(&request.out)?;
    for left in export.leftovers() {
        progress.warn(format!(
            "{} was left by an earlier run that did not finish; it is not touched",
            crate::store::files::shown(left)
        ));
    }
    let data = project.remember_dataset(&session.dataset)?;
    let observer = &session.observer;
    let network = observer.observer.spec.arch.to_string();
    let observer = project.remember_observer(&observer.file, &observer.observer.fingerprint, &network)?;
    let run = project.begin_run(data, observer, recipe, Some(&request.out))?;
    let result = distill_into(session, (project, export), request, progress, each);
    let (status, detail) = match &result {
        Ok(_) => (RunStatus::Done, String::new()),
        Err(error) if error.is_cancelled() => (RunStatus::Cancelled, String::new()),
        Err(error) => (RunStatus::Failed, error.to_string()),
    };
    project.end_run(run, status, &detail)?;
    result
}

fn distill_into(
    session: &mut Session,
    (project, export): (&Project, Export),
    request: &DistillRequest,
    progress: &mut dyn Progress,
    each: &mut dyn FnMut(ClassId, Arc<ClassScores>),
) -> Result<DistillReport, DistillError> {
    let start = Instant::now();
    let recipe = &request.recipe;
    let mut blocks = Vec::with_capacity(request.classes.len());
    let cost = score(session, Some(project), (recipe, &request.classes), progress, &mut |class, block| {
        blocks.push(block.clone());
        each(class, block);
    })?;
    report_gaps(&session.dataset, request, &blocks, progress);
    let mut selected = Vec::with_capacity(blocks.len());
    for (&class, block) in request.classes.iter().zip(&blocks) {
        let name = session.dataset.class(class).label();
        selected.push(select(block, name, recipe.subset, recipe.crops, recipe.patches_per_class())?);
    }
    let wild = selected.iter().flatten().filter(|p| !p.loss.is_finite()).count();
    if wild > 0 {
        progress.warn(format!("{wild} of the selected patches have a loss that is not finite: look at the observer"));
    }
    write_images(session, request, &selected, &export, progress)?;
    let manifest = manifest(session, request, &selected, &blocks);
    let out = export.finish(&manifest)?;
    let seconds = start.elapsed().as_secs_f64();
    let losses = selected.iter().flatten().map(|p| f64::from(p.loss));
    let patches = selected.iter().map(Vec::len).sum::<usize>();
    Ok(DistillReport {
        out,
        seconds,
        cost,
        images: request.classes.len() * recipe.ipc as usize,
        mean_selected_loss: losses.sum::<f64>() / patches.max(1) as f64,
        broken: blocks.iter().map(|b| broken_within(b, recipe.subset).count()).sum(),
    })
}

/// Classes that can't supply IPC·N patches even if every image is usable are found before anything is scored.
fn enough_images(dataset: &Dataset, request: &DistillRequest) -> Result<(), TooFewPatches> {
    let needed = request.recipe.patches_per_class();
    for &class in &request.classes {
        let available = dataset.class_size(class).min(request.recipe.subset as usize);
        if available < needed {
            return Err(TooFewPatches { class: dataset.class(class).label().to_owned(), available, needed });
        }
    }
    Ok(())
}

/// The unusable images within the recipe's subset; a stored block may hold more.
fn broken_within(block: &ClassScores, subset: u32) -> impl Iterator<Item = &BrokenImage> {
    block.broken.iter().filter(move |b| b.position < subset)
}

/// Says which images were unusable and which classes are smaller than the subset.
fn report_gaps(dataset: &Dataset, request: &DistillRequest, blocks: &[Arc<ClassScores>], progress: &mut dyn Progress) {
    for (&class, block) in request.classes.iter().zip(blocks) {
        for broken in broken_within(block, request.recipe.subset) {
            progress.warn(format!("{}: {}; left out", dataset.source(broken.image), broken.reason));
        }
        let (size, label) = (dataset.class_size(class), dataset.class(class).label());
        if size < request.recipe.subset as usize {
            progress.warn(format!(
                "class '{label}' has {size} images, fewer than the subset of {}: all are used",
                request.recipe.subset
            ));
        }
    }
}

/// Stitches and writes every image on worker threads; memory holds a few images at a time.
fn write_images(
    session: &Session,
    request: &DistillRequest,
    selected: &[Vec<PatchScore>],
    export: &Export,
    progress: &mut dyn Progress,
) -> Result<(), DistillError> {
    let ipc = request.recipe.ipc as usize;
    let total = selected.len() * ipc;
    let threads = session.throughput.threads;
    let (dataset, observer) = (&session.dataset, &session.observer.observer);
    let write = |i: usize| -> Result<(), DistillError> {
        let (class, image) = (i / ipc, i % ipc);
        let composition = Composition { dataset, selected: &selected[class], ipc, image };
        let pixels = stitched(composition, observer.spec.side as u32, &observer.mean_std)?;
        let format = request.recipe.format;
        let bytes = encode::encode(&pixels, format).map_err(|e| DistillError::Gone {
            file: image_file(class as u32, image as u32, format.extension()),
            reason: e.to_string(),
        })?;
        Ok(export.write_image(class as u32, image as u32, &bytes, format.extension())?)
    };
    pipeline::ordered(total, threads, 2 * threads, write, |i, written| {
        written?;
        progress.step("write", i as u64 + 1, total as u64).map_err(|e| ScoringError::Score(e.into()))?;
        Ok(())
    })
}

/// One distilled image: its patches cut, resized and stitched (spec 3a.6).
///
/// # Errors
/// [`DistillError::Gone`] where a source can't be read any more.
pub fn stitched(
    composition: Composition<'_>,
    side: u32,
    mean_std: &crate::core::normalise::MeanStd,
) -> Result<Rgb8, DistillError> {
    let Composition { dataset, selected, ipc, image } = composition;
    let count = selected.len() / ipc.max(1);
    let patch_side = side / (count.isqrt() as u32).max(1);
    let mut patches = Vec::with_capacity(count);
    for cell in 0..count {
        let patch = &selected[rank_of(cell, image, ipc)];
        let gone = |reason: String| DistillError::Gone { file: dataset.source(patch.image), reason };
        let pixels = decode::read(&dataset.location(patch.image)).map_err(|e| gone(e.reason().to_string()))?;
        patches.push(resize::resize(&pixels, patch.bbox, (patch_side, patch_side)).map_err(|e| gone(e.to_string()))?);
    }
    let slices: Vec<&[f32]> = patches.iter().map(Vec::as_slice).collect();
    let gone =
        |e: stitch::StitchError| DistillError::Gone { file: format!("distilled image {image}"), reason: e.to_string() };
    stitch::stitch(&slices, side, mean_std).map_err(gone)
}

fn manifest(
    session: &Session,
    request: &DistillRequest,
    selected: &[Vec<PatchScore>],
    blocks: &[Arc<ClassScores>],
) -> Manifest {
    let (dataset, observer) = (&session.dataset, &session.observer);
    let class_note = |(index, &class): (usize, &ClassId)| {
        let about = dataset.class(class);
        let block = &blocks[index];
        let within = |position: &u32| *position < request.recipe.subset;
        ClassNote {
            index: index as u32,
            name: about.name.clone(),
            title: about.title.clone(),
            folder: class_folder(index as u32),
            scored: block.positions.iter().copied().filter(|p| within(p)).count() as u32,
            broken: block.broken.iter().filter(|b| within(&b.position)).count() as u32,
            images: image_notes(dataset, request, index, &selected[index]),
        }
    };
    Manifest {
        format: FORMAT,
        program: Program::this(),
        recipe: request.recipe.clone(),
        dataset: DatasetNote { fingerprint: dataset.fingerprint(), layout: dataset.layout(), split: dataset.split() },
        observer: ObserverNote {
            fingerprint: observer.observer.fingerprint.clone(),
            network: observer.observer.spec.arch.to_string(),
            side: observer.observer.spec.side as u32,
            normalise: observer.observer.mean_std,
            outputs: request.classes.iter().map(|c| observer.output_in_file(observer.map.outputs[c.index()])).collect(),
            kept: observer.kept.clone().unwrap_or_default(),
        },
        device: session.device_class(),
        patch_side: crop_plan(session, &request.recipe).patch_side,
        classes: request.classes.iter().enumerate().map(class_note).collect(),
    }
}

fn image_notes(dataset: &Dataset, request: &DistillRequest, class: usize, selected: &[PatchScore]) -> Vec<ImageNote> {
    let recipe = &request.recipe;
    let ipc = recipe.ipc as usize;
    let cell_note = |cell: usize, image: usize| {
        let rank = rank_of(cell, image, ipc);
        let patch = &selected[rank];
        CellNote {
            cell: cell as u32,
            source: dataset.source(patch.image),
            bbox: patch.bbox,
            crop: patch.crop,
            loss: patch.loss,
            rank: rank as u32,
        }
    };
    (0..ipc)
        .map(|image| ImageNote {
            file: image_file(class as u32, image as u32, recipe.format.extension()),
            cells: (0..recipe.patches as usize).map(|cell| cell_note(cell, image)).collect(),
        })
        .collect()
}

/// Cuts every cell of a distilled image again from its sources by the manifest alone, to prove its provenance.
///
/// # Errors
/// [`DistillError::Gone`] where a source can't be read.
pub fn recut(manifest: &Manifest, root: &Path, image: &ImageNote) -> Result<Rgb8, DistillError> {
    let side = manifest.observer.side;
    let mut pixels = Rgb8::black(side, side);
    for (cell, note) in cells(side, manifest.recipe.factor()).iter().zip(&image.cells) {
        let gone = |reason: String| DistillError::Gone { file: note.source.clone(), reason };
        let source = crate::core::names::unescape(&note.source)
            .ok_or_else(|| gone("the name is not well escaped".to_owned()))?;
        let location = crate::core::dataset::location_of(root, manifest.dataset.layout, &source);
        let decoded = decode::read(&location).map_err(|e| gone(e.reason().to_string()))?;
        let (patch, size) = (manifest.patch_side, (cell.height, cell.width));
        let cut = stitch::recut(&decoded, note.bbox, patch, size, &manifest.observer.normalise)
            .map_err(|e| gone(e.to_string()))?;
        for y in 0..cell.height {
            for x in 0..cell.width {
                pixels.set_pixel(cell.left + x, cell.top + y, cut.pixel(x, y));
            }
        }
    }
    Ok(pixels)
}
