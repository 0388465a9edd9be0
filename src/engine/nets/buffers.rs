//! Tensors that PyTorch's modules keep beside the weights: they follow from the architecture, so nothing is read from
//! them, but `load_state_dict(strict=True)` asks for them.

use super::graph::{Graph, Node};
use super::op::Op;
use super::relative_position;

/// A tensor that follows from the architecture.
#[derive(Clone, Debug, PartialEq)]
pub struct Buffer {
    /// PyTorch's key.
    pub key: String,
    /// Its shape; empty for a single number.
    pub shape: Vec<usize>,
    /// Its values, row-major.
    pub values: Values,
}

/// Values of a [`Buffer`].
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// int64.
    Integers(Vec<i64>),
    /// float32.
    Floats(Vec<f32>),
}

/// Last parts of keys that are no weights: counters, tables that follow from the architecture, and what profilers
/// leave behind.
const DERIVED: [&str; 6] = [
    "num_batches_tracked",
    "relative_position_index",
    "relative_coords_table",
    "attn_mask",
    "total_ops",
    "total_params",
];

/// Whether a key's tensor is no weight, in files of PyTorch, torchvision, timm and common profilers.
#[must_use]
pub fn is_derived(key: &str) -> bool {
    key.rsplit('.').next().is_some_and(|last| DERIVED.contains(&last))
}

impl Graph {
    /// All buffers, in order of execution.
    #[must_use]
    pub fn buffers(&self) -> Vec<Buffer> {
        self.nodes().iter().flat_map(Node::buffers).collect()
    }
}

impl Node {
    /// The buffers of this node, as torchvision's modules name and shape them.
    #[must_use]
    pub fn buffers(&self) -> Vec<Buffer> {
        let buffer = |name: &str, shape: Vec<usize>, values| Buffer { key: self.tensor_key(name), shape, values };
        match self.op {
            Op::BatchNorm { .. } => {
                vec![buffer("num_batches_tracked", Vec::new(), Values::Integers(vec![0]))]
            }
            Op::WindowAttention(window) => {
                let index: Vec<i64> = relative_position::index(&window).into_iter().map(|d| d as i64).collect();
                let mut all = vec![buffer("relative_position_index", vec![index.len()], Values::Integers(index))];
                if window.cosine {
                    let span = 2 * window.size - 1;
                    let table = Values::Floats(relative_position::coordinates(&window));
                    all.push(buffer("relative_coords_table", vec![1, span, span, 2], table));
                }
                all
            }
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::op::Window;
    use super::*;

    #[test]
    fn batch_norms_have_counters_and_window_attention_has_tables() {
        let mut graph = Graph::images(4);
        let x = graph.batch_norm(0, 3, "bn1");
        let window = Window { channels: 4, heads: 2, size: 2, shift: [0, 0], cosine: true };
        graph.push_keyed(Op::WindowAttention(window), &[x], "features.1.0.attn");
        let buffers = graph.buffers();
        let of = |at: usize| (buffers[at].key.as_str(), buffers[at].shape.as_slice());
        assert_eq!(of(0), ("bn1.num_batches_tracked", &[][..]));
        assert_eq!(of(1), ("features.1.0.attn.relative_position_index", &[16][..]));
        assert_eq!(of(2), ("features.1.0.attn.relative_coords_table", &[1, 3, 3, 2][..]));
        // Token pairs of a 2×2 window: distance (row + 1)·3 + column + 1.
        let index = vec![4, 3, 1, 0, 5, 4, 2, 1, 7, 6, 4, 3, 8, 7, 5, 4];
        assert_eq!(buffers[1].values, Values::Integers(index));
        assert!(buffers.iter().all(|b| is_derived(&b.key)) && !is_derived("bn1.running_mean"));
    }
}
