//! What a batch's logits are compared with.

use super::TrainError;
use crate::core::train::labels::BatchLabels;
use crate::engine::plan::Engine;

/// Labels that were written before, batch by batch.
pub trait StoredLabels {
    /// Batches of an epoch.
    ///
    /// # Errors
    /// What is wrong with the file, and the remedy.
    fn batches(&mut self, epoch: u32) -> Result<Vec<BatchLabels>, String>;
}

/// Where a training's targets come from, besides the images' classes.
pub enum Targets<'a> {
    /// The classes alone.
    Classes,
    /// The observer, in evaluation mode, on each augmented batch.
    Observer {
        /// The network.
        engine: &'a mut dyn Engine,
        /// Its output for each of the student's.
        outputs: &'a [u32],
        /// Inputs per forward pass.
        batch: usize,
    },
    /// Stored ones.
    Stored(&'a mut dyn StoredLabels),
}

impl Targets<'_> {
    /// What the user should know of the observer's device.
    pub fn take_notes(&mut self) -> Vec<String> {
        if let Self::Observer { engine, .. } = self { engine.take_notes() } else { Vec::new() }
    }

    /// The observer's logits N×classes for a batch of normalised images; `None` without an observer.
    ///
    /// # Errors
    /// [`TrainError::Engine`] where the device fails.
    pub fn observe(&mut self, inputs: &[f32]) -> Result<Option<Vec<f32>>, TrainError> {
        let Self::Observer { engine, outputs, batch } = self else { return Ok(None) };
        let len = engine.input_len();
        let classes = engine.classes();
        let mut logits = Vec::with_capacity(inputs.len() / len * outputs.len());
        for part in inputs.chunks((*batch).max(1) * len) {
            let rows = engine.logits(part, part.len() / len)?;
            for row in rows.chunks_exact(classes) {
                logits.extend(outputs.iter().map(|&o| row.get(o as usize).copied().unwrap_or(f32::NAN)));
            }
        }
        Ok(Some(logits))
    }
}
