//! timm's names of tensors, family by family, and torchvision's for the same ones. Listed is only what was seen to give
//! the same logits in both libraries (`benches/round_trip.sh`).

use super::dialect::{Dialect, Keys};

/// timm's dialects.
pub(super) const DIALECTS: [Dialect; 8] = [
    Dialect::rules("timm's ViT", &["cls_token", "blocks.0.attn.qkv.weight"], vit),
    Dialect::rules("timm's ConvNeXt", &["stem.0.weight", "stages.0.blocks.0.gamma"], convnext),
    Dialect::rules("timm's Swin", &["patch_embed.norm.weight", "layers.0.blocks.0.attn.qkv.weight"], swin),
    Dialect::rules("timm's EfficientNet", &["conv_stem.weight", "blocks.0.0.se.conv_reduce.weight"], efficientnet),
    Dialect::rules("timm's MobileNet-V2", &["conv_stem.weight", "blocks.1.0.conv_pwl.weight"], mobilenet),
    Dialect::rules("timm's MNASNet", &["conv_stem.weight", "blocks.1.0.conv_pwl.weight"], mnasnet),
    Dialect::rules("timm's RegNet", &["stem.conv.weight", "s1.b1.conv1.conv.weight"], regnet),
    Dialect::rules("timm's VGG", &["features.0.weight", "pre_logits.fc1.weight"], vgg),
];

fn vit(parts: &[&str], _: &Keys<'_>) -> Option<String> {
    let block = |i: &str, rest: String| format!("encoder.layers.encoder_layer_{i}.{rest}");
    Some(match parts {
        ["cls_token"] => "class_token".to_owned(),
        ["pos_embed"] => "encoder.pos_embedding".to_owned(),
        ["patch_embed", "proj", t] => format!("conv_proj.{t}"),
        ["blocks", i, "norm1", t] => block(i, format!("ln_1.{t}")),
        ["blocks", i, "norm2", t] => block(i, format!("ln_2.{t}")),
        ["blocks", i, "attn", "qkv", t] => block(i, format!("self_attention.in_proj_{t}")),
        ["blocks", i, "attn", "proj", t] => block(i, format!("self_attention.out_proj.{t}")),
        ["blocks", i, "mlp", "fc1", t] => block(i, format!("mlp.0.{t}")),
        ["blocks", i, "mlp", "fc2", t] => block(i, format!("mlp.3.{t}")),
        ["norm", t] => format!("encoder.ln.{t}"),
        ["head", t] => format!("heads.head.{t}"),
        _ => return None,
    })
}

fn convnext(parts: &[&str], _: &Keys<'_>) -> Option<String> {
    Some(match parts {
        ["stem", i, t] => format!("features.0.{i}.{t}"),
        ["stages", s, "downsample", i, t] => format!("features.{}.{i}.{t}", 2 * number(s)?),
        ["stages", s, "blocks", b, rest @ ..] => {
            let block = format!("features.{}.{b}", 2 * number(s)? + 1);
            match rest {
                ["conv_dw", t] => format!("{block}.block.0.{t}"),
                ["norm", t] => format!("{block}.block.2.{t}"),
                ["mlp", "fc1", t] => format!("{block}.block.3.{t}"),
                ["mlp", "fc2", t] => format!("{block}.block.5.{t}"),
                ["gamma"] => format!("{block}.layer_scale"),
                _ => return None,
            }
        }
        ["head", "norm", t] => format!("classifier.0.{t}"),
        ["head", "fc", t] => format!("classifier.2.{t}"),
        _ => return None,
    })
}

/// Swin and Swin V2. Before timm 0.9, as in the authors' code, a stage ended with its merging; now it begins with it.
fn swin(parts: &[&str], keys: &Keys<'_>) -> Option<String> {
    let older = keys.contains("layers.0.downsample.reduction.weight");
    Some(match parts {
        ["patch_embed", "proj", t] => format!("features.0.0.{t}"),
        ["patch_embed", "norm", t] => format!("features.0.2.{t}"),
        ["layers", l, "downsample", rest @ ..] => {
            format!("features.{}.{}", 2 * (number(l)? + usize::from(older)), rest.join("."))
        }
        ["layers", l, "blocks", b, rest @ ..] => {
            let block = format!("features.{}.{b}", 2 * number(l)? + 1);
            match rest {
                ["mlp", "fc1", t] => format!("{block}.mlp.0.{t}"),
                ["mlp", "fc2", t] => format!("{block}.mlp.3.{t}"),
                _ => format!("{block}.{}", rest.join(".")),
            }
        }
        ["norm", t] => format!("norm.{t}"),
        ["head", "fc", t] | ["head", t] => format!("head.{t}"),
        _ => return None,
    })
}

/// A layer of an inverted residual block, or of the first block, which has no expansion: convolution number (from 0,
/// in order of execution) and whether it is the batch norm behind it.
fn mobile_layer(parts: &[&str], keys: &Keys<'_>) -> Option<(usize, bool)> {
    let ["blocks", s, b, layer, ..] = parts else { return None };
    let expands = keys.contains(format!("blocks.{s}.{b}.conv_pwl.weight").as_str());
    Some(match (*layer, expands) {
        ("conv_pw", true) | ("conv_dw", false) => (0, false),
        ("bn1", _) => (0, true),
        ("conv_dw", true) | ("conv_pw", false) => (1, false),
        ("bn2", _) => (1, true),
        ("conv_pwl", true) => (2, false),
        ("bn3", true) => (2, true),
        _ => return None,
    })
}

fn efficientnet(parts: &[&str], keys: &Keys<'_>) -> Option<String> {
    Some(match parts {
        ["conv_stem", t] => format!("features.0.0.{t}"),
        ["bn1", t] => format!("features.0.1.{t}"),
        ["blocks", s, b, "se", fc, t] => {
            let expands = keys.contains(format!("blocks.{s}.{b}.conv_pwl.weight").as_str());
            let fc = if *fc == "conv_reduce" { "fc1" } else { "fc2" };
            format!("features.{}.{b}.block.{}.{fc}.{t}", number(s)? + 1, 1 + usize::from(expands))
        }
        ["blocks", s, b, _, t] => {
            let (conv, norm) = mobile_layer(parts, keys)?;
            let expands = keys.contains(format!("blocks.{s}.{b}.conv_pwl.weight").as_str());
            // Squeeze and excitation stands before the last convolution.
            let at = conv + usize::from(conv == 1 + usize::from(expands));
            format!("features.{}.{b}.block.{at}.{}.{t}", number(s)? + 1, usize::from(norm))
        }
        ["conv_head", t] => format!("features.{}.0.{t}", stages(keys) + 1),
        ["bn2", t] => format!("features.{}.1.{t}", stages(keys) + 1),
        ["classifier", t] => format!("classifier.1.{t}"),
        _ => return None,
    })
}

fn mobilenet(parts: &[&str], keys: &Keys<'_>) -> Option<String> {
    Some(match parts {
        ["conv_stem", t] => format!("features.0.0.{t}"),
        ["bn1", t] => format!("features.0.1.{t}"),
        ["blocks", s, b, _, t] => {
            let (conv, norm) = mobile_layer(parts, keys)?;
            let before: usize = (0..number(s)?).map(|s| blocks(keys, s)).sum();
            let last = 1 + usize::from(keys.contains(format!("blocks.{s}.{b}.conv_pwl.weight").as_str()));
            // The last convolution and its norm stand by themselves.
            let at = if conv < last {
                format!("{conv}.{}", usize::from(norm))
            } else {
                format!("{}", conv + usize::from(norm))
            };
            format!("features.{}.conv.{at}.{t}", before + number(b)? + 1)
        }
        ["conv_head", t] => format!("features.{}.0.{t}", all_blocks(keys) + 1),
        ["bn2", t] => format!("features.{}.1.{t}", all_blocks(keys) + 1),
        ["classifier", t] => format!("classifier.1.{t}"),
        _ => return None,
    })
}

fn mnasnet(parts: &[&str], keys: &Keys<'_>) -> Option<String> {
    Some(match parts {
        ["conv_stem", t] => format!("layers.0.{t}"),
        ["bn1", t] => format!("layers.1.{t}"),
        ["blocks", s, b, _, t] => {
            let (conv, norm) = mobile_layer(parts, keys)?;
            let at = 3 * conv + usize::from(norm);
            match number(s)? {
                0 => format!("layers.{}.{t}", 3 + at),
                stage => format!("layers.{}.{b}.layers.{at}.{t}", 7 + stage),
            }
        }
        ["conv_head", t] => format!("layers.{}.{t}", 7 + stages(keys)),
        ["bn2", t] => format!("layers.{}.{t}", 8 + stages(keys)),
        ["classifier", t] => format!("classifier.1.{t}"),
        _ => return None,
    })
}

fn regnet(parts: &[&str], _: &Keys<'_>) -> Option<String> {
    let layer = |name: &str| match name {
        "conv" => Some(0),
        "bn" => Some(1),
        _ => None,
    };
    Some(match parts {
        ["stem", name, t] => format!("stem.{}.{t}", layer(name)?),
        ["head", "fc", t] => format!("fc.{t}"),
        [s, b, rest @ ..] => {
            let (s, b) = (number(s.strip_prefix('s')?)?, number(b.strip_prefix('b')?)?.checked_sub(1)?);
            let block = format!("trunk_output.block{s}.block{s}-{b}");
            match rest {
                ["conv1", name, t] => format!("{block}.f.a.{}.{t}", layer(name)?),
                ["conv2", name, t] => format!("{block}.f.b.{}.{t}", layer(name)?),
                ["conv3", name, t] => format!("{block}.f.c.{}.{t}", layer(name)?),
                ["se", fc @ ("fc1" | "fc2"), t] => format!("{block}.f.se.{fc}.{t}"),
                ["downsample", name, t] => format!("{block}.proj.{}.{t}", layer(name)?),
                _ => return None,
            }
        }
        _ => return None,
    })
}

fn vgg(parts: &[&str], _: &Keys<'_>) -> Option<String> {
    Some(match parts {
        ["features", ..] => parts.join("."),
        ["pre_logits", "fc1", t] => format!("classifier.0.{t}"),
        ["pre_logits", "fc2", t] => format!("classifier.3.{t}"),
        ["head", "fc", t] => format!("classifier.6.{t}"),
        _ => return None,
    })
}

fn number(text: &str) -> Option<usize> {
    text.parse().ok()
}

/// Stages of `blocks.s.b`.
fn stages(keys: &Keys<'_>) -> usize {
    (0..).take_while(|&s| blocks(keys, s) > 0).count()
}

/// Blocks of a stage.
fn blocks(keys: &Keys<'_>, stage: usize) -> usize {
    (0..).take_while(|b| keys.contains(format!("blocks.{stage}.{b}.conv_dw.weight").as_str())).count()
}

fn all_blocks(keys: &Keys<'_>) -> usize {
    (0..stages(keys)).map(|s| blocks(keys, s)).sum()
}
