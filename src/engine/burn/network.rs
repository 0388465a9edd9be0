//! A network with burn's automatic differentiation: every operation, every device.

use burn::module::Module as _;
use burn::tensor::{Device, Tensor};

use super::engine::{guarded, images_within};
use super::module::{self, Network};
use super::ops::Value;
use super::probe::{Tracked, weighed};
use crate::engine::learn::optimiser::{Parameter, Step};
use crate::engine::learn::{Differentiable, Forward, Gradients, Masks, Mode, Probe, Setup, Sizes, Trainable};
use crate::engine::nets::graph::{Graph, Tap};
use crate::engine::nets::shapes::extents;
use crate::engine::plan::EngineError;
use crate::engine::weights::{WeightTensor, Weights};

/// A network on a device, with its gradients beside it.
pub struct BurnNetwork {
    network: Network,
    device: Device,
    mode: Mode,
    probes: Vec<Probe>,
    /// Whether the logits are wanted. They are computed in any case, but leave the device only then.
    logits: bool,
    /// Per parameter, in the order of [`Network::parameters`].
    gradients: Vec<Option<Tensor<1>>>,
    pending: Option<Pending>,
    most: Option<usize>,
}

/// The last forward pass with all that it came from.
struct Pending {
    input: Tensor<4>,
    logits: Tensor<2>,
    probes: Vec<Tracked>,
    /// What of it left the device.
    sizes: Sizes,
    /// The running statistics before it.
    before: Vec<Tensor<1>>,
}

impl BurnNetwork {
    /// Puts the network on the device. Parameters that want no gradient aren't tracked, so that the backward pass leaves
    /// them out.
    ///
    /// # Errors
    /// [`EngineError`] where tensors or probes are missing or the device refuses.
    pub fn new(graph: Graph, weights: &Weights, setup: &Setup, device: &Device) -> Result<Self, EngineError> {
        for probe in &setup.probes {
            probe.node(&graph)?;
        }
        let device = device.clone().autodiff();
        let network = network(graph, weights, setup.mode, &device)?;
        let gradients = vec![None; network.parameters().len()];
        let (mode, probes, logits) = (setup.mode, setup.probes.clone(), setup.logits);
        Ok(Self { network, device, mode, probes, logits, gradients, pending: None, most: None })
    }

    /// The same on a device whose largest buffer has so many bytes, where that is known.
    #[must_use]
    pub fn with_largest_buffer(self, largest: Option<u64>) -> Self {
        let most = largest.zip(extents(self.network.graph())).map(|(largest, values)| images_within(largest, &values));
        Self { most, ..self }
    }

    fn run(&mut self, images: &[f32], batch: usize, masks: Masks) -> Result<Forward, EngineError> {
        let image = (self.network.graph().image(), batch);
        let mut input = Value::new(images.to_vec(), image, &self.device).map()?;
        if self.mode.of_input() {
            input = input.require_grad();
        }
        let (mode, before) = match self.mode {
            Mode::Train(_) => (module::Mode::Train(masks), self.network.statistics()),
            Mode::Frozen => (module::Mode::Evaluate, Vec::new()),
        };
        let taps: Vec<Tap> = self.probes.iter().map(|probe| probe.tap().clone()).collect();
        let module::Output { logits, taps } = self.network.forward(input.clone(), mode, &taps)?;
        let probes = taps.into_iter().zip(&self.probes).map(|(value, probe)| Tracked::new(value, probe));
        let probes = probes.collect::<Result<Vec<_>, _>>()?;
        let probed = probes.iter().map(Tracked::read).collect::<Result<_, _>>()?;
        let shown = if self.logits { Value::Rows(logits.clone().inner()).read()?.values } else { Vec::new() };
        let given = Forward { logits: shown, probed };
        self.pending = Some(Pending { input, logits, probes, sizes: given.sizes(), before });
        Ok(given)
    }

    fn collect(&mut self, given: &Gradients<'_>) -> Result<Option<Vec<f32>>, EngineError> {
        let Some(pending) = self.pending.take() else { return Err(EngineError::broken_plan()) };
        given.check(&pending.sizes)?;
        let of_logits = given.logits.map(|gradient| weighed(pending.logits, gradient, &self.device));
        let entries = pending.probes.into_iter().zip(given.probes);
        let of_probes = entries.filter_map(|(probe, entry)| probe.term(entry, &self.device));
        let values = pending.input.dims().iter().product();
        let Some(loss) = of_logits.into_iter().chain(of_probes).reduce(|sum, term| sum + term) else {
            return Ok(self.mode.of_input().then(|| vec![0.0; values]));
        };
        let mut gradients = loss.backward();
        for (sum, parameter) in self.gradients.iter_mut().zip(self.network.learnt()) {
            let more = parameter.grad_remove(&mut gradients);
            *sum = match (sum.take(), more) {
                (Some(sum), Some(more)) => Some(sum + more),
                (one, other) => one.or(other),
            };
        }
        let of_input = self.mode.of_input().then(|| match pending.input.grad_remove(&mut gradients) {
            Some(gradient) => Ok(Value::Map(gradient).read()?.values),
            None => Ok(vec![0.0; values]),
        });
        of_input.transpose()
    }

    fn advance(&mut self, step: &mut Step<'_, Tensor<1>>) {
        if !self.mode.of_parameters() {
            return;
        }
        let mut moved = Vec::with_capacity(self.gradients.len());
        let named = self.network.parameters().into_iter().zip(self.network.learnt());
        for (((key, shape), value), gradient) in named.zip(&mut self.gradients) {
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
    fn largest_batch(&self) -> Option<usize> {
        self.most
    }

    fn forward(&mut self, images: &[f32], batch: usize, masks: Masks) -> Result<Forward, EngineError> {
        if batch == 0 || images.len() != batch * self.network.graph().image().len() {
            return Err(EngineError::Device(format!("{} values are no batch of {batch} images", images.len())));
        }
        guarded(|| self.run(images, batch, masks))?
    }

    fn repeat_statistics(&mut self) -> Result<(), EngineError> {
        let Some(Pending { before, .. }) = self.pending.as_ref().filter(|_| self.mode != Mode::Frozen) else {
            return Err(EngineError::broken_plan());
        };
        guarded(|| self.network.repeat_statistics(before))
    }

    fn backward(&mut self, gradients: &Gradients<'_>) -> Result<Option<Vec<f32>>, EngineError> {
        guarded(|| self.collect(gradients))?
    }

    fn gradients(&mut self) -> Result<Weights, EngineError> {
        let of = |((key, shape), gradient): ((String, Vec<usize>), &Option<Tensor<1>>)| {
            let values = match gradient {
                Some(gradient) => Value::Rows(gradient.clone().unsqueeze()).read()?.values,
                None => vec![0.0; shape.iter().product()],
            };
            Ok((key, WeightTensor { shape, values }))
        };
        let wanted = self.network.parameters().into_iter().filter(|_| self.mode.of_parameters());
        let all = wanted.zip(&self.gradients).map(of);
        guarded(|| all.collect::<Result<_, EngineError>>())?.map(Weights::new)
    }

    fn weights(&self) -> Result<Weights, EngineError> {
        guarded(|| self.network.weights())?
    }

    fn load(&mut self, weights: &Weights) -> Result<(), EngineError> {
        self.network = network(self.network.graph().clone(), weights, self.mode, &self.device)?;
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

fn network(graph: Graph, weights: &Weights, mode: Mode, device: &Device) -> Result<Network, EngineError> {
    let network = guarded(|| Network::new(graph, weights, device))?;
    let network = network.map_err(|report| EngineError::Device(report.summary()))?;
    Ok(if mode.of_parameters() { network } else { network.no_grad() })
}
