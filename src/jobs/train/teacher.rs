//! The observer as a teacher: on its device, with its output for each class of the images.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::core::progress::Progress;
use crate::engine::device::Picked;
use crate::engine::observer::Observer;
use crate::engine::plan::Engine;
use crate::engine::train::Targets;
use crate::store::training::ObserverSource;

use super::data::Pictures;
use super::{TrainJobError, source};
use crate::jobs::open::{self, ObserverRequest};
use crate::jobs::session::{default_batch, engine};

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
        pictures: &Pictures,
        picked: &Picked,
        progress: &mut dyn Progress,
    ) -> Result<Self, TrainJobError> {
        let opened = open::observer(request, &pictures.dataset)?;
        opened.notes.iter().for_each(|note| progress.warn(note.clone()));
        let batch = default_batch(opened.observer.spec.side, picked.info.hardware);
        let engine = engine(opened.observer.plan(), picked)?;
        let outputs = opened.map.outputs;
        Ok(Self { observer: opened.observer, file: opened.file, engine, outputs, batch })
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
