//! Weights of other classes that a training begins with.

use std::path::PathBuf;

use crate::core::data::normalise::MeanStd;
use crate::core::progress::Progress;
use crate::engine::nets::NetworkSpec;
use crate::engine::observe::observer::{ObserverError, Source as Said};
use crate::engine::weights::{WeightError, Weights};
use crate::jobs::open::{self, ObserverRequest, OpenError, OpenedNetwork};
use crate::store::files::shown;
use crate::store::training::InitialSource;

use super::{TrainJobError, source};

/// Weights to begin with, all but the last layer's.
#[derive(Clone, Debug, PartialEq)]
pub struct InitialWeights {
    /// The weight file: the same network, of whatever classes.
    pub file: PathBuf,
    /// What the learning rate of everything but the new last layer is multiplied by.
    pub rate: f64,
}

impl InitialWeights {
    /// Those that a record names.
    pub(super) fn of(record: &InitialSource) -> Self {
        Self { file: record.source.path.clone(), rate: record.rate }
    }
}

/// The same, opened.
pub(super) struct Initial {
    request: InitialWeights,
    pub weights: Weights,
    fingerprint: String,
    /// How images are normalised for them, where something says so.
    pub mean_std: Option<MeanStd>,
}

impl Initial {
    /// Opens weights for a network that is trained.
    pub(super) fn open(
        request: &InitialWeights,
        spec: &NetworkSpec,
        progress: &mut dyn Progress,
    ) -> Result<Self, TrainJobError> {
        let (InitialWeights { file, rate }, student) = (request, spec.arch);
        if !rate.is_finite() || *rate < 0.0 {
            return Err(TrainJobError::Recipe(format!("--init-rate {rate}: give a number from 0 on, such as 0.1")));
        }
        let asked = ObserverRequest { file: file.clone(), arch: Some(student), ..ObserverRequest::default() };
        let OpenedNetwork { observer, notes, .. } = open::network(&asked).map_err(|error| match error {
            OpenError::Observer(ObserverError::Weights(WeightError::OtherNetwork { path, found, .. })) => {
                TrainJobError::OtherNetwork { path, found, student }
            }
            other => other.into(),
        })?;
        let mean_std = (observer.normalised_by != Said::Assumed).then_some(observer.mean_std);
        let mut weights = observer.weights().clone();
        // Learnt positions go with the side of the images.
        let resampled = weights.fit_positions(&spec.graph()).map(|text| format!("{}: {text}", shown(file)));
        notes.into_iter().chain(resampled).for_each(|note| progress.warn(note));
        let this = Self { request: request.clone(), weights, fingerprint: observer.fingerprint, mean_std };
        match this.unfit(spec) {
            0 => Ok(this),
            count => Err(TrainJobError::OtherSide { path: shown(file), side: spec.side, count }),
        }
    }

    /// Tensors before the last layer that have no place in the network.
    fn unfit(&self, spec: &NetworkSpec) -> usize {
        let (graph, report) = (spec.graph(), self.weights.report(&spec.graph()));
        let new = graph.classifier_keys();
        let missing = report.missing.iter().map(|m| &m.key).chain(report.wrong_shape.iter().map(|w| &w.key));
        missing.filter(|key| !new.contains(*key)).count()
    }

    /// What the learning rate of everything but the new last layer is multiplied by.
    pub(super) fn rate(&self) -> f64 {
        self.request.rate
    }

    /// The file's name.
    pub(super) fn name(&self) -> String {
        self.source().source.name
    }

    /// What the record says.
    pub(super) fn source(&self) -> InitialSource {
        InitialSource { source: source(&self.request.file, self.fingerprint.clone()), rate: self.request.rate }
    }
}
