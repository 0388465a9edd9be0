//! Labels from PyTorch's files and back.

use std::fs;
use std::path::PathBuf;

use super::*;
use crate::core::data::normalise::MeanStd;
use crate::core::distil::manifest::Program;
use crate::core::progress::Silent;
use crate::core::train::label_set::Augmentation;
use crate::core::train::labels::Logits;
use crate::core::train::recipe::{Mixing, TrainRecipe};
use crate::store::labels::{FORMAT, LabelWriter, LabelsHeader};
use crate::store::training::{ObserverSource, Source};

#[derive(serde::Deserialize)]
struct Expected {
    sizes: Vec<(u32, u32)>,
    folders: std::collections::BTreeMap<String, Vec<Vec<Said>>>,
}

/// A batch as `tests/fixtures/fkd.py` says it.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Said {
    images: Vec<u32>,
    crops: Vec<[u32; 4]>,
    flips: Vec<bool>,
    partners: Option<Vec<u32>>,
    lambda: Option<f64>,
    #[serde(rename = "box")]
    bbox: Option<[u32; 4]>,
    logits: Vec<Vec<f32>>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    dtype: String,
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/fkd")
}

fn expected() -> Expected {
    serde_json::from_slice(&fs::read(fixtures().join("expected.json")).unwrap()).unwrap()
}

/// What a batch says, in the fixtures' words.
fn said(batch: &BatchLabels, classes: usize) -> Said {
    let (partners, lambda, bbox) = match &batch.mix {
        Mix::None => (None, None, None),
        Mix::CutMix { partners, lambda, bbox: b } => {
            (Some(partners.clone()), Some(*lambda), Some([b.top, b.left, b.top + b.height, b.left + b.width]))
        }
        Mix::MixUp { partners, lambda } => (Some(partners.clone()), Some(*lambda), None),
    };
    let crop = |d: &crate::core::train::augment::ImageDraw| [d.crop.top, d.crop.left, d.crop.height, d.crop.width];
    Said {
        images: batch.images.clone(),
        crops: batch.draws.iter().map(crop).collect(),
        flips: batch.draws.iter().map(|d| d.mirrored).collect(),
        partners,
        lambda,
        bbox,
        logits: batch.logits.dense(classes).chunks(classes).map(<[f32]>::to_vec).collect(),
        dtype: String::new(),
    }
}

/// The header of labels of the fixtures' images.
fn header(precision: Precision, mixing: Mixing, epochs: u32) -> LabelsHeader {
    let source = Source { name: "n".into(), path: "/n".into(), fingerprint: "f".into() };
    LabelsHeader {
        format: FORMAT,
        program: Program::this(),
        observer: ObserverSource { source: source.clone(), network: "conv3".into() },
        normalise: MeanStd::IMAGENET,
        side: 32,
        data: source,
        classes: ["a", "b", "c"].map(str::to_owned).into(),
        augmentation: Augmentation { shuffle: 1, mixing, ..Augmentation::of(&TrainRecipe::default()) },
        batch: 4,
        seed: 42,
        precision,
        settings: Default::default(),
        epochs,
        images: (0..6).map(|i| i.to_string()).collect(),
    }
}

/// All epochs of a folder of the fixtures.
fn epochs(fkd: &FkdFolder, sizes: &[(u32, u32)]) -> Vec<Vec<BatchLabels>> {
    let orders = EpochOrders::new(EpochOrders::FKD_SEED, fkd.images, Draws::Two);
    (0..fkd.epochs).zip(orders).map(|(e, order)| fkd.epoch(e, &order, sizes).unwrap()).collect()
}

/// Stored labels with these epochs.
fn stored(folder: &Path, header: &LabelsHeader, epochs: &[Vec<BatchLabels>]) -> LabelReader {
    let writer = LabelWriter::begin(folder, header).unwrap();
    (0..).zip(epochs).for_each(|(e, batches)| assert!(writer.write(e, batches).unwrap()));
    LabelReader::open(folder).unwrap()
}

#[test]
fn pytorchs_files_are_read_and_written_again() {
    let Expected { sizes, folders } = expected();
    assert_eq!(folders.len(), 3);
    for (name, batches) in folders {
        let fkd = FkdFolder::open(&fixtures().join(&name)).unwrap();
        assert_eq!((fkd.epochs as usize, fkd.batches, fkd.batch, fkd.images, fkd.classes), (batches.len(), 2, 4, 6, 3));
        let (precision, mixing) = match name.as_str() {
            "cutmix" => (Precision::Half, Mixing::CutMix),
            "mixup" => (Precision::Full, Mixing::MixUp { alpha: 0.8 }),
            _ => (Precision::Half, Mixing::None),
        };
        assert_eq!((fkd.precision, fkd.mixing), (precision, mixing), "{name}");
        let read = epochs(&fkd, &sizes);
        let found: Vec<Vec<Said>> = read.iter().map(|e| e.iter().map(|b| said(b, 3)).collect()).collect();
        assert_eq!(found, batches, "{name}");

        let root = tempfile::tempdir().unwrap();
        let labels = stored(&root.path().join("labels"), &header(precision, mixing, fkd.epochs), &read);
        let out = export(&labels, &sizes, &root.path().join("out"), &mut Silent).unwrap();
        let again = FkdFolder::open(&out).unwrap();
        let about = |f: &FkdFolder| (f.epochs, f.batches, f.batch, f.images, f.classes, f.precision, f.mixing);
        assert_eq!(about(&again), about(&fkd));
        assert_eq!(epochs(&again, &sizes), read);
    }
}

/// Exports for `tests/fixtures/fkd.py check`, which reads them with PyTorch.
#[test]
#[ignore = "writes to the folder STILLROOM_FKD for PyTorch: run by benches/fkd.sh"]
fn exports_for_pytorch() {
    let root = PathBuf::from(std::env::var_os("STILLROOM_FKD").expect("STILLROOM_FKD is a folder"));
    let Expected { sizes, folders } = expected();
    for (name, mixing) in [("cutmix", Mixing::CutMix), ("mixup", Mixing::MixUp { alpha: 0.8 }), ("none", Mixing::None)]
    {
        for (precision, dtype) in
            [(Precision::Full, "float32"), (Precision::Half, "float16"), (Precision::Top(2), "float16")]
        {
            let mut read = epochs(&FkdFolder::open(&fixtures().join(name)).unwrap(), &sizes);
            for batch in read.iter_mut().flatten() {
                batch.logits = precision.stored(batch.logits.dense(3), 3).unwrap();
            }
            let case = format!("{name}-{precision:?}");
            let header = header(precision, mixing, folders[name].len() as u32);
            let labels = stored(&root.join(format!("{case}.labels")), &header, &read);
            export(&labels, &sizes, &root.join(&case), &mut Silent).unwrap();
            let half = |v: f32| if dtype == "float16" { half::f16::from_f32(v).to_f32() } else { v };
            let say = |batch: &BatchLabels| {
                let mut said = Said { dtype: dtype.into(), ..said(batch, 3) };
                said.logits.iter_mut().flatten().for_each(|v| *v = half(*v));
                said
            };
            let all: Vec<Vec<Said>> = read.iter().map(|e| e.iter().map(say).collect()).collect();
            fs::write(root.join(format!("{case}.json")), serde_json::to_vec(&all).unwrap()).unwrap();
        }
    }
}

#[test]
fn images_of_other_sizes_or_orders_are_noticed() {
    let sizes = expected().sizes;
    let fkd = FkdFolder::open(&fixtures().join("cutmix")).unwrap();
    let order = EpochOrders::new(EpochOrders::FKD_SEED, 6, Draws::Two).next().unwrap();
    let refused = |order: &[u32], sizes: &[(u32, u32)]| fkd.epoch(0, order, sizes).unwrap_err().to_string();
    let text = refused(&EpochOrders::new(7, 6, Draws::Two).next().unwrap(), &sizes);
    assert!(text.contains("epoch_0/batch_0.tar") && text.contains("another order (seed)"), "{text}");
    assert!(refused(&order, &[(500, 375); 6]).contains("is no rectangle of image"));
    assert!(refused(&order, &[(0, 0); 6]).contains("(0×0 pixels)"));
    assert!(refused(&order, &sizes[1..]).contains("labels 6 images, not 5"));
    fkd.epoch(0, &order, &sizes).unwrap();
    assert!(matches!(fkd.epoch(2, &order, &sizes), Err(FkdError::File(_))));
}

#[test]
fn what_fkd_cannot_hold_is_not_exported() {
    let sizes = expected().sizes;
    let read = epochs(&FkdFolder::open(&fixtures().join("none")).unwrap(), &sizes);
    let root = tempfile::tempdir().unwrap();
    let refused = |name: &str, header: &LabelsHeader, epochs: &[Vec<BatchLabels>]| {
        let labels = stored(&root.path().join(name), header, epochs);
        let error = export(&labels, &sizes, &root.path().join("out"), &mut Silent).unwrap_err().to_string();
        assert!(!root.path().join("out").exists());
        error
    };
    let good = header(Precision::Half, Mixing::None, 1);
    let mut shuffled = good.clone();
    shuffled.augmentation.shuffle = 2;
    assert!(refused("shuffled", &shuffled, &[]).contains("can't hold shuffled patches; relabel without it"));
    let mut padded = good.clone();
    padded.augmentation.cropping = Cropping::Padded(4);
    assert!(refused("padded", &padded, &[]).contains("crops of padded images"));
    // FKD's loader would take each label for another image's.
    let mut swapped = read.clone();
    swapped[0][0].images.swap(0, 1);
    let text = refused("swapped", &good, &swapped);
    assert!(text.contains("epoch 0 are not in the order that FKD's loader draws (a sampler with seed 42)"), "{text}");
    let mut halves = read.clone();
    let BatchLabels { images, draws, logits, .. } = &read[0][1];
    let Logits::Dense(logits) = logits else { panic!() };
    let half = |at: usize| BatchLabels {
        images: vec![images[at]],
        draws: vec![draws[at].clone()],
        mix: Mix::None,
        logits: Logits::Dense(logits[3 * at..3 * at + 3].to_vec()),
    };
    halves[0].splice(1.., [half(0), half(1)]);
    assert!(refused("halves", &good, &halves).contains("not in the order"));
    assert!(refused("absent", &good, &[]).contains("there are no labels of epoch 0"));
    let labels = stored(&root.path().join("good"), &good, &read);
    let error = export(&labels, &sizes[1..], &root.path().join("out"), &mut Silent).unwrap_err().to_string();
    assert!(error.contains("labels 6 images, of which 5 sizes are known"), "{error}");
    export(&labels, &sizes, &root.path().join("out"), &mut Silent).unwrap();
    assert!(matches!(export(&labels, &sizes, &root.path().join("out"), &mut Silent), Err(FkdError::Export(_))));
}

#[test]
fn folders_and_files_of_something_else_are_named() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    let open = || FkdFolder::open(root.path()).unwrap_err().to_string();
    assert!(open().contains("holds no FKD labels (there is no epoch_0)"));
    fs::create_dir_all(at("epoch_0")).unwrap();
    fs::create_dir_all(at("epoch_2")).unwrap();
    assert!(open().contains("epoch_1 is missing before epoch_2"));
    fs::create_dir_all(at("epoch_1")).unwrap();
    assert!(open().contains("epoch_0 has no batch_0.tar"));
    let file = at("epoch_0/batch_0.tar");
    let whole = fs::read(fixtures().join("cutmix/epoch_0/batch_0.tar")).unwrap();
    let wrong = |item: Item| {
        let mut bytes = std::io::Cursor::new(Vec::new());
        torch_file::write(&mut bytes, &item).unwrap();
        fs::write(&file, bytes.into_inner()).unwrap();
        open()
    };
    assert!(wrong(Item::Int(3)).contains("batch_0.tar: is no batch of FKD labels: it holds no list"));
    assert!(wrong(Item::List(vec![Item::None; 5])).contains("it has not the six parts of its list [crops,"));
    assert!(wrong(Item::List(vec![Item::None; 6])).contains("it lacks the logits"));
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    assert!(open().contains("its zip archive is damaged or cut off"));
    fs::write(&file, b"moved to another server").unwrap();
    assert!(open().ends_with("batch_0.tar: is no batch of FKD labels: it is a text; fetch the labels again"));
    let mut hostile = std::io::Cursor::new(Vec::new());
    torch_file::archive(&mut hostile, b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R.", [[]]).unwrap();
    fs::write(&file, hostile.into_inner()).unwrap();
    assert!(open().contains("batch_0.tar: is no batch of FKD labels: it asks to call os.system"));
    fs::write(&file, &whole).unwrap();
    FkdFolder::open(root.path()).unwrap();
}
