//! `stillroom runs`: what was distilled in a project, and the call that does it again.

use crate::scene::{Scene, assert_same_trees};

#[test]
fn a_listed_run_can_be_repeated_from_its_line() {
    let scene = Scene::with_data(&[6, 6, 6]);
    scene.line("runs --project project").fails(1, &["there is no project here yet"]);
    let recipe = "--project project --ipc 1 --patches 4 --subset 6 --crops 2";
    scene.distill(&format!("{recipe} --classes class2,class0 --out first")).last();
    scene.distill(&format!("{recipe} --seed 7 --out second")).last();
    let lines = scene.line("runs --project project --json").json();
    assert_eq!(lines.iter().map(|line| line["run"].as_i64()).collect::<Vec<_>>(), [Some(2), Some(1), None]);
    let (first, last) = (&lines[1], &lines[2]);
    assert_eq!((&last["job"], &last["shown"], &last["runs"]), (&"runs".into(), &2.into(), &2.into()));
    assert_eq!(
        (&first["status"], &first["classes"][0], &first["classes"][1]),
        (&"done".into(), &"class2".into(), &"class0".into())
    );
    assert!(first["curation"].is_null() && first["began_here"].as_str().unwrap().len() == 16);
    // Two of three classes are named, in their order; the other run has all.
    let command = first["command"].as_str().unwrap();
    assert!(
        command.contains(" --classes class2,class0") && !lines[0]["command"].as_str().unwrap().contains("--classes")
    );
    let again = command.replace(scene.at("first").to_str().unwrap(), scene.at("again").to_str().unwrap());
    let again = again.strip_prefix("stillroom ").unwrap();
    scene.line(&format!("{again} --force --device cpu --project other")).last();
    assert_same_trees(&scene.at("first"), &scene.at("again"));
    let newest = scene.line("runs --project project --limit 1 --json").json();
    assert_eq!((newest.len(), &newest[0]["run"], &newest[1]["runs"]), (2, &2.into(), &2.into()));
    scene.line("runs --project project").says(&["showing 2 of 2 runs"]);
}
