//! Exports that succeed, that collide, and that run out of disk.

use super::*;
use crate::core::distil::manifest::tests::sample;

/// Writes the images that [`sample`] names: 2 classes × IPC 2.
fn write_all(export: &Export) {
    for (class, image) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        export.write_image(class, image, format!("{class}{image}").as_bytes(), "jpg").unwrap();
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
    let export = Export::begin(&out).unwrap();
    assert_eq!(export.partial(), root.path().join("new/parents/out.partial-1"));
    write_all(&export);
    assert!(!out.exists(), "absent until it is complete");
    assert_eq!(export.finish(&sample()).unwrap(), out);
    assert_eq!(names(out.parent().unwrap()), ["out"]);
    assert_eq!(names(&out), ["00000", "00001", "classes.json", "manifest.json"]);
    assert_eq!(fs::read(out.join("00001/class00001_id00000.jpg")).unwrap(), b"10");
    let manifest = fs::read(out.join("manifest.json")).unwrap();
    assert_eq!(manifest, sample().to_json().unwrap());
    assert_eq!(Manifest::parse(&manifest).unwrap().recipe, sample().recipe);
    let reopened = crate::store::import::open(&out, crate::core::data::dataset::Split::Train).unwrap();
    assert_eq!(reopened.dataset.image_count(), 4);
    assert_eq!(reopened.dataset.classes()[1].title.as_deref(), Some("a title"));
}

#[test]
fn an_empty_folder_is_taken_and_a_full_one_refused_with_a_free_name() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    fs::create_dir(&out).unwrap();
    let export = Export::begin(&out).unwrap();
    write_all(&export);
    export.finish(&sample()).unwrap();
    let before = names(&out);
    fs::create_dir(root.path().join("out-2")).unwrap();
    let error = Export::begin(&out).unwrap_err();
    assert!(matches!(&error, ExportError::Exists { free, .. } if *free == root.path().join("out-3")), "{error}");
    assert_eq!(names(&out), before);
    assert_eq!(names(root.path()), ["out", "out-2"], "nothing was made for a refused run");
}

#[test]
fn leftovers_of_killed_runs_stay_and_are_told() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    let killed = Export::begin(&out).unwrap();
    killed.write_image(0, 0, b"x", "png").unwrap();
    let first = killed.partial().to_owned();
    drop(killed);
    let export = Export::begin(&out).unwrap();
    assert_eq!(export.leftovers(), std::slice::from_ref(&first));
    assert_eq!(export.partial(), root.path().join("out.partial-2"));
    write_all(&export);
    export.finish(&sample()).unwrap();
    assert_eq!(fs::read(first.join("00000/class00000_id00000.png")).unwrap(), b"x");
}

#[test]
fn an_output_that_appears_meanwhile_wins() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    let (slow, quick) = (Export::begin(&out).unwrap(), Export::begin(&out).unwrap());
    write_all(&slow);
    write_all(&quick);
    quick.finish(&sample()).unwrap();
    fs::write(out.join("mine.txt"), b"kept").unwrap();
    let partial = slow.partial().to_owned();
    let error = slow.finish(&sample()).unwrap_err();
    assert!(matches!(error, ExportError::Appeared { .. }), "{error}");
    assert!(error.to_string().contains("out.partial-1"), "{error}");
    assert_eq!(fs::read(out.join("mine.txt")).unwrap(), b"kept");
    assert!(partial.join("manifest.json").exists(), "the finished work is kept");
}

#[test]
fn a_file_that_appears_meanwhile_wins_too() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    let export = Export::begin(&out).unwrap();
    write_all(&export);
    fs::write(&out, b"a file").unwrap();
    assert!(matches!(export.finish(&sample()), Err(ExportError::Appeared { .. })));
    assert_eq!(fs::read(&out).unwrap(), b"a file");
}

#[test]
fn names_that_cannot_become_a_folder_are_refused_first() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    fs::write(&file, b"x").unwrap();
    let of = |path: &Path| Export::begin(path).unwrap_err().to_string();
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
    let export = Export::begin(&link).unwrap();
    write_all(&export);
    export.finish(&sample()).unwrap();
    assert_eq!(names(&link).len(), 4);
    assert!(link.is_symlink() && real.is_dir());
    let dangling = root.path().join("dangling");
    std::os::unix::fs::symlink(root.path().join("gone"), &dangling).unwrap();
    assert!(Export::begin(&dangling).unwrap_err().to_string().contains("leads nowhere"));
}

#[test]
fn the_manifest_must_name_what_was_written() {
    let root = tempfile::tempdir().unwrap();
    let missing = Export::begin(&root.path().join("missing")).unwrap();
    missing.write_image(0, 0, b"x", "jpg").unwrap();
    let error = missing.finish(&sample()).unwrap_err().to_string();
    assert!(error.contains("'00000/class00000_id00001.jpg' was not written"), "{error}");
    let extra = Export::begin(&root.path().join("extra")).unwrap();
    write_all(&extra);
    extra.write_image(7, 0, b"x", "jpg").unwrap();
    let error = extra.finish(&sample()).unwrap_err().to_string();
    assert!(error.contains("'00007/class00007_id00000.jpg' is not in the manifest"), "{error}");
    assert_eq!(names(root.path()), ["extra.partial-1", "missing.partial-1"]);
}

#[test]
fn an_image_is_written_once() {
    let root = tempfile::tempdir().unwrap();
    let export = Export::begin(&root.path().join("out")).unwrap();
    export.write_image(0, 0, b"first", "png").unwrap();
    assert!(matches!(export.write_image(0, 0, b"second", "png"), Err(ExportError::Write { .. })));
    assert_eq!(fs::read(export.partial().join("00000/class00000_id00000.png")).unwrap(), b"first");
}

/// A device that is always full stands for a full disk.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_called_that() {
    let root = tempfile::tempdir().unwrap();
    let export = Export::begin(&root.path().join("out")).unwrap();
    let full = Path::new("/dev/full");
    let source = File::options().write(true).open(full).and_then(|mut f| f.write_all(&[0; 4096])).unwrap_err();
    let error = export.failed(&export.partial().join("00000/x.png"), 4096, source);
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
    let export = Export::begin(&out).unwrap();
    write_all(&export);
    assert_eq!(export.finish(&sample()).unwrap(), out);
}
