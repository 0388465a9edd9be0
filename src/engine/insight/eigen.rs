//! Small dense pieces of linear algebra: orthonormal rows, and eigenvectors of a symmetric matrix.

/// What is left of a row, relative to what it was, below which it counts as a combination of the rows before it.
const DEPENDENT: f64 = 1e-10;

/// Makes the rows of `rows` (count×dims) orthonormal, each with those before it (modified Gram and Schmidt, twice, which
/// is enough: Giraud and others 2005). A row that depends on them is drawn anew by `draw`; at most `dims` rows can be
/// orthonormal, and further ones become zero.
pub fn orthonormalise(rows: &mut [f64], dims: usize, mut draw: impl FnMut() -> f64) {
    for i in 0..rows.len() / dims {
        let (before, rest) = rows.split_at_mut(i * dims);
        let row = &mut rest[..dims];
        for attempt in 0.. {
            let length = dot(row, row).sqrt();
            for earlier in before.chunks_exact(dims).chain(before.chunks_exact(dims)) {
                let share = dot(row, earlier);
                row.iter_mut().zip(earlier).for_each(|(v, e)| *v -= share * e);
            }
            let left = dot(row, row).sqrt();
            if left > DEPENDENT * length {
                row.iter_mut().for_each(|v| *v /= left);
                break;
            }
            if i >= dims || attempt == 3 {
                row.fill(0.0);
                break;
            }
            row.iter_mut().for_each(|v| *v = draw());
        }
    }
}

/// Σ aᵢ·bᵢ in order.
#[must_use]
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Eigenvalues of a symmetric matrix, descending, and their eigenvectors.
#[derive(Clone, Debug, PartialEq)]
pub struct Eigen {
    /// n of them.
    pub values: Vec<f64>,
    /// n×n: one orthonormal row for each value.
    pub vectors: Vec<f64>,
}

/// All eigenvalues of `matrix` (n×n, symmetric) by Jacobi's cyclic rotations (Golub and Van Loan, section 8.5.3), meant
/// for n up to about a hundred.
#[must_use]
pub fn symmetric(mut matrix: Vec<f64>, n: usize) -> Eigen {
    let mut vectors = vec![0.0; n * n];
    (0..n).for_each(|i| vectors[i * n + i] = 1.0);
    for _ in 0..60 {
        let size = dot(&matrix, &matrix);
        let diagonal: f64 = (0..n).map(|i| matrix[i * n + i].powi(2)).sum();
        // What lies beside the diagonal is below the rounding of what lies on it.
        if size - diagonal <= 1e-15 * size && largest_beside(&matrix, n) <= 1e-16 * size.sqrt() {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut matrix, &mut vectors, n, (p, q));
            }
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| matrix[b * n + b].total_cmp(&matrix[a * n + a]).then(a.cmp(&b)));
    Eigen {
        values: order.iter().map(|&i| matrix[i * n + i]).collect(),
        vectors: order.iter().flat_map(|&i| vectors[i * n..(i + 1) * n].to_vec()).collect(),
    }
}

fn largest_beside(matrix: &[f64], n: usize) -> f64 {
    let beside = matrix.iter().enumerate().filter(|(at, _)| at / n != at % n);
    beside.fold(0.0, |largest, (_, v)| largest.max(v.abs()))
}

/// Turns the plane of `p` and `q` so that the element between them becomes 0.
fn rotate(matrix: &mut [f64], vectors: &mut [f64], n: usize, (p, q): (usize, usize)) {
    let between = matrix[p * n + q];
    if between == 0.0 {
        return;
    }
    let tau = (matrix[q * n + q] - matrix[p * n + p]) / (2.0 * between);
    let tangent = if tau >= 0.0 { 1.0 } else { -1.0 } / (tau.abs() + tau.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    let sine = tangent * cosine;
    for k in 0..n {
        let (a, b) = (matrix[k * n + p], matrix[k * n + q]);
        (matrix[k * n + p], matrix[k * n + q]) = (cosine * a - sine * b, sine * a + cosine * b);
    }
    for of in [&mut *matrix, vectors] {
        for k in 0..n {
            let (a, b) = (of[p * n + k], of[q * n + k]);
            (of[p * n + k], of[q * n + k]) = (cosine * a - sine * b, sine * a + cosine * b);
        }
    }
    (matrix[p * n + q], matrix[q * n + p]) = (0.0, 0.0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::rng::Stream;

    #[test]
    fn eigenvalues_by_hand() {
        let found = symmetric(vec![2.0, 1.0, 1.0, 2.0], 2);
        let half = 0.5_f64.sqrt();
        assert!((found.values[0] - 3.0).abs() < 1e-15 && (found.values[1] - 1.0).abs() < 1e-15);
        assert!((found.vectors[0].abs() - half).abs() < 1e-15 && (found.vectors[0] - found.vectors[1]).abs() < 1e-15);
        assert_eq!(symmetric(vec![1.0, 0.0, 0.0, 4.0], 2).values, [4.0, 1.0]);
        assert_eq!(symmetric(vec![0.0; 9], 3).values, [0.0; 3]);
    }

    #[test]
    fn vectors_are_those_of_the_values() {
        let n = 23;
        let mut stream = Stream::new("stillroom 2026 test", 4, &[]);
        let mut matrix = vec![0.0; n * n];
        for (i, j) in (0..n).flat_map(|i| (0..=i).map(move |j| (i, j))) {
            matrix[i * n + j] = stream.normal();
            matrix[j * n + i] = matrix[i * n + j];
        }
        let found = symmetric(matrix.clone(), n);
        assert!(found.values.is_sorted_by(|a, b| a >= b));
        for (value, vector) in found.values.iter().zip(found.vectors.chunks(n)) {
            for (i, v) in vector.iter().enumerate() {
                assert!((dot(&matrix[i * n..(i + 1) * n], vector) - value * v).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn dependent_rows_are_drawn_anew() {
        let mut stream = Stream::new("stillroom 2026 test", 4, &[]);
        let mut rows = vec![1.0, 2.0, 3.0, 2.0, 4.0, 6.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0];
        orthonormalise(&mut rows, 3, || stream.normal());
        for (i, j) in (0..3).flat_map(|i| (0..3).map(move |j| (i, j))) {
            let product = dot(&rows[i * 3..(i + 1) * 3], &rows[j * 3..(j + 1) * 3]);
            assert!((product - f64::from(u8::from(i == j))).abs() < 1e-14);
        }
        assert_eq!(rows[9..], [0.0; 3], "there are but three directions");
    }
}
