//! Trainings that begin, resume, collide, break and are killed.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::*;
use crate::core::data::confusion::Confusion;
use crate::core::data::normalise::MeanStd;
use crate::core::distil::manifest::Program;
use crate::core::rng::Stream;
use crate::core::train::curve::{Curve, Point};
use crate::core::train::recipe::TrainRecipe;

fn source(name: &str) -> Source {
    Source { name: name.into(), path: format!("/data/{name}").into(), fingerprint: format!("fingerprint of {name}") }
}

/// A training that was just begun.
pub(in crate::store) fn note() -> TrainingNote {
    TrainingNote {
        format: FORMAT,
        program: Program::this(),
        name: "first".into(),
        kind: TrainingKind::Train,
        data: source("distilled"),
        evaluation: source("test"),
        observer: Some(ObserverSource { source: source("observer"), network: "conv3".into() }),
        labels: None,
        initial: None,
        student: "conv3".into(),
        side: 32,
        normalise: MeanStd::IMAGENET,
        classes: vec!["cat".into(), "dog".into()],
        recipe: TrainRecipe { rate: 0.1 + 0.2, ..TrainRecipe::default() },
        settings: [("test images".into(), "all".into())].into(),
        asked: Asked {
            images: 20,
            images_per_class: Some(10),
            class_map: "/data/map.json".into(),
            part: "teacher".into(),
            ..Asked::default()
        },
        device: "cpu".into(),
        status: TrainingStatus::Running,
        detail: String::new(),
        began: 1_700_000_000,
        ended: None,
        notes: Vec::new(),
        curves: Vec::new(),
    }
}

fn curve(seed: u64, epochs: u32) -> Curve {
    let mut stream = Stream::new("stillroom 2026 test", seed, &[]);
    let mut point = |epoch| Point {
        epoch,
        loss: if epoch == 1 { f64::NAN } else { stream.unit() },
        train_top1: 100.0 * stream.unit(),
        rate: 1e-3,
        evaluated: (epoch % 2 == 0).then(|| (100.0 * stream.unit(), 100.0)),
        seconds: stream.unit(),
    };
    let mut confusion = Confusion::new(2, 2);
    confusion.add(0, 1);
    Curve { seed, points: (0..epochs).map(&mut point).collect(), confusion: Some(confusion) }
}

/// The state of `epoch`: one value, many times.
pub(in crate::store) fn state(epoch: u32) -> Vec<u8> {
    let values = epoch.to_le_bytes().repeat(50_000);
    let tensor = TensorView::new(Dtype::U32, vec![50_000], &values).unwrap();
    safetensors::serialize([("state", tensor)], None).unwrap()
}

/// Which epoch's state this is; it must be of one epoch throughout.
pub(in crate::store) fn epoch_of(state: &[u8]) -> u32 {
    let read = SafeTensors::deserialize(state).unwrap();
    let values = read.tensor("state").unwrap().data().to_vec();
    let first = values[..4].try_into().unwrap();
    assert!(values.chunks(4).all(|v| v == first));
    u32::from_le_bytes(first)
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

#[test]
fn a_training_resumes_with_what_was_done() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("new/run");
    let (folder, mut first) = TrainingFolder::begin(&path, note()).unwrap();
    assert_eq!((first.clone(), folder.checkpoint(0).unwrap()), (note(), None));
    first.curves = vec![curve(0, 3), curve(1, 7)];
    first.notes.push("batch split to 25".into());
    folder.save_note(&first).unwrap();
    folder.save_checkpoint(1, &state(6)).unwrap();
    folder.save_checkpoint(1, &state(7)).unwrap();
    assert_eq!(read(&path).unwrap().status, TrainingStatus::Running, "while it is held");
    drop(folder);
    assert_eq!(read(&path).unwrap().status, TrainingStatus::Interrupted);

    // The data may have moved; the device and the program may be others.
    let mut again = note();
    again.data.path = "/elsewhere".into();
    again.device = "wgpu".into();
    again.program.version = "9.9.9".into();
    let text = fs::read(path.join(RECORD)).unwrap();
    let (folder, mut found) = TrainingFolder::begin(&path, again).unwrap();
    assert_eq!(fs::read(path.join(RECORD)).unwrap(), text, "nothing is written before there is something to say");
    assert_eq!((found.status, found.data.path.as_path()), (TrainingStatus::Interrupted, Path::new("/elsewhere")));
    assert_eq!((found.notes.len(), found.notes[0].as_str()), (3, "batch split to 25"));
    assert!(found.notes[1].contains("resumed on wgpu after cpu") && found.notes[2].contains("9.9.9 after"));
    assert_eq!(epoch_of(&folder.checkpoint(1).unwrap().unwrap()), 7);
    assert_eq!((found.curves[1].points.len(), found.curves[1].confusion.clone()), (7, curve(1, 7).confusion));
    assert!(found.curves[0].points[1].loss.is_nan());

    // What was read and is written again is the same text: a resumed curve is the uninterrupted one.
    found.notes.truncate(1);
    (found.status, found.device, found.program) = (TrainingStatus::Running, "cpu".into(), Program::this());
    found.data.path = note().data.path;
    folder.save_note(&found).unwrap();
    assert_eq!(fs::read(path.join(RECORD)).unwrap(), text);
}

#[test]
fn the_record_is_readable_text() {
    let root = tempfile::tempdir().unwrap();
    let (folder, mut first) = TrainingFolder::begin(root.path(), note()).unwrap();
    first.curves = vec![curve(0, 3)];
    folder.save_note(&first).unwrap();
    let text = fs::read_to_string(root.path().join(RECORD)).unwrap();
    assert!(text.contains("  \"student\": \"conv3\",\n"), "{text}");
    let points: Vec<&str> = text.lines().filter(|l| l.contains("\"epoch\":")).collect();
    assert_eq!(points.len(), 3, "a line for each: {text}");
    assert!(points[1].contains("\"loss\":\"nan\"") && points[1].contains("\"evaluated\":null"), "{text}");
}

#[test]
fn finished_seeds_leave_weights_and_no_checkpoint() {
    let root = tempfile::tempdir().unwrap();
    let (folder, _) = TrainingFolder::begin(root.path(), note()).unwrap();
    folder.save_checkpoint(4, &state(1)).unwrap();
    // Left by a killed process, and of somebody else.
    let seed = seed_folder(root.path(), 4);
    fs::write(seed.join(".stillroom-unfinished-checkpoint.safetensors"), vec![1; 900_000]).unwrap();
    fs::write(seed.join("mine.txt"), b"mine").unwrap();
    assert!(!folder.is_finished(4));
    folder.save_checkpoint(4, &state(2)).unwrap();
    folder.finish_seed(4, b"last", b"best").unwrap();
    assert!(folder.is_finished(4) && !folder.is_finished(5));
    assert_eq!(names(&seed), [BEST, "mine.txt", LAST]);
    assert_eq!(
        (fs::read(seed.join(LAST)).unwrap(), fs::read(seed.join(BEST)).unwrap()),
        (b"last".into(), b"best".into())
    );
    assert_eq!(folder.checkpoint(4).unwrap(), None);
    folder.finish_seed(4, b"last", b"best").unwrap();
}

#[test]
fn another_training_is_left_alone_and_its_differences_are_named() {
    let root = tempfile::tempdir().unwrap();
    drop(TrainingFolder::begin(root.path(), note()).unwrap());
    let before = fs::read(root.path().join(RECORD)).unwrap();
    let refused = |change: &dyn Fn(&mut TrainingNote)| {
        let mut asked = note();
        change(&mut asked);
        let error = TrainingFolder::begin(root.path(), asked).unwrap_err();
        assert!(matches!(error, TrainingError::Folder(RecordError::Another { .. })), "{error}");
        assert_eq!(fs::read(root.path().join(RECORD)).unwrap(), before);
        error.to_string()
    };
    let text = refused(&|n| (n.recipe.epochs, n.recipe.flip) = (100, false));
    assert!(text.contains("recipe.epochs is 300, not 100, recipe.flip is true, not false; nothing"), "{text}");
    let text = refused(&|n| n.observer = None);
    assert!(text.contains("observer is fingerprint of observer, not none"), "{text}");
    let text = refused(&|n| n.data.fingerprint = "other".into());
    assert!(text.contains("data.fingerprint is fingerprint of distilled, not other"), "{text}");
    let text = refused(&|n| n.recipe.loss = crate::core::train::loss::Loss::HardCrossEntropy);
    assert!(text.contains("recipe.loss is") && text.contains("not hard_cross_entropy"), "{text}");
    let text = refused(&|n| _ = n.settings.insert("images".into(), "50".into()));
    assert!(text.contains("settings.images is none, not 50"), "{text}");
    let text = refused(&|n| n.kind = TrainingKind::Pretrain);
    assert!(text.contains("kind is train, not pretrain"), "{text}");
    let long: Vec<String> = (0..9).map(|c| c.to_string()).collect();
    let text = refused(&|n| n.classes = long.clone());
    assert!(text.contains("not a list of 9"), "{text}");
    TrainingFolder::begin(root.path(), note()).unwrap();
}

#[test]
fn folders_of_something_else_are_not_touched() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("thesis.txt"), b"x").unwrap();
    let begin = |path: &Path| TrainingFolder::begin(path, note()).unwrap_err().to_string();
    assert!(begin(root.path()).contains("holds other files and no training"));
    assert_eq!(names(root.path()), ["thesis.txt"]);
    assert!(begin(&root.path().join("thesis.txt")).contains("a file has this name"));
    assert!(matches!(read(root.path()), Err(TrainingError::Folder(RecordError::Missing { .. }))));
    // A killed beginning: the lock and half a record.
    let killed = root.path().join("killed");
    fs::create_dir(&killed).unwrap();
    fs::write(killed.join("lock"), b"{").unwrap();
    fs::write(killed.join(".stillroom-unfinished-run.json"), b"{\"form").unwrap();
    TrainingFolder::begin(&killed, note()).unwrap();
    assert_eq!(names(&killed), ["lock", RECORD]);
}

#[test]
fn broken_records_and_checkpoints_are_named() {
    let root = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let folder = root.path().join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(RECORD), text).unwrap();
        let error = TrainingFolder::begin(&folder, note()).unwrap_err().to_string();
        assert_eq!(names(&folder), [RECORD]);
        error
    };
    assert!(write("a/cut", "{\"format\": 1,").contains("cut/run.json: is not the record of a training (EOF"));
    let other = r#"{"format": 1, "program": {"name": "other", "version": "1"}}"#;
    assert!(write("a/other", other).contains("of the program 'other'"));
    let newer = other.replace(": 1,", ": 7,").replace("other", &Program::this().name);
    assert!(write("newer", &newer).contains("format 7, this program knows formats up to 1"));
    assert!(write("less", &newer.replace('7', "1")).contains("missing field"));

    let (folder, _) = TrainingFolder::begin(&root.path().join("good"), note()).unwrap();
    folder.save_checkpoint(0, &state(3)).unwrap();
    let file = seed_folder(folder.folder(), 0).join(CHECKPOINT);
    let mut bytes = fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    for (bytes, why) in [(&bytes[..], "its checksum is wrong"), (&bytes[..99], "no whole safetensors file")] {
        fs::write(&file, bytes).unwrap();
        let error = folder.checkpoint(0).unwrap_err().to_string();
        assert!(error.contains(why) && error.contains("seed-0/checkpoint.safetensors: the checkpoint is damaged"));
        assert!(error.contains("move it away to train this seed again") && fs::read(&file).unwrap() == bytes);
    }
    let error = folder.save_checkpoint(0, b"no tensors").unwrap_err().to_string();
    assert!(error.contains("can't be written"), "{error}");

    let listed = list(root.path());
    let names: Vec<_> = listed.iter().map(|l| l.folder.strip_prefix(root.path()).unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["a/cut", "a/other", "good", "less", "newer"]);
    assert_eq!(listed.iter().filter(|l| l.note.is_ok()).count(), 1);
    assert_eq!(listed[2].note.as_ref().unwrap().student, "conv3");
}

#[cfg(unix)]
#[test]
fn lists_follow_no_links_and_end() {
    let root = tempfile::tempdir().unwrap();
    drop(TrainingFolder::begin(&root.path().join("a/b"), note()).unwrap());
    drop(TrainingFolder::begin(&root.path().join("a/b/seed-0/inner"), note()).unwrap());
    drop(TrainingFolder::begin(&root.path().join("1/2/3/4/too deep"), note()).unwrap());
    std::os::unix::fs::symlink(root.path(), root.path().join("loop")).unwrap();
    let found: Vec<_> = list(root.path()).into_iter().map(|l| l.folder).collect();
    assert_eq!(found, [root.path().join("a/b")]);
    assert!(matches!(
        list(&root.path().join("absent"))[..],
        [Listed { note: Err(TrainingError::Folder(RecordError::File(_))), .. }]
    ));
}

#[test]
fn curves_of_several_trainings_make_one_table() {
    let (mut one, mut two) = (note(), TrainingNote { name: "second, wider".into(), ..note() });
    one.curves = vec![curve(0, 2), curve(1, 1)];
    two.curves = vec![curve(5, 1)];
    let text = curves_csv(&[&one, &two]);
    let starts: Vec<_> = text.lines().map(|l| l.split_at(9).0.to_owned()).collect();
    assert_eq!(starts, ["run,seed,", "first,0,0", "first,0,1", "first,1,0", "\"second, "]);
}

#[cfg(unix)]
#[test]
fn paths_of_any_bytes_are_kept() {
    use std::os::unix::ffi::OsStrExt as _;
    let root = tempfile::tempdir().unwrap();
    let mut odd = note();
    odd.data.path = std::ffi::OsStr::from_bytes(b"/d\xff\\ata").into();
    TrainingFolder::begin(root.path(), odd.clone()).unwrap();
    assert_eq!(read(root.path()).unwrap().data, odd.data);
}

const ROLE: &str = "STILLROOM_TEST_ROLE";
const FOLDER: &str = "STILLROOM_TEST_FOLDER";

/// This test program as a process that plays `role` on a folder, started by the shell with `before`.
fn other_process(role: &str, folder: &Path, before: &str) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{before} exec \"$0\" \"$@\"")]).arg(std::env::current_exe().unwrap());
    command.args(["--exact", "store::training::tests::role", "--ignored", "--nocapture", "--test-threads", "1"]);
    command.env(ROLE, role).env(FOLDER, folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// What the other process does; it says a line for everything that is done.
#[test]
#[ignore = "started by the other tests as a process of its own"]
fn role() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let (folder, mut note) = TrainingFolder::begin(Path::new(&std::env::var_os(FOLDER).unwrap()), note()).unwrap();
    println!("\nready");
    match role.as_str() {
        "hold" => _ = std::io::stdin().read_line(&mut String::new()),
        "save" => {
            for epoch in 0.. {
                note.curves = vec![curve(0, epoch + 1)];
                folder.save_note(&note).unwrap();
                folder.save_checkpoint(0, &state(epoch)).unwrap();
                println!("saved {epoch}");
            }
        }
        _ => {
            let error = folder.save_checkpoint(0, &state(9)).unwrap_err();
            assert!(error.is_full());
            println!("full: {error}");
        }
    }
}

#[test]
fn another_process_is_named_and_a_killed_one_holds_nothing() {
    let root = tempfile::tempdir().unwrap();
    let mut holder = other_process("hold", root.path(), "");
    let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|l| l == "ready"));
    let error = TrainingFolder::begin(root.path(), note()).unwrap_err().to_string();
    assert!(error.contains(&format!("this training is in use by process {} (", holder.id())), "{error}");
    assert_eq!(read(root.path()).unwrap().status, TrainingStatus::Running);
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_eq!(read(root.path()).unwrap().status, TrainingStatus::Interrupted);
    TrainingFolder::begin(root.path(), note()).unwrap();
}

#[test]
fn a_kill_leaves_a_whole_state_and_a_curve_that_reaches_it() {
    let root = tempfile::tempdir().unwrap();
    let mut stream = Stream::new("stillroom 2026 test", 8, &[]);
    for attempt in 0..6 {
        let mut writer = other_process("save", root.path(), "");
        let lines = BufReader::new(writer.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut lines = lines.filter(|l| l.starts_with("saved "));
        let seen = 2 + attempt * 2;
        assert_eq!(lines.by_ref().take(seen).count(), seen);
        std::thread::sleep(Duration::from_micros(stream.below(3000)));
        writer.kill().unwrap();
        let saved = (seen + lines.count()) as u32;
        writer.wait().unwrap();
        let (folder, found) = TrainingFolder::begin(root.path(), note()).unwrap();
        let epoch = epoch_of(&folder.checkpoint(0).unwrap().unwrap());
        // The state that was told to be saved, or the next, whose line didn't come.
        assert!(epoch + 1 == saved || epoch == saved, "{epoch} after {saved}");
        let points = found.curves[0].points.len() as u32;
        assert!(points == epoch + 1 || points == epoch + 2, "{points} points, state {epoch}");
    }
    let seed = names(&seed_folder(root.path(), 0));
    assert!(seed.len() <= 2 && seed.contains(&CHECKPOINT.to_owned()), "nothing piles up: {seed:?}");
}

/// The shell's limit on the size of a file stands for the end of the disk.
#[cfg(unix)]
#[test]
fn a_full_disk_keeps_the_state_of_before() {
    let root = tempfile::tempdir().unwrap();
    let (folder, _) = TrainingFolder::begin(root.path(), note()).unwrap();
    folder.save_checkpoint(0, &state(8)).unwrap();
    drop(folder);
    let limited = other_process("fill", root.path(), "trap '' XFSZ; ulimit -f 100;");
    let output = limited.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("full: ") && said.contains("checkpoint.safetensors: cannot write: "), "{said}");
    let (folder, _) = TrainingFolder::begin(root.path(), note()).unwrap();
    assert_eq!(epoch_of(&folder.checkpoint(0).unwrap().unwrap()), 8);
    assert_eq!(names(&seed_folder(root.path(), 0)), [CHECKPOINT], "the unfinished file made room again");
}
