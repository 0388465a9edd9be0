//! Tables as CSV and charts as SVG: what the page shows, for spreadsheets and papers.

use crate::core::chart::colours::on_white;
use crate::core::chart::heat_map::HeatMap;
use crate::core::chart::{Run, View, charts, svg};
use crate::core::data::names::portable;
use crate::core::distil::manifest::Manifest;
use crate::core::distil::tables::{ClassSummary, provenance_csv, summaries_csv};
use crate::core::report::{Training, losses};
use crate::store::training::{TrainingNote, curves_csv, runs_csv};

use super::trainings::Found;

/// The files: names and texts.
pub(super) fn files(manifest: Option<&Manifest>, found: &[Found], parts: &[Training]) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut add = |name: &str, text: String| files.push((name.to_owned(), text));
    if let Some(manifest) = manifest {
        let classes: Vec<ClassSummary> = manifest.classes.iter().map(ClassSummary::of).collect();
        let losses = losses(manifest);
        add("images.csv", provenance_csv(manifest));
        add("classes.csv", summaries_csv(&classes));
        add("losses.csv", losses.csv());
        add("losses.svg", svg::histogram(&losses, &on_white()).document());
    }
    if !found.is_empty() {
        let notes: Vec<&TrainingNote> = found.iter().map(|found| &found.note).collect();
        let runs = parts.iter().enumerate();
        let runs: Vec<Run<'_>> =
            runs.map(|(colour, part)| Run { name: &part.name, colour, curves: &part.curves }).collect();
        let view = View { smoothing: 0.0, log_loss: false, train_top1: true };
        add("trainings.csv", runs_csv(found.iter().map(|found| (found.folder.as_path(), &found.note))));
        add("curves.csv", curves_csv(&notes));
        add("curves.svg", svg::write(&charts(&runs, &view), &on_white()));
    }
    for (number, part) in parts.iter().enumerate() {
        let Some(counts) = part.confusion() else { continue };
        // Trainings may have one name; their numbers are those of the lines in trainings.csv.
        let name = format!("confusion-{:03}-{}", number + 1, portable(&part.name));
        let map = HeatMap::of_confusion(&counts, &part.classes);
        add(&format!("{name}.csv"), counts.csv(&part.classes));
        add(&format!("{name}.svg"), svg::heat_map(&map).document());
    }
    files
}
