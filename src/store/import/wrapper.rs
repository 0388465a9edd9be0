//! Folders that hold nothing but the folder of the data: what archives unpack to.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::super::files::{FileError, bytes_of, join_bytes};
use super::walk::{self, Survey};
use crate::core::data::names::escape;

/// A folder within a root: raw bytes, with `/` between parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Inner(Vec<u8>);

impl Inner {
    pub(super) fn new(name: &OsStr) -> Self {
        Self(bytes_of(name).into_owned())
    }

    /// A folder in this one.
    pub(super) fn join(&self, name: &[u8]) -> Vec<u8> {
        if self.0.is_empty() { name.to_vec() } else { [&self.0, &b"/"[..], name].concat() }
    }

    pub(super) fn path(&self, root: &Path) -> PathBuf {
        if self.0.is_empty() { root.to_owned() } else { join_bytes(root, &self.0) }
    }

    pub(super) fn shown(&self) -> String {
        escape(&self.0)
    }
}

/// Folders within folders that are looked into; links could go on for ever.
const DEEPEST: usize = 12;

/// The folder with the data in `outer`, and what it lists: `outer` itself, or the one that it wraps.
pub(super) fn open(root: &Path, outer: Inner) -> Result<(Inner, Survey), FileError> {
    let survey = walk::survey(&outer.path(root))?;
    Ok(wrapped(root, &outer, &survey, &|_| false)?.unwrap_or((outer, survey)))
}

/// The folder that `outer`, listed by `survey`, wraps: where a folder holds a single folder, and that one or the next of
/// its kind holds several and no image, the latter. One that holds nothing but a folder called like a split is the data's
/// folder, too. A dataset of one class has none and stays as it is.
pub(super) fn wrapped(
    root: &Path,
    outer: &Inner,
    survey: &Survey,
    is_split: &dyn Fn(&OsStr) -> bool,
) -> Result<Option<(Inner, Survey)>, FileError> {
    let (mut inner, mut only) = (outer.clone(), only_folder(survey).map(ToOwned::to_owned));
    for _ in 0..DEEPEST {
        let Some(name) = only.filter(|name| !is_split(name)) else { return Ok(None) };
        inner = Inner(inner.join(&bytes_of(&name)));
        let inside = match walk::survey(&inner.path(root)) {
            // The one class there is; listing its images says what is wrong.
            Err(e) if e.source.kind() == ErrorKind::PermissionDenied => return Ok(None),
            other => other?,
        };
        only = only_folder(&inside).map(ToOwned::to_owned);
        if inside.images == 0 && (inside.folders.len() > 1 || only.as_deref().is_some_and(is_split)) {
            return Ok(Some((inner, inside)));
        }
    }
    Ok(None)
}

/// The only folder, where no image lies beside it.
fn only_folder(survey: &Survey) -> Option<&OsStr> {
    match &survey.folders[..] {
        [only] if survey.images == 0 => Some(only),
        _ => None,
    }
}
