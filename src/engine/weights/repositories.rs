//! Names of tensors in widely used repositories of networks for CIFAR, and torchvision's for the same ones.

use super::dialect::Dialect;

/// kuangliu/pytorch-cifar, and the many that follow it: the shortcut and the classifier are called otherwise.
const KUANGLIU: &[(&str, &str)] = &[("shortcut", "downsample"), ("linear", "fc"), ("classifier", "fc")];

/// weiaicunzai/pytorch-cifar100: stem and blocks are sequences, whose activations have numbers too.
const WEIAICUNZAI: &[(&str, &str)] = &[
    ("conv1.0", "conv1"),
    ("conv1.1", "bn1"),
    ("conv2_x", "layer1"),
    ("conv3_x", "layer2"),
    ("conv4_x", "layer3"),
    ("conv5_x", "layer4"),
    ("residual_function.0", "conv1"),
    ("residual_function.1", "bn1"),
    ("residual_function.3", "conv2"),
    ("residual_function.4", "bn2"),
    ("residual_function.6", "conv3"),
    ("residual_function.7", "bn3"),
    ("shortcut", "downsample"),
];

/// The repositories' dialects.
pub(super) const DIALECTS: [Dialect; 4] = [
    Dialect::table("kuangliu's pytorch-cifar", &["layer1.0.conv1.weight", "linear.weight"], KUANGLIU),
    Dialect::table("kuangliu's pytorch-cifar", &["layer2.0.shortcut.0.weight", "fc.weight"], KUANGLIU),
    Dialect::table("kuangliu's pytorch-cifar", &["layer1.0.conv1.weight", "classifier.weight"], KUANGLIU),
    Dialect::table(
        "weiaicunzai's pytorch-cifar100",
        &["conv1.0.weight", "conv2_x.0.residual_function.0.weight", "fc.weight"],
        WEIAICUNZAI,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::weights::dialect::Keys;

    #[test]
    fn keys_become_torchvisions() {
        for (dialect, key, expected) in [
            (0, "layer2.0.shortcut.0.weight", "layer2.0.downsample.0.weight"),
            (0, "layer2.0.shortcut.1.running_var", "layer2.0.downsample.1.running_var"),
            (0, "linear.bias", "fc.bias"),
            (0, "layer1.0.conv1.weight", "layer1.0.conv1.weight"),
            (3, "conv1.0.weight", "conv1.weight"),
            (3, "conv1.1.running_mean", "bn1.running_mean"),
            (3, "conv2_x.0.residual_function.0.weight", "layer1.0.conv1.weight"),
            (3, "conv5_x.1.residual_function.7.bias", "layer4.1.bn3.bias"),
            (3, "conv3_x.0.shortcut.1.weight", "layer2.0.downsample.1.weight"),
            (3, "fc.weight", "fc.weight"),
        ] {
            assert_eq!(DIALECTS[dialect].translate(key, &Keys::new()), expected);
        }
    }
}
