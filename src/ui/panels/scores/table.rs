//! The classes side by side: what is scored of each, and how its losses are spread.

use std::cmp::Ordering;

use eframe::egui::{Role, Ui, WidgetInfo};

use super::spread::Spreads;
use crate::core::data::dataset::{ClassId, Dataset};
use crate::core::formats::csv::{Csv, Field};
use crate::core::workspace::Command;
use crate::ui::intent::Intent;
use crate::ui::model::Model;
use crate::ui::panels::scene::Scene;
use crate::ui::theme::palette;
use crate::ui::widgets::table::{Column, Rows, Table, aligned};
use crate::ui::widgets::text;

const fn column(title: &'static str, width: f32, numbers: bool, about: &'static str) -> Column {
    Column { title, about, width, numbers }
}

const COLUMNS: [Column; 7] = [
    column("Class", 130.0, false, "Name of the class; a click shows it alone, another one all classes"),
    column("Scored", 62.0, true, "Images of the subset that are scored"),
    column("Stitched", 64.0, true, "Patches that become part of a distilled image"),
    column("Mean loss", 76.0, true, "Mean loss of the key patches"),
    column("Median", 66.0, true, "The middle loss of the key patches"),
    column("Least", 66.0, true, "The least loss"),
    column("Greatest", 70.0, true, "The greatest loss; ∞ where the observer gives the class no chance"),
];

/// What a class's row says.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    class: ClassId,
    name: String,
    /// Key patches, those without a number for a loss, and stitched ones; `None` where they aren't counted yet.
    counts: Option<(usize, usize, usize)>,
    /// Mean, median, least and greatest loss.
    losses: [Option<f64>; 4],
}

impl Line {
    fn of(dataset: &Dataset, spreads: &Spreads, class: ClassId) -> Self {
        let spread = spreads.class(class);
        let losses = spread.map_or([None; 4], |spread| {
            let ends = [spread.median, spread.losses.least(), spread.losses.greatest()].map(|v| v.map(f64::from));
            [spread.losses.mean(), ends[0], ends[1], ends[2]]
        });
        let counts = spread.map(|spread| (spread.patches, spread.losses.unknown, spread.stitched));
        Self { class, name: dataset.class(class).shown().to_owned(), counts, losses }
    }

    /// A column's number, which sorts.
    fn number(&self, column: usize) -> Option<f64> {
        match column {
            1 => self.counts.map(|(scored, ..)| scored as f64),
            2 => self.counts.map(|(.., stitched)| stitched as f64),
            _ => self.losses.get(column.checked_sub(3)?).copied().flatten(),
        }
    }

    fn words(&self, column: usize) -> String {
        let counted = self.number(column);
        match column {
            0 => self.name.clone(),
            1 | 2 => counted.map_or_else(|| "…".to_owned(), |n| text::thousands(n as u64)),
            _ => counted.map_or_else(|| "–".to_owned(), |loss| text::loss(loss as f32)),
        }
    }
}

/// The rows of the table, kept while nothing changes that they are made of.
#[derive(Default)]
pub struct Classes {
    table: Table,
    lines: Vec<Line>,
    of: Option<Of>,
}

/// What rows depend on: version of the spreads, classes, and how they are sorted.
type Of = (u64, Vec<ClassId>, Option<(usize, bool)>);

impl Classes {
    /// Shows the table in what is left of the panel.
    pub fn show(&mut self, ui: &mut Ui, (dataset, spreads): (&Dataset, &Spreads), scene: &mut Scene<'_>) {
        let model = scene.model;
        self.fill(dataset, spreads, model);
        let shown = model.workspace.shown_class();
        let selected = shown.and_then(|class| self.lines.iter().position(|line| line.class == class));
        let rows = Rows { count: self.lines.len(), selected, reveal: false };
        let lines = &self.lines;
        let picked = self.table.show(ui, &COLUMNS, rows, |ui, cells| {
            let p = palette(ui.visuals());
            let line = &lines[cells.row];
            let said = format!("scores of {}", line.name);
            let selected = shown == Some(line.class);
            cells.response.widget_info(|| WidgetInfo::selected(Role::Row, true, selected, &said));
            for (column, cell) in cells.cells.iter().enumerate() {
                let color = if column == 0 || selected { p.text } else { p.weak };
                aligned(ui, *cell, &line.words(column), (COLUMNS[column].numbers, color));
            }
            if let Some((_, unknown @ 1.., _)) = line.counts {
                let count = text::count(unknown, "loss is", "losses are");
                cells
                    .response
                    .clone()
                    .on_hover_text(format!("{count} no number and left out of mean, median and range"));
            }
        });
        if let Some(row) = picked.clicked {
            let class = lines[row].class;
            scene.out.push(Intent::Edit(Command::ShowClass((shown != Some(class)).then_some(class))));
        }
    }

    fn fill(&mut self, dataset: &Dataset, spreads: &Spreads, model: &Model) {
        let of = (spreads.version(), model.workspace.chosen().collect::<Vec<_>>(), self.table.sorted);
        if self.of.as_ref() != Some(&of) {
            self.lines = of.1.iter().map(|class| Line::of(dataset, spreads, *class)).collect();
            sort(&mut self.lines, self.table.sorted);
            self.of = Some(of);
        }
    }

    /// The table as comma-separated values, in the order that is shown.
    #[must_use]
    pub fn csv(&self) -> String {
        let names = ["class", "scored", "stitched", "mean_loss", "median_loss", "min_loss", "max_loss", "no_number"];
        let mut table = Csv::new(names);
        for line in &self.lines {
            let (scored, unknown, stitched) =
                line.counts.map_or((None, None, None), |(a, b, c)| (Some(a), Some(b), Some(c)));
            let [mean, median, least, greatest] = line.losses;
            table.row([
                Field::from(line.name.as_str()),
                scored.into(),
                stitched.into(),
                mean.into(),
                median.into(),
                least.into(),
                greatest.into(),
                unknown.into(),
            ]);
        }
        table.into_text()
    }
}

/// Sorts by a column, without one by class; what has no number comes last either way.
fn sort(lines: &mut [Line], sorted: Option<(usize, bool)>) {
    let Some((column, falling)) = sorted else { return };
    let turned = |order: Ordering| if falling { order.reverse() } else { order };
    lines.sort_by(|a, b| match (a.number(column), b.number(column)) {
        _ if column == 0 => turned(a.name.to_lowercase().cmp(&b.name.to_lowercase())),
        (Some(a), Some(b)) => turned(a.total_cmp(&b)),
        (a, b) => a.is_none().cmp(&b.is_none()),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, counts: Option<(usize, usize, usize)>, mean: Option<f64>) -> Line {
        Line { class: ClassId(0), name: name.into(), counts, losses: [mean, Some(0.5), None, Some(f64::INFINITY)] }
    }

    #[test]
    fn rows_sort_by_any_column_with_what_is_not_known_last() {
        let mut lines = vec![
            line("b", Some((3, 0, 2)), Some(0.25)),
            line("C", None, None),
            line("a", Some((5, 1, 0)), Some(f64::INFINITY)),
        ];
        let mut by = |sorted| {
            sort(&mut lines, sorted);
            lines.iter().map(|line| line.name.clone()).collect::<String>()
        };
        assert_eq!([by(Some((0, false))), by(Some((0, true)))], ["abC", "Cba"]);
        assert_eq!([by(Some((1, false))), by(Some((1, true))), by(Some((3, true)))], ["baC", "abC", "abC"]);
        let words: Vec<String> = (0..7).map(|column| lines[0].words(column)).collect();
        assert_eq!(words, ["a", "5", "0", "∞", "0.500", "–", "∞"]);
        let table = Classes { lines: vec![lines.remove(0)], ..Classes::default() };
        assert_eq!(table.csv().lines().nth(1), Some("a,5,0,inf,0.5,,inf,1"));
    }
}
