//! Histograms: how many values of each series fall into each bin of a linear or logarithmic scale. No value is lost: what
//! has no bin is counted beside them.

use super::ticks;
use crate::core::formats::csv::{Csv, Field};

/// Widths of bins on a logarithmic scale, in decades.
const DECADES: [f64; 9] = [0.05, 0.1, 0.2, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0];

/// Bins of one width with round edges.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bins {
    log: bool,
    /// Width on the scale: in units of the values, or in decades.
    step: f64,
    /// The first bin's place, in steps from 0.
    first: i64,
    count: usize,
}

/// Where a value belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Below the first bin; on a logarithmic scale, also 0 and less.
    Below,
    /// In this bin, from 0.
    Bin(usize),
    /// Above the last bin; infinite.
    Above,
    /// It is no number.
    Unknown,
}

impl Bins {
    /// At most about `most` bins that hold all values that are finite and, on a logarithmic scale, above 0. None at all
    /// where there are no such values.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = f64>, log: bool, most: usize) -> Self {
        let scaled = values.into_iter().map(|v| if log { v.log10() } else { v }).filter(|v| v.is_finite());
        let (low, high) = scaled.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
        let most = most.max(1) as f64;
        let least = (high - low) / most;
        if !least.is_finite() {
            return Self { log, step: 1.0, first: 0, count: 0 };
        }
        let step = match (log, least > 0.0) {
            (true, _) => DECADES.into_iter().find(|s| *s >= least).unwrap_or_else(|| least.ceil()),
            (false, true) => ticks::step(least),
            (false, false) => ticks::step(low.abs() / most),
        };
        let (first, last) = (nth(low, step), nth(high, step));
        Self { log, step, first, count: usize::try_from(last - first + 1).unwrap_or(0) }
    }

    /// Whether the scale is logarithmic.
    #[must_use]
    pub fn is_log(&self) -> bool {
        self.log
    }

    /// Number of bins.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The lower edge of a bin; of [`Self::count`], the upper edge of the last.
    #[must_use]
    pub fn edge(&self, bin: usize) -> f64 {
        let place = (self.first + bin as i64) as f64 * self.step;
        let edge = if self.log { 10_f64.powf(place) } else { place };
        // Without the last digits, which are those of the arithmetic: 0.3, and not 0.30000000000000004.
        format!("{edge:.12e}").parse().unwrap_or(edge)
    }

    /// Where a value belongs. A value on an edge is in the bin above it.
    #[must_use]
    pub fn place(&self, value: f64) -> Place {
        let scaled = if self.log { value.max(0.0).log10() } else { value };
        if value.is_nan() {
            Place::Unknown
        } else if scaled == f64::INFINITY {
            Place::Above
        } else if scaled == f64::NEG_INFINITY {
            Place::Below
        } else {
            let bin = nth(scaled, self.step).saturating_sub(self.first);
            match usize::try_from(bin) {
                Ok(bin) if bin < self.count => Place::Bin(bin),
                Ok(_) => Place::Above,
                Err(_) => Place::Below,
            }
        }
    }
}

/// The bin of a scaled value, counted from 0 of the scale. What rounding has moved just below an edge is on it.
fn nth(scaled: f64, step: f64) -> i64 {
    let place = scaled / step;
    let edge = place.round();
    if (place - edge).abs() < 1e-9 * edge.abs().max(1.0) { edge as i64 } else { place.floor() as i64 }
}

/// How many values of a series fall where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Series {
    /// Its name.
    pub name: String,
    /// Its place in the table of colours.
    pub colour: usize,
    /// Values in each bin.
    pub counts: Vec<u64>,
    /// Values below the bins.
    pub below: u64,
    /// Values above the bins.
    pub above: u64,
    /// Values that are no number.
    pub unknown: u64,
}

impl Series {
    /// All values.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().sum::<u64>() + self.below + self.above + self.unknown
    }
}

/// Series over the same bins. They are stacked, so that the whole is all values, or laid over each other to be compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// What is counted: the title of the upright axis.
    pub counted: String,
    /// What the bins are of, with its unit.
    pub quantity: String,
    /// The bins.
    pub bins: Bins,
    /// The series, the lowest of the stack first.
    pub series: Vec<Series>,
    /// Whether the series are outlines over each other, each in percent of its own values, instead of a stack of counts.
    pub overlaid: bool,
}

impl Histogram {
    /// A histogram without values.
    #[must_use]
    pub fn new(counted: &str, quantity: &str, bins: Bins) -> Self {
        let (counted, quantity) = (counted.to_owned(), quantity.to_owned());
        Self { counted, quantity, bins, series: Vec::new(), overlaid: false }
    }

    /// Counts the values of one more series.
    pub fn add(&mut self, name: &str, values: impl IntoIterator<Item = f64>) {
        let (name, colour) = (name.to_owned(), self.series.len());
        let mut series = Series { name, colour, counts: vec![0; self.bins.count()], ..Series::default() };
        for value in values {
            match self.bins.place(value) {
                Place::Below => series.below += 1,
                Place::Bin(bin) => series.counts[bin] += 1,
                Place::Above => series.above += 1,
                Place::Unknown => series.unknown += 1,
            }
        }
        self.series.push(series);
    }

    /// How high each series stands where it has so many values: in values, or in percent of its own where they are laid
    /// over each other.
    #[must_use]
    pub fn heights(&self, counts: &[u64]) -> Vec<f64> {
        let share = |(series, count): (&Series, &u64)| 100.0 * *count as f64 / series.total().max(1) as f64;
        match self.overlaid {
            true => self.series.iter().zip(counts).map(share).collect(),
            false => counts.iter().map(|count| *count as f64).collect(),
        }
    }

    /// How high the series are together.
    #[must_use]
    pub fn height(&self, counts: &[u64]) -> f64 {
        let heights = self.heights(counts);
        if self.overlaid { heights.into_iter().fold(0.0, f64::max) } else { heights.into_iter().sum() }
    }

    /// The values of each series in a bin.
    #[must_use]
    pub fn counts(&self, bin: usize) -> Vec<u64> {
        self.series.iter().map(|series| series.counts.get(bin).copied().unwrap_or(0)).collect()
    }

    /// Values of all series that lie below the bins, above them, and that are no number.
    #[must_use]
    pub fn outside(&self) -> (u64, u64, u64) {
        let sum = |of: fn(&Series) -> u64| self.series.iter().map(of).sum();
        (sum(|s| s.below), sum(|s| s.above), sum(|s| s.unknown))
    }

    /// A line per bin: its edges, and a column of counts for each series. Values below and above the bins have lines with
    /// one edge; those that are no number have one with neither.
    #[must_use]
    pub fn csv(&self) -> String {
        let columns = ["from", "to"].into_iter().chain(self.series.iter().map(|s| s.name.as_str()));
        let mut table = Csv::new(columns);
        let bins = &self.bins;
        let mut row = |from: Option<f64>, to: Option<f64>, counts: &mut dyn Iterator<Item = u64>| {
            table.row([Field::from(from), to.into()].into_iter().chain(counts.map(Field::from)));
        };
        let (below, above, unknown) = self.outside();
        let edges = (bins.count() > 0).then(|| (bins.edge(0), bins.edge(bins.count())));
        if below > 0 {
            row(None, edges.map_or(Some(0.0), |e| Some(e.0)), &mut self.series.iter().map(|s| s.below));
        }
        for bin in 0..bins.count() {
            let edges = (bins.edge(bin), bins.edge(bin + 1));
            row(Some(edges.0), Some(edges.1), &mut self.series.iter().map(|s| s.counts[bin]));
        }
        if above > 0 {
            row(edges.map_or(Some(f64::INFINITY), |e| Some(e.1)), None, &mut self.series.iter().map(|s| s.above));
        }
        if unknown > 0 {
            row(None, None, &mut self.series.iter().map(|s| s.unknown));
        }
        table.into_text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// −3 to 1 are four decades: in at most eight bins, half a decade each, and the last value needs one of its own.
    #[test]
    fn logarithmic_bins_have_powers_of_ten_as_edges() {
        let bins = Bins::of([1e-3, 0.5, 10.0, 0.0, f64::INFINITY, f64::NAN], true, 8);
        assert_eq!((bins.count(), bins.edge(0), bins.edge(2), bins.edge(8)), (9, 1e-3, 1e-2, 10.0));
        let places = [0.0, -1.0, 1e-4, 1e-3, 9.9e-3, 1e-2, 10.0, 31.0, 32.0, f64::INFINITY, f64::NAN];
        let due = [
            Place::Below,
            Place::Below,
            Place::Below,
            Place::Bin(0),
            Place::Bin(1),
            Place::Bin(2),
            Place::Bin(8),
            Place::Bin(8),
            Place::Above,
            Place::Above,
            Place::Unknown,
        ];
        assert_eq!(places.map(|v| bins.place(v)), due);
        // All losses that an f32 can hold.
        let all = Bins::of([f64::from(f32::from_bits(1)), f64::from(f32::MAX)], true, 40);
        assert!((17..=42).contains(&all.count()), "{all:?}");
    }

    #[test]
    fn linear_bins_are_round() {
        let bins = Bins::of([-0.3, 0.0, 1.0], false, 5);
        assert_eq!((bins.count(), bins.edge(0), bins.edge(1), bins.edge(4)), (4, -0.5, 0.0, 1.5));
        let tenths = Bins::of([0.0, 0.95], false, 10);
        assert_eq!([tenths.edge(3), tenths.edge(7)], [0.3, 0.7]);
        assert_eq!([-0.3, 0.0, 0.3, 0.5, 1.0].map(|v| bins.place(v)), [0, 1, 1, 2, 3].map(Place::Bin));
        assert_eq!((bins.place(-0.6), bins.place(f64::NEG_INFINITY)), (Place::Below, Place::Below));
        // One value, none, and a range that overflows.
        let one = Bins::of([7.0], false, 5);
        assert_eq!((one.count(), one.place(7.0)), (1, Place::Bin(0)));
        assert_eq!(Bins::of([f64::NAN], true, 5).count(), 0);
        assert_eq!(Bins::of([f64::MIN, f64::MAX], false, 5).count(), 0);
        assert_eq!(Bins::of([0.0], false, 5).place(0.0), Place::Bin(0));
    }

    #[test]
    fn outlines_are_shares_of_their_own_series() {
        let mut histogram = Histogram::new("patches", "loss", Bins::of([0.1, 1.0], true, 2));
        histogram.add("a", [0.1, 0.2, 0.5, 0.0]);
        histogram.add("b", [0.5]);
        assert_eq!((histogram.heights(&histogram.counts(1)), histogram.height(&[2, 1])), (vec![1.0, 1.0], 3.0));
        histogram.overlaid = true;
        assert_eq!([0, 1].map(|bin| histogram.heights(&histogram.counts(bin))), [[50.0, 0.0], [25.0, 100.0]]);
        assert_eq!(histogram.height(&histogram.counts(1)), 100.0);
    }

    #[test]
    fn every_value_is_counted_once() {
        let mut histogram = Histogram::new("patches", "loss", Bins::of([0.1, 1.0], true, 2));
        histogram.add("a", [0.1, 0.2, 0.5, 1.0, 0.0, f64::INFINITY]);
        histogram.add("b,c", [0.5, f64::NAN, 99.0]);
        let [a, b] = &histogram.series[..] else { panic!("{histogram:?}") };
        // Half a decade: 0.1 to 0.316, to 1, to 3.16.
        assert_eq!((&a.counts[..], a.below, a.above, a.total()), (&[2, 1, 1][..], 1, 1, 6));
        assert_eq!((&b.counts[..], b.above, b.unknown, b.colour), (&[0, 1, 0][..], 1, 1, 1));
        let text = histogram.csv();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines[0], lines[1]), ("from,to,a,\"b,c\"", ",0.1,1,0"));
        assert!(lines[2].starts_with("0.1,0.316") && lines[2].ends_with(",2,0"), "{text}");
        assert!(lines[5].ends_with(",,1,1") && lines[6] == ",,0,1" && lines.len() == 7, "{text}");
    }
}
