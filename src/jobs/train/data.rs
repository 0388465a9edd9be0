//! The images of a training, and whose class is whose.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::core::data::class_map::{ClassMapError, Outputs, resolve};
use crate::core::data::class_order::ClassOrder;
use crate::core::data::dataset::{Dataset, ImageId, Split};
use crate::core::data::holdout::Holdout;
use crate::core::data::names::alike;
use crate::core::data::pixels::Rgb;
use crate::core::distil::compose::cells;
use crate::core::distil::patch::CropBox;
use crate::core::progress::Progress;
use crate::core::train::labels::BatchLabels;
use crate::engine::images::cache::Cache;
use crate::engine::images::pipeline;
use crate::engine::train::{StoredLabels, TrainError};
use crate::store::labels::{LabelError, LabelReader};

use super::TrainJobError;
use crate::jobs::folder_set::FolderSet;
use crate::jobs::open::DatasetRequest;
use crate::jobs::open::classes::by_number;

/// Bytes of decoded training images that are kept between epochs.
const PIXELS: usize = 2 << 30;

/// Up to here every image is read before the training: broken ones are told at once, and contents are compared on
/// resuming. Larger datasets are known by their names alone.
const READ_FIRST: usize = 100_000;

/// Classes that don't fit each other.
#[derive(Debug, thiserror::Error)]
#[error("{evaluation}: its classes are not those of {data}: {why}")]
pub struct ClassesError {
    evaluation: String,
    data: String,
    why: ClassMapError,
}

/// The images that are trained on: the whole dataset, or the first of each class.
pub(in crate::jobs) struct TrainingImages {
    set: FolderSet,
    /// The images.
    images: Vec<ImageId>,
    /// f where each image is taken apart into its f² cells, one sample each; 1 leaves them whole.
    apart: u32,
    /// The class of each sample.
    pub labels: Vec<u32>,
    pub fingerprint: String,
    cache: Cache,
}

impl TrainingImages {
    pub(in crate::jobs) fn open(
        data: &DatasetRequest,
        per_class: Option<u32>,
        threads: usize,
        progress: &mut dyn Progress,
    ) -> Result<Self, TrainJobError> {
        let imported = data.training()?;
        imported.notes.into_iter().for_each(|note| progress.warn(note));
        let dataset = imported.dataset;
        let limit = per_class.unwrap_or(u32::MAX) as usize;
        let images: Vec<ImageId> =
            dataset.class_ids().flat_map(|c| dataset.images_of(c).take(limit).map(ImageId)).collect();
        let cache = Cache::new(dataset.image_count(), PIXELS);
        let (labels, fingerprint) = (Vec::new(), String::new());
        let mut pictures = Self { set: FolderSet::of(dataset), images, apart: 1, labels, fingerprint, cache };
        pictures.read_all(threads, progress)?;
        pictures.labels = pictures.images.iter().map(|&i| pictures.dataset().class_of(i).0).collect();
        Ok(pictures)
    }

    /// Reads the images once, leaves out broken ones (but of floats), and takes the fingerprint of what is there.
    fn read_all(&mut self, threads: usize, progress: &mut dyn Progress) -> Result<(), TrainJobError> {
        let mut hash = blake3::Hasher::new_derive_key("stillroom 2026 training images v1");
        hash.update(self.dataset().fingerprint().as_bytes());
        self.images.iter().for_each(|image| {
            hash.update(&image.0.to_le_bytes());
        });
        if self.images.len() <= READ_FIRST {
            let total = self.images.len() as u64;
            let mut whole = Vec::with_capacity(self.images.len());
            let read = |at: usize| self.image(at).map(|image| *image.hash().as_bytes());
            pipeline::ordered(self.images.len(), threads, 64, read, |at, content| {
                match content {
                    Ok(content) => {
                        hash.update(&content);
                        whole.push(self.images[at]);
                    }
                    // The floats of a set are one file: where one of them is damaged, none is above suspicion.
                    Err(reason) if self.dataset().keeps_floats() => return Err(TrainError::Image(reason)),
                    Err(reason) => progress.warn(format!("{reason}; left out")),
                }
                Ok(progress.step("read", at as u64 + 1, total)?)
            })?;
            self.images = whole;
        }
        self.fingerprint = hash.finalize().to_hex()[..32].to_owned();
        Ok(())
    }

    /// The same images, each in the cells that it was stitched of; as they are where one patch makes an image.
    ///
    /// # Errors
    /// [`TrainJobError::Recipe`] where no manifest says how many cells an image has.
    pub(super) fn apart(mut self) -> Result<Self, TrainJobError> {
        let unknown = || {
            let why = self.set.damage().unwrap_or("without a manifest.json nothing says how many cells an image has");
            TrainJobError::Recipe(format!("images can't be taken apart: {why}; or give --decode-first off"))
        };
        self.apart = self.set.manifest().ok_or_else(unknown)?.recipe.factor().max(1);
        let each = (self.apart * self.apart) as usize;
        self.labels = self.labels.iter().flat_map(|&label| std::iter::repeat_n(label, each)).collect();
        Ok(self)
    }

    /// Images, whatever they are taken apart into.
    pub(super) fn count(&self) -> usize {
        self.images.len()
    }

    /// The dataset of the images.
    pub(in crate::jobs) fn dataset(&self) -> &Dataset {
        self.set.dataset()
    }

    /// The `at`-th sample: an image, or a cell of one.
    pub(in crate::jobs) fn image(&self, at: usize) -> Result<Arc<Rgb>, String> {
        let each = (self.apart * self.apart) as usize;
        let image = self.images[at / each];
        let whole =
            self.cache.get(image.index(), || self.set.values(self.set.address(image)).map_err(|e| e.to_string()))?;
        if each == 1 {
            return Ok(whole);
        }
        let (width, height) = whole.size();
        let (rows, columns) = (cells(height, self.apart), cells(width, self.apart));
        let cell = rows.get(at % each).zip(columns.get(at % each)).and_then(|(row, column)| {
            let region = CropBox { top: row.top, height: row.height, left: column.left, width: column.width };
            whole.cut(region).filter(|cell| cell.size().0 > 0 && cell.size().1 > 0)
        });
        let f = self.apart;
        cell.map(Arc::new).ok_or_else(|| format!("{}: has no {f}×{f} cells", self.dataset().source(image)))
    }

    /// A word where images that the set was distilled from are among the `evaluated` ones, or may be.
    pub(super) fn seen_before(&self, evaluated: &Dataset) -> Option<String> {
        let made_of = &self.set.manifest()?.dataset;
        if made_of.fingerprint == evaluated.fingerprint() {
            return Some(
                "the images were distilled from the very ones that are evaluated: accuracies are too high, and \
                 --holdout 0.1 for distilling and training alike would keep some apart"
                    .to_owned(),
            );
        }
        let own_split = evaluated.split() == Split::Test && evaluated.holdout().is_none();
        if own_split || made_of.holdout == evaluated.holdout() {
            return None;
        }
        let flag = |holdout: Option<Holdout>| {
            holdout.map_or_else(|| "without --holdout".to_owned(), |holdout| format!("with --holdout {holdout}"))
        };
        Some(format!(
            "the images were distilled {}, and are evaluated {}: where both come from one dataset, images that were \
             distilled are among the evaluated ones",
            flag(made_of.holdout),
            flag(evaluated.holdout())
        ))
    }

    pub(in crate::jobs) fn class_labels(&self) -> Vec<String> {
        labels(self.dataset())
    }

    /// File names in order, for stored labels.
    pub(in crate::jobs) fn names(&self) -> Vec<String> {
        self.images.iter().map(|&i| self.dataset().source(i)).collect()
    }

    pub(in crate::jobs) fn name(&self) -> String {
        let root = self.dataset().root();
        root.file_name().unwrap_or(root.as_os_str()).to_string_lossy().into_owned()
    }
}

fn labels(dataset: &Dataset) -> Vec<String> {
    dataset.classes().iter().map(|c| c.label().to_owned()).collect()
}

/// The student's output for each class of the evaluation images, `None` for those it is not trained on, and what the user
/// should know of them. Names or titles decide; without them, the order of equally many classes.
pub(super) fn evaluation_classes(
    evaluation: &Dataset,
    trained: &Dataset,
    order: ClassOrder,
) -> Result<(Vec<Option<u32>>, Option<String>), ClassesError> {
    let known = trained.classes();
    let called = |name: &str, same: fn(&str, &str) -> bool| {
        known.iter().position(|c| same(&c.name, name) || c.title.as_deref().is_some_and(|title| same(title, name)))
    };
    let output = |name: &str| called(name, |a, b| a == b).or_else(|| called(name, alike));
    let of = |class: &crate::core::data::dataset::Class| {
        output(&class.name).or_else(|| class.title.as_deref().and_then(output)).map(|at| at as u32)
    };
    let map: Vec<Option<u32>> = evaluation.classes().iter().map(of).collect();
    let mut found: Vec<u32> = map.iter().flatten().copied().collect();
    found.sort_unstable();
    found.dedup();
    if found.len() == known.len() {
        let left_out = map.iter().filter(|o| o.is_none()).count();
        let left_out = (left_out > 0)
            .then(|| format!("{left_out} classes of the evaluation images are not trained on: they are left out"));
        return Ok((map, left_out));
    }
    let names = labels(trained);
    let outputs = Outputs { count: known.len(), names: Some(&names), order };
    let shown = |data: &Dataset| crate::store::files::shown(data.root());
    let by_order = resolve(evaluation.classes(), outputs, None).map_err(|why| ClassesError {
        evaluation: shown(evaluation),
        data: shown(trained),
        why,
    })?;
    let note = by_order.as_text.is_some().then(|| by_number("class i of the training images"));
    Ok((by_order.outputs.into_iter().map(Some).collect(), note))
}

/// Stored labels of these images.
pub(super) struct Stored {
    pub path: PathBuf,
    pub reader: LabelReader,
}

impl Stored {
    pub(super) fn open(path: &Path) -> Result<Self, LabelError> {
        Ok(Self { path: path.to_owned(), reader: LabelReader::open(path)? })
    }

    pub(super) fn fingerprint(&self) -> String {
        self.reader.header().fingerprint()
    }
}

impl StoredLabels for Stored {
    fn batches(&mut self, epoch: u32) -> Result<Vec<BatchLabels>, String> {
        self.reader.epoch(epoch).map_err(|e| e.to_string())
    }
}
