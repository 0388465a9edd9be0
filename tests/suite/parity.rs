//! Networks against PyTorch: weights and input by the formula of `generate_models.py`, expected numbers from its
//! `<network>.json` (copies in `tests/fixtures/parity`).

use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use stillroom::engine::burn::engine::BurnEngine;
use stillroom::engine::burn::module::{Mode, Network};
use stillroom::engine::cpu::infer::CpuEngine;
use stillroom::engine::nets::NetworkSpec;
use stillroom::engine::nets::graph::{Graph, Tap};
use stillroom::engine::plan::{Engine as _, Feature, Plan};
use stillroom::engine::weights::{Weights, formula};

#[derive(serde::Deserialize)]
struct Reference {
    arch: String,
    side: usize,
    state_dict: Vec<(String, Vec<usize>)>,
    input_checksum: f64,
    logits: Vec<Vec<f32>>,
    bn_inputs: Vec<NormInput>,
}

/// Mean and biased variance of channel 0 of what reaches a batch norm.
#[derive(serde::Deserialize)]
struct NormInput {
    key: String,
    mean0: f64,
    var0: f64,
}

struct Case {
    reference: Reference,
    spec: NetworkSpec,
    graph: Graph,
    weights: Weights,
    input: Vec<f32>,
}

impl Case {
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/parity");
        let text = std::fs::read(folder.join(format!("{name}.json"))).unwrap();
        let reference: Reference = serde_json::from_slice(&text).unwrap();
        assert_eq!((reference.arch.as_str(), reference.logits.len()), (name, 2));
        let spec =
            NetworkSpec { arch: name.parse().unwrap(), side: reference.side, classes: reference.logits[0].len() };
        let graph = spec.graph();
        let weights = Weights::by_formula(&graph);
        let input: Vec<f32> = formula("input", 2 * 3 * spec.side * spec.side).collect();
        let sum: f64 = input.iter().map(|&v| f64::from(v)).sum();
        assert!((sum - reference.input_checksum).abs() < 1e-6, "the formula gives another input");
        Self { reference, spec, graph, weights, input }
    }

    /// The keys and shapes of the state_dict, apart from PyTorch's counters.
    fn check_keys(&self) {
        let mut expected = self.reference.state_dict.clone();
        let computed = ["num_batches_tracked", "relative_position_index", "relative_coords_table"];
        expected.retain(|(key, _)| !computed.iter().any(|c| key.ends_with(c)));
        expected.sort();
        let mut found: Vec<_> = self.graph.parameters().into_iter().map(|p| (p.key, p.shape)).collect();
        found.sort();
        assert_eq!(found, expected);
    }

    /// Logits within 1e-3 of the largest one's magnitude.
    fn check_logits(&self, logits: &[f32], what: &str) {
        let expected: Vec<f32> = self.reference.logits.concat();
        assert_eq!(logits.len(), expected.len());
        let largest = expected.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
        let worst = logits.iter().zip(&expected).fold(0.0_f32, |m, (a, b)| m.max((a - b).abs()));
        assert!(worst <= 1e-3 * largest, "{}, {what}: {worst} of {largest}", self.reference.arch);
        assert!(logits.iter().all(|v| v.is_finite()));
    }

    /// The network with batch norm folded, as distillation runs it on GPUs.
    fn check_burn(&self, device: &Device) {
        let plan = Plan::compile(&self.graph, &self.weights, &[]);
        let mut engine = BurnEngine::new(plan, device, None).unwrap();
        self.check_logits(&engine.logits(&self.input, 2).unwrap(), "folded, burn");
    }

    /// The same, as distillation runs it on the CPU.
    fn check_cpu(&self) {
        let plan = Plan::compile(&self.graph, &self.weights, &[]);
        let mut engine = CpuEngine::new(&plan).unwrap();
        self.check_logits(&engine.logits(&self.input, 2).unwrap(), "folded, CPU engine");
    }

    /// The trainable module, batch norms apart, with what reaches each of them.
    fn check_module(&self) {
        let device = Device::flex();
        let side = self.spec.side;
        let network = Network::new(self.graph.clone(), &self.weights, &device).unwrap();
        let images = Tensor::from_data(TensorData::new(self.input.clone(), [2, 3, side, side]), &device);
        let norms = &self.reference.bn_inputs;
        let taps: Vec<Tap> = norms.iter().map(|n| Tap::NormInput(n.key.clone())).collect();
        let output = network.forward(images, Mode::Evaluate, &taps).unwrap();
        self.check_logits(&output.logits.into_data().try_to_vec::<f32>().unwrap(), "the module");
        let all = self.graph.taps().into_iter().filter(|t| matches!(t, Tap::NormInput(_))).count();
        assert_eq!((output.taps.len(), all), (norms.len(), norms.len()));
        for (value, expected) in output.taps.into_iter().zip(norms) {
            check_moments(&value.read().unwrap(), expected, "the module");
        }
    }

    /// The folded plan that keeps the first and the last batch norm's input.
    fn check_taps(&self) {
        let norms = &self.reference.bn_inputs;
        let Some((first, last)) = norms.first().zip(norms.last()) else { return };
        let taps = [first, last].map(|n| Tap::NormInput(n.key.clone()));
        let plan = Plan::compile(&self.graph, &self.weights, &taps);
        let output = CpuEngine::new(&plan).unwrap().forward(&[&self.input], 2).unwrap();
        self.check_logits(output.logits(), "with taps, CPU engine");
        assert_eq!(output.taps.len(), 2);
        check_moments(&output.taps[0], first, "CPU engine");
        check_moments(&output.taps[1], last, "CPU engine");
    }
}

/// Mean and biased variance of channel 0 of a batch of maps.
fn check_moments(feature: &Feature, expected: &NormInput, what: &str) {
    let [images, channels, height, width] = feature.shape[..] else { panic!("{}: no map", expected.key) };
    let plane = height * width;
    let channel = (0..images).flat_map(|n| &feature.values[n * channels * plane..][..plane]).map(|&v| f64::from(v));
    let count = (images * plane) as f64;
    let mean = channel.clone().sum::<f64>() / count;
    let var = channel.map(|v| (v - mean).powi(2)).sum::<f64>() / count;
    assert!((mean - expected.mean0).abs() <= 1e-3 * expected.var0.sqrt(), "{}, {what}: mean {mean}", expected.key);
    assert!((var - expected.var0).abs() <= 1e-3 * expected.var0, "{}, {what}: variance {var}", expected.key);
}

fn on_the_cpu(name: &str) {
    let case = Case::new(name);
    case.check_keys();
    case.check_cpu();
    case.check_burn(&Device::flex());
    case.check_module();
    case.check_taps();
}

#[test]
fn convnets() {
    ["conv3", "conv4", "conv5", "conv6"].into_iter().for_each(on_the_cpu);
}

#[test]
fn convnets_with_instance_norm() {
    ["conv3_in", "conv4_in", "conv5_in", "conv6_in"].into_iter().for_each(on_the_cpu);
}

#[test]
fn cifar_resnets() {
    ["resnet20_cifar", "resnet56_cifar"].into_iter().for_each(on_the_cpu);
}

#[test]
fn modified_resnets() {
    ["resnet18_modified", "resnet101_modified"].into_iter().for_each(on_the_cpu);
}

#[test]
fn torchvision_resnets() {
    ["resnet18", "resnet50", "resnet101"].into_iter().for_each(on_the_cpu);
}

#[test]

fn convnexts() {
    on_the_cpu("convnext_tiny");
}

#[test]
fn vision_transformers() {
    ["vit_b_16", "deit_tiny_patch16_224"].into_iter().for_each(on_the_cpu);
}

#[test]
fn swins() {
    ["swin_t", "swin_v2_t"].into_iter().for_each(on_the_cpu);
}

#[test]
fn plain_networks() {
    ["alexnet", "vgg11", "squeezenet1_1"].into_iter().for_each(on_the_cpu);
}

#[test]
fn densenets() {
    on_the_cpu("densenet121");
}

#[test]
fn mobile_networks() {
    ["mobilenet_v2", "shufflenet_v2_x2_0", "mnasnet1_3", "efficientnet_b0"].into_iter().for_each(on_the_cpu);
}

#[test]
fn timms_efficientnets() {
    ["tf_efficientnet_b0", "tf_efficientnet_lite0", "tf_efficientnet_lite2", "efficientnet_lite0"]
        .into_iter()
        .for_each(on_the_cpu);
}

#[test]
fn regnets() {
    on_the_cpu("regnet_y_8gf");
}

#[cfg(feature = "gpu-tests")]
#[test]
fn on_the_graphics_device() {
    use stillroom::engine::device::{DeviceChoice, pick};
    let picked = pick(DeviceChoice::Wgpu(0)).expect("a Vulkan driver is needed, a software one will do");
    for name in ["conv3", "conv3_in", "resnet18", "mobilenet_v2", "tf_efficientnet_b0", "vit_b_16", "swin_t"] {
        Case::new(name).check_burn(&picked.device);
    }
}
