//! Weight files: PyTorch (zip and the older pickle stream) and safetensors, read as plain data and written again.
//! Nothing in a file is ever executed: pickles are parsed by a reader that has no interpreter.

mod adapt;
mod choice;
mod contents;
mod dialect;
mod entry;
mod folder;
mod keys;
mod matching;
mod open;
mod pickle;
mod recognise;
mod repositories;
mod save;
mod strangers;
mod timm;
mod transformers;
mod translate;

use std::collections::BTreeMap;

use crate::core::formats::load_report::{LoadReport, Missing, WrongShape};

use super::nets::buffers::is_derived;
use super::nets::detect::Shapes;
use super::nets::graph::Graph;

pub use self::adapt::{RowsError, fit_shapes};
pub use self::contents::WeightFile;
pub use self::folder::located;
pub use self::matching::Told;
pub use self::open::open;
pub use self::recognise::{Recognised, recognise};
pub use self::save::{Kind, Precision, file_bytes};
pub use self::translate::additional;

/// One tensor: row-major f32 values.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightTensor {
    /// Shape.
    pub shape: Vec<usize>,
    /// Values.
    pub values: Vec<f32>,
}

/// The tensors of a network by PyTorch's keys.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weights {
    tensors: BTreeMap<String, WeightTensor>,
}

/// One of several networks in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkPart {
    /// What it is called.
    pub name: String,
    /// Which network it is.
    pub network: String,
}

/// Why a weight file can't be used. Every message names the file.
#[derive(Debug, thiserror::Error)]
pub enum WeightError {
    /// The file could not be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file is damaged or of another kind.
    #[error("{path} is no readable weight file: {reason}")]
    Unreadable {
        /// The file.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// The pickle asks to call something that has no place in a checkpoint.
    #[error(
        "{path} asks to call {call}: this is no checkpoint but an attack or a damaged file; nothing was executed, don't load it elsewhere"
    )]
    Hostile {
        /// The file.
        path: String,
        /// What it wants to call.
        call: String,
    },
    /// The tensors fit no known network.
    #[error("{path}: the keys fit no known network{nearest}; `stillroom networks` lists the known ones")]
    UnknownNetwork {
        /// The file.
        path: String,
        /// The first keys, or the network that comes nearest and in what the file differs from it.
        nearest: String,
    },
    /// The keys are another network's than the one that was named.
    #[error(
        "{path} holds a {found}, not a {asked} ({report}); leave out --arch (and `arch` in its card), or give another file"
    )]
    OtherNetwork {
        /// The file.
        path: String,
        /// What its keys tell.
        found: String,
        /// What was named.
        asked: String,
        /// [`LoadReport::summary`] for the network that was named.
        report: String,
    },
    /// Not all of the network's tensors are there.
    #[error("{path} does not hold a whole {arch}: {report}")]
    Incomplete {
        /// The file.
        path: String,
        /// The network.
        arch: String,
        /// [`LoadReport::summary`].
        report: String,
    },
    /// All of the network's tensors are there, and more between them.
    #[error(
        "{path} is no plain {arch}: it also holds {keys}, for which {arch} has no place; it is a variant that computes \
         otherwise, and its answers would be wrong"
    )]
    Variant {
        /// The file.
        path: String,
        /// The network.
        arch: String,
        /// The first of the other keys.
        keys: String,
    },
    /// Several networks with equal claims.
    #[error("{path} holds several networks: {}; say which with --part, such as --part {}", listed(.parts), first(.parts))]
    SeveralNetworks {
        /// The file.
        path: String,
        /// Its networks.
        parts: Vec<NetworkPart>,
    },
    /// No network of the name that was given.
    #[error("{path} holds no network called '{part}'{}; leave out --part or correct it", instead(.parts))]
    NoSuchPart {
        /// The file.
        path: String,
        /// What was given.
        part: String,
        /// Its networks.
        parts: Vec<NetworkPart>,
    },
    /// The network looks like a known one and is not the same.
    #[error("{path}: {why}")]
    NotTheSame {
        /// The file.
        path: String,
        /// What is different, and the remedy.
        why: String,
    },
    /// A value can't be written in half precision.
    #[error("{path}: {key} holds values beyond ±65504, which half precision can't hold; write it without --half")]
    BeyondHalf {
        /// The file.
        path: String,
        /// The tensor.
        key: String,
    },
    /// A value is NaN or infinite.
    #[error("{path}: {key} holds NaN or infinite values; the training that wrote it diverged")]
    NotFinite {
        /// The file.
        path: String,
        /// The tensor.
        key: String,
    },
}

/// Networks that an error lists.
const LISTED: usize = 12;

fn listed(parts: &[NetworkPart]) -> String {
    let named = parts.iter().take(LISTED).map(|part| format!("'{}' ({})", part.name, part.network));
    let more = if parts.len() > LISTED { format!(" and {} more", parts.len() - LISTED) } else { String::new() };
    format!("{}{more}", named.collect::<Vec<_>>().join(", "))
}

fn first(parts: &[NetworkPart]) -> &str {
    parts.first().map_or("", |part| &part.name)
}

fn instead(parts: &[NetworkPart]) -> String {
    if parts.is_empty() { String::new() } else { format!(", but {}", listed(parts)) }
}

impl Weights {
    /// Weights from tensors by key.
    #[must_use]
    pub fn new(tensors: BTreeMap<String, WeightTensor>) -> Self {
        Self { tensors }
    }

    /// All tensors by key.
    #[must_use]
    pub fn tensors(&self) -> &BTreeMap<String, WeightTensor> {
        &self.tensors
    }

    /// Values of a tensor; empty where there is none, which a complete [`LoadReport`] rules out.
    #[must_use]
    pub fn values(&self, key: &str) -> &[f32] {
        self.tensors.get(key).map_or(&[], |t| &t.values)
    }

    /// Shapes by key.
    #[must_use]
    pub fn shapes(&self) -> Shapes {
        self.tensors.iter().map(|(k, t)| (k.clone(), t.shape.clone())).collect()
    }

    /// Matches the tensors with a network's.
    #[must_use]
    pub fn report(&self, graph: &Graph) -> LoadReport {
        report(&self.shapes(), graph)
    }
}

/// Matches tensors with a network's by key and shape.
#[must_use]
pub fn report(shapes: &Shapes, graph: &Graph) -> LoadReport {
    let parameters = graph.parameters();
    let known: std::collections::BTreeSet<_> = parameters.iter().map(|p| p.key.as_str()).collect();
    let others = shapes.keys().filter(|k| !known.contains(k.as_str()) && !is_derived(k));
    let unused: Vec<String> = others.cloned().collect();
    let mut report = LoadReport { unused, ..LoadReport::default() };
    for parameter in parameters {
        match shapes.get(&parameter.key) {
            Some(found) if *found == parameter.shape => report.used.push(parameter.key),
            Some(found) => report.wrong_shape.push(WrongShape {
                key: parameter.key,
                expected: parameter.shape,
                found: found.clone(),
            }),
            None => {
                let nearest = nearest_key(&parameter.key, &report.unused);
                report.missing.push(Missing { key: parameter.key, nearest });
            }
        }
    }
    report
}

/// Other keys that are compared with a missing one: a file may hold tens of thousands.
const COMPARED: usize = 1000;

fn nearest_key(key: &str, candidates: &[String]) -> Option<String> {
    let scored = candidates.iter().take(COMPARED).map(|c| (strsim::jaro_winkler(key, c), c));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 > 0.7).then(|| best.1.clone())
}

/// Weights filled by the parity folder's formula (its `generate_models.py`), for tests and benchmarks that need a
/// network but no file: u(key, i) from FNV-1a and SplitMix64.
impl Weights {
    /// Every tensor of `graph`, filled by the formula.
    #[must_use]
    pub fn by_formula(graph: &Graph) -> Self {
        use super::nets::graph::Role;
        let fill = |p: super::nets::graph::Parameter| {
            let count: usize = p.shape.iter().product();
            let fan_in = (count / p.shape.first().copied().unwrap_or(1).max(1)).max(1);
            let scale = (3.0 / fan_in as f64).sqrt() as f32;
            let values = formula(&p.key, count).map(|u| match p.role {
                Role::RunningMean => 0.1 * u,
                Role::RunningVar => 1.0 + 0.25 * u,
                Role::NormWeight | Role::LayerScale => 1.0 + 0.1 * u,
                Role::Weight | Role::Embedding | Role::LogitScale => scale * u,
                Role::Bias | Role::NormBias => 0.1 * u,
            });
            let values = values.collect();
            (p.key, WeightTensor { shape: p.shape, values })
        };
        Self { tensors: graph.parameters().into_iter().map(fill).collect() }
    }
}

/// The formula's values u(key, 0), u(key, 1), … in [−1, 1).
pub fn formula(key: &str, count: usize) -> impl Iterator<Item = f32> + use<> {
    let start =
        key.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01B3));
    (0..count as u64).map(move |i| {
        let mut z = start.wrapping_add(i.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        ((z >> 40) as f64 / f64::from(1 << 23) - 1.0) as f32
    })
}

#[cfg(test)]
mod tests {
    use super::super::nets::NetworkSpec;
    use super::*;

    #[test]
    fn a_misspelled_key_is_missing_with_its_nearest_name() {
        let graph = NetworkSpec { arch: "conv3".parse().unwrap(), side: 32, classes: 10 }.graph();
        let mut weights = Weights::by_formula(&graph);
        assert!(weights.report(&graph).is_complete());
        let tensor = weights.tensors.remove("layers.norm.1.weight").unwrap();
        weights.tensors.insert("layers.norms.1.weight".into(), tensor);
        weights.tensors.get_mut("classifier.bias").unwrap().shape = vec![7];
        let report = weights.report(&graph);
        assert!(!report.is_complete());
        assert_eq!(report.missing[0].nearest.as_deref(), Some("layers.norms.1.weight"));
        assert_eq!((report.wrong_shape[0].found.clone(), report.unused.len()), (vec![7], 1));
        assert!(report.summary().contains("did you mean layers.norms.1.weight?"), "{}", report.summary());
    }
}
