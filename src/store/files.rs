//! File errors in words, names as bytes, and files that appear complete or not at all.

use std::ffi::OsStr;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::core::data::names::{escape, unescape};

/// A file or folder that could not be used, and what to do about it.
#[derive(Debug)]
pub struct FileError {
    /// Which file or folder.
    pub path: PathBuf,
    /// What was attempted, e.g. "read".
    pub doing: &'static str,
    /// Why it failed.
    pub source: io::Error,
}

impl FileError {
    /// For `map_err`: the failure of `doing` on `path`.
    pub(crate) fn at<'a>(path: &'a Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self + use<'a> {
        move |source| Self { path: path.to_owned(), doing, source }
    }

    /// Whether there was no room: disk full, quota used up, or the file system's limit for one file.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self.source.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
    }
}

impl std::fmt::Display for FileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (path, doing) = (shown(&self.path), self.doing);
        match self.source.kind() {
            ErrorKind::NotFound => write!(f, "{path}: cannot {doing}: it does not exist; check the path"),
            ErrorKind::PermissionDenied => {
                write!(f, "{path}: cannot {doing}: permission denied; change its permissions or use another place")
            }
            ErrorKind::ReadOnlyFilesystem => {
                write!(f, "{path}: cannot {doing}: the file system is read-only; use another place")
            }
            ErrorKind::StorageFull => write!(f, "{path}: cannot {doing}: the disk is full; free some space"),
            ErrorKind::QuotaExceeded => {
                write!(f, "{path}: cannot {doing}: your disk quota is used up; free some space")
            }
            ErrorKind::NotADirectory => write!(f, "{path}: cannot {doing}: a part of the path is a file, not a folder"),
            ErrorKind::AlreadyExists => write!(f, "{path}: cannot {doing}: a file has this name; use another name"),
            ErrorKind::InvalidFilename => {
                write!(f, "{path}: cannot {doing}: the name is too long, or not allowed here; give a shorter one")
            }
            ErrorKind::IsADirectory => write!(f, "{path}: cannot {doing}: it is a folder, not a file"),
            _ => write!(f, "{path}: cannot {doing}: {}", self.source),
        }
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// A path as text for messages: odd bytes are escaped, so that nothing is hidden and no terminal is confused.
#[must_use]
pub fn shown(path: &Path) -> String {
    escape(bytes_of(path.as_os_str()).as_ref())
}

/// The bytes of a file name.
#[must_use]
pub fn bytes_of(name: &OsStr) -> std::borrow::Cow<'_, [u8]> {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt as _;
        name.as_bytes().into()
    }
    #[cfg(not(unix))]
    {
        name.to_string_lossy().into_owned().into_bytes().into()
    }
}

/// `root` followed by a relative path of raw bytes, `/` between its parts.
#[must_use]
pub fn join_bytes(root: &Path, relative: &[u8]) -> PathBuf {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt as _;
        root.join(OsStr::from_bytes(relative))
    }
    #[cfg(not(unix))]
    {
        root.join(String::from_utf8_lossy(relative).as_ref())
    }
}

/// A path as JSON text, whatever its bytes: for `#[serde(with = "escaped")]`.
pub(super) mod escaped {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use super::{Path, PathBuf, bytes_of, escape, join_bytes, unescape};

    pub(in crate::store) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&escape(&bytes_of(path.as_os_str())))
    }

    pub(in crate::store) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(join_bytes(Path::new(""), &unescape(&text).unwrap_or_else(|| text.into_bytes())))
    }
}

/// A path of a list in a JSON file, whatever its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct KeptPath(#[serde(with = "escaped")] pub PathBuf);

/// Whether a path, which need not exist yet, leads into a folder.
#[must_use]
pub fn lies_within(path: &Path, folder: &Path) -> bool {
    let (Ok(path), Ok(folder)) = (std::path::absolute(path), std::fs::canonicalize(folder)) else { return false };
    let there = path.ancestors().find_map(|above| std::fs::canonicalize(above).ok());
    there.is_some_and(|there| there.starts_with(&folder))
}

/// Reads a small text file, at most `limit` bytes: a weight file given by mistake must not fill the memory.
///
/// # Errors
/// [`FileError`], also where the file is larger.
pub fn read_small(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let file = std::fs::File::open(path).map_err(FileError::at(path, "open"))?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(FileError::at(path, "read"))?;
    if bytes.len() as u64 > limit {
        let source =
            io::Error::new(ErrorKind::InvalidData, format!("it is larger than {limit} bytes: the wrong file?"));
        return Err(FileError { path: path.to_owned(), doing: "read", source });
    }
    Ok(bytes)
}

/// What became of a [`NewFile`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// The file was made.
    New,
    /// It existed with these very bytes.
    Same,
    /// It exists with other contents and was left alone.
    Differs,
}

/// A file that is being made: its bytes go to a temporary file beside it and take the name in one step, only if it is
/// free. Dropped before that, it leaves nothing.
#[derive(Debug)]
pub struct NewFile {
    path: PathBuf,
    file: tempfile::NamedTempFile,
}

impl NewFile {
    /// Begins the file `path`, so that a folder that can't be written is found before the work and not after it.
    ///
    /// # Errors
    /// [`FileError`] where there is no such folder, or it is not writable.
    pub fn begin(path: &Path) -> Result<Self, FileError> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".stillroom-");
        // Temporary files are private by default; this one becomes the user's, with the mode that the umask gives.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let folder = folder_of(path);
        let file = builder.tempfile_in(folder).map_err(FileError::at(folder, "write into this folder"))?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Where it will be.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it these bytes and its name.
    ///
    /// # Errors
    /// [`FileError`] where the disk is full or fails.
    pub fn finish(mut self, bytes: &[u8]) -> Result<Written, FileError> {
        let path = self.path;
        let written = self.file.write_all(bytes).and_then(|()| self.file.as_file().sync_all());
        written.map_err(FileError::at(&path, "write"))?;
        match self.file.persist_noclobber(&path) {
            Ok(_) => {
                sync_folder(folder_of(&path))?;
                Ok(Written::New)
            }
            Err(kept) if kept.error.kind() == ErrorKind::AlreadyExists => {
                let same = read_small(&path, bytes.len() as u64).is_ok_and(|old| old == bytes);
                Ok(if same { Written::Same } else { Written::Differs })
            }
            Err(kept) => Err(FileError::at(&path, "write")(kept.error)),
        }
    }
}

/// The folder of a file.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes the file `path` with `bytes`, complete or not at all, and never over another file.
///
/// # Errors
/// [`FileError`] where the folder is not writable or full.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<Written, FileError> {
    NewFile::begin(path)?.finish(bytes)
}

/// Marks what [`replace`] has not finished.
const UNFINISHED: &str = ".stillroom-unfinished-";

/// Gives the file `path` the contents `bytes` in one step: whoever reads it, and whatever is killed or loses its power
/// meanwhile, finds the old contents or the new. The bytes go to a file of a fixed name beside it, so that what a killed
/// process leaves there is used again instead of piling up; the caller therefore holds the folder's lock.
///
/// # Errors
/// [`FileError`] where the folder is not writable or full; the old contents stay.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let parent = folder_of(path);
    let mut name = std::ffi::OsString::from(UNFINISHED);
    name.push(path.file_name().unwrap_or_default());
    let unfinished = parent.join(name);
    let written = std::fs::File::create(&unfinished)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&unfinished, path));
    if let Err(source) = written {
        // On a full disk its bytes would be missed; where it can't be removed, the next attempt overwrites it.
        let _ = std::fs::remove_file(&unfinished);
        return Err(FileError { path: path.to_owned(), doing: "write", source });
    }
    sync_folder(parent)
}

/// Whether a file is what a killed process left of [`replace`] or [`write_new`].
pub(super) fn is_unfinished(name: &OsStr) -> bool {
    bytes_of(name).starts_with(b".stillroom-")
}

/// Makes the entries of a folder survive a power failure.
///
/// # Errors
/// [`FileError`] where the folder cannot be opened or synced.
pub fn sync_folder(folder: &Path) -> Result<(), FileError> {
    // Elsewhere a folder can't be opened as a file, and its entries need no sync.
    if cfg!(unix) {
        let synced = std::fs::File::open(folder).and_then(|f| f.sync_all());
        synced.map_err(FileError::at(folder, "sync"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_never_replaces_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.json");
        assert_eq!(write_new(&path, b"one").unwrap(), Written::New);
        assert_eq!(write_new(&path, b"one").unwrap(), Written::Same);
        assert_eq!(write_new(&path, b"two").unwrap(), Written::Differs);
        assert_eq!(write_new(&path, b"one and more").unwrap(), Written::Differs);
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
        let error = write_new(&folder.path().join("no/map.json"), b"x").unwrap_err().to_string();
        assert!(error.contains("/no: cannot write into this folder: it does not exist"), "{error}");
    }

    #[test]
    fn a_file_is_replaced_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.json");
        replace(&path, b"a longer first text").unwrap();
        replace(&path, b"second").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"second");
        // What a killed process has left is longer than what comes next.
        let left = folder.path().join(".stillroom-unfinished-run.json");
        std::fs::write(&left, b"left by a killed process").unwrap();
        assert!(is_unfinished(left.file_name().unwrap()) && !is_unfinished(path.file_name().unwrap()));
        replace(&path, b"third").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"third");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        // It can't take the place of a folder: that stays, and nothing is left beside it.
        let taken = folder.path().join("taken");
        std::fs::create_dir(&taken).unwrap();
        let error = replace(&taken, b"x").unwrap_err().to_string();
        assert!(error.contains("taken: cannot write"), "{error}");
        assert!(taken.is_dir() && std::fs::read_dir(folder.path()).unwrap().count() == 2);
    }

    #[test]
    fn errors_say_what_to_do() {
        let of = |kind: ErrorKind| {
            FileError { path: "/d/\u{7}x".into(), doing: "write", source: io::Error::from(kind) }.to_string()
        };
        assert_eq!(of(ErrorKind::StorageFull), "/d/\\x07x: cannot write: the disk is full; free some space");
        assert!(of(ErrorKind::PermissionDenied).contains("permission denied; change its permissions"));
        assert!(of(ErrorKind::ReadOnlyFilesystem).contains("read-only"));
        assert!(of(ErrorKind::InvalidFilename).contains("give a shorter one"));
    }

    #[test]
    fn a_large_file_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.pth");
        std::fs::write(&path, vec![0; 100]).unwrap();
        assert_eq!(read_small(&path, 100).unwrap().len(), 100);
        assert!(read_small(&path, 99).unwrap_err().to_string().contains("larger than 99 bytes"));
    }
}
