//! How much room there is on the disk.

use std::path::Path;

/// Bytes that are free to this user where `path` is or will be; `None` where the system doesn't tell.
#[must_use]
pub fn free(path: &Path) -> Option<u64> {
    let absolute = std::path::absolute(path).ok()?;
    let there = absolute.ancestors().find(|folder| folder.is_dir())?;
    available(there)
}

#[cfg(unix)]
fn available(folder: &Path) -> Option<u64> {
    let system = rustix::fs::statvfs(folder).ok()?;
    system.f_bavail.checked_mul(system.f_frsize)
}

#[cfg(not(unix))]
fn available(_folder: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn a_folder_that_is_yet_to_be_made_has_the_room_of_its_disk() {
        let folder = tempfile::tempdir().unwrap();
        let there = free(folder.path()).unwrap();
        assert!(there > 0);
        let to_be = free(&folder.path().join("a/b")).unwrap();
        assert!(to_be.abs_diff(there) < there / 2, "{to_be} of {there}");
    }
}
