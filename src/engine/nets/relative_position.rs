//! Position biases of window attention (Liu et al. 2021, section 3.2; 2022, section 3.3), and the tables that
//! torchvision keeps beside the weights.

use super::op::{POSITION_UNITS, Window};

/// Upper bound of Swin V2's learnt factor of cosine similarities.
pub const LARGEST_SCALE: f32 = 100.0;

/// For each pair of tokens of a window, query first, the number of their distance: tokens² values in
/// 0..[`Window::distances`].
#[must_use]
pub fn index(window: &Window) -> Vec<usize> {
    let (size, span) = (window.size, 2 * window.size - 1);
    let token = |t: usize| (t / size, t % size);
    let distance = |query: usize, key: usize| {
        let ((qy, qx), (ky, kx)) = (token(query), token(key));
        (qy + size - 1 - ky) * span + qx + size - 1 - kx
    };
    let tokens = window.tokens();
    (0..tokens * tokens).map(|pair| distance(pair / tokens, pair % tokens)).collect()
}

/// Swin V2's input of the position bias network: for each distance its rows and columns on a logarithmic scale,
/// [distances, 2].
#[must_use]
pub fn coordinates(window: &Window) -> Vec<f32> {
    let (size, span) = (window.size, 2 * window.size - 1);
    let scaled = |at: usize| {
        let relative = (at as f32 - (size - 1) as f32) / (size - 1).max(1) as f32 * 8.0;
        relative.signum() * (relative.abs() + 1.0).log2() / 3.0
    };
    let scaled = |at: usize| if at == size - 1 { 0.0 } else { scaled(at) };
    (0..window.distances()).flat_map(|d| [scaled(d / span), scaled(d % span)]).collect()
}

/// The bias of each pair of tokens: heads × tokens × tokens. `values` gives a tensor of the node by its name.
#[must_use]
pub fn bias<'a>(window: &Window, values: &dyn Fn(&str) -> &'a [f32]) -> Vec<f32> {
    let table = if window.cosine { network(window, values) } else { values("relative_position_bias_table").to_vec() };
    let index = index(window);
    (0..window.heads)
        .flat_map(|head| index.iter().map(move |&d| (d, head)))
        .map(|(d, h)| table[d * window.heads + h])
        .collect()
}

/// Swin V2's position bias network: 16·sigmoid(W₂·relu(W₁·coordinates + b₁)), [distances, heads].
fn network<'a>(window: &Window, values: &dyn Fn(&str) -> &'a [f32]) -> Vec<f32> {
    let (first, bias, second) = (values("cpb_mlp.0.weight"), values("cpb_mlp.0.bias"), values("cpb_mlp.2.weight"));
    let mut table = Vec::with_capacity(window.distances() * window.heads);
    for at in coordinates(window).as_chunks::<2>().0 {
        let unit = |(w, b): (&[f32; 2], &f32)| (w[0] * at[0] + w[1] * at[1] + b).max(0.0);
        let hidden: Vec<f32> = first.as_chunks::<2>().0.iter().zip(bias).map(unit).collect();
        for row in second.chunks_exact(POSITION_UNITS) {
            let sum: f32 = row.iter().zip(&hidden).map(|(w, h)| w * h).sum();
            table.push(16.0 / (1.0 + (-sum).exp()));
        }
    }
    table
}
