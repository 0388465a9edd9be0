//! Long curves with as many points as a picture has room for.

/// The points of a curve that a picture of so many columns needs, by their places in `values`: of each column the first,
/// the least, the greatest and the last, so that no peak is lost. Short curves keep all. What is no finite number is left
/// out.
#[must_use]
pub fn thinned(values: &[f64], columns: usize) -> Vec<(usize, f64)> {
    let finite = |values: &[f64], from: usize| -> Vec<(usize, f64)> {
        (from..).zip(values.iter().copied()).filter(|(_, value)| value.is_finite()).collect()
    };
    let width = values.len().div_ceil(columns.max(1)).max(1);
    if width <= 4 {
        return finite(values, 0);
    }
    let mut kept = Vec::new();
    for (column, part) in values.chunks(width).enumerate() {
        let known = finite(part, column * width);
        let by = |a: &&(usize, f64), b: &&(usize, f64)| a.1.total_cmp(&b.1);
        let ends = [known.first(), known.iter().min_by(by), known.iter().max_by(by), known.last()];
        let mut of_column: Vec<(usize, f64)> = ends.into_iter().flatten().copied().collect();
        of_column.sort_by_key(|(place, _)| *place);
        of_column.dedup_by_key(|(place, _)| *place);
        kept.extend(of_column);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_and_ends_stay() {
        let mut values: Vec<f64> = (0..10_000).map(f64::from).collect();
        (values[4321], values[4322]) = (1e6, -1e6);
        let kept = thinned(&values, 100);
        assert!(kept.len() <= 400 && kept.is_sorted_by_key(|(place, _)| *place), "{}", kept.len());
        for due in [(0, 0.0), (4321, 1e6), (4322, -1e6), (9999, 9999.0)] {
            assert!(kept.contains(&due), "{due:?}");
        }
        assert_eq!(thinned(&[1.0, f64::NAN, 3.0], 100), [(0, 1.0), (2, 3.0)]);
        assert_eq!(thinned(&[], 100), []);
    }
}
