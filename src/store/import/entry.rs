//! What an entry of a folder is: a folder, an image, or neither.

use std::fs::{self, DirEntry};
use std::io::Read as _;
use std::path::Path;

use super::super::files::FileError;
use super::source::open_regular;
use crate::core::formats::image_kind::{FIRST_BYTES, ImageKind};

/// Ends of the names of images; what a file really holds, its decoder sees.
const IMAGES: [&str; 14] =
    ["jpg", "jpeg", "jpe", "jfif", "png", "bmp", "webp", "gif", "tif", "tiff", "ppm", "pgm", "pbm", "pnm"];

/// Ends of the names of files that lie beside images and are none: nobody opens them to make sure.
const OTHERS: [&str; 49] = [
    "txt", "xml", "json", "jsonl", "csv", "tsv", "yaml", "yml", "toml", "ini", "cfg", "md", "rst", "html", "htm",
    "css", "js", "log", "py", "ipynb", "sh", "bat", "m", "mat", "npy", "npz", "pkl", "pickle", "pt", "pth", "bin",
    "db", "lst", "rec", "tfrecord", "parquet", "zip", "tar", "gz", "tgz", "bz2", "xz", "7z", "rar", "h5", "hdf5",
    "mdb", "mp4", "avi",
];

/// Folders that systems and programs leave in any place: macOS's archives, Synology's and QNAP's thumbnails and bins,
/// what a check of the file system found, Windows's bins and restore points, Python's compiled files.
const DEBRIS: [&str; 10] = [
    "__MACOSX",
    "@eaDir",
    "@tmp",
    "@Recycle",
    "#recycle",
    "#snapshot",
    "lost+found",
    "$RECYCLE.BIN",
    "System Volume Information",
    "__pycache__",
];

/// What an entry is. Only links, and files whose name tells nothing, cost a look at more than the entry.
pub(super) enum Kind {
    Folder,
    LinkedFolder,
    /// A folder that is no part of any dataset: a hidden one, or one of [`DEBRIS`].
    Debris,
    Image,
    /// An image of a format that can't be read.
    Foreign(&'static str),
    Other,
}

impl Kind {
    /// `None` of hidden files.
    pub(super) fn of(entry: &DirEntry, name: &[u8]) -> Result<Option<Self>, FileError> {
        let kind = entry.file_type().map_err(|source| FileError { path: entry.path(), doing: "list", source })?;
        let hidden = name.starts_with(b".");
        if kind.is_dir() && (hidden || is_debris(name)) {
            return Ok(Some(Self::Debris));
        }
        if hidden {
            return Ok(None);
        }
        if kind.is_dir() {
            return Ok(Some(Self::Folder));
        }
        let end = name.iter().rposition(|&b| b == b'.').map_or(&b""[..], |dot| &name[dot + 1..]);
        let is_one_of = |ends: &[&str]| ends.iter().any(|e| end.eq_ignore_ascii_case(e.as_bytes()));
        Ok(Some(if is_one_of(&IMAGES) && (kind.is_file() || kind.is_symlink()) {
            // A link that ends like an image is one: sets of 1.3 million links are listed without a look at the targets.
            Self::Image
        } else if kind.is_symlink() && fs::metadata(entry.path()).is_ok_and(|target| target.is_dir()) {
            Self::LinkedFolder
        } else if is_one_of(&OTHERS) {
            Self::Other
        } else {
            Self::by_content(&entry.path())
        }))
    }

    /// What the first bytes of a file say; one that can't be opened is no image.
    fn by_content(path: &Path) -> Self {
        let mut first = Vec::new();
        let read = open_regular(path).map(|file| file.take(FIRST_BYTES as u64).read_to_end(&mut first));
        match ImageKind::of(&first).filter(|_| matches!(read, Ok(Ok(_)))) {
            Some(ImageKind::Foreign(format)) => Self::Foreign(format),
            Some(_) => Self::Image,
            None => Self::Other,
        }
    }
}

fn is_debris(name: &[u8]) -> bool {
    DEBRIS.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}
