//! What `run.json` of a training says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::core::data::class_order::ClassOrder;
use crate::core::data::folders::Folders;
use crate::core::data::holdout::Holdout;
use crate::core::data::normalise::MeanStd;
use crate::core::distil::manifest::Program;
use crate::core::formats::exact;
use crate::core::train::curve::{self, Curve};
use crate::core::train::recipe::TrainRecipe;
use crate::store::files::escaped;
use crate::store::record::Record;

/// The version of the format that this program writes, and the highest it reads.
pub const FORMAT: u32 = 1;
/// Name of the record in a training's folder.
pub const RECORD: &str = "run.json";

/// What is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrainingKind {
    /// Students on a distilled dataset.
    Train,
    /// An observer on a full dataset.
    Pretrain,
}

/// How a training stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrainingStatus {
    /// At work.
    Running,
    /// Stopped by the user; the same command resumes it.
    Paused,
    /// Finished: all seeds.
    Done,
    /// Ended by an error.
    Failed,
    /// Its process ended without a word; the same command resumes it.
    Interrupted,
}

impl TrainingStatus {
    /// In a word.
    #[must_use]
    pub fn shown(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Interrupted => "stopped",
        }
    }
}

/// A file or folder that a training uses: where it lay, and what it was.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Source {
    /// Its name for people.
    pub name: String,
    /// Where it lay; another place with the same fingerprint is the same source.
    #[serde(with = "escaped")]
    pub path: PathBuf,
    /// Hash of what decides the result.
    pub fingerprint: String,
}

/// A network as the source of soft labels.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ObserverSource {
    /// Its weights.
    #[serde(flatten)]
    pub source: Source,
    /// Network, e.g. `conv3`.
    pub network: String,
}

/// The weights that a training begins with, but for its last layer.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct InitialSource {
    /// The weights.
    #[serde(flatten)]
    pub source: Source,
    /// What the learning rate of everything but the last layer is multiplied by.
    #[serde(with = "exact")]
    pub rate: f64,
}

/// What was asked for and neither the sources nor the recipe tell. It has no part in the fingerprint, which knows what came
/// of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Asked {
    /// Images that are trained on; 0 where it isn't known.
    pub images: u32,
    /// Only the first so many images of each class are trained on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images_per_class: Option<u32>,
    /// Only the first so many images of each class are evaluated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evaluated_per_class: Option<u32>,
    /// The observer's class map, empty where none was given.
    #[serde(with = "escaped", skip_serializing_if = "is_empty")]
    pub class_map: PathBuf,
    /// What the folders of both datasets are.
    #[serde(skip_serializing_if = "Folders::is_auto")]
    pub folders: Folders,
    /// The order of classes that are integers where nothing else tells which output is whose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_order: Option<ClassOrder>,
    /// What is held out of the real images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holdout: Option<Holdout>,
    /// Which of the networks in the observer's file, empty where none was named.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub part: String,
}

fn is_empty(path: &Path) -> bool {
    path.as_os_str().is_empty()
}

/// A training: what a row of the run table and a plot need, and what it takes to resume it.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct TrainingNote {
    /// Version of this format, see [`FORMAT`].
    pub format: u32,
    /// What wrote it last.
    pub program: Program,
    /// Its name in tables and plots.
    pub name: String,
    /// What is trained.
    pub kind: TrainingKind,
    /// The images it learns from.
    pub data: Source,
    /// The images it is evaluated on.
    pub evaluation: Source,
    /// The observer, where labels are soft.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observer: Option<ObserverSource>,
    /// The stored labels, where they are used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Source>,
    /// The weights that it begins with, where they are not drawn by the seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial: Option<InitialSource>,
    /// Network that is trained, e.g. `resnet18_modified`.
    pub student: String,
    /// Side of its input in pixels.
    pub side: u32,
    /// Normalisation of its input.
    pub normalise: MeanStd,
    /// Names of the classes in order.
    pub classes: Vec<String>,
    /// All parameters.
    #[serde(serialize_with = "exact::all")]
    pub recipe: TrainRecipe,
    /// Other settings that decide the result, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
    /// How it was asked for.
    #[serde(default)]
    pub asked: Asked,
    /// Class of device, e.g. `cpu`; other classes round differently.
    pub device: String,
    /// How it stands.
    pub status: TrainingStatus,
    /// The error of a failed training.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// When it began, in seconds since 1970.
    pub began: u64,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<u64>,
    /// What happened on the way, e.g. that a batch was split for lack of memory.
    pub notes: Vec<String>,
    /// One per seed that was begun, in order.
    pub curves: Vec<Curve>,
}

impl TrainingNote {
    /// Fingerprint of everything that decides the result: equal fingerprints, equal trainings. Paths, times, the device
    /// and the status have no part in it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        Record::fingerprint(self)
    }

    /// Seeds whose last epoch is done.
    #[must_use]
    pub fn finished_seeds(&self) -> usize {
        let last = |curve: &&Curve| curve.points.last().is_some_and(|p| p.epoch + 1 == self.recipe.epochs);
        self.curves.iter().filter(last).count()
    }

    /// Images that are trained on by the number of classes; `None` where it isn't known.
    #[must_use]
    pub fn images_per_class(&self) -> Option<f64> {
        let images = Some(self.asked.images).filter(|n| *n > 0)?;
        Some(f64::from(images) / self.classes.len().max(1) as f64)
    }

    /// Seconds of work over all seeds, without pauses; `None` before there was any.
    #[must_use]
    pub fn seconds(&self) -> Option<f64> {
        let of_seeds = self.curves.iter().filter_map(|curve| curve.points.last()).map(|point| point.seconds);
        (!self.curves.is_empty()).then(|| of_seeds.sum())
    }
}

impl Record for TrainingNote {
    const FILE: &'static str = RECORD;
    const FORMAT: u32 = FORMAT;
    const WHAT: &'static str = "training";
    // Record 1, curves 2, curve 3, points 4.
    const OPEN_LEVELS: usize = 4;

    /// With the numbers that are in the file.
    fn identity(&self) -> serde_json::Value {
        // Each seed is a training of its own: more of them can follow.
        let recipe = TrainRecipe { seeds: 1, ..self.recipe.clone() };
        let mut identity = serde_json::json!({
            "kind": self.kind,
            "data": { "fingerprint": self.data.fingerprint },
            "evaluation data": { "fingerprint": self.evaluation.fingerprint },
            "observer": self.observer.as_ref().map(|o| &o.source.fingerprint),
            "stored labels": self.labels.as_ref().map(|l| &l.fingerprint),
            "student": self.student,
            "side": self.side,
            "normalisation": self.normalise,
            "classes": self.classes,
            "recipe": recipe,
            "settings": self.settings,
        });
        // Trainings from scratch keep the fingerprints that they had before there were others.
        if let Some(InitialSource { source, rate }) = &self.initial {
            identity["initial weights"] = serde_json::json!({ "fingerprint": source.fingerprint, "rate": rate });
        }
        exact::kept_in(identity)
    }
}

/// The curves of several trainings as comma-separated values, see [`curve::csv`].
#[must_use]
pub fn curves_csv(notes: &[&TrainingNote]) -> String {
    curve::csv(notes.iter().flat_map(|n| n.curves.iter().map(|c| (n.name.as_str(), c))))
}
