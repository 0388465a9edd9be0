//! How a distilled image came to be, in words.

use crate::core::distil::manifest::{Optimised, Origin, Start};
use crate::ui::widgets::text;

/// Sources that are named.
const NAMED: usize = 4;

/// "optimised from 4 patches in 200 steps; last loss: feature 0.0123", "4 patches of cat/1.png, …"; `None` of an image that
/// was imported.
#[must_use]
pub fn words(origin: &Origin) -> Option<String> {
    let Optimised { start, iterations, losses } = match origin {
        Origin::Optimised(optimised) => optimised,
        Origin::Stitched(cells) => {
            let sources: Vec<&str> = cells.iter().take(NAMED).map(|cell| cell.source.as_str()).collect();
            let more = if cells.len() > sources.len() { ", …" } else { "" };
            return Some(format!("{} of {}{more}", text::count(cells.len(), "patch", "patches"), sources.join(", ")));
        }
        Origin::Imported { .. } => return None,
    };
    let from = match start {
        Start::Noise => "noise".to_owned(),
        Start::Stitched(cells) => text::count(cells.len(), "patch", "patches"),
        Start::Parent { file, .. } => format!("{file} of another set"),
    };
    let losses: Vec<String> = losses.iter().map(|loss| format!("{} {}", loss.term, text::loss(loss.value))).collect();
    let steps = text::count(*iterations as usize, "step", "steps");
    Some(format!("optimised from {from} in {steps}; last loss: {}", losses.join(", ")))
}
