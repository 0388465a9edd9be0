//! The papers' recipes per dataset (spec section 3c), by name.

use super::recipe::{Method, OutputFormat, Recipe};

/// A named recipe that ships with the program.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// Name for `--preset` and the form.
    pub name: &'static str,
    /// What it repeats.
    pub about: &'static str,
    patches: u32,
}

/// RDED's settings: 300 images × 5 crops, JPEG quality 75; N = 1 up to 64×64, N = 4 above.
pub const PRESETS: [Preset; 9] = [
    Preset { name: "rded", about: "RDED for photographs: N = 4, 300 × 5 crops, JPEG 75", patches: 4 },
    Preset { name: "rded-cifar10", about: "RDED on CIFAR-10 (32×32): N = 1", patches: 1 },
    Preset { name: "rded-cifar100", about: "RDED on CIFAR-100 (32×32): N = 1", patches: 1 },
    Preset { name: "rded-tinyimagenet", about: "RDED on Tiny-ImageNet (64×64): N = 1", patches: 1 },
    Preset { name: "rded-imagenet-10", about: "RDED on ImageNet-10: N = 4", patches: 4 },
    Preset { name: "rded-imagenette", about: "RDED on ImageNette: N = 4", patches: 4 },
    Preset { name: "rded-imagewoof", about: "RDED on ImageWoof: N = 4", patches: 4 },
    Preset { name: "rded-imagenet-100", about: "RDED on ImageNet-100: N = 4", patches: 4 },
    Preset { name: "rded-imagenet-1k", about: "RDED on ImageNet-1k: N = 4", patches: 4 },
];

impl Preset {
    /// The preset called `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        PRESETS.into_iter().find(|p| p.name == name)
    }

    /// Its recipe.
    #[must_use]
    pub fn recipe(&self) -> Recipe {
        Recipe { method: Method::Rded, patches: self.patches, format: OutputFormat::Jpeg(75), ..Recipe::default() }
    }
}
