//! Modes, weights there and back, agreement with the folded plan and with PyTorch.

use super::*;
use crate::engine::burn::engine::BurnEngine;
use crate::engine::nets::NetworkSpec;
use crate::engine::plan::{Engine as _, Plan};
use crate::engine::weights::formula;

fn spec(arch: &str, side: usize) -> NetworkSpec {
    NetworkSpec { arch: arch.parse().unwrap(), side, classes: 10 }
}

fn network(arch: &str, side: usize, device: &Device) -> (Network, Weights) {
    let graph = spec(arch, side).graph();
    let weights = Weights::by_formula(&graph);
    (Network::new(graph, &weights, device).unwrap(), weights)
}

fn images(count: usize, side: usize, device: &Device) -> Tensor<4> {
    let values: Vec<f32> = formula("input", count * 3 * side * side).collect();
    Tensor::from_data(TensorData::new(values, [count, 3, side, side]), device)
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.try_into_data().unwrap().try_to_vec().unwrap()
}

fn bits(weights: &Weights) -> Vec<(String, Vec<u32>)> {
    let of = |t: &WeightTensor| t.values.iter().map(|v| v.to_bits()).collect();
    weights.tensors().iter().map(|(k, t)| (k.clone(), of(t))).collect()
}

#[test]
fn evaluation_never_changes_a_weight_on_an_autodiff_device() {
    let device = Device::flex().autodiff();
    for arch in ["conv3", "resnet20_cifar"] {
        let (network, weights) = network(arch, 32, &device);
        let before = bits(&weights);
        assert_eq!(bits(&network.weights().unwrap()), before, "{arch}: there and back");
        // Images far from the statistics, with gradients asked for, as a refinement of pixels does.
        for round in 0..5 {
            let x = (images(4, 32, &device) * 3.0 + f64::from(round)).require_grad();
            let logits = network.forward(x.clone(), Mode::Evaluate, &[]).unwrap().logits;
            let gradients = logits.powf_scalar(2.0).mean().backward();
            let gradient = x.grad(&gradients).expect("evaluation lets gradients through to the pixels");
            assert!(values(gradient).iter().any(|g| *g != 0.0));
        }
        assert_eq!(bits(&network.weights().unwrap()), before, "{arch}: frozen");
        network.forward(images(4, 32, &device), Mode::Train(Masks::default()), &[]).unwrap();
        assert_ne!(bits(&network.weights().unwrap()), before, "{arch}: training does change the statistics");
    }
}

#[test]
fn the_folded_engine_never_changes_and_agrees_with_the_module() {
    for device in [Device::flex(), Device::flex().autodiff()] {
        for arch in ["conv3", "resnet20_cifar", "resnet18_modified"] {
            let (network, weights) = network(arch, 32, &device);
            let plan = Plan::compile(network.graph(), &weights, &[]);
            let mut engine = BurnEngine::new(plan, &device, None).unwrap();
            let batch = values(images(2, 32, &device));
            let first = engine.logits(&batch, 2).unwrap();
            // Another batch in between must leave no trace.
            engine.logits(&batch.iter().map(|v| v * 5.0 + 2.0).collect::<Vec<_>>(), 2).unwrap();
            assert_eq!(engine.logits(&batch, 2).unwrap(), first, "{arch}");
            let logits = values(network.forward(images(2, 32, &device), Mode::Evaluate, &[]).unwrap().logits);
            let largest = logits.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
            let worst = first.iter().zip(&logits).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-4 * largest, "{arch}: {worst} of {largest}");
        }
    }
}

/// Two images of one channel's worth of numbers, so that the statistics can be worked out by hand.
#[test]
fn running_statistics_follow_pytorchs_rule() {
    let mut graph = Graph::images(8);
    let x = graph.push_keyed(Op::BatchNorm { channels: 3, epsilon: 1e-5, momentum: 0.1 }, &[graph.last()], "norm");
    let x = graph.push(Op::GlobalMean, &[x]);
    graph.linear(x, (3, 1), "head");
    let tensor = |shape: &[usize], value: f32| WeightTensor {
        shape: shape.to_vec(),
        values: vec![value; shape.iter().product()],
    };
    let weights = Weights::new(
        [
            ("norm.weight", tensor(&[3], 1.0)),
            ("norm.bias", tensor(&[3], 0.0)),
            ("norm.running_mean", tensor(&[3], 0.5)),
            ("norm.running_var", tensor(&[3], 2.0)),
            ("head.weight", tensor(&[1, 3], 1.0)),
            ("head.bias", tensor(&[1], 0.0)),
        ]
        .map(|(k, t)| (k.to_owned(), t))
        .into(),
    );
    let device = Device::flex().autodiff();
    let network = Network::new(graph, &weights, &device).unwrap();
    // Each channel holds 1, 3 in one image and 5, 7 in the other: mean 4, squares 9 + 1 + 1 + 9 = 20.
    let pixels = [[1.0_f32, 3.0].repeat(3), [5.0, 7.0].repeat(3)].concat();
    let batch = Tensor::from_data(TensorData::new(pixels, [2, 3, 1, 2]), &device);
    network.forward(batch.clone(), Mode::Train(Masks::default()), &[]).unwrap();
    let once = network.weights().unwrap();
    // 0.9·0.5 + 0.1·4 = 0.85; 0.9·2 + 0.1·20/3 = 2.466667 (20/4 would give 2.3).
    assert!((once.values("norm.running_mean")[1] - 0.85).abs() < 1e-6);
    assert!((once.values("norm.running_var")[1] - 2.466_666_7).abs() < 1e-6);
    network.forward(batch, Mode::Train(Masks::default()), &[]).unwrap();
    let twice = network.weights().unwrap();
    // 0.9·0.85 + 0.4 = 1.165; 0.9·2.466667 + 0.666667 = 2.886667.
    assert!((twice.values("norm.running_mean")[2] - 1.165).abs() < 1e-6);
    assert!((twice.values("norm.running_var")[2] - 2.886_666_7).abs() < 1e-6);
}

#[test]
fn missing_tensors_are_reported() {
    let graph = spec("conv3", 32).graph();
    let report = Network::new(graph.clone(), &Weights::default(), &Device::flex()).unwrap_err();
    assert_eq!(report.missing.len(), graph.parameters().len());
}

/// A network that only drops, so that what is left of ones shows the mask.
fn dropper(op: Op) -> Network {
    let mut graph = Graph::images(8);
    let x = graph.push(op, &[graph.last()]);
    graph.push(Op::Flatten, &[x]);
    Network::new(graph, &Weights::default(), &Device::flex()).unwrap()
}

#[test]
fn masks_follow_from_seed_step_and_image() {
    let ones = |count: usize| Tensor::<4>::ones([count, 3, 8, 8], &Device::flex());
    let network = dropper(Op::Dropout(0.25));
    let run = |masks: Masks, count| values(network.forward(ones(count), Mode::Train(masks), &[]).unwrap().logits);
    let masks = Masks { seed: 7, step: 3, first: 0 };
    let whole = run(masks, 16);
    assert_eq!(run(masks, 16), whole, "a resumed run draws the same");
    assert_ne!(run(Masks { step: 4, ..masks }, 16), whole);
    assert_ne!(run(Masks { seed: 8, ..masks }, 16), whole);
    let split = [run(masks, 10), run(Masks { first: 10, ..masks }, 6)].concat();
    assert_eq!(split, whole, "a batch in two parts draws the same");
    // 3072 values of which a quarter is 0 and the rest 4/3: deviation of the share 0.0078.
    let dropped = whole.iter().filter(|v| **v == 0.0).count() as f64 / whole.len() as f64;
    assert!((dropped - 0.25).abs() < 0.04, "{dropped}");
    assert!(whole.iter().all(|v| *v == 0.0 || (v - 4.0 / 3.0).abs() < 1e-6));
    let evaluated = values(network.forward(ones(2), Mode::Evaluate, &[]).unwrap().logits);
    assert!(evaluated.iter().all(|v| *v == 1.0));
}

#[test]
fn stochastic_depth_drops_whole_images() {
    let network = dropper(Op::StochasticDepth(0.5));
    let ones = Tensor::<4>::ones([64, 3, 2, 2], &Device::flex());
    let kept = values(network.forward(ones, Mode::Train(Masks::default()), &[]).unwrap().logits);
    let images: Vec<&[f32]> = kept.chunks(12).collect();
    assert!(images.iter().all(|image| image.iter().all(|v| *v == image[0])));
    let dropped = images.iter().filter(|image| image[0] == 0.0).count();
    // 64 throws of a coin: deviation 4.
    assert!((16..=48).contains(&dropped), "{dropped}");
    assert!(images.iter().all(|image| image[0] == 0.0 || image[0] == 2.0));
}

#[test]
fn features_are_given_in_the_order_asked_for() {
    let (network, _) = network("resnet20_cifar", 32, &Device::flex());
    let taps = [Tap::Features, Tap::Stage(2), Tap::NormInput("bn1".to_owned())];
    let output = network.forward(images(2, 32, &Device::flex()), Mode::Evaluate, &taps).unwrap();
    let shapes: Vec<_> = output.taps.into_iter().map(|t| t.read().unwrap().shape).collect();
    assert_eq!(shapes, [vec![2, 64], vec![2, 32, 16, 16], vec![2, 16, 32, 32]]);
    let error = network.forward(images(1, 32, &Device::flex()), Mode::Evaluate, &[Tap::Stage(4)]).err().unwrap();
    assert!(error.to_string().contains("no feature Stage(4)"), "{error}");
}
