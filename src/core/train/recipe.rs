//! How a network is trained: one recipe for students, for observers and for the baselines.

use super::loss::Loss;
use super::schedule::Schedule;
use crate::core::distil::patch::CropRange;

/// The optimiser, to PyTorch's letter.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Optimiser {
    /// AdamW with decoupled weight decay (Loshchilov and Hutter 2019): bias correction, ε added outside the root.
    AdamW {
        /// β₁, β₂.
        betas: (f64, f64),
        /// ε.
        epsilon: f64,
        /// λ.
        decay: f64,
    },
    /// Stochastic gradient descent; the decay is added to the gradient.
    Sgd {
        /// μ; PyTorch's momentum without dampening.
        momentum: f64,
        /// Nesterov's look ahead.
        nesterov: bool,
        /// λ.
        decay: f64,
    },
}

/// Where the targets come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LabelSource {
    /// The image's class.
    Hard,
    /// The observer labels each augmented batch while the student trains.
    Online,
    /// Labels that `relabel` wrote.
    Stored,
}

/// What is mixed into every image of a batch.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mixing {
    /// Nothing.
    None,
    /// A box of a partner (Yun et al. 2019), λ ~ Beta(1, 1).
    CutMix,
    /// A share of a partner (Zhang et al. 2018), λ ~ Beta(α, α).
    MixUp {
        /// α.
        alpha: f64,
    },
}

/// How an image becomes an input of the network's side.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cropping {
    /// Resized whole.
    Whole,
    /// RandomResizedCrop.
    Resized(CropRange),
    /// Black border of this many pixels after resizing to the side, then a random window of the side.
    Padded(u32),
    /// LIC's samples of images that are stitched of f×f cells: the whole image with probability 1/f², otherwise one of the
    /// cells, all alike. A cell has the image's side ÷ f, rounded down, and cells lie at multiples of that; what
    /// remains at the right and at the bottom is in none of them. Where images are taken apart beforehand
    /// ([`TrainRecipe::decode_first`]), there is nothing left to sample, and all is taken.
    Cells(u32),
}

/// When the student is evaluated; the last epoch always is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evaluations {
    /// After the last epoch only.
    Last,
    /// Every tenth epoch of the last fifth (RDED: e mod 10 = 9 and e > 0.8·E).
    Late,
    /// After every n-th epoch.
    Every(u32),
    /// After each n-th of the training: with E epochs after ⌊E/n⌋, ⌊2E/n⌋, … of them (LIC: 4).
    Parts(u32),
}

/// The parameters of a training. Ranges, units and help are in [`super::params`].
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(remote = "Self")]
pub struct TrainRecipe {
    /// Passes over the images.
    pub epochs: u32,
    /// Images per step; the last batch of an epoch may be smaller.
    pub batch: u32,
    /// Batches whose gradients are added up to one step; each holds batch ÷ accumulation images (RDED).
    pub accumulation: u32,
    /// Optimiser.
    pub optimiser: Optimiser,
    /// Whether the decay reaches biases and norms, too: SRe2L's code for small images does so, RDED's doesn't.
    pub decay_all: bool,
    /// Base learning rate.
    pub rate: f64,
    /// Its course.
    pub schedule: Schedule,
    /// Loss.
    pub loss: Loss,
    /// Targets.
    pub labels: LabelSource,
    /// Mixing.
    pub mixing: Mixing,
    /// f of ShufflePatches; 1 shuffles nothing.
    pub shuffle: u32,
    /// Whether stitched images are taken apart into their cells before anything else, so that an epoch has f² samples of
    /// each: a branch of LIC's code that is commented out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub decode_first: bool,
    /// Crops.
    pub cropping: Cropping,
    /// Whether half of the images are mirrored.
    pub flip: bool,
    /// Differentiable siamese augmentation on each batch (Zhao and Bilen 2021).
    pub dsa: bool,
    /// RDED's extra pass: batch norm's running statistics move twice per step.
    pub statistics_twice: bool,
    /// Evaluations.
    pub evaluations: Evaluations,
    /// Pixels of the shorter edge of evaluation images before their centre is cut; `None`: (side ÷ 7)·8, RDED's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluation_edge: Option<u32>,
    /// Seed of the first student: weights, order, augmentation, masks.
    pub seed: u64,
    /// Students, with the seeds that follow.
    pub seeds: u32,
}

impl serde::Serialize for TrainRecipe {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

/// What is read is checked, so that no record brings in what no flag could.
impl<'de> serde::Deserialize<'de> for TrainRecipe {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let recipe = Self::deserialize(deserializer)?;
        recipe.check().map_err(|e| serde::de::Error::custom(e.in_a_record()))?;
        Ok(recipe)
    }
}

impl Default for TrainRecipe {
    /// RDED's student on CIFAR-10.
    fn default() -> Self {
        Self {
            epochs: 300,
            batch: 50,
            accumulation: 1,
            optimiser: Optimiser::AdamW { betas: (0.9, 0.999), epsilon: 1e-8, decay: 0.01 },
            decay_all: false,
            rate: 1e-3,
            schedule: Schedule::HalfCosine,
            loss: Loss::Kl { temperature: 20.0, scaled: false },
            labels: LabelSource::Online,
            mixing: Mixing::CutMix,
            shuffle: 1,
            decode_first: false,
            cropping: Cropping::Resized(CropRange { scale: (1.0, 1.0), ratio: (0.75, 4.0 / 3.0) }),
            flip: true,
            dsa: false,
            statistics_twice: true,
            evaluations: Evaluations::Late,
            evaluation_edge: None,
            seed: 0,
            seeds: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What later parameters are off in stays out of records, so that those of before are written as they were.
    #[test]
    fn recipes_of_before_are_read_and_written_as_before() {
        let recipe = TrainRecipe::default();
        let text = serde_json::to_string(&recipe).unwrap();
        assert!(!text.contains("decode") && !text.contains("edge"), "{text}");
        assert_eq!(serde_json::from_str::<TrainRecipe>(&text).unwrap(), recipe);
        let apart = TrainRecipe { decode_first: true, evaluation_edge: Some(146), ..recipe };
        let text = serde_json::to_string(&apart).unwrap();
        assert!(text.contains(r#""decode_first":true"#) && text.contains(r#""evaluation_edge":146"#), "{text}");
        assert_eq!(serde_json::from_str::<TrainRecipe>(&text).unwrap(), apart);
    }
}
