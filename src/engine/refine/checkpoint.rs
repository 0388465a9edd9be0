//! The state of an optimisation as a safetensors file: what is moved, the optimiser's moments, the terms of each step.

use std::collections::{BTreeMap, HashMap};
use std::io::Cursor;

use super::{PIXELS, State};
use crate::core::formats::safetensors_file::{Directory, Floats};
use crate::core::formats::torch_file::Dtype;
use crate::engine::learn::OptimiserState;

/// Why a state can't be used.
#[derive(Debug, thiserror::Error)]
#[error("the state of an optimisation can't be read ({0})")]
pub struct StateError(String);

const ITERATION: &str = "stillroom refinement";
const TERMS: &str = "terms";

impl State {
    /// The file's bytes.
    ///
    /// # Errors
    /// [`StateError`] of the writer.
    pub fn bytes(&self) -> Result<Vec<u8>, StateError> {
        let mut tensors = vec![(PIXELS.to_owned(), &self.pixels), (TERMS.to_owned(), &self.terms)];
        let moments = self.optimiser.moments.get(PIXELS).map_or(&[][..], |all| all);
        tensors.extend((0..).zip(moments).map(|(order, values): (usize, _)| (format!("moment{order}"), values)));
        let entries = tensors.iter().map(|(key, values)| (key, Floats { shape: vec![values.len()], values }));
        let about = HashMap::from([(ITERATION.to_owned(), self.iteration.to_string())]);
        safetensors::serialize(entries, Some(about)).map_err(|e| StateError(e.to_string()))
    }

    /// Reads [`State::bytes`].
    ///
    /// # Errors
    /// [`StateError`] for other bytes.
    pub fn read(bytes: &[u8]) -> Result<Self, StateError> {
        let file = Directory::read(&mut Cursor::new(bytes)).map_err(|e| StateError(e.to_string()))?;
        let iteration = file.about(ITERATION).and_then(|text| text.parse().ok());
        let iteration: u32 = iteration.ok_or_else(|| StateError("it is of another kind".to_owned()))?;
        let mut tensors: BTreeMap<&str, Vec<f32>> = BTreeMap::new();
        for entry in file.entries.iter().filter(|entry| entry.dtype == Some(Dtype::F32)) {
            let data = bytes.get(entry.bytes.start as usize..entry.bytes.end as usize).unwrap_or_default();
            let mut values = Vec::new();
            Dtype::F32.append_floats(data, &mut values);
            tensors.insert(&entry.key, values);
        }
        let pixels = tensors.remove(PIXELS).ok_or_else(|| StateError("it has no pixels".to_owned()))?;
        let terms = tensors.remove(TERMS).unwrap_or_default();
        // moment0 before moment1.
        let moments: Vec<Vec<f32>> = tensors.into_values().collect();
        if moments.iter().any(|moment| moment.len() != pixels.len()) {
            return Err(StateError("its moments are of other pixels".to_owned()));
        }
        let moments = BTreeMap::from([(PIXELS.to_owned(), moments)]);
        Ok(Self { iteration, pixels, optimiser: OptimiserState { step: u64::from(iteration), moments }, terms })
    }
}
