//! A training's forward and backward pass in f64 by plain loops over N×C×H×W, and how far f32 may be from it.
//!
//! Every operation is a sum of products, so one walk over its terms serves the result, the gradient of its inputs and
//! that of its weights. A noisy pass disturbs each sum as f32 arithmetic would (Higham and Mary 2019): by u·√(n·q / 6)
//! for n terms whose squares add up to q, since partial sums of random terms grow like a random walk, and by u of the
//! result. What a network makes of such a disturbance is what its condition costs on any machine.

use std::collections::BTreeMap;

use super::*;
use crate::engine::nets::extent::Extent;
use crate::engine::nets::graph::{Node, Padding};
use crate::engine::nets::shapes::extents;

/// Half of the distance between 1 and the next f32.
const ROUNDING: f64 = 1.0 / (1 << 24) as f64;

/// What a pass gives: logits under "logits", and gradients under the tensors' keys, the input's under "".
pub type Passed = BTreeMap<String, Vec<f64>>;

/// What a pass reads.
#[derive(Clone, Copy)]
pub struct Batch<'a> {
    pub images: &'a [f32],
    pub count: usize,
    pub masks: Masks,
    /// Gradient of the logits.
    pub gradient: &'a [f32],
}

/// Sums while they are made.
struct Sums(Vec<[f64; 3]>);

impl Sums {
    fn new(count: usize) -> Self {
        Self(vec![[0.0; 3]; count])
    }

    fn add(&mut self, at: usize, term: f64) {
        let [sum, squares, terms] = &mut self.0[at];
        *sum += term;
        *squares += term * term;
        *terms += 1.0;
    }
}

/// A random number of variance 1 from a seed and a counter.
struct Noise(Option<u64>);

impl Noise {
    fn next(&mut self) -> f64 {
        let Some(state) = &mut self.0 else { return 0.0 };
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((*state >> 40) as f64 / f64::from(1 << 23) - 1.0) * 3.0_f64.sqrt()
    }

    fn rounded(&mut self, value: f64) -> f64 {
        value * (1.0 + ROUNDING * self.next())
    }

    fn stored(&mut self, sums: Sums) -> Vec<f64> {
        let of = |[sum, squares, terms]: [f64; 3]| {
            sum + ROUNDING * ((terms * squares / 6.0).sqrt() + sum.abs()) * self.next()
        };
        sums.0.into_iter().map(of).collect()
    }
}

/// A pass, exact or with the noise of f32.
pub fn pass(graph: &Graph, weights: &Weights, batch: Batch<'_>, noise: Option<u64>) -> Passed {
    let extents = extents(graph).unwrap();
    let mut net = Net { graph, extents: &extents, weights, batch, noise: Noise(noise), norms: BTreeMap::new() };
    let mut values = vec![batch.images.iter().map(|&v| f64::from(v)).collect::<Vec<f64>>()];
    for id in 1..graph.nodes().len() {
        values.push(net.forward(id, &values));
    }
    let mut passed = Passed::from([("logits".to_owned(), values[graph.last()].clone())]);
    let mut gradients: Vec<Vec<f64>> = values.iter().map(|v| vec![0.0; v.len()]).collect();
    gradients[graph.last()] = batch.gradient.iter().map(|&g| f64::from(g)).collect();
    for id in (1..graph.nodes().len()).rev() {
        let gradient = std::mem::take(&mut gradients[id]);
        for (place, part) in net.backward(id, &values, &gradient) {
            match place {
                Place::Input(input) => gradients[input].iter_mut().zip(part).for_each(|(g, p)| *g += p),
                Place::Tensor(name) => drop(passed.insert(graph.nodes()[id].tensor_key(name), part)),
            }
        }
    }
    passed.insert(String::new(), std::mem::take(&mut gradients[0]));
    passed
}

/// What a gradient belongs to.
enum Place {
    Input(usize),
    Tensor(&'static str),
}

struct Net<'a> {
    graph: &'a Graph,
    extents: &'a [Extent],
    weights: &'a Weights,
    batch: Batch<'a>,
    noise: Noise,
    /// Mean and 1 / √(variance + ε) of each set of values that a norm brings together.
    norms: BTreeMap<usize, Vec<[f64; 2]>>,
}

impl Net<'_> {
    fn node(&self, id: usize) -> (&Node, Extent, Extent) {
        let node = &self.graph.nodes()[id];
        (node, self.extents[node.inputs[0]], self.extents[id])
    }

    fn tensor(&self, id: usize, name: &str) -> Vec<f64> {
        let key = self.graph.nodes()[id].tensor_key(name);
        self.weights.tensors().get(&key).map_or(Vec::new(), |t| t.values.iter().map(|&v| f64::from(v)).collect())
    }

    fn forward(&mut self, id: usize, values: &[Vec<f64>]) -> Vec<f64> {
        let count = self.batch.count;
        let (node, from, to) = self.node(id);
        let (op, inputs) = (node.op, node.inputs.clone());
        let x = &values[inputs[0]];
        let mut sums = Sums::new(count * to.len());
        if let Some(conv) = product(op) {
            let (weight, bias) = (self.tensor(id, "weight"), self.tensor(id, "bias"));
            for (at, c) in channels(count, to) {
                bias.get(c).into_iter().for_each(|&b| sums.add(at, b));
            }
            taps(&conv, count, (from, to), |o, i, w| sums.add(o, x[i] * weight[w]));
        } else {
            match op {
                Op::BatchNorm { .. } | Op::GroupNorm { .. } => return self.normalise(id, x),
                Op::Activation(activation) => (0..x.len()).for_each(|i| sums.add(i, activate(activation, x[i])[0])),
                Op::Gate => channels(count, to).for_each(|(at, c)| {
                    sums.add(at, x[at] * values[inputs[1]][at / to.len() * to.channels + c]);
                }),
                _ => self.links(id, values, |to, input, from, factor| sums.add(to, values[input][from] * factor)),
            }
        }
        self.noise.stored(sums)
    }

    /// The set of values that a norm brings a value together with, of how many: a batch norm's channel, a group norm's
    /// group of an image.
    fn sets(&self, id: usize) -> (impl Fn(usize, usize) -> usize + use<>, usize) {
        let (op, extent, count) = (self.graph.nodes()[id].op, self.extents[id], self.batch.count);
        let groups = if let Op::GroupNorm { groups, .. } = op { groups } else { 0 };
        let of = move |at: usize, c: usize| {
            if groups == 0 { c } else { at / extent.len() * groups + c * groups / extent.channels }
        };
        (of, if groups == 0 { extent.channels } else { groups * count })
    }

    fn normalise(&mut self, id: usize, x: &[f64]) -> Vec<f64> {
        let extent = self.extents[id];
        let (Op::BatchNorm { epsilon, .. } | Op::GroupNorm { epsilon, .. }) = self.graph.nodes()[id].op else {
            unreachable!("no other norm is covered")
        };
        let (set, sets) = self.sets(id);
        let size = (x.len() / sets) as f64;
        let mut norms = vec![[0.0; 2]; sets];
        channels(self.batch.count, extent).for_each(|(at, c)| norms[set(at, c)][0] += x[at] / size);
        for (at, c) in channels(self.batch.count, extent) {
            let norm = &mut norms[set(at, c)];
            norm[1] += (x[at] - norm[0]).powi(2) / size;
        }
        for [mean, variance] in &mut norms {
            *mean = self.noise.rounded(*mean);
            *variance = self.noise.rounded(1.0 / (*variance + epsilon).sqrt());
        }
        let (gamma, beta) = (self.tensor(id, "weight"), self.tensor(id, "bias"));
        let mut sums = Sums::new(x.len());
        for (at, c) in channels(self.batch.count, extent) {
            let [mean, inverse] = norms[set(at, c)];
            sums.add(at, (x[at] - mean) * inverse * gamma[c]);
            sums.add(at, beta[c]);
        }
        self.norms.insert(id, norms);
        self.noise.stored(sums)
    }

    fn backward(&mut self, id: usize, values: &[Vec<f64>], g: &[f64]) -> Vec<(Place, Vec<f64>)> {
        let count = self.batch.count;
        let (node, from, to) = self.node(id);
        let (op, inputs) = (node.op, node.inputs.clone());
        let x = &values[inputs[0]];
        let mut back: Vec<Sums> = inputs.iter().map(|&i| Sums::new(values[i].len())).collect();
        let mut made = Vec::new();
        if let Some(conv) = product(op) {
            let weight = self.tensor(id, "weight");
            let mut of_weight = Sums::new(weight.len());
            taps(&conv, count, (from, to), |o, i, w| {
                back[0].add(i, g[o] * weight[w]);
                of_weight.add(w, g[o] * x[i]);
            });
            made.push((Place::Tensor("weight"), of_weight));
            if conv.bias {
                let mut of_bias = Sums::new(conv.outputs);
                channels(count, to).for_each(|(at, c)| of_bias.add(c, g[at]));
                made.push((Place::Tensor("bias"), of_bias));
            }
        } else {
            match op {
                Op::BatchNorm { .. } | Op::GroupNorm { .. } => return self.normalise_back(id, x, g),
                Op::Activation(a) => (0..x.len()).for_each(|i| back[0].add(i, g[i] * activate(a, x[i])[1])),
                Op::Gate => channels(count, to).for_each(|(at, c)| {
                    let gate = at / to.len() * to.channels + c;
                    back[0].add(at, g[at] * values[inputs[1]][gate]);
                    back[1].add(gate, g[at] * x[at]);
                }),
                _ => self.links(id, values, |to, input, from, factor| {
                    let number = inputs.iter().position(|&i| i == input).unwrap();
                    back[number].add(from, g[to] * factor);
                }),
            }
        }
        made.extend(inputs.into_iter().map(Place::Input).zip(back));
        made.into_iter().map(|(place, sums)| (place, self.noise.stored(sums))).collect()
    }

    /// Ioffe and Szegedy 2015, section 3; the same for other sets of values.
    fn normalise_back(&mut self, id: usize, x: &[f64], g: &[f64]) -> Vec<(Place, Vec<f64>)> {
        let (node, extent, _) = self.node(id);
        let input = node.inputs[0];
        let gamma = self.tensor(id, "weight");
        let norms = self.norms[&id].clone();
        let (set, sets) = self.sets(id);
        let of = |at: usize, c: usize| (x[at] - norms[set(at, c)][0]) * norms[set(at, c)][1];
        let of_channels = || Sums::new(extent.channels);
        let mut sums = [of_channels(), of_channels(), Sums::new(sets), Sums::new(sets)];
        for (at, c) in channels(self.batch.count, extent) {
            sums[0].add(c, g[at] * of(at, c));
            sums[1].add(c, g[at]);
            sums[2].add(set(at, c), gamma[c] * g[at] * of(at, c));
            sums[3].add(set(at, c), gamma[c] * g[at]);
        }
        let [of_gamma, of_beta, scaled, plain] = sums.map(|sums| self.noise.stored(sums));
        let size = (x.len() / sets) as f64;
        let mut back = Sums::new(x.len());
        for (at, c) in channels(self.batch.count, extent) {
            let (set, inverse) = (set(at, c), norms[set(at, c)][1]);
            back.add(at, inverse * gamma[c] * g[at]);
            back.add(at, -inverse * of(at, c) * scaled[set] / size);
            back.add(at, -inverse * plain[set] / size);
        }
        let back = self.noise.stored(back);
        vec![(Place::Input(input), back), (Place::Tensor("weight"), of_gamma), (Place::Tensor("bias"), of_beta)]
    }

    /// The terms of an operation without weights: place in the output, input, place there, factor.
    fn links(&self, id: usize, values: &[Vec<f64>], mut each: impl FnMut(usize, usize, usize, f64)) {
        let (node, from, to) = self.node(id);
        let inputs = &node.inputs;
        let (mut shares, mut last) = (Vec::new(), usize::MAX);
        for (at, c) in channels(self.batch.count, to) {
            let (image, y, x) = (at / to.len(), at / to.width % to.height, at % to.width);
            let place = |c: usize, y: usize, x: usize| image * from.len() + (c * from.height + y) * from.width + x;
            let windows = |rows: std::ops::Range<usize>, columns: std::ops::Range<usize>| {
                rows.flat_map(|y| columns.clone().map(move |x| place(c, y, x))).collect::<Vec<usize>>()
            };
            match node.op {
                Op::Add => inputs.iter().for_each(|&input| each(at, input, at, 1.0)),
                Op::Flatten => each(at, inputs[0], at, 1.0),
                Op::Concat => {
                    let mut c = c;
                    for &input in inputs {
                        let own = self.extents[input];
                        if c < own.channels {
                            each(at, input, image * own.len() + (c * own.height + y) * own.width + x, 1.0);
                            break;
                        }
                        c -= own.channels;
                    }
                }
                Op::Channels { from, .. } => each(at, inputs[0], place(from + c, y, x), 1.0),
                Op::Shuffle { groups } => {
                    each(at, inputs[0], place(c % groups * (from.channels / groups) + c / groups, y, x), 1.0);
                }
                Op::Shortcut { stride, pad } => {
                    if (pad..pad + from.channels).contains(&c) {
                        each(at, inputs[0], place(c - pad, y * stride, x * stride), 1.0);
                    }
                }
                Op::MaxPool(pool) => {
                    let window = windows(inside(pool, y, from.height), inside(pool, x, from.width));
                    let values = &values[inputs[0]];
                    let first = window.into_iter().reduce(|a, b| if values[b] > values[a] { b } else { a });
                    each(at, inputs[0], first.unwrap(), 1.0);
                }
                Op::AvgPool(_) | Op::AdaptiveMean(_) | Op::GlobalMean => {
                    let window = if let Op::AvgPool(pool) = node.op {
                        windows(inside(pool, y, from.height), inside(pool, x, from.width))
                    } else {
                        windows(part(y, to.height, from.height), part(x, to.width, from.width))
                    };
                    let share = 1.0 / window.len() as f64;
                    window.into_iter().for_each(|from| each(at, inputs[0], from, share));
                }
                Op::Dropout(share) | Op::StochasticDepth(share) => {
                    let count = if matches!(node.op, Op::Dropout(_)) { to.len() } else { 1 };
                    if image != last {
                        shares = self.batch.masks.values((id, share), image as u64, count).collect();
                        last = image;
                    }
                    each(at, inputs[0], at, f64::from(shares[at % to.len() % count]));
                }
                op => unreachable!("{op:?}"),
            }
        }
    }
}

/// All places of a batch and their channels.
fn channels(count: usize, extent: Extent) -> impl Iterator<Item = (usize, usize)> {
    let plane = extent.height * extent.width;
    (0..count * extent.len()).map(move |at| (at, at / plane % extent.channels))
}

/// A convolution, or a linear layer as one.
fn product(op: Op) -> Option<Conv> {
    match op {
        Op::Conv(conv) => Some(conv),
        Op::Linear { inputs, outputs, bias } => {
            Some(Conv { bias: bias == LinearBias::Full, ..Conv::new(inputs, outputs, 1, 1) })
        }
        _ => None,
    }
}

/// The terms of a convolution: place in the output, in the input, in the weight.
fn taps(conv: &Conv, count: usize, (from, to): (Extent, Extent), mut each: impl FnMut(usize, usize, usize)) {
    let Conv { inputs, outputs, kernel, stride, groups, .. } = *conv;
    let (seen, made) = (inputs / groups, outputs / groups);
    let [above, before] = [from.height, from.width].map(|size| near(conv, size));
    for (at, o) in channels(count, to) {
        let (image, y, x) = (at / to.len(), at / to.width % to.height, at % to.width);
        for (c, ky) in (0..seen).flat_map(|c| (0..kernel).map(move |ky| (c, ky))) {
            let Some(row) = (y * stride + ky).checked_sub(above).filter(|&y| y < from.height) else { continue };
            let line = image * from.len() + ((o / made * seen + c) * from.height + row) * from.width;
            for kx in 0..kernel {
                if let Some(column) = (x * stride + kx).checked_sub(before).filter(|&x| x < from.width) {
                    each(at, line + column, ((o * seen + c) * kernel + ky) * kernel + kx);
                }
            }
        }
    }
}

/// Zeros before an axis of `size` pixels; TensorFlow's are the smaller half of what ⌈size / stride⌉ positions need.
fn near(conv: &Conv, size: usize) -> usize {
    match conv.padding {
        Padding::Explicit(padding) => padding,
        Padding::Same => ((size.div_ceil(conv.stride) - 1) * conv.stride + conv.kernel).saturating_sub(size) / 2,
    }
}

/// Value and slope.
fn activate(activation: Activation, x: f64) -> [f64; 2] {
    let sigmoid = 1.0 / (1.0 + (-x).exp());
    match activation {
        Activation::Relu => [x.max(0.0), f64::from(u8::from(x > 0.0))],
        Activation::Relu6 => [x.clamp(0.0, 6.0), f64::from(u8::from(x > 0.0 && x < 6.0))],
        Activation::Silu => [x * sigmoid, sigmoid * (1.0 + x * (1.0 - sigmoid))],
        Activation::Sigmoid => [sigmoid, sigmoid * (1.0 - sigmoid)],
        Activation::Gelu => unreachable!("no covered network has it"),
    }
}

/// The rows or columns of a map of `size` that part `at` of `parts` nearly equal ones takes.
fn part(at: usize, parts: usize, size: usize) -> std::ops::Range<usize> {
    at * size / parts..((at + 1) * size).div_ceil(parts)
}

/// The rows or columns of a map of `size` that window `at` covers.
fn inside(pool: Pool, at: usize, size: usize) -> std::ops::Range<usize> {
    let start = at * pool.stride;
    start.saturating_sub(pool.padding)..(start + pool.kernel - pool.padding).min(size)
}
