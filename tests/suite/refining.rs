//! Pixels that are moved: `distill --method sre2l|cda|lic`, and `refine` of finished sets.
//!
//! | what is asked for | what must hold |
//! |---|---|
//! | what a method, an observer or a value can't be | refused, by name, before anything is made |
//! | the same again, with other threads and batches, after a kill | the same bytes |
//! | the same in one project | finished batches are taken from it; damaged ones are told and made again |
//! | `refine` of a stitched set, curated or not | the bytes of `distill --method lic` with that set's parameters |
//! | `refine` by SRe2L or CDA | each image names its parent and that one's hash |

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};
use stillroom::core::distil::manifest::{ImageNote, Manifest, Optimised, Origin, Start};

use crate::cli::{kill_and_resume, signal, until};
use crate::scene::{Run, Scene, assert_same_trees, is_ignored, png, tree};

/// Eight patches of nine images: one batch for each class.
pub const LIC: &str = "--method lic --ipc 2 --patches 4 --subset 9 --iterations 3";

/// A batch for each number of an image.
pub const SRE2L: &str = "--method sre2l --ipc 2 --iterations 3";

pub fn scene() -> Scene {
    Scene::with_data(&[9, 9, 9])
}

pub fn manifest(scene: &Scene, set: &str) -> Manifest {
    Manifest::parse(&std::fs::read(scene.at(set).join("manifest.json")).unwrap()).unwrap()
}

fn images(manifest: &Manifest) -> impl Iterator<Item = &ImageNote> {
    manifest.classes.iter().flat_map(|class| &class.images)
}

fn optimised(image: &ImageNote) -> &Optimised {
    let Origin::Optimised(optimised) = &image.origin else { panic!("{}", image.origin.name()) };
    optimised
}

/// `refine` of a set with the scene's observer, which knows nothing and so needs `--force`.
pub fn refine(scene: &Scene, more: &str) -> Run {
    scene.line(&format!("refine --observer observer.safetensors --force --device cpu {more}"))
}

/// The files of a project's batches, in order of their names.
fn kept(scene: &Scene, project: &str) -> Vec<PathBuf> {
    let folder = std::fs::read_dir(scene.at(project).join("refined"));
    let files: BTreeSet<PathBuf> = folder.into_iter().flatten().map(|file| file.unwrap().path()).collect();
    files.into_iter().collect()
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_made() {
    let scene = scene();
    let fails = |more: &str, code: i32, said: &[&str]| {
        scene.distill(&format!("--ipc 1 --project p --out out {more}")).fails(code, said);
        assert!(!scene.at("out").exists(), "{more}");
    };
    for (more, said) in [
        ("--method lic --iterations 0", ["--iterations 0", "give a whole number from 1"]),
        ("--method lic --lr nan", ["--lr nan", "give a number from 0 to 100"]),
        ("--method lic --layer stage:0", ["stage:0", "give auto, features"]),
        ("--method cda --roll 4:0", ["4:0", "give one like 0:32"]),
        ("--method magic", ["there is no such method", "rded, sre2l, cda, lic"]),
        ("--method sre2l --patches 4", ["--patches 4", "sre2l has no such parameter"]),
        ("--method lic --r-bn 1", ["--r-bn 1", "lic has no such parameter"]),
        ("--preset rded --method lic", ["--preset rded is of rded", "--method lic"]),
        ("--method sre2l --scores x.csv", ["--scores is about patches", "give --init rded"]),
        ("--method cda --curation x.json", ["--curation is about patches", "give --init rded"]),
        ("--beside observer.safetensors", ["--beside moves pixels", "--method sre2l, cda or lic"]),
    ] {
        fails(more, 2, &said);
    }
    scene.observer("large.safetensors", ("conv3x32", 64), 3);
    scene.observer("few.safetensors", ("conv3x32", 32), 2);
    fails("--method lic --patches 4 --subset 9 --layer stage:9", 1, &["conv3x32 has no stage as --layer stage:9 asks"]);
    fails("--method sre2l --iterations 1 --beside large.safetensors", 1, &["large.safetensors"]);
    fails("--method sre2l --iterations 1 --beside few.safetensors", 1, &["few.safetensors"]);
    fails(
        "--method lic --patches 25 --subset 9",
        1,
        &["3 classes have fewer usable images than IPC·N = 25", "'class0' (9)"],
    );
    assert!(kept(&scene, "p").is_empty());
    // The first observer's flags are its own; another that knows nothing is refused like it, by name.
    let beside = "--arch conv3x32 --mean-std 0.1,0.2,0.3,0.4,0.5,0.6 --beside other.safetensors";
    scene.observer("other.safetensors", ("conv3x8", 32), 3);
    let run = scene.distill(&format!("{SRE2L} {beside} --project p --out both"));
    run.says(&["other.safetensors: check: top-1"]);
    run.last();
    let made = manifest(&scene, "both");
    let first = made.observer.map(|own| own.normalise);
    assert!(made.beside[0].network == "conv3x8" && Some(made.beside[0].normalise) != first);
    // Without batch norms there are no statistics; what needs none goes on.
    scene.observer("plain.safetensors", ("conv3x32_in", 32), 3);
    let plain =
        "distill --data data --observer plain.safetensors --force --device cpu --ipc 1 --iterations 1 --project p";
    let run = scene.line(&format!("{plain} --method sre2l --out out"));
    run.fails(1, &["no batch norm", "--r-bn 0", "--method rded or lic"]);
    assert!(!scene.at("out").exists());
    scene.line(&format!("{plain} --method sre2l --r-bn 0 --out zero")).last();
    scene.line(&format!("{plain} --method lic --patches 4 --subset 9 --out lic")).last();
}

#[test]
fn sets_are_the_same_again_and_the_project_keeps_their_batches() {
    let scene = scene();
    for (name, recipe, batches) in [("lic", LIC, 3), ("sre2l", SRE2L, 2)] {
        let (project, first) = (format!("project-{name}"), format!("{name}-1"));
        let made = |out: &str, more: &str| scene.distill(&format!("{recipe} --out {out} {more}"));
        let last = made(&first, &format!("--project {project}")).last();
        assert_eq!((&last["iterations"], &last["batches_reused"]), (&json!(3 * batches), &json!(0)), "{name}");
        assert!(last["terms"].as_object().is_some_and(|terms| terms.values().all(Value::is_number)), "{last}");
        assert!(last["iterations_per_second"].as_f64().is_some_and(|rate| rate > 0.0), "{last}");
        let again = made(&format!("{name}-2"), &format!("--project {project}")).last();
        assert_eq!((&again["iterations"], &again["batches_reused"]), (&json!(0), &json!(batches)), "{name}");
        made(&format!("{name}-3"), "--project fresh --threads 1 --batch 1").last();
        // One of the batches is damaged: only that one is made again.
        let files = kept(&scene, &project);
        assert_eq!(files.len(), batches, "no state is left of what is finished: {files:?}");
        let mut bytes = std::fs::read(&files[0]).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&files[0], bytes).unwrap();
        let run = made(&format!("{name}-4"), &format!("--project {project}"));
        run.says(&["its checksum is wrong", "making these images again"]);
        assert_eq!(run.last()["batches_reused"], batches - 1);
        for other in 2..5 {
            assert_same_trees(&scene.at(&first), &scene.at(format!("{name}-{other}")));
        }
    }
    // What can't be kept ends the run, and names the folder.
    scene.write("full/refined", b"not a folder");
    scene.distill(&format!("{SRE2L} --project full --out x")).fails(1, &["full/refined"]);
    assert!(!scene.at("x").exists());
}

/// Other pixels under the same names are other images: what the project keeps of the ones before is not taken for them.
#[test]
fn other_files_of_the_same_names_are_other_images() {
    let scene = scene();
    let made = |out: &str| scene.distill(&format!("{LIC} --project p --out {out}")).last();
    assert_eq!(made("first")["batches_reused"], 0);
    let before = tree(&scene.at("first"));
    for image in 0..9 {
        scene.write(format!("data/class1/{image:04}.png"), &png(&format!("other/{image}"), 32));
    }
    assert_eq!(made("second")["batches_reused"], 2, "only class1 has other files");
    assert!(tree(&scene.at("second")) != before);
}

#[test]
fn manifests_say_what_images_began_with() {
    let scene = scene();
    scene.distill(&format!("{LIC} --out lic --project p")).last();
    let lic = manifest(&scene, "lic");
    assert_eq!((lic.format, lic.by_rank(), images(&lic).count()), (4, true, 6));
    assert!(scene.at("lic/images.safetensors").is_file(), "floats are its default");
    for image in images(&lic) {
        let optimised = optimised(image);
        assert!(matches!(&optimised.start, Start::Stitched(cells) if cells.len() == 4));
        assert_eq!((optimised.iterations, optimised.losses[0].term.as_str()), (3, "feature"));
    }
    scene.distill(&format!("{SRE2L} --out sre2l --project p")).last();
    let sre2l = manifest(&scene, "sre2l");
    let terms = |image: &ImageNote| optimised(image).losses.iter().map(|loss| loss.term.clone()).collect::<Vec<_>>();
    assert!(images(&sre2l).all(|image| optimised(image).start == Start::Noise));
    assert!(images(&sre2l).all(|image| terms(image) == ["ce", "bn", "tv", "l2"]));
    // Its values stay in [0, 1]; LIC's leave it, and files of 8 bits cut them off, which is said.
    let run = scene.distill(&format!("{LIC} --format jpeg:75 --out jpeg --project p"));
    run.says(&["lic's values may leave 0 to 1", "jpeg:75", "--format float keeps them"]);
    assert_eq!(run.last()["batches_reused"], 3, "the format moves no pixel");
    assert!(!scene.at("jpeg/images.safetensors").exists());
    assert!(!scene.distill(&format!("{SRE2L} --out s2 --project p")).stderr.contains("may leave 0 to 1"));
}

#[test]
fn sizes_classes_and_short_classes_are_as_of_any_method() {
    let scene = Scene::with_data(&[9, 9, 5]);
    let of = |recipe: &str, out: &str| scene.distill(&format!("{recipe} --project p --out {out}"));
    of(LIC, "x").fails(1, &["class 'class2': 5 usable images", "IPC·N = 8"]);
    let fewer = format!("{LIC} --short-classes fewer");
    of(&fewer, "two").last();
    let two = manifest(&scene, "two");
    assert_eq!(two.classes.iter().map(|class| class.images.len()).collect::<Vec<_>>(), [2, 2, 1]);
    let sizes = fewer.replace("--ipc 2", "--ipc 1,2");
    of(&sizes, "apart").last();
    assert_same_trees(&scene.at("two"), &scene.at("apart/ipc-2"));
    of(&format!("{sizes} --nested"), "nested").last();
    assert_same_trees(&scene.at("two"), &scene.at("nested/ipc-2"));
    let part = manifest(&scene, "nested/ipc-1");
    assert_eq!((part.nested_in, &part.classes[0].images[0]), (Some(2), &two.classes[0].images[0]));
    let first = "00000/class00000_id00000.png";
    assert!(tree(&scene.at("nested/ipc-1"))[first] == tree(&scene.at("two"))[first]);
    // A part of the classes, in an order of its own: the images of a class are what they were.
    of(&format!("{LIC} --classes class1,class0"), "some").last();
    let (some, two) = (tree(&scene.at("some")), tree(&scene.at("two")));
    assert!(some["00000/class00000_id00001.png"] == two["00001/class00001_id00001.png"]);
    of(&format!("{SRE2L} --classes class1"), "one").last();
    assert_eq!(manifest(&scene, "one").classes.len(), 1);
}

/// What `refine` makes of a stitched set is what `distill` makes of the set's parameters.
#[test]
fn a_compensated_set_is_the_one_that_lic_distils() {
    let scene = scene();
    let stitched = "--ipc 2 --patches 4 --subset 9 --crops 2 --seed 5";
    scene.distill(&format!("{stitched} --project p --out set")).last();
    let set = "--set set --data data --project p --iterations 3";
    let run = refine(&scene, &format!("{set} --out moved"));
    let last = run.last();
    assert_eq!((&last["job"], &last["iterations"], &last["images"]), (&json!("refine"), &json!(9), &json!(6)));
    let lic = format!("--method lic {stitched} --iterations 3");
    assert_eq!(scene.distill(&format!("{lic} --project p --out direct")).last()["batches_reused"], 3);
    assert_same_trees(&scene.at("moved"), &scene.at("direct"));
    // The same of what a person decided.
    let (base, mut marks) = (manifest(&scene, "set"), serde_json::Map::new());
    let source = images(&base).next().unwrap().cells()[0].source.clone();
    let (class, name) = source.split_once('/').unwrap();
    marks.insert(class.to_owned(), json!({name: {"choice": "rejected"}}));
    let program = json!({"name": "stillroom", "version": "0"});
    let fingerprint = json!({"fingerprint": base.dataset.fingerprint});
    let text = json!({"format": 1, "program": program, "dataset": fingerprint, "classes": marks});
    scene.write("marks.json", text.to_string().as_bytes());
    scene.distill(&format!("{stitched} --curation marks.json --project p --out curated")).last();
    assert_eq!(manifest(&scene, "curated").format, 3);
    refine(&scene, "--set curated --data data --project p --iterations 3 --out curated-moved").last();
    scene.distill(&format!("{lic} --curation marks.json --project q --out curated-direct")).last();
    assert_same_trees(&scene.at("curated-moved"), &scene.at("curated-direct"));
    let moved = manifest(&scene, "curated-moved");
    assert!((moved.format, moved.by_rank()) == (4, false) && images(&moved).all(|image| image.cells().len() == 4));
    // Of a set that keeps floats, too: its cells are what counts.
    scene.distill(&format!("{stitched} --format float --project p --out floats")).last();
    assert_eq!(manifest(&scene, "floats").format, 4);
    refine(&scene, "--set floats --data data --project p --iterations 3 --out floats-moved").last();
    assert_same_trees(&scene.at("moved"), &scene.at("floats-moved"));
    // What was compensated before begins with its patches again.
    let run = refine(&scene, "--set moved --data data --project p --iterations 3 --out again");
    run.says(&["moved by lic before: lic begins with the patches again"]);
    run.last();
    assert_same_trees(&scene.at("moved"), &scene.at("again"));
    // Another observer may move what this one chose; the manifest keeps both.
    scene.observer("other.safetensors", ("conv3x8", 32), 3);
    let run = scene.line(&format!("refine --observer other.safetensors --force --device cpu {set} --out other"));
    run.says(&["chosen by another observer (conv3x32); this one (conv3x8) moves the pixels"]);
    let other = manifest(&scene, "other");
    assert_eq!(other.scored_by.as_ref(), base.observer.as_ref());
    assert_eq!(other.observer.map(|observer| observer.network).as_deref(), Some("conv3x8"));
}

#[test]
fn a_recovered_set_names_its_parents() {
    let scene = scene();
    scene.distill("--ipc 2 --patches 4 --subset 9 --crops 2 --project p --out set").last();
    let files = tree(&scene.at("set"));
    let hash = |file: &str| blake3::hash(&files[file]).to_hex().to_string();
    for (out, more) in [("by-data", "--method sre2l --data data"), ("alone", "--method sre2l"), ("cda", "--method cda")]
    {
        refine(&scene, &format!("--set set {more} --iterations 2 --project p --out {out}")).last();
        let made = manifest(&scene, out);
        assert_eq!((made.format, made.classes[1].name.as_str(), images(&made).count()), (4, "class1", 6), "{out}");
        for (image, parent) in images(&made).zip(images(&manifest(&scene, "set"))) {
            let due = Start::Parent { file: parent.file.clone(), hash: hash(&parent.file) };
            assert_eq!(optimised(image).start, due, "{out}");
        }
    }
    let pixels = |out: &str| {
        let files = tree(&scene.at(out)).into_iter().filter(|(name, _)| name.ends_with(".jpg"));
        files.collect::<Vec<_>>()
    };
    assert!(!pixels("alone").is_empty() && pixels("alone") == pixels("by-data"));
    assert!(pixels("alone") != pixels("cda"));
    // Folders that nothing is known of, with as many images as there are; and a set of floats by its floats.
    for (class, count) in [("class0", 1), ("class1", 3), ("class2", 2)] {
        for image in 0..count {
            scene.write(format!("plain/{class}/{image}.png"), &png(&format!("{class}{image}"), 32));
        }
    }
    refine(&scene, "--set plain --method sre2l --iterations 2 --project p --out plain-moved").last();
    let plain = manifest(&scene, "plain-moved");
    let counts: Vec<usize> = plain.classes.iter().map(|class| class.images.len()).collect();
    assert_eq!((plain.recipe.ipc, counts, plain.by_rank()), (3, vec![1, 3, 2], true));
    scene.distill(&format!("{LIC} --project p --out lic")).last();
    refine(&scene, "--set lic --method sre2l --iterations 2 --project p --out lic-moved").last();
    let start = optimised(images(&manifest(&scene, "lic-moved")).next().unwrap()).start.clone();
    let preview = blake3::hash(&tree(&scene.at("lic"))["00000/class00000_id00000.png"]).to_hex().to_string();
    assert!(matches!(start, Start::Parent { hash, .. } if hash != preview), "of the values, not of the preview");
}

#[test]
fn sets_that_cannot_be_moved_further_are_refused() {
    let scene = scene();
    scene.distill("--ipc 1 --patches 4 --subset 9 --crops 2 --project p --out set").last();
    let fails = |more: &str, code: i32, said: &[&str]| {
        refine(&scene, &format!("--project p --out x {more}")).fails(code, said);
        assert!(!scene.at("x").exists(), "{more}");
    };
    fails("--set set", 2, &["lic looks at the images", "give --data DIR"]);
    fails("--set set --data data --method rded", 2, &["rded moves no pixels"]);
    fails("--set data --data data", 2, &["nothing says of which patches", "--method sre2l or cda"]);
    for flag in ["ipc", "patches", "subset", "crops", "seed"] {
        fails(&format!("--set set --data data --{flag} 1"), 2, &[&format!("--{flag}: the set's own is taken")]);
    }
    fails("--set set --method sre2l --holdout 0.1", 2, &["--holdout says how --data is read", "give --data DIR"]);
    fails("--set set --method sre2l --init rded", 2, &["--init: the set's own is taken"]);
    fails("--set nowhere --data data", 1, &["nowhere"]);
    fails("--set set --data data --layer stage:9 --iterations 1", 1, &["no stage as --layer stage:9 asks"]);
    let within = refine(&scene, "--project p --set set --data data --iterations 1 --out set/x");
    within.fails(1, &["set: this set is read: give an output folder elsewhere"]);
    // Another dataset, another side, files that are gone.
    for class in 0..3 {
        for image in 0..9 {
            scene.write(format!("others/class{class}/x{image}.png"), &png(&format!("{class}{image}"), 32));
        }
    }
    fails("--set set --data others --iterations 1", 1, &["set: it was distilled from another dataset", "--data"]);
    scene.observer("large.safetensors", ("conv3x8", 64), 3);
    let large = "refine --observer large.safetensors --force --device cpu --project p --out x --set set --iterations 1";
    scene.line(&format!("{large} --method sre2l")).fails(1, &["it has 32×32 pixels, and the observer sees 64×64"]);
    std::fs::remove_file(scene.at("set/00001/class00001_id00000.png")).unwrap();
    let said =
        ["its files are not those of its manifest.json (1 missing, 0 others, such as 00001/class00001_id00000.png)"];
    fails("--set set --data data --iterations 1", 1, &said);
    scene.write("set/manifest.json", b"{\"recipe\": 1}");
    fails("--set set --data data --iterations 1", 1, &["manifest.json: not a manifest of stillroom"]);
    assert!(!scene.at("x").exists());
}

#[test]
fn killed_optimisations_resume_to_the_same_bytes() {
    let scene = scene();
    let by = "--observer observer.safetensors --force --device cpu";
    kill_and_resume(&scene, &format!("distill --data data {by} --method cda --ipc 2 --iterations 60"), 2);
    scene.distill("--ipc 2 --patches 4 --subset 9 --crops 2 --project p --out set").last();
    let again = Scene::new();
    for (name, bytes) in ["set", "data"].into_iter().flat_map(|folder| {
        let files = tree(&scene.at(folder)).into_iter();
        files.map(move |(name, bytes)| (format!("{folder}/{name}"), bytes))
    }) {
        again.write(name, &bytes);
    }
    again.observer("observer.safetensors", ("conv3x32", 32), 3);
    kill_and_resume(&again, &format!("refine --set set --data data {by} --iterations 60"), 2);
}

/// What is cancelled keeps the state of its batch: the same command goes on from there.
#[test]
fn a_cancelled_optimisation_goes_on_where_it_was() {
    const INT: u32 = 2;
    let scene = scene();
    // Steps of a millisecond, enough of them to be seen at work.
    scene.observer("observer.safetensors", ("conv3x8", 32), 3);
    let recipe = "--method sre2l --ipc 1 --iterations 4000";
    let mut child = until(&scene, "refine", &format!("{recipe} --project p --out out"));
    signal(if is_ignored(INT) { "TERM" } else { "INT" }, &child.id().to_string());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let files = kept(&scene, "p");
    assert!(!scene.at("out").exists() && files.len() == 1, "{files:?}");
    assert!(files[0].to_str().unwrap().ends_with(".partial.safetensors"), "{files:?}");
    let resumed = scene.distill(&format!("{recipe} --project p --out out")).last();
    assert!(resumed["iterations"].as_u64().is_some_and(|taken| taken < 4000), "{resumed}");
    scene.distill(&format!("{recipe} --project q --out straight")).last();
    assert_same_trees(&scene.at("straight"), &scene.at("out"));
    // A state that is damaged is told, and the batch begun again.
    let state = kept(&scene, "p")[0].to_str().unwrap().replace(".safetensors", ".partial.safetensors");
    std::fs::remove_file(&kept(&scene, "p")[0]).unwrap();
    std::fs::write(state, b"no state").unwrap();
    let run = scene.distill(&format!("{recipe} --project p --out third"));
    run.says(&[".partial.safetensors: it is no whole safetensors file (it is a text); beginning these images again"]);
    run.last();
    assert_same_trees(&scene.at("straight"), &scene.at("third"));
}
