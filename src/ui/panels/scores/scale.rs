//! Where values of a histogram lie between the ends of its axis, as shares from 0 to 1.

use crate::core::chart::histogram::Bins;
use crate::core::workspace::view::Brush;

/// The axis of some bins.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    log: bool,
    /// Its ends: values, or their powers of ten.
    low: f64,
    high: f64,
}

impl Scale {
    /// That of these bins, of which there is at least one.
    #[must_use]
    pub fn of(bins: &Bins) -> Self {
        let on_scale = |value: f64| if bins.is_log() { value.log10() } else { value };
        Self { log: bins.is_log(), low: on_scale(bins.edge(0)), high: on_scale(bins.edge(bins.count())) }
    }

    /// The ends: values, or their powers of ten.
    #[must_use]
    pub fn ends(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// Where a value lies, unbounded.
    #[must_use]
    pub fn place(&self, value: f64) -> f64 {
        let on_scale = match self.log {
            true if value <= 0.0 => f64::NEG_INFINITY,
            true => value.log10(),
            false => value,
        };
        (on_scale - self.low) / (self.high - self.low)
    }

    /// The value at a share, with as many digits as one can point at; beyond the ends the range is open.
    #[must_use]
    pub fn value(&self, share: f64) -> f32 {
        if share <= 0.0 {
            return f32::NEG_INFINITY;
        }
        if share >= 1.0 {
            return f32::INFINITY;
        }
        let on_scale = self.low + share * (self.high - self.low);
        if self.log {
            let value = 10_f64.powf(on_scale);
            format!("{value:.2e}").parse().unwrap_or(value as f32)
        } else {
            ((on_scale * 1000.0).round() / 1000.0) as f32
        }
    }

    /// Where the ends of a range lie, within the axis.
    #[must_use]
    pub fn range(&self, brush: &Brush) -> (f64, f64) {
        let within = |value: f32| self.place(f64::from(value)).clamp(0.0, 1.0);
        (within(brush.low), within(brush.high))
    }

    /// The range between two shares, whichever is the lower one.
    #[must_use]
    pub fn brush(&self, like: Brush, (a, b): (f64, f64)) -> Brush {
        Brush { low: self.value(a.min(b)), high: self.value(a.max(b)), ..like }
    }
}

/// What of a range is dragged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Grip {
    /// A new one from here on.
    New(f64),
    /// Its lower end.
    Low,
    /// Its upper end.
    High,
    /// All of it: where it was taken, and where its ends were.
    Whole(f64, (f64, f64)),
}

impl Grip {
    /// What is taken at a place; `reach` is how near an end is near enough.
    #[must_use]
    pub fn at(place: f64, range: Option<(f64, f64)>, reach: f64) -> Self {
        let Some((low, high)) = range else { return Self::New(place) };
        let (to_low, to_high) = ((place - low).abs(), (place - high).abs());
        if to_low.min(to_high) <= reach {
            return if to_low < to_high || place < low { Self::Low } else { Self::High };
        }
        if (low..=high).contains(&place) { Self::Whole(place, (low, high)) } else { Self::New(place) }
    }

    /// Where the ends of the range are once it is dragged to a place.
    #[must_use]
    pub fn dragged(self, to: f64, range: Option<(f64, f64)>) -> (f64, f64) {
        let now = range.unwrap_or((0.0, 1.0));
        match self {
            Self::New(from) => (from, to),
            Self::Low => (to.min(now.1), now.1),
            Self::High => (now.0, to.max(now.0)),
            Self::Whole(from, ends) => shifted(ends, to - from),
        }
    }
}

/// A range moved along the axis, no further than to its ends.
#[must_use]
pub fn shifted((low, high): (f64, f64), by: f64) -> (f64, f64) {
    let by = by.clamp(-low, 1.0 - high);
    (low + by, high + by)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::workspace::view::Quantity;

    fn close(a: (f64, f64), b: (f64, f64)) -> bool {
        (a.0 - b.0).abs() < 1e-6 && (a.1 - b.1).abs() < 1e-6
    }

    /// Eight decades from 10⁻⁷ to 10: 10⁻³ is half way.
    #[test]
    fn losses_lie_by_their_powers_and_margins_by_themselves() {
        let losses = Scale::of(&Bins::of([1e-7, 9.99], true, 80));
        assert!((losses.place(1e-3) - 0.5).abs() < 1e-9 && (losses.place(10.0) - 1.0).abs() < 1e-9);
        assert_eq!((losses.value(0.5), losses.value(0.0), losses.value(1.0)), (1e-3, f32::NEG_INFINITY, f32::INFINITY));
        // 10^(−7 + 8·0.55) = 10^−2.6 = 0.002512.
        assert_eq!(losses.value(0.55), 2.51e-3);
        let brush = |low, high| Brush { quantity: Quantity::Loss, low, high };
        assert!(close(losses.range(&brush(1e-5, 0.1)), (0.25, 0.75)));
        assert!(close(losses.range(&brush(f32::NEG_INFINITY, f32::INFINITY)), (0.0, 1.0)));
        assert!(close(losses.range(&brush(0.0, 1e9)), (0.0, 1.0)));
        assert_eq!(losses.brush(brush(1.0, 2.0), (0.75, 0.5)), brush(1e-3, 0.1));
        let margins = Scale::of(&Bins::of([-1.0, 0.999], false, 40));
        assert_eq!((margins.value(0.25), margins.value(0.50001), margins.ends()), (-0.5, 0.0, (-1.0, 1.0)));
    }

    #[test]
    fn ends_and_the_whole_range_are_dragged() {
        let range = Some((0.25, 0.75));
        let grips = [0.26, 0.74, 0.5, 0.1].map(|place| Grip::at(place, range, 0.02));
        assert_eq!(grips, [Grip::Low, Grip::High, Grip::Whole(0.5, (0.25, 0.75)), Grip::New(0.1)]);
        assert_eq!(Grip::at(0.5, None, 0.02), Grip::New(0.5));
        assert_eq!([Grip::Low.dragged(0.5, range), Grip::High.dragged(0.5, range)], [(0.5, 0.75), (0.25, 0.5)]);
        // An end does not pass the other one.
        assert_eq!([Grip::Low.dragged(0.9, range), Grip::High.dragged(0.1, range)], [(0.75, 0.75), (0.25, 0.25)]);
        assert_eq!(grips[2].dragged(0.625, range), (0.375, 0.875));
        assert_eq!(grips[2].dragged(0.9, range), (0.5, 1.0));
        assert_eq!(grips[3].dragged(0.05, range), (0.1, 0.05));
    }
}
