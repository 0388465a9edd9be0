//! What 8 bits change for an observer of a set that keeps floats.

use crate::core::data::dataset::ImageId;
use crate::core::progress::Progress;
use crate::engine::observe::evaluate::{EvaluateJob, evaluate};
use crate::engine::observe::score::ScoreError;
use crate::jobs::session::Session;

/// Top-1 of one observer on the images of one set, in percent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Accuracies {
    /// Of the floats.
    pub floats: f64,
    /// Of the same images in 8 bits.
    pub in_8_bits: f64,
    /// Images.
    pub images: usize,
}

/// Has the session's observer look at its dataset, which keeps floats, as it is and in 8 bits. Few images of which the
/// observer knows the classes well tell little: a student that is trained on either tells more.
///
/// # Errors
/// [`ScoreError`].
pub fn accuracies(session: &mut Session, progress: &mut dyn Progress) -> Result<Accuracies, ScoreError> {
    let (dataset, observer) = (session.dataset.clone(), session.observer.clone());
    let images: Vec<ImageId> = (0..dataset.image_count() as u32).map(ImageId).collect();
    let throughput = session.throughput;
    let mut of = |in_8_bits| {
        let job = EvaluateJob {
            dataset: &dataset,
            images: &images,
            class_map: &observer.map.outputs,
            mean_std: observer.observer.mean_std,
            edge: None,
            in_8_bits,
            views: None,
        };
        evaluate(session.engine(), job, throughput, progress)
    };
    let (floats, in_8_bits) = (of(false)?, of(true)?);
    let images = floats.predictions.len();
    let found = Accuracies { floats: floats.top(1), in_8_bits: in_8_bits.top(1), images };
    session.take_notes().into_iter().for_each(|note| progress.warn(note));
    Ok(found)
}
