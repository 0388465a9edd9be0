//! The same gradients and steps as with burn's automatic differentiation.

use ::burn::tensor::Device;

use super::*;
use crate::engine::burn::network::BurnNetwork;

const PLAIN: Optimiser = Optimiser::Sgd { momentum: 0.0, nesterov: false, decay: 0.0 };

/// Both learners of one graph with the formula's weights.
fn both(graph: &Graph, optimiser: Optimiser, isa: Isa) -> (Fitted<CpuNetwork>, Fitted<BurnNetwork>) {
    let weights = Weights::by_formula(graph);
    let rule = Rule { optimiser, decay_all: false };
    let cpu = CpuNetwork::with_isa(graph.clone(), &weights, &Setup::training(), isa).unwrap();
    let burn = BurnNetwork::new(graph.clone(), &weights, &Setup::training(), &Device::flex()).unwrap();
    (Fitted::new(cpu, rule), Fitted::new(burn, rule))
}

/// Forward and backward on batches that are added up, then a step; returns the logits.
fn step(learner: &mut dyn Learner, (side, number): (usize, u64), batches: &[usize], rate: f64) -> Vec<f32> {
    let (mut all, mut first) = (Vec::new(), 0);
    for &batch in batches {
        let masks = Masks { seed: 9, step: number, first };
        let given =
            learner.network().forward(&images(&format!("{number} {first}"), batch, side), batch, masks).unwrap();
        let logits = given.logits;
        let gradient: Vec<f32> = formula("loss", logits.len()).collect();
        learner.network().backward(&Gradients::of_logits(&gradient)).unwrap();
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
    for isa in Isa::all() {
        let (mut got, mut expected) = both(graph, PLAIN, isa);
        let before = got.network().weights().unwrap();
        let logits = [&mut got as &mut dyn Learner, &mut expected].map(|l| step(l, (side, 0), &[batch], 1.0));
        close(&format!("{what} on {isa:?}: logits"), &logits[0], &logits[1], share);
        let (got, expected) = (got.network().weights().unwrap(), expected.network().weights().unwrap());
        for (key, old) in before.tensors() {
            let moved = |new: &Weights| old.values.iter().zip(new.values(key)).map(|(a, b)| a - b).collect::<Vec<_>>();
            close(&format!("{what} on {isa:?}: {key}"), &moved(&got), &moved(&expected), share);
        }
    }
}

/// Shallow networks with their own rectifiers.
#[test]
fn gradients_of_rectifiers_are_burns() {
    compare("conv3x20", (&graph("conv3x20", 16), 16), 5, 2e-3);
    compare("conv3x20_in", (&graph("conv3x20_in", 16), 16), 5, 2e-3);
    compare("grouped", (&grouped(20), 20), 5, 2e-3);
    compare("small alexnet", (&small_alexnet(), 31), 11, 2e-3);
}

/// Steps with gradients of two batches added up, one of a single image, with statistics moved twice.
#[test]
fn steps_are_burns() {
    let decayed = Optimiser::AdamW { betas: (0.8, 0.99), epsilon: 1e-3, decay: 5.0 };
    let optimisers = [decayed, Optimiser::Sgd { momentum: 0.9, nesterov: true, decay: 5.0 }];
    for (optimiser, isa) in optimisers.into_iter().flat_map(|o| Isa::all().into_iter().map(move |isa| (o, isa))) {
        let (mut got, mut expected) = both(&graph("conv3x20", 16), optimiser, isa);
        for number in 0..4 {
            for l in [&mut got as &mut dyn Learner, &mut expected] {
                step(l, (16, number), if number == 2 { &[1] } else { &[9, 4] }, 1e-2);
                l.network().forward(&images("again", 3, 16), 3, Masks::default()).unwrap();
                l.network().repeat_statistics().unwrap();
            }
        }
        let (got, expected) = (got.network().weights().unwrap(), expected.network().weights().unwrap());
        for (key, tensor) in expected.tensors() {
            close(&format!("{optimiser:?} on {isa:?}: {key}"), got.values(key), &tensor.values, 1e-3);
        }
    }
}
