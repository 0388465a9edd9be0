//! Where an output folder may come to be.

use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::super::super::files::{FileError, bytes_of};
use super::FolderError;

/// A name with an ending.
pub(super) fn with_suffix(name: &OsString, suffix: &str) -> OsString {
    let mut whole = name.clone();
    whole.push(suffix);
    whole
}

/// The parent and the name of the output folder; a link to a folder stands for that folder.
pub(super) fn place_of(out: &Path) -> Result<(PathBuf, OsString), FolderError> {
    let unusable = |why| FolderError::Unusable { out: out.to_owned(), why };
    let resolved = match fs::symlink_metadata(out) {
        Ok(_) => match fs::canonicalize(out) {
            Ok(path) => path,
            Err(_) => return Err(unusable("it is a link that leads nowhere; remove it or give another folder")),
        },
        Err(_) => out.to_owned(),
    };
    // Renaming over the folder in which a shell or this process stands would leave them in a folder without a name.
    let here = std::env::current_dir().and_then(fs::canonicalize);
    if here.is_ok_and(|here| fs::canonicalize(&resolved).is_ok_and(|there| there == here)) {
        return Err(unusable("it is the working folder; give a new folder's name"));
    }
    let name = resolved.file_name().ok_or_else(|| unusable("it has no name of its own; give a new folder's name"))?;
    let parent = resolved.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok((parent.to_owned(), name.to_owned()))
}

/// The output is absent or an empty folder of the same file system.
pub(super) fn check_free(out: &Path, target: &Path, parent: &Path) -> Result<(), FolderError> {
    let unusable = |why| FolderError::Unusable { out: out.to_owned(), why };
    let about = match fs::metadata(target) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(source) => {
            let source = FileError { path: target.to_owned(), doing: "look at it", source };
            return Err(FolderError::NotWritable { out: out.to_owned(), source });
        }
        Ok(about) => about,
    };
    if !about.is_dir() {
        return Err(unusable("it is a file; give a new folder's name"));
    }
    let mut entries = fs::read_dir(target).map_err(|source| {
        let source = FileError { path: target.to_owned(), doing: "list", source };
        FolderError::NotWritable { out: out.to_owned(), source }
    })?;
    if entries.next().is_some() {
        return Err(FolderError::Exists { out: out.to_owned(), free: free_name(target) });
    }
    if !same_file_system(target, parent) {
        return Err(unusable(
            "it is a file system of its own and can't be replaced in one step; give a new folder in it",
        ));
    }
    Ok(())
}

/// The first of `OUT-2`, `OUT-3`, … that does not exist.
fn free_name(target: &Path) -> PathBuf {
    let mut names = (2_u64..).map(|n| {
        let mut name = target.as_os_str().to_owned();
        name.push(format!("-{n}"));
        PathBuf::from(name)
    });
    // Of endlessly many names one is free.
    names.find(|n| fs::symlink_metadata(n).is_err()).unwrap_or_default()
}

fn same_file_system(a: &Path, b: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let device = |path| fs::metadata(path).map(|about| about.dev()).ok();
        device(a) == device(b)
    }
    #[cfg(not(unix))]
    {
        let _ = (a, b);
        true
    }
}

/// Unfinished folders of other runs.
pub(super) fn leftovers(parent: &Path, name: &OsString) -> io::Result<Vec<PathBuf>> {
    let prefix = with_suffix(name, ".partial-");
    let mut found = Vec::new();
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        if bytes_of(&entry.file_name()).starts_with(&bytes_of(&prefix)) {
            found.push(entry.path());
        }
    }
    found.sort_unstable();
    Ok(found)
}
