//! `window.json` on disk: read whole or not at all, replaced in one step, and never written over what another hand has
//! put there.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{FORMAT, WindowState};
use crate::store::files::{FileError, read_small, replace, shown};

/// Name of the file in a project folder.
const NAME: &str = "window.json";

/// A selection of a hundred thousand images is a few megabytes.
const LARGEST: u64 = 64 << 20;

/// Why the file can't be used. It was left as it is.
#[derive(Debug, thiserror::Error)]
pub enum WindowFileError {
    /// It can't be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is no state of a window.
    #[error("{}: does not say how the window was left ({why})", shown(.file))]
    Malformed {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A later version wrote it.
    #[error("{}: has format {found}, this program knows formats up to {FORMAT}; a newer stillroom wrote it", shown(.file))]
    Newer {
        /// The file.
        file: PathBuf,
        /// Its version.
        found: u64,
    },
}

/// What was found in a project.
#[derive(Debug)]
pub struct Read {
    /// The file, to be written again.
    pub file: WindowFile,
    /// How the window was left; `None` where there is no file.
    pub state: Result<Option<WindowState>, WindowFileError>,
}

/// The file of a project, and what is known to be in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowFile {
    path: PathBuf,
    /// Hash of the bytes that were read or written last; `None` where there was no file.
    known: Option<[u8; 32]>,
}

#[derive(serde::Deserialize)]
struct Version {
    format: u64,
}

impl WindowFile {
    /// Reads the file of the project in `folder`. Nothing is written.
    #[must_use]
    pub fn read(folder: &Path) -> Read {
        let path = folder.join(NAME);
        let bytes = match read_small(&path, LARGEST) {
            Ok(bytes) => bytes,
            Err(error) if error.source.kind() == ErrorKind::NotFound => {
                return Read { file: Self { path, known: None }, state: Ok(None) };
            }
            Err(error) => return Read { file: Self { path, known: None }, state: Err(error.into()) },
        };
        let state = parse(&path, &bytes).map(Some);
        Read { file: Self { path, known: Some(hash(&bytes)) }, state }
    }

    /// Writes a state in one step. Where the file holds something else than was read or written here last, that gets
    /// another name first, which is returned. The caller holds the project's lock.
    ///
    /// # Errors
    /// [`FileError`] where the folder is not writable or full; the old file stays.
    pub fn write(&mut self, state: &WindowState) -> Result<Option<PathBuf>, FileError> {
        // A state is of plain fields and maps with text for keys, and no number of it is infinite: writing it as JSON
        // cannot fail.
        let bytes = serde_json::to_vec_pretty(state).unwrap_or_default();
        let found = match read_small(&self.path, LARGEST) {
            Ok(bytes) => Some(hash(&bytes)),
            Err(error) if error.source.kind() == ErrorKind::NotFound => None,
            // Whatever it is, it is not what was written here.
            Err(_) => Some([0; 32]),
        };
        if found == Some(hash(&bytes)) {
            self.known = found;
            return Ok(None);
        }
        let aside = if found.is_some() && found != self.known { Some(self.set_aside()?) } else { None };
        replace(&self.path, &bytes)?;
        self.known = Some(hash(&bytes));
        Ok(aside)
    }

    /// Gives the file another name, which is returned: it is never deleted. The caller holds the project's lock.
    ///
    /// # Errors
    /// [`FileError`] where that can't be done; the file stays.
    pub fn set_aside(&mut self) -> Result<PathBuf, FileError> {
        let name = |n: u32| self.path.with_file_name(format!("window.set-aside-{n}.json"));
        let free = (1..).map(name).find(|path| !matches!(path.try_exists(), Ok(true)));
        let aside = free.unwrap_or_else(|| name(0));
        std::fs::rename(&self.path, &aside).map_err(FileError::at(&self.path, "set aside"))?;
        self.known = None;
        Ok(aside)
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<WindowState, WindowFileError> {
    let malformed = |e: serde_json::Error| WindowFileError::Malformed { file: path.to_owned(), why: e.to_string() };
    let Version { format } = serde_json::from_slice(bytes).map_err(malformed)?;
    if format > u64::from(FORMAT) {
        return Err(WindowFileError::Newer { file: path.to_owned(), found: format });
    }
    serde_json::from_slice(bytes).map_err(malformed)
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    blake3::hash(bytes).into()
}
