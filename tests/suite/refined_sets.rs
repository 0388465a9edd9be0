//! What is done with sets whose pixels were moved: checks, reports, exports, labels and trainings take them in every format,
//! trainings follow the method, and a project's runs can be repeated.

use std::sync::Arc;

use serde_json::Value;
use stillroom::core::data::dataset::ClassId;
use stillroom::core::distil::set::{Address, ImageSet as _};
use stillroom::jobs::moved::{Moved as _, WrittenSet};

use crate::refining::{LIC, SRE2L, manifest, refine, scene};
use crate::scene::assert_same_trees;

#[test]
fn every_command_takes_refined_sets_of_every_format() {
    let scene = scene();
    for format in ["png", "jpeg:75", "float"] {
        let set = format!("set-{}", format.replace(':', "-"));
        scene.distill(&format!("{LIC} --format {format} --project p --out {set}")).last();
        let at = |what: &str| format!("{what}-{set}");
        let run = scene.line(&format!("check --data {set} --observer observer.safetensors --device cpu"));
        assert!([0, 1].contains(&run.code), "{}", run.stderr);
        scene.line(&format!("evaluate --data {set} --network observer.safetensors --device cpu")).last();
        scene.line(&format!("report --set {set} --out {}.html", at("report"))).last();
        let page = std::fs::read_to_string(scene.at(format!("{}.html", at("report")))).unwrap();
        assert!(page.contains("--method lic"), "the page says how the set is made again");
        for export in ["rded", "imagefolder", "parquet", "webdataset", "dd-ranking", "lic", "contact-sheet"] {
            let out = at(&format!("export-{export}"));
            let last = scene.line(&format!("export --set {set} --format {export} --out {out}")).last();
            assert_eq!(last["images"], 6, "{export} of {format}");
        }
        let sources = scene.line(&format!("export --set {set} --format sources --data data --out {}", at("sources")));
        assert!(sources.last()["images"].as_u64().is_some_and(|images| images > 0));
        if format != "float" {
            assert_same_trees(&scene.at(&set), &scene.at(at("export-rded")));
        }
        let short = "--observer observer.safetensors --device cpu --epochs 1 --batch 4";
        let labels = scene.line(&format!("relabel --data {set} {short} --out {}", at("labels")));
        labels.says(&["the set was made by lic", "RDED's training is taken"]);
        labels.last();
        let student = format!("--val data --student conv3x8 {short} --evaluate last");
        let run = scene.line(&format!("train --data {set} {student} --out {}", at("training")));
        run.says(&["the set was made by lic, so its paper's training is taken (--preset lic)"]);
        run.last();
        let stored = format!("--stored-labels {}", at("labels"));
        let student = format!("--val data --student conv3x8 --device cpu --epochs 1 --evaluate last {stored}");
        scene.line(&format!("train --data {set} {student} --out {}", at("stored"))).last();
    }
}

/// Each method's sets are trained as its paper trains, unless somebody says otherwise.
#[test]
fn trainings_follow_the_method_that_made_the_set() {
    let scene = scene();
    let train = |set: &str, more: &str| {
        let run = scene.line(&format!(
            "train --data {set} --val data --observer observer.safetensors --student conv3x8 --device cpu --epochs 1 \
             --evaluate last {more}"
        ));
        run.last();
        run.stderr
    };
    for (method, loss) in [("sre2l", 30.0), ("cda", 30.0)] {
        scene.distill(&format!("--method {method} --ipc 1 --iterations 1 --project p --out {method}")).last();
        let said = train(method, &format!("--out {method}-training"));
        assert!(said.contains(&format!("made by {method}, so its paper's training is taken")), "{said}");
        let run = std::fs::read(scene.at(format!("{method}-training/run.json"))).unwrap();
        let record: Value = serde_json::from_slice(&run).unwrap();
        assert_eq!(record["recipe"]["loss"]["kl"]["temperature"], loss, "{record}");
    }
    assert!(!train("sre2l", "--preset rded --out by-rded").contains("its paper's training is taken"));
    scene.distill("--ipc 1 --patches 1 --subset 9 --crops 2 --project p --out rded").last();
    assert!(!train("rded", "--out rded-training").contains("its paper's training is taken"));
}

/// A project's runs name all that took part, and their commands make the same bytes.
#[test]
fn recorded_runs_are_repeated_by_their_commands() {
    let scene = scene();
    scene.observer("other.safetensors", ("conv3x8", 32), 3);
    let beside = "--beside other.safetensors --project p";
    scene.distill(&format!("{LIC} {beside} --turns average --out lic")).last();
    scene.distill(&format!("{SRE2L} {beside} --roll -4:4 --out sre2l")).last();
    scene.distill("--ipc 1 --patches 4 --subset 9 --crops 2 --project p --out set").last();
    refine(&scene, &format!("--set set --data data {beside} --iterations 2 --out moved")).last();
    refine(&scene, &format!("--set set --method sre2l {beside} --iterations 2 --out recovered")).last();
    let lines = scene.line("runs --project p --json").json();
    let runs: Vec<&Value> = lines.iter().filter(|line| !line["command"].is_null()).collect();
    assert_eq!(runs.len(), 5);
    for run in runs {
        let (command, out) = (run["command"].as_str().unwrap(), run["out"].as_str().unwrap());
        let name = out.rsplit('/').next().unwrap();
        assert_eq!(run["beside"].as_array().map(Vec::len), Some(usize::from(name != "set")), "{run}");
        let from = run["set"].as_str().map(|set| set.ends_with("/set"));
        assert_eq!(from, ["moved", "recovered"].contains(&name).then_some(true), "{run}");
        let again = format!("{name}-again");
        let line =
            command.strip_prefix("stillroom ").unwrap().replace(&format!("--out {out}"), &format!("--out {again}"));
        scene.line(&format!("{line} --force --device cpu --project fresh")).last();
        assert_same_trees(&scene.at(name), &scene.at(again));
    }
    let made = manifest(&scene, "lic");
    let networks: Vec<&str> = made.beside.iter().map(|observer| observer.network.as_str()).collect();
    assert_eq!(networks, ["conv3x8"]);
}

/// With a rate of 0 nothing moves, so that a set holds what its images began with: LIC's the values of their patches to the
/// bit, SRe2L's and CDA's RDED's image in 8 bits, but for the rounding of normalising them.
#[test]
fn a_written_set_knows_what_its_images_began_with() {
    let scene = scene();
    let patches = "--ipc 2 --patches 4 --subset 9 --crops 2 --iterations 1";
    for (name, recipe, within) in [
        ("lic", LIC.to_owned(), 0.0),
        ("crops", format!("--method lic {patches}"), 0.0),
        ("sre2l", format!("--method sre2l --init rded {patches} --format float"), 1e-6),
        ("cda", format!("--method cda --init rded {patches} --format float"), 1e-6),
    ] {
        scene.distill(&format!("{recipe} --lr 0 --project p --out {name}")).last();
        let split = manifest(&scene, name).dataset.split;
        let data = stillroom::store::import::open(&scene.at("data"), split).unwrap().dataset;
        let set = WrittenSet::open(&scene.at(name), Arc::new(data)).unwrap();
        for at in (0..3).flat_map(|class| (0..2).map(move |image| Address { class: ClassId(class), image })) {
            let (held, begun) = (set.floats(at).unwrap(), set.start(at).unwrap());
            let apart = held.data.iter().zip(&begun.data).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(held.data.len() == 3072 && apart <= within, "{name}, {at:?}: {apart}");
            // Whole images are of 8 bits before they are squeezed; crops are resized.
            let in_8_bits = begun.data.iter().all(|v| (v * 255.0 - (v * 255.0).round()).abs() < 1e-4);
            assert_eq!(in_8_bits, name != "crops", "{name}, {at:?}");
        }
    }
}
