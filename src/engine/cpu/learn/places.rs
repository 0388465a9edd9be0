//! Where values and gradients lie.
//!
//! A training keeps every value for the gradients of the weights. A frozen network keeps what its backward pass reads:
//! what rectifiers and probes of statistics look at, which is about half. All else lives within one phase of one image,
//! in buffers that belong to whoever works on the image, and values take turns in them.

use super::stage::{Ends, Job, Phase, Room, Stage, Step};
use crate::engine::cpu::buffers::{Buffer, Slots};
use crate::engine::cpu::kernels::map::Shape;
use crate::engine::cpu::kernels::norm::Rectifier;
use crate::engine::learn::Mode;
use crate::engine::nets::graph::{NodeId, Op};

/// When a pass first and last touches something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Span {
    /// Phases.
    phases: [usize; 2],
    /// The last job, counted over all phases.
    job: usize,
}

/// The spans of all values that the jobs of some phases touch.
fn spans(phases: &[Phase], touched: impl Fn(Job) -> Vec<NodeId>, count: usize) -> Vec<Option<Span>> {
    let mut spans: Vec<Option<Span>> = vec![None; count];
    let jobs = phases.iter().enumerate().flat_map(|(number, phase)| phase.jobs.iter().map(move |&job| (number, job)));
    for (at, (phase, job)) in jobs.enumerate() {
        for value in touched(job) {
            let span = spans[value].get_or_insert(Span { phases: [phase; 2], job: at });
            (span.phases[1], span.job) = (phase, at);
        }
    }
    spans
}

/// Whether everything happens within one phase, in which an image is alone.
fn is_brief(span: Option<Span>, phases: &[Phase]) -> bool {
    span.is_none_or(|Span { phases: [first, last], .. }| first == last && !phases[first].heavy)
}

/// What the backward pass of a frozen network reads of the values.
fn reread(step: &Step) -> Vec<NodeId> {
    match step.op {
        Op::BatchNorm { .. } if step.then == Rectifier::None && step.pulls.is_none() => Vec::new(),
        Op::MaxPool(_) => vec![step.inputs[0], step.output],
        Op::BatchNorm { .. } | Op::GroupNorm { .. } | Op::Activation(_) | Op::Gate => step.inputs.clone(),
        _ => Vec::new(),
    }
}

impl Stage {
    /// Gives the values their places.
    pub(super) fn place_values(&mut self, ends: Ends<'_>, mode: Mode) {
        let Self { steps, probes, forward, .. } = self;
        let touched = |job: Job| match job {
            Job::Run(at) | Job::Sums(at) => [&[steps[at].output], steps[at].inputs.as_slice()].concat(),
            Job::Probe(at) => vec![probes[at].watched.value],
        };
        let spans = spans(forward, touched, self.shapes.len());
        let mut kept: Vec<bool> = spans.iter().map(|&span| mode != Mode::Frozen || !is_brief(span, forward)).collect();
        let back = self.backward.iter().flat_map(|phase| &phase.jobs);
        let reread = back.flat_map(|&job| match job {
            Job::Run(at) | Job::Sums(at) => reread(&steps[at]),
            Job::Probe(at) => vec![probes[at].watched.value],
        });
        let shown = probes.iter().filter(|p| !p.watched.statistics).map(|p| p.watched.value);
        for value in reread.chain(shown).chain(ends.given.iter().copied()) {
            kept[value] = true;
        }
        // They are loaded in the first phase.
        let later = |value: NodeId| spans[value].is_some_and(|span| span.phases[1] > 0) || forward[0].heavy;
        for &value in ends.loaded {
            kept[value] |= later(value);
        }
        let mut places = Places::new(ends.shapes, kept);
        for &value in ends.loaded {
            places.of(value);
        }
        for (at, &job) in forward.iter().flat_map(|phase| &phase.jobs).enumerate() {
            // The output has its place before those of the inputs are free.
            for value in touched(job) {
                places.of(value);
            }
            for value in touched(job) {
                if spans[value].is_some_and(|span| span.job == at) {
                    places.free(value);
                }
            }
        }
        self.slots = places.of.iter().map(|place| place.map_or(usize::MAX, |place| place.slot)).collect();
        self.values = places.rooms(mode);
    }

    /// Gives the gradients their places.
    pub(super) fn place_gradients(&mut self, ends: Ends<'_>, mode: Mode) {
        let Ends { shapes, needed, given, loaded } = ends;
        let Self { steps, probes, backward, .. } = self;
        let inputs = |step: &Step| step.inputs.iter().copied().filter(|&i| needed[i]).collect::<Vec<_>>();
        let touched = |job: Job| match job {
            Job::Run(at) | Job::Sums(at) => [&[steps[at].output], inputs(&steps[at]).as_slice()].concat(),
            Job::Probe(at) => vec![probes[at].watched.value],
        };
        let spans = spans(backward, touched, shapes.len());
        let mut kept: Vec<bool> = spans.iter().map(|&span| mode == Mode::Frozen && !is_brief(span, backward)).collect();
        // The image's leaves in the last phase; the others come from the other stage, or wait for it.
        let last = |value: NodeId| value == 0 && spans[0].is_some_and(|span| span.phases[1] + 1 == backward.len());
        for &value in given.iter().chain(loaded.iter().filter(|&&v| !last(v))) {
            kept[value] = mode == Mode::Frozen;
        }
        let mut places = Places::new(shapes, kept);
        for &value in given.iter().filter(|&&v| needed[v]) {
            places.of(value);
        }
        self.given = given.iter().map(|&value| places.of[value]).collect();
        for phase in backward.iter() {
            let mut held = Vec::new();
            for &job in &phase.jobs {
                match job {
                    Job::Sums(_) => {}
                    Job::Probe(at) => probes[at].entry = Some(places.of(probes[at].watched.value)),
                    Job::Run(at) => {
                        let step = &mut steps[at];
                        step.gradient = Some(places.of(step.output).0);
                        for &input in &step.inputs {
                            step.back.push(if needed[input] { Some(places.of(input)) } else { None });
                        }
                        if step.is_weighted(mode) {
                            held.push(step.output);
                        } else {
                            places.free(step.output);
                        }
                    }
                }
            }
            held.into_iter().for_each(|value| places.free(value));
        }
        self.loaded = loaded.iter().map(|&value| places.of[value]).collect();
        self.gradients = places.rooms(mode);
    }
}

/// Where values or gradients lie, while they have a place.
struct Places<'a> {
    shapes: &'a [Shape],
    slots: Slots,
    /// Those with a buffer of their own.
    kept: Vec<bool>,
    of: Vec<Option<Buffer>>,
    /// Whether the place is still theirs.
    live: Vec<bool>,
}

impl<'a> Places<'a> {
    fn new(shapes: &'a [Shape], kept: Vec<bool>) -> Self {
        Self { shapes, slots: Slots::default(), of: vec![None; kept.len()], live: vec![false; kept.len()], kept }
    }

    /// A value's place, and whether it had it already.
    fn of(&mut self, value: NodeId) -> (Buffer, bool) {
        if let Some(place) = self.of[value] {
            return (place, true);
        }
        let shape = self.shapes[value];
        let place = if self.kept[value] { self.slots.own(shape) } else { self.slots.take(shape) };
        (self.of[value], self.live[value]) = (Some(place), true);
        (place, false)
    }

    /// Others may have a value's place from now on.
    fn free(&mut self, value: NodeId) {
        if let Some(place) = self.of[value]
            && std::mem::take(&mut self.live[value])
            && !self.kept[value]
        {
            self.slots.give(place);
        }
    }

    /// The buffers; those that nobody keeps are lent in a frozen network.
    fn rooms(self, mode: Mode) -> Vec<Room> {
        let room = |&length: &usize| Room { length, lent: mode == Mode::Frozen, bordered: None };
        let mut rooms: Vec<Room> = self.slots.lengths.iter().map(room).collect();
        for (Buffer { slot, shape }, kept) in
            self.of.iter().zip(&self.kept).filter_map(|(of, kept)| Some(((*of)?, kept)))
        {
            let room = &mut rooms[slot];
            (room.lent, room.bordered) = (room.lent && !kept, (shape.border > 0).then_some(shape));
        }
        rooms
    }
}
