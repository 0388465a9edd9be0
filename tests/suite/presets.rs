//! `--preset` with presets of one's own: by name or by file, for distilling and for trainings.

use serde_json::{Value, json};
use stillroom::core::distil::rded::Rded;
use stillroom::core::distil::recipe::Recipe;
use stillroom::core::train::recipe::{LabelSource, Mixing, TrainRecipe};

use super::scene::{Run, Scene};

fn preset(kind: &str, recipe: &impl serde::Serialize) -> Vec<u8> {
    let file = json!({"format": 1, "kind": kind, "name": "any", "about": "", "recipe": recipe});
    serde_json::to_vec(&file).unwrap()
}

/// A scene with images, and a preset of each kind among the user's settings.
fn scene() -> Scene {
    let scene = Scene::with_data(&[6; 3]);
    let own = Rded { patches: 1, subset: 6, crops: 2, ..Rded::default() };
    let recipe: Recipe = Recipe { ipc: 2, seed: 9, method: own, ..Recipe::default() }.into();
    scene.write("home/.config/stillroom/presets/small.json", &preset("recipe", &recipe));
    let training = TrainRecipe { epochs: 2, batch: 3, seed: 4, ..TrainRecipe::default() };
    let training = TrainRecipe { labels: LabelSource::Hard, mixing: Mixing::None, statistics_twice: false, ..training };
    let training = TrainRecipe { loss: stillroom::core::train::loss::Loss::HardCrossEntropy, ..training };
    scene.write("home/.config/stillroom/presets/short.json", &preset("training", &training));
    scene
}

/// The program with the scene's own settings.
fn run(scene: &Scene, line: &str) -> Run {
    let mut command = scene.command(line.split_whitespace());
    command.env("XDG_CONFIG_HOME", scene.at("home/.config")).output().unwrap().into()
}

fn record(scene: &Scene, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(scene.at(name)).unwrap()).unwrap()
}

const DISTILL: &str = "distill --data data --observer observer.safetensors --force --device cpu";

#[test]
fn a_preset_is_taken_by_name_or_file_and_flags_override_it() {
    let scene = scene();
    run(&scene, &format!("{DISTILL} --preset small --out by-name")).last();
    let recipe = record(&scene, "by-name/manifest.json")["recipe"].clone();
    assert_eq!([&recipe["ipc"], &recipe["patches"], &recipe["subset"], &recipe["seed"]], [2, 1, 6, 9]);
    std::fs::copy(scene.at("home/.config/stillroom/presets/small.json"), scene.at("passed on.json")).unwrap();
    let line = format!("{DISTILL} --ipc 3 --out by-file --preset");
    let mut command = scene.command(line.split_whitespace().chain(["passed on.json"]));
    Run::from(command.output().unwrap()).last();
    let of_file = record(&scene, "by-file/manifest.json")["recipe"].clone();
    assert_eq!([&of_file["ipc"], &of_file["patches"], &of_file["seed"]], [3, 1, 9]);

    let train = "train --data by-name --val data --device cpu --student conv3x8 --out student --preset short";
    run(&scene, &format!("{train} --batch 2")).last();
    let recipe = record(&scene, "student/run.json")["recipe"].clone();
    assert_eq!([&recipe["epochs"], &recipe["batch"], &recipe["seed"]], [2, 2, 4]);
}

/// A name that the program got later goes on meaning what the user saved under it, and only of that kind.
#[test]
fn saved_names_outlast_new_ones_of_the_programs() {
    let scene = scene();
    let folder = scene.at("home/.config/stillroom/presets");
    std::fs::copy(folder.join("short.json"), folder.join("lic.json")).unwrap();
    std::fs::copy(folder.join("small.json"), folder.join("cda.json")).unwrap();
    scene.distill("--ipc 2 --patches 1 --subset 6 --crops 2 --out set").last();
    let observer = "--observer observer.safetensors --student conv3x8 --device cpu --epochs 1";
    let train = format!("train --data set --val data {observer}");
    run(&scene, &format!("{train} --labels hard --preset lic --out a")).says(&["this is your own preset"]);
    assert_eq!(record(&scene, "a/run.json")["recipe"]["batch"], 3);
    run(&scene, &format!("{train} --preset cda --out b")).last();
    assert_eq!(record(&scene, "b/run.json")["recipe"]["batch"], 6, "what distils is no training");
}

#[test]
fn presets_that_do_not_fit_are_refused_with_the_reason() {
    let scene = scene();
    run(&scene, &format!("{DISTILL} --out x --preset short"))
        .fails(2, &["--preset short says how a network is trained; give one that says how images are distilled"]);
    run(&scene, &format!("{DISTILL} --out x --preset smal"))
        .fails(2, &["there is no preset 'smal'; there are rded", "lic-l2, small"]);
    run(&scene, &format!("{DISTILL} --out x --preset nowhere.json")).fails(2, &["nowhere.json", "does not exist"]);
    scene.write("torn.json", b"{\"format\": 1, \"kind\"");
    run(&scene, &format!("{DISTILL} --out x --preset torn.json")).fails(2, &["torn.json: this is no preset"]);
    let train = "train --data data --val data --device cpu --student conv3x8 --out x --preset small";
    run(&scene, train).fails(2, &["--preset small says how images are distilled"]);
    assert!(!scene.at("x").exists());
}
