//! Each kind of step against plain loops, and the same bytes whatever the batch and the threads.

mod networks;
mod reference;

use super::*;
use crate::engine::nets::graph::{Activation, Conv, LinearBias, Padding, Pool, Port, Window};
use crate::engine::plan::{Epilogue, Step};

/// Builds a plan step by step.
#[derive(Clone)]
struct Net {
    steps: Vec<Step>,
    values: usize,
    inputs: Vec<Port>,
    /// State of the generator of weights.
    state: u32,
}

impl Net {
    /// For images of this side.
    fn new(side: usize) -> Self {
        Self::given(&[Extent::image(side)])
    }

    fn given(inputs: &[Extent]) -> Self {
        let port = |(n, &extent): (usize, &Extent)| Port { name: format!("input {n}"), extent };
        let inputs: Vec<Port> = inputs.iter().enumerate().map(port).collect();
        Self { steps: Vec::new(), values: inputs.len(), inputs, state: 1 }
    }

    /// A step whose tensors have values in −1..1.
    fn step(&mut self, op: Op, inputs: &[usize]) -> usize {
        self.finished(op, inputs, Epilogue::default())
    }

    fn finished(&mut self, op: Op, inputs: &[usize], epilogue: Epilogue) -> usize {
        let tensors = op.folded().iter().map(|shape| self.some(shape.iter().product())).collect();
        let output = self.values;
        self.steps.push(Step { tensors, epilogue, ..Step::new(op, inputs.to_vec(), output) });
        self.values += 1;
        output
    }

    /// Values in −1..1.
    fn some(&mut self, count: usize) -> Vec<f32> {
        let next = |state: &mut u32| {
            *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (*state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..count).map(|_| next(&mut self.state)).collect()
    }

    /// Of one or two values: the second one is joined.
    fn conv(&mut self, conv: Conv, inputs: &[usize], activation: Option<Activation>) -> usize {
        self.layer(Op::Conv(conv.biased()), inputs, activation)
    }

    fn linear(&mut self, (features, outputs): (usize, usize), inputs: &[usize], then: Option<Activation>) -> usize {
        self.layer(Op::Linear { inputs: features, outputs, bias: LinearBias::Full }, inputs, then)
    }

    fn layer(&mut self, op: Op, inputs: &[usize], activation: Option<Activation>) -> usize {
        self.finished(op, &inputs[..1], Epilogue { join: inputs.get(1).copied(), activation })
    }

    fn norm(&mut self, channels: usize, input: usize) -> usize {
        self.step(Op::LayerNorm { channels, epsilon: 1e-6 }, &[input])
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
        let op = match windows {
            Some((size, shift)) => Op::WindowAttention(Window { channels, heads, size, shift, cosine: shift[1] > 0 }),
            None => Op::Attention { channels, heads },
        };
        self.step(op, &[x])
    }

    /// The plan, in which values are freed as early as possible.
    fn plan(mut self, taps: &[usize]) -> Plan {
        let mut seen: Vec<usize> = taps.iter().copied().chain([self.values - 1]).collect();
        for step in self.steps.iter_mut().rev() {
            for input in step.reads().collect::<Vec<_>>() {
                if !seen.contains(&input) {
                    step.free.push(input);
                    seen.push(input);
                }
            }
        }
        let outputs = vec![("result".to_owned(), self.values - 1)];
        Plan { steps: self.steps, values: self.values, inputs: self.inputs, outputs, taps: taps.to_vec() }
    }
}

/// Runs a net whose values are all taps, and again with none, against the plain loops; then alone and in parts, whose
/// maps several threads share. All that on each instruction set.
fn check(name: &str, net: &Net) {
    let (batch, last) = (5, net.values - 1);
    let mut source = Net { state: 7, ..net.clone() };
    let given: Vec<Vec<f32>> = net.inputs.iter().map(|port| source.some(batch * port.extent.len())).collect();
    let part = |images: std::ops::Range<usize>| -> Vec<&[f32]> {
        let lengths = net.inputs.iter().map(|port| port.extent.len());
        given.iter().zip(lengths).map(|(values, length)| &values[images.start * length..images.end * length]).collect()
    };
    let all: Vec<usize> = (0..=last).collect();
    let plan = net.clone().plan(&all);
    let expected: Vec<_> = (0..batch).map(|image| reference::run(&plan, &part(image..image + 1))).collect();
    let lean = net.clone().plan(&[]);
    for isa in Isa::all() {
        let name = format!("{name} on {}", isa.name());
        let got = CpuEngine::with_isa(&plan, isa).unwrap().forward(&part(0..batch), batch).unwrap();
        assert_eq!(got.taps[last], got.outputs[0], "{name}");
        near(&name, &got, &expected);
        let mut lean = CpuEngine::with_isa(&lean, isa).unwrap();
        let whole = lean.forward(&part(0..batch), batch).unwrap();
        assert_eq!(whole.outputs, got.outputs, "{name}: places that are used again");
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        for size in [1, 2, 4] {
            let bounds = (0..batch).step_by(size).map(|first| first..(first + size).min(batch));
            let run = |images: std::ops::Range<usize>| {
                let count = images.len();
                pool.install(|| lean.forward(&part(images), count).unwrap().logits().to_vec())
            };
            assert_eq!(bounds.flat_map(run).collect::<Vec<f32>>(), got.logits(), "{name}: {size} at a time");
        }
    }
}

/// All values of all images.
fn near(name: &str, got: &Output, expected: &[Vec<reference::Value>]) {
    let batch = expected.len();
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
            check(&format!("{inputs} to {outputs} in {groups} groups, kernel {kernel}, step {stride}"), &net);
        }
    }
}

/// TensorFlow's padding, which lies on one side or differs between the axes, dense, in groups and depthwise; a second
/// reader of the same map pads it otherwise.
#[test]
fn convolutions_pad_as_tensorflow_does() {
    for (height, width) in [(8, 8), (9, 8), (10, 13), (7, 4), (3, 6)] {
        for (inputs, outputs, groups) in [(20, 24, 1), (16, 32, 4), (19, 19, 19)] {
            for (kernel, stride) in [(3, 2), (5, 2), (3, 1), (2, 1), (4, 3), (1, 2), (2, 3)] {
                let mut net = Net::given(&[Extent::map(3, height, width)]);
                let x = net.conv(Conv::new(3, inputs, 3, 1), &[0], None);
                let conv = Conv::new(inputs, outputs, kernel, stride).grouped(groups);
                let y = net.conv(Conv { padding: Padding::Same, ..conv }, &[x], Some(Activation::Relu6));
                let z = net.conv(Conv::new(inputs, 8, 3, 1), &[x], None);
                let y = net.step(Op::GlobalMean, &[y]);
                let z = net.step(Op::GlobalMean, &[z]);
                let y = net.linear((outputs, 5), &[y], None);
                net.linear((8, 5), &[z, y], None);
                check(&format!("{height}×{width}, {inputs} to {outputs} in {groups}, {kernel}/{stride}"), &net);
            }
        }
    }
}

#[test]
fn steps_on_each_pixel() {
    for activation in ACTIVATIONS {
        let mut net = Net::new(7);
        let x = net.linear((3, 21), &[0], None);
        let y = net.linear((21, 21), &[x, x], activation);
        let z = net.finished(Op::Add, &[x, y], Epilogue { join: None, activation });
        let w = net.layer(Op::BatchNorm { channels: 21, epsilon: 1e-5, momentum: 0.1 }, &[z], activation);
        let x = net.norm(21, w);
        let x = activation.map_or(x, |a| net.step(Op::Activation(a), &[x]));
        let x = net.step(Op::Positions { tokens: 49, channels: 21 }, &[x]);
        // Sigmoid and shift leave values in the lanes beyond 21 channels, which the norm's sums must not see.
        let x = net.norm(21, x);
        let x = net.conv(Conv::new(21, 5, 3, 2), &[x], activation);
        let x = net.step(Op::GlobalMean, &[x]);
        net.linear((5, 4), &[x], None);
        check(&format!("{activation:?}"), &net);
    }
}

#[test]
fn groups_of_channels_are_normalised() {
    for (n, (channels, groups)) in [(21, 3), (21, 21), (32, 1), (40, 8), (5, 5)].into_iter().enumerate() {
        let mut net = Net::new(7 + n % 2);
        let norm = Op::GroupNorm { channels, groups, epsilon: 1e-5 };
        let x = net.conv(Conv::new(3, channels, 3, 1), &[0], None);
        // Far from 0, where sums of squares would cancel.
        net.steps[0].tensors[1].iter_mut().for_each(|bias| *bias += 50.0);
        let x = net.layer(norm, &[x], ACTIVATIONS[n]);
        let x = net.conv(Conv::new(channels, channels, 3, 2), &[x], None);
        let x = net.layer(norm, &[x], ACTIVATIONS[n + 1]);
        net.step(Op::GlobalMean, &[x]);
        check(&format!("{channels} channels in {groups} groups"), &net);
    }
}

/// As a denoising network: a map and a row in, a map out; the row also through a layer of its own, and unused by none.
#[test]
fn a_map_and_a_row_become_a_map() {
    let mut net = Net::given(&[Extent::map(4, 6, 5), Extent::row(7)]);
    let time = net.linear((7, 20), &[1], Some(Activation::Silu));
    let x = net.conv(Conv::new(4, 20, 3, 1), &[0], None);
    let x = net.step(Op::AddRow, &[x, time]);
    let x = net.layer(Op::GroupNorm { channels: 20, groups: 4, epsilon: 1e-5 }, &[x], Some(Activation::Silu));
    net.conv(Conv::new(20, 4, 3, 1), &[x, 0], None);
    check("a map and a row", &net);
}

#[test]
fn pools() {
    let with = |kernel, stride, padding, ceil| Pool { kernel, stride, padding, ceil };
    for side in [9, 10, 11] {
        for pool in
            [with(3, 2, 0, true), with(3, 2, 1, true), with(3, 2, 1, false), with(2, 2, 0, true), with(2, 3, 1, true)]
        {
            let mut net = Net::new(side);
            net.step(Op::MaxPool(pool), &[0]);
            let x = net.conv(Conv::new(3, 18, 3, 1), &[0], None);
            let x = net.step(Op::MaxPool(pool), &[x]);
            let x = net.step(Op::AvgPool(Pool::new(2, 1)), &[x]);
            net.step(Op::AdaptiveMean(3), &[x]);
            net.step(Op::AdaptiveMean(7), &[x]);
            // The logits come from a mean, as SqueezeNet's.
            net.step(Op::GlobalMean, &[x]);
            check(&format!("{pool:?} at {side}"), &net);
        }
    }
}

#[test]
fn channels_are_gated_joined_cut_and_shuffled() {
    let mut net = Net::new(7);
    let a = net.conv(Conv::new(3, 18, 3, 1), &[0], None);
    let b = net.conv(Conv::new(3, 7, 1, 1), &[0], Some(Activation::Relu));
    let x = net.step(Op::Concat, &[a, b, 0, b]);
    let x = net.step(Op::Channels { from: 5, count: 30 }, &[x]);
    let x = net.step(Op::Shuffle { groups: 3 }, &[x]);
    let pooled = net.step(Op::AdaptiveMean(1), &[x]);
    let gate = net.conv(Conv::new(30, 30, 1, 1), &[pooled], Some(Activation::Sigmoid));
    let x = net.step(Op::Gate, &[x, gate]);
    let x = net.step(Op::Shortcut { stride: 2, pad: 5 }, &[x]);
    let x = net.conv(Conv::new(40, 40, 3, 1).grouped(40), &[x], None);
    let x = net.step(Op::Flatten, &[x]);
    net.linear((40 * 16, 9), &[x], None);
    check("channels", &net);
}

#[test]
fn rows_of_several_values_reach_the_head() {
    let mut net = Net::new(6);
    let a = net.step(Op::GlobalMean, &[0]);
    let b = net.step(Op::Flatten, &[0]);
    let b = net.linear((108, 20), &[b], Some(Activation::Gelu));
    let a = net.linear((3, 20), &[a, b], None);
    let a = net.norm(20, a);
    let x = net.finished(Op::Add, &[a, b], Epilogue { join: None, activation: Some(Activation::Silu) });
    net.linear((20, 33), &[x], None);
    check("rows", &net);
}

#[test]
fn tokens_attend_to_all() {
    for (side, channels, heads) in [(3, 20, 2), (5, 48, 3), (7, 64, 1)] {
        let mut net = Net::new(side);
        let x = net.conv(Conv::new(3, channels, 3, 1), &[0], None);
        let x = net.step(Op::ClassToken { channels }, &[x]);
        let x = net.step(Op::Positions { tokens: side * side + 1, channels }, &[x]);
        let y = net.norm(channels, x);
        let y = net.attention(channels, heads, y, None);
        let x = net.linear((channels, channels), &[y, x], None);
        let x = net.step(Op::FirstToken, &[x]);
        let x = net.norm(channels, x);
        net.linear((channels, 11), &[x], None);
        check(&format!("{side} × {side} tokens, {heads} heads of {channels}"), &net);
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
        let x = net.step(Op::Pad { bottom: missing, right: missing }, &[x]);
        let x = net.attention(36, 2, x, Some((size, shift)));
        let x = net.step(Op::Crop { height: side & !1, width: side & !1 }, &[x]);
        let x = net.step(Op::Merge, &[x]);
        let x = net.norm(144, x);
        net.step(Op::GlobalMean, &[x]);
        check(&format!("windows of {size} in {side}, shift {shift:?}"), &net);
    }
}

#[test]
fn steps_that_contradict_each_other_are_an_error() {
    let made = |op: Op, change: &dyn Fn(&mut Step)| {
        let mut net = Net::new(5);
        let x = net.conv(Conv::new(3, 18, 3, 1), &[0], None);
        net.step(op, &[x]);
        net.steps.iter_mut().skip(1).for_each(change);
        CpuEngine::new(&net.plan(&[])).is_ok()
    };
    let silu = Op::Activation(Activation::Silu);
    let norm = Op::LayerNorm { channels: 18, epsilon: 1e-5 };
    assert!(made(silu, &|_| {}) && made(norm, &|_| {}) && made(Op::Conv(Conv::new(18, 18, 3, 1).biased()), &|_| {}));
    // `Op::extent` has the operations' own rules.
    assert!(!made(Op::Gate, &|_| {}) && !made(Op::Shuffle { groups: 4 }, &|_| {}));
    // Tensors of another size or number; a join or an activation that the operation doesn't take along.
    assert!(!made(norm, &|step| step.tensors[0].truncate(17)));
    assert!(!made(norm, &|step| step.tensors.truncate(1)));
    assert!(!made(silu, &|step| step.tensors.push(vec![1.0])));
    assert!(!made(silu, &|step| step.epilogue.join = Some(1)));
    assert!(!made(norm, &|step| step.epilogue.activation = Some(Activation::Relu)));
    // A value of another extent, one that doesn't exist, and one that comes later.
    for join in [0, 2, 7] {
        let conv = Op::Conv(Conv::new(18, 18, 3, 1).biased());
        assert!(!made(conv, &|step| step.epilogue.join = Some(join)), "{join}");
    }
}
