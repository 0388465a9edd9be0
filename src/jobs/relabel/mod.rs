//! Soft labels made before a training, and kept: the observer's word on every batch of every epoch.

mod fkd;

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::core::data::folders::Folders;
use crate::core::data::holdout::Holdout;
use crate::core::distil::manifest::Program;
use crate::core::formats::torch_order::Draws;
use crate::core::progress::Progress;
use crate::core::train::label_set::{Augmentation, Precision};
use crate::core::train::recipe::TrainRecipe;
use crate::engine::nets::NetworkSpec;
use crate::engine::train::label::label_epoch;
use crate::engine::train::{TrainError, TrainImages, TrainJob, loader_batch};
use crate::store::labels::{FORMAT, LabelReader, LabelWriter, LabelsHeader, size_of};

use super::open::{DatasetRequest, ObserverRequest};
use super::train::data::TrainingImages;
use super::train::{Compute, Teacher, TrainJobError, source};

/// What is labelled, by whom, and where the labels go.
#[derive(Clone, Debug)]
pub struct RelabelRequest {
    /// The distilled images.
    pub data: PathBuf,
    /// What their folders are.
    pub folders: Folders,
    /// What is held out of real images, which are not labelled then.
    pub holdout: Option<Holdout>,
    /// The observer.
    pub observer: ObserverRequest,
    /// Only the first so many images of each class.
    pub images_per_class: Option<u32>,
    /// What a training does to the images: epochs, batch, augmentation, seed.
    pub recipe: TrainRecipe,
    /// How exactly logits are kept.
    pub precision: Precision,
    /// Labels exchanged with FKD (Shen and Xing 2022).
    pub fkd: Option<Fkd>,
    /// The output folder; one that holds the same labels is continued.
    pub out: PathBuf,
}

/// An exchange of labels with FKD's loader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fkd {
    /// The images are labelled in that loader's order, and its files written to this folder.
    Export(PathBuf),
    /// The labels are those of this folder, after the observer has looked at some of them.
    Import(PathBuf),
}

/// Stored labels.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct RelabelReport {
    /// Images.
    pub images: usize,
    /// Epochs that are there now.
    pub epochs: u32,
    /// Epochs that were there before.
    pub kept: usize,
    /// Bytes on disk.
    pub bytes: u64,
    /// Of imported labels: their correlation with what the observer says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreement: Option<f64>,
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
    if request.recipe.decode_first {
        return Err(TrainJobError::Recipe("labels are stored of whole images: give --decode-first off".to_owned()));
    }
    if request.recipe.dsa {
        return Err(TrainJobError::Recipe("labels are stored without DSA: give --dsa off".to_owned()));
    }
    let mut labelling = Labelling::open(request, compute, progress)?;
    match &request.fkd {
        Some(Fkd::Import(folder)) => labelling.import(request, folder, (progress, announce)),
        Some(Fkd::Export(folder)) => {
            fkd::absent(folder)?;
            let mut agreed = false;
            let mut announce = |bytes| {
                agreed = announce(bytes);
                agreed
            };
            let report = labelling.label(request, (&mut *progress, &mut announce))?;
            if agreed {
                labelling.export(request, folder, progress)?;
            }
            Ok(report)
        }
        None => labelling.label(request, (progress, announce)),
    }
}

/// Who hears of the work, and who may stop it before anything is written.
type Heard<'a, 'b> = (&'a mut dyn Progress, &'b mut dyn FnMut(u64) -> bool);

/// The epochs that are there, each read once: damage is found now, not in the middle of a training.
fn whole(folder: &Path, done: Vec<u32>, progress: &mut dyn Progress) -> Result<Vec<u32>, TrainJobError> {
    let labels = LabelReader::open(folder)?;
    for (at, &epoch) in done.iter().enumerate() {
        progress.step("verify", at as u64 + 1, done.len() as u64).map_err(TrainError::from)?;
        labels.epoch(epoch)?;
    }
    Ok(done)
}

/// What labels are made of, opened.
struct Labelling {
    pictures: TrainingImages,
    teacher: Teacher,
    spec: NetworkSpec,
    threads: usize,
    start: Instant,
}

impl Labelling {
    fn open(
        request: &RelabelRequest,
        compute: Compute<'_>,
        progress: &mut dyn Progress,
    ) -> Result<Self, TrainJobError> {
        let start = Instant::now();
        let threads = compute.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
        let data = DatasetRequest { path: request.data.clone(), folders: request.folders, holdout: request.holdout };
        let pictures = TrainingImages::open(&data, request.images_per_class, threads, progress)?;
        let mut teacher = Teacher::open(&request.observer, &pictures, compute.picked, progress)?;
        teacher.look(&pictures, threads, progress)?;
        let NetworkSpec { arch, side, .. } = teacher.observer.spec;
        let spec = NetworkSpec { arch, side, classes: pictures.dataset().classes().len() };
        Ok(Self { pictures, teacher, spec, threads, start })
    }

    fn label(
        &mut self,
        request: &RelabelRequest,
        (progress, announce): Heard<'_, '_>,
    ) -> Result<RelabelReport, TrainJobError> {
        let header = self.header(request);
        if !announce(size_of(&header)) {
            return Ok(self.report(&header, 0));
        }
        let writer = LabelWriter::begin(&request.out, &header)?;
        writer.warning().into_iter().for_each(|text| progress.warn(text));
        let done = whole(&request.out, writer.done()?, progress)?;
        let count = self.pictures.labels.len();
        let orders = matches!(request.fkd, Some(Fkd::Export(_))).then(|| fkd::orders(count, Draws::Two));
        let mut orders = orders.into_iter().flatten();
        let Self { pictures, teacher, spec, threads, .. } = self;
        let images = TrainImages { labels: &pictures.labels, image: &|at| pictures.image(at) };
        let (mean_std, seed) = (teacher.observer.mean_std, request.recipe.seed);
        let job = TrainJob { spec, images, recipe: &request.recipe, mean_std, seed, threads: *threads };
        for epoch in 0..request.recipe.epochs {
            // Each order comes after the one before.
            let order = orders.next();
            if done.binary_search(&epoch).is_ok() {
                continue;
            }
            let place = (epoch, order.as_deref());
            let batches = label_epoch(&job, place, &mut teacher.targets(), request.precision, progress)?;
            writer.write(epoch, &batches)?;
        }
        Ok(self.report(writer.header(), done.len()))
    }

    fn report(&self, header: &LabelsHeader, kept: usize) -> RelabelReport {
        RelabelReport {
            images: header.images.len(),
            epochs: header.epochs,
            kept,
            bytes: size_of(header),
            agreement: None,
            milliseconds: self.start.elapsed().as_millis() as u64,
        }
    }

    fn header(&self, request: &RelabelRequest) -> LabelsHeader {
        let mut settings = self.teacher.settings();
        settings.extend(self.pictures.dataset().holdout().map(|holdout| ("holdout".to_owned(), holdout.to_string())));
        if request.fkd.is_some() {
            settings.insert("order".to_owned(), "fkd".to_owned());
        }
        LabelsHeader {
            format: FORMAT,
            program: Program::this(),
            observer: self.teacher.source(),
            normalise: self.teacher.observer.mean_std,
            side: self.spec.side as u32,
            data: source(&request.data, self.pictures.fingerprint.clone()),
            classes: self.pictures.class_labels(),
            augmentation: Augmentation::of(&request.recipe),
            batch: loader_batch(&request.recipe) as u32,
            seed: request.recipe.seed,
            precision: request.precision,
            settings,
            epochs: request.recipe.epochs,
            images: self.pictures.names(),
        }
    }
}
