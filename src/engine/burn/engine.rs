//! Executes a [`Plan`] with burn on any of its devices.

use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor, TensorData};

use super::ops::{self, AttentionInputs, Value};
use crate::engine::nets::graph::{Activation, Conv};
use crate::engine::plan::{Attention, Engine, EngineError, Output, Plan, Step, StepOp};

/// A plan whose weights lie on a device.
pub struct BurnEngine {
    plan: Plan,
    device: Device,
    weights: Vec<StepWeights>,
    /// Masks of window attention.
    masks: RefCell<HashMap<MaskKey, Tensor<3>>>,
}

/// A step's output and the rows and columns of its map.
type MaskKey = (usize, (usize, usize));

enum StepWeights {
    None,
    Conv(Tensor<4>, Tensor<1>),
    /// Weight [in, out].
    Linear(Tensor<2>, Tensor<1>),
    /// [1, C, 1, 1] each.
    Scale(Tensor<4>, Tensor<4>),
    LayerNorm(Tensor<1>, Tensor<1>),
    ClassToken(Tensor<1>),
    /// [pixels · C].
    Positions(Tensor<1>),
    /// Factors [heads, 1, 1]; bias [heads, tokens, tokens].
    Attention(Tensor<3>, Option<Tensor<3>>),
}

impl BurnEngine {
    /// Uploads a plan's weights.
    ///
    /// # Errors
    /// [`EngineError`] where the device has no room or is lost.
    pub fn new(mut plan: Plan, device: &Device) -> Result<Self, EngineError> {
        let device = device.clone();
        let weights = guarded(|| plan.steps.iter_mut().map(|step| upload(&mut step.op, &device)).collect())?;
        Ok(Self { plan, device, weights, masks: RefCell::default() })
    }

    fn run(&self, images: &[f32], batch: usize) -> Result<Output, EngineError> {
        let side = self.plan.side;
        let data = TensorData::new(images.to_vec(), [batch, 3, side, side]);
        let mut values: Vec<Option<Value>> = (0..self.plan.values).map(|_| None).collect();
        values[0] = Some(Value::Map(Tensor::from_data(data, &self.device)));
        for (step, weights) in self.plan.steps.iter().zip(&self.weights) {
            let inputs: Vec<Value> = step.inputs.iter().filter_map(|&i| values[i].clone()).collect();
            // Dropped before the step, so that an operation may reuse the buffer of its last reader.
            for &value in &step.free {
                values[value] = None;
            }
            values[step.output] = Some(self.execute(step, weights, inputs)?);
        }
        let tap = |&i: &usize| values[i].clone().ok_or_else(EngineError::broken_plan)?.read();
        let taps = self.plan.taps.iter().map(tap).collect::<Result<_, _>>()?;
        let logits = values.pop().flatten().ok_or_else(EngineError::broken_plan)?.rows()?;
        Ok(Output { logits: Value::Rows(logits).read()?.values, taps })
    }

    fn execute(&self, step: &Step, weights: &StepWeights, inputs: Vec<Value>) -> Result<Value, EngineError> {
        let mut rest = inputs.into_iter();
        if let Some(op) = step.op.weightless() {
            return ops::apply(op, rest.collect());
        }
        let first = rest.next().ok_or_else(EngineError::broken_plan)?;
        Ok(match (&step.op, weights) {
            (StepOp::Conv { conv, activation, .. }, StepWeights::Conv(weight, bias)) => {
                let y = conv2d(first.map()?, weight.clone(), Some(bias.clone()), conv_options(conv));
                finish(Value::Map(y), rest.next(), *activation)?
            }
            (StepOp::Linear { activation, .. }, StepWeights::Linear(weight, bias)) => {
                finish(first.linear(weight.clone(), Some(bias.clone()))?, rest.next(), *activation)?
            }
            (StepOp::Add { activation }, _) => finish(first, rest.next(), *activation)?,
            (StepOp::Scale { activation, .. }, StepWeights::Scale(scale, shift)) => {
                finish(Value::Map(first.map()? * scale.clone() + shift.clone()), None, *activation)?
            }
            (StepOp::LayerNorm { epsilon, .. }, StepWeights::LayerNorm(scale, shift)) => {
                first.layer_norm(scale.clone(), shift.clone(), *epsilon)?
            }
            (_, StepWeights::ClassToken(token)) => Value::Pixels(ops::class_token(first.pixels()?, token.clone())),
            (_, StepWeights::Positions(positions)) => {
                let x = first.pixels()?;
                let [_, height, width, channels] = x.dims();
                Value::Pixels(x + positions.clone().reshape([1, height, width, channels]))
            }
            (StepOp::Attention(attention), StepWeights::Attention(scales, bias)) => {
                let x = first.pixels()?;
                let mask = self.mask(step.output, attention, &x);
                let windows = attention.windows.as_ref().map(|w| (w.size, w.shift));
                let (scales, bias) = (scales.clone(), bias.clone());
                let (heads, cosine) = (attention.heads, attention.cosine);
                Value::Pixels(ops::attend(x, AttentionInputs { heads, scales, cosine, windows, bias, mask }))
            }
            _ => return Err(EngineError::broken_plan()),
        })
    }

    fn mask(&self, step: usize, attention: &Attention, x: &Tensor<4>) -> Option<Tensor<3>> {
        let windows = attention.windows.as_ref().filter(|w| w.shift != [0, 0])?;
        let [_, height, width, _] = x.dims();
        let key = (step, (height, width));
        if let Some(mask) = self.masks.borrow().get(&key) {
            return Some(mask.clone());
        }
        let mask = ops::region_mask(windows, (height, width), &self.device)?;
        self.masks.borrow_mut().insert(key, mask.clone());
        Some(mask)
    }
}

impl Engine for BurnEngine {
    fn forward(&mut self, images: &[f32], batch: usize) -> Result<Output, EngineError> {
        guarded(|| self.run(images, batch))?
    }

    fn classes(&self) -> usize {
        self.plan.classes
    }

    fn side(&self) -> usize {
        self.plan.side
    }
}

/// The join, if there is one, and the activation behind it.
fn finish(y: Value, join: Option<Value>, activation: Option<Activation>) -> Result<Value, EngineError> {
    let y = if let Some(other) = join { y.plus(other)? } else { y };
    Ok(if let Some(activation) = activation { y.activated(activation) } else { y })
}

pub(super) fn conv_options(conv: &Conv) -> ConvOptions<2> {
    ConvOptions::new([conv.stride; 2], [conv.padding; 2], [1; 2], conv.groups)
}

/// Drivers report some failures, a full memory among them, by panicking: turn that into an error of this call.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, EngineError> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
        EngineError::reported(text.unwrap_or_else(|| "the driver gave no reason".to_owned()))
    })
}

/// Moves a step's weights to the device; the plan keeps the step without them.
fn upload(op: &mut StepOp, device: &Device) -> StepWeights {
    let vector = |v: &mut Vec<f32>| {
        let length = v.len();
        Tensor::<1>::from_data(TensorData::new(std::mem::take(v), [length]), device)
    };
    match op {
        StepOp::Conv { conv, weight, bias, .. } => {
            StepWeights::Conv(vector(weight).reshape(conv.weight_shape()), vector(bias))
        }
        StepOp::Linear { inputs, outputs, weight, bias, .. } => {
            let weight = vector(weight).reshape([*outputs, *inputs]).transpose();
            StepWeights::Linear(weight, vector(bias))
        }
        StepOp::Scale { scale, shift, .. } => {
            let shape = [1, scale.len(), 1, 1];
            StepWeights::Scale(vector(scale).reshape(shape), vector(shift).reshape(shape))
        }
        StepOp::LayerNorm { scale, shift, .. } => StepWeights::LayerNorm(vector(scale), vector(shift)),
        StepOp::ClassToken(token) => StepWeights::ClassToken(vector(token)),
        StepOp::Positions(positions) => StepWeights::Positions(vector(positions)),
        StepOp::Attention(attention) => {
            let heads = attention.heads;
            let scales = vector(&mut attention.scales).reshape([heads, 1, 1]);
            let bias = attention.windows.as_mut().map(|w| {
                let tokens = w.size * w.size;
                vector(&mut w.bias).reshape([heads, tokens, tokens])
            });
            StepWeights::Attention(scales, bias)
        }
        _ => StepWeights::None,
    }
}
