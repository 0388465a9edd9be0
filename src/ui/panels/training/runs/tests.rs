use std::sync::Arc;

use super::*;
use crate::core::train::curve::Point;

fn row(name: &str, record: &str) -> Row {
    Row { folder: name.into(), state: State::Known(Arc::new(serde_json::from_str(record).unwrap())) }
}

/// A record with two seeds of `best` − 1 and `best` + 1, evaluated at the first of two epochs.
fn trained(name: &str, best: f64, rate: f64) -> Row {
    let note = crate::ui::model::trainings::tests::note(name, 86_400, TrainingStatus::Running);
    let point = |epoch: u32, top1: Option<f64>| Point {
        epoch,
        loss: 1.0,
        train_top1: 50.0,
        rate,
        evaluated: top1.map(|t| (t, 99.0)),
        seconds: 30.5,
    };
    let curve =
        |seed: u64, top1: f64| Curve { seed, points: vec![point(0, Some(top1)), point(1, None)], confusion: None };
    let mut note = TrainingNote { curves: vec![curve(0, best - 1.0), curve(1, best + 1.0)], ..note };
    (note.recipe.epochs, note.recipe.seeds, note.recipe.rate) = (2, 4, rate);
    note.asked.images = 10;
    row(name, &serde_json::to_string(&note).unwrap())
}

fn rows() -> Vec<Row> {
    let broken = Row { folder: "/p/broken".into(), state: State::Broken("why".into()) };
    vec![trained("b", 50.0, 1e-3), broken, trained("A", 40.0, 1e-2), trained("c", 60.0, 1e-4)]
}

fn named(rows: &[Row], order: &[usize]) -> String {
    order.iter().map(|i| rows[*i].name()).collect::<Vec<_>>().join(" ")
}

/// The standard deviation of −1 and 1 around the mean is √2; four seeds were asked for, two are done.
#[test]
fn cells_say_mean_and_spread() {
    let row = trained("b", 50.0, 1e-3);
    let cells: Vec<String> = (0..COLUMNS.len()).map(|c| value(&row, c).shown().to_owned()).collect();
    let wanted = ["", "b", "conv3", "b", "10", "online", "2", "50", "0.001", "2 of 4", "running", "50.00 ± 1.41"];
    assert_eq!(cells[..12], wanted);
    assert_eq!(cells[12..], ["50.00 ± 1.41", "1:01", "1970-01-02 00:00"]);
    let State::Known(note) = &row.state else { panic!() };
    assert_eq!(progress(note), 0.5);
}

#[test]
fn rows_sort_by_any_column_and_what_has_no_value_is_last() {
    let rows = rows();
    let sorted = |by| named(&rows, &order(&rows, by));
    assert_eq!(sorted(None), "c A broken b");
    assert_eq!(sorted(Some((1, false))), "A b broken c");
    assert_eq!(sorted(Some((1, true))), "c broken b A");
    assert_eq!(sorted(Some((11, true))), "c b A broken");
    assert_eq!(sorted(Some((11, false))), "A b c broken");
    // Numbers as numbers, not as words.
    assert_eq!(sorted(Some((8, false))), "c b A broken");
    for column in 0..COLUMNS.len() {
        assert_eq!(order(&rows, Some((column, false))).len(), rows.len());
    }
}
