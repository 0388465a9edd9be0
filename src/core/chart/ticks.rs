//! Round numbers for axes.

/// The least of 1, 2, 2.5, 5 times a power of ten that is not below `least`.
#[must_use]
pub fn step(least: f64) -> f64 {
    if !(least > 0.0 && least.is_finite()) {
        return 1.0;
    }
    let power = 10_f64.powf(least.log10().floor());
    let factor = [1.0, 2.0, 2.5, 5.0].into_iter().find(|f| f * power >= least * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * power
}

/// The multiples of [`step`]`(least)` from `low` to `high`.
#[must_use]
pub fn even(low: f64, high: f64, least: f64) -> Vec<f64> {
    let step = step(least);
    let (first, last) = ((low / step).ceil(), (high / step).floor());
    if !(last - first).is_finite() || last - first > 1000.0 {
        return Vec::new();
    }
    // Multiplied, not added up, so that 0 is 0; + 0.0 turns −0 into 0.
    (0..=(last - first).max(-1.0) as i64).map(|i| (first + i as f64) * step + 0.0).take_while(|v| *v <= high).collect()
}

/// Whole numbers among the [`even`] ones.
#[must_use]
pub fn whole(low: f64, high: f64, least: f64) -> Vec<f64> {
    let mut ticks = even(low, high, step(least).max(1.0));
    ticks.retain(|v| v.fract() == 0.0);
    ticks
}

/// Values for a logarithmic scale from 10^`low` to 10^`high`, at least about `least` apart on the scale: powers of ten,
/// with 2 and 5 between them where there is room, or evenly spaced values where it is less than two decades wide.
#[must_use]
pub fn logarithmic(low: f64, high: f64, least: f64) -> Vec<f64> {
    if !(low.is_finite() && high.is_finite() && high > low && high - low < 600.0) {
        return Vec::new();
    }
    if high - low < 1.0 {
        let (a, b) = (10_f64.powf(low), 10_f64.powf(high));
        // Evenly spaced values are nearest to each other on the scale at its upper end.
        return even(a, b, (b - 10_f64.powf(high - least)).max((b - a) / 1000.0));
    }
    let every = least.ceil().max(1.0) as i32;
    let decades = (low.floor() as i32..=high.ceil() as i32).filter(|d| d % every == 0);
    let factors: &[f64] = if least < 0.3 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let all = decades.flat_map(|d| factors.iter().map(move |f| f * 10_f64.powi(d)));
    all.filter(|v| (low..=high).contains(&v.log10())).collect()
}

/// A tick's label: as many digits as it needs, small and large ones with a power of ten.
#[must_use]
pub fn label(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        "0".to_owned()
    } else if !(1e-4..1e6).contains(&size) {
        let text = format!("{value:.2e}");
        let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
        format!("{}e{power}", trimmed(digits))
    } else {
        let decimals = (4 - size.log10().floor() as i32).clamp(0, 8) as usize;
        trimmed(&format!("{value:.decimals$}")).to_owned()
    }
}

/// Without zeros at the end of the decimals.
fn trimmed(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        assert_eq!([step(0.9), step(1.0), step(1.1), step(2.2), step(3.0), step(7.0)], [1.0, 1.0, 2.0, 2.5, 5.0, 10.0]);
        assert_eq!(even(-0.1, 1.0, 0.3), [0.0, 0.5, 1.0]);
        assert_eq!(even(0.0, 300.0, 60.0), [0.0, 100.0, 200.0, 300.0]);
        assert!(even(0.1, 0.2, 1.0).is_empty());
        assert!(even(1.0, 0.0, 1.0).is_empty());
        assert_eq!(whole(0.0, 4.0, 0.4), [0.0, 1.0, 2.0, 3.0, 4.0]);
        assert_eq!(whole(0.0, 10.0, 2.2), [0.0, 5.0, 10.0]);
    }

    #[test]
    fn logarithmic_ticks_are_decades_or_even() {
        let near = |got: Vec<f64>, wanted: &[f64]| {
            assert_eq!(got.len(), wanted.len(), "{got:?}");
            assert!(got.iter().zip(wanted).all(|(a, b)| (a / b - 1.0).abs() < 1e-9), "{got:?}");
        };
        near(logarithmic(-3.0, 0.0, 0.4), &[1e-3, 1e-2, 1e-1, 1.0]);
        near(logarithmic(-1.0, 0.1, 0.1), &[0.1, 0.2, 0.5, 1.0]);
        near(logarithmic(-8.0, 0.0, 1.5), &[1e-8, 1e-6, 1e-4, 1e-2, 1.0]);
        // From 1 to 3.16 with a fifth of a decade between the last two.
        near(logarithmic(0.0, 0.5, 0.2), &[2.0]);
        assert!(logarithmic(0.0, f64::NAN, 0.1).is_empty());
    }

    #[test]
    fn labels_have_no_needless_digits() {
        let all = [0.0, 0.5, 2.5, 100.0, 0.00095, 0.000025, 1e-7, 12_345.0, 2e6, -0.25, 0.1 + 0.2];
        let labels = ["0", "0.5", "2.5", "100", "0.00095", "2.5e-5", "1e-7", "12345", "2e6", "-0.25", "0.3"];
        assert_eq!(all.map(label), labels);
    }
}
