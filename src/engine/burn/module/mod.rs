//! A network that can be trained: a [`Graph`] with parameters on a device.
//!
//! Whether batch norm takes the statistics of the batch or the running ones is said by the caller, never guessed from
//! the device: burn's own layer would overwrite a frozen observer's statistics on an autodiff device.

mod layer;
mod masks;

use burn::module::{Module, RunningState};
use burn::tensor::{Device, Tensor, TensorData};

use crate::core::formats::load_report::LoadReport;
use crate::engine::burn::ops::{self, Learnt, Value};
use crate::engine::learn::Masks;
use crate::engine::nets::graph::{Graph, Node, Op, Tap};
use crate::engine::plan::EngineError;
use crate::engine::weights::{WeightTensor, Weights};
use layer::Layer;
use masks::Dropping;

/// How a forward pass treats batch norm, dropout and stochastic depth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Batch norm normalises by the statistics of the batch and updates the running ones, with the unbiased variance;
    /// dropout and stochastic depth act.
    Train(Masks),
    /// Batch norm normalises by the running statistics; nothing is dropped and nothing changes.
    Evaluate,
}

/// What a forward pass gives.
#[derive(Clone)]
pub struct Output {
    /// N×classes.
    pub logits: Tensor<2>,
    /// The features that were asked for, in that order.
    pub taps: Vec<Value>,
}

/// A graph with parameters. Clones share their running statistics.
#[derive(Module, Debug)]
pub struct Network {
    /// One layer per node that has weights, in the graph's order.
    layers: Vec<Layer>,
    #[module(skip)]
    graph: Graph,
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
        let tensor = |node: &Node, name: &str| {
            let values = weights.values(&node.tensor_key(name)).to_vec();
            let length = values.len();
            Tensor::from_data(TensorData::new(values, [length]), device)
        };
        let keyed = graph.nodes().iter().filter(|n| has_weights(n));
        let layers = keyed.map(|node| Layer::new(node.op, &|name| tensor(node, name))).collect();
        Ok(Self { layers, graph })
    }

    /// The network's description.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Logits of normalised images N×3×S×S, and the features named by `taps`.
    ///
    /// # Errors
    /// [`EngineError`] for a graph whose operations don't fit together or that has no such feature.
    pub fn forward(&self, images: Tensor<4>, mode: Mode, taps: &[Tap]) -> Result<Output, EngineError> {
        let nodes = self.graph.nodes();
        let tapped = taps.iter().map(|t| self.graph.tap(t).ok_or_else(|| no_such_feature(t)));
        let tapped = tapped.collect::<Result<Vec<_>, _>>()?;
        let mut kept: Vec<Option<Value>> = vec![None; taps.len()];
        let mut readers = vec![0_usize; nodes.len()];
        nodes.iter().flat_map(|n| &n.inputs).for_each(|&i| readers[i] += 1);
        let mut values: Vec<Option<Value>> = vec![None; nodes.len()];
        let mut layers = self.layers.iter();
        let mut images = Some(images);
        for (id, node) in nodes.iter().enumerate() {
            // The last reader takes the value, so that its memory is free as soon as possible.
            let mut read = |&i: &usize| {
                readers[i] -= 1;
                if readers[i] == 0 { values[i].take() } else { values[i].clone() }
            };
            let inputs: Vec<Value> = node.inputs.iter().filter_map(&mut read).collect();
            let layer = if has_weights(node) { layers.next() } else { None };
            let value = match (node.op, layer) {
                (Op::Input, _) => images.take().map(Value::Map).ok_or_else(EngineError::broken_plan)?,
                (op, Some(layer)) => layer.forward(op, inputs, mode)?,
                (op, None) => unweighted(op, id, inputs, mode)?,
            };
            for (_, kept) in tapped.iter().zip(&mut kept).filter(|(tap, _)| **tap == id) {
                *kept = Some(value.clone());
            }
            values[id] = Some(value);
        }
        let logits = values.pop().flatten().ok_or_else(EngineError::broken_plan)?.rows()?;
        Ok(Output { logits, taps: kept.into_iter().flatten().collect() })
    }

    /// All tensors under PyTorch's keys, running statistics included.
    ///
    /// # Errors
    /// [`EngineError`] where the device can't be read.
    pub fn weights(&self) -> Result<Weights, EngineError> {
        let keyed = self.graph.nodes().iter().filter(|n| has_weights(n));
        let mut tensors = std::collections::BTreeMap::new();
        for (node, layer) in keyed.zip(&self.layers) {
            for ((name, shape, _), tensor) in node.op.tensors().into_iter().zip(layer.tensors(node.op)) {
                let feature = Value::Rows(tensor.unsqueeze()).read()?;
                tensors.insert(node.tensor_key(name), WeightTensor { shape, values: feature.values });
            }
        }
        Ok(Weights::new(tensors))
    }

    /// The learnt tensors in the order of [`Network::parameters`].
    #[must_use]
    pub fn learnt(&self) -> Vec<Tensor<1>> {
        self.layers.iter().flat_map(Layer::learnt).collect()
    }

    /// Takes new values for all learnt tensors, in the order of [`Network::parameters`].
    pub fn learn(&mut self, values: Vec<Tensor<1>>) {
        let mut values = values.into_iter();
        self.layers.iter_mut().for_each(|layer| layer.learn(&mut values));
    }

    /// All running statistics as they are now.
    #[must_use]
    pub fn statistics(&self) -> Vec<Tensor<1>> {
        self.layers.iter().flat_map(Layer::running).map(RunningState::value_sync).collect()
    }

    /// Moves the running statistics once more by the batch that moved them from `before`: from r₀ over
    /// r₁ = r₀ + m·(b − r₀) to r₁ + m·(b − r₁) = r₁ + (1 − m)·(r₁ − r₀).
    pub fn repeat_statistics(&self, before: &[Tensor<1>]) {
        let keyed = self.graph.nodes().iter().filter(|n| has_weights(n));
        let running = keyed.zip(&self.layers).flat_map(|(node, layer)| {
            let momentum = if let Op::BatchNorm { momentum, .. } = node.op { momentum } else { 0.0 };
            layer.running().iter().map(move |state| (state, momentum))
        });
        for ((state, momentum), before) in running.zip(before) {
            let now = state.value_sync();
            state.update(now.clone() + (now - before.clone()) * (1.0 - momentum));
        }
    }

    /// Key and shape of every learnt tensor; gradients have the tensor's values in a row.
    #[must_use]
    pub fn parameters(&self) -> Vec<(String, Vec<usize>)> {
        let keyed = self.graph.nodes().iter().filter(|n| has_weights(n));
        let of = |node: &Node| {
            let learnt = node.op.tensors().into_iter().filter(|t| t.2.is_learnt());
            learnt.map(|(name, shape, _)| (node.tensor_key(name), shape)).collect::<Vec<_>>()
        };
        keyed.flat_map(of).collect()
    }
}

fn has_weights(node: &Node) -> bool {
    !node.op.tensors().is_empty()
}

fn no_such_feature(tap: &Tap) -> EngineError {
    EngineError::Device(format!("the network has no feature {tap:?}; this is a defect of stillroom"))
}

fn unweighted(op: Op, node: usize, inputs: Vec<Value>, mode: Mode) -> Result<Value, EngineError> {
    match (op, mode) {
        (Op::Dropout(share) | Op::StochasticDepth(share), Mode::Train(masks)) if share > 0.0 => {
            let value = inputs.into_iter().next().ok_or_else(EngineError::broken_plan)?;
            let whole = matches!(op, Op::StochasticDepth(_));
            Ok(Dropping { masks, node, share, whole }.apply(value))
        }
        _ => ops::apply(op, inputs, Learnt::NONE),
    }
}

#[cfg(test)]
mod tests;
