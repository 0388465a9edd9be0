//! Labels exchanged with FKD's loader (Shen and Xing 2022).

use std::path::Path;

use super::{Heard, Labelling, RelabelReport, RelabelRequest};
use crate::core::distil::patch::CropRange;
use crate::core::formats::torch_order::{Draws, EpochOrders};
use crate::core::progress::Progress;
use crate::core::train::label_set::Augmentation;
use crate::core::train::labels::BatchLabels;
use crate::core::train::recipe::{Cropping, TrainRecipe};
use crate::engine::train::label::agreement;
use crate::engine::train::{TrainError, TrainImages, TrainJob};
use crate::jobs::train::TrainJobError;
use crate::store::fkd::{self, FkdError, FkdFolder};
use crate::store::labels::{LabelReader, LabelWriter, LabelsHeader, size_of};

/// Below this correlation with what the observer says, labels are another observer's or other images'. Those of the
/// right ones differ by rounding and by the resizing of another library alone.
const LEAST_AGREEMENT: f64 = 0.95;

/// Images whose labels the observer looks at, at least.
const LOOKED_AT: usize = 512;

/// The range that FKD draws its crops from; the files only hold the crops.
const CROPS: CropRange = CropRange { scale: (0.08, 1.0), ratio: (0.75, 4.0 / 3.0) };

/// The orders that FKD's loader draws.
pub(super) fn orders(images: usize, draws: Draws) -> EpochOrders {
    EpochOrders::new(EpochOrders::FKD_SEED, images, draws)
}

/// An export must not find out at its end that its folder is taken.
pub(super) fn absent(folder: &Path) -> Result<(), TrainJobError> {
    let taken = folder.read_dir().is_ok_and(|mut entries| entries.next().is_some());
    if taken {
        let why = "is not empty; give a new folder for FKD's files".to_owned();
        return Err(FkdError::Images { folder: folder.to_owned(), why }.into());
    }
    Ok(())
}

impl Labelling {
    /// Writes finished labels as FKD's files.
    pub(super) fn export(
        &self,
        request: &RelabelRequest,
        folder: &Path,
        progress: &mut dyn Progress,
    ) -> Result<(), TrainJobError> {
        fkd::export(&LabelReader::open(&request.out)?, &self.sizes()?, folder, progress)?;
        Ok(())
    }

    /// Takes FKD's files as stored labels, if the observer agrees with what they say.
    pub(super) fn import(
        &mut self,
        request: &RelabelRequest,
        folder: &Path,
        (progress, announce): Heard<'_, '_>,
    ) -> Result<RelabelReport, TrainJobError> {
        let found = FkdFolder::open(folder)?;
        if found.classes != self.spec.classes {
            let why = format!("has logits of {} classes, the images have {}", found.classes, self.spec.classes);
            return Err(FkdError::Images { folder: folder.to_owned(), why }.into());
        }
        let sizes = self.sizes()?;
        let (recipe, header) = self.imported(request, &found);
        let (draws, agreement) = self.plausible(&recipe, (&found, folder), &sizes)?;
        let report =
            |labelling: &Self, kept| RelabelReport { agreement: Some(agreement), ..labelling.report(&header, kept) };
        if !announce(size_of(&header)) {
            return Ok(report(self, 0));
        }
        let writer = LabelWriter::begin(&request.out, &header)?;
        writer.warning().into_iter().for_each(|text| progress.warn(text));
        let done = writer.done()?;
        for (epoch, order) in (0..found.epochs).zip(orders(found.images, draws)) {
            progress.step("import", epoch.into(), found.epochs.into()).map_err(TrainError::from)?;
            if done.binary_search(&epoch).is_err() {
                writer.write(epoch, &found.epoch(epoch, &order, &sizes)?)?;
            }
        }
        progress.step("import", found.epochs.into(), found.epochs.into()).map_err(TrainError::from)?;
        Ok(report(self, done.len()))
    }

    /// The recipe that the files were made by, as far as they tell, and the header of the labels.
    fn imported(&self, request: &RelabelRequest, found: &FkdFolder) -> (TrainRecipe, LabelsHeader) {
        let recipe = TrainRecipe {
            epochs: found.epochs,
            batch: found.batch,
            accumulation: 1,
            mixing: found.mixing,
            shuffle: 1,
            flip: true,
            cropping: Cropping::Resized(CROPS),
            seed: EpochOrders::FKD_SEED,
            ..request.recipe.clone()
        };
        let request = RelabelRequest { recipe: recipe.clone(), precision: found.precision, ..request.clone() };
        let header = LabelsHeader { augmentation: Augmentation::of(&recipe), ..self.header(&request) };
        (recipe, header)
    }

    /// Which of the loader's versions drew the order, and how far the observer agrees with the labels then.
    fn plausible(
        &mut self,
        recipe: &TrainRecipe,
        (found, folder): (&FkdFolder, &Path),
        sizes: &[(u32, u32)],
    ) -> Result<(Draws, f64), TrainJobError> {
        // The versions differ from the second epoch on.
        let epoch = 1.min(found.epochs - 1);
        let mut best = None;
        let mut refused = None;
        for draws in [Draws::Two, Draws::One] {
            let order = orders(found.images, draws).nth(epoch as usize).unwrap_or_default();
            match found.epoch(epoch, &order, sizes) {
                Ok(mut batches) => {
                    batches.truncate(LOOKED_AT.div_ceil(found.batch as usize));
                    let share = self.agreement(recipe, (epoch, batches))?;
                    best = best.filter(|&(_, before)| before >= share).or(Some((draws, share)));
                    if share >= LEAST_AGREEMENT {
                        break;
                    }
                }
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        match (best, refused) {
            (Some((draws, share)), _) if share >= LEAST_AGREEMENT => Ok((draws, share)),
            (Some((_, share)), _) => {
                let why = format!(
                    "the observer says something else of these images (correlation {share:.2}, the labels' own observer \
                     reaches {LEAST_AGREEMENT}); give the observer and the images that they were made with"
                );
                Err(FkdError::Images { folder: folder.to_owned(), why }.into())
            }
            (None, Some(error)) => Err(error.into()),
            (None, None) => Err(TrainError::NoLabels("an epoch of FKD's labels").into()),
        }
    }

    fn agreement(&mut self, recipe: &TrainRecipe, labels: (u32, Vec<BatchLabels>)) -> Result<f64, TrainJobError> {
        let Self { pictures, teacher, spec, threads, .. } = self;
        let images = TrainImages { labels: &pictures.labels, image: &|at| pictures.image(at) };
        let mean_std = teacher.observer.mean_std;
        let job = TrainJob { spec, images, recipe, mean_std, seed: recipe.seed, threads: *threads };
        Ok(agreement(&job, labels, &mut teacher.targets())?)
    }

    /// (width, height) of each image.
    fn sizes(&self) -> Result<Vec<(u32, u32)>, TrainJobError> {
        let of = |at| self.pictures.image(at).map(|image| image.size());
        (0..self.pictures.labels.len()).map(of).collect::<Result<_, _>>().map_err(|e| TrainError::Image(e).into())
    }
}
