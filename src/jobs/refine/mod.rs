//! Optimised images of a recipe: taken from the project where they are, computed batch by batch where they are not.

use std::sync::Arc;

use crate::core::data::dataset::ClassId;
use crate::core::distil::recipe::{Method, Recipe};
use crate::core::distil::set::{Address, SetError};
use crate::core::progress::Progress;
use crate::engine::plan::EngineError;
use crate::engine::refine::RefineError;
use crate::store::project::Project;
use crate::store::refinement::{RefinementError, Refinements};

use super::open::OpenedObserver;
use super::session::Session;

mod aligned;
mod begin;
mod observers;
mod recovered;
mod run;
mod set;

pub use begin::{Beginning, ParentImages, begun};
pub use observers::{check, fits};
pub use set::RefinedSet;

use aligned::Aligned;
use recovered::Recovered;
use run::{Made, Run};

/// Why images could not be optimised.
#[derive(Debug, thiserror::Error)]
pub enum RefineJobError {
    /// The optimisation.
    #[error(transparent)]
    Refine(#[from] RefineError),
    /// Observers that can't work together.
    #[error("{0}")]
    Observers(String),
    /// What the images begin with.
    #[error("{file}: {reason}; put it back, or run again")]
    Start {
        /// The source.
        file: String,
        /// Why.
        reason: String,
    },
    /// An image to begin with that isn't as large as the observer's input.
    #[error(
        "{file}: it has {width}×{height} pixels, and the observer sees {side}×{side}: give --side {width} where the \
         observer takes it, or another observer"
    )]
    Side {
        /// The image's file.
        file: String,
        /// Its columns.
        width: u32,
        /// Its rows.
        height: u32,
        /// The observer's side.
        side: u32,
    },
    /// The project.
    #[error(transparent)]
    Kept(#[from] RefinementError),
    /// No memory for a batch that can't be divided.
    #[error("the device has no room for {images} images of side {side} at once: {remedy}")]
    Memory {
        /// Images of a batch.
        images: usize,
        /// S.
        side: usize,
        /// What to do.
        remedy: &'static str,
    },
}

impl From<EngineError> for RefineJobError {
    fn from(error: EngineError) -> Self {
        Self::Refine(error.into())
    }
}

impl From<SetError> for RefineJobError {
    fn from(SetError { file, reason }: SetError) -> Self {
        Self::Start { file, reason }
    }
}

impl RefineJobError {
    /// Whether the user cancelled it.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Refine(RefineError::Cancelled(_)))
    }
}

/// Images as they change.
#[derive(Clone, Debug, PartialEq)]
pub struct Refining {
    /// The images of the batch.
    pub images: Vec<Address>,
    /// S.
    pub side: usize,
    /// Their values, 3×S×S each in [0, 1] units, unclamped.
    pub values: Vec<f32>,
    /// Their values before the first step.
    pub start: Arc<Vec<f32>>,
    /// Steps that were taken.
    pub iteration: u32,
    /// Steps of each batch.
    pub iterations: u32,
    /// Names of the loss's terms.
    pub names: &'static [&'static str],
    /// The terms of each step, one after another.
    pub terms: Vec<f32>,
    /// How far each batch norm's input was from its running statistics, of the observer that looked last.
    pub norms: Vec<f64>,
    /// Batches before this one, and all of them.
    pub batch: (usize, usize),
}

/// What an optimisation cost.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RefineCost {
    /// Steps that were taken, of all batches together.
    pub iterations: u64,
    /// Seconds of them.
    pub seconds: f64,
    /// Batches that were taken from the project.
    pub reused: usize,
    /// The last step's terms, means over the images.
    pub terms: Vec<(&'static str, f64)>,
    /// Images whose terms these are.
    pub images: usize,
}

impl RefineCost {
    /// Together with what was spent before.
    #[must_use]
    pub(super) fn after(self, before: Option<Self>) -> Self {
        let Some(before) = before else { return self };
        let images = before.images + self.images;
        let both = before.terms.iter().zip(&self.terms).map(|(&(name, a), &(_, b))| {
            (name, (a * before.images as f64 + b * self.images as f64) / images.max(1) as f64)
        });
        Self {
            iterations: before.iterations + self.iterations,
            seconds: before.seconds + self.seconds,
            reused: before.reused + self.reused,
            terms: both.collect(),
            images,
        }
    }

    /// Steps per second; 0 where none was taken.
    #[must_use]
    pub fn rate(&self) -> f64 {
        if self.seconds > 0.0 { self.iterations as f64 / self.seconds } else { 0.0 }
    }
}

/// What is optimised.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// Method and parameters; its IPC is that of the layout.
    pub recipe: &'a Recipe,
    /// The classes, in the order of their running index.
    pub classes: &'a [ClassId],
    /// What the images begin with.
    pub start: &'a Beginning,
    /// Observers beside the session's.
    pub beside: &'a [Arc<OpenedObserver>],
}

impl Asked<'_> {
    /// The name of a class by its running index, by which it is drawn: a finished set's own, whatever the dataset that is
    /// open calls it.
    fn class_name<'s>(&'s self, session: &'s Session, class: usize) -> &'s str {
        match self.start {
            Beginning::Images(parents) => parents.class_name(class),
            Beginning::Noise | Beginning::Stitched(_) => &session.dataset.class(self.classes[class]).name,
        }
    }
}

/// Optimises all images. `look` sees them as they change.
///
/// # Errors
/// [`RefineJobError`]; batches that were finished stay in the project, and the state of the one that wasn't.
pub fn refine(
    session: &mut Session,
    project: &Project,
    asked: Asked<'_>,
    progress: &mut dyn Progress,
    look: &mut dyn FnMut(Refining),
) -> Result<(RefinedSet, RefineCost), RefineJobError> {
    let observers = observers::all(session, asked.beside)?;
    let iterations = asked.recipe.method.iterations();
    let mut run = Run::new(Refinements::of(project.folder()), progress, look);
    let (names, made) = match &asked.recipe.method {
        Method::Sre2l(own) | Method::Cda(own) => {
            let mut maker = Recovered::new(session, asked, *own, &observers)?;
            (recovered::TERMS, run.all(&mut maker, iterations)?)
        }
        Method::Lic(own) => {
            let mut maker = Aligned::new(session, asked, *own, &observers)?;
            (aligned::TERMS, run.all(&mut maker, iterations)?)
        }
        Method::Rded(_) => {
            return Err(RefineJobError::Observers("rded moves no pixels; this is a defect of stillroom".to_owned()));
        }
    };
    let images = made.iter().map(|batch| batch.images.len()).sum();
    let cost = RefineCost { terms: mean_terms(names, &made), images, ..run.cost() };
    Ok((RefinedSet::new(asked, session.observer.observer.spec.side as u32, names, made), cost))
}

/// The last step's terms, means over the images.
fn mean_terms(names: &'static [&'static str], made: &[Made]) -> Vec<(&'static str, f64)> {
    let images: usize = made.iter().map(|batch| batch.images.len()).sum();
    let last = |at: usize| -> f64 {
        let of = |batch: &Made| {
            let value = batch.finished.terms.rchunks_exact(names.len()).next().and_then(|last| last.get(at));
            value.map_or(0.0, |&value| f64::from(value) * batch.images.len() as f64)
        };
        made.iter().map(of).sum::<f64>() / images.max(1) as f64
    };
    names.iter().enumerate().map(|(at, &name)| (name, last(at))).collect()
}
