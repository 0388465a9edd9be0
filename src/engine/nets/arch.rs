//! Architectures by name, and what is needed to build one.

use super::families::convnet::{self, Norm};
use super::families::{self, resnet};
use super::family::{Family, Listed, Size};
use super::graph::Graph;
use super::op::Op;
use super::shapes;

/// A network's architecture, apart from class count and input side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arch {
    /// ConvNet of 3 to 6 blocks, 128 channels each in the papers.
    ConvNet(convnet::Shape),
    /// CIFAR ResNet of 6·blocks + 2 layers.
    CifarResNet {
        /// Blocks per stage.
        blocks: usize,
    },
    /// A row of a family's table.
    Listed(&'static Listed),
}

/// A name that is no known architecture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{name}' is no known network{nearest}; `stillroom networks` lists them all")]
pub struct UnknownArch {
    name: String,
    nearest: String,
}

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
            Arch::ConvNet(shape) => convnet::build(shape, self.side, self.classes),
            Arch::CifarResNet { blocks } => {
                resnet::build_cifar(blocks, Size { side: self.side, classes: self.classes })
            }
            Arch::Listed(listed) => listed.graph(Size { side: self.side, classes: self.classes }),
        }
    }

    /// Whether the network can work on images of its side.
    #[must_use]
    pub fn fits(&self) -> bool {
        let step = self.arch.side_step();
        self.side >= step && self.side.is_multiple_of(step) && shapes::extents(&self.graph()).is_some()
    }

    /// Whether a batch norm sees maps of one pixel: of a single image it gets one value per channel, which has no
    /// variance. PyTorch refuses that ("Expected more than 1 value per channel when training").
    #[must_use]
    pub fn norms_single_pixels(&self) -> bool {
        let graph = self.graph();
        let extents = shapes::extents(&graph).unwrap_or_default();
        let mut nodes = graph.nodes().iter().zip(extents);
        nodes.any(|(node, extent)| matches!(node.op, Op::BatchNorm { .. }) && extent.len() == extent.channels)
    }
}

impl Arch {
    /// The side of the images it is meant for in the papers; for those without weights to tell.
    #[must_use]
    pub fn usual_side(&self) -> usize {
        match self {
            Self::ConvNet(convnet::Shape { depth: 3, .. }) | Self::CifarResNet { .. } => 32,
            Self::ConvNet(convnet::Shape { depth: 4, .. }) => 64,
            Self::ConvNet(_) => 128,
            Self::Listed(listed) => listed.side,
        }
    }

    /// Input sides are multiples of this: the patch of networks that cut an image into a fixed grid.
    #[must_use]
    pub fn side_step(&self) -> usize {
        if let Self::Listed(listed) = self { listed.family.side_step() } else { 1 }
    }

    /// The least side that leaves something for the classifier; larger ones leave more.
    #[must_use]
    pub fn least_side(&self) -> usize {
        let step = self.side_step();
        let fits = |n: usize| NetworkSpec { arch: *self, side: n * step, classes: 2 }.fits();
        let (mut low, mut high) = (0, self.usual_side() / step);
        while high - low > 1 {
            let middle = usize::midpoint(low, high);
            if fits(middle) { high = middle } else { low = middle }
        }
        high * step
    }

    /// Whose weight files it takes, in words.
    #[must_use]
    pub fn files(&self) -> String {
        match self {
            Self::ConvNet(convnet::Shape { norm: Norm::Batch, .. }) => "the papers' ConvNets".to_owned(),
            Self::ConvNet(_) => "MTT's and DD-Ranking's ConvNets".to_owned(),
            Self::CifarResNet { .. } => "CIFAR ResNets".to_owned(),
            Self::Listed(Listed { family: Family::CifarResNet, .. }) => {
                "CIFAR ResNets with option-B shortcuts".to_owned()
            }
            Self::Listed(listed) => match listed.timm {
                _ if listed.name.ends_with("_patch16_224") || listed.name.contains("_lite") => "timm".to_owned(),
                _ if listed.name.starts_with(TENSORFLOW) => "timm".to_owned(),
                Some(timm) if timm != listed.name => format!("torchvision, timm ({timm})"),
                Some(_) => "torchvision, timm".to_owned(),
                None => "torchvision".to_owned(),
            },
        }
    }

    /// All networks that have a name of their own: the papers' ConvNets, five CIFAR ResNets, and the families' tables.
    pub fn all() -> impl Iterator<Item = Self> {
        let convnet = |norm| (3..=6).map(move |depth| convnet::Shape { depth, width: convnet::WIDTH, norm });
        let convnets = [Norm::Batch, Norm::Instance].into_iter().flat_map(convnet).map(Self::ConvNet);
        let cifar = [3, 5, 7, 9, 18].map(|blocks| Self::CifarResNet { blocks });
        convnets.chain(cifar).chain(families::listed().map(Self::Listed))
    }

    /// The network that a timm name stands for, with or without its tag (`tf_efficientnet_b0.ns_jft_in1k`) or the older
    /// names' ending (`tf_efficientnet_b0_ns`).
    #[must_use]
    pub fn of_timm(name: &str) -> Option<Self> {
        let name = name.split('.').next().unwrap_or_default();
        name.parse().ok().or_else(|| name.rsplit_once('_')?.0.parse().ok().filter(|_| name.starts_with(TENSORFLOW)))
    }

    /// The network that a file's name begins with, up to a letter that belongs to no longer name.
    #[must_use]
    pub fn of_file(name: &str) -> Option<Self> {
        let begins = |known: &str| {
            let rest = name.strip_prefix(known);
            rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
        };
        let named = families::listed().filter(|l| begins(l.name) || l.timm.is_some_and(begins));
        named.max_by_key(|l| l.name.len()).map(Self::Listed)
    }

    /// The networks whose files in timm have the same tensors, though each computes otherwise.
    pub fn look_alikes(&self) -> impl Iterator<Item = Self> + use<> {
        let own = if let Self::Listed(listed) = *self { Some(listed) } else { None };
        let alike = move |other: &&'static Listed| {
            own.is_some_and(|own| *other != own && (other.like == Some(own.name) || own.like == Some(other.name)))
        };
        families::listed().filter(alike).map(Self::Listed)
    }

    /// The network that a file of this one is taken for where nothing says which it is.
    #[must_use]
    pub fn usual(&self) -> Self {
        let like = if let Self::Listed(listed) = self { listed.like } else { None };
        like.and_then(|name| name.parse().ok()).unwrap_or(*self)
    }

    /// Its family.
    #[must_use]
    pub fn family(&self) -> Family {
        match self {
            Self::ConvNet(_) => Family::ConvNet,
            Self::CifarResNet { .. } => Family::CifarResNet,
            Self::Listed(listed) => listed.family,
        }
    }
}

impl std::fmt::Display for Arch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ConvNet(convnet::Shape { depth, width, norm }) => {
                write!(f, "conv{depth}")?;
                if *width != convnet::WIDTH {
                    write!(f, "x{width}")?;
                }
                f.write_str(if *norm == Norm::Instance { INSTANCE } else { "" })
            }
            Self::CifarResNet { blocks } => write!(f, "resnet{}_cifar", 6 * blocks + 2),
            Self::Listed(listed) => f.write_str(listed.name),
        }
    }
}

impl std::str::FromStr for Arch {
    type Err = UnknownArch;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(listed) = families::listed().find(|l| l.name == text || l.timm == Some(text)) {
            return Ok(Self::Listed(listed));
        }
        parametric(text).ok_or_else(|| {
            let scored = Self::all().map(|a| (strsim::jaro_winkler(text, &a.to_string()), a));
            let best = scored.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|b| b.0 > 0.8);
            let nearest = match lookalike(text) {
                Some(why) => format!(" ({why})"),
                None => best.map_or_else(String::new, |(_, a)| format!(" (did you mean {a}?)")),
            };
            UnknownArch { name: text.to_owned(), nearest }
        })
    }
}

/// Why a network of timm is none of those with nearly its name.
fn lookalike(name: &str) -> Option<&'static str> {
    match name {
        "regnety_008" | "regnety_080" => Some("timm's has other widths than torchvision's; regnety_…_tv are the same"),
        "mnasnet_140" => Some("timm's is wider than mnasnet1_3"),
        _ if name.starts_with(TENSORFLOW) => Some("of timm's networks from TensorFlow, EfficientNets are known"),
        _ => None,
    }
}

/// What timm's names of networks from TensorFlow begin with: they pad and normalise otherwise than others.
pub const TENSORFLOW: &str = "tf_";

/// What names of ConvNets with instance norm end in.
const INSTANCE: &str = "_in";

/// conv`depth`x`width`, with `_in` for instance norm, and resnet`6n+2`_cifar.
fn parametric(text: &str) -> Option<Arch> {
    if let Some(rest) = text.strip_prefix("conv") {
        let (rest, norm) = match rest.strip_suffix(INSTANCE) {
            Some(rest) => (rest, Norm::Instance),
            None => (rest, Norm::Batch),
        };
        let (depth, width) = rest.split_once('x').map_or((rest, None), |(d, w)| (d, Some(w)));
        let depth = depth.parse().ok().filter(|d| (3..=6).contains(d))?;
        let width = width.map_or(Some(convnet::WIDTH), |w| w.parse().ok().filter(|w| (1..=4096).contains(w)))?;
        return Some(Arch::ConvNet(convnet::Shape { depth, width, norm }));
    }
    let depth: usize = text.strip_prefix("resnet")?.strip_suffix("_cifar")?.parse().ok()?;
    ((8..=1202).contains(&depth) && depth % 6 == 2).then_some(Arch::CifarResNet { blocks: depth / 6 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_nonsense_is_refused() {
        let parametric = ["conv4x64", "conv5x32_in", "resnet14_cifar"].map(str::to_owned);
        for name in Arch::all().map(|a| a.to_string()).chain(parametric) {
            assert_eq!(name.parse::<Arch>().unwrap().to_string(), name);
        }
        for name in [
            "conv2",
            "conv",
            "conv3x",
            "conv2_in",
            "conv3_in_in",
            "conv3_",
            "resnet",
            "resnet19",
            "resnet21_cifar",
            "vgg",
            "resnet18_modified_",
        ] {
            assert!(name.parse::<Arch>().is_err(), "{name}");
        }
        let of = |arch: Option<Arch>| arch.map(|a| a.to_string());
        let tensorflow = Some("tf_efficientnet_b0".to_owned());
        for name in ["tf_efficientnet_b0", "tf_efficientnet_b0.ns_jft_in1k", "tf_efficientnet_b0_ap"] {
            assert_eq!(of(Arch::of_timm(name)), tensorflow, "{name}");
        }
        for name in ["tf_efficientnet_b0_ns-c0e6a31c.pth", "tf_efficientnet_b0.pth", "tf_efficientnet_b0"] {
            assert_eq!(of(Arch::of_file(name)), tensorflow, "{name}");
        }
        assert_eq!(of(Arch::of_timm("resnet18.a1_in1k")).as_deref(), Some("resnet18"));
        assert_eq!(of(Arch::of_file("resnet18_modified.pth")).as_deref(), Some("resnet18_modified"));
        for name in ["resnet18_gn", "tf_mobilenetv3_small_100", "model"] {
            assert_eq!(Arch::of_timm(name), None, "{name}");
        }
        for name in ["model.safetensors", "efficientnet_b0a.pth", "best.pth"] {
            assert_eq!(Arch::of_file(name), None, "{name}");
        }
        let error = "resnet8".parse::<Arch>().unwrap_err().to_string();
        assert!(error.contains("did you mean resnet"), "{error}");
    }
}
