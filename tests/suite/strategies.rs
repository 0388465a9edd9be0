//! Other selections than RDED's, whole images, and several sizes from one scoring.

use std::collections::BTreeSet;

use serde_json::json;
use stillroom::core::data::pixels::Rgb8;
use stillroom::core::distil::manifest::Manifest;
use stillroom::core::distil::patch::CropBox;
use stillroom::core::distil::recipe::OutputFormat;
use stillroom::engine::images::encode::encode;

use crate::cli::{check_output, counts, kill_and_resume};
use crate::scene::{Scene, assert_same_trees, pixels, tree};

const STRATEGIES: [&str; 4] = ["realism", "random", "herding", "kmeans"];

/// The sources of a class in order of rank.
fn sources(manifest: &Manifest, class: usize) -> Vec<String> {
    let cells = manifest.classes[class].images.iter().flat_map(|i| i.cells());
    let mut ranked: Vec<_> = cells.map(|c| (c.rank, c.source.clone())).collect();
    ranked.sort_unstable();
    ranked.into_iter().map(|(_, source)| source).collect()
}

#[test]
fn every_strategy_takes_each_image_once_and_its_own() {
    let scene = Scene::with_data(&[20, 20]);
    let mut seen = BTreeSet::new();
    for strategy in STRATEGIES {
        let line = format!("--strategy {strategy} --ipc 2 --patches 4 --subset 18 --crops 3 --out {strategy}");
        let last = scene.distill(&line).last();
        let features = matches!(strategy, "herding" | "kmeans").then(|| json!(2 * 18)).unwrap_or_default();
        assert_eq!(last["features_computed"], features, "{strategy}");
        let manifest = check_output(&scene.at(strategy), &scene.at("data"));
        let picked = sources(&manifest, 0);
        assert_eq!(picked.iter().collect::<BTreeSet<_>>().len(), 8, "{strategy}: {picked:?}");
        assert!(seen.insert(picked), "{strategy} picks as another one does");
        let text = std::fs::read_to_string(scene.at(strategy).join("manifest.json")).unwrap();
        let named = text.contains(&format!(r#""strategy": "{strategy}""#));
        assert_eq!(named, strategy != "realism", "manifests of RDED's own strategy are as they always were");
    }
}

#[test]
fn all_strategies_choose_among_the_same_key_patches() {
    let scene = Scene::with_data(&[12]);
    // As many as there are: only the order is the strategy's.
    let of = |strategy: &str| {
        let line = format!("--strategy {strategy} --ipc 3 --patches 4 --subset 12 --crops 3 --out {strategy}");
        scene.distill(&line).last();
        let manifest = check_output(&scene.at(strategy), &scene.at("data"));
        let cells = manifest.classes[0].images.iter().flat_map(|i| i.cells());
        let mut all: Vec<_> = cells.map(|c| (c.source.clone(), c.crop, c.loss.to_bits())).collect();
        all.sort_unstable();
        (all, sources(&manifest, 0))
    };
    let (patches, order) = of("realism");
    for strategy in &STRATEGIES[1..] {
        let (others, other_order) = of(strategy);
        assert_eq!(others, patches, "{strategy}");
        assert_ne!(other_order, order, "{strategy}");
    }
}

#[test]
fn threads_and_batches_don_t_change_a_byte() {
    let scene = Scene::with_data(&[16, 15]);
    for strategy in STRATEGIES {
        for (i, more) in ["--threads 1", "--threads 2", "--batch 7", "--batch 300 --threads 3"].iter().enumerate() {
            let recipe = format!("--strategy {strategy} --ipc 3 --patches 1 --subset 16 --crops 2");
            scene.distill(&format!("{recipe} --project p{i} --out {strategy}{i} {more}")).last();
            assert_same_trees(&scene.at(format!("{strategy}0")), &scene.at(format!("{strategy}{i}")));
        }
    }
}

#[test]
fn random_hangs_on_the_seed_alone() {
    let scene = Scene::with_data(&[20, 20]);
    let of = |out: &str, more: &str| {
        scene.distill(&format!("--strategy random --crops 0 --patches 1 --subset 20 {more} --out {out}")).last();
        sources(&check_output(&scene.at(out), &scene.at("data")), 0)
    };
    let eight = of("a", "--ipc 8");
    assert_eq!(of("b", "--ipc 3"), eight[..3], "a smaller set is a part of a larger one");
    assert_eq!(of("c", "--ipc 8 --project fresh"), eight);
    assert_ne!(of("d", "--ipc 8 --seed 1"), eight);
}

#[test]
fn whole_images_have_their_full_box_whatever_their_size() {
    let scene = Scene::with_data(&[4, 4]);
    let wide = Rgb8 { width: 48, height: 32, data: [pixels("wide", 32).data, vec![90; 16 * 32 * 3]].concat() };
    scene.write("data/class0/wide.png", &encode(&wide, OutputFormat::Png).unwrap());
    for patches in [1, 4] {
        let out = format!("whole{patches}");
        let line = format!("--crops 0 --ipc 1 --patches {patches} --subset 9 --project p --out {out}");
        assert_eq!(counts(&scene.distill(&line).last()), (0, 9), "one patch per image");
        let manifest = check_output(&scene.at(&out), &scene.at("data"));
        assert_eq!(manifest.patch_side, Some(32 / u32::isqrt(patches)));
        for cell in manifest.classes.iter().flat_map(|c| &c.images).flat_map(|i| i.cells()) {
            let width = if cell.source.ends_with("wide.png") { 48 } else { 32 };
            assert_eq!((cell.crop, cell.bbox), (0, CropBox::whole(width, 32)), "{}", cell.source);
        }
    }
    // The one crop of K = 1 is another patch than the whole image, and its scores are kept apart.
    let run = |more: &str| counts(&scene.distill(&format!("{more} --ipc 1 --patches 1 --subset 9 --project p")).last());
    assert_eq!(run("--crops 1 --out crop"), (0, 9));
    assert_eq!(run("--crops 0 --out again"), (2, 0));
    assert_same_trees(&scene.at("whole1"), &scene.at("again"));
}

#[test]
fn several_sizes_equal_runs_of_their_own() {
    let scene = Scene::with_data(&[20, 20]);
    for strategy in STRATEGIES {
        let recipe = format!("--strategy {strategy} --patches 4 --subset 18 --crops 2 --project {strategy}-p");
        let lines = scene.distill(&format!("{recipe} --ipc 4,1,2 --out {strategy}")).json();
        let (last, sizes) = lines.split_last().unwrap();
        assert_eq!(counts(last), (0, 2 * 18 * 2), "one scoring");
        assert_eq!((&last["job"], &last["sizes"]), (&json!("distill"), &json!([4, 1, 2])));
        assert_eq!((&last["images"], &last["nested"]), (&json!(2 * 7), &json!(false)));
        assert_eq!(sizes.iter().map(|l| l["size"].as_u64().unwrap()).collect::<Vec<_>>(), [4, 1, 2]);
        let mut ranked = Vec::new();
        for (ipc, line) in [4, 1, 2].into_iter().zip(sizes) {
            let (alone, among) = (scene.at(format!("{strategy}-{ipc}")), scene.at(format!("{strategy}/ipc-{ipc}")));
            let single = scene.distill(&format!("{recipe} --ipc {ipc} --out {strategy}-{ipc}")).last();
            assert_same_trees(&alone, &among);
            assert_eq!(line["out"], format!("./{strategy}/ipc-{ipc}"));
            assert_eq!(
                (&line["images"], &line["mean_selected_loss"]),
                (&single["images"], &single["mean_selected_loss"])
            );
            ranked.push(sources(&check_output(&among, &scene.at("data")), 1));
        }
        if strategy != "kmeans" {
            assert_eq!((&ranked[1][..], &ranked[2][..]), (&ranked[0][..4], &ranked[0][..8]), "prefixes of one ranking");
        }
    }
}

#[test]
fn nested_sets_are_parts_of_the_largest_one() {
    let scene = Scene::with_data(&[20, 20]);
    for strategy in ["realism", "kmeans"] {
        let recipe = format!("--strategy {strategy} --patches 4 --subset 18 --crops 2");
        let last = scene.distill(&format!("{recipe} --ipc 1,4,2 --nested --out {strategy}")).last();
        assert_eq!((&last["nested"], &last["images"]), (&json!(true), &json!(2 * 7)));
        let large = tree(&scene.at(format!("{strategy}/ipc-4")));
        for ipc in [1, 2] {
            let small = scene.at(format!("{strategy}/ipc-{ipc}"));
            let manifest = check_output(&small, &scene.at("data"));
            assert_eq!((manifest.nested_in, manifest.recipe.ipc), (Some(4), ipc));
            let images: Vec<_> = tree(&small).into_iter().filter(|(name, _)| name.ends_with(".png")).collect();
            assert_eq!(images.len(), 2 * ipc as usize);
            for (name, bytes) in images {
                assert_eq!(large.get(&name), Some(&bytes), "{name} is that of the largest set");
            }
        }
        // The largest set knows nothing of the others.
        scene.distill(&format!("{recipe} --ipc 4 --out {strategy}-alone")).last();
        assert_same_trees(&scene.at(format!("{strategy}-alone")), &scene.at(format!("{strategy}/ipc-4")));
    }
    let sizes = std::fs::read(scene.at("realism/sizes.json")).unwrap();
    let sizes: serde_json::Value = serde_json::from_slice(&sizes).unwrap();
    let of = |ipc: u32, within: Option<u32>| json!({"folder": format!("ipc-{ipc}"), "ipc": ipc, "nested_in": within});
    assert_eq!(sizes, json!([of(1, Some(4)), of(4, None), of(2, Some(4))]));
}

#[test]
fn several_sizes_are_there_together_or_not_at_all() {
    let scene = Scene::with_data(&[10, 10]);
    scene.write("out/thesis.txt", b"years of work");
    let recipe = "--patches 1 --subset 10 --crops 2";
    scene.distill(&format!("{recipe} --ipc 2,1 --out out")).fails(1, &["out", "exists and is not empty", "is free"]);
    let many = scene.distill(&format!("{recipe} --ipc 2,11 --out other"));
    many.fails(1, &["2 classes", "IPC·N = 11 patches", "'class0' (10), 'class1' (10)"]);
    assert!(!scene.at("other").exists());
    // Beside the classes the output is none of them.
    scene.distill(&format!("{recipe} --ipc 2,1 --out data/sizes")).last();
    let again = scene.distill(&format!("{recipe} --ipc 1 --out again"));
    again.says(&["sizes is a distilled dataset, passed over"]);
    assert_eq!(again.last()["images"], 2);
}

#[test]
fn killed_runs_of_several_sizes_resume_to_the_same_bytes() {
    let scene = Scene::with_data(&[40; 4]);
    let line = "distill --data data --observer observer.safetensors --force --device cpu --strategy kmeans --ipc 5,2,1 \
                --patches 4 --subset 40";
    kill_and_resume(&scene, line, 3);
}

#[test]
fn an_image_that_goes_after_scoring_is_named() {
    let scene = Scene::with_data(&[10, 10]);
    let recipe = "--strategy herding --ipc 1 --patches 1 --subset 10 --crops 2 --project p";
    scene.distill(&format!("{recipe} --out a")).last();
    // A changed file is scored again, a broken one left out: herding never sees it.
    scene.write("data/class1/0003.png", b"no image");
    let run = scene.distill(&format!("{recipe} --out b"));
    run.says(&["class1/0003.png"]);
    let last = run.last();
    assert_eq!((&last["broken_images"], &last["features_computed"]), (&json!(1), &json!(19)));
}

/// Two series in one folder: tables with every entry's seeds, and what they have in common is made once.
#[test]
fn series_share_sets_and_trainings() {
    let scene = Scene::with_data(&[12; 3]);
    let line = |series: &str| {
        format!(
            "ablate --series {series} --data data --observer observer.safetensors --student conv3x8 --out tables --seeds 2 \
             --ipc 2 --patches 1 --subset 10 --crops 2 --train epochs=2 --train batch=3 --project project --device cpu"
        )
    };
    let of = |series: &str| scene.line(&format!("{} --force", line(series)));
    let names = |last: &serde_json::Value| -> Vec<String> {
        last["rows"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap().to_owned()).collect()
    };
    let steps = of("steps").last();
    assert_eq!(names(&steps), ["original", "best-crop", "top-k", "relabel"]);
    let trainings = || std::fs::read_dir(scene.at("tables/trainings")).unwrap().count();
    assert_eq!(trainings(), 4);
    let strategies = of("strategies").last();
    assert_eq!(strategies["rows"].as_array().unwrap().len(), 8);
    assert_eq!(trainings(), 4 + 8 - 3, "best crop, top-k and relabel are in both");
    let row = |table: &serde_json::Value, name: &str| {
        let rows = table["rows"].as_array().unwrap();
        let row = rows.iter().find(|r| r["name"] == name).unwrap();
        assert_eq!((row["best"].as_array().unwrap().len(), &row["images"]), (2, &json!(6)));
        (row["best"].clone(), row["last"].clone())
    };
    for (step, strategy) in [("best-crop", "random-hard"), ("top-k", "realism-hard"), ("relabel", "realism-soft")] {
        assert_eq!(row(&steps, step), row(&strategies, strategy));
    }
    let csv = std::fs::read_to_string(scene.at("tables/steps.csv")).unwrap();
    assert_eq!(csv.lines().count(), 5);
    assert_eq!(of("steps").last()["rows"][3]["best"], steps["rows"][3]["best"]);
    // What can't be a parameter is said before anything is made.
    let wrong = "ablate --series steps --data data --observer observer.safetensors --student conv3x8 --out other --train epoch=2";
    scene.line(wrong).fails(2, &["--train", "--epoch 2"]);
    let wrong = wrong.replace("--series steps", "--series grid --grid-patches 3").replace("--train epoch=2", "");
    scene.line(&wrong).fails(2, &["--grid-patches 3"]);
    // Another observer's set is not taken for this one's.
    scene.observer("other.safetensors", ("conv3x8", 32), 3);
    let other = format!("{} --force", line("steps").replace("observer.safetensors", "other.safetensors"));
    scene.line(&other).fails(1, &["tables: holds another ablation", "observer"]);
}

/// A grid goes over parameters by name; what can't be is told before anything is made.
#[test]
fn a_grid_goes_over_any_parameter() {
    let scene = Scene::with_data(&[8; 2]);
    let line = |more: &str| {
        format!(
            "ablate --data data --observer observer.safetensors --student conv3x8 --out tables --seeds 1 --force \
             --patches 1 --subset 6 --crops 2 --train epochs=1 --project project --device cpu {more}"
        )
    };
    let fails = |more: &str, said: &[&str]| scene.line(&line(more)).fails(2, said);
    fails("--series grid --grid magic=1", &["--grid magic=1", "no such parameter"]);
    fails("--series grid --grid patches=1,5", &["--grid patches=5", "give one of"]);
    fails("--series grid --grid-ipc 1 --grid ipc=2", &["ipc", "already"]);
    fails("--series grid --grid patches", &["patches=1,4"]);
    fails("--series steps --grid ipc=1,2", &["--series grid"]);
    let bare =
        "ablate --data data --observer observer.safetensors --student conv3x8 --out tables --device cpu --series";
    for (series, said) in [
        ("steps --method lic", ["--method lic", "give --method rded"]),
        ("lic-layer --method cda", ["--method cda", "give --method lic"]),
        ("cda-constant --grid ipc=1", ["--grid", "--series grid"]),
        ("magic", ["lic-layer", "cda-reverse"]),
    ] {
        scene.line(&format!("{bare} {series}")).fails(2, &said);
    }
    assert!(!scene.at("tables").exists());
    let last = scene.line(&line("--series grid --grid-ipc 1 --grid strategy=random,realism --grid seed=0,1")).last();
    let names: Vec<&str> = last["rows"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap()).collect();
    let due = ["random-seed0", "random-seed1", "realism-seed0", "realism-seed1"].map(|n| format!("ipc1-strategy={n}"));
    assert_eq!(names, due);
    let mut sets: Vec<_> = std::fs::read_dir(scene.at("tables/sets"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    sets.sort();
    let due = ["random", "realism"].map(|s| [0, 1].map(|seed| format!("{s}-2crops-1of6-ipc1-seed{seed}")));
    assert_eq!(sets, due.concat());
}

/// The sets of a method that moves pixels are named by what they are, and train as its paper does.
#[test]
fn a_grid_of_lics_trains_as_lic() {
    let scene = Scene::with_data(&[8; 2]);
    let line = "ablate --series grid --method lic --grid iterations=1,2 --data data --observer observer.safetensors \
                --student conv3x8 --out tables --seeds 1 --force --ipc 1 --subset 6 --train epochs=1 \
                --project project --device cpu";
    let last = scene.line(line).last();
    let names: Vec<&str> = last["rows"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["iterations1", "iterations2"]);
    let trainings: Vec<_> =
        std::fs::read_dir(scene.at("tables/trainings")).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(trainings.len(), 2);
    for folder in trainings {
        assert!(folder.file_name().unwrap().to_str().unwrap().starts_with("lic-ipc1-seed0-"), "{}", folder.display());
        let note: serde_json::Value = serde_json::from_slice(&std::fs::read(folder.join("run.json")).unwrap()).unwrap();
        assert_eq!(note["recipe"]["cropping"], json!({"cells": 2}));
        assert_eq!((&note["recipe"]["dsa"], &note["recipe"]["epochs"]), (&json!(true), &json!(1)));
    }
    // What is there is not made again.
    assert_eq!(scene.line(line).last()["rows"][1]["best"], last["rows"][1]["best"]);
}

/// One command gives the table of all methods with what each cost, by each paper's students or by one protocol.
#[test]
fn all_methods_are_compared_in_one_table() {
    let scene = Scene::with_data(&[8; 2]);
    let line = |more: &str| {
        format!(
            "ablate --data data --observer observer.safetensors --student conv3x8 --out tables --seeds 1 --force --ipc 1 \
             --subset 6 --iterations 2 --train epochs=1 --project project --device cpu {more}"
        )
    };
    let names = |last: &serde_json::Value| -> Vec<String> {
        last["rows"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap().to_owned()).collect()
    };
    let count = |folder: &str| std::fs::read_dir(scene.at("tables").join(folder)).unwrap().count();
    let own = scene.line(&line("--series methods")).last();
    assert_eq!(names(&own), ["random", "rded", "sre2l", "cda", "lic"]);
    assert_eq!((count("sets"), count("trainings")), (5, 5));
    for row in own["rows"].as_array().unwrap() {
        assert!(row["distilling"]["seconds"].as_f64().is_some_and(|seconds| seconds > 0.0), "{row}");
    }
    let csv = std::fs::read_to_string(scene.at("tables/methods.csv")).unwrap();
    assert!(csv.lines().next().unwrap().ends_with(",train_seconds,distil_seconds,distil_peak_rss_mib,distil_reused"));
    assert_eq!(csv.lines().count(), 6);
    let about = std::fs::read_to_string(scene.at("tables/ablation.json")).unwrap();
    assert!(about.contains("each method's own"), "{about}");
    // One protocol: the sets are there, and so are the students whose paper's it is.
    let fair = scene.line(&line("--series methods --students one")).last();
    assert_eq!((count("sets"), count("trainings")), (5, 8));
    assert_eq!(fair["rows"][1]["best"], own["rows"][1]["best"]);
    assert_eq!(fair["rows"][4]["distilling"], own["rows"][4]["distilling"]);
    // A grid over methods shares what is the same.
    let grid = scene.line(&line("--series grid --grid method=rded,lic --grid seed=0,1")).last();
    assert_eq!(names(&grid), ["rded-seed0", "rded-seed1", "lic-seed0", "lic-seed1"]);
    assert_eq!((&grid["rows"][2]["best"], count("sets")), (&own["rows"][4]["best"], 7));
    // So does a series of one method.
    scene.line(&line("--series grid --grid-ipc 1").replace("--iterations 2 ", "")).last();
    // An observer that a method can't do with is told before the first entry.
    scene.observer("plain.safetensors", ("conv3x32_in", 32), 2);
    let plain =
        line("--series methods").replace("observer.safetensors", "plain.safetensors").replace("tables", "others");
    scene.line(&plain).fails(1, &["sre2l: the observer has no batch norm"]);
    assert!(!scene.at("others").exists());
    for (more, said) in [
        ("--series methods --method lic", ["--method", "compares several"]),
        ("--series methods --preset rded", ["--preset", "compares several"]),
        ("--series methods --students magic", ["--students magic", "give own, one"]),
        ("--series grid --grid method=rded,magic", ["magic", "there is no such method"]),
        ("--series grid --grid method=rded,lic --grid lr=1", ["lr", "rded has no such parameter"]),
        ("--series methods --tv 0.1 --layer stage:0", ["--layer stage:0", "give auto"]),
    ] {
        scene.line(&line(more)).fails(2, &said);
    }
}
