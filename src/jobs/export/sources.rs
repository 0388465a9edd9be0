//! The images that a set was made of, out of the dataset that they lie in.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::core::data::dataset::{Class, Dataset};
use crate::core::data::folders::Folders;
use crate::core::data::names::unescape;
use crate::core::distil::manifest::{ClassNote, Manifest};
use crate::core::progress::Progress;
use crate::jobs::folder_set::FolderSet;
use crate::jobs::open;
use crate::store::export::content::{Content, Picture, Takes, some};
use crate::store::files::shown;

use super::ExportJobError;
use super::pictures::Files;
use super::set::{cell, unseen};

/// Looks at the source images of a set's cells in the dataset `data`.
///
/// # Errors
/// [`ExportJobError`]: the set was not made of images, or not of these; those that are missing are named.
pub(super) fn look(
    set: &FolderSet,
    (data, folders): (&Path, Folders),
    takes: Takes,
    progress: &mut dyn Progress,
) -> Result<(Content, Files), ExportJobError> {
    let Some(manifest) = set.manifest() else {
        let why = "the set has no manifest.json, which would name the images that it was made of";
        return Err(ExportJobError::refused(why));
    };
    let imported = open::dataset(data, manifest.dataset.split, folders)?;
    let dataset = imported.dataset;
    if of_manifest(&dataset, manifest) != manifest.dataset.fingerprint {
        let data = shown(data);
        progress.warn(format!("{data} has other names than the dataset that the set was made from: is it the same?"));
    }
    let mut pictures = Vec::new();
    for class in &manifest.classes {
        let sources = (0..).zip(sources(class));
        pictures.extend(sources.map(|(number, (source, about))| unseen((class.index, number), source, about)));
    }
    if pictures.is_empty() {
        return Err(ExportJobError::refused("the set's images were not made of other images"));
    }
    let names = names(&dataset, &pictures)?;
    let files = Files { dataset: Arc::new(dataset), names, takes };
    let rounding = files.look(&mut pictures, progress)?;
    let class = |note: &ClassNote| Class { name: note.name.clone(), title: note.title.clone(), folder: Vec::new() };
    let classes = manifest.classes.iter().map(class).collect();
    let layout = manifest.dataset.layout;
    Ok((Content { classes, pictures, manifest: Some(manifest.clone()), layout, rounding }, files))
}

/// The fingerprint of the part that the set was made from.
fn of_manifest(dataset: &Dataset, manifest: &Manifest) -> String {
    manifest.dataset.holdout.map_or_else(|| dataset.fingerprint(), |h| dataset.divided(h).0.fingerprint())
}

/// The sources of a class in order of their names, each with the cells that were cut from it.
fn sources(class: &ClassNote) -> BTreeMap<String, Map<String, Value>> {
    let mut found: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for image in &class.images {
        for note in image.cells() {
            let mut cell = cell(note);
            if let Some(fields) = cell.as_object_mut() {
                fields.remove("source");
                fields.insert("image".to_owned(), image.file.as_str().into());
            }
            found.entry(note.source.clone()).or_default().push(cell);
        }
    }
    let about = |cells: Vec<Value>| Map::from_iter([("cells".to_owned(), Value::Array(cells))]);
    found.into_iter().map(|(source, cells)| (source, about(cells))).collect()
}

/// The names of the sources as bytes, all of which are there.
fn names(dataset: &Dataset, pictures: &[Picture]) -> Result<Vec<Vec<u8>>, ExportJobError> {
    let name = |p: &Picture| unescape(&p.file).unwrap_or_else(|| p.file.clone().into_bytes());
    let names: Vec<Vec<u8>> = pictures.iter().map(name).collect();
    let missing = |(_, name): &(&Picture, &Vec<u8>)| dataset.bytes(name).is_err();
    let missing: Vec<&str> =
        pictures.iter().zip(&names).filter(missing).map(|(picture, _)| picture.file.as_str()).collect();
    if missing.is_empty() {
        return Ok(names);
    }
    let (root, count, of) = (shown(dataset.root()), missing.len(), names.len());
    let missing = some(&missing);
    let why = format!(
        "{root}: {count} of {of} source images can't be read: {missing}; give the data that the set was made from"
    );
    Err(ExportJobError::refused(why))
}
