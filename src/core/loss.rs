//! The losses of the papers, with their gradients for the student's logits: made on the host, so that every device only
//! needs a forward pass and a backward pass from there.

/// A loss over a batch.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// KL divergence of the student's distribution from the observer's, both at temperature T, without T² (spec 1.8).
    Kl {
        /// T.
        temperature: f64,
        /// Times T² (SRe2L on Tiny-ImageNet; trap 9).
        scaled: bool,
    },
    /// Cross-entropy with the observer's distribution.
    SoftCrossEntropy,
    /// Cross-entropy with the image's class.
    HardCrossEntropy,
    /// Mean squared difference of the logits, plus `hard` times the cross-entropy with the class (LIC, DD-Ranking).
    LogitMse {
        /// Weight of the cross-entropy.
        hard: f64,
    },
}
