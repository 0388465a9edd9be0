//! What folders are taken for: splits, classes, wrappers.

use super::*;

/// What a tree opens as: split, classes, sources.
fn opened(files: &[&str], want: Split, folders: Folders) -> Result<(Split, Vec<String>, Imported), String> {
    let root = tree(files);
    let imported = open_as(root.path(), want, folders).map_err(|e| e.to_string())?;
    let classes = names(&imported.dataset).into_iter().map(str::to_owned).collect();
    Ok((imported.dataset.split(), classes, imported))
}

fn auto(files: &[&str], want: Split) -> (Split, Vec<String>, Vec<String>) {
    let (split, _, imported) = opened(files, want, Folders::Auto).unwrap();
    (split, sources(&imported.dataset), imported.notes)
}

#[test]
fn splits_are_known_by_the_names_that_people_give_them() {
    for (train, test) in [
        ("Training", "Testing"),
        ("Train", "Test"),
        ("train", "valid"),
        ("TRAIN", "VALIDATION"),
        ("training_set", "test_set"),
        ("seg_train", "seg_test"),
        ("train_set", "dev"),
        ("training", "eval"),
    ] {
        let files = [format!("{train}/a/1.png"), format!("{train}/b/2.png"), format!("{test}/a/3.png")];
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let (split, found, _) = auto(&files, Split::Train);
        assert_eq!((split, &found[..]), (Split::Train, &[files[0].to_owned(), files[1].to_owned()][..]));
        let (split, found, _) = auto(&files, Split::Test);
        assert_eq!((split, &found[..]), (Split::Test, &[files[2].to_owned()][..]));
    }
    // Of several held-out parts the one for validation comes first, however they are spelled.
    let files = ["Train/a/1.png", "Test/a/2.png", "Validation/a/3.png"];
    let (_, found, notes) = auto(&files, Split::Test);
    assert_eq!(found, ["Validation/a/3.png"]);
    assert_eq!(notes, ["folders beside the splits passed over: Test"]);
}

#[test]
fn a_split_may_wrap_its_classes_once_more() {
    let files = [
        "seg_train/seg_train/forest/1.jpg",
        "seg_train/seg_train/sea/2.jpg",
        "seg_test/seg_test/forest/3.jpg",
        "seg_test/seg_test/sea/4.jpg",
        "seg_pred/seg_pred/5.jpg",
    ];
    let (split, found, notes) = auto(&files, Split::Train);
    assert_eq!((split, &found[..]), (Split::Train, &[files[0].to_owned(), files[1].to_owned()][..]));
    assert_eq!(notes, ["folders beside the splits passed over: seg_pred"]);
    let (_, found, _) = auto(&files, Split::Test);
    assert_eq!(found, [files[2], files[3]]);
}

#[test]
fn what_could_be_either_is_refused_with_both_readings() {
    for (files, words, classes) in [
        (&["Training/1.png", "Testing/2.png"][..], "as splits they lack their class folders", 2),
        (&["Training/steam/1.png", "Testing/diesel/2.png"], "have no class folder in common", 2),
        (&["Validation/a/1.png", "Validation/b/2.png", "car/3.png"], "there are images in car", 2),
        (&["train/a/1.png", "train/b/2.png", "car/3.png"], "there are images in car", 2),
        (&["eval/a/1.png", "eval/b/2.png", "car/old/3.png", "car/new/4.png"], "there are images in car", 2),
    ] {
        let error = opened(files, Split::Train, Folders::Auto).unwrap_err();
        assert!(error.contains(words) && error.contains("--folders splits or --folders classes"), "{error}");
        let (split, found, _) = opened(files, Split::Train, Folders::Classes).unwrap();
        assert_eq!((split, found.len()), (Split::Whole, classes), "{files:?}");
    }
    let files = ["Validation/a/1.png", "Validation/b/2.png", "car/3.png"];
    let (split, found, imported) = opened(&files, Split::Test, Folders::Splits).unwrap();
    assert_eq!((split, found), (Split::Test, vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(imported.notes, ["folders beside the splits passed over: car"]);
    // A distilled set has no splits, and the flag says nothing of it.
    let (split, found, _) = opened(&["00000/1.png", "00001/2.png"], Split::Train, Folders::Splits).unwrap();
    assert_eq!((split, found.len()), (Split::Whole, 2));
}

/// What opened before does so still: the plain names, whatever is beside them, and classes that hold images.
#[test]
fn what_was_clear_stays_as_it_was() {
    let (split, found, notes) = auto(&["train/a/1.png", "devkit/data/readme.txt"], Split::Train);
    assert_eq!((split, found.len()), (Split::Train, 1));
    assert_eq!(notes, ["folders beside the splits passed over: devkit"]);
    let (split, found, notes) = auto(&["train/a/1.png", "train/b/1.png", "val/x/2.png", "val/y/2.png"], Split::Train);
    assert_eq!((split, found.len()), (Split::Train, 2));
    assert_eq!(notes, ["train and val have no class folder in common"]);
    let (split, found, _) = auto(&["train/a/1.png", "test/1.jpg", "test/2.jpg"], Split::Train);
    assert_eq!((split, found.len()), (Split::Train, 1), "a test set without labels");
    let (split, found, _) = auto(&["dev/1.png", "ops/2.png", "test/3.png"], Split::Train);
    assert_eq!((split, found.len()), (Split::Whole, 3));
}

#[test]
fn a_folder_that_wraps_the_data_is_opened() {
    let opened = |files: &[&str], want| {
        let root = tree(files);
        let imported = open(root.path(), want).unwrap();
        let inner = imported.dataset.root().strip_prefix(root.path()).unwrap().to_str().unwrap().to_owned();
        (inner, imported)
    };
    let (inner, imported) = opened(&["Images/a/1.png", "Images/b/2.png", "readme.txt"], Split::Train);
    assert_eq!((inner.as_str(), names(&imported.dataset)), ("Images", vec!["a", "b"]));
    assert!(imported.notes[0].ends_with("Images, the only folder in it"), "{:?}", imported.notes);
    let (inner, imported) = opened(&["d/e/f/a/1.png", "d/e/f/b/2.png"], Split::Train);
    assert_eq!((inner.as_str(), imported.dataset.image_count()), ("d/e/f", 2));
    let (inner, imported) = opened(&["set/train/a/1.png", "set/test/a/2.png"], Split::Test);
    assert_eq!((inner.as_str(), imported.dataset.split()), ("set", Split::Test));
    let (inner, imported) = opened(&["set/train/a/1.png", "set/train/b/2.png"], Split::Train);
    assert_eq!((inner.as_str(), imported.dataset.split()), ("set", Split::Train));
    let (inner, imported) = opened(
        &["tiny/wnids.txt", "tiny/train/n01/images/1.JPEG", "tiny/val/images/2.JPEG", "__MACOSX/tiny/._wnids.txt"],
        Split::Train,
    );
    assert_eq!((inner.as_str(), imported.dataset.layout()), ("tiny", Layout::TinyImageNet));
}

#[test]
fn a_dataset_of_one_class_stays_one() {
    for files in [&["cat/1.png"][..], &["cat/images/1.png"], &["cat/1.png", "cat/in/2.png", "cat/out/3.png"]] {
        let (split, classes, _) = opened(files, Split::Train, Folders::Auto).unwrap();
        assert_eq!((split, classes), (Split::Whole, vec!["cat".to_owned()]), "{files:?}");
    }
    let (_, classes, _) = opened(&["Images/a/1.png", "Images/b/2.png"], Split::Train, Folders::Classes).unwrap();
    assert_eq!(classes, ["Images"], "the user may say so");
}

#[cfg(unix)]
#[test]
fn folders_that_lead_to_each_other_end() {
    let root = tree(&["a/readme.txt"]);
    let at = |path: &str| root.path().join(path);
    fs::create_dir_all(at("elsewhere/b")).unwrap();
    fs::create_dir_all(at("data")).unwrap();
    std::os::unix::fs::symlink(at("elsewhere/b"), at("data/x")).unwrap();
    std::os::unix::fs::symlink(at("data"), at("elsewhere/b/y")).unwrap();
    assert!(error_of(&at("data"), Split::Train).contains("no images in them"));
}
