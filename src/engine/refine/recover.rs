//! SRe2L's recovery (Yin, Xing and Shen 2023, equations 4 to 8 and their code), and CDA's, which differs in its crops.

use std::sync::Arc;

use super::view::View;
use super::{Entering, Objective, Pull, RefineError};
use crate::core::data::normalise::MeanStd;
use crate::core::distil::recovery::{Recovery, Turns};
use crate::core::distil::terms::{Batch, mean_norm, total_variation};
use crate::core::train::loss::{Loss, Targets};
use crate::core::train::recipe::Optimiser;
use crate::core::train::statistics::ChannelStatistics;
use crate::engine::learn::optimiser::Rule;
use crate::engine::learn::{Forward, Probe, Probed, running_statistics};
use crate::engine::nets::graph::Graph;
use crate::engine::plan::EngineError;
use crate::engine::weights::Weights;

/// The names of the loss's terms.
pub const TERMS: [&str; 4] = ["ce", "bn", "tv", "l2"];

/// What an observer expects.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Its output for each image of the batch.
    pub outputs: Vec<u32>,
    /// Its outputs.
    pub classes: usize,
    /// Its normalisation.
    pub mean_std: MeanStd,
    /// What each batch norm remembers of its input, in order of execution.
    pub norms: Arc<Vec<ChannelStatistics>>,
}

/// The probes by which a network shows what its batch norms see, and what they remember. A network without any is refused
/// unless the statistics have no weight.
///
/// # Errors
/// [`RefineError::Unfit`].
pub fn norms(
    graph: &Graph,
    weights: &Weights,
    own: &Recovery,
) -> Result<(Vec<Probe>, Vec<ChannelStatistics>), RefineError> {
    let found = running_statistics(graph, weights);
    if found.is_empty() && own.r_bn > 0.0 {
        return Err(RefineError::Unfit(
            "the observer has no batch norm, whose statistics the images are recovered by: take a network with batch norms \
             (a ConvNet, ResNet, DenseNet, MobileNet, EfficientNet, RegNet …), give --r-bn 0 to do without them, or take \
             --method rded or lic, which need none"
                .to_owned(),
        ));
    }
    let wanted = if own.r_bn > 0.0 { found } else { Vec::new() };
    Ok(wanted.into_iter().map(|(tap, remembered)| (Probe::Statistics(tap), remembered)).unzip())
}

/// A recovery of one batch, in the normalised space of its first observer.
pub struct Recover {
    own: Recovery,
    seed: u64,
    /// Names the batch in draws.
    batch: String,
    side: usize,
    start: Vec<f32>,
    observers: Vec<Expected>,
    shown: Option<Shown>,
}

/// What the last step showed, for its way back.
struct Shown {
    view: View,
    observer: usize,
}

/// What a recovery begins with.
pub struct Begun {
    /// Seed of the run.
    pub seed: u64,
    /// Names the batch in draws.
    pub batch: String,
    /// S.
    pub side: usize,
    /// N×3×S×S in the first observer's normalised space.
    pub start: Vec<f32>,
}

impl Recover {
    /// A recovery of images of the classes that observers expect; each observer has the same side.
    #[must_use]
    pub fn new(own: Recovery, begun: Begun, observers: Vec<Expected>) -> Self {
        let Begun { seed, batch, side, start } = begun;
        Self { own, seed, batch, side, start, observers, shown: None }
    }

    fn first(&self) -> MeanStd {
        self.observers.first().map_or(MeanStd::NONE, |expected| expected.mean_std)
    }

    /// Calls `each` with every value and its channel.
    fn by_channel(&self, values: &mut [f32], each: impl Fn(&mut f32, usize)) {
        for (at, plane) in values.chunks_exact_mut((self.side * self.side).max(1)).enumerate() {
            plane.iter_mut().for_each(|v| each(v, at % 3));
        }
    }
}

impl Objective for Recover {
    fn rule(&self) -> Rule {
        // Adam: AdamW without decay.
        Rule { optimiser: Optimiser::AdamW { betas: (0.5, 0.9), epsilon: 1e-8, decay: 0.0 }, decay_all: false }
    }

    fn rate(&self, iteration: u32) -> f64 {
        self.own.rate(iteration)
    }

    fn iterations(&self) -> u32 {
        self.own.iterations
    }

    fn turns(&self) -> Turns {
        self.own.turns
    }

    fn terms(&self) -> &'static [&'static str] {
        &TERMS
    }

    fn batch(&self) -> usize {
        self.start.len() / (3 * self.side * self.side).max(1)
    }

    fn smaller(&self) -> &'static str {
        "give a lower --batch-classes or --side"
    }

    fn shape(&self) -> [usize; 4] {
        [self.batch(), 3, self.side, self.side]
    }

    fn start(&self) -> Vec<f32> {
        self.start.clone()
    }

    fn show(&mut self, pixels: &[f32], iteration: u32, observer: usize) -> Result<Vec<f32>, EngineError> {
        let draw = self.own.draw((self.seed, &self.batch), iteration, self.side as u32);
        let view = View::of(&draw, self.side);
        let mut shown = view.apply(pixels);
        if observer > 0 {
            let (first, other) = (self.first(), self.observers[observer].mean_std);
            self.by_channel(&mut shown, |v, c| *v = other.apply(first.invert(*v, c), c));
        }
        self.shown = Some(Shown { view, observer });
        Ok(shown)
    }

    fn pull(&mut self, shown: &[f32], forward: &Forward, observer: usize) -> Result<Pull, RefineError> {
        let expected = &self.observers[observer];
        let targets = Targets { classes: &expected.outputs, logits: None };
        let (ce, logits) = Loss::HardCrossEntropy.value_and_gradient(&forward.logits, targets, expected.classes);
        let (mut bn, mut norms, mut entries) = (0.0, Vec::new(), Vec::new());
        for (at, (probed, remembered)) in forward.probed.iter().zip(expected.norms.iter()).enumerate() {
            let apart = probed.statistics().and_then(|seen| seen.distance(remembered));
            let Some((distance, gradient)) = apart else {
                return Err(RefineError::Unfit(unlike(probed)));
            };
            let weight = if at == 0 { self.own.first_bn } else { 1.0 } * self.own.r_bn;
            bn += weight * distance;
            norms.push(distance);
            entries.push(Entering::Statistics(gradient.scaled(weight)));
        }
        let mut images: Option<Vec<f32>> = None;
        let batch = Batch { values: shown, side: self.side };
        let mut weighted = |weight: f64, term: fn(Batch<'_>) -> (f64, Vec<f32>)| {
            if weight == 0.0 {
                return 0.0;
            }
            let (value, gradient) = term(batch);
            let sum = images.get_or_insert_with(|| vec![0.0; shown.len()]);
            sum.iter_mut().zip(&gradient).for_each(|(s, g)| *s += (f64::from(*g) * weight) as f32);
            weight * value
        };
        let (tv, l2) = (weighted(self.own.tv, total_variation), weighted(self.own.l2, mean_norm));
        Ok(Pull { terms: vec![ce, bn, tv, l2], logits: Some(logits), entries, images, norms })
    }

    fn pull_back(&mut self, mut gradient: Vec<f32>) -> Vec<f32> {
        let Some(Shown { view, observer }) = self.shown.take() else { return gradient };
        if observer > 0 {
            let (first, other) = (self.first(), self.observers[observer].mean_std);
            self.by_channel(&mut gradient, |v, c| *v *= first.std[c] / other.std[c]);
        }
        let mut pulled = vec![0.0; gradient.len()];
        view.pull_back(&gradient, &mut pulled);
        pulled
    }

    fn settle(&self, pixels: &mut [f32]) {
        let first = self.first();
        self.by_channel(pixels, |v, c| *v = v.clamp(first.apply(0.0, c), first.apply(1.0, c)));
    }

    fn images(&self, pixels: &[f32]) -> Vec<f32> {
        let (first, mut images) = (self.first(), pixels.to_vec());
        self.by_channel(&mut images, |v, c| *v = first.invert(*v, c));
        images
    }
}

fn unlike(probed: &Probed) -> String {
    format!("a batch norm's statistics have {:?} numbers; this is a defect of stillroom", probed.size())
}
