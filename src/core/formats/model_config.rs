//! What other libraries say of a network in JSON beside its weights: timm's and transformers' `config.json`, and
//! transformers' `preprocessor_config.json`. Their fields have names of their own, so that one reader takes them all.
//!
//! Such a file may be anybody's: what isn't needed is passed over without being kept, a field of another type than
//! expected counts as not given, and lists are bounded.

use serde::Deserialize;

use super::loose::{Loose, NAMES};
use crate::core::data::normalise::MeanStd;

/// What such a file says of a network.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelConfig {
    /// timm's name of the network, maybe with a tag (`tf_efficientnet_b0.ns_jft_in1k`).
    pub architecture: Option<String>,
    /// transformers' name of the family (`vit`).
    pub model_type: Option<String>,
    /// Outputs.
    pub outputs: Option<usize>,
    /// Side of the input in pixels.
    pub side: Option<usize>,
    /// Normalisation of values in [0, 1].
    pub mean_std: Option<MeanStd>,
    /// Names of the outputs in order.
    pub names: Option<Vec<String>>,
    /// How it computes, as far as no tensor tells.
    pub computing: Computing,
}

/// What transformers says of a network's computing, by its own names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Computing {
    /// `hidden_act`.
    pub activation: Option<String>,
    /// `layer_norm_eps`.
    pub epsilon: Option<f64>,
    /// `hidden_size`, channels of a token.
    pub channels: Option<f64>,
    /// `num_attention_heads`.
    pub heads: Option<f64>,
    /// `downsample_in_first_stage`.
    pub strided_first_stage: Option<bool>,
    /// `downsample_in_bottleneck`.
    pub strided_first_layer: Option<bool>,
}

impl ModelConfig {
    /// Whether it says nothing of a network.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What this one says, then the other.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            architecture: self.architecture.or(other.architecture),
            model_type: self.model_type.or(other.model_type),
            outputs: self.outputs.or(other.outputs),
            side: self.side.or(other.side),
            mean_std: self.mean_std.or(other.mean_std),
            names: self.names.or(other.names),
            computing: self.computing.or(other.computing),
        }
    }
}

impl Computing {
    fn or(self, other: Self) -> Self {
        Self {
            activation: self.activation.or(other.activation),
            epsilon: self.epsilon.or(other.epsilon),
            channels: self.channels.or(other.channels),
            heads: self.heads.or(other.heads),
            strided_first_stage: self.strided_first_stage.or(other.strided_first_stage),
            strided_first_layer: self.strided_first_layer.or(other.strided_first_layer),
        }
    }
}

/// Reads a file's text; one that says nothing of a network is an empty configuration.
///
/// # Errors
/// Why it is no JSON object.
pub fn parse(text: &[u8]) -> Result<ModelConfig, String> {
    // A list would be read as the fields in their order.
    if text.trim_ascii_start().first() != Some(&b'{') {
        return Err("expected an object".to_owned());
    }
    let given: Given = serde_json::from_slice(text).map_err(|e| e.to_string())?;
    Ok(given.config())
}

/// The fields that are read.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Given {
    architecture: Loose,
    model_type: Loose,
    num_classes: Loose,
    input_size: Loose,
    image_size: Loose,
    mean: Loose,
    std: Loose,
    image_mean: Loose,
    image_std: Loose,
    do_rescale: Loose,
    rescale_factor: Loose,
    rescale_offset: Loose,
    do_normalize: Loose,
    label_names: Loose,
    id2label: Loose,
    hidden_act: Loose,
    layer_norm_eps: Loose,
    hidden_size: Loose,
    num_attention_heads: Loose,
    downsample_in_first_stage: Loose,
    downsample_in_bottleneck: Loose,
    /// timm's own fields lie there, but for the network's name.
    pretrained_cfg: Option<Box<Self>>,
}

impl Given {
    fn config(self) -> ModelConfig {
        let own = ModelConfig {
            mean_std: self.mean_std(),
            architecture: self.architecture.text(),
            model_type: self.model_type.text(),
            outputs: self.num_classes.number().filter(|n| *n >= 1.0 && *n <= NAMES as f64).map(|n| n as usize),
            side: self.input_size.side().or_else(|| self.image_size.side()),
            names: self.label_names.texts().or_else(|| self.id2label.numbered()),
            computing: Computing {
                activation: self.hidden_act.text(),
                epsilon: self.layer_norm_eps.number(),
                channels: self.hidden_size.number(),
                heads: self.num_attention_heads.number(),
                strided_first_stage: self.downsample_in_first_stage.flag(),
                strided_first_layer: self.downsample_in_bottleneck.flag(),
            },
        };
        match self.pretrained_cfg {
            Some(inner) => own.or(inner.config()),
            None => own,
        }
    }

    /// As mean and deviation of values in [0, 1], whatever the bytes are multiplied by.
    fn mean_std(&self) -> Option<MeanStd> {
        let pairs = [(&self.mean, &self.std), (&self.image_mean, &self.image_std)];
        let given = pairs.into_iter().find_map(|(mean, std)| mean.colours().zip(std.colours()));
        let (mean, std) = match self.do_normalize.flag() {
            Some(false) => ([0.0; 3], [1.0; 3]),
            _ => given?,
        };
        let factor = match self.do_rescale.flag() {
            Some(false) => 1.0,
            _ => self.rescale_factor.number().unwrap_or(1.0 / 255.0),
        };
        // 1/255 is often written with fewer digits than it has.
        let factor = if (255.0 * factor - 1.0).abs() < 1e-4 { 1.0 } else { 255.0 * factor };
        let offset = if self.rescale_offset.flag() == Some(true) { 1.0 } else { 0.0 };
        let mean = mean.map(|m| ((m + offset) / factor) as f32);
        let std = std.map(|s| (s / factor) as f32);
        let usable = mean.iter().chain(&std).all(|v| v.is_finite()) && std.iter().all(|s| *s > 0.0);
        usable.then_some(MeanStd { mean, std })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: MeanStd = MeanStd { mean: [0.5; 3], std: [0.5; 3] };

    fn read(text: &str) -> ModelConfig {
        parse(text.as_bytes()).unwrap()
    }

    /// As `timm.models.push_to_hf_hub` writes it, shortened.
    #[test]
    fn timms_is_read() {
        let config = read(
            r#"{"architecture": "vit_tiny_patch16_224", "num_classes": 3, "num_features": 192, "global_pool": "token",
                "label_names": ["cat", "dog", "owl"], "label_descriptions": {"cat": "a cat"},
                "pretrained_cfg": {"tag": "augreg", "custom_load": false, "input_size": [3, 224, 224],
                    "fixed_input_size": true, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "num_classes": 21843,
                    "classifier": "head", "first_conv": "patch_embed.proj", "crop_pct": 0.9}}"#,
        );
        let names = ["cat", "dog", "owl"].map(str::to_owned).to_vec();
        let expected = ModelConfig {
            architecture: Some("vit_tiny_patch16_224".to_owned()),
            model_type: None,
            outputs: Some(3),
            side: Some(224),
            mean_std: Some(HALF),
            names: Some(names),
            computing: Computing::default(),
        };
        assert_eq!(config, expected);
    }

    #[test]
    fn transformers_are_read() {
        let config = read(
            r#"{"architectures": ["ViTForImageClassification"], "model_type": "vit", "image_size": 224, "hidden_size": 192,
                "id2label": {"0": "cat", "10": "x", "2": "owl", "1": "dog"}, "label2id": {"cat": 0}}"#,
        );
        assert_eq!((config.model_type.as_deref(), config.side, config.names.is_none()), (Some("vit"), Some(224), true));
        assert_eq!(config.computing, Computing { channels: Some(192.0), ..Computing::default() });
        let config = read(
            r#"{"model_type": "resnet", "hidden_act": "silu", "layer_norm_eps": 1e-12, "num_attention_heads": 3,
                "downsample_in_first_stage": true, "downsample_in_bottleneck": false}"#,
        );
        let expected = Computing {
            activation: Some("silu".to_owned()),
            epsilon: Some(1e-12),
            channels: None,
            heads: Some(3.0),
            strided_first_stage: Some(true),
            strided_first_layer: Some(false),
        };
        assert_eq!(config.computing, expected);
        let names = read(r#"{"id2label": {"2": "owl", "0": "cat", "1": "dog"}}"#).names;
        assert_eq!(names, Some(["cat", "dog", "owl"].map(str::to_owned).to_vec()));
        assert!(read(r#"{"id2label": {"0": "LABEL_0", "1": "LABEL_1"}}"#).is_empty());
        let processor = r#"{"do_normalize": true, "do_rescale": true, "image_mean": [0.5, 0.5, 0.5],
            "image_processor_type": "ViTImageProcessor", "image_std": [0.5, 0.5, 0.5], "resample": 2,
            "rescale_factor": 0.00392156862745098, "size": {"height": 224, "width": 224}}"#;
        assert_eq!(read(processor), ModelConfig { mean_std: Some(HALF), ..ModelConfig::default() });
    }

    /// (255·x/127.5 − 1 − 0) / 1 is (x − 0.5) / 0.5; nothing normalised is (x − 0) / 1; bytes that aren't scaled are
    /// normalised by numbers 255 times as large.
    #[test]
    fn other_scales_of_the_bytes_become_mean_and_deviation() {
        let of = |text: &str| read(text).mean_std;
        let scaled =
            r#"{"rescale_factor": 0.00784313725490196, "rescale_offset": true, "image_mean": 0, "image_std": 1}"#;
        let found = of(scaled).unwrap();
        assert!(found.mean.iter().chain(&found.std).all(|v| (v - 0.5).abs() < 1e-6), "{found:?}");
        assert_eq!(of(r#"{"do_normalize": false, "image_mean": [0.5, 0.5, 0.5]}"#), Some(MeanStd::NONE));
        let bytes = r#"{"do_rescale": false, "image_mean": [127.5, 127.5, 127.5], "image_std": [127.5, 127.5, 127.5]}"#;
        assert_eq!(of(bytes), Some(HALF));
    }

    #[test]
    fn what_is_strange_counts_as_not_given() {
        for text in [
            "{}",
            r#"{"lr": 0.1, "epochs": 90, "model": {"name": "resnet18"}}"#,
            r#"{"architecture": 7, "num_classes": "ten", "mean": [0.5, 0.5], "std": {"r": 1}}"#,
            r#"{"mean": [0.5, 0.5, 0.5], "std": [0.5, 0, 0.5], "pretrained_cfg": null}"#,
            r#"{"pretrained_cfg": [1, {}]}"#,
            r#"{"mean": [1e300, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}"#,
            r#"{"num_classes": 0, "input_size": [3, 0, 0], "image_size": 1e9, "id2label": {"1": "a", "2": "b"}}"#,
            r#"{"label_names": ["a", 1], "id2label": {"0": ["a"]}, "input_size": [3, 32, 64]}"#,
        ] {
            assert!(read(text).is_empty(), "{text}");
        }
        for text in
            ["", "[1]", "7", r#"{"architecture": "a""#, r#"{"architecture": "a", "architecture": "b"}"#, "{} {}"]
        {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        let deep = format!("{}1{}", r#"{"pretrained_cfg":"#.repeat(1000), "}".repeat(1000));
        assert!(parse(deep.as_bytes()).is_err());
    }

    #[test]
    fn long_lists_are_bounded() {
        let names = |count: usize| format!("{{\"label_names\": [{}\"x\"]}}", "\"x\",".repeat(count));
        assert_eq!(read(&names(20_000)).names.map(|n| n.len()), Some(20_001));
        assert_eq!(read(&names(NAMES + 1)).names, None);
    }
}
