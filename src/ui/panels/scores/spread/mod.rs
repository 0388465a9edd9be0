//! How losses and margins are spread, class by class: bins and summaries, made anew where a class's ranking or what is
//! stitched of it has changed, as many a frame as there is time for.

use std::time::{Duration, Instant};

use crate::core::chart::histogram::{Bins, Histogram, Place, Series};
use crate::core::data::dataset::{ClassId, Dataset};
use crate::core::distil::curation::Choice;
use crate::core::distil::scores::PatchScore;
use crate::core::distil::tables::LossSummary;
use crate::core::workspace::view::Quantity;
use crate::ui::model::Model;
use crate::ui::model::ranking::Stamps;

/// The patches of a class that are told apart, as series of a histogram with their numbers in the table of colours; each
/// patch is in one.
const GROUPS: [(&str, usize); 3] = [("other candidates", 0), ("stitched", 1), ("rejected", 7)];

/// The bins of a quantity: losses by tenths of a decade from 10⁻⁷ to 10, margins by twentieths from −1 to 1.
#[must_use]
pub fn bins(quantity: Quantity) -> Bins {
    match quantity {
        // The greatest value here is in the last bin, so that the axis ends where that does.
        Quantity::Loss => Bins::of([1e-7, 9.99], true, 80),
        Quantity::Margin => Bins::of([-1.0, 0.999], false, 40),
    }
}

/// A value as the bins of its quantity take it: a margin of 1 is in the last one.
fn binned(quantity: Quantity, patch: &PatchScore) -> f64 {
    let value = quantity.of(patch).map_or(f64::NAN, f64::from);
    match quantity {
        Quantity::Loss => value,
        Quantity::Margin => {
            const BELOW_ONE: f64 = 1.0 - 1e-6;
            if value > BELOW_ONE { BELOW_ONE } else { value }
        }
    }
}

/// How many losses are none that the axis has, by what they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// Exactly 0: the observer is certain.
    pub zero: u64,
    /// +∞.
    pub infinite: u64,
}

/// One class in numbers.
#[derive(Clone, Debug, Default)]
pub struct ClassSpread {
    stamps: Stamps,
    /// The counts of each group, of the loss and of the margin.
    groups: [[Series; 3]; 2],
    /// Losses that words tell apart from others outside the axis.
    pub beside: Beside,
    /// The losses of all key patches.
    pub losses: LossSummary,
    /// The middle one of those that are numbers, or the mean of the middle two.
    pub median: Option<f32>,
    /// Key patches.
    pub patches: usize,
    /// Those that are stitched.
    pub stitched: usize,
}

fn number(quantity: Quantity) -> usize {
    match quantity {
        Quantity::Loss => 0,
        Quantity::Margin => 1,
    }
}

impl ClassSpread {
    fn of(model: &Model, class: ClassId) -> Self {
        let (ranking, curation) = (&model.ranking, model.workspace.curation());
        let patches = ranking.ranked(class);
        let mut stitched = vec![false; patches.len()];
        for kept in ranking.selected(class).iter() {
            if let Some(stitched) = stitched.get_mut(kept.rank as usize) {
                *stitched = true;
            }
        }
        let both = Quantity::ALL.map(|quantity| (quantity, bins(quantity)));
        let mut spread = Self {
            stamps: ranking.class(class).stamps,
            groups: both.map(|(_, bins)| GROUPS.map(|_| empty(&bins))),
            losses: LossSummary::of(patches.iter().map(|patch| patch.loss)),
            median: median(patches),
            patches: patches.len(),
            stitched: ranking.selected(class).len(),
            beside: Beside::default(),
        };
        for (patch, stitched) in patches.iter().zip(stitched) {
            let rejected = !curation.is_empty() && curation.mark(patch.image).choice == Choice::Rejected;
            let group = if stitched { 1 } else { usize::from(rejected) * 2 };
            for (quantity, bins) in both {
                count(&mut spread.groups[number(quantity)][group], bins.place(binned(quantity, patch)));
            }
            spread.beside.zero += u64::from(patch.loss == 0.0);
            spread.beside.infinite += u64::from(patch.loss == f32::INFINITY);
        }
        spread
    }
}

fn empty(bins: &Bins) -> Series {
    Series { counts: vec![0; bins.count()], ..Series::default() }
}

fn count(series: &mut Series, place: Place) {
    match place {
        Place::Below => series.below += 1,
        Place::Bin(bin) => series.counts[bin] += 1,
        Place::Above => series.above += 1,
        Place::Unknown => series.unknown += 1,
    }
}

/// Adds the values of one series to another of the same bins.
fn add(to: &mut Series, from: &Series) {
    to.counts.iter_mut().zip(&from.counts).for_each(|(to, from)| *to += from);
    (to.below, to.above, to.unknown) = (to.below + from.below, to.above + from.above, to.unknown + from.unknown);
}

fn median(patches: &[PatchScore]) -> Option<f32> {
    let mut losses: Vec<f32> = patches.iter().map(|patch| patch.loss).filter(|loss| !loss.is_nan()).collect();
    losses.sort_unstable_by(f32::total_cmp);
    let middle = losses.len() / 2;
    let upper = *losses.get(middle)?;
    Some(if losses.len() % 2 == 1 { upper } else { f32::midpoint(losses[middle - 1], upper) })
}

/// All classes in numbers.
#[derive(Debug, Default)]
pub struct Spreads {
    classes: Vec<Option<ClassSpread>>,
    /// Another number after each change.
    version: u64,
}

impl Spreads {
    /// What is known of the spreads is as it was while this number stays.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// A class in numbers; `None` where that isn't known yet.
    #[must_use]
    pub fn class(&self, class: ClassId) -> Option<&ClassSpread> {
        self.classes.get(class.index()).and_then(Option::as_ref)
    }

    /// Counts classes until `budget` is spent, at least one; returns how many are left.
    pub fn work(&mut self, model: &Model, classes: &[ClassId], budget: Duration) -> usize {
        let total = model.dataset().map_or(0, |dataset| dataset.classes().len());
        self.classes.resize_with(total, || None);
        let began = Instant::now();
        let stale = |spreads: &Self, class: ClassId| {
            spreads.class(class).is_none_or(|spread| spread.stamps != model.ranking.class(class).stamps)
        };
        let first = model.workspace.shown_class();
        let mut left = 0;
        let mut counted = false;
        for class in first.into_iter().chain(classes.iter().copied().filter(|class| Some(*class) != first)) {
            if !stale(self, class) {
                continue;
            }
            if counted && began.elapsed() >= budget {
                left += 1;
                continue;
            }
            if let Some(slot) = self.classes.get_mut(class.index()) {
                *slot = Some(ClassSpread::of(model, class));
                self.version += 1;
            }
            counted = true;
        }
        left
    }

    /// The patches of some classes by what becomes of them.
    #[must_use]
    pub fn by_group(&self, quantity: Quantity, classes: &[ClassId]) -> Histogram {
        let mut histogram = Histogram::new("Patches", axis(quantity), bins(quantity));
        for (group, (name, colour)) in GROUPS.into_iter().enumerate() {
            let mut series = Series { name: name.to_owned(), colour, ..empty(&histogram.bins) };
            for spread in classes.iter().filter_map(|class| self.class(*class)) {
                add(&mut series, &spread.groups[number(quantity)][group]);
            }
            histogram.series.push(series);
        }
        histogram
    }

    /// Parts of the patches over each other: each a name and its classes.
    #[must_use]
    pub fn overlaid(&self, quantity: Quantity, parts: &[(String, Vec<ClassId>)]) -> Histogram {
        let mut histogram = Histogram::new("Patches of the class (%)", axis(quantity), bins(quantity));
        histogram.overlaid = true;
        for (colour, (name, classes)) in parts.iter().enumerate() {
            let mut series = Series { name: name.clone(), colour, ..empty(&histogram.bins) };
            for spread in classes.iter().filter_map(|class| self.class(*class)) {
                spread.groups[number(quantity)].iter().for_each(|group| add(&mut series, group));
            }
            histogram.series.push(series);
        }
        histogram
    }

    /// The losses beside the axis of some classes.
    #[must_use]
    pub fn beside(&self, classes: &[ClassId]) -> Beside {
        let spreads = classes.iter().filter_map(|class| self.class(*class));
        spreads.fold(Beside::default(), |sum, spread| Beside {
            zero: sum.zero + spread.beside.zero,
            infinite: sum.infinite + spread.beside.infinite,
        })
    }
}

/// What stands at the axis of a quantity.
#[must_use]
pub fn axis(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::Loss => "Loss, −ln p of the class (nats)",
        Quantity::Margin => "Margin, p of the class − p of the strongest other class",
    }
}

/// The classes that are compared: the shown one with all, or the first of all as far as there are colours.
#[must_use]
pub fn compared(dataset: &Dataset, shown: Option<ClassId>, chosen: &[ClassId]) -> Vec<(String, Vec<ClassId>)> {
    /// Colours of curves.
    const MOST: usize = 8;
    let named = |class: ClassId| (dataset.class(class).shown().to_owned(), vec![class]);
    match shown {
        Some(class) => vec![named(class), ("all classes".to_owned(), chosen.to_vec())],
        None => chosen.iter().copied().take(MOST).map(named).collect(),
    }
}

#[cfg(test)]
mod tests;
