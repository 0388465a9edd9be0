//! The same gradients and steps as with burn's automatic differentiation.

use ::burn::tensor::Device;

use super::*;
use crate::engine::learn::BurnLearner;

const PLAIN: Optimiser = Optimiser::Sgd { momentum: 0.0, nesterov: false, decay: 0.0 };

fn other((arch, side): (&str, usize), optimiser: Optimiser) -> BurnLearner {
    let graph = graph(arch, side);
    let weights = Weights::by_formula(&graph);
    BurnLearner::new((graph, side), &weights, (optimiser, false), &Device::flex()).unwrap()
}

/// Forward and backward on batches that are added up, then a step; returns the logits.
fn step(learner: &mut dyn Learner, (side, number): (usize, u64), batches: &[usize], rate: f64) -> Vec<f32> {
    let (mut all, mut first) = (Vec::new(), 0);
    for &batch in batches {
        let masks = Masks { seed: 9, step: number, first };
        let logits = learner.forward(&images(&format!("{number} {first}"), batch, side), batch, masks).unwrap();
        let gradient: Vec<f32> = formula("loss", logits.len()).collect();
        learner.backward(&gradient).unwrap();
        all.extend(logits);
        first += batch as u64;
    }
    learner.update(rate).unwrap();
    all
}

fn close(what: &str, got: &[f32], expected: &[f32], share: f32) {
    assert_eq!(got.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
    for (at, (a, b)) in got.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= share * largest + 1e-5, "{what} [{at}]: {a}, burn {b}, largest {largest}");
    }
}

/// Every family, with odd sides, narrow and odd widths, groups and gates: a step of size 1 without momentum shows the
/// gradient of every parameter.
#[test]
fn gradients_are_burns() {
    let cases = [
        ("conv3x5", 13, 3),
        ("conv3x70", 17, 9),
        ("resnet8_cifar", 15, 3),
        ("resnet18_modified", 17, 2),
        ("resnet50", 64, 2),
        ("vgg11", 33, 2),
        ("vgg11_bn", 64, 2),
        ("alexnet", 67, 3),
        ("squeezenet1_1", 65, 2),
        ("densenet121", 64, 2),
        ("mobilenet_v2", 64, 3),
        ("mnasnet0_5", 64, 3),
        ("shufflenet_v2_x0_5", 64, 3),
        ("regnet_y_400mf", 64, 3),
        ("efficientnet_b0", 64, 3),
    ];
    for (arch, side, batch) in cases {
        let (mut got, mut expected) = (learner((arch, side), PLAIN, best()), other((arch, side), PLAIN));
        let before = got.weights().unwrap();
        let logits = [&mut got as &mut dyn Learner, &mut expected].map(|l| step(l, (side, 0), &[batch], 1.0));
        close(&format!("{arch}: logits"), &logits[0], &logits[1], 2e-4);
        let (got, expected) = (got.weights().unwrap(), expected.weights().unwrap());
        for (key, old) in before.tensors() {
            let moved = |new: &Weights| old.values.iter().zip(new.values(key)).map(|(a, b)| a - b).collect::<Vec<_>>();
            close(&format!("{arch}: {key}"), &moved(&got), &moved(&expected), 2e-3);
        }
    }
}
