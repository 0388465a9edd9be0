//! The same gradients and steps as with burn's automatic differentiation.

use ::burn::tensor::Device;

use super::*;
use crate::engine::burn::network::BurnNetwork;

const PLAIN: Optimiser = Optimiser::Sgd { momentum: 0.0, nesterov: false, decay: 0.0 };

/// Both learners of one graph with the formula's weights.
fn both((graph, side): (&Graph, usize), optimiser: Optimiser) -> (Fitted<CpuNetwork>, Fitted<BurnNetwork>) {
    let weights = Weights::by_formula(graph);
    let rule = Rule { optimiser, decay_all: false };
    let cpu = CpuNetwork::new(graph.clone(), side, &weights).unwrap();
    let burn = BurnNetwork::new(graph.clone(), side, &weights, &Device::flex()).unwrap();
    (Fitted::new(cpu, rule), Fitted::new(burn, rule))
}

/// The same network with a smooth activation: where a rectifier of a deep network flips for rounding's sake, gradients
/// differ by per cents between any two engines.
fn smooth(graph: &Graph) -> Graph {
    let mut made = Graph::new();
    for node in &graph.nodes()[1..] {
        let op = if let Op::Activation(_) = node.op { Op::Activation(Activation::Silu) } else { node.op };
        made.push_keyed(op, &node.inputs, &node.key);
    }
    made
}

/// Forward and backward on batches that are added up, then a step; returns the logits.
fn step(learner: &mut dyn Learner, (side, number): (usize, u64), batches: &[usize], rate: f64) -> Vec<f32> {
    let (mut all, mut first) = (Vec::new(), 0);
    for &batch in batches {
        let masks = Masks { seed: 9, step: number, first };
        let logits =
            learner.network().forward(&images(&format!("{number} {first}"), batch, side), batch, masks).unwrap();
        let gradient: Vec<f32> = formula("loss", logits.len()).collect();
        learner.network().backward(&gradient).unwrap();
        all.extend(logits);
        first += batch as u64;
    }
    learner.update(rate).unwrap();
    all
}

/// The difference is small beside the whole tensor; a bias before a batch norm has no gradient but rounding's.
fn close(what: &str, got: &[f32], expected: &[f32], share: f64) {
    assert_eq!(got.len(), expected.len(), "{what}");
    let norm = |values: &mut dyn Iterator<Item = f32>| values.map(|v| f64::from(v).powi(2)).sum::<f64>().sqrt();
    let difference = norm(&mut got.iter().zip(expected).map(|(a, b)| a - b));
    let whole = norm(&mut expected.iter().copied());
    let rounding = 3e-5 * (got.len() as f64).sqrt();
    assert!(difference <= share * whole + rounding, "{what}: off by {difference} of {whole}");
}

/// A step of size 1 without momentum shows the gradient of every parameter.
fn compare(what: &str, (graph, side): (&Graph, usize), batch: usize, share: f64) {
    let (mut got, mut expected) = both((graph, side), PLAIN);
    let before = got.network().weights().unwrap();
    let logits = [&mut got as &mut dyn Learner, &mut expected].map(|l| step(l, (side, 0), &[batch], 1.0));
    close(&format!("{what}: logits"), &logits[0], &logits[1], share);
    let (got, expected) = (got.network().weights().unwrap(), expected.network().weights().unwrap());
    for (key, old) in before.tensors() {
        let moved = |new: &Weights| old.values.iter().zip(new.values(key)).map(|(a, b)| a - b).collect::<Vec<_>>();
        close(&format!("{what}: {key}"), &moved(&got), &moved(&expected), share);
    }
}

/// Every family, with odd sides, narrow and odd widths, groups, gates and dropout.
#[test]
fn gradients_are_burns() {
    let cases = [
        ("conv3x5", 13, 3),
        ("conv3x70", 17, 9),
        ("resnet8_cifar", 15, 3),
        ("squeezenet1_1", 65, 2),
        ("densenet121", 64, 2),
        ("mobilenet_v2", 64, 3),
        ("mnasnet0_5", 64, 3),
        ("shufflenet_v2_x0_5", 64, 3),
        ("regnet_y_400mf", 64, 3),
        ("efficientnet_b0", 64, 3),
    ];
    for (arch, side, batch) in cases {
        compare(arch, (&smooth(&graph(arch, side)), side), batch, 1e-3);
    }
}

/// Shallow networks with their own rectifiers.
#[test]
fn gradients_of_rectifiers_are_burns() {
    compare("conv3x20", (&graph("conv3x20", 16), 16), 5, 2e-3);
    compare("small alexnet", (&small_alexnet(), 31), 11, 2e-3);
}

/// Steps with gradients of two batches added up, one of a single image, with statistics moved twice.
#[test]
fn steps_are_burns() {
    let decayed = Optimiser::AdamW { betas: (0.8, 0.99), epsilon: 1e-3, decay: 5.0 };
    for optimiser in [decayed, Optimiser::Sgd { momentum: 0.9, nesterov: true, decay: 5.0 }] {
        let (mut got, mut expected) = both((&graph("conv3x20", 16), 16), optimiser);
        for number in 0..4 {
            for l in [&mut got as &mut dyn Learner, &mut expected] {
                step(l, (16, number), if number == 2 { &[1] } else { &[9, 4] }, 1e-2);
                l.network().forward(&images("again", 3, 16), 3, Masks::default()).unwrap();
                l.network().repeat_statistics().unwrap();
            }
        }
        let (got, expected) = (got.network().weights().unwrap(), expected.network().weights().unwrap());
        for (key, tensor) in expected.tensors() {
            close(&format!("{optimiser:?}: {key}"), got.values(key), &tensor.values, 1e-3);
        }
    }
}
