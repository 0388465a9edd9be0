//! The labels that a training asks for: whether they go together with the rest, before anything is done.

use crate::core::data::normalise::MeanStd;
use crate::core::train::label_set::Augmentation;
use crate::core::train::recipe::{LabelSource, TrainRecipe};
use crate::engine::nets::NetworkSpec;
use crate::engine::observe::observer::Observer;
use crate::engine::train::loader_batch;
use crate::store::labels::Wanted;

use super::data::{Stored, TrainingImages};
use super::{TrainJobError, TrainRequest};

/// The stored labels of a request.
pub(super) fn stored(request: &TrainRequest) -> Result<Option<Stored>, TrainJobError> {
    let path = request.labels.as_ref().filter(|_| request.recipe.labels == LabelSource::Stored);
    Ok(path.map(|path| Stored::open(path)).transpose()?)
}

/// Checks that labels fit everything that they must.
pub(super) fn check_stored(
    labels: &Stored,
    recipe: &TrainRecipe,
    (pictures, spec, mean_std): (&TrainingImages, &NetworkSpec, MeanStd),
    observer: Option<&Observer>,
) -> Result<(), TrainJobError> {
    let wanted = Wanted {
        data: &pictures.fingerprint,
        images: &pictures.names(),
        classes: &pictures.class_labels(),
        side: spec.side as u32,
        normalise: mean_std,
        batch: loader_batch(recipe) as u32,
        augmentation: Augmentation::of(recipe),
        epochs: recipe.epochs,
        observer: observer.map(|o| o.fingerprint.as_str()),
    };
    Ok(labels.reader.check(&wanted)?)
}

/// Says at once what a run would only find out later.
pub(super) fn check_labels(request: &TrainRequest) -> Result<(), TrainJobError> {
    let recipe = &request.recipe;
    let wrong = |text: &str| Err(TrainJobError::Recipe(text.to_owned()));
    match recipe.labels {
        LabelSource::Online if request.observer.is_none() => {
            wrong("soft labels need an observer: give --observer FILE, or --labels hard with --loss hard-ce")
        }
        LabelSource::Hard | LabelSource::Online if request.labels.is_some() => {
            wrong("--stored-labels goes with --labels stored; leave one of them out")
        }
        LabelSource::Stored if request.labels.is_none() => {
            wrong("--labels stored needs the folder that `stillroom relabel` wrote: give --stored-labels DIR")
        }
        LabelSource::Hard if recipe.loss.needs_logits() => {
            wrong("--labels hard goes with --loss hard-ce: the other losses compare with an observer's logits")
        }
        LabelSource::Stored if recipe.decode_first => {
            wrong("stored labels are of whole images: give --decode-first off, or --labels online")
        }
        LabelSource::Stored if recipe.dsa => wrong("stored labels hold no DSA: give --dsa off, or --labels online"),
        _ => Ok(()),
    }
}
