//! RDED's own parameters (Sun et al. 2024) and its baselines: which patches of which images are scored and stitched.

use super::short::ShortClasses;

/// RDED's own parameters: which patches of which images are scored, and which of them are stitched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Rded {
    /// Patches per distilled image, N = f².
    pub patches: u32,
    /// Images per class that are scored.
    pub subset: u32,
    /// Random crops per image, K; 0 takes the whole image, resized to the patch's square.
    pub crops: u32,
    /// Which key patches are kept.
    #[serde(default, skip_serializing_if = "Strategy::is_realism")]
    pub strategy: Strategy,
    /// What becomes of classes with fewer candidates than IPC·N.
    #[serde(default, skip_serializing_if = "ShortClasses::refuses")]
    pub short_classes: ShortClasses,
    /// How images are framed that are taken whole.
    #[serde(default, skip_serializing_if = "Framing::is_patch")]
    pub framing: Framing,
}

/// How an image that is taken whole becomes what is scored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Framing {
    /// All of it, resized to the square of a patch, whatever its shape.
    #[default]
    Patch,
    /// As the observer is evaluated: its centre at the full side of the input. A cell of a distilled image takes its
    /// nearest pixels (LIC's code). The centre is that of RDED's evaluation for every network; LIC's code cuts 128 pixels
    /// from 146 instead of 144 and, on ImageNet-1k, 64 from 73 for ConvNets.
    View,
}

impl Framing {
    /// Their words.
    pub const NAMES: [&'static str; 2] = ["patch", "view"];

    /// Its word.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The one that a word names.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Patch, Self::View].into_iter().find(|framing| framing.name() == name)
    }

    /// Whether it is RDED's, which records needn't spell.
    #[must_use]
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    pub fn is_patch(&self) -> bool {
        *self == Self::Patch
    }
}

impl Default for Rded {
    fn default() -> Self {
        Self::PHOTOGRAPHS
    }
}

impl Rded {
    /// For photographs.
    pub const PHOTOGRAPHS: Self = Self {
        patches: 4,
        subset: 300,
        crops: 5,
        strategy: Strategy::Realism,
        short_classes: ShortClasses::Refuse,
        framing: Framing::Patch,
    };

    /// The values N may have.
    pub const PATCHES: [u32; 5] = [1, 4, 9, 16, 25];

    /// f = √N.
    #[must_use]
    pub fn factor(&self) -> u32 {
        self.patches.isqrt()
    }

    /// Patches of an image among which the key patch is found: K, or the one whole image.
    #[must_use]
    pub fn patches_per_image(&self) -> u32 {
        self.crops.max(1)
    }

    /// Whether images are taken whole.
    #[must_use]
    pub fn whole_images(&self) -> bool {
        self.crops == 0
    }

    /// Whether images are taken whole and as the observer is evaluated.
    #[must_use]
    pub fn views(&self) -> bool {
        self.whole_images() && self.framing == Framing::View
    }

    /// Side in pixels of the patches that are scored, for an observer's input of this side: its share of the side, or all
    /// of it for views.
    #[must_use]
    pub fn patch_side(&self, side: u32) -> u32 {
        if self.views() { side } else { super::compose::patch_side(side, self.factor()) }
    }
}

/// Which key patches of a class are kept (RDED's Tables 7 to 9). The candidates are the images of the
/// subset that could be decoded, each with its key patch: the crop with the least loss, or the whole image where the
/// recipe takes no crops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// RDED's own: the least losses.
    #[default]
    Realism,
    /// Uniformly without replacement, by the seed.
    Random,
    /// Herding on the observer's features (Welling 2009).
    Herding,
    /// The patches nearest to the centres of k-means on the observer's features, one cluster for each patch.
    KMeans,
}

impl Strategy {
    /// Their names, as flags and manifests have them.
    pub const NAMES: [&'static str; 4] = ["realism", "random", "herding", "kmeans"];

    /// The name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The strategy with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Realism, Self::Random, Self::Herding, Self::KMeans].into_iter().find(|s| s.name() == name)
    }

    /// Whether it looks at the observer's features.
    #[must_use]
    pub fn needs_features(self) -> bool {
        matches!(self, Self::Herding | Self::KMeans)
    }

    /// Whether it is RDED's: manifests of older versions know no other and don't name it.
    #[must_use]
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    pub fn is_realism(&self) -> bool {
        *self == Self::Realism
    }
}
