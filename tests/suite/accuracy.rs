//! Accuracies on the real test images against PyTorch's (`../shared/weights/README.md`). Pillow decodes JPEG a little
//! otherwise, which is worth 0.3 points at most; `pillow_png.py` beside this file compares on equal pixels, by hand.

use crate::scene::{Scene, data, shared};

/// Top-1 in percent of a network on a dataset's test images.
fn top1(dataset: &str, weights: &str, images: u64) -> f64 {
    let scene = Scene::new();
    let (data, weights) = (data(dataset), shared("weights").join(weights));
    let run = scene.run(&[
        "evaluate",
        "--device",
        "cpu",
        "--data",
        data.to_str().unwrap(),
        "--network",
        weights.to_str().unwrap(),
    ]);
    let line = run.last();
    assert_eq!((line["images"].as_u64(), line["broken"].as_u64()), (Some(images), Some(0)));
    eprintln!("{dataset} {line}");
    line["top1"].as_f64().unwrap()
}

fn assert_near(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 0.3, "{found} % instead of {expected} %");
}

#[test]
fn resnet20_on_cifar10() {
    assert_near(top1("cifar10", "resnet20-12fca82f.th", 10_000), 81.03);
}

#[test]
fn resnet56_on_cifar10() {
    assert_near(top1("cifar10", "resnet56-4bfd9763.th", 10_000), 83.20);
}

#[test]
fn conv4_on_tiny_imagenet() {
    assert_near(top1("tiny-imagenet-20", "tiny20_conv4.pth", 1000), 59.20);
}

/// RDED's pruning keeps the ten outputs of the dataset's classes.
fn imagenette(weights: &str, prune: &str) -> f64 {
    let scene = Scene::new();
    let (data, weights) = (data("imagenette-500"), shared("weights").join(weights));
    let mut args = vec!["evaluate", "--device", "cpu", "--data", data.to_str().unwrap()];
    args.extend(["--network", weights.to_str().unwrap(), "--mean-std"]);
    args.push(if weights.to_str().unwrap().contains("lite0") { "half" } else { "imagenet" });
    args.extend(prune.split_whitespace());
    let line = scene.run(&args).last();
    assert_eq!((line["images"].as_u64(), line["broken"].as_u64()), (Some(1000), Some(0)));
    eprintln!("{} {prune}: {}", weights.display(), line["top1"]);
    line["top1"].as_f64().unwrap()
}

/// timm's file of TensorFlow's network, by its name.
#[test]
fn efficientnet_lite0_on_imagenette() {
    assert_near(imagenette("tf_efficientnet_lite0.safetensors", ""), 73.2);
    assert_near(imagenette("tf_efficientnet_lite0.safetensors", "--prune"), 99.6);
}

#[test]
fn squeezenet_on_imagenette() {
    assert_near(imagenette("squeezenet1_1.safetensors", ""), 56.0);
    assert_near(imagenette("squeezenet1_1.safetensors", "--prune"), 94.7);
}
