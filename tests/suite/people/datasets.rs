//! Folders of images as people unpack, copy and name them.
//!
//! | kind | what happens now |
//! |---|---|
//! | `Training/` and `Testing/`, `train/` and `valid/`, `seg_train/seg_train/` and the like, in any case | they are the splits; val before test |
//! | folders that could be splits as well as classes | refused with both readings; `--folders splits` or `classes` decides |
//! | the data in a folder of its own, several deep | it is opened, with a note; a dataset of one class stays one |
//! | `__MACOSX`, `@eaDir`, `lost+found`, hidden folders, `._1.png` | no classes and no images; the folders are named |
//! | an empty class folder, or one that may not be read | keeps its place in the class order, and is named; none where the observer has outputs for all other classes alone |
//! | TIFF, GIF and Netpbm images, JPEGs with bytes between their segments, images under a wrong ending or none | read, to Pillow's pixels |
//! | HEIC, AVIF, JPEG XL, JPEG 2000, PSD, SVG, PDF | passed over with a note that names them, or broken with their true format |
//! | a class name with commas | `--class NAME`, or `--classes` with that name alone |
//! | a name in another Unicode form (a Mac's folders) | the same class for maps, cards, `--classes` and the held-out split |
//! | class folders with names of 200 characters and more | distilled as others are |

use serde_json::Value;

use crate::scene::{Scene, png};

/// Images of the side 32 in each of these folders, and an observer of `classes` outputs.
fn scene(folders: &[(&str, usize)], classes: usize) -> Scene {
    let scene = Scene::new();
    for (folder, images) in folders {
        for image in 0..*images {
            scene.write(format!("data/{folder}/{image}.png"), &png(&format!("{folder}/{image}"), 32));
        }
    }
    scene.observer("observer.safetensors", ("conv3x8", 32), classes);
    scene
}

const EVALUATE: &str = "evaluate --device cpu --data data --network observer.safetensors";

/// How many images of which classes an evaluation saw, and what was said.
fn evaluated(scene: &Scene, more: &str) -> (u64, Vec<String>, String) {
    let run = scene.line(&format!("{EVALUATE} {more}"));
    let line = run.last();
    let name = |class: &Value| class[0].as_str().unwrap().to_owned();
    (line["images"].as_u64().unwrap(), line["per_class"].as_array().unwrap().iter().map(name).collect(), run.stderr)
}

#[test]
fn splits_under_other_names_are_held_out() {
    for (train, test) in [("Training", "Testing"), ("train", "valid"), ("seg_train/seg_train", "seg_test/seg_test")] {
        let folders =
            [(format!("{train}/a"), 8), (format!("{train}/b"), 8), (format!("{test}/a"), 3), (format!("{test}/b"), 2)];
        let folders: Vec<(&str, usize)> = folders.iter().map(|(folder, n)| (folder.as_str(), *n)).collect();
        let scene = scene(&folders, 2);
        let (images, classes, _) = evaluated(&scene, "");
        assert_eq!((images, classes), (5, vec!["a".to_owned(), "b".to_owned()]), "{test}");
        let line = scene.distill("--out out --ipc 1 --patches 1 --subset 8").last();
        assert_eq!(line["images"], 2);
        let manifest: Value = serde_json::from_slice(&std::fs::read(scene.at("out/manifest.json")).unwrap()).unwrap();
        let text = manifest.to_string();
        assert!(text.contains(&format!("{train}/a/")) && !text.contains(&format!("{test}/a/")), "{text}");
    }
}

#[test]
fn a_doubt_is_the_users_to_settle() {
    let scene = scene(&[("Training/x", 3), ("Training/y", 3), ("Testing/z", 4), ("Testing/w", 1)], 2);
    let doubt = ["no class folder in common", "--folders splits", "--folders classes"];
    scene.line(EVALUATE).fails(1, &doubt);
    let (images, classes, _) = evaluated(&scene, "--folders classes");
    assert_eq!((images, classes), (11, vec!["Testing".to_owned(), "Training".to_owned()]));
    let (images, classes, _) = evaluated(&scene, "--folders splits");
    assert_eq!((images, classes), (5, vec!["w".to_owned(), "z".to_owned()]));
    scene.line(&format!("{EVALUATE} --folders both")).fails(2, &["is none of auto, splits and classes"]);
    // A record of a training knows what was said, and a training with it goes on.
    let train =
        "pretrain --device cpu --data data --student conv3x8 --side 32 --epochs 1 --batch 4 --seeds 1 --out run";
    scene.line(train).fails(1, &doubt[..1]);
    let line = scene.line(&format!("{train} --folders classes")).last();
    assert_eq!(line["job"], "pretrain");
    let record: Value = serde_json::from_slice(&std::fs::read(scene.at("run/run.json")).unwrap()).unwrap();
    assert_eq!(record["asked"]["folders"], "classes", "{record}");
}

#[test]
fn wrapped_data_with_leftovers_is_the_same_data() {
    let plain = scene(&[("a", 3), ("b", 2)], 2);
    let wrapped = scene(
        &[
            ("set/Images/a", 3),
            ("set/Images/b", 2),
            ("set/Images/@eaDir", 2),
            ("set/Images/__MACOSX/a", 1),
            ("set/Images/.ipynb_checkpoints", 1),
        ],
        2,
    );
    wrapped.write("data/set/Images/a/._0.png", b"\0\x05\x16\x07");
    std::fs::create_dir(wrapped.at("data/set/Images/lost+found")).unwrap();
    let (images, classes, said) = evaluated(&wrapped, "");
    assert_eq!((images, &classes), (5, &evaluated(&plain, "").1));
    for words in
        ["data/set/Images, the only folder in it", "passed over: .ipynb_checkpoints, @eaDir, __MACOSX, lost+found"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    // A class that is empty is said to be so before anything is computed, and the others keep their outputs.
    std::fs::create_dir(plain.at("data/aa")).unwrap();
    plain.observer("observer.safetensors", ("conv3x8", 32), 3);
    let (images, classes, said) = evaluated(&plain, "");
    assert_eq!((images, classes.len()), (5, 3));
    assert!(said.contains("1 class without images, with a place in the class order: aa"), "{said}");
}

/// Names that people write before and behind those of splits, and what is said where none is a split.
#[test]
fn what_stands_around_the_names_of_splits_is_of_no_account() {
    for (train, test) in [("train2017", "val2017"), ("images_train", "images_test"), ("Train_Images", "testing-images")]
    {
        let scene = scene(&[(&format!("{train}/a"), 3), (&format!("{train}/b"), 3), (&format!("{test}/a"), 1)], 2);
        scene.write(format!("data/{test}/b/0.png"), &png("b", 32));
        assert_eq!(evaluated(&scene, "").0, 2, "{test}");
    }
    let scene = scene(&[("amazon/a", 2), ("amazon/b", 2), ("dslr/a", 2), ("dslr/b", 2)], 2);
    let (images, _, said) = evaluated(&scene, "--folders splits");
    assert_eq!(images, 8);
    assert!(said.contains("no folder here is called like a split"), "{said}");
    assert!(said.contains("each class holds folders of the same names (a, b)"), "{said}");
}

/// ImageFolder sorts names as Python does, whatever bytes they have.
#[cfg(target_os = "linux")]
#[test]
fn bytes_that_are_no_text_sort_behind_letters() {
    use std::os::unix::ffi::OsStrExt as _;
    let scene = scene(&[("cafeteria", 2)], 2);
    let folder = scene.at("data").join(std::ffi::OsStr::from_bytes(b"caf\xe9"));
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("1.png"), png("1", 32)).unwrap();
    let (_, classes, _) = evaluated(&scene, "");
    assert_eq!(classes, ["cafeteria", "caf\\xe9"]);
}

/// What an empty folder is, the observer tells: it has an output for it, or one for each of the others alone.
#[test]
fn an_empty_folder_that_the_observer_does_not_know_is_no_class() {
    let scene = scene(&[("train/a", 4), ("train/b", 4), ("val/a", 2), ("val/b", 2)], 2);
    for folder in ["data/train/aa", "data/val/aa"] {
        std::fs::create_dir(scene.at(folder)).unwrap();
    }
    let (images, classes, said) = evaluated(&scene, "");
    assert_eq!((images, classes), (4, vec!["a".to_owned(), "b".to_owned()]));
    assert!(said.contains("taken for no classes") && said.contains("for all others alone: aa"), "{said}");
    let run = scene.distill("--ipc 1 --patches 1 --out out");
    assert_eq!(run.last()["images"], 2);
    assert!(run.stderr.contains("check: top-1") && !run.stderr.contains("that are distilled"), "{}", run.stderr);
    let manifest = std::fs::read_to_string(scene.at("out/manifest.json")).unwrap();
    assert!(manifest.contains("\"b\"") && !manifest.contains("\"aa\""), "{manifest}");
}

/// Images that Pillow reads are read, whatever their endings say; what can't be read is called by its name.
#[test]
fn images_are_what_their_bytes_say() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/formats");
    let fixture = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let scene = scene(&[("b", 2)], 2);
    let files = [
        ("lzw.tif", "1.tif"),
        ("animated.gif", "2.GIF"),
        ("p6.ppm", "3.ppm"),
        ("p4.pbm", "4.jpg"),
        ("420_zeros.jpg", "5.jpeg"),
        ("420_fill.jpg", "6.png"),
        ("palette.gif", "7.jpg"),
        ("raw.tif", "8.JPEG"),
        ("420_mixed.jpg", "no_ending"),
    ];
    for (from, to) in files {
        scene.write(format!("data/a/{to}"), &fixture(from));
    }
    let heic = b"\0\0\0\x18ftypheic\0\0\0\0";
    scene.write("data/a/photo.heic", heic);
    scene.write("data/a/photo.jpg", heic);
    let run = scene.line(EVALUATE);
    let line = run.last();
    assert_eq!((&line["images"], &line["broken"]), (&Value::from(11), &Value::from(1)), "{}", run.stderr);
    run.says(&[
        "1 HEIC file can't be read; convert them to PNG or JPEG",
        "photo.jpg: the format HEIC is not supported",
    ]);
}

#[test]
fn names_with_commas_and_in_other_forms_are_found() {
    let shark = "great white shark, man-eater";
    let scene = scene(&[(shark, 3), ("cafe\u{301}", 2), ("plain", 2)], 3);
    let distilled = |more: &[&str], out: &str| {
        let fixed = ["distill", "--data", "data", "--observer", "observer.safetensors", "--force", "--device", "cpu"];
        let size = ["--ipc", "1", "--patches", "1", "--subset", "2", "--out", out];
        scene.run(&fixed.iter().chain(&size).chain(more).copied().collect::<Vec<_>>())
    };
    for (more, out, images) in [
        (&["--class", shark, "--class", "plain"][..], "a", 2),
        (&["--classes", shark], "b", 1),
        (&["--classes", "plain,caf\u{e9}", "--class", shark], "c", 3),
    ] {
        assert_eq!(distilled(more, out).last()["images"], images, "{more:?}");
    }
    distilled(&["--classes", "plain,great white shark, man-eater"], "d")
        .fails(2, &["there is no class 'great white shark'", "--class \"great white shark, man-eater\""]);
    distilled(&["--class", "caf\u{e9}", "--class", "cafe\u{301}"], "e").fails(2, &["names 'cafe\u{301}' twice"]);
    // A map as somebody types it.
    scene.write("map.json", "{\"caf\u{e9}\": 2, \"great white shark, man-eater\": 0, \"plain\": 1}".as_bytes());
    assert_eq!(evaluated(&scene, "--class-map map.json").0, 7);
}

#[test]
fn a_held_out_split_may_spell_its_classes_otherwise() {
    let scene = scene(&[("train/cafe\u{301}", 4), ("train/b", 4), ("val/caf\u{e9}", 2), ("val/b", 3)], 2);
    let run = scene.distill("--out out --ipc 1 --patches 1 --subset 2");
    run.says(&["on 5 images"]);
    assert!(!run.stderr.contains("in common"), "{}", run.stderr);
}

#[test]
fn long_names_are_distilled() {
    let names: Vec<String> = (0..2).map(|n| format!("{}{n}", "x".repeat(220))).chain(["\u{7}".repeat(80)]).collect();
    let folders: Vec<(&str, usize)> = names.iter().map(|name| (name.as_str(), 2)).collect();
    let scene = scene(&folders, 3);
    let run = scene.distill("--out out --ipc 1 --patches 1 --subset 2");
    assert_eq!(run.last()["images"], 3);
    let classes: Value = serde_json::from_slice(&std::fs::read(scene.at("out/classes.json")).unwrap()).unwrap();
    assert!(classes.to_string().contains(&names[1]), "{classes}");
}
