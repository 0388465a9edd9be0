//! The command line on small made-up data: fields, exit codes, reuse, equal bytes, provenance, kills and Ctrl-C.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use stillroom::core::distil::manifest::Manifest;
use stillroom::engine::cpu::kernels::isa::Isa;
use stillroom::engine::images::decode;
use stillroom::jobs::distill::recut;

use crate::scene::{Run, Scene, assert_same_trees, is_ignored, tree};

const SMALL: &str = "--ipc 2 --patches 4 --subset 10 --crops 3";

#[test]
fn distill_tells_what_it_did_and_how_fast() {
    let scene = Scene::with_data(&[12, 9, 10]);
    let run = scene.distill(&format!("{SMALL} --out out --project project"));
    assert_eq!(run.stdout.lines().count(), 1, "without --json there is one line: {}", run.stdout);
    let line = run.last();
    for field in ["seconds", "patches_per_second", "ms_per_distilled_image", "mean_selected_loss", "peak_rss_mib"] {
        assert!(line[field].as_f64().is_some_and(|v| v > 0.0), "{field}: {line}");
    }
    assert_eq!((line["job"].as_str(), line["device"].as_str()), (Some("distill"), Some("cpu")));
    assert_eq!(counts(&line), (0, 3 * (10 + 9 + 10)));
    run.says(&["class 'class1' has 9 images, fewer than the subset of 10"]);
    let manifest = check_output(&scene.at("out"), &scene.at("data"));
    assert_eq!(manifest.classes.iter().map(|c| c.scored).collect::<Vec<_>>(), [10, 9, 10]);
    let files = tree(&scene.at("out"));
    assert_eq!(files.len(), 3 * 2 + 2);
    assert!(files.contains_key("00000/class00000_id00000.png") && files.contains_key("00002/class00002_id00001.png"));
    let text = String::from_utf8_lossy(&files["manifest.json"]);
    assert!(!text.contains(scene.at("").to_str().unwrap()), "no absolute paths");
    assert_eq!(tree(&scene.at("")).keys().filter(|k| k.contains("partial")).count(), 0);
}

#[test]
fn stdout_is_json_even_with_json_progress() {
    let scene = Scene::with_data(&[4, 4]);
    let run = scene.distill("--ipc 1 --patches 1 --subset 6 --out out --json");
    let lines = run.json();
    assert!(lines.iter().any(|l| l["progress"] == "score") && lines.iter().any(|l| l["warning"].is_string()));
    assert_eq!(lines.last().unwrap()["job"], "distill");
    assert!(scene.at("home/stillroom/default").is_dir(), "the default project lies in the data folder");
}

#[test]
fn every_command_ends_with_its_fields() {
    let scene = Scene::with_data(&[6, 6, 6]);
    let devices = scene.line("devices").last();
    assert_eq!((devices["job"].as_str(), devices["devices"][0]["id"].as_str()), (Some("devices"), Some("cpu")));
    assert!(devices["auto"].is_string() && devices["reason"].is_string());

    let evaluate = "evaluate --data data --network observer.safetensors --device cpu --predictions p.csv";
    let line = scene.line(evaluate).last();
    assert_eq!((line["job"].as_str(), line["images"].as_u64()), (Some("evaluate"), Some(18)));
    let top1 = line["top1"].as_f64().unwrap();
    assert!(line["top5"].as_f64() == Some(100.0) && line["seconds"].is_f64(), "{line}");
    let csv = std::fs::read_to_string(scene.at("p.csv")).unwrap();
    assert_eq!((csv.lines().next(), csv.lines().count()), (Some("image,class,predicted,loss,probability"), 19));
    let right = csv.lines().skip(1).filter(|l| l.split(',').nth(1) == l.split(',').nth(2)).count();
    assert!((right as f64 / 18.0 * 100.0 - top1).abs() < 1e-9, "{right} of 18 and {top1} %");
    scene.line(evaluate).fails(1, &["p.csv exists already and is not overwritten"]);
    assert_eq!(std::fs::read_to_string(scene.at("p.csv")).unwrap(), csv);

    let check = "check --data data --observer observer.safetensors --device cpu --write-class-map map.json";
    let line = scene.line(check).last();
    assert_eq!((line["job"].as_str(), line["top1"].as_f64()), (Some("check"), Some(top1)));
    assert!(line["top1_remapped"].as_f64() >= line["top1"].as_f64());
    assert_eq!(line["class_map"].as_array().unwrap().len(), 3);
    let map: Value = serde_json::from_slice(&std::fs::read(scene.at("map.json")).unwrap()).unwrap();
    assert_eq!(map["class0"], line["class_map"][0]);
    let again = scene.line(&format!("{} --class-map map.json", check.replace("map.json", "map2.json"))).last();
    assert_eq!(again["top1"], line["top1_remapped"], "the map does what was promised");

    let bench = scene.line("bench forward --arch conv3x32 --side 32 --batch 8 --repeat 1 --device cpu").last();
    assert!(bench["job"] == "forward" && bench["images_per_second"].as_f64().is_some_and(|v| v > 0.0));
}

#[test]
fn wrong_arguments_are_a_matter_of_usage() {
    let scene = Scene::with_data(&[4, 4]);
    let distill = "distill --data data --observer observer.safetensors --force --out out";
    let wrong = [
        ("distill --data data --out out".to_owned(), "--observer"),
        (format!("{distill} --patches 5"), "patches"),
        (format!("{distill} --ipc 0"), "ipc"),
        (format!("{distill} --format gif"), "png, float or jpeg:Q"),
        (format!("{distill} --preset rdad"), "rded-cifar10"),
        (format!("{distill} --strategy best"), "realism or random or herding or kmeans"),
        (format!("{distill} --crops 101"), "from 0 to 100"),
        (format!("{distill} --ipc 50,10,50"), "50 stands there twice"),
        (format!("{distill} --ipc 50,,10"), "--ipc"),
        (format!("{distill} --ipc 10 --nested"), "--ipc 50,10,1"),
        (format!("{distill} --classes class0,cla"), "there is no class 'cla'"),
        (format!("{distill} --device gpu"), "auto, cpu, wgpu"),
        (format!("{distill} --mean-std 1,2"), "m,m,m,s,s,s"),
        (format!("{distill} --batch 0"), "--batch"),
        ("evaluate --data data --network observer.safetensors --arch resnet19".to_owned(), "resnet19"),
        ("distil".to_owned(), "distill"),
    ];
    for (line, said) in wrong {
        scene.line(&line).fails(2, &[said]);
    }
    assert!(!scene.at("out").exists());
    let help = scene.line("distill --help");
    assert!(help.code == 0 && help.stdout.contains("--subset"));
}

#[test]
fn scores_are_reused_where_inputs_are_equal() {
    let scene = Scene::with_data(&[12, 12]);
    let distill = |out: &str, more: &str| counts(&scene.distill(&format!("--project p --out {out} {more}")).last());
    assert_eq!(distill("a", "--ipc 2 --patches 1 --subset 10 --crops 3"), (0, 60));
    assert_eq!(distill("b", "--ipc 2 --patches 1 --subset 10 --crops 3"), (2, 0));
    assert_same_trees(&scene.at("a"), &scene.at("b"));
    assert_eq!(distill("c", "--ipc 5 --patches 1 --subset 10 --crops 3"), (2, 0), "another IPC");
    assert_eq!(distill("d", "--ipc 2 --patches 1 --subset 6 --crops 2"), (2, 0), "a smaller subset, fewer crops");
    assert_eq!(distill("e", "--ipc 2 --patches 1 --subset 12 --crops 3"), (0, 12), "the new images alone");
    assert_eq!(distill("f", "--ipc 1 --patches 4 --subset 10 --crops 3"), (0, 60), "patches of another size");
    assert_eq!(distill("g", "--ipc 2 --patches 1 --subset 10 --crops 3"), (2, 0), "those of N = 1 were kept");
    assert_same_trees(&scene.at("a"), &scene.at("g"));
    assert_eq!(distill("h", "--ipc 2 --patches 1 --subset 10 --crops 3 --seed 1"), (0, 60));
    // What came from a part of stored scores equals what is computed afresh.
    let fresh = scene.distill("--project q --out i --ipc 2 --patches 1 --subset 6 --crops 2");
    assert_eq!(counts(&fresh.last()), (0, 24));
    assert_same_trees(&scene.at("d"), &scene.at("i"));
}

#[test]
fn fewer_crops_and_a_larger_subset_score_only_what_is_missing() {
    let scene = Scene::with_data(&[12, 12]);
    let scored = |more: &str| scene.distill(more).last()["patches_scored"].as_u64().unwrap();
    assert_eq!(scored("--ipc 1 --subset 4 --crops 6 --out a"), 2 * 4 * 6);
    assert_eq!(scored("--ipc 1 --subset 10 --crops 3 --out b"), 2 * 6 * 3, "the first four images have six crops");
    assert_eq!(scored("--ipc 1 --subset 10 --crops 3 --project fresh --out c"), 2 * 10 * 3);
    assert_same_trees(&scene.at("b"), &scene.at("c"));
}

#[test]
fn data_with_a_training_split_alone_is_enough() {
    let scene = Scene::with_data(&[6, 6]);
    std::fs::create_dir(scene.at("root")).unwrap();
    std::fs::rename(scene.at("data"), scene.at("root/train")).unwrap();
    let line = "distill --data root --observer observer.safetensors --force --device cpu --ipc 1 --out out";
    assert_eq!(scene.line(line).last()["images"], 2);
    let run = scene.line("check --data root --observer observer.safetensors --device cpu");
    assert!(run.stderr.contains("no test split"), "{}", run.stderr);
    assert_eq!(run.last()["images"], 12);
}

#[test]
fn too_few_images_are_known_before_anything_is_scored() {
    let scene = Scene::with_data(&[6, 3]);
    let run = scene.distill("--ipc 1 --patches 4 --out out");
    run.fails(1, &["class 'class1': 3 usable images", "4 patches"]);
    assert!(!run.stderr.contains("score "), "{}", run.stderr);
}

#[test]
fn another_network_s_name_is_refused() {
    let scene = Scene::with_data(&[4, 4]);
    scene.observer("deep.safetensors", ("conv4x32", 64), 2);
    let run = scene.line("evaluate --data data --network deep.safetensors --arch conv3x32 --device cpu");
    run.fails(1, &["deep.safetensors holds a conv4x32, not a conv3x32", "--arch"]);
}

/// A name that is nowhere stops the program; scores of the portable path, which rounds otherwise, aren't mixed with others.
#[test]
fn the_instruction_set_is_named_for_a_whole_run() {
    let scene = Scene::with_data(&[4, 4]);
    let distill = |isa: &str, out: &str| -> Run {
        let line = format!(
            "distill --data data --observer observer.safetensors --force --device cpu --ipc 1 --patches 1 --crops 2 \
             --project project --out {out}"
        );
        scene.command(line.split_whitespace()).env("STILLROOM_ISA", isa).output().unwrap().into()
    };
    distill("sse9", "none").fails(1, &["STILLROOM_ISA is 'sse9'", "portable"]);
    let all = Isa::all();
    assert_eq!(counts(&distill(all[0].name(), "best").last()), (0, 16));
    assert_eq!(counts(&distill(all[0].name(), "again").last()), (2, 0));
    let again = if all[0].fused() { (0, 16) } else { (2, 0) };
    assert_eq!(counts(&distill("portable", "portable").last()), again);
}

#[test]
fn what_ends_before_its_first_image_leaves_no_folder() {
    let scene = Scene::with_data(&[4, 4]);
    scene.distill("--ipc 9 --out out").fails(1, &["class0"]);
    scene.distill("--out .").fails(1, &["working folder"]);
    let left: Vec<_> = std::fs::read_dir(scene.at("")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("partial")), "{left:?}");
    assert_eq!(scene.distill("--ipc 1 --patches 1 --out data/distilled").code, 0);
    let again = scene.distill("--ipc 1 --patches 1 --out out");
    assert!(again.stderr.contains("is a distilled dataset, passed over"), "{}", again.stderr);
    assert_eq!(again.last()["images"], 2);
}

#[test]
fn threads_and_batches_don_t_change_a_byte() {
    let scene = Scene::with_data(&[20, 17]);
    for (i, more) in
        ["--threads 1", "--threads 2", "--batch 64", "--batch 300", "--batch 7 --threads 3"].iter().enumerate()
    {
        let run =
            scene.distill(&format!("--ipc 2 --patches 4 --subset 20 --crops 3 --project p{i} --out out{i} {more}"));
        assert_eq!(counts(&run.last()), (0, 3 * 37));
        assert_same_trees(&scene.at("out0"), &scene.at(format!("out{i}")));
    }
}

#[test]
fn every_format_and_grid_can_be_cut_again() {
    let scene = Scene::with_data(&[26, 26]);
    for n in [1, 4, 9, 16, 25] {
        scene.distill(&format!("--ipc 1 --patches {n} --subset 26 --crops 1 --out n{n}")).last();
        let manifest = check_output(&scene.at(format!("n{n}")), &scene.at("data"));
        assert_eq!(manifest.classes[1].images[0].cells().len(), n);
    }
    scene.distill("--ipc 1 --patches 4 --subset 26 --crops 1 --format jpeg:75 --out jpeg").last();
    assert!(scene.at("jpeg/00001/class00001_id00000.jpg").is_file());
    scene.distill("--ipc 1 --patches 4 --subset 26 --crops 1 --classes class1 --out one").last();
    let one = check_output(&scene.at("one"), &scene.at("data"));
    assert_eq!(
        (one.classes.len(), one.classes[0].name.as_str(), one.observer.as_ref().unwrap().outputs.as_slice()),
        (1, "class1", &[1][..])
    );
}

#[test]
fn an_output_folder_in_use_is_left_alone() {
    let scene = Scene::with_data(&[4, 4]);
    scene.write("out/thesis.txt", b"years of work");
    scene.distill("--ipc 1 --patches 1 --out out").fails(1, &["out", "exists and is not empty", "is free"]);
    assert_eq!(
        tree(&scene.at("out")).into_iter().collect::<Vec<_>>(),
        [("thesis.txt".into(), b"years of work".into())]
    );
    let free = scene.distill("--ipc 1 --patches 1 --out out");
    let offered = free.stderr.split("give another folder, ").nth(1).and_then(|t| t.split(" is free").next()).unwrap();
    scene.distill(&format!("--ipc 1 --patches 1 --out {offered}")).last();
    std::fs::create_dir(scene.at("empty")).unwrap();
    scene.distill("--ipc 1 --patches 1 --out empty").last();
    check_output(&scene.at("empty"), &scene.at("data"));
}

#[test]
fn a_second_process_is_told_who_works_on_the_project() {
    let scene = Scene::with_data(&[60, 60, 60, 60]);
    // Enough crops for seconds of work, and stopped meanwhile: the second must meet it at work.
    let recipe = "--ipc 1 --patches 1 --subset 60 --crops 40 --project p";
    let mut first = until_scoring(&scene, &format!("{recipe} --out a"));
    let id = first.id().to_string();
    signal("STOP", &id);
    let second = scene.distill(&format!("{recipe} --out b"));
    signal("CONT", &id);
    second.fails(1, &["p", &id]);
    assert!(first.wait().unwrap().success(), "the first is not disturbed");
    check_output(&scene.at("a"), &scene.at("data"));
}

#[test]
fn ctrl_c_ends_with_130_and_the_same_command_resumes() {
    const INT: u32 = 2;
    let scene = Scene::with_data(&[80, 80, 80, 80, 80]);
    let recipe = "--ipc 2 --patches 4 --subset 80 --crops 40";
    let mut child = until_scoring(&scene, &format!("{recipe} --project p --out out"));
    signal(if is_ignored(INT) { "TERM" } else { "INT" }, &child.id().to_string());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!scene.at("out").exists());
    let resumed = scene.distill(&format!("{recipe} --project p --out out")).last();
    assert!(counts(&resumed).0 >= 1, "what was scored before is used: {resumed}");
    scene.distill(&format!("{recipe} --project q --out straight")).last();
    assert_same_trees(&scene.at("straight"), &scene.at("out"));
}

#[test]
fn killed_runs_resume_to_the_same_bytes() {
    let scene = Scene::with_data(&[60; 6]);
    let line =
        "distill --data data --observer observer.safetensors --force --device cpu --ipc 2 --patches 4 --subset 60";
    kill_and_resume(&scene, line, 3);
}

/// Runs `line` undisturbed, then again with `kills` kills at random moments; both must give the same bytes, and the
/// output folder must be absent or whole after each kill. A run that ends before its kill is followed by a new one.
pub fn kill_and_resume(scene: &Scene, line: &str, kills: u32) {
    let start = Instant::now();
    scene.line(&format!("{line} --project straight --out reference")).last();
    let whole = start.elapsed();
    let (mut landed, mut finished) = (0, 0);
    while landed < kills {
        assert!(finished <= 2 * kills, "{finished} runs ended before their kill");
        let out = format!("out{finished}");
        let command = format!("{line} --project killed{finished} --out {out}");
        let mut child =
            scene.command(command.split_whitespace()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let wait = whole.mul_f64(random() * 0.8);
        std::thread::sleep(wait);
        child.kill().unwrap();
        let status = child.wait().unwrap();
        eprintln!("killed after {wait:?} of {whole:?}: {status}");
        landed += u32::from(!status.success());
        if scene.at(&out).exists() {
            assert_same_trees(&scene.at("reference"), &scene.at(&out));
            finished += 1;
        }
    }
    scene.line(&format!("{line} --project killed{finished} --out out{finished}")).last();
    assert_same_trees(&scene.at("reference"), &scene.at(format!("out{finished}")));
}

/// A number in [0, 1) that differs from run to run.
pub fn random() -> f64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(0) as f64 / u64::MAX as f64
}

/// Starts `distill` and waits until the second class or a later one is being scored.
fn until_scoring(scene: &Scene, more: &str) -> Child {
    until(scene, "score", more)
}

/// Starts `distill` and waits until a fifth of a stage's work is done.
pub fn until(scene: &Scene, stage: &str, more: &str) -> Child {
    let line = format!("distill --data data --observer observer.safetensors --force --device cpu --json {more}");
    let mut child = scene.command(line.split(' ')).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let begun = Instant::now();
    let seen = lines.by_ref().map_while(Result::ok).find(|line| {
        let line: Value = serde_json::from_str(line).expect(line);
        let (done, total) = (line["done"].as_u64(), line["total"].as_u64());
        line["progress"] == stage && done.zip(total).is_some_and(|(done, total)| done * 5 > total)
    });
    assert!(seen.is_some() && begun.elapsed() < Duration::from_secs(120));
    // The rest is read, so that the program never waits for a reader.
    drain(lines);
    child
}

/// Sends a signal to a process.
pub fn signal(name: &str, id: &str) {
    assert!(Command::new("sh").args(["-c", &format!("kill -{name} {id}")]).status().unwrap().success());
}

/// Reads what still comes on a thread of its own.
fn drain(lines: impl Iterator<Item = std::io::Result<String>> + Send + 'static) {
    #[allow(clippy::disallowed_methods, reason = "ends with the child that it reads from")]
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
}

/// Classes reused and patches scored.
pub fn counts(line: &Value) -> (u64, u64) {
    (line["classes_reused"].as_u64().unwrap(), line["patches_scored"].as_u64().unwrap())
}

/// Reads an output folder's manifest, cuts every cell again from its source, and compares with the written pixels.
pub fn check_output(out: &Path, data: &Path) -> Manifest {
    let manifest = Manifest::parse(&std::fs::read(out.join("manifest.json")).unwrap()).unwrap();
    let data = stillroom::store::import::open(data, manifest.dataset.split).unwrap().dataset;
    let cells = manifest.recipe.method.rded().unwrap().patches as usize;
    let ipc = manifest.recipe.ipc as usize;
    for class in &manifest.classes {
        assert_eq!(class.images.len(), ipc);
        let mut ranks: Vec<u32> = class.images.iter().flat_map(|i| i.cells()).map(|c| c.rank).collect();
        ranks.sort_unstable();
        let larger = manifest.layout_ipc() as usize;
        let due = (0..cells).flat_map(|k| (0..ipc).map(move |image| (k * larger + image) as u32));
        assert!(ranks.into_iter().eq(due), "each rank once");
        for image in &class.images {
            let written = decode::decode(&std::fs::read(out.join(&image.file)).unwrap()).unwrap();
            assert!(recut(&manifest, &data, image).unwrap() == written, "{} differs from its sources", image.file);
        }
    }
    manifest
}
