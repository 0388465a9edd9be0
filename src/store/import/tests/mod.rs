//! Imports of small trees of every layout, and of odd ones.

use std::fs::{self, File};
use std::path::Path;

use super::cifar::MOST_RECORDS;
use super::*;
use crate::core::data::dataset::{ClassId, ImageId, Layout};
use crate::core::data::source::{ImageBytes, Planes};

mod content;
mod readings;

/// A temporary tree of files, each with its own name as contents.
fn tree(files: &[&str]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for file in files {
        put(root.path(), file, file.as_bytes());
    }
    root
}

fn put(root: &Path, file: &str, bytes: &[u8]) {
    let path = root.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn sources(dataset: &Dataset) -> Vec<String> {
    (0..dataset.image_count() as u32).map(|i| dataset.source(ImageId(i))).collect()
}

fn names(dataset: &Dataset) -> Vec<&str> {
    dataset.classes().iter().map(|c| c.name.as_str()).collect()
}

fn error_of(root: &Path, want: Split) -> String {
    open(root, want).unwrap_err().to_string()
}

#[test]
fn plain_class_folders_are_the_whole() {
    let root = tree(&[
        "dog/b.JPEG",
        "dog/a.jpg",
        "cat/x.Png",
        "cat/deep/er/y.webp",
        "cat/.hidden.jpg",
        "cat/notes.txt",
        "README",
    ]);
    let opened = open(root.path(), Split::Test).unwrap();
    assert_eq!(opened.dataset.split(), Split::Whole, "whatever is wanted");
    assert_eq!(opened.other_splits, []);
    assert_eq!(names(&opened.dataset), ["cat", "dog"]);
    assert_eq!(sources(&opened.dataset), ["cat/deep/er/y.webp", "cat/x.Png", "dog/a.jpg", "dog/b.JPEG"]);
    assert_eq!(opened.dataset.image_name(ImageId(0)), b"deep/er/y.webp", "names are relative to the class");
    assert_eq!(opened.notes, ["1 file that is no image was passed over"]);
}

#[test]
fn splits_are_chosen_and_told() {
    let root =
        tree(&["train/a/1.png", "train/b/2.png", "val/a/3.png", "val/b/4.png", "test/a/5.png", "devkit/readme.txt"]);
    let train = open(root.path(), Split::Train).unwrap();
    assert_eq!((train.dataset.split(), &train.other_splits[..]), (Split::Train, &[Split::Test][..]));
    assert_eq!(sources(&train.dataset), ["train/a/1.png", "train/b/2.png"]);
    assert_eq!(train.notes, ["folders beside the splits passed over: devkit, test"]);
    let test = open(root.path(), Split::Test).unwrap();
    assert_eq!(sources(&test.dataset), ["val/a/3.png", "val/b/4.png"], "val before test");
    let whole = open(root.path(), Split::Whole).unwrap();
    assert_eq!(whole.dataset.split(), Split::Train);
    assert!(whole.notes[0].contains("train/ was opened"), "{:?}", whole.notes);
    assert_eq!(train.dataset.fingerprint(), whole.dataset.fingerprint());
}

#[test]
fn a_missing_split_is_an_error_and_a_class_called_train_is_a_class() {
    let root = tree(&["train/a/1.png", "train/stray.png"]);
    let error = error_of(root.path(), Split::Test);
    assert!(error.contains("no val/ or test/ (with class folders) split here, only train/"), "{error}");
    let opened = open(root.path(), Split::Train).unwrap();
    assert_eq!(sources(&opened.dataset), ["train/a/1.png"]);
    assert!(opened.notes[0].starts_with("1 image lies directly in "), "{:?}", opened.notes);
    let root = tree(&["train/engine.jpg", "car/beetle.jpg", "train/old/steam.jpg"]);
    let opened = open(root.path(), Split::Train).unwrap();
    assert_eq!(names(&opened.dataset), ["car", "train"]);
    assert_eq!(opened.dataset.split(), Split::Whole);
}

#[test]
fn folders_that_are_no_dataset_say_what_is_expected() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path();
    assert!(error_of(path, Split::Train).contains("the folder is empty"));
    assert!(error_of(&path.join("no"), Split::Train).contains("it does not exist; check the path"));
    put(path, "a.txt", b"x");
    assert!(error_of(path, Split::Train).contains("no class folders; expected <class>/<image>"));
    put(path, "one.jpg", b"x");
    let error = error_of(path, Split::Train);
    assert!(error.contains("1 images lie directly in this folder") && error.contains("<class>/<image>"), "{error}");
    assert!(error_of(&path.join("one.jpg"), Split::Train).contains("this is a file; give the dataset's folder"));
    put(path, "data.tar.gz", b"x");
    assert!(error_of(&path.join("data.tar.gz"), Split::Train).contains("unpack this archive first"));
    let root = tree(&["cat/a.txt", "dog/b.txt"]);
    assert!(error_of(root.path(), Split::Train).contains("2 class folders, but no images in them"));
    let root = tree(&["train/cat.1.jpg", "train/dog.1.jpg", "test/1.jpg"]);
    let error = error_of(root.path(), Split::Train);
    assert!(error.contains("images lie directly in this folder's test, train"), "{error}");
    let error = open_as(root.path(), Split::Train, Folders::Splits).unwrap_err().to_string();
    assert!(error.contains("images lie directly in this folder, so their classes are unknown"), "{error}");
}

#[test]
fn a_class_without_images_stays_a_class() {
    let root = tree(&["a/1.png", "b/readme.txt", "c/2.png"]);
    let opened = open(root.path(), Split::Train).unwrap();
    assert_eq!(names(&opened.dataset), ["a", "b", "c"]);
    assert_eq!(opened.dataset.class_size(ClassId(1)), 0);
    assert_eq!(opened.notes[0], "1 class without images, with a place in the class order: b");
}

fn bytes(dataset: &Dataset, image: u32) -> ImageBytes<'_> {
    dataset.bytes(&dataset.source_bytes(ImageId(image))).unwrap()
}

#[cfg(unix)]
#[test]
fn names_that_are_not_utf8_lead_to_their_files() {
    use std::os::unix::ffi::OsStrExt as _;
    let root = tree(&["plain/1.png"]);
    let odd = root.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9"));
    fs::create_dir(&odd).unwrap();
    fs::write(odd.join(std::ffi::OsStr::from_bytes(b"im\xff\n.jpg")), b"odd").unwrap();
    let dataset = open(root.path(), Split::Train).unwrap().dataset;
    assert_eq!(names(&dataset), ["caf\\xe9", "plain"]);
    assert_eq!(sources(&dataset)[0], "caf\\xe9/im\\xff\\x0a.jpg");
    assert_eq!(fs::read(dataset.file(ImageId(0)).unwrap()).unwrap(), b"odd");
    assert_eq!(bytes(&dataset, 0), ImageBytes::Encoded(b"odd".into()));
}

#[cfg(unix)]
#[test]
fn links_are_followed_once_and_never_in_circles() {
    use std::os::unix::fs::symlink;
    let root = tree(&["a/1.png", "a/more/2.png", "elsewhere.d/3.png", "b/4.png"]);
    let at = |path: &str| root.path().join(path);
    symlink(root.path(), at("loop")).unwrap();
    symlink(root.path(), at("a/up")).unwrap();
    symlink(at("a"), at("a/more/self")).unwrap();
    symlink(at("a/more"), at("a/again")).unwrap();
    symlink(at("elsewhere.d"), at("b/linked")).unwrap();
    symlink(at("a/1.png"), at("b/one.png")).unwrap();
    symlink(at("nowhere"), at("b/dangling")).unwrap();
    symlink(at("b"), at("c")).unwrap();
    let opened = open(root.path(), Split::Train).unwrap();
    let expected = [
        "a/1.png",
        "a/more/2.png",
        "b/4.png",
        "b/linked/3.png",
        "b/one.png",
        "c/4.png",
        "c/linked/3.png",
        "c/one.png",
        "elsewhere.d/3.png",
    ];
    assert_eq!(sources(&opened.dataset), expected);
    // The loop in the root, and a's links up, to itself and to a folder that is listed already.
    assert!(opened.notes.iter().any(|n| n.starts_with("4 links to folders")), "{:?}", opened.notes);
}

#[test]
fn a_distilled_dataset_shows_its_titles() {
    let root = tree(&["00000/class00000_id00000.png", "00001/class00001_id00000.png"]);
    let entries =
        r#"[{"index":0,"folder":"00000","name":"n01","title":"goldfish"},{"index":1,"folder":"00001","name":"owl"}]"#;
    put(root.path(), "classes.json", entries.as_bytes());
    let titles = |root: &Path| -> Vec<Option<String>> {
        open(root, Split::Train).unwrap().dataset.classes().iter().map(|c| c.title.clone()).collect()
    };
    assert_eq!(titles(root.path()), [Some("goldfish".to_owned()), Some("owl".to_owned())]);
    put(root.path(), "classes.json", b"{\"somebody\": \"else's\"}");
    assert_eq!(titles(root.path()), [None, None]);
    put(root.path(), "classes.json", b"[{\"index\":0,");
    let error = open(root.path(), Split::Train).unwrap_err().to_string();
    assert!(error.contains("classes.json: is damaged") && error.contains("remove it"), "{error}");
}

#[test]
fn tiny_imagenet_has_sorted_ids_titles_and_annotated_validation() {
    let root = tree(&[
        "train/n03/images/n03_1.JPEG",
        "train/n01/images/n01_0.JPEG",
        "train/n01/n01_boxes.txt",
        "train/n99/images/x.JPEG",
    ]);
    let path = root.path();
    put(path, "wnids.txt", b"n03\r\nn01\r\nn02");
    put(path, "words.txt", b"n00\tentity\nn01\tgoldfish, Carassius auratus\nn03\tcaf\xe9\n");
    for image in ["val_0.JPEG", "val_1.JPEG", "val_2.JPEG", "val_9.JPEG"] {
        put(path, &format!("val/images/{image}"), b"x");
    }
    put(
        path,
        "val/val_annotations.txt",
        b"val_1.JPEG\tn01\t0\t0\t1\t1\nval_0.JPEG\tn03\t0\nval_2.JPEG\tn55\t0\nval_7.JPEG\tn01\t0\n",
    );
    let train = open(path, Split::Train).unwrap();
    assert_eq!((train.dataset.layout(), train.dataset.split()), (Layout::TinyImageNet, Split::Train));
    assert_eq!(names(&train.dataset), ["n01", "n02", "n03"]);
    let titles: Vec<_> = train.dataset.classes().iter().map(|c| c.title.as_deref()).collect();
    assert_eq!(titles, [Some("goldfish, Carassius auratus"), None, Some("caf\\xe9")]);
    assert_eq!(sources(&train.dataset), ["train/n01/images/n01_0.JPEG", "train/n03/images/n03_1.JPEG"]);
    assert_eq!(train.dataset.image_name(ImageId(0)), b"n01_0.JPEG");
    let expected = [
        "1 folder of train/ not in wnids.txt, passed over: n99",
        "1 class without images, with a place in the class order: n02",
    ];
    assert_eq!(train.notes, expected);
    let test = open(path, Split::Test).unwrap();
    assert_eq!(sources(&test.dataset), ["val/images/val_1.JPEG", "val/images/val_0.JPEG"]);
    assert_eq!(test.dataset.class_of(ImageId(1)), ClassId(2));
    assert_eq!(test.notes.len(), 4, "missing, foreign, unnamed, class without images: {:?}", test.notes);
}

#[test]
fn tiny_imagenet_with_folders_for_validation_and_with_bad_texts() {
    let root = tree(&["train/n01/images/a.JPEG", "val/n01/b.JPEG"]);
    let path = root.path();
    put(path, "wnids.txt", b"n01\n");
    assert_eq!(sources(&open(path, Split::Test).unwrap().dataset), ["val/n01/b.JPEG"]);
    put(path, "val/images/c.JPEG", b"x");
    put(path, "val/val_annotations.txt", b"c.JPEG n01\n");
    let error = error_of(path, Split::Test);
    assert!(error.contains("val_annotations.txt: line 1 is not"), "{error}");
    put(path, "wnids.txt", b"../../etc\n");
    assert!(error_of(path, Split::Train).contains("'../../etc' is no WordNet id"));
    put(path, "wnids.txt", b"\n");
    assert!(error_of(path, Split::Train).contains("it names no classes"));
}

/// Records with the given labels; pixels are all 7.
fn batch(label_bytes: usize, labels: &[u8]) -> Vec<u8> {
    let record = |&label: &u8| [vec![9; label_bytes - 1], vec![label], vec![7; 3072]].concat();
    labels.iter().flat_map(record).collect()
}

#[test]
fn cifar10_batches_are_classes_of_records() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("cifar-10-batches-bin");
    put(&path, "data_batch_1.bin", &batch(1, &[2, 0, 2]));
    put(&path, "data_batch_2.bin", &batch(1, &[9]));
    put(&path, "test_batch.bin", &batch(1, &[1]));
    put(&path, "batches.meta.txt", b"airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n");
    put(&path, "readme.html", b"<html>");
    let opened = open(&path, Split::Train).unwrap();
    assert_eq!((opened.dataset.layout(), &opened.other_splits[..]), (Layout::Cifar10Binary, &[Split::Test][..]));
    let expected =
        ["data_batch_1.bin#00001", "data_batch_1.bin#00000", "data_batch_1.bin#00002", "data_batch_2.bin#00000"];
    assert_eq!(sources(&opened.dataset), expected);
    assert_eq!(opened.dataset.file(ImageId(2)).unwrap(), path.join("data_batch_1.bin"));
    // Pixels tell the records apart: the one labelled last in the file is the third image.
    let mut marked = batch(1, &[2, 0, 2]);
    marked[2 * 3073 + 1..].fill(8);
    put(&path, "data_batch_1.bin", &marked);
    for (image, value) in [(1, 7), (2, 8)] {
        let expected = Planes { width: 32, height: 32, samples: vec![value; 3072].into() };
        assert_eq!(bytes(&opened.dataset, image), ImageBytes::Raw(expected));
    }
    assert_eq!(opened.dataset.class(ClassId(2)).name, "bird");
    let outer = open(root.path(), Split::Test).unwrap();
    assert_eq!(sources(&outer.dataset), ["test_batch.bin#00000"], "the unpacked archive's own folder is found");
    assert!(outer.notes[0].starts_with("opened "), "{:?}", outer.notes);
}

#[test]
fn cifar100_uses_the_fine_label_and_falls_back_to_the_official_names() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "train.bin", &batch(2, &[99, 0]));
    let opened = open(root.path(), Split::Train).unwrap();
    assert_eq!(opened.dataset.class(ClassId(99)).name, "worm");
    assert_eq!(sources(&opened.dataset), ["train.bin#00001", "train.bin#00000"]);
    assert!(opened.notes[0].contains("no fine_label_names.txt; the official class names"), "{:?}", opened.notes);
    assert!(error_of(root.path(), Split::Test).contains("no test.bin split here, only train.bin"));
}

#[test]
fn damaged_cifar_files_are_named() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path();
    put(path, "data_batch_1.bin", &batch(1, &[0])[..3000]);
    let error = error_of(path, Split::Train);
    assert!(error.contains("data_batch_1.bin: its 3000 bytes are not whole records of 3073"), "{error}");
    put(path, "data_batch_1.bin", b"");
    assert!(error_of(path, Split::Train).contains("its 0 bytes"));
    put(path, "data_batch_1.bin", &batch(1, &[0, 10]));
    let error = error_of(path, Split::Train);
    assert!(error.contains("record 1 has label 10, but there are 10 classes"), "{error}");
    // Sparse, so it takes no room on the disk: 30 GB whose names would fill the memory.
    let huge = File::create(path.join("data_batch_1.bin")).unwrap();
    huge.set_len((MOST_RECORDS + 1) * 3073).unwrap();
    assert!(error_of(path, Split::Train).contains("10000001 records are more than"));
    put(path, "data_batch_1.bin", &batch(1, &[0]));
    put(path, "batches.meta.txt", b"a\nb\na\n");
    assert!(error_of(path, Split::Train).contains("class 'a' is named twice"));
    let root = tree(&["data_batch_1", "batches.meta"]);
    assert!(error_of(root.path(), Split::Train).contains("CIFAR's Python version"));
}

#[test]
fn the_official_names_are_complete() {
    let mut names: Vec<_> = cifar::official_names().into_iter().flatten().collect();
    assert_eq!(names.len(), 110);
    assert!(cifar::official_names().iter().all(|list| list.is_sorted()), "both lists are alphabetical");
    let [ten, hundred] = cifar::official_names();
    assert_eq!(cifar::of_classes(ten.iter().rev().copied()), Some(Layout::Cifar10Binary));
    assert_eq!(cifar::of_classes(hundred.iter().copied()), Some(Layout::Cifar100Binary));
    assert_eq!(cifar::of_classes(ten[1..].iter().copied()), None);
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 110, "no class of one set has the name of another");
}
