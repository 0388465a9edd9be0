//! A network with burn's automatic differentiation: every operation, every device.

use burn::tensor::{Device, Tensor, TensorData};

use super::engine::guarded;
use super::module::{Mode, Network};
use super::ops::Value;
use crate::engine::learn::optimiser::{Parameter, Step};
use crate::engine::learn::{Differentiable, Masks, Trainable};
use crate::engine::nets::graph::Graph;
use crate::engine::plan::EngineError;
use crate::engine::weights::{WeightTensor, Weights};

/// A network on a device, with its gradients beside it.
pub struct BurnNetwork {
    network: Network,
    device: Device,
    /// Per parameter, in the order of [`Network::parameters`].
    gradients: Vec<Option<Tensor<1>>>,
    /// The last forward pass's logits with all that they came from, and the running statistics before it.
    pending: Option<(Tensor<2>, Vec<Tensor<1>>)>,
}

impl BurnNetwork {
    /// Puts the network on the device.
    ///
    /// # Errors
    /// [`EngineError`] where tensors are missing or the device refuses.
    pub fn new(graph: Graph, weights: &Weights, device: &Device) -> Result<Self, EngineError> {
        let device = device.clone().autodiff();
        let network = network(graph, weights, &device)?;
        let gradients = vec![None; network.parameters().len()];
        Ok(Self { network, device, gradients, pending: None })
    }

    fn run(&mut self, images: &[f32], batch: usize, masks: Masks) -> Result<Vec<f32>, EngineError> {
        let image = (self.network.graph().image(), batch);
        let before = self.network.statistics();
        let logits = self
            .network
            .forward(Value::new(images.to_vec(), image, &self.device).map()?, Mode::Train(masks), &[])?
            .logits;
        let values = Value::Rows(logits.clone().inner()).read()?.values;
        self.pending = Some((logits, before));
        Ok(values)
    }

    fn collect(&mut self, gradient: &[f32]) -> Result<(), EngineError> {
        let (logits, _) = self.pending.take().ok_or_else(EngineError::broken_plan)?;
        let gradient = TensorData::new(gradient.to_vec(), logits.dims());
        let gradient = Tensor::<2>::from_data(gradient, &self.device);
        let mut gradients = (logits * gradient).sum().backward();
        for (sum, parameter) in self.gradients.iter_mut().zip(self.network.learnt()) {
            let more = parameter.grad_remove(&mut gradients);
            *sum = match (sum.take(), more) {
                (Some(sum), Some(more)) => Some(sum + more),
                (one, other) => one.or(other),
            };
        }
        Ok(())
    }

    fn advance(&mut self, step: &mut Step<'_, Tensor<1>>) {
        let mut moved = Vec::with_capacity(self.gradients.len());
        let named = self.network.parameters().into_iter().zip(self.network.learnt());
        for (((key, shape, _), value), gradient) in named.zip(&mut self.gradients) {
            let mut values = value.inner();
            if let Some(gradient) = &gradient.take() {
                step.apply(Parameter { key: &key, dimensions: shape.len(), values: &mut values, gradient });
            }
            moved.push(values.autodiff());
        }
        self.network.learn(moved);
    }
}

impl Differentiable for BurnNetwork {
    fn forward(&mut self, images: &[f32], batch: usize, masks: Masks) -> Result<Vec<f32>, EngineError> {
        guarded(|| self.run(images, batch, masks))?
    }

    fn repeat_statistics(&mut self) -> Result<(), EngineError> {
        let Some((_, before)) = &self.pending else { return Err(EngineError::broken_plan()) };
        guarded(|| self.network.repeat_statistics(before))
    }

    fn backward(&mut self, gradient: &[f32]) -> Result<(), EngineError> {
        guarded(|| self.collect(gradient))?
    }

    fn gradients(&mut self) -> Result<Weights, EngineError> {
        let of = |((key, shape, _), gradient): ((String, Vec<usize>, _), &Option<Tensor<1>>)| {
            let values = match gradient {
                Some(gradient) => Value::Rows(gradient.clone().unsqueeze()).read()?.values,
                None => vec![0.0; shape.iter().product()],
            };
            Ok((key, WeightTensor { shape, values }))
        };
        let all = self.network.parameters().into_iter().zip(&self.gradients).map(of);
        guarded(|| all.collect::<Result<_, EngineError>>())?.map(Weights::new)
    }

    fn weights(&self) -> Result<Weights, EngineError> {
        guarded(|| self.network.weights())?
    }

    fn load(&mut self, weights: &Weights) -> Result<(), EngineError> {
        self.network = network(self.network.graph().clone(), weights, &self.device)?;
        self.pending = None;
        self.gradients.fill(None);
        Ok(())
    }
}

impl Trainable for BurnNetwork {
    type Tensor = Tensor<1>;

    fn step(&mut self, step: &mut Step<'_, Tensor<1>>) -> Result<(), EngineError> {
        guarded(|| self.advance(step))
    }
}

fn network(graph: Graph, weights: &Weights, device: &Device) -> Result<Network, EngineError> {
    let network = guarded(|| Network::new(graph, weights, device))?;
    network.map_err(|report| EngineError::Device(report.summary()))
}
