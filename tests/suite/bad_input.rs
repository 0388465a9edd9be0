//! Bad input: each ends with a clear error that names the file, or goes on and says what it left out. Nothing is lost,
//! nothing overwritten, nothing executed.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::archives::{Packing, zip};
use crate::cli::check_output;
use crate::scene::{Run, Scene, png, tree};

const RECIPE: &str = "--ipc 1 --patches 1 --subset 20 --crops 2";

/// A distillation that must fail and leave everything as it was.
fn refused(scene: &Scene, said: &[&str]) {
    let before = tree(&scene.at("data"));
    scene.distill(&format!("{RECIPE} --out out")).fails(1, said);
    assert!(tree(&scene.at("data")) == before && !scene.at("out").exists());
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/images").join(name)).unwrap()
}

#[test]
fn folders_without_images() {
    let scene = Scene::with_data(&[3, 3]);
    std::fs::create_dir(scene.at("empty")).unwrap();
    let run = |data: &str| scene.line(&format!("distill --data {data} --observer observer.safetensors --out out"));
    run("empty").fails(1, &["empty: the folder is empty"]);
    run("missing").fails(1, &["missing"]);
    run("data/class0/0000.png").fails(1, &["0000.png", "this is a file"]);
    run("data/class0").fails(1, &["data/class0", "one folder per class"]);
    std::fs::create_dir_all(scene.at("hollow/a")).unwrap();
    run("hollow").fails(1, &["hollow", "no images in them"]);
    assert!(!scene.at("out").exists());
}

#[test]
fn a_class_without_images_is_named() {
    let scene = Scene::with_data(&[3, 3]);
    std::fs::create_dir(scene.at("data/class2")).unwrap();
    std::fs::remove_file(scene.at("observer.safetensors")).unwrap();
    scene.observer("observer.safetensors", ("conv3x32", 32), 3);
    refused(&scene, &["class 'class2'", "0 usable images"]);
}

#[test]
fn broken_images_are_left_out_and_listed() {
    let scene = Scene::with_data(&[4, 4]);
    let jpeg = fixture("rgb420.jpg");
    scene.write("data/class0/cut.jpg", &jpeg[..jpeg.len() / 2]);
    scene.write("data/class0/head.jpg", &jpeg[..20]);
    scene.write("data/class0/nothing.jpg", b"");
    scene.write("data/class0/text.jpg", b"Dear diary, this is no photograph at all.\n");
    let image = png("class0/cut", 32);
    scene.write("data/class0/cut.png", &image[..image.len() / 2]);
    scene.write("data/class0/whole.jpg", &jpeg);
    let before = tree(&scene.at("data"));
    let run = scene.distill(&format!("{RECIPE} --out out"));
    let line = run.last();
    assert_eq!(line["broken_images"], 5, "{}", run.stderr);
    run.says(&[
        "class0/cut.jpg: damaged JPEG",
        "class0/head.jpg: ",
        "class0/nothing.jpg: the file is empty",
        "class0/text.jpg: not an image",
        "class0/cut.png: damaged PNG",
    ]);
    let manifest = check_output(&scene.at("out"), &scene.at("data"));
    assert_eq!((manifest.classes[0].scored, manifest.classes[0].broken), (5, 5));
    assert!(tree(&scene.at("data")) == before);
    let evaluated = scene.line("evaluate --data data --network observer.safetensors --device cpu").last();
    assert_eq!((evaluated["images"].as_u64(), evaluated["broken"].as_u64()), (Some(9), Some(5)));
}

#[test]
fn a_class_of_broken_images_is_too_small() {
    let scene = Scene::with_data(&[4, 1]);
    scene.write("data/class1/0000.png", b"");
    refused(&scene, &["class 'class1'", "0 usable images", "class1/0000.png: the file is empty"]);
}

#[test]
fn one_pixel_and_four_hundred_million() {
    let scene = Scene::with_data(&[3, 3]);
    scene.write("data/class0/tiny.png", &png("tiny", 1));
    scene.write("data/class1/vast.png", &vast_png());
    let run = scene.distill("--ipc 3 --patches 1 --subset 20 --crops 2 --out out");
    assert_eq!(run.last()["broken_images"], 1);
    run.says(&["class1/vast.png: too large: 20000×20000 pixels", "shrink it"]);
    let manifest = check_output(&scene.at("out"), &scene.at("data"));
    assert_eq!((manifest.classes[0].scored, manifest.classes[1].broken), (4, 1));
    assert!(run.last()["peak_rss_mib"].as_u64().unwrap() < 1500, "the large image was not decoded");
}

/// A PNG of 20,000×20,000 pixels of 4 bytes: its header, and the beginning of its zeros.
fn vast_png() -> Vec<u8> {
    let mut bytes = png("vast", 8);
    bytes[16..20].copy_from_slice(&20_000_u32.to_be_bytes());
    bytes[20..24].copy_from_slice(&20_000_u32.to_be_bytes());
    bytes[25] = 6;
    let check = crc32fast::hash(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&check.to_be_bytes());
    bytes
}

#[test]
fn damaged_weights() {
    let scene = Scene::with_data(&[3, 3]);
    let whole = std::fs::read(scene.at("observer.safetensors")).unwrap();
    let lying = br#"{"conv1.weight":{"dtype":"F32","shape":[16,3,3,3],"data_offsets":[0,99999999]}}"#;
    let overlapping = br#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#;
    let huge = br#"{"a":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,16]}}"#;
    let archive = zip(Packing::Stored, &[("archive/data.pkl", &os_system("x"))]);
    let cases: [(&str, Vec<u8>); 10] = [
        ("half.safetensors", whole[..whole.len() / 2].to_vec()),
        ("head.safetensors", whole[..100].to_vec()),
        ("lying.safetensors", with_header(lying)),
        ("overlapping.safetensors", with_header(overlapping)),
        ("huge.safetensors", with_header(huge)),
        ("longer.safetensors", [u64::MAX.to_le_bytes().as_slice(), b"{}"].concat()),
        ("empty.pth", Vec::new()),
        ("text.pth", b"these are not the weights".to_vec()),
        ("half.pth", archive[..archive.len() / 2].to_vec()),
        ("picture.pth", png("x", 8)),
    ];
    for (name, bytes) in cases {
        scene.write(name, &bytes);
        for command in ["evaluate --data data --network", "distill --out out --force --data data --observer"] {
            scene.line(&format!("{command} {name}")).fails(1, &[name]);
        }
    }
    scene.line("evaluate --data data --network nowhere.pth").fails(1, &["nowhere.pth", "No such file"]);
    scene.line("evaluate --data data --network data").fails(1, &["data"]);
    assert!(!scene.at("out").exists());
}

#[test]
fn a_pickle_that_wants_to_run_a_program_runs_none() {
    let scene = Scene::with_data(&[3, 3]);
    let marker = scene.at("marker");
    let pickle = os_system(&format!("touch {}", marker.display()));
    scene.write("bare.pth", &pickle);
    scene.write("zipped.pth", &zip(Packing::Stored, &[("archive/data.pkl", &pickle)]));
    // Hidden behind what looks like a state_dict.
    let inner = &pickle[2..pickle.len() - 1];
    scene.write("nested.pt", &[b"\x80\x02}X\x0a\x00\x00\x00state_dict", inner, b"s."].concat());
    for name in ["bare.pth", "zipped.pth", "nested.pt"] {
        for command in ["evaluate --data data --network", "distill --out out --force --data data --observer"] {
            scene.line(&format!("{command} {name}")).fails(1, &[name, "os.system", "nothing was executed"]);
        }
    }
    assert!(!marker.exists() && !scene.at("out").exists());
}

#[test]
fn an_observer_that_does_not_fit_the_classes() {
    let scene = Scene::with_data(&[3, 3]);
    std::fs::remove_file(scene.at("observer.safetensors")).unwrap();
    scene.observer("observer.safetensors", ("conv3x32", 32), 5);
    refused(&scene, &["observer.safetensors", "2 classes", "5 outputs", "--class-map"]);
    let with = |map: &str| {
        scene.write("map.json", map.as_bytes());
        scene.distill(&format!("{RECIPE} --out out --class-map map.json"))
    };
    with("[0]").fails(1, &["1 outputs", "2 classes"]);
    with("[0, 9]").fails(1, &["output 9", "outputs 0 to 4"]);
    with("[3, 3]").fails(1, &["'class0' and 'class1'", "output 3"]);
    with(r#"{"class0": 1}"#).fails(1, &["no entry for class 'class1'"]);
    with("[0, 1").fails(1, &["map.json", "not a class map"]);
    assert!(!scene.at("out").exists());
    with(r#"{"class1": 4, "class0": 2, "other": 0}"#).last();
    assert_eq!(check_output(&scene.at("out"), &scene.at("data")).observer.unwrap().outputs, [2, 4]);
}

#[test]
fn an_observer_that_knows_nothing_is_refused_without_force() {
    let scene = Scene::with_data(&[40; 6]);
    let run = scene.line(&format!("distill --data data --observer observer.safetensors {RECIPE} --out out"));
    run.fails(1, &["top-1 is", "--force", "stillroom check"]);
    assert!(!scene.at("out").exists());
    scene.distill(&format!("{RECIPE} --out out")).says(&["going on: --force"]);
}

#[test]
fn places_that_can_t_be_written() {
    let scene = Scene::with_data(&[3, 3]);
    let before = tree(&scene.at("data"));
    for out in ["data/class0/0000.png", "data/class0/0000.png/out", "/proc/out", "/proc"] {
        scene.distill(&format!("{RECIPE} --out {out}")).fails(1, &[out]);
    }
    for project in ["data/class0/0000.png/p", "/proc/p"] {
        scene.distill(&format!("{RECIPE} --out out --project {project}")).fails(1, &[project]);
    }
    let evaluate = "evaluate --data data --network observer.safetensors --device cpu --predictions";
    scene.line(&format!("{evaluate} /proc/p.csv")).fails(1, &["/proc: cannot write into this folder"]);
    // The result is not lost with the name that is taken.
    let check = "check --data data --observer observer.safetensors --device cpu --write-class-map data/class0";
    let run = scene.line(check);
    assert!(run.code == 1 && run.stderr.contains("data/class0"), "{}", run.stderr);
    assert!(run.stdout.contains("\"class_map\""), "{}", run.stdout);
    assert!(tree(&scene.at("data")) == before && !scene.at("out").exists());
}

#[test]
fn names_that_are_not_utf_8() {
    let scene = Scene::with_data(&[3]);
    let odd = |bytes: &'static [u8]| OsStr::from_bytes(bytes);
    let folder = Path::new("data").join(odd(b"d\xffg"));
    for name in [&b"\xfe.png"[..], b"a\\b.png", b"line\nbreak.png"] {
        scene.write(folder.join(OsStr::from_bytes(name)), &png("odd", 32));
    }
    std::fs::remove_file(scene.at("observer.safetensors")).unwrap();
    scene.observer("w.safetensors", ("conv3x32", 32), 2);
    std::fs::rename(scene.at("w.safetensors"), scene.at(odd(b"w\xf0.safetensors"))).unwrap();
    let fixed = ["distill", "--data", "data", "--force", "--device", "cpu", "--ipc", "3", "--patches", "1"];
    let mut args: Vec<&OsStr> = fixed.map(OsStr::new).to_vec();
    args.extend([OsStr::new("--observer"), odd(b"w\xf0.safetensors"), OsStr::new("--out"), odd(b"out\xfd")]);
    let run: Run = scene.command(&args).output().unwrap().into();
    assert!(run.last()["out"].as_str().unwrap().contains(r"out\xfd"), "{}", run.stdout);
    let manifest = check_output(&scene.at(odd(b"out\xfd")), &scene.at("data"));
    let mut sources: Vec<_> = manifest.classes[1].images.iter().map(|i| i.cells()[0].source.clone()).collect();
    sources.sort();
    assert_eq!(sources, [r"d\xffg/\xfe.png", r"d\xffg/a\x5cb.png", r"d\xffg/line\x0abreak.png"]);
    let again: Run = scene.command(&args).output().unwrap().into();
    again.fails(1, &[r"out\xfd", "is not empty"]);
}

fn with_header(header: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header, &[0; 16]].concat()
}

/// The pickle of an object whose loading would call `os.system(command)`.
fn os_system(command: &str) -> Vec<u8> {
    let length = (command.len() as u32).to_le_bytes();
    [b"\x80\x02cos\nsystem\nq\x00X", &length[..], command.as_bytes(), b"q\x01\x85q\x02Rq\x03."].concat()
}
