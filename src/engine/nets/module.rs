//! A network that can be trained: a [`Graph`] with parameters on a device.
//!
//! Whether batch norm takes the statistics of the batch or the running ones is said by the caller, never guessed from
//! the device: burn's own layer would overwrite a frozen observer's statistics on an autodiff device.

use burn::module::{Module, Param, ParamId, RunningState};
use burn::tensor::activation::relu;
use burn::tensor::module::{batch_norm, batch_norm_train, conv2d, linear};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor, TensorData};

use super::graph::{Conv, Graph, Op};
use crate::core::load_report::LoadReport;
use crate::engine::burn_engine::{Value, avg_pool, broken_plan, global_mean, max_pool, shortcut};
use crate::engine::plan::{EngineError, NORM_EPSILON};
use crate::engine::weights::{WeightTensor, Weights};

/// Share of a batch's statistics in the running ones (PyTorch's default).
const MOMENTUM: f64 = 0.1;

/// What batch norm does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Normalises by the statistics of the batch and updates the running ones, with the unbiased variance.
    Train,
    /// Normalises by the running statistics and changes nothing.
    Evaluate,
}

/// A graph with parameters. Clones share their running statistics.
#[derive(Module, Debug)]
pub struct Network {
    /// One layer per node that has weights, in the graph's order.
    layers: Vec<Layer>,
    #[module(skip)]
    graph: Graph,
}

#[derive(Module, Debug)]
enum Layer {
    Conv(ConvLayer),
    Norm(NormLayer),
    Linear(LinearLayer),
}

/// Weight [out, in, k, k], bias [out].
#[derive(Module, Debug)]
struct ConvLayer {
    weight: Param<Tensor<4>>,
    bias: Option<Param<Tensor<1>>>,
}

/// γ, β and the running statistics, [channels] each.
#[derive(Module, Debug)]
struct NormLayer {
    gamma: Param<Tensor<1>>,
    beta: Param<Tensor<1>>,
    mean: RunningState<Tensor<1>>,
    variance: RunningState<Tensor<1>>,
}

/// Weight [out, in] as PyTorch keeps it, bias [out].
#[derive(Module, Debug)]
struct LinearLayer {
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

impl Network {
    /// Puts weights on a device; an autodiff device makes them trainable.
    ///
    /// # Errors
    /// The load report where a tensor is missing or of the wrong shape.
    pub fn new(graph: Graph, weights: &Weights, device: &Device) -> Result<Self, LoadReport> {
        let report = weights.report(&graph);
        if !report.is_complete() {
            return Err(report);
        }
        let source = Source { weights, device };
        let layers = graph.nodes().iter().filter_map(|node| source.layer(node.op, &node.key)).collect();
        Ok(Self { layers, graph })
    }

    /// The network's description.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Logits N×classes of normalised images N×3×S×S.
    ///
    /// # Errors
    /// [`EngineError`] for a graph whose operations don't fit together.
    pub fn forward(&self, images: Tensor<4>, mode: Mode) -> Result<Tensor<2>, EngineError> {
        self.forward_watched(images, mode, &mut |_, _| {})
    }

    /// [`Self::forward`]; `watch` sees each batch norm's key and input (N×C×H×W), in the graph's order.
    ///
    /// # Errors
    /// [`EngineError`] for a graph whose operations don't fit together.
    pub fn forward_watched(
        &self,
        images: Tensor<4>,
        mode: Mode,
        watch: &mut dyn FnMut(&str, &Tensor<4>),
    ) -> Result<Tensor<2>, EngineError> {
        let nodes = self.graph.nodes();
        let mut readers = vec![0_usize; nodes.len()];
        nodes.iter().flat_map(|n| &n.inputs).for_each(|&i| readers[i] += 1);
        let mut values: Vec<Option<Value>> = vec![None; nodes.len()];
        values[0] = Some(Value::Map(images));
        let mut layers = self.layers.iter();
        for (id, node) in nodes.iter().enumerate().skip(1) {
            // The last reader takes the value, so that its memory is free as soon as possible.
            let mut read = |&i: &usize| {
                readers[i] -= 1;
                if readers[i] == 0 { values[i].take() } else { values[i].clone() }
            };
            let inputs: Vec<Value> = node.inputs.iter().filter_map(&mut read).collect();
            if let (Op::BatchNorm(_), Some(Value::Map(x))) = (node.op, inputs.first()) {
                watch(&node.key, x);
            }
            let layer = if has_weights(node.op) { layers.next() } else { None };
            values[id] = Some(apply(node.op, layer, inputs, mode)?);
        }
        let Some(Value::Rows(logits)) = values.pop().flatten() else { return Err(broken_plan()) };
        Ok(logits)
    }

    /// All tensors under PyTorch's keys, running statistics included.
    ///
    /// # Errors
    /// [`EngineError`] where the device can't be read.
    pub fn weights(&self) -> Result<Weights, EngineError> {
        let keyed = self.graph.nodes().iter().filter(|n| has_weights(n.op));
        let mut tensors = std::collections::BTreeMap::new();
        for (node, layer) in keyed.zip(&self.layers) {
            for (name, tensor) in layer.tensors()? {
                tensors.insert(format!("{}.{name}", node.key), tensor);
            }
        }
        Ok(Weights::new(tensors))
    }

    /// The parameters that weight decay applies to: weights of more than one dimension, no biases and no norms (spec
    /// 1.9).
    #[must_use]
    pub fn decayed(&self) -> Vec<ParamId> {
        let weight = |layer: &Layer| match layer {
            Layer::Conv(conv) => Some(conv.weight.id),
            Layer::Linear(linear) => Some(linear.weight.id),
            Layer::Norm(_) => None,
        };
        self.layers.iter().filter_map(weight).collect()
    }
}

fn has_weights(op: Op) -> bool {
    matches!(op, Op::Conv(_) | Op::BatchNorm(_) | Op::Linear { .. })
}

/// Where a new network's parameters come from and go to.
struct Source<'a> {
    weights: &'a Weights,
    device: &'a Device,
}

impl Source<'_> {
    fn tensor<const D: usize>(&self, key: &str, name: &str, shape: [usize; D]) -> Tensor<D> {
        let values = self.weights.values(&format!("{key}.{name}")).to_vec();
        Tensor::from_data(TensorData::new(values, shape), self.device)
    }

    fn parameter<const D: usize>(&self, key: &str, name: &str, shape: [usize; D]) -> Param<Tensor<D>> {
        Param::from_tensor(self.tensor(key, name, shape))
    }

    fn layer(&self, op: Op, key: &str) -> Option<Layer> {
        Some(match op {
            Op::Conv(c) => Layer::Conv(ConvLayer {
                weight: self.parameter(key, "weight", [c.outputs, c.inputs, c.kernel, c.kernel]),
                bias: c.bias.then(|| self.parameter(key, "bias", [c.outputs])),
            }),
            Op::BatchNorm(n) => Layer::Norm(NormLayer {
                gamma: self.parameter(key, "weight", [n]),
                beta: self.parameter(key, "bias", [n]),
                mean: RunningState::new(self.tensor(key, "running_mean", [n])),
                variance: RunningState::new(self.tensor(key, "running_var", [n])),
            }),
            Op::Linear { inputs, outputs } => Layer::Linear(LinearLayer {
                weight: self.parameter(key, "weight", [outputs, inputs]),
                bias: self.parameter(key, "bias", [outputs]),
            }),
            _ => return None,
        })
    }
}

impl Layer {
    /// Names below the node's key, and values.
    fn tensors(&self) -> Result<Vec<(&'static str, WeightTensor)>, EngineError> {
        Ok(match self {
            Self::Conv(conv) => {
                let bias = conv.bias.as_ref().map(|b| Ok(("bias", read(b.val())?)));
                let bias = bias.transpose()?;
                std::iter::once(("weight", read(conv.weight.val())?)).chain(bias).collect()
            }
            Self::Norm(norm) => vec![
                ("weight", read(norm.gamma.val())?),
                ("bias", read(norm.beta.val())?),
                ("running_mean", read(norm.mean.value_sync())?),
                ("running_var", read(norm.variance.value_sync())?),
            ],
            Self::Linear(linear) => vec![("weight", read(linear.weight.val())?), ("bias", read(linear.bias.val())?)],
        })
    }
}

fn read<const D: usize>(tensor: Tensor<D>) -> Result<WeightTensor, EngineError> {
    let shape = tensor.dims().to_vec();
    let data = tensor.try_into_data().map_err(|e| EngineError::Device(e.to_string()))?;
    let values = data.try_to_vec::<f32>().map_err(|e| EngineError::Device(format!("{e:?}")))?;
    Ok(WeightTensor { shape, values })
}

fn apply(op: Op, layer: Option<&Layer>, inputs: Vec<Value>, mode: Mode) -> Result<Value, EngineError> {
    let mut inputs = inputs.into_iter();
    let map = match (layer, inputs.next()) {
        (Some(Layer::Linear(l)), Some(Value::Rows(x))) => {
            return Ok(Value::Rows(linear(x, l.weight.val().transpose(), Some(l.bias.val()))));
        }
        (_, Some(Value::Map(x))) => x,
        _ => return Err(broken_plan()),
    };
    Ok(Value::Map(match (op, layer) {
        (Op::Conv(c), Some(Layer::Conv(layer))) => layer.forward(map, c),
        (Op::BatchNorm(_), Some(Layer::Norm(layer))) => layer.forward(map, mode),
        (Op::Relu, _) => relu(map),
        (Op::MaxPool(pool), _) => max_pool(map, pool),
        (Op::AvgPool(pool), _) => avg_pool(map, pool),
        (Op::Shortcut { stride, pad }, _) => shortcut(map, stride, pad),
        (Op::Add, _) => match inputs.next() {
            Some(Value::Map(other)) => map + other,
            _ => return Err(broken_plan()),
        },
        (Op::GlobalMean, _) => return Ok(Value::Rows(global_mean(map))),
        (Op::Flatten, _) => return Ok(Value::Rows(map.flatten(1, 3))),
        _ => return Err(broken_plan()),
    }))
}

impl ConvLayer {
    fn forward(&self, x: Tensor<4>, conv: Conv) -> Tensor<4> {
        let options = ConvOptions::new([conv.stride; 2], [conv.padding; 2], [1; 2], 1);
        conv2d(x, self.weight.val(), self.bias.as_ref().map(Param::val), options)
    }
}

impl NormLayer {
    fn forward(&self, x: Tensor<4>, mode: Mode) -> Tensor<4> {
        let (gamma, beta) = (self.gamma.val(), self.beta.val());
        let (mean, variance) = (self.mean.value_sync(), self.variance.value_sync());
        if mode == Mode::Evaluate {
            return batch_norm(x, gamma, beta, mean, variance, NORM_EPSILON);
        }
        let [n, _, height, width] = x.dims();
        let count = (n * height * width) as f64;
        let batch = batch_norm_train(x, gamma, beta, NORM_EPSILON);
        // Normalised by the biased variance, remembered by the unbiased one, as PyTorch does.
        let unbiased = batch.variance.detach() * (count / (count - 1.0).max(1.0));
        self.mean.update(mean * (1.0 - MOMENTUM) + batch.mean.detach() * MOMENTUM);
        self.variance.update(variance * (1.0 - MOMENTUM) + unbiased * MOMENTUM);
        batch.output
    }
}

#[cfg(test)]
mod tests;
