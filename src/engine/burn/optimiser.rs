//! The optimisers' formulas on a device's tensors.

use burn::tensor::{Tensor, TensorData};

use super::ops::Value;
use crate::engine::learn::optimiser::{AdamW, Sgd, Steppable};
use crate::engine::plan::EngineError;

impl Steppable for Tensor<1> {
    fn beside(&self, values: &[f32]) -> Self {
        Self::from_data(TensorData::new(values.to_vec(), [values.len()]), &self.device())
    }

    fn zeros(&self) -> Self {
        self.zeros_like()
    }

    fn read(&self) -> Result<Vec<f32>, EngineError> {
        Ok(Value::Rows(self.clone().unsqueeze()).read()?.values)
    }

    fn adamw(&mut self, gradient: &Self, [first, second]: [&mut Self; 2], by: &AdamW) {
        let gradient = gradient.clone();
        *first = first.clone() + (gradient.clone() - first.clone()) * (1.0 - by.betas.0);
        *second = second.clone() * by.betas.1 + gradient.clone() * gradient * (1.0 - by.betas.1);
        let size = by.rate / (1.0 - by.betas.0.powi(by.step));
        let root = (1.0 - by.betas.1.powi(by.step)).sqrt();
        let shrunk = if by.decay == 0.0 { self.clone() } else { self.clone() * (1.0 - by.rate * by.decay) };
        *self = shrunk - first.clone() / (second.clone().sqrt() / root + by.epsilon) * size;
    }

    fn sgd(&mut self, gradient: &Self, velocity: Option<&mut Self>, by: &Sgd) {
        let mut gradient = gradient.clone();
        if by.decay != 0.0 {
            gradient = gradient + self.clone() * by.decay;
        }
        let direction = match velocity {
            None => gradient,
            Some(velocity) => {
                *velocity = velocity.clone() * by.momentum + gradient.clone();
                if by.nesterov { gradient + velocity.clone() * by.momentum } else { velocity.clone() }
            }
        };
        *self = self.clone() - direction * by.rate;
    }
}
