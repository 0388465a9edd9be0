//! Folders whose classes, splits, sizes and counts are as they come.
//!
//! | kind | what happens now |
//! |---|---|
//! | classes called 0 … 11, a network that counts | outputs are taken in order of number, which is said |
//! | the same, a network of torchvision's order 0, 1, 10, 11, 2 … | `check` and `distill` take it, since the network confirms it; `evaluate` says what would be better |
//! | no test split | judged by the training images with a note; `--holdout 0.1` keeps some out of everything else |
//! | a test split and `--holdout` | refused |
//! | classes with fewer images than IPC·N | refused before anything is scored, all of them named; `--short-classes fewer` distils what there is |
//! | one image of another size | the median decides the side, and the difference is said |
//! | a damaged `manifest.json` in a distilled set | it is said that what it told is not known |
//! | any command, with `--json` or without | the last line on standard output is the result |

use serde_json::Value;
use stillroom::core::data::normalise::MeanStd;
use stillroom::engine::nets::NetworkSpec;

use crate::answered::answered;
use crate::scene::{Run, Scene, png, tree};

const CLASSES: usize = 12;

/// `data/0` … `data/11`, filed under the answers of the network in `observer.safetensors`, whose outputs are the classes in
/// the order of `names`.
fn numbered(names: &[String]) -> Scene {
    let scene = Scene::new();
    let spec = NetworkSpec { arch: "conv3x16".parse().unwrap(), side: 32, classes: CLASSES };
    let (answers, file) = answered(&spec, 240, MeanStd::IMAGENET);
    for (image, class) in answers.into_iter().enumerate() {
        scene.write(format!("data/{}/{image:03}.png", names[class]), &png(&format!("image {image}"), 32));
    }
    scene.write("observer.safetensors", &file);
    scene
}

fn in_order_of(text: bool) -> Vec<String> {
    let mut names: Vec<String> = (0..CLASSES).map(|class| class.to_string()).collect();
    if text {
        names.sort();
    }
    names
}

const ON: &str = "--data data --device cpu";

fn top1(run: &Run) -> f64 {
    run.last()["top1"].as_f64().unwrap()
}

fn manifest(scene: &Scene, set: &str) -> Value {
    serde_json::from_slice(&std::fs::read(scene.at(set).join("manifest.json")).unwrap()).unwrap()
}

#[test]
fn integers_are_taken_in_order_of_number() {
    let scene = numbered(&in_order_of(false));
    let evaluate = |more: &str| scene.line(&format!("evaluate {ON} --network observer.safetensors {more}"));
    let run = evaluate("");
    assert!(top1(&run) >= 98.0, "{}", run.stderr);
    run.says(&["the classes are integers", "--class-order text"]);
    let run = evaluate("--class-order number");
    assert!(top1(&run) >= 98.0 && !run.stderr.contains("are integers"), "{}", run.stderr);
    assert!(top1(&evaluate("--class-order text")) < 60.0, "a test that tells");
    evaluate("--class-order numbers").fails(2, &["give number, text or auto"]);

    let run = scene.line(&format!("check {ON} --observer observer.safetensors"));
    assert!(top1(&run) >= 98.0, "{}", run.stderr);
    let order = &run.last()["order"];
    assert_eq!((order["taken"].as_str(), order["confirmed"].as_bool()), (Some("number"), Some(true)), "{order}");
    run.says(&["that of number is taken, as the observer confirms"]);

    let distil = format!("distill {ON} --observer observer.safetensors --ipc 1 --patches 1 --subset 4 --crops 0");
    scene.line(&format!("{distil} --out out")).last();
    let set = manifest(&scene, "out");
    assert_eq!(set["observer"]["outputs"], serde_json::json!([0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9]));
    assert_eq!(set["observer"]["class_order"], "number");
    // The set is called by the numbers, too: for its own observer, and for a copy with another checksum.
    assert!(top1(&scene.line("evaluate --data out --network observer.safetensors --device cpu")) >= 90.0);
    scene.line("convert --observer observer.safetensors --out half.safetensors --half").last();
    scene.line("evaluate --data out --network half.safetensors --device cpu").says(&["the classes are integers"]);
}

#[test]
fn the_order_that_the_observer_confirms_is_taken() {
    let scene = numbered(&in_order_of(true));
    let run = scene.line(&format!("evaluate {ON} --network observer.safetensors"));
    assert!(top1(&run) < 60.0, "{}", run.stderr);
    run.says(&["the classes are integers", "give --class-order text"]);
    assert!(top1(&scene.line(&format!("evaluate {ON} --network observer.safetensors --class-order text"))) >= 98.0);

    let run = scene.line(&format!("check {ON} --observer observer.safetensors"));
    assert!(top1(&run) >= 98.0, "{}", run.stderr);
    assert_eq!(run.last()["order"]["taken"], "text");
    run.says(&["that of text is taken, as the observer confirms"]);
    let run = scene.line(&format!("check {ON} --observer observer.safetensors --prune"));
    assert!(top1(&run) >= 98.0, "pruned outputs have an order, too: {}", run.stderr);
    // Whoever says an order is not asked.
    let run = scene.line(&format!("check {ON} --observer observer.safetensors --class-order number"));
    assert!(top1(&run) < 60.0 && run.last()["order"].is_null(), "{}", run.stderr);

    let distil = format!("distill {ON} --observer observer.safetensors --ipc 1 --patches 1 --subset 4 --crops 1");
    let run = scene.line(&format!("{distil} --out found"));
    run.last();
    run.says(&["that of text is taken"]);
    scene.line(&format!("{distil} --class-order text --out said")).last();
    assert_eq!(tree(&scene.at("found")), tree(&scene.at("said")), "found or said, the same bytes");
    let in_text: Vec<usize> = (0..CLASSES).collect();
    assert_eq!(manifest(&scene, "found")["observer"]["outputs"], serde_json::json!(in_text));
    assert_eq!(manifest(&scene, "found")["observer"]["class_order"], "text");
}

#[test]
fn a_share_can_be_held_out_where_there_is_no_test_split() {
    let scene = Scene::with_data(&[20, 10, 1]);
    let on = "--data data --observer observer.safetensors --device cpu";
    let run = scene.line(&format!("check {on}"));
    run.last();
    run.says(&["no test split", "--holdout"]);
    let run = scene.line(&format!("check {on} --holdout 0.2"));
    assert_eq!(run.last()["images"], 4 + 2, "a share of each class, nothing of a single image");
    run.says(&["6 of 31 images are held out (--holdout 0.2)"]);

    scene.write("two.json", b"[0, 1]");
    let distil = "--classes class0,class1 --ipc 2 --patches 1 --subset 20 --crops 1";
    scene.distill(&format!("{distil} --holdout 0.2 --out out")).last();
    let set = manifest(&scene, "out");
    assert_eq!(set["dataset"]["holdout"], "0.2");
    assert_eq!(
        set["classes"].as_array().unwrap().iter().map(|c| c["scored"].as_u64()).collect::<Vec<_>>(),
        [Some(16), Some(8)]
    );
    // What is evaluated is what was not distilled.
    scene
        .line("evaluate --data data --network observer.safetensors --device cpu --holdout 0.2 --predictions p.csv")
        .last();
    let held_out = std::fs::read_to_string(scene.at("p.csv")).unwrap();
    let held_out: Vec<&str> = held_out.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    let text = std::fs::read_to_string(scene.at("out/manifest.json")).unwrap();
    assert_eq!(held_out.len(), 6);
    assert!(held_out.iter().all(|image| !text.contains(image)), "{held_out:?}");

    let run = scene.line(
        "relabel --data out --observer observer.safetensors --class-map two.json --device cpu --epochs 1 --holdout 0.2 \
         --out labels",
    );
    assert_eq!(run.last()["images"], 4, "a distilled set is labelled as it is: {}", run.stderr);

    let train = "train --data out --student conv3x8 --labels hard --loss hard-ce --epochs 1 --batch 4 --device cpu";
    let run = scene.line(&format!("{train} --val data --holdout 0.2 --out t"));
    run.last();
    assert!(!run.stderr.contains("were distilled with"), "{}", run.stderr);
    let note: Value = serde_json::from_slice(&std::fs::read(scene.at("t/run.json")).unwrap()).unwrap();
    assert_eq!(note["asked"]["holdout"], "0.2");
    let run = scene.line(&format!("{train} --val data --holdout 0.3 --out other"));
    run.says(&["distilled with --holdout 0.2, and are evaluated with --holdout 0.3"]);
    scene.distill(&format!("{distil} --out whole")).last();
    scene
        .line(&format!("{} --val data --out seen", train.replace("--data out", "--data whole")))
        .says(&["the very ones"]);
    let run = scene.line(
        "pretrain --data data --student conv3x8 --epochs 1 --batch 4 --device cpu --holdout 0.2 --out pretrained",
    );
    run.last();
    assert!(!run.stderr.contains("no test split"), "{}", run.stderr);

    std::fs::create_dir(scene.at("split")).unwrap();
    std::fs::rename(scene.at("data"), scene.at("split/train")).unwrap();
    let check =
        |more: &str| scene.line(&format!("check --data split --observer observer.safetensors --device cpu {more}"));
    assert_eq!(check("--holdout 0.2").last()["images"], 6, "a training split alone is divided likewise");
    scene.write("split/val/class0/0.png", &png("0", 32));
    check("--holdout 0.2").fails(1, &["split: it has a test split already"]);
    check("--holdout 1").fails(2, &["between 0 and 1"]);
}

#[test]
fn long_tails_have_what_their_images_fill() {
    let scene = Scene::with_data(&[20, 9, 5, 2]);
    let run = scene.distill("--ipc 3 --patches 4 --subset 20 --crops 1 --out out");
    run.fails(1, &["3 classes", "IPC·N = 12", "'class1' (9), 'class2' (5), 'class3' (2)", "--short-classes fewer"]);
    assert!(!run.stderr.contains("score "), "{}", run.stderr);
    let fewer = "--short-classes fewer --patches 4 --subset 20 --crops 1";
    scene
        .distill(&format!("{fewer} --ipc 3 --out out"))
        .fails(1, &["class 'class3'", "2 usable images", "= 4 patches"]);
    let classes = "--classes class0,class1,class2";
    for strategy in ["realism", "kmeans"] {
        let run = scene.distill(&format!("{fewer} --ipc 3 --strategy {strategy} {classes} --out {strategy}"));
        assert_eq!(run.last()["images"], 3 + 2 + 1, "{}", run.stderr);
        run.says(&["class 'class1' has 9 usable images: 2 distilled images", "class 'class2' has 5 usable images: 1"]);
        let set = manifest(&scene, strategy);
        let counts: Vec<usize> =
            set["classes"].as_array().unwrap().iter().map(|c| c["images"].as_array().unwrap().len()).collect();
        assert_eq!((counts, &set["recipe"]["short_classes"]), (vec![3, 2, 1], &Value::from("fewer")));
    }
    // Whoever reads sets takes classes of any size.
    let on = "--data realism --observer observer.safetensors --device cpu --class-map map.json";
    scene.write("map.json", b"[0, 1, 2]");
    assert_eq!(scene.line(&format!("relabel {on} --epochs 1 --out labels")).last()["images"], 6);
    let run = scene.line(&format!("train {on} --val data --student conv3x8 --epochs 1 --batch 4 --out trained"));
    run.last();
    // Several sizes, and a long tail in each.
    let run = scene.distill(&format!("{fewer} --ipc 3,1 --nested {classes} --out sizes"));
    assert_eq!(run.last()["images"], 6 + 3, "{}", run.stderr);
    let evaluated =
        scene.line("evaluate --data sizes/ipc-1 --network observer.safetensors --device cpu --class-map map.json");
    assert_eq!(evaluated.last()["images"], 3);
}

#[test]
fn one_image_of_another_size_decides_nothing() {
    let scene = Scene::with_data(&[8, 8]);
    scene.observer("any.safetensors", ("resnet18_modified", 32), 2);
    scene.write("data/class0/0000.png", &png("large", 200));
    let run = scene.line("evaluate --data data --network any.safetensors --device cpu");
    run.last();
    run.says(&["at side 32", "shorter sides from 32 to 200 pixels", "--side"]);
    scene.write("data/class0/0000.png", &png("small", 1));
    let pretrain = "pretrain --data data --student conv3x8 --epochs 1 --batch 8 --device cpu";
    let run = scene.line(&format!("{pretrain} --out out"));
    run.last();
    run.says(&["from 1 to 32 pixels", "median, 32"]);
    let note: Value = serde_json::from_slice(&std::fs::read(scene.at("out/run.json")).unwrap()).unwrap();
    assert_eq!(note["side"], 32);
}

#[test]
fn a_damaged_manifest_is_said() {
    let scene = Scene::with_data(&[6, 6]);
    scene.distill("--ipc 2 --patches 1 --subset 6 --crops 1 --out out").last();
    let evaluate = || scene.line("evaluate --data out --network observer.safetensors --device cpu");
    assert!(!evaluate().stderr.contains("manifest.json"));
    let text = std::fs::read(scene.at("out/manifest.json")).unwrap();
    scene.write("out/manifest.json", &text[..text.len() / 2]);
    let run = evaluate();
    run.last();
    run.says(&["out/manifest.json: ", "is not known", "restore the file"]);
    let run = scene.line(
        "train --data out --val data --observer observer.safetensors --student conv3x8 --epochs 1 \
                          --device cpu --out t",
    );
    run.last();
    run.says(&["out/manifest.json: "]);
    // A file of that name that speaks of something else is none of ours.
    scene.write("data/manifest.json", br#"{"name": "My app", "icons": []}"#);
    let run = scene.line("evaluate --data data --network observer.safetensors --device cpu");
    run.last();
    assert!(!run.stderr.contains("manifest.json"), "{}", run.stderr);
}

/// Programs read the last line alone.
#[test]
fn the_last_line_is_the_result() {
    let scene = Scene::with_data(&[6, 6]);
    let on = "--data data --observer observer.safetensors --device cpu";
    let recipe = "--patches 1 --subset 6 --crops 1 --force";
    let short = "--student conv3x8 --device cpu";
    for (at, json) in ["", " --json"].into_iter().enumerate() {
        for (job, line) in [
            ("check", format!("check {on} --write-class-map map{at}.json")),
            (
                "evaluate",
                format!("evaluate --data data --network observer.safetensors --device cpu --predictions p{at}.csv"),
            ),
            ("convert", format!("convert --observer observer.safetensors --out half{at}.pth --half")),
            ("distill", format!("distill {on} {recipe} --ipc 2 --out set{at}")),
            ("distill", format!("distill {on} {recipe} --ipc 2,1 --out sizes{at}")),
            (
                "relabel",
                format!("relabel --data set{at} --observer observer.safetensors --device cpu --epochs 1 --out l{at}"),
            ),
            (
                "train",
                format!(
                    "train --data set{at} --val data --observer observer.safetensors {short} --epochs 1 --out t{at}"
                ),
            ),
            ("pretrain", format!("pretrain --data data {short} --epochs 1 --out o{at}")),
            (
                "ablate",
                format!(
                    "ablate --series grid {on} {recipe} --student conv3x8 --ipc 1 --seeds 1 --train epochs=1 --out a{at}"
                ),
            ),
            ("sample", format!("sample --out sample{at}")),
            ("networks", "networks".to_owned()),
            ("devices", "devices".to_owned()),
            ("forward", "bench forward --arch conv3x8 --side 32 --batch 2 --repeat 1 --device cpu".to_owned()),
            ("distill", format!("bench distill {on} --ipc 1 --patches 1 --subset 6 --crops 1")),
        ] {
            let run = scene.line(&format!("{line}{json}"));
            assert_eq!(run.last()["job"], job, "{line}{json}");
        }
    }
}
