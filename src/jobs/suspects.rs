//! Images whose labels are probably wrong, as an observer sees them.

use std::path::Path;
use std::time::Instant;

use crate::core::data::dataset::{Class, Dataset, ImageId};
use crate::core::distil::curation::file::{Strays, text};
use crate::core::distil::curation::{Choice, Curation, Mark};
use crate::core::formats::csv::{Csv, Field};
use crate::core::insight::confident::{JudgeError, Judged, LabelSuspects, label_suspects};
use crate::core::progress::Progress;
use crate::engine::observe::evaluate::{EvaluateJob, look};
use crate::engine::observe::score::{ScoreError, probabilities};
use crate::store::files::{FileError, Written, write_new};

use super::session::Session;

/// Why labels could not be judged.
#[derive(Debug, thiserror::Error)]
pub enum SuspectsError {
    /// The network could not be run.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// Its probabilities are none.
    #[error("{observer}: {source}")]
    Judge {
        /// The observer.
        observer: String,
        /// What is wrong.
        source: JudgeError,
    },
}

/// What the observer makes of a dataset's labels.
#[derive(Clone, Debug)]
pub struct Suspects {
    /// The images that could be decoded.
    pub images: Vec<ImageId>,
    /// A row for each of them, a column for each class of the dataset: the softmax over the outputs of these classes alone.
    pub probabilities: Vec<f32>,
    /// A verdict for each of them.
    pub labels: LabelSuspects,
    /// Images that could not be decoded, with the reasons.
    pub broken: Vec<(ImageId, String)>,
    /// Time.
    pub seconds: f64,
}

/// Has the session's observer judge the labels of its dataset by whole images, with the papers' evaluation transform.
///
/// # Errors
/// [`SuspectsError`].
pub fn suspects(session: &mut Session, progress: &mut dyn Progress) -> Result<Suspects, SuspectsError> {
    let start = Instant::now();
    let (dataset, observer) = (session.dataset.clone(), session.observer.clone());
    let all: Vec<ImageId> = (0..dataset.image_count() as u32).map(ImageId).collect();
    let outputs = &observer.map.outputs;
    let job = EvaluateJob {
        dataset: &dataset,
        images: &all,
        class_map: outputs,
        mean_std: observer.observer.mean_std,
        edge: None,
        in_8_bits: false,
        views: None,
    };
    let (mut images, mut rows) = (Vec::with_capacity(all.len()), Vec::with_capacity(all.len() * outputs.len()));
    let throughput = session.throughput;
    let broken = look(session.engine(), job, throughput, progress, &mut |seen| {
        let own = outputs.iter().map(|&output| seen.logits.get(output as usize).copied().unwrap_or(f32::NEG_INFINITY));
        rows.extend(probabilities(&own.collect::<Vec<f32>>()));
        images.push(seen.image);
    })?;
    session.take_notes().into_iter().for_each(|note| progress.warn(note));
    let labels: Vec<u32> = images.iter().map(|image| dataset.class_of(*image).0).collect();
    let judged = Judged { labels: &labels, probabilities: &rows, classes: outputs.len() };
    let observer = observer.observer.name.clone();
    let labels = label_suspects(judged).map_err(|source| SuspectsError::Judge { observer, source })?;
    Ok(Suspects { images, probabilities: rows, labels, broken, seconds: start.elapsed().as_secs_f64() })
}

impl Suspects {
    /// The flagged images, the most suspicious first, each with its index.
    pub fn ranked(&self) -> impl Iterator<Item = (usize, ImageId)> + '_ {
        self.labels.ranked().into_iter().map(|at| (at, self.images[at]))
    }

    /// How many images of each class are flagged, and how many there are.
    #[must_use]
    pub fn per_class(&self, dataset: &Dataset) -> Vec<(usize, usize)> {
        let mut counts = vec![(0, 0); dataset.classes().len()];
        for (image, verdict) in self.images.iter().zip(&self.labels.verdicts) {
            let own = &mut counts[dataset.class_of(*image).index()];
            own.0 += usize::from(verdict.flagged);
            own.1 += 1;
        }
        counts
    }

    /// `rank,image,class,instead,self_confidence,probability_instead,normalized_margin`, a row for each flagged image, the
    /// most suspicious first, as comma-separated values.
    #[must_use]
    pub fn list(&self, dataset: &Dataset) -> String {
        let columns =
            ["rank", "image", "class", "instead", "self_confidence", "probability_instead", "normalized_margin"];
        let mut table = Csv::new(columns);
        for (rank, (at, image)) in (1_u32..).zip(self.ranked()) {
            let verdict = &self.labels.verdicts[at];
            let named = |class: usize| Field::from(dataset.classes()[class].name.as_str());
            table.row([
                rank.into(),
                dataset.source(image).into(),
                named(dataset.class_of(image).index()),
                named(verdict.predicted as usize),
                verdict.self_confidence.into(),
                self.probability(at, verdict.predicted as usize).into(),
                verdict.normalized_margin.into(),
            ]);
        }
        table.into_text()
    }

    /// Writes the [list](Self::list). An existing file is not overwritten.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn write_list(&self, path: &Path, dataset: &Dataset) -> Result<Written, FileError> {
        write_new(path, self.list(dataset).as_bytes())
    }

    /// Writes `image,class` and a probability for each class, a row for each image that could be decoded. An existing file
    /// is not overwritten.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn write_probabilities(&self, path: &Path, dataset: &Dataset) -> Result<Written, FileError> {
        let names = dataset.classes().iter().map(Class::label);
        let mut table = Csv::new(["image", "class"].into_iter().chain(names));
        for (at, image) in self.images.iter().enumerate() {
            let class = dataset.class(dataset.class_of(*image)).name.as_str();
            let fields = [Field::from(dataset.source(*image)), class.into()];
            table.row(fields.into_iter().chain(self.row(at).iter().map(|&p| p.into())));
        }
        write_new(path, table.into_text().as_bytes())
    }

    /// Writes a curation that rejects the flagged images, for `distill --curation`. An existing file is not overwritten.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn write_curation(&self, path: &Path, dataset: &Dataset) -> Result<Written, FileError> {
        let mut curation = Curation::default();
        let rejected = Mark { choice: Choice::Rejected, ..Mark::default() };
        self.ranked().for_each(|(_, image)| curation.set(image, rejected));
        let text = text(dataset, &curation, &Strays::default()).map_err(std::io::Error::other);
        let text = text.map_err(|source| FileError { path: path.to_owned(), doing: "write", source })?;
        write_new(path, text.as_bytes())
    }

    /// The probability of a class for the image with this index.
    #[must_use]
    pub fn probability(&self, at: usize, class: usize) -> f32 {
        self.row(at)[class]
    }

    fn row(&self, at: usize) -> &[f32] {
        let classes = self.labels.thresholds.len();
        &self.probabilities[at * classes..(at + 1) * classes]
    }
}
