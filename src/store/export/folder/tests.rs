//! Folders that succeed, that collide, and that run out of disk.

use super::*;

/// Writes four files in two folders.
fn write_all(folder: &NewFolder) {
    for name in ["a/0.jpg", "a/1.jpg", "b/below/0.jpg", "index.json"] {
        folder.put(name, name.as_bytes()).unwrap();
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

#[test]
fn the_output_appears_complete_and_under_its_name() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("new/parents/out");
    let folder = NewFolder::begin(&out).unwrap();
    assert_eq!(folder.partial(), root.path().join("new/parents/out.partial-1"));
    write_all(&folder);
    assert!(!out.exists(), "absent until it is complete");
    assert_eq!(folder.publish().unwrap(), out);
    assert_eq!(names(out.parent().unwrap()), ["out"]);
    assert_eq!(names(&out), ["a", "b", "index.json"]);
    assert_eq!(fs::read(out.join("b/below/0.jpg")).unwrap(), b"b/below/0.jpg");
}

#[test]
fn an_empty_folder_is_taken_and_a_full_one_refused_with_a_free_name() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    fs::create_dir(&out).unwrap();
    let folder = NewFolder::begin(&out).unwrap();
    write_all(&folder);
    folder.publish().unwrap();
    let before = names(&out);
    fs::create_dir(root.path().join("out-2")).unwrap();
    let error = NewFolder::begin(&out).unwrap_err();
    assert!(matches!(&error, FolderError::Exists { free, .. } if *free == root.path().join("out-3")), "{error}");
    assert_eq!(names(&out), before);
    assert_eq!(names(root.path()), ["out", "out-2"], "nothing was made for a refused run");
}

#[test]
fn leftovers_of_killed_runs_stay_and_are_told() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    let killed = NewFolder::begin(&out).unwrap();
    killed.put("a/x.png", b"x").unwrap();
    let first = killed.partial().to_owned();
    drop(killed);
    let folder = NewFolder::begin(&out).unwrap();
    assert_eq!(folder.leftovers(), std::slice::from_ref(&first));
    assert_eq!(folder.partial(), root.path().join("out.partial-2"));
    write_all(&folder);
    folder.publish().unwrap();
    assert_eq!(fs::read(first.join("a/x.png")).unwrap(), b"x");
}

#[test]
fn an_output_that_appears_meanwhile_wins() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    let (slow, quick) = (NewFolder::begin(&out).unwrap(), NewFolder::begin(&out).unwrap());
    write_all(&slow);
    write_all(&quick);
    quick.publish().unwrap();
    fs::write(out.join("mine.txt"), b"kept").unwrap();
    let partial = slow.partial().to_owned();
    let error = slow.publish().unwrap_err();
    assert!(matches!(error, FolderError::Appeared { .. }), "{error}");
    assert!(error.to_string().contains("out.partial-1"), "{error}");
    assert_eq!(fs::read(out.join("mine.txt")).unwrap(), b"kept");
    assert!(partial.join("index.json").exists(), "the finished work is kept");
}

#[test]
fn a_file_that_appears_meanwhile_wins_too() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    let folder = NewFolder::begin(&out).unwrap();
    write_all(&folder);
    fs::write(&out, b"a file").unwrap();
    assert!(matches!(folder.publish(), Err(FolderError::Appeared { .. })));
    assert_eq!(fs::read(&out).unwrap(), b"a file");
}

#[test]
fn names_that_cannot_become_a_folder_are_refused_first() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    fs::write(&file, b"x").unwrap();
    let of = |path: &Path| NewFolder::begin(path).unwrap_err().to_string();
    assert!(of(&file).contains("it is a file; give a new folder's name"));
    assert!(of(&file.join("below")).contains("/file: cannot make this folder: a file has this name"));
    assert!(of(&file.join("a/b")).contains("a part of the path is a file"));
    assert!(of(Path::new("/")).contains("no name of its own"));
    assert_eq!(names(root.path()), ["file"]);
}

#[cfg(unix)]
#[test]
fn a_link_to_an_empty_folder_stands_for_it() {
    let root = tempfile::tempdir().unwrap();
    let real = root.path().join("real");
    fs::create_dir(&real).unwrap();
    let link = root.path().join("link");
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let folder = NewFolder::begin(&link).unwrap();
    write_all(&folder);
    folder.publish().unwrap();
    assert_eq!(names(&link).len(), 3);
    assert!(link.is_symlink() && real.is_dir());
    let dangling = root.path().join("dangling");
    std::os::unix::fs::symlink(root.path().join("gone"), &dangling).unwrap();
    assert!(NewFolder::begin(&dangling).unwrap_err().to_string().contains("leads nowhere"));
}

#[test]
fn a_file_is_written_once() {
    let root = tempfile::tempdir().unwrap();
    let folder = NewFolder::begin(&root.path().join("out")).unwrap();
    folder.put("a/0.png", b"first").unwrap();
    assert!(matches!(folder.put("a/0.png", b"second"), Err(FolderError::Write { .. })));
    assert_eq!(fs::read(folder.partial().join("a/0.png")).unwrap(), b"first");
    assert_eq!(folder.files().into_iter().collect::<Vec<_>>(), ["a/0.png"]);
}

#[test]
fn no_file_leads_out_of_the_folder() {
    let root = tempfile::tempdir().unwrap();
    let folder = NewFolder::begin(&root.path().join("out")).unwrap();
    let absolute = root.path().join("absolute").to_str().unwrap().to_owned();
    for name in ["../beside", "a/../../beside", "", "..", absolute.as_str()] {
        let error = folder.put(name, b"x").unwrap_err().to_string();
        assert!(error.contains("leads out of the output folder"), "{error}");
    }
    assert_eq!(names(root.path()), ["out.partial-1"]);
}

/// A device that is always full stands for a full disk.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_called_that() {
    let root = tempfile::tempdir().unwrap();
    let folder = NewFolder::begin(&root.path().join("out")).unwrap();
    let full = Path::new("/dev/full");
    let source = File::options().write(true).open(full).and_then(|mut f| f.write_all(&[0; 4096])).unwrap_err();
    let error = folder.failed(&folder.partial().join("00000/x.png"), 4096, source);
    assert!(error.is_full());
    let text = error.to_string();
    assert!(text.contains("00000/x.png: cannot write: the disk is full; free some space (4096 bytes"), "{text}");
    assert!(text.contains("stays in ") && text.ends_with("out.partial-1"), "{text}");
}

#[cfg(unix)]
#[test]
fn an_output_name_may_be_any_bytes() {
    use std::os::unix::ffi::OsStrExt as _;
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join(std::ffi::OsStr::from_bytes(b"out\xff"));
    let folder = NewFolder::begin(&out).unwrap();
    write_all(&folder);
    assert_eq!(folder.publish().unwrap(), out);
}

#[test]
fn discarded_work_is_gone_and_nothing_else() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("there")).unwrap();
    for write in [write_all, |_: &NewFolder| ()] {
        let folder = NewFolder::begin(&root.path().join("there/new/parents/out")).unwrap();
        write(&folder);
        folder.discard().unwrap();
        assert_eq!((names(root.path()), names(&root.path().join("there"))), (vec!["there".to_owned()], vec![]));
    }
    let folder = NewFolder::begin(&root.path().join("out")).unwrap();
    write_all(&folder);
    let partial = folder.partial().to_owned();
    fs::write(partial.join("b/notes.txt"), b"somebody's").unwrap();
    folder.discard().unwrap_err();
    assert_eq!(fs::read(partial.join("b/notes.txt")).unwrap(), b"somebody's");
}

#[test]
fn whether_it_is_free_is_found_out_without_making_anything() {
    let root = tempfile::tempdir().unwrap();
    NewFolder::is_free(&root.path().join("new/parents/out")).unwrap();
    assert_eq!(names(root.path()), [""; 0]);
    fs::create_dir_all(root.path().join("out/full")).unwrap();
    assert!(NewFolder::is_free(&root.path().join("out")).unwrap_err().to_string().contains("out-2 is free"));
}
