//! Turns a plan into layers with packed weights, and gives every value a place in the workspace.

use super::attention::Scratch;
use super::prepare::{Prepared, Shapes, prepare};
use crate::engine::cpu::buffers::{Buffer, Slots};
use crate::engine::cpu::kernels::conv::border;
use crate::engine::cpu::kernels::map::Shape;
use crate::engine::nets::extent::Extent;
use crate::engine::nets::graph::{Activation, Op};
use crate::engine::plan::{Plan, Step};

/// Most images whose rows go through the head together.
pub const GROUP: usize = 32;

/// One step of the program.
pub struct Layer {
    pub op: Op,
    pub prepared: Prepared,
    pub inputs: Vec<Buffer>,
    /// Added to the result.
    pub join: Option<Buffer>,
    pub output: Buffer,
    /// What follows.
    pub activation: Option<Activation>,
}

/// Steps that run one after the other in one workspace.
#[derive(Default)]
pub struct Stage {
    /// Where its inputs go.
    pub loads: Vec<Buffer>,
    pub layers: Vec<Layer>,
    /// Its results: which one, and where it lies.
    pub stores: Vec<(usize, Buffer)>,
    /// Values per slot.
    slots: Vec<usize>,
}

/// A plan with places and packed weights.
///
/// The head is the last steps as far as they work on rows: it takes the rows of several images for the pixels of a
/// map, so that the large weights of VGG's and AlexNet's linear layers are read once for all of them.
pub struct Program {
    /// All steps but the head, for one image; loads its inputs.
    pub trunk: Stage,
    /// For up to [`GROUP`] images; loads the rows that cross.
    pub head: Stage,
    /// The results, outputs first, then the taps, then the rows that cross from trunk to head.
    pub results: Vec<Extent>,
    /// How many of them cross.
    pub crossing: usize,
}

/// The buffers of one thread.
pub struct Workspace {
    pub maps: Vec<Vec<f32>>,
    /// One per thread that works on a map.
    pub scratch: Vec<Scratch>,
}

impl Stage {
    /// Zeroed buffers for one thread.
    pub fn workspace(&self) -> Workspace {
        Workspace { maps: self.slots.iter().map(|&len| vec![0.0; len]).collect(), scratch: Vec::new() }
    }
}

impl Program {
    /// Packs a plan; `None` where its steps contradict each other. `widest` is
    /// [`crate::engine::cpu::kernels::isa::Isa::widest`].
    pub fn new(plan: &Plan, widest: usize) -> Option<Self> {
        let values = plan.extents()?;
        let in_head = |step: &Step| per_pixel(&step.op) && step.reads().all(|i| values[i].row);
        let cut = plan.steps.iter().rposition(|s| !in_head(s)).map_or(0, |last| last + 1);
        let (trunk, head) = plan.steps.split_at(cut);
        let mut crossing: Vec<usize> = head.iter().flat_map(Step::reads).collect();
        crossing.sort_unstable();
        crossing.dedup();
        crossing.retain(|&value| head.iter().all(|s| s.output != value));
        let mut kept: Vec<usize> = plan.outputs.iter().map(|(_, value)| *value).collect();
        kept.extend(&plan.taps);
        let asked = kept.len();
        kept.extend(&crossing);
        let results: Vec<Extent> = kept.iter().map(|&value| values.get(value).copied()).collect::<Option<_>>()?;

        let borders = borders(plan, &values);
        let mut shapes: Vec<Shape> = values.iter().zip(&borders).map(|(&v, &b)| Shape::new(v, b)).collect();
        let inputs: Vec<usize> = (0..plan.inputs.len()).collect();
        for &value in &inputs {
            if plan.steps.iter().all(|s| reads_compact(s, value) || s.reads().all(|i| i != value)) {
                shapes[value].stride = shapes[value].channels;
            }
        }
        let trunk = Builder::new(shapes, widest).stage(&inputs, trunk, &kept)?;
        let wide = |&v: &Extent| Shape::new(Extent { width: GROUP, ..v }, 0);
        let rows = values.iter().map(wide).collect();
        let head = Builder::new(rows, widest).stage(&crossing, head, &kept[..asked])?;
        Some(Self { trunk, head, results, crossing: crossing.len() })
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
fn borders(plan: &Plan, values: &[Extent]) -> Vec<usize> {
    let mut borders = vec![0; plan.values];
    for step in &plan.steps {
        if let (Op::Conv(conv), Some(&first)) = (step.op, step.inputs.first()) {
            borders[first] = borders[first].max(border(&conv, values[first]));
        }
    }
    borders
}

/// Builds a stage.
struct Builder {
    /// Each value's.
    shapes: Vec<Shape>,
    places: Vec<Option<Buffer>>,
    slots: Slots,
    widest: usize,
}

impl Builder {
    fn new(shapes: Vec<Shape>, widest: usize) -> Self {
        Self { places: vec![None; shapes.len()], shapes, slots: Slots::default(), widest }
    }

    fn place(&mut self, value: usize) -> Buffer {
        let place = self.slots.take(self.shapes[value]);
        self.places[value] = Some(place);
        place
    }

    /// The stage of these steps, with those of the kept values that it holds in the end as results.
    fn stage(mut self, given: &[usize], steps: &[Step], kept: &[usize]) -> Option<Stage> {
        let loads = given.iter().map(|&value| self.place(value)).collect();
        let mut layers = Vec::with_capacity(steps.len());
        for step in steps {
            let mut inputs: Vec<Buffer> = step.reads().map(|i| self.places[i]).collect::<Option<_>>()?;
            let join = step.epilogue.join.and_then(|_| inputs.pop());
            let output = self.place(step.output);
            let shapes: Vec<Shape> = inputs.iter().map(|place| place.shape).collect();
            let shapes = Shapes { inputs: &shapes, join: join.map(|place| place.shape), output: output.shape };
            let prepared = prepare(step, &shapes, self.widest)?;
            layers.push(Layer { op: step.op, prepared, inputs, join, output, activation: step.epilogue.activation });
            for &value in step.free.iter().filter(|value| !kept.contains(value)) {
                self.slots.give(self.places[value]?);
            }
        }
        let stores = kept.iter().enumerate().filter_map(|(index, &value)| Some((index, self.places[value]?)));
        Some(Stage { loads, layers, stores: stores.collect(), slots: self.slots.lengths })
    }
}
