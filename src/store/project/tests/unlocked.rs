//! Projects on file systems without locks.

use super::*;

/// A project as it is opened where there are no locks.
fn unlocked(folder: &Path) -> Project {
    let lock = Lock::take(folder, "lock the project").unwrap();
    let project = Project::connect(folder, WRITING, Locks::Absent, Some(lock)).unwrap();
    schema::prepare(&project).unwrap();
    project
}

#[test]
fn without_locks_a_killed_project_is_whole_and_shares_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let key = key(0);
    let slot = Slot { key: &key, class: "cat", output: 0 };
    let project = unlocked(folder.path());
    project.save_scores(slot, &block(1, 5, 2), &stamps(5)).unwrap();
    let names = |folder: &Path| {
        let entries = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
        entries.collect::<std::collections::BTreeSet<_>>()
    };
    let log = format!("{DATABASE}-wal");
    assert_eq!(names(folder.path()), ["lock", DATABASE, &log].map(str::to_owned).into(), "no shared memory");
    // What a kill leaves: the files as they are now.
    for locks in [Locks::Kept, Locks::Absent] {
        let left = tempfile::tempdir().unwrap();
        for name in [DATABASE, &log] {
            std::fs::copy(folder.path().join(name), left.path().join(name)).unwrap();
        }
        let reader = Project::connect(left.path(), READING, Locks::Absent, None).unwrap();
        assert!(reader.load_scores(slot, 2, &stamps(5)).unwrap().is_some(), "read while its log waits");
        drop(reader);
        let project = match locks {
            Locks::Kept => Project::open(left.path()).unwrap(),
            Locks::Absent => unlocked(left.path()),
        };
        assert_eq!(project.load_scores(slot, 2, &stamps(5)).unwrap(), Some(block(1, 5, 2)));
        project.save_scores(slot, &block(2, 6, 2), &stamps(6)).unwrap();
    }
    // Closed, it is a project like any other.
    drop(project);
    assert_eq!(names(folder.path()), ["lock", DATABASE].map(str::to_owned).into());
    let project = Project::open(folder.path()).unwrap();
    assert_eq!(project.load_scores(slot, 2, &stamps(5)).unwrap(), Some(block(1, 5, 2)));
}

#[test]
fn locks_are_tried_on_a_database_that_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    assert!(connect::locks_work(folder.path()), "here they work");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    assert!(connect::locks_work(&folder.path().join("missing")), "what can't be tried is taken to work");
}

#[test]
fn what_sqlite_says_of_missing_locks_is_known() {
    use rusqlite::ffi;
    let error = |code: std::ffi::c_int| {
        let failure = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
        error::of(Path::new("p"), "open the project")(failure).may_be_of_locks()
    };
    // ENOLCK is told as "busy", ENOSYS and ENOTSUP as failures of the disk.
    assert!(error(ffi::SQLITE_BUSY) && error(ffi::SQLITE_IOERR_LOCK) && error(ffi::SQLITE_IOERR_SHMMAP));
    assert!(!error(ffi::SQLITE_FULL) && !error(ffi::SQLITE_CORRUPT) && !error(ffi::SQLITE_CANTOPEN));
}
