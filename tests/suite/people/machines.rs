//! Machines that are shared: file systems without locks, schedulers that take a machine back, and networks and batches that
//! don't go together.
//!
//! | kind | what happens now |
//! |---|---|
//! | a file system without locks (Lustre without `flock`, NFS without its lock service, 9p, FUSE) | the work goes on with one warning; the project's database is opened without locks and without shared memory. Tested beside the code (`store::lock`, `store::project`), with injected answers of the system |
//! | another process of the same machine at work there | it is still found, by what it wrote into the lock's file |
//! | SIGUSR1, SIGUSR2, SIGXCPU, SIGHUP, SIGTERM | as Ctrl-C: what is done is stored, exit code 130, and the same command resumes to the same bytes |
//! | a signal that was ignored when the program began (`nohup`) | stays ignored |
//! | a last batch of one image, and a batch norm on maps of one pixel | the image is trained with the batch before it |
//! | the same, and a batch norm on larger maps | a batch of its own, as ever |
//! | one image in all | refused in words |

#![cfg(unix)]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::scene::{Scene, is_ignored, png};
use crate::train::outcome;

/// Many short epochs, on classes alone.
const LONG: &str = "--student conv3x8 --device cpu --epochs 300 --batch 4 --evaluate every:100 --json";

pub fn signal(name: &str, child: &Child) {
    let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", child.id())]).status().unwrap();
    assert!(sent.success());
}

/// A started command whose standard output is read line by line; what it says on standard error goes to a file.
pub struct Started {
    pub child: Child,
    lines: Box<dyn Iterator<Item = Value>>,
}

impl Started {
    pub fn new(scene: &Scene, mut command: Command) -> Self {
        let said = std::fs::File::create(scene.at("said")).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(said).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        Self { child, lines: Box::new(lines.map(|line| serde_json::from_str(&line).expect(&line))) }
    }

    /// Waits until so many more epochs are told.
    pub fn epochs(&mut self, count: usize) {
        let told = self.lines.by_ref().filter(|line| line["epoch"].is_number()).take(count).count();
        assert_eq!(told, count, "it ended before");
    }

    /// Reads to the end; exit code and standard error.
    pub fn end(mut self, scene: &Scene) -> (Option<i32>, String) {
        self.lines.by_ref().for_each(drop);
        let code = self.child.wait().unwrap().code();
        (code, std::fs::read_to_string(scene.at("said")).unwrap())
    }
}

#[test]
fn what_schedulers_send_pauses_a_training() {
    let scene = Scene::with_data(&[3; 4]);
    let line = |out: &str| format!("pretrain --data data {LONG} --out {out}");
    let all = [("HUP", 1), ("USR1", 10), ("USR2", 12), ("TERM", 15), ("XCPU", 24)];
    for (name, _) in all.into_iter().filter(|&(_, number)| !is_ignored(number)) {
        let mut run = Started::new(&scene, scene.command(line("paused").split_whitespace()));
        run.epochs(3);
        signal(name, &run.child);
        let (code, said) = run.end(&scene);
        let words = format!("cancelled by SIG{name}; the same command resumes where it stopped");
        assert!(code == Some(130) && said.contains(&words), "{name}: {code:?} {said}");
        let note = std::fs::read(scene.at("paused/run.json")).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&note).unwrap()["status"], "paused");
    }
    scene.line(&line("paused")).last();
    scene.line(&line("straight")).last();
    assert!(outcome(&scene.at("paused")) == outcome(&scene.at("straight")));
}

#[test]
fn a_signal_that_was_ignored_stays_ignored() {
    let scene = Scene::with_data(&[3; 4]);
    let mut shell = Command::new("sh");
    shell
        .current_dir(scene.at(""))
        .arg("-c")
        .arg(format!("trap '' HUP; exec \"$0\" pretrain --data data {LONG} --out out"));
    let mut run = Started::new(&scene, {
        shell.arg(env!("CARGO_BIN_EXE_stillroom"));
        shell
    });
    run.epochs(2);
    signal("HUP", &run.child);
    run.epochs(20);
    signal("USR1", &run.child);
    let (code, said) = run.end(&scene);
    assert!(code == Some(130) && said.contains("by SIGUSR1") && !said.contains("SIGHUP"), "{code:?} {said}");
}

/// Steps of an epoch, as the progress tells them.
fn steps(scene: &Scene, student: &str, more: &str) -> u64 {
    let line = format!("pretrain --data data --student {student} --device cpu --epochs 1 --json {more}");
    let lines = scene.line(&line).json();
    lines.iter().filter(|line| line["progress"] == "train").map(|line| line["total"].as_u64().unwrap()).max().unwrap()
}

#[test]
fn a_last_batch_of_one_image_is_joined_where_it_has_no_variance() {
    let scene = Scene::with_data(&[1; 5]);
    assert_eq!(steps(&scene, "shufflenet_v2_x0_5", "--batch 4 --out joined"), 1);
    assert_eq!(steps(&scene, "shufflenet_v2_x0_5", "--batch 3 --out two"), 2, "3 + 2");
    assert_eq!(steps(&scene, "conv3x8", "--batch 4 --out apart"), 2, "its norms see larger maps");
    let one = Scene::new();
    one.write("data/only/1.png", &png("1", 32));
    let run = one.line("pretrain --data data --student conv3x8 --device cpu --epochs 1 --out out");
    run.fails(1, &["too few images to train on: 1; a training needs at least two"]);
}
