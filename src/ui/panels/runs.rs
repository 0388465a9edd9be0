//! The runs panel: what was distilled when, with which recipe, where to; each can be had again.

use std::path::Path;

use eframe::egui::{self, Color32, RichText, Role, Ui, WidgetInfo};

use super::controls::command;
use super::methods::title;
use super::scene::Scene;
use crate::core::distil::rded::Strategy;
use crate::store::project::{RunRecord, RunStatus, runs_csv};
use crate::ui::actions::Action;
use crate::ui::intent::{CompareChange, Intent, Panel, Saving};
use crate::ui::model::runs::ListedRun;
use crate::ui::theme::{Palette, palette};
use crate::ui::widgets::table::{Column, PickedRows, RowCells, Rows, Table, aligned};
use crate::ui::widgets::text;

const fn words(title: &'static str, about: &'static str, width: f32) -> Column {
    Column { title, about, width, numbers: false }
}

const fn number(title: &'static str, about: &'static str, width: f32) -> Column {
    Column { title, about, width, numbers: true }
}

const COLUMNS: [Column; 14] = [
    number("Run", "Its number in the project", 44.0),
    words("Began", "Date and time of this machine's time zone", 124.0),
    words("Status", "How it ended", 86.0),
    words("Dataset", "Folder of the images", 110.0),
    words("Observer", "Weight file, and those of further observers", 120.0),
    words("Method", "What made the images", 62.0),
    number("N", "Patches per distilled image", 36.0),
    number("IPC", "Distilled images per class", 44.0),
    number("Subset", "Images per class that were scored", 58.0),
    words("Strategy", "Which patches were kept", 78.0),
    number("Seed", "Of everything that was drawn", 52.0),
    number("Marks", "Images that a person had decided about", 52.0),
    number("Time", "From the beginning to the end, in seconds", 56.0),
    words("To", "The folder that was written", 220.0),
];

/// What the panel remembers.
#[derive(Default)]
pub struct RunsPanel {
    table: Table,
    /// What the cells say, in the order of the table, and what that was worked out from.
    shown: Option<(Made, Vec<Row>)>,
}

/// The list and the order of the table.
type Made = (u64, Option<(usize, bool)>);

/// A run: its place in the list, and its cells.
struct Row {
    at: usize,
    cells: [Cell; COLUMNS.len()],
}

/// A cell's text, and what it is sorted by.
#[derive(Clone, Debug, Default, PartialEq)]
struct Cell {
    text: String,
    value: Option<f64>,
}

impl Cell {
    fn words(text: impl Into<String>) -> Self {
        Self { text: text.into(), value: None }
    }

    fn number(value: f64) -> Self {
        Self { text: value.to_string(), value: Some(value) }
    }
}

impl RunsPanel {
    /// Shows the panel.
    pub fn show(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        let runs = &scene.model.runs;
        if let Some(problem) = &runs.problem {
            text::problem(ui, problem, true);
        }
        if runs.list.rows.is_empty() {
            text::empty(ui, "No runs yet", "What is distilled to a folder in this project is listed here.");
            return;
        }
        let (shown, all) = (runs.list.rows.len() as u64, runs.list.all);
        ui.horizontal_wrapped(|ui| {
            command(ui, Action::RestoreRun, scene);
            command(ui, Action::CopyRun, scene);
            self.copy_path(ui, scene);
            command(ui, Action::RefineRun, scene);
            refined(ui, scene);
            compared(ui, scene);
            let csv = ui.button("Save as CSV…").on_hover_text("All listed runs with their parameters, a line each");
            if csv.clicked() {
                let records: Vec<RunRecord> = runs.list.rows.iter().map(|run| RunRecord::clone(&run.record)).collect();
                let text = runs_csv(&records);
                scene.out.push(Intent::Save(Saving { what: "the runs", name: "runs.csv".to_owned(), text }));
            }
            let words = format!("showing {} of {} runs", text::thousands(shown), text::thousands(all));
            ui.label(RichText::new(words).color(palette(ui.visuals()).weak));
        });
        self.rows(ui, scene);
    }

    fn copy_path(&self, ui: &mut Ui, scene: &mut Scene<'_>) {
        let out = scene.model.runs.selected().and_then(|run| run.out.clone());
        let button = ui.add_enabled(out.is_some(), egui::Button::new("Copy folder's path"));
        let button = button.on_hover_text("The folder that the selected run wrote");
        if button.on_disabled_hover_text("Select a run that wrote a folder").clicked()
            && let Some(out) = out
        {
            scene.out.push(Intent::Copy(out.to_string_lossy().into_owned(), "the path"));
        }
    }

    fn rows(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        let runs = &scene.model.runs;
        let made = (runs.version, self.table.sorted);
        if self.shown.as_ref().is_none_or(|(of, _)| *of != made) {
            self.shown = Some((made, sorted(&runs.list.rows, self.table.sorted)));
        }
        let shown: &[Row] = self.shown.as_ref().map_or(&[], |(_, rows)| rows);
        let selected =
            runs.chosen.and_then(|row| shown.iter().position(|shown| runs.list.rows[shown.at].record.row == row));
        let rows = Rows { count: shown.len(), selected, reveal: false };
        let picked = self.table.show(ui, &COLUMNS, rows, |ui, cells| {
            let row = &shown[cells.row];
            paint(ui, cells, (row, &runs.list.rows[row.at].record, selected == Some(cells.row)));
        });
        let PickedRows { clicked, opened } = picked;
        if let Some(row) = clicked.or(opened) {
            scene.out.push(Intent::SelectRun(runs.list.rows[shown[row].at].record.row));
        }
    }
}

/// The cells of all runs, in the order of the table.
fn sorted(runs: &[ListedRun], by: Option<(usize, bool)>) -> Vec<Row> {
    let mut rows: Vec<Row> = runs.iter().enumerate().map(|(at, run)| Row { at, cells: cells(run) }).collect();
    if let Some((column, falling)) = by.filter(|(column, _)| *column < COLUMNS.len()) {
        rows.sort_by(|a, b| {
            let (a, b) = (&a.cells[column], &b.cells[column]);
            let order = a.value.unwrap_or(f64::NEG_INFINITY).total_cmp(&b.value.unwrap_or(f64::NEG_INFINITY));
            let order = order.then_with(|| a.text.cmp(&b.text));
            if falling { order.reverse() } else { order }
        });
    }
    rows
}

fn cells(ListedRun { record: run, marks, .. }: &ListedRun) -> [Cell; COLUMNS.len()] {
    let name = |path: &Path| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let own = run.recipe.method.rded();
    [
        Cell::number(run.row.number() as f64),
        Cell { text: run.began_here.clone(), value: Some(run.began as f64) },
        Cell::words(status(run.status)),
        Cell::words(name(&run.dataset)),
        Cell::words(observers(run).map(name).collect::<Vec<_>>().join(" + ")),
        Cell::words(title(run.recipe.method.name())),
        own.map_or_else(Cell::default, |own| Cell::number(f64::from(own.patches))),
        Cell::number(f64::from(run.recipe.ipc)),
        own.map_or_else(Cell::default, |own| Cell::number(f64::from(own.subset))),
        Cell::words(own.map_or("", |own| Strategy::name(own.strategy))),
        Cell { text: run.recipe.seed.to_string(), value: Some(run.recipe.seed as f64) },
        marks.as_ref().map_or_else(Cell::default, |marks| Cell::number(*marks as f64)),
        run.ended.map_or_else(Cell::default, |ended| Cell::number((ended - run.began) as f64)),
        Cell::words(run.out.as_deref().map(|out| out.to_string_lossy().into_owned()).unwrap_or_default()),
    ]
}

/// The weight files of all observers of a run, that of the first one in front.
fn observers(run: &RunRecord) -> impl Iterator<Item = &Path> {
    let beside = run.asked.iter().flat_map(|asked| &asked.beside);
    std::iter::once(run.observer.as_path()).chain(beside.map(|observer| observer.file.as_path()))
}

/// The way to the images of the selected run, where their pixels were moved.
fn refined(ui: &mut Ui, scene: &mut Scene<'_>) {
    let selected = scene.model.runs.selected().filter(|run| run.recipe.method.iterations() > 0);
    let out = selected.and_then(|run| run.out.clone()).filter(|_| scene.model.data.is_some());
    let button = ui.add_enabled(out.is_some(), egui::Button::new("Show in Refine"));
    let button = button.on_hover_text("The written images of the selected run beside what they began with");
    if button.on_disabled_hover_text("Open the dataset, and select a run of SRe2L, CDA or LIC").clicked() {
        scene.out.extend(out.map(Intent::OpenMoved));
    }
}

/// The way to the set of the selected run beside others.
fn compared(ui: &mut Ui, scene: &mut Scene<'_>) {
    let out = scene.model.runs.selected().and_then(|run| run.out.clone());
    let button = ui.add_enabled(out.is_some(), egui::Button::new("Compare"));
    let button = button.on_hover_text("Put the images of the selected run beside those of others");
    if button.on_disabled_hover_text("Select a run that wrote a folder").clicked() {
        scene.out.extend(out.map(|out| Intent::Compare(CompareChange::Add(out))));
        scene.out.push(Intent::Show(Panel::Compare));
    }
}

fn status(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Running => "running",
        RunStatus::Done => "done",
        RunStatus::Failed => "failed",
        RunStatus::Cancelled => "cancelled",
        RunStatus::Interrupted => "interrupted",
    }
}

fn shade(status: RunStatus, p: &Palette) -> Color32 {
    match status {
        RunStatus::Running => p.accent,
        RunStatus::Done => p.good,
        RunStatus::Failed => p.bad,
        RunStatus::Cancelled | RunStatus::Interrupted => p.warn,
    }
}

fn paint(ui: &mut Ui, cells: &RowCells<'_>, (row, run, selected): (&Row, &RunRecord, bool)) {
    let p = palette(ui.visuals());
    let said = format!("run {}, {}", run.row.number(), status(run.status));
    cells.response.widget_info(|| WidgetInfo::selected(Role::Row, true, selected, &said));
    for (at, (column, rect)) in COLUMNS.iter().zip(cells.cells).enumerate() {
        let color = match at {
            2 => shade(run.status, p),
            0 | 1 => p.text,
            _ if selected => p.text,
            _ => p.weak,
        };
        aligned(ui, *rect, &row.cells[at].text, (column.numbers, color));
    }
    if cells.response.hovered() {
        let mut tip = run.dataset.to_string_lossy().into_owned();
        tip.extend(observers(run).map(|file| format!("\n{}", file.to_string_lossy())));
        tip.extend(run.out.as_deref().map(|out| format!("\n{}", out.to_string_lossy())));
        if !run.detail.is_empty() {
            tip.push_str(&format!("\n{}", run.detail));
        }
        cells.response.clone().on_hover_text(format!("{}\n{tip}", age(run.began)));
    }
}

/// How long ago a moment is, in seconds since 1970.
fn age(began: i64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |t| t.as_secs());
    let minutes = (now as i64 - began).max(0) / 60;
    match minutes {
        0 => "less than a minute ago".to_owned(),
        1..120 => format!("{} ago", text::count(minutes as usize, "minute", "minutes")),
        120..2880 => format!("{} hours ago", minutes / 60),
        _ => format!("{} days ago", minutes / 1440),
    }
}
