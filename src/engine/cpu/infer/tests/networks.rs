//! Whole networks: the same results as burn's.

use burn::tensor::Device;

use crate::engine::burn::engine::BurnEngine;
use crate::engine::cpu::infer::CpuEngine;
use crate::engine::nets::NetworkSpec;
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
        let plan = Plan::compile(&graph, &weights, side, &graph.taps());
        let images: Vec<f32> = formula("input", 3 * 3 * side * side).collect();
        let got = CpuEngine::new(&plan).unwrap().forward(&images, 3).unwrap();
        let expected = BurnEngine::new(plan, &Device::flex()).unwrap().forward(&images, 3).unwrap();
        close(name, &got.logits, &expected.logits);
        for (got, expected) in got.taps.iter().zip(&expected.taps) {
            assert_eq!(got.shape, expected.shape, "{name}");
            close(name, &got.values, &expected.values);
        }
        let mut folded = CpuEngine::new(&Plan::compile(&graph, &weights, side, &[])).unwrap();
        let batch = folded.logits(&images, 3).unwrap();
        close(name, &batch, &expected.logits);
        let one = folded.logits(&images[..3 * side * side], 1).unwrap();
        assert_eq!(one, batch[..7], "{name}: the same bytes alone and in a batch");
    }
}
