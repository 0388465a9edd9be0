//! Image folders: `root/<class>/…`, or `root/{train,val|test}/<class>/…`; RDED's five-digit class folders are the same.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::super::export::rded::SIZES_FILE;
use super::super::files::{bytes_of, read_small, shown};
use super::source::Files;
use super::walk::{self, Listing, Survey, Totals};
use super::{Choice, ClassImages, ImportError, Imported, choose, common_notes, counted, some_of};
use crate::core::data::dataset::{Class, DatasetBuilder, Layout, Split};
use crate::core::data::names::escape;
use crate::core::distil::manifest::ClassEntry;

/// Opens an image folder; `survey` lists `root`.
pub(super) fn open(root: &Path, survey: &Survey, want: Split) -> Result<Imported, ImportError> {
    let splits = Splits::of(root, survey)?;
    let (choice, folder, survey) = match splits.chosen(root, want)? {
        Some((choice, folder)) => (choice, folder, &walk::survey(&root.join(folder))?),
        None => (Choice { split: Split::Whole, others: Vec::new(), note: None }, "", survey),
    };
    if survey.folders.is_empty() {
        return Err(match survey.images {
            0 => ImportError::NoClasses(root.join(folder)),
            images => ImportError::ImagesInRoot { path: root.join(folder), images },
        });
    }
    let paths: Vec<PathBuf> = survey.folders.iter().map(|name| root.join(folder).join(name)).collect();
    // A distilled dataset written beside the classes is no class, neither are several sizes of one.
    let is_distilled = |path: &Path| ["manifest.json", SIZES_FILE].iter().any(|file| path.join(file).is_file());
    let (distilled, classes): (Vec<_>, Vec<_>) =
        survey.folders.iter().zip(paths).partition(|(_, path)| is_distilled(path));
    let (names, paths): (Vec<OsString>, Vec<PathBuf>) = classes.into_iter().map(|(n, p)| (n.clone(), p)).unzip();
    let listings = walk::list_all(&paths)?;
    let mut totals = Totals::of(&listings);
    totals.repeated += survey.loops;
    let classes = classes_of(root, folder, &names, listings)?;
    let mut builder = DatasetBuilder::default();
    classes.into_iter().for_each(|(class, names)| builder.class(class, names));
    let dataset = builder
        .build(root.to_owned(), Layout::ImageFolder, choice.split, Files::below(root))
        .map_err(|source| ImportError::Index { path: root.to_owned(), source })?;
    if dataset.image_count() == 0 {
        return Err(ImportError::NoImages { path: root.join(folder), classes: dataset.classes().len() });
    }
    let mut notes: Vec<_> = choice.note.into_iter().chain(splits.note(folder)).collect();
    notes.extend(common_notes(&dataset, &totals));
    notes.extend(distilled.iter().map(|(_, path)| format!("{} is a distilled dataset, passed over", shown(path))));
    if survey.images > 0 {
        let images = counted(survey.images, "image lies", "images lie");
        notes.push(format!(
            "{images} directly in {}, outside the class folders, passed over",
            shown(&root.join(folder))
        ));
    }
    Ok(Imported { dataset, notes, other_splits: choice.others })
}

/// The classes in order of their names, with the images of each.
fn classes_of(
    root: &Path,
    folder: &str,
    names: &[OsString],
    listings: Vec<Listing>,
) -> Result<Vec<ClassImages>, ImportError> {
    let titles = titles(root)?;
    let class = |(name, listing): (&OsString, Listing)| {
        let raw = bytes_of(name);
        let name = escape(&raw);
        let folder = if folder.is_empty() { raw.to_vec() } else { [folder.as_bytes(), b"/", raw.as_ref()].concat() };
        (Class { title: titles.get(&name).cloned(), name, folder }, listing.names)
    };
    let mut classes: Vec<_> = names.iter().zip(listings).map(class).collect();
    classes.sort_by(|a, b| a.0.name.cmp(&b.0.name));
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

/// Names of split folders; where both are present, the papers evaluate on `val`.
const SPLITS: [&str; 3] = ["train", "val", "test"];

/// The split folders of a root.
struct Splits {
    train: bool,
    /// `val` or `test`: the first that holds class folders.
    test: Option<&'static str>,
    /// Folders beside them.
    beside: Vec<String>,
}

impl Splits {
    fn of(root: &Path, survey: &Survey) -> Result<Self, ImportError> {
        let only_splits = survey.folders.iter().all(|name| SPLITS.iter().any(|s| name == s));
        let mut found = Vec::new();
        let mut flat = None;
        for name in SPLITS.into_iter().filter(|name| survey.has_folder(name)) {
            let inside = walk::survey(&root.join(name))?;
            // A class may be called "train" (CIFAR-100 has one): a split holds folders, a class holds images. Where
            // there is nothing but splits, a stray image among the class folders changes nothing.
            if !inside.folders.is_empty() && (only_splits || inside.images == 0) {
                found.push(name);
            } else if only_splits && inside.images > 0 {
                flat = Some((name, inside.images));
            }
        }
        if let (true, Some((name, images))) = (found.is_empty(), flat) {
            return Err(ImportError::ImagesInRoot { path: root.join(name), images });
        }
        let train = found.contains(&"train");
        let test = found.into_iter().find(|name| *name != "train");
        let used = |name: &OsStr| (train && name == "train") || test.is_some_and(|t| name == t);
        let beside = survey.folders.iter().filter(|n| !used(n)).map(|n| escape(&bytes_of(n))).collect();
        Ok(Self { train, test, beside })
    }

    /// The split that is wanted, with its folder; `None` where the root has no splits.
    fn chosen(&self, root: &Path, want: Split) -> Result<Option<(Choice, &'static str)>, ImportError> {
        if !self.train && self.test.is_none() {
            return Ok(None);
        }
        let names = [
            "train/",
            self.test.map_or("val/ or test/ (with class folders)", |t| if t == "val" { "val/" } else { "test/" }),
        ];
        let choice = choose(root, (self.train, self.test.is_some()), names, want)?;
        let folder = if choice.split == Split::Train { "train" } else { self.test.unwrap_or("val") };
        Ok(Some((choice, folder)))
    }

    fn note(&self, folder: &str) -> Option<String> {
        let ignored = !folder.is_empty() && !self.beside.is_empty();
        ignored.then(|| {
            format!("folders beside the splits passed over: {}", some_of(self.beside.iter().map(String::as_str)))
        })
    }
}
