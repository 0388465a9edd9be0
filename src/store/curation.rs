//! Curations as files: in a project one for each dataset, `curation/<fingerprint>.json`, and snapshots that are named by
//! their contents, so that a command line which names one means the same later on.

use std::path::{Path, PathBuf};

use super::files::{FileError, Written, read_small, replace, shown, write_new};
use crate::core::data::dataset::Dataset;
use crate::core::distil::curation::Curation;
use crate::core::distil::curation::file::{CurationError, Named, Resolved, Strays, text};

/// The folder within a project's.
const FOLDER: &str = "curation";

/// The largest file that is read: marks of more than two million images.
const LIMIT: u64 = 256 << 20;

/// A curation that could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CurationFileError {
    /// The file.
    #[error(transparent)]
    File(#[from] FileError),
    /// What is in it.
    #[error("{}: {source}", shown(.path))]
    Text {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: CurationError,
    },
    /// Another file has a snapshot's name.
    #[error("{}: a file with other contents has this name; move it away", shown(.0))]
    Taken(PathBuf),
}

/// The file that a project keeps for the dataset with a fingerprint.
#[must_use]
pub fn file_of(project: &Path, fingerprint: &str) -> PathBuf {
    project.join(FOLDER).join(format!("{fingerprint}.json"))
}

/// Reads a file: its marks by names, and its very bytes.
///
/// # Errors
/// [`CurationFileError`] names the file.
pub fn read(path: &Path) -> Result<(Named, Vec<u8>), CurationFileError> {
    let bytes = read_small(path, LIMIT)?;
    let named = Named::parse(&bytes).map_err(|source| CurationFileError::Text { path: path.to_owned(), source })?;
    Ok((named, bytes))
}

/// What the project keeps for a dataset; `None` where nothing was kept yet.
///
/// # Errors
/// [`CurationFileError`] names the file.
pub fn load(project: &Path, dataset: &Dataset) -> Result<Option<Resolved>, CurationFileError> {
    let path = file_of(project, &dataset.fingerprint());
    if !path.try_exists().map_err(FileError::at(&path, "open"))? {
        return Ok(None);
    }
    Ok(Some(read(&path)?.0.resolve(dataset)))
}

/// Keeps a dataset's curation in the project, in one step; whoever calls it has the project open for writing. A file that
/// can't be read is left as it is.
///
/// # Errors
/// [`CurationFileError`] names the file: it can't be written, or it is there and damaged or of a newer version.
pub fn save(project: &Path, dataset: &Dataset, curation: &Curation, strays: &Strays) -> Result<(), CurationFileError> {
    let path = file_of(project, &dataset.fingerprint());
    if path.try_exists().map_err(FileError::at(&path, "open"))? {
        read(&path)?;
    } else if curation.is_empty() && strays.is_empty() {
        return Ok(());
    }
    make_folder(project)?;
    // Writing plain fields cannot fail.
    let text = text(dataset, curation, strays).unwrap_or_default();
    Ok(replace(&path, text.as_bytes())?)
}

/// Keeps a text for good: the file is named by its contents, and the same text has the same file.
///
/// # Errors
/// [`CurationFileError`] names the file.
pub fn keep_snapshot(project: &Path, text: &str) -> Result<PathBuf, CurationFileError> {
    make_folder(project)?;
    let hash = blake3::hash(text.as_bytes()).to_hex();
    let path = project.join(FOLDER).join(format!("{}.json", &hash[..16]));
    match write_new(&path, text.as_bytes())? {
        Written::New | Written::Same => Ok(path),
        Written::Differs => Err(CurationFileError::Taken(path)),
    }
}

fn make_folder(project: &Path) -> Result<(), FileError> {
    let folder = project.join(FOLDER);
    std::fs::create_dir_all(&folder).map_err(FileError::at(&folder, "make this folder"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::data::dataset::{Class, DatasetBuilder, ImageId, Layout, Split};
    use crate::core::data::source::Held;
    use crate::core::distil::curation::Mark;

    fn cats() -> Dataset {
        let mut builder = DatasetBuilder::default();
        let class = Class { name: "cat".into(), title: None, folder: b"cat".to_vec() };
        builder.class(class, vec![b"a.jpg".to_vec()]);
        builder.build("/nowhere".into(), Layout::ImageFolder, Split::Whole, Held::encoded([])).unwrap()
    }

    #[test]
    fn a_project_keeps_one_for_each_dataset() {
        let (project, cats, none) = (tempfile::tempdir().unwrap(), cats(), Strays::default());
        let folder = project.path();
        assert!(load(folder, &cats).unwrap().is_none());
        save(folder, &cats, &Curation::default(), &none).unwrap();
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0, "nothing was decided, nothing is written");
        let tagged = Curation::from_iter([(ImageId(0), Mark { tag: 3, ..Mark::default() })]);
        save(folder, &cats, &tagged, &none).unwrap();
        assert_eq!(load(folder, &cats).unwrap().unwrap().curation, tagged);
        save(folder, &cats, &Curation::default(), &none).unwrap();
        assert!(load(folder, &cats).unwrap().unwrap().curation.is_empty(), "the last mark was taken back");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_left_as_it_is() {
        let (project, cats) = (tempfile::tempdir().unwrap(), cats());
        let path = file_of(project.path(), &cats.fingerprint());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, r#"{"format":7}"#).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        for error in [
            load(project.path(), &cats).unwrap_err(),
            save(project.path(), &cats, &Curation::default(), &Strays::default()).unwrap_err(),
        ] {
            let error = error.to_string();
            assert!(error.contains(name) && error.contains("format 7"), "{error}");
        }
        assert_eq!(std::fs::read(&path).unwrap(), br#"{"format":7}"#);
    }

    #[test]
    fn snapshots_are_named_by_their_contents() {
        let project = tempfile::tempdir().unwrap();
        let keep = |text| keep_snapshot(project.path(), text).unwrap();
        let (one, two) = (keep("one"), keep("two"));
        let hash = &blake3::hash(b"one").to_hex()[..16];
        assert_eq!(one, project.path().join("curation").join(format!("{hash}.json")));
        assert!(one != two && keep("one") == one);
        assert_eq!(std::fs::read(&one).unwrap(), b"one");
        std::fs::write(&one, "other").unwrap();
        assert!(matches!(keep_snapshot(project.path(), "one"), Err(CurationFileError::Taken(path)) if path == one));
        assert_eq!(std::fs::read(&one).unwrap(), b"other");
    }
}
