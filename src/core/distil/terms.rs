//! Loss terms on images and features that move pixels, with their gradients. Sums are taken in f64 in one order.

use super::compensation::Distance;

/// A batch of square images N×3×S×S.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Their values, image by image, plane by plane, row by row.
    pub values: &'a [f32],
    /// S.
    pub side: usize,
}

impl Batch<'_> {
    fn images(&self) -> usize {
        self.values.len() / (3 * self.side * self.side).max(1)
    }
}

/// Neighbours whose differences the total variation sums: (rows, columns) from a pixel to the other.
const NEIGHBOURS: [(usize, isize); 4] = [(0, 1), (1, 0), (1, -1), (1, 1)];

/// The total variation of SRe2L's code: for each of four neighbours (right, below, below left, below right) the Frobenius
/// norm of all differences of the whole batch, summed; and its gradient.
#[must_use]
pub fn total_variation(batch: Batch<'_>) -> (f64, Vec<f32>) {
    let mut gradient = vec![0.0_f32; batch.values.len()];
    let mut total = 0.0;
    for to in NEIGHBOURS {
        let mut squares = 0.0;
        differences(batch, to, |_, _, d| squares += f64::from(d) * f64::from(d));
        let norm = squares.sqrt();
        total += norm;
        // Where nothing differs PyTorch's gradient is not a number; here nothing pulls.
        if norm > 0.0 {
            differences(batch, to, |a, b, d| {
                let pull = (f64::from(d) / norm) as f32;
                gradient[a] += pull;
                gradient[b] -= pull;
            });
        }
    }
    (total, gradient)
}

/// Calls `each(i, j, values[i] − values[j])` for all pixels that have this neighbour.
fn differences(
    Batch { values, side }: Batch<'_>,
    (down, right): (usize, isize),
    mut each: impl FnMut(usize, usize, f32),
) {
    let columns = if right < 0 { 1..side } else { 0..side.saturating_sub(right.unsigned_abs()) };
    for plane in (0..values.len()).step_by((side * side).max(1)) {
        for row in 0..side.saturating_sub(down) {
            for column in columns.clone() {
                let at = plane + row * side + column;
                let other = (at + down * side).wrapping_add_signed(right);
                each(at, other, values[at] - values[other]);
            }
        }
    }
}

/// The mean over the images of their Euclidean norm (SRe2L's l2 term, not squared), and its gradient.
#[must_use]
pub fn mean_norm(batch: Batch<'_>) -> (f64, Vec<f32>) {
    let count = batch.images().max(1) as f64;
    let (mut total, mut gradient) = (0.0, Vec::with_capacity(batch.values.len()));
    for image in batch.values.chunks_exact((3 * batch.side * batch.side).max(1)) {
        let norm = image.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>().sqrt();
        total += norm / count;
        let scale = if norm > 0.0 { 1.0 / (norm * count) } else { 0.0 };
        gradient.extend(image.iter().map(|&v| (f64::from(v) * scale) as f32));
    }
    (total, gradient)
}

/// How far the features of `images` images are from those that they should have: the mean over an image's values of their
/// absolute or squared differences, summed over the images (LIC, equation 8); and the gradient for `features`.
#[must_use]
pub fn misalignment(features: &[f32], due: &[f32], images: usize, distance: Distance) -> (f64, Vec<f32>) {
    if features.len() != due.len() || images == 0 {
        return (f64::NAN, vec![f32::NAN; features.len()]);
    }
    let per_image = (features.len() / images) as f64;
    let mut total = 0.0;
    let pull = |(&f, &d): (&f32, &f32)| {
        let apart = f64::from(f) - f64::from(d);
        match distance {
            Distance::L1 => {
                total += apart.abs();
                (if apart == 0.0 { 0.0 } else { apart.signum() } / per_image) as f32
            }
            Distance::L2 => {
                total += apart * apart;
                (2.0 * apart / per_image) as f32
            }
        }
    };
    let gradient = features.iter().zip(due).map(pull).collect();
    (total / per_image, gradient)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One plane 0 1 / 2 4 and two of zeros: right √(1² + 2²), below √(2² + 3²), below left 2 − 1, below right 4 − 0.
    #[test]
    fn variation_is_a_sum_of_norms() {
        let mut values = vec![0.0; 12];
        values[..4].copy_from_slice(&[0.0, 1.0, 2.0, 4.0]);
        let (value, gradient) = total_variation(Batch { values: &values, side: 2 });
        let (a, b) = (5.0_f64.sqrt(), 13.0_f64.sqrt());
        assert!((value - (a + b + 1.0 + 4.0)).abs() < 1e-12);
        // The last pixel: 2/√5 from the left, 3/√13 from above, 1 from above left.
        let due =
            [-1.0 / a - 2.0 / b - 1.0, 1.0 / a - 3.0 / b - 1.0, -2.0 / a + 2.0 / b + 1.0, 2.0 / a + 3.0 / b + 1.0];
        for (g, d) in gradient[..4].iter().zip(due) {
            assert!((f64::from(*g) - d).abs() < 1e-6, "{gradient:?}");
        }
        assert!(gradient[4..].iter().all(|&g| g == 0.0));
        assert_eq!(total_variation(Batch { values: &[1.0; 12], side: 2 }), (0.0, vec![0.0; 12]));
    }

    #[test]
    fn norms_are_a_mean_over_images() {
        let mut values = vec![0.0; 24];
        (values[0], values[1], values[12]) = (3.0, 4.0, 1.0);
        let (value, gradient) = mean_norm(Batch { values: &values, side: 2 });
        assert_eq!((value, gradient[0], gradient[1], gradient[12]), (3.0, 0.3, 0.4, 0.5));
    }

    #[test]
    fn features_are_compared_per_image() {
        let (features, due) = ([1.0, 2.0, 0.0, 5.0], [0.0, 2.0, 1.0, 1.0]);
        assert_eq!(misalignment(&features, &due, 2, Distance::L1), (3.0, vec![0.5, 0.0, -0.5, 0.5]));
        assert_eq!(misalignment(&features, &due, 2, Distance::L2), (9.0, vec![1.0, 0.0, -1.0, 4.0]));
        assert!(misalignment(&features, &due[1..], 2, Distance::L1).0.is_nan());
    }
}
