//! Executes a [`Plan`] with burn on any of its devices.

use std::panic::{AssertUnwindSafe, catch_unwind};

use burn::tensor::activation::relu;
use burn::tensor::module::{avg_pool2d, conv2d, linear, max_pool2d};
use burn::tensor::ops::{AvgPoolOptions, ConvOptions, MaxPoolOptions};
use burn::tensor::{Device, Tensor, TensorData};

use super::nets::graph::Pool;
use super::plan::{Engine, EngineError, Plan, StepOp};

/// A plan whose weights lie on a device.
pub struct BurnEngine {
    plan: Plan,
    device: Device,
    weights: Vec<Option<StepWeights>>,
}

enum StepWeights {
    Conv(Tensor<4>, Tensor<1>),
    Linear(Tensor<2>, Tensor<1>),
    Scale(Tensor<4>, Tensor<4>),
}

/// What flows between operations.
#[derive(Clone)]
pub(super) enum Value {
    /// NCHW.
    Map(Tensor<4>),
    /// NC.
    Rows(Tensor<2>),
}

impl BurnEngine {
    /// Uploads a plan's weights.
    ///
    /// # Errors
    /// [`EngineError`] where the device has no room or is lost.
    pub fn new(mut plan: Plan, device: &Device) -> Result<Self, EngineError> {
        let device = device.clone();
        let weights = guarded(|| plan.steps.iter_mut().map(|step| upload(&mut step.op, &device)).collect())?;
        Ok(Self { plan, device, weights })
    }

    fn run(&self, images: &[f32], batch: usize) -> Result<Vec<f32>, EngineError> {
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
            values[step.output] = Some(execute(&step.op, weights.as_ref(), inputs)?);
        }
        let Some(Value::Rows(logits)) = values.pop().flatten() else { return Err(broken_plan()) };
        let data = logits.try_into_data().map_err(|e| EngineError::Device(e.to_string()))?;
        data.try_to_vec::<f32>().map_err(|e| EngineError::Device(format!("{e:?}")))
    }
}

impl Engine for BurnEngine {
    fn logits(&mut self, images: &[f32], batch: usize) -> Result<Vec<f32>, EngineError> {
        guarded(|| self.run(images, batch))?
    }

    fn classes(&self) -> usize {
        self.plan.classes
    }

    fn side(&self) -> usize {
        self.plan.side
    }
}

/// Drivers report some failures, a full memory among them, by panicking: turn that into an error of this call.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, EngineError> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
        EngineError::Device(text.unwrap_or_else(|| "the driver gave no reason".to_owned()))
    })
}

pub(super) fn broken_plan() -> EngineError {
    EngineError::Device("the network's steps don't fit together; this is a defect of stillroom".to_owned())
}

/// Moves a step's weights to the device; the plan keeps the step without them.
fn upload(op: &mut StepOp, device: &Device) -> Option<StepWeights> {
    let vector = |v: &mut Vec<f32>| {
        let length = v.len();
        Tensor::<1>::from_data(TensorData::new(std::mem::take(v), [length]), device)
    };
    match op {
        StepOp::Conv { conv, weight, bias, .. } => {
            let shape = [conv.outputs, conv.inputs, conv.kernel, conv.kernel];
            Some(StepWeights::Conv(vector(weight).reshape(shape), vector(bias)))
        }
        StepOp::Linear { inputs, outputs, weight, bias } => {
            let weight = vector(weight).reshape([*outputs, *inputs]).transpose();
            Some(StepWeights::Linear(weight, vector(bias)))
        }
        StepOp::Scale { scale, shift } => {
            let shape = [1, scale.len(), 1, 1];
            Some(StepWeights::Scale(vector(scale).reshape(shape), vector(shift).reshape(shape)))
        }
        _ => None,
    }
}

fn execute(op: &StepOp, weights: Option<&StepWeights>, inputs: Vec<Value>) -> Result<Value, EngineError> {
    let mut inputs = inputs.into_iter();
    let (first, second) = (inputs.next(), inputs.next());
    let map = match (op, weights, first) {
        (StepOp::Linear { .. }, Some(StepWeights::Linear(weight, bias)), Some(Value::Rows(x))) => {
            return Ok(Value::Rows(linear(x, weight.clone(), Some(bias.clone()))));
        }
        (_, _, Some(Value::Map(x))) => x,
        _ => return Err(broken_plan()),
    };
    Ok(Value::Map(match (op, weights) {
        (StepOp::Conv { conv, relu: then_relu, .. }, Some(StepWeights::Conv(weight, bias))) => {
            let options = ConvOptions::new([conv.stride; 2], [conv.padding; 2], [1; 2], 1);
            let mut y = conv2d(map, weight.clone(), Some(bias.clone()), options);
            if let Some(Value::Map(other)) = second {
                y = y + other;
            }
            if *then_relu { relu(y) } else { y }
        }
        (StepOp::Add { relu: then_relu }, _) => {
            let Some(Value::Map(other)) = second else { return Err(broken_plan()) };
            if *then_relu { relu(map + other) } else { map + other }
        }
        (StepOp::Scale { .. }, Some(StepWeights::Scale(scale, shift))) => map * scale.clone() + shift.clone(),
        (StepOp::Relu, _) => relu(map),
        (StepOp::MaxPool(pool), _) => max_pool(map, *pool),
        (StepOp::AvgPool(pool), _) => avg_pool(map, *pool),
        (StepOp::Shortcut { stride, pad }, _) => shortcut(map, *stride, *pad),
        (StepOp::GlobalMean, _) => return Ok(Value::Rows(global_mean(map))),
        (StepOp::Flatten, _) => return Ok(Value::Rows(map.flatten(1, 3))),
        _ => return Err(broken_plan()),
    }))
}

pub(super) fn max_pool(x: Tensor<4>, pool: Pool) -> Tensor<4> {
    let options = MaxPoolOptions::new([pool.kernel; 2]).with_stride([pool.stride; 2]);
    max_pool2d(x, options.with_padding([pool.padding; 2]))
}

pub(super) fn avg_pool(x: Tensor<4>, pool: Pool) -> Tensor<4> {
    avg_pool2d(x, AvgPoolOptions::new([pool.kernel; 2]).with_stride([pool.stride; 2]))
}

/// Option-A shortcut: every `stride`-th row and column, zero channels around (He et al. 2016, section 3.3).
pub(super) fn shortcut(x: Tensor<4>, stride: usize, pad: usize) -> Tensor<4> {
    let [n, _, height, width] = x.dims();
    let step = stride as isize;
    let x = x.slice(burn::tensor::s![.., .., 0..height as isize;step, 0..width as isize;step]);
    let zeros = Tensor::zeros([n, pad, height.div_ceil(stride), width.div_ceil(stride)], &x.device());
    Tensor::cat(vec![zeros.clone(), x, zeros], 1)
}

/// Mean over rows and columns: NCHW → NC.
pub(super) fn global_mean(x: Tensor<4>) -> Tensor<2> {
    x.flatten::<3>(2, 3).mean_dim(2).squeeze_dim(2)
}
