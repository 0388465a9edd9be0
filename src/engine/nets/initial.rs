//! Weights of an untrained network, as PyTorch and the families' own code draw them.

use std::collections::BTreeMap;

use crate::core::rng::Stream;

use super::graph::{Op, Parameter, Role};
use super::{Arch, NetworkSpec};
use crate::engine::weights::{WeightTensor, Weights};

/// How the values of a tensor are drawn.
#[derive(Clone, Copy)]
enum Draw {
    Constant(f32),
    /// Uniform in ± this.
    Uniform(f64),
    /// Normal with this standard deviation.
    Normal(f64),
}

/// Initial weights: each tensor from its own stream, so they depend on the seed and the key alone.
///
/// Convolutions and linear layers have PyTorch's default U(±1/√fan_in) for weight and bias, but for the convolutions
/// of torchvision's ResNets (Kaiming normal by fan-out; the "modified" stem is put in later and keeps the default) and
/// for the weights of the CIFAR ResNets (Kaiming normal by fan-in). Batch norm begins as γ 1, β 0, mean 0, variance 1.
#[must_use]
pub fn initial_weights(spec: &NetworkSpec, seed: u64) -> Weights {
    let graph = spec.graph();
    let fill = |p: Parameter| {
        let mut stream = Stream::new("stillroom 2026 initial weights v1", seed, &[p.key.as_bytes()]);
        let draw = draw(spec.arch, &p, graph.nodes()[p.node].op);
        let values = (0..p.shape.iter().product()).map(|_| match draw {
            Draw::Constant(value) => value,
            Draw::Uniform(bound) => stream.range(-bound, bound) as f32,
            Draw::Normal(deviation) => (deviation * stream.normal()) as f32,
        });
        let values = values.collect();
        (p.key, WeightTensor { shape: p.shape, values })
    };
    Weights::new(graph.parameters().into_iter().map(fill).collect::<BTreeMap<_, _>>())
}

fn draw(arch: Arch, parameter: &Parameter, op: Op) -> Draw {
    let (fan_in, fan_out) = match op {
        Op::Conv(c) => (c.inputs * c.kernel * c.kernel, c.outputs * c.kernel * c.kernel),
        Op::Linear { inputs, outputs } => (inputs, outputs),
        _ => (1, 1),
    };
    let kaiming = |fan: usize| Draw::Normal((2.0 / fan.max(1) as f64).sqrt());
    let default = Draw::Uniform(1.0 / (fan_in.max(1) as f64).sqrt());
    match parameter.role {
        Role::NormWeight | Role::RunningVar => Draw::Constant(1.0),
        Role::NormBias | Role::RunningMean => Draw::Constant(0.0),
        Role::Bias => default,
        Role::Weight => match (arch, op) {
            (Arch::ResNet { modified: true, .. }, _) if parameter.key == "conv1.weight" => default,
            (Arch::ResNet { .. }, Op::Conv(_)) => kaiming(fan_out),
            (Arch::CifarResNet { .. }, _) => kaiming(fan_in),
            _ => default,
        },
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
    fn the_seed_decides() {
        let of =
            |seed| initial_weights(&NetworkSpec { arch: Arch::CifarResNet { blocks: 1 }, side: 32, classes: 2 }, seed);
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }
}
