//! From a graph with weights to a plan.

use super::{Epilogue, Plan, Step, activates, joins};
use crate::engine::nets::graph::{Activation, Conv, Graph, LinearBias, NodeId, Op, Tap, Window};
use crate::engine::nets::op::even_scale;
use crate::engine::nets::relative_position;
use crate::engine::weights::Weights;

impl Plan {
    /// Compiles a graph with its weights (all of them present, see [`crate::engine::weights`]); the plan keeps the
    /// named features that the graph has, and computes nothing for others.
    #[must_use]
    pub fn compile(graph: &Graph, weights: &Weights, taps: &[Tap]) -> Self {
        let graph = graph.for_inference();
        let tapped: Vec<NodeId> = taps.iter().filter_map(|t| graph.tap(t)).collect();
        let results = graph.outputs().into_iter().map(|(_, node)| node);
        let shown: Vec<NodeId> = tapped.iter().copied().chain(results).collect();
        let mut compiler = Compiler::new(&graph, weights, &shown);
        for node in graph.inputs().len()..graph.nodes().len() {
            compiler.node(node);
        }
        // A declared output is tapped, so it has a value of its own.
        let value = |(name, node): (String, NodeId)| Some((name, compiler.value_of[node]?));
        let outputs: Vec<(String, usize)> = graph.outputs().into_iter().filter_map(value).collect();
        let taps: Vec<usize> = tapped.iter().filter_map(|&node| compiler.value_of[node]).collect();
        let mut steps = compiler.steps;
        let kept: Vec<usize> = outputs.iter().map(|(_, value)| *value).chain(taps.iter().copied()).collect();
        mark_free(&mut steps, compiler.values, &kept);
        Self { steps, values: compiler.values, inputs: graph.inputs().to_vec(), outputs, taps }
    }
}

struct Compiler<'a> {
    graph: &'a Graph,
    weights: &'a Weights,
    users: Vec<Vec<NodeId>>,
    /// Nodes whose results are looked at from outside.
    shown: &'a [NodeId],
    /// The value that holds a node's result; `None` until it is computed.
    value_of: Vec<Option<usize>>,
    steps: Vec<Step>,
    values: usize,
}

/// A step in the making: others are folded into it as long as each is the sole user of the one before.
struct Folding {
    op: Op,
    tensors: Vec<Vec<f32>>,
    epilogue: Epilogue,
    /// Nodes that the step stands for, in order.
    nodes: Vec<NodeId>,
}

impl<'a> Compiler<'a> {
    fn new(graph: &'a Graph, weights: &'a Weights, shown: &'a [NodeId]) -> Self {
        let mut users = vec![Vec::new(); graph.nodes().len()];
        for (id, node) in graph.nodes().iter().enumerate() {
            for &input in &node.inputs {
                users[input].push(id);
            }
        }
        let mut value_of = vec![None; graph.nodes().len()];
        let given = graph.inputs().len();
        value_of.iter_mut().take(given).enumerate().for_each(|(value, of)| *of = Some(value));
        Self { graph, weights, users, shown, value_of, steps: Vec::new(), values: given }
    }

    /// The only user of a node that nobody else looks at, if its operation is the one asked for.
    fn sole_user(&self, node: NodeId, wanted: impl Fn(Op) -> bool) -> Option<NodeId> {
        let &[user] = self.users[node].as_slice() else { return None };
        (wanted(self.graph.nodes()[user].op) && !self.shown.contains(&node)).then_some(user)
    }

    fn activation_after(&self, node: NodeId) -> Option<(NodeId, Activation)> {
        let user = self.sole_user(node, |op| matches!(op, Op::Activation(_)))?;
        if let Op::Activation(activation) = self.graph.nodes()[user].op { Some((user, activation)) } else { None }
    }

    fn values(&self, node: NodeId, name: &str) -> &'a [f32] {
        self.weights.values(&self.graph.nodes()[node].tensor_key(name))
    }

    fn node(&mut self, id: NodeId) {
        let op = self.graph.nodes()[id].op;
        if self.value_of[id].is_some() || op == Op::Input {
            return; // given, or already folded into an earlier step
        }
        let mut folding = Folding { op, tensors: self.tensors(id), epilogue: Epilogue::default(), nodes: vec![id] };
        match op {
            Op::Conv(conv) => {
                folding.op = Op::Conv(Conv { bias: true, ..conv });
                self.fold_factor(&mut folding, |op| matches!(op, Op::BatchNorm { .. }));
            }
            Op::Linear { inputs, outputs, .. } => {
                folding.op = Op::Linear { inputs, outputs, bias: LinearBias::Full };
                self.fold_factor(&mut folding, |op| matches!(op, Op::LayerScale { .. }));
            }
            _ => {}
        }
        if joins(&op) {
            self.fold_join(&mut folding);
        }
        if activates(&op)
            && let Some((user, activation)) = self.activation_after(folding.last())
        {
            folding.epilogue.activation = Some(activation);
            folding.nodes.push(user);
        }
        self.emit(folding);
    }

    /// The tensors of a node's step before others are folded into it.
    fn tensors(&self, id: NodeId) -> Vec<Vec<f32>> {
        let values = |name: &str| self.values(id, name).to_vec();
        match self.graph.nodes()[id].op {
            Op::Conv(conv) => vec![values("weight"), if conv.bias { values("bias") } else { vec![0.0; conv.outputs] }],
            Op::Linear { outputs, bias, .. } => vec![values("weight"), self.linear_bias(id, outputs, bias)],
            Op::BatchNorm { .. } | Op::LayerScale { .. } => {
                let (scale, shift) = self.scale_and_shift(id);
                vec![to_f32(&scale), to_f32(&shift)]
            }
            Op::WindowAttention(window) => self.window(id, &window),
            op => op.tensors().iter().map(|(name, ..)| values(name)).collect(),
        }
    }

    fn linear_bias(&self, id: NodeId, outputs: usize, kind: LinearBias) -> Vec<f32> {
        let mut bias = vec![0.0; outputs];
        if kind != LinearBias::None {
            bias.copy_from_slice(self.values(id, "bias"));
        }
        if kind == LinearBias::WithoutKeys {
            bias[outputs / 3..2 * outputs / 3].fill(0.0);
        }
        bias
    }

    /// Appends a step; only its last node's result is read by others.
    fn emit(&mut self, folding: Folding) {
        let Folding { op, tensors, epilogue, nodes } = folding;
        let output = self.values;
        self.values += 1;
        let inputs = self.graph.nodes()[nodes[0]].inputs.iter().filter_map(|&i| self.value_of[i]).collect();
        self.steps.push(Step { tensors, epilogue, ..Step::new(op, inputs, output) });
        for node in nodes {
            self.value_of[node] = Some(output);
        }
    }

    /// Folds a factor and a summand per channel into a layer's weight and bias.
    fn fold_factor(&self, folding: &mut Folding, foldable: impl Fn(Op) -> bool) {
        if let Some(norm) = self.sole_user(folding.last(), foldable) {
            let (scale, shift) = self.scale_and_shift(norm);
            folding.scale(&scale, &shift);
            folding.nodes.push(norm);
        }
    }

    /// Takes along the join whose other side is there already.
    fn fold_join(&self, folding: &mut Folding) {
        let last = folding.last();
        let Some(join) = self.sole_user(last, |op| op == Op::Add) else { return };
        let other = self.graph.nodes()[join].inputs.iter().find(|&&i| i != last);
        if let Some(value) = other.and_then(|&i| self.value_of[i]) {
            folding.epilogue.join = Some(value);
            folding.nodes.push(join);
        }
    }

    /// Batch norm in evaluation mode, or a layer scale, as y = scale·x + shift, in f64 so that folding costs no
    /// accuracy.
    fn scale_and_shift(&self, id: NodeId) -> (Vec<f64>, Vec<f64>) {
        let values = |name: &str| self.values(id, name).iter().map(|&v| f64::from(v));
        let epsilon = match self.graph.nodes()[id].op {
            Op::LayerScale { channels } => return (values("").collect(), vec![0.0; channels]),
            Op::BatchNorm { epsilon, .. } => epsilon,
            _ => 0.0,
        };
        let scale: Vec<f64> =
            values("weight").zip(values("running_var")).map(|(w, var)| w / (var + epsilon).sqrt()).collect();
        let shift = values("bias").zip(values("running_mean")).zip(&scale).map(|((b, mean), s)| b - mean * s).collect();
        (scale, shift)
    }

    /// The factor of the similarities of each head, and what is added to them.
    fn window(&self, id: NodeId, window: &Window) -> Vec<Vec<f32>> {
        let values = |name: &str| self.values(id, name);
        let scales = if window.cosine {
            let largest = relative_position::LARGEST_SCALE;
            values("logit_scale").iter().map(|s| s.exp().min(largest)).collect()
        } else {
            vec![even_scale(window.channels, window.heads); window.heads]
        };
        vec![scales, relative_position::bias(window, &values)]
    }
}

impl Folding {
    /// The node whose result the step has so far.
    fn last(&self) -> NodeId {
        self.nodes[self.nodes.len() - 1]
    }

    fn scale(&mut self, scale: &[f64], shift: &[f64]) {
        let [weight, bias] = self.tensors.as_mut_slice() else { return };
        let per_output = weight.len() / bias.len().max(1);
        for (o, rows) in weight.chunks_exact_mut(per_output.max(1)).enumerate() {
            for w in rows {
                *w = (f64::from(*w) * scale[o]) as f32;
            }
            bias[o] = (f64::from(bias[o]) * scale[o] + shift[o]) as f32;
        }
    }
}

fn to_f32(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&v| v as f32).collect()
}

/// Notes after which step each value is no longer needed; those that are `kept` stay.
fn mark_free(steps: &mut [Step], values: usize, kept: &[usize]) {
    let mut seen = vec![false; values];
    kept.iter().for_each(|&kept| seen[kept] = true);
    for step in steps.iter_mut().rev() {
        for value in step.inputs.iter().copied().chain(step.epilogue.join) {
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
        Plan::compile(&graph, &Weights::by_formula(&graph), &[])
    }

    #[test]
    fn nothing_but_convolutions_pools_and_the_head_remains() {
        let plan = compile("resnet18", 224);
        let convs = plan.steps.iter().filter(|s| matches!(s.op, Op::Conv(_))).count();
        assert_eq!((plan.steps.len(), convs), (23, 20), "20 convolutions, max pool, mean, linear");
        let plan = compile("resnet20_cifar", 32);
        let joins = plan.steps.iter().filter(|s| s.epilogue.join.is_some()).count();
        assert_eq!((plan.steps.len(), joins), (19 + 2 + 2, 9), "19 convolutions, 2 shortcuts, mean, linear");
    }

    #[test]
    fn every_value_is_freed_once_and_never_used_later() {
        for (name, side) in [("conv4", 64), ("resnet50", 224), ("resnet20_cifar", 32)] {
            let plan = compile(name, side);
            let mut alive = vec![false; plan.values];
            alive[..plan.inputs.len()].fill(true);
            for step in &plan.steps {
                assert!(step.reads().all(|i| alive[i]), "{name}");
                alive[step.output] = true;
                for &value in &step.free {
                    assert!(std::mem::replace(&mut alive[value], false), "{name}");
                }
            }
            assert_eq!(alive.iter().filter(|&&a| a).count(), 1, "{name}: only the logits remain");
        }
    }
}
