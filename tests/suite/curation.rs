//! What a person decided, from the file to the pixels.
//!
//! | what is marked | what must hold |
//! |---|---|
//! | pins, places, rejections, other crops | the manifest says which and why, and every cell is cut again from it |
//! | nothing that selects | the very bytes of a set without a curation |
//! | for another IPC, seed or subset | what still applies does, and what doesn't is told |
//! | names that the dataset lacks | told, and kept |
//! | files that are none | refused before anything is scored |

use std::collections::BTreeMap;

use serde_json::{Value, json};
use stillroom::core::distil::manifest::{CellNote, ClassNote, Manifest};
use stillroom::core::distil::patch::{CropBox, CropRange, ImageKey, crop_box, subset_order};
use stillroom::core::distil::select::Chosen;
use stillroom::engine::images::decode;
use stillroom::jobs::distill::recut;
use stillroom::store::project::Project;

use crate::scene::{Run, Scene, assert_same_trees, png, tree};

/// Eight slots; slot s is cell s ÷ 2 of image s mod 2.
const RECIPE: &str = "--ipc 2 --patches 4 --subset 18 --crops 3 --project project";

/// `base/` without a curation; twenty images of each of two classes.
fn scene() -> (Scene, Manifest) {
    let scene = Scene::with_data(&[20, 20]);
    scene.distill(&format!("{RECIPE} --out base")).last();
    let base = manifest(&scene, "base");
    (scene, base)
}

fn manifest(scene: &Scene, set: &str) -> Manifest {
    Manifest::parse(&std::fs::read(scene.at(set).join("manifest.json")).unwrap()).unwrap()
}

/// A manifest, after each cell was cut again from its source and compared with the written pixels.
fn proven(scene: &Scene, set: &str) -> Manifest {
    let manifest = manifest(scene, set);
    let data = stillroom::store::import::open(&scene.at("data"), manifest.dataset.split).unwrap().dataset;
    for image in manifest.classes.iter().flat_map(|class| &class.images) {
        let written = decode::decode(&std::fs::read(scene.at(set).join(&image.file)).unwrap()).unwrap();
        assert!(recut(&manifest, &data, image).unwrap() == written, "{set}: {} differs from its sources", image.file);
    }
    manifest
}

/// The cells of a class by slot.
fn slots(class: &ClassNote) -> Vec<&CellNote> {
    let images = class.images.iter().enumerate();
    let cells = images.flat_map(|(id, image)| image.cells().iter().map(move |cell| (id, cell)));
    let by_slot: BTreeMap<usize, &CellNote> =
        cells.map(|(id, cell)| (cell.cell as usize * class.images.len() + id, cell)).collect();
    by_slot.into_values().collect()
}

/// Ranks by slot, with `p` behind pins and `s` behind swaps.
fn spelt(class: &ClassNote) -> String {
    let one = |cell: &&CellNote| match cell.chosen {
        Chosen::Rank => cell.rank.to_string(),
        Chosen::Pin => format!("{}p", cell.rank),
        Chosen::Swap => format!("{}s", cell.rank),
    };
    slots(class).iter().map(one).collect::<Vec<_>>().join(" ")
}

/// The file name of a cell's source.
fn name(cell: &CellNote) -> &str {
    cell.source.split('/').next_back().unwrap()
}

/// The name at a position of the first class's permutation.
fn at_position(position: usize) -> String {
    format!("{:04}.png", subset_order(0, "class0", 20)[position])
}

/// A crop of an image of the first class that is not this one.
fn other_crop(cell: &CellNote) -> CropBox {
    let key = ImageKey { class: "class0", image: name(cell).as_bytes() };
    let boxes = (0..3).map(|crop| crop_box(0, key, crop, (32, 32), CropRange::RDED));
    boxes.into_iter().find(|bbox| *bbox != cell.bbox).unwrap()
}

fn write(scene: &Scene, file: &str, fingerprint: &str, classes: &Value) {
    let text = json!({
        "format": 1,
        "program": {"name": "stillroom", "version": "0"},
        "dataset": {"fingerprint": fingerprint},
        "classes": classes,
    });
    scene.write(file, text.to_string().as_bytes());
}

/// Rank 2 is rejected, an image beyond the first eight pinned to image 1, cell 0, and rank 4 cut elsewhere. Gives the
/// pinned image's name.
fn curated(scene: &Scene, base: &Manifest) -> String {
    let slots = slots(&base.classes[0]);
    let taken: Vec<&str> = slots.iter().map(|cell| name(cell)).collect();
    // Of the subset of eighteen, but not of one of nine.
    let pinned = (9..18).map(at_position).find(|name| !taken.contains(&name.as_str())).unwrap();
    let b = other_crop(slots[4]);
    let swap = json!({"top": b.top, "left": b.left, "height": b.height, "width": b.width});
    let marks = json!({
        name(slots[2]): {"choice": "rejected"},
        &pinned: {"choice": "pinned", "place": {"image": 1, "cell": 0}, "tag": 2},
        name(slots[4]): {"crop": swap},
    });
    let tagged = json!({name(self::slots(&base.classes[1])[0]): {"tag": 9}});
    write(scene, "marks.json", &base.dataset.fingerprint, &json!({"class0": marks, "class1": tagged}));
    pinned
}

fn distill(scene: &Scene, recipe: &str, out: &str) -> Run {
    scene.distill(&format!("{recipe} --curation marks.json --out {out}"))
}

#[test]
fn marks_decide_what_is_stitched_and_the_manifest_says_so() {
    let (scene, base) = scene();
    assert_eq!((base.format, spelt(&base.classes[0]).as_str()), (2, "0 1 2 3 4 5 6 7"));
    let pinned = curated(&scene, &base);
    let run = distill(&scene, RECIPE, "out");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(!run.stderr.contains("curation at"), "all of it applies: {}", run.stderr);
    let made = proven(&scene, "out");
    assert_eq!(made.format, 3);
    let (was, is) = (slots(&base.classes[0]), slots(&made.classes[0]));
    let rank = is[1].rank;
    assert!(rank > 7, "{rank}");
    assert_eq!(spelt(&made.classes[0]), format!("0 {rank}p 1 3 4s 5 6 7"));
    assert_eq!((name(is[1]), name(is[4])), (pinned.as_str(), name(was[4])));
    assert_eq!((is[4].bbox, is[2].bbox), (other_crop(was[4]), was[1].bbox));
    assert!(is[4].loss > was[4].loss && is[4].crop != was[4].crop);
    // The other class is as it was, to the byte.
    assert_eq!(made.classes[1], base.classes[1]);
    let (out, was) = (tree(&scene.at("out")), tree(&scene.at("base")));
    let same = |file: &str| out[file] == was[file];
    assert!(same("00001/class00001_id00000.png") && !same("00000/class00000_id00000.png"));
    // Equal inputs, equal bytes; and the project remembers with what each run was made.
    distill(&scene, &format!("{} --threads 3", RECIPE.replace("project project", "project fresh")), "again").last();
    assert_same_trees(&scene.at("out"), &scene.at("again"));
    let runs = Project::read_only(&scene.at("project")).unwrap().runs(9).unwrap();
    assert_eq!(runs.iter().map(|run| run.curation.is_some()).collect::<Vec<_>>(), [true, false]);
    scene.write("kept.json", runs[0].curation.as_deref().unwrap().as_bytes());
    scene.distill(&format!("{RECIPE} --curation kept.json --out restored")).last();
    assert_same_trees(&scene.at("out"), &scene.at("restored"));
}

#[test]
fn a_set_without_a_say_keeps_its_bytes() {
    let (scene, base) = scene();
    let slots = slots(&base.classes[0]);
    let marks = json!({name(slots[0]): {"tag": 1}, name(slots[3]): {"tag": 2}});
    write(&scene, "marks.json", &base.dataset.fingerprint, &json!({"class0": marks}));
    distill(&scene, RECIPE, "tagged").last();
    assert_same_trees(&scene.at("base"), &scene.at("tagged"));
    // What is not stitched may be rejected, too.
    let taken: Vec<&str> = slots.iter().map(|cell| name(cell)).collect();
    let idle = (0..18).map(at_position).find(|name| !taken.contains(&name.as_str())).unwrap();
    let marks = json!({"class0": {idle: {"choice": "rejected"}}});
    write(&scene, "marks.json", &base.dataset.fingerprint, &marks);
    distill(&scene, RECIPE, "rejected").last();
    assert_same_trees(&scene.at("base"), &scene.at("rejected"));
}

#[test]
fn what_does_not_apply_to_a_recipe_is_told() {
    let (scene, base) = scene();
    let pinned = curated(&scene, &base);
    let run = distill(&scene, &RECIPE.replace("--ipc 2", "--ipc 1"), "one");
    run.says(&[&format!(
        "curation at IPC 1: pinned to a cell that there is not, so the layout decides (1 image: \
                         class0/{pinned})"
    )]);
    // The pin takes the slot of the rejected one.
    let one = proven(&scene, "one");
    let rank = slots(&one.classes[0])[2].rank;
    assert_eq!(spelt(&one.classes[0]), format!("0 1 {rank}p 3"));
    // Another seed draws other boxes; of those that still draw the image.
    let swapped = name(slots(&base.classes[0])[4]);
    let draws = |seed: &u64| {
        let drawn = subset_order(*seed, "class0", 20).into_iter().take(18);
        drawn.map(|at| format!("{at:04}.png")).any(|name| name == swapped)
    };
    let seed = (1..).find(draws).unwrap();
    let run = distill(&scene, &format!("{RECIPE} --seed {seed}"), "seed");
    run.says(&[&format!(
        "curation at IPC 2: no crop of this seed has the chosen box, so the least loss decides (1 image: class0/{swapped})"
    )]);
    proven(&scene, "seed");
    let run = distill(&scene, &RECIPE.replace("--subset 18", "--subset 9"), "subset");
    run.says(&["curation at IPC 2: not in the subset (", &format!("class0/{pinned}")]);
    assert!(!spelt(&proven(&scene, "subset").classes[0]).contains('p'));
    let run = distill(&scene, &format!("{RECIPE} --classes class1"), "class1");
    run.says(&["3 of its marks are of classes that are not distilled"]);
    assert_eq!(manifest(&scene, "class1").format, 2);
}

#[test]
fn several_sizes_follow_one_curation() {
    let (scene, base) = scene();
    curated(&scene, &base);
    let sizes = RECIPE.replace("--ipc 2", "--ipc 1,2");
    distill(&scene, RECIPE, "two").last();
    distill(&scene, &RECIPE.replace("--ipc 2", "--ipc 1"), "one").last();
    distill(&scene, &sizes, "apart").last();
    assert_same_trees(&scene.at("two"), &scene.at("apart/ipc-2"));
    assert_same_trees(&scene.at("one"), &scene.at("apart/ipc-1"));
    let run = distill(&scene, &format!("{sizes} --nested"), "nested");
    run.says(&[
        "curation at IPC 1: 1 of the patches that were pinned or cut elsewhere are not in it, since it is the first \
                images of the set of IPC 2",
    ]);
    assert_eq!(run.stderr.matches("cut elsewhere").count(), 1, "{}", run.stderr);
    assert_same_trees(&scene.at("two"), &scene.at("nested/ipc-2"));
    let part = proven(&scene, "nested/ipc-1");
    // Image 0 of the two has every second slot.
    assert_eq!((part.nested_in, part.format, spelt(&part.classes[0]).as_str()), (Some(2), 3, "0 1 4s 6"));
    assert_eq!(part.classes[0].images[0], manifest(&scene, "two").classes[0].images[0]);
}

#[test]
fn a_cell_of_an_image_that_is_not_pinned_is_told() {
    let (scene, base) = scene();
    let idle = name(slots(&base.classes[0])[5]).to_owned();
    let marks = json!({"class0": {&idle: {"place": {"image": 1, "cell": 0}}}});
    write(&scene, "marks.json", &base.dataset.fingerprint, &marks);
    let run = distill(&scene, RECIPE, "out");
    run.says(&[&format!("with a cell, but not pinned: the cell has no effect (1 image: class0/{idle})")]);
    assert_eq!(spelt(&manifest(&scene, "out").classes[0]), "0 1 2 3 4 5 6 7");
}

/// Herding and k-means pick without looking at rejections: what is rejected is replaced by the next in their order.
#[test]
fn every_strategy_replaces_what_is_rejected_and_nothing_else() {
    let scene = Scene::with_data(&[20, 20]);
    for strategy in ["realism", "random", "herding", "kmeans"] {
        let recipe = format!("{RECIPE} --strategy {strategy}");
        scene.distill(&format!("{recipe} --out {strategy}")).last();
        let base = manifest(&scene, strategy);
        let was = slots(&base.classes[0]);
        let marks = json!({"class0": {name(was[3]): {"choice": "rejected"}}});
        write(&scene, "marks.json", &base.dataset.fingerprint, &marks);
        distill(&scene, &recipe, &format!("{strategy}-2")).last();
        let made = proven(&scene, &format!("{strategy}-2"));
        assert_eq!((made.format, spelt(&made.classes[0]).as_str()), (3, "0 1 2 8 4 5 6 7"), "{strategy}");
        let is = slots(&made.classes[0]);
        let others = |of: &[&CellNote]| -> Vec<String> {
            of.iter().enumerate().filter(|(slot, _)| *slot != 3).map(|(_, cell)| cell.source.clone()).collect()
        };
        assert_eq!(others(&is), others(&was), "{strategy}");
        assert!(was.iter().all(|cell| cell.source != is[3].source), "{strategy}");
    }
}

#[test]
fn too_many_rejections_are_known_before_anything_is_scored() {
    let (scene, base) = scene();
    let rejected: BTreeMap<String, Value> =
        (0..13).map(|image| (format!("{image:04}.png"), json!({"choice": "rejected"}))).collect();
    write(&scene, "marks.json", &base.dataset.fingerprint, &json!({"class1": rejected}));
    let run = distill(&scene, RECIPE, "out");
    run.fails(1, &["class 'class1': 20 usable images, 13 of them rejected", "IPC·N = 8", "take rejections back"]);
    assert!(!run.stderr.contains("score ") && !scene.at("out").exists(), "{}", run.stderr);
    distill(&scene, &format!("{RECIPE} --short-classes fewer"), "fewer").last();
    let fewer = proven(&scene, "fewer");
    assert_eq!((fewer.format, fewer.classes[0].images.len(), fewer.classes[1].images.len()), (3, 2, 1));
    let run = distill(&scene, &format!("{RECIPE} --short-classes fewer"), "again");
    run.says(&["class 'class1' has 18 usable images, ", " of them rejected: 1 distilled images are made of it"]);
}

#[test]
fn files_that_are_no_curations_are_refused_before_anything_is_scored() {
    let scene = Scene::with_data(&[8, 8]);
    let run = |said: &[&str]| {
        let run = distill(&scene, RECIPE, "out");
        run.fails(1, said);
        assert!(!run.stderr.contains("score ") && !scene.at("out").exists(), "{}", run.stderr);
    };
    run(&["marks.json", "does not exist"]);
    for (text, said) in [
        ("", "not a curation of stillroom"),
        ("{\"format\":1,\"classes\":", "not a curation of stillroom"),
        (r#"{"format":2}"#, "has format 2, this program knows formats up to 1; use a newer stillroom"),
    ] {
        scene.write("marks.json", text.as_bytes());
        run(&["marks.json", said]);
    }
    write(&scene, "marks.json", "", &json!({"class0": {"0000.png": {"tag": 10}}}));
    run(&["marks.json: the curation is wrong at image '0000.png' of class 'class0': tag 10"]);
    scene.write("marks.json", &std::fs::read(scene.at("observer.safetensors")).unwrap());
    run(&["marks.json: not a curation of stillroom"]);
}

#[test]
fn a_projects_curation_becomes_a_file_for_any_machine() {
    let (scene, base) = scene();
    let none = ["project: nothing was curated of", "data, which was opened last", "in the window first"];
    scene.line("curation --project project --out all.json").fails(1, &none);
    scene.line("curation --project nowhere --out all.json").fails(1, &["nowhere", "no project here yet"]);
    curated(&scene, &base);
    let text: Value = serde_json::from_slice(&std::fs::read(scene.at("marks.json")).unwrap()).unwrap();
    let mut classes = text["classes"].clone();
    classes["class0"]["gone.png"] = json!({"choice": "pinned"});
    classes["owl"] = json!({"a.png": {"tag": 1}});
    write(&scene, &format!("project/curation/{}.json", base.dataset.fingerprint), &base.dataset.fingerprint, &classes);
    let due = json!({
        "job": "curation", "pinned": 2, "rejected": 1, "swapped": 1, "placed": 1, "tagged": 3, "strays": 2,
        "out": "all.json",
    });
    let run = scene.line("curation --project project --out all.json");
    run.says(&["the dataset has no class0/gone.png, owl/a.png: what is said of these has no effect"]);
    assert_eq!(run.last(), due);
    scene.line("curation --project project --data data --out all.json").last();
    scene.write("all2.json", b"mine");
    scene.line("curation --project project --out all2.json").fails(1, &["all2.json", "not overwritten"]);
    assert_eq!(std::fs::read(scene.at("all2.json")).unwrap(), b"mine");
    // Another dataset has none; one that was moved away is found by what the project remembers of it.
    for class in ["a", "b"] {
        scene.write(format!("other/{class}/0.png"), &png(class, 32));
    }
    let none = ["nothing was curated of", "other yet"];
    scene.line("curation --project project --data other --out other.json").fails(1, &none);
    std::fs::rename(scene.at("data"), scene.at("moved")).unwrap();
    let last = scene.line("curation --project project --data data --out moved.json").last();
    assert_eq!((&last["pinned"], &last["strays"]), (&json!(2), &Value::Null));
    std::fs::rename(scene.at("moved"), scene.at("data")).unwrap();
    let run = scene.distill(&format!("{RECIPE} --curation all.json --out out"));
    run.says(&["all.json: the dataset has no class0/gone.png, owl/a.png"]);
    distill(&scene, RECIPE, "same").last();
    assert_same_trees(&scene.at("same"), &scene.at("out"));
}
