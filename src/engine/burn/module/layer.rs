//! The weights of one node, and what it computes with them.

use burn::module::{Module, Param, RunningState};
use burn::tensor::module::{batch_norm, batch_norm_train};
use burn::tensor::{Int, Tensor, TensorData, activation};

use super::Mode;
use crate::engine::burn::attention;
use crate::engine::burn::ops::{self, Learnt, Value};
use crate::engine::nets::graph::{LinearBias, Op, Window};
use crate::engine::nets::op::{POSITION_UNITS, even_scale};
use crate::engine::nets::relative_position::{self, LARGEST_SCALE};
use crate::engine::plan::EngineError;

/// The tensors of [`Op::tensors`], each as one row of values, so that all kinds of layers are of one type.
#[derive(Module, Debug)]
pub(super) struct Layer {
    learnt: Vec<Param<Tensor<1>>>,
    running: Vec<RunningState<Tensor<1>>>,
}

impl Layer {
    /// `tensor` gives a tensor's values by its name.
    pub(super) fn new(op: Op, tensor: &dyn Fn(&str) -> Tensor<1>) -> Self {
        let (learnt, running): (Vec<_>, Vec<_>) = op.tensors().into_iter().partition(|t| t.2.is_learnt());
        let learnt = learnt.iter().map(|(name, ..)| Param::from_tensor(tensor(name))).collect();
        Self { learnt, running: running.iter().map(|(name, ..)| RunningState::new(tensor(name))).collect() }
    }

    /// The values in the order of [`Op::tensors`].
    pub(super) fn tensors(&self, op: Op) -> Vec<Tensor<1>> {
        let (mut learnt, mut running) =
            (self.learnt.iter().map(Param::val), self.running.iter().map(RunningState::value_sync));
        let next = |(_, _, role): (&str, Vec<usize>, crate::engine::nets::tensors::Role)| {
            if role.is_learnt() { learnt.next() } else { running.next() }
        };
        op.tensors().into_iter().filter_map(next).collect()
    }

    /// The learnt tensors.
    pub(super) fn learnt(&self) -> impl Iterator<Item = Tensor<1>> + '_ {
        self.learnt.iter().map(Param::val)
    }

    /// Takes new values for the learnt tensors, one each from `values`.
    pub(super) fn learn(&mut self, values: &mut impl Iterator<Item = Tensor<1>>) {
        for (param, value) in self.learnt.iter_mut().zip(values) {
            *param = Param::from_tensor(value);
        }
    }

    /// The running statistics: mean and variance of a batch norm, nothing of others.
    pub(super) fn running(&self) -> &[RunningState<Tensor<1>>] {
        &self.running
    }

    fn get(&self, at: usize) -> Result<Tensor<1>, EngineError> {
        self.learnt.get(at).map(Param::val).ok_or_else(EngineError::broken_plan)
    }

    /// The node's result. Only what training treats in another way than a plan is computed here: statistics of the
    /// batch, and tensors that a plan computes beforehand.
    pub(super) fn forward(&self, op: Op, inputs: Vec<Value>, mode: Mode) -> Result<Value, EngineError> {
        let first = |inputs: Vec<Value>| inputs.into_iter().next().ok_or_else(EngineError::broken_plan);
        let tensors: Vec<Tensor<1>> = match op {
            Op::BatchNorm { epsilon, momentum, .. } => {
                return Ok(Value::Map(self.batch_norm(first(inputs)?.map()?, (epsilon, momentum), mode)?));
            }
            Op::LayerScale { channels } => {
                let scale = self.get(0)?;
                return Ok(match first(inputs)? {
                    Value::Map(x) => Value::Map(x * scale.reshape([1, channels, 1, 1])),
                    other => Value::Pixels(other.pixels()? * scale.reshape([1, 1, 1, channels])),
                });
            }
            Op::WindowAttention(window) => return self.window_attention(first(inputs)?.pixels()?, &window),
            Op::Linear { outputs, bias, .. } => {
                [self.get(0)?].into_iter().chain(self.linear_bias(bias, outputs)?).collect()
            }
            _ => self.learnt().collect(),
        };
        ops::apply(op, inputs, Learnt { tensors: &tensors, mask: None })
    }

    fn linear_bias(&self, kind: LinearBias, outputs: usize) -> Result<Option<Tensor<1>>, EngineError> {
        Ok(match kind {
            LinearBias::None => None,
            LinearBias::Full => Some(self.get(1)?),
            LinearBias::WithoutKeys => {
                let (bias, third) = (self.get(1)?, outputs / 3);
                let zeros = Tensor::zeros([third], &bias.device());
                Some(Tensor::cat(vec![bias.clone().narrow(0, 0, third), zeros, bias.narrow(0, 2 * third, third)], 0))
            }
        })
    }

    fn batch_norm(&self, x: Tensor<4>, (epsilon, momentum): (f64, f64), mode: Mode) -> Result<Tensor<4>, EngineError> {
        let (gamma, beta) = (self.get(0)?, self.get(1)?);
        let [mean, variance] = self.running.as_slice() else { return Err(EngineError::broken_plan()) };
        let (old_mean, old_variance) = (mean.value_sync(), variance.value_sync());
        if mode == Mode::Evaluate {
            return Ok(batch_norm(x, gamma, beta, old_mean, old_variance, epsilon));
        }
        let [n, _, height, width] = x.dims();
        let count = (n * height * width) as f64;
        let batch = batch_norm_train(x, gamma, beta, epsilon);
        // Normalised by the biased variance, remembered by the unbiased one, as PyTorch does.
        let unbiased = batch.variance.detach() * (count / (count - 1.0).max(1.0));
        mean.update(old_mean * (1.0 - momentum) + batch.mean.detach() * momentum);
        variance.update(old_variance * (1.0 - momentum) + unbiased * momentum);
        Ok(batch.output)
    }

    fn window_attention(&self, x: Tensor<4>, window: &Window) -> Result<Value, EngineError> {
        let (device, tokens, heads) = (x.device(), window.tokens(), window.heads);
        let scales = if window.cosine {
            let largest = f64::from(LARGEST_SCALE).ln();
            self.get(0)?.clamp_max(largest).exp()
        } else {
            Tensor::full([heads], even_scale(window.channels, heads), &device)
        };
        let table =
            if window.cosine { self.bias_network(window)? } else { self.get(0)?.reshape([window.distances(), heads]) };
        let index: Vec<i64> = relative_position::index(window).into_iter().map(|i| i as i64).collect();
        let index = Tensor::<1, Int>::from_data(TensorData::new(index, [tokens * tokens]), &device);
        let bias = table.select(0, index).transpose().reshape([heads * tokens * tokens]);
        let [_, height, width, _] = x.dims();
        let mask = attention::region_mask(window, (height, width), &device);
        let learnt = Learnt { tensors: &[scales, bias], mask: mask.as_ref() };
        ops::apply(Op::WindowAttention(*window), vec![Value::Pixels(x)], learnt)
    }

    /// Swin V2's position bias network: [distances, heads].
    fn bias_network(&self, window: &Window) -> Result<Tensor<2>, EngineError> {
        let (first, bias, second) = (self.get(1)?, self.get(2)?, self.get(3)?);
        let coordinates = TensorData::new(relative_position::coordinates(window), [window.distances(), 2]);
        let coordinates = Tensor::<2>::from_data(coordinates, &first.device());
        let first = first.reshape([POSITION_UNITS, 2]).transpose();
        let hidden = activation::relu(coordinates.matmul(first) + bias.unsqueeze());
        let second = second.reshape([window.heads, POSITION_UNITS]).transpose();
        Ok(activation::sigmoid(hidden.matmul(second)) * 16.0)
    }
}
