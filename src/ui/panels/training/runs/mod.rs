//! The table of trainings: what each column says, and in which order rows stand.

use std::cmp::Ordering;

use eframe::egui::{self, Color32, Key, Rect, Role, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo};

use crate::core::formats::clock::{date, duration};
use crate::core::train::curve::{Curve, Evaluated, mean_and_std, spread, top1s};
use crate::jobs::worker::Job;
use crate::store::training::{TrainingKind, TrainingNote, TrainingStatus};
use crate::ui::actions::Action;
use crate::ui::intent::{Intent, Panel, TrainingsChange};
use crate::ui::model::Model;
use crate::ui::model::trainings::{Row, State};
use crate::ui::panels::scene::Scene;
use crate::ui::theme::{Palette, palette};
use crate::ui::widgets::table::{Column, PickedRows, RowCells, Rows, Table, aligned};
use crate::ui::widgets::text;

const fn column(title: &'static str, width: f32, numbers: bool, about: &'static str) -> Column {
    Column { title, about, width, numbers }
}

/// The columns.
pub const COLUMNS: [Column; 15] = [
    column("", 34.0, false, ""),
    column("Name", 176.0, false, "Name of the training"),
    column("Student", 70.0, false, "The network that is trained"),
    column("Data", 132.0, false, "The images it learns from"),
    column("Images", 60.0, true, "Images per class that are trained on"),
    column("Labels", 54.0, false, "hard: the classes; online: the observer labels each batch; stored: by relabel"),
    column("Epochs", 60.0, true, "Passes over the images"),
    column("Batch", 52.0, true, "Images per step"),
    column("Rate", 56.0, true, "Base learning rate"),
    column("Seeds", 54.0, true, "Students that are finished, of those asked for"),
    column("Status", 92.0, false, "How the training stands"),
    column("Best", 96.0, true, "Top-1 at the best evaluated epoch, mean ± standard deviation over the seeds, percent"),
    column("Last", 96.0, true, "Top-1 after the last epoch, mean ± standard deviation over the seeds, percent"),
    column("Time", 58.0, true, "Time of work over all seeds, without pauses"),
    column("Began", 122.0, true, "When it began (UTC)"),
];

/// A cell's value, which sorts.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing: stands last in either order.
    None,
    /// A number, as it is shown.
    Number(f64, String),
    /// Words.
    Words(String),
}

impl Value {
    fn count(n: u64) -> Self {
        Self::Number(n as f64, text::thousands(n))
    }

    /// What is shown.
    #[must_use]
    pub fn shown(&self) -> &str {
        match self {
            Self::None => "",
            Self::Number(_, text) | Self::Words(text) => text,
        }
    }

    fn order(&self, other: &Self, falling: bool) -> Ordering {
        let turned = |order: Ordering| if falling { order.reverse() } else { order };
        match (self, other) {
            (Self::None, Self::None) => Ordering::Equal,
            (Self::None, _) => Ordering::Greater,
            (_, Self::None) => Ordering::Less,
            (Self::Number(a, _), Self::Number(b, _)) => turned(a.total_cmp(b)),
            (a, b) => turned(a.shown().to_lowercase().cmp(&b.shown().to_lowercase())),
        }
    }
}

/// The rows' numbers in the order of a column; without one, the newest first.
#[must_use]
pub fn order(rows: &[Row], sorted: Option<(usize, bool)>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rows.len()).rev().collect();
    if let Some((column, falling)) = sorted {
        let values: Vec<Value> = rows.iter().map(|r| value(r, column)).collect();
        order.sort_by(|a, b| values[*a].order(&values[*b], falling));
    }
    order
}

/// What a column says of a training.
#[must_use]
pub fn value(row: &Row, column: usize) -> Value {
    let note = match (&row.state, column) {
        (_, 1) => return Value::Words(row.name()),
        (State::Known(note), _) => note,
        (State::Broken(_), 10) => return Value::Words("broken".to_owned()),
        (State::Waiting(_), 10) => return Value::Words("waiting".to_owned()),
        _ => return Value::None,
    };
    match column {
        2 => Value::Words(note.student.clone()),
        3 => Value::Words(note.data.name.clone()),
        4 => images(note),
        5 => Value::Words(note.recipe.labels.to_string()),
        6 => Value::count(u64::from(note.recipe.epochs)),
        7 => Value::count(u64::from(note.recipe.batch)),
        8 => Value::Number(note.recipe.rate, note.recipe.rate.to_string()),
        9 => seeds(note),
        10 => Value::Words(note.status.shown().to_owned()),
        11 => accuracy(note, Curve::best),
        12 => accuracy(note, Curve::last),
        13 => seconds(note),
        14 => Value::Number(note.began as f64, date(note.began)),
        _ => Value::None,
    }
}

fn images(note: &TrainingNote) -> Value {
    let words = |n: f64| if n.fract() == 0.0 { text::thousands(n as u64) } else { format!("{n:.1}") };
    note.images_per_class().map_or(Value::None, |n| Value::Number(n, words(n)))
}

fn seeds(note: &TrainingNote) -> Value {
    let (all, done) = (note.recipe.seeds as usize, note.finished_seeds());
    let words = if done == all { all.to_string() } else { format!("{done} of {all}") };
    Value::Number(done as f64, words)
}

fn accuracy(note: &TrainingNote, pick: fn(&Curve) -> Option<Evaluated>) -> Value {
    let values = top1s(&note.curves, pick);
    let both = mean_and_std(&values).zip(spread(&values));
    both.map_or(Value::None, |((mean, _), words)| Value::Number(mean, words))
}

fn seconds(note: &TrainingNote) -> Value {
    note.seconds().map_or(Value::None, |seconds| Value::Number(seconds, duration(seconds)))
}

/// Share of a training's epochs that are done.
#[must_use]
pub fn progress(note: &TrainingNote) -> f64 {
    let all = f64::from(note.recipe.epochs) * f64::from(note.recipe.seeds.max(1));
    let done: f64 = note.curves.iter().filter_map(|c| c.points.last()).map(|p| f64::from(p.epoch + 1)).sum();
    (done / all.max(1.0)).min(1.0)
}

/// Shows the table.
pub fn show(ui: &mut Ui, table: &mut Table, scene: &mut Scene<'_>) {
    let trainings = &scene.model.trainings;
    let order = order(trainings.rows(), table.sorted);
    let selected = trainings.selected().map(|r| r.folder.clone());
    let place = |folder: &std::path::Path| order.iter().position(|i| trainings.rows()[*i].folder == folder);
    let at = selected.as_deref().and_then(place);
    let pressed = keys(ui, scene.model, (at, order.len()));
    let rows = Rows { count: order.len(), selected: at, reveal: pressed.is_some() };
    let model = scene.model;
    let out = &mut *scene.out;
    let picked = table.show(ui, &COLUMNS, rows, |ui, cells| {
        let row = &model.trainings.rows()[order[cells.row]];
        paint(ui, cells, (row, model, out));
    });
    let PickedRows { clicked, opened } = picked;
    if let Some(row) = clicked.or(opened).or(pressed) {
        let folder = model.trainings.rows()[order[row]].folder.clone();
        out.push(Intent::Trainings(TrainingsChange::Select(Some(folder))));
        out.push(Intent::Activate(Panel::Training));
    }
    if opened.is_some() {
        out.push(Intent::Do(Action::TrainingDetails));
    }
}

/// Where the arrow keys lead, unless a text field or another widget has the keyboard.
fn keys(ui: &Ui, model: &Model, (at, count): (Option<usize>, usize)) -> Option<usize> {
    let busy = ui.memory(|m| m.focused().is_some()) || egui::Popup::is_any_open(ui.ctx());
    if model.active != Some(Panel::Training) || busy || count == 0 {
        return None;
    }
    let pressed = |key| ui.input(|i| i.key_pressed(key));
    let at = at?;
    let to = match () {
        () if pressed(Key::ArrowDown) => (at + 1).min(count - 1),
        () if pressed(Key::ArrowUp) => at.saturating_sub(1),
        () if pressed(Key::Home) => 0,
        () if pressed(Key::End) => count - 1,
        () => return None,
    };
    (to != at).then_some(to)
}

fn paint(ui: &mut Ui, cells: &RowCells<'_>, (row, model, out): (&Row, &Model, &mut Vec<Intent>)) {
    let p = palette(ui.visuals());
    let name = row.name();
    let selected = model.trainings.selected().is_some_and(|r| r.folder == row.folder);
    let (status, shade) = standing(row, model, p);
    let said = format!("training {name}, {status}");
    cells.response.widget_info(|| WidgetInfo::selected(Role::Row, true, selected, &said));
    swatch(ui, cells.cells[0], (row, &name, model), out);
    for (column, cell) in COLUMNS.iter().zip(cells.cells).enumerate().skip(1).map(|(i, (_, cell))| (i, *cell)) {
        let value = value(row, column);
        match column {
            10 => {
                aligned(ui, cell, &status, (false, shade));
            }
            _ => {
                let color = if matches!(column, 1 | 11 | 12) { p.text } else { p.weak };
                let color = if selected { p.text } else { color };
                aligned(ui, cell, value.shown(), (COLUMNS[column].numbers, color));
            }
        }
    }
    cells.response.context_menu(|ui| menu(ui, row, model, out));
    if cells.response.hovered() && !ui.input(|i| i.pointer.any_down()) {
        let folder = row.folder.to_string_lossy();
        let tip = match &row.state {
            State::Broken(why) => why.clone(),
            State::Waiting(_) => format!("{folder}\nwaits until what runs is done"),
            State::Known(note) if !note.detail.is_empty() => format!("{}\n{folder}", note.detail),
            State::Known(note) if note.kind == TrainingKind::Pretrain => {
                format!("an observer from scratch\n{folder}\ndouble click for details")
            }
            State::Known(_) => format!("{folder}\ndouble click for details"),
        };
        cells.response.clone().on_hover_text(tip);
    }
}

/// The box that shows a training's curves, in their colour.
fn swatch(ui: &Ui, cell: Rect, (row, name, model): (&Row, &str, &Model), out: &mut Vec<Intent>) {
    let p = palette(ui.visuals());
    if matches!(row.state, State::Broken(_)) {
        return;
    }
    let rect = Rect::from_center_size(cell.center(), Vec2::splat(14.0));
    let response = ui.interact(rect.expand(3.0), ui.scope_id().with(("shown", &row.folder)), Sense::CLICK);
    let colour = model.trainings.colour(&row.folder);
    let label = format!("show curves of {name}");
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, colour.is_some(), &label));
    match colour {
        Some(number) => {
            ui.painter().rect_filled(rect, 3.0, p.curves[number % p.curves.len()]);
        }
        None => {
            let color = if response.hovered() { p.text } else { p.weak };
            ui.painter().rect_stroke(rect, 3.0, Stroke::new(1.0, color), StrokeKind::Inside);
        }
    }
    if response.clicked() {
        let change = if ui.input(|i| i.modifiers.command) {
            TrainingsChange::ShowOnly(row.folder.clone())
        } else {
            TrainingsChange::Show(row.folder.clone(), colour.is_none())
        };
        out.push(Intent::Trainings(change));
    }
    response.on_hover_text("Show or hide its curves; with Ctrl, show them alone");
}

/// The status, with how far it is while there is something to come.
fn standing(row: &Row, model: &Model, p: &Palette) -> (String, Color32) {
    let held = model.status().is_some_and(|s| s.paused);
    let own = model.trainings.at_work() == Some(row.folder.as_path()) && model.is_under_way(Job::Train);
    match &row.state {
        State::Broken(_) => ("broken".to_owned(), p.bad),
        State::Waiting(_) if own && model.running.as_ref().is_some_and(|r| r.job == Job::Train) => {
            ("starting".to_owned(), p.accent)
        }
        State::Waiting(_) => ("waiting".to_owned(), p.weak),
        State::Known(note) => {
            let share = (100.0 * progress(note)).floor();
            match note.status {
                TrainingStatus::Running if own && held => (format!("held {share} %"), p.warn),
                TrainingStatus::Running => (format!("running {share} %"), p.accent),
                TrainingStatus::Paused => (format!("paused {share} %"), p.warn),
                TrainingStatus::Interrupted => (format!("stopped {share} %"), p.warn),
                TrainingStatus::Failed => ("failed".to_owned(), p.bad),
                TrainingStatus::Done => ("done".to_owned(), p.good),
            }
        }
    }
}

fn menu(ui: &mut Ui, row: &Row, model: &Model, out: &mut Vec<Intent>) {
    ui.set_min_width(190.0);
    for action in [Action::ResumeTraining, Action::CloneTraining, Action::TrainingDetails] {
        let about = action.about();
        // The click that opened the menu has selected the row.
        let why_not = model.why_not(action);
        let response = ui.add_enabled(why_not.is_none(), egui::Button::new(about.label));
        if response.clicked() {
            out.push(Intent::Do(action));
            ui.close();
        }
        response.on_hover_text(about.tooltip).on_disabled_hover_text(why_not.unwrap_or_default());
    }
    if let Some(note) = row.note()
        && let Ok(request) = crate::jobs::train::TrainRequest::again(note, &row.folder)
        && ui.button("Copy its command line").clicked()
    {
        out.push(Intent::Copy(crate::jobs::command_line::train(&request), "the command line"));
        ui.close();
    }
    if ui.button("Copy its folder's path").clicked() {
        out.push(Intent::Copy(row.folder.to_string_lossy().into_owned(), "the path"));
        ui.close();
    }
    if ui.button("Show its curves alone").clicked() {
        out.push(Intent::Trainings(TrainingsChange::ShowOnly(row.folder.clone())));
        ui.close();
    }
}

#[cfg(test)]
mod tests;
