//! Listing folders: by name and by the kind that the directory entry itself states.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, DirEntry};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::files::{FileError, bytes_of};

/// Whether a file name ends like an image that can be decoded, in any case.
pub(super) fn is_image(name: &[u8]) -> bool {
    let Some(dot) = name.iter().rposition(|&b| b == b'.') else { return false };
    ["jpg", "jpeg", "png", "bmp", "webp"].iter().any(|e| name[dot + 1..].eq_ignore_ascii_case(e.as_bytes()))
}

/// What lies directly in a folder; hidden entries apart.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Folders and links to folders, sorted by bytes.
    pub(super) folders: Vec<OsString>,
    /// Number of image files.
    pub(super) images: usize,
    /// All other files, sorted.
    pub(super) others: Vec<OsString>,
    /// Links to this folder or to one that contains it: following them would never end.
    pub(super) loops: usize,
}

impl Survey {
    pub(super) fn is_empty(&self) -> bool {
        self.folders.is_empty() && self.images == 0 && self.others.is_empty()
    }

    pub(super) fn has_file(&self, name: &str) -> bool {
        self.others.iter().any(|o| o == name)
    }

    pub(super) fn has_folder(&self, name: &str) -> bool {
        self.folders.iter().any(|o| o == name)
    }
}

/// What an entry is without opening it; only links cost a look at their target.
enum Kind {
    Folder,
    LinkedFolder,
    Image,
    Other,
}

fn kind_of(entry: &DirEntry, name: &[u8]) -> Result<Kind, FileError> {
    let kind = entry.file_type().map_err(|source| FileError { path: entry.path(), doing: "list", source })?;
    Ok(if kind.is_dir() {
        Kind::Folder
    } else if is_image(name) && (kind.is_file() || kind.is_symlink()) {
        // A link that ends like an image is one: sets of 1.3 million links are listed without a look at the targets.
        Kind::Image
    } else if kind.is_symlink() && fs::metadata(entry.path()).is_ok_and(|target| target.is_dir()) {
        Kind::LinkedFolder
    } else {
        Kind::Other
    })
}

/// Calls `visit` for every visible entry of a folder.
fn each_entry(
    folder: &Path,
    mut visit: impl FnMut(&DirEntry, OsString) -> Result<(), FileError>,
) -> Result<(), FileError> {
    for entry in fs::read_dir(folder).map_err(FileError::at(folder, "list"))? {
        let entry = entry.map_err(FileError::at(folder, "list"))?;
        let name = entry.file_name();
        if !bytes_of(&name).starts_with(b".") {
            visit(&entry, name)?;
        }
    }
    Ok(())
}

/// Lists a folder without descending.
pub(super) fn survey(folder: &Path) -> Result<Survey, FileError> {
    let mut survey = Survey::default();
    let own = fs::canonicalize(folder).map_err(FileError::at(folder, "open"))?;
    each_entry(folder, |entry, name| {
        match kind_of(entry, &bytes_of(&name))? {
            Kind::Folder => survey.folders.push(name),
            Kind::LinkedFolder if fs::canonicalize(entry.path()).is_ok_and(|t| own.starts_with(t)) => survey.loops += 1,
            Kind::LinkedFolder => survey.folders.push(name),
            Kind::Image => survey.images += 1,
            Kind::Other => survey.others.push(name),
        }
        Ok(())
    })?;
    survey.folders.sort_unstable();
    survey.others.sort_unstable();
    Ok(survey)
}

/// The images of one class folder.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Names relative to the folder, with `/` between parts; in no order.
    pub(super) names: Vec<Vec<u8>>,
    /// Files that are no images.
    pub(super) others: usize,
    /// Links to folders that were listed already or that contain the link.
    pub(super) repeated: usize,
}

/// Counts over many listings.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    pub(super) others: usize,
    pub(super) repeated: usize,
}

impl Totals {
    pub(super) fn of(listings: &[Listing]) -> Self {
        let add = |t: Self, l: &Listing| Self { others: t.others + l.others, repeated: t.repeated + l.repeated };
        listings.iter().fold(Self::default(), add)
    }
}

/// A folder to be listed, and the prefix of the names in it.
type Pending = (PathBuf, Vec<u8>);

/// Lists the images below a folder. Sub-folders are descended into, real ones before links, so that the names of
/// images don't depend on the order in which the file system tells them; each folder is listed once.
pub(super) fn list_images(folder: &Path) -> Result<Listing, FileError> {
    let mut listing = Listing::default();
    let mut seen = HashSet::new();
    let mut folders: Vec<Pending> = vec![(folder.to_owned(), Vec::new())];
    let mut links: Vec<Pending> = Vec::new();
    loop {
        while let Some(next) = folders.pop() {
            let own = fs::canonicalize(&next.0).map_err(FileError::at(&next.0, "open"))?;
            if seen.insert(own) {
                list_one(&next, &mut listing, &mut folders, &mut links)?;
            } else {
                listing.repeated += 1;
            }
        }
        // The last is the first by name.
        links.sort_unstable_by(|a, b| b.1.cmp(&a.1));
        let Some(link) = links.pop() else { return Ok(listing) };
        let target = fs::canonicalize(&link.0).map_err(FileError::at(&link.0, "open"))?;
        let holder = link.0.parent().unwrap_or(folder);
        let holder = fs::canonicalize(holder).map_err(FileError::at(holder, "open"))?;
        if holder.starts_with(&target) {
            listing.repeated += 1;
        } else {
            folders.push(link);
        }
    }
}

fn list_one(
    (folder, prefix): &Pending,
    listing: &mut Listing,
    folders: &mut Vec<Pending>,
    links: &mut Vec<Pending>,
) -> Result<(), FileError> {
    each_entry(folder, |entry, name| {
        let name = bytes_of(&name);
        let with_prefix = |end: &[u8]| [prefix, name.as_ref(), end].concat();
        match kind_of(entry, &name)? {
            Kind::Folder => folders.push((entry.path(), with_prefix(b"/"))),
            Kind::LinkedFolder => links.push((entry.path(), with_prefix(b"/"))),
            Kind::Image => listing.names.push(with_prefix(b"")),
            Kind::Other => listing.others += 1,
        }
        Ok(())
    })
}

/// [`list_images`] of many folders, in parallel; the listings are in the order of the folders.
pub(super) fn list_all(folders: &[PathBuf]) -> Result<Vec<Listing>, FileError> {
    let next = AtomicUsize::new(0);
    let workers = std::thread::available_parallelism().map_or(1, NonZeroUsize::get).min(folders.len()).min(16);
    let work = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(folder) = folders.get(at) else { return done };
            done.push((at, list_images(folder)));
        }
    };
    let mut done: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let join = |t: std::thread::ScopedJoinHandle<'_, _>| t.join().unwrap_or_else(|p| std::panic::resume_unwind(p));
        threads.into_iter().flat_map(join).collect()
    });
    done.sort_unstable_by_key(|&(at, _)| at);
    done.into_iter().map(|(_, listing)| listing).collect()
}
