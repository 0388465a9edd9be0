//! Weight files as other people's programs write them.
//!
//! | kind | what happens now |
//! |---|---|
//! | the names of kuangliu's pytorch-cifar, weiaicunzai's pytorch-cifar100, transformers' ResNet and ViT | translated by tables; the same answers |
//! | CIFAR ResNets with convolutions in their shortcuts (chenyaofo's) | networks of their own, `resnet20_cifar_b` and so on |
//! | `module.` or `_orig_mod.` in the middle of keys | taken out |
//! | a network below any prefix, beside other tensors | found, and said where |
//! | a network and its average | the plain one, and it is said |
//! | student and teacher, or other equals | refused with their names until `--part` says which |
//! | a pre-activation ResNet, a ResNeXt, a network without its classifier | refused by its name |
//! | `config.json` of transformers that says of a network what its tensors don't | refused by what is different; other epsilons are computed |
//! | a folder of weights, or shards with an index | the tensors of all shards; what is missing or outside is named |

use std::collections::BTreeMap;

use stillroom::core::data::normalise::MeanStd;
use stillroom::engine::nets::NetworkSpec;
use stillroom::engine::weights::{Kind, Precision, Weights, file_bytes, open};

use super::nets::{CLASSES, assert_whole, labelled_at, says, top1_at};
use crate::scene::Scene;

/// A small network, quick to label and to load.
const SMALL: (&str, u32) = ("resnet20_cifar_b", 32);

/// Shape and values of each tensor.
type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

fn tensors(file: &[u8]) -> Tensors {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    std::fs::write(&path, file).unwrap();
    let weights = open(&path).unwrap().read_all().unwrap();
    weights.tensors().iter().map(|(key, t)| (key.clone(), (t.shape.clone(), t.values.clone()))).collect()
}

fn bytes(tensors: &Tensors) -> Vec<u8> {
    let raw: Vec<(&String, &Vec<usize>, Vec<u8>)> = tensors
        .iter()
        .map(|(key, (shape, values))| (key, shape, values.iter().flat_map(|v| v.to_le_bytes()).collect()))
        .collect();
    let view = |shape: &Vec<usize>, data| {
        safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), data).unwrap()
    };
    safetensors::serialize(raw.iter().map(|(key, shape, data)| (key.as_str(), view(shape, data))), None).unwrap()
}

/// The same values under other keys.
fn renamed(tensors: &Tensors, rename: impl Fn(&str) -> String) -> Tensors {
    tensors.iter().map(|(key, tensor)| (rename(key), tensor.clone())).collect()
}

fn prefixed(tensors: &Tensors, prefix: &str) -> Tensors {
    renamed(tensors, |key| format!("{prefix}{key}"))
}

/// Parts of a key replaced, the first pair first.
fn replaced(key: &str, pairs: &[(&str, &str)]) -> String {
    pairs.iter().fold(key.to_owned(), |key, (from, to)| key.replace(from, to))
}

/// Another network of the same kind, which answers otherwise.
fn other(arch: &str) -> Tensors {
    let graph = NetworkSpec { arch: arch.parse().unwrap(), side: 32, classes: CLASSES }.graph();
    let file = file_bytes("o", (&graph, &Weights::by_formula(&graph)), (Kind::Safetensors, Precision::Full)).unwrap();
    let negated = |(key, (shape, values)): (String, (Vec<usize>, Vec<f32>))| {
        let sign = if key.starts_with("fc.") { -1.0 } else { 1.0 };
        (key, (shape, values.into_iter().map(|v| sign * v).collect()))
    };
    tensors(&file).into_iter().map(negated).collect()
}

#[test]
fn names_of_repositories_for_cifar_are_translated() {
    let scene = Scene::new();
    let own = tensors(&labelled_at(&scene, SMALL, MeanStd::IMAGENET));
    scene.write("plain.safetensors", &bytes(&own));
    let said = assert_whole(top1_at(&scene, ("plain.safetensors", 32), ""));
    says(&said, &["observer: resnet20_cifar_b at side 32"]);
    let kuangliu =
        renamed(&own, |key| format!("net.module.{}", replaced(key, &[("downsample", "shortcut"), ("fc.", "linear.")])));
    scene.write("kuangliu.safetensors", &bytes(&kuangliu));
    let said = assert_whole(top1_at(&scene, ("kuangliu.safetensors", 32), ""));
    says(&said, &["observer: resnet20_cifar_b", "kuangliu's pytorch-cifar names translated"]);
    let half = renamed(&own, |key| replaced(key, &[("downsample", "shortcut")]));
    scene.write("half.safetensors", &bytes(&half));
    assert_whole(top1_at(&scene, ("half.safetensors", 32), ""));

    let scene = Scene::new();
    let own = tensors(&labelled_at(&scene, ("resnet18_modified", 32), MeanStd::IMAGENET));
    let sequences = [
        ("conv1.", "C1"),
        ("bn1.", "B1"),
        ("conv2.", "residual_function.3."),
        ("bn2.", "residual_function.4."),
        ("downsample", "shortcut"),
        ("layer1", "conv2_x"),
        ("layer2", "conv3_x"),
        ("layer3", "conv4_x"),
        ("layer4", "conv5_x"),
    ];
    let weiaicunzai = renamed(&own, |key| {
        let (stem, block) = (["conv1.0.", "conv1.1."], ["residual_function.0.", "residual_function.1."]);
        let [conv, norm] = if key.starts_with("layer") { block } else { stem };
        replaced(&replaced(key, &sequences), &[("C1", conv), ("B1", norm)])
    });
    scene.write("weiaicunzai.safetensors", &bytes(&weiaicunzai));
    let said = assert_whole(top1_at(&scene, ("weiaicunzai.safetensors", 32), ""));
    says(&said, &["observer: resnet18_modified", "weiaicunzai's pytorch-cifar100 names translated"]);
}

const RESNET: &str = r#"{"model_type": "resnet", "hidden_act": "relu", "downsample_in_first_stage": false,
    "id2label": {"0": "class0", "1": "class1", "2": "class2", "3": "class3", "4": "class4", "5": "class5"}}"#;

#[test]
fn a_resnet_of_transformers_is_read_from_its_folder() {
    let scene = Scene::new();
    let own = tensors(&labelled_at(&scene, ("resnet18", 64), MeanStd::IMAGENET));
    let transformers = renamed(&own, |key| {
        let parts: Vec<&str> = key.split('.').collect();
        match parts[..] {
            ["conv1", t] => format!("resnet.embedder.embedder.convolution.{t}"),
            ["bn1", t] => format!("resnet.embedder.embedder.normalization.{t}"),
            ["fc", t] => format!("classifier.1.{t}"),
            [stage, block, ref rest @ ..] => {
                let stage: usize = stage[5..].parse().unwrap();
                let block = format!("resnet.encoder.stages.{}.layers.{block}", stage - 1);
                match rest {
                    ["conv1", t] => format!("{block}.layer.0.convolution.{t}"),
                    ["bn1", t] => format!("{block}.layer.0.normalization.{t}"),
                    ["conv2", t] => format!("{block}.layer.1.convolution.{t}"),
                    ["bn2", t] => format!("{block}.layer.1.normalization.{t}"),
                    ["downsample", "0", t] => format!("{block}.shortcut.convolution.{t}"),
                    ["downsample", "1", t] => format!("{block}.shortcut.normalization.{t}"),
                    _ => panic!("{key}"),
                }
            }
            _ => panic!("{key}"),
        }
    });
    scene.write("hub/model.safetensors", &bytes(&transformers));
    scene.write("hub/config.json", RESNET.as_bytes());
    let said = assert_whole(top1_at(&scene, ("hub", 64), ""));
    says(&said, &["observer: resnet18 at side 64", "transformers' ResNet names translated"]);
    let refused = |text: &str, words: &[&str]| {
        scene.write("hub/config.json", text.as_bytes());
        scene.line("evaluate --device cpu --data data --network hub/model.safetensors --side 64").fails(1, words);
    };
    refused(r#"{"model_type": "resnet", "hidden_act": "silu"}"#, &["config.json: hidden_act is 'silu'", "has relu"]);
    refused(r#"{"model_type": "resnet", "downsample_in_first_stage": true}"#, &["downsample_in_first_stage is true"]);
    scene.write("hub/config.json", RESNET.as_bytes());
    let headless: Tensors = transformers.into_iter().filter(|(key, _)| !key.starts_with("classifier")).collect();
    scene.write("hub/model.safetensors", &bytes(&headless));
    scene.line("evaluate --device cpu --data data --network hub").fails(1, &["without its classifier"]);
}

/// transformers' layer norms have an epsilon of 1e-12 unless the configuration says another one. A stream of tokens that
/// is a thousandth as large has the same answers with it as the whole one has with 1e-6.
#[test]
fn a_vision_transformer_of_transformers_is_read_with_its_own_epsilon() {
    let scene = Scene::new();
    let own = tensors(&labelled_at(&scene, ("vit_tiny_patch16_224", 64), MeanStd::HALF));
    let mut transformers = Tensors::new();
    for (key, (shape, values)) in &own {
        let key = replaced(
            key,
            &[
                ("cls_token", "vit.embeddings.cls_token"),
                ("pos_embed", "vit.embeddings.position_embeddings"),
                ("patch_embed.proj", "vit.embeddings.patch_embeddings.projection"),
                ("blocks.", "vit.encoder.layer."),
                ("attn.proj", "attention.output.dense"),
                ("mlp.fc1", "intermediate.dense"),
                ("mlp.fc2", "output.dense"),
                ("norm1", "layernorm_before"),
                ("norm2", "layernorm_after"),
                ("head.", "classifier."),
            ],
        );
        let key = if key.starts_with("norm.") { format!("vit.layer{key}") } else { key };
        if !key.contains("attn.qkv") {
            transformers.insert(key, (shape.clone(), values.clone()));
            continue;
        }
        for (at, name) in ["query", "key", "value"].into_iter().enumerate() {
            let third = values.len() / 3;
            let shape = [&[shape[0] / 3], &shape[1..]].concat();
            let key = key.replace("attn.qkv", &format!("attention.attention.{name}"));
            transformers.insert(key, (shape, values[at * third..][..third].to_vec()));
        }
    }
    let config = |epsilon: &str| {
        format!(
            r#"{{"model_type": "vit", "hidden_act": "gelu", "hidden_size": 192, "num_attention_heads": 3 {epsilon}}}"#
        )
    };
    scene.write("hub/model.safetensors", &bytes(&transformers));
    scene.write("hub/config.json", config(r#", "layer_norm_eps": 1e-6"#).as_bytes());
    scene.write("hub/preprocessor_config.json", br#"{"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}"#);
    let said = assert_whole(top1_at(&scene, ("hub", 64), ""));
    says(&said, &["transformers' ViT names translated", "mean/std half"]);
    assert!(!said.contains("epsilon"), "{said}");
    let stream = ["embeddings", "attention.output.dense", ".output.dense"];
    for (key, (_, values)) in &mut transformers {
        if stream.iter().any(|name| key.contains(name)) {
            values.iter_mut().for_each(|value| *value *= 1e-3);
        }
    }
    scene.write("hub/model.safetensors", &bytes(&transformers));
    let (wrong, _) = top1_at(&scene, ("hub", 64), "");
    scene.write("hub/config.json", config("").as_bytes());
    let said = assert_whole(top1_at(&scene, ("hub", 64), ""));
    says(&said, &["layer norms of epsilon 1e-12"]);
    assert!(wrong < 98.0, "{wrong} %: the epsilon counts");
    scene.write("hub/config.json", config("").replace("gelu", "quick_gelu").as_bytes());
    scene.line("evaluate --device cpu --data data --network hub").fails(1, &["hidden_act is 'quick_gelu'"]);
}

#[test]
fn a_network_is_found_below_any_prefix() {
    let scene = Scene::new();
    let own = tensors(&labelled_at(&scene, SMALL, MeanStd::IMAGENET));
    for prefix in ["backbone.", "state_dict.model.net.", "timm_model.", "encoder.module."] {
        let mut beside = prefixed(&own, prefix);
        beside.insert("criterion.weight".to_owned(), (vec![10], vec![1.0; 10]));
        scene.write("w.safetensors", &bytes(&beside));
        let said = assert_whole(top1_at(&scene, ("w.safetensors", 32), ""));
        says(&said, &["observer: resnet20_cifar_b", "network found under"]);
    }
    let compiled =
        renamed(&own, |key| replaced(key, &[("layer1.", "layer1._orig_mod."), ("layer2.0.", "layer2.0.module.")]));
    scene.write("w.safetensors", &bytes(&compiled));
    let said = assert_whole(top1_at(&scene, ("w.safetensors", 32), ""));
    says(&said, &["what wraps single modules"]);
}

#[test]
fn of_a_network_and_its_average_the_plain_one_is_taken() {
    let scene = Scene::new();
    let own = tensors(&labelled_at(&scene, SMALL, MeanStd::IMAGENET));
    for (plain, average) in [("state_dict", "state_dict_ema"), ("student", "student_ema"), ("net_a", "ema_model")] {
        let mut both = prefixed(&own, &format!("{plain}."));
        both.extend(prefixed(&other(SMALL.0), &format!("{average}.")));
        scene.write("w.safetensors", &bytes(&both));
        let said = assert_whole(top1_at(&scene, ("w.safetensors", 32), ""));
        says(
            &said,
            &["of its 2 networks", &format!("'{plain}' is taken"), &format!("--part takes another: '{average}'")],
        );
        let (wrong, _) = top1_at(&scene, ("w.safetensors", 32), &format!("--part {average}"));
        assert!(wrong < 90.0, "{wrong} %");
    }
}

#[test]
fn of_equals_none_is_taken_until_one_is_named() {
    let scene = Scene::new();
    let own = tensors(&labelled_at(&scene, SMALL, MeanStd::IMAGENET));
    let mut both = prefixed(&own, "state_dict.teacher.");
    both.extend(prefixed(&other(SMALL.0), "state_dict.student."));
    scene.write("w.safetensors", &bytes(&both));
    let line = "evaluate --device cpu --data data --network w.safetensors --side 32";
    scene.line(line).fails(
        1,
        &["w.safetensors holds several networks: 'student' (resnet20_cifar_b), 'teacher' (resnet20_cifar_b)", "--part"],
    );
    assert_whole(top1_at(&scene, ("w.safetensors", 32), "--part teacher"));
    let (wrong, _) = top1_at(&scene, ("w.safetensors", 32), "--part student");
    assert!(wrong < 90.0, "{wrong} %");
    scene.line(&format!("{line} --part head")).fails(1, &["no network called 'head', but 'student'"]);

    // Each part has a fingerprint of its own, so that nothing scored by one is taken for the other's.
    let distil = |part: &str| {
        let run = scene.line(&format!(
            "distill --data data --observer w.safetensors --side 32 --part {part} --force --device cpu --project project \
             --ipc 1 --patches 1 --subset 4 --crops 2 --out out-{part}"
        ));
        run.last();
        let manifest = std::fs::read_to_string(scene.at(format!("out-{part}/manifest.json"))).unwrap();
        serde_json::from_str::<serde_json::Value>(&manifest).unwrap()["observer"].clone()
    };
    let (student, teacher) = (distil("student"), distil("teacher"));
    assert_eq!((student["part"].as_str(), teacher["part"].as_str()), (Some("student"), Some("teacher")));
    assert_ne!(student["fingerprint"], teacher["fingerprint"]);

    // A part of another network is told apart by --arch as well.
    let mut unlike = prefixed(&own, "teacher.");
    unlike.extend(prefixed(&other("resnet32_cifar_b"), "student."));
    scene.write("w.safetensors", &bytes(&unlike));
    assert_whole(top1_at(&scene, ("w.safetensors", 32), "--arch resnet20_cifar_b"));
    scene.line("convert --observer w.safetensors --part teacher --out teacher.pth").last();
    assert_whole(top1_at(&scene, ("teacher.pth", 32), ""));
}

#[test]
fn networks_that_only_look_like_known_ones_are_refused_by_name() {
    let scene = Scene::with_data(&[1, 1]);
    let own = other(SMALL.0);
    let kuangliu = renamed(&own, |key| replaced(key, &[("downsample", "shortcut"), ("fc.", "linear.")]));
    // Its shortcuts have no norms, nor has its stem.
    let pre: Tensors =
        kuangliu.iter().filter(|(key, _)| !key.starts_with("bn1") && !key.contains("shortcut.1")).map(clone).collect();
    let mut squeezed = kuangliu;
    squeezed.insert("layer1.0.fc1.weight".to_owned(), (vec![1, 16, 1, 1], vec![0.0; 16]));
    for (name, tensors, words) in [("pre", pre, "a pre-activation ResNet"), ("se", squeezed, "squeeze-and-excitation")]
    {
        scene.write(format!("{name}.safetensors"), &bytes(&prefixed(&tensors, "net.")));
        scene
            .line(&format!("evaluate --device cpu --data data --network {name}.safetensors"))
            .fails(1, &[&format!("{name}.safetensors"), words, "stillroom networks"]);
    }
}

fn clone((key, tensor): (&String, &(Vec<usize>, Vec<f32>))) -> (String, (Vec<usize>, Vec<f32>)) {
    (key.clone(), tensor.clone())
}

#[test]
fn folders_and_shards_are_read_and_what_lacks_is_named() {
    let scene = Scene::new();
    let own = tensors(&labelled_at(&scene, SMALL, MeanStd::IMAGENET));
    let (first, second): (Tensors, Tensors) = own.clone().into_iter().partition(|(key, _)| key.starts_with("layer2"));
    let name = |n: usize| format!("model-{n:05}-of-00002.safetensors");
    scene.write(format!("hub/{}", name(1)), &bytes(&first));
    scene.write(format!("hub/{}", name(2)), &bytes(&second));
    let index = |second_shard: &str| {
        let shard = |key: &String| if first.contains_key(key) { name(1) } else { second_shard.to_owned() };
        let map: BTreeMap<&String, String> = own.keys().map(|key| (key, shard(key))).collect();
        serde_json::json!({"metadata": {}, "weight_map": map}).to_string()
    };
    scene.write("hub/model.safetensors.index.json", index(&name(2)).as_bytes());
    for path in ["hub", "hub/", "hub/model.safetensors.index.json"] {
        let said = assert_whole(top1_at(&scene, (path, 32), ""));
        says(&said, &["from 2 shards"]);
    }
    let fingerprint = |path: &str| open(&scene.at(path)).unwrap().fingerprint;
    let whole = fingerprint("hub");
    assert_eq!(whole.len(), 32);
    let mut changed = second;
    changed.get_mut("fc.bias").unwrap().1[0] += 1.0;
    scene.write(format!("hub/{}", name(2)), &bytes(&changed));
    assert_ne!(fingerprint("hub"), whole, "it covers every shard");
    scene.write("one.safetensors", &bytes(&own));
    let of_bytes = blake3::hash(&bytes(&own)).to_hex()[..32].to_owned();
    assert_eq!(fingerprint("one.safetensors"), of_bytes, "a file's is that of its bytes, which projects remember");

    let line = "evaluate --device cpu --data data --network hub --side 32";
    scene.write("hub/model.safetensors.index.json", index("../one.safetensors").as_bytes());
    scene.line(line).fails(1, &["'../one.safetensors'", "doesn't lie in its folder"]);
    scene.write("hub/model.safetensors.index.json", index("gone.safetensors").as_bytes());
    scene.line(line).fails(1, &["gone.safetensors is missing"]);
    scene.write("hub/model.safetensors.index.json", index(&name(1)).as_bytes());
    scene.line(line).fails(1, &[&name(1), "says that it holds"]);
    std::fs::remove_file(scene.at("hub/model.safetensors.index.json")).unwrap();
    scene.line(line).fails(1, &["several weight files", &name(1), &name(2)]);
    scene.write("alone/best.safetensors", &bytes(&own));
    assert_whole(top1_at(&scene, ("alone", 32), ""));
}
