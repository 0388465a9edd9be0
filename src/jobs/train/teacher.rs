//! The observer as a teacher: on its device, with its output for each class of the images.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::core::progress::Progress;
use crate::core::train::recipe::{Cropping, Mixing, TrainRecipe};
use crate::engine::device::Picked;
use crate::engine::nets::NetworkSpec;
use crate::engine::observe::observer::Observer;
use crate::engine::plan::Engine;
use crate::engine::train::{Targets, TrainImages, TrainJob, drawn, right};
use crate::store::training::ObserverSource;

use super::data::TrainingImages;
use super::{TrainJobError, source};
use crate::jobs::open::{self, ObserverRequest};
use crate::jobs::session::{default_batch, engine};

/// Images that are looked at before a training.
const LOOKED_AT: usize = 64;
/// Share of its images that an observer should recognise at least.
const LEAST_RECOGNISED: f64 = 0.3;

/// An observer that labels, on its device.
pub(in crate::jobs) struct Teacher {
    pub observer: Observer,
    pub file: PathBuf,
    pub engine: Box<dyn Engine>,
    /// Its output for each class of the images.
    pub outputs: Vec<u32>,
    pub batch: usize,
}

impl Teacher {
    pub(in crate::jobs) fn open(
        request: &ObserverRequest,
        pictures: &TrainingImages,
        picked: &Picked,
        progress: &mut dyn Progress,
    ) -> Result<Self, TrainJobError> {
        let opened = open::observer(request, pictures.dataset())?;
        opened.notes.iter().for_each(|note| progress.warn(note.clone()));
        let batch = default_batch(opened.observer.spec.side, picked.info.hardware);
        let engine = engine(opened.observer.plan(), picked)?;
        let outputs = opened.map.outputs;
        Ok(Self { observer: opened.observer, file: opened.file, engine, outputs, batch })
    }

    /// Looks at some of the images: an observer that doesn't recognise them labels at random, and nothing else would
    /// tell.
    pub(in crate::jobs) fn look(
        &mut self,
        pictures: &TrainingImages,
        threads: usize,
        progress: &mut dyn Progress,
    ) -> Result<(), TrainJobError> {
        let (count, classes) = (pictures.labels.len(), self.outputs.len());
        let order: Vec<u32> = (0..count.min(LOOKED_AT)).map(|i| (i * count / count.min(LOOKED_AT)) as u32).collect();
        let recipe =
            TrainRecipe { mixing: Mixing::None, cropping: Cropping::Whole, flip: false, ..TrainRecipe::default() };
        let spec = NetworkSpec { classes, ..self.observer.spec };
        let images = TrainImages { labels: &pictures.labels, image: &|at| pictures.image(at) };
        let mean_std = self.observer.mean_std;
        let job = TrainJob { spec: &spec, images, recipe: &recipe, mean_std, seed: 0, threads };
        let (mut recognised, mut notes) = (0, Vec::new());
        drawn(&job, (0, Some(&order)), &mut |batch| {
            let logits = self.targets().observe(&batch.inputs)?.unwrap_or_default();
            let labels: Vec<u32> = batch.images.iter().map(|&i| pictures.labels[i as usize]).collect();
            notes.extend(self.engine.take_notes());
            recognised += right(&logits, &labels, classes);
            Ok(())
        })?;
        notes.into_iter().for_each(|note| progress.warn(note));
        let share = recognised as f64 / order.len().max(1) as f64;
        if classes > 1 && share < LEAST_RECOGNISED.max(1.5 / classes as f64) {
            progress.warn(format!(
                "the observer recognises only {:.0} % of these images: is it the right one, with the classes in its \
                 order? `stillroom check` tells",
                100.0 * share
            ));
        }
        Ok(())
    }

    /// As records name it.
    pub(in crate::jobs) fn source(&self) -> ObserverSource {
        let source = source(&self.file, self.observer.fingerprint.clone());
        ObserverSource { source, network: self.observer.spec.arch.to_string() }
    }

    /// Which output is whose, for records: nothing where they are in the images' order, else a hash of the order. A
    /// class map decides the labels as much as the weights do.
    pub(in crate::jobs) fn settings(&self) -> BTreeMap<String, String> {
        if self.outputs.iter().copied().eq(0..self.outputs.len() as u32) {
            return BTreeMap::new();
        }
        let mut hash = blake3::Hasher::new_derive_key("stillroom 2026 outputs of an observer v1");
        self.outputs.iter().for_each(|output| {
            hash.update(&output.to_le_bytes());
        });
        let order = hash.finalize().to_hex()[..16].to_owned();
        BTreeMap::from([("the observer's outputs".to_owned(), order)])
    }

    /// What it says of batches.
    pub(in crate::jobs) fn targets(&mut self) -> Targets<'_> {
        Targets::Observer { engine: self.engine.as_mut(), outputs: &self.outputs, batch: self.batch }
    }
}
