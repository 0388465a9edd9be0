//! A network as data: operations in order of execution, each naming its weights by PyTorch's keys.
//!
//! One description serves everything: the keys and shapes a weight file must hold, how an untrained network's weights
//! are drawn, the sizes and multiply-adds, the folded inference plan ([`crate::engine::plan`]) and the trainable module
//! ([`crate::engine::burn::module`]).

use std::collections::BTreeSet;

use super::draw::Draw;
use super::extent::Extent;
pub use super::op::{Activation, Conv, LinearBias, Op, Padding, Pool, Window};
pub use super::tensors::Role;

/// Index of a node within its [`Graph`].
pub type NodeId = usize;

/// PyTorch's default share of a batch's statistics in batch norm's running ones.
pub const MOMENTUM: f64 = 0.1;

/// What PyTorch's batch norm adds to the variance by default.
pub const NORM_EPSILON: f64 = 1e-5;

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it computes.
    pub op: Op,
    /// Nodes it reads; always earlier ones.
    pub inputs: Vec<NodeId>,
    /// Prefix of its weights' keys; empty where it has none. A name follows after a dot, but directly after a prefix
    /// that ends in `_` (torchvision's `in_proj_weight`).
    pub key: String,
    /// How its weight and its bias are drawn, where not as PyTorch's layers do it by default.
    pub draws: Option<[Draw; 2]>,
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

/// A feature that later methods align, cluster or draw.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tap {
    /// The map that a stage ends with, from 1.
    Stage(usize),
    /// The row that the classifier reads (the map, where the classifier is a convolution).
    Features,
    /// The map that reaches the batch norm with this key.
    NormInput(String),
}

/// A value that goes into a network or comes out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// What it is for one image.
    pub extent: Extent,
}

/// A network: nodes in order of execution, of which the first ones are its inputs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    nodes: Vec<Node>,
    stages: Vec<NodeId>,
    inputs: Vec<Port>,
    outputs: Vec<(String, NodeId)>,
}

impl Graph {
    /// A graph that holds its input only: images of this side.
    #[must_use]
    pub fn images(side: usize) -> Self {
        Self::given([("image", Extent::image(side))])
    }

    /// A graph that holds its inputs only; their nodes are numbered in this order.
    #[must_use]
    pub fn given<const N: usize>(inputs: [(&str, Extent); N]) -> Self {
        let node = Node { op: Op::Input, inputs: Vec::new(), key: String::new(), draws: None };
        let inputs = inputs.map(|(name, extent)| Port { name: name.to_owned(), extent });
        Self { nodes: vec![node; N], inputs: inputs.into(), ..Self::default() }
    }

    /// What the network is given, in the order of its first nodes.
    #[must_use]
    pub fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    /// The extent of its first input: the image, where it is given nothing else.
    #[must_use]
    pub fn image(&self) -> Extent {
        self.inputs.first().map_or(Extent::map(0, 0, 0), |port| port.extent)
    }

    /// Says that a node's result is an output.
    pub fn output(&mut self, name: &str, node: NodeId) {
        self.outputs.push((name.to_owned(), node));
    }

    /// Its outputs by name; the last node's result is the only one, "logits", where nothing else is said.
    #[must_use]
    pub fn outputs(&self) -> Vec<(String, NodeId)> {
        if self.outputs.is_empty() { vec![("logits".to_owned(), self.last())] } else { self.outputs.clone() }
    }

    /// All nodes.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The last node so far.
    #[must_use]
    pub fn last(&self) -> NodeId {
        self.nodes.len().saturating_sub(1)
    }

    /// Appends an operation without weights.
    pub fn push(&mut self, op: Op, inputs: &[NodeId]) -> NodeId {
        self.push_keyed(op, inputs, "")
    }

    /// Appends an operation whose weights lie under `key`.
    pub fn push_keyed(&mut self, op: Op, inputs: &[NodeId], key: &str) -> NodeId {
        self.nodes.push(Node { op, inputs: inputs.to_vec(), key: key.to_owned(), draws: None });
        self.last()
    }

    /// Appends an activation.
    pub fn activate(&mut self, x: NodeId, activation: Activation) -> NodeId {
        self.push(Op::Activation(activation), &[x])
    }

    /// Appends a convolution.
    pub fn conv(&mut self, x: NodeId, conv: Conv, key: &str) -> NodeId {
        self.push_keyed(Op::Conv(conv), &[x], key)
    }

    /// Appends a batch norm with PyTorch's epsilon and momentum.
    pub fn batch_norm(&mut self, x: NodeId, channels: usize, key: &str) -> NodeId {
        self.push_keyed(Op::BatchNorm { channels, epsilon: NORM_EPSILON, momentum: MOMENTUM }, &[x], key)
    }

    /// Appends a linear layer with a bias.
    pub fn linear(&mut self, x: NodeId, (inputs, outputs): (usize, usize), key: &str) -> NodeId {
        self.push_keyed(Op::Linear { inputs, outputs, bias: LinearBias::Full }, &[x], key)
    }

    /// Appends convolution → batch norm → activation, if there is one.
    pub fn conv_norm(
        &mut self,
        x: NodeId,
        conv: Conv,
        (conv_key, norm_key): (&str, &str),
        activation: Option<Activation>,
    ) -> NodeId {
        let x = self.conv(x, conv, conv_key);
        let x = self.batch_norm(x, conv.outputs, norm_key);
        activation.map_or(x, |a| self.activate(x, a))
    }

    /// Appends stochastic depth, unless its share is 0.
    pub fn stochastic_depth(&mut self, x: NodeId, share: f64) -> NodeId {
        if share > 0.0 { self.push(Op::StochasticDepth(share), &[x]) } else { x }
    }

    /// Says that a stage ends with this node.
    pub fn end_stage(&mut self, node: NodeId) {
        self.stages.push(node);
    }

    /// Says how the weights and biases of the nodes that `rule` knows are drawn.
    pub fn draw(&mut self, rule: impl Fn(&Node) -> Option<[Draw; 2]>) {
        for node in &mut self.nodes {
            node.draws = rule(node).or(node.draws);
        }
    }

    /// Sets the share of a batch's statistics in the running ones for all batch norms.
    pub fn set_momentum(&mut self, share: f64) {
        for node in &mut self.nodes {
            if let Op::BatchNorm { momentum, .. } = &mut node.op {
                *momentum = share;
            }
        }
    }

    /// Makes it what TensorFlow makes of the same layers: its padding around convolutions, and what its batch norms add to
    /// the variance.
    pub fn as_tensorflow(&mut self) {
        for node in &mut self.nodes {
            match &mut node.op {
                // Nothing is around a kernel of one pixel.
                Op::Conv(conv) if conv.kernel > 1 => conv.padding = Padding::Same,
                Op::BatchNorm { epsilon, .. } => *epsilon = 1e-3,
                _ => {}
            }
        }
    }

    /// The node whose result a tap shows; `None` where the network has no such feature.
    #[must_use]
    pub fn tap(&self, tap: &Tap) -> Option<NodeId> {
        match tap {
            Tap::Stage(number) => self.stages.get(number.checked_sub(1)?).copied(),
            Tap::Features => self.nodes.get(self.classifier()?)?.inputs.first().map(|&i| self.before_dropout(i)),
            Tap::NormInput(key) => {
                let norm = |n: &&Node| matches!(n.op, Op::BatchNorm { .. }) && n.key == *key;
                self.nodes.iter().find(norm)?.inputs.first().copied()
            }
        }
    }

    /// All taps the network has: stages, classifier input, batch norms.
    #[must_use]
    pub fn taps(&self) -> Vec<Tap> {
        let norms = self.nodes.iter().filter(|n| matches!(n.op, Op::BatchNorm { .. }));
        let norms = norms.map(|n| Tap::NormInput(n.key.clone()));
        (1..=self.stages.len()).map(Tap::Stage).chain([Tap::Features]).chain(norms).collect()
    }

    fn before_dropout(&self, node: NodeId) -> NodeId {
        match self.nodes[node] {
            Node { op: Op::Dropout(_), ref inputs, .. } => inputs.first().map_or(node, |&i| self.before_dropout(i)),
            _ => node,
        }
    }

    /// The layer that makes one output per class: the last convolution or linear layer.
    #[must_use]
    pub fn classifier(&self) -> Option<NodeId> {
        self.nodes.iter().rposition(|n| n.op.outputs().is_some())
    }

    /// The keys of the classifier's tensors.
    #[must_use]
    pub fn classifier_keys(&self) -> BTreeSet<String> {
        let classifier = self.classifier();
        self.parameters().into_iter().filter(|p| Some(p.node) == classifier).map(|p| p.key).collect()
    }

    /// The tensors a weight file must hold, in order of execution.
    #[must_use]
    pub fn parameters(&self) -> Vec<Parameter> {
        self.nodes.iter().enumerate().flat_map(|(id, node)| node.parameters(id)).collect()
    }

    /// Number of learnable values (running statistics are not counted, as in PyTorch's `parameters()`).
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        let learnt = self.parameters().into_iter().filter(|p| p.role.is_learnt());
        learnt.map(|p| p.shape.iter().product::<usize>()).sum()
    }

    /// Number of classes: outputs of the classifier.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classifier().and_then(|id| self.nodes[id].op.outputs()).unwrap_or(0)
    }

    /// The same network for evaluation: without dropout and stochastic depth, which do nothing there.
    #[must_use]
    pub fn for_inference(&self) -> Self {
        let mut new_id = vec![0; self.nodes.len()];
        let mut graph = Self { inputs: self.inputs.clone(), ..Self::default() };
        for (id, node) in self.nodes.iter().enumerate() {
            if let (Op::Dropout(_) | Op::StochasticDepth(_), Some(&input)) = (node.op, node.inputs.first()) {
                new_id[id] = new_id[input];
                continue;
            }
            let inputs = node.inputs.iter().map(|&i| new_id[i]).collect();
            graph.nodes.push(Node { inputs, ..node.clone() });
            new_id[id] = graph.last();
        }
        graph.stages = self.stages.iter().map(|&s| new_id[s]).collect();
        graph.outputs = self.outputs.iter().map(|(name, node)| (name.clone(), new_id[*node])).collect();
        graph
    }
}

impl Node {
    /// The full key of one of its tensors.
    #[must_use]
    pub fn tensor_key(&self, name: &str) -> String {
        let dot = if name.is_empty() || self.key.ends_with('_') { "" } else { "." };
        format!("{}{dot}{name}", self.key)
    }

    fn parameters(&self, node: NodeId) -> impl Iterator<Item = Parameter> + '_ {
        let tensors = self.op.tensors().into_iter();
        tensors.map(move |(name, shape, role)| Parameter { key: self.tensor_key(name), shape, role, node })
    }
}
