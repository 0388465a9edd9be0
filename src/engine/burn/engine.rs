//! Executes a [`Plan`] with burn on any of its devices.

use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use burn::tensor::{Device, Tensor, TensorData};

use super::attention;
use super::ops::{self, Learnt, Value};
use crate::engine::nets::extent::Extent;
use crate::engine::nets::graph::{Activation, Op, Window};
use crate::engine::plan::parts::Parts;
use crate::engine::plan::{Engine, EngineError, Output, Plan, Signature, Step};

/// A plan whose weights lie on a device.
pub struct BurnEngine {
    plan: Plan,
    signature: Signature,
    device: Device,
    /// Each step's tensors, as one row of values each.
    tensors: Vec<Vec<Tensor<1>>>,
    /// Masks of window attention.
    masks: RefCell<HashMap<MaskKey, Tensor<3>>>,
    parts: Parts,
}

/// A step's output and the rows and columns of its map.
type MaskKey = (usize, (usize, usize));

impl BurnEngine {
    /// Uploads a plan's weights. `largest` is the device's largest buffer in bytes, where it is known.
    ///
    /// # Errors
    /// [`EngineError`] where the steps don't fit together, or the device has no room or is lost.
    pub fn new(mut plan: Plan, device: &Device, largest: Option<u64>) -> Result<Self, EngineError> {
        let device = device.clone();
        let extents = plan.extents().ok_or_else(EngineError::broken_plan)?;
        let parts = Parts::new(largest.map(|largest| images_within(largest, &extents)));
        let signature = plan.signature().ok_or_else(EngineError::broken_plan)?;
        let tensors = guarded(|| plan.steps.iter_mut().map(|step| upload(step, &device)).collect())?;
        Ok(Self { plan, signature, device, tensors, masks: RefCell::default(), parts })
    }

    fn run(&self, inputs: &[&[f32]], batch: usize) -> Result<Output, EngineError> {
        let mut values: Vec<Option<Value>> = (0..self.plan.values).map(|_| None).collect();
        for ((value, port), given) in values.iter_mut().zip(&self.plan.inputs).zip(inputs) {
            *value = Some(Value::new(given.to_vec(), (port.extent, batch), &self.device));
        }
        for (step, tensors) in self.plan.steps.iter().zip(&self.tensors) {
            let inputs: Vec<Value> = step.inputs.iter().filter_map(|&i| values[i].clone()).collect();
            let join = step.epilogue.join.and_then(|i| values[i].clone());
            // Dropped before the step, so that an operation may reuse the buffer of its last reader.
            for &value in &step.free {
                values[value] = None;
            }
            values[step.output] = Some(finish(self.execute(step, tensors, inputs)?, join, step.epilogue.activation)?);
        }
        let read = |&i: &usize| values[i].clone().ok_or_else(EngineError::broken_plan)?.read();
        let taps = self.plan.taps.iter().map(read).collect::<Result<_, _>>()?;
        let outputs = self.plan.outputs.iter().map(|(_, value)| read(value)).collect::<Result<_, _>>()?;
        Ok(Output { outputs, taps })
    }

    fn execute(&self, step: &Step, tensors: &[Tensor<1>], inputs: Vec<Value>) -> Result<Value, EngineError> {
        let mask = match (step.op, inputs.first()) {
            (Op::WindowAttention(window), Some(x)) => self.mask(step.output, &window, x.clone().pixels()?.dims()),
            _ => None,
        };
        ops::apply(step.op, inputs, Learnt { tensors, mask: mask.as_ref() })
    }

    fn mask(&self, step: usize, window: &Window, [_, height, width, _]: [usize; 4]) -> Option<Tensor<3>> {
        let key = (step, (height, width));
        if let Some(mask) = self.masks.borrow().get(&key) {
            return Some(mask.clone());
        }
        let mask = attention::region_mask(window, (height, width), &self.device)?;
        self.masks.borrow_mut().insert(key, mask.clone());
        Some(mask)
    }
}

impl Engine for BurnEngine {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn forward(&mut self, inputs: &[&[f32]], batch: usize) -> Result<Output, EngineError> {
        self.signature.check(inputs, batch)?;
        let mut parts = std::mem::take(&mut self.parts);
        let output = parts.forward(inputs, batch, &mut |inputs, count| guarded(|| self.run(inputs, count))?);
        self.parts = parts;
        output
    }

    fn largest_batch(&self) -> Option<usize> {
        self.parts.most()
    }

    fn take_notes(&mut self) -> Vec<String> {
        self.parts.take_notes()
    }
}

/// Images whose largest value is a buffer of no more than so many bytes; one at least.
pub(super) fn images_within(largest: u64, values: &[Extent]) -> usize {
    let of_one = values.iter().map(Extent::len).max().unwrap_or(1) * size_of::<f32>();
    usize::try_from(largest).unwrap_or(usize::MAX).checked_div(of_one).unwrap_or(usize::MAX).max(1)
}

/// The join, if there is one, and the activation behind it.
fn finish(y: Value, join: Option<Value>, activation: Option<Activation>) -> Result<Value, EngineError> {
    let y = if let Some(other) = join { y.plus(other)? } else { y };
    Ok(if let Some(activation) = activation { y.activated(activation) } else { y })
}

/// Drivers report some failures, a full memory among them, by panicking: turn that into an error of this call.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, EngineError> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
        EngineError::reported(text.unwrap_or_else(|| "the driver gave no reason".to_owned()))
    })
}

/// Moves a step's tensors to the device; the plan keeps the step without them.
fn upload(step: &mut Step, device: &Device) -> Vec<Tensor<1>> {
    let upload = |values: Vec<f32>| {
        let length = values.len();
        Tensor::from_data(TensorData::new(values, [length]), device)
    };
    std::mem::take(&mut step.tensors).into_iter().map(upload).collect()
}
