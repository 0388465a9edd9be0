//! The seam for inference: a network as a short list of folded steps, plain data without any tensor library.
//!
//! Batch norm is folded into the convolution before it, ReLU and the residual join into the step that makes their
//! input. An [`Engine`] executes a plan; [`super::burn_engine`] does it with burn on any device.

use super::nets::graph::{Conv, Graph, NodeId, Op, Pool};
use super::weights::Weights;

/// Epsilon of every batch norm in the tables.
pub const NORM_EPSILON: f64 = 1e-5;

/// What a step computes. NCHW until `Flatten` or `GlobalMean`.
#[derive(Clone, Debug, PartialEq)]
pub enum StepOp {
    /// Convolution plus bias; plus `inputs[1]` where there is one; then ReLU where asked.
    Conv {
        /// Shape.
        conv: Conv,
        /// [out, in, k, k], row-major, batch norm folded in.
        weight: Vec<f32>,
        /// [out].
        bias: Vec<f32>,
        /// Whether ReLU follows.
        relu: bool,
    },
    /// Sum of both inputs, then ReLU where asked.
    Add {
        /// Whether ReLU follows.
        relu: bool,
    },
    /// γ·(x − mean)/√(var + ε) + β as scale and shift per channel, where no convolution could take it.
    Scale {
        /// Factor per channel.
        scale: Vec<f32>,
        /// Summand per channel.
        shift: Vec<f32>,
    },
    /// max(0, x).
    Relu,
    /// Maximum of each window.
    MaxPool(Pool),
    /// Mean of each window.
    AvgPool(Pool),
    /// Option-A shortcut.
    Shortcut {
        /// Step.
        stride: usize,
        /// Zero channels on both sides.
        pad: usize,
    },
    /// Mean over rows and columns.
    GlobalMean,
    /// NCHW → N×(C·H·W).
    Flatten,
    /// Fully connected.
    Linear {
        /// Input features.
        inputs: usize,
        /// Output features.
        outputs: usize,
        /// [out, in].
        weight: Vec<f32>,
        /// [out].
        bias: Vec<f32>,
    },
}

/// One step: reads values, writes one value.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What it computes.
    pub op: StepOp,
    /// Values it reads; value 0 is the batch.
    pub inputs: Vec<usize>,
    /// The value it writes.
    pub output: usize,
    /// Values that nothing needs after this step.
    pub free: Vec<usize>,
}

/// A compiled network.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Steps in order.
    pub steps: Vec<Step>,
    /// Number of values, the batch included.
    pub values: usize,
    /// Input side in pixels.
    pub side: usize,
    /// Outputs per image.
    pub classes: usize,
}

/// What can go wrong while a plan runs.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The device refused or was lost.
    #[error("the device failed: {0}; try a smaller --batch, or --device cpu")]
    Device(String),
}

/// Executes a plan.
pub trait Engine {
    /// Logits of `batch` images: `images` is N×3×S×S, normalised, row-major; the result is N×classes.
    ///
    /// # Errors
    /// [`EngineError`] where the device fails.
    fn logits(&mut self, images: &[f32], batch: usize) -> Result<Vec<f32>, EngineError>;

    /// Outputs per image.
    fn classes(&self) -> usize;

    /// Input side in pixels.
    fn side(&self) -> usize;
}

impl Plan {
    /// Compiles a graph with its weights (all of them present, see [`super::weights`]).
    #[must_use]
    pub fn compile(graph: &Graph, weights: &Weights, side: usize) -> Self {
        let mut compiler = Compiler::new(graph, weights);
        for node in 1..graph.nodes().len() {
            compiler.node(node);
        }
        let mut steps = compiler.steps;
        mark_free(&mut steps, compiler.values);
        Self { steps, values: compiler.values, side, classes: graph.outputs() }
    }
}

struct Compiler<'a> {
    graph: &'a Graph,
    weights: &'a Weights,
    users: Vec<Vec<NodeId>>,
    /// The value that holds a node's result; `None` until it is computed.
    value_of: Vec<Option<usize>>,
    steps: Vec<Step>,
    values: usize,
}

impl<'a> Compiler<'a> {
    fn new(graph: &'a Graph, weights: &'a Weights) -> Self {
        let mut users = vec![Vec::new(); graph.nodes().len()];
        for (id, node) in graph.nodes().iter().enumerate() {
            for &input in &node.inputs {
                users[input].push(id);
            }
        }
        let mut value_of = vec![None; graph.nodes().len()];
        value_of[0] = Some(0);
        Self { graph, weights, users, value_of, steps: Vec::new(), values: 1 }
    }

    /// The only user of a node, if its operation is the one asked for.
    fn sole_user(&self, node: NodeId, wanted: impl Fn(Op) -> bool) -> Option<NodeId> {
        let &[user] = self.users[node].as_slice() else { return None };
        wanted(self.graph.nodes()[user].op).then_some(user)
    }

    fn node(&mut self, id: NodeId) {
        if self.value_of[id].is_some() {
            return; // already folded into an earlier step
        }
        let node = &self.graph.nodes()[id];
        let key = &node.key;
        let inputs: Vec<usize> = node.inputs.iter().filter_map(|&i| self.value_of[i]).collect();
        let op = match node.op {
            Op::Input => return,
            Op::Conv(conv) => return self.conv(id, conv),
            Op::BatchNorm(_) => {
                let (scale, shift) = self.scale_and_shift(key);
                StepOp::Scale { scale: to_f32(&scale), shift: to_f32(&shift) }
            }
            Op::Add => {
                let relu = self.sole_user(id, |op| op == Op::Relu);
                return self.emit(StepOp::Add { relu: relu.is_some() }, inputs, &[Some(id), relu]);
            }
            Op::Relu => StepOp::Relu,
            Op::MaxPool(pool) => StepOp::MaxPool(pool),
            Op::AvgPool(pool) => StepOp::AvgPool(pool),
            Op::GlobalMean => StepOp::GlobalMean,
            Op::Flatten => StepOp::Flatten,
            Op::Shortcut { stride, pad } => StepOp::Shortcut { stride, pad },
            Op::Linear { inputs, outputs } => StepOp::Linear {
                inputs,
                outputs,
                weight: self.weights.values(&format!("{key}.weight")).to_vec(),
                bias: self.weights.values(&format!("{key}.bias")).to_vec(),
            },
        };
        self.emit(op, inputs, &[Some(id)]);
    }

    /// Appends a step that stands for these nodes; only the last one's result is read by others.
    fn emit(&mut self, op: StepOp, inputs: Vec<usize>, nodes: &[Option<NodeId>]) {
        let output = self.values;
        self.values += 1;
        self.steps.push(Step { op, inputs, output, free: Vec::new() });
        for &node in nodes.iter().flatten() {
            self.value_of[node] = Some(output);
        }
    }

    /// Folds batch norm, join and ReLU into the convolution as far as each is the sole user of the one before.
    fn conv(&mut self, id: NodeId, conv: Conv) {
        let node = &self.graph.nodes()[id];
        let mut weight = self.weights.values(&format!("{}.weight", node.key)).to_vec();
        let mut bias = vec![0.0; conv.outputs];
        if conv.bias {
            bias.copy_from_slice(self.weights.values(&format!("{}.bias", node.key)));
        }
        let mut inputs: Vec<usize> = node.inputs.iter().filter_map(|&i| self.value_of[i]).collect();
        let (mut last, mut nodes) = (id, vec![Some(id)]);
        if let Some(norm) = self.sole_user(last, |op| matches!(op, Op::BatchNorm(_))) {
            let (scale, shift) = self.scale_and_shift(&self.graph.nodes()[norm].key);
            fold(&mut weight, &mut bias, &scale, &shift);
            last = norm;
            nodes.push(Some(norm));
        }
        if let Some(join) = self.sole_user(last, |op| op == Op::Add) {
            let other = self.graph.nodes()[join].inputs.iter().find(|&&i| i != last);
            if let Some(value) = other.and_then(|&i| self.value_of[i]) {
                inputs.push(value);
                last = join;
                nodes.push(Some(join));
            }
        }
        let relu = self.sole_user(last, |op| op == Op::Relu);
        nodes.push(relu);
        self.emit(StepOp::Conv { conv, weight, bias, relu: relu.is_some() }, inputs, &nodes);
    }

    /// Batch norm in evaluation mode as y = scale·x + shift, in f64 so that folding costs no accuracy.
    fn scale_and_shift(&self, key: &str) -> (Vec<f64>, Vec<f64>) {
        let values = |name: &str| self.weights.values(&format!("{key}.{name}")).iter().map(|&v| f64::from(v));
        let scale: Vec<f64> =
            values("weight").zip(values("running_var")).map(|(w, var)| w / (var + NORM_EPSILON).sqrt()).collect();
        let shift = values("bias").zip(values("running_mean")).zip(&scale).map(|((b, mean), s)| b - mean * s).collect();
        (scale, shift)
    }
}

fn to_f32(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&v| v as f32).collect()
}

fn fold(weight: &mut [f32], bias: &mut [f32], scale: &[f64], shift: &[f64]) {
    let per_output = weight.len() / bias.len().max(1);
    for (o, rows) in weight.chunks_exact_mut(per_output.max(1)).enumerate() {
        for w in rows {
            *w = (f64::from(*w) * scale[o]) as f32;
        }
        bias[o] = (f64::from(bias[o]) * scale[o] + shift[o]) as f32;
    }
}

/// Notes after which step each value is no longer needed; the last value is the result and stays.
fn mark_free(steps: &mut [Step], values: usize) {
    let mut seen = vec![false; values];
    let result = steps.last().map(|s| s.output);
    for step in steps.iter_mut().rev() {
        let mut inputs = step.inputs.clone();
        inputs.dedup();
        for value in inputs {
            if !seen[value] && Some(value) != result {
                step.free.push(value);
            }
            seen[value] = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::nets::NetworkSpec;
    use super::*;

    fn compile(name: &str, side: usize) -> Plan {
        let spec = NetworkSpec { arch: name.parse().unwrap(), side, classes: 10 };
        let graph = spec.graph();
        Plan::compile(&graph, &Weights::by_formula(&graph), side)
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
