//! What RDED's layout has in it, and manifests that don't fit it.

use std::fs;

use super::*;
use crate::core::distil::manifest::image_file;
use crate::core::distil::manifest::tests::sample;

/// Writes the images that [`sample`] names: 2 classes × IPC 2.
fn write_all(folder: &RdedFolder, set: Option<&str>) {
    for (class, image) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        folder.put_image(set, &image_file(class, image, "jpg"), format!("{class}{image}").as_bytes()).unwrap();
    }
}

fn alone() -> [SetManifest; 1] {
    [SetManifest { folder: None, manifest: sample() }]
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

#[test]
fn a_dataset_has_its_images_classes_and_manifest() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("new/parents/out");
    let folder = RdedFolder::begin(&out).unwrap();
    write_all(&folder, None);
    assert_eq!(folder.finish(&alone()).unwrap(), out);
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
fn several_datasets_are_listed() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    let folder = RdedFolder::begin(&out).unwrap();
    let sets = ["one", "two"].map(|name| SetManifest { folder: Some(name.to_owned()), manifest: sample() });
    sets.iter().for_each(|set| write_all(&folder, set.folder.as_deref()));
    folder.finish(&sets).unwrap();
    assert_eq!(names(&out), ["one", "sizes.json", "two"]);
    assert_eq!(names(&out.join("two")), ["00000", "00001", "classes.json", "manifest.json"]);
    let sizes: serde_json::Value = serde_json::from_slice(&fs::read(out.join(SIZES_FILE)).unwrap()).unwrap();
    assert_eq!((&sizes[1]["folder"], &sizes[1]["ipc"]), (&"two".into(), &2.into()));
}

#[test]
fn the_manifest_must_name_what_was_written() {
    let root = tempfile::tempdir().unwrap();
    let missing = RdedFolder::begin(&root.path().join("missing")).unwrap();
    missing.put_image(None, &image_file(0, 0, "jpg"), b"x").unwrap();
    let error = missing.finish(&alone()).unwrap_err().to_string();
    assert!(error.contains("'00000/class00000_id00001.jpg' was not written"), "{error}");
    let extra = RdedFolder::begin(&root.path().join("extra")).unwrap();
    write_all(&extra, None);
    extra.put_image(None, &image_file(7, 0, "jpg"), b"x").unwrap();
    let error = extra.finish(&alone()).unwrap_err().to_string();
    assert!(error.contains("'00007/class00007_id00000.jpg' is not in the manifest"), "{error}");
    assert_eq!(names(root.path()), ["extra.partial-1", "missing.partial-1"]);
}

#[test]
fn an_output_that_appears_meanwhile_keeps_the_finished_work_beside_it() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    let folder = RdedFolder::begin(&out).unwrap();
    write_all(&folder, None);
    fs::create_dir(&out).unwrap();
    fs::write(out.join("mine.txt"), b"kept").unwrap();
    let error = folder.finish(&alone()).unwrap_err();
    assert!(matches!(error, RdedError::Folder(FolderError::Appeared { .. })) && !error.is_full(), "{error}");
    assert!(root.path().join("out.partial-1/manifest.json").exists());
}
