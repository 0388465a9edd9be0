//! A map of a dataset: images that the observer's feature finds alike lie near each other.

use std::path::Path;
use std::time::Instant;

use crate::core::data::dataset::{Dataset, ImageId};
use crate::core::formats::csv::{Csv, Field};
use crate::core::progress::{Cancelled, Progress};
use crate::engine::insight::pca::components;
use crate::engine::insight::rows::{Rows, RowsError};
use crate::engine::insight::trustworthiness::{NEIGHBOURS, TrustError, trustworthiness};
use crate::engine::insight::tsne::{Params, STEPS, Tsne, TsneError};
use crate::engine::observe::evaluate::{EvaluateJob, look, sample};
use crate::engine::observe::score::{ScoreError, cross_entropy};
use crate::engine::plan::EngineError;
use crate::store::files::{FileError, Written, write_new};

use super::session::Session;

/// Columns that t-SNE sees of wider features: their first principal components, as van der Maaten and Hinton (2008, section
/// 4.2) reduce theirs to 30, and scikit-learn's guide advises 50.
const REDUCED: usize = 50;

/// How points are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// By the first two principal components.
    Pca,
    /// By t-SNE, which begins with these.
    Tsne,
}

/// What is mapped, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MapRequest {
    /// Images, at most; equally many of each class, drawn by the seed.
    pub images: usize,
    /// How they are laid out.
    pub layout: Layout,
    /// t-SNE's perplexity.
    pub perplexity: f64,
    /// Which images, and the first directions of the principal components.
    pub seed: u64,
}

/// Why there is no map.
#[derive(Debug, thiserror::Error)]
pub enum MapError {
    /// The network could not be run.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// The device refused it.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Its features are no rows.
    #[error("the observer's features: {0}")]
    Rows(#[from] RowsError),
    /// t-SNE can't lay them out.
    #[error(transparent)]
    Tsne(#[from] TsneError),
    /// The map can't be judged.
    #[error("{0}; map more images")]
    Trust(#[from] TrustError),
    /// The user asked for it.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// A point of the map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The image.
    pub image: ImageId,
    /// Where it lies.
    pub at: [f64; 2],
    /// The observer's cross-entropy for its class.
    pub loss: f32,
}

/// A map, and how far it can be believed.
#[derive(Clone, Debug)]
pub struct Map {
    /// A point for each image that could be decoded.
    pub points: Vec<Point>,
    /// The feature of each, images×dims.
    pub features: Vec<f32>,
    /// Values of a feature.
    pub dims: usize,
    /// The Kullback-Leibler divergence that t-SNE ended with, in nats; `None` of principal components.
    pub kl: Option<f64>,
    /// Share of neighbours in the map that are neighbours by the feature, see
    /// [`trustworthiness`](crate::engine::insight::trustworthiness).
    pub trustworthiness: f64,
    /// Images that could not be decoded, with the reasons.
    pub broken: Vec<(ImageId, String)>,
    /// Time.
    pub seconds: f64,
}

/// Maps a sample of the session's dataset by the feature that selections look at, of whole images with the papers'
/// evaluation transform.
///
/// # Errors
/// [`MapError`].
pub fn map(session: &mut Session, request: &MapRequest, progress: &mut dyn Progress) -> Result<Map, MapError> {
    let start = Instant::now();
    let (dataset, observer) = (session.dataset.clone(), session.observer.clone());
    let images = sample(&dataset, request.seed, request.images.div_ceil(dataset.classes().len().max(1)));
    let job = EvaluateJob {
        dataset: &dataset,
        images: &images,
        class_map: &observer.map.outputs,
        mean_std: observer.observer.mean_std,
        edge: None,
        in_8_bits: false,
        views: None,
    };
    let (mut points, mut features, mut dims) = (Vec::with_capacity(images.len()), Vec::new(), 0);
    let throughput = session.throughput;
    let broken = look(session.tapped()?, job, throughput, progress, &mut |seen| {
        let class = dataset.class_of(seen.image).index();
        let loss = cross_entropy(seen.logits, observer.map.outputs[class] as usize);
        points.push(Point { image: seen.image, at: [0.0; 2], loss });
        dims = seen.feature.len();
        features.extend_from_slice(seen.feature);
    })?;
    session.take_notes().into_iter().for_each(|note| progress.warn(note));
    let rows = Rows::new(&features, dims)?;
    let (positions, kl) = laid_out(rows, request, progress)?;
    points.iter_mut().zip(&positions).for_each(|(point, at)| point.at = *at);
    let flat: Vec<f32> = positions.iter().flatten().map(|&v| v as f32).collect();
    let trustworthiness = trustworthiness(rows, Rows::new(&flat, 2)?, NEIGHBOURS, progress)?;
    let seconds = start.elapsed().as_secs_f64();
    Ok(Map { points, features, dims, kl, trustworthiness, broken, seconds })
}

/// A position for each row, and t-SNE's divergence.
fn laid_out(
    rows: Rows<'_>,
    request: &MapRequest,
    progress: &mut dyn Progress,
) -> Result<(Vec<[f64; 2]>, Option<f64>), MapError> {
    let reduced = |count: usize, progress: &mut dyn Progress| -> Result<Vec<f64>, Cancelled> {
        Ok(components(rows, count, request.seed, progress)?.project(rows))
    };
    if request.layout == Layout::Pca {
        let flat = reduced(2, progress)?;
        let width = flat.len() / rows.len().max(1);
        let second = |row: &[f64]| row.get(1).copied().unwrap_or(0.0);
        return Ok((flat.chunks_exact(width.max(1)).map(|row| [row[0], second(row)]).collect(), None));
    }
    let values: Vec<f32>;
    let narrow = if rows.dims() > REDUCED && rows.len() > REDUCED {
        values = reduced(REDUCED, progress)?.into_iter().map(|v| v as f32).collect();
        Rows::new(&values, REDUCED)?
    } else {
        rows
    };
    let params = Params { perplexity: request.perplexity, ..Params::default() };
    let mut tsne = Tsne::new(narrow, params, request.seed, progress)?;
    while tsne.steps() < STEPS {
        tsne.step();
        progress.step("t-sne", tsne.steps() as u64, STEPS as u64)?;
    }
    Ok((tsne.positions().to_vec(), Some(tsne.kl())))
}

impl Map {
    /// Writes `image,class,x,y,loss`, a row for each point. An existing file is not overwritten.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn write(&self, path: &Path, dataset: &Dataset) -> Result<Written, FileError> {
        let mut table = Csv::new(["image", "class", "x", "y", "loss"]);
        for point in &self.points {
            let class = dataset.class(dataset.class_of(point.image)).name.as_str();
            let [x, y] = point.at.map(Field::from);
            table.row([dataset.source(point.image).into(), class.into(), x, y, point.loss.into()]);
        }
        write_new(path, table.into_text().as_bytes())
    }

    /// Writes the features as little-endian float32, row after row, for other programs. An existing file is not overwritten.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn write_features(&self, path: &Path) -> Result<Written, FileError> {
        let bytes: Vec<u8> = self.features.iter().flat_map(|value| value.to_le_bytes()).collect();
        write_new(path, &bytes)
    }
}
