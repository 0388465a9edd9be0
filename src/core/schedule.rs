//! The course of the learning rate.

/// How the learning rate moves, as a factor of the base rate.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Always the base rate.
    Constant,
    /// RDED's: ½(1 + cos(π·e / 2E)), which ends at half the rate (trap 6). Per epoch.
    HalfCosine,
    /// ½(1 + cos(π·e / E)) down to 0, after `warm_up` epochs that rise from 1 % of the rate. Per epoch.
    Cosine {
        /// Epochs of the rise.
        warm_up: u32,
    },
    /// 1 − e/E. Per epoch.
    Linear,
    /// Times `factor` after every `every` epochs.
    Step {
        /// Epochs between two steps.
        every: u32,
        /// γ.
        factor: f64,
    },
    /// PyTorch's `OneCycleLR` without its cycle of the momentum: from a 25th of the peak up to it in the first 30 % of
    /// the steps and down to a 250,000th, along half cosines (Smith and Topin 2018). Per step.
    OneCycle,
}
