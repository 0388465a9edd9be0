//! Files whose tensors bear another library's names, or those of an older version, under the names that stillroom
//! knows. Rules are given only where both compute the same.

use std::collections::{BTreeMap, BTreeSet};

use super::contents::{Contents, Part, Unread};
use super::dialect::{Dialect, Keys};
use super::{repositories, timm, transformers};
use crate::engine::nets::buffers::is_derived;
use crate::engine::nets::detect::Shapes;
use crate::engine::nets::families::vit;
use crate::engine::nets::graph::Graph;

/// What torchvision's own files are called differently from its modules today: it renames them while loading.
const OLDER: [Dialect; 2] = [
    Dialect::rules("torchvision's older ViT", &["encoder.layers.encoder_layer_0.mlp.linear_1.weight"], |parts, _| {
        match parts {
            ["encoder", "layers", layer, "mlp", linear, t] => {
                let at = if *linear == "linear_1" { 0 } else { 3 };
                Some(format!("encoder.layers.{layer}.mlp.{at}.{t}"))
            }
            _ => None,
        }
    }),
    Dialect::rules("torchvision's older DenseNet", &["features.denseblock1.denselayer1.norm.1.weight"], |parts, _| {
        match parts {
            ["features", block, layer, kind @ ("norm" | "conv"), number, t] => {
                Some(format!("features.{block}.{layer}.{kind}{number}.{t}"))
            }
            _ => None,
        }
    }),
];

/// All dialects.
pub(super) fn dialects() -> impl Iterator<Item = &'static Dialect> {
    OLDER.iter().chain(&timm::DIALECTS).chain(&repositories::DIALECTS).chain(&transformers::DIALECTS)
}

/// A file's tensors under the names that stillroom knows.
pub(super) struct Reading {
    pub contents: Contents,
    /// Whose names they had.
    pub dialect: &'static Dialect,
    /// For the load report.
    pub note: String,
}

/// The readings of a file whose keys are marked as another dialect's. `epsilon` is that of its layer norms, where a
/// description of the network tells it.
pub(super) fn readings(contents: &Contents, epsilon: Option<f64>) -> impl Iterator<Item = Reading> + '_ {
    let keys: Keys<'_> = contents.0.keys().map(String::as_str).collect();
    dialects().filter(move |d| d.is_spoken(&keys)).map(move |dialect| {
        let mut contents = translated(contents, dialect);
        let mut note = format!("{} names translated", dialect.name);
        let usual = dialect.epsilon.map(|usual| epsilon.unwrap_or(usual)).filter(|e| *e > 0.0);
        if let Some(own) = usual.filter(|own| (own / vit::EPSILON - 1.0).abs() > 1e-6) {
            transformers::fit_epsilon(&mut contents.0, (own, vit::EPSILON));
            note.push_str(&format!("; layer norms of epsilon {own:e} as those of {:e}", vit::EPSILON));
        }
        Reading { contents, dialect, note }
    })
}

fn translated(contents: &Contents, dialect: &Dialect) -> Contents {
    let keys: Keys<'_> = contents.0.keys().map(String::as_str).collect();
    let rename = |(key, tensor): (&String, &Unread)| {
        let key = dialect.translate(key, &keys);
        let shape = shaped(&key, &tensor.shape);
        (key, Unread { shape, ..tensor.clone() })
    };
    Contents(transformers::join_attention(join_biases(contents.0.iter().map(rename).collect())))
}

/// The same values in the shape that torchvision gives them: a factor per channel, and linear layers that timm writes
/// as convolutions over the whole map.
fn shaped(key: &str, shape: &[usize]) -> Vec<usize> {
    match shape {
        [channels] if key.ends_with(".layer_scale") => vec![*channels, 1, 1],
        [outputs, rest @ ..] if rest.len() == 3 && key.starts_with("classifier.") => {
            vec![*outputs, rest.iter().product()]
        }
        _ => shape.to_vec(),
    }
}

/// Swin V2 has no bias of the keys: timm keeps those of queries and values apart, torchvision counts the middle third
/// of one bias as 0.
fn join_biases(mut tensors: BTreeMap<String, Unread>) -> BTreeMap<String, Unread> {
    let attentions: Vec<String> = tensors.keys().filter_map(|k| k.strip_suffix(".q_bias")).map(str::to_owned).collect();
    for attention in attentions {
        let queries = tensors.remove(&format!("{attention}.q_bias"));
        let values = tensors.remove(&format!("{attention}.v_bias"));
        if let (Some(queries), Some(values)) = (queries, values) {
            let count = |t: &Unread| t.shape.iter().product::<usize>();
            let shape = vec![2 * count(&queries) + count(&values)];
            let zeros = Part::Zeros(count(&queries));
            let parts = [queries.parts, vec![zeros], values.parts].concat();
            tensors.insert(format!("{attention}.qkv.bias"), Unread::new(shape, parts));
        }
    }
    tensors
}

/// Tensors at the root of timm's variants that compute otherwise than the plain network: two heads (distilled DeiT), a
/// norm before the blocks (CLIP), mean pooling, more tokens.
const VARIANTS: [&str; 5] = ["dist_token", "head_dist", "norm_pre", "fc_norm", "reg_token"];

/// Tensors of a file that say that it is another network, although all of the graph's are there: they lie inside the
/// network and it has no place for them. Others at the root, such as an auxiliary head, change nothing.
#[must_use]
pub fn additional<'a>(shapes: &'a Shapes, graph: &Graph) -> Vec<&'a str> {
    let root = |key: &str| key.split('.').next().unwrap_or_default().to_owned();
    let parameters: BTreeSet<String> = graph.parameters().into_iter().map(|p| p.key).collect();
    let modules: BTreeSet<String> = parameters.iter().filter(|k| k.contains('.')).map(|k| root(k)).collect();
    let extra = shapes.keys().map(String::as_str).filter(|key| {
        let inside = VARIANTS.contains(&root(key).as_str()) || modules.contains(&root(key));
        inside && !parameters.contains(*key) && !is_derived(key)
    });
    extra.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translate(keys: &[(&str, &[usize])]) -> Vec<(String, Vec<usize>)> {
        let tensor = |n: usize, shape: &[usize]| Unread::new(shape.to_vec(), vec![Part::Tensor(n)]);
        let contents = keys.iter().enumerate().map(|(n, (k, shape))| ((*k).to_owned(), tensor(n, shape))).collect();
        let contents = Contents(contents);
        let reading = readings(&contents, None).next().unwrap();
        reading.contents.0.into_iter().map(|(k, t)| (k, t.shape)).collect()
    }

    fn owned(pairs: &[(&str, &[usize])]) -> Vec<(String, Vec<usize>)> {
        pairs.iter().map(|(k, s)| ((*k).to_owned(), s.to_vec())).collect()
    }

    #[test]
    fn shapes_follow_the_names() {
        let found = translate(&[("stem.0.weight", &[2, 3, 4, 4]), ("stages.0.blocks.0.gamma", &[2])]);
        let expected: &[(&str, &[usize])] =
            &[("features.0.0.weight", &[2, 3, 4, 4]), ("features.1.0.layer_scale", &[2, 1, 1])];
        assert_eq!(found, owned(expected));
        let found = translate(&[("features.0.weight", &[2, 3, 3, 3]), ("pre_logits.fc1.weight", &[5, 2, 7, 7])]);
        let expected: &[(&str, &[usize])] = &[("classifier.0.weight", &[5, 98]), ("features.0.weight", &[2, 3, 3, 3])];
        assert_eq!(found, owned(expected));
    }

    #[test]
    fn biases_of_queries_and_values_are_joined_with_none_for_keys() {
        let tensor = |number| Unread::new(vec![2], vec![Part::Tensor(number)]);
        let tensors = BTreeMap::from([("a.q_bias".to_owned(), tensor(0)), ("a.v_bias".to_owned(), tensor(1))]);
        let joined = join_biases(tensors);
        let parts = vec![Part::Tensor(0), Part::Zeros(2), Part::Tensor(1)];
        assert_eq!(joined["a.qkv.bias"], Unread::new(vec![6], parts));
        assert_eq!(joined.len(), 1);
    }

    #[test]
    fn names_that_torchvision_gave_up_are_known() {
        let found = translate(&[("features.denseblock1.denselayer1.norm.1.weight", &[4])]);
        assert_eq!(found, owned(&[("features.denseblock1.denselayer1.norm1.weight", &[4])]));
        let found = translate(&[("encoder.layers.encoder_layer_0.mlp.linear_1.weight", &[4])]);
        assert_eq!(found, owned(&[("encoder.layers.encoder_layer_0.mlp.0.weight", &[4])]));
    }
}
