//! Listing folders: by name and by the kind that the directory entry itself states.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::OsString;
use std::fs::{self, DirEntry};
use std::io::ErrorKind;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::files::{FileError, bytes_of};
use super::entry::Kind;

/// What lies directly in a folder; hidden files apart.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Folders and links to folders, sorted by bytes.
    pub(super) folders: Vec<OsString>,
    /// Folders that programs leave behind and that are no part of any dataset.
    pub(super) debris: Vec<OsString>,
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

/// Calls `visit` for every entry of a folder but hidden files.
fn each_entry(
    folder: &Path,
    mut visit: impl FnMut(&DirEntry, OsString, Kind) -> Result<(), FileError>,
) -> Result<(), FileError> {
    for entry in fs::read_dir(folder).map_err(FileError::at(folder, "list"))? {
        let entry = entry.map_err(FileError::at(folder, "list"))?;
        let name = entry.file_name();
        if let Some(kind) = Kind::of(&entry, &bytes_of(&name))? {
            visit(&entry, name, kind)?;
        }
    }
    Ok(())
}

/// Lists a folder without descending.
pub(super) fn survey(folder: &Path) -> Result<Survey, FileError> {
    let mut survey = Survey::default();
    let own = fs::canonicalize(folder).map_err(FileError::at(folder, "open"))?;
    each_entry(folder, |entry, name, kind| {
        match kind {
            Kind::Folder => survey.folders.push(name),
            Kind::Debris => survey.debris.push(name),
            Kind::LinkedFolder if fs::canonicalize(entry.path()).is_ok_and(|t| own.starts_with(t)) => survey.loops += 1,
            Kind::LinkedFolder => survey.folders.push(name),
            Kind::Image => survey.images += 1,
            Kind::Foreign(_) | Kind::Other => survey.others.push(name),
        }
        Ok(())
    })?;
    survey.folders.sort_unstable();
    survey.debris.sort_unstable();
    survey.others.sort_unstable();
    Ok(survey)
}

/// The images of one class folder.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Names relative to the folder, with `/` between parts; in no order.
    pub(super) names: Vec<Vec<u8>>,
    /// What was passed over.
    pub(super) passed: Passed,
}

/// What listings passed over.
#[derive(Debug, Default)]
pub(super) struct Passed {
    /// Files that are no images.
    pub(super) others: usize,
    /// Links to folders that were listed already or that contain the link.
    pub(super) repeated: usize,
    /// Images in formats that can't be read, by format.
    pub(super) foreign: BTreeMap<&'static str, usize>,
    /// Names of folders that are no part of any dataset.
    pub(super) debris: BTreeSet<OsString>,
    /// Folders that may not be read.
    pub(super) closed: Vec<FileError>,
}

impl Passed {
    /// All that these listings passed over, taken out of them.
    pub(super) fn take(listings: &mut [Listing]) -> Self {
        let mut all = Self::default();
        for listing in listings {
            let passed = std::mem::take(&mut listing.passed);
            all.others += passed.others;
            all.repeated += passed.repeated;
            all.debris.extend(passed.debris);
            all.closed.extend(passed.closed);
            for (format, count) in passed.foreign {
                *all.foreign.entry(format).or_default() += count;
            }
        }
        all
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
            let listed = fs::canonicalize(&next.0).map_err(FileError::at(&next.0, "open")).and_then(|own| {
                if seen.insert(own) {
                    return list_one(&next, &mut listing, &mut folders, &mut links);
                }
                listing.passed.repeated += 1;
                Ok(())
            });
            match listed {
                // Without its images the class still has its place among the others.
                Err(e) if e.source.kind() == ErrorKind::PermissionDenied => listing.passed.closed.push(e),
                other => other?,
            }
        }
        // The last is the first by name.
        links.sort_unstable_by(|a, b| b.1.cmp(&a.1));
        let Some(link) = links.pop() else { return Ok(listing) };
        let target = fs::canonicalize(&link.0).map_err(FileError::at(&link.0, "open"))?;
        let holder = link.0.parent().unwrap_or(folder);
        let holder = fs::canonicalize(holder).map_err(FileError::at(holder, "open"))?;
        if holder.starts_with(&target) {
            listing.passed.repeated += 1;
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
    each_entry(folder, |entry, name, kind| {
        let with_prefix = |end: &[u8]| [prefix, bytes_of(&name).as_ref(), end].concat();
        match kind {
            Kind::Folder => folders.push((entry.path(), with_prefix(b"/"))),
            Kind::LinkedFolder => links.push((entry.path(), with_prefix(b"/"))),
            Kind::Image => listing.names.push(with_prefix(b"")),
            Kind::Foreign(format) => *listing.passed.foreign.entry(format).or_default() += 1,
            Kind::Other => listing.passed.others += 1,
            Kind::Debris => {
                listing.passed.debris.insert(name);
            }
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
