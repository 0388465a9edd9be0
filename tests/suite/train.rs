//! `relabel`, `train` and `pretrain` as a user runs them: the loop closes, labels replay, nothing is lost.

use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use serde_json::Value;

use super::cli::random;
use super::scene::{Run, Scene};

/// Everything of a training's folder that decides what a reader sees: weights as bytes, curves without their times.
pub fn outcome(folder: &Path) -> (Vec<Vec<u8>>, Vec<Value>) {
    let note: Value = serde_json::from_slice(&std::fs::read(folder.join("run.json")).unwrap()).unwrap();
    assert_eq!(note["status"], "done");
    let mut curves = note["curves"].as_array().unwrap().clone();
    let mut weights = Vec::new();
    for curve in &mut curves {
        let seed = folder.join(format!("seed-{}", curve["seed"]));
        assert!(!seed.join("checkpoint.safetensors").exists());
        for name in ["student.safetensors", "best.safetensors", "student.safetensors.json"] {
            weights.push(std::fs::read(seed.join(name)).unwrap());
        }
        for point in curve["points"].as_array_mut().unwrap() {
            point.as_object_mut().unwrap().remove("seconds").unwrap();
        }
    }
    (weights, curves)
}

fn scene() -> Scene {
    let scene = Scene::with_data(&[12; 4]);
    scene.distill("--ipc 3 --patches 1 --subset 12 --crops 2 --out small").last();
    scene
}

const ON: &str = "--data small --val data --device cpu";
const SHORT: &str = "--epochs 6 --batch 4 --student conv3x8 --evaluate every:2";

fn train(scene: &Scene, more: &str) -> Run {
    scene.line(&format!("train {ON} {SHORT} {more}"))
}

#[test]
fn the_loop_closes_and_repeats_itself() {
    let scene = scene();
    let soft = "--observer observer.safetensors --seeds 2";
    let line = train(&scene, &format!("{soft} --out a")).last();
    assert_eq!((line["job"].as_str(), line["best"].as_array().map(Vec::len)), (Some("train"), Some(2)));
    for field in ["top1_mean", "top1_std", "seconds", "steps_per_second", "peak_rss_mib"] {
        assert!(line[field].is_number(), "{field}: {line}");
    }
    let (weights, curves) = outcome(&scene.at("a"));
    let evaluated = |c: &Value| {
        let points = c["points"].as_array().unwrap().iter();
        points.filter(|p| !p["evaluated"].is_null()).map(|p| p["epoch"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(curves.iter().map(evaluated).collect::<Vec<_>>(), [[1, 3, 5], [1, 3, 5]]);
    // Threads change nothing; seeds do.
    train(&scene, &format!("{soft} --threads 1 --out b")).last();
    assert!(outcome(&scene.at("b")) == (weights.clone(), curves));
    assert!(weights[0] != weights[3]);
    // Done already: nothing is trained again, and the same line comes.
    let again = train(&scene, &format!("{soft} --out a")).last();
    assert_eq!((&again["best"], again["steps_per_second"].as_f64()), (&line["best"], Some(0.0)));
    // What was trained is a network that other commands take by its card.
    let student = scene.line("evaluate --data data --network a/seed-0/student.safetensors --device cpu").last();
    assert_eq!(student["top1"], line["last"][0]);
}

/// The same training, from labels that were stored with all their digits.
#[test]
fn stored_labels_give_the_training_they_were_made_for() {
    let scene = scene();
    let recipe = "--epochs 6 --batch 4 --seed 7";
    let relabel = format!("relabel --data small --observer observer.safetensors --device cpu {recipe}");
    let told = scene.line(&format!("{relabel} --precision full --out none --dry-run")).last();
    assert!(!scene.at("none").exists());
    let line = scene.line(&format!("{relabel} --precision full --out labels")).last();
    assert_eq!((line["bytes"].as_u64(), line["images"].as_u64()), (told["bytes"].as_u64(), Some(12)));
    let files = std::fs::read_dir(scene.at("labels")).unwrap().map(Result::unwrap);
    // The lock's file is no label.
    let files = files.filter(|f| f.file_name().to_string_lossy().contains('.'));
    let on_disk: u64 = files.map(|f| f.metadata().unwrap().len()).sum();
    assert!(on_disk.abs_diff(told["bytes"].as_u64().unwrap()) * 100 <= on_disk, "{on_disk} bytes, told {told}");
    train(&scene, "--seed 7 --observer observer.safetensors --out online").last();
    // What the labels were made with is taken from them.
    let line = format!("train {ON} --student conv3x8 --evaluate every:2 --seed 7 --stored-labels labels --out stored");
    scene.line(&line).last();
    assert!(outcome(&scene.at("online")) == outcome(&scene.at("stored")));
    // Half of the digits: nearly the same; a few logits: something like it.
    for (precision, out) in [("half", "labels16"), ("top:2", "labels2")] {
        scene.line(&format!("{relabel} --precision {precision} --out {out}")).last();
        let run = format!("--seed 7 --stored-labels {out} --out from-{out}");
        assert!(train(&scene, &run).last()["best"][0].is_number());
    }
    // Labels of another set, or for another recipe, are refused by name.
    scene.distill("--ipc 3 --patches 4 --subset 12 --crops 2 --out other").last();
    let other = format!("train --data other --val data --device cpu {SHORT} --stored-labels labels --out x");
    scene.line(&other).fails(1, &["labels", "don't fit"]);
    train(&scene, "--mixing mixup:0.8 --stored-labels labels --out y").fails(1, &["mixing"]);
}

/// Labels written as FKD's files, and such files as labels: nothing is lost on the way.
#[test]
fn labels_go_to_fkd_and_come_back() {
    let scene = scene();
    let relabel = "relabel --data small --observer observer.safetensors --device cpu --epochs 4 --batch 5";
    let there = format!("{relabel} --precision full --seed 7 --out labels");
    scene.line(&format!("{there} --export-fkd fkd")).last();
    assert_eq!(std::fs::read_dir(scene.at("fkd/epoch_3")).unwrap().count(), 3);
    scene.line(&format!("{there} --export-fkd fkd")).fails(1, &["fkd", "not empty"]);
    let line = scene.line(&format!("{relabel} --import-fkd fkd --out back")).last();
    assert_eq!(line["epochs"], 4);
    assert!(line["agreement"].as_f64().unwrap() > 0.9999, "{line}");
    for labels in ["labels", "back"] {
        let line = format!("train {ON} --student conv3x8 --seed 7 --stored-labels {labels} --out from-{labels}");
        scene.line(&line).last();
    }
    assert!(outcome(&scene.at("from-labels")) == outcome(&scene.at("from-back")));
    // Another observer does not know these labels, other images have no such classes.
    scene.distill("--ipc 2 --patches 1 --subset 12 --crops 2 --out fewer").last();
    let fewer = "relabel --data fewer --observer observer.safetensors --device cpu --import-fkd fkd --out x";
    scene.line(fewer).fails(1, &["fkd", "labels 12 images"]);
    train(&scene, "--observer observer.safetensors --out other").last();
    let other =
        "relabel --data small --observer other/seed-0/student.safetensors --device cpu --import-fkd fkd --out x";
    scene.line(other).fails(1, &["the observer says something else", "give the observer"]);
    assert!(!scene.at("x").exists());
}

#[test]
fn five_kills_change_neither_weights_nor_curves() {
    let scene = scene();
    let line = format!(
        "train {ON} --student conv3x8 --epochs 60 --batch 4 --evaluate every:9 --seeds 2 --observer observer.safetensors \
         --checkpoint-every 0"
    );
    let start = Instant::now();
    scene.line(&format!("{line} --out straight")).last();
    let whole = start.elapsed();
    let (mut landed, mut finished) = (0, 0);
    while landed < 5 {
        assert!(finished < 20, "{finished} trainings ended before their kills");
        let mut child = scene.command(format!("{line} --out killed{finished}").split_whitespace());
        let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(whole.mul_f64(0.05 + 0.15 * random()));
        child.kill().unwrap();
        let killed = !child.wait().unwrap().success();
        landed += u32::from(killed);
        finished += u32::from(!killed);
    }
    scene.line(&format!("{line} --out killed{finished}")).last();
    assert!(outcome(&scene.at(format!("killed{finished}"))) == outcome(&scene.at("straight")));
}

#[test]
fn an_observer_from_scratch_observes() {
    let scene = Scene::with_data(&[10; 3]);
    let line = "pretrain --data data --student conv3x8 --device cpu --epochs 2 --batch 8 --out made";
    let last = scene.line(line).last();
    assert_eq!((last["job"].as_str(), last["last"].as_array().map(Vec::len)), (Some("pretrain"), Some(1)));
    let observer = "distill --data data --observer made/seed-0/student.safetensors --force --device cpu --ipc 1 --patches 1 \
                    --subset 10 --out d";
    scene.line(observer).says(&["conv3x8 at side 32, 3 outputs"]);
}

#[test]
fn contradictions_and_other_folders_are_refused() {
    let scene = scene();
    let soft = "--observer observer.safetensors";
    train(&scene, "--out t --labels online").fails(2, &["need an observer", "--observer FILE"]);
    train(&scene, &format!("{soft} --out t --loss hard-ce")).fails(2, &["--mixing"]);
    train(&scene, &format!("{soft} --out t --labels stored")).fails(2, &["--stored-labels DIR"]);
    train(&scene, &format!("{soft} --out t --preset none")).fails(2, &["there is no preset 'none'", "rded"]);
    let none = format!("train {ON} --student conv3x8 {soft} --out t --epochs 0");
    scene.line(&none).fails(2, &["--epochs", "from 1"]);
    scene.line(&format!("train {ON} --student conv3x8 --side 7 --out t")).fails(2, &["conv3x8", "side 7"]);
    assert!(!scene.at("t").exists(), "nothing is made for a request that can't be met");
    scene.write("thesis/years.txt", b"of work");
    train(&scene, &format!("{soft} --out thesis")).fails(1, &["thesis"]);
    assert_eq!(std::fs::read_dir(scene.at("thesis")).unwrap().count(), 1);
    train(&scene, &format!("{soft} --out t")).last();
    train(&scene, &format!("{soft} --out t --lr 0.01")).fails(1, &["t", "rate"]);
    // Evaluation images of other classes.
    scene.write("others/apples/a.png", &super::scene::png("a", 32));
    let line = format!("train --data small --val others --device cpu {SHORT} {soft} --out u");
    scene.line(&line).fails(1, &["others", "classes"]);
}
