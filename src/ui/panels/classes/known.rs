//! What the panel shows of a check, made once for each report and order.

use std::sync::Arc;

use crate::core::chart::heat_map::{HeatMap, Side};
use crate::core::data::dataset::Dataset;
use crate::core::data::outcomes::{At, Column, Confused, Outcomes};
use crate::core::data::wordnet;
use crate::jobs::check::{Answer, CheckReport};
use crate::jobs::open::OpenedObserver;
use crate::ui::model::Model;

/// A check, arranged by the order in use or by the proposed one.
pub struct Known {
    /// The check.
    pub report: Arc<CheckReport>,
    /// Whether the order is the proposed one.
    pub proposed: bool,
    /// The images of the sample are of this dataset.
    pub data: Arc<Dataset>,
    /// The observer.
    pub opened: Arc<OpenedObserver>,
    /// The counts.
    pub outcomes: Outcomes,
    /// Wrong answers, the most frequent first.
    pub confused: Vec<Confused>,
}

impl Known {
    /// What is known of the model's check; `None` before it.
    #[must_use]
    pub fn of(model: &Model, proposed: bool) -> Option<Self> {
        let (report, _) = model.check.as_ref()?;
        let (opened, data) = (model.observer.clone()?, checked_on(model)?);
        // The network's own outputs are what its answers speak of.
        let map = if proposed { &report.class_map } else { &report.current_map };
        let map: Vec<u32> = map.iter().map(|&output| opened.output_here(output).unwrap_or(output)).collect();
        let answer = |a: &Answer| (data.class_of(a.image).index(), a.output);
        let answers: Vec<(usize, u32)> = report.answers.iter().map(answer).collect();
        let outcomes = Outcomes::new(&answers, &map);
        let confused = outcomes.confused();
        Some(Self { report: report.clone(), proposed, data, opened, outcomes, confused })
    }

    /// Whether it is still what [`Known::of`] would make.
    #[must_use]
    pub fn is_of(&self, model: &Model, proposed: bool) -> bool {
        let same = model.check.as_ref().is_some_and(|(report, _)| Arc::ptr_eq(report, &self.report));
        same && self.proposed == proposed
    }

    /// A class's name.
    #[must_use]
    pub fn class(&self, class: usize) -> &str {
        self.data.classes().get(class).map_or("?", |class| class.shown())
    }

    /// What a column is called.
    #[must_use]
    pub fn column(&self, column: usize) -> String {
        match self.outcomes.columns().get(column) {
            Some(Column::Class(class)) => self.class(*class).to_owned(),
            Some(Column::Output(output)) => output_name(&self.opened, *output),
            Some(Column::Others(outputs)) => format!("{outputs} other outputs"),
            None => String::new(),
        }
    }

    /// A cell in words: "tench taken for goldfish: 7 of 50 (14 %)".
    #[must_use]
    pub fn words(&self, at: At) -> String {
        let Some(share) = self.outcomes.share(at) else { return format!("{}: no images", self.class(at.0)) };
        let (images, total) = (self.outcomes.images(at), self.outcomes.total(at.0));
        let counts = format!("{images} of {total} ({})", percent(share));
        if at.0 == at.1 {
            return format!("{} recognised: {counts}", self.class(at.0));
        }
        format!("{} taken for {}: {counts}", self.class(at.0), self.column(at.1))
    }

    /// The places of a cell's images among the report's answers.
    #[must_use]
    pub fn images(&self, (class, column): At) -> Vec<usize> {
        let here = |a: &Answer| {
            self.data.class_of(a.image).index() == class && self.outcomes.column_of(a.output) == Some(column)
        };
        (0..self.report.answers.len()).filter(|&at| here(&self.report.answers[at])).collect()
    }

    /// The matrix as it is saved: percent of the row.
    #[must_use]
    pub fn heat_map(&self) -> HeatMap {
        let (classes, columns) = (self.outcomes.classes(), self.outcomes.columns().len());
        let cells = (0..classes).flat_map(|class| (0..columns).map(move |column| (class, column)));
        HeatMap {
            rows: Side { title: "class".to_owned(), names: (0..classes).map(|c| self.class(c).to_owned()).collect() },
            columns: Side { title: "taken for".to_owned(), names: (0..columns).map(|c| self.column(c)).collect() },
            quantity: "Share of the class's images (%)".to_owned(),
            range: (0.0, 100.0),
            cells: cells.map(|at| self.outcomes.share(at)).collect(),
        }
    }
}

/// The images that the observer is checked on: held-out ones, or all where none are held out.
fn checked_on(model: &Model) -> Option<Arc<Dataset>> {
    let data = model.data.as_ref()?;
    Some(data.held_out.clone().unwrap_or_else(|| data.dataset.clone()))
}

/// What an output of the network is called: its name where the weights or their card tell, and its number in the file.
#[must_use]
pub fn output_name(opened: &OpenedObserver, output: u32) -> String {
    let number = opened.output_in_file(output);
    match opened.output_name(output) {
        Some(name) => format!("{number}: {}", wordnet::shown(name)),
        None => format!("output {number}"),
    }
}

/// A percentage with a digit behind the point where it has one: "14 %", "2.5 %".
#[must_use]
pub fn percent(value: f64) -> String {
    let text = format!("{value:.1}");
    format!("{} %", text.strip_suffix(".0").unwrap_or(&text))
}
