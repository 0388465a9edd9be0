//! Position embeddings for another input side than a network was trained at: the grid of learnt embeddings is
//! resampled like a picture, bicubic and antialiased, the class token's stays (timm's way of fine-tuning ViTs).

/// Resamples `old`, the embeddings of `prefix` tokens and a square grid, [1, prefix + n², C], to a grid of `side`².
/// `None` where the tokens are not `prefix` and a square.
#[must_use]
pub fn resample(old: &[f32], channels: usize, prefix: usize, side: usize) -> Option<Vec<f32>> {
    let tokens = old.len().checked_div(channels)?.checked_sub(prefix)?;
    let from = tokens.isqrt();
    if from == 0 || from * from != tokens || old.len() != (prefix + tokens) * channels {
        return None;
    }
    let (fixed, grid) = old.split_at(prefix * channels);
    let axis = weights(from, side);
    // Rows first or columns first is the same up to rounding; columns first, as PyTorch does it.
    let mut wide = vec![0.0_f32; from * side * channels];
    for (row, out) in grid.chunks_exact(from * channels).zip(wide.chunks_exact_mut(side * channels)) {
        for ((first, weights), out) in axis.iter().zip(out.chunks_exact_mut(channels)) {
            mix(row, (*first, weights), channels, out);
        }
    }
    let mut all = fixed.to_vec();
    for (first, weights) in &axis {
        let mut out = vec![0.0_f32; side * channels];
        mix(&wide, (*first, weights), side * channels, &mut out);
        all.extend(out);
    }
    Some(all)
}

/// Adds up parts of `length` values from the `first` on, each with its weight.
fn mix(values: &[f32], (first, weights): (usize, &[f32]), length: usize, out: &mut [f32]) {
    for (part, &weight) in values[first * length..].chunks_exact(length).zip(weights) {
        out.iter_mut().zip(part).for_each(|(sum, &value)| *sum += weight * value);
    }
}

/// For each of `to` positions: the first of the `from` positions it sees, and how much of each from there on.
fn weights(from: usize, to: usize) -> Vec<(usize, Vec<f32>)> {
    let scale = from as f32 / to.max(1) as f32;
    let stretch = scale.max(1.0);
    let support = 2.0 * stretch;
    let of = |at: usize| {
        let centre = scale * (at as f32 + 0.5);
        let first = (centre - support + 0.5).max(0.0) as usize;
        let end = ((centre + support + 0.5) as usize).min(from);
        let mut weights: Vec<f32> = (first..end).map(|j| cubic((j as f32 - centre + 0.5) / stretch)).collect();
        let sum: f32 = weights.iter().sum();
        weights.iter_mut().for_each(|w| *w /= sum);
        (first, weights)
    };
    (0..to).map(of).collect()
}

/// Keys' cubic convolution kernel with a = −1/2, which PyTorch takes when antialiasing (−3/4 otherwise).
fn cubic(x: f32) -> f32 {
    const A: f32 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `before` and the values of `resample_abs_pos_embed(old, [to, to], num_prefix_tokens=1)` in timm 1.0 on PyTorch
    /// 2.15 for two channels, where value i of `old` is ((7i² + 3i) mod 11 − 5) / 4.
    fn check(from: usize, to: usize, expected: &[f32]) {
        let old: Vec<f32> =
            (0..(1 + from * from) * 2).map(|i| ((7 * i * i + 3 * i) % 11) as f32 / 4.0 - 1.25).collect();
        let new = resample(&old, 2, 1, to).unwrap();
        assert_eq!(new.len(), (1 + to * to) * 2);
        for (at, (found, expected)) in new.iter().zip(expected).enumerate() {
            assert!((found - expected).abs() < 2e-6, "{from} to {to}, value {at}: {found}, not {expected}");
        }
    }

    #[test]
    fn grids_are_resampled_as_by_pytorch() {
        let larger = [
            -1.25, 1.25, -1.077909, 0.402354, -0.895898, -0.001935, -0.498774, -0.578765, 0.086356, -0.955958,
            0.891254, -1.233359, 1.438495, -1.36946, -0.673568, -0.591331, -0.089965, -0.680796, 0.515421, -0.80399,
            0.359783, -0.877791, 0.392734, -0.701557, 0.463622, -0.522833, -0.390533, -1.02126, 0.384259, -1.016408,
            0.999041,
        ];
        check(4, 6, &larger);
        let smaller = [
            -1.25, 1.25, -0.547984, -0.076207, -0.283579, -0.207099, -0.061774, -0.632661, -0.011095, -0.426495,
            -0.217075, -0.411364, 0.054081, -0.31815, -0.388452, -0.437463, -0.070217, -0.148925, -0.148925, -0.070217,
            -0.437463, -0.388452, -0.31815, 0.054081, -0.411365, -0.217076, -0.426495, -0.011095, -0.632661, -0.061774,
            -0.207099, -0.283579, -0.076207, -0.547984,
        ];
        check(6, 4, &smaller);
        let fewest =
            [-1.25, 1.25, -0.165364, -0.254188, -0.138739, -0.423186, -0.423186, -0.138739, -0.254188, -0.165364];
        check(5, 2, &fewest);
    }

    #[test]
    fn what_is_no_square_is_refused() {
        assert_eq!(resample(&[0.0; 2 * 7], 2, 1, 4), None);
        assert_eq!(resample(&[0.0; 2], 2, 1, 4), None);
        assert_eq!(resample(&[0.0; 11], 2, 1, 4), None);
        assert_eq!(resample(&[], 0, 1, 4), None);
        let same: Vec<f32> = (0..20).map(|v| v as f32).collect();
        assert_eq!(resample(&same, 2, 1, 3), Some(same));
    }
}
