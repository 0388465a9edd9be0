//! Self-attention on burn's tensors (Vaswani et al. 2017; Liu et al. 2021 and 2022).

use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor, TensorData};

use crate::engine::nets::graph::Window;
use crate::engine::nets::op::even_scale;

/// What attention needs beside its input.
struct AttentionInputs {
    /// Heads.
    heads: usize,
    /// Factor of the similarities, [heads, 1, 1].
    scales: Tensor<3>,
    /// Whether queries and keys are divided by their lengths.
    cosine: bool,
    /// Window side and shift; none for one window of all pixels.
    windows: Option<(usize, [usize; 2])>,
    /// Added to the similarities, [heads, tokens, tokens].
    bias: Option<Tensor<3>>,
    /// Added to the similarities of pixels that must not see each other, [windows, tokens, tokens]: [`region_mask`].
    mask: Option<Tensor<3>>,
}

/// Over all pixels.
pub(super) fn over_all(x: Tensor<4>, channels: usize, heads: usize) -> Tensor<4> {
    let scales = Tensor::full([heads, 1, 1], even_scale(channels, heads), &x.device());
    attend(x, AttentionInputs { heads, scales, cosine: false, windows: None, bias: None, mask: None })
}

/// Within windows, with the tensors of [`crate::engine::nets::op::Op::folded`] and the mask where the map is rolled.
pub(super) fn in_windows(
    x: Tensor<4>,
    window: &Window,
    (scales, bias, mask): (Tensor<1>, Tensor<1>, Option<Tensor<3>>),
) -> Tensor<4> {
    let (heads, tokens) = (window.heads, window.tokens());
    let inputs = AttentionInputs {
        heads,
        scales: scales.reshape([heads, 1, 1]),
        cosine: window.cosine,
        windows: Some((window.size, window.shift)),
        bias: Some(bias.reshape([heads, tokens, tokens])),
        mask,
    };
    attend(x, inputs)
}

/// Self-attention: N×H×W×3C → N×H×W×C.
fn attend(x: Tensor<4>, inputs: AttentionInputs) -> Tensor<4> {
    let [n, height, width, tripled] = x.dims();
    let channels = tripled / 3;
    let Some((size, shift)) = inputs.windows else {
        let tokens = x.reshape([n, height * width, tripled]);
        return similarities(tokens, inputs).reshape([n, height, width, channels]);
    };
    let roll = |x: Tensor<4>, sign: isize| {
        let shifts = shift.map(|s| sign * s as isize);
        if shift == [0, 0] { x } else { x.roll(&shifts, &[1, 2]) }
    };
    let (down, across) = (height / size, width / size);
    let cut: Tensor<6> = roll(x, -1).reshape([n, down, size, across, size, tripled]);
    let tokens = cut.permute([0, 1, 3, 2, 4, 5]).reshape([n * down * across, size * size, tripled]);
    let y: Tensor<6> = similarities(tokens, inputs).reshape([n, down, across, size, size, channels]);
    roll(y.permute([0, 1, 3, 2, 4, 5]).reshape([n, height, width, channels]), 1)
}

/// softmax(scale·q·kᵀ + bias + mask)·v for tokens B×T×3C, image by image and window by window.
fn similarities(tokens: Tensor<3>, inputs: AttentionInputs) -> Tensor<3> {
    let [batch, count, tripled] = tokens.dims();
    let (heads, channels) = (inputs.heads, tripled / 3);
    let parts: Tensor<5> = tokens.reshape([batch, count, 3, heads, channels / heads]);
    let part = |i: usize| {
        let x = parts.clone().narrow(2, i, 1).reshape([batch, count, heads, channels / heads]);
        x.swap_dims(1, 2)
    };
    let unit = |x: Tensor<4>| {
        let length = x.clone().powi_scalar(2).sum_dim(3).sqrt().clamp_min(1e-12);
        x / length
    };
    let (mut queries, mut keys) = (part(0), part(1));
    if inputs.cosine {
        (queries, keys) = (unit(queries), unit(keys));
    }
    let mut scores = queries.matmul(keys.swap_dims(2, 3)) * inputs.scales.unsqueeze::<4>();
    if let Some(bias) = inputs.bias {
        scores = scores + bias.unsqueeze::<4>();
    }
    if let Some(mask) = inputs.mask {
        let windows = mask.dims()[0];
        let split: Tensor<5> = scores.reshape([batch / windows, windows, heads, count, count]);
        let masked = split + mask.reshape([1, windows, 1, count, count]);
        scores = masked.reshape([batch, heads, count, count]);
    }
    softmax(scores, 3).matmul(part(2)).swap_dims(1, 2).reshape([batch, count, channels])
}

/// 0 where two pixels of a window of a rolled map see each other, else −100: [windows, tokens, tokens].
pub(super) fn region_mask(window: &Window, (height, width): (usize, usize), device: &Device) -> Option<Tensor<3>> {
    if window.shift == [0, 0] {
        return None;
    }
    let (size, tokens) = (window.size, window.tokens());
    let mut values = Vec::with_capacity(height * width * tokens);
    for (top, left) in (0..height / size).flat_map(|y| (0..width / size).map(move |x| (y * size, x * size))) {
        let region = |t: usize| (window.region(0, top + t / size, height), window.region(1, left + t % size, width));
        let regions: Vec<_> = (0..tokens).map(region).collect();
        let apart = |pair: usize| regions[pair / tokens] != regions[pair % tokens];
        values.extend((0..tokens * tokens).map(|pair| if apart(pair) { -100.0_f32 } else { 0.0 }));
    }
    let count = (height / size) * (width / size);
    Some(Tensor::from_data(TensorData::new(values, [count, tokens, tokens]), device))
}
