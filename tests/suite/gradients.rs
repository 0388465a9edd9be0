//! Gradients against PyTorch: numbers of `tests/fixtures/gradients.py` for the input and some parameters of nine
//! networks, with batch norm in evaluation and in training mode.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use stillroom::engine::burn::module::{Mode, Network};
use stillroom::engine::learn::Masks;
use stillroom::engine::nets::NetworkSpec;
use stillroom::engine::nets::graph::{Activation, Conv, Graph, Op};
use stillroom::engine::weights::{Weights, formula};

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
        assert!((norm - self.norm).abs() <= 1e-3 * self.norm, "{what}: norm {norm}, PyTorch {}", self.norm);
        let probe: f64 = values.iter().zip(formula("probe", values.len())).map(|(v, u)| f64::from(v * u)).sum();
        // The probe of a random vector of this norm is about norm / √3.
        assert!((probe - self.probe).abs() <= 1e-3 * self.norm, "{what}: probe {probe}, PyTorch {}", self.probe);
        let largest = values.iter().fold(0.0_f64, |m, &v| m.max(f64::from(v).abs()));
        for &(i, expected) in &self.at {
            let error = (f64::from(values[i]) - expected).abs();
            assert!(error <= 1e-3 * largest, "{what} [{i}]: {}, PyTorch {expected}", values[i]);
        }
    }
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

/// The network `grouped` of the script: group norms of every kind.
fn grouped(side: usize, classes: usize) -> Graph {
    let mut graph = Graph::images(side);
    let norm = |channels, groups| Op::GroupNorm { channels, groups, epsilon: 1e-5 };
    let x = graph.conv(graph.last(), Conv::new(3, 24, 3, 1).biased(), "a");
    let x = graph.push_keyed(norm(24, 4), &[x], "na");
    let x = graph.activate(x, Activation::Relu);
    let y = graph.conv(x, Conv::new(24, 24, 3, 1), "b");
    let y = graph.push_keyed(norm(24, 1), &[y], "nb");
    let x = graph.push(Op::Add, &[x, y]);
    let x = graph.conv(x, Conv::new(24, 18, 3, 2).biased(), "c");
    let x = graph.push_keyed(norm(18, 18), &[x], "nc");
    let x = graph.activate(x, Activation::Silu);
    let x = graph.push(Op::GlobalMean, &[x]);
    graph.linear(x, (18, classes), "head");
    graph
}

/// The network `same` of the script: TensorFlow's padding and epsilon.
fn same(side: usize, classes: usize) -> Graph {
    let mut graph = Graph::images(side);
    let x = graph.conv_norm(0, Conv::new(3, 24, 3, 2), ("a", "na"), Some(Activation::Relu6));
    let x = graph.conv_norm(x, Conv::new(24, 24, 5, 2).grouped(24), ("b", "nb"), Some(Activation::Silu));
    let x = graph.conv_norm(x, Conv::new(24, 18, 3, 2).grouped(2).biased(), ("c", "nc"), Some(Activation::Relu));
    let x = graph.push(Op::GlobalMean, &[x]);
    graph.linear(x, (18, classes), "head");
    graph.as_tensorflow();
    graph
}

fn check(case: &Case, (classes, images): (usize, usize)) {
    let (name, side) = (&case.arch, case.side);
    let device = Device::flex().autodiff();
    let graph = match name.as_str() {
        "grouped" => grouped(side, classes),
        "same" => same(side, classes),
        arch => NetworkSpec { arch: arch.parse().unwrap(), side, classes }.graph(),
    };
    let network = Network::new(graph.clone(), &Weights::by_formula(&graph), &device).unwrap();
    let tensor = |key: &str, shape: &[usize]| {
        let count = shape.iter().product();
        TensorData::new(formula(key, count).collect::<Vec<_>>(), shape.to_vec())
    };
    let x = Tensor::<4>::from_data(tensor("input", &[images, 3, side, side]), &device).require_grad();
    let mode = if case.mode == "train" { Mode::Train(Masks::default()) } else { Mode::Evaluate };
    let logits = network.forward(x.clone(), mode, &[]).unwrap().logits;
    let largest = case.logits.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
    for (got, expected) in values(logits.clone()).iter().zip(&case.logits) {
        assert!((got - expected).abs() <= 1e-3 * largest, "{name}, {}: logit {got}, PyTorch {expected}", case.mode);
    }
    let weights = Tensor::<2>::from_data(tensor("loss", &[images, classes]), &device);
    let gradients = (logits * weights).sum().backward();
    let of_input = values(x.grad(&gradients).unwrap());
    let named = network.parameters().into_iter().zip(network.learnt());
    let parameters: BTreeMap<_, _> = named.map(|((key, _), value)| (key, value)).collect();
    for (key, expected) in &case.gradients {
        let what = format!("{name}, {}: {key}", case.mode);
        let of_parameter = || values(parameters[key].grad(&gradients).unwrap());
        expected.check(&if key == "input" { of_input.clone() } else { of_parameter() }, &what);
    }
    let after = network.weights().unwrap();
    for (key, expected) in &case.running {
        expected.check(after.values(key), &format!("{name}: {key}"));
    }
}

#[test]
fn gradients_are_pytorchs() {
    let text = include_str!("../fixtures/gradients.json");
    let file: File = serde_json::from_str(text).unwrap();
    assert_eq!(file.cases.len(), 11);
    for case in &file.cases {
        check(case, (file.classes, file.images));
    }
}
