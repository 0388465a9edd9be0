//! Steps of the history in words.

use std::path::Path;

use super::view::{Filter, Sort};
use crate::core::distil::curation::Choice;
use crate::core::distil::recipe::Recipe;
use crate::core::param::Parameters;

/// Parameters that are named; of more there is the number.
const NAMED: usize = 3;

/// What changed between two recipes: "Images per class (IPC) 10 to 20".
pub(super) fn change<R: Parameters>(before: &R, after: &R) -> String {
    let values = R::table().iter().map(|param| (param.label, param.value(before), param.value(after)));
    let changed: Vec<(&str, String, String)> = values.filter(|(_, before, after)| before != after).collect();
    let one = |(label, before, after): &(&str, String, String)| match (before.is_empty(), after.is_empty()) {
        (false, false) => format!("{label} {before} to {after}"),
        (true, _) => format!("{label} {after}"),
        (_, true) => format!("no {label}"),
    };
    match changed.len() {
        0..=NAMED => changed.iter().map(one).collect::<Vec<_>>().join(", "),
        more => format!("{more} parameters changed"),
    }
}

/// The same of whole recipes, where another method has other parameters: "method rded to lic".
pub(super) fn recipe(before: &Recipe, after: &Recipe) -> String {
    let [from, to] = [before, after].map(|recipe| recipe.method.name());
    if from == to { change(before, after) } else { format!("method {from} to {to}") }
}

/// A file without its folder.
pub(super) fn file(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// "sorted by loss, the greatest first".
pub(super) fn sort(sort: Sort) -> String {
    let turned = if sort.descending { ", the greatest first" } else { "" };
    format!("sorted by {}{turned}", sort.by.name())
}

/// Three digits of a number, whatever its size.
fn number(value: f32) -> String {
    if value == 0.0 || (0.01..1e4).contains(&value.abs()) { format!("{value:.3}") } else { format!("{value:.1e}") }
}

/// What a filter lets through: "only names with 'ow', loss 0.1 to 2".
pub(super) fn filter(filter: &Filter) -> String {
    if filter.is_open() {
        return "no filter".to_owned();
    }
    let name = (!filter.name.is_empty()).then(|| format!("names with '{}'", filter.name));
    let brush = filter.brush.map(|b| format!("{} {} to {}", b.quantity.name(), number(b.low), number(b.high)));
    let choice = filter.choice.map(|choice| match choice {
        Choice::Ranked => "neither pinned nor rejected".to_owned(),
        Choice::Pinned => "pinned".to_owned(),
        Choice::Rejected => "rejected".to_owned(),
    });
    let tag = filter.tag.map(|tag| format!("tag {tag}"));
    let stitched = filter.stitched.then(|| "stitched".to_owned());
    let cell = filter.cell.map(|cell| format!("cell {}", cell + 1));
    let parts = [name, brush, choice, tag, stitched, cell].into_iter().flatten();
    format!("only {}", parts.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::distil::presets::of_method;
    use crate::core::workspace::view::{Brush, Quantity};

    #[test]
    fn changes_are_told_with_their_values_while_they_are_few() {
        let mut recipe = Recipe::default();
        recipe.set("ipc", "20").unwrap();
        assert_eq!(change(&Recipe::default(), &recipe), "Images per class (IPC) 10 to 20");
        for (name, value) in [("seed", "1"), ("crops", "3"), ("subset", "7")] {
            recipe.set(name, value).unwrap();
        }
        assert_eq!(change(&Recipe::default(), &recipe), "4 parameters changed");
        assert_eq!(super::recipe(&Recipe::default(), &recipe), "4 parameters changed");
        assert_eq!(super::recipe(&recipe, &of_method("lic", 32).unwrap()), "method rded to lic");
    }

    #[test]
    fn filters_are_told_by_what_they_let_through() {
        let brush = Brush { quantity: Quantity::Loss, low: 0.1, high: 2.0 };
        let of = Filter { name: "ow".to_owned(), brush: Some(brush), tag: Some(3), cell: Some(0), ..Filter::default() };
        assert_eq!(filter(&of), "only names with 'ow', loss 0.100 to 2.000, tag 3, cell 1");
        assert_eq!(filter(&Filter::default()), "no filter");
    }
}
