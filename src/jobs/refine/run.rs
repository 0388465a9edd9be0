//! The batches of an optimisation: taken from the project where they are, moved step by step where they are not.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{RefineCost, RefineJobError, Refining};
use crate::core::distil::set::Address;
use crate::core::formats::safetensors_file::Floats;
use crate::core::progress::Progress;
use crate::engine::learn::Differentiable;
use crate::engine::plan::EngineError;
use crate::engine::refine::{Objective, RefineError, Refinement, State};
use crate::jobs::keeping::Keeping;
use crate::store::refinement::{Finished, RefinementError, Refinements};

/// Time between two states that are kept, unless writing them takes long.
const BETWEEN_STATES: Duration = Duration::from_secs(20);

/// Time between two looks at the images as they change.
const BETWEEN_LOOKS: Duration = Duration::from_millis(300);

/// A batch of images that are moved together.
pub(super) struct Unit {
    /// Names all that its pixels follow from.
    pub key: String,
    pub images: Vec<Address>,
}

/// A batch that was moved to its end.
pub(super) struct Made {
    pub images: Vec<Address>,
    pub finished: Finished,
}

/// Runs an objective with the networks of its observers.
pub(super) type Runs<'a> =
    &'a mut dyn FnMut(&mut dyn Objective, &mut [Box<dyn Differentiable>]) -> Result<(), RefineJobError>;

/// Makes the objective of a unit; the observers are those of all units.
pub(super) trait Maker {
    /// All units of the set; asked for once.
    fn units(&mut self) -> Vec<Unit>;

    /// Runs a unit from a state or its beginning.
    fn with(&mut self, unit: &Unit, run: Runs<'_>) -> Result<(), RefineJobError>;
}

/// All units of one call.
pub(super) struct Run<'a> {
    project: Refinements,
    progress: &'a mut dyn Progress,
    look: &'a mut dyn FnMut(Refining),
    keeping: Keeping,
    cost: RefineCost,
    /// Steps that are done, and all that are to be done.
    done: u64,
    total: u64,
    /// Units before the one that is moved, and all of them.
    batch: (usize, usize),
}

impl<'a> Run<'a> {
    pub(super) fn new(project: Refinements, progress: &'a mut dyn Progress, look: &'a mut dyn FnMut(Refining)) -> Self {
        let (keeping, cost) = (Keeping::every(BETWEEN_STATES), RefineCost::default());
        Self { project, progress, look, keeping, cost, done: 0, total: 0, batch: (0, 0) }
    }

    /// What the steps cost; nothing is said of terms.
    pub(super) fn cost(self) -> RefineCost {
        self.cost
    }

    pub(super) fn all(&mut self, maker: &mut dyn Maker, iterations: u32) -> Result<Vec<Made>, RefineJobError> {
        let units = maker.units();
        let mut found = Vec::with_capacity(units.len());
        for unit in &units {
            found.push(self.finished(unit)?);
        }
        self.cost.reused = found.iter().flatten().count();
        self.total = (units.len() - self.cost.reused) as u64 * u64::from(iterations);
        let count = units.len();
        let mut made = Vec::with_capacity(count);
        for (at, (unit, found)) in units.into_iter().zip(found).enumerate() {
            self.batch = (at, count);
            let finished = match found {
                Some(found) => found,
                None => self.one(&unit, maker)?,
            };
            made.push(Made { images: unit.images, finished });
        }
        Ok(made)
    }

    /// What the project has of a unit; what is damaged is computed again.
    fn finished(&mut self, unit: &Unit) -> Result<Option<Finished>, RefineJobError> {
        match self.project.finished(&unit.key) {
            Err(damaged @ RefinementError::Damaged { .. }) => {
                self.progress.warn(format!("{damaged}; making these images again"));
                Ok(None)
            }
            other => Ok(other?),
        }
    }

    /// Where a unit was left.
    fn left(&mut self, unit: &Unit) -> Result<Option<State>, RefineJobError> {
        let why = match self.project.state(&unit.key) {
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
            let outline = Outline::of(objective);
            let run = Refinement::new(objective, observers, state.clone());
            finished = Some(self.steps(unit, run, outline).map_err(|error| outline.explained(error))?);
            Ok(())
        })?;
        let lost = || RefineJobError::Observers("a batch was not made; this is a defect of stillroom".to_owned());
        finished.ok_or_else(lost)
    }

    fn steps(&mut self, unit: &Unit, mut run: Refinement<'_>, outline: Outline) -> Result<Finished, RefineJobError> {
        let Outline { names, iterations, shape, .. } = outline;
        let (mut spent, first) = (Duration::ZERO, run.iteration());
        let base = self.done;
        let start = Arc::new(run.start());
        let mut looked = None::<Instant>;
        self.keeping.restart();
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
            if self.keeping.is_due() {
                self.keep(unit, &run)?;
            }
        }
        self.cost.iterations += u64::from(run.iteration() - first);
        self.cost.seconds += spent.as_secs_f64();
        let images = Floats { shape: shape.to_vec(), values: &run.images() };
        Ok(self.project.finish(&unit.key, images, run.terms())?)
    }

    fn keep(&mut self, unit: &Unit, run: &Refinement<'_>) -> Result<(), RefineJobError> {
        let project = &self.project;
        self.keeping.write(|| {
            let bytes = run.state()?.bytes().map_err(|e| RefineJobError::Observers(e.to_string()))?;
            Ok(project.keep(&unit.key, &bytes)?)
        })
    }
}

/// What is known of a unit before its first step.
#[derive(Clone, Copy)]
struct Outline {
    /// Names of the loss's terms.
    names: &'static [&'static str],
    iterations: u32,
    /// Images, channels, rows and columns of what is made.
    shape: [usize; 4],
    /// Images that observers are shown at once.
    shown: usize,
    /// What to give where the device has no room for them.
    smaller: &'static str,
}

impl Outline {
    fn of(objective: &dyn Objective) -> Self {
        Self {
            names: objective.terms(),
            iterations: objective.iterations(),
            shape: objective.shape(),
            shown: objective.batch(),
            smaller: objective.smaller(),
        }
    }

    /// Names the remedy where the device has no room.
    fn explained(self, error: RefineJobError) -> RefineJobError {
        match error {
            RefineJobError::Refine(RefineError::Engine(EngineError::Memory(_))) => {
                RefineJobError::Memory { images: self.shown, side: self.shape[3], remedy: self.smaller }
            }
            other => other,
        }
    }
}
