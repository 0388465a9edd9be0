//! LIC's compensation: what is added to stitched images, until an observer's feature of their enlarged cells is that of the
//! originals (section 6 of the method's description in its authors' code: feature alignment, equation 8 of the paper).

use super::view::View;
use super::{Entering, Objective, Pull, RefineError};
use crate::core::data::normalise::MeanStd;
use crate::core::distil::compensation::{Compensation, Layer};
use crate::core::distil::compose::Cell;
use crate::core::distil::recovery::Turns;
use crate::core::distil::terms::misalignment;
use crate::core::train::augment::DrawId;
use crate::core::train::dsa::DsaDraw;
use crate::core::train::recipe::Optimiser;
use crate::engine::learn::Forward;
use crate::engine::learn::optimiser::Rule;
use crate::engine::nets::Arch;
use crate::engine::nets::graph::Tap;
use crate::engine::plan::{Engine, EngineError};

/// The names of the loss's terms: the distance of features, summed over the cells of a distilled image.
pub const TERMS: [&str; 1] = ["feature"];

/// What pads an image whose side no number of cells divides.
const PADDING: f32 = 0.5;

/// The feature that is aligned, of a network at this side: the one that the recipe names, or the code's.
#[must_use]
pub fn tap(layer: Layer, arch: Arch, side: usize) -> Tap {
    match layer {
        Layer::Features => Tap::Features,
        Layer::Stage(stage) => Tap::Stage(stage as usize),
        Layer::Auto => match arch {
            Arch::ConvNet(shape) => Tap::Stage(shape.depth),
            _ if side <= 64 => Tap::Features,
            _ => Tap::Stage(2),
        },
    }
}

/// One observer: how it shows the originals' features, and its normalisation.
pub struct Aligning {
    /// Runs a plan that keeps the feature.
    pub engine: Box<dyn Engine>,
    /// Its normalisation.
    pub mean_std: MeanStd,
}

/// What is compensated.
pub struct Stitched {
    /// The images N×3×S×S in [0, 1] units.
    pub images: Vec<f32>,
    /// What each cell shows at the full side: f² originals of the first image, then of the second, …, each 3×S×S.
    pub originals: Vec<f32>,
    /// S.
    pub side: usize,
    /// f.
    pub factor: usize,
    /// Names their class in draws.
    pub draws: DrawId,
}

/// A compensation of some images of a class. Images don't influence each other, so that a class may be compensated in parts.
pub struct Align<'a> {
    own: Compensation,
    stitched: Stitched,
    views: Vec<View>,
    /// Side of the padded image: a whole number of cells.
    padded: usize,
    observers: &'a mut [Aligning],
    /// The originals as each observer sees them, before they are augmented: they are the same in every step.
    normalised: Vec<Vec<f32>>,
    due: Vec<f32>,
    draw: DsaDraw,
    shown_to: usize,
}

impl<'a> Align<'a> {
    /// A compensation of these images.
    #[must_use]
    pub fn new(own: Compensation, mut stitched: Stitched, observers: &'a mut [Aligning]) -> Self {
        let (side, factor) = (stitched.side, stitched.factor.max(1));
        let cell = side.div_ceil(factor);
        let at = |i: usize| (i * cell) as u32;
        let length = cell as u32;
        let cells = (0..factor * factor).map(|k| Cell {
            top: at(k / factor),
            left: at(k % factor),
            height: length,
            width: length,
        });
        let views = cells.map(|cell| View::of_cell(cell, factor * length as usize, side)).collect();
        let padded = factor * cell;
        let originals = std::mem::take(&mut stitched.originals);
        let seen = |observer: &Aligning| {
            let mut values = originals.clone();
            normalise(&mut values, side, &observer.mean_std);
            values
        };
        let normalised = observers.iter().map(seen).collect();
        let (due, draw) = (Vec::new(), DsaDraw::default());
        Self { own, stitched, views, padded, observers, normalised, due, draw, shown_to: 0 }
    }

    fn count(&self) -> usize {
        self.stitched.images.len() / self.image().max(1)
    }

    fn image(&self) -> usize {
        3 * self.stitched.side * self.stitched.side
    }

    /// The image with grey on its right and below, so that its cells have equal sides.
    fn padded(&self, image: &[f32]) -> Vec<f32> {
        let (side, padded) = (self.stitched.side, self.padded);
        let mut larger = vec![PADDING; 3 * padded * padded];
        for (row, values) in image.chunks_exact(side).enumerate() {
            let at = (row / side * padded + row % side) * padded;
            larger[at..at + side].copy_from_slice(values);
        }
        larger
    }

    /// All cells of all images, enlarged: image by image, cell by cell.
    fn enlarged(&self, images: &[f32]) -> Vec<f32> {
        let mut all = Vec::with_capacity(images.len() * self.views.len());
        for image in images.chunks_exact(self.image().max(1)) {
            let padded = self.padded(image);
            self.views.iter().for_each(|view| all.extend(view.apply(&padded)));
        }
        all
    }
}

impl Objective for Align<'_> {
    fn rule(&self) -> Rule {
        let decay = self.own.decay;
        Rule { optimiser: Optimiser::AdamW { betas: (0.9, 0.999), epsilon: 1e-8, decay }, decay_all: true }
    }

    fn rate(&self, _: u32) -> f64 {
        self.own.lr
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
        self.count() * self.views.len()
    }

    fn smaller(&self) -> &'static str {
        "give fewer --patches, a lower --side, or another --device"
    }

    fn shape(&self) -> [usize; 4] {
        [self.count(), 3, self.stitched.side, self.stitched.side]
    }

    /// δ, of which nothing is there yet.
    fn start(&self) -> Vec<f32> {
        vec![0.0; self.stitched.images.len()]
    }

    fn show(&mut self, pixels: &[f32], iteration: u32, observer: usize) -> Result<Vec<f32>, EngineError> {
        let side = self.stitched.side;
        let mut shown = self.enlarged(&self.images(pixels));
        normalise(&mut shown, side, &self.observers[observer].mean_std);
        let mut originals = self.normalised[observer].clone();
        let batch = self.batch();
        self.draw = DsaDraw::default();
        if self.own.siamese {
            let id = DrawId { number: iteration, ..self.stitched.draws };
            self.draw = DsaDraw::shared(id, batch as u32, side as u32);
        }
        self.draw.apply(&mut shown, side);
        self.draw.apply(&mut originals, side);
        self.due = feature(self.observers[observer].engine.as_mut(), &originals, batch)?;
        self.shown_to = observer;
        Ok(shown)
    }

    fn pull(&mut self, _: &[f32], forward: &Forward, _: usize) -> Result<Pull, RefineError> {
        let values = forward.probed.first().and_then(|probed| probed.values());
        let Some(feature) = values.filter(|feature| feature.values.len() == self.due.len()) else {
            let why = "the observer's feature has another size than the originals'; this is a defect of stillroom";
            return Err(RefineError::Unfit(why.to_owned()));
        };
        let (loss, gradient) = misalignment(&feature.values, &self.due, self.batch(), self.own.distance);
        let entries = vec![Entering::Values(gradient)];
        // Of a distilled image, however many are moved together; the gradient is that of the sum, as in the code.
        let loss = loss / self.count().max(1) as f64;
        Ok(Pull { terms: vec![loss], logits: None, entries, images: None, norms: Vec::new() })
    }

    fn pull_back(&mut self, mut gradient: Vec<f32>) -> Vec<f32> {
        let (side, padded) = (self.stitched.side, self.padded);
        self.draw.pull_back(&mut gradient, side);
        let std = self.observers[self.shown_to].mean_std.std;
        for (at, plane) in gradient.chunks_exact_mut((side * side).max(1)).enumerate() {
            plane.iter_mut().for_each(|v| *v /= std[at % 3]);
        }
        let mut pulled = vec![0.0; self.stitched.images.len()];
        let cells = self.image() * self.views.len();
        for (image, gradient) in pulled.chunks_exact_mut(self.image().max(1)).zip(gradient.chunks_exact(cells.max(1))) {
            let mut larger = vec![0.0; 3 * padded * padded];
            for (view, gradient) in self.views.iter().zip(gradient.chunks_exact(3 * side * side)) {
                view.pull_back(gradient, &mut larger);
            }
            for (row, values) in image.chunks_exact_mut(side).enumerate() {
                let at = (row / side * padded + row % side) * padded;
                values.copy_from_slice(&larger[at..at + side]);
            }
        }
        pulled
    }

    /// LIC's code lets δ lead wherever it will.
    fn settle(&self, _: &mut [f32]) {}

    fn images(&self, pixels: &[f32]) -> Vec<f32> {
        self.stitched.images.iter().zip(pixels).map(|(x, d)| x + d).collect()
    }
}

/// Normalises images of this side, planar as networks take them.
fn normalise(values: &mut [f32], side: usize, mean_std: &MeanStd) {
    for (at, plane) in values.chunks_exact_mut((side * side).max(1)).enumerate() {
        plane.iter_mut().for_each(|v| *v = mean_std.apply(*v, at % 3));
    }
}

/// The feature of images, in batches that the engine may take at once.
fn feature(engine: &mut dyn Engine, images: &[f32], batch: usize) -> Result<Vec<f32>, EngineError> {
    let most = engine.largest_batch().unwrap_or(batch).clamp(1, batch.max(1));
    let each = images.len() / batch.max(1);
    let mut values = Vec::new();
    for part in images.chunks(most * each.max(1)) {
        let output = engine.forward(&[part], part.len() / each.max(1))?;
        values.extend(&output.taps.first().ok_or_else(EngineError::broken_plan)?.values);
    }
    Ok(values)
}
