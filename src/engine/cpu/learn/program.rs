//! Turns a graph into steps with places for values and gradients, in an order that a pass can follow.
//!
//! The trunk works on one image at a time. The head is the last steps, as far as they work on rows: it takes the rows of
//! several images for the pixels of a map, so that the large weights of VGG's linear layers are read once for all of
//! them. Batch norms cut the trunk into phases, between which the images' sums are brought together.

use std::collections::BTreeSet;

use super::stage::{Ends, GROUP, Prepared, Probe, Stage, Step, Watched};
use crate::engine::cpu::kernels::conv::{Dense, Depthwise, border, gradient_border, is_depthwise};
use crate::engine::cpu::kernels::layers::ChannelCopy;
use crate::engine::cpu::kernels::map::Shape;
use crate::engine::cpu::kernels::norm::Rectifier;
use crate::engine::cpu::kernels::packing::Packing;
use crate::engine::cpu::kernels::pool::Axis;
use crate::engine::learn::Mode;
use crate::engine::nets::extent::Extent;
use crate::engine::nets::graph::{Conv, Graph, LinearBias, Node, NodeId, Op};
use crate::engine::nets::shapes::extents;

/// A graph prepared for training.
pub struct Program {
    /// For one image; its first value is the image.
    pub trunk: Stage,
    /// For up to [`GROUP`] images.
    pub head: Stage,
    /// The values that go from trunk to head.
    pub crossing: Vec<NodeId>,
    /// The value that holds the logits, where they are wanted.
    pub logits: Option<NodeId>,
}

/// Whether there is a loop for an operation.
pub fn covers(op: Op) -> bool {
    use Op::{Activation, Add, AvgPool, BatchNorm, Channels, Concat, Conv, Dropout, Flatten, Gate, GlobalMean, Input};
    match op {
        Input | Conv(_) | BatchNorm { .. } | Activation(_) | Op::MaxPool(_) | AvgPool(_) | Op::AdaptiveMean(_) => true,
        GlobalMean | Flatten | Add | Gate | Concat | Channels { .. } | Op::Shuffle { .. } | Op::Shortcut { .. } => true,
        Dropout(_) | Op::StochasticDepth(_) | Op::GroupNorm { .. } => true,
        Op::Linear { bias, .. } => bias != LinearBias::WithoutKeys,
        _ => false,
    }
}

/// What a graph is prepared for.
#[derive(Clone, Copy)]
pub struct Purpose<'a> {
    /// Which gradients there are, and by which statistics batch norms go.
    pub mode: Mode,
    /// The values that are looked at.
    pub watched: &'a [Watched],
    /// Whether the logits are wanted.
    pub logits: bool,
    /// [`crate::engine::cpu::kernels::isa::Isa::widest`].
    pub widest: usize,
}

impl Program {
    /// Prepares a graph; `None` where it doesn't fit its images, isn't covered, or has more inputs or outputs.
    pub fn new(graph: &Graph, purpose: Purpose<'_>) -> Option<Self> {
        let nodes = graph.nodes();
        (graph.inputs().len() == 1
            && graph.outputs().len() == 1
            && nodes.len() > 1
            && nodes.iter().all(|n| covers(n.op)))
        .then_some(())?;
        let values = Values::new(graph, extents(graph)?, purpose.mode);
        let logits = graph.outputs().first()?.1;
        values.extents[logits].row.then_some(())?;
        let logits = purpose.logits.then_some(logits);
        let plain = awaited(plain_steps(nodes, purpose.watched), logits, purpose.watched);
        let in_tail =
            |step: &Plain| per_pixel(nodes[step.node].op) && step.inputs.iter().all(|&i| values.extents[i].row);
        let cut = plain.iter().rposition(|s| !in_tail(s)).map_or(0, |last| last + 1);
        let (trunk, head) = plain.split_at(cut);
        let mut crossing: Vec<NodeId> = head.iter().flat_map(|s| s.inputs.iter().copied()).collect();
        crossing.retain(|&value| head.iter().all(|s| s.output != value));
        crossing.extend(logits.filter(|_| head.is_empty()));
        crossing.sort_unstable();
        crossing.dedup();

        let shape = |id: NodeId| Shape::new(values.extents[id], values.borders[id]);
        let mut shapes: Vec<Shape> = (0..nodes.len()).map(shape).collect();
        let only_convolved =
            nodes.iter().filter(|n| n.inputs.contains(&0)).all(|n| matches!(n.op, Op::Conv(c) if c.groups == 1));
        // Pixels that lie close together can be read by a convolution, not written, nor looked at.
        if only_convolved && !purpose.mode.of_input() && purpose.watched.iter().all(|w| w.value != 0) {
            shapes[0].stride = shapes[0].channels;
        }
        let wide = |&extent: &Extent| Shape::new(Extent { width: GROUP, ..extent }, 0);
        let rows: Vec<Shape> = values.extents.iter().map(wide).collect();
        let builder = Builder { nodes, values: &values, purpose };
        Some(Self {
            trunk: builder.stage(trunk, &shapes, &crossing, &[0])?,
            head: builder.stage(head, &rows, logits.as_slice(), &crossing)?,
            crossing,
            logits,
        })
    }

    /// Values that are looked at.
    pub fn probes(&self) -> usize {
        self.trunk.probes.len() + self.head.probes.len()
    }
}

/// What is known of the nodes' values.
struct Values {
    extents: Vec<Extent>,
    /// Whether anything that has a gradient comes before it, or it has one itself.
    needed: Vec<bool>,
    /// Zero border that convolutions need, of it or of its gradient.
    borders: Vec<usize>,
}

impl Values {
    fn new(graph: &Graph, extents: Vec<Extent>, mode: Mode) -> Self {
        let mut needed: Vec<bool> = Vec::new();
        let mut borders = vec![0; extents.len()];
        for (id, node) in graph.nodes().iter().enumerate() {
            let first = node.inputs.first().copied();
            let own = if id == 0 { mode.of_input() } else { mode.of_parameters() && !node.op.tensors().is_empty() };
            needed.push(own || node.inputs.iter().any(|&i| needed[i]));
            if let (Op::Conv(conv), Some(from)) = (node.op, first) {
                borders[from] = borders[from].max(border(&conv, extents[from]));
                if needed[from] {
                    borders[id] = gradient_border(&conv, extents[from], extents[id]);
                }
            }
        }
        Self { extents, needed, borders }
    }
}

/// Whether an operation treats each pixel by itself, so that rows of several images can be the pixels of one map.
fn per_pixel(op: Op) -> bool {
    matches!(op, Op::Linear { .. } | Op::Activation(_) | Op::Add | Op::Dropout(_) | Op::StochasticDepth(_))
}

/// A step before it has places.
struct Plain {
    node: NodeId,
    inputs: Vec<NodeId>,
    output: NodeId,
    /// The activation that a norm takes along.
    then: Rectifier,
}

/// The nodes as steps; a batch or group norm takes the activation along that alone reads it, unless the norm itself is
/// looked at.
fn plain_steps(nodes: &[Node], watched: &[Watched]) -> Vec<Plain> {
    let mut steps: Vec<Plain> = Vec::with_capacity(nodes.len());
    let only_reader = |id: NodeId| nodes.iter().flat_map(|n| &n.inputs).filter(|&&i| i == id).count() == 1;
    for (id, node) in nodes.iter().enumerate().skip(1) {
        let then = if let Op::Activation(activation) = node.op { Rectifier::of(activation) } else { None };
        if let (Some(then), Some(last)) = (then, steps.last_mut()) {
            let norm = matches!(nodes[last.node].op, Op::BatchNorm { .. } | Op::GroupNorm { .. })
                && last.then == Rectifier::None;
            let unseen = watched.iter().all(|w| w.value != last.output);
            if norm && unseen && node.inputs == [last.output] && only_reader(last.output) {
                (last.then, last.output) = (then, id);
                continue;
            }
        }
        steps.push(Plain { node: id, inputs: node.inputs.clone(), output: id, then: Rectifier::None });
    }
    steps
}

/// The steps that logits and probes come from.
fn awaited(mut steps: Vec<Plain>, logits: Option<NodeId>, watched: &[Watched]) -> Vec<Plain> {
    let mut awaited: BTreeSet<NodeId> = watched.iter().map(|w| w.value).chain(logits).collect();
    let mut kept: Vec<Plain> = Vec::with_capacity(steps.len());
    while let Some(step) = steps.pop() {
        if awaited.contains(&step.output) {
            awaited.extend(&step.inputs);
            kept.push(step);
        }
    }
    kept.reverse();
    kept
}

struct Builder<'a> {
    nodes: &'a [Node],
    values: &'a Values,
    purpose: Purpose<'a>,
}

impl Builder<'_> {
    /// A stage of these steps; the gradients of the values `given` come from outside, the values `loaded` too.
    fn stage(&self, plain: &[Plain], shapes: &[Shape], given: &[NodeId], loaded: &[NodeId]) -> Option<Stage> {
        let mut stage = Stage { shapes: vec![None; shapes.len()], ..Stage::default() };
        for &value in loaded.iter().chain(plain.iter().map(|s| &s.output)) {
            stage.shapes[value] = Some(shapes[value]);
        }
        for step in plain {
            let from: Vec<Shape> = step.inputs.iter().map(|&i| shapes[i]).collect();
            let op = self.nodes[step.node].op;
            let prepared = prepare(op, (&from, shapes[step.output]), self.purpose.widest)?;
            let Plain { node, output, then, .. } = *step;
            stage.steps.push(Step {
                node,
                op,
                prepared,
                then,
                inputs: step.inputs.clone(),
                output,
                gradient: None,
                back: Vec::new(),
                shows: None,
                pulls: None,
            });
        }
        stage.probes = self.probes(plain, loaded);
        stage.order(Ends { shapes, needed: &self.values.needed, given, loaded }, self.purpose.mode);
        Some(stage)
    }

    /// The probes of values that these steps make, or of the image where it's loaded.
    fn probes(&self, plain: &[Plain], loaded: &[NodeId]) -> Vec<Probe> {
        let own = |value: NodeId| plain.iter().any(|s| s.output == value) || (value == 0 && loaded == [0]);
        let numbered = self.purpose.watched.iter().enumerate().filter(|(_, w)| own(w.value));
        let probe = |(number, &watched): (usize, &Watched)| {
            let row = self.values.extents[watched.value].row;
            Probe { number, watched, row, entry: None }
        };
        numbered.map(probe).collect()
    }
}

/// Prepares an operation between maps of these shapes; `None` where it isn't covered.
fn prepare(op: Op, (inputs, to): (&[Shape], Shape), widest: usize) -> Option<Prepared> {
    let from = *inputs.first()?;
    covers(op).then_some(())?;
    let axes = |axis: &dyn Fn(usize, usize) -> Axis| {
        Prepared::Windows([axis(to.height, from.height), axis(to.width, from.width)])
    };
    Some(match op {
        Op::Conv(conv) if is_depthwise(&conv) => Prepared::Depthwise(Depthwise::new(&conv, (from, to))),
        Op::Conv(conv) => Prepared::Dense(Dense::new(&conv, (from, to), widest)),
        Op::Linear { inputs, outputs, .. } => {
            Prepared::Dense(Dense::new(&Conv::new(inputs, outputs, 1, 1), (from, to), widest))
        }
        Op::MaxPool(pool) | Op::AvgPool(pool) => axes(&|_, size| Axis::of_pool(pool, size)),
        Op::AdaptiveMean(_) | Op::GlobalMean => axes(&Axis::of_parts),
        Op::GroupNorm { channels, .. } => Prepared::PerChannel(Packing::new(channels, 1, 1, vec![0])),
        _ => ChannelCopy::of(op, inputs).map_or(Prepared::Plain, Prepared::Copies),
    })
}
