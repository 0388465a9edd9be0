//! Wrong answers as a table.

use eframe::egui::{Role, Ui, WidgetInfo};

use super::known::{Known, percent};
use crate::core::data::outcomes::{At, Confused};
use crate::ui::theme::palette;
use crate::ui::widgets::table::{Column, Rows, Table, aligned};
use crate::ui::widgets::text;

const COLUMNS: [Column; 4] = [
    Column { title: "Class", about: "The images' class", width: 104.0, numbers: false },
    Column { title: "Taken for", about: "What the observer says they are", width: 104.0, numbers: false },
    Column { title: "Images", about: "How many of them", width: 58.0, numbers: true },
    Column { title: "Share", about: "Of the class's images in the sample", width: 66.0, numbers: true },
];

/// A column and whether the greatest come first; `None`: the most frequent first.
type Sorting = Option<(usize, bool)>;

/// What the table remembers.
#[derive(Default)]
pub struct Pairs {
    table: Table,
    /// The pairs in the order that the headings ask for, and what they ask.
    sorted: Option<(Sorting, Vec<Confused>)>,
}

impl Pairs {
    /// Other counts are shown from now on.
    pub fn forget(&mut self) {
        self.sorted = None;
    }

    /// Shows the table; returns the cell of the pair that was chosen.
    pub fn show(&mut self, ui: &mut Ui, known: &Known, chosen: Option<At>) -> Option<At> {
        if known.confused.is_empty() {
            text::empty(ui, "Nothing is confused", "All images of the sample are taken for their own class.");
            return None;
        }
        let by = self.table.sorted;
        let (_, pairs) = match self.sorted.take() {
            Some(kept) if kept.0 == by => self.sorted.insert(kept),
            _ => self.sorted.insert((by, sorted(known, by))),
        };
        let selected = chosen.and_then(|at| pairs.iter().position(|pair| pair.at == at));
        let rows = Rows { count: pairs.len(), selected, reveal: false };
        let picked = self.table.show(ui, &COLUMNS, rows, |ui, row| {
            let p = palette(ui.visuals());
            let at = pairs[row.row].at;
            let words = known.words(at);
            row.response.widget_info(|| WidgetInfo::selected(Role::Button, true, selected == Some(row.row), &words));
            let share = percent(known.outcomes.share(at).unwrap_or(0.0));
            let cells = [known.class(at.0).to_owned(), known.column(at.1), pairs[row.row].images.to_string(), share];
            for ((cell, words), column) in row.cells.iter().zip(&cells).zip(&COLUMNS) {
                aligned(ui, *cell, words, (column.numbers, p.text));
            }
        });
        picked.clicked.map(|row| pairs[row].at)
    }
}

fn sorted(known: &Known, by: Sorting) -> Vec<Confused> {
    let mut pairs = known.confused.clone();
    let Some((column, falling)) = by else { return pairs };
    match column {
        0 => pairs.sort_by_cached_key(|pair| known.class(pair.at.0).to_lowercase()),
        1 => pairs.sort_by_cached_key(|pair| known.column(pair.at.1).to_lowercase()),
        2 => pairs.sort_by_key(|pair| pair.images),
        _ => pairs.sort_by(|a, b| {
            known.outcomes.share(a.at).unwrap_or(0.0).total_cmp(&known.outcomes.share(b.at).unwrap_or(0.0))
        }),
    }
    if falling {
        pairs.reverse();
    }
    pairs
}
