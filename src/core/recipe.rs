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
    /// Random crops per image, K.
    pub crops: u32,
    /// Seed of the subset and of the crop boxes.
    pub seed: u64,
    /// File format of the distilled images.
    pub format: OutputFormat,
}

impl Default for Recipe {
    fn default() -> Self {
        Self { method: Method::Rded, ipc: 10, patches: 4, subset: 300, crops: 5, seed: 0, format: OutputFormat::Png }
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
}
