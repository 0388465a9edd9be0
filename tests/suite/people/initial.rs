//! One's own classes, and no observer for them: a network of other classes to begin with.
//!
//! | kind | what happens now |
//! |---|---|
//! | `pretrain --init FILE`, other classes | all but the last layer is taken, the last one is drawn by the seed |
//! | `--init-rate 0.1` | what was taken learns at a tenth of the rate; at 0 it stays, to the bit |
//! | weights of another network | refused, and both are named |
//! | the same folder with another file, another rate, or from scratch | refused, and the difference is named |
//! | paused and resumed | the same bytes |

use std::collections::BTreeMap;

use serde_json::Value;

use crate::scene::{Scene, png};
use crate::train::outcome;

/// Tensors of a weight file as bytes.
fn tensors(scene: &Scene, file: &str) -> BTreeMap<String, Vec<u8>> {
    let bytes = std::fs::read(scene.at(file)).unwrap();
    let found = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    found.tensors().into_iter().map(|(key, tensor)| (key, tensor.data().to_vec())).collect()
}

fn own(key: &str) -> bool {
    key.starts_with("classifier.")
}

/// Statistics of batch norm, which follow the images at any rate.
fn follows(key: &str) -> bool {
    key.contains("running_") || key.contains("num_batches")
}

/// `data/` of four classes, `other/` of three, and an observer of six that has seen neither.
fn scene() -> Scene {
    let scene = Scene::with_data(&[6; 4]);
    for (class, image) in (0..3).flat_map(|class| (0..6).map(move |image| (class, image))) {
        scene.write(format!("other/kind{class}/{image}.png"), &png(&format!("kind {class}/{image}"), 32));
    }
    scene.observer("six.safetensors", ("conv3x8", 32), 6);
    scene
}

const SHORT: &str = "--device cpu --student conv3x8 --epochs 3 --batch 6 --seed 2";
const STUDENT: &str = "seed-2/student.safetensors";

#[test]
fn all_but_the_last_layer_is_taken_and_may_learn_slowly() {
    let scene = scene();
    let pretrain = |more: &str| scene.line(&format!("pretrain --data other {SHORT} {more}"));
    pretrain("--init six.safetensors --init-rate 0 --out still").last();
    pretrain("--init six.safetensors --init-rate 0.1 --out slow").last();
    pretrain("--init six.safetensors --out fast").last();
    pretrain("--out scratch").last();
    let six = {
        // The scene's observer is in half precision; what is taken of it is read as it is.
        scene.line("convert --observer six.safetensors --out whole.safetensors").last();
        tensors(&scene, "whole.safetensors")
    };
    let of = |out: &str| tensors(&scene, &format!("{out}/{STUDENT}"));
    let (still, slow, fast, scratch) = (of("still"), of("slow"), of("fast"), of("scratch"));
    assert!(six.keys().eq(still.keys()));
    for key in six.keys().filter(|key| !follows(key)) {
        assert_eq!(still[key] == six[key], !own(key), "{key}");
    }
    // How far the first convolution has gone: a tenth of the rate is less than the whole.
    let key = "layers.conv.0.weight";
    let far = |of: &BTreeMap<String, Vec<u8>>| {
        let values = |bytes: &[u8]| bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect::<Vec<_>>();
        values(&of[key]).iter().zip(values(&six[key])).map(|(a, b)| (a - b).abs()).sum::<f32>()
    };
    assert!(0.0 < far(&slow) && far(&slow) < 0.5 * far(&fast), "{} {}", far(&slow), far(&fast));
    assert!(far(&fast) < far(&scratch), "{} {}", far(&fast), far(&scratch));

    let note: Value = serde_json::from_slice(&std::fs::read(scene.at("slow/run.json")).unwrap()).unwrap();
    let initial = &note["initial"];
    assert_eq!((&initial["name"], initial["rate"].as_f64()), (&"six.safetensors".into(), Some(0.1)));
    assert!(initial["fingerprint"].as_str().is_some_and(|hash| hash.len() > 16), "{initial}");
    let card = std::fs::read_to_string(scene.at("slow/seed-2/student.safetensors.json")).unwrap();
    assert!(card.contains("begun with six.safetensors"), "{card}");
    // What was trained judges the new classes like any observer.
    let line = scene.line(&format!("evaluate --data other --network slow/{STUDENT} --device cpu")).last();
    assert!(line["top1"].is_number());
}

#[test]
fn what_does_not_go_together_is_named() {
    let scene = scene();
    let pretrain = |more: &str| scene.line(&format!("pretrain --data other --device cpu --epochs 1 --batch 6 {more}"));
    pretrain("--student conv4x8 --init six.safetensors --out a")
        .fails(1, &["six.safetensors", "holds a conv3x8, and a conv4x8 is trained", "--student conv3x8"]);
    pretrain("--student conv3x8 --init none.pth --out a").fails(1, &["none.pth"]);
    pretrain("--student conv3x8 --init six.safetensors --init-rate=-1 --out a").fails(2, &["--init-rate -1", "0.1"]);
    pretrain("--student conv3x8 --init-rate 0.1 --out a").fails(2, &["--init"]);
    assert!(!scene.at("a").exists());
    pretrain("--student conv3x8 --init six.safetensors --init-rate 0.1 --out a").last();
    pretrain("--student conv3x8 --init six.safetensors --init-rate 0.2 --out a")
        .fails(1, &["initial weights.rate is 0.1, not 0.2"]);
    pretrain("--student conv3x8 --out a").fails(1, &["initial weights is", "not none"]);
    scene.observer("ten.safetensors", ("conv3x8", 32), 10);
    pretrain("--student conv3x8 --init ten.safetensors --init-rate 0.1 --out a")
        .fails(1, &["initial weights.fingerprint is"]);
    pretrain("--student conv3x8 --out b").last();
    pretrain("--student conv3x8 --init six.safetensors --out b").fails(1, &["initial weights is none, not"]);
}

#[cfg(unix)]
#[test]
fn a_paused_one_goes_on_with_both_rates() {
    use super::machines::{Started, signal};
    let scene = scene();
    let line = |out: &str| {
        let long = "--device cpu --student conv3x8 --epochs 200 --batch 6 --evaluate every:100 --json";
        format!("pretrain --data other {long} --init six.safetensors --init-rate 0.1 --out {out}")
    };
    let mut run = Started::new(&scene, scene.command(line("paused").split_whitespace()));
    run.epochs(3);
    signal("USR2", &run.child);
    assert_eq!(run.end(&scene).0, Some(130));
    scene.line(&line("paused")).last();
    scene.line(&line("straight")).last();
    assert!(outcome(&scene.at("paused")) == outcome(&scene.at("straight")));
}
