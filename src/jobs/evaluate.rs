//! Accuracy of a network on a dataset, with a prediction per image where asked.

use std::path::Path;
use std::time::Instant;

use crate::core::data::class_order::ClassOrder;
use crate::core::data::confusion::Confusion;
use crate::core::data::dataset::{Class, Dataset, ImageId};
use crate::core::formats::csv::{Csv, Field};
use crate::core::progress::Progress;
use crate::engine::observe::evaluate::{EvaluateJob, Evaluation, evaluate};
use crate::engine::observe::score::ScoreError;
use crate::store::files::{FileError, Written, write_new};

use super::check::OrderTrial;
use super::session::Session;

/// Figures of an evaluation; accuracies in percent.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct EvaluateReport {
    /// Share whose greatest logit is right.
    pub top1: f64,
    /// Share whose class is among the five greatest.
    pub top5: f64,
    /// Images evaluated.
    pub images: usize,
    /// Images that could not be decoded.
    pub broken: usize,
    /// Time.
    pub seconds: f64,
    /// Top-1 of each class, in class order; none for classes without images.
    pub per_class: Vec<(String, Option<f64>)>,
}

/// Evaluates the session's network on all images of its dataset.
///
/// # Errors
/// [`ScoreError`].
pub fn evaluate_all(
    session: &mut Session,
    progress: &mut dyn Progress,
) -> Result<(EvaluateReport, Evaluation), ScoreError> {
    let start = Instant::now();
    let (dataset, observer) = (session.dataset.clone(), session.observer.clone());
    let images: Vec<ImageId> = (0..dataset.image_count() as u32).map(ImageId).collect();
    let class_map = &observer.map.outputs;
    let job = EvaluateJob {
        dataset: &dataset,
        images: &images,
        class_map,
        mean_std: observer.observer.mean_std,
        edge: None,
        in_8_bits: false,
        views: None,
    };
    let throughput = session.throughput;
    let evaluation = evaluate(session.engine(), job, throughput, progress)?;
    session.take_notes().into_iter().for_each(|note| progress.warn(note));
    for (image, reason) in &evaluation.broken {
        progress.warn(format!("{}: {reason}; left out", dataset.source(*image)));
    }
    if let Some(as_text) = &observer.map.as_text {
        let mut counts = Confusion::new(dataset.classes().len(), observer.observer.spec.classes);
        evaluation.predictions.iter().for_each(|p| counts.add(dataset.class_of(p.image).index(), p.predicted as usize));
        let trial = OrderTrial::of(&counts, class_map, as_text);
        if trial.taken == ClassOrder::Text {
            let (text, number) = (trial.as_text, trial.by_number);
            progress.warn(format!(
                "with the outputs in order of text top-1 is {text:.2} % instead of {number:.2} %: give --class-order text"
            ));
        }
    }
    let report = EvaluateReport {
        top1: evaluation.top(1),
        top5: evaluation.top(5),
        images: evaluation.predictions.len(),
        broken: evaluation.broken.len(),
        seconds: start.elapsed().as_secs_f64(),
        per_class: {
            let map: Vec<u32> = (0..dataset.classes().len() as u32).collect();
            let named = dataset.classes().iter().map(|c| c.label().to_owned());
            named.zip(confusion(&dataset, class_map, &evaluation).per_class(&map)).collect()
        },
    };
    Ok((report, evaluation))
}

/// Counts of predictions: rows and columns are the dataset's classes, and one more column for outputs that are none.
#[must_use]
pub fn confusion(dataset: &Dataset, map: &[u32], evaluation: &Evaluation) -> Confusion {
    let classes = dataset.classes().len();
    let mut counts = Confusion::new(classes, classes + 1);
    for p in &evaluation.predictions {
        let predicted = map.iter().position(|&o| o == p.predicted).unwrap_or(classes);
        counts.add(dataset.class_of(p.image).index(), predicted);
    }
    counts
}

/// Writes the confusion as CSV: a row per class, a column per class that was predicted, `other` for outputs that belong
/// to none. An existing file is not overwritten.
///
/// # Errors
/// [`FileError`].
pub fn write_confusion(path: &Path, dataset: &Dataset, counts: &Confusion) -> Result<Written, FileError> {
    let names: Vec<&str> = dataset.classes().iter().map(Class::label).collect();
    write_new(path, counts.csv(&names).as_bytes())
}

/// Writes `image,class,predicted,loss,probability`, a row per image; predicted outputs are named by the class that
/// they are mapped to, or `output N` where there is none. An existing file is not overwritten.
///
/// # Errors
/// [`FileError`].
pub fn write_predictions(
    path: &Path,
    dataset: &Dataset,
    map: &[u32],
    evaluation: &Evaluation,
) -> Result<Written, FileError> {
    let mut table = Csv::new(["image", "class", "predicted", "loss", "probability"]);
    let named = |output: u32| {
        let class = map.iter().position(|&o| o == output);
        class.map_or_else(|| format!("output {output}").into(), |c| Field::from(dataset.classes()[c].name.as_str()))
    };
    for p in &evaluation.predictions {
        let class = dataset.class(dataset.class_of(p.image)).name.as_str();
        let (image, predicted) = (dataset.source(p.image), named(p.predicted));
        table.row([image.into(), class.into(), predicted, p.loss.into(), p.probability.into()]);
    }
    write_new(path, table.into_text().as_bytes())
}
