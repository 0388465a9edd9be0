//! The main job on real images with real observers.

use crate::cli::{check_output, counts, kill_and_resume};
use crate::scene::{Scene, assert_same_trees, data, shared};

/// Dataset and observer as arguments.
fn arguments(dataset: &str, weights: &str) -> String {
    let weights = shared("weights").join(weights);
    format!("--data {} --observer {} --device cpu", data(dataset).display(), weights.display())
}

fn cifar10() -> String {
    format!("distill {}", arguments("cifar10", "resnet20-12fca82f.th"))
}

fn tiny_imagenet() -> String {
    format!("distill {}", arguments("tiny-imagenet-20", "tiny20_conv4.pth"))
}

#[test]
fn cifar10_at_one_and_four_patches() {
    let scene = Scene::new();
    for (n, ipc) in [(1, 10), (4, 5)] {
        let line = format!("{} --ipc {ipc} --patches {n} --subset 60 --project p --out n{n}", cifar10());
        assert_eq!(counts(&scene.line(&line).last()), (0, 10 * 60 * 5));
        let manifest = check_output(&scene.at(format!("n{n}")), &data("cifar10"));
        assert_eq!((manifest.classes.len(), manifest.classes[3].name.as_str()), (10, "cat"));
        assert!(manifest.classes.iter().all(|c| (c.scored, c.broken, c.images.len()) == (60, 0, ipc)));
        // A good observer finds crops of every class that it rather believes than not: ln 2, where chance is ln 10.
        let best = manifest.classes.iter().map(|c| c.images[0].cells()[0].loss).fold(0.0, f32::max);
        assert!(best < std::f32::consts::LN_2, "the best patch of some class has the loss {best}");
    }
}

#[test]
fn tiny_imagenet_with_conv4() {
    let scene = Scene::new();
    let line = format!("{} --ipc 2 --patches 4 --subset 20 --out out", tiny_imagenet());
    let last = scene.line(&line).last();
    assert_eq!((counts(&last), last["images"].as_u64()), ((0, 20 * 20 * 5), Some(40)));
    let manifest = check_output(&scene.at("out"), &data("tiny-imagenet-20"));
    assert_eq!(manifest.classes.len(), 20);
    assert_eq!(manifest.classes[0].title.as_deref(), Some("goldfish, Carassius auratus"));
}

#[test]
fn threads_and_batches_don_t_change_a_byte() {
    let scene = Scene::new();
    for (i, more) in ["--threads 1 --batch 64", "--threads 2 --batch 300"].iter().enumerate() {
        let line = format!("{} --ipc 5 --subset 40 --project p{i} --out out{i} {more}", cifar10());
        assert_eq!(counts(&scene.line(&line).last()), (0, 10 * 40 * 5));
    }
    assert_same_trees(&scene.at("out0"), &scene.at("out1"));
}

#[test]
fn ten_kills_on_cifar10() {
    kill_and_resume(&Scene::new(), &format!("{} --ipc 10 --patches 1 --subset 60", cifar10()), 10);
}

#[test]
fn kills_on_tiny_imagenet() {
    kill_and_resume(&Scene::new(), &format!("{} --ipc 1 --patches 4 --subset 12", tiny_imagenet()), 2);
}

#[test]
fn a_wrong_class_order_is_refused_and_its_remedy_works() {
    let scene = Scene::new();
    // Classes 0 to 9 in another order: every one goes to a wrong output.
    scene.write("wrong.json", b"[3, 0, 1, 2, 5, 6, 4, 8, 9, 7]");
    let recipe = "--ipc 1 --patches 1 --subset 10";
    let refused = scene.line(&format!("{} {recipe} --class-map wrong.json --out out", cifar10()));
    refused.fails(1, &["wrong order", "stillroom check", "--write-class-map", "--force"]);
    assert!(!scene.at("out").exists());
    let arguments = arguments("cifar10", "resnet20-12fca82f.th");
    let check = scene.line(&format!("check {arguments} --class-map wrong.json --write-class-map right.json")).last();
    assert_eq!(check["verdict"], "refused");
    assert_eq!(check["class_map"], serde_json::json!([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
    assert!(check["top1"].as_f64() < Some(20.0) && check["top1_remapped"].as_f64() > Some(75.0), "{check}");
    scene.line(&format!("{} {recipe} --class-map right.json --out out", cifar10())).last();
    scene.line(&format!("{} {recipe} --out plain", cifar10())).last();
    assert_same_trees(&scene.at("out"), &scene.at("plain"));
    let forced = scene.line(&format!("{} {recipe} --class-map wrong.json --force --out forced", cifar10()));
    forced.says(&["going on: --force"]);
    forced.last();
}

#[test]
fn cut_observers_are_named() {
    let scene = Scene::with_data(&[2; 10]);
    for name in ["resnet20-12fca82f.th", "cifar10_conv3.pth"] {
        let whole = std::fs::read(shared("weights").join(name)).unwrap();
        for part in [4, 2] {
            let cut = format!("{part}-{name}");
            scene.write(&cut, &whole[..whole.len() - whole.len() / part]);
            scene.line(&format!("distill --data data --observer {cut} --force --out out")).fails(1, &[&cut]);
        }
    }
}

#[test]
fn photographs_of_many_sizes_and_a_vast_one() {
    let scene = Scene::new();
    // The sample has one folder of photographs; a dataset needs a class.
    for entry in std::fs::read_dir(data("imagenet-sample")).unwrap() {
        let path = entry.unwrap().path();
        let class = if path.to_str().unwrap().contains("n02") { "animals" } else { "others" };
        scene.write(scene.at("data").join(class).join(path.file_name().unwrap()), &std::fs::read(&path).unwrap());
    }
    // 20,000×20,000 pixels of one bit, 50 MB of zeros that take no room on disk; 1.2 GB of RGB.
    scene.write("data/others/vast.bmp", &one_bit_bmp(20_000));
    let file = std::fs::OpenOptions::new().write(true).open(scene.at("data/others/vast.bmp")).unwrap();
    file.set_len(62 + 2500 * 20_000).unwrap();
    scene.observer("observer.safetensors", ("conv3x32", 32), 2);
    let run = scene.distill("--ipc 2 --patches 4 --subset 300 --crops 2 --out out");
    assert_eq!(run.last()["broken_images"], 0, "{}", run.stderr);
    let manifest = check_output(&scene.at("out"), &scene.at("data"));
    assert_eq!(manifest.classes.iter().map(|c| c.scored).sum::<u32>(), 201);
}

/// Header and palette of a black-and-white BMP whose rows end at 4 bytes.
fn one_bit_bmp(side: u32) -> Vec<u8> {
    let mut bytes = b"BM".to_vec();
    for value in [62 + side / 8 * side, 0, 62, 40, side, side] {
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend([1, 0, 1, 0]);
    for value in [0, side / 8 * side, 2835, 2835, 2, 0, 0, 0x00FF_FFFF] {
        bytes.extend(value.to_le_bytes());
    }
    bytes
}

/// `../shared/parity/generate_methods.py`: herding on the 64 features of the first sixty airplanes, from files to picks.
#[test]
fn herding_picks_as_pytorch_does() {
    let notes: serde_json::Value =
        serde_json::from_slice(&std::fs::read(shared("parity/losses.json")).unwrap()).unwrap();
    let expected: Vec<usize> = serde_json::from_value(notes["herding"]["picked"].clone()).unwrap();
    assert_eq!((notes["herding"]["class"].as_str(), expected.len()), (Some("airplane"), 10));
    let scene = Scene::new();
    let classes = std::fs::read_dir(data("cifar10").join("train")).unwrap().map(|e| e.unwrap().path());
    let mut airplanes = Vec::new();
    for class in classes {
        let name = class.file_name().unwrap().to_str().unwrap().to_owned();
        let mut files: Vec<_> = std::fs::read_dir(&class).unwrap().map(|e| e.unwrap().path()).collect();
        files.sort_unstable();
        // The others are there for their outputs alone.
        let count = if name == "airplane" { 60 } else { 1 };
        for file in &files[..count] {
            let within = format!("{name}/{}", file.file_name().unwrap().to_str().unwrap());
            scene.write(format!("data/{within}"), &std::fs::read(file).unwrap());
            if name == "airplane" {
                airplanes.push(within);
            }
        }
    }
    let observer = shared("weights/resnet20-12fca82f.th");
    let recipe = "--classes airplane --strategy herding --crops 0 --patches 1 --ipc 10 --subset 60";
    for (out, seed) in [("a", 0), ("b", 9)] {
        let line = format!("--data data --observer {} --device cpu --seed {seed} --out {out}", observer.display());
        scene.line(&format!("distill {line} {recipe}")).last();
        let manifest = check_output(&scene.at(out), &scene.at("data"));
        let picked: Vec<_> = manifest.classes[0].images.iter().map(|i| i.cells()[0].source.clone()).collect();
        let due: Vec<_> = expected.iter().map(|&i| airplanes[i].clone()).collect();
        assert_eq!(picked, due, "the order of the pool, drawn by seed {seed}, doesn't matter");
    }
}
