//! A student learns the same from each export that `stillroom train` reads as from the set itself: class folders. (Parquet,
//! shards and tensors are for other programs; `tests/ecosystem/train_exports.py` trains from those.)

use serde_json::Value;
use stillroom::engine::images::decode::decode;
use stillroom::engine::images::encode;

use crate::scene::Scene;

/// Everything that a preset would else take from the set's manifest, which not all formats have.
const RECIPE: &str = "--student conv3x8 --epochs 2 --batch 4 --labels hard --mixing none --shuffle 2 --crop rrc:0.5:1 \
                      --flip on --lr 0.001 --evaluate every:1 --device cpu";

/// Loss, accuracy on the training images and accuracy on others, epoch by epoch.
fn curve(scene: &Scene, data: &str) -> Vec<[Value; 3]> {
    scene.line(&format!("train --data {data} --val data --out trained-{data} {RECIPE}")).last();
    let note = std::fs::read(scene.at(format!("trained-{data}/run.json"))).unwrap();
    let note: Value = serde_json::from_slice(&note).unwrap();
    let points = note["curves"][0]["points"].as_array().unwrap();
    points.iter().map(|point| ["loss", "train_top1", "evaluated"].map(|field| point[field].clone())).collect()
}

#[test]
fn the_first_epoch_has_the_same_loss_from_each_format_of_class_folders() {
    let scene = Scene::with_data(&[9, 9, 9]);
    scene.distill("--ipc 2 --patches 4 --subset 9 --out set").last();
    let own = curve(&scene, "set");
    assert!(own.len() == 2 && own[0][0].as_f64().unwrap() > 0.0, "{own:?}");
    for format in ["rded", "sre2l", "imagefolder"] {
        scene.line(&format!("export --set set --format {format} --out {format}")).last();
        assert_eq!(curve(&scene, format), own, "{format}");
    }
    // Another image is noticed.
    let file = scene.at("imagefolder/class0/00000.png");
    let mut image = decode(&std::fs::read(&file).unwrap()).unwrap();
    image.data.iter_mut().for_each(|value| *value = 255 - *value);
    std::fs::write(&file, encode::png(&image).unwrap()).unwrap();
    std::fs::rename(scene.at("imagefolder"), scene.at("changed")).unwrap();
    assert_ne!(curve(&scene, "changed")[0][0], own[0][0]);
}

/// What a preset takes from the manifest is said where a format has none.
#[test]
fn a_set_without_manifest_is_trained_on_with_a_word_about_its_patches() {
    let scene = Scene::with_data(&[9, 9, 9]);
    scene.distill("--ipc 2 --patches 4 --subset 9 --out set").last();
    scene.line("export --set set --format sre2l --out sre2l").last();
    let train = |data: &str| {
        let flags = "--student conv3x8 --epochs 1 --batch 4 --evaluate every:1 --device cpu";
        let run = scene.line(&format!("train --data {data} --val data --out trained-{data} {flags}"));
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.stderr
    };
    assert!(!train("set").contains("nothing says how many patches"));
    let said = train("sre2l");
    assert!(said.contains("one is assumed") && said.contains("for four: --shuffle 2 --crop rrc:0.5:1"), "{said}");
}
