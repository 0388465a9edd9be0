//! The store on real datasets (`STILLROOM_DATA` names the folder they were unpacked to), on a full disk and on a
//! read-only one or without
//! permissions (name spaces of their own, made by `unshare`).

use std::path::{Path, PathBuf};
use std::process::Command;

use super::export::folder::{FolderError, NewFolder};
use super::import::open;
use super::labels::{LabelReader, LabelWriter, tests as labels};
use super::project::{NewRun, Project, ProjectError};
use super::training::{TrainingFolder, TrainingStatus, tests as training};
use crate::core::data::class_map::{Outputs, Rule, resolve};
use crate::core::data::class_order::ClassOrder;
use crate::core::data::dataset::{Layout, Split};
use crate::core::distil::recipe::Recipe;

fn data(name: &str) -> PathBuf {
    let folder = std::env::var_os("STILLROOM_DATA").expect("STILLROOM_DATA must name the unpacked datasets");
    Path::new(&folder).join(name)
}

#[test]
fn cifar10_as_jpeg_folders() {
    for (split, images) in [(Split::Train, 50_000), (Split::Test, 10_000)] {
        let opened = open(&data("cifar10"), split).unwrap();
        let dataset = opened.dataset;
        assert_eq!((dataset.classes().len(), dataset.image_count(), dataset.split()), (10, images, split));
        assert!(dataset.class_ids().all(|c| dataset.class_size(c) == images / 10));
        assert_eq!(
            (dataset.class(crate::core::data::dataset::ClassId(3)).name.as_str(), opened.notes),
            ("cat", vec![])
        );
    }
}

#[test]
fn tiny_imagenet_in_its_own_layout() {
    for (split, images) in [(Split::Train, 10_000), (Split::Test, 1000)] {
        let opened = open(&data("tiny-imagenet-20"), split).unwrap();
        let dataset = &opened.dataset;
        assert_eq!(
            (dataset.layout(), dataset.classes().len(), dataset.image_count()),
            (Layout::TinyImageNet, 20, images)
        );
        assert!(dataset.class_ids().all(|c| dataset.class_size(c) == images / 20), "{:?}", opened.notes);
        assert_eq!(dataset.classes()[0].title.as_deref(), Some("goldfish, Carassius auratus"));
        assert!(dataset.classes().is_sorted_by(|a, b| a.name < b.name));
        let path = dataset.file(crate::core::data::dataset::ImageId(images as u32 - 1)).unwrap();
        assert!(path.is_file(), "{path:?}");
        // A network of torchvision's 1000 classes finds its outputs by the WordNet ids; goldfish is output 1.
        let map =
            resolve(dataset.classes(), Outputs { count: 1000, names: None, order: ClassOrder::Auto }, None).unwrap();
        assert_eq!((map.rule, map.outputs[0]), (Rule::WordNet, 1));
    }
}

#[test]
fn loose_photographs_are_no_dataset() {
    let error = open(&data("imagenet-sample"), Split::Train).unwrap_err().to_string();
    assert!(error.contains("200 images lie directly in this folder"), "{error}");
}

const FOLDER: &str = "STILLROOM_TEST_MOUNT";

/// Runs a test of this program again in a name space of its own (`flags` of unshare), after a shell command that may
/// mount something over `$0`.
fn elsewhere(flags: &[&str], folder: &Path, before: &str, test: &str) {
    let program = std::env::current_exe().unwrap();
    let script = format!("{before} && exec \"$1\" --exact \"store::shared_tests::{test}\" --ignored --nocapture");
    let mut command = Command::new("unshare");
    command.args(flags).args(["sh", "-c", &script]).arg(folder).arg(program).env(FOLDER, folder);
    let output = command.output().expect("unshare (util-linux) is needed");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

const MOUNTS: [&str; 2] = ["--map-root-user", "--mount"];

#[test]
fn a_full_disk_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    elsewhere(&MOUNTS, folder.path(), "mount -t tmpfs -o size=1m none \"$0\"", "on_a_full_disk");
}

#[test]
#[ignore = "started by another test behind a mount"]
fn on_a_full_disk() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let folder = Path::new(&folder);
    let export = NewFolder::begin(&folder.join("out")).unwrap();
    export.put("a/0.png", &[1; 100_000]).unwrap();
    let project = Project::open(&folder.join("project")).unwrap();
    let data = project.remember_dataset(&open(&data("cifar10"), Split::Test).unwrap().dataset).unwrap();
    let observer = project.remember_observer(Path::new("/w.pth"), None, "f", "conv3").unwrap();
    let mut full = None;
    let mut begun = 0;
    while full.is_none() {
        let (recipe, out) = (&Recipe::default(), "long/".repeat(500));
        match project.begin_run(&NewRun {
            data,
            observer,
            recipe,
            curation: None,
            asked: None,
            out: Some(Path::new(&out)),
        }) {
            Ok(_) => begun += 1,
            Err(error) => full = Some(error),
        }
    }
    let full = full.unwrap();
    assert!(matches!(full, ProjectError::Full { .. }), "{full}");
    assert_eq!(project.runs(100_000).unwrap().len(), begun, "what was stored before is safe");
    let error = export.put("a/1.png", &vec![1; 1 << 20]).unwrap_err();
    assert!(error.is_full() && error.to_string().contains("a/1.png"), "{error}");
    assert_eq!(std::fs::metadata(export.partial().join("a/0.png")).unwrap().len(), 100_000);
    let error = NewFolder::begin(&folder.join("again")).and_then(|e| e.put("a/0.png", &[0; 9000])).unwrap_err();
    assert!(error.is_full(), "{error}");
}

#[test]
fn a_full_disk_keeps_trainings_and_labels() {
    let folder = tempfile::tempdir().unwrap();
    elsewhere(&MOUNTS, folder.path(), "mount -t tmpfs -o size=1m none \"$0\"", "training_on_a_full_disk");
}

#[test]
#[ignore = "started by another test behind a mount"]
fn training_on_a_full_disk() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let folder = Path::new(&folder);
    let (training, mut note) = TrainingFolder::begin(&folder.join("run"), training::note()).unwrap();
    training.save_checkpoint(0, &training::state(1)).unwrap();
    let labels = LabelWriter::begin(&folder.join("labels"), &labels::long()).unwrap();
    let full = (0..).find_map(|e| labels.write(e, &labels::epoch(&labels::long(), e)).err()).unwrap();
    assert!(full.is_full() && full.to_string().contains("cannot write: the disk is full; free some space"), "{full}");
    let reader = LabelReader::open(&folder.join("labels")).unwrap();
    let done = reader.epochs().unwrap();
    assert!(done.len() > 2, "{done:?}");
    for &e in &done {
        assert_eq!(reader.epoch(e).unwrap(), labels::epoch(&labels::long(), e), "whole, or absent");
    }
    let error = training.save_checkpoint(0, &training::state(2)).unwrap_err();
    assert!(error.is_full() && error.to_string().contains("seed-0/checkpoint.safetensors: cannot write"), "{error}");
    assert_eq!(training::epoch_of(&training.checkpoint(0).unwrap().unwrap()), 1);
    note.notes = vec!["long ".repeat(200_000)];
    assert!(training.save_note(&note).unwrap_err().is_full());
    assert_eq!(super::training::read(&folder.join("run")).unwrap(), training::note());
    // With room again, everything goes on.
    std::fs::remove_file(folder.join("labels/epoch-00001.safetensors")).unwrap();
    std::fs::remove_file(folder.join("labels/epoch-00002.safetensors")).unwrap();
    training.save_checkpoint(0, &training::state(2)).unwrap();
    assert_eq!(training::epoch_of(&training.checkpoint(0).unwrap().unwrap()), 2);
}

#[test]
fn a_read_only_disk_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    training_and_labels(folder.path());
    let project = Project::open(&folder.path().join("project")).unwrap();
    project.remember_observer(Path::new("/w.pth"), None, "f", "conv3").unwrap();
    drop(project);
    let mount = "mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\"";
    elsewhere(&MOUNTS, folder.path(), mount, "on_a_read_only_disk");
}

/// A training with a checkpoint, and an epoch of labels.
fn training_and_labels(folder: &Path) {
    let (training, _) = TrainingFolder::begin(&folder.join("run"), training::note()).unwrap();
    training.save_checkpoint(0, &training::state(1)).unwrap();
    let labels = LabelWriter::begin(&folder.join("labels"), &labels::long()).unwrap();
    labels.write(0, &labels::epoch(&labels::long(), 0)).unwrap();
}

/// They can be read and listed, and whoever wants to write is told `why`.
fn can_only_be_read(folder: &Path, why: &str) {
    let found = super::training::list(folder);
    assert!(found.iter().any(|f| f.note.as_ref().is_ok_and(|n| n.status == TrainingStatus::Interrupted)), "{found:?}");
    assert_eq!(LabelReader::open(&folder.join("labels")).unwrap().epoch(0).unwrap().len(), 4);
    // Without permissions the lock's own file can still be written: then the first thing that is saved tells.
    let saved = TrainingFolder::begin(&folder.join("run"), training::note()).and_then(|(t, note)| t.save_note(&note));
    let error = saved.unwrap_err().to_string();
    assert!(error.contains("run/") && error.contains(why), "{error}");
    let writer = LabelWriter::begin(&folder.join("labels"), &labels::long());
    let written = writer.and_then(|w| w.write(1, &labels::epoch(&labels::long(), 1)));
    let error = written.unwrap_err().to_string();
    assert!(error.contains("labels/") && error.contains(why), "{error}");
    let error = TrainingFolder::begin(&folder.join("new"), training::note()).unwrap_err().to_string();
    assert!(error.contains("new: cannot make this folder") && error.contains(why), "{error}");
}

#[test]
#[ignore = "started by another test behind a mount"]
fn on_a_read_only_disk() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let folder = Path::new(&folder);
    can_only_be_read(folder, "the file system is read-only; use another place");
    let error = Project::open(&folder.join("project")).unwrap_err().to_string();
    assert!(
        error.contains("lock: cannot lock the project: the file system is read-only; use another place"),
        "{error}"
    );
    let project = Project::read_only(&folder.join("project")).unwrap();
    assert_eq!(project.recent_observers(5).unwrap().len(), 1);
    let error = NewFolder::begin(&folder.join("out")).unwrap_err();
    assert!(matches!(error, FolderError::NotWritable { .. }) && error.to_string().contains("read-only"), "{error}");
}

#[test]
fn what_is_forbidden_is_called_that() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let project = Project::open(&at("project")).unwrap();
    project.remember_observer(Path::new("/w.pth"), None, "f", "conv3").unwrap();
    drop(project);
    for class in ["data/cat", "data/dog", "closed/owl"] {
        std::fs::create_dir_all(at(class)).unwrap();
        std::fs::write(at(class).join("1.png"), b"x").unwrap();
    }
    training_and_labels(folder.path());
    let allow = |name: &str, mode| std::fs::set_permissions(at(name), PermissionsExt::from_mode(mode)).unwrap();
    [("data/dog", 0), ("closed/owl", 0), ("project", 0o555), ("run", 0o555), ("labels", 0o555), ("", 0o555)]
        .into_iter()
        .for_each(|(name, mode)| allow(name, mode));
    // Mapped to an ordinary user, so that the permissions hold for root, too.
    let run = || elsewhere(&["--map-user=65534"], folder.path(), "true", "without_permissions");
    let outcome = std::panic::catch_unwind(run);
    ["", "project", "data/dog", "closed/owl", "run", "labels"].into_iter().for_each(|name| allow(name, 0o755));
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

#[test]
#[ignore = "started by another test as an ordinary user"]
fn without_permissions() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let folder = Path::new(&folder);
    can_only_be_read(folder, "permission denied; change its permissions");
    // A class keeps its place, so that no other one takes it; where nothing may be read, there is no dataset.
    let opened = open(&folder.join("data"), Split::Train).unwrap();
    assert_eq!((opened.dataset.classes().len(), opened.dataset.image_count()), (2, 1));
    assert!(opened.notes.iter().any(|note| note.contains("that may not be read") && note.contains("data/dog")));
    let error = open(&folder.join("closed"), Split::Train).unwrap_err().to_string();
    assert!(error.contains("closed/owl: cannot list: permission denied; change its permissions"), "{error}");
    let error = Project::open(&folder.join("other")).unwrap_err().to_string();
    assert!(error.contains("other: cannot make this project folder: permission denied"), "{error}");
    let project = Project::read_only(&folder.join("project")).unwrap();
    assert_eq!(project.recent_observers(5).unwrap().len(), 1);
    let error = NewFolder::begin(&folder.join("out")).unwrap_err();
    assert!(matches!(error, FolderError::NotWritable { .. }), "{error}");
    assert!(error.to_string().contains("out.partial-1: cannot make this folder: permission denied"), "{error}");
    let error = super::class_map::write(&folder.join("map.json"), &[], &[]).unwrap_err().to_string();
    assert!(error.contains("cannot write into this folder: permission denied"), "{error}");
}
