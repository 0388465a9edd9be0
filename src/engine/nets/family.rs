//! What a family of networks is, and a row of its table.

use super::graph::Graph;

/// Side of the patches that become tokens.
pub const PATCH: usize = 16;

/// A family of networks: one paper, one builder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// Gidaris and Komodakis 2018, as the distillation papers use it.
    ConvNet,
    /// He et al. 2016, section 4.2.
    CifarResNet,
    /// He et al. 2016.
    ResNet,
    /// Krizhevsky 2014.
    AlexNet,
    /// Simonyan and Zisserman 2015.
    Vgg,
    /// Iandola et al. 2016.
    SqueezeNet,
    /// Huang et al. 2017.
    DenseNet,
    /// Sandler et al. 2018.
    MobileNet,
    /// Ma et al. 2018.
    ShuffleNet,
    /// Tan et al. 2019.
    MnasNet,
    /// Tan and Le 2019.
    EfficientNet,
    /// Radosavovic et al. 2020.
    RegNet,
    /// Liu et al. 2022.
    ConvNext,
    /// Dosovitskiy et al. 2021; Touvron et al. 2021.
    Vit,
    /// Liu et al. 2021 and 2022.
    Swin,
}

/// What a network is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Input side in pixels.
    pub side: usize,
    /// Outputs.
    pub classes: usize,
}

/// A row of a family's table.
#[derive(Debug)]
pub struct Listed {
    /// torchvision's name, or timm's where torchvision has none.
    pub name: &'static str,
    /// timm's name for the same network, where its files are accepted too.
    pub timm: Option<&'static str>,
    /// Its family.
    pub family: Family,
    /// The network that a file of this one is taken for where nothing says which it is: timm's files of both have the
    /// same tensors, and each computes otherwise.
    pub like: Option<&'static str>,
    /// The input side it was trained at.
    pub side: usize,
    build: fn(Size) -> Graph,
}

impl Listed {
    /// A network for 224×224 without a name in timm.
    #[must_use]
    pub const fn new(name: &'static str, family: Family, build: fn(Size) -> Graph) -> Self {
        Self { name, timm: None, like: None, family, side: 224, build }
    }

    /// The same for another side.
    #[must_use]
    pub const fn at(self, side: usize) -> Self {
        Self { side, ..self }
    }

    /// A network of timm that is taken for that one unless something tells which it is.
    #[must_use]
    pub const fn like(self, name: &'static str) -> Self {
        Self { like: Some(name), ..self.in_timm() }
    }

    /// The same, which timm has under the same name.
    #[must_use]
    pub const fn in_timm(self) -> Self {
        Self { timm: Some(self.name), ..self }
    }

    /// The same with timm's name.
    #[must_use]
    pub const fn timm(self, name: &'static str) -> Self {
        Self { timm: Some(name), ..self }
    }

    /// Builds it.
    #[must_use]
    pub fn graph(&self, size: Size) -> Graph {
        (self.build)(size)
    }
}

// A row is its name: function pointers don't compare.
impl PartialEq for Listed {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Listed {}

impl std::hash::Hash for Listed {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl Family {
    /// As tables name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ConvNet => "ConvNet",
            Self::CifarResNet => "CIFAR ResNet",
            Self::ResNet => "ResNet",
            Self::AlexNet => "AlexNet",
            Self::Vgg => "VGG",
            Self::SqueezeNet => "SqueezeNet",
            Self::DenseNet => "DenseNet",
            Self::MobileNet => "MobileNet-V2",
            Self::ShuffleNet => "ShuffleNet-V2",
            Self::MnasNet => "MNASNet",
            Self::EfficientNet => "EfficientNet",
            Self::RegNet => "RegNetY",
            Self::ConvNext => "ConvNeXt",
            Self::Vit => "ViT, DeiT",
            Self::Swin => "Swin",
        }
    }

    /// The family that transformers calls so (`model_type` in its `config.json`).
    #[must_use]
    pub fn of_transformers(model_type: &str) -> Option<Self> {
        Some(match model_type {
            "resnet" => Self::ResNet,
            "mobilenet_v2" => Self::MobileNet,
            "efficientnet" => Self::EfficientNet,
            "regnet" => Self::RegNet,
            "convnext" => Self::ConvNext,
            "vit" | "deit" => Self::Vit,
            "swin" | "swinv2" => Self::Swin,
            _ => return None,
        })
    }

    /// Where it was published.
    #[must_use]
    pub fn paper(self) -> &'static str {
        match self {
            Self::ConvNet => "Gidaris and Komodakis 2018",
            Self::CifarResNet => "He et al. 2016, section 4.2",
            Self::ResNet => "He et al. 2016",
            Self::AlexNet => "Krizhevsky 2014, One weird trick for parallelizing CNNs",
            Self::Vgg => "Simonyan and Zisserman 2015",
            Self::SqueezeNet => "Iandola et al. 2016",
            Self::DenseNet => "Huang et al. 2017",
            Self::MobileNet => "Sandler et al. 2018",
            Self::ShuffleNet => "Ma et al. 2018",
            Self::MnasNet => "Tan et al. 2019",
            Self::EfficientNet => "Tan and Le 2019",
            Self::RegNet => "Radosavovic et al. 2020, Designing Network Design Spaces",
            Self::ConvNext => "Liu et al. 2022, A ConvNet for the 2020s",
            Self::Vit => "Dosovitskiy et al. 2021; Touvron et al. 2021",
            Self::Swin => "Liu et al. 2021 and 2022",
        }
    }

    /// Input sides are multiples of this.
    #[must_use]
    pub fn side_step(self) -> usize {
        if self == Self::Vit { PATCH } else { 1 }
    }
}
