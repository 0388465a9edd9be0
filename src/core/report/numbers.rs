//! Numbers as the page shows them.

use crate::core::chart::ticks;

/// A number of the manifest with all its digits.
pub(super) fn exact(value: f32) -> String {
    match value {
        v if v.is_nan() => "no number".to_owned(),
        f32::INFINITY => "∞".to_owned(),
        f32::NEG_INFINITY => "−∞".to_owned(),
        v if v != 0.0 && !(1e-4..1e6).contains(&v.abs()) => format!("{v:e}"),
        v => v.to_string(),
    }
}

/// A number with five digits.
pub(super) fn rounded(value: f64) -> String {
    if value.is_finite() { ticks::label(value) } else { exact(value as f32) }
}

/// A number, or a dash where there is none.
pub(super) fn or_dash<T>(value: Option<T>, shown: fn(T) -> String) -> String {
    value.map_or_else(|| "–".to_owned(), shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_keep_their_digits() {
        let values = [0.1, 1e-45, 2.5, 16_777_217.0, f32::INFINITY, f32::NAN, 0.0, 1.25e-7];
        let due = ["0.1", "1e-45", "2.5", "1.6777216e7", "∞", "no number", "0", "1.25e-7"];
        assert_eq!(values.map(exact), due);
        assert_eq!([rounded(2.0 / 3.0), rounded(f64::INFINITY), or_dash(None, rounded)], ["0.66667", "∞", "–"]);
    }
}
