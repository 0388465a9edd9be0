//! Principal components by randomised subspace iteration (Halko, Martinsson and Tropp 2011, algorithm 4.4), continued until
//! the components stand still, so that the result is that of a full decomposition to about six digits.

use rayon::prelude::*;

use super::eigen::{dot, orthonormalise, symmetric};
use super::rows::Rows;
use crate::core::progress::{Cancelled, Progress};
use crate::core::rng::Stream;

/// Directions that are followed beyond those asked for; they speed up the convergence of the last ones.
const BEYOND: usize = 10;
/// Passes over the rows, at most: components of nearly the same variance may then still be mixed with each other.
const PASSES: u64 = 200;
/// Components stand still when they are off by less than this, as a part of the largest variance.
const STILL: f64 = 1e-7;
/// Sums of rows are made in at most this many parts, whatever the number of threads.
const PARTS: usize = 32;

/// The first principal components of some rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Components {
    /// dims: the mean row.
    pub mean: Vec<f64>,
    /// count×dims: orthonormal, the largest variance first. The entry of largest magnitude is positive, as
    /// scikit-learn's `svd_flip` has it.
    pub axes: Vec<f64>,
    /// count: the variance along each axis (divided by n − 1).
    pub variances: Vec<f64>,
    /// The variance of all columns together.
    pub total_variance: f64,
    /// How far the components are from standing still, as a part of the largest variance; above 1e-7 only where variances
    /// lie so close together that their axes are arbitrary.
    pub residual: f64,
}

impl Components {
    /// Number of components.
    #[must_use]
    pub fn count(&self) -> usize {
        self.variances.len()
    }

    /// The part of the total variance along each axis; 0 where nothing varies.
    #[must_use]
    pub fn ratios(&self) -> Vec<f64> {
        let part = |v: &f64| if self.total_variance > 0.0 { v / self.total_variance } else { 0.0 };
        self.variances.iter().map(part).collect()
    }

    /// Coordinates of `rows` (of as many columns as those the components are of): n×count.
    #[must_use]
    pub fn project(&self, rows: Rows<'_>) -> Vec<f64> {
        let dims = self.mean.len();
        (0..rows.len())
            .into_par_iter()
            .flat_map_iter(|i| {
                let centred = centred(rows.row(i), &self.mean);
                self.axes.chunks_exact(dims).map(|axis| dot(&centred, axis)).collect::<Vec<f64>>()
            })
            .collect()
    }
}

/// The first `count` components of `rows`, or as many as there are (rows and columns bound them). `seed` names the
/// directions that the search begins with; it moves the result by rounding only.
///
/// # Errors
/// [`Cancelled`].
pub fn components(
    rows: Rows<'_>,
    count: usize,
    seed: u64,
    progress: &mut dyn Progress,
) -> Result<Components, Cancelled> {
    let dims = rows.dims();
    let count = count.min(dims).min(rows.len());
    let mean = mean(rows);
    let mut stream = Stream::new("stillroom 2026 principal components v1", seed, &[]);
    let width = (count + BEYOND).min(dims);
    let mut basis: Vec<f64> = (0..width * dims).map(|_| stream.normal()).collect();
    orthonormalise(&mut basis, dims, || stream.normal());
    let mut found = Ritz { values: vec![0.0; width], residual: 0.0 };
    for pass in 0..PASSES {
        progress.step("principal components", pass, PASSES)?;
        let mut images = covariance_times(rows, &mean, &basis);
        found = turn(&mut basis, &mut images, dims, count);
        if found.residual <= STILL || count == 0 {
            break;
        }
        basis = images;
        orthonormalise(&mut basis, dims, || stream.normal());
    }
    progress.step("principal components", PASSES, PASSES)?;
    basis.truncate(count * dims);
    basis.chunks_exact_mut(dims).for_each(fix_sign);
    found.values.truncate(count);
    let variances = found.values.into_iter().map(|v| v.max(0.0)).collect();
    let total_variance = total_variance(rows, &mean);
    Ok(Components { mean, axes: basis, variances, total_variance, residual: found.residual })
}

struct Ritz {
    values: Vec<f64>,
    residual: f64,
}

/// Turns the orthonormal `basis` (width×dims), and with it `images`, the covariance's products with it, to the best
/// eigenvectors within the space that it spans (Rayleigh and Ritz). The residual is that of the first `count`.
fn turn(basis: &mut Vec<f64>, images: &mut Vec<f64>, dims: usize, count: usize) -> Ritz {
    let width = basis.len() / dims;
    let mut small = vec![0.0; width * width];
    for (i, row) in basis.chunks_exact(dims).enumerate() {
        for (j, image) in images.chunks_exact(dims).enumerate() {
            let product = dot(row, image) / 2.0;
            small[i * width + j] += product;
            small[j * width + i] += product;
        }
    }
    let eigen = symmetric(small, width);
    for of in [&mut *basis, &mut *images] {
        let mut turned = vec![0.0; of.len()];
        for (row, weights) in turned.chunks_exact_mut(dims).zip(eigen.vectors.chunks_exact(width)) {
            for (part, weight) in of.chunks_exact(dims).zip(weights) {
                row.iter_mut().zip(part).for_each(|(r, p)| *r += weight * p);
            }
        }
        *of = turned;
    }
    let off = |((row, image), value): ((&[f64], &[f64]), &f64)| {
        row.iter().zip(image).map(|(r, i)| (i - value * r).powi(2)).sum::<f64>().sqrt()
    };
    let largest = eigen.values.first().map_or(0.0, |v| v.abs());
    let pairs = basis.chunks_exact(dims).zip(images.chunks_exact(dims)).zip(&eigen.values);
    let worst = pairs.take(count).map(off).fold(0.0, f64::max);
    Ritz { values: eigen.values, residual: if largest > 0.0 { worst / largest } else { 0.0 } }
}

/// The covariance matrix (divided by n − 1) times each row of `basis`: width×dims. The matrix itself isn't made.
fn covariance_times(rows: Rows<'_>, mean: &[f64], basis: &[f64]) -> Vec<f64> {
    let dims = rows.dims();
    let mut products = in_parts(rows, basis.len(), |i, sums| {
        let centred = centred(rows.row(i), mean);
        for (sums, direction) in sums.chunks_exact_mut(dims).zip(basis.chunks_exact(dims)) {
            let along = dot_fast(&centred, direction);
            sums.iter_mut().zip(&centred).for_each(|(s, c)| *s += along * c);
        }
    });
    let share = rows.len().saturating_sub(1).max(1) as f64;
    products.iter_mut().for_each(|p| *p /= share);
    products
}

fn mean(rows: Rows<'_>) -> Vec<f64> {
    let add = |i: usize, sums: &mut [f64]| sums.iter_mut().zip(rows.row(i)).for_each(|(s, &v)| *s += f64::from(v));
    let mut sums = in_parts(rows, rows.dims(), add);
    sums.iter_mut().for_each(|s| *s /= rows.len().max(1) as f64);
    sums
}

fn total_variance(rows: Rows<'_>, mean: &[f64]) -> f64 {
    let add = |i: usize, sum: &mut [f64]| {
        let centred = centred(rows.row(i), mean);
        sum[0] += dot(&centred, &centred);
    };
    in_parts(rows, 1, add)[0] / rows.len().saturating_sub(1).max(1) as f64
}

/// Lets `add` add each row to sums of `len` values, in parts whose number doesn't depend on the threads.
fn in_parts(rows: Rows<'_>, len: usize, add: impl Fn(usize, &mut [f64]) + Sync) -> Vec<f64> {
    let part = rows.len().div_ceil(PARTS).max(64);
    let parts: Vec<Vec<f64>> = (0..rows.len().div_ceil(part))
        .into_par_iter()
        .map(|p| {
            let mut sums = vec![0.0; len];
            (p * part..((p + 1) * part).min(rows.len())).for_each(|i| add(i, &mut sums));
            sums
        })
        .collect();
    let mut total = vec![0.0; len];
    parts.iter().for_each(|sums| total.iter_mut().zip(sums).for_each(|(t, s)| *t += s));
    total
}

fn centred(row: &[f32], mean: &[f64]) -> Vec<f64> {
    row.iter().zip(mean).map(|(&v, m)| f64::from(v) - m).collect()
}

/// Σ aᵢ·bᵢ as eight sums in a fixed order, which vector registers can hold.
fn dot_fast(a: &[f64], b: &[f64]) -> f64 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut lanes = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        lanes.iter_mut().zip(a).zip(b).for_each(|((lane, a), b)| *lane += a * b);
    }
    lanes.iter().sum::<f64>() + dot(a_rest, b_rest)
}

/// The first of the entries of largest magnitude becomes positive.
fn fix_sign(axis: &mut [f64]) {
    let largest = axis.iter().fold(0.0_f64, |largest, v| if v.abs() > largest.abs() { *v } else { largest });
    if largest < 0.0 {
        axis.iter_mut().for_each(|v| *v = -*v);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::progress::Silent;

    fn stretched(count: usize, dims: usize) -> Vec<f32> {
        let mut stream = Stream::new("stillroom 2026 test", 6, &[]);
        let spread = |d: usize| 10.0 / (1.0 + d as f64);
        (0..count * dims).map(|i| (stream.normal() * spread(i % dims) + 5.0) as f32).collect()
    }

    /// Points on the line y = 2x: all variance is along (1, 2)/√5.
    #[test]
    fn a_line_by_hand() {
        let values = [0.0, 1.0, 1.0, 3.0, 2.0, 5.0, 3.0, 7.0];
        let rows = Rows::new(&values, 2).unwrap();
        let found = components(rows, 2, 0, &mut Silent).unwrap();
        assert_eq!(found.mean, [1.5, 4.0]);
        let root = 5.0_f64.sqrt();
        assert!((found.axes[0] - 1.0 / root).abs() < 1e-12 && (found.axes[1] - 2.0 / root).abs() < 1e-12);
        // Variance of x is 5/3, so along the line 5·5/3.
        assert!((found.variances[0] - 25.0 / 3.0).abs() < 1e-12 && found.variances[1] < 1e-12);
        assert!((found.ratios()[0] - 1.0).abs() < 1e-12);
        let projected = found.project(rows);
        assert!((projected[0] + 1.5 * root).abs() < 1e-12 && projected[1].abs() < 1e-12);
    }

    #[test]
    fn the_same_as_a_full_decomposition() {
        let (count, dims) = (300, 24);
        let values = stretched(count, dims);
        let rows = Rows::new(&values, dims).unwrap();
        let found = components(rows, 4, 1, &mut Silent).unwrap();
        let mut covariance = vec![0.0; dims * dims];
        for i in 0..count {
            let row = centred(rows.row(i), &found.mean);
            for (at, sum) in covariance.iter_mut().enumerate() {
                *sum += row[at / dims] * row[at % dims] / (count - 1) as f64;
            }
        }
        let trace: f64 = (0..dims).map(|d| covariance[d * dims + d]).sum();
        assert!((found.total_variance / trace - 1.0).abs() < 1e-12);
        let full = symmetric(covariance, dims);
        for c in 0..4 {
            assert!((found.variances[c] / full.values[c] - 1.0).abs() < 1e-9);
            let (a, b) = (&found.axes[c * dims..(c + 1) * dims], &full.vectors[c * dims..(c + 1) * dims]);
            assert!((dot(a, b).abs() - 1.0).abs() < 1e-9);
            let largest = a.iter().fold(0.0_f64, |m, v| if v.abs() > m.abs() { *v } else { m });
            assert!(largest > 0.0);
        }
    }

    #[test]
    fn threads_change_nothing() {
        let values = stretched(500, 30);
        let rows = Rows::new(&values, 30).unwrap();
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let found = components(rows, 3, 9, &mut Silent).unwrap();
                let projected = found.project(rows);
                (found, projected)
            })
        };
        assert_eq!(on(1), on(3));
    }

    #[test]
    fn there_are_no_more_components_than_rows_and_columns() {
        let values = [1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.5];
        assert_eq!(components(Rows::new(&values, 3).unwrap(), 9, 0, &mut Silent).unwrap().count(), 2);
        assert_eq!(components(Rows::new(&[], 3).unwrap(), 2, 0, &mut Silent).unwrap().count(), 0);
        let same = components(Rows::new(&[2.0; 12], 3).unwrap(), 2, 0, &mut Silent).unwrap();
        assert_eq!((same.variances.clone(), same.ratios()), (vec![0.0; 2], vec![0.0; 2]));
    }
}
