//! Networks against PyTorch: weights and input by the formula of `generate_models.py`, expected numbers from its
//! `<network>.json` (copies in `tests/fixtures/parity`).

use std::path::Path;

use burn::tensor::activation::relu;
use burn::tensor::module::{avg_pool2d, conv2d, linear, max_pool2d};
use burn::tensor::ops::{AvgPoolOptions, ConvOptions, MaxPoolOptions};
use burn::tensor::{Device, Tensor, TensorData};
use stillroom::engine::burn_engine::BurnEngine;
use stillroom::engine::cpu::CpuEngine;
use stillroom::engine::nets::NetworkSpec;
use stillroom::engine::nets::graph::{Graph, Op};
use stillroom::engine::plan::{Engine as _, NORM_EPSILON, Plan};
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
        expected.retain(|(key, _)| !key.ends_with("num_batches_tracked"));
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
        let plan = Plan::compile(&self.graph, &self.weights, self.spec.side);
        let mut engine = BurnEngine::new(plan, device).unwrap();
        self.check_logits(&engine.logits(&self.input, 2).unwrap(), "folded, burn");
    }

    /// The same, as distillation runs it on the CPU.
    fn check_cpu(&self) {
        let plan = Plan::compile(&self.graph, &self.weights, self.spec.side);
        let mut engine = CpuEngine::new(&plan).unwrap();
        self.check_logits(&engine.logits(&self.input, 2).unwrap(), "folded, CPU engine");
    }

    /// The graph as it stands, batch norms apart, with what reaches each of them.
    fn check_norm_inputs(&self) {
        let (logits, norms) = unfolded(&self.graph, &self.weights, (&self.input, self.spec.side));
        self.check_logits(&logits, "unfolded");
        assert_eq!(norms.len(), self.reference.bn_inputs.len());
        for expected in &self.reference.bn_inputs {
            let (_, mean, var) = norms.iter().find(|(key, ..)| *key == expected.key).expect(&expected.key);
            let spread = expected.var0.sqrt();
            assert!((mean - expected.mean0).abs() <= 1e-3 * spread, "{}: mean {mean}", expected.key);
            assert!((var - expected.var0).abs() <= 1e-3 * expected.var0, "{}: variance {var}", expected.key);
        }
    }
}

/// Runs a graph node by node: logits, and key, mean and variance of channel 0 of every batch norm's input.
fn unfolded(graph: &Graph, weights: &Weights, (input, side): (&[f32], usize)) -> (Vec<f32>, Vec<(String, f64, f64)>) {
    let device = Device::flex();
    let mut last_reader = vec![0; graph.nodes().len()];
    for (id, node) in graph.nodes().iter().enumerate() {
        node.inputs.iter().for_each(|&i| last_reader[i] = id);
    }
    let vector = |key: String| {
        let values = weights.values(&key);
        Tensor::<1>::from_data(TensorData::new(values.to_vec(), [values.len()]), &device)
    };
    let images = Tensor::<4>::from_data(
        TensorData::new(input.to_vec(), [input.len() / 3 / side / side, 3, side, side]),
        &device,
    );
    let mut maps: Vec<Option<Tensor<4>>> = vec![Some(images)];
    let (mut rows, mut norms) = (None, Vec::new());
    for (id, node) in graph.nodes().iter().enumerate().skip(1) {
        let of = |i: usize| maps[node.inputs[i]].clone().unwrap();
        let named = |name: &str| vector(format!("{}.{name}", node.key));
        let map = match node.op {
            Op::Input => unreachable!("the first node only"),
            Op::Conv(c) => {
                let weight = named("weight").reshape([c.outputs, c.inputs, c.kernel, c.kernel]);
                let options = ConvOptions::new([c.stride; 2], [c.padding; 2], [1; 2], 1);
                conv2d(of(0), weight, c.bias.then(|| named("bias")), options)
            }
            Op::BatchNorm(n) => {
                let (mean, var) = moments(&of(0));
                norms.push((node.key.clone(), mean, var));
                let [weight, bias, mean, var] =
                    ["weight", "bias", "running_mean", "running_var"].map(|k| named(k).reshape([1, n, 1, 1]));
                (of(0) - mean) / (var + NORM_EPSILON).sqrt() * weight + bias
            }
            Op::Relu => relu(of(0)),
            Op::MaxPool(p) => max_pool2d(
                of(0),
                MaxPoolOptions::new([p.kernel; 2]).with_stride([p.stride; 2]).with_padding([p.padding; 2]),
            ),
            Op::AvgPool(p) => avg_pool2d(of(0), AvgPoolOptions::new([p.kernel; 2]).with_stride([p.stride; 2])),
            Op::Add => of(0) + of(1),
            Op::Shortcut { stride, pad } => padded_every(&of(0), stride, pad),
            Op::GlobalMean => {
                rows = Some(of(0).mean_dim(3).mean_dim(2).flatten::<2>(1, 3));
                of(0)
            }
            Op::Flatten => {
                rows = Some(of(0).flatten::<2>(1, 3));
                of(0)
            }
            Op::Linear { inputs, outputs } => {
                let weight = named("weight").reshape([outputs, inputs]).transpose();
                rows = rows.map(|x| linear(x, weight, Some(named("bias"))));
                of(0)
            }
        };
        maps.push(Some(map));
        for &input in node.inputs.iter().filter(|&&i| last_reader[i] == id) {
            maps[input] = None;
        }
    }
    (rows.unwrap().into_data().try_to_vec().unwrap(), norms)
}

fn moments(x: &Tensor<4>) -> (f64, f64) {
    let channel = x.clone().narrow(1, 0, 1).into_data().try_to_vec::<f32>().unwrap();
    let count = channel.len() as f64;
    let mean = channel.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
    (mean, channel.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / count)
}

/// Option A by plain loops: every `stride`-th pixel, `pad` zero channels on both sides.
fn padded_every(x: &Tensor<4>, stride: usize, pad: usize) -> Tensor<4> {
    let [n, c, h, w] = x.dims();
    let values = x.to_data().try_to_vec::<f32>().unwrap();
    let (oh, ow, oc) = (h.div_ceil(stride), w.div_ceil(stride), c + 2 * pad);
    let mut out = vec![0.0; n * oc * oh * ow];
    for i in 0..n * c * oh * ow {
        let (column, row, channel, image) = (i % ow, i / ow % oh, i / ow / oh % c, i / ow / oh / c);
        let from = ((image * c + channel) * h + row * stride) * w + column * stride;
        out[((image * oc + channel + pad) * oh + row) * ow + column] = values[from];
    }
    Tensor::from_data(TensorData::new(out, [n, oc, oh, ow]), &x.device())
}

fn on_the_cpu(name: &str) {
    let case = Case::new(name);
    case.check_keys();
    case.check_cpu();
    case.check_burn(&Device::flex());
    case.check_norm_inputs();
}

#[test]
fn convnets() {
    ["conv3", "conv4", "conv5", "conv6"].into_iter().for_each(on_the_cpu);
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

#[cfg(feature = "gpu-tests")]
#[test]
fn on_the_graphics_device() {
    use stillroom::engine::device::{DeviceChoice, pick};
    let picked = pick(DeviceChoice::Wgpu(0)).expect("a Vulkan driver is needed, a software one will do");
    for name in ["conv3", "resnet18"] {
        Case::new(name).check_burn(&picked.device);
    }
}
