//! The operations of [`Op`] on burn tensors, shared by the folded plan ([`super::engine`]) and the trainable
//! module ([`super::module`]).

use burn::tensor::activation::{gelu, relu, sigmoid, silu};
use burn::tensor::module::{adaptive_avg_pool2d, avg_pool2d, conv2d, layer_norm, linear, max_pool2d};
use burn::tensor::ops::{AvgPoolOptions, ConvOptions, MaxPoolOptions, PadMode};
use burn::tensor::{Device, Tensor, TensorData, s};

use super::attention;
use crate::engine::nets::extent::Extent;
use crate::engine::nets::graph::{Activation, Conv, Op, Pool};
use crate::engine::plan::{EngineError, Feature};

/// What flows between operations. Maps change their layout when an operation needs the other one, and not before.
#[derive(Clone)]
pub enum Value {
    /// N×C×H×W.
    Map(Tensor<4>),
    /// N×H×W×C.
    Pixels(Tensor<4>),
    /// N×C.
    Rows(Tensor<2>),
}

impl Value {
    /// A batch of values of this extent, maps as N×C×H×W.
    pub(super) fn new(values: Vec<f32>, (extent, batch): (Extent, usize), device: &Device) -> Self {
        let Extent { channels, height, width, row } = extent;
        if row {
            Self::Rows(Tensor::from_data(TensorData::new(values, [batch, channels]), device))
        } else {
            Self::Map(Tensor::from_data(TensorData::new(values, [batch, channels, height, width]), device))
        }
    }

    /// As N×C×H×W.
    ///
    /// # Errors
    /// [`EngineError`] for a row, which is a defect of the graph.
    pub fn map(self) -> Result<Tensor<4>, EngineError> {
        match self {
            Self::Map(x) => Ok(x),
            Self::Pixels(x) => Ok(x.permute([0, 3, 1, 2])),
            Self::Rows(_) => Err(EngineError::broken_plan()),
        }
    }

    /// As N×H×W×C.
    ///
    /// # Errors
    /// [`EngineError`] for a row, which is a defect of the graph.
    pub fn pixels(self) -> Result<Tensor<4>, EngineError> {
        match self {
            Self::Map(x) => Ok(x.permute([0, 2, 3, 1])),
            Self::Pixels(x) => Ok(x),
            Self::Rows(_) => Err(EngineError::broken_plan()),
        }
    }

    /// As N×C.
    ///
    /// # Errors
    /// [`EngineError`] for a map, which is a defect of the graph.
    pub fn rows(self) -> Result<Tensor<2>, EngineError> {
        if let Self::Rows(x) = self { Ok(x) } else { Err(EngineError::broken_plan()) }
    }

    /// The sum of two values of one shape.
    pub(super) fn plus(self, other: Self) -> Result<Self, EngineError> {
        Ok(match (self, other) {
            (Self::Rows(a), Self::Rows(b)) => Self::Rows(a + b),
            (Self::Pixels(a), b) => Self::Pixels(a + b.pixels()?),
            (a, b) => Self::Map(a.map()? + b.map()?),
        })
    }

    pub(super) fn activated(self, activation: Activation) -> Self {
        match self {
            Self::Map(x) => Self::Map(activate(x, activation)),
            Self::Pixels(x) => Self::Pixels(activate(x, activation)),
            Self::Rows(x) => Self::Rows(activate(x, activation)),
        }
    }

    /// x·Wᵀ + b over the channels of each pixel or row; the weight is [in, out].
    pub(super) fn linear(self, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Result<Self, EngineError> {
        if let Self::Rows(x) = self {
            return Ok(Self::Rows(linear(x, weight, bias)));
        }
        let x = self.pixels()?;
        let [n, height, width, channels] = x.dims();
        let outputs = weight.dims()[1];
        let y = linear(x.reshape([n * height * width, channels]), weight, bias);
        Ok(Self::Pixels(y.reshape([n, height, width, outputs])))
    }

    /// Normalisation over the channels of each pixel or row.
    pub(super) fn layer_norm(self, scale: Tensor<1>, shift: Tensor<1>, epsilon: f64) -> Result<Self, EngineError> {
        Ok(match self {
            Self::Rows(x) => Self::Rows(layer_norm(x, scale, Some(shift), epsilon)),
            other => Self::Pixels(layer_norm(other.pixels()?, scale, Some(shift), epsilon)),
        })
    }

    /// The values on the host, maps as N×C×H×W.
    ///
    /// # Errors
    /// [`EngineError`] where the device fails.
    pub fn read(self) -> Result<Feature, EngineError> {
        let (shape, data) = match self {
            Self::Rows(x) => (x.dims().to_vec(), x.try_into_data()),
            other => {
                let x = other.map()?;
                (x.dims().to_vec(), x.try_into_data())
            }
        };
        let data = data.map_err(|e| EngineError::reported(e.to_string()))?;
        let values = data.try_to_vec::<f32>().map_err(|e| EngineError::Device(format!("{e:?}")))?;
        Ok(Feature { shape, values })
    }
}

fn activate<const D: usize>(x: Tensor<D>, activation: Activation) -> Tensor<D> {
    match activation {
        Activation::Relu => relu(x),
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::Silu => silu(x),
        Activation::Gelu => gelu(x),
        Activation::Sigmoid => sigmoid(x),
    }
}

/// What an operation reads beside its inputs: its tensors of [`Op::folded`], each as one row of values, without those of
/// biases that it lacks.
#[derive(Clone, Copy)]
pub(super) struct Learnt<'a> {
    /// The tensors.
    pub(super) tensors: &'a [Tensor<1>],
    /// Of window attention that is shifted: [`attention::region_mask`].
    pub(super) mask: Option<&'a Tensor<3>>,
}

impl Learnt<'_> {
    /// For operations without tensors.
    pub(super) const NONE: Self = Self { tensors: &[], mask: None };

    fn get(&self, at: usize) -> Result<Tensor<1>, EngineError> {
        self.tensors.get(at).cloned().ok_or_else(EngineError::broken_plan)
    }
}

/// An operation, as a plan's step or as an evaluated node: batch norms and layer scales are a factor and a summand, and
/// nothing is dropped.
pub(super) fn apply(op: Op, inputs: Vec<Value>, learnt: Learnt<'_>) -> Result<Value, EngineError> {
    let mut inputs = inputs.into_iter();
    let first = inputs.next().ok_or_else(EngineError::broken_plan)?;
    Ok(match op {
        Op::Conv(conv) => {
            let bias = conv.bias.then(|| learnt.get(1)).transpose()?;
            let weight = learnt.get(0)?.reshape(conv.weight_shape());
            let (x, padding) = padded(first.map()?, &conv);
            let options = ConvOptions::new([conv.stride; 2], padding, [1; 2], conv.groups);
            Value::Map(conv2d(x, weight, bias, options))
        }
        Op::Linear { inputs, outputs, .. } => {
            first.linear(learnt.get(0)?.reshape([outputs, inputs]).transpose(), learnt.tensors.get(1).cloned())?
        }
        Op::BatchNorm { channels, .. } | Op::LayerScale { channels } => {
            let [scale, shift] = [learnt.get(0)?, learnt.get(1)?].map(|t| t.reshape([1, channels, 1, 1]));
            Value::Map(first.map()? * scale + shift)
        }
        Op::LayerNorm { epsilon, .. } => first.layer_norm(learnt.get(0)?, learnt.get(1)?, epsilon)?,
        Op::GroupNorm { channels, groups, epsilon } => {
            let [scale, shift] = [learnt.get(0)?, learnt.get(1)?].map(|t| t.reshape([1, channels, 1, 1]));
            Value::Map(normalised(first.map()?, groups, epsilon) * scale + shift)
        }
        Op::ClassToken { .. } => Value::Pixels(class_token(first.pixels()?, learnt.get(0)?)),
        Op::Positions { .. } => {
            let x = first.pixels()?;
            let [_, height, width, channels] = x.dims();
            Value::Pixels(x + learnt.get(0)?.reshape([1, height, width, channels]))
        }
        Op::Attention { channels, heads } => Value::Pixels(attention::over_all(first.pixels()?, channels, heads)),
        Op::WindowAttention(window) => {
            let learnt = (learnt.get(0)?, learnt.get(1)?, learnt.mask.cloned());
            Value::Pixels(attention::in_windows(first.pixels()?, &window, learnt))
        }
        _ => return unweighted(op, first, inputs),
    })
}

/// An operation that has no tensors; `rest` are the inputs behind the first.
fn unweighted(op: Op, first: Value, mut rest: impl Iterator<Item = Value>) -> Result<Value, EngineError> {
    let mut next = || rest.next().ok_or_else(EngineError::broken_plan);
    Ok(match op {
        Op::Activation(activation) => first.activated(activation),
        Op::Dropout(_) | Op::StochasticDepth(_) => first,
        Op::Add => first.plus(next()?)?,
        Op::MaxPool(pool) => Value::Map(max_pool(first.map()?, pool)),
        Op::AvgPool(pool) => {
            let options = AvgPoolOptions::new([pool.kernel; 2]).with_stride([pool.stride; 2]);
            Value::Map(avg_pool2d(first.map()?, options))
        }
        Op::AdaptiveMean(1) => Value::Map(first.map()?.mean_dim(3).mean_dim(2)),
        Op::AdaptiveMean(n) => Value::Map(adaptive_avg_pool2d(first.map()?, [n, n])),
        Op::GlobalMean => Value::Rows(global_mean(first)?),
        Op::Flatten => Value::Rows(first.map()?.flatten(1, 3)),
        Op::FirstToken => {
            let x = first.pixels()?;
            let [n, _, _, channels] = x.dims();
            Value::Rows(x.slice(s![.., 0..1, 0..1, ..]).reshape([n, channels]))
        }
        Op::AddRow => {
            let row = next()?.rows()?;
            let [n, channels] = row.dims();
            Value::Map(first.map()? + row.reshape([n, channels, 1, 1]))
        }
        Op::Gate => Value::Map(first.map()? * next()?.map()?),
        Op::Concat => {
            let mut maps = vec![first.map()?];
            for other in rest {
                maps.push(other.map()?);
            }
            Value::Map(Tensor::cat(maps, 1))
        }
        Op::Channels { from, count } => Value::Map(first.map()?.narrow(1, from, count)),
        Op::Shuffle { groups } => Value::Map(shuffle(first.map()?, groups)),
        Op::Shortcut { stride, pad } => Value::Map(shortcut(first.map()?, stride, pad)),
        Op::Pad { bottom, right } => {
            let edges = [(0, 0), (0, bottom), (0, right), (0, 0)];
            Value::Pixels(first.pixels()?.pad(edges, PadMode::Constant(0.0)))
        }
        Op::Crop { height, width } => Value::Pixels(first.pixels()?.slice(s![.., 0..height, 0..width, ..])),
        Op::Merge => Value::Pixels(merge(first.pixels()?)),
        // Given, or computed above.
        Op::Input
        | Op::Conv(_)
        | Op::Linear { .. }
        | Op::Attention { .. }
        | Op::WindowAttention(_)
        | Op::BatchNorm { .. }
        | Op::LayerNorm { .. }
        | Op::LayerScale { .. }
        | Op::GroupNorm { .. }
        | Op::ClassToken { .. }
        | Op::Positions { .. } => {
            return Err(EngineError::broken_plan());
        }
    })
}

/// The map with the zeros that a convolution can't add by itself, and those that it can: rows and columns that are as
/// many behind the map as before it.
fn padded(x: Tensor<4>, conv: &Conv) -> (Tensor<4>, [usize; 2]) {
    let [_, _, height, width] = x.dims();
    let [rows, columns] = [height, width].map(|size| conv.edges(size));
    if rows[0] == rows[1] && columns[0] == columns[1] {
        return (x, [rows[0], columns[0]]);
    }
    let edges = [(0, 0), (0, 0), rows.into(), columns.into()];
    (x.pad(edges, PadMode::Constant(0.0)), [0; 2])
}

fn max_pool(x: Tensor<4>, pool: Pool) -> Tensor<4> {
    let options = MaxPoolOptions::new([pool.kernel; 2]).with_stride([pool.stride; 2]);
    max_pool2d(x, options.with_padding([pool.padding; 2]).with_ceil_mode(pool.ceil))
}

/// Mean over rows and columns: map → N×C.
fn global_mean(x: Value) -> Result<Tensor<2>, EngineError> {
    Ok(match x {
        Value::Pixels(x) => x.flatten::<3>(1, 2).mean_dim(1).squeeze_dim(1),
        other => other.map()?.flatten::<3>(2, 3).mean_dim(2).squeeze_dim(2),
    })
}

/// Mean 0 and biased variance 1 within each group of channels of each image.
fn normalised(x: Tensor<4>, groups: usize, epsilon: f64) -> Tensor<4> {
    let shape @ [n, channels, height, width] = x.dims();
    let grouped: Tensor<3> = x.reshape([n, groups, channels / groups * height * width]);
    let distance = grouped.clone() - grouped.mean_dim(2);
    let variance = (distance.clone() * distance.clone()).mean_dim(2);
    (distance / (variance + epsilon).sqrt()).reshape(shape)
}

fn shuffle(x: Tensor<4>, groups: usize) -> Tensor<4> {
    let [n, channels, height, width] = x.dims();
    let split = x.reshape([n, groups, channels / groups, height * width]);
    split.swap_dims(1, 2).reshape([n, channels, height, width])
}

/// Option-A shortcut: every `stride`-th row and column, zero channels around (He et al. 2016, section 3.3).
fn shortcut(x: Tensor<4>, stride: usize, pad: usize) -> Tensor<4> {
    let [n, _, height, width] = x.dims();
    let step = stride as isize;
    let x = x.slice(s![.., .., 0..height as isize;step, 0..width as isize;step]);
    let zeros = Tensor::zeros([n, pad, height.div_ceil(stride), width.div_ceil(stride)], &x.device());
    Tensor::cat(vec![zeros.clone(), x, zeros], 1)
}

fn merge(x: Tensor<4>) -> Tensor<4> {
    let [n, height, width, channels] = x.dims();
    let split: Tensor<6> = x.reshape([n, height / 2, 2, width / 2, 2, channels]);
    split.permute([0, 1, 3, 4, 2, 5]).reshape([n, height / 2, width / 2, 4 * channels])
}

/// Pixels in rows' order behind a learnt token [C]: N×H×W×C → N×1×(1 + H·W)×C.
fn class_token(x: Tensor<4>, token: Tensor<1>) -> Tensor<4> {
    let [n, height, width, channels] = x.dims();
    let token = token.reshape([1, 1, 1, channels]).expand([n, 1, 1, channels]);
    Tensor::cat(vec![token, x.reshape([n, 1, height * width, channels])], 2)
}
