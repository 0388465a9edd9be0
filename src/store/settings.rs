//! Where the user's own settings lie, whatever the project.

use std::path::{Path, PathBuf};

use super::files::{FileError, write_new};

/// The user's folder for stillroom's settings: `$XDG_CONFIG_HOME/stillroom`, by default `~/.config/stillroom`; `None`
/// where the environment names no home folder.
#[must_use]
pub fn folder() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "stillroom").map(|folders| folders.config_dir().to_owned())
}

/// Whether something that is shown once has been shown.
#[must_use]
pub fn was_shown(folder: &Path, what: &str) -> bool {
    folder.join(format!("{what}-shown")).exists()
}

/// Notes that something that is shown once has been shown.
///
/// # Errors
/// [`FileError`] where the folder can't be made or isn't writable.
pub fn note_shown(folder: &Path, what: &str) -> Result<(), FileError> {
    std::fs::create_dir_all(folder).map_err(FileError::at(folder, "make this folder"))?;
    write_new(&folder.join(format!("{what}-shown")), b"").map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_shown_is_known_afterwards() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("settings");
        assert!(!was_shown(&folder, "tour"));
        note_shown(&folder, "tour").unwrap();
        note_shown(&folder, "tour").unwrap();
        assert!(was_shown(&folder, "tour") && !was_shown(&folder, "other"));
        // A file in the folder's place.
        assert!(note_shown(&folder.join("tour-shown"), "tour").is_err());
    }
}
