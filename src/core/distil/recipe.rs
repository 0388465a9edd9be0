//! A recipe: one method with its parameters, as data. What a user edits, a preset ships and a manifest records.

/// How distilled images are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OutputFormat {
    /// Lossless.
    Png,
    /// Baseline JPEG with 4:2:0 chroma, quality 1–100 (RDED writes 75).
    Jpeg(u8),
}

impl OutputFormat {
    /// File ending without the dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg(_) => "jpg",
        }
    }
}

impl std::fmt::Display for OutputFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Png => f.write_str("png"),
            Self::Jpeg(quality) => write!(f, "jpeg:{quality}"),
        }
    }
}

impl std::str::FromStr for OutputFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let quality = match text {
            "png" => return Ok(Self::Png),
            "jpeg" => Some(75),
            _ => text.strip_prefix("jpeg:").and_then(|q| q.parse().ok()).filter(|q| (1..=100).contains(q)),
        };
        quality.map(Self::Jpeg).ok_or_else(|| format!("'{text}' is no format: give png or jpeg:Q with Q from 1 to 100"))
    }
}

impl serde::Serialize for OutputFormat {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for OutputFormat {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The distillation method. More follow; each is a recipe, not a fork of the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Sun et al., "On the Diversity and Realism of Distilled Dataset" (CVPR 2024).
    #[default]
    Rded,
}

/// Which key patches of a class are kept (spec section 8; RDED's tables 7 to 9). The candidates are the images of the
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

/// The parameters of a run. Ranges, units and help are in [`super::params`].
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Recipe {
    /// The method.
    pub method: Method,
    /// Distilled images per class.
    pub ipc: u32,
    /// Patches per distilled image, N = f².
    pub patches: u32,
    /// Images per class that are scored.
    pub subset: u32,
    /// Random crops per image, K; 0 takes the whole image, resized to the patch's square.
    pub crops: u32,
    /// Which key patches are kept.
    #[serde(default, skip_serializing_if = "Strategy::is_realism")]
    pub strategy: Strategy,
    /// Seed of the subset, of the crop boxes, and of what a strategy draws.
    pub seed: u64,
    /// File format of the distilled images.
    pub format: OutputFormat,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            method: Method::Rded,
            ipc: 10,
            patches: 4,
            subset: 300,
            crops: 5,
            strategy: Strategy::Realism,
            seed: 0,
            format: OutputFormat::Png,
        }
    }
}

impl Recipe {
    /// The values N may have.
    pub const PATCHES: [u32; 5] = [1, 4, 9, 16, 25];

    /// f = √N.
    #[must_use]
    pub fn factor(&self) -> u32 {
        self.patches.isqrt()
    }

    /// Patches a class must supply: IPC·N.
    #[must_use]
    pub fn patches_per_class(&self) -> usize {
        self.ipc as usize * self.patches as usize
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipes_without_a_strategy_are_read_and_written_as_before() {
        let old = r#"{"method":"rded","ipc":10,"patches":4,"subset":300,"crops":5,"seed":0,"format":"png"}"#;
        let recipe: Recipe = serde_json::from_str(old).unwrap();
        assert_eq!(recipe, Recipe::default());
        assert_eq!(serde_json::to_string(&recipe).unwrap(), old);
    }

    #[test]
    fn strategies_have_one_spelling() {
        for name in Strategy::NAMES {
            let strategy = Strategy::named(name).unwrap();
            assert_eq!(strategy.name(), name);
            let recipe = Recipe { strategy, crops: 0, ..Recipe::default() };
            let text = serde_json::to_string(&recipe).unwrap();
            assert_eq!(text.contains(&format!(r#""strategy":"{name}""#)), strategy != Strategy::Realism, "{text}");
            assert_eq!(serde_json::from_str::<Recipe>(&text).unwrap(), recipe);
        }
        assert_eq!(Strategy::named("best"), None);
    }
}
