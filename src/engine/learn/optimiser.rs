//! AdamW and SGD on plain slices, to PyTorch's letter.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::core::train::recipe::Optimiser;

/// What an optimiser remembers between steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OptimiserState {
    /// Steps taken.
    pub step: u64,
    /// Under each parameter's key: AdamW's first and second moment, SGD's momentum (none before its first step).
    pub moments: BTreeMap<String, Vec<Vec<f32>>>,
}

/// The optimiser of one network.
#[derive(Clone, Debug)]
pub struct Stepper {
    optimiser: Optimiser,
    decay_all: bool,
    state: OptimiserState,
}

/// A parameter while it is moved.
pub struct Parameter<'a> {
    /// PyTorch's key.
    pub key: &'a str,
    /// Its number of dimensions.
    pub dimensions: usize,
    /// Values.
    pub values: &'a mut [f32],
    /// d loss / d values.
    pub gradient: &'a [f32],
}

/// Whether the decay reaches a parameter: weights of more than one dimension do decay (spec 1.9).
#[must_use]
pub fn decays(key: &str, dimensions: usize) -> bool {
    key.contains("weight") && dimensions > 1
}

impl Stepper {
    /// An optimiser before its first step; `decay_all` extends the decay to biases and norms.
    #[must_use]
    pub fn new(optimiser: Optimiser, decay_all: bool) -> Self {
        Self { optimiser, decay_all, state: OptimiserState::default() }
    }

    /// Its state.
    #[must_use]
    pub fn state(&self) -> &OptimiserState {
        &self.state
    }

    /// Goes on from a state.
    pub fn restore(&mut self, state: OptimiserState) {
        self.state = state;
    }

    /// One step on all parameters at this learning rate.
    pub fn step<'a>(&mut self, parameters: impl Iterator<Item = Parameter<'a>>, rate: f64) {
        self.state.step += 1;
        let step = self.state.step;
        for p in parameters {
            let decayed = self.decay_all || decays(p.key, p.dimensions);
            let length = p.values.len();
            let moments = self.state.moments.entry(p.key.to_owned()).or_default();
            match self.optimiser {
                Optimiser::AdamW { betas, epsilon, decay } => {
                    moments.resize_with(2, || vec![0.0; length]);
                    let [first, second] = moments.as_mut_slice() else { continue };
                    adamw(
                        p,
                        (first, second),
                        &Adam::new(betas, epsilon, if decayed { decay } else { 0.0 }, step, rate),
                    );
                }
                Optimiser::Sgd { momentum, nesterov, decay } => {
                    let decay = if decayed { decay as f32 } else { 0.0 };
                    if momentum == 0.0 {
                        for (v, g) in p.values.iter_mut().zip(p.gradient) {
                            *v -= rate as f32 * (g + decay * *v);
                        }
                        continue;
                    }
                    // PyTorch begins the momentum with the first gradient itself; from zeros it comes to the same.
                    moments.resize_with(1, || vec![0.0; length]);
                    sgd(p, &mut moments[0], (momentum as f32, nesterov, decay, rate as f32));
                }
            }
        }
    }
}

/// Values that a thread moves at a time; each by itself, so threads change nothing.
const CHUNK: usize = 1 << 14;

/// AdamW's numbers of one step, in f64 until they meet the values, as PyTorch has them.
struct Adam {
    shrink: f32,
    second: f32,
    complements: (f32, f32),
    size: f32,
    root: f32,
    epsilon: f32,
}

impl Adam {
    fn new(betas: (f64, f64), epsilon: f64, decay: f64, step: u64, rate: f64) -> Self {
        let step = i32::try_from(step).unwrap_or(i32::MAX);
        let corrections = (1.0 - betas.0.powi(step), 1.0 - betas.1.powi(step));
        Self {
            shrink: (1.0 - rate * decay) as f32,
            second: betas.1 as f32,
            complements: ((1.0 - betas.0) as f32, (1.0 - betas.1) as f32),
            size: (rate / corrections.0) as f32,
            root: corrections.1.sqrt() as f32,
            epsilon: epsilon as f32,
        }
    }
}

fn adamw(Parameter { values, gradient, .. }: Parameter<'_>, (first, second): (&mut [f32], &mut [f32]), a: &Adam) {
    let moments = first.par_chunks_mut(CHUNK).zip(second.par_chunks_mut(CHUNK));
    let chunks = values.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK)).zip(moments);
    chunks.for_each(|((values, gradient), (first, second))| {
        for (((v, &g), m), s) in values.iter_mut().zip(gradient).zip(first).zip(second) {
            *m += a.complements.0 * (g - *m);
            *s = a.second * *s + a.complements.1 * g * g;
            *v = *v * a.shrink - a.size * (*m / (s.sqrt() / a.root + a.epsilon));
        }
    });
}

fn sgd(
    Parameter { values, gradient, .. }: Parameter<'_>,
    velocity: &mut [f32],
    (momentum, nesterov, decay, rate): (f32, bool, f32, f32),
) {
    let chunks = values.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK)).zip(velocity.par_chunks_mut(CHUNK));
    chunks.for_each(|((values, gradient), velocity)| {
        for ((v, &g), m) in values.iter_mut().zip(gradient).zip(velocity) {
            let g = g + decay * *v;
            *m = momentum * *m + g;
            *v -= rate * if nesterov { g + momentum * *m } else { *m };
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::fixtures::{self, OptimiserCase, Optimisers, Values};

    fn step(stepper: &mut Stepper, values: &mut Values, given: (&Optimisers, usize)) {
        let (fixture, at) = given;
        let parameters = values.iter_mut().map(|(key, values)| Parameter {
            key,
            dimensions: fixture.shapes[key].len(),
            values,
            gradient: &fixture.gradients[at][key],
        });
        stepper.step(parameters, fixture.rates[at]);
    }

    fn check(case: &OptimiserCase, (values, at): (&Values, usize)) {
        for (key, expected) in &case.after[at] {
            for (v, e) in values[key].iter().zip(expected) {
                let what = (&case.optimiser, case.decay_all, key, at);
                // The values lie between −6 and 6.
                assert!((v - e).abs() <= 1e-6 * e.abs().max(1.0), "{what:?}: {v}, PyTorch {e}");
            }
        }
    }

    /// Gradients grow a thousandfold on the way, the rate falls, and two of the four parameters decay.
    #[test]
    fn five_steps_are_pytorchs() {
        let fixture = fixtures::training().optimisers;
        assert_eq!((fixture.cases.len(), fixture.rates.len(), fixture.shapes.len()), (6, 5, 4));
        for case in &fixture.cases {
            let (mut stepper, mut values) = (Stepper::new(case.optimiser, case.decay_all), fixture.start.clone());
            for at in 0..fixture.rates.len() {
                step(&mut stepper, &mut values, (&fixture, at));
                check(case, (&values, at));
            }
        }
    }

    #[test]
    fn a_restored_state_goes_on_to_the_bit() {
        let fixture = fixtures::training().optimisers;
        for case in &fixture.cases {
            let (mut stepper, mut values) = (Stepper::new(case.optimiser, case.decay_all), fixture.start.clone());
            for at in 0..5 {
                if at == 2 {
                    let state = stepper.state().clone();
                    stepper = Stepper::new(case.optimiser, case.decay_all);
                    stepper.restore(state);
                }
                step(&mut stepper, &mut values, (&fixture, at));
            }
            let (mut whole, mut expected) = (Stepper::new(case.optimiser, case.decay_all), fixture.start.clone());
            for at in 0..5 {
                step(&mut whole, &mut expected, (&fixture, at));
            }
            assert_eq!((values, stepper.state()), (expected, whole.state()));
        }
    }
}
