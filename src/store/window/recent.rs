//! The projects that a user has opened, latest first: a small file in the user's configuration folder.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::store::files::{FileError, KeptPath, read_small, replace};
use crate::store::lock::{Lock, LockError};

/// Projects that are listed.
const MOST: usize = 12;

/// Far more than the paths of a dozen folders.
const LARGEST: u64 = 1 << 20;

/// The list.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct RecentProjects {
    /// Their folders, absolute, latest first.
    pub projects: Vec<KeptPath>,
}

impl RecentProjects {
    /// Where the list lies: `$XDG_CONFIG_HOME/stillroom/projects.json`, by default below `~/.config`; `None` where the
    /// environment names no home folder.
    #[must_use]
    pub fn default_file() -> Option<PathBuf> {
        directories::ProjectDirs::from("", "", "stillroom").map(|folders| folders.config_dir().join("projects.json"))
    }

    /// Reads a list; one that is missing or damaged is empty: it is made anew from what is opened.
    #[must_use]
    pub fn read(file: &Path) -> Self {
        let bytes = read_small(file, LARGEST).ok();
        bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// The folders.
    pub fn folders(&self) -> impl Iterator<Item = &Path> {
        self.projects.iter().map(|kept| kept.0.as_path())
    }
}

/// Puts the project in `folder` first in the list in `file`, and returns the list.
///
/// # Errors
/// [`FileError`] where the list can't be written; it stays as it was.
pub fn note_project(file: &Path, folder: &Path) -> Result<RecentProjects, FileError> {
    let parent = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(FileError::at(parent, "make this folder"))?;
    let _lock = Lock::take(parent, "lock the list of projects").map_err(|error| match error {
        LockError::File(error) => error,
        LockError::Held(_) => FileError {
            path: file.to_owned(),
            doing: "write",
            source: std::io::Error::new(ErrorKind::WouldBlock, "another stillroom is writing it"),
        },
    })?;
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let mut list = RecentProjects::read(file);
    list.projects.retain(|kept| kept.0 != folder);
    list.projects.insert(0, KeptPath(folder));
    list.projects.truncate(MOST);
    // Paths are written as text: that cannot fail.
    replace(file, &serde_json::to_vec_pretty(&list).unwrap_or_default())?;
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_project_comes_first_and_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config/projects.json");
        assert_eq!(RecentProjects::read(&file), RecentProjects::default());
        for name in ["/p/a", "/p/b", "/p/a"] {
            note_project(&file, Path::new(name)).unwrap();
        }
        let list = RecentProjects::read(&file);
        assert_eq!(list.folders().collect::<Vec<_>>(), [Path::new("/p/a"), Path::new("/p/b")]);
        (0..20).for_each(|n| _ = note_project(&file, &PathBuf::from(format!("/q/{n}"))).unwrap());
        assert_eq!(RecentProjects::read(&file).projects.len(), MOST);
        // A damaged list is begun anew.
        std::fs::write(&file, b"{").unwrap();
        assert_eq!(note_project(&file, Path::new("/p/c")).unwrap().projects.len(), 1);
    }
}
