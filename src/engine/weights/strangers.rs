//! Networks that stillroom doesn't have and whose files look like those of networks that it has: they are refused by
//! their names.

use crate::engine::nets::detect::Shapes;

/// A network by its tensors.
struct Stranger {
    what: &'static str,
    has: &'static [&'static str],
    lacks: &'static [&'static str],
}

const PRE_ACTIVATION: &str = "a pre-activation ResNet (He et al. 2016, Identity Mappings), whose blocks normalise before \
                              they convolve";
const SQUEEZE: &str = "a ResNet with squeeze-and-excitation (Hu et al. 2018)";
const WIDE: &str = "a Wide ResNet (Zagoruyko and Komodakis 2016)";
const RESNEXT: &str = "a ResNeXt (Xie et al. 2017), whose convolutions are in groups";
const HEADLESS: &str = "a network of transformers without its classifier";

/// The first that fits counts.
const STRANGERS: [Stranger; 25] = [
    is(SQUEEZE, &["layer1.0.conv1.weight", "layer1.0.fc1.weight"], &[]),
    is(SQUEEZE, &["layer1.0.conv1.weight", "layer1.0.se.fc1.weight"], &[]),
    is(SQUEEZE, &["layer1.0.conv1.weight", "layer1.0.se.fc.0.weight"], &[]),
    is(SQUEEZE, &["layer1.0.conv1.weight", "layer1.0.se_module.fc1.weight"], &[]),
    is(SQUEEZE, &["stage1.0.excitation.0.weight"], &[]),
    is(PRE_ACTIVATION, &["pre.0.weight", "stage1.0.residual.0.weight"], &[]),
    is(
        PRE_ACTIVATION,
        &["conv1.weight", "layer1.0.bn1.weight", "layer1.0.conv1.weight"],
        &["bn1.weight", "bn1.running_mean"],
    ),
    is(PRE_ACTIVATION, &["stem.conv.weight", "stages.0.blocks.0.norm1.weight"], &[]),
    is(WIDE, &["block1.layer.0.conv1.weight"], &[]),
    is(WIDE, &["init_conv.weight", "conv2.0.residual.0.weight"], &[]),
    is(WIDE, &["conv1.bias", "layer1.0.bn1.weight", "layer1.0.conv1.bias"], &[]),
    is(RESNEXT, &["conv2.0.split_transforms.0.weight"], &[]),
    is(
        "a ResNet whose norms keep no running statistics (group norms)",
        &["bn1.weight", "layer1.0.conv1.weight", "layer1.0.bn1.weight"],
        &["bn1.running_mean"],
    ),
    is(
        "a ResNet with a stem of three convolutions (ResNet-C or -D)",
        &["conv1.0.weight", "conv1.3.weight", "layer1.0.conv1.weight"],
        &[],
    ),
    is(
        "transformers' DeiT, which has a token of distillation beside the class's",
        &["deit.embeddings.distillation_token"],
        &[],
    ),
    is(HEADLESS, &["vit.embeddings.cls_token"], &["classifier.weight"]),
    is(HEADLESS, &["embeddings.cls_token", "encoder.layer.0.attention.attention.query.weight"], &[]),
    is(HEADLESS, &["resnet.embedder.embedder.convolution.weight"], &["classifier.1.weight"]),
    is(HEADLESS, &["embedder.embedder.convolution.weight"], &[]),
    is(HEADLESS, &["swin.embeddings.patch_embeddings.projection.weight"], &["classifier.weight"]),
    is(HEADLESS, &["embeddings.cls_token", "layers.0.attention.q_proj.weight"], &[]),
    is("transformers' ConvNeXt", &["convnext.embeddings.patch_embeddings.weight"], &[]),
    is("transformers' MobileNet-V2", &["mobilenet_v2.conv_stem.first_conv.convolution.weight"], &[]),
    is("transformers' EfficientNet", &["efficientnet.embeddings.convolution.weight"], &[]),
    is("transformers' RegNet", &["regnet.embedder.embedder.convolution.weight"], &[]),
];

const fn is(what: &'static str, has: &'static [&'static str], lacks: &'static [&'static str]) -> Stranger {
    Stranger { what, has, lacks }
}

/// Why a file holds none of the known networks, if it holds one of the others.
pub(super) fn refused(shapes: &Shapes) -> Option<String> {
    let has = |key: &&str| shapes.contains_key(*key);
    let known = STRANGERS.iter().find(|s| s.has.iter().all(has) && !s.lacks.iter().any(has));
    let what = known.map(|stranger| stranger.what.to_owned()).or_else(|| by_shape(shapes))?;
    Some(format!("this is {what}; stillroom doesn't have it, and `stillroom networks` lists the networks that it has"))
}

/// ResNets whose keys are those of the plain ones: ResNeXt and Wide ResNet.
fn by_shape(shapes: &Shapes) -> Option<String> {
    let outputs = |key: &str| shapes.get(key).and_then(|shape| shape.first().copied());
    let bottleneck = shapes.contains_key("layer1.0.conv3.weight");
    let [width, inputs, 3, 3] = shapes.get("layer1.0.conv2.weight")?.as_slice() else { return None };
    let stem = outputs("conv1.weight")?;
    if bottleneck && *inputs > 0 && inputs < width && width % inputs == 0 {
        return Some(format!("{RESNEXT} ({} of them)", width / inputs));
    }
    let wide = if bottleneck { *width == 2 * stem } else { *width > stem };
    wide.then(|| format!("{WIDE}: its first stage has {width} channels"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(keys: &[(&str, &[usize])]) -> String {
        refused(&keys.iter().map(|(key, shape)| ((*key).to_owned(), shape.to_vec())).collect()).unwrap_or_default()
    }

    #[test]
    fn look_alikes_are_called_by_their_names() {
        let pre: &[(&str, &[usize])] = &[
            ("conv1.weight", &[64, 3, 3, 3]),
            ("layer1.0.bn1.weight", &[64]),
            ("layer1.0.conv1.weight", &[64, 64, 3, 3]),
            ("layer2.0.shortcut.0.weight", &[128, 64, 1, 1]),
        ];
        assert!(of(pre).contains("pre-activation ResNet"), "{}", of(pre));
        let squeezed = [pre, &[("bn1.weight", &[64]), ("layer1.0.fc1.weight", &[4, 64, 1, 1])]].concat();
        assert!(of(&squeezed).contains("squeeze-and-excitation"));
        let bottleneck = |conv2: &'static [usize]| {
            let stem: &[usize] = &[64, 3, 7, 7];
            of(&[("conv1.weight", stem), ("layer1.0.conv2.weight", conv2), ("layer1.0.conv3.weight", &[256, 64, 1, 1])])
        };
        assert!(bottleneck(&[128, 4, 3, 3]).contains("ResNeXt") && bottleneck(&[128, 4, 3, 3]).contains("32 of them"));
        assert!(bottleneck(&[128, 128, 3, 3]).contains("Wide ResNet"));
        assert_eq!(bottleneck(&[64, 64, 3, 3]), "", "a plain one");
        assert!(of(&[("vit.embeddings.cls_token", &[1, 1, 192])]).contains("without its classifier"));
    }
}
