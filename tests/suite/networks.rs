//! Sizes and initialisation of all networks against PyTorch's (`tests/fixtures/networks.json`, made by the script
//! beside it).

use std::collections::BTreeMap;
use std::path::Path;

use stillroom::engine::nets::graph::{Graph, Op, Tap};
use stillroom::engine::nets::initial::initial_weights;
use stillroom::engine::nets::{Arch, NetworkSpec, detect, shapes};
use stillroom::engine::plan::Plan;
use stillroom::engine::weights::Weights;

#[derive(serde::Deserialize)]
struct Reference {
    networks: BTreeMap<String, Sizes>,
    initial: BTreeMap<String, BTreeMap<String, Spread>>,
}

#[derive(serde::Deserialize)]
struct Sizes {
    side: usize,
    parameters: usize,
    tensors: usize,
    multiply_adds: u64,
}

/// Deviation around 0 and largest magnitude; 0 and the value where all are the same.
type Spread = [f64; 2];

const CLASSES: usize = 1000;

fn reference() -> Reference {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/networks.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn every_network_has_pytorchs_size() {
    let reference = reference();
    let mut wrong = Vec::new();
    for arch in Arch::all() {
        let name = arch.to_string();
        let Some(expected) = reference.networks.get(&name) else {
            wrong.push(format!("{name} is not in the fixture"));
            continue;
        };
        let graph = NetworkSpec { arch, side: expected.side, classes: CLASSES }.graph();
        let found = (arch.usual_side(), graph.parameter_count(), graph.parameters().len());
        if found != (expected.side, expected.parameters, expected.tensors) {
            wrong.push(format!("{name}: side, parameters, tensors {found:?}"));
        }
        let multiply_adds = shapes::multiply_adds(&graph).unwrap();
        if multiply_adds != expected.multiply_adds {
            wrong.push(format!("{name}: {multiply_adds} multiply-adds, not {}", expected.multiply_adds));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A network that is classified at another side than its own has the same weights, also where the classifier reads a
/// map of a fixed size.
#[test]
fn the_side_changes_no_weight() {
    for name in
        ["alexnet", "vgg11", "squeezenet1_0", "densenet121", "mobilenet_v2", "efficientnet_b1", "regnet_y_400mf"]
    {
        let of = |side| NetworkSpec { arch: name.parse().unwrap(), side, classes: 10 };
        let keys = |graph: &Graph| graph.parameters().into_iter().map(|p| (p.key, p.shape)).collect::<Vec<_>>();
        let usual = keys(&of(224).graph());
        for side in [64, 96, 225, 256] {
            assert!(of(side).fits(), "{name} at {side}");
            assert_eq!(keys(&of(side).graph()), usual, "{name} at {side}");
        }
    }
}

/// Only ViT-Tiny and DeiT-Tiny, which differ in their training alone, can't be told apart, nor timm's own
/// EfficientNet-Lite0 and TensorFlow's.
#[test]
fn every_network_is_recognised_from_its_own_tensors() {
    for arch in Arch::all() {
        let graph = NetworkSpec { arch, side: arch.usual_side(), classes: 10 }.graph();
        let tensors = graph.parameters().into_iter().map(|p| (p.key, p.shape)).collect();
        let named = |arch: Arch| match arch.to_string().as_str() {
            "deit_tiny_patch16_224" => "vit_tiny_patch16_224".to_owned(),
            "efficientnet_lite0" => "tf_efficientnet_lite0".to_owned(),
            name => name.to_owned(),
        };
        let found = detect::detect(&tensors).map(|d| (named(d.arch), d.classes));
        assert_eq!(found, Some((named(arch), 10)));
    }
}

/// Each stage of a convolutional network ends with a map of half the side of the one before.
#[test]
fn stages_halve_the_map() {
    let cases: [(&str, &[usize]); 10] = [
        ("alexnet", &[27, 13, 6]),
        ("vgg11", &[112, 56, 28, 14, 7]),
        ("squeezenet1_0", &[109, 54, 27, 13]),
        ("densenet121", &[56, 28, 14, 7]),
        ("mobilenet_v2", &[112, 56, 28, 14, 7]),
        ("shufflenet_v2_x1_0", &[28, 14, 7]),
        ("mnasnet1_0", &[112, 56, 28, 14, 7]),
        ("efficientnet_b0", &[112, 56, 28, 14, 7]),
        ("tf_efficientnet_lite0", &[112, 56, 28, 14, 7]),
        ("regnet_y_400mf", &[56, 28, 14, 7]),
    ];
    for (name, expected) in cases {
        let graph = NetworkSpec { arch: name.parse().unwrap(), side: 224, classes: 10 }.graph();
        let extents = shapes::extents(&graph).unwrap();
        let stages = (1..).map_while(|n| graph.tap(&Tap::Stage(n))).map(|node| extents[node].height);
        assert_eq!(stages.collect::<Vec<_>>(), expected, "{name}");
        assert!(graph.tap(&Tap::Features).is_some(), "{name}");
    }
}

/// Batch norms, joins and activations vanish in the layers before them.
#[test]
fn residual_joins_cost_no_step_of_their_own() {
    for name in ["mobilenet_v2", "mnasnet0_5", "efficientnet_b0", "tf_efficientnet_b0", "regnet_y_400mf"] {
        let graph = NetworkSpec { arch: name.parse().unwrap(), side: 64, classes: 10 }.graph();
        let plan = Plan::compile(&graph, &Weights::by_formula(&graph), &[]);
        let loose = |op: &Op| matches!(op, Op::Add | Op::BatchNorm { .. } | Op::LayerScale { .. } | Op::Activation(_));
        assert_eq!(plan.steps.iter().filter(|s| loose(&s.op)).count(), 0, "{name}");
    }
}

#[test]
fn fresh_weights_are_spread_like_pytorchs() {
    let mut wrong = Vec::new();
    for (name, expected) in reference().initial {
        let Ok(arch) = name.parse::<Arch>() else { panic!("{name} is in the fixture, but no network") };
        let weights = initial_weights(&NetworkSpec { arch, side: arch.usual_side(), classes: CLASSES }, 1);
        for (key, spread) in expected {
            if let Some(what) = difference(weights.values(&key), spread) {
                wrong.push(format!("{name} {key}: {what}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is wrong with values of which PyTorch's have the given spread.
///
/// The deviations of two samples of n normal values differ by a factor of 1 ± 1/√n: five times that is allowed. The
/// largest of 1000 values is 1.7 deviations off in a uniform, 3.3 in a normal distribution, which a factor of 1.6 tells
/// apart.
fn difference(values: &[f32], [deviation, largest]: Spread) -> Option<String> {
    let all = || values.iter().map(|&v| f64::from(v));
    let count = values.len() as f64;
    if values.is_empty() {
        return Some("missing".to_owned());
    }
    if deviation == 0.0 {
        // The fixture's numbers have four digits.
        let off = all().find(|v| (v - largest).abs() > 5e-4 * largest.abs());
        return off.map(|v| format!("{v}, not {largest} throughout"));
    }
    let found = (all().map(|v| v * v).sum::<f64>() / count).sqrt();
    let allowed = 5.0 / count.sqrt() + 1e-3;
    if (found / deviation).ln().abs() > allowed {
        return Some(format!("deviation {found:.4e}, not {deviation:.4e} (of {count} values)"));
    }
    let found = all().fold(0.0, |m: f64, v| m.max(v.abs()));
    let alike = count < 1000.0 || (found / largest).ln().abs() < 1.6_f64.ln();
    (!alike).then(|| format!("largest {found:.4e}, not {largest:.4e} (of {count} values)"))
}
