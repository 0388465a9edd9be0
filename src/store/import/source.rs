//! Images that lie in files: the source of image folders, and what every source needs to open a file.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::files::join_bytes;
use super::super::float_images::FloatImages;
use crate::core::data::pixels::RgbF32;
use crate::core::data::source::{ImageBytes, ImageSource, MAX_IMAGE_BYTES, Planes, SourceError};

/// One file per image below a root: names are paths relative to it.
#[derive(Debug)]
pub(super) struct Files {
    root: PathBuf,
    /// The values of the images, where the files are there to look at alone.
    floats: Option<FloatImages>,
}

impl Files {
    /// The files below `root`.
    pub(super) fn below(root: &Path) -> Arc<dyn ImageSource> {
        Self::beside(root, None)
    }

    /// The files below `root` that are previews of these floats, if there are any.
    pub(super) fn beside(root: &Path, floats: Option<FloatImages>) -> Arc<dyn ImageSource> {
        Arc::new(Self { root: root.to_owned(), floats })
    }

    /// What a preview would show that is gone.
    fn preview(&self, name: &[u8]) -> Option<ImageBytes<'_>> {
        let image = self.floats.as_ref()?.read(name).ok()?.rounded();
        let plane = |c: usize| image.data.iter().skip(c).step_by(3).copied();
        let samples = (0..3).flat_map(plane).collect();
        Some(ImageBytes::Raw(Planes { width: image.width, height: image.height, samples }))
    }
}

impl ImageSource for Files {
    fn bytes(&self, name: &[u8]) -> Result<ImageBytes<'_>, SourceError> {
        let file = match open_regular(&inside(&self.root, name)?) {
            Err(SourceError::Unreadable(e)) if e.kind() == std::io::ErrorKind::NotFound => {
                return self.preview(name).ok_or(SourceError::Unreadable(e));
            }
            opened => opened?,
        };
        let size = file.metadata()?.len();
        if size > MAX_IMAGE_BYTES {
            return Err(SourceError::TooLarge(size));
        }
        let mut bytes = Vec::new();
        // A file that grows meanwhile is not followed beyond what was allowed for.
        bytes.try_reserve_exact(size as usize).map_err(|_| std::io::Error::from(std::io::ErrorKind::OutOfMemory))?;
        file.take(size).read_to_end(&mut bytes)?;
        Ok(ImageBytes::Encoded(bytes.into()))
    }

    fn file(&self, name: &[u8]) -> Result<PathBuf, SourceError> {
        inside(&self.root, name)
    }

    fn floats(&self, name: &[u8]) -> Result<Option<RgbF32>, SourceError> {
        self.floats.as_ref().map(|floats| floats.read(name)).transpose()
    }

    fn keeps_floats(&self) -> bool {
        self.floats.is_some()
    }
}

/// `root` followed by a relative name, which must not lead out of it: names also come from manifests.
pub(super) fn inside(root: &Path, name: &[u8]) -> Result<PathBuf, SourceError> {
    if name.split(|&b| b == b'/').any(|part| matches!(part, b"" | b"." | b"..")) {
        let why = "is no name within the dataset's folder; give the data that the manifest was made from";
        return Err(SourceError::Malformed(why.to_owned()));
    }
    Ok(join_bytes(root, name))
}

/// Opens a file for reading. Pipes and devices are refused unopened: a pipe would wait for a writer.
pub(super) fn open_regular(path: &Path) -> Result<File, SourceError> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(SourceError::NotAFile);
    }
    Ok(File::open(path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(root: &Path, name: &[u8]) -> String {
        Files { root: root.to_owned(), floats: None }.bytes(name).unwrap_err().to_string()
    }

    #[test]
    fn a_name_gives_the_bytes_of_its_file() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("a")).unwrap();
        std::fs::write(root.path().join("a/1.png"), b"not even an image").unwrap();
        let source = Files { root: root.path().to_owned(), floats: None };
        assert_eq!(source.bytes(b"a/1.png").unwrap(), ImageBytes::Encoded(b"not even an image".into()));
        assert_eq!(source.file(b"a/1.png").unwrap(), root.path().join("a/1.png"));
        assert!(refused(root.path(), b"a/2.png").starts_with("cannot be read"));
        assert!(refused(root.path(), b"a").contains("no regular file"));
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("secret"), b"x").unwrap();
        let inner = root.path().join("data");
        std::fs::create_dir_all(inner.join("a")).unwrap();
        let absolute = [root.path().as_os_str().as_encoded_bytes(), b"/secret"].concat();
        for name in [&b"../secret"[..], b"a/../../secret", b"./a", b"a//b", b"", &absolute] {
            assert!(refused(&inner, name).contains("no name within the dataset's folder"), "{name:?}");
        }
    }

    #[test]
    fn a_huge_file_is_refused_unread() {
        let root = tempfile::tempdir().unwrap();
        // Sparse: it takes no room on the disk.
        File::create(root.path().join("huge.jpg")).and_then(|f| f.set_len(MAX_IMAGE_BYTES + 1)).unwrap();
        assert!(refused(root.path(), b"huge.jpg").contains("too large: 2.0 GiB"));
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_refused_without_waiting_for_a_writer() {
        let root = tempfile::tempdir().unwrap();
        let made = std::process::Command::new("mkfifo").arg(root.path().join("pipe.jpg")).status();
        assert!(made.unwrap().success());
        assert!(refused(root.path(), b"pipe.jpg").contains("no regular file"));
    }
}
