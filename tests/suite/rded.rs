//! RDED's losses, best crops and rankings against PyTorch (`../shared/parity/rded.json`), from the decoded pixels on.

use safetensors::SafeTensors;
use stillroom::core::data::dataset::ImageId;
use stillroom::core::data::normalise::MeanStd;
use stillroom::core::data::pixels::Rgb8;
use stillroom::core::distil::patch::{CropBox, CropRange};
use stillroom::core::distil::rded::Rded;
use stillroom::core::distil::recipe::Recipe;
use stillroom::core::distil::scores::ClassScores;
use stillroom::core::distil::select::ranked;
use stillroom::engine::burn::engine::BurnEngine;
use stillroom::engine::cpu::infer::CpuEngine;
use stillroom::engine::device::{DeviceChoice, pick};
use stillroom::engine::images::crops::{CropPlan, Cut};
use stillroom::engine::observe::observer::{Observer, ObserverOptions};
use stillroom::engine::observe::score::cross_entropy;
use stillroom::engine::plan::Engine;

use crate::scene::shared;

/// What counts as equal: losses, and neighbours in a ranking.
const CLOSE: f32 = 1e-4;

#[derive(serde::Deserialize)]
struct Reference {
    classes: Vec<String>,
    crops: u32,
    images_per_class: usize,
    input_side: u32,
    runs: Vec<FactorRun>,
}

#[derive(serde::Deserialize)]
struct FactorRun {
    factor: u32,
    classes: Vec<ClassRun>,
}

#[derive(serde::Deserialize)]
struct ClassRun {
    name: String,
    /// Per image and crop: top, left, side. In the first run only.
    boxes: Option<Vec<Vec<[u32; 3]>>>,
    losses: Vec<Vec<f32>>,
    best_crop: Vec<usize>,
    ranking: Vec<usize>,
}

#[test]
fn losses_best_crops_and_rankings() {
    let reference: Reference = serde_json::from_slice(&std::fs::read(shared("parity/rded.json")).unwrap()).unwrap();
    let images = images(reference.input_side);
    let weights = shared("weights/resnet20-12fca82f.th");
    let observer = Observer::load(&weights, &ObserverOptions::default(), None).unwrap();
    let device = pick(DeviceChoice::Cpu).unwrap().device;
    let mut ours = CpuEngine::new(&observer.plan()).unwrap();
    let mut burn = BurnEngine::new(observer.plan(), &device, None).unwrap();
    let engines: [&mut dyn Engine; 2] = [&mut ours, &mut burn];
    let factors: Vec<_> = reference.runs.iter().map(|r| (r.factor, r.classes.len())).collect();
    assert_eq!(factors, [(1, 10), (2, 10), (3, 2)]);
    for engine in engines {
        for run in &reference.runs {
            check_run(engine, &reference, run, &images);
        }
    }
}

fn check_run(engine: &mut dyn Engine, reference: &Reference, run: &FactorRun, images: &[Rgb8]) {
    let plan = CropPlan {
        seed: 0,
        crops: reference.crops,
        cut: Cut::Random(CropRange::RDED),
        patch_side: reference.input_side / run.factor,
        input_side: reference.input_side,
        mean_std: MeanStd::IMAGENET,
    };
    for (c, class) in run.classes.iter().enumerate() {
        assert_eq!(class.name, reference.classes[c]);
        let boxes = reference.runs[0].classes[c].boxes.as_ref().unwrap();
        let first = c * reference.images_per_class;
        let scores = scored(engine, &plan, c, (&images[first..first + boxes.len()], boxes));
        compare(class, &scores, run.factor);
    }
}

fn images(side: u32) -> Vec<Rgb8> {
    let bytes = std::fs::read(shared("parity/rded_images.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let pixels = file.tensor("images").unwrap();
    let each = (side * side * 3) as usize;
    pixels.data().chunks_exact(each).map(|d| Rgb8 { width: side, height: side, data: d.to_vec() }).collect()
}

/// One class through the program's own crops, network and scores.
fn scored(
    engine: &mut dyn Engine,
    plan: &CropPlan,
    class: usize,
    (images, boxes): (&[Rgb8], &[Vec<[u32; 3]>]),
) -> ClassScores {
    let mut scores = ClassScores::new(plan.crops);
    for (i, (image, boxes)) in images.iter().zip(boxes).enumerate() {
        let square = |&[top, left, side]: &[u32; 3]| CropBox { top, left, height: side, width: side };
        let boxes: Vec<CropBox> = boxes.iter().map(square).collect();
        let mut inputs = vec![0.0; boxes.len() * plan.input_len()];
        plan.write(image, &boxes, &mut inputs).unwrap();
        let logits = engine.logits(&inputs, boxes.len()).unwrap();
        let losses: Vec<f32> = logits.chunks_exact(engine.classes()).map(|z| cross_entropy(z, class)).collect();
        scores.push(i as u32, ImageId(i as u32), &boxes, &losses);
    }
    scores
}

fn compare(class: &ClassRun, scores: &ClassScores, factor: u32) {
    let place = |image: usize| format!("factor {factor}, {}, image {image}", class.name);
    let crops = scores.crops as usize;
    for (image, (expected, found)) in class.losses.iter().zip(scores.losses.chunks_exact(crops)).enumerate() {
        for (a, b) in expected.iter().zip(found) {
            assert!((a - b).abs() <= CLOSE, "{}: {expected:?} and {found:?}", place(image));
        }
    }
    let own = Rded { subset: u32::MAX, crops: scores.crops, ..Rded::default() };
    let recipe = Recipe { method: own, ..Recipe::default() };
    let keys = ranked(scores, &recipe, &class.name, &[]);
    let least: Vec<f32> = class.losses.iter().zip(&class.best_crop).map(|(l, &k)| l[k]).collect();
    for key in &keys {
        let image = key.image.index();
        let expected = class.losses[image][key.crop as usize];
        let tied = (expected - least[image]).abs() <= CLOSE;
        assert!(key.crop as usize == class.best_crop[image] || tied, "{}: crop {}", place(image), key.crop);
    }
    // Neighbours within 1e-4 may change places; what lies further apart may not.
    let found: Vec<usize> = keys.iter().map(|k| k.image.index()).collect();
    assert_eq!(found.len(), class.ranking.len());
    let mut start = 0;
    for group in class.ranking.chunk_by(|&a, &b| least[b] - least[a] <= CLOSE) {
        let sorted = |images: &[usize]| {
            let mut images = images.to_vec();
            images.sort_unstable();
            images
        };
        let end = start + group.len();
        assert_eq!(sorted(&found[start..end]), sorted(group), "{}: ranks {start} to {end}", place(group[0]));
        start = end;
    }
}
