//! The papers' recipes per dataset, by name.

use super::compensation::Compensation;
use super::rded::Rded;
use super::recipe::{Method, OutputFormat, Recipe};
use super::recovery::Recovery;

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

/// SRe2L's and CDA's settings.
fn recovered(method: Method) -> Recipe {
    Recipe { method, ..photographs() }
}

/// LIC's settings: the same for all datasets.
fn compensated() -> Recipe {
    Recipe { method: Method::Lic(Compensation::LIC), format: OutputFormat::Float, ..Recipe::default() }
}

const fn preset(name: &'static str, about: &'static str, recipe: fn() -> Recipe) -> Preset {
    Preset { name, about, recipe }
}

/// RDED's settings: 300 images × 5 crops, JPEG quality 75; N = 1 up to 64×64, N = 4 above. SRe2L's and CDA's where paper,
/// script and code differ, each by name.
pub const PRESETS: [Preset; 20] = [
    preset("rded", "RDED for photographs: N = 4, 300 × 5 crops, JPEG 75", photographs),
    preset("rded-cifar10", "RDED on CIFAR-10 (32×32): N = 1", small),
    preset("rded-cifar100", "RDED on CIFAR-100 (32×32): N = 1", small),
    preset("rded-tinyimagenet", "RDED on Tiny-ImageNet (64×64): N = 1", small),
    preset("rded-imagenet-10", "RDED on ImageNet-10: N = 4", photographs),
    preset("rded-imagenette", "RDED on ImageNette: N = 4", photographs),
    preset("rded-imagewoof", "RDED on ImageWoof: N = 4", photographs),
    preset("rded-imagenet-100", "RDED on ImageNet-100: N = 4", photographs),
    preset("rded-imagenet-1k", "RDED on ImageNet-1k: N = 4", photographs),
    preset("sre2l", "SRe2L's script for ImageNet-1k: 4000 steps, rate 0.25, statistics 0.01", || {
        recovered(Method::Sre2l(Recovery::SRE2L))
    }),
    preset(
        "sre2l-code",
        "SRe2L's defaults in the code: 1000 steps, rate 0.1, statistics 0.05, variation, norm",
        || recovered(Method::Sre2l(Recovery::SRE2L_CODE)),
    ),
    preset("sre2l-tinyimagenet", "SRe2L's script for Tiny-ImageNet: 4000 steps, rate 0.1, statistics 1", || {
        recovered(Method::Sre2l(Recovery::SRE2L_TINY))
    }),
    preset("sre2l-cifar100", "SRe2L's script for CIFAR-100: 1000 steps, whole images", || {
        recovered(Method::Sre2l(Recovery::SRE2L_CIFAR))
    }),
    preset("cda", "CDA on ImageNet-1k: SRe2L with crops that begin whole and grow smaller", || {
        recovered(Method::Cda(Recovery::CDA))
    }),
    preset("cda-tinyimagenet", "CDA's script for Tiny-ImageNet: rate 0.4, statistics 0.05", || {
        recovered(Method::Cda(Recovery::CDA_TINY))
    }),
    preset("cda-tinyimagenet-paper", "CDA's Table 12 for Tiny-ImageNet: rate 0.1, statistics 1", || {
        recovered(Method::Cda(Recovery::CDA_TINY_PAPER))
    }),
    preset("cda-cifar100", "CDA's paper on CIFAR-100, for which there is no code: crops from 0.4 on", || {
        recovered(Method::Cda(Recovery::CDA_CIFAR))
    }),
    preset("cda-constant", "CDA's plain code: milestone 0, which is SRe2L without variation and norm", || {
        recovered(Method::Cda(Recovery { milestone: 0.0, ..Recovery::CDA }))
    }),
    preset("lic", "LIC on any dataset: N = 4 of 300 whole images, 200 steps, floats", compensated),
    preset("lic-l2", "LIC with its paper's equation 8: squared differences", || {
        let own = Compensation { distance: super::compensation::Distance::L2, ..Compensation::LIC };
        Recipe { method: Method::Lic(own), ..compensated() }
    }),
];

/// What a method's paper does on data of this side: for `--method` without a preset. `None` for a name that no method
/// has.
#[must_use]
pub fn of_method(name: &str, side: u32) -> Option<Recipe> {
    let of = |small: &'static str, medium: &'static str, large: &'static str| match side {
        ..=32 => small,
        33..=64 => medium,
        _ => large,
    };
    let preset = match name {
        "rded" => of("rded-cifar10", "rded-tinyimagenet", "rded"),
        "sre2l" => of("sre2l-cifar100", "sre2l-tinyimagenet", "sre2l"),
        "cda" => of("cda-cifar100", "cda-tinyimagenet", "cda"),
        "lic" => "lic",
        _ => return None,
    };
    Preset::named(preset).map(|preset| preset.recipe())
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_every_recipe_is_sound() {
        for (at, preset) in PRESETS.iter().enumerate() {
            assert!(PRESETS[..at].iter().all(|other| other.name != preset.name), "{}", preset.name);
            preset.recipe().check().unwrap();
            assert!(preset.name.starts_with(preset.recipe().method.name()), "{}", preset.name);
        }
    }

    #[test]
    fn a_method_has_its_papers_values_for_the_datas_side() {
        let of = |name, side| of_method(name, side).unwrap().method;
        for name in Method::NAMES {
            assert_eq!(of(name, 224).name(), name);
        }
        assert_eq!(of("rded", 32).rded().unwrap().patches, 1);
        assert_eq!(of("lic", 32).rded().unwrap().patches, 4, "LIC stitches on CIFAR, too");
        assert_eq!(of("sre2l", 32), Method::Sre2l(Recovery::SRE2L_CIFAR));
        assert_eq!(of("cda", 64), Method::Cda(Recovery::CDA_TINY));
        assert_eq!(of("cda", 128), Method::Cda(Recovery::CDA));
        assert_eq!(of_method("magic", 32), None);
    }
}
