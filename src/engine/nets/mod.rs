//! Networks: architectures as data. [`families`] has one file per family with a table of variants and a builder of a
//! [`graph::Graph`]; everything about a network follows from its graph.

pub mod arch;
pub mod buffers;
pub mod detect;
pub mod draw;
pub mod extent;
pub mod families;
pub mod family;
pub mod graph;
pub mod initial;
pub mod op;
pub mod positions;
pub mod relative_position;
pub mod shapes;
pub mod tensors;

pub use arch::{Arch, NetworkSpec, UnknownArch};
pub use family::{Family, Listed, Size};
