//! What lies in class folders besides images, and what is an image.

use super::*;

#[test]
fn what_systems_leave_behind_is_no_class() {
    let root = tree(&[
        "a/1.png",
        "a/@eaDir/1.png/SYNOPHOTO_THUMB_M.jpg",
        "a/Thumbs.db",
        "a/._1.png",
        "b/2.png",
        "__MACOSX/a/._1.png",
        "@eaDir/a.jpg",
        "lost+found/x.png",
        "$RECYCLE.BIN/x.png",
        "System Volume Information/x.png",
        ".Trash-1000/x.png",
        ".ipynb_checkpoints/x.png",
    ]);
    let opened = open(root.path(), Split::Train).unwrap();
    assert_eq!(names(&opened.dataset), ["a", "b"]);
    assert_eq!(sources(&opened.dataset), ["a/1.png", "b/2.png"]);
    let expected = [
        "folders that are no classes passed over: $RECYCLE.BIN, .Trash-1000, .ipynb_checkpoints, @eaDir, \
         System Volume Information and 2 more",
        "1 file that is no image was passed over",
    ];
    assert_eq!(opened.notes, expected);
    let root = tree(&["__MACOSX/a/._1.png"]);
    assert!(error_of(root.path(), Split::Train).contains("the folder is empty"));
}

/// What may not be read keeps its place, so that no other class gets its outputs.
#[test]
fn a_closed_folder_stays_a_class_without_images() {
    let closed = |path: &str| FileError {
        path: path.into(),
        doing: "list",
        source: std::io::Error::from(std::io::ErrorKind::PermissionDenied),
    };
    let passed = Passed { closed: vec![closed("/data/b")], ..Passed::default() };
    let root = tree(&["a/1.png", "b/readme.txt", "c/2.png"]);
    let dataset = open(root.path(), Split::Train).unwrap().dataset;
    let notes = common_notes(&dataset, &passed);
    assert_eq!(notes[0], "1 class without images, with a place in the class order: b");
    assert!(
        notes[1].starts_with("1 folder that may not be read, so that images are missing: /data/b; change"),
        "{notes:?}"
    );
    let error = no_images("/data".into(), 2, passed).to_string();
    assert!(error.contains("/data/b: cannot list: permission denied"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_folder_that_may_not_be_read_is_passed_over_by_the_listing() {
    use std::os::unix::fs::PermissionsExt as _;
    let root = tree(&["a/1.png", "b/2.png"]);
    fs::set_permissions(root.path().join("b"), fs::Permissions::from_mode(0o000)).unwrap();
    // Nothing is closed to root.
    if fs::read_dir(root.path().join("b")).is_err() {
        let opened = open(root.path(), Split::Train).unwrap();
        assert_eq!((names(&opened.dataset), opened.dataset.image_count()), (vec!["a", "b"], 1));
        assert!(opened.notes.iter().any(|n| n.contains("may not be read")), "{:?}", opened.notes);
    }
    fs::set_permissions(root.path().join("b"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn images_are_known_by_their_ends_or_by_their_bytes() {
    let root = tree(&["a/1.TIF", "a/2.gif", "a/3.pgm", "a/4.jfif", "a/5.jpe", "a/notes.xml", "a/LICENSE", "a/6.dat"]);
    let heic = b"\0\0\0\x18ftypheic\0\0\0\0";
    for (file, bytes) in [
        ("a/no_end", &b"\xff\xd8\xff\xe0"[..]),
        ("a/image.thumb2", b"\x89PNG\r\n\x1a\n"),
        ("a/really_a_jpeg.heic", b"\xff\xd8\xff\xe1"),
        ("a/x.heic", heic),
        ("a/never_opened.txt", b"\xff\xd8\xff\xe0"),
        ("b/y.heic", heic),
        ("b/z.avif", b"\0\0\0\x1cftypavif\0\0\0\0"),
    ] {
        put(root.path(), file, bytes);
    }
    let opened = open(root.path(), Split::Train).unwrap();
    let expected =
        ["a/1.TIF", "a/2.gif", "a/3.pgm", "a/4.jfif", "a/5.jpe", "a/image.thumb2", "a/no_end", "a/really_a_jpeg.heic"];
    assert_eq!(sources(&opened.dataset), expected);
    let notes = [
        "1 class without images, with a place in the class order: b",
        "4 files that are no images were passed over",
        "1 AVIF and 2 HEIC files can't be read; convert them to PNG or JPEG",
    ];
    assert_eq!(opened.notes, notes);
    let root = tree(&["a/readme.txt"]);
    put(root.path(), "a/y.heic", heic);
    let error = error_of(root.path(), Split::Train);
    assert!(error.ends_with("1 HEIC file can't be read"), "{error}");
}
