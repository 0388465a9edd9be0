//! Weights for fewer classes, or for another input side, than they were trained for.

use super::{WeightTensor, Weights};
use crate::engine::nets::detect::Shapes;
use crate::engine::nets::graph::{Graph, Op};
use crate::engine::nets::positions;

/// Rows of a classifier that can't be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowsError {
    /// None is asked for.
    #[error("no class is to be kept; name at least one output")]
    None,
    /// A row that isn't there.
    #[error("output {row} is to be kept, but the network has outputs 0 to {last}")]
    OutOfRange {
        /// The row.
        row: u32,
        /// The last one.
        last: usize,
    },
    /// A row is named twice.
    #[error("output {row} is to be kept twice; name each output once")]
    Twice {
        /// The row.
        row: u32,
    },
}

impl Weights {
    /// Class pruning, as RDED's code does it: keeps these rows of the classifier's weight and bias, in this order, so that
    /// the network's softmax is over these classes alone.
    ///
    /// # Errors
    /// [`RowsError`] for rows that the classifier lacks or that occur twice.
    pub fn keep_outputs(mut self, graph: &Graph, rows: &[u32]) -> Result<Self, RowsError> {
        let outputs = graph.classes();
        if rows.is_empty() {
            return Err(RowsError::None);
        }
        for (at, &row) in rows.iter().enumerate() {
            if row as usize >= outputs {
                return Err(RowsError::OutOfRange { row, last: outputs.saturating_sub(1) });
            }
            if rows[..at].contains(&row) {
                return Err(RowsError::Twice { row });
            }
        }
        let classifier = graph.classifier();
        for parameter in graph.parameters().into_iter().filter(|p| Some(p.node) == classifier) {
            if let Some(tensor) = self.tensors.get_mut(&parameter.key) {
                tensor.keep_rows(rows);
            }
        }
        Ok(self)
    }

    /// Resamples position embeddings that were trained for another input side than the graph's; tells which.
    pub fn fit_positions(&mut self, graph: &Graph) -> Option<String> {
        let mut note = None;
        for node in graph.nodes() {
            let Some(tensor) = self.tensors.get_mut(&node.key) else { continue };
            let Some((tokens, channels)) = fits(&node.op, &tensor.shape) else { continue };
            let side = (tokens - 1).isqrt();
            if let Some(values) = positions::resample(&tensor.values, channels, 1, side) {
                let from = (tensor.shape[1] - 1).isqrt();
                note = Some(format!("position embeddings resampled from {from}×{from} to {side}×{side} (bicubic)"));
                *tensor = WeightTensor { shape: vec![1, tokens, channels], values };
            }
        }
        note
    }
}

/// Gives position embeddings the shapes that [`Weights::fit_positions`] will bring them to.
pub fn fit_shapes(shapes: &mut Shapes, graph: &Graph) {
    for node in graph.nodes() {
        let Some(shape) = shapes.get_mut(&node.key) else { continue };
        if let Some((tokens, channels)) = fits(&node.op, shape) {
            *shape = vec![1, tokens, channels];
        }
    }
}

/// Tokens and channels of position embeddings which others of this shape can be resampled to: both of a square of
/// tokens and the class's.
fn fits(op: &Op, found: &[usize]) -> Option<(usize, usize)> {
    let (&Op::Positions { tokens, channels }, &[1, trained, width]) = (op, found) else { return None };
    let square = |tokens: usize| tokens.checked_sub(1).is_some_and(|n| n > 0 && n.isqrt().pow(2) == n);
    (trained != tokens && width == channels && square(tokens) && square(trained)).then_some((tokens, channels))
}

impl WeightTensor {
    fn keep_rows(&mut self, rows: &[u32]) {
        let Some(count) = self.shape.first_mut() else { return };
        let length = self.values.len() / (*count).max(1);
        let row = |&r: &u32| self.values[r as usize * length..][..length].iter().copied();
        self.values = rows.iter().flat_map(row).collect();
        *count = rows.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::nets::NetworkSpec;

    #[test]
    fn rows_are_kept_in_the_order_asked_for() {
        let graph = |classes| NetworkSpec { arch: "conv3x2".parse().unwrap(), side: 8, classes }.graph();
        let weights = Weights::by_formula(&graph(5));
        let kept = weights.clone().keep_outputs(&graph(5), &[4, 0]).unwrap();
        assert!(kept.report(&graph(2)).is_complete());
        let (before, after) = (weights.values("classifier.weight"), kept.values("classifier.weight"));
        assert_eq!((&after[..2], &after[2..]), (&before[8..], &before[..2]));
        let bias = weights.values("classifier.bias");
        assert_eq!(kept.values("classifier.bias"), [bias[4], bias[0]]);
        assert_eq!(kept.values("layers.conv.0.weight"), weights.values("layers.conv.0.weight"));
        let refused = |rows: &[u32]| weights.clone().keep_outputs(&graph(5), rows).unwrap_err();
        assert_eq!(refused(&[]), RowsError::None);
        assert_eq!(refused(&[0, 5]), RowsError::OutOfRange { row: 5, last: 4 });
        assert_eq!(refused(&[1, 1]), RowsError::Twice { row: 1 });
    }

    #[test]
    fn position_embeddings_fit_another_side() {
        let graph = |tokens| {
            let mut graph = Graph::images(32);
            graph.push_keyed(Op::Positions { tokens, channels: 2 }, &[0], "pos_embed");
            graph
        };
        let mut weights = Weights::by_formula(&graph(10));
        let trained = weights.clone();
        assert_eq!(weights.fit_positions(&graph(10)), None);
        assert!(weights == trained);
        let note = weights.fit_positions(&graph(17)).unwrap();
        assert!(note.contains("from 3×3 to 4×4"), "{note}");
        assert!(weights.report(&graph(17)).is_complete());
        assert_eq!(weights.values("pos_embed")[..2], trained.values("pos_embed")[..2], "the class token's stays");
    }
}
