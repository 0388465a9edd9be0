//! The file of a class map: which output of the observer belongs to which class of the data.
//!
//! Either a JSON object `{"class name": output, …}`, which stays right when the order of the classes changes and may
//! name classes that the data lacks, or a JSON array `[output, …]` in the data's class order, which must have one
//! entry per class. Outputs count from 0, and no two classes share one. [`write`] writes the object.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::files::{FileError, Written, read_small, shown, write_new};
use crate::core::data::class_map::GivenMap;
use crate::core::data::dataset::Class;

/// Far more than a map of 100,000 classes needs.
const LIMIT: u64 = 16 << 20;

/// The folder of a project's class maps.
const FOLDER: &str = "class-maps";

/// Why a class map could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ClassMapFileError {
    /// The file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Not such a file.
    #[error(
        "{}: not a class map: {why}; expected {{\"class name\": output, …}}, or [output, …] in class order",
        shown(.path)
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The JSON reader's words.
        why: String,
    },
    /// There is another file of that name.
    #[error("{}: exists with other contents and was left as it is; give another name", shown(.0))]
    Exists(PathBuf),
}

/// Reads a class map.
///
/// # Errors
/// [`ClassMapFileError`] where the file is missing, no JSON of this form, or names a class twice.
pub fn read(path: &Path) -> Result<GivenMap, ClassMapFileError> {
    let text = read_small(path, LIMIT)?;
    parse(&text).map_err(|e| ClassMapFileError::Malformed { path: path.to_owned(), why: e.to_string() })
}

/// The map that a text is.
///
/// # Errors
/// The JSON reader's: it is no map, or names a class twice.
pub fn parse(text: &[u8]) -> serde_json::Result<GivenMap> {
    serde_json::from_slice::<Parsed>(text).map(|parsed| parsed.0)
}

/// Writes a class map: an object with one class a line, in class order. An equal file is left as it is.
///
/// # Errors
/// [`ClassMapFileError`] where the folder is not writable or full, or another file has the name.
pub fn write(path: &Path, classes: &[Class], outputs: &[u32]) -> Result<(), ClassMapFileError> {
    match write_new(path, text(classes, outputs).as_bytes())? {
        Written::New | Written::Same => Ok(()),
        Written::Differs => Err(ClassMapFileError::Exists(path.to_owned())),
    }
}

/// Where a project keeps this map: a file of [`FOLDER`] that is named after its contents.
#[must_use]
pub fn kept_in(project: &Path, classes: &[Class], outputs: &[u32]) -> PathBuf {
    let hash = blake3::hash(text(classes, outputs).as_bytes()).to_hex();
    project.join(FOLDER).join(format!("{}.json", &hash[..32]))
}

/// Keeps a map in a project; returns its file, [`kept_in`].
///
/// # Errors
/// [`ClassMapFileError`] where the project's folder is not writable or full, or somebody changed the file.
pub fn keep(project: &Path, classes: &[Class], outputs: &[u32]) -> Result<PathBuf, ClassMapFileError> {
    let folder = project.join(FOLDER);
    std::fs::create_dir_all(&folder).map_err(FileError::at(&folder, "create"))?;
    let path = kept_in(project, classes, outputs);
    write(&path, classes, outputs)?;
    Ok(path)
}

/// The map as the file spells it.
fn text(classes: &[Class], outputs: &[u32]) -> String {
    let mut text = String::from("{");
    for (i, (class, output)) in classes.iter().zip(outputs).enumerate() {
        let name = serde_json::Value::from(class.name.as_str());
        // Writing to a String cannot fail.
        let _ = write!(text, "{}\n  {name}: {output}", if i == 0 { "" } else { "," });
    }
    text.push_str("\n}\n");
    text
}

/// A map as the file spells it; an object's entries are taken one by one, so that a class named twice is noticed.
struct Parsed(GivenMap);

impl<'de> serde::Deserialize<'de> for Parsed {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

struct Visitor;

impl<'de> serde::de::Visitor<'de> for Visitor {
    type Value = Parsed;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object of class names or an array of outputs")
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Parsed, A::Error> {
        let mut outputs = Vec::new();
        while let Some(output) = items.next_element()? {
            within(outputs.len())?;
            outputs.push(output);
        }
        Ok(Parsed(GivenMap::Ordered(outputs)))
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut items: A) -> Result<Parsed, A::Error> {
        let mut entries: Vec<(String, u32)> = Vec::new();
        while let Some(entry) = items.next_entry::<String, u32>()? {
            within(entries.len())?;
            entries.push(entry);
        }
        let mut names: Vec<&str> = entries.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        match names.array_windows().find(|[a, b]| a == b) {
            Some([name, _]) => Err(serde::de::Error::custom(format!("class '{name}' is named twice"))),
            None => Ok(Parsed(GivenMap::Named(entries))),
        }
    }
}

/// Whether one more entry may be read.
fn within<E: serde::de::Error>(entries: usize) -> Result<(), E> {
    const MOST: usize = 200_000;
    if entries < MOST { Ok(()) } else { Err(E::custom(format!("it has more than {MOST} entries"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(name: &str) -> Class {
        Class { name: name.into(), title: None, folder: Vec::new() }
    }

    #[test]
    fn a_written_map_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.json");
        let classes = [class("cat"), class("an \"odd\" \\xff name")];
        write(&path, &classes, &[7, 3]).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "{\n  \"cat\": 7,\n  \"an \\\"odd\\\" \\\\xff name\": 3\n}\n");
        let entries = vec![("cat".to_owned(), 7), ("an \"odd\" \\xff name".to_owned(), 3)];
        assert_eq!(read(&path).unwrap(), GivenMap::Named(entries));
        write(&path, &classes, &[7, 3]).unwrap();
        let error = write(&path, &classes, &[3, 7]).unwrap_err().to_string();
        assert!(error.contains("map.json: exists with other contents"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }

    #[test]
    fn a_project_keeps_each_map_once() {
        let project = tempfile::tempdir().unwrap();
        let classes = [class("cat"), class("dog")];
        let path = keep(project.path(), &classes, &[1, 0]).unwrap();
        assert_eq!(path, kept_in(project.path(), &classes, &[1, 0]));
        assert_eq!(keep(project.path(), &classes, &[1, 0]).unwrap(), path);
        assert_ne!(keep(project.path(), &classes, &[0, 1]).unwrap(), path);
        assert_eq!(std::fs::read_dir(project.path().join(FOLDER)).unwrap().count(), 2);
        assert_eq!(read(&path).unwrap(), GivenMap::Named(vec![("cat".to_owned(), 1), ("dog".to_owned(), 0)]));
    }

    #[test]
    fn other_files_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.json");
        let of = |text: &[u8]| {
            std::fs::write(&path, text).unwrap();
            read(&path)
        };
        assert_eq!(of(b"[2, 0]").unwrap(), GivenMap::Ordered(vec![2, 0]));
        for (text, why) in [
            (&b"{\"a\": 1, \"a\": 2}"[..], "class 'a' is named twice"),
            (b"{\"a\": -1}", "-1"),
            (b"[1.5]", "1.5"),
            (b"\"cat\"", "an object of class names"),
            (b"PK\x03\x04", "expected value"),
            (b"", "EOF"),
        ] {
            let error = of(text).unwrap_err().to_string();
            assert!(error.contains("map.json: not a class map") && error.contains(why), "{error}");
        }
        let error = read(&folder.path().join("no.json")).unwrap_err().to_string();
        assert!(error.contains("no.json: cannot open: it does not exist"), "{error}");
    }
}
