//! Turns a plan into layers with packed weights, and gives every value a place in the workspace.

use std::collections::HashMap;

use super::attention::Scratch;
use super::prepare::{Prepared, prepare};
use super::shape::Shape;
use crate::engine::nets::extent::Extent;
use crate::engine::nets::graph::{Activation, Op};
use crate::engine::plan::{Plan, Step};

/// Most images whose rows go through the tail together.
pub const GROUP: usize = 32;

/// A value's buffer in the workspace and how it is laid out.
#[derive(Clone, Copy)]
pub struct Place {
    pub slot: usize,
    pub shape: Shape,
}

/// One step of the program.
pub struct Layer {
    pub op: Op,
    pub prepared: Prepared,
    pub inputs: Vec<Place>,
    /// Added to the result.
    pub join: Option<Place>,
    pub output: Place,
    /// What follows.
    pub activation: Option<Activation>,
}

/// Steps that run one after the other in one workspace.
#[derive(Default)]
pub struct Stage {
    /// Where its inputs go.
    pub loads: Vec<Place>,
    pub layers: Vec<Layer>,
    /// Its results: which one, and where it lies.
    pub stores: Vec<(usize, Place)>,
    /// Values per slot.
    slots: Vec<usize>,
}

/// A plan with places and packed weights.
///
/// The tail are the last steps as far as they work on rows: it takes the rows of several images for the pixels of a
/// map, so that the large weights of VGG's and AlexNet's linear layers are read once for all of them.
pub struct Program {
    /// All steps but the tail, for one image; loads its inputs.
    pub head: Stage,
    /// For up to [`GROUP`] images; loads the rows that cross.
    pub tail: Stage,
    /// The results, outputs first, then the taps, then the rows that cross from head to tail.
    pub results: Vec<Extent>,
    /// How many of them cross.
    pub crossing: usize,
}

/// The buffers of one thread.
pub struct Workspace {
    pub maps: Vec<Vec<f32>>,
    pub scratch: Scratch,
}

impl Stage {
    /// Zeroed buffers for one thread.
    pub fn workspace(&self) -> Workspace {
        Workspace { maps: self.slots.iter().map(|&len| vec![0.0; len]).collect(), scratch: Scratch::default() }
    }
}

impl Program {
    /// Packs a plan; `None` where its steps contradict each other.
    pub fn new(plan: &Plan) -> Option<Self> {
        let values = plan.extents()?;
        let in_tail = |step: &Step| per_pixel(&step.op) && step.reads().all(|i| values[i].row);
        let tail = plan.steps.iter().rposition(|s| !in_tail(s)).map_or(0, |last| last + 1);
        let (head, tail) = plan.steps.split_at(tail);
        let mut crossing: Vec<usize> = tail.iter().flat_map(Step::reads).collect();
        crossing.sort_unstable();
        crossing.dedup();
        crossing.retain(|&value| tail.iter().all(|s| s.output != value));
        let mut kept: Vec<usize> = plan.outputs.iter().map(|(_, value)| *value).collect();
        kept.extend(&plan.taps);
        let asked = kept.len();
        kept.extend(&crossing);
        let results: Vec<Extent> = kept.iter().map(|&value| values.get(value).copied()).collect::<Option<_>>()?;

        let borders = borders(plan);
        let mut shapes: Vec<Shape> = values.iter().zip(&borders).map(|(&v, &b)| Shape::new(v, b)).collect();
        let inputs: Vec<usize> = (0..plan.inputs.len()).collect();
        for &value in &inputs {
            if plan.steps.iter().all(|s| reads_compact(s, value) || s.reads().all(|i| i != value)) {
                shapes[value].stride = shapes[value].channels;
            }
        }
        let head = Builder::new(shapes).stage(&inputs, head, &kept)?;
        let wide = |&v: &Extent| Shape::new(Extent { width: GROUP, ..v }, 0);
        let tail = Builder::new(values.iter().map(wide).collect()).stage(&crossing, tail, &kept[..asked])?;
        Some(Self { head, tail, results, crossing: crossing.len() })
    }
}

/// Whether a step treats each pixel by itself, so that rows of several images can be the pixels of one map.
fn per_pixel(op: &Op) -> bool {
    matches!(op, Op::Linear { .. } | Op::LayerNorm { .. } | Op::Activation(_) | Op::Add)
}

/// Whether a step can read an image whose pixels lie close together: an ordinary convolution, of which it isn't the
/// join.
fn reads_compact(step: &Step, input: usize) -> bool {
    matches!(step.op, Op::Conv(conv) if conv.groups == 1) && step.epilogue.join != Some(input)
}

/// The border each value needs: the largest padding of the convolutions that read it.
fn borders(plan: &Plan) -> Vec<usize> {
    let mut borders = vec![0; plan.values];
    for step in &plan.steps {
        if let (Op::Conv(conv), Some(&first)) = (step.op, step.inputs.first()) {
            borders[first] = borders[first].max(conv.padding);
        }
    }
    borders
}

/// Builds a stage.
struct Builder {
    /// Each value's.
    shapes: Vec<Shape>,
    places: Vec<Option<Place>>,
    slots: Slots,
}

impl Builder {
    fn new(shapes: Vec<Shape>) -> Self {
        Self { places: vec![None; shapes.len()], shapes, slots: Slots::default() }
    }

    fn place(&mut self, value: usize) -> Place {
        let place = self.slots.take(self.shapes[value]);
        self.places[value] = Some(place);
        place
    }

    /// The stage of these steps, with those of the kept values that it holds in the end as results.
    fn stage(mut self, given: &[usize], steps: &[Step], kept: &[usize]) -> Option<Stage> {
        let loads = given.iter().map(|&value| self.place(value)).collect();
        let mut layers = Vec::with_capacity(steps.len());
        for step in steps {
            let mut inputs: Vec<Place> = step.reads().map(|i| self.places[i]).collect::<Option<_>>()?;
            let join = step.epilogue.join.and_then(|_| inputs.pop());
            let output = self.place(step.output);
            let shapes: Vec<Shape> = inputs.iter().map(|place| place.shape).collect();
            let prepared = prepare(step, &shapes, output.shape)?;
            layers.push(Layer { op: step.op, prepared, inputs, join, output, activation: step.epilogue.activation });
            for &value in step.free.iter().filter(|value| !kept.contains(value)) {
                self.slots.give(self.places[value]?);
            }
        }
        let stores = kept.iter().enumerate().filter_map(|(index, &value)| Some((index, self.places[value]?)));
        Some(Stage { loads, layers, stores: stores.collect(), slots: self.slots.lengths })
    }
}

/// Reuses buffers. One with a border goes to values of the same layout only: the border stays zero because nobody
/// writes it.
#[derive(Default)]
pub struct Slots {
    /// Values per buffer.
    pub lengths: Vec<usize>,
    bordered: HashMap<Shape, Vec<usize>>,
    borderless: Vec<usize>,
}

impl Slots {
    /// A buffer that is free, or a new one.
    pub fn take(&mut self, shape: Shape) -> Place {
        let free = match self.bordered.get_mut(&shape) {
            _ if shape.border == 0 => self.borderless(shape.len()),
            same => same.and_then(Vec::pop),
        };
        let slot = free.unwrap_or_else(|| {
            self.lengths.push(shape.len());
            self.lengths.len() - 1
        });
        Place { slot, shape }
    }

    /// The free buffer that leaves least unused, or else the one that needs to grow least.
    fn borderless(&mut self, length: usize) -> Option<usize> {
        let cost = |slot: usize| (self.lengths[slot] < length, self.lengths[slot].abs_diff(length));
        let best = (0..self.borderless.len()).min_by_key(|&at| cost(self.borderless[at]))?;
        let slot = self.borderless.swap_remove(best);
        self.lengths[slot] = self.lengths[slot].max(length);
        Some(slot)
    }

    /// Frees a buffer.
    pub fn give(&mut self, place: Place) {
        match place.shape.border {
            0 => self.borderless.push(place.slot),
            _ => self.bordered.entry(place.shape).or_default().push(place.slot),
        }
    }
}
