//! Statistics of channels, and the loss that compares a batch's with an observer's running ones.

/// Mean and biased variance of each channel, over images, rows and columns; or what belongs to them, as a gradient.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChannelStatistics {
    /// Mean of each channel.
    pub mean: Vec<f32>,
    /// Biased variance of each channel.
    pub variance: Vec<f32>,
}

impl ChannelStatistics {
    /// ‖mean − mean of `running`‖₂ + ‖variance − variance of `running`‖₂, and its gradient for these statistics: what
    /// DeepInversion (Yin et al. 2020, section 3.2) and SRe2L (Yin, Xing and Shen 2023) sum over the batch norms of an
    /// observer. In f64; where the statistics are equal the gradient is 0, as PyTorch has it. `None` where they have
    /// different numbers of channels.
    #[must_use]
    pub fn distance(&self, running: &Self) -> Option<(f64, Self)> {
        let (mean, of_mean) = distance(&self.mean, &running.mean)?;
        let (variance, of_variance) = distance(&self.variance, &running.variance)?;
        Some((mean + variance, Self { mean: of_mean, variance: of_variance }))
    }

    /// The same times a factor: a gradient's share in a loss.
    #[must_use]
    pub fn scaled(mut self, factor: f64) -> Self {
        for value in self.mean.iter_mut().chain(&mut self.variance) {
            *value = (f64::from(*value) * factor) as f32;
        }
        self
    }
}

/// ‖a − b‖₂ and its gradient for a.
fn distance(a: &[f32], b: &[f32]) -> Option<(f64, Vec<f32>)> {
    if a.len() != b.len() {
        return None;
    }
    let apart = || a.iter().zip(b).map(|(&a, &b)| f64::from(a) - f64::from(b));
    let norm = apart().map(|d| d * d).sum::<f64>().sqrt();
    let gradient = apart().map(|d| if norm > 0.0 { (d / norm) as f32 } else { 0.0 }).collect();
    Some((norm, gradient))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Means 3 and 4 apart: norm 5, gradient (0.6, 0.8). Variances −2 apart in the second channel alone.
    #[test]
    fn distances_are_not_squared() {
        let batch = ChannelStatistics { mean: vec![4.0, 3.0], variance: vec![1.0, 1.0] };
        let running = ChannelStatistics { mean: vec![1.0, -1.0], variance: vec![1.0, 3.0] };
        let (value, gradient) = batch.distance(&running).unwrap();
        assert_eq!(value, 7.0);
        assert_eq!(gradient, ChannelStatistics { mean: vec![0.6, 0.8], variance: vec![0.0, -1.0] });
        assert_eq!(gradient.scaled(10.0).mean, [6.0, 8.0]);
        let (value, gradient) = batch.distance(&batch).unwrap();
        assert_eq!((value, gradient), (0.0, ChannelStatistics { mean: vec![0.0; 2], variance: vec![0.0; 2] }));
        assert!(batch.distance(&ChannelStatistics::default()).is_none());
    }
}
