//! The table of trainings as comma-separated values.

use std::path::Path;

use super::note::TrainingNote;
use crate::core::formats::csv::{Csv, Field};
use crate::core::train::curve::{Curve, mean_and_std, top1s};
use crate::store::files::shown;

/// A line per training and its folder: accuracies in percent, mean and sample standard deviation over the seeds; times of
/// work in seconds, beginning and end in seconds since 1970.
#[must_use]
pub fn runs_csv<'a>(trainings: impl IntoIterator<Item = (&'a Path, &'a TrainingNote)>) -> String {
    let mut table = Csv::new([
        "name",
        "folder",
        "status",
        "student",
        "data",
        "images_per_class",
        "labels",
        "epochs",
        "batch",
        "rate",
        "seeds",
        "seeds_finished",
        "best_mean",
        "best_std",
        "last_mean",
        "last_std",
        "seconds",
        "began",
        "ended",
    ]);
    for (folder, note) in trainings {
        let best = mean_and_std(&top1s(&note.curves, Curve::best));
        let last = mean_and_std(&top1s(&note.curves, Curve::last));
        table.row([
            Field::from(note.name.as_str()),
            shown(folder).into(),
            note.status.shown().into(),
            note.student.as_str().into(),
            note.data.name.as_str().into(),
            note.images_per_class().into(),
            note.recipe.labels.to_string().into(),
            note.recipe.epochs.into(),
            note.recipe.batch.into(),
            note.recipe.rate.into(),
            note.recipe.seeds.into(),
            note.finished_seeds().into(),
            best.map(|(mean, _)| mean).into(),
            best.map(|(_, std)| std).into(),
            last.map(|(mean, _)| mean).into(),
            last.map(|(_, std)| std).into(),
            note.seconds().into(),
            note.began.into(),
            note.ended.into(),
        ]);
    }
    table.into_text()
}

#[cfg(test)]
mod tests {
    use super::super::tests::note;
    use super::*;
    use crate::core::train::curve::Point;
    use crate::core::train::recipe::TrainRecipe;

    /// Two of three seeds are done: 50 and 52 % at best, so 51 ± √2; the third was not evaluated.
    #[test]
    fn a_training_is_a_line() {
        let recipe = TrainRecipe { epochs: 2, seeds: 3, rate: 0.5, batch: 7, ..TrainRecipe::default() };
        let point = |epoch, top1: Option<f64>| Point {
            epoch,
            loss: 1.0,
            train_top1: 1.0,
            rate: 0.5,
            evaluated: top1.map(|top1| (top1, 99.0)),
            seconds: 2.5,
        };
        let curve = |seed, top1| Curve { seed, points: vec![point(0, top1), point(1, top1)], confusion: None };
        let third = Curve { seed: 2, points: vec![point(0, None)], confusion: None };
        let curves = vec![curve(0, Some(50.0)), curve(1, Some(52.0)), third];
        let note = TrainingNote { recipe, curves, name: "a,b".into(), ..note() };
        let text = runs_csv([(Path::new("/t/\u{7}x"), &note)]);
        let lines: Vec<&str> = text.lines().collect();
        let std = 2_f64.sqrt();
        let due = format!(
            "\"a,b\",/t/\\x07x,running,conv3,distilled,10,{},2,7,0.5,3,2,51,{std},51,{std},7.5,1700000000,",
            note.recipe.labels
        );
        assert_eq!(lines[1], due);
        assert_eq!(lines[0].split(',').count(), 19);
    }
}
