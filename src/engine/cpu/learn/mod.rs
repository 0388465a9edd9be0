//! Training on the processor: forward and backward passes on channels-last maps, one image per thread at a time.
//!
//! The weights' gradients, where burn's CPU backend spends most of a step, are products of blocks that stay in
//! registers; each thread makes other weights' gradients from all images, so nothing is added up in an order that
//! depends on threads. Layouts and border rules are those of [`crate::engine::cpu::kernels`].

mod backward;
mod copies;
mod forward;
mod passes;
mod places;
mod probe;
mod program;
mod slope;
mod space;
mod stage;

use std::collections::TryReserveError;

use self::probe::Pull;
use self::program::{Program, Purpose};
use self::space::{Lent, Space, StepWeights};
use self::stage::{GROUP, Watched};
use crate::engine::cpu::kernels::isa::Isa;
use crate::engine::cpu::kernels::norm;
use crate::engine::learn::optimiser::{Parameter, Step};
use crate::engine::learn::{Differentiable, Entry, Forward, Gradients, Masks, Mode, Probe, Setup, Sizes, Trainable};
use crate::engine::nets::graph::{Graph, NodeId, Op, Role};
use crate::engine::plan::EngineError;
use crate::engine::weights::{WeightTensor, Weights};

/// A tensor of the network.
#[derive(Debug)]
struct Held {
    key: String,
    shape: Vec<usize>,
    role: Role,
    node: NodeId,
    values: Vec<f32>,
    /// Empty where it has none.
    gradient: Vec<f32>,
}

/// A network whose passes run on the processor.
pub struct CpuNetwork {
    graph: Graph,
    mode: Mode,
    isa: Isa,
    program: Program,
    tensors: Vec<Held>,
    /// By node.
    packed: Vec<Vec<StepWeights>>,
    /// By node: what the batch norms made of the last batch.
    batches: Vec<norm::Batch>,
    /// One for each image of the largest batch so far.
    trunks: Vec<Space>,
    /// One for each group of it.
    heads: Vec<Space>,
    /// Of trunk and head: one for each thread.
    lent: [Vec<Lent>; 2],
    /// By probe: what those of statistics saw of the last batch.
    moments: Vec<norm::Moments>,
    /// Images of the forward pass that waits for its backward pass, and what it gave.
    pending: Option<(usize, Sizes)>,
    /// Whether there was a forward pass, so that the statistics can be repeated.
    seen: bool,
}

impl CpuNetwork {
    /// Whether every operation of a network is covered.
    #[must_use]
    pub fn supports(graph: &Graph) -> bool {
        graph.nodes().iter().all(|node| program::covers(node.op))
    }

    /// Takes a network of one image and one row of logits.
    ///
    /// # Errors
    /// [`EngineError`] where tensors or probes are missing, the network isn't covered or doesn't fit its images, or
    /// `STILLROOM_ISA` names no instruction set of this machine.
    pub fn new(graph: Graph, weights: &Weights, setup: &Setup) -> Result<Self, EngineError> {
        Self::with_isa(graph, weights, setup, Isa::chosen()?)
    }

    fn with_isa(graph: Graph, weights: &Weights, setup: &Setup, isa: Isa) -> Result<Self, EngineError> {
        let mode = setup.mode;
        // What only drops in a training isn't there in a frozen network.
        let graph = if mode == Mode::Frozen { graph.for_inference() } else { graph };
        let watched = |p: &Probe| Ok(Watched { value: p.node(&graph)?, statistics: matches!(p, Probe::Statistics(_)) });
        let watched = setup.probes.iter().map(watched).collect::<Result<Vec<_>, EngineError>>()?;
        let purpose = Purpose { mode, watched: &watched, logits: setup.logits, widest: isa.widest() };
        let program = Program::new(&graph, purpose).ok_or_else(EngineError::broken_plan)?;
        let held = |p: crate::engine::nets::graph::Parameter| {
            let length = p.shape.iter().product();
            let learnt = mode.of_parameters() && p.role.is_learnt();
            let gradient = vec![0.0; if learnt { length } else { 0 }];
            Held { key: p.key, shape: p.shape, role: p.role, node: p.node, values: vec![0.0; length], gradient }
        };
        let tensors = graph.parameters().into_iter().map(held).collect();
        let nodes = graph.nodes().len();
        let mut packed: Vec<Vec<StepWeights>> = Vec::new();
        packed.resize_with(nodes, Vec::new);
        for step in program.trunk.steps.iter().chain(&program.head.steps) {
            packed[step.node] = StepWeights::of_step(&step.prepared, mode.of_parameters());
        }
        let mut network = Self {
            batches: vec![norm::Batch::default(); nodes],
            trunks: Vec::new(),
            heads: Vec::new(),
            lent: Default::default(),
            moments: Vec::new(),
            pending: None,
            seen: false,
            graph,
            mode,
            isa,
            program,
            tensors,
            packed,
        };
        network.take(weights)?;
        Ok(network)
    }

    /// Takes the values of all tensors.
    fn take(&mut self, weights: &Weights) -> Result<(), EngineError> {
        let report = weights.report(&self.graph);
        if !report.is_complete() {
            return Err(EngineError::Device(report.summary()));
        }
        for tensor in &mut self.tensors {
            tensor.values.copy_from_slice(weights.values(&tensor.key));
        }
        self.pack();
        if self.mode == Mode::Frozen {
            self.freeze();
        }
        Ok(())
    }

    /// Batch norms go by the running statistics from now on.
    fn freeze(&mut self) {
        for step in &self.program.trunk.steps {
            let Op::BatchNorm { epsilon, .. } = step.op else { continue };
            let of = |role| values(&self.tensors, step.node, role);
            let length = self.program.trunk.shapes[step.output].map_or(0, |shape| shape.stride);
            let running = [Role::RunningMean, Role::RunningVar].map(of);
            let (gamma, beta) = (of(Role::NormWeight), of(Role::NormBias));
            self.batches[step.node] = norm::Batch::frozen(running, (gamma, beta), (length, epsilon));
        }
    }

    fn pack(&mut self) {
        for step in self.program.trunk.steps.iter().chain(&self.program.head.steps) {
            // A weight and maybe a bias, in the order of `Op::tensors`.
            let mut own = self.tensors.iter().filter(|t| t.node == step.node).map(|t| t.values.as_slice());
            let (weight, bias) = (own.next().unwrap_or_default(), own.next().unwrap_or_default());
            StepWeights::pack(&mut self.packed[step.node], &step.prepared, weight, bias);
        }
    }

    /// Makes room for a batch; where there is none, gives all back, so that a smaller batch has it.
    fn reserve(&mut self, batch: usize) -> Result<(), EngineError> {
        let grown = self.grow(batch);
        grown.map_err(|e| {
            (self.trunks, self.heads, self.lent, self.pending) = Default::default();
            EngineError::Memory(format!("{batch} images: {e}"))
        })
    }

    fn grow(&mut self, batch: usize) -> Result<(), TryReserveError> {
        let Program { trunk, head, .. } = &self.program;
        for (stage, spaces, count) in [(trunk, &mut self.trunks, batch), (head, &mut self.heads, batch.div_ceil(GROUP))]
        {
            while spaces.len() < count {
                spaces.push(Space::new(stage, self.mode)?);
            }
        }
        for (stage, workers) in [trunk, head].into_iter().zip(&mut self.lent) {
            while workers.len() < rayon::current_num_threads() {
                workers.push(Lent::new(stage)?);
            }
        }
        Ok(())
    }

    /// Moves the running statistics towards the last batch's.
    fn move_statistics(&mut self) {
        for tensor in &mut self.tensors {
            let Op::BatchNorm { momentum, .. } = self.graph.nodes()[tensor.node].op else { continue };
            let batch = &self.batches[tensor.node];
            let towards = match tensor.role {
                Role::RunningMean => &batch.mean,
                // Normalised by the biased variance, remembered by the unbiased one, as PyTorch does.
                Role::RunningVar => &batch.unbiased,
                _ => continue,
            };
            for (value, towards) in tensor.values.iter_mut().zip(towards) {
                *value = *value * (1.0 - momentum) as f32 + towards * momentum as f32;
            }
        }
    }

    /// Copies the gradients of packed weights into PyTorch's order.
    fn unpack(&mut self) {
        if !self.mode.of_parameters() {
            return;
        }
        for step in self.program.trunk.steps.iter().chain(&self.program.head.steps) {
            if self.packed[step.node].is_empty() {
                continue;
            }
            let mut own = self.tensors.iter_mut().filter(|t| t.node == step.node);
            let Some(weight) = own.next() else { continue };
            let bias = own.next().map_or(&mut [][..], |t| t.gradient.as_mut_slice());
            StepWeights::unpack(&self.packed[step.node], &step.prepared, &mut weight.gradient, bias);
        }
    }

    fn forget_gradients(&mut self) {
        for packed in self.packed.iter_mut().flatten() {
            packed.gradient.as_flattened_mut().fill(0.0);
            packed.bias_gradient.as_flattened_mut().fill(0.0);
        }
        for tensor in &mut self.tensors {
            tensor.gradient.fill(0.0);
        }
    }
}

/// The values of a node's tensor of that role; empty where it has none.
fn values(tensors: &[Held], node: NodeId, role: Role) -> &[f32] {
    tensors.iter().find(|t| t.node == node && t.role == role).map_or(&[], |t| &t.values)
}

impl Differentiable for CpuNetwork {
    fn forward(&mut self, images: &[f32], batch: usize, masks: Masks) -> Result<Forward, EngineError> {
        if batch == 0 || images.len() != batch * self.graph.image().len() {
            return Err(EngineError::Device(format!("{} values are no batch of {batch} images", images.len())));
        }
        self.reserve(batch)?;
        self.trunk(images, batch, masks);
        let logits = self.head(batch, masks);
        let given = Forward { logits, probed: self.probe(batch) };
        if self.mode != Mode::Frozen {
            self.move_statistics();
            self.seen = true;
        }
        self.pending = Some((batch, given.sizes()));
        Ok(given)
    }

    fn repeat_statistics(&mut self) -> Result<(), EngineError> {
        if !self.seen {
            return Err(EngineError::broken_plan());
        }
        self.move_statistics();
        Ok(())
    }

    fn backward(&mut self, gradients: &Gradients<'_>) -> Result<Option<Vec<f32>>, EngineError> {
        let (batch, given) = self.pending.take().ok_or_else(EngineError::broken_plan)?;
        gradients.check(&given)?;
        let entries = gradients.probes.iter().chain(std::iter::repeat(&Entry::Nothing));
        let moments = std::mem::take(&mut self.moments);
        let pulls: Vec<Pull<'_>> = entries.zip(&moments).map(|(entry, moments)| Pull::new(entry, moments)).collect();
        let zeros = vec![0.0; if gradients.logits.is_none() { given.logits } else { 0 }];
        self.head_backward(gradients.logits.unwrap_or(&zeros), &pulls, batch);
        Ok(self.trunk_backward(&pulls, batch))
    }

    fn gradients(&mut self) -> Result<Weights, EngineError> {
        self.unpack();
        let tensor = |t: &Held| (t.key.clone(), WeightTensor { shape: t.shape.clone(), values: t.gradient.clone() });
        Ok(Weights::new(self.tensors.iter().filter(|t| !t.gradient.is_empty()).map(tensor).collect()))
    }

    fn weights(&self) -> Result<Weights, EngineError> {
        let tensor = |t: &Held| (t.key.clone(), WeightTensor { shape: t.shape.clone(), values: t.values.clone() });
        Ok(Weights::new(self.tensors.iter().map(tensor).collect()))
    }

    fn load(&mut self, weights: &Weights) -> Result<(), EngineError> {
        self.take(weights)?;
        (self.pending, self.seen) = (None, false);
        self.forget_gradients();
        Ok(())
    }
}

impl Trainable for CpuNetwork {
    type Tensor = Vec<f32>;

    fn step(&mut self, step: &mut Step<'_, Vec<f32>>) -> Result<(), EngineError> {
        self.unpack();
        for Held { key, shape, values, gradient, .. } in self.tensors.iter_mut().filter(|t| !t.gradient.is_empty()) {
            step.apply(Parameter { key, dimensions: shape.len(), values, gradient });
        }
        self.forget_gradients();
        self.pack();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
