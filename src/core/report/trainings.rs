//! Trainings of students: a table to compare them, curves, and of each what repeats it.

use super::numbers::{or_dash, rounded};
use super::page::{Page, number, words};
use crate::core::chart::colours::on_white;
use crate::core::chart::heat_map::HeatMap;
use crate::core::chart::{Run, View, charts, svg};
use crate::core::data::confusion::Confusion;
use crate::core::data::wordnet;
use crate::core::formats::clock::duration;
use crate::core::param::Parameters as _;
use crate::core::train::curve::{Curve, spread, top1s};
use crate::core::train::recipe::TrainRecipe;

/// Confusion matrices of more classes show nothing on a page.
const CONFUSED: usize = 200;

/// A training.
#[derive(Clone, Debug)]
pub struct Training {
    /// Its name.
    pub name: String,
    /// Whether it learnt from the set that is reported.
    pub of_this_set: bool,
    /// How it stands, in a word.
    pub status: &'static str,
    /// The network that is trained.
    pub student: String,
    /// The images it learns from.
    pub data: String,
    /// Images per class that are trained on, where that is known.
    pub images_per_class: Option<f64>,
    /// Seeds that are finished.
    pub finished: usize,
    /// Seconds of work over all seeds.
    pub seconds: Option<f64>,
    /// All parameters.
    pub recipe: TrainRecipe,
    /// More that is known of it: names and values.
    pub facts: Vec<(&'static str, String)>,
    /// The call of the command line that repeats it, or why there is none.
    pub command: Result<String, String>,
    /// What happened on the way, the error of a failed one first.
    pub notes: Vec<String>,
    /// Names of its classes.
    pub classes: Vec<String>,
    /// One per seed that was begun.
    pub curves: Vec<Curve>,
}

impl Training {
    /// The confusion of the last evaluations, added up over the seeds.
    #[must_use]
    pub fn confusion(&self) -> Option<Confusion> {
        let all = self.curves.iter().filter_map(|curve| curve.confusion.clone()).filter(|counts| counts.total() > 0);
        // Those with images have a row.
        let size = |counts: &Confusion| (counts.classes(), counts.row(0).len());
        all.reduce(|a, b| if size(&a) == size(&b) { a.merged(&b) } else { a })
    }
}

pub(super) fn show(page: &mut Page, trainings: &[Training]) {
    runs(page, trainings);
    let runs: Vec<Run<'_>> = trainings
        .iter()
        .enumerate()
        .map(|(colour, training)| Run { name: &training.name, colour, curves: &training.curves })
        .collect();
    let view = View { smoothing: 0.0, log_loss: false, train_top1: true };
    if runs.iter().any(|run| run.curves.iter().any(|curve| !curve.points.is_empty())) {
        let picture = svg::lines(&charts(&runs, &view), &on_white(), "trainings-");
        page.chart(&picture, "Loss, accuracy and learning rate by epoch");
        page.paragraph(
            "weak",
            "Lines are means over the seeds, bands one standard deviation. Dashed: top-1 on the augmented training \
             images.",
        );
    }
    for training in trainings {
        page.folded(&training.name, |page| details(page, training));
    }
}

/// The table to compare.
fn runs(page: &mut Page, trainings: &[Training]) {
    let columns = [
        words("Training"),
        words("Student"),
        words("Images of"),
        number("Per class"),
        words("Labels"),
        number("Epochs"),
        number("Batch"),
        number("Rate"),
        number("Seeds"),
        words("Status"),
        number("Best top-1 (%)"),
        number("Last top-1 (%)"),
        number("Time"),
    ];
    let accuracy = |values: Vec<f64>| or_dash(spread(&values), |words| words);
    let row = |training: &Training| {
        let recipe = &training.recipe;
        let seeds = recipe.seeds as usize;
        let whole = training.finished == seeds;
        vec![
            training.name.clone(),
            training.student.clone(),
            if training.of_this_set { "this set".to_owned() } else { training.data.clone() },
            or_dash(training.images_per_class, rounded),
            recipe.labels.to_string(),
            recipe.epochs.to_string(),
            recipe.batch.to_string(),
            recipe.rate.to_string(),
            if whole { seeds.to_string() } else { format!("{} of {seeds}", training.finished) },
            training.status.to_owned(),
            accuracy(top1s(&training.curves, Curve::best)),
            accuracy(top1s(&training.curves, Curve::last)),
            or_dash(training.seconds, duration),
        ]
    };
    page.table(&columns, trainings.iter().map(row));
    page.paragraph(
        "weak",
        "Top-1 on the evaluation images: mean ± sample standard deviation over the seeds, of the best evaluated epoch \
         and of the last.",
    );
}

fn details(page: &mut Page, training: &Training) {
    page.list("notes", &training.notes);
    page.facts(&training.facts);
    match &training.command {
        Ok(command) => page.command(command),
        Err(why) => page.paragraph("notes", why),
    }
    let columns = [words("Parameter"), number("Value"), words("Unit"), words("Flag")];
    let given = TrainRecipe::table().iter().filter_map(|p| Some((p, (p.get)(&training.recipe)?)));
    page.table(
        &columns,
        given.map(|(p, value)| vec![p.label.to_owned(), value, p.unit.to_owned(), format!("--{}", p.name)]),
    );
    seeds(page, training);
    confused(page, training);
}

fn seeds(page: &mut Page, training: &Training) {
    let percent = |value: f64| format!("{value:.2}");
    let columns = [
        number("Seed"),
        number("Epochs"),
        number("Best top-1 (%)"),
        number("at epoch"),
        number("Last top-1 (%)"),
        number("Last top-5 (%)"),
        number("Time"),
    ];
    let row = |curve: &Curve| {
        let (best, last, end) = (curve.best(), curve.last(), curve.points.last());
        vec![
            curve.seed.to_string(),
            end.map_or(0, |point| point.epoch + 1).to_string(),
            or_dash(best.map(|e| e.top1), percent),
            or_dash(best.map(|e| e.epoch + 1), |epoch| epoch.to_string()),
            or_dash(last.map(|e| e.top1), percent),
            or_dash(last.map(|e| e.top5), percent),
            or_dash(end.map(|point| point.seconds), duration),
        ]
    };
    page.table(&columns, training.curves.iter().map(row));
}

/// Accuracy per class, and what is taken for what.
fn confused(page: &mut Page, training: &Training) {
    let Some(counts) = training.confusion() else { return };
    let map: Vec<u32> = (0..counts.classes() as u32).collect();
    let per_class = counts.per_class(&map);
    let named = |class: usize| training.classes.get(class).map_or("?", |name| wordnet::shown(name)).to_owned();
    page.folded("Top-1 per class", |page| {
        let row = |(class, top1): (usize, &Option<f64>)| vec![named(class), or_dash(*top1, |v| format!("{v:.2}"))];
        page.table(&[words("Class"), number("Top-1 (%)")], per_class.iter().enumerate().map(row));
    });
    if counts.classes() > CONFUSED {
        page.paragraph(
            "weak",
            &format!("The confusion matrix of {} classes is too large for this page.", counts.classes()),
        );
        return;
    }
    page.folded("Confusion matrix", |page| {
        let names: Vec<String> = (0..counts.classes()).map(named).collect();
        let map = HeatMap::of_confusion(&counts, &names);
        page.chart(&svg::heat_map(&map), &format!("Confusion matrix of {}", training.name));
    });
}
