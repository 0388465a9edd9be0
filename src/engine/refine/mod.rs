//! Pixels that are moved by gradient descent through frozen observers: one loop for SRe2L, CDA and LIC. A method says by an
//! [`Objective`] what is moved, how it is shown, which terms pull at it, and by which rule it moves.
//!
//! Only the pixels have gradients. The observers are [`Differentiable`] networks in [`crate::engine::learn::Mode::Frozen`]:
//! there is no room for gradients of their parameters, their batch norms go by the running statistics, and nothing of them
//! changes. So a backward pass costs about as much as the forward pass instead of twice that, and needs no map that only
//! weights' gradients would ask for.

pub mod align;
mod checkpoint;
pub mod recover;
mod view;

pub use checkpoint::StateError;

use crate::core::distil::recovery::Turns;
use crate::core::progress::Cancelled;
use crate::core::train::statistics::ChannelStatistics;
use crate::engine::learn::optimiser::{Parameter, Rule, Stepper};
use crate::engine::learn::{Differentiable, Entry, Forward, Gradients, Masks, OptimiserState};
use crate::engine::plan::EngineError;

/// Why an optimisation ended early.
#[derive(Debug, thiserror::Error)]
pub enum RefineError {
    /// The user asked for it.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The device.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The network lacks what the method looks at.
    #[error("{0}")]
    Unfit(String),
    /// The pixels ran away.
    #[error(
        "the pixels are not finite any more after {step} steps: give a lower --lr, or smaller weights of the terms"
    )]
    Diverged {
        /// Steps taken.
        step: u32,
    },
}

/// The key of the pixels among the optimiser's tensors.
const PIXELS: &str = "pixels";

/// What pulls at what a network was shown.
#[derive(Debug, Default)]
pub struct Pull {
    /// The terms of the loss, weighted, in the order of [`Objective::terms`].
    pub terms: Vec<f64>,
    /// d loss / d logits.
    pub logits: Option<Vec<f32>>,
    /// Gradients that enter at the probes.
    pub entries: Vec<Entering>,
    /// d loss / d images, of terms that look at what the network is shown.
    pub images: Option<Vec<f32>>,
    /// How far each batch norm's input is from what its running statistics remember, unweighted; empty where no term asks.
    pub norms: Vec<f64>,
}

/// A gradient that enters at a probe, with its own values.
#[derive(Debug)]
pub enum Entering {
    /// d loss / d values.
    Values(Vec<f32>),
    /// d loss / d mean and variance.
    Statistics(ChannelStatistics),
}

impl Entering {
    fn entry(&self) -> Entry<'_> {
        match self {
            Self::Values(values) => Entry::Values(values),
            Self::Statistics(statistics) => Entry::Statistics(statistics),
        }
    }
}

/// What a method fills in.
pub trait Objective {
    /// The optimiser.
    fn rule(&self) -> Rule;

    /// The learning rate in a step.
    fn rate(&self, iteration: u32) -> f64;

    /// Steps.
    fn iterations(&self) -> u32;

    /// How several observers take part.
    fn turns(&self) -> Turns;

    /// The names of the terms of the loss.
    fn terms(&self) -> &'static [&'static str];

    /// Images that are shown at once.
    fn batch(&self) -> usize;

    /// What to give where the device has no room for a batch.
    fn smaller(&self) -> &'static str;

    /// Images, channels, rows and columns of what is made.
    fn shape(&self) -> [usize; 4];

    /// What is moved, before the first step.
    fn start(&self) -> Vec<f32>;

    /// What observer `observer` is shown in step `iteration`: normalised images N×3×S×S.
    ///
    /// # Errors
    /// [`EngineError`] where the device fails.
    fn show(&mut self, pixels: &[f32], iteration: u32, observer: usize) -> Result<Vec<f32>, EngineError>;

    /// What pulls at what was shown, by what the observer said of it.
    ///
    /// # Errors
    /// [`RefineError::Unfit`] where the observer doesn't say what the terms look at.
    fn pull(&mut self, shown: &[f32], forward: &Forward, observer: usize) -> Result<Pull, RefineError>;

    /// Brings a gradient on what was shown last back to what is moved.
    fn pull_back(&mut self, gradient: Vec<f32>) -> Vec<f32>;

    /// Brings what is moved back into its bounds after a step.
    fn settle(&self, pixels: &mut [f32]);

    /// The images that these pixels make: N×3×S×S in [0, 1] units, unclamped.
    fn images(&self, pixels: &[f32]) -> Vec<f32>;
}

/// Where an optimisation stands: enough to go on to the same bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Steps taken.
    pub iteration: u32,
    /// What is moved.
    pub pixels: Vec<f32>,
    /// The optimiser's.
    pub optimiser: OptimiserState,
    /// The terms of each step that was taken, one after another.
    pub terms: Vec<f32>,
}

/// An optimisation of one batch of images.
pub struct Refinement<'a> {
    objective: &'a mut dyn Objective,
    observers: &'a mut [Box<dyn Differentiable>],
    pixels: Vec<f32>,
    stepper: Stepper,
    iteration: u32,
    terms: Vec<f32>,
    norms: Vec<f64>,
}

impl<'a> Refinement<'a> {
    /// Begins with the objective's start, or goes on from a state.
    pub fn new(
        objective: &'a mut dyn Objective,
        observers: &'a mut [Box<dyn Differentiable>],
        from: Option<State>,
    ) -> Self {
        let mut stepper = Stepper::new(objective.rule());
        let (pixels, iteration, terms) = match from {
            Some(State { iteration, pixels, optimiser, terms }) => {
                stepper.restore(optimiser);
                (pixels, iteration, terms)
            }
            None => (objective.start(), 0, Vec::new()),
        };
        Self { objective, observers, pixels, stepper, iteration, terms, norms: Vec::new() }
    }

    /// Takes one step; `false` where all have been taken.
    ///
    /// # Errors
    /// [`RefineError`].
    pub fn step(&mut self) -> Result<bool, RefineError> {
        if self.iteration >= self.objective.iterations() {
            return Ok(false);
        }
        let count = self.observers.len();
        let looking = match self.objective.turns() {
            Turns::Alternate => {
                let turn = self.iteration as usize % count.max(1);
                turn..(turn + 1).min(count)
            }
            Turns::Average => 0..count,
        };
        let share = 1.0 / looking.len().max(1) as f64;
        let mut gradient = vec![0.0_f32; self.pixels.len()];
        let mut terms = vec![0.0; self.objective.terms().len()];
        for observer in looking {
            let (pulled, pull) = self.look(observer)?;
            gradient.iter_mut().zip(&pulled).for_each(|(g, p)| *g += (f64::from(*p) * share) as f32);
            terms.iter_mut().zip(&pull.terms).for_each(|(t, v)| *t += v * share);
            self.norms = pull.norms;
        }
        let rate = self.objective.rate(self.iteration);
        let moved = Parameter { key: PIXELS, dimensions: 4, values: &mut self.pixels, gradient: &gradient };
        self.stepper.begin(rate).apply(moved);
        self.objective.settle(&mut self.pixels);
        self.iteration += 1;
        self.terms.extend(terms.iter().map(|&t| t as f32));
        if !self.pixels.iter().all(|v| v.is_finite()) {
            return Err(RefineError::Diverged { step: self.iteration });
        }
        Ok(true)
    }

    /// What one observer says in this step: the gradient on what is moved, and the terms.
    fn look(&mut self, observer: usize) -> Result<(Vec<f32>, Pull), RefineError> {
        let shown = self.objective.show(&self.pixels, self.iteration, observer)?;
        let network = &mut self.observers[observer];
        let batch = self.objective.batch();
        let forward = network.forward(&shown, batch, Masks::default())?;
        let pull = self.objective.pull(&shown, &forward, observer)?;
        let entries: Vec<Entry<'_>> = pull.entries.iter().map(Entering::entry).collect();
        let gradients = Gradients { logits: pull.logits.as_deref(), probes: &entries };
        let mut gradient = network.backward(&gradients)?.ok_or_else(|| {
            EngineError::Device("the network gives no gradient on its images; this is a defect of stillroom".to_owned())
        })?;
        if let Some(images) = &pull.images {
            gradient.iter_mut().zip(images).for_each(|(g, p)| *g += p);
        }
        Ok((self.objective.pull_back(gradient), pull))
    }

    /// Steps taken.
    #[must_use]
    pub fn iteration(&self) -> u32 {
        self.iteration
    }

    /// The terms of each step that was taken, one after another.
    #[must_use]
    pub fn terms(&self) -> &[f32] {
        &self.terms
    }

    /// How far each batch norm's input was from its running statistics in the last step, of the observer that looked last.
    #[must_use]
    pub fn norms(&self) -> &[f64] {
        &self.norms
    }

    /// The images as they are: N×3×S×S in [0, 1] units, unclamped.
    #[must_use]
    pub fn images(&self) -> Vec<f32> {
        self.objective.images(&self.pixels)
    }

    /// The images before the first step, as [`Self::images`] gives them, also where it goes on from a later one.
    #[must_use]
    pub fn start(&self) -> Vec<f32> {
        self.objective.images(&self.objective.start())
    }

    /// Where it stands.
    ///
    /// # Errors
    /// [`EngineError`]; none for pixels in memory.
    pub fn state(&self) -> Result<State, EngineError> {
        Ok(State {
            iteration: self.iteration,
            pixels: self.pixels.clone(),
            optimiser: self.stepper.state()?,
            terms: self.terms.clone(),
        })
    }
}

#[cfg(test)]
mod tests;
