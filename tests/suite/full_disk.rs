//! A full disk: a file system of 1 MiB in a name space of its own (`unshare` of util-linux).

use std::process::Command;

use crate::cli::{check_output, counts};
use crate::scene::{Run, Scene, tree};

/// Runs `script` in a shell with 1 MiB mounted over `full`; `$0` is the program.
fn with_full_disk(scene: &Scene, script: &str) -> Run {
    let script = format!("mount -t tmpfs -o size=1m none full && {script}");
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", &script, env!("CARGO_BIN_EXE_stillroom")]);
    command.current_dir(scene.at("")).env("XDG_DATA_HOME", scene.at("home"));
    command.output().expect("unshare (util-linux) is needed").into()
}

/// Noise that PNG can't make small: 12 images of 192 KiB.
fn scene() -> Scene {
    let scene = Scene::with_data(&[0, 0, 0]);
    for class in 0..3 {
        for image in 0..4 {
            scene.write(format!("data/class{class}/{image}.png"), &noise(&format!("{class} {image}")));
        }
    }
    std::fs::create_dir(scene.at("full")).unwrap();
    scene
}

fn noise(name: &str) -> Vec<u8> {
    use stillroom::core::data::pixels::Rgb8;
    use stillroom::core::distil::recipe::OutputFormat;
    use stillroom::engine::images::encode::encode;
    let data = stillroom::engine::weights::formula(name, 256 * 256 * 3).map(|u| (u * 128.0 + 128.0) as u8).collect();
    encode(&Rgb8 { width: 256, height: 256, data }, OutputFormat::Png).unwrap()
}

const DISTILL: &str = "distill --data data --observer observer.safetensors --arch conv3x32 --force --device cpu \
                       --ipc 4 --patches 1 --subset 4 --crops 1";

#[test]
fn an_output_that_does_not_fit_is_absent_and_its_scores_are_kept() {
    let scene = scene();
    scene.observer("large.safetensors", ("conv3x8", 256), 3);
    let distill = DISTILL.replace("observer.safetensors", "large.safetensors").replace("conv3x32", "conv3x8");
    // What is there before stays; the listing afterwards shows it, and that no output folder has appeared.
    let script = format!(
        "echo kept > full/note; $0 {distill} --project p --out full/out; code=$?; ls full >&2; cat full/note >&2; exit $code"
    );
    let run = with_full_disk(&scene, &script);
    run.fails(
        1,
        &["class0000", "cannot write: the disk is full; free some space", "full/out.partial-", "note", "kept"],
    );
    assert!(!run.stderr.lines().any(|l| l == "out"), "{}", run.stderr);
    let again = scene.line(&format!("{distill} --project p --out out")).last();
    assert_eq!(counts(&again), (3, 0), "nothing is scored twice");
    check_output(&scene.at("out"), &scene.at("data"));
}

#[test]
fn a_project_that_does_not_fit_is_named() {
    let scene = scene();
    let before = tree(&scene.at("data"));
    let script = format!("head -c 1040000 /dev/zero > full/rest; $0 {DISTILL} --project full/p --out out");
    with_full_disk(&scene, &script).fails(1, &["full/p", "full"]);
    assert!(!scene.at("out").exists() && tree(&scene.at("data")) == before);
    scene.line(&format!("{DISTILL} --out out")).last();
}
