//! Sets that keep their images as floats (`--format float`): values that leave [0, 1] reach trainings, labels, evaluations
//! and exports as they are, and a file that isn't the set's is refused.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use stillroom::core::data::pixels::{Rgb8, RgbF32};
use stillroom::core::formats::torch_file::{self, Item};
use stillroom::engine::images::decode::decode;
use stillroom::store::export::floats::{FloatHeader, FloatWriter};
use stillroom::store::export::folder::NewFolder;
use stillroom::store::float_images::{FILE, FloatImages};

use super::scene::{Run, Scene, assert_same_trees, png, tree};
use super::train::outcome;

const DISTIL: &str = "--classes class2,class0,class1 --patches 4 --subset 9";
const IMAGES: usize = 6;
const SIDE: usize = 32;

/// `set/`: three classes of two images as floats.
fn distilled() -> Scene {
    let scene = Scene::with_data(&[9, 9, 9]);
    scene.distill(&format!("{DISTIL} --ipc 2 --format float --out set")).last();
    scene
}

fn floats(scene: &Scene, set: &str) -> FloatImages {
    FloatImages::open(&scene.at(set).join(FILE)).unwrap().unwrap()
}

fn rows(scene: &Scene, set: &str) -> Vec<RgbF32> {
    let floats = floats(scene, set);
    floats.names().iter().map(|name| floats.read(name.as_bytes()).unwrap()).collect()
}

fn file(scene: &Scene, name: &str) -> Rgb8 {
    decode(&fs::read(scene.at(name)).unwrap()).unwrap()
}

/// A copy of a set, previews and all, whose floats are changed.
fn changed(scene: &Scene, (from, to): (&str, &str), change: impl Fn(f32) -> f32) {
    for (name, mut bytes) in tree(&scene.at(from)) {
        if name == FILE {
            let first = bytes.len() - 4 * IMAGES * 3 * SIDE * SIDE;
            for value in bytes[first..].as_chunks_mut::<4>().0 {
                *value = change(f32::from_le_bytes(*value)).to_le_bytes();
            }
        }
        scene.write(Path::new(to).join(name), &bytes);
    }
}

/// Values from −0.75 to 1.75 instead of 0 to 1.
fn wild(value: f32) -> f32 {
    2.5 * value - 0.75
}

#[test]
fn a_distilled_set_has_its_values_before_they_are_truncated_and_pictures_of_them() {
    let scene = distilled();
    let floats = floats(&scene, "set");
    let due: Vec<String> =
        (0..3).flat_map(|c| (0..2).map(move |i| format!("{c:05}/class{c:05}_id{i:05}.png"))).collect();
    assert_eq!((floats.names(), floats.labels()), (&due[..], &[0, 0, 1, 1, 2, 2][..]));
    scene.distill(&format!("{DISTIL} --ipc 2 --format png --out bytes")).last();
    for (name, row) in floats.names().iter().zip(rows(&scene, "set")) {
        assert_eq!(row.rounded(), file(&scene, &format!("set/{name}")), "{name}: the preview is rounded");
        let truncated: Vec<u8> = row.data.iter().map(|v| (v * 255.0) as u8).collect();
        assert_eq!(truncated, file(&scene, &format!("bytes/{name}")).data, "{name}: RDED truncates");
    }
    let manifest: Value = serde_json::from_slice(&fs::read(scene.at("set/manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["recipe"]["format"], "float");
    assert_eq!(manifest["format"], 4, "programs that know no floats must not take the previews for the set");
    let bytes: Value = serde_json::from_slice(&fs::read(scene.at("bytes/manifest.json")).unwrap()).unwrap();
    assert_eq!(bytes["format"], 2);
    // Threads and sizes change nothing.
    scene.distill(&format!("{DISTIL} --ipc 2,1 --format float --threads 1 --out sizes")).last();
    assert_same_trees(&scene.at("set"), &scene.at("sizes/ipc-2"));
    assert_eq!(self::floats(&scene, "sizes/ipc-1").labels(), [0, 1, 2]);
}

fn train(scene: &Scene, set: &str, out: &str) -> Run {
    let how = "--val data --device cpu --epochs 1 --batch 4 --student conv3x8 --evaluate every:1";
    scene.line(&format!("train --data {set} {how} --observer observer.safetensors --out {out}"))
}

#[test]
fn trainings_and_labels_take_the_floats_unclamped_whatever_the_previews_show() {
    let scene = distilled();
    changed(&scene, ("set", "wild"), wild);
    changed(&scene, ("set", "clamped"), |v| wild(v).clamp(0.0, 1.0));
    for set in ["set", "wild", "clamped"] {
        train(&scene, set, &format!("of-{set}")).last();
    }
    let weights = |out: &str| outcome(&scene.at(out)).0[0].clone();
    let found = ["of-set", "of-wild", "of-clamped"].map(weights);
    assert!(found[0] != found[1] && found[1] != found[2], "previews are the same, values are not");
    // A preview that was painted over or is gone changes nothing; what is gone is said.
    scene.write("wild/00000/class00000_id00000.png", &png("other", 32));
    fs::remove_file(scene.at("wild/00002/class00002_id00001.png")).unwrap();
    let run = train(&scene, "wild", "again");
    run.says(&["1 preview is gone (00002/class00002_id00001.png)", "the images are those of wild/images.safetensors"]);
    assert!(weights("again") == found[1]);
    // A training goes on with the values that it began with, and with no others.
    changed(&scene, ("set", "moving"), wild);
    train(&scene, "moving", "moved").last();
    changed(&scene, ("set", "moving"), |v| v);
    train(&scene, "moving", "moved").fails(1, &["moved"]);
    let labels = |set: &str| {
        let line = format!("relabel --data {set} --observer observer.safetensors --device cpu --epochs 1 --batch 4");
        scene.line(&format!("{line} --precision full --out labels-{set}")).last();
        tree(&scene.at(format!("labels-{set}"))).into_values().collect::<Vec<_>>()
    };
    assert!(labels("wild") != labels("clamped"));
}

#[test]
fn evaluations_see_the_floats() {
    let scene = distilled();
    changed(&scene, ("set", "wild"), wild);
    let table = |set: &str| {
        let on = format!("--data {set} --network observer.safetensors --device cpu");
        scene.line(&format!("evaluate {on} --predictions {set}.csv")).last();
        fs::read_to_string(scene.at(format!("{set}.csv"))).unwrap()
    };
    let (set, wild) = (table("set"), table("wild"));
    // Patches are cut from pictures, which is said.
    let how = "--observer observer.safetensors --force --device cpu --ipc 1 --patches 1 --crops 0 --out from-wild";
    scene
        .line(&format!("distill --data wild {how}"))
        .says(&["scored and cut from their pictures", "rounded to 8 bits"]);
    assert!(set.lines().count() == IMAGES + 1 && wild.lines().count() == IMAGES + 1 && set != wild, "{set}\n{wild}");
}

#[test]
fn exports_keep_floats_or_say_what_is_lost() {
    let scene = distilled();
    changed(&scene, ("set", "wild"), wild);
    let line = scene.line("export --set set --format rded --out copy").last();
    assert_eq!((&line["lossless"], &line["files"]), (&json!(true), &json!(9)));
    assert_same_trees(&scene.at("set"), &scene.at("copy"));
    let line = scene.line("export --set wild --format lic --out lic").last();
    assert_eq!((&line["lossless"], line.get("clamped")), (&json!(true), None));
    let tensors = torch_file::read(fs::File::open(scene.at("lic/data.pt")).unwrap()).unwrap();
    let Item::Dict(entries) = tensors else { panic!("no dictionary") };
    let Item::Tensor(data) = &entries[1].1 else { panic!("no images") };
    let wild_rows = rows(&scene, "wild");
    let plane = |row: &RgbF32, c: usize| row.data.iter().skip(c).step_by(3).copied().collect::<Vec<f32>>();
    let due: Vec<f32> = wild_rows.iter().flat_map(|row| (0..3).flat_map(move |c| plane(row, c))).collect();
    assert!(due.iter().any(|v| *v > 1.0) && due.iter().any(|v| *v < 0.0));
    assert!(data.floats().unwrap() == due, "other values");
    // Formats of 8 bits get the floats' pictures, not the stale previews, and what is lost is told.
    let outside = due.iter().filter(|v| !(0.0..=1.0).contains(*v)).count();
    for format in ["sre2l", "imagefolder", "parquet", "webdataset", "contact-sheet"] {
        let run = scene.line(&format!("export --set wild --format {format} --out {format}"));
        let all = due.len();
        run.says(&[&format!("{outside} of {all} values are outside [0, 1]"), "lic and dd-ranking keep the floats"]);
        let line = run.last();
        let found = (&line["lossless"], &line["clamped"], &line["values"]);
        assert_eq!(found, (&json!(false), &json!(outside), &json!(all)), "{format}");
        assert!(line["greatest_change"].as_f64().unwrap() > 0.1, "{line}");
    }
    assert_eq!(file(&scene, "sre2l/new001/class001_id001.png"), wild_rows[3].rounded());
    let line = "export --set wild --format sre2l --out judged --device cpu --observer observer.safetensors";
    let run = scene.line(line);
    run.says(&["the observer's top-1 on the set's 6 images is ", "% in 8 bits"]);
    let line = run.last();
    assert!(line["observer_top1"].is_number() && line["observer_top1_8_bit"].is_number(), "{line}");
    let line = "export --set wild --format lic --out judged-lic --device cpu --observer observer.safetensors";
    scene.line(line).says(&["--observer has nothing to compare"]);
}

/// The set's file of floats with other words of the same length in its header.
fn swapped(scene: &Scene, old: &str, new: &str) -> Vec<u8> {
    let bytes = fs::read(scene.at("set").join(FILE)).unwrap();
    assert_eq!(old.len(), new.len());
    let at = bytes.windows(old.len()).position(|w| w == old.as_bytes()).unwrap();
    [&bytes[..at], new.as_bytes(), &bytes[at + old.len()..]].concat()
}

/// A file of these floats alone.
fn of_rows(scene: &Scene, rows: &[RgbF32], floats: &FloatImages) -> Vec<u8> {
    let folder = NewFolder::begin(&scene.at("rows")).unwrap();
    let (names, labels) = (floats.names()[..rows.len()].to_vec(), floats.labels()[..rows.len()].to_vec());
    let header = FloatHeader { width: rows[0].width, height: rows[0].height, names, labels };
    let mut writer = FloatWriter::begin(&folder, FILE.to_owned(), header).unwrap();
    rows.iter().for_each(|row| writer.put(row).unwrap());
    writer.finish().unwrap();
    fs::read(folder.publish().unwrap().join(FILE)).unwrap()
}

#[test]
fn a_file_that_is_not_the_sets_is_refused_by_all_who_use_it() {
    let scene = distilled();
    let whole = fs::read(scene.at("set").join(FILE)).unwrap();
    let few = of_rows(&scene, &rows(&scene, "set")[..5], &floats(&scene, "set"));
    let cases = [
        (whole[..whole.len() - 4].to_vec(), "beyond the file"),
        (b"no tensors at all".to_vec(), "it holds no images as floats: it is a text; restore the file"),
        (swapped(&scene, "F32", "I32"), "not of 32-bit floats"),
        (few, "it has 5 rows, and the manifest 6 images"),
        (swapped(&scene, "class00002_id00001", "class00002_id00007"), "the manifest has 00002/class00002_id00001.png"),
        (swapped(&scene, "stillroom images", "somebody's image"), "it was not written by stillroom"),
    ];
    let commands = [
        "train --data set --val data --device cpu --epochs 1 --student conv3x8 --observer observer.safetensors --out t",
        "evaluate --data set --network observer.safetensors --device cpu",
        "export --set set --format lic --out lic",
    ];
    for (bytes, why) in cases {
        scene.write(Path::new("set").join(FILE), &bytes);
        commands.iter().for_each(|line| scene.line(line).fails(1, &["set/images.safetensors: ", why]));
    }
    fs::remove_file(scene.at("set").join(FILE)).unwrap();
    commands
        .iter()
        .for_each(|line| scene.line(line).fails(1, &["set/images.safetensors: it is missing", "restore it"]));
    let mut nan = whole.clone();
    let last = nan.len() - 4;
    nan[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    scene.write(Path::new("set").join(FILE), &nan);
    for line in [commands[0], commands[2]] {
        scene.line(line).fails(1, &["00002/class00002_id00001.png", "of its row 5 in set/images.safetensors is NaN"]);
    }
    scene.write(Path::new("set").join(FILE), &whole);
    scene.write("set/00001/more.png", &png("more", 32));
    scene.line(commands[2]).fails(1, &["00001/more.png lies in the set and has no row"]);
    fs::remove_file(scene.at("set/00001/more.png")).unwrap();
    assert_eq!(scene.line(commands[2]).last()["lossless"], true);
}

#[test]
fn somebody_elses_file_of_that_name_is_none_of_the_sets() {
    let scene = Scene::with_data(&[9, 9, 9]);
    scene.distill(&format!("{DISTIL} --ipc 2 --out set")).last();
    fs::copy(scene.at("observer.safetensors"), scene.at("set").join(FILE)).unwrap();
    assert_eq!(scene.line("export --set set --format sre2l --out a").last()["lossless"], true);
    scene.write(Path::new("set").join(FILE), b"damaged");
    let run = scene.line("export --set set --format sre2l --out b");
    run.says(&["set/images.safetensors: ", "passed over"]);
    assert_eq!(run.last()["lossless"], true);
}
