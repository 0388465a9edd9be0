//! t-SNE maps (van der Maaten and Hinton 2008; by Barnes and Hut's tree: van der Maaten 2014), with the settings and the
//! optimiser of scikit-learn, one step at a time.
//!
//! Own code because the maintained crate, `bhtsne`, runs a fit to its end (its callback can't stop it), panics on bad
//! input, and adds up probabilities in an order that depends on the number of threads.

use rayon::prelude::*;

use super::affinity::Affinities;
use super::neighbours::{self, NeighbourError};
use super::pca;
use super::quadtree::Quadtree;
use super::rows::Rows;
use crate::core::progress::Progress;
use crate::core::rng::Stream;

/// Steps of scikit-learn's default, with those of the early exaggeration.
pub const STEPS: usize = 1000;

/// The standard deviation of a map's first coordinate before the first step.
const SPREAD: f64 = 1e-4;
/// Points of one task, at least.
const BLOCK: usize = 64;

/// How a map is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Params {
    /// Neighbours that count, roughly; at least 1 and below the number of rows.
    pub perplexity: f64,
    /// What likeness is multiplied with in the first steps; at least 1.
    pub exaggeration: f64,
    /// How many first steps.
    pub exaggerated_steps: usize,
    /// The learning rate; `None` is n / exaggeration / 4, at least 50 (scikit-learn's 'auto').
    pub learning_rate: Option<f64>,
    /// How coarse the tree is, from 0 (exact) to 0.7; from 0.71 on a point could be taken for a part of what repels it.
    pub angle: f64,
}

impl Default for Params {
    /// scikit-learn's defaults.
    fn default() -> Self {
        Self { perplexity: 30.0, exaggeration: 12.0, exaggerated_steps: 250, learning_rate: None, angle: 0.5 }
    }
}

/// Why there is no map.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum TsneError {
    /// Of the search for neighbours; also on cancel.
    #[error(transparent)]
    Neighbours(#[from] NeighbourError),
    /// Nothing to lay out.
    #[error("a map needs at least 2 rows, not {0}")]
    Few(usize),
    /// Out of its range.
    #[error("perplexity {perplexity} isn't between 1 and the number of other rows, {}; choose a smaller one", rows - 1)]
    Perplexity {
        /// What was asked for.
        perplexity: f64,
        /// Number of rows, at least 2.
        rows: usize,
    },
    /// Out of its range.
    #[error("{name} {value} isn't {range}")]
    Setting {
        /// Which one.
        name: &'static str,
        /// What was asked for.
        value: f64,
        /// What it may be.
        range: &'static str,
    },
}

/// A map that is being made.
#[derive(Debug)]
pub struct Tsne {
    params: Params,
    learning_rate: f64,
    affinities: Affinities,
    positions: Vec<[f64; 2]>,
    moved: Vec<[f64; 2]>,
    gains: Vec<[f64; 2]>,
    tree: Quadtree,
    steps: usize,
}

impl Tsne {
    /// Finds out which of `rows` are alike, and lays them out by their first two principal components. `seed` names the
    /// search for those, and the positions along an axis in which rows don't differ.
    ///
    /// # Errors
    /// [`TsneError`] on fewer than 2 rows, settings out of their range, or cancel.
    pub fn new(rows: Rows<'_>, params: Params, seed: u64, progress: &mut dyn Progress) -> Result<Self, TsneError> {
        let n = rows.len();
        check(&params, n)?;
        let near = ((3.0 * params.perplexity + 1.0) as usize).min(n - 1);
        let neighbours = neighbours::among(rows, near, progress)?;
        let affinities = Affinities::new(&neighbours, n, params.perplexity);
        let positions = first_positions(rows, seed, progress)?;
        let automatic = (n as f64 / params.exaggeration / 4.0).max(50.0);
        Ok(Self {
            params,
            learning_rate: params.learning_rate.unwrap_or(automatic),
            affinities,
            positions,
            moved: vec![[0.0; 2]; n],
            gains: vec![[1.0; 2]; n],
            tree: Quadtree::default(),
            steps: 0,
        })
    }

    /// One step down the gradient (2008, equation 5), with momentum 0.5 while likeness is exaggerated and 0.8 afterwards,
    /// and a gain of each coordinate (Jacobs 1988). Momentum and gains begin anew when the exaggeration ends.
    pub fn step(&mut self) {
        let early = self.steps < self.params.exaggerated_steps;
        if self.steps == self.params.exaggerated_steps {
            self.moved.fill([0.0; 2]);
            self.gains.fill([1.0; 2]);
        }
        let (exaggeration, momentum) = if early { (self.params.exaggeration, 0.5) } else { (1.0, 0.8) };
        let gradient = self.gradient(exaggeration);
        let (of, rate) = (self.positions.iter_mut().zip(&mut self.moved), self.learning_rate);
        for (((position, moved), gains), slope) in of.zip(&mut self.gains).zip(&gradient) {
            for axis in 0..2 {
                let gain = &mut gains[axis];
                *gain = if moved[axis] * slope[axis] < 0.0 { *gain + 0.2 } else { (*gain * 0.8).max(0.01) };
                moved[axis] = momentum * moved[axis] - rate * *gain * slope[axis];
                position[axis] += moved[axis];
            }
        }
        self.steps += 1;
    }

    /// How many steps were made.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Where the rows lie now.
    #[must_use]
    pub fn positions(&self) -> &[[f64; 2]] {
        &self.positions
    }

    /// The Kullback–Leibler divergence (2008, equation 2) of the map as it is, in nats, without exaggeration. Its
    /// normaliser is the tree's, so it is as exact as the angle makes it.
    #[must_use]
    pub fn kl(&self) -> f64 {
        let mut tree = Quadtree::default();
        tree.build(&self.positions);
        let weights = self.each(|i| tree.repulsion(i, self.positions[i], self.params.angle).weight);
        let total: f64 = weights.iter().sum();
        let tiny = f64::from(f32::MIN_POSITIVE);
        let parts = self.each(|i| {
            let part = |(j, p): (usize, f64)| {
                let q = likeness(self.positions[i], self.positions[j]) / total;
                p * (p.max(tiny) / q.max(tiny)).ln()
            };
            self.affinities.of(i).map(part).sum::<f64>()
        });
        parts.iter().sum()
    }

    fn gradient(&mut self, exaggeration: f64) -> Vec<[f64; 2]> {
        let mut tree = std::mem::take(&mut self.tree);
        tree.build(&self.positions);
        let forces = self.each(|i| {
            let here = self.positions[i];
            let mut pull = [0.0; 2];
            for (j, p) in self.affinities.of(i) {
                let there = self.positions[j];
                let strength = p * likeness(here, there);
                pull[0] += strength * (here[0] - there[0]);
                pull[1] += strength * (here[1] - there[1]);
            }
            (pull, tree.repulsion(i, here, self.params.angle))
        });
        self.tree = tree;
        // In the order of the points, so that threads don't change the rounding.
        let total: f64 = forces.iter().map(|(_, push)| push.weight).sum();
        let along = |pull: f64, push: f64| 4.0 * (exaggeration * pull - if total > 0.0 { push / total } else { 0.0 });
        forces.iter().map(|(pull, push)| [along(pull[0], push.force[0]), along(pull[1], push.force[1])]).collect()
    }

    fn each<T: Send>(&self, of: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
        (0..self.positions.len()).into_par_iter().with_min_len(BLOCK).map(of).collect()
    }
}

/// 1 / (1 + ‖a − b‖²)
fn likeness(a: [f64; 2], b: [f64; 2]) -> f64 {
    1.0 / (1.0 + (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2))
}

fn check(params: &Params, rows: usize) -> Result<(), TsneError> {
    if rows < 2 {
        return Err(TsneError::Few(rows));
    }
    if !(1.0..=(rows - 1) as f64).contains(&params.perplexity) {
        return Err(TsneError::Perplexity { perplexity: params.perplexity, rows });
    }
    let wrong = |name, value, range| Err(TsneError::Setting { name, value, range });
    if !(0.0..=0.7).contains(&params.angle) {
        return wrong("the angle", params.angle, "between 0 and 0.7");
    }
    if !(params.exaggeration >= 1.0 && params.exaggeration.is_finite()) {
        return wrong("the exaggeration", params.exaggeration, "at least 1");
    }
    match params.learning_rate {
        Some(rate) if !(rate > 0.0 && rate.is_finite()) => wrong("the learning rate", rate, "above 0"),
        _ => Ok(()),
    }
}

/// The first two principal components, scaled so that the first has the standard deviation [`SPREAD`]. An axis in which
/// nothing differs is drawn: points would never leave a line.
fn first_positions(rows: Rows<'_>, seed: u64, progress: &mut dyn Progress) -> Result<Vec<[f64; 2]>, TsneError> {
    let found = pca::components(rows, 2, seed, progress).map_err(NeighbourError::from)?;
    let projected = found.project(rows);
    let deviation = found.variances.first().copied().unwrap_or(0.0).sqrt();
    // The components' rounding is of this size.
    let spreads = |axis: usize| found.variances.get(axis).is_some_and(|&v| v.sqrt() > 1e-6 * deviation);
    let spreads = [spreads(0), spreads(1)];
    let mut stream = Stream::new("stillroom 2026 t-SNE v1", seed, &[]);
    let mut positions = vec![[0.0; 2]; rows.len()];
    // The deviation over n, as numpy has it, where variances are over n − 1.
    let scale = SPREAD / (deviation * ((rows.len() - 1) as f64 / rows.len() as f64).sqrt());
    for (i, position) in positions.iter_mut().enumerate() {
        for axis in 0..2 {
            position[axis] =
                if spreads[axis] { scale * projected[i * found.count() + axis] } else { SPREAD * stream.normal() };
        }
    }
    Ok(positions)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::progress::Silent;
    use crate::engine::insight::trustworthiness::trustworthiness;

    /// `count` rows of 10 columns around four corners.
    fn clusters(count: usize) -> Vec<f32> {
        let mut stream = Stream::new("stillroom 2026 test", 12, &[]);
        let corner = |i: usize, d: usize| if d == i % 4 { 12.0 } else { 0.0 };
        (0..count * 10).map(|at| (stream.normal() + corner(at / 10, at % 10)) as f32).collect()
    }

    fn settings(perplexity: f64) -> Params {
        Params { perplexity, ..Params::default() }
    }

    #[test]
    fn clusters_stay_together() {
        let values = clusters(240);
        let rows = Rows::new(&values, 10).unwrap();
        let mut map = Tsne::new(rows, settings(15.0), 0, &mut Silent).unwrap();
        let before = map.kl();
        (0..500).for_each(|_| map.step());
        assert!(map.kl() < 0.5 * before, "{} of {before}", map.kl());
        let flat: Vec<f32> = map.positions().iter().flatten().map(|&v| v as f32).collect();
        let points = Rows::new(&flat, 2).unwrap();
        let near = neighbours::among(points, 3, &mut Silent).unwrap();
        assert!((0..240).all(|i| near.indices(i).iter().all(|&j| j as usize % 4 == i % 4)));
        assert!(trustworthiness(rows, points, 5, &mut Silent).unwrap() > 0.9);
    }

    /// The gradient is that of the divergence: equation 5 against differences of equation 2.
    #[test]
    fn the_gradient_is_that_of_the_divergence() {
        let values = clusters(60);
        let rows = Rows::new(&values, 10).unwrap();
        let mut map = Tsne::new(rows, Params { angle: 0.0, ..settings(8.0) }, 0, &mut Silent).unwrap();
        (0..60).for_each(|_| map.step());
        let gradient = map.gradient(1.0);
        for (i, axis) in [(0, 0), (7, 1), (31, 0), (59, 1)] {
            let h = 1e-5;
            map.positions[i][axis] += h;
            let above = map.kl();
            map.positions[i][axis] -= 2.0 * h;
            let below = map.kl();
            map.positions[i][axis] += h;
            let slope = (above - below) / (2.0 * h);
            assert!((slope - gradient[i][axis]).abs() < 1e-8, "{i} {axis}: {slope} {}", gradient[i][axis]);
        }
    }

    #[test]
    fn threads_change_nothing() {
        let values = clusters(300);
        let rows = Rows::new(&values, 10).unwrap();
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let mut map = Tsne::new(rows, settings(20.0), 3, &mut Silent).unwrap();
                (0..300).for_each(|_| map.step());
                (map.positions().to_vec(), map.kl().to_bits())
            })
        };
        assert_eq!(on(1), on(3));
    }

    #[test]
    fn odd_rows_have_a_map() {
        for values in [vec![2.0_f32; 40], (0..40).map(|i| i as f32).collect(), vec![0.0, 1.0]] {
            let rows = Rows::new(&values, 1).unwrap();
            let mut map = Tsne::new(rows, settings(1.0), 0, &mut Silent).unwrap();
            (0..300).for_each(|_| map.step());
            assert!(map.positions().iter().flatten().all(|v| v.is_finite()));
            assert!(map.kl().is_finite());
            let first = map.positions()[0];
            assert!(map.positions()[1..].iter().all(|p| *p != first), "points lie on each other");
        }
    }

    #[test]
    fn settings_out_of_their_range_are_told() {
        let values = clusters(10);
        let rows = Rows::new(&values, 10).unwrap();
        let error = |params| Tsne::new(rows, params, 0, &mut Silent).err().unwrap().to_string();
        assert!(error(settings(10.0)).contains("number of other rows, 9"));
        assert!(error(settings(f64::NAN)).contains("perplexity"));
        assert!(error(Params { angle: 0.8, ..settings(3.0) }).contains("angle"));
        assert!(error(Params { exaggeration: 0.0, ..settings(3.0) }).contains("exaggeration"));
        assert!(error(Params { learning_rate: Some(-1.0), ..settings(3.0) }).contains("learning rate"));
        let one = Rows::new(&values[..10], 10).unwrap();
        assert_eq!(Tsne::new(one, settings(3.0), 0, &mut Silent).err(), Some(TsneError::Few(1)));
    }
}
