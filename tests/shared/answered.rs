//! Images by formula, and networks whose answers to them are known: filed under those, a network's top-1 is 100 %.

use stillroom::core::data::normalise::MeanStd;
use stillroom::core::data::pixels::Rgb8;
use stillroom::engine::cpu::infer::CpuEngine;
use stillroom::engine::images::{crops, resize};
use stillroom::engine::nets::NetworkSpec;
use stillroom::engine::nets::graph::{Parameter, Role};
use stillroom::engine::plan::{Engine as _, Plan};
use stillroom::engine::weights::{Kind, Precision, WeightTensor, Weights, file_bytes, formula};

/// Pixels by formula, smooth enough to differ from crop to crop.
pub fn pixels(name: &str, side: u32) -> Rgb8 {
    let mut image = Rgb8::black(side, side);
    let waves: Vec<f32> = formula(name, 12).collect();
    for y in 0..side {
        for x in 0..side {
            let at = |c: usize| {
                let (a, b) = (waves[c] * x as f32, waves[c + 3] * y as f32);
                (127.5 + 127.0 * (a + b + 6.0 * waves[c + 6] + waves[c + 9] * (a * 0.3).cos()).sin()) as u8
            };
            image.set_pixel(x, y, [at(0), at(1), at(2)]);
        }
    }
    image
}

/// The answers of a network to the images `image 0`, `image 1`, …, each of which is somebody's, and the network's file,
/// whose last bias lets them differ.
pub fn answered(spec: &NetworkSpec, images: usize, mean_std: MeanStd) -> (Vec<usize>, Vec<u8>) {
    let (graph, side, classes) = (spec.graph(), spec.side as u32, spec.classes);
    let mut tensors = Weights::by_formula(&graph).tensors().clone();
    // Gates and smooth activations shrink what goes through fifty layers: without this, all images are alike at the end.
    let deep = |p: &&Parameter| p.role == Role::NormWeight && spec.arch.to_string().starts_with("tf_");
    for parameter in graph.parameters().iter().filter(deep) {
        tensors.get_mut(&parameter.key).unwrap().values.iter_mut().for_each(|gamma| *gamma *= 1.65);
    }
    let weights = Weights::new(tensors.clone());
    let mut engine = CpuEngine::new(&Plan::compile(&graph, &weights, &[])).unwrap();
    let input = |image: usize| {
        let view = resize::evaluation_view(&pixels(&format!("image {image}"), side), side);
        let mut input = vec![0.0; 3 * spec.side * spec.side];
        crops::write_whole(&view, &mean_std, &mut input);
        input
    };
    let logits: Vec<Vec<f32>> = (0..images).map(|image| engine.logits(&input(image), 1).unwrap()).collect();
    let means: Vec<f32> = (0..classes).map(|c| logits.iter().map(|l| l[c]).sum::<f32>() / images as f32).collect();
    let answer = |logits: &Vec<f32>| {
        let centred = logits.iter().zip(&means).map(|(l, mean)| l - mean);
        centred.enumerate().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap().0
    };
    let answers: Vec<usize> = logits.iter().map(answer).collect();
    assert!((0..classes).all(|class| answers.contains(&class)), "every class is somebody's answer: {answers:?}");
    let classifier = graph.nodes()[graph.classifier().unwrap()].tensor_key("bias");
    let WeightTensor { shape, values } = &tensors[&classifier];
    let values = values.iter().zip(&means).map(|(bias, mean)| bias - mean).collect();
    let centred = WeightTensor { shape: shape.clone(), values };
    tensors.insert(classifier, centred);
    let kind = (Kind::Safetensors, Precision::Full);
    (answers, file_bytes("model.safetensors", (&graph, &Weights::new(tensors)), kind).unwrap())
}
