//! Labels that are written, read, resumed, damaged and killed.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::*;
use crate::core::data::normalise::MeanStd;
use crate::core::distil::manifest::Program;
use crate::core::distil::patch::CropBox;
use crate::core::rng::Stream;
use crate::core::train::augment::{ImageDraw, Mix};
use crate::core::train::label_set::Precision;
use crate::core::train::labels::Logits;
use crate::core::train::recipe::{Mixing, TrainRecipe};
use crate::store::training::{ObserverSource, Source};

const CUTMIX: Mixing = Mixing::CutMix;
const MIXUP: Mixing = Mixing::MixUp { alpha: 0.8 };

fn source(name: &str) -> Source {
    Source { name: name.into(), path: format!("/data/{name}").into(), fingerprint: format!("fingerprint of {name}") }
}

/// 10 images in batches of 4.
fn header(precision: Precision, mixing: Mixing, shuffle: u32) -> LabelsHeader {
    LabelsHeader {
        format: FORMAT,
        program: Program::this(),
        observer: ObserverSource { source: source("observer"), network: "conv3".into() },
        normalise: MeanStd::CIFAR10,
        side: 32,
        data: source("distilled"),
        classes: ["cat", "dog", "bee", "cow", "ant"].map(str::to_owned).into(),
        augmentation: Augmentation { shuffle, mixing, ..Augmentation::of(&TrainRecipe::default()) },
        batch: 4,
        seed: 7,
        precision,
        settings: [("outputs".into(), "0,1,2,3,4".into())].into(),
        epochs: 3,
        images: (0..10).map(|i| format!("0000{}/{i}.png", i / 2)).collect(),
    }
}

/// Labels of an epoch as `header` asks for them.
pub(in crate::store) fn epoch(header: &LabelsHeader, epoch: u32) -> Vec<BatchLabels> {
    let mut stream = Stream::new("stillroom 2026 test", u64::from(epoch), &[]);
    let mut order: Vec<u32> = (0..header.images.len() as u32).collect();
    stream.shuffle(&mut order);
    order.chunks(header.batch as usize).map(|images| batch(header, images, &mut stream)).collect()
}

fn batch(header: &LabelsHeader, images: &[u32], stream: &mut Stream) -> BatchLabels {
    let a = header.augmentation;
    let mut strips = || {
        let mut order: Vec<u8> = if a.shuffle > 1 { (0..a.shuffle as u8).collect() } else { vec![] };
        stream.shuffle(&mut order);
        order
    };
    let draw = |_| {
        let (columns, rows) = (strips(), strips());
        ImageDraw { columns, rows, crop: CropBox { top: 3, left: 0, height: 65_532, width: 9 }, mirrored: false }
    };
    let mut draws: Vec<ImageDraw> = images.iter().map(draw).collect();
    draws
        .iter_mut()
        .for_each(|d| (d.crop.left, d.mirrored) = (stream.below(500) as u32, stream.bits().is_multiple_of(2)));
    let mut partners: Vec<u32> = (0..images.len() as u32).collect();
    stream.shuffle(&mut partners);
    let lambda = stream.unit();
    let mix = match a.mixing {
        Mixing::None => Mix::None,
        Mixing::CutMix => Mix::CutMix { partners, lambda, bbox: CropBox { top: 31, left: 5, height: 1, width: 27 } },
        Mixing::MixUp { .. } => Mix::MixUp { partners, lambda },
    };
    let classes = header.classes.len();
    let logits = (0..images.len() * classes).map(|_| (20.0 * stream.normal()) as f32).collect();
    let logits = header.precision.stored(logits, classes).unwrap();
    BatchLabels { images: images.to_vec(), draws, mix, logits }
}

fn bytes_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(|e| e.unwrap());
    entries.filter(|e| e.file_name() != "lock").map(|e| e.metadata().unwrap().len()).sum()
}

#[test]
fn what_is_stored_is_read_and_its_size_was_said_before() {
    for precision in [Precision::Full, Precision::Half, Precision::Top(2), Precision::Top(1), Precision::Top(9)] {
        for mixing in [Mixing::None, CUTMIX, MIXUP] {
            for shuffle in [1, 2, 3] {
                let root = tempfile::tempdir().unwrap();
                let header = header(precision, mixing, shuffle);
                let writer = LabelWriter::begin(root.path(), &header).unwrap();
                for e in 0..header.epochs {
                    assert!(writer.write(e, &epoch(&header, e)).unwrap());
                }
                let reader = LabelReader::open(root.path()).unwrap();
                assert_eq!((reader.header(), reader.epochs().unwrap()), (&header, vec![0, 1, 2]));
                for e in 0..header.epochs {
                    assert_eq!(reader.epoch(e).unwrap(), epoch(&header, e), "{precision:?} {mixing:?} {shuffle}");
                }
                assert_eq!(size_of(&header), bytes_in(root.path()), "{precision:?} {mixing:?} {shuffle}");
            }
        }
    }
}

/// The paper's figure: 300 epochs of 50,000 images and 1000 classes in half precision are 30 GB of logits.
#[test]
fn the_size_is_that_of_the_logits_where_classes_are_many() {
    let mut large = header(Precision::Half, CUTMIX, 1);
    large.classes = (0..1000).map(|c| c.to_string()).collect();
    (large.epochs, large.batch) = (300, 1024);
    large.images = vec![String::from("00000/class00000_id00000.jpg"); 50_000];
    let logits = 300 * 50_000 * 1000 * 2;
    assert!((logits..logits * 102 / 100).contains(&size_of(&large)), "{}", size_of(&large));
    large.precision = Precision::Top(10);
    assert!(size_of(&large) < logits / 20);
}

#[test]
fn epochs_are_never_made_twice_and_more_can_follow() {
    let root = tempfile::tempdir().unwrap();
    let first = header(Precision::Half, CUTMIX, 1);
    let writer = LabelWriter::begin(root.path(), &first).unwrap();
    assert!(writer.write(1, &epoch(&first, 1)).unwrap());
    let before = fs::read(root.path().join(file_name(1))).unwrap();
    assert!(!writer.write(1, &epoch(&first, 2)).unwrap());
    assert_eq!(fs::read(root.path().join(file_name(1))).unwrap(), before);
    assert!(matches!(LabelWriter::begin(root.path(), &first), Err(LabelError::Folder(RecordError::Locked { .. }))));
    drop(writer);
    // What a killed process leaves is no epoch.
    fs::write(root.path().join(".stillroom-unfinished-epoch-00000.safetensors"), b"half").unwrap();
    let more = LabelsHeader { epochs: 5, ..first.clone() };
    let writer = LabelWriter::begin(root.path(), &more).unwrap();
    assert_eq!(writer.done().unwrap(), [1]);
    drop(writer);
    let writer = LabelWriter::begin(root.path(), &first).unwrap();
    assert_eq!((writer.header().epochs, writer.header().fingerprint()), (5, first.fingerprint()));
    assert_eq!(LabelReader::open(root.path()).unwrap().epoch(1).unwrap(), epoch(&first, 1));
}

#[test]
fn other_labels_in_the_folder_are_named_by_what_differs() {
    let root = tempfile::tempdir().unwrap();
    let first = header(Precision::Half, CUTMIX, 1);
    drop(LabelWriter::begin(root.path(), &first).unwrap());
    let refused = |change: &dyn Fn(&mut LabelsHeader)| {
        let mut asked = first.clone();
        change(&mut asked);
        LabelWriter::begin(root.path(), &asked).unwrap_err().to_string()
    };
    let text = refused(&|h| h.seed = 8);
    assert!(text.contains("holds another set of labels: seed is 7, not 8; nothing in it was touched"), "{text}");
    let text = refused(&|h| h.precision = Precision::Top(3));
    assert!(text.contains("precision is half, not {\"top\":3}"), "{text}");
    let text = refused(&|h| h.images[4] = "x".into());
    assert!(text.contains("images[4] is 00002/4.png, not x"), "{text}");
    let text = refused(&|h| h.augmentation.mixing = MIXUP);
    assert!(text.contains("augmentation.mixing is cutmix, not {\"mixup\""), "{text}");
    fs::write(root.path().join("labels.json"), b"{}").unwrap();
    assert!(refused(&|_| ()).contains("labels.json: is not the record of a set of labels (missing field"));
}

#[test]
fn labels_of_something_else_are_refused_and_all_differences_named() {
    let root = tempfile::tempdir().unwrap();
    let header = header(Precision::Half, CUTMIX, 1);
    let writer = LabelWriter::begin(root.path(), &header).unwrap();
    [0, 1].into_iter().for_each(|e| _ = writer.write(e, &epoch(&header, e)).unwrap());
    let reader = LabelReader::open(root.path()).unwrap();
    let good = Wanted {
        data: &header.data.fingerprint,
        images: &header.images,
        classes: &header.classes,
        side: 32,
        normalise: MeanStd::CIFAR10,
        batch: 4,
        augmentation: header.augmentation,
        epochs: 2,
        observer: None,
    };
    reader.check(&good).unwrap();
    reader.check(&Wanted { observer: Some("fingerprint of observer"), ..good }).unwrap();
    let refused = |wanted: &Wanted<'_>| reader.check(wanted).unwrap_err().to_string();
    let text = refused(&Wanted { batch: 5, side: 64, normalise: MeanStd::IMAGENET, ..good });
    assert!(text.contains("don't fit: batch is 4, not 5, normalisation.mean is [0.4914"), "{text}");
    assert!(text.contains("side is 32, not 64; relabel"), "{text}");
    let text = refused(&Wanted { observer: Some("f"), data: "g", ..good });
    assert!(text.contains("distilled images.fingerprint is fingerprint of distilled, not g, observer.fing"), "{text}");
    let text = refused(&Wanted { images: &header.images[..9], classes: &header.classes[1..], ..good });
    assert!(text.contains("images is a list of 10, not a list of 9"), "{text}");
    let text = refused(&Wanted { epochs: 4, ..good });
    assert!(text.contains("epoch-00002.safetensors: there are no labels of epoch 2") && text.contains("--epochs 4"));
    assert!(matches!(reader.epoch(2), Err(LabelError::Absent { epoch: 2, .. })));
    let error = LabelReader::open(&root.path().join("no")).unwrap_err().to_string();
    assert!(error.contains("there is no set of labels here (no labels.json)"), "{error}");
}

#[test]
fn damaged_and_misplaced_files_are_named_and_not_used() {
    let root = tempfile::tempdir().unwrap();
    let header = header(Precision::Top(2), CUTMIX, 2);
    let writer = LabelWriter::begin(root.path(), &header).unwrap();
    writer.write(0, &epoch(&header, 0)).unwrap();
    let file = root.path().join(file_name(0));
    let reader = LabelReader::open(root.path()).unwrap();
    let whole = fs::read(&file).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() - 3] ^= 4;
    for (bytes, why) in [(&flipped[..], "its checksum is wrong"), (&whole[..100], "no whole safetensors file")] {
        fs::write(&file, bytes).unwrap();
        let error = reader.epoch(0).unwrap_err().to_string();
        assert!(error.contains("epoch-00000.safetensors: these labels are damaged") && error.contains(why), "{error}");
        assert!(error.contains("move the file away and run the same relabel command again"), "{error}");
    }
    fs::rename(&file, root.path().join("aside")).unwrap();
    assert!(writer.write(0, &epoch(&header, 0)).unwrap());
    fs::copy(&file, root.path().join(file_name(1))).unwrap();
    assert!(reader.epoch(1).unwrap_err().to_string().contains("its epoch entry is not 00001"));
    // Of another set, with a checksum that is right.
    let other = LabelsHeader { seed: 8, ..header };
    fs::write(root.path().join(file_name(2)), shard::write(&other, 2, &epoch(&other, 2)).unwrap()).unwrap();
    assert!(reader.epoch(2).unwrap_err().to_string().contains("its labels entry is not"));
}

#[test]
fn labels_that_contradict_the_header_are_not_written() {
    let root = tempfile::tempdir().unwrap();
    let header = header(Precision::Half, CUTMIX, 1);
    let writer = LabelWriter::begin(root.path(), &header).unwrap();
    let refused = |change: &dyn Fn(&mut BatchLabels)| {
        let mut batches = epoch(&header, 0);
        change(&mut batches[1]);
        writer.write(0, &batches).unwrap_err().to_string()
    };
    let text = refused(&|b| b.images[0] = 10);
    assert!(text.contains("the labels of epoch 0 can't be stored: batch 1: image 10 of 10"), "{text}");
    assert!(refused(&|b| b.logits = Logits::Dense(vec![7e4; 20])).contains("beyond half precision"));
    assert!(refused(&|b| b.mix = Mix::None).contains("batch 1: the mix is no CutMix"));
    assert_eq!(writer.done().unwrap(), Vec::<u32>::new());
}

const ROLE: &str = "STILLROOM_TEST_ROLE";
const FOLDER: &str = "STILLROOM_TEST_FOLDER";

/// Many epochs, each of 100 KB: large enough to be killed within.
pub(in crate::store) fn long() -> LabelsHeader {
    let mut header = header(Precision::Full, CUTMIX, 2);
    header.images = (0..2000).map(|i| i.to_string()).collect();
    (header.epochs, header.batch) = (100_000, 500);
    header
}

/// This test program as a process that plays `role` on a folder, started by the shell with `before`.
fn other_process(role: &str, folder: &Path, before: &str) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{before} exec \"$0\" \"$@\"")]).arg(std::env::current_exe().unwrap());
    command.args(["--exact", "store::labels::tests::role", "--ignored", "--nocapture", "--test-threads", "1"]);
    command.env(ROLE, role).env(FOLDER, folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().unwrap()
}

#[test]
#[ignore = "started by the other tests as a process of its own"]
fn role() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let writer = LabelWriter::begin(Path::new(&std::env::var_os(FOLDER).unwrap()), &long()).unwrap();
    if role == "fill" {
        let error = writer.write(0, &epoch(&long(), 0)).unwrap_err();
        assert!(error.is_full());
        println!("\nfull: {error}");
        return;
    }
    for e in writer.done().unwrap().len() as u32.. {
        assert!(writer.write(e, &epoch(&long(), e)).unwrap());
        println!("\nwritten {e}");
    }
}

#[test]
fn a_kill_leaves_whole_epochs_and_the_next_process_goes_on() {
    let root = tempfile::tempdir().unwrap();
    let mut stream = Stream::new("stillroom 2026 test", 9, &[]);
    let mut done = 0;
    for _ in 0..5 {
        let mut writer = other_process("write", root.path(), "");
        let lines = BufReader::new(writer.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut lines = lines.filter(|l| l.starts_with("written "));
        assert_eq!(lines.next(), Some(format!("written {done}")), "no epoch is made twice");
        std::thread::sleep(Duration::from_micros(stream.below(9000)));
        writer.kill().unwrap();
        let told = done + 1 + lines.count() as u32;
        writer.wait().unwrap();
        let reader = LabelReader::open(root.path()).unwrap();
        let found = reader.epochs().unwrap();
        done = found.len() as u32;
        assert!(found.into_iter().eq(0..done) && (done == told || done == told + 1), "{done} of {told}");
        assert_eq!(reader.epoch(done - 1).unwrap(), epoch(&long(), done - 1));
    }
    assert!(fs::read_dir(root.path()).unwrap().count() <= done as usize + 3, "nothing piles up");
}

/// The shell's limit on the size of a file stands for the end of the disk.
#[cfg(unix)]
#[test]
fn a_full_disk_leaves_no_part_of_an_epoch() {
    let root = tempfile::tempdir().unwrap();
    drop(LabelWriter::begin(root.path(), &long()).unwrap());
    let output = other_process("fill", root.path(), "trap '' XFSZ; ulimit -f 100;").wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("full: ") && said.contains("epoch-00000.safetensors: cannot write: "), "{said}");
    let mut left: Vec<_> = fs::read_dir(root.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    left.sort_unstable();
    assert_eq!(left, ["labels.json", "lock"]);
}
