//! Networks against PyTorch's gradients on the pixels, on the processor and with burn; and what frozen ones leave alone.

use std::collections::BTreeMap;

use burn::tensor::Device;

use super::optimiser::{Parameter, Rule, Stepper};
use super::*;
use crate::core::train::recipe::Optimiser;
use crate::core::train::statistics::ChannelStatistics;
use crate::engine::burn::network::BurnNetwork;
use crate::engine::cpu::learn::CpuNetwork;
use crate::engine::nets::NetworkSpec;
use crate::engine::nets::graph::{Graph, Tap};
use crate::engine::weights::{Weights, formula};

/// `tests/fixtures/input_gradients.py`.
#[derive(serde::Deserialize)]
struct File {
    classes: usize,
    images: usize,
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Case {
    arch: String,
    side: usize,
    feature: Feature,
    logits: Vec<f64>,
    losses: BTreeMap<String, f64>,
    gradients: BTreeMap<String, Digest>,
    norms: BTreeMap<String, [Vec<f64>; 2]>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Feature {
    Stage(usize),
    Features,
}

/// What PyTorch's tensor looks like: its norm, its product with the formula's "probe", some of its values.
#[derive(serde::Deserialize)]
struct Digest {
    norm: f64,
    probe: f64,
    at: Vec<(usize, f64)>,
}

/// Allowed share of the largest value.
const SHARE: f64 = 1e-3;

impl Digest {
    fn check(&self, values: &[f32], what: &str) {
        let norm = values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
        near(norm, self.norm, self.norm, &format!("{what}: norm"));
        let probe: f64 = values.iter().zip(formula("probe", values.len())).map(|(v, u)| f64::from(v * u)).sum();
        near(probe, self.probe, self.norm, &format!("{what}: probe"));
        let largest = values.iter().fold(0.0_f64, |m, &v| m.max(f64::from(v).abs()));
        assert_eq!(self.at.len(), 96);
        for &(i, expected) in &self.at {
            near(f64::from(values[i]), expected, largest, &format!("{what} [{i}]"));
        }
    }
}

fn near(got: f64, expected: f64, size: f64, what: &str) {
    assert!((got - expected).abs() <= SHARE * size, "{what}: {got}, PyTorch {expected}");
}

fn graph(arch: &str, side: usize, classes: usize) -> Graph {
    NetworkSpec { arch: arch.parse().unwrap(), side, classes }.graph()
}

/// A network of each kind that covers the graph.
fn both(graph: &Graph, setup: &Setup) -> Vec<(&'static str, Box<dyn Differentiable>)> {
    let weights = Weights::by_formula(graph);
    let burn = BurnNetwork::new(graph.clone(), &weights, setup, &Device::flex()).unwrap();
    let mut all: Vec<(&str, Box<dyn Differentiable>)> = vec![("burn", Box::new(burn))];
    if CpuNetwork::supports(graph) {
        all.push(("cpu", Box::new(CpuNetwork::new(graph.clone(), &weights, setup).unwrap())));
    }
    all
}

/// The probes of a case: its feature, then all batch norms' inputs.
fn setup(graph: &Graph, feature: &Feature) -> Setup {
    let feature = match feature {
        Feature::Stage(number) => Tap::Stage(*number),
        Feature::Features => Tap::Features,
    };
    let norms = running_statistics(graph, &Weights::by_formula(graph)).into_iter();
    let norms = norms.map(|(tap, _)| Probe::Statistics(tap));
    Setup::frozen(std::iter::once(Probe::Values(feature)).chain(norms).collect())
}

/// A loss's parts, as the script has them.
fn losses(given: &Forward, running: &[ChannelStatistics]) -> (BTreeMap<&'static str, f64>, Vec<ChannelStatistics>) {
    let weighed = |values: &[f32], key: &str| {
        values.iter().zip(formula(key, values.len())).map(|(v, u)| f64::from(v * u)).sum::<f64>()
    };
    let statistics = given.probed.iter().filter_map(Probed::statistics).zip(running);
    let (distances, gradients): (Vec<f64>, Vec<_>) = statistics.map(|(s, r)| s.distance(r).unwrap()).unzip();
    let feature = given.probed[0].values().unwrap();
    let mut losses = BTreeMap::from([
        ("logits", weighed(&given.logits, "loss")),
        ("features", weighed(&feature.values, "feature")),
        ("statistics", distances.iter().sum::<f64>()),
    ]);
    losses.insert("all", losses.values().sum());
    (losses, gradients)
}

fn check(case: &Case, (classes, count): (usize, usize)) {
    let graph = graph(&case.arch, case.side, classes);
    let running: Vec<ChannelStatistics> =
        running_statistics(&graph, &Weights::by_formula(&graph)).into_iter().map(|(_, s)| s).collect();
    let setup = setup(&graph, &case.feature);
    let images: Vec<f32> = formula("input", count * 3 * case.side * case.side).collect();
    for (kind, mut network) in both(&graph, &setup) {
        for (key, expected) in &case.gradients {
            let what = format!("{} with {kind}, {key}", case.arch);
            let given = network.forward(&images, count, Masks::default()).unwrap();
            let largest = case.logits.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
            assert_eq!(given.logits.len(), case.logits.len());
            given.logits.iter().zip(&case.logits).for_each(|(&g, &e)| near(f64::from(g), e, largest, &what));
            for (at, probe) in setup.probes.iter().enumerate() {
                let (Tap::NormInput(norm), Some(seen)) = (probe.tap(), given.probed[at].statistics()) else { continue };
                let Some([mean, variance]) = case.norms.get(norm) else { continue };
                mean.iter().zip(&seen.mean).for_each(|(&e, &g)| near(f64::from(g), e, 1.0, &what));
                variance.iter().zip(&seen.variance).for_each(|(&e, &g)| near(f64::from(g), e, e, &what));
            }
            let (losses, of_statistics) = losses(&given, &running);
            near(losses[key.as_str()], case.losses[key], case.losses[key].abs().max(1.0), &what);
            let wanted = |part: &str| key == part || key == "all";
            let loss: Vec<f32> = formula("loss", given.logits.len()).collect();
            let feature: Vec<f32> = formula("feature", given.probed[0].values().unwrap().values.len()).collect();
            let mut entries = vec![if wanted("features") { Entry::Values(&feature) } else { Entry::Nothing }];
            if wanted("statistics") {
                entries.extend(of_statistics.iter().map(Entry::Statistics));
            }
            let logits = wanted("logits").then_some(loss.as_slice());
            let gradient = network.backward(&Gradients { logits, probes: &entries }).unwrap().unwrap();
            expected.check(&gradient, &what);
        }
    }
}

/// Frozen networks: gradients of the logits, of a feature, of the batch norms' statistics, and of all three together.
#[test]
fn gradients_on_the_pixels_are_pytorchs() {
    let file: File = serde_json::from_str(include_str!("../../../tests/fixtures/input_gradients.json")).unwrap();
    let names: Vec<&str> = file.cases.iter().map(|c| c.arch.as_str()).collect();
    assert_eq!(names, ["conv3", "resnet18_modified", "mobilenet_v2", "deit_tiny_patch16_224"]);
    for case in &file.cases {
        assert_eq!(case.gradients.len(), if case.norms.is_empty() { 3 } else { 4 });
        check(case, (file.classes, file.images));
    }
}

fn bits(weights: &Weights) -> Vec<(String, Vec<u32>)> {
    let of = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect();
    weights.tensors().iter().map(|(key, t)| (key.clone(), of(&t.values))).collect()
}

/// A hundred steps of Adam on the pixels, as SRe2L takes them, towards logits and statistics: the loss falls, and no
/// bit of the network moves.
#[test]
fn a_hundred_steps_on_pixels_leave_a_frozen_network_as_it_was() {
    let side = 16;
    let adam = Optimiser::AdamW { betas: (0.5, 0.9), epsilon: 1e-8, decay: 0.0 };
    for arch in ["conv3x8", "resnet8_cifar"] {
        let graph = graph(arch, side, 4);
        let running = running_statistics(&graph, &Weights::by_formula(&graph));
        let probes = running.iter().map(|(tap, _)| Probe::Statistics(tap.clone())).collect();
        for (kind, mut network) in both(&graph, &Setup::frozen(probes)) {
            let before = bits(&network.weights().unwrap());
            let mut stepper = Stepper::new(Rule { optimiser: adam, decay_all: false });
            let mut images: Vec<f32> = formula("noise", 3 * 3 * side * side).collect();
            let mut losses = Vec::new();
            for _ in 0..100 {
                let given = network.forward(&images, 3, Masks::default()).unwrap();
                let distances = given.probed.iter().zip(&running);
                let distances = distances.map(|(p, (_, r))| p.statistics().unwrap().distance(r).unwrap());
                let (values, gradients): (Vec<f64>, Vec<ChannelStatistics>) = distances.unzip();
                // Upwards with the first class's logit.
                let logits: Vec<f32> = (0..12).map(|i| if i % 4 == 0 { -0.1 } else { 0.0 }).collect();
                let of_logits: f64 = given.logits.iter().zip(&logits).map(|(z, g)| f64::from(z * g)).sum();
                losses.push(values.iter().sum::<f64>() + of_logits);
                let entries: Vec<Entry<'_>> = gradients.iter().map(Entry::Statistics).collect();
                let gradient = network.backward(&Gradients { logits: Some(&logits), probes: &entries });
                let gradient = gradient.unwrap().unwrap();
                let values = &mut images;
                stepper.begin(0.1).apply(Parameter { key: "images", dimensions: 4, values, gradient: &gradient });
            }
            assert!(losses[99] < 0.6 * losses[0], "{arch} with {kind}: {} after {}", losses[99], losses[0]);
            assert_eq!(bits(&network.weights().unwrap()), before, "{arch} with {kind}");
            assert!(network.gradients().unwrap().tensors().is_empty(), "{arch} with {kind}");
            assert!(network.repeat_statistics().is_err());
        }
    }
}

/// In a training, too, gradients enter at probes and reach pixels and parameters alike, whatever the engine.
#[test]
fn probes_of_a_training_are_burns() {
    for (arch, side) in [("conv3x20", 16), ("resnet8_cifar", 32)] {
        let graph = graph(arch, side, 10);
        let probes = graph.taps().into_iter().flat_map(|tap| [Probe::Values(tap.clone()), Probe::Statistics(tap)]);
        let setup = Setup { mode: Mode::Train(Wanted::Both), probes: probes.collect(), logits: true };
        // Few, so that hardly any of their ReLUs is so close to zero that the engines see it on different sides.
        let images: Vec<f32> = formula("input", 5 * 3 * side * side).collect();
        let results = both(&graph, &setup).into_iter().map(|(_, mut network)| {
            let given = network.forward(&images, 5, Masks::default()).unwrap();
            let halves: Vec<Probed> = given.probed.iter().map(weighed).collect();
            let entries: Vec<Entry<'_>> = halves.iter().map(entry).collect();
            let loss: Vec<f32> = formula("loss", given.logits.len()).collect();
            let gradient = network.backward(&Gradients { logits: Some(&loss), probes: &entries }).unwrap().unwrap();
            let parameters = network.gradients().unwrap();
            let parameters = parameters.tensors().iter().map(|(key, t)| (key.clone(), t.values.clone()));
            [("images".to_owned(), gradient)].into_iter().chain(parameters).collect::<BTreeMap<_, _>>()
        });
        let results: Vec<_> = results.collect();
        let [burn, cpu] = results.as_slice() else { panic!("{arch} on the processor") };
        for (key, expected) in burn {
            let norm = |values: &mut dyn Iterator<Item = f32>| values.map(|v| f64::from(v).powi(2)).sum::<f64>().sqrt();
            let (size, off) =
                (norm(&mut expected.iter().copied()), norm(&mut expected.iter().zip(&cpu[key]).map(|(a, b)| a - b)));
            let rounding = 1e-4 * (expected.len() as f64).sqrt();
            assert!(off <= 2e-3 * size + rounding, "{arch}: {key} is off by {off} of {size}");
        }
    }
}

/// Some gradient of what a probe showed.
fn weighed(probed: &Probed) -> Probed {
    let by = |values: &[f32], key: &str| -> Vec<f32> {
        values.iter().zip(formula(key, values.len())).map(|(v, u)| 0.1 * (v + u)).collect()
    };
    match probed {
        Probed::Values(f) => {
            let values = by(&f.values, "feature").iter().map(|v| v / 100.0).collect();
            Probed::Values(crate::engine::plan::Feature { shape: f.shape.clone(), values })
        }
        Probed::Statistics(s) => {
            let (mean, variance) = (by(&s.mean, "mean"), by(&s.variance, "variance"));
            Probed::Statistics(ChannelStatistics { mean, variance })
        }
    }
}

fn entry(probed: &Probed) -> Entry<'_> {
    match probed {
        Probed::Values(feature) => Entry::Values(&feature.values),
        Probed::Statistics(statistics) => Entry::Statistics(statistics),
    }
}
