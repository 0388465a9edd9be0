//! Students as LIC trains them, through the command line: its preset, and images that are taken apart beforehand.

use serde_json::{Value, json};
use stillroom::core::distil::compose::cells;
use stillroom::core::distil::patch::CropBox;
use stillroom::core::distil::recipe::OutputFormat;
use stillroom::engine::images::decode::decode;
use stillroom::engine::images::encode::encode;

use super::scene::{Run, Scene};
use super::train::outcome;

/// A scene with `mosaics/`, two images of four cells for each of three classes.
fn scene() -> Scene {
    let scene = Scene::with_data(&[12; 3]);
    scene.distill("--ipc 2 --patches 4 --subset 12 --crops 2 --out mosaics").last();
    scene
}

fn train(scene: &Scene, data: &str, more: &str) -> Run {
    let observer = "--observer observer.safetensors --student conv3x8 --device cpu";
    scene.line(&format!("train --data {data} --val data {observer} {more}"))
}

fn record(scene: &Scene, folder: &str) -> Value {
    serde_json::from_slice(&std::fs::read(scene.at(folder).join("run.json")).unwrap()).unwrap()
}

#[test]
fn the_preset_is_lics_protocol() {
    let scene = scene();
    let run = train(&scene, "mosaics", "--preset lic --epochs 8 --out lic");
    run.last();
    run.says(&["report --decode-first on, too", "here conv3x32 teaches conv3x8"]);
    let note = record(&scene, "lic");
    let recipe = &note["recipe"];
    assert_eq!(recipe["cropping"], json!({"cells": 2}));
    assert_eq!(recipe["loss"], json!({"logit_mse": {"hard": 0.0}}));
    assert_eq!((&recipe["dsa"], &recipe["flip"], &recipe["batch"]), (&json!(true), &json!(false), &json!(10)));
    let points = note["curves"][0]["points"].as_array().unwrap();
    let evaluated: Vec<usize> = (0..8).filter(|&at| !points[at]["evaluated"].is_null()).collect();
    assert_eq!(evaluated, [1, 3, 5, 7]);
    // ⌊2·8/3⌋ = 5 and ⌊5·8/6⌋ = 6.
    let rates: Vec<f64> = points.iter().map(|point| point["rate"].as_f64().unwrap()).collect();
    for (rate, due) in rates.iter().zip([1e-3, 1e-3, 1e-3, 1e-3, 1e-3, 2e-4, 4e-5, 4e-5]) {
        assert!((rate / due - 1.0).abs() < 1e-6, "{rates:?}");
    }
}

/// A folder of the cells trains to the very weights of the images that are taken apart.
#[test]
fn images_taken_apart_are_their_cells() {
    let scene = scene();
    for class in 0..3 {
        for image in 0..2 {
            let file = format!("mosaics/{class:05}/class{class:05}_id{image:05}.png");
            let mosaic = decode(&std::fs::read(scene.at(file)).unwrap()).unwrap();
            for (at, cell) in cells(32, 2).into_iter().enumerate() {
                let region = CropBox { top: cell.top, left: cell.left, height: cell.height, width: cell.width };
                let bytes = encode(&mosaic.cut(region).unwrap(), OutputFormat::Png).unwrap();
                scene.write(format!("cells/class{class}/{image}-{at}.png"), &bytes);
            }
        }
    }
    let same = "--side 32 --epochs 3 --batch 8 --shuffle 1 --crop rrc:0.5:1 --dsa on --evaluate last";
    train(&scene, "cells", &format!("{same} --out of-cells")).last();
    train(&scene, "mosaics", &format!("{same} --decode-first on --out apart")).last();
    train(&scene, "mosaics", &format!("{same} --out whole")).last();
    let weights = |folder: &str| std::fs::read(scene.at(folder).join("seed-0/student.safetensors")).unwrap();
    assert!(weights("apart") == weights("of-cells"));
    assert!(weights("apart") != weights("whole"));
    assert_eq!(record(&scene, "apart")["asked"]["images"], 6, "images, not cells");
}

#[test]
fn one_patch_is_its_image_and_what_is_unknown_is_told() {
    let scene = scene();
    scene.distill("--ipc 2 --patches 1 --subset 12 --crops 2 --out single").last();
    let short = "--epochs 2 --batch 4 --evaluate last";
    train(&scene, "single", &format!("{short} --out a")).last();
    train(&scene, "single", &format!("{short} --decode-first on --out b")).last();
    assert!(outcome(&scene.at("a")) == outcome(&scene.at("b")));
    train(&scene, "data", &format!("{short} --decode-first on --out c"))
        .fails(2, &["without a manifest.json", "--decode-first off"]);
    let relabel = "relabel --data mosaics --observer observer.safetensors --device cpu --epochs 2 --batch 4";
    scene.line(&format!("{relabel} --out labels")).last();
    scene.line(&format!("{relabel} --decode-first on --out x")).fails(2, &["--decode-first off"]);
    train(&scene, "mosaics", &format!("{short} --stored-labels labels --decode-first on --out d"))
        .fails(2, &["stored labels are of whole images", "--decode-first off"]);
    assert!(!scene.at("c").exists() && !scene.at("d").exists() && !scene.at("x").exists());
}
