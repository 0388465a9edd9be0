//! A stage of a program: steps, and the order in which the passes go through them. Batch norms that look at the batch
//! cut it into phases, between which the images' sums are brought together; a frozen network is cut only around heavy
//! weights.

use crate::engine::cpu::buffers::Buffer;
use crate::engine::cpu::kernels::conv::{Dense, Depthwise};
use crate::engine::cpu::kernels::layers::ChannelCopy;
use crate::engine::cpu::kernels::map::{Lane, Shape};
use crate::engine::cpu::kernels::norm::Rectifier;
use crate::engine::cpu::kernels::packing::Packing;
use crate::engine::cpu::kernels::pool::Axes;
use crate::engine::learn::Mode;
use crate::engine::nets::graph::{NodeId, Op};

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
    /// The probe of its input's statistics that a frozen batch norm serves while it has the input in hand: forward.
    pub shows: Option<usize>,
    /// The same backward.
    pub pulls: Option<usize>,
}

impl Step {
    /// Whether the gradients of its weights are made, from its output's when a phase is over.
    pub fn is_weighted(&self, mode: Mode) -> bool {
        mode.of_parameters() && matches!(self.prepared, Prepared::Dense(_) | Prepared::Depthwise(_))
    }

    fn is_heavy(&self) -> bool {
        matches!(&self.prepared, Prepared::Dense(dense) if size_of::<Lane>() * dense.forward.packing.len() > HEAVY)
    }
}

/// A part of a pass that every image can do by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// A batch norm's sums, forward or backward.
    Sums(usize),
    /// A step, forward or backward.
    Run(usize),
    /// A probe of the stage: its statistics forward, its gradient backward.
    Probe(usize),
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
        self.heavy |= step.is_heavy();
    }

    /// Whether a step better begins a new phase, where no batch norm cuts them: one whose weights are heavy after
    /// others, or one of others after it.
    fn parts_from(&self, step: &Step, mode: Mode) -> bool {
        mode == Mode::Frozen && !self.jobs.is_empty() && self.heavy != step.is_heavy()
    }

    /// Spaces that go through together.
    pub fn together(&self, spaces: usize) -> usize {
        if self.heavy { spaces.div_ceil(rayon::current_num_threads()).clamp(1, GROUP) } else { 1 }
    }
}

/// A value that is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watched {
    /// The value.
    pub value: NodeId,
    /// Whether only its statistics are.
    pub statistics: bool,
}

/// A probe in the stage that makes its value.
pub struct Probe {
    /// Its number among all.
    pub number: usize,
    /// What it looks at.
    pub watched: Watched,
    /// Whether the value is N×C.
    pub row: bool,
    /// Where its gradient enters, and whether something is there already to add to; none where nothing before it has
    /// a gradient.
    pub entry: Option<(Buffer, bool)>,
}

/// A buffer of a space.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Values.
    pub length: usize,
    /// Whether the space has it only for the time of a phase, from who works on it.
    pub lent: bool,
    /// The only layout that it is for, where that has a border.
    pub bordered: Option<Shape>,
}

/// Steps that run on one kind of space.
#[derive(Default)]
pub struct Stage {
    /// In order.
    pub steps: Vec<Step>,
    /// Each value's layout; `None` for those of the other stage.
    pub shapes: Vec<Option<Shape>>,
    /// Each value's buffer; of no meaning for those of the other stage.
    pub slots: Vec<usize>,
    /// The buffers of values.
    pub values: Vec<Room>,
    /// The buffers of gradients.
    pub gradients: Vec<Room>,
    /// Where the gradients lie that come from outside, and those that go there.
    pub given: Vec<Option<Buffer>>,
    /// See `given`.
    pub loaded: Vec<Option<Buffer>>,
    /// The probes of its values.
    pub probes: Vec<Probe>,
    /// Forward.
    pub forward: Vec<Phase>,
    /// Backward.
    pub backward: Vec<Phase>,
}

/// What a stage has to do with the rest of the network.
#[derive(Clone, Copy)]
pub struct Ends<'a> {
    /// Each value's layout.
    pub shapes: &'a [Shape],
    /// Whether the value's gradient is needed.
    pub needed: &'a [bool],
    /// Values that are read outside, whose gradients come from there.
    pub given: &'a [NodeId],
    /// Values that come from outside, and whose gradients go there.
    pub loaded: &'a [NodeId],
}

impl Stage {
    /// Gives both passes their phases, values and gradients their places.
    pub fn order(&mut self, ends: Ends<'_>, mode: Mode) {
        self.order_forward(mode);
        self.order_backward(ends, mode);
        self.place_values(ends, mode);
        self.place_gradients(ends, mode);
    }

    fn order_forward(&mut self, mode: Mode) {
        let Self { steps, probes, .. } = self;
        let frozen_norm = |step: &Step| mode == Mode::Frozen && matches!(step.op, Op::BatchNorm { .. });
        let mut shown: Vec<usize> = Vec::new();
        for step in steps.iter_mut().filter(|step| frozen_norm(step)) {
            let watched = Watched { value: step.inputs[0], statistics: true };
            // Each probe is served once, where several norms read one value.
            step.shows = (0..probes.len()).find(|at| probes[*at].watched == watched && !shown.contains(at));
            shown.extend(step.shows);
        }
        let look = |phase: &mut Phase, value: NodeId| {
            let looked = probes.iter().enumerate().filter(|(_, p)| p.watched == Watched { value, statistics: true });
            phase.jobs.extend(looked.filter(|(at, _)| !shown.contains(at)).map(|(at, _)| Job::Probe(at)));
        };
        let (mut phases, mut phase) = (Vec::new(), Phase::default());
        look(&mut phase, 0);
        for (at, step) in steps.iter().enumerate() {
            let norm = mode != Mode::Frozen && matches!(step.op, Op::BatchNorm { .. });
            if norm {
                phase.jobs.push(Job::Sums(at));
                phase.norm = Some(at);
            }
            if norm || phase.parts_from(step, mode) {
                phases.push(std::mem::take(&mut phase));
            }
            phase.run(at, step);
            look(&mut phase, step.output);
        }
        phases.push(phase);
        self.forward = phases;
    }

    /// Gives the backward pass its phases.
    fn order_backward(&mut self, ends: Ends<'_>, mode: Mode) {
        let Ends { needed, given, loaded, .. } = ends;
        // Whether something has come to a value's gradient.
        let mut reached = vec![false; needed.len()];
        given.iter().for_each(|&value| reached[value] = needed[value]);
        let Self { steps, probes, .. } = self;
        let mut pulled = vec![false; probes.len()];
        let enter = |phase: &mut Phase, value: NodeId, pulled: &[bool], reached: &mut [bool]| {
            let here = probes.iter().enumerate().filter(|(at, p)| p.watched.value == value && !pulled[*at]);
            for (at, _) in here {
                reached[value] = true;
                phase.jobs.push(Job::Probe(at));
            }
        };
        let (mut phases, mut phase, mut holds) = (Vec::new(), Phase::default(), false);
        for (at, step) in steps.iter_mut().enumerate().rev() {
            if needed[step.output] {
                enter(&mut phase, step.output, &pulled, &mut reached);
            }
            if !reached[step.output] {
                continue;
            }
            let norm = mode != Mode::Frozen && matches!(step.op, Op::BatchNorm { .. });
            if norm {
                phase.jobs.push(Job::Sums(at));
                phase.norm = Some(at);
            }
            // A convolution's gradients are held until its phase ends, so it begins one where others hold theirs.
            let weighted = step.is_weighted(mode);
            if norm || (weighted && holds) || phase.parts_from(step, mode) {
                phases.push(std::mem::take(&mut phase));
                holds = false;
            }
            holds |= weighted;
            step.inputs.iter().for_each(|&input| reached[input] |= needed[input]);
            step.pulls = step.shows.filter(|_| needed[step.inputs[0]]);
            step.pulls.iter().for_each(|&probe| pulled[probe] = true);
            phase.run(at, step);
            // A group norm's are in its sums.
            if weighted || (mode.of_parameters() && matches!(step.prepared, Prepared::PerChannel(_))) {
                phase.weights.push(at);
            }
        }
        if needed[0] && loaded.contains(&0) {
            enter(&mut phase, 0, &pulled, &mut reached);
        }
        phases.push(phase);
        self.backward = phases;
    }
}
