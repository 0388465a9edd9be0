//! The weights of one node, and what it computes with them.

use burn::module::{Module, Param, ParamId, RunningState};
use burn::tensor::module::{batch_norm, batch_norm_train, conv2d};
use burn::tensor::{Int, Tensor, TensorData, activation};

use super::Mode;
use crate::engine::burn::engine::conv_options;
use crate::engine::burn::ops::{self, AttentionInputs, Value};
use crate::engine::nets::graph::{LinearBias, Op, Window};
use crate::engine::nets::op::POSITION_UNITS;
use crate::engine::nets::relative_position::{self, LARGEST_SCALE};
use crate::engine::plan::{EngineError, NORM_EPSILON, Windows};

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
        let next = |(_, _, role): (&str, Vec<usize>, crate::engine::nets::op::Role)| {
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

    /// Identities of the learnt tensors.
    pub(super) fn ids(&self) -> impl Iterator<Item = ParamId> + '_ {
        self.learnt.iter().map(|p| p.id)
    }

    fn get(&self, at: usize) -> Result<Tensor<1>, EngineError> {
        self.learnt.get(at).map(Param::val).ok_or_else(EngineError::broken_plan)
    }

    pub(super) fn forward(&self, op: Op, inputs: Vec<Value>, mode: Mode) -> Result<Value, EngineError> {
        let x = inputs.into_iter().next().ok_or_else(EngineError::broken_plan)?;
        Ok(match op {
            Op::Conv(conv) => {
                let bias = conv.bias.then(|| self.get(1)).transpose()?;
                let weight = self.get(0)?.reshape(conv.weight_shape());
                Value::Map(conv2d(x.map()?, weight, bias, conv_options(&conv)))
            }
            Op::BatchNorm { momentum, .. } => Value::Map(self.batch_norm(x.map()?, momentum, mode)?),
            Op::LayerNorm { epsilon, .. } => x.layer_norm(self.get(0)?, self.get(1)?, epsilon)?,
            Op::Linear { inputs, outputs, bias } => {
                let weight = self.get(0)?.reshape([outputs, inputs]).transpose();
                x.linear(weight, self.linear_bias(bias, outputs)?)?
            }
            Op::LayerScale { channels } => match x {
                Value::Map(x) => Value::Map(x * self.get(0)?.reshape([1, channels, 1, 1])),
                other => Value::Pixels(other.pixels()? * self.get(0)?.reshape([1, 1, 1, channels])),
            },
            Op::ClassToken { .. } => Value::Pixels(ops::class_token(x.pixels()?, self.get(0)?)),
            Op::Positions { channels, .. } => {
                let x = x.pixels()?;
                let [_, height, width, _] = x.dims();
                Value::Pixels(x + self.get(0)?.reshape([1, height, width, channels]))
            }
            Op::WindowAttention(window) => Value::Pixels(self.window_attention(x.pixels()?, &window)?),
            _ => return Err(EngineError::broken_plan()),
        })
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

    fn batch_norm(&self, x: Tensor<4>, momentum: f64, mode: Mode) -> Result<Tensor<4>, EngineError> {
        let (gamma, beta) = (self.get(0)?, self.get(1)?);
        let [mean, variance] = self.running.as_slice() else { return Err(EngineError::broken_plan()) };
        let (old_mean, old_variance) = (mean.value_sync(), variance.value_sync());
        if mode == Mode::Evaluate {
            return Ok(batch_norm(x, gamma, beta, old_mean, old_variance, NORM_EPSILON));
        }
        let [n, _, height, width] = x.dims();
        let count = (n * height * width) as f64;
        let batch = batch_norm_train(x, gamma, beta, NORM_EPSILON);
        // Normalised by the biased variance, remembered by the unbiased one, as PyTorch does.
        let unbiased = batch.variance.detach() * (count / (count - 1.0).max(1.0));
        mean.update(old_mean * (1.0 - momentum) + batch.mean.detach() * momentum);
        variance.update(old_variance * (1.0 - momentum) + unbiased * momentum);
        Ok(batch.output)
    }

    fn window_attention(&self, x: Tensor<4>, window: &Window) -> Result<Tensor<4>, EngineError> {
        let (device, tokens, heads) = (x.device(), window.tokens(), window.heads);
        let scales = if window.cosine {
            let largest = f64::from(LARGEST_SCALE).ln();
            self.get(0)?.clamp_max(largest).exp().reshape([heads, 1, 1])
        } else {
            even_scales(window.channels, heads, &x)
        };
        let table =
            if window.cosine { self.bias_network(window)? } else { self.get(0)?.reshape([window.distances(), heads]) };
        let index: Vec<i64> = relative_position::index(window).into_iter().map(|i| i as i64).collect();
        let index = Tensor::<1, Int>::from_data(TensorData::new(index, [tokens * tokens]), &device);
        let bias = table.select(0, index).transpose().reshape([heads, tokens, tokens]);
        let [_, height, width, _] = x.dims();
        let cut = Windows { size: window.size, shift: window.shift, bias: Vec::new() };
        let mask = ops::region_mask(&cut, (height, width), &device);
        let windows = Some((window.size, window.shift));
        Ok(ops::attend(x, AttentionInputs { heads, scales, cosine: window.cosine, windows, bias: Some(bias), mask }))
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

/// Self-attention over all pixels, which has no weights of its own.
pub(super) fn attention(x: Value, channels: usize, heads: usize) -> Result<Value, EngineError> {
    let x = x.pixels()?;
    let scales = even_scales(channels, heads, &x);
    let inputs = AttentionInputs { heads, scales, cosine: false, windows: None, bias: None, mask: None };
    Ok(Value::Pixels(ops::attend(x, inputs)))
}

/// 1 / √(channels of a head), for each head.
fn even_scales(channels: usize, heads: usize, like: &Tensor<4>) -> Tensor<3> {
    Tensor::full([heads, 1, 1], ((channels / heads) as f32).sqrt().recip(), &like.device())
}
