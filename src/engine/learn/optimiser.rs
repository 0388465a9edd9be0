//! AdamW and SGD to PyTorch's letter, for any set of tensors: a network's parameters, or the pixels of images.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use crate::core::train::recipe::{Optimiser, TrainRecipe};
use crate::engine::plan::EngineError;

/// What an optimiser remembers between steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OptimiserState {
    /// Steps taken.
    pub step: u64,
    /// Under each tensor's key: AdamW's first and second moment, SGD's momentum (none before its first step).
    pub moments: BTreeMap<String, Vec<Vec<f32>>>,
}

/// An optimiser and what its decay reaches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// The optimiser. Adam is AdamW without decay.
    pub optimiser: Optimiser,
    /// Whether the weight decay reaches all tensors, not only those that [`decays`] names.
    pub decay_all: bool,
}

impl Rule {
    /// A training's.
    #[must_use]
    pub fn of(recipe: &TrainRecipe) -> Self {
        Self { optimiser: recipe.optimiser, decay_all: recipe.decay_all }
    }
}

/// Tensors that move by a lower rate than the others: what is learnt already beside what is new (Howard and Ruder 2018,
/// "discriminative fine-tuning").
#[derive(Clone, Debug, PartialEq)]
pub struct Slowed {
    /// What the learning rate is multiplied by.
    pub factor: f64,
    /// The keys of those that keep the whole rate.
    pub but: BTreeSet<String>,
}

/// Whether the decay reaches a parameter: weights of more than one dimension do decay, as in RDED's and SRe2L's code.
#[must_use]
pub fn decays(key: &str, dimensions: usize) -> bool {
    key.contains("weight") && dimensions > 1
}

/// A tensor that an optimiser can move where it lies: in a vector, or on a device.
pub trait Steppable: Clone {
    /// A tensor of these values in the same place.
    fn beside(&self, values: &[f32]) -> Self;

    /// Zeros of the same size in the same place.
    fn zeros(&self) -> Self;

    /// The values.
    ///
    /// # Errors
    /// [`EngineError`] where the device can't be read.
    fn read(&self) -> Result<Vec<f32>, EngineError>;

    /// One step of AdamW (Loshchilov and Hutter 2019, algorithm 2).
    fn adamw(&mut self, gradient: &Self, moments: [&mut Self; 2], by: &AdamW);

    /// One step of SGD; `velocity` with momentum.
    fn sgd(&mut self, gradient: &Self, velocity: Option<&mut Self>, by: &Sgd);
}

/// AdamW's numbers of one step and one tensor.
#[derive(Clone, Copy, Debug)]
pub struct AdamW {
    /// β₁ and β₂.
    pub betas: (f64, f64),
    /// ε.
    pub epsilon: f64,
    /// Weight decay; 0 where it doesn't reach the tensor.
    pub decay: f64,
    /// Number of the step, from 1.
    pub step: i32,
    /// Learning rate.
    pub rate: f64,
}

/// SGD's numbers of one step and one tensor.
#[derive(Clone, Copy, Debug)]
pub struct Sgd {
    /// Share of the velocity that stays.
    pub momentum: f64,
    /// Nesterov's variant.
    pub nesterov: bool,
    /// Weight decay; 0 where it doesn't reach the tensor.
    pub decay: f64,
    /// Learning rate.
    pub rate: f64,
}

/// A tensor while it is moved.
pub struct Parameter<'a, T> {
    /// Its name: PyTorch's key of a network's parameter.
    pub key: &'a str,
    /// Its number of dimensions.
    pub dimensions: usize,
    /// Values.
    pub values: &'a mut T,
    /// d loss / d values.
    pub gradient: &'a T,
}

/// The optimiser of a set of tensors, with its moments beside them.
#[derive(Clone, Debug)]
pub struct Stepper<T = Vec<f32>> {
    rule: Rule,
    slowed: Option<Slowed>,
    step: u64,
    moments: BTreeMap<String, Vec<T>>,
    /// A checkpoint's, until the tensors that they belong to are seen.
    restored: BTreeMap<String, Vec<Vec<f32>>>,
}

impl<T: Steppable> Stepper<T> {
    /// An optimiser before its first step.
    #[must_use]
    pub fn new(rule: Rule) -> Self {
        Self { rule, slowed: None, step: 0, moments: BTreeMap::new(), restored: BTreeMap::new() }
    }

    /// The same with some tensors slowed.
    #[must_use]
    pub fn slowed(self, slowed: Option<Slowed>) -> Self {
        Self { slowed, ..self }
    }

    /// Its state.
    ///
    /// # Errors
    /// [`EngineError`] where the device can't be read.
    pub fn state(&self) -> Result<OptimiserState, EngineError> {
        let mut moments = self.restored.clone();
        for (key, own) in &self.moments {
            moments.insert(key.clone(), own.iter().map(T::read).collect::<Result<_, _>>()?);
        }
        Ok(OptimiserState { step: self.step, moments })
    }

    /// Goes on from a state.
    pub fn restore(&mut self, state: OptimiserState) {
        *self = Self { step: state.step, restored: state.moments, slowed: self.slowed.take(), ..Self::new(self.rule) };
    }

    /// Begins a step at this learning rate; [`Step::apply`] moves the tensors.
    pub fn begin(&mut self, rate: f64) -> Step<'_, T> {
        self.step += 1;
        Step { stepper: self, rate }
    }
}

/// One step, on as many tensors as are given to it.
pub struct Step<'a, T> {
    stepper: &'a mut Stepper<T>,
    rate: f64,
}

impl<T: Steppable> Step<'_, T> {
    /// Moves a tensor; each once per step.
    pub fn apply(&mut self, Parameter { key, dimensions, values, gradient }: Parameter<'_, T>) {
        let Stepper { rule, slowed, step, moments, restored } = &mut *self.stepper;
        let slowed = slowed.as_ref().filter(|slowed| !slowed.but.contains(key));
        let rate = self.rate * slowed.map_or(1.0, |slowed| slowed.factor);
        let own = moments.entry(key.to_owned()).or_default();
        if let Some(before) = restored.remove(key) {
            *own = before.iter().map(|moment| values.beside(moment)).collect();
        }
        let reached = |decay: f64| if rule.decay_all || decays(key, dimensions) { decay } else { 0.0 };
        match rule.optimiser {
            Optimiser::AdamW { betas, epsilon, decay } => {
                own.resize_with(2, || values.zeros());
                let [first, second] = own.as_mut_slice() else { return };
                let step = i32::try_from(*step).unwrap_or(i32::MAX);
                values.adamw(gradient, [first, second], &AdamW { betas, epsilon, decay: reached(decay), step, rate });
            }
            Optimiser::Sgd { momentum, nesterov, decay } => {
                // PyTorch begins the velocity with the first gradient itself; from zeros it comes to the same.
                own.resize_with(usize::from(momentum != 0.0), || values.zeros());
                values.sgd(gradient, own.first_mut(), &Sgd { momentum, nesterov, decay: reached(decay), rate });
            }
        }
    }
}

/// Values that a thread moves at a time; each by itself, so threads change nothing.
const CHUNK: usize = 1 << 14;

impl Steppable for Vec<f32> {
    fn beside(&self, values: &[f32]) -> Self {
        values.to_vec()
    }

    fn zeros(&self) -> Self {
        vec![0.0; self.len()]
    }

    fn read(&self) -> Result<Vec<f32>, EngineError> {
        Ok(self.clone())
    }

    fn adamw(&mut self, gradient: &Self, [first, second]: [&mut Self; 2], by: &AdamW) {
        // In f64 until they meet the values, as PyTorch has them.
        let corrections = (1.0 - by.betas.0.powi(by.step), 1.0 - by.betas.1.powi(by.step));
        let shrink = (1.0 - by.rate * by.decay) as f32;
        let kept = by.betas.1 as f32;
        let complements = ((1.0 - by.betas.0) as f32, (1.0 - by.betas.1) as f32);
        let (size, root) = ((by.rate / corrections.0) as f32, corrections.1.sqrt() as f32);
        let epsilon = by.epsilon as f32;
        let moments = first.par_chunks_mut(CHUNK).zip(second.par_chunks_mut(CHUNK));
        let chunks = self.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK)).zip(moments);
        chunks.for_each(|((values, gradient), (first, second))| {
            for (((v, &g), m), s) in values.iter_mut().zip(gradient).zip(first).zip(second) {
                *m += complements.0 * (g - *m);
                *s = kept * *s + complements.1 * g * g;
                *v = *v * shrink - size * (*m / (s.sqrt() / root + epsilon));
            }
        });
    }

    fn sgd(&mut self, gradient: &Self, velocity: Option<&mut Self>, by: &Sgd) {
        let (momentum, decay, rate) = (by.momentum as f32, by.decay as f32, by.rate as f32);
        let Some(velocity) = velocity else {
            for (v, g) in self.iter_mut().zip(gradient) {
                *v -= rate * (g + decay * *v);
            }
            return;
        };
        let chunks = self.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK)).zip(velocity.par_chunks_mut(CHUNK));
        chunks.for_each(|((values, gradient), velocity)| {
            for ((v, &g), m) in values.iter_mut().zip(gradient).zip(velocity) {
                let g = g + decay * *v;
                *m = momentum * *m + g;
                *v -= rate * if by.nesterov { g + momentum * *m } else { *m };
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::fixtures::{self, OptimiserCase, Optimisers, Values};
    use crate::engine::nets::NetworkSpec;

    fn rule(case: &OptimiserCase) -> Rule {
        Rule { optimiser: case.optimiser, decay_all: case.decay_all }
    }

    fn step(stepper: &mut Stepper, values: &mut Values, given: (&Optimisers, usize)) {
        let (fixture, at) = given;
        let mut step = stepper.begin(fixture.rates[at]);
        for (key, values) in values {
            let (dimensions, gradient) = (fixture.shapes[key].len(), &fixture.gradients[at][key]);
            step.apply(Parameter { key, dimensions, values, gradient });
        }
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

    /// ConvNet-3: three convolutions and the classifier; ResNet-20: stem, 3·2·3 convolutions of blocks and the head.
    #[test]
    fn norms_and_biases_dont_decay() {
        for (arch, expected) in [("conv3", 4), ("resnet20_cifar", 20)] {
            let spec = NetworkSpec { arch: arch.parse().unwrap(), side: 32, classes: 10 };
            let all = spec.graph().parameters();
            assert_eq!(all.iter().filter(|p| decays(&p.key, p.shape.len())).count(), expected, "{arch}");
        }
    }

    /// Gradients grow a thousandfold on the way, the rate falls, and two of the four parameters decay.
    #[test]
    fn five_steps_are_pytorchs() {
        let fixture = fixtures::training().optimisers;
        assert_eq!((fixture.cases.len(), fixture.rates.len(), fixture.shapes.len()), (6, 5, 4));
        for case in &fixture.cases {
            let (mut stepper, mut values) = (Stepper::new(rule(case)), fixture.start.clone());
            for at in 0..fixture.rates.len() {
                step(&mut stepper, &mut values, (&fixture, at));
                check(case, (&values, at));
            }
        }
    }

    /// A factor is a lower rate for all tensors but those that it leaves out, also behind a restored state.
    #[test]
    fn slowed_tensors_move_by_their_share_of_the_rate() {
        let fixture = fixtures::training().optimisers;
        let but = fixture.start.keys().next().unwrap().clone();
        for case in &fixture.cases {
            let moved = |slowed: Option<Slowed>, share: f64| {
                let (mut stepper, mut values) = (Stepper::new(rule(case)).slowed(slowed), fixture.start.clone());
                for at in 0..2 {
                    let state = stepper.state().unwrap();
                    stepper.restore(state);
                    let mut step = stepper.begin(fixture.rates[at] * share);
                    for (key, values) in &mut values {
                        let (dimensions, gradient) = (fixture.shapes[key].len(), &fixture.gradients[at][key]);
                        step.apply(Parameter { key, dimensions, values, gradient });
                    }
                }
                values
            };
            let of = |factor| moved(Some(Slowed { factor, but: [but.clone()].into() }), 1.0);
            let (whole, tenth, still) = (moved(None, 1.0), moved(None, 0.1), moved(None, 0.0));
            assert!(still == fixture.start);
            for (factor, expected) in [(1.0, &whole), (0.1, &tenth), (0.0, &still)] {
                for (key, values) in of(factor) {
                    assert!(values == if key == but { whole[&key].clone() } else { expected[&key].clone() }, "{key}");
                }
            }
        }
    }

    #[test]
    fn a_restored_state_goes_on_to_the_bit() {
        let fixture = fixtures::training().optimisers;
        for case in &fixture.cases {
            let (mut stepper, mut values) = (Stepper::new(rule(case)), fixture.start.clone());
            for at in 0..5 {
                if at == 2 {
                    let state = stepper.state().unwrap();
                    stepper = Stepper::new(rule(case));
                    stepper.restore(state);
                }
                step(&mut stepper, &mut values, (&fixture, at));
            }
            let (mut whole, mut expected) = (Stepper::new(rule(case)), fixture.start.clone());
            for at in 0..5 {
                step(&mut whole, &mut expected, (&fixture, at));
            }
            assert_eq!((values, stepper.state().unwrap()), (expected, whole.state().unwrap()));
        }
    }
}
