//! Turns a graph into steps with places for values and gradients, in an order that a pass can follow.
//!
//! The trunk works on one image at a time. The head is the last steps, as far as they work on rows: it takes the rows of
//! several images for the pixels of a map, so that the large weights of VGG's linear layers are read once for all of
//! them. Batch norms cut the trunk into phases, between which the images' sums are brought together.

use crate::engine::cpu::buffers::{Buffer, Slots};
use crate::engine::cpu::kernels::conv::{Dense, Depthwise, gradient_border, is_depthwise};
use crate::engine::cpu::kernels::layers::ChannelCopy;
use crate::engine::cpu::kernels::map::{Lane, Shape};
use crate::engine::cpu::kernels::norm::Rectifier;
use crate::engine::cpu::kernels::packing::Packing;
use crate::engine::cpu::kernels::pool::{Axes, Axis};
use crate::engine::nets::extent::Extent;
use crate::engine::nets::graph::{Conv, Graph, LinearBias, Node, NodeId, Op};
use crate::engine::nets::shapes::extents;

/// Most images whose rows go through the head together.
pub const GROUP: usize = 8;

/// What the loops of a step read beside values and weights; which loops they are follows from this and the operation.
pub enum Prepared {
    /// Nothing.
    Plain,
    /// Convolution, dense or in groups, or a linear layer.
    Dense(Dense),
    /// Depthwise convolution.
    Depthwise(Depthwise),
    /// Windows of a pool.
    Windows(Axes),
    /// Channels of the inputs; zeros where no copy writes.
    Copies(Vec<ChannelCopy>),
    /// Group norm: γ and β by channel.
    PerChannel(Packing),
}

/// One step. Values are named by the nodes that make them.
pub struct Step {
    /// The node that has its weights, or whose masks it draws.
    pub node: NodeId,
    /// What it computes.
    pub op: Op,
    /// What that needs.
    pub prepared: Prepared,
    /// The activation that follows a norm.
    pub then: Rectifier,
    /// What it reads.
    pub inputs: Vec<NodeId>,
    /// What it makes.
    pub output: NodeId,
    /// Where its output's gradient lies, if there is one.
    pub gradient: Option<Buffer>,
    /// Where its inputs' gradients go, if they are needed, and whether something is there already to add to.
    pub back: Vec<Option<(Buffer, bool)>>,
}

/// A part of a pass that every image can do by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// A batch norm's sums, forward or backward.
    Sums(usize),
    /// A step, forward or backward.
    Run(usize),
}

/// Jobs, and what follows when all images have done them.
#[derive(Debug, Default)]
pub struct Phase {
    /// Jobs in order.
    pub jobs: Vec<Job>,
    /// The batch norm whose sums are brought together.
    pub norm: Option<usize>,
    /// Backward: steps whose weights' gradients are made.
    pub weights: Vec<usize>,
    /// Whether the weights are so large that images better go through together than one after the other.
    pub heavy: bool,
}

/// Packed weights from which on a phase is heavy: half of a usual second-level cache.
const HEAVY: usize = 1 << 20;

impl Phase {
    fn run(&mut self, at: usize, step: &Step) {
        self.jobs.push(Job::Run(at));
        if let Prepared::Dense(dense) = &step.prepared {
            self.heavy |= size_of::<Lane>() * dense.forward.packing.len() > HEAVY;
        }
    }

    /// Spaces that go through together.
    pub fn together(&self, spaces: usize) -> usize {
        if self.heavy { spaces.div_ceil(rayon::current_num_threads()).clamp(1, GROUP) } else { 1 }
    }
}

/// Steps that run on one kind of space.
#[derive(Default)]
pub struct Stage {
    /// In order.
    pub steps: Vec<Step>,
    /// Each value's layout; `None` for those of the other stage.
    pub shapes: Vec<Option<Shape>>,
    /// Values per buffer of gradients.
    pub gradients: Vec<usize>,
    /// Where the gradients lie that come from outside, and those that go there.
    pub given: Vec<Option<Buffer>>,
    /// See `given`.
    pub loaded: Vec<Option<Buffer>>,
    /// Forward.
    pub forward: Vec<Phase>,
    /// Backward.
    pub backward: Vec<Phase>,
}

/// A graph prepared for training.
pub struct Program {
    /// For one image; its first value is the image.
    pub trunk: Stage,
    /// For up to [`GROUP`] images.
    pub head: Stage,
    /// The values that go from trunk to head.
    pub crossing: Vec<NodeId>,
    /// The value that holds the logits.
    pub logits: NodeId,
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

impl Program {
    /// Prepares a graph; `None` where it doesn't fit its images, isn't covered, or has more inputs or outputs. `widest`
    /// is [`crate::engine::cpu::kernels::isa::Isa::widest`].
    pub fn new(graph: &Graph, widest: usize) -> Option<Self> {
        let nodes = graph.nodes();
        (graph.inputs().len() == 1
            && graph.outputs().len() == 1
            && nodes.len() > 1
            && nodes.iter().all(|n| covers(n.op)))
        .then_some(())?;
        let values = Values::new(graph, extents(graph)?);
        let plain = plain_steps(nodes);
        let in_head =
            |step: &Plain| per_pixel(nodes[step.node].op) && step.inputs.iter().all(|&i| values.extents[i].row);
        let cut = plain.iter().rposition(|s| !in_head(s)).map_or(0, |last| last + 1);
        let (trunk, head) = plain.split_at(cut);
        let logits = graph.outputs().first()?.1;
        let mut crossing: Vec<NodeId> = head.iter().flat_map(|s| s.inputs.iter().copied()).collect();
        crossing.retain(|&value| head.iter().all(|s| s.output != value));
        crossing.extend(head.is_empty().then_some(logits));
        crossing.sort_unstable();
        crossing.dedup();
        values.extents[logits].row.then_some(())?;

        let shape = |id: NodeId| Shape::new(values.extents[id], values.borders[id]);
        let mut shapes: Vec<Shape> = (0..nodes.len()).map(shape).collect();
        if nodes.iter().filter(|n| n.inputs.contains(&0)).all(|n| matches!(n.op, Op::Conv(c) if c.groups == 1)) {
            shapes[0].stride = shapes[0].channels;
        }
        let wide = |&extent: &Extent| Shape::new(Extent { width: GROUP, ..extent }, 0);
        let rows: Vec<Shape> = values.extents.iter().map(wide).collect();
        let builder = Builder { nodes, needed: &values.needed, widest };
        Some(Self {
            trunk: builder.stage(trunk, &shapes, &crossing, &[0])?,
            head: builder.stage(head, &rows, &[logits], &crossing)?,
            crossing,
            logits,
        })
    }
}

/// What is known of the nodes' values.
struct Values {
    extents: Vec<Extent>,
    /// Whether anything learnt comes before it.
    needed: Vec<bool>,
    /// Zero border that convolutions need, of it or of its gradient.
    borders: Vec<usize>,
}

impl Values {
    fn new(graph: &Graph, extents: Vec<Extent>) -> Self {
        let mut needed: Vec<bool> = Vec::new();
        let mut borders = vec![0; extents.len()];
        for (id, node) in graph.nodes().iter().enumerate() {
            let first = node.inputs.first().copied();
            needed.push(!node.op.tensors().is_empty() || node.inputs.iter().any(|&i| needed[i]));
            if let (Op::Conv(conv), Some(from)) = (node.op, first) {
                borders[from] = borders[from].max(conv.padding);
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

/// The nodes as steps; a batch or group norm takes the activation along that alone reads it.
fn plain_steps(nodes: &[Node]) -> Vec<Plain> {
    let mut steps: Vec<Plain> = Vec::with_capacity(nodes.len());
    let only_reader = |id: NodeId| nodes.iter().flat_map(|n| &n.inputs).filter(|&&i| i == id).count() == 1;
    for (id, node) in nodes.iter().enumerate().skip(1) {
        let then = if let Op::Activation(activation) = node.op { Rectifier::of(activation) } else { None };
        if let (Some(then), Some(last)) = (then, steps.last_mut()) {
            let norm = matches!(nodes[last.node].op, Op::BatchNorm { .. } | Op::GroupNorm { .. })
                && last.then == Rectifier::None;
            if norm && node.inputs == [last.output] && only_reader(last.output) {
                (last.then, last.output) = (then, id);
                continue;
            }
        }
        steps.push(Plain { node: id, inputs: node.inputs.clone(), output: id, then: Rectifier::None });
    }
    steps
}

struct Builder<'a> {
    nodes: &'a [Node],
    needed: &'a [bool],
    widest: usize,
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
            let prepared = prepare(op, (&from, shapes[step.output]), self.widest)?;
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
            });
        }
        stage.forward = forward_phases(&stage.steps);
        self.plan_backward(&mut stage, shapes, (given, loaded));
        Some(stage)
    }

    /// Gives the gradients buffers and the backward pass its phases.
    fn plan_backward(&self, stage: &mut Stage, shapes: &[Shape], (given, loaded): (&[NodeId], &[NodeId])) {
        let mut slots = Slots::default();
        let mut places: Vec<Option<Buffer>> = vec![None; shapes.len()];
        for &value in given.iter().filter(|&&v| self.needed[v]) {
            places[value] = Some(slots.take(shapes[value]));
        }
        stage.given = given.iter().map(|&value| places[value]).collect();
        let mut phase = Phase::default();
        let mut held: Vec<Buffer> = Vec::new();
        let mut phases = Vec::new();
        for (at, step) in stage.steps.iter_mut().enumerate().rev() {
            let Some(gradient) = places[step.output] else { continue };
            step.gradient = Some(gradient);
            let weighted = matches!(step.prepared, Prepared::Dense(_) | Prepared::Depthwise(_));
            let norm = matches!(step.op, Op::BatchNorm { .. });
            if norm {
                phase.jobs.push(Job::Sums(at));
                phase.norm = Some(at);
            }
            // A convolution's gradients are held until its phase ends, so it begins one where others hold theirs.
            if norm || (weighted && !held.is_empty()) {
                phases.push(std::mem::take(&mut phase));
                held.drain(..).for_each(|place| slots.give(place));
            }
            for &input in &step.inputs {
                let add = places[input].is_some();
                if self.needed[input] && !add {
                    places[input] = Some(slots.take(shapes[input]));
                }
                step.back.push(places[input].map(|place| (place, add)));
            }
            phase.run(at, step);
            if weighted {
                held.push(gradient);
            } else {
                slots.give(gradient);
            }
            // A group norm's are in its sums.
            if weighted || matches!(step.prepared, Prepared::PerChannel(_)) {
                phase.weights.push(at);
            }
        }
        phases.push(phase);
        stage.loaded = loaded.iter().map(|&value| places[value]).collect();
        stage.backward = phases;
        stage.gradients = slots.lengths;
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

fn forward_phases(steps: &[Step]) -> Vec<Phase> {
    let mut phases = vec![Phase::default()];
    for (at, step) in steps.iter().enumerate() {
        if matches!(step.op, Op::BatchNorm { .. }) {
            if let Some(phase) = phases.last_mut() {
                phase.jobs.push(Job::Sums(at));
                phase.norm = Some(at);
            }
            phases.push(Phase::default());
        }
        if let Some(phase) = phases.last_mut() {
            phase.run(at, step);
        }
    }
    phases
}
