//! The papers' recipes per dataset, by name.

use super::rded::Rded;
use super::recipe::{OutputFormat, Recipe};

/// A named recipe that ships with the program.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// Name for `--preset` and the form.
    pub name: &'static str,
    /// What it repeats.
    pub about: &'static str,
    recipe: fn() -> Recipe,
}

/// RDED's settings for photographs.
fn photographs() -> Recipe {
    Recipe { format: OutputFormat::Jpeg(75), method: Rded::default(), ..Recipe::default() }.into()
}

/// RDED's settings for images of up to 64×64 pixels.
fn small() -> Recipe {
    photographs().with(Rded { patches: 1, ..Rded::default() }).into()
}

/// RDED's settings: 300 images × 5 crops, JPEG quality 75; N = 1 up to 64×64, N = 4 above.
pub const PRESETS: [Preset; 9] = [
    Preset { name: "rded", about: "RDED for photographs: N = 4, 300 × 5 crops, JPEG 75", recipe: photographs },
    Preset { name: "rded-cifar10", about: "RDED on CIFAR-10 (32×32): N = 1", recipe: small },
    Preset { name: "rded-cifar100", about: "RDED on CIFAR-100 (32×32): N = 1", recipe: small },
    Preset { name: "rded-tinyimagenet", about: "RDED on Tiny-ImageNet (64×64): N = 1", recipe: small },
    Preset { name: "rded-imagenet-10", about: "RDED on ImageNet-10: N = 4", recipe: photographs },
    Preset { name: "rded-imagenette", about: "RDED on ImageNette: N = 4", recipe: photographs },
    Preset { name: "rded-imagewoof", about: "RDED on ImageWoof: N = 4", recipe: photographs },
    Preset { name: "rded-imagenet-100", about: "RDED on ImageNet-100: N = 4", recipe: photographs },
    Preset { name: "rded-imagenet-1k", about: "RDED on ImageNet-1k: N = 4", recipe: photographs },
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
        (self.recipe)()
    }
}
