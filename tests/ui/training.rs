//! Trainings in the window: a real one from the form, and what the table, the clone and the export make of records.

use super::*;
use egui_kittest::kittest::NodeT as _;
use std::collections::BTreeMap;
use stillroom::core::data::normalise::MeanStd;
use stillroom::core::distil::manifest::Program;
use stillroom::core::train::curve::{Curve, Point};
use stillroom::core::train::recipe::TrainRecipe;
use stillroom::core::workspace::Command;
use stillroom::jobs::open::DatasetRequest;
use stillroom::store::training::{
    Asked, FORMAT, Source, TrainingFolder, TrainingKind, TrainingNote, TrainingStatus, list,
};
use stillroom::ui::actions::Action;
use stillroom::ui::intent::{Intent, Panel};

fn source(name: &str) -> Source {
    Source { name: name.into(), path: format!("/data/{name}").into(), fingerprint: name.into() }
}

/// A record with two seeds whose best and last top-1 is `top1` ± 1.
pub fn record(name: &str, top1: f64, status: TrainingStatus) -> TrainingNote {
    let point = |seed: u64| {
        move |epoch: u32| Point {
            epoch,
            loss: 2.0 / f64::from(epoch + 1) + 0.1 * seed as f64,
            train_top1: 10.0 * f64::from(epoch),
            rate: 1e-3,
            evaluated: (epoch == 4).then_some((top1 + 2.0 * seed as f64 - 1.0, 99.0)),
            seconds: f64::from(epoch),
        }
    };
    let curve = |seed| Curve { seed, points: (0..5).map(point(seed)).collect(), confusion: None };
    TrainingNote {
        format: FORMAT,
        program: Program::this(),
        name: name.into(),
        kind: TrainingKind::Train,
        data: source("distilled"),
        evaluation: source("real"),
        observer: None,
        labels: None,
        initial: None,
        student: "conv3".into(),
        side: 32,
        normalise: MeanStd::CIFAR10,
        classes: vec!["cat".into(), "dog".into()],
        recipe: TrainRecipe { epochs: 5, seeds: 2, batch: 7, ..TrainRecipe::default() },
        settings: BTreeMap::new(),
        asked: Asked { images: 20, ..Asked::default() },
        device: "cpu".into(),
        status,
        detail: String::new(),
        began: 1_700_000_000,
        ended: None,
        notes: vec!["batch split to 25 for lack of memory".into()],
        curves: vec![curve(0), curve(1)],
    }
}

/// A window whose project has these trainings, and a folder with a broken record.
fn with_records(records: &[TrainingNote]) -> (Files, Window) {
    let files = Files::make();
    let folder = trainings(&files);
    for record in records {
        drop(TrainingFolder::begin(&folder.join(&record.name), record.clone()).unwrap());
    }
    std::fs::create_dir_all(folder.join("torn")).unwrap();
    std::fs::write(folder.join("torn/run.json"), b"{\"format\":").unwrap();
    let mut window = window(files.config());
    until(&mut window, "the listing", |w| w.state().model().trainings.folder().is_some());
    window.state_mut().bring_forward(Panel::Training);
    window.run_steps(3);
    (files, window)
}

fn trainings(files: &Files) -> PathBuf {
    files.folder.path().join("project/trainings")
}

pub fn ask(window: &mut Window, intent: Intent) {
    let ctx = window.ctx.clone();
    window.state_mut().ask(&ctx, intent);
    window.run_steps(3);
}

fn set(window: &mut Window, values: &[(&'static str, &str)]) {
    for (name, value) in values {
        ask(window, Intent::Edit(Command::SetTrainParam { name, value: (*value).to_owned() }));
    }
}

/// The rows' names from top to bottom.
fn rows(window: &Window) -> Vec<String> {
    let mut rows: Vec<(f32, String)> = window
        .get_all_by_role(Role::Row)
        .map(|row| (row.rect().top(), row.accesskit_node().label().unwrap()))
        .collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let name = |(_, label): (f32, String)| label.trim_start_matches("training ").split(',').next().unwrap().to_owned();
    rows.into_iter().map(name).collect()
}

/// The name that the training would get.
fn name(window: &Window) -> String {
    window.get_by_role_and_label(Role::TextInput, "Name").accesskit_node().value().unwrap_or_default()
}

/// The dataset and the observer are open, the training's images are the dataset's, and it takes a moment.
fn ready(files: &Files) -> Window {
    let open = AppConfig {
        open_dataset: Some(DatasetRequest::whole(&files.dataset())),
        open_observer: Some(files.observer()),
        ..files.config()
    };
    let mut window = window(open);
    until(&mut window, "the check", |w| w.state().model().check.is_some() && idle(w));
    click(&mut window, "Training");
    type_into(&mut window, "Training images", &files.dataset());
    set(&mut window, &[("epochs", "3"), ("batch", "8"), ("evaluate", "every:1"), ("seeds", "2")]);
    until(&mut window, "a name", |w| name(w) == "pets-conv3x8");
    window
}

#[test]
fn an_empty_panel_says_what_to_do_and_a_form_becomes_a_training() {
    let files = Files::make();
    let mut window = ready(&files);
    window.get_by_label("No trainings yet");
    // Evaluation images, observer and student follow what is open, and the name what is trained on what.
    window.get_by_label("2 seeds × 3 epochs");
    let start = Action::Train.about().label;
    window.get_all_by_role_and_label(Role::Button, start).next().unwrap().click();
    window.run_steps(3);
    until(&mut window, "the training", |w| {
        idle(w)
            && w.state()
                .model()
                .trainings
                .rows()
                .iter()
                .any(|r| r.note().is_some_and(|n| n.status == TrainingStatus::Done))
    });
    let found = list(&trainings(&files));
    assert_eq!(found.len(), 1);
    let note = found[0].note.as_ref().unwrap();
    assert_eq!((note.name.as_str(), note.student.as_str(), note.curves.len()), ("pets-conv3x8", "conv3x8", 2));
    assert_eq!(note.asked.images, 24);
    assert!(note.curves.iter().all(|c| c.points.len() == 3 && c.evaluations().count() == 3));
    assert_eq!(rows(&window), ["pets-conv3x8"]);
    window.get_by_label("training pets-conv3x8, done");
    window.get_by_label("Loss by epoch: 1 lines");
    window.get_by_label("Top-1 accuracy (%) by epoch: 2 lines");
    // The next one would get another name, and a finished one can't be resumed.
    until(&mut window, "the next name", |w| name(w) == "pets-conv3x8-2");
    assert_eq!(window.state().model().why_not(Action::ResumeTraining), Some("it is finished"));
}

#[test]
fn a_training_is_held_cancelled_and_gone_on_with() {
    let files = Files::make();
    let mut window = ready(&files);
    set(&mut window, &[("epochs", "2000"), ("seeds", "1"), ("evaluate", "last")]);
    ask(&mut window, Intent::Do(Action::Train));
    let epochs = |w: &Window| {
        let row = w.state().model().trainings.rows().first().and_then(|r| r.note().cloned());
        row.and_then(|n| n.curves.first().map(|c| c.points.len())).unwrap_or(0)
    };
    until(&mut window, "some epochs", |w| epochs(w) > 2);
    ask(&mut window, Intent::Do(Action::Pause));
    until(&mut window, "the pause", |w| w.query_by_label_contains(", held").is_some());
    assert_eq!(window.state().model().why_not(Action::ResumeTraining), Some("it is under way"));
    ask(&mut window, Intent::Do(Action::Cancel));
    until(&mut window, "the end", |w| {
        let row = w.state().model().trainings.rows().first().and_then(|r| r.note().cloned());
        idle(w) && row.is_some_and(|n| n.status == TrainingStatus::Paused)
    });
    let reached = epochs(&window);
    assert!((3..2000).contains(&reached));
    ask(&mut window, Intent::Do(Action::ResumeTraining));
    until(&mut window, "more epochs", |w| epochs(w) > reached);
    ask(&mut window, Intent::Do(Action::Cancel));
    until(&mut window, "the end", idle);
    assert_eq!(list(&trainings(&files)).len(), 1);
}

#[test]
fn the_table_sorts_by_its_headings_and_names_broken_folders() {
    let done = TrainingStatus::Done;
    let records =
        [record("first", 40.0, done), record("second", 60.0, TrainingStatus::Paused), record("third", 50.0, done)];
    let (_files, mut window) = with_records(&records);
    assert_eq!(rows(&window).len(), 4);
    window.get_by_label("4 trainings, curves of 3 shown");
    window.get_by_label("training torn, broken");
    click(&mut window, "Sort by Best");
    assert_eq!(rows(&window), ["second", "third", "first", "torn"]);
    click(&mut window, "Sort by Best");
    assert_eq!(rows(&window), ["first", "third", "second", "torn"]);
    click(&mut window, "Sort by Name");
    assert_eq!(rows(&window), ["first", "second", "third", "torn"]);
    // A box hides a training's curves, the legend has what is left.
    window.get_by_role_and_label(Role::CheckBox, "show curves of third").click();
    window.run_steps(3);
    window.get_by_label("4 trainings, curves of 2 shown");
    assert!(window.query_by_label("curves of third").is_none());
    window.get_by_label("Loss by epoch: 2 lines");
    // The results side by side.
    click(&mut window, "Comparison");
    window.get_by_label("first: 40.00 ± 1.41 %");
    window.get_by_label("second: 60.00 ± 1.41 %");
    assert!(window.query_by_label_contains("Loss by epoch").is_none());
    click(&mut window, "Curves");
    // The arrow keys go through the rows once one was clicked.
    window.get_by_label("training first, done").click();
    window.run_steps(3);
    window.key_press(Key::ArrowDown);
    window.run_steps(3);
    assert_eq!(window.state().model().trainings.selected().unwrap().name(), "second");
    assert_eq!(window.state().model().why_not(Action::ResumeTraining), None);
}

#[test]
fn an_opened_folder_shows_its_trainings_at_once() {
    let (files, mut window) = with_records(&[record("first", 40.0, TrainingStatus::Done)]);
    let table = files.folder.path().join("table");
    for name in ["original", "relabel"] {
        drop(
            TrainingFolder::begin(&table.join("trainings").join(name), record(name, 30.0, TrainingStatus::Done))
                .unwrap(),
        );
    }
    ask(&mut window, Intent::OpenTrainings(table));
    until(&mut window, "the trainings", |w| w.query_by_label("4 trainings, curves of 3 shown").is_some());
}

#[test]
fn details_show_parameters_and_notes() {
    let (_files, mut window) = with_records(&[record("first", 40.0, TrainingStatus::Done)]);
    window.get_by_label("training first, done").click();
    window.run_steps(3);
    click(&mut window, "Training details");
    window.run_steps(3);
    window.get_by_label("batch split to 25 for lack of memory");
    window.get_by_label("Not evaluated yet");
    assert!(window.get_all_by_label("cifar10").count() >= 1);
    window.key_press(Key::Escape);
    window.run_steps(3);
    assert!(window.query_by_label("batch split to 25 for lack of memory").is_none());
}

#[test]
fn a_clone_marks_what_is_changed_and_undo_takes_it_back() {
    let (_files, mut window) = with_records(&[record("first", 40.0, TrainingStatus::Done)]);
    window.get_by_label("training first, done").click();
    window.run_steps(3);
    window.key_press_modifiers(Modifiers::COMMAND, Key::D);
    window.run_steps(3);
    window.get_by_label("0 changes to first");
    assert_eq!(window.state().model().workspace.training().batch, 7);
    set(&mut window, &[("batch", "9")]);
    window.get_by_label("1 change to first");
    window.get_by_label("• Batch");
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.run_steps(3);
    window.get_by_label("0 changes to first");
    assert!(window.query_by_label("• Batch").is_none());
    click(&mut window, "Forget");
    assert!(window.query_by_label_contains("to first").is_none());
}

#[test]
fn a_number_that_makes_no_sense_is_said_beside_its_field() {
    let (_files, mut window) = with_records(&[]);
    let field = window.get_by_role_and_label(Role::TextInput, "Learning rate");
    field.focus();
    field.type_text("x");
    window.run_steps(3);
    window.get_by_label("give a number from 0.00000001 to 100");
    window.get_by_label_contains("Learning rate: '");
    assert_eq!(window.state().model().workspace.training().rate, 1e-3);
}

#[test]
fn shown_curves_are_written_as_they_are_and_never_over_another_file() {
    let (files, mut window) = with_records(&[record("first", 40.0, TrainingStatus::Done)]);
    let (csv, svg) = (files.folder.path().join("curves.csv"), files.folder.path().join("curves.svg"));
    save(&mut window, Action::ExportCsv, &csv);
    until(&mut window, "the file", |w| csv.is_file() && w.state().model().saved.is_some());
    let text = std::fs::read_to_string(&csv).unwrap();
    assert_eq!(text.lines().count(), 1 + 2 * 5);
    assert!(text.contains("\nfirst,1,4,0.5,40,0.001,41,99,4\n"), "{text}");
    window.get_by_label("saved as curves.csv");
    save(&mut window, Action::ExportSvg, &svg);
    until(&mut window, "the picture", |_| svg.is_file());
    let text = std::fs::read_to_string(&svg).unwrap();
    assert!(text.starts_with("<?xml") && text.contains("first: epoch 5: 40.0000 ± 1.4142 (2 seeds)"), "{text}");
    // The table has other contents: it may not take the name, and the window stays to give another one.
    save(&mut window, Action::ExportTable, &csv);
    until(&mut window, "the refusal", |w| w.state().model().problems.save.is_some());
    assert!(window.state().model().problems.save.as_ref().unwrap().contains("exists already"));
    assert_eq!(std::fs::read_to_string(&csv).unwrap().lines().count(), 1 + 2 * 5, "the curves stay");
    let table = files.folder.path().join("table.csv");
    replace(&mut window, "Save to a new file", &table);
    window.key_press(Key::Enter);
    until(&mut window, "the table", |_| table.is_file());
    assert!(std::fs::read_to_string(&table).unwrap().contains("\nfirst,"));
    until(&mut window, "the end of the question", |w| w.query_by_label("Save to a new file").is_none());
}

/// Carries out a command that asks where to save something, and types the path.
pub fn save(window: &mut Window, action: Action, path: &Path) {
    ask(window, Intent::Do(action));
    window.run_steps(3);
    replace(window, "Save to a new file", path);
    window.key_press(Key::Enter);
    window.run_steps(3);
}

/// Types a path in place of what is in a field.
pub fn replace(window: &mut Window, label: &str, path: &Path) {
    window.get_by_role_and_label(Role::TextInput, label).focus();
    window.run_steps(2);
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.run_steps(1);
    type_into(window, label, path);
}
