//! The matrix and the pairs as files.

use eframe::egui::Ui;

use super::known::Known;
use crate::core::chart::svg;
use crate::core::formats::csv::{Csv, Field};
use crate::ui::panels::controls::{save, saved};
use crate::ui::panels::scene::Scene;

const MATRIX: &str = "the matrix of the check";
const PAIRS: &str = "the confused pairs";

/// Buttons that save the matrix.
pub fn matrix(ui: &mut Ui, known: &Known, scene: &mut Scene<'_>) {
    save(ui, ("CSV", MATRIX, "check-matrix.csv"), scene, || known.heat_map().csv());
    save(ui, ("SVG", MATRIX, "check-matrix.svg"), scene, || svg::heat_map(&known.heat_map()).document());
    saved(ui, scene, &[MATRIX]);
}

/// A button that saves the pairs, the most frequent first.
pub fn pairs(ui: &mut Ui, known: &Known, scene: &mut Scene<'_>) {
    save(ui, ("CSV", PAIRS, "confused-pairs.csv"), scene, || {
        let mut table = Csv::new(["class", "taken_for", "images", "images_of_class", "percent"]);
        for pair in &known.confused {
            let (class, column) = pair.at;
            table.row([
                Field::from(known.class(class)),
                known.column(column).into(),
                pair.images.into(),
                known.outcomes.total(class).into(),
                known.outcomes.share(pair.at).into(),
            ]);
        }
        table.into_text()
    });
    saved(ui, scene, &[PAIRS]);
}
