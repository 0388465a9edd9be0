//! The trainings of a report.

use std::path::{Path, PathBuf};

use crate::core::data::wordnet;
use crate::core::formats::clock::date;
use crate::core::report::Training;
use crate::jobs::command_line;
use crate::jobs::train::TrainRequest;
use crate::store::files::{FileError, shown};
use crate::store::training::{self, Source, TrainingNote};

use super::ReportError;

/// A training and its folder.
pub(super) struct Found {
    pub folder: PathBuf,
    pub note: TrainingNote,
}

/// The trainings in some folders and below, each once, in the order of the folders. What can't be read among others is
/// noted.
///
/// # Errors
/// [`ReportError::NoTraining`]; [`ReportError::Training`] where nothing of a folder can be read.
pub(super) fn found(folders: &[PathBuf], notes: &mut Vec<String>) -> Result<Vec<Found>, ReportError> {
    let mut found: Vec<Found> = Vec::new();
    let place = |folder: &Path| folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    for folder in folders {
        std::fs::metadata(folder).map_err(FileError::at(folder, "open"))?;
        let listed = training::list(folder);
        let good = listed.iter().any(|listed| listed.note.is_ok());
        if listed.is_empty() {
            return Err(ReportError::NoTraining(folder.clone()));
        }
        for listed in listed {
            match listed.note {
                Ok(note) if found.iter().all(|other| place(&other.folder) != place(&listed.folder)) => {
                    found.push(Found { folder: listed.folder, note });
                }
                Ok(_) => {}
                Err(error) if good => notes.push(format!("a training is left out: {error}")),
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(found)
}

/// What the page says of a training.
pub(super) fn part(Found { folder, note }: &Found, set: &Path) -> Training {
    let place = |path: &Path| path.canonicalize().ok();
    let detail = std::iter::once(&note.detail).filter(|detail| !detail.is_empty());
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.clone());
    let again = TrainRequest::again(note, &folder);
    Training {
        name: note.name.clone(),
        of_this_set: place(set).is_some_and(|set| place(&note.data.path) == Some(set)),
        status: note.status.shown(),
        student: note.student.clone(),
        data: note.data.name.clone(),
        images_per_class: note.images_per_class(),
        finished: note.finished_seeds(),
        seconds: note.seconds(),
        recipe: note.recipe.clone(),
        facts: facts(&folder, note),
        command: again.map(|request| command_line::train(&request)).map_err(|e| e.to_string()),
        notes: detail.chain(&note.notes).cloned().collect(),
        classes: note.classes.iter().map(|name| wordnet::shown(name).to_owned()).collect(),
        curves: note.curves.clone(),
    }
}

fn facts(folder: &Path, note: &TrainingNote) -> Vec<(&'static str, String)> {
    let path = |source: &Source| shown(&source.path);
    let mut facts = vec![
        ("Status", note.status.shown().to_owned()),
        ("Folder", shown(folder)),
        ("Trained on", path(&note.data)),
        ("Evaluated on", path(&note.evaluation)),
    ];
    facts.extend(
        note.observer.iter().flat_map(|observer| {
            [("Observer", path(&observer.source)), ("Observer's network", observer.network.clone())]
        }),
    );
    facts.extend(note.labels.iter().map(|labels| ("Stored labels", path(labels))));
    facts.extend(note.initial.iter().map(|initial| ("Initial weights", path(&initial.source))));
    facts.push(("Student", format!("{}, side {}", note.student, note.side)));
    facts.push(("Mean, std", note.normalise.describe()));
    facts.push(("Device", note.device.clone()));
    facts.push(("Program", format!("{} {}", note.program.name, note.program.version)));
    facts.push(("Began", format!("{} UTC", date(note.began))));
    facts.extend(note.ended.map(|ended| ("Ended", format!("{} UTC", date(ended)))));
    facts.push(("Fingerprint", note.fingerprint()));
    facts
}
