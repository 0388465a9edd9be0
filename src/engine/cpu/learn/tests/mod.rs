//! Against PyTorch's numbers, against burn, against itself with other threads, instruction sets and batches.

mod burn;
mod exact;
mod frozen;
mod reference;
mod speed;

use std::collections::BTreeMap;

use super::*;
use crate::core::train::recipe::Optimiser;
use crate::engine::learn::optimiser::Rule;
use crate::engine::learn::{Fitted, Learner, Wanted};
use crate::engine::nets::NetworkSpec;
use crate::engine::nets::graph::{Activation, Conv, LinearBias, Pool};
use crate::engine::weights::formula;

const ADAM: Optimiser = Optimiser::AdamW { betas: (0.9, 0.999), epsilon: 1e-8, decay: 0.01 };

fn graph(arch: &str, side: usize) -> Graph {
    NetworkSpec { arch: arch.parse().unwrap(), side, classes: 10 }.graph()
}

/// A small AlexNet: no batch norm, dropout on a map and on rows, groups, pools that overlap and reach past the edge.
fn small_alexnet() -> Graph {
    let mut graph = Graph::images(31);
    let x = graph.conv(0, Conv::new(3, 40, 5, 3).padded(1).biased(), "a");
    let x = graph.activate(x, Activation::Relu6);
    let x = graph.conv(x, Conv::new(40, 24, 3, 1).grouped(2), "b");
    let x = graph.activate(x, Activation::Relu);
    let x = graph.push(Op::MaxPool(Pool { padding: 1, ceil: true, ..Pool::new(3, 2) }), &[x]);
    let x = graph.push(Op::Dropout(0.25), &[x]);
    let x = graph.push(Op::AdaptiveMean(3), &[x]);
    let x = graph.push(Op::Flatten, &[x]);
    let x = graph.linear(x, (216, 70), "c");
    let x = graph.activate(x, Activation::Relu);
    let x = graph.push(Op::Dropout(0.5), &[x]);
    graph.linear(x, (70, 10), "d");
    graph
}

/// The network `grouped` of `tests/fixtures/gradients.py`: group norms of every kind, with and without a rectifier,
/// before a step of 2, and beside an identity.
fn grouped(side: usize) -> Graph {
    let mut graph = Graph::images(side);
    let norm = |channels, groups| Op::GroupNorm { channels, groups, epsilon: 1e-5 };
    let x = graph.conv(0, Conv::new(3, 24, 3, 1).biased(), "a");
    let x = graph.push_keyed(norm(24, 4), &[x], "na");
    let x = graph.activate(x, Activation::Relu);
    let y = graph.conv(x, Conv::new(24, 24, 3, 1), "b");
    let y = graph.push_keyed(norm(24, 1), &[y], "nb");
    let x = graph.push(Op::Add, &[x, y]);
    let x = graph.conv(x, Conv::new(24, 18, 3, 2).biased(), "c");
    let x = graph.push_keyed(norm(18, 18), &[x], "nc");
    let x = graph.activate(x, Activation::Silu);
    let x = graph.push(Op::GlobalMean, &[x]);
    graph.linear(x, (18, 10), "head");
    graph
}

/// The network `same` of `tests/fixtures/gradients.py`: TensorFlow's padding, dense, depthwise and in groups, and epsilon.
fn same(side: usize) -> Graph {
    let mut graph = Graph::images(side);
    let x = graph.conv_norm(0, Conv::new(3, 24, 3, 2), ("a", "na"), Some(Activation::Relu6));
    let x = graph.conv_norm(x, Conv::new(24, 24, 5, 2).grouped(24), ("b", "nb"), Some(Activation::Silu));
    let x = graph.conv_norm(x, Conv::new(24, 18, 3, 2).grouped(2).biased(), ("c", "nc"), Some(Activation::Relu));
    let x = graph.push(Op::GlobalMean, &[x]);
    graph.linear(x, (18, 10), "head");
    graph.as_tensorflow();
    graph
}

fn network((arch, side): (&str, usize), setup: &Setup, isa: Isa) -> CpuNetwork {
    let graph = graph_of(arch, side);
    let weights = Weights::by_formula(&graph);
    CpuNetwork::with_isa(graph, &weights, setup, isa).unwrap()
}

fn graph_of(arch: &str, side: usize) -> Graph {
    match arch {
        "small alexnet" => small_alexnet(),
        "grouped" => grouped(side),
        "same" => same(side),
        _ => graph(arch, side),
    }
}

fn training(wanted: Wanted) -> Setup {
    Setup { mode: Mode::Train(wanted), probes: Vec::new(), logits: true }
}

fn learner(case: (&str, usize), optimiser: Optimiser, isa: Isa) -> Fitted<CpuNetwork> {
    Fitted::new(network(case, &Setup::training(), isa), Rule { optimiser, decay_all: false })
}

fn images(key: &str, count: usize, side: usize) -> Vec<f32> {
    formula(key, count * 3 * side * side).collect()
}

/// The best instruction set, or the one that was asked for.
fn best() -> Isa {
    Isa::chosen().unwrap()
}

/// All bits that a training leaves.
fn bits(learner: &mut Fitted<CpuNetwork>) -> Vec<(String, Vec<u32>)> {
    let of = |(key, t): (&String, &WeightTensor)| (key.clone(), t.values.iter().map(|v| v.to_bits()).collect());
    learner.network().weights().unwrap().tensors().iter().map(of).collect()
}

#[derive(serde::Deserialize)]
struct File {
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Case {
    arch: String,
    side: usize,
    mode: String,
    logits: Vec<f32>,
    gradients: BTreeMap<String, Digest>,
    #[serde(default)]
    running: BTreeMap<String, Digest>,
}

/// What PyTorch's tensor looks like: its norm, its product with the formula's "probe", some of its values.
#[derive(serde::Deserialize)]
struct Digest {
    norm: f64,
    probe: f64,
    at: Vec<(usize, f64)>,
}

impl Digest {
    fn check(&self, values: &[f32], what: &str) {
        let norm = values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
        assert!((norm - self.norm).abs() <= 1e-4 * self.norm, "{what}: norm {norm}, PyTorch {}", self.norm);
        let probe: f64 = values.iter().zip(formula("probe", values.len())).map(|(v, u)| f64::from(v * u)).sum();
        assert!((probe - self.probe).abs() <= 1e-4 * self.norm, "{what}: probe {probe}, PyTorch {}", self.probe);
        let largest = values.iter().fold(0.0_f64, |m, &v| m.max(f64::from(v).abs()));
        for &(i, expected) in &self.at {
            let error = (f64::from(values[i]) - expected).abs();
            assert!(error <= 2e-4 * largest, "{what} [{i}]: {}, PyTorch {expected}", values[i]);
        }
    }
}

/// The training cases of `tests/fixtures/gradients.py`: logits, gradients and running statistics.
#[test]
fn gradients_are_pytorchs() {
    let file: File = serde_json::from_str(include_str!("../../../../../tests/fixtures/gradients.json")).unwrap();
    let cases: Vec<&Case> = file.cases.iter().filter(|c| c.mode == "train").collect();
    assert_eq!(cases.len(), 5);
    for case in cases {
        for isa in Isa::all() {
            let name = &case.arch;
            let mut network = network((name, case.side), &training(Wanted::Both), isa);
            let logits = network.forward(&images("input", 2, case.side), 2, Masks::default()).unwrap().logits;
            let largest = case.logits.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
            for (got, expected) in logits.iter().zip(&case.logits) {
                assert!((got - expected).abs() <= 1e-4 * largest, "{name}: logit {got}, PyTorch {expected}");
            }
            let weights = network.weights().unwrap();
            for (key, expected) in &case.running {
                expected.check(weights.values(key), &format!("{name}: {key}"));
            }
            let loss: Vec<f32> = formula("loss", logits.len()).collect();
            let of_input = network.backward(&Gradients::of_logits(&loss)).unwrap().unwrap();
            case.gradients["input"].check(&of_input, &format!("{name} on {isa:?}: input"));
            let gradients = network.gradients().unwrap();
            for (key, expected) in case.gradients.iter().filter(|(key, _)| *key != "input") {
                expected.check(gradients.values(key), &format!("{name} on {isa:?}: {key}"));
            }
            assert_eq!(network.gradients().unwrap(), gradients, "reading forgets nothing");
        }
    }
}

/// Three steps of a network; returns its bits.
fn trained(mut learner: Fitted<CpuNetwork>, side: usize, batches: &[usize]) -> Vec<(String, Vec<u32>)> {
    for (step, &batch) in batches.iter().enumerate() {
        let masks = Masks { seed: 3, step: step as u64, first: 0 };
        let logits =
            learner.network().forward(&images(&format!("images {step}"), batch, side), batch, masks).unwrap().logits;
        let gradient: Vec<f32> = logits.iter().map(|l| (l - 0.3) / batch as f32).collect();
        learner.network().backward(&Gradients::of_logits(&gradient)).unwrap();
        learner.update(1e-3).unwrap();
    }
    bits(&mut learner)
}

#[test]
fn threads_and_registers_change_no_bit() {
    for (arch, side) in [
        ("conv3x24", 16),
        ("mobilenet_v2", 64),
        ("tf_efficientnet_lite0", 64),
        ("small alexnet", 31),
        ("grouped", 19),
        ("same", 20),
    ] {
        let run = |threads: usize, isa: Isa| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| trained(learner((arch, side), ADAM, isa), side, &[11, 3]))
        };
        let mut of_fused = None;
        for isa in Isa::all() {
            let one = run(1, isa);
            assert_eq!(run(2, isa), one, "{arch} on {isa:?}");
            assert_eq!(run(5, isa), one, "{arch} on {isa:?}");
            if isa.fused() {
                assert_eq!(of_fused.get_or_insert_with(|| one.clone()), &one, "{arch} on {isa:?}");
            }
        }
    }
}

/// A run that stops, is written down and goes on: the same bits.
#[test]
fn a_restored_run_goes_on_as_if_nothing_had_been() {
    let optimisers = [ADAM, Optimiser::Sgd { momentum: 0.9, nesterov: true, decay: 1e-3 }];
    for (optimiser, isa) in optimisers.into_iter().flat_map(|o| Isa::all().into_iter().map(move |isa| (o, isa))) {
        let start = || learner(("conv3x20", 16), optimiser, isa);
        let step = |learner: &mut Fitted<CpuNetwork>, number: usize| {
            let given = learner.network().forward(&images(&format!("{number}"), 5, 16), 5, Masks::default()).unwrap();
            learner.network().repeat_statistics().unwrap();
            learner.network().backward(&Gradients::of_logits(&given.logits)).unwrap();
            learner.update(1e-2).unwrap();
        };
        let mut whole = start();
        (0..4).for_each(|n| step(&mut whole, n));
        let mut first = start();
        (0..2).for_each(|n| step(&mut first, n));
        let mut second = start();
        step(&mut second, 7);
        second.network().forward(&images("left over", 2, 16), 2, Masks::default()).unwrap();
        let weights = first.network().weights().unwrap();
        second.restore(&weights, &first.state().unwrap()).unwrap();
        assert!(
            second.network().backward(&Gradients::of_logits(&[0.0; 20])).is_err(),
            "the forward pass before the restoring is forgotten"
        );
        (2..4).for_each(|n| step(&mut second, n));
        assert_eq!(bits(&mut second), bits(&mut whole));
        assert_eq!(second.state().unwrap(), whole.state().unwrap());
    }
}

#[test]
fn wrong_sizes_and_orders_are_errors() {
    let mut network = network(("conv3x8", 16), &Setup::training(), best());
    assert!(network.repeat_statistics().is_err() && network.backward(&Gradients::of_logits(&[0.0; 10])).is_err());
    assert!(network.forward(&images("input", 2, 16), 3, Masks::default()).is_err());
    assert!(network.forward(&[], 0, Masks::default()).is_err());
    network.forward(&images("input", 2, 16), 2, Masks::default()).unwrap();
    assert!(network.backward(&Gradients::of_logits(&[0.0; 10])).is_err());
    let graph = graph("conv3x8", 16);
    let missing = CpuNetwork::new(graph, &Weights::default(), &Setup::training()).err().unwrap();
    assert!(missing.to_string().contains("layers.conv.0.weight"), "{missing}");
}

/// Attention is burn's business.
#[test]
fn networks_that_are_not_covered_say_so() {
    let covered = |arch: &str| CpuNetwork::supports(&graph(arch, 64));
    assert!(!covered("vit_b_16") && !covered("swin_t") && !covered("convnext_tiny"));
    for arch in
        ["conv4", "conv4_in", "resnet50", "resnet20_cifar", "densenet121", "mnasnet1_0", "efficientnet_b0", "vgg16_bn"]
    {
        assert!(covered(arch), "{arch}");
    }
}
