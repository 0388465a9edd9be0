//! Images whose labels are probably wrong, as the panel lists them.

use std::sync::Arc;

use super::Model;
use super::log::Level;
use crate::core::data::dataset::{ClassId, Dataset, ImageId};
use crate::jobs::suspects::Suspects;
use crate::ui::widgets::text;

/// An image whose label is probably wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Suspect {
    /// The image.
    pub image: ImageId,
    /// The class that its label says.
    pub class: ClassId,
    /// The class that the observer takes it for.
    pub instead: ClassId,
    /// The observer's probability of the label's class, and of the other one.
    pub probability: (f32, f32),
    /// Its place among all suspects, from 0.
    pub rank: usize,
}

/// What the observer made of the labels.
#[derive(Clone, Debug)]
pub struct Suspicions {
    /// All that was found, for what is saved.
    pub found: Arc<Suspects>,
    listed: Vec<Suspect>,
    /// Suspects of each class.
    counts: Vec<usize>,
}

impl Suspicions {
    /// The list of what was found in a dataset.
    #[must_use]
    pub fn new(found: Arc<Suspects>, dataset: &Dataset) -> Self {
        let one = |(rank, (at, image)): (usize, (usize, ImageId))| {
            let (class, verdict) = (dataset.class_of(image), found.labels.verdicts[at]);
            let instead = ClassId(verdict.predicted);
            let probability = (verdict.self_confidence, found.probability(at, instead.index()));
            Suspect { image, class, instead, probability, rank }
        };
        let listed: Vec<Suspect> = found.ranked().enumerate().map(one).collect();
        let mut counts = vec![0; dataset.classes().len()];
        listed.iter().for_each(|suspect| counts[suspect.class.index()] += 1);
        Self { listed, counts, found }
    }

    /// The suspects, the most suspicious first.
    #[must_use]
    pub fn listed(&self) -> &[Suspect] {
        &self.listed
    }

    /// Suspects of a class.
    #[must_use]
    pub fn of_class(&self, class: ClassId) -> usize {
        self.counts.get(class.index()).copied().unwrap_or(0)
    }
}

/// "404 of 5,000 labels are suspicious".
#[must_use]
pub fn of_suspects(found: &Suspects) -> String {
    let flagged = found.labels.verdicts.iter().filter(|verdict| verdict.flagged).count();
    let (flagged, all) = (text::thousands(flagged as u64), text::thousands(found.images.len() as u64));
    format!("{flagged} of {all} labels are suspicious")
}

impl Model {
    pub(super) fn take_suspects(&mut self, found: Arc<Suspects>) {
        let Some(dataset) = self.dataset().cloned() else { return };
        for (image, reason) in &found.broken {
            self.say(Level::Warning, format!("{}: {reason}; left out", dataset.source(*image)));
        }
        self.say(Level::Info, of_suspects(&found));
        self.suspects = Some(Suspicions::new(found, &dataset));
    }
}
