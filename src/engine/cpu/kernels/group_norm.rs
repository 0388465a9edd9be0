//! Normalisation by the statistics of each image's groups of channels (Wu and He 2018): what an image's sums say, for the
//! loops of [`super::norm`].

use super::layers::joint;
use super::norm::{Batch, Sums};

/// A group norm on one map.
#[derive(Clone, Copy, Debug)]
pub struct Groups {
    /// Channels.
    pub channels: usize,
    /// Groups of them.
    pub groups: usize,
    /// Pixels.
    pub pixels: usize,
}

impl Groups {
    /// The channels of each group.
    fn each(self) -> impl Iterator<Item = std::ops::Range<usize>> {
        let size = self.channels / self.groups;
        (0..self.groups).map(move |group| group * size..(group + 1) * size)
    }
}

impl Batch {
    /// From an image's statistics; γ and β are as long as pixels lie apart.
    pub fn normalise_groups(&mut self, groups: Groups, epsilon: f64, sums: &Sums, (gamma, beta): (&[f32], &[f32])) {
        let [means, squares] = sums;
        for values in [&mut self.mean, &mut self.inverse, &mut self.scale, &mut self.shift] {
            values.clear();
            values.resize(means.len(), 0.0);
        }
        for group in groups.each() {
            let of = |c: usize| [means[c], squares[c] / groups.pixels as f64];
            let (mean, variance) = joint(&group.clone().map(of).collect::<Vec<_>>());
            let inverse = 1.0 / (variance + epsilon).sqrt();
            for c in group {
                self.mean[c] = mean as f32;
                self.inverse[c] = inverse as f32;
                self.scale[c] = (f64::from(gamma[c]) * inverse) as f32;
                self.shift[c] = beta[c];
            }
        }
    }

    /// Takes an image's sums of the backward pass and prepares [`super::norm::backward`]; the sums become the image's
    /// gradients of β and γ.
    ///
    /// With x̂ = (x − mean)/σ and means over the group, dx = (γ·dy − mean(γ·dy) − x̂·mean(γ·dy·x̂))/σ.
    pub fn group_gradients(&mut self, groups: Groups, sums: &mut Sums, gamma: &[f32]) {
        let [plain, scaled] = sums;
        for values in [&mut self.slope, &mut self.offset] {
            values.clear();
            values.resize(plain.len(), 0.0);
        }
        for group in groups.each() {
            let count = (group.len() * groups.pixels) as f64;
            let weighted = |sums: &[f64]| group.clone().map(|c| f64::from(gamma[c]) * sums[c]).sum::<f64>() / count;
            let (mean, slope) = (weighted(plain), weighted(scaled));
            for c in group.clone() {
                let inverse = f64::from(self.inverse[c]);
                self.offset[c] = (-mean * inverse) as f32;
                self.slope[c] = (-slope * inverse.powi(3)) as f32;
                scaled[c] *= inverse;
            }
        }
    }
}
