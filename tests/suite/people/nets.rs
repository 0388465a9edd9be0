//! Networks whose weight file doesn't say what it is.
//!
//! | kind | what happens now |
//! |---|---|
//! | a timm `tf_…` network saved as `model.safetensors`, with `config.json` beside it | the file says which network it is: TensorFlow's padding and epsilon, timm's accuracy |
//! | the same without `config.json` | taken for the torchvision network of the same tensors with a note that names both; `check` tries both and says which the data confirm |
//! | the same under timm's own file name | the name decides |
//! | a network whose mean and std are .5, with `config.json` or `preprocessor_config.json` | they are read |
//! | the same without either | ImageNet's are assumed with a note; `check` tries .5 and refuses with the flag that helps |
//! | `config.json` of another network, or of no network at all | passed over, the former with a note |
//! | classes that are WordNet ids | shown in words |
//!
//! A GPU that refuses a buffer is tested beside the code (`plan::parts`, `train::tests`): the batch goes through in parts.

use stillroom::core::data::normalise::MeanStd;
use stillroom::engine::nets::NetworkSpec;

use crate::answered::answered;
use crate::scene::{Scene, png};

pub(super) const CLASSES: usize = 6;
const IMAGES: usize = 60;
/// Small, so that the tests are quick; `--side` says so.
const SIDE: u32 = 64;

/// `data/`: images that are filed under the network's own answers, so that its top-1 is 100 %. Returns the network's
/// file, whose last bias lets the answers differ.
fn labelled(scene: &Scene, arch: &str, mean_std: MeanStd) -> Vec<u8> {
    labelled_at(scene, (arch, SIDE), mean_std)
}

/// The same for a network at that side.
pub(super) fn labelled_at(scene: &Scene, (arch, side): (&str, u32), mean_std: MeanStd) -> Vec<u8> {
    let spec = NetworkSpec { arch: arch.parse().unwrap(), side: side as usize, classes: CLASSES };
    let (answers, file) = answered(&spec, IMAGES, mean_std);
    for (image, class) in answers.into_iter().enumerate() {
        scene.write(format!("data/class{class}/{image:03}.png"), &png(&format!("image {image}"), side));
    }
    file
}

/// Top-1 in percent, and what was said.
fn top1(scene: &Scene, weights: &str, more: &str) -> (f64, String) {
    top1_at(scene, (weights, SIDE), more)
}

/// The same at that side.
pub(super) fn top1_at(scene: &Scene, (weights, side): (&str, u32), more: &str) -> (f64, String) {
    let line = format!("evaluate --device cpu --data data --network {weights} --side {side} {more}");
    let run = scene.line(&line);
    (run.last()["top1"].as_f64().unwrap(), run.stderr)
}

/// One of the answers near a boundary may fall to the other side: the file's bias is rounded once more.
pub(super) fn assert_whole((found, said): (f64, String)) -> String {
    assert!(found >= 98.0, "{found} %: {said}");
    said
}

pub(super) fn says(said: &str, words: &[&str]) {
    for words in words {
        assert!(said.contains(words), "'{words}' is missing in: {said}");
    }
}

const TENSORFLOW: &str = r#"{"architecture": "tf_efficientnet_b0.ns_jft_in1k", "num_classes": 6,
    "pretrained_cfg": {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "input_size": [3, 224, 224]}}"#;

#[test]
fn the_configuration_beside_a_file_says_which_network_it_is() {
    let scene = Scene::new();
    let file = labelled(&scene, "tf_efficientnet_b0", MeanStd::IMAGENET);
    scene.write("hub/model.safetensors", &file);
    scene.write("hub/config.json", TENSORFLOW.as_bytes());
    let said = assert_whole(top1(&scene, "hub/model.safetensors", ""));
    says(&said, &["observer: tf_efficientnet_b0 at side 64", "by the configuration beside the file"]);
    assert!(!said.contains("assumed"), "{said}");

    // Nothing tells: the usual one of the two is taken, and it is said.
    scene.write("alone/model.safetensors", &file);
    let (wrong, said) = top1(&scene, "alone/model.safetensors", "");
    says(&said, &["observer: efficientnet_b0 at side 64", "those of efficientnet_b0 and of tf_efficientnet_b0"]);
    assert!(wrong < 90.0, "{wrong} %");
    assert_whole(top1(&scene, "alone/model.safetensors", "--arch tf_efficientnet_b0"));
    let run = scene.line("check --device cpu --data data --observer alone/model.safetensors --side 64");
    let line = run.last();
    assert!(line["better"]["flags"].as_str().unwrap().contains("--arch tf_efficientnet_b0"), "{line}");
    assert!(line["better"]["top1"].as_f64().unwrap() >= 98.0, "{line}");
    says(&run.stderr, &["as tf_efficientnet_b0: top-1"]);

    // timm's own name of the file decides, too; the user's word counts above all.
    scene.write("named/tf_efficientnet_b0_ns-c0e6a31c.safetensors", &file);
    let named = "named/tf_efficientnet_b0_ns-c0e6a31c.safetensors";
    let said = assert_whole(top1(&scene, named, "--mean-std imagenet"));
    assert!(!said.contains("those of efficientnet_b0 and of"), "{said}");
    let (plain, said) = top1(&scene, "hub/model.safetensors", "--arch efficientnet_b0");
    assert!((plain - wrong).abs() < 1e-9, "{plain} %: {said}");
}

#[test]
fn a_network_of_other_mean_and_deviation_is_fed_so() {
    let scene = Scene::new();
    let file = labelled(&scene, "conv3x16", MeanStd::HALF);
    for (folder, name, text) in [
        ("timm", "config.json", r#"{"pretrained_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}}"#),
        ("hub", "preprocessor_config.json", r#"{"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}"#),
    ] {
        scene.write(format!("{folder}/model.safetensors"), &file);
        scene.write(format!("{folder}/{name}"), text.as_bytes());
        let said = assert_whole(top1(&scene, &format!("{folder}/model.safetensors"), ""));
        says(&said, &["mean/std half, by the configuration beside the file"]);
    }
    scene.write("alone/model.safetensors", &file);
    let (wrong, said) = top1(&scene, "alone/model.safetensors", "");
    says(&said, &["ImageNet's mean and std are assumed", "mean/std imagenet, assumed"]);
    assert!(wrong < 98.0, "{wrong} %");
    let line = scene.line("check --device cpu --data data --observer alone/model.safetensors").last();
    let tried: Vec<&str> = line["tried"].as_array().unwrap().iter().map(|t| t[0].as_str().unwrap()).collect();
    assert!(tried.contains(&"half") && tried.contains(&"imagenet"), "{line}");
    if wrong < 95.0 {
        assert_eq!(line["better"]["flags"], "--mean-std half", "{line}");
    }
    // The flag and the card count above what other libraries wrote.
    let (flag, _) = top1(&scene, "timm/model.safetensors", "--mean-std imagenet");
    assert!((flag - wrong).abs() < 1e-9);
}

#[test]
fn a_configuration_of_something_else_is_passed_over() {
    let scene = Scene::new();
    let file = labelled(&scene, "conv3x16", MeanStd::IMAGENET);
    scene.write("a/model.safetensors", &file);
    for (text, words) in [
        (r#"{"architecture": "resnet50", "pretrained_cfg": {"mean": [0, 0, 0], "std": [1, 1, 1]}}"#, "passed over"),
        (r#"{"model_type": "bert", "vocab_size": 30522}"#, "the family 'bert'"),
        (r#"{"architecture": "my_net"}"#, "says that the network is a 'my_net'"),
        ("{ not json", "config.json: passed over"),
    ] {
        scene.write("a/config.json", text.as_bytes());
        let said = assert_whole(top1(&scene, "a/model.safetensors", ""));
        says(&said, &[words, "mean/std imagenet, assumed"]);
    }
    scene.write("a/config.json", br#"{"lr": 0.1, "epochs": 90}"#);
    let said = assert_whole(top1(&scene, "a/model.safetensors", ""));
    assert!(!said.contains("config.json"), "{said}");
}

/// Names of another order than the folders' put each output in its place; names of other classes are passed over.
#[test]
fn class_names_of_the_configuration_are_used_where_they_fit() {
    let scene = Scene::new();
    let file = labelled(&scene, "conv3x16", MeanStd::IMAGENET);
    scene.write("a/model.safetensors", &file);
    let named = |names: [&str; CLASSES]| {
        let ids: Vec<String> = names.iter().enumerate().map(|(n, name)| format!("\"{n}\": \"{name}\"")).collect();
        format!("{{\"id2label\": {{{}}}}}", ids.join(", "))
    };
    let own = ["class0", "class1", "class2", "class3", "class4", "class5"];
    scene.write("a/config.json", named(own).as_bytes());
    assert_whole(top1(&scene, "a/model.safetensors", ""));
    scene.write("a/config.json", named(["class1", "class0", "class2", "class3", "class4", "class5"]).as_bytes());
    assert!(top1(&scene, "a/model.safetensors", "").0 < 98.0);
    scene.write("a/config.json", named(["cat", "class0", "dog", "owl", "cow", "hen"]).as_bytes());
    says(
        &assert_whole(top1(&scene, "a/model.safetensors", "")),
        &["the class names beside the weights are passed over"],
    );
}

#[test]
fn wordnet_ids_are_shown_in_words() {
    let scene = Scene::new();
    for (class, id) in ["n01440764", "n02102040", "n02979186"].into_iter().enumerate() {
        for image in 0..4 {
            scene.write(format!("data/{id}/{image}.png"), &png(&format!("{class}/{image}"), 32));
        }
    }
    scene.observer("observer.safetensors", ("conv3x8", 32), 3);
    let run = scene.line("check --device cpu --data data --observer observer.safetensors");
    says(&run.stderr, &["tench, Tinca tinca", "English springer", "cassette player"]);
    let run = scene.line("evaluate --device cpu --data data --network observer.safetensors");
    says(&run.stderr, &["tench, Tinca tinca: "]);
    assert!(run.stdout.contains("n01440764"), "files and lines for programs keep the id: {}", run.stdout);
}
