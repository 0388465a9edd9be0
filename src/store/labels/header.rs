//! What `labels.json` says.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::core::data::normalise::MeanStd;
use crate::core::distil::manifest::Program;
use crate::core::formats::exact;
use crate::core::train::label_set::{Augmentation, Bounds, Precision};
use crate::store::record::Record;
use crate::store::training::{ObserverSource, Source};

/// The version of the format that this program writes, and the highest it reads.
pub const FORMAT: u32 = 1;

/// A set of stored labels: what was labelled, by whom, and how.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct LabelsHeader {
    /// Version of this format, see [`FORMAT`].
    pub format: u32,
    /// What wrote it.
    pub program: Program,
    /// The network that labelled.
    pub observer: ObserverSource,
    /// Its normalisation.
    pub normalise: MeanStd,
    /// Side of its input in pixels.
    pub side: u32,
    /// The distilled images.
    pub data: Source,
    /// Names of the classes in order: each label has a logit for each of them.
    pub classes: Vec<String>,
    /// What made the labelled batches of the images.
    #[serde(serialize_with = "exact::all")]
    pub augmentation: Augmentation,
    /// Images per batch; the last of an epoch may be smaller.
    pub batch: u32,
    /// Seed of order and augmentation.
    pub seed: u64,
    /// How the logits are kept.
    pub precision: Precision,
    /// Other settings that decide the labels, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
    /// Epochs. More of them can be added later.
    pub epochs: u32,
    /// Names of the images, relative to the distilled folder: what the labels' ids stand for.
    pub images: Vec<String>,
}

impl LabelsHeader {
    /// Fingerprint of everything that decides the labels of an epoch. Paths, names and the number of epochs have no part
    /// in it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        Record::fingerprint(self)
    }

    /// What each batch must keep to.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        Bounds {
            images: self.images.len(),
            classes: self.classes.len(),
            side: self.side,
            precision: self.precision,
            augmentation: self.augmentation,
        }
    }
}

impl Record for LabelsHeader {
    const FILE: &'static str = "labels.json";
    const FORMAT: u32 = FORMAT;
    const WHAT: &'static str = "set of labels";
    // Header 1, its lists 2.
    const OPEN_LEVELS: usize = 2;

    fn identity(&self) -> Value {
        exact::kept_in(serde_json::json!({
            "observer": { "fingerprint": self.observer.source.fingerprint },
            "normalisation": self.normalise,
            "side": self.side,
            "distilled images": { "fingerprint": self.data.fingerprint },
            "classes": self.classes,
            "augmentation": self.augmentation,
            "batch": self.batch,
            "seed": self.seed,
            "precision": self.precision,
            "settings": self.settings,
            "images": self.images,
        }))
    }
}
