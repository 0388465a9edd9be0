//! The size of every node's result, and the multiply-adds of one image.

use super::extent::Extent;
use super::graph::Graph;
use super::op::Op;

/// The extents of all nodes; `None` where a node can't work on what it gets, most often because nothing of a small image
/// is left.
#[must_use]
pub fn extents(graph: &Graph) -> Option<Vec<Extent>> {
    let mut all: Vec<Extent> = Vec::with_capacity(graph.nodes().len());
    let mut given = graph.inputs().iter();
    for node in graph.nodes() {
        let inputs: Vec<Extent> = node.inputs.iter().map(|&i| all.get(i).copied()).collect::<Option<_>>()?;
        let extent = match node.op {
            Op::Input => given.next()?.extent,
            op => op.extent(&inputs)?,
        };
        (!extent.is_empty()).then_some(())?;
        all.push(extent);
    }
    Some(all)
}

/// Multiply-adds of one image's forward pass ([`Op::multiply_adds`]); `None` where its side doesn't fit.
#[must_use]
pub fn multiply_adds(graph: &Graph) -> Option<u64> {
    let all = extents(graph)?;
    Some(graph.nodes().iter().zip(&all).map(|(node, &result)| node.op.multiply_adds(result)).sum())
}
