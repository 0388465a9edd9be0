//! Training with burn's automatic differentiation: every network, every device.

use burn::tensor::{Device, Tensor, TensorData};

use crate::core::train::recipe::Optimiser;
use crate::engine::burn::engine::guarded;
use crate::engine::burn::module::{Mode, Network};
use crate::engine::burn::ops::Value;
use crate::engine::learn::optimiser::{OptimiserState, decays};
use crate::engine::learn::{Learner, Masks};
use crate::engine::nets::graph::Graph;
use crate::engine::plan::EngineError;
use crate::engine::weights::Weights;

/// A network on a device, with the optimiser's state beside it.
pub struct BurnLearner {
    network: Network,
    device: Device,
    side: usize,
    optimiser: Optimiser,
    decayed: Vec<bool>,
    /// Per parameter, empty before the first step.
    moments: Vec<Vec<Tensor<1>>>,
    gradients: Vec<Option<Tensor<1>>>,
    step: u64,
    /// The last forward pass's logits with all that they came from, and the running statistics before it.
    pending: Option<(Tensor<2>, Vec<Tensor<1>>)>,
}

impl BurnLearner {
    /// Puts the network on the device; `decay_all` extends the weight decay to biases and norms.
    ///
    /// # Errors
    /// [`EngineError`] where tensors are missing or the device refuses.
    pub fn new(
        (graph, side): (Graph, usize),
        weights: &Weights,
        (optimiser, decay_all): (Optimiser, bool),
        device: &Device,
    ) -> Result<Self, EngineError> {
        let device = device.clone().autodiff();
        let network = network(graph, weights, &device)?;
        let parameters = network.parameters();
        let decayed = parameters.iter().map(|(key, shape, _)| decay_all || decays(key, shape.len())).collect();
        let moments = vec![Vec::new(); parameters.len()];
        let gradients = vec![None; parameters.len()];
        Ok(Self { network, device, side, optimiser, decayed, moments, gradients, step: 0, pending: None })
    }

    fn tensor(&self, values: &[f32]) -> Tensor<1> {
        Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), &self.device.clone().inner())
    }

    fn run(&mut self, images: &[f32], batch: usize, masks: Masks) -> Result<Vec<f32>, EngineError> {
        let data = TensorData::new(images.to_vec(), [batch, 3, self.side, self.side]);
        let before = self.network.statistics();
        let logits = self.network.forward(Tensor::from_data(data, &self.device), Mode::Train(masks), &[])?.logits;
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

    fn advance(&mut self, rate: f64) {
        self.step += 1;
        let mut values = Vec::with_capacity(self.gradients.len());
        for (at, value) in self.network.learnt().into_iter().enumerate() {
            let value = value.inner();
            let Some(gradient) = self.gradients[at].take() else {
                values.push(value.autodiff());
                continue;
            };
            let moments = std::mem::take(&mut self.moments[at]);
            let (value, moments) =
                moved((value, gradient), moments, self.optimiser, (rate, self.step, self.decayed[at]));
            self.moments[at] = moments;
            values.push(value.autodiff());
        }
        self.network.learn(values);
    }
}

impl Learner for BurnLearner {
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

    fn update(&mut self, rate: f64) -> Result<(), EngineError> {
        guarded(|| self.advance(rate))
    }

    fn weights(&self) -> Result<Weights, EngineError> {
        guarded(|| self.network.weights())?
    }

    fn state(&self) -> Result<OptimiserState, EngineError> {
        let read = |t: &Tensor<1>| Ok(Value::Rows(t.clone().unsqueeze()).read()?.values);
        let named = self.network.parameters().into_iter().zip(&self.moments).filter(|(_, m)| !m.is_empty());
        let moments =
            named.map(|((key, ..), m)| Ok((key, m.iter().map(read).collect::<Result<Vec<_>, EngineError>>()?)));
        Ok(OptimiserState { step: self.step, moments: moments.collect::<Result<_, EngineError>>()? })
    }

    fn restore(&mut self, weights: &Weights, state: &OptimiserState) -> Result<(), EngineError> {
        self.network = network(self.network.graph().clone(), weights, &self.device)?;
        self.step = state.step;
        self.pending = None;
        for (at, (key, shape, _)) in self.network.parameters().into_iter().enumerate() {
            let length: usize = shape.iter().product();
            let moments = state.moments.get(&key).map_or(&[][..], Vec::as_slice);
            if moments.iter().any(|m| m.len() != length) {
                return Err(EngineError::Device(format!("the checkpoint's moments of {key} have another size")));
            }
            self.moments[at] = moments.iter().map(|m| self.tensor(m)).collect();
            self.gradients[at] = None;
        }
        Ok(())
    }
}

fn network(graph: Graph, weights: &Weights, device: &Device) -> Result<Network, EngineError> {
    let network = guarded(|| Network::new(graph, weights, device))?;
    network.map_err(|report| EngineError::Device(report.summary()))
}

/// A parameter after one step, and its moments; the formulas of [`crate::engine::learn::optimiser`] on tensors.
fn moved(
    (value, gradient): (Tensor<1>, Tensor<1>),
    moments: Vec<Tensor<1>>,
    optimiser: Optimiser,
    (rate, step, decayed): (f64, u64, bool),
) -> (Tensor<1>, Vec<Tensor<1>>) {
    match optimiser {
        Optimiser::AdamW { betas, epsilon, decay } => {
            let zeros = || value.zeros_like();
            let mut moments = moments.into_iter();
            let (first, second) = (moments.next().unwrap_or_else(zeros), moments.next().unwrap_or_else(zeros));
            let first = first.clone() + (gradient.clone() - first) * (1.0 - betas.0);
            let second = second * betas.1 + gradient.clone() * gradient * (1.0 - betas.1);
            let step = i32::try_from(step).unwrap_or(i32::MAX);
            let size = rate / (1.0 - betas.0.powi(step));
            let root = (1.0 - betas.1.powi(step)).sqrt();
            let shrunk = if decayed { value * (1.0 - rate * decay) } else { value };
            let value = shrunk - first.clone() / (second.clone().sqrt() / root + epsilon) * size;
            (value, vec![first, second])
        }
        Optimiser::Sgd { momentum, nesterov, decay } => {
            let gradient = if decayed { gradient + value.clone() * decay } else { gradient };
            if momentum == 0.0 {
                return (value - gradient * rate, Vec::new());
            }
            let velocity = match moments.into_iter().next() {
                Some(velocity) => velocity * momentum + gradient.clone(),
                None => gradient.clone(),
            };
            let direction = if nesterov { gradient + velocity.clone() * momentum } else { velocity.clone() };
            (value - direction * rate, vec![velocity])
        }
    }
}
