use std::collections::BTreeMap;

use super::*;
use crate::core::data::normalise::MeanStd;
use crate::core::distil::manifest::Program;
use crate::core::train::curve::{Curve, Point};
use crate::core::train::recipe::TrainRecipe;
use crate::store::training::{Asked, FORMAT, Source, TrainingFolder, TrainingKind};

pub(crate) fn note(name: &str, began: u64, status: TrainingStatus) -> TrainingNote {
    let source = Source { name: name.into(), path: format!("/data/{name}").into(), fingerprint: name.into() };
    let point = Point { epoch: 0, loss: 1.0, train_top1: 1.0, rate: 1e-3, evaluated: None, seconds: 1.0 };
    TrainingNote {
        format: FORMAT,
        program: Program::this(),
        name: name.into(),
        kind: TrainingKind::Train,
        data: source.clone(),
        evaluation: source,
        observer: None,
        labels: None,
        initial: None,
        student: "conv3".into(),
        side: 32,
        normalise: MeanStd::IMAGENET,
        classes: vec!["cat".into()],
        recipe: TrainRecipe::default(),
        settings: BTreeMap::new(),
        asked: Asked::default(),
        device: "cpu".into(),
        status,
        detail: String::new(),
        began,
        ended: None,
        notes: Vec::new(),
        curves: vec![Curve { seed: 0, points: vec![point], confusion: None }],
    }
}

fn listing(names: &[(&str, u64)]) -> Listing {
    let one = |(name, began): &(&str, u64)| {
        (PathBuf::from(format!("/p/{name}")), Ok(Arc::new(note(name, *began, TrainingStatus::Done))))
    };
    Listing { folder: "/p".into(), found: names.iter().map(one).collect() }
}

fn names(trainings: &Trainings) -> Vec<String> {
    trainings.rows().iter().map(Row::name).collect()
}

#[test]
fn the_newest_are_shown_at_first_and_colours_stay() {
    let mut trainings = Trainings::default();
    trainings.take_listing(listing(&[("e", 5), ("a", 1), ("b", 2), ("c", 3), ("d", 4)]));
    assert_eq!(names(&trainings), ["a", "b", "c", "d", "e"]);
    let colour = |t: &Trainings, name: &str| t.colour(Path::new(&format!("/p/{name}")));
    assert_eq!(["a", "b", "c", "d", "e"].map(|n| colour(&trainings, n)), [None, Some(0), Some(1), Some(2), Some(3)]);
    // Hidden and shown again, a training has its colour again; a second listing shows nothing by itself.
    trainings.change(TrainingsChange::Show("/p/c".into(), false));
    trainings.take_listing(listing(&[("a", 1), ("b", 2), ("c", 3), ("d", 4), ("f", 6)]));
    assert_eq!(["b", "c", "d", "f"].map(|n| colour(&trainings, n)), [Some(0), None, Some(2), None]);
    trainings.change(TrainingsChange::Show("/p/c".into(), true));
    assert_eq!(colour(&trainings, "c"), Some(1));
    // Unless another one has taken it meanwhile.
    trainings.change(TrainingsChange::Show("/p/c".into(), false));
    trainings.change(TrainingsChange::Show("/p/a".into(), true));
    trainings.change(TrainingsChange::Show("/p/c".into(), true));
    assert_eq!((colour(&trainings, "a"), colour(&trainings, "c")), (Some(1), Some(3)));
    trainings.change(TrainingsChange::ShowOnly("/p/d".into()));
    assert_eq!(trainings.shown().map(|(r, _, n)| (r.name(), n)).collect::<Vec<_>>(), [("d".to_owned(), 2)]);
    trainings.change(TrainingsChange::ShowAll(true));
    assert_eq!(trainings.shown().count(), 5);
}

#[test]
fn what_the_window_works_on_is_known_better_than_the_disk() {
    let mut trainings = Trainings::default();
    trainings.take_listing(listing(&[("a", 1)]));
    trainings.ask("/p/new".into(), "new".into());
    trainings.ask("/p/next".into(), "next".into());
    assert_eq!((names(&trainings).join(" "), trainings.at_work()), ("a new next".into(), Some(Path::new("/p/new"))));
    assert_eq!(trainings.selected().map(Row::name).as_deref(), Some("next"));
    let running = Arc::new(note("new", 9, TrainingStatus::Running));
    trainings.take(Path::new("/p/new"), running.clone());
    assert!(!trainings.others_at_work());
    trainings.take_listing(listing(&[("a", 1), ("new", 9)]));
    assert_eq!(trainings.row(Path::new("/p/new")).and_then(Row::note), Some(&running));
    assert_eq!(names(&trainings).join(" "), "a new next");
    // Done with: the disk is right again; one that never began goes.
    trainings.done();
    assert!(trainings.others_at_work());
    trainings.done();
    assert_eq!(names(&trainings).join(" "), "a new");
    trainings.take_listing(listing(&[("a", 1), ("new", 9)]));
    assert!(!trainings.others_at_work());
}

#[test]
fn the_projects_folder_and_opened_ones_are_read_and_broken_records_are_named() {
    let project = tempfile::tempdir().unwrap();
    let read = |opened: &[PathBuf]| Listing::read(Some(project.path().to_owned()), opened).unwrap();
    let own = project.path().join("trainings");
    assert_eq!((read(&[]).found.len(), read(&[]).folder), (0, own.clone()));
    drop(TrainingFolder::begin(&own.join("first"), note("first", 1, TrainingStatus::Done)).unwrap());
    std::fs::create_dir(own.join("broken")).unwrap();
    std::fs::write(own.join("broken/run.json"), "{").unwrap();
    let other = tempfile::tempdir().unwrap();
    drop(TrainingFolder::begin(&other.path().join("x"), note("other", 2, TrainingStatus::Paused)).unwrap());
    // A folder that was opened twice, in whole and in part, is listed once.
    let listing = read(&[other.path().to_owned(), other.path().join("x"), "/nowhere/at/all".into()]);
    let mut trainings = Trainings::default();
    trainings.take_listing(listing);
    let broken: Vec<&Row> = trainings.rows().iter().filter(|r| matches!(r.state, State::Broken(_))).collect();
    assert_eq!(names(&trainings)[..2], ["first", "other"]);
    assert_eq!((trainings.rows().len(), broken.len()), (4, 2));
    for row in broken {
        let State::Broken(why) = &row.state else { panic!("{row:?}") };
        assert!(why.contains("run.json") || why.contains("/nowhere/at/all"), "{why}");
    }
    assert_eq!(trainings.shown().count(), 2);
}
