//! Opening a dataset: names and class order only. No image is opened and no file is asked for its size.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use self::walk::Passed;
use self::wrapper::Inner;
use super::files::{FileError, bytes_of, shown};
use crate::core::data::dataset::{Class, ClassId, Dataset, ImageId, IndexError, Split};
use crate::core::data::folders::Folders;
use crate::core::data::names::escape;

pub(in crate::store) mod cifar;
mod entry;
mod floats;
mod folder;
mod source;
mod splits;
mod tiny;
mod walk;
mod wrapper;

/// An opened dataset.
#[derive(Debug)]
pub struct Imported {
    /// Classes and images.
    pub dataset: Dataset,
    /// What the user should know: files that were passed over, classes without images, …
    pub notes: Vec<String>,
    /// Splits that the folder has besides the opened one.
    pub other_splits: Vec<Split>,
}

/// Why a folder could not be opened as a dataset.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Missing path, no permission, a failing disk.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file was given.
    #[error("{}: this is a file; give the dataset's folder{hint}", shown(.path))]
    NotAFolder {
        /// What was given.
        path: PathBuf,
        /// More to say about this kind of file; begins with "; " or is empty.
        hint: &'static str,
    },
    /// A folder without entries, hidden ones apart.
    #[error("{}: the folder is empty; give a folder with one folder of images per class", shown(.0))]
    Empty(PathBuf),
    /// Neither class folders nor images.
    #[error(
        "{}: no class folders; expected <class>/<image> (or train/<class>/<image>), Tiny-ImageNet's layout, \
         or CIFAR's .bin files", shown(.0)
    )]
    NoClasses(PathBuf),
    /// Images that belong to no class.
    #[error(
        "{}: {images} images lie directly in this folder, so their classes are unknown; \
         put them into one folder per class: <class>/<image>", shown(.path)
    )]
    ImagesInRoot {
        /// The folder.
        path: PathBuf,
        /// Images in it.
        images: usize,
    },
    /// Class folders, but no images in any.
    #[error(
        "{}: {classes} class folders, but no images in them (JPEG, PNG, BMP, WebP, GIF, TIFF, PPM){found}", shown(.path)
    )]
    NoImages {
        /// The folder.
        path: PathBuf,
        /// Class folders.
        classes: usize,
        /// What is there instead; begins with "; " or is empty.
        found: String,
    },
    /// Folders that could be splits as well as classes.
    #[error("{}: {why}; say which with --folders splits or --folders classes for this folder", shown(.path))]
    InDoubt {
        /// The folder.
        path: PathBuf,
        /// Both readings.
        why: String,
    },
    /// The split that was asked for is missing.
    #[error("{}: there is no {wanted} split here, only {found}; give the other split or its folder", shown(.path))]
    NoSplit {
        /// The dataset's folder.
        path: PathBuf,
        /// Folder or file names of what was asked for.
        wanted: String,
        /// Those of what exists.
        found: String,
    },
    /// A file of the dataset has contents that don't fit its format.
    #[error("{}: {why}", shown(.path))]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, and the remedy.
        why: String,
    },
    /// Too many names.
    #[error("{}: {source}", shown(.path))]
    Index {
        /// The folder.
        path: PathBuf,
        /// The limit.
        source: IndexError,
    },
}

/// Opens the dataset in `path`, in whichever layout it is kept; `want` chooses the split where there are several.
/// A folder without splits is [`Split::Whole`] whatever is wanted; [`Split::Whole`] of a folder with splits is its
/// training split, and a note says so: test images never mix with the images that are distilled.
///
/// # Errors
/// [`ImportError`], which names the folder or file, what is wrong and what was expected.
pub fn open(path: &Path, want: Split) -> Result<Imported, ImportError> {
    open_as(path, want, Folders::Auto)
}

/// [`open`], where the user may have said what the folders are.
///
/// # Errors
/// As [`open`].
pub fn open_as(path: &Path, want: Split, folders: Folders) -> Result<Imported, ImportError> {
    let kind = std::fs::metadata(path).map_err(FileError::at(path, "open"))?;
    if !kind.is_dir() {
        return Err(ImportError::NotAFolder { path: path.to_owned(), hint: archive_hint(path) });
    }
    let survey = walk::survey(path)?;
    if survey.is_empty() {
        return Err(ImportError::Empty(path.to_owned()));
    }
    if let Some(format) = cifar::recognise(path, &survey)? {
        return cifar::open(path, &format, &survey, want);
    }
    if tiny::recognise(&survey) {
        return tiny::open(path, want);
    }
    let is_split = |name: &OsStr| splits::role(name).is_some();
    if folders != Folders::Classes
        && let Some((inner, _)) = wrapper::wrapped(path, &Inner::default(), &survey, &is_split)?
    {
        let mut imported = open_as(&inner.path(path), want, folders)?;
        imported.notes.insert(0, format!("opened {}, the only folder in it", shown(imported.dataset.root())));
        return Ok(imported);
    }
    folder::open(path, &survey, want, folders)
}

fn archive_hint(path: &Path) -> &'static str {
    let extension = path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
    match extension.as_deref().and_then(std::ffi::OsStr::to_str) {
        Some("zip" | "tar" | "gz" | "tgz" | "bz2" | "xz" | "zst" | "7z") => "; unpack this archive first",
        Some("bin") => " that holds this file",
        _ => "",
    }
}

/// A class and the names of its images.
type ClassImages = (Class, Vec<Vec<u8>>);

/// Which of a dataset's two parts exist, and the choice among them.
struct Choice {
    split: Split,
    others: Vec<Split>,
    note: Option<String>,
}

/// Picks a split. `names` are what the training and the test part are called in messages.
fn choose(path: &Path, (train, test): (bool, bool), names: &[String; 2], want: Split) -> Result<Choice, ImportError> {
    let missing = |wanted: &String, found: &String| ImportError::NoSplit {
        path: path.to_owned(),
        wanted: wanted.clone(),
        found: found.clone(),
    };
    let split = match want {
        Split::Train if train => Split::Train,
        Split::Test if test => Split::Test,
        Split::Train => return Err(missing(&names[0], &names[1])),
        Split::Test => return Err(missing(&names[1], &names[0])),
        Split::Whole if train => Split::Train,
        Split::Whole => Split::Test,
    };
    let (chosen, other) = if split == Split::Train { (&names[0], test) } else { (&names[1], train) };
    let others = match split {
        Split::Train if other => vec![Split::Test],
        Split::Test if other => vec![Split::Train],
        _ => Vec::new(),
    };
    let note = (want == Split::Whole).then(|| format!("the folder is split; {chosen} was opened"));
    Ok(Choice { split, others, note })
}

/// The first few of many names in a sentence: `a, b, c and 7 more`.
fn some_of<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 5;
    let names: Vec<_> = names.into_iter().collect();
    let listed = names[..names.len().min(SHOWN)].join(", ");
    if names.len() > SHOWN { format!("{listed} and {} more", names.len() - SHOWN) } else { listed }
}

/// Notes that every layout shares: empty classes, files and folders passed over, links left out.
fn common_notes(dataset: &Dataset, passed: &Passed) -> Vec<String> {
    let mut notes = Vec::new();
    let empty: Vec<_> = dataset.class_ids().filter(|&c| dataset.class_size(c) == 0).collect();
    if !empty.is_empty() {
        let names = some_of(empty.iter().map(|&c| dataset.class(c).name.as_str()));
        let classes = counted(empty.len(), "class", "classes");
        notes.push(format!("{classes} without images, with a place in the class order: {names}"));
    }
    if !passed.closed.is_empty() {
        let folders = counted(passed.closed.len(), "folder", "folders");
        let paths: Vec<String> = passed.closed.iter().map(|e| shown(&e.path)).collect();
        notes.push(format!(
            "{folders} that may not be read, so that images are missing: {}; change the permissions and open the \
             dataset again",
            some_of(paths.iter().map(String::as_str))
        ));
    }
    if !passed.debris.is_empty() {
        let names: Vec<String> = passed.debris.iter().map(|name| escape(&bytes_of(name))).collect();
        notes.push(format!("folders that are no classes passed over: {}", some_of(names.iter().map(String::as_str))));
    }
    if passed.others > 0 {
        let files = counted(passed.others, "file that is no image was", "files that are no images were");
        notes.push(format!("{files} passed over"));
    }
    if !passed.foreign.is_empty() {
        notes.push(format!("{}; convert them to PNG or JPEG", unreadable(passed)));
    }
    notes.extend(nested(dataset));
    if passed.repeated > 0 {
        let links = counted(passed.repeated, "link", "links");
        notes.push(format!("{links} to folders that are already listed, or that contain the link, left out"));
    }
    notes
}

/// What is said where all classes hold folders of the same names and no images beside them: these may be the classes.
fn nested(dataset: &Dataset) -> Option<String> {
    let folders = |class: ClassId| {
        let first = |image| {
            let name = dataset.image_name(ImageId(image));
            name.iter().position(|&byte| byte == b'/').map(|at| &name[..at])
        };
        dataset.images_of(class).map(first).collect::<Option<BTreeSet<&[u8]>>>()
    };
    let mut classes = dataset.class_ids().filter(|&class| dataset.class_size(class) > 0);
    let one = folders(classes.next()?).filter(|names| names.len() > 1)?;
    let mut others = classes.peekable();
    others.peek()?;
    others.all(|class| folders(class).as_ref() == Some(&one)).then(|| {
        let names: Vec<String> = one.iter().map(|name| escape(name)).collect();
        format!(
            "each class holds folders of the same names ({}): if these are the classes, give one of the folders that hold \
             them",
            some_of(names.iter().map(String::as_str))
        )
    })
}

/// The images of other formats, by number: `2 HEIC and 1 AVIF files can't be read`.
fn unreadable(passed: &Passed) -> String {
    let each: Vec<String> = passed.foreign.iter().map(|(format, count)| format!("{count} {format}")).collect();
    let files = if passed.foreign.values().sum::<usize>() == 1 { "file" } else { "files" };
    format!("{} {files} can't be read", each.join(" and "))
}

/// Why a dataset has no images.
fn no_images(path: PathBuf, classes: usize, passed: Passed) -> ImportError {
    let found = if passed.foreign.is_empty() { String::new() } else { format!("; {}", unreadable(&passed)) };
    match passed.closed.into_iter().next() {
        Some(closed) => closed.into(),
        None => ImportError::NoImages { path, classes, found },
    }
}

/// `1 class`, `2 classes`.
fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests;
