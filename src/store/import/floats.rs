//! Distilled sets that are kept as floats: which folder is one, and whether its parts belong together.

use std::collections::{HashMap, HashSet};
use std::io::{BufReader, Read as _};
use std::path::Path;

use super::super::files::shown;
use super::super::float_images::{FILE, FloatImages};
use super::source::open_regular;
use super::{ClassImages, ImportError, counted, some_of};
use crate::core::data::names::escape;

/// A manifest's largest size, as in what reads it whole.
const MANIFEST: u64 = 1 << 30;

/// What of a manifest says how images are kept; everything else is passed over.
#[derive(serde::Deserialize)]
struct Kept {
    recipe: Format,
    #[serde(default)]
    classes: Vec<KeptClass>,
}

#[derive(serde::Deserialize)]
struct Format {
    format: String,
}

#[derive(serde::Deserialize)]
struct KeptClass {
    images: Vec<KeptImage>,
}

#[derive(serde::Deserialize)]
struct KeptImage {
    file: String,
}

impl Kept {
    /// Of the set in `root`; `None` without a manifest, and of one that can't be read, which whoever needs it tells.
    fn read(root: &Path) -> Option<Self> {
        let file = open_regular(&root.join("manifest.json")).ok()?;
        serde_json::from_reader(BufReader::new(file.take(MANIFEST))).ok()
    }

    fn as_floats(&self) -> bool {
        self.recipe.format == "float"
    }
}

/// The floats of the set in `root`, of which the folders list `classes`, and what the user should know. Images whose
/// preview is gone are added to their classes: what counts is the floats.
///
/// # Errors
/// [`ImportError::Malformed`] where the file is missing, damaged, or not that of the set.
pub(super) fn of_set(
    root: &Path,
    classes: &mut [ClassImages],
) -> Result<(Option<FloatImages>, Option<String>), ImportError> {
    let path = root.join(FILE);
    let malformed = |why: String| ImportError::Malformed { path: path.clone(), why };
    let kept = Kept::read(root);
    let due = kept.as_ref().is_some_and(Kept::as_floats);
    if !path.is_file() {
        let why = "it is missing, and holds the set's images: the PNG files are only to look at; restore it, or distil \
                   the set again";
        return if due { Err(malformed(why.to_owned())) } else { Ok((None, None)) };
    }
    let floats = match FloatImages::open(&path) {
        Ok(Some(floats)) => floats,
        Ok(None) if due => {
            let why =
                "it was not written by stillroom, and the manifest says that it holds the set's images; restore it";
            return Err(malformed(why.to_owned()));
        }
        Ok(None) => return Ok((None, None)),
        Err(error) if due => return Err(malformed(error.why)),
        // Nothing says that it is of this set.
        Err(error) => return Ok((None, Some(format!("{error}; passed over")))),
    };
    if let Some(kept) = &kept {
        fits(&floats, kept).map_err(malformed)?;
    }
    let note = match_classes(&floats, classes).map_err(malformed)?;
    Ok((Some(floats), note))
}

/// Rows are the images of the manifest, in its order.
fn fits(floats: &FloatImages, kept: &Kept) -> Result<(), String> {
    const REMEDY: &str = "restore both files from one set, or distil the set again";
    if !kept.as_floats() {
        return Err(format!("the manifest says that the set's images are kept as {}; {REMEDY}", kept.recipe.format));
    }
    let due: Vec<&str> = kept.classes.iter().flat_map(|class| &class.images).map(|image| image.file.as_str()).collect();
    let found = floats.names();
    if due.len() != found.len() {
        return Err(format!("it has {} rows, and the manifest {} images; {REMEDY}", found.len(), due.len()));
    }
    match found.iter().zip(&due).position(|(found, due)| found != due) {
        Some(at) => Err(format!("row {at} is of {}, and the manifest has {} there; {REMEDY}", found[at], due[at])),
        None => Ok(()),
    }
}

/// Every image has a row and every row a class, whose place is its label; says which previews are gone.
fn match_classes(floats: &FloatImages, classes: &mut [ClassImages]) -> Result<Option<String>, String> {
    for (class, names) in classes.iter() {
        let stray = names.iter().map(|name| [&class.folder, &b"/"[..], name].concat()).find(|name| !floats.has(name));
        if let Some(stray) = stray {
            let stray = escape(&stray);
            return Err(format!("{stray} lies in the set and has no row; take it out of the set, or distil it again"));
        }
    }
    let places: HashMap<Vec<u8>, usize> = classes.iter().map(|(class, _)| class.folder.clone()).zip(0..).collect();
    let listed: Vec<HashSet<Vec<u8>>> = classes.iter().map(|(_, names)| names.iter().cloned().collect()).collect();
    let mut gone = Vec::new();
    for (name, &label) in floats.names().iter().zip(floats.labels()) {
        let Some((folder, file)) = name.rsplit_once('/') else {
            return Err(format!("'{name}' is no image in a class folder; restore the file, or distil the set again"));
        };
        let Some(&place) = places.get(folder.as_bytes()) else {
            return Err(format!("the class folder {folder} is missing, which has rows; make it, even if it is empty"));
        };
        if place != label as usize {
            let why = "restore the set's class folders and this file, or distil the set again";
            return Err(format!("{name} has label {label}, and its folder is number {place} of the set; {why}"));
        }
        if !listed[place].contains(file.as_bytes()) {
            classes[place].1.push(file.as_bytes().to_vec());
            gone.push(name.as_str());
        }
    }
    Ok((!gone.is_empty()).then(|| {
        let previews = counted(gone.len(), "preview is", "previews are");
        format!("{previews} gone ({}): the images are those of {}", some_of(gone), shown(floats.path()))
    }))
}
