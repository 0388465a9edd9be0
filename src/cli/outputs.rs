//! Files that a command writes beside its last line: looked at before anything is computed, and never overwritten.

use std::path::{Path, PathBuf};

use crate::store::files::{FileError, Written, shown};

use super::Failure;

/// The files that were asked for, each with its flag.
pub struct Outputs<'a>(Vec<(&'static str, &'a Path)>);

impl<'a> Outputs<'a> {
    /// Those of these flags that were given.
    pub fn new(flags: impl IntoIterator<Item = (&'static str, Option<&'a PathBuf>)>) -> Self {
        Self(flags.into_iter().filter_map(|(flag, file)| file.map(|file| (flag, file.as_path()))).collect())
    }

    /// Refuses files that exist, are named twice, or would lie in no folder.
    pub fn check(&self) -> Result<(), Failure> {
        for (at, (flag, file)) in self.0.iter().enumerate() {
            if let Some((other, _)) = self.0[..at].iter().find(|(_, other)| other == file) {
                return Err(Failure::Usage(format!("{other} and {flag} name the same file")));
            }
            if file.exists() {
                let file = shown(file);
                return Err(Failure::Failed(format!(
                    "{file} exists already and is not overwritten; give another name"
                )));
            }
            if let Some(folder) = file.parent().filter(|p| !p.as_os_str().is_empty() && !p.is_dir()) {
                let folder = shown(folder);
                return Err(Failure::Failed(format!(
                    "{folder}: there is no such folder; make it, or give another one"
                )));
            }
        }
        Ok(())
    }
}

/// Writes a file if it was asked for.
pub fn written(path: Option<&PathBuf>, write: impl FnOnce(&Path) -> Result<Written, FileError>) -> Result<(), Failure> {
    match path {
        Some(path) if write(path)? == Written::Differs => {
            Err(Failure::Failed(format!("{} has appeared meanwhile", shown(path))))
        }
        _ => Ok(()),
    }
}
