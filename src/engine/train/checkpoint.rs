//! A training's state as one safetensors file: weights, the optimiser's moments, the best weights so far, and where it
//! stands as JSON in the header.

use std::collections::{BTreeMap, HashMap};
use std::io::Cursor;

use crate::core::formats::safetensors_file::{Directory, Floats};
use crate::core::formats::torch_file;
use crate::core::train::curve::Curve;
use crate::engine::learn::OptimiserState;
use crate::engine::weights::{WeightTensor, Weights};

/// Where a training stands between two steps.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct State {
    /// Epoch under way, from 0.
    pub epoch: u32,
    /// Its next batch.
    pub batch: u32,
    /// Steps of the optimiser.
    pub step: u64,
    /// Pieces that each batch is split into for lack of memory.
    pub pieces: u32,
    /// Sum of the epoch's losses so far, as the bits of an f64: JSON would round it.
    pub loss_bits: u64,
    /// Images of the epoch so far, and how many were classified rightly.
    pub seen: u64,
    /// See `seen`.
    pub right: u64,
    /// Seconds of work.
    pub seconds: f64,
    /// Epochs that are over.
    pub curve: Curve,
}

/// Everything that a training needs to go on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Checkpoint {
    pub state: State,
    pub weights: Weights,
    pub best: Option<Weights>,
    pub optimiser: OptimiserState,
}

/// Why a checkpoint can't be used.
#[derive(Debug, thiserror::Error)]
#[error("the checkpoint can't be read ({0}); give another output folder to begin anew")]
pub struct CheckpointError(String);

const STATE: &str = "stillroom training";

impl Checkpoint {
    /// The file's bytes.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, CheckpointError> {
        let fail = |e: &dyn std::fmt::Display| CheckpointError(e.to_string());
        let mut entries: Vec<(String, Floats<'_>)> = Vec::new();
        let sets = [("weights.", Some(&self.weights)), ("best.", self.best.as_ref())];
        for (prefix, weights) in sets.into_iter().filter_map(|(p, w)| Some((p, w?))) {
            entries.extend(
                weights
                    .tensors()
                    .iter()
                    .map(|(key, t)| (format!("{prefix}{key}"), Floats { shape: t.shape.clone(), values: &t.values })),
            );
        }
        for (key, moments) in &self.optimiser.moments {
            entries.extend(
                moments.iter().enumerate().map(|(order, values)| {
                    (format!("moment{order}.{key}"), Floats { shape: vec![values.len()], values })
                }),
            );
        }
        let state = serde_json::to_string(&self.state).map_err(|e| fail(&e))?;
        let about = HashMap::from([(STATE.to_owned(), state)]);
        safetensors::serialize(entries, Some(about)).map_err(|e| fail(&e))
    }

    /// Reads [`Checkpoint::bytes`].
    pub(super) fn read(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let fail = |e: &dyn std::fmt::Display| CheckpointError(e.to_string());
        let file = Directory::read(&mut Cursor::new(bytes)).map_err(|e| fail(&e))?;
        let state = file.about(STATE).ok_or_else(|| fail(&"it is of another kind"))?;
        let state: State = serde_json::from_str(state).map_err(|e| fail(&e))?;
        let (mut weights, mut best) = (BTreeMap::new(), BTreeMap::new());
        let mut moments: BTreeMap<(String, String), Vec<f32>> = BTreeMap::new();
        for entry in &file.entries {
            let name = &entry.key;
            if entry.dtype != Some(torch_file::Dtype::F32) {
                return Err(fail(&format!("its {name} is {:?}", entry.dtype)));
            }
            let mut values = Vec::with_capacity(entry.shape.iter().product());
            let data = bytes.get(entry.bytes.start as usize..entry.bytes.end as usize).unwrap_or_default();
            torch_file::Dtype::F32.append_floats(data, &mut values);
            let (kind, key) = name.split_once('.').ok_or_else(|| fail(&format!("it holds {name}")))?;
            let tensor = |values| WeightTensor { shape: entry.shape.clone(), values };
            match kind {
                "weights" => drop(weights.insert(key.to_owned(), tensor(values))),
                "best" => drop(best.insert(key.to_owned(), tensor(values))),
                order => drop(moments.insert((key.to_owned(), order.to_owned()), values)),
            }
        }
        let mut optimiser = OptimiserState { step: state.step, moments: BTreeMap::new() };
        // Sorted by key, then moment0 before moment1.
        for ((key, _), values) in moments {
            optimiser.moments.entry(key).or_default().push(values);
        }
        let best = (!best.is_empty()).then(|| Weights::new(best));
        Ok(Self { state, weights: Weights::new(weights), best, optimiser })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::nets::NetworkSpec;

    #[test]
    fn a_checkpoint_comes_back_to_the_bit() {
        let graph = NetworkSpec { arch: "conv3x4".parse().unwrap(), side: 16, classes: 3 }.graph();
        let weights = Weights::by_formula(&graph);
        let loss_bits = 0.1_f64.to_bits() + 1;
        let moments = BTreeMap::from([("classifier.bias".to_owned(), vec![vec![0.1, 0.2, 0.3], vec![1e-30; 3]])]);
        let state = State { epoch: 3, batch: 1, step: 7, pieces: 2, loss_bits, ..State::default() };
        let optimiser = OptimiserState { step: 7, moments };
        let checkpoint = Checkpoint { state, best: Some(weights.clone()), weights, optimiser };
        let bytes = checkpoint.bytes().unwrap();
        assert_eq!(Checkpoint::read(&bytes).unwrap(), checkpoint);
        assert!(Checkpoint::read(&bytes[..bytes.len() - 1]).is_err());
        assert!(Checkpoint::read(b"").unwrap_err().to_string().contains("another output folder"));
    }
}
