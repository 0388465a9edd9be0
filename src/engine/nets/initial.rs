//! Weights of an untrained network, as PyTorch and the families' own code draw them.

use std::collections::BTreeMap;

use crate::core::rng::Stream;

use super::NetworkSpec;
use super::draw::Draw;
use super::graph::Node;
use super::tensors::Role;
use crate::engine::weights::{WeightTensor, Weights};

/// Initial weights: each tensor from its own stream, so they depend on the seed and the key alone.
///
/// Normalisations begin as γ 1, β 0, mean 0, variance 1. Convolutions and linear layers have PyTorch's default unless
/// the family's table says otherwise ([`super::graph::Graph::draw`]).
#[must_use]
pub fn initial_weights(spec: &NetworkSpec, seed: u64) -> Weights {
    let graph = spec.graph();
    let fill = |p: super::graph::Parameter| {
        let mut stream = Stream::new("stillroom 2026 initial weights v1", seed, &[p.key.as_bytes()]);
        let draw = draw(&graph.nodes()[p.node], p.role);
        let values = (0..p.shape.iter().product()).map(|_| draw.value(&mut stream)).collect();
        (p.key, WeightTensor { shape: p.shape, values })
    };
    Weights::new(graph.parameters().into_iter().map(fill).collect::<BTreeMap<_, _>>())
}

/// Weights of the same network for other classes, with a last layer as [`initial_weights`] draws it. What `others` lack
/// is drawn, too.
#[must_use]
pub fn with_new_classifier(spec: &NetworkSpec, seed: u64, others: &Weights) -> Weights {
    let mut tensors = initial_weights(spec, seed).tensors().clone();
    let new = spec.graph().classifier_keys();
    for (key, tensor) in tensors.iter_mut().filter(|(key, _)| !new.contains(*key)) {
        if let Some(known) = others.tensors().get(key).filter(|known| known.shape == tensor.shape) {
            tensor.clone_from(known);
        }
    }
    Weights::new(tensors)
}

fn draw(node: &Node, role: Role) -> Draw {
    let [weight, bias] = node.draws.unwrap_or([Draw::default_of(&node.op); 2]);
    match role {
        Role::NormWeight | Role::RunningVar => Draw::Constant(1.0),
        Role::NormBias | Role::RunningMean => Draw::ZERO,
        Role::Weight | Role::LayerScale | Role::Embedding => weight,
        Role::Bias => bias,
        // Liu et al. 2022, section 3.2: the inverse temperature begins as 10.
        Role::LogitScale => Draw::Constant(10_f64.ln()),
    }
}
#[cfg(test)]
mod tests {
    use super::*;

    fn moments(weights: &Weights, key: &str) -> (f64, f64) {
        let values = weights.values(key);
        let square: f64 = values.iter().map(|&v| f64::from(v).powi(2)).sum();
        let largest = values.iter().fold(0.0_f64, |m, &v| m.max(f64::from(v).abs()));
        ((square / values.len() as f64).sqrt(), largest)
    }

    #[test]
    fn the_families_have_their_own_spread() {
        let of = |arch: &str| initial_weights(&NetworkSpec { arch: arch.parse().unwrap(), side: 64, classes: 10 }, 3);
        // Uniform in ± 1/√(9·128) = 0.02946: deviation a third of its root, 0.01701.
        let (deviation, largest) = moments(&of("conv4"), "layers.conv.2.weight");
        assert!((deviation - 0.01701).abs() < 1e-4 && largest <= 0.02947, "{deviation} {largest}");
        // √(2 / (9·128)) = 0.04167.
        let resnet = of("resnet18_modified");
        assert!((moments(&resnet, "layer2.0.conv1.weight").0 - 0.04167).abs() < 3e-4);
        // The modified stem: ± 1/√27 = 0.19245.
        assert!(moments(&resnet, "conv1.weight").1 <= 0.19245);
        assert!(moments(&of("resnet18"), "conv1.weight").0 > 0.0);
        // √(2 / 144) = 0.11785.
        assert!((moments(&of("resnet20_cifar"), "layer1.0.conv1.weight").0 - 0.11785).abs() < 5e-3);
        assert_eq!(moments(&resnet, "bn1.running_var"), (1.0, 1.0));
        assert_eq!(moments(&resnet, "bn1.bias"), (0.0, 0.0));
    }

    #[test]
    fn all_but_the_last_layer_is_taken_from_others() {
        let of = |classes| NetworkSpec { arch: "resnet8_cifar".parse().unwrap(), side: 32, classes };
        for classes in [3, 10] {
            let others = Weights::by_formula(&of(10).graph());
            let (begun, drawn) = (with_new_classifier(&of(classes), 4, &others), initial_weights(&of(classes), 4));
            assert!(begun.report(&of(classes).graph()).is_complete());
            for (key, tensor) in begun.tensors() {
                let from = if ["linear.weight", "linear.bias"].contains(&key.as_str()) { &drawn } else { &others };
                assert_eq!(Some(tensor), from.tensors().get(key), "{key}");
            }
        }
    }

    #[test]
    fn the_seed_decides() {
        let of =
            |seed| initial_weights(&NetworkSpec { arch: "resnet8_cifar".parse().unwrap(), side: 32, classes: 2 }, seed);
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }
}
