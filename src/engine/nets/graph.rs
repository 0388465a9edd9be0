//! A network as data: operations in order of execution, each naming its weights by PyTorch's keys.
//!
//! One description serves everything: the keys and shapes a weight file must hold, the folded inference plan
//! ([`crate::engine::plan`]) and the trainable module ([`super::module`]).

/// Index of a node within its [`Graph`].
pub type NodeId = usize;

/// A square-kernel convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv {
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// Kernel side.
    pub kernel: usize,
    /// Step in both directions.
    pub stride: usize,
    /// Zero padding on every side.
    pub padding: usize,
    /// Whether there is a bias.
    pub bias: bool,
}

/// A square pooling window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Window side.
    pub kernel: usize,
    /// Step.
    pub stride: usize,
    /// Padding on every side (never wins in max pooling).
    pub padding: usize,
}

/// What a node computes. Tensors are NCHW until `Flatten` or `GlobalMean` make them NC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// The batch of images, N×3×S×S.
    Input,
    /// Convolution: `key.weight` [out, in, k, k] and maybe `key.bias` [out].
    Conv(Conv),
    /// Batch normalisation (eps 1e-5) over that many channels: weight, bias, running_mean, running_var.
    BatchNorm(usize),
    /// max(0, x).
    Relu,
    /// Maximum of each window.
    MaxPool(Pool),
    /// Mean of each window (no padding).
    AvgPool(Pool),
    /// Mean over rows and columns: NCHW → NC.
    GlobalMean,
    /// NCHW → N×(C·H·W).
    Flatten,
    /// Fully connected: `key.weight` [out, in], `key.bias` [out].
    Linear {
        /// Input features.
        inputs: usize,
        /// Output features.
        outputs: usize,
    },
    /// Sum of two tensors of one shape (a residual join).
    Add,
    /// Option-A shortcut (He et al. 2016): every `stride`-th row and column, `pad` zero channels on both sides.
    Shortcut {
        /// Step.
        stride: usize,
        /// Zero channels before and behind.
        pad: usize,
    },
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What it computes.
    pub op: Op,
    /// Nodes it reads; always earlier ones.
    pub inputs: Vec<NodeId>,
    /// Prefix of its weights' keys; empty where it has none.
    pub key: String,
}

/// What a weight tensor is for: decides how it is initialised and whether a missing one matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Convolution or linear weight.
    Weight,
    /// Convolution or linear bias.
    Bias,
    /// Batch norm's γ.
    NormWeight,
    /// Batch norm's β.
    NormBias,
    /// Batch norm's running mean.
    RunningMean,
    /// Batch norm's running variance.
    RunningVar,
}

/// A tensor that the network needs from a weight file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// PyTorch's key.
    pub key: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// What it is.
    pub role: Role,
    /// The node that uses it.
    pub node: NodeId,
}

/// A network: nodes in order of execution; the last one gives the logits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    nodes: Vec<Node>,
}

impl Graph {
    /// A graph that holds its input only.
    #[must_use]
    pub fn new() -> Self {
        Self { nodes: vec![Node { op: Op::Input, inputs: Vec::new(), key: String::new() }] }
    }

    /// All nodes.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The last node so far.
    #[must_use]
    pub fn last(&self) -> NodeId {
        self.nodes.len() - 1
    }

    /// Appends an operation without weights.
    pub fn push(&mut self, op: Op, inputs: &[NodeId]) -> NodeId {
        self.push_keyed(op, inputs, "")
    }

    /// Appends an operation whose weights lie under `key`.
    pub fn push_keyed(&mut self, op: Op, inputs: &[NodeId], key: &str) -> NodeId {
        self.nodes.push(Node { op, inputs: inputs.to_vec(), key: key.to_owned() });
        self.last()
    }

    /// Appends convolution → batch norm, and ReLU where asked.
    pub fn conv_norm(&mut self, x: NodeId, conv: Conv, (conv_key, norm_key): (&str, &str), relu: bool) -> NodeId {
        let x = self.push_keyed(Op::Conv(conv), &[x], conv_key);
        let x = self.push_keyed(Op::BatchNorm(conv.outputs), &[x], norm_key);
        if relu { self.push(Op::Relu, &[x]) } else { x }
    }

    /// The tensors a weight file must hold, in order of execution.
    #[must_use]
    pub fn parameters(&self) -> Vec<Parameter> {
        self.nodes.iter().enumerate().flat_map(|(id, node)| node.parameters(id)).collect()
    }

    /// Number of learnable values (running statistics are not counted, as in PyTorch's `parameters()`).
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        let learnable = |p: &Parameter| !matches!(p.role, Role::RunningMean | Role::RunningVar);
        self.parameters().iter().filter(|p| learnable(p)).map(|p| p.shape.iter().product::<usize>()).sum()
    }

    /// Number of classes: outputs of the last linear layer.
    #[must_use]
    pub fn outputs(&self) -> usize {
        let linear = |n: &Node| if let Op::Linear { outputs, .. } = n.op { Some(outputs) } else { None };
        self.nodes.iter().rev().find_map(linear).unwrap_or(0)
    }
}

impl Node {
    fn parameters(&self, node: NodeId) -> Vec<Parameter> {
        let make =
            |name: &str, shape: Vec<usize>, role| Parameter { key: format!("{}.{name}", self.key), shape, role, node };
        match self.op {
            Op::Conv(c) => {
                let weight = make("weight", vec![c.outputs, c.inputs, c.kernel, c.kernel], Role::Weight);
                let bias = c.bias.then(|| make("bias", vec![c.outputs], Role::Bias));
                std::iter::once(weight).chain(bias).collect()
            }
            Op::BatchNorm(n) => vec![
                make("weight", vec![n], Role::NormWeight),
                make("bias", vec![n], Role::NormBias),
                make("running_mean", vec![n], Role::RunningMean),
                make("running_var", vec![n], Role::RunningVar),
            ],
            Op::Linear { inputs, outputs } => {
                vec![make("weight", vec![outputs, inputs], Role::Weight), make("bias", vec![outputs], Role::Bias)]
            }
            _ => Vec::new(),
        }
    }
}
