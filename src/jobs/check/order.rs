//! Which order of classes that are integers an observer confirms: that of number, or that of text.

use std::sync::Arc;

use crate::core::data::class_map::{ClassMap, Rule};
use crate::core::data::class_order::ClassOrder;
use crate::core::data::confusion::Confusion;
use crate::jobs::open::OpenedObserver;
use crate::jobs::open::classes::{OUTPUTS, by_number};
use crate::jobs::session::Session;

/// Standard deviations from which on two shares of right answers differ clearly.
const CLEARLY: f64 = 3.0;

/// What both orders give.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct OrderTrial {
    /// The order that was taken.
    pub taken: ClassOrder,
    /// Percent right with the outputs in order of number.
    pub by_number: f64,
    /// Percent right with the outputs in order of text.
    pub as_text: f64,
    /// Whether the observer's answers decide between the two.
    pub confirmed: bool,
}

impl OrderTrial {
    /// Judges both orders on the same images by McNemar's test (1947): only images that exactly one of the orders gets
    /// right count. Text is taken where it is clearly better, else number.
    #[must_use]
    pub fn of(counts: &Confusion, by_number: &[u32], as_text: &[u32]) -> Self {
        let apart = |map: &[u32], other: &[u32]| -> f64 {
            let right = |class: usize| counts.row(class).get(map[class] as usize).copied().unwrap_or(0);
            (0..map.len()).filter(|&class| map[class] != other[class]).map(|class| f64::from(right(class))).sum()
        };
        let (number, text) = (apart(by_number, as_text), apart(as_text, by_number));
        let deviations = (text - number) / (text + number).max(1.0).sqrt();
        Self {
            taken: if deviations >= CLEARLY { ClassOrder::Text } else { ClassOrder::Number },
            by_number: counts.top1(by_number),
            as_text: counts.top1(as_text),
            confirmed: deviations.abs() >= CLEARLY,
        }
    }
}

impl std::fmt::Display for OrderTrial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let why = if self.confirmed { "as the observer confirms" } else { "since the two don't differ clearly" };
        let taken = match self.taken {
            ClassOrder::Text => "text",
            ClassOrder::Number | ClassOrder::Auto => "number",
        };
        write!(
            f,
            "the classes are integers: top-1 is {:.2} % with the outputs in order of number (0, 1, 2, …) and {:.2} % in \
             order of text (0, 1, 10, …); that of {taken} is taken, {why} (--class-order {taken})",
            self.by_number, self.as_text
        )
    }
}

/// Gives the session the order that its observer confirms; `None` where there is nothing to choose.
pub(super) fn settle(session: &mut Session, counts: &Confusion) -> Option<OrderTrial> {
    let mut opened = OpenedObserver::clone(&session.observer);
    let as_text = opened.map.as_text.take()?;
    let trial = OrderTrial::of(counts, &opened.map.outputs, &as_text);
    opened.request.class_order = trial.taken;
    if trial.taken == ClassOrder::Text {
        opened.map = ClassMap::new(as_text, Rule::Order);
    }
    // What was only assumed is known now.
    let assumed = by_number(OUTPUTS);
    opened.notes.retain(|note| *note != assumed);
    opened.notes.push(trial.to_string());
    session.observer = Arc::new(opened);
    Some(trial)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Twelve classes, as many images each; `right` of them are answered by `map`, the others by class 0's output.
    fn answers(map: &[u32], right: u32) -> Confusion {
        let mut counts = Confusion::new(map.len(), map.len());
        for (class, &output) in map.iter().enumerate() {
            (0..4).for_each(|image| counts.add(class, if image < right { output as usize } else { 0 }));
        }
        counts
    }

    #[test]
    fn only_a_clear_difference_takes_text() {
        let number = [0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9];
        let text: Vec<u32> = (0..12).collect();
        let trial = OrderTrial::of(&answers(&number, 4), &number, &text);
        assert_eq!((trial.taken, trial.confirmed, trial.by_number), (ClassOrder::Number, true, 100.0));
        assert!((trial.as_text - 100.0 / 6.0).abs() < 1e-9, "the first two classes stand where they stand");
        let trial = OrderTrial::of(&answers(&text, 4), &number, &text);
        assert_eq!((trial.taken, trial.confirmed, trial.as_text), (ClassOrder::Text, true, 100.0));
        assert!(trial.to_string().contains("--class-order text"), "{trial}");
        // One image each on ten classes is ten against none, and one on nine more than three deviations still.
        assert_eq!(OrderTrial::of(&answers(&text, 1), &number, &text).taken, ClassOrder::Text);
        let nobody = OrderTrial::of(&answers(&text, 0), &number, &text);
        assert_eq!((nobody.taken, nobody.confirmed), (ClassOrder::Number, false));
        // Eight against none are chance.
        let mut few = Confusion::new(12, 12);
        (2..10).for_each(|class| few.add(class, class));
        assert_eq!(OrderTrial::of(&few, &number, &text).taken, ClassOrder::Number);
        few.add(10, 10);
        assert_eq!(OrderTrial::of(&few, &number, &text).taken, ClassOrder::Text);
    }
}
