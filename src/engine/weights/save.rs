//! Weight files, as bytes, under the keys that PyTorch's modules have, with the buffers that its strict loading asks for.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Cursor;
use std::path::Path;

use half::f16;
use safetensors::tensor::{Dtype, View};

use super::entry::{Data, Entry};
use super::{WeightError, Weights, pickle};
use crate::engine::nets::buffers::Values;
use crate::engine::nets::graph::Graph;

/// A kind of weight file that can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A JSON header and raw tensors.
    Safetensors,
    /// PyTorch's zip archive, which `torch.load(weights_only=True)` reads.
    Pth,
}

impl Kind {
    /// The kind that a file's name asks for.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "safetensors" => Some(Self::Safetensors),
            "pth" | "pt" => Some(Self::Pth),
            _ => None,
        }
    }
}

/// How values are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// 32 bits.
    #[default]
    Full,
    /// 16 bits: half the file, three significant digits.
    Half,
}

impl View for &Entry<'_> {
    fn dtype(&self) -> Dtype {
        match self.data {
            Data::F32(_) => Dtype::F32,
            Data::F16(_) => Dtype::F16,
            Data::I64(_) => Dtype::I64,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        self.data.bytes().into()
    }

    fn data_len(&self) -> usize {
        match &self.data {
            Data::F32(values) => 4 * values.len(),
            Data::F16(values) => 2 * values.len(),
            Data::I64(values) => 8 * values.len(),
        }
    }
}

/// A weight file with a network's weights and buffers; `name` is for messages.
///
/// # Errors
/// [`WeightError`]: tensors of the network are missing or misshapen, or a value is beyond half precision.
pub fn file_bytes(
    name: &str,
    (graph, weights): (&Graph, &Weights),
    (kind, precision): (Kind, Precision),
) -> Result<Vec<u8>, WeightError> {
    let entries = entries(name, (graph, weights), precision)?;
    let bytes = match kind {
        Kind::Safetensors => serialised(&entries),
        Kind::Pth => {
            let mut out = Cursor::new(Vec::new());
            pickle::write(&mut out, &entries).map(|()| out.into_inner())
        }
    };
    bytes.map_err(|source| WeightError::Io { path: name.to_owned(), source })
}

fn serialised(entries: &[Entry<'_>]) -> std::io::Result<Vec<u8>> {
    // What libraries look for to know whose tensors these are.
    let about = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize(entries.iter().map(|e| (e.key.as_str(), e)), Some(about)).map_err(std::io::Error::other)
}

/// Parameters and buffers in order of execution.
fn entries<'a>(
    path: &str,
    (graph, weights): (&Graph, &'a Weights),
    precision: Precision,
) -> Result<Vec<Entry<'a>>, WeightError> {
    let report = weights.report(graph);
    if !report.is_complete() {
        let arch = "network".to_owned();
        return Err(WeightError::Incomplete { path: path.to_owned(), arch, report: report.summary() });
    }
    let mut parameters = graph.parameters().into_iter().peekable();
    let mut entries = Vec::new();
    for (id, node) in graph.nodes().iter().enumerate() {
        while let Some(parameter) = parameters.next_if(|p| p.node == id) {
            let values = weights.values(&parameter.key);
            let data = match precision {
                Precision::Full => Data::F32(values.into()),
                Precision::Half if values.iter().all(|&v| f16::from_f32(v).is_finite()) => Data::F16(values),
                Precision::Half => {
                    return Err(WeightError::BeyondHalf { path: path.to_owned(), key: parameter.key });
                }
            };
            entries.push(Entry { key: parameter.key, shape: parameter.shape, data });
        }
        entries.extend(node.buffers().into_iter().map(|buffer| Entry {
            key: buffer.key,
            shape: buffer.shape,
            data: match buffer.values {
                Values::Integers(values) => Data::I64(values),
                // Never halved: PyTorch would compute with the rounded table.
                Values::Floats(values) => Data::F32(values.into()),
            },
        }));
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::super::{WeightTensor, open};
    use super::*;
    use crate::engine::nets::NetworkSpec;

    const KINDS: [(Kind, &str); 2] = [(Kind::Safetensors, "w.safetensors"), (Kind::Pth, "w.pth")];

    fn network() -> (Graph, Weights) {
        let graph = NetworkSpec { arch: "conv3x4".parse().unwrap(), side: 16, classes: 3 }.graph();
        let weights = Weights::by_formula(&graph);
        (graph, weights)
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let (graph, weights) = network();
        for (kind, name) in KINDS {
            for precision in [Precision::Full, Precision::Half] {
                let path = folder.path().join(format!("{precision:?}.{name}"));
                assert_eq!(Kind::of(&path), Some(kind));
                std::fs::write(&path, file_bytes(name, (&graph, &weights), (kind, precision)).unwrap()).unwrap();
                let mut file = open(&path).unwrap();
                let back = file.read_all().unwrap();
                assert!(file.notes.is_empty() && back.report(&graph).unused.is_empty(), "{:?}", file.notes);
                for (key, tensor) in weights.tensors() {
                    let expected = match precision {
                        Precision::Full => tensor.values.clone(),
                        Precision::Half => tensor.values.iter().map(|&v| f16::from_f32(v).to_f32()).collect(),
                    };
                    let expected = WeightTensor { shape: tensor.shape.clone(), values: expected };
                    assert!(back.tensors().get(key) == Some(&expected), "{name}: {key}");
                }
            }
        }
    }

    #[test]
    fn equal_weights_give_equal_bytes() {
        let (graph, weights) = network();
        for (kind, name) in KINDS {
            let bytes = || file_bytes(name, (&graph, &weights), (kind, Precision::Full)).unwrap();
            assert!(bytes() == bytes(), "{name}");
        }
    }

    #[test]
    fn what_can_t_be_written_is_said() {
        let (graph, mut weights) = network();
        let refused = |weights: &Weights| {
            file_bytes("w.pth", (&graph, weights), (Kind::Pth, Precision::Half)).unwrap_err().to_string()
        };
        weights.tensors.get_mut("layers.norm.0.running_var").unwrap().values[0] = 1e5;
        let error = refused(&weights);
        assert!(error.contains("w.pth") && error.contains("layers.norm.0.running_var holds values beyond ±65504"));
        weights.tensors.remove("classifier.bias");
        assert!(refused(&weights).contains("missing: classifier.bias"));
    }

    /// What `torch.load` looks for: stored files, tensors at multiples of 64 bytes, counters.
    #[test]
    fn the_archive_is_laid_out_as_pytorch_does_it() {
        let (graph, weights) = network();
        let bytes = file_bytes("w.pth", (&graph, &weights), (Kind::Pth, Precision::Full)).unwrap();
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let names: Vec<String> = archive.file_names().map(|n| n.unwrap().into_owned()).collect();
        let tensors = graph.parameters().len() + graph.buffers().len();
        assert_eq!((names.len(), tensors), (tensors + 3, 3 * 7 + 2));
        for name in ["archive/data.pkl", "archive/byteorder", "archive/data/0", "archive/data/22", "archive/version"] {
            assert!(names.iter().any(|n| n == name), "{name}");
        }
        for at in 0..archive.len() {
            let file = archive.by_index(at).unwrap();
            assert_eq!((file.compression(), file.data_start().unwrap() % 64), (zip::CompressionMethod::Stored, 0));
        }
        let mut pickle = Vec::new();
        std::io::Read::read_to_end(&mut archive.by_name("archive/data.pkl").unwrap(), &mut pickle).unwrap();
        let holds = |text: &str| pickle.windows(text.len()).any(|w| w == text.as_bytes());
        for text in ["layers.norm.2.num_batches_tracked", "LongStorage", "FloatStorage", "_metadata"] {
            assert!(holds(text), "{text}");
        }
        assert!(!holds("HalfStorage") && pickle.starts_with(b"\x80\x02ccollections\nOrderedDict\n"));
    }
}
