//! How the page looks: light and dark, on screen and on paper.

use std::fmt::Write as _;

use crate::core::chart::colours::{ON_DARK, ON_LIGHT, css};

const SHEET: &str = include_str!("../../../assets/report.css");

/// The style sheet. Charts are drawn for white paper; in the dark, each colour of a series becomes its bright sister.
pub(super) fn sheet() -> String {
    let mut text = SHEET.to_owned();
    text.push_str("@media screen and (prefers-color-scheme: dark) {\n");
    for (light, dark) in ON_LIGHT.iter().zip(&ON_DARK) {
        let (light, dark) = (css(*light), css(*dark));
        // Writing to a String cannot fail.
        let _ = writeln!(text, ".chart [fill=\"{light}\"] {{ fill: {dark} }}");
        let _ = writeln!(text, ".chart [stroke=\"{light}\"] {{ stroke: {dark} }}");
    }
    text.push_str("}\n");
    text
}
