//! Whole networks: the same results as burn's.

use burn::tensor::Device;

use crate::engine::burn::engine::BurnEngine;
use crate::engine::cpu::infer::CpuEngine;
use crate::engine::cpu::kernels::isa::Isa;
use crate::engine::nets::NetworkSpec;
use crate::engine::nets::extent::Extent;
use crate::engine::nets::graph::{Activation, Conv, Graph, Op};
use crate::engine::plan::{Engine, Output, Plan};
use crate::engine::weights::{Weights, formula};

fn close(name: &str, got: &[f32], expected: &[f32]) {
    let largest = expected.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
    assert_eq!(got.len(), expected.len(), "{name}");
    for (a, b) in got.iter().zip(expected) {
        assert!((a - b).abs() <= 1e-4 * largest, "{name}: {a}, not {b}");
    }
}

/// Odd sides, narrow and odd widths: the same logits and features as burn's, whatever the batch and the taps.
#[test]
fn agrees_with_burn_and_not_with_the_batch() {
    let cases = [
        ("conv3", 32),
        ("conv4x20", 64),
        ("conv3x5", 37),
        ("conv3_in", 32),
        ("conv4x20_in", 65),
        ("resnet20_cifar", 32),
        ("resnet20_cifar", 29),
        ("resnet18", 65),
        ("resnet50", 64),
        ("resnet18_modified", 16),
        ("alexnet", 67),
        ("vgg11", 33),
        ("squeezenet1_1", 65),
        ("densenet121", 65),
        ("mobilenet_v2", 65),
        ("mnasnet1_3", 65),
        ("efficientnet_b0", 65),
        ("tf_efficientnet_b0", 64),
        ("tf_efficientnet_lite0", 65),
        ("shufflenet_v2_x2_0", 65),
        ("regnet_y_8gf", 65),
        ("convnext_tiny", 65),
        ("deit_tiny_patch16_224", 64),
        ("swin_t", 72),
        ("swin_v2_t", 72),
    ];
    for (name, side) in cases {
        let spec = NetworkSpec { arch: name.parse().unwrap(), side, classes: 7 };
        let graph = spec.graph();
        let weights = Weights::by_formula(&graph);
        let plan = Plan::compile(&graph, &weights, &graph.taps());
        let images: Vec<f32> = formula("input", 3 * 3 * side * side).collect();
        let expected = BurnEngine::new(plan.clone(), &Device::flex(), None).unwrap().forward(&[&images], 3).unwrap();
        let folded = Plan::compile(&graph, &weights, &[]);
        for isa in Isa::all() {
            agrees(&format!("{name} on {}", isa.name()), (&plan, &folded), isa, (&images, &expected));
        }
    }
}

/// With all taps and without, in a batch and alone.
fn agrees(name: &str, (plan, folded): (&Plan, &Plan), isa: Isa, (images, expected): (&[f32], &Output)) {
    let got = CpuEngine::with_isa(plan, isa).unwrap().forward(&[images], 3).unwrap();
    close(name, got.logits(), expected.logits());
    for (got, expected) in got.taps.iter().zip(&expected.taps) {
        assert_eq!(got.shape, expected.shape, "{name}");
        close(name, &got.values, &expected.values);
    }
    let mut folded = CpuEngine::with_isa(folded, isa).unwrap();
    let batch = folded.logits(images, 3).unwrap();
    close(name, &batch, expected.logits());
    let one = folded.logits(&images[..images.len() / 3], 1).unwrap();
    assert_eq!(one, batch[..7], "{name}: the same bytes alone and in a batch");
}

/// A graph of several inputs and outputs, as a denoising network is one: a map and a row in, a map and a row out, by name
/// or in order.
#[test]
fn several_inputs_and_a_map_come_out_of_both_engines() {
    let mut graph = Graph::given([("latent", Extent::map(4, 8, 6)), ("time", Extent::row(10))]);
    let time = graph.linear(1, (10, 24), "time");
    let time = graph.activate(time, Activation::Silu);
    let x = graph.conv(0, Conv::new(4, 24, 3, 1).biased(), "in");
    let x = graph.push(Op::AddRow, &[x, time]);
    let x = graph.push_keyed(Op::GroupNorm { channels: 24, groups: 6, epsilon: 1e-5 }, &[x], "norm");
    let x = graph.activate(x, Activation::Silu);
    let noise = graph.conv(x, Conv::new(24, 4, 3, 1).biased(), "out");
    let mean = graph.push(Op::GlobalMean, &[x]);
    let scale = graph.linear(mean, (24, 2), "scale");
    graph.output("noise", noise);
    graph.output("scale", scale);
    let plan = Plan::compile(&graph, &Weights::by_formula(&graph), &[]);
    let (latent, rows): (Vec<f32>, Vec<f32>) = (formula("a", 3 * 192).collect(), formula("b", 30).collect());
    let mut cpu = CpuEngine::new(&plan).unwrap();
    let named = cpu.signature().ordered(&[("time", &rows), ("latent", &latent)]).unwrap();
    let got = cpu.forward(&named, 3).unwrap();
    let mut burn = BurnEngine::new(plan, &Device::flex(), None).unwrap();
    assert_eq!(cpu.signature(), burn.signature());
    let expected = burn.forward(&[&latent, &rows], 3).unwrap();
    assert_eq!((&got.outputs[0].shape, &got.outputs[1].shape), (&vec![3, 4, 8, 6], &vec![3, 2]));
    for (got, expected) in got.outputs.iter().zip(&expected.outputs) {
        assert_eq!(got.shape, expected.shape);
        close("several inputs", &got.values, &expected.values);
    }
    let one = cpu.forward(&[&latent[..192], &rows[..10]], 1).unwrap();
    assert_eq!(one.outputs[0].values, got.outputs[0].values[..192], "the same bytes alone and in a batch");
    for engine in [&mut cpu as &mut dyn Engine, &mut burn] {
        let error = engine.logits(&latent, 3).unwrap_err().to_string();
        assert!(error.contains("1 of 2 are given"), "{error}");
    }
}

/// FNV-1a (Fowler, Noll and Vo) over the values' bits.
fn hash(values: &[f32]) -> u64 {
    let bytes = values.iter().flat_map(|v| v.to_bits().to_le_bytes());
    bytes.fold(0xCBF2_9CE4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01B3))
}

/// Logits and features have the bits that the engine of scheme 1 made of them before its loops became those of training:
/// grouped, depthwise and dense layers, pools, gates, joins and every activation of convolutions.
#[test]
fn the_bits_are_those_of_older_scores() {
    let cases = [
        ("alexnet", 67, 0x0e46_9e1f_8175_878d_u64, 0x3250_1896_b13e_626f_u64),
        ("vgg11", 33, 0x95fe_366f_0e62_3273, 0x8ad6_a50c_b30e_269d),
        ("squeezenet1_1", 65, 0xc6a4_5e64_4824_b8a0, 0x6ac5_6944_7374_8e8d),
        ("densenet121", 65, 0x708b_4605_3b62_f305, 0x0f5f_4925_c859_e51c),
        ("mobilenet_v2", 65, 0x291c_2cf9_a708_8e7b, 0x0eca_c422_0a6b_927c),
        ("mnasnet1_3", 65, 0x6f91_ca93_c926_daae, 0x2834_87d3_a995_7bee),
        ("efficientnet_b0", 65, 0x279e_23ce_788e_208d, 0xfd4b_396a_2b29_0464),
        ("shufflenet_v2_x2_0", 65, 0x2676_18ad_5501_aaa2, 0x75cf_1faa_a1e7_09a4),
        ("regnet_y_8gf", 65, 0xd1fd_b4c1_5677_328c, 0x295d_524d_fad4_aae8),
    ];
    for (name, side, logits, features) in cases {
        let graph = NetworkSpec { arch: name.parse().unwrap(), side, classes: 7 }.graph();
        let plan = Plan::compile(&graph, &Weights::by_formula(&graph), &graph.taps());
        let images: Vec<f32> = formula("input", 3 * 3 * side * side).collect();
        for isa in Isa::all().into_iter().filter(|isa| isa.fused()) {
            let got = CpuEngine::with_isa(&plan, isa).unwrap().forward(&[&images], 3).unwrap();
            let of_taps = got.taps.iter().fold(0_u64, |h, tap| h.rotate_left(7) ^ hash(&tap.values));
            assert_eq!((hash(got.logits()), of_taps), (logits, features), "{name} on {}", isa.name());
        }
    }
}
