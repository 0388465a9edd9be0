//! Recognises a network from the key names and shapes of a weight file.

use std::collections::BTreeMap;

use super::{Arch, convnet, resnet};

/// Shapes of a file's tensors by key.
pub type Shapes = BTreeMap<String, Vec<usize>>;

/// What a file's keys tell: the architecture, its class count, and its input side where the shapes fix it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detected {
    /// Architecture.
    pub arch: Arch,
    /// Outputs of the classifier.
    pub classes: usize,
    /// Input side, if the classifier's shape decides it.
    pub side: Option<usize>,
}

/// Recognises the network; `None` where the keys fit no family.
#[must_use]
pub fn detect(shapes: &Shapes) -> Option<Detected> {
    detect_convnet(shapes).or_else(|| detect_cifar(shapes)).or_else(|| detect_resnet(shapes))
}

/// The spec of a known architecture for a file: class count and side from the classifier's shape, where it has one.
#[must_use]
pub fn describe(arch: Arch, shapes: &Shapes) -> Option<Detected> {
    let key = match arch {
        Arch::ConvNet { .. } => "classifier.weight",
        Arch::CifarResNet { .. } => "linear.weight",
        Arch::ResNet { .. } => "fc.weight",
    };
    let [classes, inputs] = shapes.get(key)?.as_slice() else { return None };
    let side = match arch {
        Arch::ConvNet { depth, width } => Some(convnet::side_of(depth, square_root(inputs / width.max(1))?)),
        Arch::CifarResNet { .. } => Some(32),
        Arch::ResNet { modified, .. } => (!modified).then_some(224),
    };
    Some(Detected { arch, classes: *classes, side })
}

fn square_root(n: usize) -> Option<usize> {
    let root = n.isqrt();
    (root > 0 && root * root == n).then_some(root)
}

fn count(shapes: &Shapes, key: impl Fn(usize) -> String) -> usize {
    (0..).take_while(|&i| shapes.contains_key(&key(i))).count()
}

fn detect_convnet(shapes: &Shapes) -> Option<Detected> {
    let depth = count(shapes, |d| format!("layers.conv.{d}.weight"));
    let width = *shapes.get("layers.conv.0.weight")?.first()?;
    if !(3..=6).contains(&depth) {
        return None;
    }
    describe(Arch::ConvNet { depth, width }, shapes)
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

fn detect_resnet(shapes: &Shapes) -> Option<Detected> {
    let modified = match shapes.get("conv1.weight")?.as_slice() {
        [64, 3, 7, 7] => false,
        [64, 3, 3, 3] => true,
        _ => return None,
    };
    let stages: Vec<_> = (1..=4).map(|s| count(shapes, |b| format!("layer{s}.{b}.conv1.weight"))).collect();
    let bottleneck = shapes.contains_key("layer1.0.conv3.weight");
    let variant = resnet::VARIANTS.iter().find(|v| v.blocks[..] == stages[..] && v.bottleneck == bottleneck)?;
    describe(Arch::ResNet { depth: variant.depth, modified }, shapes)
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
}
