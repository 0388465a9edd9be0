//! Image folders: `root/<class>/…`, or `root/<split>/<class>/…`; RDED's five-digit class folders are the same.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::super::export::rded::SIZES_FILE;
use super::super::files::{bytes_of, read_small, shown};
use super::source::Files;
use super::splits::Splits;
use super::walk::{self, Listing, Passed, Survey};
use super::wrapper::Inner;
use super::{Choice, ClassImages, ImportError, Imported, common_notes, counted, floats, no_images};
use crate::core::data::dataset::{Class, DatasetBuilder, Layout, Split};
use crate::core::data::folders::Folders;
use crate::core::data::names::escape;
use crate::core::distil::manifest::ClassEntry;

/// Opens an image folder; `survey` lists `root`.
pub(super) fn open(root: &Path, survey: &Survey, want: Split, folders: Folders) -> Result<Imported, ImportError> {
    let (splits, beside) = (Splits::of(root, survey, folders)?, &survey.debris);
    let whole = (Choice { split: Split::Whole, others: Vec::new(), note: None }, &Inner::default(), survey);
    let (choice, inner, survey) = splits.chosen(root, want)?.unwrap_or(whole);
    let folder = inner.path(root);
    if survey.folders.is_empty() {
        return Err(match survey.images {
            0 => ImportError::NoClasses(folder),
            images => ImportError::ImagesInRoot { path: folder, images },
        });
    }
    let paths: Vec<PathBuf> = survey.folders.iter().map(|name| folder.join(name)).collect();
    // A distilled dataset written beside the classes is no class, neither are several sizes of one.
    let is_distilled = |path: &Path| ["manifest.json", SIZES_FILE].iter().any(|file| path.join(file).is_file());
    let (distilled, classes): (Vec<_>, Vec<_>) =
        survey.folders.iter().zip(paths).partition(|(_, path)| is_distilled(path));
    let (names, paths): (Vec<OsString>, Vec<PathBuf>) = classes.into_iter().map(|(n, p)| (n.clone(), p)).unzip();
    let mut listings = walk::list_all(&paths)?;
    let mut passed = Passed::take(&mut listings);
    passed.repeated += survey.loops;
    passed.debris.extend(survey.debris.iter().chain(beside).cloned());
    let mut classes = classes_of(root, inner, &names, listings)?;
    let (mut floats, mut said) = (None, None);
    if choice.split == Split::Whole {
        (floats, said) = floats::of_set(root, &mut classes)?;
    }
    let mut builder = DatasetBuilder::default();
    classes.into_iter().for_each(|(class, names)| builder.class(class, names));
    let dataset = builder
        .build(root.to_owned(), Layout::ImageFolder, choice.split, Files::beside(root, floats))
        .map_err(|source| ImportError::Index { path: root.to_owned(), source })?;
    if dataset.image_count() == 0 {
        return Err(no_images(folder, dataset.classes().len(), passed));
    }
    let mut notes: Vec<_> = choice.note.into_iter().chain(splits.notes()).collect();
    notes.extend(said);
    notes.extend(common_notes(&dataset, &passed));
    notes.extend(distilled.iter().map(|(_, path)| format!("{} is a distilled dataset, passed over", shown(path))));
    if survey.images > 0 {
        let images = counted(survey.images, "image lies", "images lie");
        notes.push(format!("{images} directly in {}, outside the class folders, passed over", shown(&folder)));
    }
    Ok(Imported { dataset, notes, other_splits: choice.others })
}

/// The classes in order of their folders' bytes, as Python sorts names whatever characters they have, with the images of each.
fn classes_of(
    root: &Path,
    inner: &Inner,
    names: &[OsString],
    listings: Vec<Listing>,
) -> Result<Vec<ClassImages>, ImportError> {
    let titles = titles(root)?;
    let class = |(name, listing): (&OsString, Listing)| {
        let raw = bytes_of(name);
        let name = escape(&raw);
        (Class { title: titles.get(&name).cloned(), name, folder: inner.join(&raw) }, listing.names)
    };
    let mut classes: Vec<_> = names.iter().zip(listings).map(class).collect();
    classes.sort_by(|a, b| a.0.folder.cmp(&b.0.folder));
    Ok(classes)
}

/// What the folders of a distilled dataset show, from the `classes.json` that an export leaves beside them. A file of
/// that name in another format belongs to somebody else and is no error; one that is damaged is.
fn titles(root: &Path) -> Result<HashMap<String, String>, ImportError> {
    const LIMIT: u64 = 64 << 20;
    let path = root.join("classes.json");
    if !path.is_file() {
        return Ok(HashMap::new());
    }
    let text = read_small(&path, LIMIT)?;
    let any: serde_json::Value = serde_json::from_slice(&text).map_err(|e| ImportError::Malformed {
        path,
        why: format!("is damaged ({e}): restore a copy, or remove it to go without the classes' names"),
    })?;
    let entries: Vec<ClassEntry> = serde_json::from_value(any).unwrap_or_default();
    Ok(entries.into_iter().map(|e| (e.folder, e.title.unwrap_or(e.name))).collect())
}
