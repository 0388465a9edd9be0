//! Networks: one file per family, each a small table and a builder of a [`graph::Graph`].

pub mod convnet;
pub mod detect;
pub mod graph;
pub mod initial;
pub mod module;
pub mod resnet;

use graph::Graph;

/// A network's architecture, apart from class count and input side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arch {
    /// ConvNet of `depth` blocks, `width` channels each.
    ConvNet {
        /// Blocks, 3 to 6.
        depth: usize,
        /// Channels; 128 in the papers.
        width: usize,
    },
    /// CIFAR ResNet of 6·blocks + 2 layers.
    CifarResNet {
        /// Blocks per stage.
        blocks: usize,
    },
    /// torchvision ResNet.
    ResNet {
        /// 18, 34, 50, 101 or 152.
        depth: usize,
        /// Whether the stem is the papers' 3×3 one.
        modified: bool,
    },
}

/// A name that is no known architecture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is no known network: give conv3…conv6, resnet20_cifar…resnet110_cifar (6n+2), \
     or resnet18, 34, 50, 101, 152, with _modified for the small-image stem"
)]
pub struct UnknownArch(pub String);

/// A network's full description: what is needed to build it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkSpec {
    /// Architecture.
    pub arch: Arch,
    /// Input side in pixels.
    pub side: usize,
    /// Outputs.
    pub classes: usize,
}

impl NetworkSpec {
    /// Builds the network's graph.
    #[must_use]
    pub fn graph(&self) -> Graph {
        match self.arch {
            Arch::ConvNet { depth, width } => convnet::build(depth, width, self.side, self.classes),
            Arch::CifarResNet { blocks } => resnet::build_cifar(blocks, self.classes),
            Arch::ResNet { depth, modified } => {
                let variant = resnet::VARIANTS.into_iter().find(|v| v.depth == depth);
                resnet::build(variant.unwrap_or(resnet::VARIANTS[0]), modified, self.classes)
            }
        }
    }

    /// The least input side that leaves at least one pixel before the classifier.
    #[must_use]
    pub fn least_side(&self) -> usize {
        match self.arch {
            Arch::ConvNet { depth, .. } => 1 << depth,
            _ => 1,
        }
    }
}

impl Arch {
    /// The side of the images it is meant for in the papers (spec section 2); for those without weights to tell.
    #[must_use]
    pub fn usual_side(&self) -> usize {
        match self {
            Self::ConvNet { depth: 3, .. } | Self::CifarResNet { .. } | Self::ResNet { modified: true, .. } => 32,
            Self::ConvNet { depth: 4, .. } => 64,
            Self::ConvNet { .. } => 128,
            Self::ResNet { .. } => 224,
        }
    }
}

impl std::fmt::Display for Arch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ConvNet { depth, width: convnet::WIDTH } => write!(f, "conv{depth}"),
            Self::ConvNet { depth, width } => write!(f, "conv{depth}x{width}"),
            Self::CifarResNet { blocks } => write!(f, "resnet{}_cifar", 6 * blocks + 2),
            Self::ResNet { depth, modified: false } => write!(f, "resnet{depth}"),
            Self::ResNet { depth, modified: true } => write!(f, "resnet{depth}_modified"),
        }
    }
}

impl std::str::FromStr for Arch {
    type Err = UnknownArch;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownArch(text.to_owned());
        if let Some(rest) = text.strip_prefix("conv") {
            let (depth, width) = rest.split_once('x').map_or((rest, None), |(d, w)| (d, Some(w)));
            let depth = depth.parse().ok().filter(|d| (3..=6).contains(d));
            let width = width.map_or(Some(convnet::WIDTH), |w| w.parse().ok().filter(|w| (1..=4096).contains(w)));
            return Ok(Self::ConvNet { depth: depth.ok_or_else(unknown)?, width: width.ok_or_else(unknown)? });
        }
        let rest = text.strip_prefix("resnet").ok_or_else(unknown)?;
        if let Some(depth) = rest.strip_suffix("_cifar") {
            let depth: usize = depth.parse().map_err(|_| unknown())?;
            let valid = (8..=1202).contains(&depth) && depth % 6 == 2;
            return valid.then_some(Self::CifarResNet { blocks: depth / 6 }).ok_or_else(unknown);
        }
        let (depth, modified) = rest.strip_suffix("_modified").map_or((rest, false), |d| (d, true));
        let depth = depth.parse().map_err(|_| unknown())?;
        let known = resnet::VARIANTS.iter().any(|v| v.depth == depth);
        known.then_some(Self::ResNet { depth, modified }).ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_nonsense_is_refused() {
        for name in
            ["conv3", "conv6", "conv4x64", "resnet20_cifar", "resnet110_cifar", "resnet18", "resnet101_modified"]
        {
            assert_eq!(name.parse::<Arch>().unwrap().to_string(), name);
        }
        for name in ["conv2", "conv", "conv3x", "resnet", "resnet19", "resnet21_cifar", "vgg11", "resnet18_modified_"] {
            assert!(name.parse::<Arch>().is_err(), "{name}");
        }
    }
}
