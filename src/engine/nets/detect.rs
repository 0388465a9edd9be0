//! Recognises a network from the key names and shapes of a weight file.

use std::collections::BTreeMap;

use super::Arch;
use super::families;
use super::families::convnet::{self, Norm};
use super::family::{Listed, Size};
use super::graph::{Graph, Parameter};
use super::op::Op;

/// Shapes of a file's tensors by key.
pub type Shapes = BTreeMap<String, Vec<usize>>;

/// What a file's keys tell: the architecture, its class count, and its input side where the shapes fix it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detected {
    /// Architecture.
    pub arch: Arch,
    /// Outputs of the classifier.
    pub classes: usize,
    /// Input side, if the shapes decide it or the network was trained at one only.
    pub side: Option<usize>,
}

/// Recognises the network; `None` where the keys fit none.
#[must_use]
pub fn detect(shapes: &Shapes) -> Option<Detected> {
    detect_convnet(shapes).or_else(|| detect_cifar(shapes)).or_else(|| {
        // A shallower network of the same family may be wholly there too: the one with most tensors is meant.
        let whole = families::listed().filter_map(|l| matched(l, shapes).filter(|m| m.0 == m.1).map(|m| (m.0, l)));
        describe(Arch::Listed(whole.max_by_key(|w| w.0)?.1), shapes)
    })
}

/// The listed network that shares most with a file which is none of them, as a share of the network's tensors.
#[must_use]
pub fn nearest(shapes: &Shapes) -> Option<(Arch, f64)> {
    let scored = families::listed().filter_map(|l| {
        let (fitting, all) = matched(l, shapes)?;
        Some((fitting as f64 / all.max(1) as f64, l))
    });
    // The first of equals: tables begin with the most usual network.
    let best = scored.reduce(|best, next| if next.0 > best.0 { next } else { best })?;
    (best.0 > 0.0).then_some((Arch::Listed(best.1), best.0))
}

/// How many tensors of a network a file has in the right shape, and how many there are.
fn matched(listed: &'static Listed, shapes: &Shapes) -> Option<(usize, usize)> {
    let graph = listed.graph(Size { side: listed.side, classes: 1 });
    let classifier = graph.classifier()?;
    let parameters = graph.parameters();
    let fits = |p: &&Parameter| {
        let Some(found) = shapes.get(&p.key) else { return false };
        let free = usize::from(p.node == classifier);
        match graph.nodes()[p.node].op {
            Op::Positions { channels, .. } => matches!(found[..], [1, _, c] if c == channels),
            _ => found.len() == p.shape.len() && found[free..] == p.shape[free..],
        }
    };
    Some((parameters.iter().filter(fits).count(), parameters.len()))
}

/// The spec of a known architecture for a file: class count and side from the classifier's shape, where it has one.
#[must_use]
pub fn describe(arch: Arch, shapes: &Shapes) -> Option<Detected> {
    let (classes, side) = match arch {
        Arch::ConvNet(convnet::Shape { depth, width, .. }) => {
            let [classes, inputs] = shapes.get("classifier.weight")?.as_slice() else { return None };
            (*classes, Some(convnet::side_of(depth, square_root(inputs / width.max(1))?)))
        }
        Arch::CifarResNet { .. } => (*shapes.get("linear.weight")?.first()?, Some(32)),
        Arch::Listed(listed) => {
            let graph = listed.graph(Size { side: listed.side, classes: 1 });
            let key = graph.nodes()[graph.classifier()?].tensor_key("weight");
            (*shapes.get(&key)?.first()?, trained_side(listed, &graph, shapes))
        }
    };
    Some(Detected { arch, classes, side })
}

/// The side a file's network was trained at: what its position embeddings tell, else the table's; none for the
/// modified networks, which are trained at the side of their data.
fn trained_side(listed: &Listed, graph: &Graph, shapes: &Shapes) -> Option<usize> {
    if listed.name.ends_with("_modified") {
        return None;
    }
    let positions = graph.nodes().iter().find(|n| matches!(n.op, Op::Positions { .. }));
    let Some(positions) = positions else { return Some(listed.side) };
    let tokens = *shapes.get(&positions.key)?.get(1)?;
    Some(square_root(tokens.checked_sub(1)?)? * listed.family.side_step())
}

fn square_root(n: usize) -> Option<usize> {
    let root = n.isqrt();
    (root > 0 && root * root == n).then_some(root)
}

fn count(shapes: &Shapes, key: impl Fn(usize) -> String) -> usize {
    (0..).take_while(|&i| shapes.contains_key(&key(i))).count()
}

/// With instance norm the layers are numbered in one sequence, where every second one of four is a norm without running
/// statistics: with them it is another network, whose norm is a batch norm.
fn detect_convnet(shapes: &Shapes) -> Option<Detected> {
    let batch = ("layers.conv.0.weight", Norm::Batch, count(shapes, |d| format!("layers.conv.{d}.weight")));
    let numbered = |d: usize, layer: usize, name: &str| format!("features.{}.{name}", convnet::LAYERS * d + layer);
    let blocks = count(shapes, |d| numbered(d, 0, "weight"));
    let normed = (0..blocks).all(|d| shapes.get(&numbered(d, 1, "weight")).is_some_and(|shape| shape.len() == 1));
    let running = (0..blocks).any(|d| shapes.contains_key(&numbered(d, 1, "running_mean")));
    let instance = ("features.0.weight", Norm::Instance, if normed && !running { blocks } else { 0 });
    let (stem, norm, depth) = [batch, instance].into_iter().find(|found| (3..=6).contains(&found.2))?;
    let width = *shapes.get(stem)?.first()?;
    describe(Arch::ConvNet(convnet::Shape { depth, width, norm }), shapes)
}

fn detect_cifar(shapes: &Shapes) -> Option<Detected> {
    let stem = shapes.get("conv1.weight")?.as_slice();
    let blocks = count(shapes, |b| format!("layer1.{b}.conv1.weight"));
    let narrow = stem == [16, 3, 3, 3] && shapes.contains_key("linear.weight");
    if !narrow || blocks == 0 {
        return None;
    }
    describe(Arch::CifarResNet { blocks }, shapes)
}

#[cfg(test)]
mod tests {
    use super::super::NetworkSpec;
    use super::*;

    /// Shapes that a network's own file has.
    fn shapes_of(spec: &NetworkSpec) -> Shapes {
        spec.graph().parameters().into_iter().map(|p| (p.key, p.shape)).collect()
    }

    #[test]
    fn every_network_is_recognised_from_its_own_keys() {
        let names = [
            ("conv3", 32, 10),
            ("conv4", 64, 200),
            ("conv5", 128, 10),
            ("conv6", 224, 100),
            ("conv4x64", 64, 10),
            ("conv3_in", 32, 10),
            ("conv6_in", 224, 100),
            ("conv4x64_in", 64, 10),
            ("resnet20_cifar", 32, 10),
            ("resnet110_cifar", 32, 100),
            ("resnet18", 224, 1000),
            ("resnet34", 224, 5),
            ("resnet50", 224, 1000),
            ("resnet101", 224, 1000),
            ("resnet152", 224, 1000),
        ];
        for (name, side, classes) in names {
            let spec = NetworkSpec { arch: name.parse().unwrap(), side, classes };
            let found = detect(&shapes_of(&spec)).unwrap();
            assert_eq!(found, Detected { arch: spec.arch, classes, side: Some(side) }, "{name}");
        }
        let spec = NetworkSpec { arch: "resnet18_modified".parse().unwrap(), side: 64, classes: 200 };
        assert_eq!(detect(&shapes_of(&spec)), Some(Detected { arch: spec.arch, classes: 200, side: None }));
        assert_eq!(detect(&Shapes::from([("features.0.weight".into(), vec![64, 3, 3, 3])])), None);
    }

    /// The same sequence with batch norms, and VGG's convolutions, whose numbers meet every fourth layer too.
    #[test]
    fn numbered_layers_with_running_statistics_are_no_instance_norms() {
        let spec = NetworkSpec { arch: "conv3_in".parse().unwrap(), side: 32, classes: 10 };
        let mut shapes = shapes_of(&spec);
        shapes.insert("features.5.running_mean".into(), vec![128]);
        assert_eq!(detect(&shapes), None);
        for name in ["vgg11", "vgg16_bn", "vgg13_bn"] {
            let spec = NetworkSpec { arch: name.parse().unwrap(), side: 224, classes: 10 };
            assert_eq!(detect(&shapes_of(&spec)).map(|d| d.arch), Some(spec.arch));
        }
    }
}
