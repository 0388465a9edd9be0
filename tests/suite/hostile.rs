//! Memory before trust: what loading takes, of large files and of files that nobody should write. Each case is measured in
//! a process of its own, by the peak of its resident memory.

use std::path::{Path, PathBuf};
use std::process::Command;

use stillroom::core::formats::torch_file::{self, Dtype, Pickle, opcode};
use stillroom::engine::nets::NetworkSpec;
use stillroom::engine::observe::observer::{Observer, ObserverOptions};
use stillroom::engine::weights::{Kind, Precision, Weights, file_bytes};

use crate::archives::{Packing, zip};

#[path = "../../fuzz/targets.rs"]
mod targets;

const CASE: &str = "STILLROOM_HOSTILE_CASE";
/// What reading a hostile file may take beyond its size.
const ROOM: u64 = 64 << 20;
/// Size of the large ones.
const LARGE: usize = 4 << 20;

/// A field of `/proc/self/status` in bytes.
fn memory(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix(field)?.strip_prefix(':')).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() << 10
}

/// The other side of [`peak`]: runs one case and says what it took.
#[test]
#[ignore = "is run by the tests here, in a process of its own"]
fn child() {
    let case = std::env::var(CASE).unwrap();
    let (name, path) = case.split_once(' ').unwrap();
    let target = targets::TARGETS.iter().find(|t| t.0 == name);
    let before = memory("VmRSS");
    match target {
        Some((_, target)) => target(&std::fs::read(path).unwrap()),
        None => {
            let loaded = Observer::load(Path::new(path), &ObserverOptions::default(), None);
            assert!(name == "any" || loaded.is_ok(), "{}", loaded.unwrap_err());
        }
    }
    println!("took {}", memory("VmHWM") - before);
}

/// Bytes of memory that a case takes at its peak.
fn peak(name: &str, path: &Path) -> u64 {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["hostile::child", "--exact", "--ignored", "--nocapture"]);
    let output = command.env(CASE, format!("{name} {}", path.display())).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let took = text.lines().find_map(|l| l.strip_prefix("took ").or_else(|| l.split_once("took ").map(|l| l.1)));
    let took =
        took.unwrap_or_else(|| panic!("{name} {}: {text}{}", path.display(), String::from_utf8_lossy(&output.stderr)));
    took.trim().parse().unwrap()
}

/// ResNet-101, 178 MB, in both formats that are written: every tensor is read once into its final place.
#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn loading_takes_little_more_than_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let graph = NetworkSpec { arch: "resnet101".parse().unwrap(), side: 224, classes: 1000 }.graph();
    let weights = Weights::by_formula(&graph);
    for (kind, name) in [(Kind::Safetensors, "w.safetensors"), (Kind::Pth, "w.pth")] {
        let path = folder.path().join(name);
        std::fs::write(&path, file_bytes(name, (&graph, &weights), (kind, Precision::Full)).unwrap()).unwrap();
        let (length, took) = (std::fs::metadata(&path).unwrap().len(), peak("load", &path));
        eprintln!("{name}: {length} bytes took {took} ({:.3})", took as f64 / length as f64);
        assert!(took as f64 <= 1.3 * length as f64, "{name} of {length} bytes took {took}");
        std::fs::remove_file(&path).unwrap();
    }
}

/// What a fuzzer found, and the seeds that it began with: values or errors, in little memory.
#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn findings_stay_mended() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    for (name, _) in targets::TARGETS {
        for folder in [root.join("tests/fixtures/hostile").join(name), root.join("fuzz/seeds").join(name)] {
            for file in std::fs::read_dir(folder).into_iter().flatten() {
                bounded(name, &file.unwrap().path());
                seen += 1;
            }
        }
    }
    assert!(seen > 15, "{seen}");
}

fn bounded(name: &str, path: &Path) {
    let (length, took) = (std::fs::metadata(path).unwrap().len(), peak(name, path));
    let limit = length + ROOM;
    eprintln!("{name} {}: {length} bytes took {:.1} MiB", path.display(), took as f64 / f64::from(1 << 20));
    assert!(took <= limit, "{name}: {} of {length} bytes took {took}", path.display());
}

/// Files of four megabytes, each made so that something small in it stands for something large.
#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn no_file_takes_memory_that_it_does_not_hold() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    for (name, pickle) in pickles() {
        let mut archive = std::io::Cursor::new(Vec::new());
        torch_file::archive(&mut archive, &pickle, [[0_u8; 64]]).unwrap();
        for (name, bytes) in [(format!("{name}.pth"), archive.get_ref()), (format!("{name}.bare.pth"), &pickle)] {
            let path = write(&name, bytes);
            bounded("any", &path);
            bounded("fkd", &path);
        }
    }
    for (name, files) in unpacked() {
        let files: Vec<(&str, &[u8])> = files.iter().map(|(name, data)| (*name, data.as_slice())).collect();
        let path = write(&format!("{name}.deflated.pth"), &zip(Packing::Deflated, &files));
        bounded("any", &path);
        bounded("zip", &path);
    }
    for (target, name, bytes) in others() {
        bounded(target, &write(name, &bytes));
    }
}

/// Protocol 2, `piece` as often as four megabytes hold it, and an end.
fn filled(head: &[u8], piece: &[u8], tail: &[u8]) -> Vec<u8> {
    [b"\x80\x02", head, &piece.repeat((LARGE - head.len() - tail.len() - 3) / piece.len()), tail, b"."].concat()
}

fn pickles() -> Vec<(&'static str, Vec<u8>)> {
    let storage = |key: &[u8]| {
        let length = (key.len() as u32).to_le_bytes();
        [&b"(U\x07storagectorch\nFloatStorage\nX"[..], &length, key, b"U\x03cpuK\x10tQ"].concat()
    };
    let tensor = [
        &b"}q\x00ctorch._utils\n_rebuild_tensor_v2\nq\x01("[..],
        &storage(b"0"),
        b"K\x00K\x04\x85K\x01\x85\x89Ntq\x02",
    ]
    .concat();
    // The label file of 76 kB that took half a gigabyte: one storage with a long name, recalled 8,000 times.
    let named = [&b"\x80\x02]"[..], &storage(&[b'x'; 60_000]), b"q\x00(", &b"h\x00".repeat(8_000), b"e."].concat();
    let mut bomb = b"\x80\x02)".to_vec();
    for _ in 0..200_000 {
        bomb.extend(b"q\x00(h\x00h\x00h\x00h\x00h\x00h\x00h\x00h\x00t");
    }
    bomb.push(b'.');
    vec![
        ("named", named),
        ("bomb", bomb),
        ("lists", filled(b"", b"]", b"")),
        ("listed", filled(b"](", b"]", b"e")),
        ("dicts", filled(b"](", b"}", b"e")),
        ("tuples", filled(b"", b")", b"")),
        ("nested", filled(b"N", b"\x85", b"")),
        ("nones", filled(b"](", b"N", b"e")),
        ("marks", filled(b"", b"(", b"N")),
        ("memo", filled(b"N", b"\x94", b"")),
        ("far_memo", filled(b"N", b"\x94", b"r\x00\x00\x3f\x00")),
        ("texts", filled(b"](", b"U\x00", b"e")),
        ("doubled", filled(b"](K\x00", b"2", b"e")),
        ("names", filled(b"](", b"ca\nb\n", b"e")),
        ("objects", filled(b"ca\nb\nq\x00)q\x01](", b"h\x00h\x01R", b"e")),
        ("ordered", filled(b"ccollections\nOrderedDict\nq\x00)q\x01](", b"h\x00h\x01R", b"e")),
        (
            "copied",
            filled(
                &[&b"ccollections\ndeque\nq\x00](NNNNNNNNNNNNNNNNNNNNNNNNe\x85q\x01]("[..]].concat(),
                b"h\x00h\x01R",
                b"e",
            ),
        ),
        ("tensors", filled(&[&tensor[..], b"h\x01h\x02R0]("].concat(), b"h\x01h\x02R", b"e")),
        ("lines", filled(b"](", b"V\\u0041\n", b"e")),
        ("claims", [&b"\x80\x02X\xff\xff\xff\xff"[..], &[b'x'; 100]].concat()),
        ("claims_more", [&b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7f"[..], &[b'x'; 100]].concat()),
    ]
}

/// Names and bytes.
type Files = Vec<(&'static str, Vec<u8>)>;

/// The files of archives that are a thousandth as large when they are deflated.
fn unpacked() -> Vec<(&'static str, Files)> {
    const VAST: usize = 64 << 20;
    let claims = |count: usize| {
        let mut pickle = Pickle::new();
        pickle.op(opcode::EMPTY_DICT);
        pickle.text("conv1.weight");
        pickle.tensor(0, Dtype::F32, &[count]);
        pickle.op(opcode::SET_ITEM);
        pickle.finish()
    };
    let small = |(name, pickle): (&'static str, Vec<u8>)| (name, vec![("a/data.pkl", pickle)]);
    let mut all: Vec<_> = pickles().into_iter().map(small).collect();
    all.extend([
        ("vast_pickle", vec![("a/data.pkl", [&b"\x80\x02](\x8e"[..], &vec![b'N'; VAST / 2]].concat())]),
        ("vast_tensor", vec![("a/data.pkl", claims(VAST / 4)), ("a/data/0", vec![0; VAST])]),
        ("vast_storage", vec![("a/data.pkl", claims(16)), ("a/data/0", vec![0; VAST])]),
    ]);
    all
}

fn others() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let safetensors = |header: String| {
        let length = (header.len() as u64).to_le_bytes();
        [&length[..], header.as_bytes()].concat()
    };
    let entry = |n: usize| format!(r#""{n:x}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#);
    let entries = (0..LARGE / 60).map(entry).collect::<Vec<_>>().join(",");
    let about = (0..LARGE / 11).map(|n| format!(r#""{n:x}":"""#)).collect::<Vec<_>>().join(",");
    let shape = "1,".repeat(LARGE / 2 - 40);
    let zeros = "0,".repeat(LARGE / 2 - 20);
    let names = (0..LARGE / 11).map(|n| format!(r#""{n:x}":0"#)).collect::<Vec<_>>().join(",");
    let nested = "[".repeat(LARGE);
    vec![
        ("safetensors", "tensors.safetensors", safetensors(format!("{{{entries}}}"))),
        ("safetensors", "about.safetensors", safetensors(format!(r#"{{"__metadata__":{{{about}}}}}"#))),
        (
            "safetensors",
            "shape.safetensors",
            safetensors(format!(r#"{{"a":{{"dtype":"F32","shape":[{shape}1],"data_offsets":[0,4]}}}}"#)),
        ),
        ("labels", "labels.safetensors", safetensors(format!("{{{}}}", entry(1)))),
        ("any", "tensors.again.safetensors", safetensors(format!("{{{entries}}}"))),
        ("zip", "wide.zip", wide_zip()),
        ("card", "unknown.json", format!(r#"{{"x":[{zeros}0]}}"#).into_bytes()),
        ("card", "names.json", format!("{{{names}}}").into_bytes()),
        ("card", "nested.json", format!(r#"{{"x":{nested}"#).into_bytes()),
        ("class_map", "zeros.json", format!("[{zeros}0]").into_bytes()),
        ("class_map", "named.json", format!("{{{names}}}").into_bytes()),
        ("curation", "blank.json", curation(&(0..LARGE / 11).map(|n| format!(r#""{n:x}":{{}}"#)).collect::<Vec<_>>())),
        ("curation", "nested.json", format!(r#"{{"format":1,"classes":{nested}"#).into_bytes()),
        ("manifest", "zeros.json", format!(r#"{{"format":1,"x":[{zeros}0]}}"#).into_bytes()),
        ("jpeg", "vast.jpg", vast_jpeg()),
    ]
}

/// A curation of these images of one class.
fn curation(images: &[String]) -> Vec<u8> {
    let head = r#"{"format":1,"program":{"name":"","version":""},"dataset":{"fingerprint":""},"classes":{"a":{"#;
    format!("{head}{}}}}}}}", images.join(",")).into_bytes()
}

/// An archive of nothing but a directory of empty names.
fn wide_zip() -> Vec<u8> {
    let entry = [&b"PK\x01\x02"[..], &[0; 42]].concat();
    let count = LARGE / entry.len();
    let (size, start) = (((count * entry.len()) as u32).to_le_bytes(), [0; 4]);
    [&entry.repeat(count)[..], b"PK\x05\x06", &[0; 8], &size, &start, &[0, 0]].concat()
}

/// The header of a JPEG of 60,000×10,000 pixels, and no pixels.
fn vast_jpeg() -> Vec<u8> {
    let mut bytes =
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/images/rgb420.jpg")).unwrap();
    let frame = bytes.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    bytes[frame + 5..frame + 9].copy_from_slice(&[10_000_u16.to_be_bytes(), 60_000_u16.to_be_bytes()].concat());
    bytes
}
