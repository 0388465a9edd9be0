//! Optimised images of a recipe: taken from the project where they are, computed batch by batch where they are not.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::core::data::dataset::ClassId;
use crate::core::distil::recipe::{Method, Recipe};
use crate::core::distil::set::{Address, SetError};
use crate::core::progress::Progress;
use crate::engine::learn::Differentiable;
use crate::engine::plan::EngineError;
use crate::engine::refine::{Objective, RefineError, Refinement, State};
use crate::store::project::Project;
use crate::store::refinement::{Finished, RefinementError, Refinements};

use super::open::OpenedObserver;
use super::session::Session;

mod aligned;
mod begin;
mod observers;
mod recovered;
mod set;

pub use begin::{Beginning, ParentImages};
pub use observers::{check, fits};
pub use set::RefinedSet;

/// Time between two states that are kept.
const BETWEEN_STATES: Duration = Duration::from_secs(20);

/// Time between two looks at the images as they change.
const BETWEEN_LOOKS: Duration = Duration::from_millis(300);

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

/// A batch of images that are moved together.
struct Unit {
    /// Names all that its pixels follow from.
    key: String,
    images: Vec<Address>,
}

/// Runs an objective with the networks of its observers.
type Runs<'a> = &'a mut dyn FnMut(&mut dyn Objective, &mut [Box<dyn Differentiable>]) -> Result<(), RefineJobError>;

/// Makes the objective of a unit; the observers are those of all units.
trait Maker {
    /// Runs a unit from a state or its beginning.
    fn with(&mut self, unit: &Unit, run: Runs<'_>) -> Result<(), RefineJobError>;
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
    let kept = Refinements::of(project.folder());
    let mut run = Run { kept, progress, look, cost: RefineCost::default(), done: 0, total: 0, batch: (0, 0) };
    let (units, names, finished) = match &asked.recipe.method {
        Method::Sre2l(own) | Method::Cda(own) => {
            let mut maker = recovered::Recovered::new(session, asked, *own, &observers)?;
            let units = maker.units();
            let finished = run.all(&units, &mut maker, own.iterations)?;
            (units, recovered::TERMS, finished)
        }
        Method::Lic(own) => {
            let mut maker = aligned::Aligned::new(session, asked, *own, &observers)?;
            let units = maker.units();
            let finished = run.all(&units, &mut maker, own.iterations)?;
            (units, aligned::TERMS, finished)
        }
        Method::Rded(_) => {
            return Err(RefineJobError::Observers("rded moves no pixels; this is a defect of stillroom".to_owned()));
        }
    };
    let mut cost = run.cost;
    cost.terms = mean_terms(names, (&units, &finished));
    cost.images = units.iter().map(|unit| unit.images.len()).sum();
    let set = RefinedSet::new(asked, session.observer.observer.spec.side as u32, (names, units_of(units, finished)));
    Ok((set, cost))
}

fn units_of(units: Vec<Unit>, finished: Vec<Finished>) -> Vec<(Vec<Address>, Finished)> {
    units.into_iter().map(|unit| unit.images).zip(finished).collect()
}

/// The last step's terms, means over the images.
fn mean_terms(names: &'static [&'static str], (units, finished): (&[Unit], &[Finished])) -> Vec<(&'static str, f64)> {
    let images: usize = units.iter().map(|unit| unit.images.len()).sum();
    let last = |at: usize| -> f64 {
        let of = |(unit, made): (&Unit, &Finished)| {
            let value = made.terms.rchunks_exact(names.len()).next().and_then(|last| last.get(at));
            value.map_or(0.0, |&value| f64::from(value) * unit.images.len() as f64)
        };
        units.iter().zip(finished).map(of).sum::<f64>() / images.max(1) as f64
    };
    names.iter().enumerate().map(|(at, &name)| (name, last(at))).collect()
}

/// All units of one call.
struct Run<'a> {
    kept: Refinements,
    progress: &'a mut dyn Progress,
    look: &'a mut dyn FnMut(Refining),
    cost: RefineCost,
    /// Steps that are done, and all that are to be done.
    done: u64,
    total: u64,
    batch: (usize, usize),
}

impl Run<'_> {
    fn all(&mut self, units: &[Unit], maker: &mut dyn Maker, iterations: u32) -> Result<Vec<Finished>, RefineJobError> {
        let mut found = Vec::with_capacity(units.len());
        for unit in units {
            found.push(self.finished(unit)?);
        }
        self.cost.reused = found.iter().flatten().count();
        self.total = (units.len() - self.cost.reused) as u64 * u64::from(iterations);
        let mut finished = Vec::with_capacity(units.len());
        for (at, (unit, found)) in units.iter().zip(found).enumerate() {
            self.batch = (at, units.len());
            finished.push(match found {
                Some(found) => found,
                None => self.one(unit, maker)?,
            });
        }
        Ok(finished)
    }

    /// What the project has of a unit; what is damaged is computed again.
    fn finished(&mut self, unit: &Unit) -> Result<Option<Finished>, RefineJobError> {
        match self.kept.finished(&unit.key) {
            Err(damaged @ RefinementError::Damaged { .. }) => {
                self.progress.warn(format!("{damaged}; making these images again"));
                Ok(None)
            }
            other => Ok(other?),
        }
    }

    /// Where a unit was left.
    fn left(&mut self, unit: &Unit) -> Result<Option<State>, RefineJobError> {
        let why = match self.kept.state(&unit.key) {
            Ok(None) => return Ok(None),
            Ok(Some(bytes)) => match State::read(&bytes) {
                Ok(state) => return Ok(Some(state)),
                Err(error) => error.to_string(),
            },
            Err(damaged @ RefinementError::Damaged { .. }) => damaged.to_string(),
            Err(error) => return Err(error.into()),
        };
        self.progress.warn(format!("{why}; beginning these images again"));
        Ok(None)
    }

    fn one(&mut self, unit: &Unit, maker: &mut dyn Maker) -> Result<Finished, RefineJobError> {
        let state = self.left(unit)?;
        let mut finished = None;
        maker.with(unit, &mut |objective, observers| {
            let (names, iterations) = (objective.terms(), objective.iterations());
            let (batch, shape, remedy) = (objective.batch(), objective.shape(), objective.smaller());
            let run = Refinement::new(objective, observers, state.clone());
            finished = Some(
                self.steps(unit, run, (names, iterations, shape)).map_err(|e| no_room(e, (batch, remedy), shape))?,
            );
            Ok(())
        })?;
        let lost = || RefineJobError::Observers("a batch was not made; this is a defect of stillroom".to_owned());
        finished.ok_or_else(lost)
    }

    fn steps(
        &mut self,
        unit: &Unit,
        mut run: Refinement<'_>,
        (names, iterations, shape): (&'static [&'static str], u32, [usize; 4]),
    ) -> Result<Finished, RefineJobError> {
        let (mut spent, first) = (Duration::ZERO, run.iteration());
        let base = self.done;
        let start = Arc::new(run.start());
        let (mut kept, mut looked) = (Instant::now(), None::<Instant>);
        loop {
            self.done = base + u64::from(run.iteration());
            if let Err(cancelled) = self.progress.step("refine", self.done, self.total) {
                self.keep(unit, &run)?;
                return Err(RefineError::Cancelled(cancelled).into());
            }
            if looked.is_none_or(|at| at.elapsed() >= BETWEEN_LOOKS) || run.iteration() >= iterations {
                looked = Some(Instant::now());
                (self.look)(Refining {
                    images: unit.images.clone(),
                    side: shape[3],
                    values: run.images(),
                    start: start.clone(),
                    iteration: run.iteration(),
                    iterations,
                    names,
                    terms: run.terms().to_vec(),
                    norms: run.norms().to_vec(),
                    batch: self.batch,
                });
            }
            let began = Instant::now();
            let moved = run.step()?;
            spent += began.elapsed();
            if !moved {
                break;
            }
            if kept.elapsed() >= BETWEEN_STATES {
                self.keep(unit, &run)?;
                kept = Instant::now();
            }
        }
        self.cost.iterations += u64::from(run.iteration() - first);
        self.cost.seconds += spent.as_secs_f64();
        Ok(self.kept.finish(&unit.key, (&run.images(), shape), run.terms())?)
    }

    fn keep(&self, unit: &Unit, run: &Refinement<'_>) -> Result<(), RefineJobError> {
        let bytes = run.state()?.bytes();
        let bytes = bytes.map_err(|e| RefineJobError::Observers(e.to_string()))?;
        Ok(self.kept.keep(&unit.key, &bytes)?)
    }
}

/// Names the remedy where a batch has no room.
fn no_room(error: RefineJobError, (images, remedy): (usize, &'static str), shape: [usize; 4]) -> RefineJobError {
    match error {
        RefineJobError::Refine(RefineError::Engine(EngineError::Memory(_))) => {
            RefineJobError::Memory { images, side: shape[3], remedy }
        }
        other => other,
    }
}
