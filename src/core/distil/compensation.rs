//! LIC's own parameters ("information compensation"): patches are squeezed into a distilled image, and δ is added to it
//! until the observer sees the same features in its enlarged cells as in the original images.

use super::rded::{Framing, Rded};
use super::recovery::Turns;

/// How far apart features are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Distance {
    /// Mean of the absolute differences (the authors' code).
    #[default]
    L1,
    /// Mean of the squared differences (equation 8).
    L2,
}

impl Distance {
    /// Their words.
    pub const NAMES: [&'static str; 2] = ["l1", "l2"];

    /// Its word.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The one that a word names.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::L1, Self::L2].into_iter().find(|distance| distance.name() == name)
    }
}

/// Which feature is aligned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Layer {
    /// The code's for the network: a ConvNet's last map, a small ResNet's pooled row, the map that an ImageNet ResNet's
    /// second stage ends with; of other networks the row that the classifier reads up to 64 pixels, and the second
    /// stage's map above.
    #[default]
    Auto,
    /// The row that the classifier reads.
    Features,
    /// The map that a stage ends with, from 1.
    Stage(u32),
}

impl std::fmt::Display for Layer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Features => f.write_str("features"),
            Self::Stage(stage) => write!(f, "stage:{stage}"),
        }
    }
}

impl std::str::FromStr for Layer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => return Ok(Self::Auto),
            "features" => return Ok(Self::Features),
            _ => {}
        }
        let stage = text.strip_prefix("stage:").and_then(|stage| stage.parse().ok()).filter(|stage| *stage > 0);
        stage
            .map(Self::Stage)
            .ok_or_else(|| format!("'{text}' is no layer: give auto, features, or stage:1, stage:2, …"))
    }
}

impl serde::Serialize for Layer {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Layer {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Parameters of a compensation.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Compensation {
    /// Steps of the optimiser, M.
    pub iterations: u32,
    /// Learning rate of AdamW (β 0.9, 0.999), constant.
    pub lr: f64,
    /// Weight decay of δ: AdamW's default in PyTorch, which the code leaves as it is.
    pub decay: f64,
    /// The feature.
    pub layer: Layer,
    /// How its values are compared.
    pub distance: Distance,
    /// Whether originals and enlarged cells are mirrored, moved and cut out alike in each step.
    pub siamese: bool,
    /// How several observers take part.
    #[serde(default, skip_serializing_if = "Turns::alternate")]
    pub turns: Turns,
    /// Which patches are squeezed, N to an image.
    #[serde(flatten)]
    pub stitch: Rded,
}

impl Default for Compensation {
    fn default() -> Self {
        Self::LIC
    }
}

impl Compensation {
    /// The paper's settings on every dataset: the most realistic of 300 whole images, N = 4 also at 32×32. Smaller classes
    /// are taken as they are, where the code takes their first images twice, and 300 stays 300, where the code takes 500
    /// and 1000 at IPC 100 and 200 on ImageNet-1k.
    pub const LIC: Self = Self {
        iterations: 200,
        lr: 0.01,
        decay: 0.01,
        layer: Layer::Auto,
        distance: Distance::L1,
        siamese: true,
        turns: Turns::Alternate,
        stitch: Rded { crops: 0, framing: Framing::View, ..Rded::PHOTOGRAPHS },
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_have_one_spelling() {
        for text in ["auto", "features", "stage:1", "stage:12"] {
            assert_eq!(text.parse::<Layer>().unwrap().to_string(), text);
        }
        for text in ["", "stage", "stage:0", "stage:-1", "last"] {
            assert!(text.parse::<Layer>().unwrap_err().contains("give auto, features"), "{text}");
        }
    }
}
