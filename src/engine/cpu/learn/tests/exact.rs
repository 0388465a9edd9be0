//! Gradients beside those of f64, no farther off than f32's rounding makes them.

use ::burn::tensor::Device;
use rayon::prelude::*;

use super::*;
use crate::engine::burn::network::BurnNetwork;

/// The same network with a smooth activation: where a rectifier of a deep network flips for rounding's sake, gradients
/// differ by per cents between any two engines.
fn smooth(graph: &Graph) -> Graph {
    let mut made = Graph::images(graph.image().height);
    for node in &graph.nodes()[1..] {
        let op = if let Op::Activation(_) = node.op { Op::Activation(Activation::Silu) } else { node.op };
        made.push_keyed(op, &node.inputs, &node.key);
    }
    made
}

/// Logits and gradients.
fn of_network(network: &mut dyn Differentiable, batch: reference::Batch<'_>) -> reference::Passed {
    let logits = network.forward(batch.images, batch.count, batch.masks).unwrap().logits;
    network.backward(&Gradients::of_logits(batch.gradient)).unwrap();
    let wide = |values: &[f32]| values.iter().map(|&v| f64::from(v)).collect::<Vec<f64>>();
    let gradients = network.gradients().unwrap();
    let gradients = gradients.tensors().iter().map(|(key, t)| (key.clone(), wide(&t.values)));
    gradients.chain([("logits".to_owned(), wide(&logits))]).collect()
}

fn norm(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|v| v * v).sum::<f64>().sqrt()
}

/// Noisy passes whose deviations are averaged.
const NOISY: u64 = 3;

/// Times the deviation of noisy passes that an engine may be off. Its own rounding is no more than the noise's (sums are
/// made in parts); the rest is for tensors of few values, whose deviation is one throw of the dice.
const ALLOWED: f64 = 6.0;

/// Checks all tensors; says the largest deviation as a share of the allowed one.
fn check(what: &str, got: &reference::Passed, exact: &reference::Passed, noisy: &[reference::Passed]) {
    let mut largest = (0.0, String::new());
    for (key, exact) in exact.iter().filter(|(key, _)| !key.is_empty()) {
        let got = &got[key];
        assert_eq!(got.len(), exact.len(), "{what}: {key}");
        let off = |other: &[f64]| norm(other.iter().zip(exact).map(|(a, b)| a - b));
        let noise = norm(noisy.iter().map(|noisy| off(&noisy[key]))) / (noisy.len() as f64).sqrt();
        let whole = norm(exact.iter().copied());
        let share = off(got) / (ALLOWED * noise);
        assert!(share <= 1.0, "{what}: {key} is off by {:e} of {whole:e}; noise is {noise:e}", off(got));
        if share > largest.0 {
            largest = (share, format!("{key}, off by {:.1e} of {whole:.1e}", off(got)));
        }
    }
    println!("{what}: at most {:.2} of what is allowed ({})", largest.0, largest.1);
}

fn compare((arch, side, count): (&str, usize, usize)) {
    let graph = smooth(&graph_of(arch, side));
    let weights = Weights::by_formula(&graph);
    let (images, gradient) = (images("input", count, side), formula("loss", count * 10).collect::<Vec<f32>>());
    let masks = Masks { seed: 9, step: 0, first: 0 };
    let batch = reference::Batch { images: &images, count, masks, gradient: &gradient };
    let pass = |noise| reference::pass(&graph, &weights, batch, noise);
    let exact = pass(None);
    let noisy: Vec<reference::Passed> = (1..=NOISY).map(|seed| pass(Some(seed))).collect();
    for isa in Isa::all() {
        let mut network = CpuNetwork::with_isa(graph.clone(), &weights, &Setup::training(), isa).unwrap();
        check(&format!("{arch} on {}", isa.name()), &of_network(&mut network, batch), &exact, &noisy);
    }
    let mut network = BurnNetwork::new(graph, &weights, &Setup::training(), &Device::flex()).unwrap();
    check(&format!("{arch} with burn"), &of_network(&mut network, batch), &exact, &noisy);
}

/// Every family, with odd sides, narrow and odd widths, groups, gates and dropout; burn's gradients too.
#[test]
fn gradients_are_those_of_f64() {
    let cases = [
        ("conv3x5", 13, 3),
        ("conv3x70", 17, 9),
        ("conv3x5_in", 13, 3),
        ("conv3x40_in", 17, 9),
        ("grouped", 19, 3),
        ("same", 20, 3),
        ("same", 27, 3),
        ("resnet8_cifar", 15, 3),
        ("squeezenet1_1", 65, 2),
        ("densenet121", 64, 2),
        ("mobilenet_v2", 64, 3),
        ("mnasnet0_5", 64, 3),
        ("shufflenet_v2_x0_5", 64, 3),
        ("regnet_y_400mf", 64, 3),
        ("efficientnet_b0", 64, 3),
        ("tf_efficientnet_b0", 63, 3),
        ("tf_efficientnet_lite0", 64, 3),
    ];
    cases.into_par_iter().with_max_len(1).for_each(compare);
}
