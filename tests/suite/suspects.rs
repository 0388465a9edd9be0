//! Labels that are probably wrong: the list, the numbers behind it, and a curation that rejects what is listed.

use serde_json::Value;

use crate::scene::{Scene, png};

/// Two classes of an observer that tells them apart only by chance.
fn scene() -> Scene {
    Scene::with_data(&[20, 20])
}

const SUSPECTS: &str = "suspects --data data --observer observer.safetensors --device cpu";

fn lines(scene: &Scene, name: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(scene.at(name)).unwrap();
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

#[test]
fn the_list_the_numbers_and_the_curation_agree() {
    let scene = scene();
    let run = scene.line(&format!("{SUSPECTS} --out list.csv --curation c.json --probabilities p.csv"));
    let line = run.last();
    let (list, rows) = (lines(&scene, "list.csv"), lines(&scene, "p.csv"));
    let flagged = line["suspects"].as_u64().unwrap() as usize;
    assert_eq!((line["job"].as_str(), line["images"].as_u64()), (Some("suspects"), Some(40)));
    assert!(flagged > 0 && flagged < 40, "{line}");
    assert_eq!((list.len() - 1, rows.len() - 1), (flagged, 40));
    let per_class: u64 = line["per_class"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert_eq!(per_class as usize, flagged);

    // Every listed image is rather of the other class by its own probabilities, and the most certain ones come first.
    let number = |text: &str| text.parse::<f64>().unwrap();
    let mut last = 0.0;
    for row in &list[1..] {
        let (image, class, instead, own) = (&row[1], &row[2], &row[3], number(&row[4]));
        let found = rows.iter().find(|found| found[0] == *image).unwrap();
        assert!(class != instead && found[1] == *class);
        let of = |class: &str| number(&found[2 + usize::from(class == "class1")]);
        assert!((of("class0") + of("class1") - 1.0).abs() < 1e-5);
        assert!(of(class) == own && of(instead) > own && own >= last, "{row:?}");
        last = own;
    }

    // Nothing that is listed is stitched.
    scene.distill("--ipc 2 --patches 1 --crops 2 --curation c.json --project project --out set").last();
    let manifest = std::fs::read_to_string(scene.at("set/manifest.json")).unwrap();
    let listed: Vec<&str> = list[1..].iter().map(|row| row[1].as_str()).collect();
    assert!(manifest.contains("\"source\"") && listed.iter().all(|image| !manifest.contains(*image)), "{listed:?}");
}

#[test]
fn batches_and_threads_change_nothing() {
    let scene = scene();
    scene.line(&format!("{SUSPECTS} --out a.csv --probabilities a-p.csv")).last();
    scene.line(&format!("{SUSPECTS} --out b.csv --probabilities b-p.csv --batch 7 --threads 1")).last();
    assert_eq!(lines(&scene, "a.csv"), lines(&scene, "b.csv"));
    assert_eq!(lines(&scene, "a-p.csv"), lines(&scene, "b-p.csv"));
}

#[test]
fn broken_images_are_left_out_and_files_are_not_overwritten() {
    let scene = scene();
    scene.write("data/class1/broken.png", b"no picture");
    scene.write("data/class1/zz.png", &png("more", 32));
    let line = scene.line(&format!("{SUSPECTS} --out list.csv")).last();
    assert_eq!((line["images"].as_u64(), line["broken"].as_u64()), (Some(41), Some(1)));
    let before = lines(&scene, "list.csv");
    scene.line(&format!("{SUSPECTS} --out list.csv")).fails(1, &["list.csv exists already and is not overwritten"]);
    assert_eq!(lines(&scene, "list.csv"), before);
    scene.line(&format!("{SUSPECTS} --out x --curation x")).fails(2, &["--out and --curation name the same file"]);
    scene.line(&format!("{SUSPECTS} --out gone/list.csv")).fails(1, &["gone: there is no such folder"]);
    scene.observer("other.safetensors", ("conv3x8", 32), 3);
    let wrong = SUSPECTS.replace("observer.safetensors", "other.safetensors");
    scene.line(&format!("{wrong} --out other.csv")).fails(1, &["classes"]);
    assert!(!scene.at("other.csv").exists());
}

#[test]
fn a_map_is_the_same_for_any_batch_and_lays_equal_images_together() {
    let scene = Scene::with_data(&[12, 12]);
    for name in ["zz", "zzz"] {
        scene.write(format!("data/class0/{name}.png"), &png("0/3", 32));
    }
    let map = "map --data data --observer observer.safetensors --device cpu --perplexity 5";
    let line = scene.line(&format!("{map} --out a.csv --features a.bin")).last();
    scene.line(&format!("{map} --out b.csv --batch 5 --threads 1")).last();
    assert_eq!(lines(&scene, "a.csv"), lines(&scene, "b.csv"));
    let (images, dims) = (line["images"].as_u64().unwrap(), line["dims"].as_u64().unwrap());
    assert_eq!((images, std::fs::metadata(scene.at("a.bin")).unwrap().len()), (26, 26 * dims * 4));
    assert!(line["kl"].as_f64().unwrap() > 0.0 && line["trustworthiness"].as_f64().unwrap() > 0.5, "{line}");
    let at = |name: &str| {
        let row = lines(&scene, "a.csv").into_iter().find(|row| row[0].ends_with(name)).unwrap();
        [row[2].parse::<f64>().unwrap(), row[3].parse::<f64>().unwrap()]
    };
    let far = |a: [f64; 2], b: [f64; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
    let (a, b) = (at("class0/0003.png"), at("class0/zz.png"));
    assert!(far(a, b) < far(a, at("class1/0003.png")), "the same image lies nearer than another one");

    let line = scene.line(&format!("{map} --out c.csv --layout pca")).last();
    assert!(line["kl"].is_null());
    scene.line(&format!("{map} --out c.csv")).fails(1, &["c.csv exists already and is not overwritten"]);
    scene.line(&format!("{map}0 --out d.csv")).fails(1, &["perplexity 50 isn't between 1 and"]);
}
