//! Soft labels made before a training, and kept: the observer's word on every batch of every epoch.

use std::path::PathBuf;
use std::time::Instant;

use crate::core::label_set::{Augmentation, Precision};
use crate::core::manifest::Program;
use crate::core::progress::Progress;
use crate::core::training::TrainRecipe;
use crate::engine::nets::NetworkSpec;
use crate::engine::relabel::label_epoch;
use crate::engine::train::{TrainImages, TrainJob, loader_batch};
use crate::store::labels::{FORMAT, LabelWriter, LabelsHeader, size_of};

use super::open::ObserverRequest;
use super::train::data::Pictures;
use super::train::{Compute, Teacher, TrainJobError, source};

/// What is labelled, by whom, and where the labels go.
#[derive(Clone, Debug)]
pub struct RelabelRequest {
    /// The distilled images.
    pub data: PathBuf,
    /// The observer.
    pub observer: ObserverRequest,
    /// Only the first so many images of each class.
    pub images_per_class: Option<u32>,
    /// What a training does to the images: epochs, batch, augmentation, seed.
    pub recipe: TrainRecipe,
    /// How exactly logits are kept.
    pub precision: Precision,
    /// The output folder; one that holds the same labels is gone on with.
    pub out: PathBuf,
}

/// Stored labels.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct RelabelReport {
    /// Images.
    pub images: usize,
    /// Epochs that are there now.
    pub epochs: u32,
    /// Epochs that were there before.
    pub kept: usize,
    /// Bytes on disk.
    pub bytes: u64,
    /// Milliseconds of this call.
    pub milliseconds: u64,
}

/// Labels all epochs of a request, or those that are not there yet. `announce` hears the size in bytes before anything
/// is written, and may say no.
///
/// # Errors
/// [`TrainJobError`]; whole epochs stay, and the same request goes on from there.
pub fn relabel(
    request: &RelabelRequest,
    compute: Compute<'_>,
    progress: &mut dyn Progress,
    announce: &mut dyn FnMut(u64) -> bool,
) -> Result<RelabelReport, TrainJobError> {
    let start = Instant::now();
    if request.recipe.dsa {
        return Err(TrainJobError::Recipe("labels are stored without DSA: give --dsa off".to_owned()));
    }
    let threads = compute.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let pictures = Pictures::open(&request.data, request.images_per_class, threads, progress)?;
    let mut teacher = Teacher::open(&request.observer, &pictures, compute.picked, progress)?;
    let recipe = &request.recipe;
    let header = header(request, &pictures, &teacher);
    let report = |header: &LabelsHeader, kept: usize| RelabelReport {
        images: header.images.len(),
        epochs: header.epochs,
        kept,
        bytes: size_of(header),
        milliseconds: start.elapsed().as_millis() as u64,
    };
    if !announce(size_of(&header)) {
        return Ok(report(&header, 0));
    }
    let writer = LabelWriter::begin(&request.out, &header)?;
    let done = writer.done()?;
    let (arch, side) = (teacher.observer.spec.arch, teacher.observer.spec.side);
    let spec = NetworkSpec { arch, side, classes: pictures.dataset.classes().len() };
    let images = TrainImages { labels: &pictures.labels, image: &|at| pictures.image(at) };
    let mean_std = teacher.observer.mean_std;
    let job = TrainJob { spec: &spec, images, recipe, mean_std, seed: recipe.seed, threads };
    for epoch in (0..recipe.epochs).filter(|epoch| done.binary_search(epoch).is_err()) {
        let batches = label_epoch(&job, epoch, &mut teacher.targets(), request.precision, progress)?;
        writer.write(epoch, &batches)?;
    }
    Ok(report(writer.header(), done.len()))
}

fn header(request: &RelabelRequest, pictures: &Pictures, teacher: &Teacher) -> LabelsHeader {
    LabelsHeader {
        format: FORMAT,
        program: Program::this(),
        observer: teacher.source(),
        normalise: teacher.observer.mean_std,
        side: teacher.observer.spec.side as u32,
        data: source(&request.data, pictures.fingerprint.clone()),
        classes: pictures.class_labels(),
        augmentation: Augmentation::of(&request.recipe),
        batch: loader_batch(&request.recipe) as u32,
        seed: request.recipe.seed,
        precision: request.precision,
        settings: std::collections::BTreeMap::default(),
        epochs: request.recipe.epochs,
        images: pictures.names(),
    }
}
