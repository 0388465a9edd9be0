//! Tiny-ImageNet's own layout: `wnids.txt` names the classes, `words.txt` titles them, the training images of a class
//! lie in `train/<id>/images`, and all validation images in `val/images`, with their classes in
//! `val/val_annotations.txt`. Classes are in order of their WordNet ids, as in RDED's code, not of `wnids.txt`.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::super::files::{bytes_of, read_small, shown};
use super::source::Files;
use super::walk::{self, Passed, Survey};
use super::{ClassImages, ImportError, Imported, choose, common_notes, counted, no_images, some_of};
use crate::core::data::dataset::{Class, DatasetBuilder, Layout, Split};
use crate::core::data::names::escape;

/// Text files of the layout are far smaller.
const TEXT_LIMIT: u64 = 256 << 20;

pub(super) fn recognise(survey: &Survey) -> bool {
    survey.has_file("wnids.txt") && (survey.has_folder("train") || survey.has_folder("val"))
}

/// Images of each class and what was odd about them.
struct Found {
    classes: Vec<ClassImages>,
    passed: Passed,
    notes: Vec<String>,
}

pub(super) fn open(root: &Path, want: Split) -> Result<Imported, ImportError> {
    let ids = wordnet_ids(root)?;
    let (train, test) = (root.join("train").is_dir(), root.join("val").is_dir());
    let choice = choose(root, (train, test), &["train/", "val/"].map(str::to_owned), want)?;
    let annotated = root.join("val/val_annotations.txt").is_file();
    let found = match choice.split {
        Split::Test if annotated => from_annotations(root, &ids)?,
        Split::Test => from_folders(root, "val", &ids)?,
        _ => from_folders(root, "train", &ids)?,
    };
    let titles = titles(root, &ids)?;
    let mut builder = DatasetBuilder::default();
    for (class, names) in found.classes {
        builder.class(Class { title: titles.get(&class.name).cloned(), ..class }, names);
    }
    let dataset = builder
        .build(root.to_owned(), Layout::TinyImageNet, choice.split, Files::below(root))
        .map_err(|source| ImportError::Index { path: root.to_owned(), source })?;
    if dataset.image_count() == 0 {
        return Err(no_images(root.to_owned(), dataset.classes().len(), found.passed));
    }
    let mut notes: Vec<_> = choice.note.into_iter().chain(found.notes).collect();
    notes.extend(common_notes(&dataset, &found.passed));
    Ok(Imported { dataset, notes, other_splits: choice.others })
}

/// The lines of a text file without their ends; empty lines left out.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&b| b == b'\n').map(<[u8]>::trim_ascii).filter(|l| !l.is_empty())
}

/// The ids of `wnids.txt`, sorted.
fn wordnet_ids(root: &Path) -> Result<BTreeSet<String>, ImportError> {
    let path = root.join("wnids.txt");
    let text = read_small(&path, TEXT_LIMIT)?;
    let ids: BTreeSet<String> = lines(&text).map(escape).collect();
    // An id is the name of a folder below train/: anything else could lead out of the dataset.
    if let Some(bad) = ids.iter().find(|id| !id.bytes().all(|b| b.is_ascii_alphanumeric())) {
        let why = format!("'{bad}' is no WordNet id; expected one id such as n01443537 a line");
        return Err(ImportError::Malformed { path, why });
    }
    if ids.is_empty() {
        let why = "it names no classes; expected one WordNet id a line".to_owned();
        return Err(ImportError::Malformed { path, why });
    }
    Ok(ids)
}

/// Titles from `words.txt` (id, tab, words), where it exists.
fn titles(root: &Path, ids: &BTreeSet<String>) -> Result<HashMap<String, String>, ImportError> {
    let path = root.join("words.txt");
    if !path.is_file() {
        return Ok(HashMap::new());
    }
    let text = read_small(&path, TEXT_LIMIT)?;
    let pair = |line: &[u8]| {
        let tab = line.iter().position(|&b| b == b'\t')?;
        let id = std::str::from_utf8(&line[..tab]).ok()?.trim();
        ids.contains(id).then(|| (id.to_owned(), escape(line[tab + 1..].trim_ascii())))
    };
    Ok(lines(&text).filter_map(pair).collect())
}

/// Class folders `<part>/<id>/images`, or `<part>/<id>` where that has no `images`.
fn from_folders(root: &Path, part: &str, ids: &BTreeSet<String>) -> Result<Found, ImportError> {
    let mut notes = Vec::new();
    let present: HashSet<String> =
        walk::survey(&root.join(part))?.folders.iter().map(|n| escape(&bytes_of(n))).collect();
    let unknown: BTreeSet<&str> = present.iter().filter(|n| !ids.contains(*n)).map(String::as_str).collect();
    if !unknown.is_empty() {
        let folders = counted(unknown.len(), "folder", "folders");
        notes.push(format!("{folders} of {part}/ not in wnids.txt, passed over: {}", some_of(unknown)));
    }
    let folder_of = |id: &String| {
        let images = format!("{part}/{id}/images");
        if root.join(&images).is_dir() { images } else { format!("{part}/{id}") }
    };
    let folders: Vec<String> = ids.iter().map(folder_of).collect();
    // A class without a folder is a class without images.
    let listed: Vec<usize> = ids.iter().enumerate().filter(|(_, id)| present.contains(*id)).map(|(at, _)| at).collect();
    let paths: Vec<PathBuf> = listed.iter().map(|&at| root.join(&folders[at])).collect();
    let mut listings = walk::list_all(&paths)?;
    let passed = Passed::take(&mut listings);
    let new_class =
        |(id, folder): (&String, String)| Class { name: id.clone(), title: None, folder: folder.into_bytes() };
    let mut classes: Vec<_> = ids.iter().zip(folders).map(|pair| (new_class(pair), Vec::new())).collect();
    for (at, listing) in listed.into_iter().zip(listings) {
        classes[at].1 = listing.names;
    }
    Ok(Found { classes, passed, notes })
}

/// The validation images: `val/images`, whose classes `val_annotations.txt` tells (file, tab, id, tab, box).
fn from_annotations(root: &Path, ids: &BTreeSet<String>) -> Result<Found, ImportError> {
    let path = root.join("val/val_annotations.txt");
    let text = read_small(&path, TEXT_LIMIT)?;
    let listing = walk::list_images(&root.join("val/images"))?;
    let passed = listing.passed;
    let mut free: HashSet<Vec<u8>> = listing.names.into_iter().collect();
    let mut images: HashMap<&str, Vec<Vec<u8>>> = ids.iter().map(|id| (id.as_str(), Vec::new())).collect();
    let (mut missing, mut foreign) = (0, 0);
    for (number, line) in lines(&text).enumerate() {
        let mut fields = line.split(|&b| b == b'\t');
        let (Some(file), Some(id)) = (fields.next(), fields.next()) else {
            let why = format!("line {} is not 'file<tab>WordNet id<tab>…'; restore the original file", number + 1);
            return Err(ImportError::Malformed { path, why });
        };
        let class = std::str::from_utf8(id.trim_ascii()).ok().and_then(|id| images.get_mut(id));
        match (class, free.remove(file)) {
            (Some(class), true) => class.push(file.to_vec()),
            (_, false) => missing += 1,
            (None, true) => foreign += 1,
        }
    }
    let classes = ids.iter().map(|id| {
        let class = Class { name: id.clone(), title: None, folder: b"val/images".to_vec() };
        (class, images.remove(id.as_str()).unwrap_or_default())
    });
    let classes = classes.collect();
    let mut notes = Vec::new();
    for (count, what) in [
        (missing, "lines name an image that is not in val/images or was named before"),
        (foreign, "lines name a class that is not in wnids.txt"),
        (free.len(), "images of val/images are not named in it and were passed over"),
    ] {
        if count > 0 {
            notes.push(format!("{}: {count} {what}", shown(&path)));
        }
    }
    Ok(Found { classes, passed, notes })
}
