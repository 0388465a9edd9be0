//! Weight files: what PyTorch writes is read, and what is written here is what PyTorch reads.

use std::path::{Path, PathBuf};

use half::f16;
use stillroom::engine::cpu::infer::CpuEngine;
use stillroom::engine::nets::NetworkSpec;
use stillroom::engine::nets::detect::Shapes;
use stillroom::engine::observe::observer::{Observer, ObserverOptions};
use stillroom::engine::plan::Engine as _;
use stillroom::engine::weights::{Kind, Precision, Weights, file_bytes, formula, open};

use crate::scene::{Scene, png};

/// A file that `tests/fixtures/round_trip.py` has made, and what its network gives in PyTorch.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Case {
    Read {
        file: String,
        asked: Option<String>,
        arch: String,
        side: usize,
        logits: Vec<Vec<f32>>,
        #[serde(default = "yes")]
        save: bool,
    },
    Refused {
        file: String,
        refused: String,
    },
}

fn yes() -> bool {
    true
}

/// Logits of the formula's input.
fn logits(observer: &Observer) -> Vec<f32> {
    let side = observer.spec.side;
    let input: Vec<f32> = formula("input", 2 * 3 * side * side).collect();
    let mut engine = CpuEngine::new(&observer.plan()).unwrap();
    engine.logits(&input, 2).unwrap()
}

fn check(case: &Case, folder: &Path) {
    match case {
        Case::Refused { file, refused } => {
            let error = Observer::load(&folder.join(file), &ObserverOptions::default(), None).unwrap_err().to_string();
            assert!(error.contains(file) && error.contains(refused), "{error}");
        }
        Case::Read { file, asked, arch, side, logits: expected, save: saved } => {
            let options = ObserverOptions {
                arch: asked.as_ref().map(|a| a.parse().unwrap()),
                side: Some(*side),
                ..ObserverOptions::default()
            };
            let observer = Observer::load(&folder.join(file), &options, None).unwrap();
            assert_eq!(&observer.spec.arch.to_string(), arch, "{file}");
            assert!(observer.report.unused.is_empty(), "{file}: {}", observer.report.summary());
            let (found, expected) = (logits(&observer), expected.concat());
            assert_eq!(found.len(), expected.len(), "{file}");
            let largest = expected.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
            let worst = found.iter().zip(&expected).fold(0.0_f32, |m, (a, b)| m.max((a - b).abs()));
            assert!(worst <= 1e-3 * largest, "{file}: {worst} of {largest}");
            if *saved {
                write(&observer, &folder.join("saved"), file);
            }
        }
    }
}

/// In each way that the program can write.
fn write(observer: &Observer, folder: &Path, file: &str) {
    let stem = format!("{}-{}", file.replace('.', "_"), observer.spec.side);
    for (kind, end) in [(Kind::Pth, "pth"), (Kind::Safetensors, "safetensors")] {
        for (precision, name) in [(Precision::Full, "full"), (Precision::Half, "half")] {
            let path = folder.join(format!("{stem}.{name}.{end}"));
            let bytes = file_bytes(&stem, (observer.graph(), observer.weights()), (kind, precision)).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
    }
}

#[test]
#[ignore = "needs files from PyTorch: run by benches/round_trip.sh"]
fn with_pytorch() {
    let folder = PathBuf::from(std::env::var_os("STILLROOM_ROUND_TRIP").expect("STILLROOM_ROUND_TRIP is a folder"));
    let cases: Vec<Case> = serde_json::from_slice(&std::fs::read(folder.join("expected.json")).unwrap()).unwrap();
    assert!(!cases.is_empty());
    cases.iter().for_each(|case| check(case, &folder));
}

/// Files that PyTorch wrote, small ones: `round_trip.py fixtures`.
#[test]
fn files_are_read_in_all_the_ways_that_pytorch_saves_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/weights");
    let graph = NetworkSpec { arch: "conv3x4".parse().unwrap(), side: 16, classes: 10 }.graph();
    let expected = Weights::by_formula(&graph);
    let notes: [(&str, &[&str]); 7] = [
        ("zip.pth", &[]),
        ("stem_of_21_characters.pth", &[]),
        ("older.th", &[]),
        ("half.safetensors", &[]),
        ("bfloat16.pth", &[]),
        (
            "module.pth",
            &["network found under 'state_dict' (0 tensors beside it left alone)", "prefix 'module.' removed"],
        ),
        ("averaged.pt", &["network found under 'model_ema' (1 tensors beside it left alone)"]),
    ];
    for (name, notes) in notes {
        let mut file = open(&folder.join(name)).unwrap();
        assert_eq!(file.notes, notes, "{name}");
        let weights = file.read_all().unwrap();
        let report = weights.report(&graph);
        assert!(report.is_complete() && report.unused.is_empty(), "{name}: {}", report.summary());
        for (key, tensor) in expected.tensors() {
            let found = weights.values(key);
            for (&value, &found) in tensor.values.iter().zip(found) {
                let half = f16::from_f32(value).to_f32();
                // bfloat16 keeps eight bits.
                let within = if name == "bfloat16.pth" { half.abs() / 256.0 } else { 1e-7 };
                assert!((half - found).abs() <= within, "{name}, {key}: {found}, not {half}");
            }
        }
    }
}

/// Read from PyTorch's file, written in both formats by the command, read again: the same network, with its card.
#[test]
fn convert_writes_what_it_has_read() {
    let scene = Scene::with_data(&[1, 1]);
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/weights/module.pth");
    scene.write("net.pth", &std::fs::read(fixture).unwrap());
    scene.write("net.pth.json", br#"{"top1": 80.5, "mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.2]}"#);
    let line = scene.line("convert --observer net.pth --out a.safetensors").last();
    assert_eq!((line["network"].as_str(), line["outputs"].as_u64()), (Some("conv3x4"), Some(10)), "{line}");
    scene.line("convert --observer a.safetensors --out b.pth").last();
    scene.line("convert --observer b.pth --out c.safetensors --half").last();
    let load = |name: &str| open(&scene.at(name)).unwrap().read_all().unwrap();
    let (first, last) = (load("net.pth"), load("c.safetensors"));
    assert!(first == load("a.safetensors") && first == load("b.pth"));
    assert!(first == last, "the fixture's values are halves already");
    let card = std::fs::read_to_string(scene.at("c.safetensors.json")).unwrap();
    for said in [r#""arch": "conv3x4""#, r#""side": 16"#, r#""top1": 80.5"#, "0.2", "converted from net.pth"] {
        assert!(card.contains(said), "{card}");
    }
    scene.line("convert --observer net.pth --out b.pth").fails(1, &["b.pth exists already"]);
    scene.line("convert --observer net.pth --out d.onnx").fails(1, &["d.onnx", ".safetensors or .pth"]);
    scene.line("convert --observer net.pth --out no/d.pth").fails(1, &["no", "does not exist"]);
    scene.line("convert --observer net.pth --out d.pth --arch resnet18").fails(
        1,
        &["net.pth holds a conv3x4, not a resnet18", "missing: conv1.weight", "not expected: classifier.bias"],
    );
    scene.line("convert --observer net.pth --out d.pth --prune 0,10").fails(1, &["output 10", "outputs 0 to 9"]);
    scene.line("convert --observer net.pth --out d.pth --prune 2,2").fails(1, &["output 2", "twice"]);
    assert!(!scene.at("d.pth").exists() && !scene.at("d.pth.json").exists());
}

#[test]
fn outputs_are_pruned_to_those_asked_for_or_to_a_datasets_classes() {
    let scene = Scene::with_data(&[2, 2]);
    std::fs::remove_file(scene.at("observer.safetensors")).unwrap();
    scene.observer("five.safetensors", ("conv3x8", 32), 5);
    scene.write("five.safetensors.json", br#"{"classes": ["a", "class1", "b", "class0", "c"], "top1": 60.0}"#);
    scene.line("convert --observer five.safetensors --out listed.pth --prune 3,1").last();
    scene.line("convert --observer five.safetensors --out known.safetensors --data data").last();
    let load = |name: &str| open(&scene.at(name)).unwrap().read_all().unwrap();
    let (whole, listed) = (load("five.safetensors"), load("listed.pth"));
    assert!(listed == load("known.safetensors"));
    let bias = whole.values("classifier.bias");
    assert_eq!(listed.values("classifier.bias"), [bias[3], bias[1]]);
    let card = std::fs::read_to_string(scene.at("listed.pth.json")).unwrap();
    assert!(card.contains("\"class0\",\n    \"class1\"") && !card.contains("top1"), "{card}");

    // A distillation with --prune is one with the pruned file: same losses, over two classes alone.
    for n in 0..6 {
        scene.write(format!("data/class0/more{n}.png"), &png(&format!("more{n}"), 32));
    }
    let distill = |observer: &str, more: &str| {
        let call = format!("distill --data data --observer {observer} --device cpu --force --project project --ipc 1");
        scene.line(&format!("{call} --patches 1 --subset 20 --crops 2 {more}")).last()
    };
    let of = |out: &str| {
        let text = std::fs::read(scene.at(out).join("manifest.json")).unwrap();
        stillroom::core::distil::manifest::Manifest::parse(&text).unwrap()
    };
    distill("five.safetensors", "--prune --out pruned");
    distill("known.safetensors", "--out file");
    let whole = distill("five.safetensors", "--out whole");
    assert_eq!(whole["classes_reused"], 0, "the whole network's scores are others: {whole}");
    let (pruned, file, whole) = (of("pruned"), of("file"), of("whole"));
    let loss = |m: &stillroom::core::distil::manifest::Manifest| m.classes[0].images[0].cells()[0].loss;
    assert!((loss(&pruned) - loss(&file)).abs() < 1e-6 && loss(&pruned) < loss(&whole));
    let [pruned, whole] = [pruned, whole].map(|manifest| manifest.observer.unwrap());
    assert_eq!((pruned.outputs.as_slice(), pruned.kept.as_slice()), (&[3, 1][..], &[3, 1][..]));
    assert_eq!((whole.outputs.as_slice(), whole.kept.len()), (&[3, 1][..], 0));
    assert_ne!(pruned.fingerprint, whole.fingerprint);
    assert_eq!(distill("five.safetensors", "--prune --out again")["classes_reused"], 2);
}

/// A wrong file is told by its first differences.
#[test]
fn wrong_files_name_the_first_differences() {
    let scene = Scene::with_data(&[1, 1]);
    let convert = |file: &str, more: &str| scene.line(&format!("convert --observer {file} --out out.pth {more}"));
    let spec = |arch: &str| NetworkSpec { arch: arch.parse().unwrap(), side: 64, classes: 7 };
    let with = |name: &str, arch: &str, change: &dyn Fn(&mut Shapes)| {
        let mut shapes = spec(arch).graph().parameters().into_iter().map(|p| (p.key, p.shape)).collect();
        change(&mut shapes);
        scene.write(name, &zeros(&shapes));
    };
    with("lacking.safetensors", "resnet18", &|t| {
        t.remove("layer4.1.conv2.weight");
        t.remove("layer4.1.bn2.bias");
    });
    let said = ["lacking.safetensors", "resnet18 comes nearest", "2 missing", "layer4.1.conv2.weight"];
    convert("lacking.safetensors", "").fails(1, &said);
    let said = ["lacking.safetensors does not hold a whole resnet18", "layer4.1.bn2.bias"];
    convert("lacking.safetensors", "--arch resnet18").fails(1, &said);
    with("wide.safetensors", "resnet18", &|t| {
        t.insert("layer3.0.conv1.weight".into(), vec![256, 64, 3, 3]);
    });
    let said = ["wide.safetensors", "layer3.0.conv1.weight is [256, 64, 3, 3], not [256, 128, 3, 3]"];
    convert("wide.safetensors", "").fails(1, &said);
    with("gated.safetensors", "resnet50", &|t| {
        t.insert("layer1.0.gate.weight".into(), vec![16, 256, 1, 1]);
    });
    let said = ["gated.safetensors is no plain resnet50", "layer1.0.gate.weight"];
    convert("gated.safetensors", "").fails(1, &said);
    with("excited.safetensors", "resnet50", &|t| {
        t.insert("layer1.0.se.fc1.weight".into(), vec![16, 256, 1, 1]);
    });
    convert("excited.safetensors", "").fails(1, &["excited.safetensors: this is a ResNet with squeeze-and-excitation"]);
    with("other.safetensors", "resnet34", &|_| ());
    let said = ["holds a resnet34, not a resnet50", "missing: layer1.0.conv3.weight", "leave out --arch"];
    convert("other.safetensors", "--arch resnet50").fails(1, &said);
    // Names of another count than outputs.
    scene.write("other.safetensors.json", br#"{"classes": ["a", "b"]}"#);
    let evaluate = scene.line("evaluate --data data --network other.safetensors --device cpu");
    evaluate.fails(1, &["other.safetensors", "names 2 classes", "7 outputs"]);
    convert("nowhere.pth", "").fails(1, &["nowhere.pth", "No such file"]);
    assert!(!scene.at("out.pth").exists());
}

/// A safetensors file of zeros.
fn zeros(shapes: &Shapes) -> Vec<u8> {
    let mut header = serde_json::Map::new();
    let mut at = 0;
    for (key, shape) in shapes {
        let end = at + 2 * shape.iter().product::<usize>();
        header.insert(key.clone(), serde_json::json!({"dtype": "F16", "shape": shape, "data_offsets": [at, end]}));
        at = end;
    }
    let header = serde_json::to_vec(&header).unwrap();
    [&(header.len() as u64).to_le_bytes()[..], &header, &vec![0; at]].concat()
}
