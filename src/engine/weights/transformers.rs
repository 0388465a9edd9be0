//! Names of tensors in Hugging Face's transformers, and those of torchvision or timm for the same ones.

use std::collections::BTreeMap;

use super::contents::{Part, Unread};
use super::dialect::Dialect;

const RESNET: &[(&str, &str)] = &[
    ("resnet.embedder.embedder.convolution", "conv1"),
    ("resnet.embedder.embedder.normalization", "bn1"),
    ("resnet.encoder.stages.0.layers", "layer1"),
    ("resnet.encoder.stages.1.layers", "layer2"),
    ("resnet.encoder.stages.2.layers", "layer3"),
    ("resnet.encoder.stages.3.layers", "layer4"),
    ("layer.0.convolution", "conv1"),
    ("layer.0.normalization", "bn1"),
    ("layer.1.convolution", "conv2"),
    ("layer.1.normalization", "bn2"),
    ("layer.2.convolution", "conv3"),
    ("layer.2.normalization", "bn3"),
    ("shortcut.convolution", "downsample.0"),
    ("shortcut.normalization", "downsample.1"),
    ("classifier.1", "fc"),
];

/// Under the names of its files, and those that its modules have from version 5 on.
const VIT: &[(&str, &str)] = &[
    ("vit.embeddings.cls_token", "cls_token"),
    ("vit.embeddings.position_embeddings", "pos_embed"),
    ("vit.embeddings.patch_embeddings.projection", "patch_embed.proj"),
    ("vit.encoder.layer", "blocks"),
    ("vit.layers", "blocks"),
    ("attention.attention.query", "attn.query"),
    ("attention.attention.key", "attn.key"),
    ("attention.attention.value", "attn.value"),
    ("attention.q_proj", "attn.query"),
    ("attention.k_proj", "attn.key"),
    ("attention.v_proj", "attn.value"),
    ("attention.output.dense", "attn.proj"),
    ("attention.o_proj", "attn.proj"),
    ("intermediate.dense", "mlp.fc1"),
    ("output.dense", "mlp.fc2"),
    ("layernorm_before", "norm1"),
    ("layernorm_after", "norm2"),
    ("vit.layernorm", "norm"),
    ("classifier", "head"),
];

/// The same two for Swin. Absolute positions, which the known networks haven't, stay visible inside the first module.
const SWIN: &[(&str, &str)] = &[
    ("swin.embeddings.patch_embeddings.projection", "features.0.0"),
    ("swin.embeddings.norm", "features.0.2"),
    ("swin.embeddings.position_embeddings", "features.0.position_embeddings"),
    ("swin.encoder.layers.0.blocks", "features.1"),
    ("swin.encoder.layers.0.downsample", "features.2"),
    ("swin.encoder.layers.1.blocks", "features.3"),
    ("swin.encoder.layers.1.downsample", "features.4"),
    ("swin.encoder.layers.2.blocks", "features.5"),
    ("swin.encoder.layers.2.downsample", "features.6"),
    ("swin.encoder.layers.3.blocks", "features.7"),
    ("attention.self.query", "attn.query"),
    ("attention.self.key", "attn.key"),
    ("attention.self.value", "attn.value"),
    ("attention.q_proj", "attn.query"),
    ("attention.k_proj", "attn.key"),
    ("attention.v_proj", "attn.value"),
    ("attention.self.relative_position_bias_table", "attn.relative_position_bias_table"),
    ("attention.relative_position_bias.relative_position_bias_table", "attn.relative_position_bias_table"),
    ("attention.output.dense", "attn.proj"),
    ("attention.o_proj", "attn.proj"),
    ("intermediate.dense", "mlp.0"),
    ("output.dense", "mlp.3"),
    ("mlp.fc1", "mlp.0"),
    ("mlp.fc2", "mlp.3"),
    ("layernorm_before", "norm1"),
    ("layernorm_after", "norm2"),
    ("swin.layernorm", "norm"),
    ("classifier", "head"),
];

/// transformers' dialects.
pub(super) const DIALECTS: [Dialect; 3] = [
    Dialect::table(
        "transformers' ResNet",
        &["resnet.embedder.embedder.convolution.weight", "classifier.1.weight"],
        RESNET,
    ),
    // ViTConfig's default.
    Dialect::table("transformers' ViT", &["vit.embeddings.cls_token", "classifier.weight"], VIT).epsilon(1e-12),
    Dialect::table(
        "transformers' Swin",
        &["swin.embeddings.patch_embeddings.projection.weight", "classifier.weight"],
        SWIN,
    ),
];

/// Joins what transformers has as separate layers: queries, keys and values of each attention, whose rows stand behind
/// each other in one layer. Without biases (`qkv_bias`) they are 0.
pub(super) fn join_attention(mut tensors: BTreeMap<String, Unread>) -> BTreeMap<String, Unread> {
    let weights = tensors.keys().filter_map(|k| k.strip_suffix(".attn.query.weight"));
    for block in weights.map(str::to_owned).collect::<Vec<_>>() {
        for tensor in ["weight", "bias"] {
            let parts = ["query", "key", "value"].map(|part| tensors.remove(&format!("{block}.attn.{part}.{tensor}")));
            if let [Some(queries), Some(keys), Some(values)] = parts
                && let (Some(rows), rest) = (stacked([&queries, &keys, &values]), queries.shape.get(1..))
            {
                let shape = [&[rows], rest.unwrap_or_default()].concat();
                let parts = [queries.parts, keys.parts, values.parts].concat();
                tensors.insert(format!("{block}.attn.qkv.{tensor}"), Unread::new(shape, parts));
            }
        }
        let bias = format!("{block}.attn.qkv.bias");
        let rows = tensors.get(&format!("{block}.attn.qkv.weight")).and_then(|w| w.shape.first().copied());
        if let (Some(rows), false) = (rows, tensors.contains_key(&bias)) {
            tensors.insert(bias, Unread::new(vec![rows], vec![Part::Zeros(rows)]));
        }
    }
    tensors
}

/// Rows of tensors that differ in nothing else.
fn stacked(tensors: [&Unread; 3]) -> Option<usize> {
    let rest = tensors[0].shape.get(1..)?;
    let alike = tensors.iter().all(|t| t.shape.get(1..) == Some(rest));
    alike.then(|| tensors.iter().map(|t| t.shape[0]).sum())
}

/// What writes to the stream of tokens that every block adds to, under timm's names.
const STREAM: [&str; 5] = ["cls_token", "pos_embed", "patch_embed.proj", "attn.proj", "mlp.fc2"];

/// Brings layer norms of one epsilon to another: (x − m) / √(v + ε) is the same of a stream that is c times as large with
/// the epsilon c²·ε. Everything that reads the stream is a layer norm, so that the network computes the same.
pub(super) fn fit_epsilon(tensors: &mut BTreeMap<String, Unread>, (from, to): (f64, f64)) {
    let factor = (to / from).sqrt() as f32;
    for (key, tensor) in tensors {
        let layer = key.strip_suffix(".weight").or_else(|| key.strip_suffix(".bias")).unwrap_or(key);
        if STREAM.iter().any(|name| layer == *name || layer.ends_with(&format!(".{name}"))) {
            tensor.factor *= factor;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::weights::dialect::Keys;

    #[test]
    fn keys_become_torchvisions_and_timms() {
        for (dialect, key, expected) in [
            (0, "resnet.embedder.embedder.convolution.weight", "conv1.weight"),
            (0, "resnet.embedder.embedder.normalization.running_var", "bn1.running_var"),
            (0, "resnet.encoder.stages.0.layers.1.layer.0.convolution.weight", "layer1.1.conv1.weight"),
            (0, "resnet.encoder.stages.3.layers.2.layer.2.normalization.bias", "layer4.2.bn3.bias"),
            (0, "resnet.encoder.stages.1.layers.0.shortcut.convolution.weight", "layer2.0.downsample.0.weight"),
            (0, "classifier.1.bias", "fc.bias"),
            (1, "vit.embeddings.cls_token", "cls_token"),
            (1, "vit.embeddings.patch_embeddings.projection.bias", "patch_embed.proj.bias"),
            (1, "vit.encoder.layer.11.attention.attention.key.bias", "blocks.11.attn.key.bias"),
            (1, "vit.encoder.layer.0.attention.output.dense.weight", "blocks.0.attn.proj.weight"),
            (1, "vit.encoder.layer.0.output.dense.weight", "blocks.0.mlp.fc2.weight"),
            (1, "vit.encoder.layer.0.intermediate.dense.weight", "blocks.0.mlp.fc1.weight"),
            (1, "vit.encoder.layer.0.layernorm_after.bias", "blocks.0.norm2.bias"),
            (1, "vit.layers.3.attention.q_proj.weight", "blocks.3.attn.query.weight"),
            (1, "vit.layers.3.attention.o_proj.bias", "blocks.3.attn.proj.bias"),
            (1, "vit.layers.3.mlp.fc2.bias", "blocks.3.mlp.fc2.bias"),
            (2, "swin.encoder.layers.2.blocks.5.attention.self.value.bias", "features.5.5.attn.value.bias"),
            (2, "swin.encoder.layers.0.blocks.1.attention.output.dense.bias", "features.1.1.attn.proj.bias"),
            (2, "swin.encoder.layers.3.blocks.0.mlp.fc1.weight", "features.7.0.mlp.0.weight"),
            (2, "swin.encoder.layers.1.downsample.norm.bias", "features.4.norm.bias"),
            (1, "vit.layernorm.weight", "norm.weight"),
            (1, "classifier.weight", "head.weight"),
        ] {
            assert_eq!(DIALECTS[dialect].translate(key, &Keys::new()), expected);
        }
    }

    fn tensor(number: usize, shape: &[usize]) -> Unread {
        Unread::new(shape.to_vec(), vec![Part::Tensor(number)])
    }

    #[test]
    fn queries_keys_and_values_are_one_layer() {
        let named = |name: &str, number, shape: &[usize]| (format!("blocks.0.attn.{name}"), tensor(number, shape));
        let weights = [("query.weight", 0), ("key.weight", 1), ("value.weight", 2)].map(|(k, n)| named(k, n, &[4, 4]));
        let joined = join_attention(BTreeMap::from(weights.clone()));
        let parts = [0, 1, 2].map(Part::Tensor).to_vec();
        assert_eq!(joined["blocks.0.attn.qkv.weight"], Unread::new(vec![12, 4], parts));
        assert_eq!(joined["blocks.0.attn.qkv.bias"], Unread::new(vec![12], vec![Part::Zeros(12)]));
        let biases = [("query.bias", 3), ("key.bias", 4), ("value.bias", 5)].map(|(k, n)| named(k, n, &[4]));
        let joined = join_attention(BTreeMap::from_iter(weights.into_iter().chain(biases)));
        assert_eq!(joined["blocks.0.attn.qkv.bias"].parts, [3, 4, 5].map(Part::Tensor));
        assert_eq!(joined.len(), 2);
    }

    #[test]
    fn another_epsilon_is_carried_by_the_stream() {
        let keys = ["cls_token", "blocks.0.attn.proj.weight", "blocks.0.norm1.weight", "blocks.0.attn.qkv.weight"];
        let mut tensors: BTreeMap<_, _> = keys.iter().map(|k| ((*k).to_owned(), tensor(0, &[1]))).collect();
        fit_epsilon(&mut tensors, (1e-12, 1e-6));
        assert_eq!(keys.map(|k| tensors[k].factor), [1000.0, 1000.0, 1.0, 1.0]);
    }
}
