//! Stamps that tell whether a file is still the one that was scored: size and time of change, nothing is read.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::core::data::dataset::{Dataset, ImageId};

/// The stamp of a file that is missing or may not be looked at.
pub const MISSING: u64 = 0;

/// One stamp per image, in order: equal stamps mean that the file has kept its size and time of change (where it
/// holds many images, that of them all). Never fails: a missing file has the stamp [`MISSING`].
#[must_use]
pub fn of(dataset: &Dataset, images: impl IntoIterator<Item = ImageId>) -> Vec<u64> {
    // A batch of many images is looked at once.
    let mut known: HashMap<PathBuf, u64> = HashMap::new();
    let stamp = |image| match dataset.file(image) {
        Ok(file) => *known.entry(file).or_insert_with_key(|file| stamp(file)),
        Err(_) => MISSING,
    };
    images.into_iter().map(stamp).collect()
}

fn stamp(path: &Path) -> u64 {
    let Ok(about) = std::fs::metadata(path) else { return MISSING };
    let changed = about.modified().ok().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
    let mut hash = blake3::Hasher::new_derive_key("stillroom 2026 file stamp v1");
    hash.update(&about.len().to_le_bytes());
    hash.update(&changed.map_or(0, |t| t.as_nanos()).to_le_bytes());
    let mut bytes = [0; 8];
    hash.finalize_xof().fill(&mut bytes);
    u64::from_le_bytes(bytes).max(MISSING + 1)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::core::data::dataset::Split;

    #[test]
    fn a_changed_file_has_another_stamp() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("cat");
        std::fs::create_dir(&folder).unwrap();
        let write = |name: &str, text: &str, seconds| {
            std::fs::write(folder.join(name), text).unwrap();
            let file = std::fs::File::options().write(true).open(folder.join(name)).unwrap();
            file.set_modified(UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
        };
        write("a.png", "a", 1000);
        write("b.png", "b", 1000);
        let data = crate::store::import::open(root.path(), Split::Train).unwrap().dataset;
        let stamps = || of(&data, [ImageId(0), ImageId(1)]);
        let first = stamps();
        assert_eq!(first[0], first[1], "same size, same time");
        write("a.png", "longer", 1000);
        write("b.png", "b", 1001);
        let second = stamps();
        assert!(second[0] != first[0] && second[1] != first[1] && !second.contains(&MISSING));
        std::fs::remove_file(folder.join("a.png")).unwrap();
        assert_eq!(stamps(), [MISSING, second[1]]);
    }
}
