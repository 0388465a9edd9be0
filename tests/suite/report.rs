//! `stillroom report`: a page about a distilled set that needs nothing but a browser.
//!
//! | what is reported | what must hold |
//! |---|---|
//! | a distilled set | every image's very bytes, every cell's source, loss and rank as the manifest has them |
//! | trainings of it and of a random set | rows with the accuracies that `train` printed, and what repeats them |
//! | tables | the manifest's numbers, and pictures of the charts |
//! | `distill --scores` | all patches that were scored, with boxes, losses, rivals and ranks |
//! | the same again | the same bytes |
//! | class folders without a manifest | what is known, and that the rest isn't |
//! | more than fits | "showing n of m" |
//!
//! `tests/ecosystem/check_report.py` parses a page as browsers do.

use serde_json::Value;
use stillroom::core::formats::base64;

use crate::scene::{Scene, assert_same_trees, png, tree};

const DISTIL: &str = "--ipc 2 --patches 4 --subset 9";

/// `set/`: three classes of two images.
fn distilled() -> Scene {
    let scene = Scene::with_data(&[9, 9, 9]);
    let run = scene.distill(&format!("{DISTIL} --out set"));
    assert_eq!(run.code, 0, "{}", run.stderr);
    scene
}

fn page(scene: &Scene, name: &str) -> String {
    let page = std::fs::read_to_string(scene.at(name)).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("<script"));
    page
}

#[test]
fn a_page_holds_the_images_and_says_what_the_manifest_says() {
    let scene = distilled();
    let run = scene.line("report --set set --out report.html");
    run.says(&["report.html: ", "showing 6 of 6 images"]);
    let line = run.last();
    let page = page(&scene, "report.html");
    assert_eq!((&line["job"], line["bytes"].as_u64()), (&"report".into(), Some(page.len() as u64)));
    assert_eq!((&line["shown"], &line["images"], &line["trainings"]), (&6.into(), &6.into(), &0.into()));
    let files = tree(&scene.at("set"));
    for (_, bytes) in files.iter().filter(|(name, _)| name.ends_with(".png")) {
        assert!(page.contains(&format!("src=\"data:image/png;base64,{}\"", base64::encoded(bytes))));
    }
    let manifest: Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
    for cell in cells(&manifest) {
        let loss = cell["loss"].to_string();
        let (source, rank) = (cell["source"].as_str().unwrap(), &cell["rank"]);
        let row = page.lines().find(|row| row.contains(&format!("<td>{source}</td>"))).expect(source);
        // Losses of a network that knows nothing are near ln 3, so both spell them alike.
        assert!(row.contains(&format!(">{loss}<")) && row.contains(&format!(">{rank}</td>")), "{cell}: {row}");
    }
    assert!(page.contains("<td>rank (realism)</td>") && !page.contains(" --curation"));
    for fingerprint in [&manifest["dataset"]["fingerprint"], &manifest["observer"]["fingerprint"]] {
        assert!(page.contains(fingerprint.as_str().unwrap()));
    }
    // The call on the page makes the very set again.
    let call = page.split("<code>stillroom ").nth(1).unwrap().split("</code>").next().unwrap();
    let call = call.replace("DATASET", "data").replace("OBSERVER", "observer.safetensors").replace(" SET ", " again ");
    assert_eq!(scene.line(&format!("{call} --force --device cpu")).code, 0, "{call}");
    assert_same_trees(&scene.at("set"), &scene.at("again"));
    // The same again, by whatever name; what exists is kept.
    assert_eq!(scene.line("report --set set --out again.html").code, 0);
    assert!(std::fs::read_to_string(scene.at("again.html")).unwrap() == page);
    scene.line("report --set set --out report.html").fails(1, &["report.html: exists already and is not overwritten"]);
    scene
        .line("report --set set --out no/report.html")
        .fails(1, &["no: cannot write into this folder: it does not exist"]);
}

fn cells(manifest: &Value) -> impl Iterator<Item = &Value> {
    let classes = manifest["classes"].as_array().unwrap().iter();
    let images = classes.flat_map(|class| class["images"].as_array().unwrap());
    images.flat_map(|image| image["cells"].as_array().unwrap())
}

/// The patches that were kept have the losses and boxes of the manifest, and ranks that say so.
#[test]
fn all_scored_patches_are_a_table() {
    let scene = Scene::with_data(&[9, 9, 9]);
    let distil = |more: &str| scene.distill(&format!("{DISTIL} --crops 3 {more}"));
    distil("--out set --scores patches.csv").last();
    let text = std::fs::read_to_string(scene.at("patches.csv")).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|row| row.split(',').collect()).collect();
    assert_eq!(rows.len(), 27 * 3);
    let manifest: Value = serde_json::from_slice(&std::fs::read(scene.at("set/manifest.json")).unwrap()).unwrap();
    for cell in cells(&manifest) {
        let (source, crop, rank) =
            (cell["source"].as_str().unwrap(), cell["crop"].to_string(), cell["rank"].to_string());
        let of = |row: &&Vec<&str>| row[1] == source && row[2] == crop;
        let row = rows.iter().find(of).unwrap();
        let b = &cell["box"];
        let due = [&b["top"], &b["left"], &b["height"], &b["width"]].map(Value::to_string);
        assert!(row[3..7] == due && row[12] == rank, "{cell}: {row:?}");
        let (loss, p): (f32, f32) = (row[7].parse().unwrap(), row[8].parse().unwrap());
        assert!(f64::from(loss) == f64::from(cell["loss"].as_f64().unwrap() as f32) && p == (-loss).exp(), "{row:?}");
        assert!(row[9].starts_with("class") && row[9] != row[0], "{row:?}");
        let (rival, margin): (f32, f32) = (row[10].parse().unwrap(), row[11].parse().unwrap());
        assert_eq!(margin, p - rival);
    }
    // One crop of each image has a rank.
    assert_eq!(rows.iter().filter(|row| !row[12].is_empty()).count(), 27);
    distil("--out other --scores patches.csv").fails(1, &["patches.csv: exists already and is not overwritten"]);
    let several = scene.distill("--ipc 2,1 --patches 4 --subset 9 --out other --scores p.csv");
    several.fails(2, &["--scores has the ranks of one size"]);
    assert!(!scene.at("other").exists());
}

#[test]
fn trainings_are_compared_and_tables_are_files() {
    let scene = distilled();
    scene.distill(&format!("{DISTIL} --strategy random --out random")).last();
    let short = "--val data --device cpu --epochs 2 --batch 4 --student conv3x8 --evaluate every:1 --labels hard --loss hard-ce --mixing none";
    let trained =
        |data: &str, out: &str| scene.line(&format!("train --data {data} {short} --seeds 2 --out {out}")).last();
    let (own, random) = (trained("set", "runs/own"), trained("random", "runs/random"));
    let run = scene.line("report --set set --training runs --training runs/own --out report.html --tables tables");
    let line = run.last();
    assert_eq!((&line["trainings"], &line["tables"]), (&2.into(), &"tables".into()), "each once");
    let page = page(&scene, "report.html");
    for (name, data, result) in [("own", "this set", &own), ("random", "random", &random)] {
        let row = page.lines().find(|row| row.starts_with(&format!("<tr><td>{name}</td>"))).expect(name);
        let (mean, std) = (result["top1_mean"].as_f64().unwrap(), result["top1_std"].as_f64().unwrap());
        assert!(row.contains(&format!("<td>{data}</td>")), "{row}");
        assert!(row.contains(&format!("<td class=\"number\">{mean:.2} ± {std:.2}</td>")), "{row}: {result}");
        assert!(page.contains("stillroom train --data ") && page.contains("--epochs 2 --batch 4"));
    }
    let files = tree(&scene.at("tables"));
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    let due = [
        "classes.csv",
        "confusion-001-own.csv",
        "confusion-001-own.svg",
        "confusion-002-random.csv",
        "confusion-002-random.svg",
        "curves.csv",
        "curves.svg",
        "images.csv",
        "losses.csv",
        "losses.svg",
        "trainings.csv",
    ];
    assert_eq!(names, due);
    assert_eq!(line["table_files"], due.len());
    let text = |name: &str| String::from_utf8(files[name].clone()).unwrap();
    let manifest: Value = serde_json::from_slice(&std::fs::read(scene.at("set/manifest.json")).unwrap()).unwrap();
    let images = text("images.csv");
    for (cell, row) in cells(&manifest).zip(images.lines().skip(1)) {
        let fields: Vec<&str> = row.split(',').collect();
        let loss = cell["loss"].as_f64().unwrap() as f32;
        assert_eq!(
            (fields[6], fields[12].parse(), fields[14]),
            (cell["source"].as_str().unwrap(), Ok(loss), cell["rank"].to_string().as_str())
        );
    }
    // Every patch is in one bin.
    let counted = |row: &str| row.split(',').skip(2).map(|count| count.parse::<usize>().unwrap()).sum::<usize>();
    assert_eq!(text("losses.csv").lines().skip(1).map(counted).sum::<usize>(), cells(&manifest).count());
    assert_eq!(text("trainings.csv").lines().count(), 3);
    assert!(text("curves.svg").contains("own") && text("losses.svg").starts_with("<?xml"));
    // 27 images, twice: the seeds' confusions are added up.
    let confusion = text("confusion-001-own.csv");
    let all: usize =
        confusion.lines().skip(1).flat_map(|row| row.split(',').skip(1)).map(|n| n.parse::<usize>().unwrap()).sum();
    assert_eq!(all, 2 * 27, "{confusion}");
    let run = scene.line("report --set set --out x.html --tables set/tables");
    run.fails(1, &["set/tables lies in set", "give a folder elsewhere"]);
    scene.line("report --set set --out x.html --training data").fails(1, &["data: there is no training"]);
    assert!(!scene.at("x.html").exists());
}

#[test]
fn a_folder_without_a_manifest_is_reported_as_far_as_it_is_known() {
    let scene = Scene::new();
    for (class, image) in [("a&b", 0), ("a&b", 1), ("<i>c", 0)] {
        scene.write(format!("set/{class}/{image}.png"), &png(&format!("{class}{image}"), 24));
    }
    let run = scene.line("report --set set --out report.html");
    run.says(&["there is no manifest.json"]);
    assert_eq!(run.last()["shown"], 3);
    let page = page(&scene, "report.html");
    assert!(page.contains("a&amp;b") && page.contains("&lt;i&gt;c") && !page.contains("<i>"));
    assert!(page.contains("3 images of 2 classes.") && page.contains("it isn't known how its images were made"));
    scene.write("set/manifest.json", br#"{"format": 2, "recipe": {}}"#);
    let run = scene.line("report --set set --out x.html");
    run.fails(1, &["manifest.json", "restore the file, or distil the set again"]);
}

#[test]
fn what_is_too_large_is_left_out_and_said() {
    let scene = Scene::new();
    // Noise of 3 bytes a pixel: three files of 0.7 MB.
    let noise = |seed: u32| {
        let byte = |at: u32| {
            let mixed = at.wrapping_add(seed.wrapping_mul(7919)).wrapping_mul(2_654_435_761);
            ((mixed ^ mixed >> 15).wrapping_mul(2_246_822_519) >> 13) as u8
        };
        let data = (0..480 * 480 * 3).map(byte).collect();
        let image = stillroom::core::data::pixels::Rgb8 { width: 480, height: 480, data };
        stillroom::engine::images::encode::png(&image).unwrap()
    };
    (0..3).for_each(|image| scene.write(format!("set/{}/{image}.png", ["a", "b"][image as usize / 2]), &noise(image)));
    let run = scene.line("report --set set --out report.html --max-mib 1");
    run.says(&["showing 3 of 3 images as thumbnails of at most 96 pixels"]);
    assert_eq!(run.last()["thumbnail_side"], 96);
    let page = page(&scene, "report.html");
    assert!(page.len() < 1 << 20 && page.contains("data:image/jpeg;base64,") && page.contains("more than 1 MiB"));
    scene.line("report --set set --out x.html --max-mib 0").fails(2, &["--max-mib"]);
}
