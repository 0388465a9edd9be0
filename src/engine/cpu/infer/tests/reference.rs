//! Every step in plain loops over C×H×W in f64, one image at a time: slow, and by other ways than the engine's.

use crate::engine::nets::extent::Extent;
use crate::engine::nets::graph::{Activation, Conv, Op, Padding, Pool, Port, Window};
use crate::engine::plan::{Plan, Step};

/// A value of one image.
#[derive(Clone, Debug)]
pub struct Value {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    pub values: Vec<f64>,
}

impl Value {
    pub fn new(channels: usize, height: usize, width: usize, f: impl Fn(usize, usize, usize) -> f64) -> Self {
        let pixels = |c: usize| (0..height * width).map(move |p| (c, p / width, p % width));
        let values = (0..channels).flat_map(pixels).map(|(c, y, x)| f(c, y, x)).collect();
        Self { channels, height, width, values }
    }

    fn at(&self, c: usize, y: usize, x: usize) -> f64 {
        self.values[(c * self.height + y) * self.width + x]
    }

    /// 0 outside.
    fn padded(&self, c: usize, y: isize, x: isize) -> f64 {
        let inside = (0..self.height as isize).contains(&y) && (0..self.width as isize).contains(&x);
        if inside { self.at(c, y as usize, x as usize) } else { 0.0 }
    }

    fn map(&self, f: impl Fn(usize, f64) -> f64) -> Self {
        Self::new(self.channels, self.height, self.width, |c, y, x| f(c, self.at(c, y, x)))
    }
}

/// All values of a plan for one image.
pub fn run(plan: &Plan, inputs: &[&[f32]]) -> Vec<Value> {
    let given = |(port, values): (&Port, &&[f32])| {
        let Extent { channels, height, width, .. } = port.extent;
        Value::new(channels, height, width, |c, y, x| f64::from(values[(c * height + y) * width + x]))
    };
    let mut values: Vec<Value> = plan.inputs.iter().zip(inputs).map(given).collect();
    values.resize(plan.values, values[0].clone());
    for step in &plan.steps {
        let inputs: Vec<&Value> = step.inputs.iter().map(|&i| &values[i]).collect();
        let made = execute(step, &inputs);
        let joined = step.epilogue.join.map_or(made.clone(), |j| plus(&made, &values[j]));
        values[step.output] = activate(step.epilogue.activation, &joined);
    }
    values
}

fn activate(activation: Option<Activation>, value: &Value) -> Value {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    value.map(|_, x| match activation {
        None => x,
        Some(Activation::Relu) => x.max(0.0),
        Some(Activation::Relu6) => x.clamp(0.0, 6.0),
        Some(Activation::Silu) => x * sigmoid(x),
        Some(Activation::Gelu) => x * normal(x),
        Some(Activation::Sigmoid) => sigmoid(x),
    })
}

/// Φ by the series of erf, for the moderate values of these tests.
fn normal(x: f64) -> f64 {
    if x.abs() > 6.0 {
        return if x > 0.0 { 1.0 } else { 0.0 };
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..200 {
        term *= x * x / f64::from(2 * n + 1);
        sum += term;
    }
    0.5 + sum * (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt()
}

fn plus(a: &Value, b: &Value) -> Value {
    Value::new(a.channels, a.height, a.width, |c, y, x| a.at(c, y, x) + b.at(c, y, x))
}

fn execute(step: &Step, inputs: &[&Value]) -> Value {
    let x = inputs[0];
    let (channels, height, width) = (x.channels, x.height, x.width);
    let tensors: Vec<&[f32]> = step.tensors.iter().map(Vec::as_slice).collect();
    match step.op {
        Op::Conv(conv) => convolve(&conv, tensors[0], tensors[1], x),
        Op::Linear { inputs: features, outputs, .. } => {
            let row = |c: usize| &tensors[0][c * features..][..features];
            let dot =
                |c: usize, y, w| row(c).iter().enumerate().map(|(i, &f)| f64::from(f) * x.at(i, y, w)).sum::<f64>();
            Value::new(outputs, height, width, |c, y, w| f64::from(tensors[1][c]) + dot(c, y, w))
        }
        Op::Add => plus(x, inputs[1]),
        Op::AddRow => x.map(|c, v| v + inputs[1].at(c, 0, 0)),
        Op::BatchNorm { .. } => x.map(|c, v| v * f64::from(tensors[0][c]) + f64::from(tensors[1][c])),
        Op::LayerNorm { epsilon, .. } => {
            let moment =
                |y, w, f: &dyn Fn(f64) -> f64| (0..channels).map(|c| f(x.at(c, y, w))).sum::<f64>() / channels as f64;
            Value::new(channels, height, width, |c, y, w| {
                let mean = moment(y, w, &|v| v);
                let variance = moment(y, w, &|v| (v - mean).powi(2));
                (x.at(c, y, w) - mean) / (variance + epsilon).sqrt() * f64::from(tensors[0][c])
                    + f64::from(tensors[1][c])
            })
        }
        Op::GroupNorm { groups, epsilon, .. } => group_norm(x, (groups, epsilon), tensors[0], tensors[1]),
        Op::Activation(activation) => activate(Some(activation), x),
        Op::MaxPool(pool) => pooled(x, pool, |values| values.iter().copied().fold(f64::MIN, f64::max)),
        Op::AvgPool(pool) => pooled(x, pool, |values| values.iter().sum::<f64>() / values.len() as f64),
        Op::AdaptiveMean(n) => adaptive(x, n),
        Op::GlobalMean => adaptive(x, 1),
        Op::Attention { channels, heads } => {
            let scale = 1.0 / f64::from(channels as u32 / heads as u32).sqrt();
            attend((channels, heads), &vec![scale; heads], None, x)
        }
        Op::WindowAttention(window) => {
            let scales: Vec<f64> = tensors[0].iter().map(|&s| f64::from(s)).collect();
            attend((window.channels, window.heads), &scales, Some((&window, tensors[1])), x)
        }
        Op::ClassToken { .. } => Value::new(channels, 1, 1 + height * width, |c, _, t| match t {
            0 => f64::from(tensors[0][c]),
            t => x.values[c * height * width + t - 1],
        }),
        Op::Positions { .. } => Value::new(channels, height, width, |c, y, w| {
            x.at(c, y, w) + f64::from(tensors[0][(y * width + w) * channels + c])
        }),
        op => rearrange(op, inputs),
    }
}

fn group_norm(x: &Value, (groups, epsilon): (usize, f64), scale: &[f32], shift: &[f32]) -> Value {
    let size = x.values.len() / groups;
    let moments = |group: &[f64]| {
        let mean = group.iter().sum::<f64>() / size as f64;
        (mean, group.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / size as f64)
    };
    let moments: Vec<(f64, f64)> = x.values.chunks_exact(size).map(moments).collect();
    x.map(|c, v| {
        let (mean, variance) = moments[c * groups / x.channels];
        (v - mean) / (variance + epsilon).sqrt() * f64::from(scale[c]) + f64::from(shift[c])
    })
}

fn rearrange(op: Op, inputs: &[&Value]) -> Value {
    let x = inputs[0];
    let (channels, height, width) = (x.channels, x.height, x.width);
    match op {
        Op::Flatten => Value { channels: x.values.len(), height: 1, width: 1, values: x.values.clone() },
        Op::Gate => x.map(|c, v| v * inputs[1].at(c, 0, 0)),
        Op::Concat => {
            let values: Vec<f64> = inputs.iter().flat_map(|i| i.values.clone()).collect();
            Value { channels: values.len() / (height * width), height, width, values }
        }
        Op::Channels { from, count } => Value::new(count, height, width, |c, y, w| x.at(from + c, y, w)),
        Op::Shuffle { groups } => {
            let each = channels / groups;
            Value::new(channels, height, width, |c, y, w| x.at(c % groups * each + c / groups, y, w))
        }
        Op::Shortcut { stride, pad } => {
            let (h, w) = (height.div_ceil(stride), width.div_ceil(stride));
            Value::new(channels + 2 * pad, h, w, |c, y, w| {
                let inside = (pad..pad + channels).contains(&c);
                if inside { x.at(c - pad, y * stride, w * stride) } else { 0.0 }
            })
        }
        Op::FirstToken => Value::new(channels, 1, 1, |c, _, _| x.at(c, 0, 0)),
        Op::Pad { bottom, right } => {
            Value::new(channels, height + bottom, width + right, |c, y, w| x.padded(c, y as isize, w as isize))
        }
        Op::Crop { height, width } => Value::new(channels, height, width, |c, y, w| x.at(c, y, w)),
        Op::Merge => Value::new(4 * channels, height / 2, width / 2, |c, y, w| {
            let part = c / channels;
            x.at(c % channels, 2 * y + part % 2, 2 * w + part / 2)
        }),
        _ => unreachable!("{op:?}"),
    }
}

fn convolve(conv: &Conv, weight: &[f32], bias: &[f32], x: &Value) -> Value {
    let Conv { inputs, outputs, kernel, stride, groups, .. } = *conv;
    let (seen, made) = (inputs / groups, outputs / groups);
    // Positions along an axis, and the zeros before it.
    let axis = |n: usize| match conv.padding {
        Padding::Explicit(padding) => ((n + 2 * padding - kernel) / stride + 1, padding),
        Padding::Same => {
            let positions = n.div_ceil(stride);
            (positions, ((positions - 1) * stride + kernel).saturating_sub(n) / 2)
        }
    };
    let [(height, above), (width, before)] = [axis(x.height), axis(x.width)];
    Value::new(outputs, height, width, |o, y, w| {
        let mut sum = f64::from(bias[o]);
        for (at, &f) in weight[o * seen * kernel * kernel..][..seen * kernel * kernel].iter().enumerate() {
            let (c, ky, kx) = (at / kernel / kernel, at / kernel % kernel, at % kernel);
            let place = |n: usize, k: usize, near: usize| (n * stride + k) as isize - near as isize;
            sum += f64::from(f) * x.padded(o / made * seen + c, place(y, ky, above), place(w, kx, before));
        }
        sum
    })
}

fn pooled(x: &Value, pool: Pool, f: impl Fn(&[f64]) -> f64) -> Value {
    let inside = |start: usize, size: usize| {
        (start..start + pool.kernel).filter_map(move |i| i.checked_sub(pool.padding)).filter(move |&i| i < size)
    };
    Value::new(x.channels, pool.positions(x.height), pool.positions(x.width), |c, y, w| {
        let columns = || inside(w * pool.stride, x.width);
        let values = inside(y * pool.stride, x.height).flat_map(|y| columns().map(move |w| x.at(c, y, w)));
        f(&values.collect::<Vec<f64>>())
    })
}

/// PyTorch's bounds: from the floor of the beginning to the ceiling of the end.
fn adaptive(x: &Value, n: usize) -> Value {
    let bounds = |i: usize, size: usize| {
        let scale = size as f64 / n as f64;
        ((i as f64 * scale).floor() as usize, ((i + 1) as f64 * scale - 1e-9).ceil() as usize)
    };
    Value::new(x.channels, n, n, |c, y, w| {
        let ((top, bottom), (left, right)) = (bounds(y, x.height), bounds(w, x.width));
        let sum: f64 = (top..bottom).flat_map(|y| (left..right).map(move |w| x.at(c, y, w))).sum();
        sum / ((bottom - top) * (right - left)) as f64
    })
}

/// Every query looks at every pixel of the map; those of other windows of the rolled map are left out.
fn attend((channels, heads): (usize, usize), scales: &[f64], windows: Option<(&Window, &[f32])>, x: &Value) -> Value {
    let each = channels / heads;
    let cosine = windows.is_some_and(|(window, _)| window.cosine);
    let (height, width) = (x.height, x.width);
    let vector = |part: usize, head: usize, (y, w): (usize, usize)| -> Vec<f64> {
        (0..each).map(|i| x.at(part * channels + head * each + i, y, w)).collect()
    };
    let normal = |v: Vec<f64>| {
        let length = v.iter().map(|v| v * v).sum::<f64>().sqrt().max(1e-12);
        v.into_iter().map(|v| if cosine { v / length } else { v }).collect::<Vec<f64>>()
    };
    let mut out = Value::new(channels, height, width, |_, _, _| 0.0);
    for (query, head) in (0..height * width).flat_map(|q| (0..heads).map(move |h| (q, h))) {
        let query = (query / width, query % width);
        let q = normal(vector(0, head, query));
        let (mut total, mut sums) = (0.0, vec![0.0; each]);
        for key in (0..height * width).map(|k| (k / width, k % width)) {
            let Some(bias) = windows.map_or(Some(0.0), |w| bias(w, head, query, key, (height, width))) else {
                continue;
            };
            let dot: f64 = q.iter().zip(normal(vector(1, head, key))).map(|(q, k)| q * k).sum();
            let share = (dot * scales[head] + bias).exp();
            total += share;
            sums.iter_mut().zip(vector(2, head, key)).for_each(|(s, v)| *s += share * v);
        }
        for (i, sum) in sums.into_iter().enumerate() {
            out.values[((head * each + i) * height + query.0) * width + query.1] = sum / total;
        }
    }
    out
}

/// Bias and mask of a pair of pixels, as torchvision's slices of the rolled map define them; `None` in two windows.
fn bias(
    (window, added): (&Window, &[f32]),
    head: usize,
    query: (usize, usize),
    key: (usize, usize),
    (height, width): (usize, usize),
) -> Option<f64> {
    let (size, [down, across]) = (window.size, window.shift);
    let rolled = |(y, x): (usize, usize)| ((y + height - down) % height, (x + width - across) % width);
    let region = |at: usize, length: usize, shift: usize| match at {
        _ if shift == 0 => 0,
        at if at < length - size => 0,
        at if at < length - shift => 1,
        _ => 2,
    };
    let (q, k) = (rolled(query), rolled(key));
    (q.0 / size == k.0 / size && q.1 / size == k.1 / size).then_some(())?;
    let regions = |(y, x): (usize, usize)| (region(y, height, down), region(x, width, across));
    let token = |(y, x): (usize, usize)| y % size * size + x % size;
    let tokens = size * size;
    let bias = added[(head * tokens + token(q)) * tokens + token(k)];
    Some(f64::from(bias) + if regions(q) == regions(k) { 0.0 } else { -100.0 })
}
