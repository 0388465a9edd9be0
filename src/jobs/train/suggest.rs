//! A preset's recipe for the files at hand.

use std::path::Path;

use crate::core::data::dataset::{ClassId, Split};
use crate::core::data::folders::Folders;
use crate::core::train::label_set::Augmentation;
use crate::core::train::presets::{Facts, Suggestion, TRAIN_PRESETS, Task, TrainPreset, preset_of};
use crate::core::train::recipe::{LabelSource, TrainRecipe};
use crate::engine::nets::Arch;
use crate::store::labels::{LabelReader, LabelsHeader};

use super::TrainJobError;
use crate::jobs::folder_set::FolderSet;
use crate::jobs::open::{self, ObserverRequest, OwnSide};

/// What a recipe is suggested for.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The images.
    pub data: &'a Path,
    /// What their folders are.
    pub folders: Folders,
    /// The first so many of each class.
    pub images_per_class: Option<u32>,
    /// The observer.
    pub observer: Option<&'a ObserverRequest>,
    /// Stored labels that are trained on.
    pub labels: Option<&'a Path>,
    /// Whether labels are to be stored: then nothing is suggested that they can't hold.
    pub storing: bool,
    /// The network that is trained.
    pub student: Arch,
    /// Its side, where it is given.
    pub side: Option<usize>,
    /// Whether a student or an observer is trained.
    pub task: Task,
}

/// The recipe of the preset called `name`, or of the task's own: for students that of the paper whose method made the set
/// (of RDED for any other images, and on classes alone without an observer and labels), and for observers by the size of
/// their images. Stored labels decide over everything that was
/// settled when they were made.
///
/// # Errors
/// [`TrainJobError`]: there is no such preset for the task, or the files can't be opened.
pub fn suggest(name: Option<&str>, about: About<'_>) -> Result<Suggestion, TrainJobError> {
    let set = FolderSet::of(open::dataset(about.data, Split::Train, about.folders)?.dataset);
    let dataset = set.dataset();
    let observer = about.observer.map(open::network).transpose()?.map(|o| o.observer);
    let labels = about.labels.map(LabelReader::open).transpose()?;
    let stored = labels.as_ref().map(LabelReader::header);
    let own = || stored.map_or_else(|| OwnSide::of(dataset).map_or(32, |own| own.side), |h| h.side as usize);
    let side = about.side.or(observer.as_ref().map(|o| o.spec.side)).unwrap_or_else(own);
    let method = set.manifest().map_or("rded", |manifest| manifest.recipe.method.name());
    let of_set = preset_of(method, observer.is_some() || stored.is_some());
    // LIC's students see DSA's images, and stored labels are of images without it.
    let held = if of_set == "lic" && (about.storing || stored.is_some()) { "rded" } else { of_set };
    let default = match about.task {
        Task::Student => held,
        Task::Observer if side <= 32 => "one-cycle-cifar",
        Task::Observer if side <= 64 => "squeeze-tiny",
        Task::Observer => "squeeze-imagenet",
    };
    let unsaid = name.is_none() && about.task == Task::Student;
    let name = name.unwrap_or(default);
    let preset = TrainPreset::named(name).filter(|p| p.task == about.task).ok_or_else(|| {
        let known = TRAIN_PRESETS.iter().filter(|p| p.task == about.task).map(|p| p.name);
        TrainJobError::Recipe(format!(
            "there is no preset '{name}' for this; there are {}",
            known.collect::<Vec<_>>().join(", ")
        ))
    })?;
    let largest = dataset.class_ids().map(|c: ClassId| dataset.class_size(c)).max().unwrap_or(0) as u32;
    let labeller = || stored.map(|h| h.observer.network.clone()).unwrap_or_default();
    let network = observer.as_ref().map_or_else(labeller, |o| o.spec.arch.to_string());
    let facts = Facts {
        classes: dataset.classes().len() as u32,
        side: side as u32,
        ipc: largest.min(about.images_per_class.unwrap_or(u32::MAX)),
        factor: set.manifest().map_or(1, |m| m.recipe.factor()),
        observer: &network,
        student: &about.student.to_string(),
    };
    let mut suggestion = preset.suggest(&facts);
    suggestion.notes.extend(unsaid.then(|| chosen((method, of_set), held)).flatten());
    if about.task == Task::Student && set.manifest().is_none() && stored.is_none() {
        suggestion.notes.extend(assumed(preset, &facts, &suggestion.recipe));
    }
    suggestion.notes.extend(set.damage().map(str::to_owned));
    for_labels(&mut suggestion, stored, observer.is_some());
    Ok(suggestion)
}

/// Which paper's training was taken because of the method that made the set, if that isn't RDED's.
fn chosen((method, own): (&str, &str), taken: &str) -> Option<String> {
    match own {
        "rded" | "rded-hard" => None,
        _ if own == taken => Some(format!(
            "the set was made by {method}, so its paper's training is taken (--preset {taken}); --preset rded trains as for \
             RDED's sets"
        )),
        _ => Some(format!(
            "the set was made by {method}, whose students see DSA's images: stored labels are of images without it, so \
             RDED's training is taken"
        )),
    }
}

/// What is assumed where nothing says how many patches an image was stitched of, if the preset asks for that.
fn assumed(preset: TrainPreset, facts: &Facts<'_>, recipe: &TrainRecipe) -> Option<String> {
    let of_four = preset.suggest(&Facts { factor: 2, ..*facts }).recipe;
    (of_four != *recipe).then(|| {
        format!(
            "without a manifest.json nothing says how many patches an image was stitched of: one is assumed, unless the \
             parameters say otherwise (for four: --shuffle {} --crop {})",
            of_four.shuffle, of_four.cropping
        )
    })
}

/// The recipe of a user's own preset, as far as stored labels leave it open.
///
/// # Errors
/// [`TrainJobError`]: the labels can't be opened.
pub fn suggest_own(recipe: TrainRecipe, about: About<'_>) -> Result<Suggestion, TrainJobError> {
    let labels = about.labels.map(LabelReader::open).transpose()?;
    let mut suggestion = Suggestion { recipe, notes: Vec::new() };
    for_labels(&mut suggestion, labels.as_ref().map(LabelReader::header), about.observer.is_some());
    Ok(suggestion)
}

/// Fits a recipe to where the labels come from.
fn for_labels(suggestion: &mut Suggestion, stored: Option<&LabelsHeader>, observer: bool) {
    if let Some(header) = stored {
        as_labelled(suggestion, header);
    } else if suggestion.recipe.labels == LabelSource::Stored && observer {
        // A preset made for stored labels trains as well with the observer itself.
        suggestion.recipe.labels = LabelSource::Online;
        suggestion
            .notes
            .push("labels come from the observer while training; give --stored-labels for relabelled ones".to_owned());
    }
}

/// Takes from stored labels what they were made with.
fn as_labelled(suggestion: &mut Suggestion, header: &LabelsHeader) {
    let recipe = &mut suggestion.recipe;
    let before = recipe.clone();
    let Augmentation { shuffle, cropping, flip, mixing } = header.augmentation;
    (recipe.shuffle, recipe.cropping, recipe.flip, recipe.mixing) = (shuffle, cropping, flip, mixing);
    if header.settings.get("order").is_some_and(|order| order == "fkd") {
        // A step per stored batch, as SRe2L validates; FKD's halves would only change what batch norm sees.
        recipe.accumulation = 1;
    }
    recipe.batch = header.batch.saturating_mul(recipe.accumulation.max(1));
    (recipe.epochs, recipe.labels) = (recipe.epochs.min(header.epochs), LabelSource::Stored);
    let own = TrainRecipe { labels: before.labels, ..recipe.clone() };
    if own != before {
        suggestion.notes.push("epochs, batch and augmentation are those of the stored labels".to_owned());
    }
}
