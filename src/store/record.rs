//! Folders with a record: a JSON file that says what is in the folder, so that work on it can be resumed and nothing else
//! is ever mixed into it. One process at a time works on such a folder; readers don't disturb it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::files::{FileError, is_unfinished, read_small, replace, shown};
use super::lock::{self, Holder, Lock, LockError};
use crate::core::distil::manifest::{Program, json};

/// A thousand classes' confusions of a few seeds, or the names of a million images, are tens of megabytes.
const LARGEST: u64 = 1 << 30;

/// What a folder holds, as its record says it.
pub(super) trait Record: Serialize + DeserializeOwned {
    /// Name of the file.
    const FILE: &'static str;
    /// The version of the format that this program writes, and the highest it reads.
    const FORMAT: u32;
    /// What such a folder holds, for messages.
    const WHAT: &'static str;
    /// Levels of the record that are written over several lines; the whole is level 1.
    const OPEN_LEVELS: usize;

    /// What decides the contents: two records with equal ones are of the same work.
    fn identity(&self) -> Value;

    /// The same in 32 hexadecimal digits.
    fn fingerprint(&self) -> String {
        let mut hash = blake3::Hasher::new_derive_key("stillroom 2026 record v1");
        hash.update(Self::WHAT.as_bytes()).update(self.identity().to_string().as_bytes());
        hash.finalize().to_hex()[..32].to_owned()
    }

    /// The file's text.
    fn text(&self) -> Result<Vec<u8>, serde_json::Error> {
        json::write(self, Self::OPEN_LEVELS)
    }
}

/// Why a folder with a record could not be used. Nothing in it was changed or removed.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The folder or a file in it could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// Another process is at work in it.
    #[error("{}: this {what} is in use by {holder}; wait for it, close it, or give another folder", shown(.folder))]
    Locked {
        /// The folder.
        folder: PathBuf,
        /// What it holds.
        what: &'static str,
        /// Who is at work.
        holder: Holder,
    },
    /// The folder holds something else.
    #[error("{}: holds other files and no {what}; nothing in it was touched: give a new folder", shown(.folder))]
    NotEmpty {
        /// The folder.
        folder: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// The folder holds the same kind of thing, made otherwise.
    #[error(
        "{}: holds another {what}: {}; nothing in it was touched: give a new folder, or the same values to resume it",
        shown(.folder), listed(.differences)
    )]
    Another {
        /// The folder.
        folder: PathBuf,
        /// What it holds.
        what: &'static str,
        /// What is there, not what was asked for.
        differences: Vec<String>,
    },
    /// There is no record to read.
    #[error("{}: there is no {what} here (no {file})", shown(.folder))]
    Missing {
        /// The folder.
        folder: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// The record's name.
        file: &'static str,
    },
    /// The record can't be read.
    #[error("{}: is not the record of a {what} ({why}); it was left as it is: restore a copy, or give a new folder", shown(.file))]
    Malformed {
        /// The file.
        file: PathBuf,
        /// What it should be of.
        what: &'static str,
        /// What is wrong.
        why: String,
    },
    /// The record was written by a later version.
    #[error("{}: this {what} has format {found}, this program knows formats up to {known}; use a newer stillroom", shown(.file))]
    Newer {
        /// The file.
        file: PathBuf,
        /// What it is of.
        what: &'static str,
        /// Its version.
        found: u64,
        /// The highest known version.
        known: u32,
    },
}

impl RecordError {
    /// Whether there was no room.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::File(error) if error.is_full())
    }
}

/// The first of many differences.
pub(super) fn listed(differences: &[String]) -> String {
    const SHOWN: usize = 6;
    let first = differences.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match differences.len().saturating_sub(SHOWN) {
        0 => first,
        more => format!("{first}, and {more} more"),
    }
}

/// A folder that is held for work: no other process takes it meanwhile.
#[derive(Debug)]
pub(super) struct Held {
    pub folder: PathBuf,
    lock: Lock,
}

impl Held {
    /// Takes the folder `path` for the work that `asked` describes: a new or empty one, which gets its record now, or
    /// one that holds the same work, whose record comes back.
    pub fn begin<R: Record>(path: &Path, asked: &R) -> Result<(Self, Option<R>), RecordError> {
        fs::create_dir_all(path).map_err(FileError::at(path, "make this folder"))?;
        // Looked at before the lock, too: not even the lock's file is put into a folder of something else.
        same_or_nothing(path, asked)?;
        let lock = Lock::take(path, "lock this folder").map_err(|error| match error {
            LockError::Held(holder) => RecordError::Locked { folder: path.to_owned(), what: R::WHAT, holder },
            LockError::File(error) => error.into(),
        })?;
        let this = Self { folder: path.to_owned(), lock };
        let found = same_or_nothing(path, asked)?;
        if found.is_none() {
            this.save(asked)?;
        }
        Ok((this, found))
    }

    /// What to tell where the file system keeps no locks, once.
    pub fn warning(&self) -> Option<String> {
        self.lock.warning()
    }

    /// Replaces the record in one step.
    pub fn save<R: Record>(&self, record: &R) -> Result<(), RecordError> {
        let file = self.folder.join(R::FILE);
        match record.text() {
            Ok(text) => Ok(replace(&file, &text)?),
            Err(e) => Err(RecordError::Malformed { file, what: R::WHAT, why: e.to_string() }),
        }
    }
}

fn same_or_nothing<R: Record>(folder: &Path, asked: &R) -> Result<Option<R>, RecordError> {
    match read::<R>(folder) {
        Ok(found) => match differences(&found.identity(), &asked.identity()) {
            none if none.is_empty() => Ok(Some(found)),
            differences => Err(RecordError::Another { folder: folder.to_owned(), what: R::WHAT, differences }),
        },
        Err(RecordError::Missing { .. }) => {
            for entry in fs::read_dir(folder).map_err(FileError::at(folder, "list"))? {
                let name = entry.map_err(FileError::at(folder, "list"))?.file_name();
                if name != lock::NAME && !is_unfinished(&name) {
                    return Err(RecordError::NotEmpty { folder: folder.to_owned(), what: R::WHAT });
                }
            }
            Ok(None)
        }
        Err(other) => Err(other),
    }
}

/// Reads the record of a folder, also while a process works on it.
pub(super) fn read<R: Record>(folder: &Path) -> Result<R, RecordError> {
    let file = folder.join(R::FILE);
    let text = match read_small(&file, LARGEST) {
        Ok(text) => text,
        Err(e) if e.source.kind() == ErrorKind::NotFound => {
            return Err(RecordError::Missing { folder: folder.to_owned(), what: R::WHAT, file: R::FILE });
        }
        Err(e) => return Err(e.into()),
    };
    let malformed = |why: String| RecordError::Malformed { file: file.clone(), what: R::WHAT, why };
    /// What every version has.
    #[derive(serde::Deserialize)]
    struct Header {
        format: u64,
        program: Program,
    }
    let header: Header = serde_json::from_slice(&text).map_err(|e| malformed(e.to_string()))?;
    if header.program.name != Program::this().name {
        return Err(malformed(format!("it is of the program '{}'", header.program.name)));
    }
    if header.format > u64::from(R::FORMAT) {
        return Err(RecordError::Newer { file, what: R::WHAT, found: header.format, known: R::FORMAT });
    }
    serde_json::from_slice(&text).map_err(|e| malformed(e.to_string()))
}

/// The leaves at which two identities differ, as `recipe.epochs is 300, not 100`: here, and there.
pub(super) fn differences(here: &Value, there: &Value) -> Vec<String> {
    let mut found = Vec::new();
    differ("", here, there, &mut found);
    found
}

fn differ(at: &str, a: &Value, b: &Value, found: &mut Vec<String>) {
    match (a, b) {
        _ if a == b => {}
        (Value::Object(a), Value::Object(b)) => {
            let names: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for name in names {
                let below = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                differ(&below, a.get(name).unwrap_or(&Value::Null), b.get(name).unwrap_or(&Value::Null), found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() && a.len() > LONG => {
            // Of long lists the first difference says enough.
            let first = a.iter().zip(b).enumerate().find(|(_, (a, b))| a != b);
            first.into_iter().for_each(|(i, (a, b))| differ(&format!("{at}[{i}]"), a, b, found));
        }
        _ => found.push(format!("{at} is {}, not {}", said(a), said(b))),
    }
}

/// Lists longer than this are not written out.
const LONG: usize = 4;

fn said(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.len() > LONG => format!("a list of {}", items.len()),
        other => other.to_string(),
    }
}
