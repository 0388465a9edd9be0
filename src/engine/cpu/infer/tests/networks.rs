//! Whole networks: the same results as burn's.

use burn::tensor::Device;

use crate::engine::burn::engine::BurnEngine;
use crate::engine::cpu::infer::CpuEngine;
use crate::engine::nets::NetworkSpec;
use crate::engine::nets::extent::Extent;
use crate::engine::nets::graph::{Activation, Conv, Graph, Op};
use crate::engine::plan::{Engine, Plan};
use crate::engine::weights::{Weights, formula};

fn close(name: &str, got: &[f32], expected: &[f32]) {
    let largest = expected.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
    assert_eq!(got.len(), expected.len(), "{name}");
    for (a, b) in got.iter().zip(expected) {
        assert!((a - b).abs() <= 1e-4 * largest, "{name}: {a}, not {b}");
    }
}

/// Odd sides, narrow and odd widths: the same logits and features as burn's, whatever the batch and the taps.
#[test]
fn agrees_with_burn_and_not_with_the_batch() {
    let cases = [
        ("conv3", 32),
        ("conv4x20", 64),
        ("conv3x5", 37),
        ("conv3_in", 32),
        ("conv4x20_in", 65),
        ("resnet20_cifar", 32),
        ("resnet20_cifar", 29),
        ("resnet18", 65),
        ("resnet50", 64),
        ("resnet18_modified", 16),
        ("alexnet", 67),
        ("vgg11", 33),
        ("squeezenet1_1", 65),
        ("densenet121", 65),
        ("mobilenet_v2", 65),
        ("mnasnet1_3", 65),
        ("efficientnet_b0", 65),
        ("shufflenet_v2_x2_0", 65),
        ("regnet_y_8gf", 65),
        ("convnext_tiny", 65),
        ("deit_tiny_patch16_224", 64),
        ("swin_t", 72),
        ("swin_v2_t", 72),
    ];
    for (name, side) in cases {
        let spec = NetworkSpec { arch: name.parse().unwrap(), side, classes: 7 };
        let graph = spec.graph();
        let weights = Weights::by_formula(&graph);
        let plan = Plan::compile(&graph, &weights, &graph.taps());
        let images: Vec<f32> = formula("input", 3 * 3 * side * side).collect();
        let got = CpuEngine::new(&plan).unwrap().forward(&[&images], 3).unwrap();
        let expected = BurnEngine::new(plan, &Device::flex()).unwrap().forward(&[&images], 3).unwrap();
        close(name, got.logits(), expected.logits());
        for (got, expected) in got.taps.iter().zip(&expected.taps) {
            assert_eq!(got.shape, expected.shape, "{name}");
            close(name, &got.values, &expected.values);
        }
        let mut folded = CpuEngine::new(&Plan::compile(&graph, &weights, &[])).unwrap();
        let batch = folded.logits(&images, 3).unwrap();
        close(name, &batch, expected.logits());
        let one = folded.logits(&images[..3 * side * side], 1).unwrap();
        assert_eq!(one, batch[..7], "{name}: the same bytes alone and in a batch");
    }
}

/// A graph of several inputs and outputs, as a denoising network is one: a map and a row in, a map and a row out, by name
/// or in order.
#[test]
fn several_inputs_and_a_map_come_out_of_both_engines() {
    let mut graph = Graph::given([("latent", Extent::map(4, 8, 6)), ("time", Extent::row(10))]);
    let time = graph.linear(1, (10, 24), "time");
    let time = graph.activate(time, Activation::Silu);
    let x = graph.conv(0, Conv::new(4, 24, 3, 1).biased(), "in");
    let x = graph.push(Op::AddRow, &[x, time]);
    let x = graph.push_keyed(Op::GroupNorm { channels: 24, groups: 6, epsilon: 1e-5 }, &[x], "norm");
    let x = graph.activate(x, Activation::Silu);
    let noise = graph.conv(x, Conv::new(24, 4, 3, 1).biased(), "out");
    let mean = graph.push(Op::GlobalMean, &[x]);
    let scale = graph.linear(mean, (24, 2), "scale");
    graph.output("noise", noise);
    graph.output("scale", scale);
    let plan = Plan::compile(&graph, &Weights::by_formula(&graph), &[]);
    let (latent, rows): (Vec<f32>, Vec<f32>) = (formula("a", 3 * 192).collect(), formula("b", 30).collect());
    let mut cpu = CpuEngine::new(&plan).unwrap();
    let named = cpu.signature().ordered(&[("time", &rows), ("latent", &latent)]).unwrap();
    let got = cpu.forward(&named, 3).unwrap();
    let mut burn = BurnEngine::new(plan, &Device::flex()).unwrap();
    assert_eq!(cpu.signature(), burn.signature());
    let expected = burn.forward(&[&latent, &rows], 3).unwrap();
    assert_eq!((&got.outputs[0].shape, &got.outputs[1].shape), (&vec![3, 4, 8, 6], &vec![3, 2]));
    for (got, expected) in got.outputs.iter().zip(&expected.outputs) {
        assert_eq!(got.shape, expected.shape);
        close("several inputs", &got.values, &expected.values);
    }
    let one = cpu.forward(&[&latent[..192], &rows[..10]], 1).unwrap();
    assert_eq!(one.outputs[0].values, got.outputs[0].values[..192], "the same bytes alone and in a batch");
    for engine in [&mut cpu as &mut dyn Engine, &mut burn] {
        let error = engine.logits(&latent, 3).unwrap_err().to_string();
        assert!(error.contains("1 of 2 are given"), "{error}");
    }
}
