//! Each kind of step against plain loops, and the same bytes whatever the batch and the threads.

mod networks;
mod reference;

use super::*;
use crate::engine::nets::graph::{Activation, Conv, Pool};
use crate::engine::plan::{Attention, Step, StepOp, Windows};

/// Builds a plan step by step.
struct Net {
    steps: Vec<Step>,
    values: usize,
    side: usize,
    /// State of the generator of weights.
    state: u32,
}

impl Net {
    fn new(side: usize) -> Self {
        Self { steps: Vec::new(), values: 1, side, state: 1 }
    }

    fn step(&mut self, op: StepOp, inputs: &[usize]) -> usize {
        self.steps.push(Step { op, inputs: inputs.to_vec(), output: self.values, free: Vec::new() });
        self.values += 1;
        self.values - 1
    }

    /// Values in −1..1.
    fn some(&mut self, count: usize) -> Vec<f32> {
        let next = |state: &mut u32| {
            *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (*state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..count).map(|_| next(&mut self.state)).collect()
    }

    fn conv(&mut self, conv: Conv, inputs: &[usize], activation: Option<Activation>) -> usize {
        let (weight, bias) = (self.some(conv.weight_shape().iter().product()), self.some(conv.outputs));
        self.step(StepOp::Conv { conv, weight, bias, activation }, inputs)
    }

    fn linear(&mut self, size: (usize, usize), inputs: &[usize], activation: Option<Activation>) -> usize {
        let (weight, bias) = (self.some(size.0 * size.1), self.some(size.1));
        self.step(StepOp::Linear { inputs: size.0, outputs: size.1, weight, bias, activation }, inputs)
    }

    fn norm(&mut self, channels: usize, input: usize) -> usize {
        let (scale, shift) = (self.some(channels), self.some(channels));
        self.step(StepOp::LayerNorm { scale, shift, epsilon: 1e-6 }, &[input])
    }

    /// Attention behind a layer that makes queries, keys and values.
    fn attention(
        &mut self,
        channels: usize,
        heads: usize,
        input: usize,
        windows: Option<(usize, [usize; 2])>,
    ) -> usize {
        let x = self.linear((channels, 3 * channels), &[input], None);
        let windows = windows.map(|(size, shift)| {
            let bias = self.some(heads * size * size * size * size);
            Windows { size, shift, bias }
        });
        let (scales, cosine) = (self.some(heads), windows.as_ref().is_some_and(|w| w.shift[1] > 0));
        self.step(StepOp::Attention(Attention { channels, heads, scales, cosine, windows }), &[x])
    }

    /// The plan, in which values are freed as early as possible.
    fn plan(mut self, taps: &[usize], classes: usize) -> Plan {
        let mut seen: Vec<usize> = taps.iter().copied().chain([self.values - 1]).collect();
        for step in self.steps.iter_mut().rev() {
            for &input in &step.inputs {
                if !seen.contains(&input) {
                    step.free.push(input);
                    seen.push(input);
                }
            }
        }
        Plan { steps: self.steps, values: self.values, taps: taps.to_vec(), side: self.side, classes }
    }
}

/// Runs a net whose values are all taps, and again with none, against the plain loops; then alone and in parts.
fn check(name: &str, net: Net) {
    let (side, batch) = (net.side, 5);
    let last = net.values - 1;
    let mut source = Net { steps: Vec::new(), values: 1, side, state: 7 };
    let images = source.some(batch * 3 * side * side);
    let per_image = 3 * side * side;
    let all: Vec<usize> = (0..=last).collect();
    let steps = net.steps.clone();
    let probe = Plan { steps, values: net.values, taps: all.clone(), side, classes: 0 };
    let expected: Vec<_> = images.chunks_exact(per_image).map(|image| reference::run(&probe, image)).collect();
    let classes = expected[0][last].values.len();
    let again = Net { steps: net.steps.clone(), values: net.values, side, state: 1 };
    let got = CpuEngine::new(&net.plan(&all, classes)).unwrap().forward(&images, batch).unwrap();
    assert_eq!(got.taps[last].values, got.logits, "{name}");
    for (value, feature) in got.taps.iter().enumerate() {
        let of = |image: &Vec<reference::Value>| image[value].clone();
        let exact: Vec<f64> = expected.iter().map(of).flat_map(|v| v.values).collect();
        let reference::Value { channels, height, width, .. } = of(&expected[0]);
        let shape = [batch, channels, height, width];
        assert!(feature.shape == shape || feature.shape == shape[..2] && height * width == 1, "{name}: value {value}");
        assert_eq!(feature.values.len(), exact.len(), "{name}: value {value}");
        let largest = exact.iter().fold(1e-3_f64, |m, v| m.max(v.abs()));
        for (at, (&got, exact)) in feature.values.iter().zip(&exact).enumerate() {
            let difference = (f64::from(got) - exact).abs();
            assert!(difference <= 2e-5 * largest, "{name}: value {value}, {at}: {got}, not {exact}");
        }
    }
    let mut lean = CpuEngine::new(&again.plan(&[], classes)).unwrap();
    assert_eq!(lean.logits(&images, batch).unwrap(), got.logits, "{name}: places that are used again");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    for part in [1, 2, 4] {
        let parts = images.chunks(part * per_image);
        let run = |images: &[f32]| pool.install(|| lean.logits(images, images.len() / per_image).unwrap());
        assert_eq!(parts.flat_map(run).collect::<Vec<f32>>(), got.logits, "{name}: {part} at a time");
    }
}

/// Everything that may follow a sum.
const ACTIVATIONS: [Option<Activation>; 6] = [
    None,
    Some(Activation::Relu),
    Some(Activation::Relu6),
    Some(Activation::Silu),
    Some(Activation::Gelu),
    Some(Activation::Sigmoid),
];

#[test]
fn convolutions_of_any_grouping_with_joins_and_activations() {
    // Channels and groups: widths of 4, 8, 24, 56 and odd ones, and depthwise.
    let cases = [
        (20, 24, 1),
        (16, 16, 4),
        (64, 64, 8),
        (48, 96, 2),
        (112, 112, 2),
        (15, 35, 5),
        (40, 40, 40),
        (19, 19, 19),
        (6, 12, 6),
    ];
    for (n, (inputs, outputs, groups)) in cases.into_iter().enumerate() {
        for (kernel, stride) in [(1, 1), (3, 1), (3, 2), (5, 1), (7, 4)] {
            let activation = ACTIVATIONS[(n + kernel) % ACTIVATIONS.len()];
            let mut net = Net::new(9 + n % 3);
            let x = net.conv(Conv::new(3, inputs, 3, 1), &[0], activation);
            let conv = Conv::new(inputs, outputs, kernel, stride).grouped(groups);
            let y = net.conv(conv, &[x], None);
            net.conv(conv, &[x, y], activation);
            check(&format!("{inputs} to {outputs} in {groups} groups, kernel {kernel}, step {stride}"), net);
        }
    }
}

#[test]
fn steps_on_each_pixel() {
    for activation in ACTIVATIONS {
        let mut net = Net::new(7);
        let x = net.linear((3, 21), &[0], None);
        let y = net.linear((21, 21), &[x, x], activation);
        let z = net.step(StepOp::Add { activation }, &[x, y]);
        let (scale, shift) = (net.some(21), net.some(21));
        let w = net.step(StepOp::Scale { scale, shift, activation }, &[z]);
        let x = net.norm(21, w);
        let x = activation.map_or(x, |a| net.step(StepOp::Activation(a), &[x]));
        let values = net.some(49 * 21);
        let x = net.step(StepOp::Positions(values), &[x]);
        // Sigmoid and shift leave values in the lanes beyond 21 channels, which the norm's sums must not see.
        let x = net.norm(21, x);
        let x = net.conv(Conv::new(21, 5, 3, 2), &[x], activation);
        let x = net.step(StepOp::GlobalMean, &[x]);
        net.linear((5, 4), &[x], None);
        check(&format!("{activation:?}"), net);
    }
}

#[test]
fn pools() {
    let with = |kernel, stride, padding, ceil| Pool { kernel, stride, padding, ceil };
    for side in [9, 10, 11] {
        for pool in
            [with(3, 2, 0, true), with(3, 2, 1, true), with(3, 2, 1, false), with(2, 2, 0, true), with(2, 3, 1, true)]
        {
            let mut net = Net::new(side);
            net.step(StepOp::MaxPool(pool), &[0]);
            let x = net.conv(Conv::new(3, 18, 3, 1), &[0], None);
            let x = net.step(StepOp::MaxPool(pool), &[x]);
            let x = net.step(StepOp::AvgPool(Pool::new(2, 1)), &[x]);
            net.step(StepOp::AdaptiveMean(3), &[x]);
            net.step(StepOp::AdaptiveMean(7), &[x]);
            // The logits come from a mean, as SqueezeNet's.
            net.step(StepOp::GlobalMean, &[x]);
            check(&format!("{pool:?} at {side}"), net);
        }
    }
}

#[test]
fn channels_are_gated_joined_cut_and_shuffled() {
    let mut net = Net::new(7);
    let a = net.conv(Conv::new(3, 18, 3, 1), &[0], None);
    let b = net.conv(Conv::new(3, 7, 1, 1), &[0], Some(Activation::Relu));
    let x = net.step(StepOp::Concat, &[a, b, 0, b]);
    let x = net.step(StepOp::Channels { from: 5, count: 30 }, &[x]);
    let x = net.step(StepOp::Shuffle { groups: 3 }, &[x]);
    let pooled = net.step(StepOp::AdaptiveMean(1), &[x]);
    let gate = net.conv(Conv::new(30, 30, 1, 1), &[pooled], Some(Activation::Sigmoid));
    let x = net.step(StepOp::Gate, &[x, gate]);
    let x = net.step(StepOp::Shortcut { stride: 2, pad: 5 }, &[x]);
    let x = net.conv(Conv::new(40, 40, 3, 1).grouped(40), &[x], None);
    let x = net.step(StepOp::Flatten, &[x]);
    net.linear((40 * 16, 9), &[x], None);
    check("channels", net);
}

#[test]
fn rows_of_several_values_reach_the_tail() {
    let mut net = Net::new(6);
    let a = net.step(StepOp::GlobalMean, &[0]);
    let b = net.step(StepOp::Flatten, &[0]);
    let b = net.linear((108, 20), &[b], Some(Activation::Gelu));
    let a = net.linear((3, 20), &[a, b], None);
    let a = net.norm(20, a);
    let x = net.step(StepOp::Add { activation: Some(Activation::Silu) }, &[a, b]);
    net.linear((20, 33), &[x], None);
    check("rows", net);
}

#[test]
fn tokens_attend_to_all() {
    for (side, channels, heads) in [(3, 20, 2), (5, 48, 3), (7, 64, 1)] {
        let mut net = Net::new(side);
        let x = net.conv(Conv::new(3, channels, 3, 1), &[0], None);
        let token = net.some(channels);
        let x = net.step(StepOp::ClassToken(token), &[x]);
        let values = net.some((side * side + 1) * channels);
        let x = net.step(StepOp::Positions(values), &[x]);
        let y = net.norm(channels, x);
        let y = net.attention(channels, heads, y, None);
        let x = net.linear((channels, channels), &[y, x], None);
        let x = net.step(StepOp::FirstToken, &[x]);
        let x = net.norm(channels, x);
        net.linear((channels, 11), &[x], None);
        check(&format!("{side} × {side} tokens, {heads} heads of {channels}"), net);
    }
}

#[test]
fn windows_with_shift_mask_bias_and_cosine() {
    for (side, size, shift) in
        [(6, 3, [0, 0]), (6, 3, [1, 1]), (7, 4, [2, 2]), (10, 5, [2, 0]), (4, 4, [0, 0]), (13, 7, [0, 3])]
    {
        let mut net = Net::new(side);
        let x = net.conv(Conv::new(3, 36, 3, 1), &[0], None);
        let missing = side.next_multiple_of(size) - side;
        let x = net.step(StepOp::Pad { bottom: missing, right: missing }, &[x]);
        let x = net.attention(36, 2, x, Some((size, shift)));
        let x = net.step(StepOp::Crop { height: side & !1, width: side & !1 }, &[x]);
        let x = net.step(StepOp::Merge, &[x]);
        let x = net.norm(144, x);
        net.step(StepOp::GlobalMean, &[x]);
        check(&format!("windows of {size} in {side}, shift {shift:?}"), net);
    }
}

#[test]
fn steps_that_contradict_each_other_are_an_error() {
    let pads = |op: StepOp| {
        let mut net = Net::new(5);
        let x = net.conv(Conv::new(3, 18, 3, 1), &[0], None);
        net.step(op, &[x]);
        CpuEngine::new(&net.plan(&[], 450)).is_err()
    };
    let attention = Attention { channels: 6, heads: 4, scales: vec![1.0; 4], cosine: false, windows: None };
    let ops = [
        StepOp::Attention(attention),
        StepOp::Gate,
        StepOp::Merge,
        StepOp::Shuffle { groups: 4 },
        StepOp::Channels { from: 10, count: 9 },
        StepOp::Crop { height: 6, width: 1 },
        StepOp::Crop { height: 0, width: 1 },
        StepOp::AdaptiveMean(0),
        StepOp::Add { activation: None },
        StepOp::MaxPool(Pool::new(6, 1)),
        StepOp::LayerNorm { scale: vec![1.0; 17], shift: vec![0.0; 18], epsilon: 1e-5 },
        StepOp::Conv {
            conv: Conv::new(18, 4, 1, 1).grouped(4),
            weight: vec![0.0; 18],
            bias: vec![0.0; 4],
            activation: None,
        },
    ];
    for op in ops {
        assert!(pads(op.clone()), "{op:?}");
    }
    assert!(!pads(StepOp::Activation(Activation::Silu)));
}
