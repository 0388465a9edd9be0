//! Both objectives against PyTorch (`losses.json` of the references: terms and input gradients by formula), and the loop.

use std::sync::Arc;

use super::align::{Align, Aligning, Stitched, tap};
use super::recover::{Begun, Expected, Recover, norms};
use super::*;
use crate::core::data::normalise::MeanStd;
use crate::core::distil::compensation::{Compensation, Distance, Layer};
use crate::core::distil::recovery::{Recovery, Roll};
use crate::core::train::augment::DrawId;
use crate::engine::cpu::infer::CpuEngine;
use crate::engine::cpu::learn::CpuNetwork;
use crate::engine::learn::{Probe, Setup};
use crate::engine::nets::NetworkSpec;
use crate::engine::plan::Plan;
use crate::engine::weights::{Weights, formula};

fn spec(arch: &str) -> NetworkSpec {
    NetworkSpec { arch: arch.parse().unwrap(), side: 32, classes: 10 }
}

fn network(spec: &NetworkSpec, probes: Vec<Probe>) -> Box<dyn Differentiable> {
    let graph = spec.graph();
    let weights = Weights::by_formula(&graph);
    Box::new(CpuNetwork::new(graph, &weights, &Setup::frozen(probes)).unwrap())
}

const FIRST: [f64; 8] = [
    0.0002973349764943123,
    0.0002927360765170306,
    -6.87404244672507e-05,
    -0.00038832222344353795,
    -0.0002702386409509927,
    -0.0003949490492232144,
    0.00030332771711982787,
    9.594396397005767e-05,
];
const FIRST_OF_LIC: [f64; 8] = [
    -0.00019893662829417735,
    -0.00015926615742500871,
    -4.7494460886809975e-05,
    5.376963235903531e-05,
    0.00019115909526590258,
    0.00023718933516647667,
    0.0001769240916473791,
    7.303983875317499e-05,
];

/// Within a thousandth of `size`.
fn near(value: f64, due: f64, size: f64, what: &str) {
    assert!((value - due).abs() <= 1e-3 * size.abs(), "{what}: {value}, PyTorch {due}");
}

fn norm(values: &[f32]) -> f64 {
    values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt()
}

/// A recovery of `images` images of classes 0, 1, …, by an observer whose weights are the formula's.
fn recovery(arch: &str, own: Recovery, start: Vec<f32>) -> (Recover, Vec<Box<dyn Differentiable>>) {
    let spec = spec(arch);
    let graph = spec.graph();
    let (probes, remembered) = norms(&graph, &Weights::by_formula(&graph), &own).unwrap();
    let images = start.len() / 3072;
    let expected = Expected {
        outputs: (0..images as u32).collect(),
        classes: 10,
        mean_std: MeanStd::CIFAR10,
        norms: Arc::new(remembered),
    };
    let begun = Begun { seed: 0, batch: "0".to_owned(), side: 32, start };
    (Recover::new(own, begun, vec![expected]), vec![network(&spec, probes)])
}

/// No crops, no rolls: what is shown are the pixels.
const STILL: Recovery = Recovery { random_crop: false, roll: Roll { least: 0, most: 0 }, ..Recovery::SRE2L_CODE };

/// "sre2l" of `losses.json`: eight images by formula, classes 0 to 7, ResNet-18 for small images.
#[test]
fn recoveries_terms_and_gradient_are_pytorchs() {
    const LAYERS: [f64; 20] = [
        6.05452823638916,
        9.061347961425781,
        9.07811164855957,
        9.323604583740234,
        9.465258598327637,
        14.420050621032715,
        14.241460800170898,
        14.172212600708008,
        14.096169471740723,
        13.239218711853027,
        21.4432315826416,
        19.54569435119629,
        21.35780906677246,
        20.15220832824707,
        19.3748836517334,
        29.389007568359375,
        26.298416137695312,
        30.679636001586914,
        27.790119171142578,
        25.870624542236328,
    ];
    let start: Vec<f32> = formula("sre2l", 8 * 3072).collect();
    let (mut objective, mut observers) = recovery("resnet18_modified", STILL, start.clone());
    let shown = objective.show(&start, 0, 0).unwrap();
    assert_eq!(shown, start);
    let forward = observers[0].forward(&shown, 8, Masks::default()).unwrap();
    let pull = objective.pull(&shown, &forward, 0).unwrap();
    let due = [2.352_330_923_080_444_3, 409.544_372_558_593_75, 496.827_545_166_015_6, 31.854_473_114_013_672];
    for ((value, due), (name, weight)) in
        pull.terms.iter().zip(due).zip([("ce", 1.0), ("bn", 0.05), ("tv", 1e-4), ("l2", 1e-5)])
    {
        near(*value, weight * due, weight * due, name);
    }
    near(pull.terms.iter().sum(), 22.879_550_933_837_89, 22.9, "total");
    assert_eq!(pull.norms.len(), 20);
    for (at, (value, due)) in pull.norms.iter().zip(LAYERS).enumerate() {
        near(*value, due, due, &format!("norm {at}"));
    }
    let mut run = Refinement::new(&mut objective, &mut observers, None);
    let (gradient, _) = run.look(0).unwrap();
    near(norm(&gradient), 0.054_631_184_786_558_15, 0.0546, "gradient");
    let largest = gradient.iter().fold(0.0_f64, |m, &g| m.max(f64::from(g).abs()));
    for (at, due) in FIRST.iter().enumerate() {
        near(f64::from(gradient[at]), *due, largest, &format!("gradient {at}"));
    }
}

/// "lic" of `losses.json`: four originals by formula in one 2×2 image, ConvNet-3.
#[test]
fn alignments_loss_and_gradient_are_pytorchs() {
    let originals: Vec<f32> = formula("lic/real", 4 * 3072).map(|u| (u + 1.0) / 2.0).collect();
    let mut image = vec![0.0; 3072];
    for (k, original) in originals.chunks_exact(3072).enumerate() {
        for (i, value) in image.iter_mut().enumerate() {
            let (c, y, x) = (i / 1024, i / 32 % 32, i % 32);
            if (y / 16, x / 16) == (k / 2, k % 2) {
                *value = original[c * 1024 + y % 16 * 2 * 32 + x % 16 * 2];
            }
        }
    }
    let spec = spec("conv3");
    let tap = tap(Layer::Auto, spec.arch, 32);
    let graph = spec.graph();
    let plan = Plan::compile(&graph, &Weights::by_formula(&graph), std::slice::from_ref(&tap));
    for (distance, due) in [(Distance::L1, 0.214_914_873_242_378_23), (Distance::L2, 0.029_109_653_085_470_2)] {
        let engine = Box::new(CpuEngine::new(&plan).unwrap());
        let mut aligning = [Aligning { engine, mean_std: MeanStd::IMAGENET }];
        let draws = DrawId { seed: 0, epoch: 0, number: 0 };
        let stitched = Stitched { images: image.clone(), originals: originals.clone(), side: 32, factor: 2, draws };
        let own = Compensation { siamese: false, distance, ..Compensation::LIC };
        let mut objective = Align::new(own, stitched, &mut aligning);
        let mut observers = vec![network(&spec, vec![Probe::Values(tap.clone())])];
        let mut run = Refinement::new(&mut objective, &mut observers, None);
        let (gradient, pull) = run.look(0).unwrap();
        near(pull.terms[0], due, due, "feature");
        if distance == Distance::L1 {
            near(norm(&gradient), 0.017_142_402_008_175_85, 0.0171, "gradient");
            let largest = gradient.iter().fold(0.0_f64, |m, &g| m.max(f64::from(g).abs()));
            for (at, due) in FIRST_OF_LIC.iter().enumerate() {
                near(f64::from(gradient[at]), *due, largest, &format!("gradient {at}"));
            }
        }
    }
}

fn noise(images: u32) -> Vec<f32> {
    (0..images).flat_map(|image| Recovery::noise((0, "a", image), 3072)).collect()
}

/// Steps lower the loss, keep pixels within what an image can show, and go on from a state to the very bits.
#[test]
fn recoveries_go_on_to_the_bit_and_stay_in_bounds() {
    let own = Recovery { iterations: 12, ..Recovery::CDA_CIFAR };
    let whole = |from: Option<State>, until: u32| {
        let (mut objective, mut observers) = recovery("conv3x8", own, noise(4));
        let mut run = Refinement::new(&mut objective, &mut observers, from);
        while run.iteration() < until && run.step().unwrap() {}
        (run.state().unwrap(), run.images())
    };
    let (end, images) = whole(None, 99);
    assert_eq!((end.iteration, end.terms.len()), (12, 48));
    assert!(images.iter().all(|v| (-1e-6..=1.000_001).contains(v)));
    let (half, _) = whole(None, 5);
    let read = State::read(&half.bytes().unwrap()).unwrap();
    assert_eq!(read, half);
    assert_eq!(whole(Some(read), 99), (end.clone(), images));
    let loss = |step: usize| end.terms[4 * step..4 * step + 4].iter().sum::<f32>();
    assert!(loss(11) < loss(0), "{} {}", loss(0), loss(11));
    let (_, other) = {
        let own = Recovery { milestone: 0.0, crop_to: 0.08, ..own };
        let (mut objective, mut observers) = recovery("conv3x8", own, noise(4));
        let mut run = Refinement::new(&mut objective, &mut observers, None);
        while run.step().unwrap() {}
        (0, run.images())
    };
    assert!(other != whole(None, 99).1, "the curriculum matters");
}

/// Two observers by turns, and the mean of both: with two equal ones it is the step of one.
#[test]
fn several_observers_take_part() {
    let of = |turns: Turns, count: usize| {
        let own = Recovery { iterations: 3, turns, ..STILL };
        let (objective, mut observers) = recovery("conv3x8", own, noise(3));
        let spec = spec("conv3x8");
        let graph = spec.graph();
        let (probes, remembered) = norms(&graph, &Weights::by_formula(&graph), &own).unwrap();
        let outputs = (0..3).collect();
        let expected = Expected { outputs, classes: 10, mean_std: MeanStd::CIFAR10, norms: Arc::new(remembered) };
        drop(objective);
        let begun = Begun { seed: 0, batch: "0".to_owned(), side: 32, start: noise(3) };
        let mut objective = Recover::new(own, begun, vec![expected; count]);
        if count > 1 {
            observers.push(network(&spec, probes));
        }
        let mut run = Refinement::new(&mut objective, &mut observers, None);
        while run.step().unwrap() {}
        run.images()
    };
    let one = of(Turns::Alternate, 1);
    for turns in [Turns::Alternate, Turns::Average] {
        let two = of(turns, 2);
        let worst = one.iter().zip(&two).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 2e-3, "{turns:?}: {worst}");
    }
}

/// 33 = 2·17 − 1: a grey row and column make the cells equal, and their gradient is dropped again.
#[test]
fn compensation_lowers_the_loss_on_any_side() {
    let spec = NetworkSpec { arch: "conv3x8".parse().unwrap(), side: 33, classes: 10 };
    let tap = tap(Layer::Features, spec.arch, 33);
    let graph = spec.graph();
    let weights = Weights::by_formula(&graph);
    let plan = Plan::compile(&graph, &weights, std::slice::from_ref(&tap));
    let len = 3 * 33 * 33;
    let image: Vec<f32> = formula("image", len).map(|u| (u + 1.0) / 2.0).collect();
    let originals: Vec<f32> = formula("originals", 4 * len).map(|u| (u + 1.0) / 2.0).collect();
    let run = |iterations: u32, siamese: bool| {
        let engine = Box::new(CpuEngine::new(&plan).unwrap());
        let mut aligning = [Aligning { engine, mean_std: MeanStd::NONE }];
        let draws = DrawId { seed: 3, epoch: 1, number: 0 };
        let stitched = Stitched { images: image.clone(), originals: originals.clone(), side: 33, factor: 2, draws };
        let own = Compensation { iterations, siamese, ..Compensation::LIC };
        let mut objective = Align::new(own, stitched, &mut aligning);
        let mut observers = vec![network(&spec, vec![Probe::Values(tap.clone())])];
        let mut run = Refinement::new(&mut objective, &mut observers, None);
        while run.step().unwrap() {}
        (run.images(), run.terms().to_vec())
    };
    let (images, terms) = run(30, false);
    assert!(terms[29] < 0.8 * terms[0], "{terms:?}");
    assert!(images.iter().zip(&image).any(|(a, b)| a != b));
    assert!(run(3, true).0 != run(3, false).0);
    assert_eq!(run(3, true), run(3, true));
}

#[test]
fn networks_without_batch_norm_are_refused_with_alternatives() {
    let graph = NetworkSpec { arch: "vgg11".parse().unwrap(), side: 224, classes: 10 }.graph();
    let weights = Weights::by_formula(&graph);
    let error = norms(&graph, &weights, &Recovery::SRE2L).unwrap_err().to_string();
    assert!(error.contains("no batch norm") && error.contains("--r-bn 0") && error.contains("lic"), "{error}");
    assert!(norms(&graph, &weights, &Recovery { r_bn: 0.0, ..Recovery::SRE2L }).unwrap().0.is_empty());
}
