//! The procedural sample dataset.
