//! A distilled set remembers which outputs of its observer its classes are, in whatever order they were taken.

use crate::scene::Scene;

/// Predictions on the set `out`, and what was said.
fn predictions(scene: &Scene, network: &str, more: &str) -> (String, String) {
    let file = format!("{}.csv", more.len() + network.len());
    let _ = std::fs::remove_file(scene.at(&file));
    let run = scene.line(&format!("evaluate --data out --network {network} --device cpu --predictions {file} {more}"));
    assert_eq!(run.code, 0, "{}", run.stderr);
    (std::fs::read_to_string(scene.at(&file)).unwrap(), run.stderr)
}

fn distilled(classes: &str) -> Scene {
    let scene = Scene::with_data(&[6, 6, 6]);
    let run = scene.distill(&format!("--classes {classes} --ipc 3 --patches 1 --subset 6 --out out"));
    assert_eq!(run.code, 0, "{}", run.stderr);
    scene
}

#[test]
fn classes_in_another_order_keep_their_outputs() {
    let scene = distilled("class2,class0,class1");
    scene.write("stated.json", b"[2, 0, 1]");
    scene.write("order.json", b"[0, 1, 2]");
    let (own, said) = predictions(&scene, "observer.safetensors", "");
    assert_eq!(own, predictions(&scene, "observer.safetensors", "--class-map stated.json").0);
    assert_ne!(own, predictions(&scene, "observer.safetensors", "--class-map order.json").0, "a test that tells");
    assert!(!said.contains("--class-map"), "{said}");
    // Of other weights the set knows nothing: the order is taken, and the doubt is said.
    scene.observer("another.safetensors", ("conv3x16", 32), 3);
    let (_, said) = predictions(&scene, "another.safetensors", "");
    assert!(said.contains("in the order [2, 0, 1]") && said.contains("--class-map"), "{said}");
}

#[test]
fn a_part_of_the_classes_keeps_its_outputs_pruned_or_not() {
    for prune in ["", " --prune"] {
        let scene = distilled(&format!("class2,class0{prune}"));
        scene.write("stated.json", b"[2, 0]");
        let (own, _) = predictions(&scene, "observer.safetensors", "");
        assert_eq!(own, predictions(&scene, "observer.safetensors", "--class-map stated.json").0, "{prune}");
    }
}
