//! From a graph with weights to a plan.

use super::{Attention, NORM_EPSILON, Plan, Step, StepOp, Windows};
use crate::engine::nets::graph::{Activation, Conv, Graph, LinearBias, NodeId, Op, Tap};
use crate::engine::nets::relative_position;
use crate::engine::weights::Weights;

impl Plan {
    /// Compiles a graph with its weights (all of them present, see [`crate::engine::weights`]); the plan keeps the
    /// named features that the graph has, and computes nothing for others.
    #[must_use]
    pub fn compile(graph: &Graph, weights: &Weights, side: usize, taps: &[Tap]) -> Self {
        let graph = graph.for_inference();
        let tapped: Vec<NodeId> = taps.iter().filter_map(|t| graph.tap(t)).collect();
        let mut compiler = Compiler::new(&graph, weights, &tapped);
        for node in 1..graph.nodes().len() {
            compiler.node(node);
        }
        let taps: Vec<usize> = tapped.iter().filter_map(|&node| compiler.value_of[node]).collect();
        let mut steps = compiler.steps;
        mark_free(&mut steps, compiler.values, &taps);
        Self { steps, values: compiler.values, taps, side, classes: graph.outputs() }
    }
}

struct Compiler<'a> {
    graph: &'a Graph,
    weights: &'a Weights,
    users: Vec<Vec<NodeId>>,
    tapped: &'a [NodeId],
    /// The value that holds a node's result; `None` until it is computed.
    value_of: Vec<Option<usize>>,
    steps: Vec<Step>,
    values: usize,
}

/// Weights of a convolution or linear layer while others are folded into them, [out, …].
struct Folding {
    weight: Vec<f32>,
    bias: Vec<f32>,
    inputs: Vec<usize>,
    /// Nodes that the step stands for, in order.
    nodes: Vec<NodeId>,
}

impl<'a> Compiler<'a> {
    fn new(graph: &'a Graph, weights: &'a Weights, tapped: &'a [NodeId]) -> Self {
        let mut users = vec![Vec::new(); graph.nodes().len()];
        for (id, node) in graph.nodes().iter().enumerate() {
            for &input in &node.inputs {
                users[input].push(id);
            }
        }
        let mut value_of = vec![None; graph.nodes().len()];
        value_of[0] = Some(0);
        Self { graph, weights, users, tapped, value_of, steps: Vec::new(), values: 1 }
    }

    /// The only user of a node that nobody else looks at, if its operation is the one asked for.
    fn sole_user(&self, node: NodeId, wanted: impl Fn(Op) -> bool) -> Option<NodeId> {
        let &[user] = self.users[node].as_slice() else { return None };
        (wanted(self.graph.nodes()[user].op) && !self.tapped.contains(&node)).then_some(user)
    }

    fn activation_after(&self, node: NodeId) -> Option<(NodeId, Activation)> {
        let user = self.sole_user(node, |op| matches!(op, Op::Activation(_)))?;
        if let Op::Activation(activation) = self.graph.nodes()[user].op { Some((user, activation)) } else { None }
    }

    fn values(&self, node: NodeId, name: &str) -> &'a [f32] {
        self.weights.values(&self.graph.nodes()[node].tensor_key(name))
    }

    fn node(&mut self, id: NodeId) {
        if self.value_of[id].is_some() {
            return; // already folded into an earlier step
        }
        let node = &self.graph.nodes()[id];
        let inputs: Vec<usize> = node.inputs.iter().filter_map(|&i| self.value_of[i]).collect();
        let op = match node.op {
            Op::Input | Op::Dropout(_) | Op::StochasticDepth(_) => return,
            Op::Conv(conv) => return self.conv(id, conv),
            Op::Linear { inputs, outputs, bias } => return self.linear(id, (inputs, outputs), bias),
            Op::BatchNorm { .. } | Op::LayerScale { .. } => {
                let (scale, shift) = self.scale_and_shift(id);
                let (scale, shift) = (to_f32(&scale), to_f32(&shift));
                return self.emit_activated(id, inputs, |activation| StepOp::Scale { scale, shift, activation });
            }
            Op::Add => return self.emit_activated(id, inputs, |activation| StepOp::Add { activation }),
            Op::LayerNorm { epsilon, .. } => {
                let (scale, shift) = (self.values(id, "weight").to_vec(), self.values(id, "bias").to_vec());
                StepOp::LayerNorm { scale, shift, epsilon }
            }
            Op::Activation(activation) => StepOp::Activation(activation),
            Op::MaxPool(pool) => StepOp::MaxPool(pool),
            Op::AvgPool(pool) => StepOp::AvgPool(pool),
            Op::AdaptiveMean(n) => StepOp::AdaptiveMean(n),
            Op::GlobalMean => StepOp::GlobalMean,
            Op::Flatten => StepOp::Flatten,
            Op::Gate => StepOp::Gate,
            Op::Concat => StepOp::Concat,
            Op::Channels { from, count } => StepOp::Channels { from, count },
            Op::Shuffle { groups } => StepOp::Shuffle { groups },
            Op::Shortcut { stride, pad } => StepOp::Shortcut { stride, pad },
            Op::ClassToken { .. } => StepOp::ClassToken(self.values(id, "").to_vec()),
            Op::Positions { .. } => StepOp::Positions(self.values(id, "").to_vec()),
            Op::FirstToken => StepOp::FirstToken,
            Op::Attention { .. } | Op::WindowAttention(_) => StepOp::Attention(self.attention(id)),
            Op::Pad { bottom, right } => StepOp::Pad { bottom, right },
            Op::Crop { height, width } => StepOp::Crop { height, width },
            Op::Merge => StepOp::Merge,
        };
        self.emit(op, inputs, &[id]);
    }

    /// Appends a step that stands for these nodes; only the last one's result is read by others.
    fn emit(&mut self, op: StepOp, inputs: Vec<usize>, nodes: &[NodeId]) {
        let output = self.values;
        self.values += 1;
        self.steps.push(Step { op, inputs, output, free: Vec::new() });
        for &node in nodes {
            self.value_of[node] = Some(output);
        }
    }

    /// Appends a step that takes the activation after it along.
    fn emit_activated(&mut self, id: NodeId, inputs: Vec<usize>, op: impl FnOnce(Option<Activation>) -> StepOp) {
        match self.activation_after(id) {
            Some((user, activation)) => self.emit(op(Some(activation)), inputs, &[id, user]),
            None => self.emit(op(None), inputs, &[id]),
        }
    }

    /// Folds a factor per channel, the join and the activation into a layer as far as each is the sole user of the one
    /// before.
    fn fold(&self, id: NodeId, bias: Vec<f32>, foldable: impl Fn(Op) -> bool) -> (Folding, Option<Activation>) {
        let node = &self.graph.nodes()[id];
        let weight = self.values(id, "weight").to_vec();
        let inputs = node.inputs.iter().filter_map(|&i| self.value_of[i]).collect();
        let mut folding = Folding { weight, bias, inputs, nodes: vec![id] };
        let mut last = id;
        if let Some(norm) = self.sole_user(last, foldable) {
            let (scale, shift) = self.scale_and_shift(norm);
            folding.scale(&scale, &shift);
            last = norm;
            folding.nodes.push(norm);
        }
        if let Some(join) = self.sole_user(last, |op| op == Op::Add) {
            let other = self.graph.nodes()[join].inputs.iter().find(|&&i| i != last);
            if let Some(value) = other.and_then(|&i| self.value_of[i]) {
                folding.inputs.push(value);
                last = join;
                folding.nodes.push(join);
            }
        }
        let activation = self.activation_after(last);
        folding.nodes.extend(activation.map(|(user, _)| user));
        (folding, activation.map(|(_, activation)| activation))
    }

    fn conv(&mut self, id: NodeId, conv: Conv) {
        let bias = if conv.bias { self.values(id, "bias").to_vec() } else { vec![0.0; conv.outputs] };
        let (folding, activation) = self.fold(id, bias, |op| matches!(op, Op::BatchNorm { .. }));
        let Folding { weight, bias, inputs, nodes } = folding;
        self.emit(StepOp::Conv { conv, weight, bias, activation }, inputs, &nodes);
    }

    fn linear(&mut self, id: NodeId, (inputs, outputs): (usize, usize), kind: LinearBias) {
        let mut bias = vec![0.0; outputs];
        if kind != LinearBias::None {
            bias.copy_from_slice(self.values(id, "bias"));
        }
        if kind == LinearBias::WithoutKeys {
            bias[outputs / 3..2 * outputs / 3].fill(0.0);
        }
        let (folding, activation) = self.fold(id, bias, |op| matches!(op, Op::LayerScale { .. }));
        let Folding { weight, bias, inputs: values, nodes } = folding;
        self.emit(StepOp::Linear { inputs, outputs, weight, bias, activation }, values, &nodes);
    }

    /// Batch norm in evaluation mode, or a layer scale, as y = scale·x + shift, in f64 so that folding costs no
    /// accuracy.
    fn scale_and_shift(&self, id: NodeId) -> (Vec<f64>, Vec<f64>) {
        let values = |name: &str| self.values(id, name).iter().map(|&v| f64::from(v));
        if let Op::LayerScale { channels } = self.graph.nodes()[id].op {
            return (values("").collect(), vec![0.0; channels]);
        }
        let scale: Vec<f64> =
            values("weight").zip(values("running_var")).map(|(w, var)| w / (var + NORM_EPSILON).sqrt()).collect();
        let shift = values("bias").zip(values("running_mean")).zip(&scale).map(|((b, mean), s)| b - mean * s).collect();
        (scale, shift)
    }

    fn attention(&self, id: NodeId) -> Attention {
        let softened = |channels: usize, heads: usize| vec![((channels / heads.max(1)) as f32).sqrt().recip(); heads];
        match self.graph.nodes()[id].op {
            Op::WindowAttention(window) => {
                let values = |name: &str| self.values(id, name);
                let (channels, heads) = (window.channels, window.heads);
                let scales = if window.cosine {
                    let largest = relative_position::LARGEST_SCALE;
                    values("logit_scale").iter().map(|s| s.exp().min(largest)).collect()
                } else {
                    softened(channels, heads)
                };
                let bias = relative_position::bias(&window, &values);
                let windows = Some(Windows { size: window.size, shift: window.shift, bias });
                Attention { channels, heads, scales, cosine: window.cosine, windows }
            }
            Op::Attention { channels, heads } => {
                Attention { channels, heads, scales: softened(channels, heads), cosine: false, windows: None }
            }
            _ => Attention { channels: 0, heads: 0, scales: Vec::new(), cosine: false, windows: None },
        }
    }
}

impl Folding {
    fn scale(&mut self, scale: &[f64], shift: &[f64]) {
        let per_output = self.weight.len() / self.bias.len().max(1);
        for (o, rows) in self.weight.chunks_exact_mut(per_output.max(1)).enumerate() {
            for w in rows {
                *w = (f64::from(*w) * scale[o]) as f32;
            }
            self.bias[o] = (f64::from(self.bias[o]) * scale[o] + shift[o]) as f32;
        }
    }
}

fn to_f32(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&v| v as f32).collect()
}

/// Notes after which step each value is no longer needed; the last value is the result and stays, as do the taps.
fn mark_free(steps: &mut [Step], values: usize, taps: &[usize]) {
    let mut seen = vec![false; values];
    let result = steps.last().map(|s| s.output);
    taps.iter().copied().chain(result).for_each(|kept| seen[kept] = true);
    for step in steps.iter_mut().rev() {
        for &value in &step.inputs {
            if !seen[value] {
                step.free.push(value);
            }
            seen[value] = true;
        }
    }
}
#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::nets::NetworkSpec;

    fn compile(name: &str, side: usize) -> Plan {
        let spec = NetworkSpec { arch: name.parse().unwrap(), side, classes: 10 };
        let graph = spec.graph();
        Plan::compile(&graph, &Weights::by_formula(&graph), side, &[])
    }

    #[test]
    fn nothing_but_convolutions_pools_and_the_head_remains() {
        let plan = compile("resnet18", 224);
        let convs = plan.steps.iter().filter(|s| matches!(s.op, StepOp::Conv { .. })).count();
        assert_eq!((plan.steps.len(), convs), (23, 20), "20 convolutions, max pool, mean, linear");
        let plan = compile("resnet20_cifar", 32);
        let joins = plan.steps.iter().filter(|s| s.inputs.len() == 2).count();
        assert_eq!((plan.steps.len(), joins), (19 + 2 + 2, 9), "19 convolutions, 2 shortcuts, mean, linear");
    }

    #[test]
    fn every_value_is_freed_once_and_never_used_later() {
        for (name, side) in [("conv4", 64), ("resnet50", 224), ("resnet20_cifar", 32)] {
            let plan = compile(name, side);
            let mut alive = vec![false; plan.values];
            alive[0] = true;
            for step in &plan.steps {
                assert!(step.inputs.iter().all(|&i| alive[i]), "{name}");
                alive[step.output] = true;
                for &value in &step.free {
                    assert!(std::mem::replace(&mut alive[value], false), "{name}");
                }
            }
            assert_eq!(alive.iter().filter(|&&a| a).count(), 1, "{name}: only the logits remain");
        }
    }
}
